"""Whether a question asks for the course of events: by its grammar, not because a word of it occurs.

Four ways to ask: a noun that means a course is what is requested («트램 사업 경과 알려 줘», not «경과보고회는 언제»);
how something has come along, with the auxiliary 오다 in the past («어떻게 돼 왔나»); how it went, or what happened,
in the time up to now («그동안 어떤 과정을 거쳤나», not «그동안 몇 명이»); or a wish to be told by date («날짜별로»).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from index import KoreanAnalyser, Token
from service.korean.lexicon import LEXICON
from service.query.speech_acts import Asks, Segment

_IN_ORDER = LEXICON.expression("{speech.wish_for_order}")
_SPAN = LEXICON.expression("{speech.course_spans}")
_MANNER = frozenset({"어떻", "어떠", "어떻게"})
_MODIFIERS = frozenset({"어떤", "무슨"})
_THINGS = frozenset({"무엇", "뭐", "무어"})
_PAST = frozenset({"었", "았", "였"})
_SUMMARISING = frozenset({"정리", "요약"})
_NEWS = frozenset({"기사", "뉴스", "보도", "소식"})


def asks_for_course(request: str, analyser: KoreanAnalyser, *, beside: str = "") -> bool:
    """Whether a question, within the frame of its request, asks for the course of events.

    ``beside`` was said with it, and may say in which order to tell.
    """
    tokens = analyser.tokens(request)
    if not tokens:
        return False
    if _requests_a_course(tokens) or _IN_ORDER.search(f"{request}\n{beside}"):
        return True
    interrogatives = _interrogatives(tokens)
    if not interrogatives <= _MANNER | _MODIFIERS:
        return False
    if interrogatives & _MANNER and _has_come_along(tokens):
        return True
    return bool(_SPAN.search(request)) and _asks_what_happened(tokens, interrogatives)


def _requests_a_course(tokens: Sequence[Token]) -> bool:
    """Whether the last noun before the frame of the request means a course, or is asked after: «경과는 어떤가»."""
    segment = Segment(tokens)
    named = [t for t in tokens if t.end <= segment.end_of_question and t.tag[0] in "NX"]
    if segment.asks == Asks.NAMES and _is_course(named):
        return True
    places = [n for n in range(len(tokens)) if _is_course(tokens[: n + 1])]
    behind = [t for t in tokens[places[-1] + 1 :] if t.tag[0] not in "JES"] if places else []
    return bool(behind) and all(t.form in _MANNER | _THINGS | {"되", "이"} for t in behind)


def _is_course(tokens: Sequence[Token]) -> bool:
    """Whether the last noun means a course; the analyser cuts some in two."""
    nouns = [t.form if t.tag.startswith("NN") else " " for t in tokens[-2:]]
    courses = LEXICON["speech.course_nouns"]
    return bool(nouns) and (nouns[-1] in courses or "".join(nouns) in courses)


def _interrogatives(tokens: Sequence[Token]) -> set[str]:
    return {
        t.form for t in tokens if t.form in LEXICON["speech.interrogatives"] and t.tag[0] in "NMV"
    }


def _has_come_along(tokens: Sequence[Token]) -> bool:
    pairs = pairwise(tokens)
    return any(t.form == "오" and t.tag == "VX" and after.form in _PAST for t, after in pairs)


def _asks_what_happened(tokens: Sequence[Token], interrogatives: set[str]) -> bool:
    """How something went, what happened, or, without an interrogative, a summary that is not one of the news."""
    if interrogatives & _MANNER:
        return any(t.tag == "EP" and t.form in _PAST for t in tokens)
    if interrogatives:
        pairs = pairwise(tokens)
        happenings = LEXICON["speech.course_happenings"]
        return any(t.form in _MODIFIERS and after.form in happenings for t, after in pairs)
    forms = {t.form for t in tokens}
    return bool(forms & _SUMMARISING) and not forms & _NEWS
