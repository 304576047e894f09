"""The Korean words for days: fixed points (``작년``, ``사흘 전``) and recurring units (``8월``, ``추석``).

A fixed point is a pattern and what it means on a given day. A unit is a part of every larger period.
How they combine is the grammar in ``service.query.timeframe``.

Vague parts: ``초``, ``중순``, ``말`` of a month are its days 1-10, 11-20, 21-; ``초``, ``중반``, ``말``
of a year January to March, May to August, October to December. Seasons are the weather service's
(봄 = March to May). 연휴 of 설 and 추석: the eve, the day and the day after.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from re import Match, Pattern
from typing import Literal, NamedTuple

from korean_lunar_calendar import KoreanLunarCalendar  # type: ignore[import-untyped]

Grain = Literal["day", "week", "month", "quarter", "year", "other"]


class Span(NamedTuple):
    """Days of the calendar, both inclusive."""

    start: date
    end: date


# ---- the calendar


def _days(start: date, count: int = 1) -> Span:
    return Span(start, start + timedelta(days=count - 1))


def _months(year: int, month: int, count: int) -> Span:
    """``count`` months from ``month`` on, which may lie outside 1 to 12."""
    first, after = year * 12 + month - 1, year * 12 + month - 1 + count
    end = date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
    return Span(date(first // 12, first % 12 + 1, 1), end)


def period(grain: Grain, day: date, offset: int = 0) -> Span:
    """The day, week, month, quarter or year around ``day``, or the ``offset``-th after it."""
    if grain == "day":
        return _days(day + timedelta(days=offset))
    if grain == "week":
        return _days(day + timedelta(days=7 * offset - day.weekday()), 7)
    width = {"month": 1, "quarter": 3, "year": 12}[grain]
    return _months(day.year, (day.month - 1) // width * width + 1 + width * offset, width)


def _back(day: date, grain: Grain, count: int) -> date:
    """``count`` units earlier; the last day of the month where it has no such day."""
    if grain in ("day", "week"):
        return day - timedelta(days=count * (7 if grain == "week" else 1))
    month = _months(day.year, day.month - count * (12 if grain == "year" else 1), 1)
    return month.start.replace(day=min(day.day, month.end.day))


def _date(year: int, month: int, day: int) -> Span | None:
    exists = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    return _days(date(year, month, day)) if exists else None


@lru_cache(maxsize=256)  # the library sums up a thousand years of months
def _lunar_date(year: int, month: int, day: int) -> Span | None:
    calendar = KoreanLunarCalendar()
    known = calendar.setLunarDate(year, month, day, False)
    return _days(date.fromisoformat(calendar.SolarIsoFormat())) if known else None


# ---- fixed points: a pattern, and what it means on a given day

_DASH = r"\s?[~∼〜–·-]\s?"
_END = r"(?:(?![가-힣])|(?=에|의|엔|은|는|도|까지|부터|보다|쯤|께|경|이후|이전|과|와))"
# 이번 주택 공급, 지난 주가, 이번 달러, 지난 해외 순방 are no weeks, months and years.
_WEEK = r"\s?주(?:(?![가-힣])|(?=에|엔|의|는|도|까지|부터|보다|초|내내|[월화수목금토일]요일))"
_MONTH = r"\s?달(?!러|력|걀|성)"
_HAE = rf"해(?:{_END}|(?=[초말]|상반기|하반기|[봄여가겨]))"
_NO_YEAR = (
    r"(?!도?\s?(?:본?예산|최저임금|대입|입시)|[생산식형대차째간만물]|\s?(?:된|동안|전통|만에))"
)
_SPELLED_DAYS = "하루 이틀 사흘 나흘 닷새 엿새 이레 여드레 아흐레 열흘".split()
_NUMERALS = {
    "한": 1, "두": 2, "세": 3, "석": 3, "네": 4, "넉": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8,
    "아홉": 9, "열": 10,
}  # fmt: skip
_WORDS: dict[str, tuple[int, Grain]] = {
    **{word: (count, "day") for count, word in enumerate(_SPELLED_DAYS, 1)},
    "보름": (15, "day"), "일주일": (1, "week"), "반년": (6, "month"),
}  # fmt: skip
_GRAINS: dict[str, Grain] = {
    "일": "day", "주일": "week", "주": "week", "개월": "month", "달": "month", "년": "year", "해": "year",
}  # fmt: skip
LENGTH = (
    rf"(?:(?P<whole>{'|'.join(_WORDS)})|(?:(?P<digits>\d{{1,3}})\s?(?P<unit>일|주일|주|개월|달|년)|"
    rf"(?P<numeral>{'|'.join(_NUMERALS)})\s?(?P<native>주|달|해))"
    r"(?:(?![가-힣])|(?=간|동안|새|사이|내|이내|전|에|의|여|부터)))"
)


def _length(match: Match[str]) -> tuple[int, Grain]:
    """``3개월``, ``두 달``, ``보름`` -> count and unit."""
    if match["whole"]:
        return _WORDS[match["whole"]]
    count = int(match["digits"]) if match["digits"] else _NUMERALS[match["numeral"]]
    return count, _GRAINS[match["unit"] or match["native"]]


Point = tuple[Span | None, Grain]
Meaning = Callable[[Match[str], date], Point]
"""What a match means on a given day."""


def _rolling(match: Match[str], today: date) -> Point:
    count, grain = _length(match)
    return Span(_back(today, grain, count), today), "other"


def _ago(match: Match[str], today: date) -> Point:
    count, grain = _length(match)
    return period(grain, _back(today, grain, count)), grain


def _year(match: Match[str], today: date) -> Point:
    """Of four digits, or of two ('98년: not later than next year). Older ones had no papers."""
    year = int(match[1])
    if len(match[1]) == 2:
        year += 2000 if year <= today.year % 100 + 1 else 1900
    return (_months(year, 1, 12) if 1900 <= year < 2100 else None), "year"


def _decade(match: Match[str], today: date) -> Point:
    return _months(int(match[1]) * 10 + (1900 if len(match[1]) == 1 else 0), 1, 120), "other"


def _iso_date(match: Match[str], today: date) -> Point:
    return _date(int(match[1]), int(match[3]), int(match[4])), "day"


def _iso_month(match: Match[str], today: date) -> Point:
    return _months(int(match[1]), int(match[2]), 1), "month"


def _last_days(first: int, last: int) -> Meaning:
    """From ``first`` days ago to ``last`` days ago."""
    return lambda match, today: (
        Span(_back(today, "day", first), _back(today, "day", last)),
        "other",
    )


def _relative(grain: Grain, offset: int) -> Meaning:
    return lambda match, today: (period(grain, today, offset), grain)


FIXED: tuple[tuple[Pattern[str], Meaning], ...] = tuple(
    (re.compile(pattern), point)
    for pattern, point in (
        ("오늘|금일", _relative("day", 0)),
        ("어제|어저께|어젯밤|엊저녁", _relative("day", -1)),
        ("그제|그저께", _relative("day", -2)),
        ("그끄제|그끄저께", _relative("day", -3)),
        ("엊그제|엊그저께", _last_days(2, 1)),
        (r"지난\s?밤|간밤", _last_days(1, 0)),
        ("내일", _relative("day", 1)),
        ("모레|글피", _relative("day", 2)),
        (f"이번{_WEEK}", _relative("week", 0)),
        (f"(?:지난|저번){_WEEK}", _relative("week", -1)),
        (f"(?:지지난|저저번){_WEEK}", _relative("week", -2)),
        (f"(?:다음|내|차){_WEEK}", _relative("week", 1)),
        (f"(?:이번|이){_MONTH}", _relative("month", 0)),
        (f"(?:지난|저번){_MONTH}", _relative("month", -1)),
        (f"지지난{_MONTH}", _relative("month", -2)),
        (f"(?:다음|내){_MONTH}", _relative("month", 1)),
        (r"이번\s?분기", _relative("quarter", 0)),
        (r"지난\s?분기", _relative("quarter", -1)),
        (r"다음\s?분기", _relative("quarter", 1)),
        (rf"올해|올\s{_HAE}|금년도?|올\s(?:들어|한\s?해)", _relative("year", 0)),
        (rf"작년도?|지난해|지난\s(?:한\s?)?{_HAE}", _relative("year", -1)),
        (r"재작년|그러께|지지난해", _relative("year", -2)),
        (r"내년도?|명년|내?후년", _relative("year", 1)),
        (rf"(\d{{4}})(?:\s?년{_NO_YEAR}도?|(?={_DASH}\d{{4}}\s?년))", _year),
        (r"['’‘](\d\d)\s?년", _year),
        (r"(\d\d)\s?년(?=\s?(?:\d{1,2}\s?월|[상하]반기|[1-4]\s?분기|봄|여름|가을|겨울))", _year),
        (r"((?:19|20)\d|[5-9])0년대", _decade),
        (r"((?:19|20)\d\d)([.\-/])\s?(\d{1,2})\2\s?(\d{1,2})(?!\d)\.?", _iso_date),
        (r"((?:19|20)\d\d)[-/](0[1-9]|1[0-2])(?![\d/-]|\s?시즌)", _iso_month),
        (rf"(?:최근|근|요)\s?{LENGTH}(?:\s?동안|간)?", _rolling),
        # 지난 3일 is the third of the month, 지난 3일간 the last three days.
        (rf"지난\s?(?!\d+\s?일(?!\s?(?:동안|간))){LENGTH}(?:\s?동안|간)?", _rolling),
        (rf"{LENGTH}\s?전(?:(?![가-힣]|\s세계)|(?=에|의|부터|까지|보다|쯤|과))", _ago),
    )
)

# ---- recurring units


At = Callable[[Match[str], Span], Span | None]


class Unit(NamedTuple):
    """A part of every ``period``: ``at`` gives its days in one of them, None where it is missing.

    ``alone``: it is a date even without a larger unit, 지난, 올 or 이번 in front.
    """

    alone: bool
    period: Grain
    grain: Grain
    pattern: Pattern[str]
    at: At


_SOLAR_FEASTS = {
    "삼일절": (3, 1), "3·1절": (3, 1), "3.1절": (3, 1), "식목일": (4, 5), "근로자의 날": (5, 1),
    "어린이날": (5, 5), "어버이날": (5, 8), "스승의 날": (5, 15), "현충일": (6, 6), "제헌절": (7, 17),
    "광복절": (8, 15), "국군의 날": (10, 1), "개천절": (10, 3), "한글날": (10, 9), "성탄절": (12, 25),
    "크리스마스": (12, 25),
}  # fmt: skip
_LUNAR_FEASTS = {
    "설날": (1, 1), "정월대보름": (1, 15), "부처님오신날": (4, 8), "부처님 오신 날": (4, 8),
    "석가탄신일": (4, 8), "추석": (8, 15), "한가위": (8, 15), "설": (1, 1),
}  # fmt: skip
_FEASTS = "|".join(re.escape(name) for name in (*_SOLAR_FEASTS, *_LUNAR_FEASTS) if name != "설")
# What is prepared for a feast is in the papers for weeks before it.
_HOLIDAYS = (
    r"(\s?연휴)?(?!\s?(?:[을를]?\s?앞[두둔]|[을를]?\s?맞[아이]|특사|특별사면|차례|제수|선물|물가|"
    r"성수품|대목|귀성|상여|기차표|열차표|승차권|예매))"
)
# 설 is also a rumour (이혼설에 대해) and a family name.
_SEOL = r"설(?=\s?연휴|\s?명절|에(?!\s?대)|\s?때)"
# 5일간, 5일 만에, 5일째, 5일장 are durations or names.
_NO_DAY = (
    r"(?![간만째장제치씩선분차여본반정상용새내]|자리|짜리|이나|이면|이\s?[걸지넘]|부(?!터)|"
    r"\s?(?:동안|만에|연속|넘|걸[리려린]|사이|연휴|잔치|천하|[간후뒤](?![가-힣])|"
    r"(?:이상|이하|미만|이내|가량|정도)(?:[의에이은을씩]|(?![가-힣]))))"
)
_NO_MONTH = r"(?!호|물|드|급|세|령|간|요일|\s?결산)"
_NO_QUARTER = r"(?!\s?(?:연속|째|만|간|동안))"
_NO_FRACTION = r"(?![\d/]|\s?(?:수준|이상|이하|미만|가량|정도|[가이은는을를로의만씩]|밖|토막|지점|넘|비상|계엄|테러))"


def _numbered(digits: str, unit: str) -> str:
    """``8월``, and the 8 of ``8~10월``."""
    return rf"({digits})(?:\s?{unit}|(?={_DASH}{digits}\s?{unit}))"


def _month(match: Match[str], year: Span) -> Span | None:
    month = int(match[1])
    return _months(year.start.year, month, 1) if 1 <= month <= 12 else None


def _quarter(match: Match[str], year: Span) -> Span:
    return _months(year.start.year, int(match[1]) * 3 - 2, 3)


def _half(match: Match[str], year: Span) -> Span:
    return _months(year.start.year, 1 if match[1] == "상" else 7, 6)


def _season(match: Match[str], year: Span) -> Span:
    return _months(year.start.year, ("봄", "여름", "가을", "겨울").index(match[1]) * 3 + 3, 3)


def _part_of_year(match: Match[str], year: Span) -> Span:
    parts = {"초": (1, 3), "중": (5, 4), "말": (10, 3), "후": (10, 3), "내": (1, 12)}
    return _months(year.start.year, *parts[match[1]])


def _feast(match: Match[str], year: Span) -> Span | None:
    if match[1] in _SOLAR_FEASTS:
        return _date(year.start.year, *_SOLAR_FEASTS[match[1]])
    day = _lunar_date(year.start.year, *_LUNAR_FEASTS[match[1]])
    return _days(day.start - timedelta(days=1), 3) if day and match[2] else day


def _slashed(match: Match[str], year: Span) -> Span | None:
    return _date(year.start.year, int(match[1]), int(match[2]))


def _part_of_month(match: Match[str], month: Span) -> Span:
    third = {"초": 0, "상": 0, "중": 1, "말": 2, "하": 2}[match[1]]
    first = month.start + timedelta(days=10 * third)
    return Span(first, month.end) if third == 2 else _days(first, 10)


def _week_of_month(match: Match[str], month: Span) -> Span | None:
    if match[1] == "마지막":
        return _days(month.end - timedelta(days=6), 7)
    order = int(match[1]) if match[1].isdigit() else "첫둘셋넷다".index(match[1][0]) + 1
    first = month.start + timedelta(days=7 * (order - 1))
    return Span(first, min(_days(first, 7).end, month.end)) if 1 <= order <= 5 else None


def _day(match: Match[str], month: Span) -> Span | None:
    return _date(month.start.year, month.start.month, int(match[1]))


def _weekday(match: Match[str], week: Span) -> Span | None:
    ahead = ("월화수목금토일".index(match[1]) - week.start.weekday()) % 7
    day = week.start + timedelta(days=ahead)
    return _days(day) if day <= week.end else None


def _weekend(match: Match[str], week: Span) -> Span:
    return _days(week.start + timedelta(days=5), 2)


_ROWS: tuple[tuple[bool, Grain, Grain, str, At], ...] = (
    (True, "year", "month", _numbered(r"\d{1,2}", f"월{_NO_MONTH}"), _month),
    (True, "year", "other", _numbered("[1-4]", f"분기{_NO_QUARTER}"), _quarter),
    (True, "year", "other", rf"([1-4])[/·]4\s?분기{_NO_QUARTER}", _quarter),
    (True, "year", "other", r"([상하])반기", _half),
    (True, "year", "other", rf"연(초|말|내){_END}", _part_of_year),
    (True, "year", "day", rf"({_FEASTS}|{_SEOL}){_HOLIDAYS}", _feast),
    (True, "year", "day", rf"(\d{{1,2}})/(\d{{1,2}}){_NO_FRACTION}", _slashed),
    (True, "month", "other", rf"월(초|말){_END}", _part_of_month),
    (True, "month", "day", _numbered(r"\d{1,2}", f"일{_NO_DAY}"), _day),
    (True, "week", "day", r"([월화수목금토일])요일(?!마다|제)", _weekday),
    (True, "week", "other", r"주말(?=에|엔|\s?(?:동안|사이|새|내내))", _weekend),
    (False, "year", "other", r"(봄|여름|가을|겨울)(?!야구|배추|나물|방학)", _season),
    (False, "year", "other", rf"(초|말|중(?=[반순])|후(?=반))[반순]?{_END}", _part_of_year),
    (False, "year", "day", rf"(설)(?![가-힣]){_HOLIDAYS}", _feast),
    (False, "month", "other", rf"(초|말|[상하](?=순)|중(?=[반순]))[반순]?{_END}", _part_of_month),
    (False, "month", "week", rf"(첫|둘|셋|넷|다섯|마지막|\d)(?:\s?째|차)?{_WEEK}", _week_of_month),
    (False, "week", "other", r"주말(?!농장|부부|마다|극|드라마)", _weekend),
)
UNITS = tuple(
    Unit(alone, period, grain, re.compile(pattern), at)
    for alone, period, grain, pattern, at in _ROWS
)
