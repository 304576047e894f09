"""Korean time expressions in a question -> the days on which its articles appeared.

A grammar of our own, because nothing published fits an archive: ``dateparser`` reads few Korean
expressions, and ``korean-datetime`` 1.0.0 reads schedules: right in 238 of the 380 lines of
``tests/timeframe_table.py``, with days for 114 that should have others or none. Telling what is no
date at all is most of the work here. The words themselves are in ``service.korean.timewords``.

An expression is a fixed point (``작년``, ``사흘 전``, ``2025.08.03``) or a recurring unit of the
calendar (``8월``, ``금요일``, ``추석``), then smaller units within it (``작년 8월 3일``), then an
ending (``이후``, ``부터 … 까지``). A recurring unit by itself is the latest that has begun; ``지난``
makes it the latest that is over, ``올`` and ``이번`` the one of this year or week. ``이후`` and
``이전`` include their base (표준국어대사전), ``전에`` does not.

No filter are: the future (its articles appeared earlier); durations (``3년간``); what is compared
with (``작년보다``) or moved to (``7월로``); names (``3·1운동``, ``2026 월드컵``, ``2026년 지방선거``, ``6월 모의평가``,
``2026학년도``, and ``올해의 …``, ``4월의 …``, nearly always prizes and titles); events (``취임 이후``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from re import Match, Pattern
from typing import NamedTuple

from index import SEOUL
from service.korean.timewords import FIXED, LENGTH, UNITS, Grain, Span, Unit, period
from service.schema import TimeRange

_BLANKS = re.compile(r"\s{0,2}")
_MODIFIER = re.compile(
    r"(?:(?P<last>지난|저번)|(?P<this>올|이번)|(?P<then>다음\s?해|이듬해|같은\s?[해달]|그\s?해|전년|당해)|"
    r"(?P<never>오는|다가오는|다음|매년|매해|해마다|매월|매달|매주|격주))\s?"
)
# An expression begins a word, and no part of a number, a version or a name such as 5·18.
_BEGINNING = re.compile(r"(?<![\w.,/·~+-])(?=\w)|(?=['’‘]\d)")
_JOIN = re.compile(r"\s?(?:부터|에서|과|와|이랑|랑|하고|및|[~∼〜–·-])\s?")
_ENDING = re.compile(
    r"\s?(?:(?P<since>부터|이후|이래)|(?P<until>까지|이전)|(?P<before>전)(?=에|까지))"
)
_UP_TO = re.compile(r"(?:\s?까지)?")
_COMPARED_OR_MOVED_TO = re.compile(
    r"보다|\s?대비|에\s?비[해하]|[과와]\s?비교|\s?같은\s?(?:기간|달|분기)|\s?동기|으?로(?![가-힣])"
)
_EVENTS = (
    "선거|대선|총선|투표|취임|당선|출범|개막|폐막|개통|개장|개관|개교|개원|착공|준공|완공|계엄|탄핵|파면|"
    "사고|참사|화재|지진|태풍|전쟁|사태|사건|시행|도입|합병|인수|은퇴|사퇴|사임|퇴임|해임|구속|석방|기소|"
    "판결|선고|파업|팬데믹|월드컵|올림픽|결혼|이혼|출산|데뷔|복귀|출시|상장|폭로|압수수색|회담|협상|타결|"
    "합의|발표|개편|폐지|인상|인하|침공|휴전|사망|코로나|코로나19"
)
_NO_DATE = re.compile(
    r"오늘(?:날|의\s?집|내일)|그제(?:야|서야)|(?:올해|이달|\d{1,2}월)의(?:\s\S+)?|\d+\s?박\s?\d+\s?일|"
    r"주\s?\d(?:\.\d)?\s?일|(?:영업정지|정직|감봉|휴가|연차|단식|구류)\s?\d+일|(?:\d|\d{3})\s?년\s?\d+\s?월(?:\s?\d+\s?일)?|"
    r"\d{1,2}월\s?(?:유신|항쟁|혁명|민주항쟁|단체|정신)|\d+\s?[~∼-]\s?\d+\s?(?:일|주|개월|달|년)\s?전|"
    rf"[가-힣]{{0,8}}?(?:{_EVENTS})\s?{LENGTH}\s?전"
)
# What recurs is named by its year or month, and is in the papers long before and after:
# 2026년 지방선거, 2024년 파리 올림픽, 6월 모의평가. (작년 총선 is none: only the days tell which.)
_RECURS = (
    "선거|총선|대선|전당대회|임시국회|정기국회|국정감사|국감|예산안|추가경정예산|추경|세법\\s?개정안|세제\\s?개편안|연말정산|총조사|"
    "수능|모의평가|모의고사|학력평가|올림픽(?!대로|로|공원|선수촌)|패럴림픽|월드컵(?!경기장|공원|북?로)|아시안게임|아시안컵|유니버시아드|"
    "엑스포|APEC|에이펙|G20|정상회의|프로야구|프로축구|K리그|V리그|한국시리즈|정규시즌|정규리그|포스트시즌|챔피언결정전"
)
_WORD_OF_A_NAME = r"(?!\S*(?:에서|[은는이가을를에와과의로])\s)[^\s?!,.]{1,10}\s"
_NAME = re.compile(rf"\s?(?:{_WORD_OF_A_NAME}){{0,2}}[^\s?!,.]{{0,8}}?(?:{_RECURS})")
_YEAR_OR_MONTH = re.compile(r"(?:지난\s?)?(?:['’‘]?\d{2,4}\s?년도?|\d{1,2}\s?월)")
_REACH = 12
"""Periods to look through for a unit: the next 29th of February may be eight years away."""

_Chain = list[tuple[Unit, Match[str]]]
_Point = tuple[int, Span | None]
"""Where an expression ends, and its days (None: there are none, or they can't be known)."""


class _Reading(NamedTuple):
    """``text[start:end]`` names ``span``, and asks for articles from ``since`` to ``until``."""

    start: int
    end: int
    span: Span | None
    since: date | None
    until: date | None

    @property
    def length(self) -> timedelta:
        return self.span.end - self.span.start if self.span else timedelta.max


def _skip(pattern: Pattern[str], text: str, pos: int) -> int:
    match = pattern.match(text, pos)
    return match.end() if match else pos


def _chain(text: str, pos: int, grain: Grain | None, *, dependent: bool) -> _Chain:
    """The units at ``pos``, each within the one before, the first within ``grain`` (None: any)."""
    chain: _Chain = []
    while True:
        fitting = [
            (unit, match)
            for unit in UNITS
            if (dependent or unit.alone)
            and grain in (None, unit.period)
            and (match := unit.pattern.match(text, pos))
        ]
        if not fitting:
            return chain
        unit, match = max(fitting, key=lambda pair: pair[1].end())
        chain.append((unit, match))
        pos, grain, dependent = _skip(_BLANKS, text, match.end()), unit.grain, True


def _within(span: Span | None, chain: _Chain) -> Span | None:
    for unit, match in chain:
        span = unit.at(match, span) if span else None
    return span


def _fixed(text: str, pos: int, today: date) -> _Point | None:
    """A fixed point at ``pos`` and the units within it."""
    found = [(match, point) for pattern, point in FIXED if (match := pattern.match(text, pos))]
    if not found:
        return None
    match, point = max(found, key=lambda pair: pair[0].end())
    span, grain = point(match, today)
    chain = _chain(text, _skip(_BLANKS, text, match.end()), grain, dependent=True)
    return (chain[-1][1] if chain else match).end(), _within(span, chain)


def _recurring(
    text: str, pos: int, today: date, modifier: str | None, after: Span | None
) -> _Point | None:
    """Recurring units at ``pos``, at the time that is meant."""
    chain = _chain(text, pos, None, dependent=modifier is not None)
    return (chain[-1][1].end(), _occurrence(chain, today, modifier, after)) if chain else None


def _occurrence(
    chain: _Chain, today: date, modifier: str | None, after: Span | None
) -> Span | None:
    """The latest that has begun, as modified, or the first one that begins ``after`` another does."""
    unit, match = chain[0]
    if modifier == "never" or (modifier == "then" and not after):
        return None
    if modifier == "this":
        # Until August, this winter is the one that began last year.
        offset = -1 if match[0] == "겨울" and today.month < 9 else 0
        return _within(period(unit.period, today, offset), chain)
    base, step = (after.start, 1) if after else (today, -1)
    spans = (_within(period(unit.period, base, step * n), chain) for n in range(_REACH))
    for span in filter(None, spans):
        over = span.end < today if modifier == "last" else span.start <= today
        if span.start >= after.start if after else over:
            return span
    return None


def _point(text: str, pos: int, today: date, after: Span | None = None) -> _Point | None:
    """The longest expression at ``pos``, without its ending."""
    found = [_fixed(text, pos, today), _recurring(text, pos, today, None, after)]
    if modifier := _MODIFIER.match(text, pos):
        rest = modifier.end()
        found.append(_fixed(text, rest, today))
        found.append(_recurring(text, rest, today, modifier.lastgroup, after))
    return max(filter(None, found), key=lambda point: point[0], default=None)


def _read(text: str, pos: int, today: date) -> _Reading | None:
    """The expression at ``pos`` up to a second one (``부터``, ``~``, ``과``), or with its ending."""
    point = _point(text, pos, today)
    if not point:
        return None
    end, span = point
    join = _JOIN.match(text, end)
    second = _point(text, join.end(), today, after=span) if join and span else None
    if span and second and second[1]:
        both = Span(min(span.start, second[1].start), max(span.end, second[1].end))
        return _Reading(pos, _skip(_UP_TO, text, second[0]), both, *both)
    ending = _ENDING.match(text, end)
    return _Reading(pos, ending.end() if ending else end, span, *_limits(span, ending))


def _limits(span: Span | None, ending: Match[str] | None) -> tuple[date | None, date | None]:
    if not span or not ending:
        return span or (None, None)
    if ending["since"]:
        return span.start, None
    return None, span.start - timedelta(days=1) if ending["before"] else span.end


def _readings(text: str, today: date) -> Iterator[_Reading]:
    """Every time expression of a text, in order, whether it is a filter or not."""
    pos = 0
    for beginning in _BEGINNING.finditer(text):
        if beginning.start() < pos:
            continue
        if no_date := _NO_DATE.match(text, beginning.start()):
            pos = no_date.end()
        elif reading := _read(text, beginning.start(), today):
            pos = reading.end
            yield reading


_ANCHOR = re.compile(
    r"(?<!\S)(?:(?:지난|이번|직전|새|\d{1,2}[·.]\d{1,2}|\S{1,10}[년월해달이가])\s)?"
    r"(?!그\s|이\s|그날|그때|\d+[^\d·.])"
    rf"(?:[^\s?!,.]{{0,20}}?(?:{_EVENTS})\s?(?:이후|이래|이전|직[후전]|[후뒤전](?![가-힣])|[후전](?=에|부터))|"
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
        reading.span is not None
        and reading.span.start <= today
        and not part_of_anchor
        and not _COMPARED_OR_MOVED_TO.match(text, reading.end)
        and not _is_part_of_name(reading, text)
    )


def _is_part_of_name(reading: _Reading, text: str) -> bool:
    """Whether a year or a month, without more, names what recurs."""
    alone = _YEAR_OR_MONTH.fullmatch(text, reading.start, reading.end)
    return bool(alone and _NAME.match(text, reading.end))


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


_RECENT = re.compile(rf"최근(?!\s?{LENGTH})|요즘|요새|요사이|근래|최신|지금|현재|방금")


def asks_for_recent(question: str) -> bool:
    """Whether fresh news is wanted without a period: ``요즘``, ``최근``, ``현재``."""
    return bool(_RECENT.search(unicodedata.normalize("NFC", question)))
