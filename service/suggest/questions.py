"""Questions made from the sentences of an article, each with the words that answer it.

The words that are asked for make room for an interrogative: ``착공은 2026년 9월 시작됐다`` becomes ``착공은 언제
시작됐나요?``. There are few patterns and each is strict, since a question that reads oddly is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from index import Article, ArticleHeader, KoreanAnalyser, mentions
from service.korean.lexicon import LEXICON, TITLE
from service.suggest.clauses import Clause, Piece, attributive, clauses
from service.suggest.patterns import Asked, Kind, asked_of, leans


@dataclass(frozen=True)
class Draft:
    """A question made from an article that was not asked yet; ``answer`` are the words of the article."""

    question: str
    kind: Kind
    answer: str
    article: ArticleHeader


def drafts(article: Article, analyser: KoreanAnalyser) -> list[Draft]:
    """The questions that an article's sentences give, in reading order, each text once."""
    found: dict[str, Draft] = {}
    title = frozenset(analyser.morphemes(article.title))
    for text in _sentences(article, analyser):
        for kind, question, answer in _asked_of(text, article.published_on, title, analyser):
            found.setdefault(question, Draft(question, kind, answer, article.header))
    return list(found.values())


def _sentences(article: Article, analyser: KoreanAnalyser) -> Iterator[str]:
    """The sentences without what stands in brackets; ``시는`` as the one town that was named before."""
    towns: set[str] = set()
    for sentence in analyser.sentences(article.body):
        text = _BRACKETS.sub("", article.body[sentence.start : sentence.end])
        text = " ".join(text.split())
        if (short := _TOWN_AGAIN.match(text)) and short["town"]:
            full = [town for town in towns if town.endswith(short["town"])]
            text = full[0] + text[short.end("town") :] if len(full) == 1 else text
        towns.update(found["town"] for found in _TOWN.finditer(text))
        yield text


_BRACKETS = re.compile(r"\s?\([^()]*\)")
_TOWN = re.compile(r"(?<![가-힣])(?P<town>[가-힣]{2,4}[시군구도])(?=[은는이가의에와과]\s|\s)")
_TOWN_AGAIN = re.compile(r"(?P<town>[시군구도])(?=[은는]\s)")


def _asked_of(
    sentence: str, day: date | None, title: frozenset[str], analyser: KoreanAnalyser
) -> Iterator[Asked]:
    if _SPEECH.search(sentence):
        yield from _who(sentence, day, title, analyser)
        return
    yield from _what(sentence, day, title, analyser)
    for clause in clauses(sentence, analyser):
        if _is_anchored(clause, title):
            yield from asked_of(clause, day)


_SPEECH = re.compile(r"[“”\"]")


def _is_anchored(clause: Clause, title: frozenset[str]) -> bool:
    """Whether a clause tells what it is about by itself: its subject by a name, or as the article's title does."""
    subject, rest = clause.subject_pieces, clause.pieces[len(clause.subject_pieces) :]
    if any(leans(piece) for piece in subject):
        return False
    nouns = [p for p in subject if p.tag.startswith(("NN", "SL"))]
    if len("".join(p.form for p in nouns)) < 3:
        return False
    shared = title.intersection(p.form for p in nouns)
    return bool(_names(nouns) or len(shared) > 2 or (shared and _names(rest)))


def _names(pieces: Sequence[Piece]) -> list[Piece]:
    return [p for p in pieces if p.tag in {"NNP", "SL"} and len(p.form) > 1]


def _what(
    sentence: str, day: date | None, title: frozenset[str], analyser: KoreanAnalyser
) -> Iterator[Asked]:
    """``횟수 제한 없이 타는 정기권 ‘이음패스’``: ``횟수 제한 없이 타는 정기권의 이름은 무엇인가요?``"""
    for named in _NAMED.finditer(sentence):
        pieces = [Piece(t.form, t.tag, t.start, t.end) for t in analyser.tokens(sentence)]
        before = [p for p in pieces if p.end <= named.start()]
        first = len(before)
        while first and before[first - 1].tag in {"NNG", "XSN"}:
            first -= 1
        if first in {0, len(before)} or before[first - 1].tag != "ETM":
            continue
        begin = max((n + 1 for n, p in enumerate(before[:first]) if p.tag in _ENDS), default=0)
        told = sentence[before[begin].start : before[-1].end]
        shared = title.intersection(p.form for p in before[begin:])
        if any(map(leans, before[begin:])) or not (shared or _names(before[begin:])):
            continue
        if 12 <= len(told) <= 50 and not [m for m in mentions(told, day) if not m.minutes]:
            yield "what", f"{told}의 이름은 무엇인가요?", named["name"]


_NAMED = re.compile(r"\s[‘'](?P<name>[^‘’']{2,16})[’']")
_ENDS = {"EC", "SP", "JX", "SF", "SSC"}


def _who(
    sentence: str, day: date | None, title: frozenset[str], analyser: KoreanAnalyser
) -> Iterator[Asked]:
    """``나루미 부시장은 “…”며 착공을 늦춘다고 밝혔다``: ``착공을 늦춘다고 밝힌 사람은 누구인가요?``"""
    found = _SAID.match(sentence)
    if not found:
        return
    told, person = found["told"].strip(), found["who"]
    named = analyser.tokens(person)
    behind = max((t.end for t in named if t.tag in {"ETM", "EC", "JX", "JKB"}), default=0)
    person = person[behind:].strip()  # 현장을 찾은 도해윤 부시장
    if not _PERSON.search(person) or " " not in person:
        return
    pieces = [Piece(t.form, t.tag, t.start, t.end) for t in analyser.tokens(told)]
    shared = title.intersection(p.form for p in pieces)
    if any(leans(p) for p in pieces) or not (shared or _names(pieces)):
        return
    if [m for m in mentions(told, day) if not m.minutes] or not 12 <= len(told) <= 70:
        return
    verb = attributive(found["verb"], analyser)
    if verb:
        yield "who", f"{told} {verb} 사람은 누구인가요?", person


_SAID = re.compile(
    r"^(?P<who>(?:[가-힣A-Za-z·()]+\s){1,4}?[가-힣]+)(?:은|는)\s(?:[^“”\"]*[“\"][^“”\"]+[”\"](?:이라)?(?:며|면서)\s)?"
    r"(?P<told>(?:[“\"][^“”\"]+[”\"]라?고|[^“”\"]+고))\s(?P<verb>[가-힣]{1,4})다\.?$"
)
_PERSON = LEXICON.expression(rf"{TITLE}$")
