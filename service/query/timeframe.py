"""Korean time expressions in a question -> the days on which its articles appeared.

The grammar of dates is ``index.dates``; ``dateparser`` reads few Korean expressions, and
``korean-datetime`` 1.0.0 reads schedules: right in 238 of the 380 lines of ``tests/timeframe_table.py``,
with days for 114 that should have others or none. Here stands what makes a date a limit of what is asked.

A recurring unit by itself is the latest that has begun; ``지난`` makes it the latest that is over, ``올`` and
``이번`` the one of this year or week. ``이후`` and ``이전`` include their base (표준국어대사전), ``전에`` does not.

No filter are: the future (its articles appeared earlier); durations (``3년간``); what is compared
with (``작년보다``) or moved to (``7월로``); names (``3·1운동``, ``2026 월드컵``, ``2026년 지방선거``, ``6월 모의평가``,
``2026학년도``, and ``올해의 …``, ``4월의 …``, nearly always prizes and titles); events (``취임 이후``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from re import Match
from typing import NamedTuple

from index import SEOUL, Days, Mention, Policy, mentions
from service.korean.lexicon import LEXICON
from service.schema import TimeRange

_AND = re.compile(r"\s?(?:과|와|이랑|랑|하고|및|·)\s?|(?<=\d),\s?")
_ENDING = re.compile(
    r"\s?(?:(?P<since>부터|이후|이래)|(?P<until>까지|이전)|(?P<before>전)(?=에|까지))"
)
_UP_TO = re.compile(r"(?:\s?까지)?")
_COMPARED_OR_MOVED_TO = re.compile(
    r"보다|\s?대비|에\s?비[해하]|[과와]\s?비교|\s?같은\s?(?:기간|달|분기)|\s?동기|으?로(?![가-힣])"
)
_OF_A_TITLE = re.compile(r"(?<![\w.,/·~+-])(?:올해|이달|\d{1,2}월)의(?:\s\S+)?")
# What recurs is named by its year or month, and is in the papers long before and after:
# 2026년 지방선거, 2024년 파리 올림픽, 6월 모의평가. (작년 총선 is none: only the days tell which.)
_WORD_OF_A_NAME = r"(?!\S*(?:에서|[은는이가을를에와과의로])\s)[^\s?!,.]{1,10}\s"
_NAME = LEXICON.expression(
    rf"\s?(?:{_WORD_OF_A_NAME}){{0,2}}[^\s?!,.]{{0,8}}?{{time.recurring_names}}"
)
_YEAR_OR_MONTH = re.compile(r"(?:지난\s?)?(?:['’‘]?\d{2,4}\s?년도?|\d{1,2}\s?월)")
_PLANNED = LEXICON.expression(r"(?:(?<=\d년)|(?<=\d년도))\s?{time.yearly_plans}")


class _Reading(NamedTuple):
    """``text[start:end]`` names ``days``, and asks for articles from ``since`` to ``until``."""

    start: int
    end: int
    days: Days | None
    since: date | None
    until: date | None

    @property
    def length(self) -> timedelta:
        return self.days.last - self.days.first if self.days else timedelta.max


def resolve(question: str, *, now: datetime) -> TimeRange | None:
    """The days that the question limits its articles to, or None.

    ``now`` is an aware clock (ValueError if not); days are those of Seoul. Of several expressions
    the one that names the fewest days counts, of equals the first. The range is the calendar's own:
    reports follow a day or, for statistics, weeks later. ``expression`` is a substring of the
    question (in NFC).
    """
    if now.tzinfo is None:
        raise ValueError("the clock for time expressions needs a time zone")
    text, today = unicodedata.normalize("NFC", question), now.astimezone(SEOUL).date()
    readings = list(_readings(text, today))
    anchors = _anchors(text, readings)
    filters = [reading for reading in readings if _is_filter(reading, text, today, anchors)]
    if not filters:
        return None
    best = min(filters, key=lambda reading: reading.length)
    return TimeRange(start=best.since, end=best.until, expression=text[best.start : best.end])


def unresolved_anchor(question: str) -> str | None:
    """The event that limits the time asked for (``지난 대선 이후``), whose date is not known."""
    text = unicodedata.normalize("NFC", question)
    anywhen = date(2000, 1, 1)  # where expressions lie in the text does not depend on the clock
    anchors = _anchors(text, list(_readings(text, anywhen)))
    return anchors[0][0] if anchors else None


_RECENT = re.compile(r"최근|요즘|요새|요사이|근래|최신|지금|현재|방금")


def asks_for_recent(question: str) -> bool:
    """Whether fresh news is wanted without a period: ``요즘``, ``최근``, ``현재``."""
    text = unicodedata.normalize("NFC", question)
    dated = {mention.start for mention in mentions(text, None)}  # 최근 3개월
    return any(match.start() not in dated for match in _RECENT.finditer(text))


# --- what a question names -------------------------------------------------------------------


def _readings(text: str, today: date) -> Iterator[_Reading]:
    """Every time expression of a text, in order, whether it is a filter or not."""
    titles = [match.span() for match in _OF_A_TITLE.finditer(text)]
    found = [
        mention
        for mention in mentions(text, today, Policy.PAST)
        if mention.grain != "time" and not any(a <= mention.start < b for a, b in titles)
    ]
    while found:
        count = _enumerated(text, found)
        yield _reading(text, found[:count])
        del found[:count]


def _enumerated(text: str, found: Sequence[Mention]) -> int:
    """How many mentions from the first on are said in one breath: 수요일과 목요일."""
    count = 1
    while count < len(found) and found[count].readings and found[count - 1].readings:
        if not _AND.fullmatch(text, found[count - 1].end, found[count].start):
            break
        count += 1
    return count


def _reading(text: str, said: Sequence[Mention]) -> _Reading:
    """One reading of mentions said in one breath: from the first day to the last, or with an ending."""
    start, end = said[0].start, said[-1].end
    spans = [days for mention in said for days in mention.readings]
    if spans and (len(said) > 1 or said[0].ends):
        both = Days(min(days.first for days in spans), max(days.last for days in spans))
        return _Reading(start, _after(_UP_TO, text, end), both, *both)
    ending = _ENDING.match(text, end)
    days = spans[0] if spans else None
    return _Reading(start, ending.end() if ending else end, days, *_limits(days, ending))


def _after(pattern: re.Pattern[str], text: str, pos: int) -> int:
    match = pattern.match(text, pos)
    return match.end() if match else pos


def _limits(days: Days | None, ending: Match[str] | None) -> tuple[date | None, date | None]:
    if not days or not ending:
        return days or (None, None)
    if ending["since"]:
        return days.first, None
    return None, days.first - timedelta(days=1) if ending["before"] else days.last


# --- what limits it --------------------------------------------------------------------------

_FIRST_PAPERS = date(1900, 1, 1)
"""Articles are not asked for by an earlier date; it is part of a subject."""

_ANCHOR = LEXICON.expression(
    r"(?<!\S)(?:(?:지난|이번|직전|새|\d{1,2}[·.]\d{1,2}|\S{1,10}[년월해달이가])\s)?"
    r"(?!그\s|이\s|그날|그때|\d+[^\d·.])"
    r"(?:[^\s?!,.]{0,20}?{dates.events}\s?(?:이후|이래|이전|직[후전]|[후뒤전](?![가-힣])|[후전](?=에|부터))|"
    # After particles and verbs it is an adverb: 이 공장은 이후 …
    r"[^\s?!,.]{1,20}?(?<![은는에데며로도을를])(?<![하되있없했]고)\s?(?:이후|이래|직[후전]))"
)


def _anchors(text: str, readings: list[_Reading]) -> list[Match[str]]:
    """Where an event limits the time asked for; in ``8월 이후`` it is a date."""
    dated = {reading.end for reading in readings}
    return [anchor for anchor in _ANCHOR.finditer(text) if anchor.end() not in dated]


def _is_filter(reading: _Reading, text: str, today: date, anchors: list[Match[str]]) -> bool:
    part_of_anchor = any(
        anchor.start() <= reading.end + 1 and reading.start < anchor.end() for anchor in anchors
    )
    return (
        reading.days is not None
        and _FIRST_PAPERS <= reading.days.first <= today
        and not part_of_anchor
        and not _COMPARED_OR_MOVED_TO.match(text, reading.end)
        and not _PLANNED.match(text, reading.end)
        and not _is_part_of_name(reading, text)
    )


def _is_part_of_name(reading: _Reading, text: str) -> bool:
    """Whether a year or a month, without more, names what recurs."""
    alone = _YEAR_OR_MONTH.fullmatch(text, reading.start, reading.end)
    return bool(alone and _NAME.match(text, reading.end))
