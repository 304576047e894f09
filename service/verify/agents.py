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
from service.korean.lexicon import LEXICON, is_title
from service.korean.wording import meanings, sense

WORDED_ALIKE = 0.5  # the share of a part's words, by weight, that another worded like it holds
ALMOST_AS_MUCH = 0.75  # of that: held by a part with the same agent, it acquits the claim

_NOUNS = ("NN", "NP", "NR", "XSN", "XPN", "SL", "SN", "SH", "XR", "W_")
_TOPICS = frozenset({"은", "는"})
_SUBJECTS = frozenset({"이", "가", "께서"})
_PASSIVES = frozenset({"되", "받", "당하"})
_PASSIVE_ENDINGS = ("리", "히", "기", "지")
_ACTIVES = frozenset(
    "밝히 던지 넘기 남기 넓히 숨기 옮기 맡기 지키 시키 알리 늘리 올리 내리 돌리 살리 기다리 누리 버리 달리 즐기 여기 이기 "
    "매기 챙기 당기 섬기 가리키 일으키 익히 굳히 앉히 입히 묻히 좁히 괴롭히 가지 만지 느리 가리 거리 때리 벌리 불리 울리 "
    "놀리 말리 굴리 흘리 날리 빌리 저지 다지 지 지리 꺼리 그리 뿌리 차리 부리 물리치 건지 빠지 퍼지 번지 떨어지 사라지 "
    "무너지 쓰러지 넘어지 헤어지 멀어지 벌어지 어우러지 나가떨어지 쏟아지 뒤지 미치".split()
)
# May stand for any name of their kind: 회사 for 동람발전.
_GENERIC = frozenset(
    "회사 업체 기업 기관 단체 팀 구단 당국 측 쪽 은행 학교 대학 연구팀 연구진 재단 공사 공단 협회 조합 재판부 법원 그 그녀 이들 "
    "양측 양쪽 관계자 도서관 병원 의료원 미술관 박물관 본부 연구소 연구원 위원회 의회".split()
)
_DETERMINERS = frozenset(
    "이 그 저 한 두 세 네 새 각 첫 온 모든 다른 여러 어떤 어느 이런 그런 저런 다섯 여섯 열 수 몇".split()
)
_QUANTIFIERS = frozenset("일부 대부분 모두 다수 전원 각각 전체 가운데 중".split())
_COMMON_NOUNS = (
    "회사|업체|기업|노조|노사|정부|경찰|검찰|해경|해군|소방|당국|주민|시민|상인|상인회|승객|학생|교사|학부모|환자|의사|간호사|직원"
    "|노동자|근로자|기사|선원|선장|기장|관제탑|화물선|유족|피해자|가해자|전문가|시민단체|환경단체|단체|국회|법원|재판부|연구팀"
    "|기상청|국토부|교육부|환경부|국토교통부|보건소|도서관|대학|학교|팀|구단|위원회"
)
_COMMON = re.compile(rf".*(?:{_COMMON_NOUNS})")
_AGENT = LEXICON.expression(
    r"(?:[가-힣]{2,}{names.organisation_endings}"
    r"|[가-힣]{2,}(?:(?<![투적흑숫문의상])자|(?<![지차자공복재])원|(?<![발인재위회민상])생|(?<![조행검수심역감인청개])사"
    r"|객|(?<![평물증추휴국원단주고대시유허여참])가|민)"
    rf"|[가-힣]{{2,}}(?<!결|효|성|경)과|{_COMMON_NOUNS}|[12]심|항소심|상고심|원심|^(?:씨|시|도|구|군))$"
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


def parts(tokens: Sequence[Token]) -> list[Part]:
    """The parts of a sentence. A topic, or a subject that begins a clause, reaches to the next one: what it encloses is its own."""
    marks = list(_agents(tokens))
    chosen = [
        mark
        for n, mark in enumerate(marks)
        if n == 0 or mark.is_topic or tokens[mark.first - 1].tag == "SP"
    ]
    if not chosen:
        return [_part(tokens, ())]
    found = [_part(tokens[: chosen[0].first], ())] if chosen[0].first else []
    ends = [mark.first for mark in chosen[1:]] + [len(tokens)]
    for mark, end in zip(chosen, ends, strict=True):
        # 선원은 화물선이 구조했다: what is said first may be the object.
        beside = [other for other in marks if other.first == mark.end and not other.is_topic]
        agents = tuple(m.phrase for m in (mark, *beside))
        found.append(_part(tokens[beside[0].end if beside else mark.end : end], agents))
    return found


def _agents(tokens: Sequence[Token]) -> Iterator[_Mark]:
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
        if phrase and (_acts(phrase) or tokens[n - 1].tag == "NNP"):
            yield _Mark(phrase, first, n + 1, is_topic)


def _continues_a_phrase(token: Token) -> bool:
    if token.tag == "MM":  # 전 원내대표, and family names: 모 위원
        return token.form not in _DETERMINERS
    return token.tag.startswith(_NOUNS) or token.form in {"·", "(", ")"}


def _is_relative(tokens: Sequence[Token]) -> bool:
    """Whether the subject before these tokens is that of a clause before a noun: 시가 in «시가 낸 안»."""
    ends = (t.tag for t in tokens[1:] if t.tag in {"EC", "EF", "ETM", "ETN", "JKS"})
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


def _acts(phrase: Phrase) -> bool:
    """환경단체 숲지기 acts as its kind does."""
    return _is_actor(phrase[-1]) or bool(_COMMON.fullmatch("".join(phrase[-2:-1])))


def _is_actor(head: str) -> bool:
    has_title = any(is_title(head[n:]) for n in range(len(head)) if len(head) - n > 1)
    return is_title(head) or has_title or bool(_AGENT.search(head))


def _part(tokens: Sequence[Token], agents: tuple[Phrase, ...]) -> Part:
    content = [t for t in tokens if t.tag.split("-")[0] in _CONTENT]
    uncounted = [t for t in tokens if not t.tag.startswith(("SN", "NNB"))]
    marked = (a for a, b in pairwise(uncounted) if b.tag == "JKO" and a.tag.startswith("NN"))
    verbs = [t.form for t in tokens if t.tag.startswith(("VV", "XSV"))]
    passive = bool(verbs) and is_passive(verbs[-1])
    words = {sense(t.form.lower()): t.form.lower() for t in content}
    return Part(agents, words, frozenset(sense(t.form.lower()) for t in marked), passive)


_CONTENT = frozenset({"NNG", "NNP", "XR", "VV", "VA", "SN", "SL", "MAG", "NR"})


def is_passive(verb: str) -> bool:
    """Whether a verb, or the suffix that makes one of a noun, looks like a passive."""
    return verb in _PASSIVES or (verb.endswith(_PASSIVE_ENDINGS) and verb not in _ACTIVES)


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
            agents = tuple(_named(agent, before) for agent in part.agents)
            yield replace(part, agents=agents or before + own)
        before += own


def _named(agent: Phrase, before: Sequence[Phrase]) -> Phrase:
    """Whom a word for any of a kind stands for: 회사 for the first that was named."""
    if len(agent) == 1 and agent[0] in _GENERIC:
        return next((other for other in before if _is_name(other)), agent)
    return agent


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
        if sense(a[-1]) == sense(b[-1]) or a[-1] in b or any(word.endswith(a[-1]) for word in b):
            return _first_agree(a, b)
        if len(a) == 1 and a[0] in _GENERIC and _is_name(b):
            return True
    if len(one) > 1 and len(other) > 1 and is_title(one[-1]) and is_title(other[-1]):
        return _first_agree(one, other)  # 도 지휘자 and 도 씨
    return False


def _is_name(phrase: Phrase) -> bool:
    head = phrase[-1]
    is_person = any(is_title(head[n:]) for n in range(len(head)))
    is_kind = head in _GENERIC or bool(_COMMON.fullmatch(head))
    return len("".join(phrase)) > 2 and not is_person and not is_kind


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
    acted_upon = agent & other.objects or (part.is_passive and agent & other.words.keys())
    return bool(acted_upon) and part.is_passive != other.is_passive
