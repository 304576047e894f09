"""Who does or says what, as far as particles and word order show it. Pure functions.

A sentence is cut into parts, each with the one who acts in it: «구는 … 설명했고 상인회는 … 반발했다» has two. A claim gives
an act to somebody else if its part is worded like a part of the text that has another agent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from index import Token
from service.wording import meanings, sense

WORDED_ALIKE = 0.5  # of the weight of a part's words, which the other part must hold
ALMOST_AS_MUCH = 0.75  # of that, if held by a part with the same agent, acquits the claim

_NOUNS = ("NN", "NP", "NR", "XSN", "XPN", "SL", "SN", "SH", "XR", "W_")
_TOPICS = frozenset({"은", "는"})
_SUBJECTS = frozenset({"이", "가", "께서"})
_PASSIVE = re.compile(r"되|받|당하|시키")
_COUNT = re.compile(r"(?:\d[\d,.]*|[가-힣])?\s?(?:명|곳|개|사람|인|척|대|팀)(?:들)?$")
_GENERIC = frozenset(
    "회사 업체 기업 기관 단체 팀 구단 당국 측 쪽 은행 학교 대학 연구팀 연구진 재단 공사 공단 협회 조합 재판부 법원 그 그녀 이들 "
    "양측 양쪽 관계자 도서관 병원 의료원 미술관 박물관 본부 연구소 연구원 위원회 의회".split()
)
_COMMON_NOUNS = (
    "회사|업체|기업|노조|노사|정부|경찰|검찰|해경|해군|소방|당국|주민|시민|상인|상인회|승객|학생|교사|학부모|환자|의사|간호사|직원"
    "|노동자|근로자|기사|선원|선장|기장|관제탑|화물선|유족|피해자|가해자|전문가|시민단체|환경단체|단체|국회|법원|재판부|연구팀"
    "|기상청|국토부|교육부|환경부|국토교통부|보건소|도서관|대학|학교|팀|구단|위원회"
)
_COMMON = re.compile(rf".*(?:{_COMMON_NOUNS})")
_AGENT = re.compile(
    r"(?:[가-힣]{2,}(?:시|도|구|군|청|처|원|회|당|은행|전자|그룹|본부|센터|법원|경찰|해경|공사|공단|재단|조합|연구소|구단|노조"
    r"|연합|당국|의회|재판부|위원회|발전|철도|항공|제약|자동차|통신|조선|건설|연구팀|지회|지부|병원|의료원|교육청|소방서|경찰서|보건소)"
    rf"|{_COMMON_NOUNS}|씨|시|도|구|군)$"
)


@dataclass(frozen=True)
class Part:
    """A stretch of a sentence with its agents (several: the text leaves open which of them) and its words."""

    agents: tuple[tuple[str, ...], ...]
    words: Mapping[str, str]  # sense to form
    objects: frozenset[str]
    is_passive: bool = False


def parts(tokens: Sequence[Token], titles: frozenset[str]) -> list[Part]:
    """The parts of a sentence; one before the first agent, or without any, has none."""
    found: list[Part] = []
    start = 0
    marks = [m for m in _agents(tokens, titles)]
    marks = [m for n, m in enumerate(marks) if n == 0 or m.is_topic]
    for n, mark in enumerate(marks):
        if n == 0 and mark.first > 0:
            found.append(_part(tokens[: mark.first], ()))
        end = marks[n + 1].first if n + 1 < len(marks) else len(tokens)
        found.append(_part(tokens[mark.last :], (mark.words,)) if end == len(tokens) else _part(tokens[mark.last : end], (mark.words,)))
        start = end
    return found or [_part(tokens[start:], ())]


@dataclass(frozen=True)
class _Mark:
    words: tuple[str, ...]
    first: int
    last: int
    is_topic: bool


def _agents(tokens: Sequence[Token], titles: frozenset[str]) -> Iterator[_Mark]:
    """Noun phrases that act: persons and organisations with the particle of a subject or topic."""
    for n, token in enumerate(tokens):
        is_topic = token.tag == "JX" and token.form in _TOPICS
        if not is_topic and not (token.tag == "JKS" and token.form in _SUBJECTS):
            continue
        if not is_topic and _is_relative(tokens[n:]):
            continue
        first = n
        while first and (tokens[first - 1].tag.startswith(_NOUNS) or tokens[first - 1].tag in {"SP", "SSO", "SSC"} and tokens[first - 1].form in "·()"):
            first -= 1
        phrase = tokens[first:n]
        if phrase and _acts(phrase, titles):
            yield _Mark(tuple(_words(phrase)), first, n + 1, is_topic)


def _is_relative(tokens: Sequence[Token]) -> bool:
    """Whether the subject before these tokens is that of a clause before a noun: 시가 in «시가 낸 안»."""
    ends = (token.tag for token in tokens if token.tag in {"EC", "EF", "ETM", "ETN"})
    return next(ends, "") == "ETM"


def _words(phrase: Sequence[Token]) -> Iterator[str]:
    """The words of a phrase as they are written, numbers left out."""
    word, end = "", None
    for token in phrase:
        if token.tag.startswith(("S", "XSN", "NNB")) and token.tag not in {"SL", "SH"} and token.form not in {"씨"}:
            continue
        if end is not None and token.start == end:
            word += token.form
        else:
            if word:
                yield word
            word = token.form
        end = token.end
    if word:
        yield word


def _acts(phrase: Sequence[Token], titles: frozenset[str]) -> bool:
    words = list(_words(phrase))
    if not words:
        return False
    head = words[-1]
    return (
        head in titles
        or any(len(head) > len(t) > 1 and head.endswith(t) for t in titles)
        or bool(_AGENT.search(head))
        or phrase[-1].tag == "NNP"
    )


def _part(tokens: Sequence[Token], agents: tuple[tuple[str, ...], ...]) -> Part:
    words, objects = {}, set()
    for n, token in enumerate(tokens):
        tag = token.tag.split("-")[0]
        if tag in {"NNG", "NNP", "XR", "VV", "VA", "SN", "SL", "MAG", "NR"}:
            words[sense(token.form.lower())] = token.form.lower()
            if n + 1 < len(tokens) and tokens[n + 1].tag == "JKO":
                objects.add(sense(token.form.lower()))
    last = [t for t in tokens if t.tag.startswith(("VV", "XSV"))]
    passive = bool(last and (_PASSIVE.fullmatch(last[-1].form) or last[-1].form.endswith(("리", "히", "기", "지"))))
    return Part(agents, words, frozenset(objects), passive)


def misattributed(
    claim: Sequence[Part], given: Sequence[Sequence[Part]], weights: Mapping[str, float]
) -> str | None:
    """An agent of the claim to whom the sentences of ``given`` (in reading order) do not give the act."""
    there = list(_with_inherited(given))
    for part in claim:
        if not part.agents or not there:
            continue
        most, other = max(
            ((_weight(part, o.words.keys(), weights), o) for o in there), key=lambda pair: pair[0]
        )
        acting = {sense(word.lower()) for agent in other.agents for word in agent}
        total = _weight(part, part.words.keys() - acting, weights)
        most = _weight(part, other.words.keys() - acting, weights)
        if not total or most < WORDED_ALIKE * total:
            continue
        own = max(
            (
                _weight(part, o.words.keys() - acting, weights)
                for o in there
                if not o.agents or _any_same(part.agents, o.agents)
            ),
            default=0.0,
        )
        if own < ALMOST_AS_MUCH * most and not _seen_from_the_other_side(part, other):
            return " ".join(part.agents[0])
    return None


def _with_inherited(sentences: Sequence[Sequence[Part]]) -> Iterator[Part]:
    """Parts without an agent have those of the sentence before."""
    before: tuple[tuple[str, ...], ...] = ()
    for sentence in sentences:
        own = tuple(agent for part in sentence for agent in part.agents)
        for part in sentence:
            yield part if part.agents else Part(before + own, part.words, part.objects, part.is_passive)
        before = own or before


def _weight(part: Part, words: Iterable[str], weights: Mapping[str, float]) -> float:
    held = set(words)
    known = {m for w in held for m in meanings(w)}
    return sum(
        weights.get(form, 1.0)
        for its_sense, form in part.words.items()
        if its_sense in held or meanings(form) & known
    )


def _any_same(some: Iterable[Sequence[str]], others: Sequence[Sequence[str]]) -> bool:
    return any(_same(one, other) for one in some for other in others)


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    """해담시 and 시, 위은성 원장 and 위 원장; or a word for any of its kind: 회사."""
    for a, b in ((one, other), (other, one)):
        if a[-1] in b or any(word.endswith(a[-1]) for word in b):
            return len(a) == len(b) == 1 or _first_agree(a, b)
        if len(a) == 1 and a[0] in _GENERIC and _is_name(b):
            return True
    return False


def _is_name(phrase: Sequence[str]) -> bool:
    return len("".join(phrase)) > 2 and phrase[-1] not in _GENERIC and not _COMMON.fullmatch(phrase[-1])


def _first_agree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether what stands before the title may be the same: 위 원장 and 위은성 원장, 원장 alone."""
    if len(one) == 1 or len(other) == 1:
        return True
    a, b = set(one[:-1]), set(other[:-1])
    return any(x.startswith(y) or y.startswith(x) or x.endswith(y) or y.endswith(x) for x in a for y in b)


def _seen_from_the_other_side(part: Part, other: Part) -> bool:
    """Whether one of the two tells it in the passive, the agent being the other's object."""
    agent = {sense(word.lower()) for word in part.agents[0]}
    return bool(agent & other.objects) and part.is_passive != other.is_passive
