"""How a question is put, set apart from what it asks.

People greet, thank, introduce themselves, say what they need it for, ask for a table, and somewhere among
all this they ask. The message is cut into segments where sentences, labels and prefatory clauses end; each
is judged by what Korean grammar shows of its speech act (Searle, 1969): interrogative words, endings,
requests, who its subject is. Those that ask best are the *core*; the rest is *context*: it may help to find
an article, and what the articles don't say of it counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from index import Expression, KoreanAnalyser, Token
from service.korean.lexicon import LEXICON
from service.query.speech_acts import Asks, Segment

Wish = Literal["table", "list", "brief", "language"]


@dataclass(frozen=True)
class Utterance:
    """``core`` asks; ``context`` was said beside it, if anything was; ``wishes`` are for the answer's form.

    ``request`` is the core within the frame of its request: «지난주 나온 트램 기사 찾아줘».
    """

    core: str
    context: str = ""
    wishes: frozenset[Wish] = frozenset()
    request: str = ""


def read(text: str, analyser: KoreanAnalyser) -> Utterance:
    """The utterance taken apart. A text in which nothing asks is its own core."""
    segments = _segments_of(text, analyser)
    best = max((segment.asks for segment in segments), default=Asks.NOTHING)
    if best <= Asks.STATES:
        return Utterance(text, wishes=_wishes(text), request=text)
    core, aside, whole = [], [], []
    for segment in segments:
        if segment.asks != best:
            aside.append(text[segment.start : segment.end])
            continue
        end = segment.end_of_question
        whole.append(text[segment.start : segment.end])
        core.append(text[segment.start : end])
        aside.append(text[end : segment.end])
    context = " ".join(part.strip() for part in aside if re.search(r"\w", part))
    request = " ".join(map(str.strip, whole))
    return Utterance(" ".join(map(str.strip, core)), context, _wishes(context or text), request)


def asks_something(text: str, analyser: KoreanAnalyser) -> bool:
    """Whether a message among colleagues asks: not thanks, assent, remarks, promises, or a word to somebody by name.

    What it only quotes, whole lines of it, asks nothing.
    """
    own = _QUOTED_LINE.sub(lambda m: " " * len(m[0]), text)
    if _calls_somebody(analyser.tokens(own)):
        return False
    return any(segment.expects_reply for segment in _segments_of(own, analyser))


_QUOTED_LINE = re.compile(
    r"^[ \t]*(?:>.*|[“\"‘'「『][^“”\"‘’'「」『』\n]*[”\"’'」』][ \t]*)$", re.MULTILINE
)


def asks(text: str, analyser: KoreanAnalyser) -> Asks:
    """How surely a text asks something of the archive."""
    return max((segment.asks for segment in _segments_of(text, analyser)), default=Asks.NOTHING)


def is_small_talk(text: str, analyser: KoreanAnalyser) -> bool:
    """Whether a text neither asks after anything nor names anything: a greeting, thanks."""
    return not any(segment.names_something for segment in _segments_of(text, analyser))


def is_about_conversation(text: str, analyser: KoreanAnalyser) -> bool:
    """Whether a text is about nothing but the conversation it stands in: «이 대화의 제목을 지어 줘»."""
    tokens = [token for segment in _segments_of(text, analyser) for token in segment.tokens]
    named = {token.form for token in tokens if token.tag in {"NNG", "NNP", "SL", "SH"}}
    conversation = LEXICON["speech.conversation"].words
    about = conversation.union(
        LEXICON["speech.conversation_tasks"].words,
        LEXICON["speech.about_asking"].words,
        LEXICON["speech.interrogatives"].words,
    )
    return named <= about and not named.isdisjoint(conversation)


def _segments_of(text: str, analyser: KoreanAnalyser) -> list[Segment]:
    heard = _ASIDE.sub(lambda m: " " * len(m[0]), text)
    return _segments(text, analyser.tokens(heard))


_ASIDE = re.compile(
    r"(?<!\S)(?:[Cc]{2}:?\s+)?[@/][A-Za-z가-힣][\w.-]*(?![\w/])"  # @기사봇, cc @자료팀, /ask
    r"|^\s*(?:[A-Za-z][.):]|\[[^\]\n]{1,12}\]|【[^】\n]{1,12}】)(?=\s)"  # Q. and [문의]
    r"|^\s*[A-Za-z][A-Za-z ,'-]*[.!:](?=\s+\S*[가-힣])"  # Please answer in English.
    r"|(?<=[?.!])\s*[A-Za-z][A-Za-z ,'-]*[.!]?\s*$"
)
"""Whom a message is for, labels, and a sentence in another script beside a Korean question."""


# -- segments --------------------------------------------------------------------------------------

_EMBEDDED_ENDING = LEXICON.expression("{speech.embedded_endings}")
_PREFATORY_ENDING = LEXICON.expression("{speech.prefatory_endings}")
_POLITE_CONNECTIVE = re.compile(r".+요")  # 는데요, 어서요, 거든요: spoken, they end a sentence
_SIGNS = re.compile(r"[:：/|→⇒>—–=-]+")
_QUOTES = re.compile(r"[\"“”‘’'「」『』«»]")


def _segments(text: str, tokens: Sequence[Token]) -> list[Segment]:
    """The utterance at its borders, with a quotation that asks something as a segment of its own."""
    runs: list[list[Token]] = [[]]
    ended = False
    for n, token in enumerate(tokens):
        if ended and not _closes(token):
            runs.append([])
            ended = False
        elif n and "\n" in text[tokens[n - 1].end : token.start]:
            runs.append([])
        if token.tag in {"W_EMOJI", "W_MENTION", "SB"} or _is_sign(text, token):
            runs.append([])
            continue
        runs[-1].append(token)
        is_polite = token.form == "요" and token.tag == "MM" and _adjoins(tokens, n)
        ended = (
            ended
            or is_polite
            or token.tag in {"EF", "SF"}
            or _ends_clause(runs[-1], tokens[n + 1 :])
        )
    found = [run for run in _quoted(map(_without_calls, runs)) if run]
    following = [*found, []][1:]
    return [
        Segment(run, is_unsure=_is_doubt(after))
        for run, after in zip(found, following, strict=True)
    ]


def _adjoins(tokens: Sequence[Token], n: int) -> bool:
    """Whether a morpheme stands next to the one before it, as in 링크 좀요, which the analyser reads as 요 며칠."""
    return n > 0 and tokens[n - 1].end == tokens[n].start


def _is_doubt(run: Sequence[Token]) -> bool:
    """모르겠는데, 기억이 안 나는데: a clause that goes on."""
    doubts = any(t.form in {"모르", "기억"} for t in run[:2])
    return doubts and any(t.tag == "EC" for t in run[-3:])


def _closes(token: Token) -> bool:
    """What still belongs to what an ending has closed: 요, marks, quotation marks that close."""
    return token.tag.startswith(("SF", "SP", "SE", "SSC")) or (
        token.tag == "JX" and token.form in {"요", "용", "욤"}
    )


def _is_sign(text: str, token: Token) -> bool:
    """A sign between words that separates a label, not one within a word or number: 1/4, 3:2, A-B."""
    if not token.tag.startswith("S") or not _SIGNS.fullmatch(token.form):
        return False
    before, after = text[token.start - 1 : token.start], text[token.end : token.end + 1]
    return not (before.strip() and after.strip())


def _ends_clause(run: Sequence[Token], rest: Sequence[Token]) -> bool:
    """Whether a prefatory clause, or a question within a sentence, ends with the run's last token."""
    last = run[-1]
    if last.form == "만" and last.tag == "JX" and len(run) > 1 and run[-2].tag in {"EC", "EF"}:
        return not Segment(run).has_other_subject  # 같습니다만
    if last.form == "데" and last.tag == "NNB":  # as the analyser often reads 그러는데, 궁금한데
        is_connective = len(run) > 1 and run[-2].tag in {"ETM", "MM"} and run[-2].end == last.start
        return (
            is_connective
            and bool(rest)
            and rest[0].tag[0] != "J"
            and (_is_pro_verb(run[-3:-1]) or not Segment(run).has_other_subject)
        )
    if last.tag == "MAJ":  # 내기해서 그런데 …
        return len(run) > 1 and run[-2].tag == "EC"
    if last.tag != "EC" or not rest or rest[0].tag.startswith("VX"):
        return False
    if _POLITE_CONNECTIVE.fullmatch(last.form) or (rest[0].form == "요" and rest[0].tag == "JX"):
        return True
    if len(run) > 1 and run[-2].tag == "VCN":  # 다름이 아니라
        return True
    segment = Segment(run)
    if rest[0].form == "만" and rest[0].tag == "JX":
        return False
    if _EMBEDDED_ENDING.fullmatch(last.form):
        return segment.asks >= Asks.WHICH
    if _PREFATORY_ENDING.fullmatch(last.form):
        return _is_pro_verb(run[-2:-1]) or not segment.has_other_subject
    return False


def _is_pro_verb(tokens: Sequence[Token]) -> bool:
    """그러는데, 그런데: it stands for asking."""
    return any(token.form in {"그러", "그렇", "그런"} for token in tokens)


def _without_calls(run: list[Token]) -> list[Token]:
    """The run without whom it calls: AI님, 챗봇아, 님들, 야."""
    return run[_end_of_call(run) :]


def _end_of_call(run: Sequence[Token]) -> int:
    place = 0
    for n, token in enumerate(run[:3]):
        following = run[n + 1].tag if n + 1 < len(run) else ""
        calls = token.tag in {"JKV", "IC"} or (n > 0 and token.tag == "XSN" and token.form == "님")
        comma = n + 1 < len(run) and run[n + 1].tag == "SP"
        calls = calls or (comma and token.form in LEXICON["speech.about_asking"])
        calls = calls or (token.form == "들" and n > 0 and run[n - 1].form == "님")
        if calls and not following.startswith(("J", "X", "VCP")):
            place = n + 2 if comma else n + 1
    return place


def _calls_somebody(tokens: Sequence[Token]) -> bool:
    """민수야, 지은님: a colleague by name, not the bot."""
    called = tokens[: _end_of_call(tokens)]
    return any(
        t.tag in {"NNP", "NNG"} and t.form not in LEXICON["speech.about_asking"] for t in called
    )


def _quoted(runs: Iterable[list[Token]]) -> list[list[Token]]:
    found: list[list[Token]] = []
    for run in runs:
        marks = [n for n, t in enumerate(run) if t.tag.startswith("SS") and _QUOTES.match(t.form)]
        if len(marks) >= 2 and marks[-1] - marks[0] > max(2, len(run) / 2):
            first, last = marks[0], marks[-1]
            if Segment(run[first + 1 : last]).asks >= Asks.WHETHER:
                found += [run[:first], run[first + 1 : last], run[last + 1 :]]
                continue
        found.append(run)
    return found


# -- wishes ----------------------------------------------------------------------------------------

_WISHES: Mapping[Wish, Expression] = {
    "table": LEXICON.expression("{speech.wish_for_table}"),
    "list": LEXICON.expression("{speech.wish_for_list}"),
    "brief": LEXICON.expression("{speech.wish_for_brevity}"),
    "language": LEXICON.expression("{speech.wish_for_language}"),
}


def _wishes(text: str) -> frozenset[Wish]:
    return frozenset(wish for wish, pattern in _WISHES.items() if pattern.search(text))
