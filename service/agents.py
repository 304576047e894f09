"""Who does or says what, as far as particles and word order show it. Pure functions.

A sentence is cut into parts, each with the one who acts in it: «구는 … 설명했고 상인회는 … 반발했다» has two. A claim gives
an act to somebody else if its part is worded like a part of the text that has another agent.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index import Token
from service.wording import meanings, sense

WORDED_ALIKE = 0.5  # the share of a part's words, by weight, that another worded like it holds
ALMOST_AS_MUCH = 0.75  # of that: held by a part with the same agent, it acquits the claim

_NOUNS = ("NN", "NP", "NR", "XSN", "XPN", "SL", "SN", "SH", "XR", "W_")
_TOPICS = frozenset({"은", "는"})
_SUBJECTS = frozenset({"이", "가", "께서"})
_PASSIVES = frozenset({"되", "받", "당하"})
_PASSIVE_ENDINGS = ("리", "히", "기", "지")
# May stand for any name of their kind: 회사 for 동람발전.
_GENERIC = frozenset(
    "회사 업체 기업 기관 단체 팀 구단 당국 측 쪽 은행 학교 대학 연구팀 연구진 재단 공사 공단 협회 조합 재판부 법원 그 그녀 이들 "
    "양측 양쪽 관계자 도서관 병원 의료원 미술관 박물관 본부 연구소 연구원 위원회 의회".split()
)
_QUANTIFIERS = frozenset("일부 대부분 모두 다수 전원 각각 전체 가운데 중".split())
_COMMON_NOUNS = (
    "회사|업체|기업|노조|노사|정부|경찰|검찰|해경|해군|소방|당국|주민|시민|상인|상인회|승객|학생|교사|학부모|환자|의사|간호사|직원"
    "|노동자|근로자|기사|선원|선장|기장|관제탑|화물선|유족|피해자|가해자|전문가|시민단체|환경단체|단체|국회|법원|재판부|연구팀"
    "|기상청|국토부|교육부|환경부|국토교통부|보건소|도서관|대학|학교|팀|구단|위원회"
)
_COMMON = re.compile(rf".*(?:{_COMMON_NOUNS})")
_AGENT = re.compile(
    r"(?:[가-힣]{2,}(?:시|도|구|군|청|처|원|회|당|은행|전자|그룹|본부|센터|법원|경찰|해경|공사|공단|재단|조합|연구소|구단|노조"
    r"|연합|당국|의회|재판부|위원회|발전|철도|항공|제약|자동차|통신|조선|건설|연구팀|지회|지부|병원|의료원|교육청|소방서|경찰서|보건소)"
    rf"|[가-힣]{{2,}}(?:자|원|생|사|객|가|민)|{_COMMON_NOUNS}|씨|시|도|구|군)$"
)


Phrase = tuple[str, ...]
"""A noun phrase: its words as they are written together, the head last. 위은성 원장."""


@dataclass(frozen=True)
class Part:
    """A stretch of a sentence, who may be its agent, and its other words: sense to form."""

    agents: tuple[Phrase, ...]
    words: Mapping[str, str]
    objects: frozenset[str]
    is_passive: bool = False


@dataclass(frozen=True)
class _Mark:
    """An agent's place among the tokens, particle included."""

    phrase: Phrase
    first: int
    end: int
    is_topic: bool


def parts(tokens: Sequence[Token], titles: Container[str]) -> list[Part]:
    """The parts of a sentence. A topic, or the first subject, reaches to the next topic: what it encloses is its own."""
    marks = [m for n, m in enumerate(_agents(tokens, titles)) if n == 0 or m.is_topic]
    if not marks:
        return [_part(tokens, ())]
    found = [_part(tokens[: marks[0].first], ())] if marks[0].first else []
    ends = [mark.first for mark in marks[1:]] + [len(tokens)]
    return found + [
        _part(tokens[mark.end : end], (mark.phrase,)) for mark, end in zip(marks, ends, strict=True)
    ]


def _agents(tokens: Sequence[Token], titles: Container[str]) -> Iterator[_Mark]:
    """Noun phrases that act: persons and organisations with the particle of a topic or subject."""
    for n, token in enumerate(tokens):
        is_topic = token.tag == "JX" and token.form in _TOPICS
        is_subject = token.tag == "JKS" and token.form in _SUBJECTS
        if not is_topic and (not is_subject or _is_relative(tokens[n:])):
            continue
        first = n
        while first and _continues_a_phrase(tokens[first - 1]):
            first -= 1
        phrase = tuple(w for w in _words(tokens[first:n]) if w not in _QUANTIFIERS)
        if phrase and (_acts(phrase[-1], titles) or tokens[n - 1].tag == "NNP"):
            yield _Mark(phrase, first, n + 1, is_topic)


def _continues_a_phrase(token: Token) -> bool:
    return token.tag.startswith(_NOUNS) or token.form in {"·", "(", ")"}


def _is_relative(tokens: Sequence[Token]) -> bool:
    """Whether the subject before these tokens is that of a clause before a noun: 시가 in «시가 낸 안»."""
    ends = (token.tag for token in tokens if token.tag in {"EC", "EF", "ETM", "ETN"})
    return next(ends, "") == "ETM"


def _words(phrase: Sequence[Token]) -> Iterator[str]:
    """The words of a phrase as they are written, numbers and what counts left out."""
    word, end = "", None
    for token in phrase:
        counts = token.tag.startswith(("S", "XSN", "NNB")) and token.tag not in {"SL", "SH"}
        if counts and token.form != "씨":
            continue
        if word and token.start != end:
            yield word
            word = ""
        word, end = word + token.form, token.end
    if word:
        yield word


def _acts(head: str, titles: Container[str]) -> bool:
    has_title = any(head[n:] in titles for n in range(len(head)) if len(head) - n > 1)
    return head in titles or has_title or bool(_AGENT.search(head))


def _part(tokens: Sequence[Token], agents: tuple[Phrase, ...]) -> Part:
    content = [t for t in tokens if t.tag.split("-")[0] in _CONTENT]
    marked = (a for a, b in pairwise(tokens) if b.tag == "JKO" and a.tag.startswith("NN"))
    verbs = [t.form for t in tokens if t.tag.startswith(("VV", "XSV"))]
    passive = bool(verbs) and (verbs[-1] in _PASSIVES or verbs[-1].endswith(_PASSIVE_ENDINGS))
    words = {sense(t.form.lower()): t.form.lower() for t in content}
    return Part(agents, words, frozenset(sense(t.form.lower()) for t in marked), passive)


_CONTENT = frozenset({"NNG", "NNP", "XR", "VV", "VA", "SN", "SL", "MAG", "NR"})


def misattributed(
    claim: Sequence[Part], given: Sequence[Sequence[Part]], weights: Mapping[str, float]
) -> str | None:
    """An agent of the claim to whom the sentences of ``given`` (in reading order) do not give the act."""
    there = list(_with_inherited(given))
    for part in claim:
        if part.agents and there and _is_of_another(part, there, weights):
            return " ".join(part.agents[0])
    return None


def _is_of_another(part: Part, there: Sequence[Part], weights: Mapping[str, float]) -> bool:
    """Whether the part of the text that is worded most like this one has another agent."""
    alike = max(there, key=lambda other: _held(part, part.words, other.words, weights))
    acting = {sense(word.lower()) for agent in alike.agents for word in agent}
    said = part.words.keys() - acting
    total, most = (_held(part, said, words, weights) for words in (part.words, alike.words))
    if not total or most < WORDED_ALIKE * total:
        return False
    if _are_exchanged(part, alike):
        return True
    same = (o.words for o in there if not o.agents or _any_same(part.agents, o.agents))
    own = max((_held(part, said, words, weights) for words in same), default=0.0)
    return own < ALMOST_AS_MUCH * most and not _seen_from_the_other_side(part, alike)


def _with_inherited(sentences: Sequence[Sequence[Part]]) -> Iterator[Part]:
    """Parts without an agent may have any of those before."""
    before: tuple[Phrase, ...] = ()
    for sentence in sentences:
        own = tuple(agent for part in sentence for agent in part.agents)
        for part in sentence:
            yield part if part.agents else replace(part, agents=before + own)
        before += own


def _held(
    part: Part, said: Container[str], given: Iterable[str], weights: Mapping[str, float]
) -> float:
    """The weight of those words of a part, among the ``said`` ones, that ``given`` holds or has a synonym of."""
    senses = set(given)
    groups = {group for word in senses for group in meanings(word)}
    return sum(
        weights.get(form, 1.0)
        for its_sense, form in part.words.items()
        if its_sense in said and (its_sense in senses or meanings(form) & groups)
    )


def _any_same(some: Iterable[Phrase], others: Iterable[Phrase]) -> bool:
    return any(_same(one, other) for one in some for other in others)


def _same(one: Phrase, other: Phrase) -> bool:
    """해담시 and 시, 위은성 원장 and 위 원장; or a word for any of its kind: 회사."""
    for a, b in ((one, other), (other, one)):
        if a[-1] in b or any(word.endswith(a[-1]) for word in b):
            return _first_agree(a, b)
        if len(a) == 1 and a[0] in _GENERIC and _is_name(b):
            return True
    return False


def _is_name(phrase: Phrase) -> bool:
    head = phrase[-1]
    return len("".join(phrase)) > 2 and head not in _GENERIC and not _COMMON.fullmatch(head)


def _first_agree(one: Phrase, other: Phrase) -> bool:
    """Whether what stands before the title may be the same: 위 원장 and 위은성 원장, 원장 alone."""
    if len(one) == 1 or len(other) == 1:
        return True
    pairs = ((x, y) for x in one[:-1] for y in other[:-1])
    return any(
        long.startswith(short) or long.endswith(short) for short, long in map(_by_length, pairs)
    )


def _by_length(pair: tuple[str, str]) -> list[str]:
    return sorted(pair, key=len)


def _are_exchanged(part: Part, other: Part) -> bool:
    """Whether each has for its agent what the other names beside its own."""
    if len(part.agents) != 1 or len(other.agents) != 1 or part.is_passive != other.is_passive:
        return False
    mine, its = (sense(p.agents[0][-1].lower()) for p in (part, other))
    return mine in other.words and its in part.words and mine != its


def _seen_from_the_other_side(part: Part, other: Part) -> bool:
    """Whether one of the two tells it in the passive, the agent being the other's object."""
    agent = {sense(word.lower()) for word in part.agents[0]}
    return bool(agent & other.objects) and part.is_passive != other.is_passive
