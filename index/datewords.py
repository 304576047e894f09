"""The Korean words for days: fixed points (``작년``, ``사흘 전``) and recurring units (``8월``, ``추석``).

A fixed point is a pattern and what it means on a given day. A unit is a part of every larger period. How
they combine is the grammar in ``index.dates``; the words are in ``data/dates.toml``.

Vague parts: ``초``, ``중순``, ``말`` of a month are its days 1-10, 11-20, 21-; ``초``, ``중반``, ``말``
of a year January to March, May to August, October to December. Seasons are the weather service's
(봄 = March to May). 연휴 of 설 and 추석: the eve, the day and the day after.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from re import Match
from typing import NamedTuple

from index.days import Days, Grain, back, day_of, days, lunar_day, months, period
from index.lexicon import LEXICON, Expression
from index.quantities import native_numerals

# --- pieces of patterns ----------------------------------------------------------------------

_DASH = r"\s?[~∼〜∽–·-]\s?"
_END = r"(?:(?![가-힣])|(?=에|의|엔|은|는|도|까지|부터|보다|쯤|께|경|이후|이전|과|와))"
# 이번 주택 공급, 지난 주가, 이번 달러, 지난 해외 순방 are no weeks, months and years.
_WEEK = r"\s?주(?:(?![가-힣])|(?=에|엔|의|는|도|까지|부터|보다|초|내내|[월화수목금토일]요일))"
_MONTH = r"\s?달(?!러|력|걀|성)"
_YEAR_NOUN = rf"해(?:{_END}|(?=[초말]|상반기|하반기|[봄여가겨]))"
# Also a rumour (이혼설에 대해), a family name, and a verb (무대에 설 때).
_SEOL = r"(?<!에\s)설(?=\s?연휴|\s?명절|에(?!\s?대)|\s?때)"
_HOLIDAYS = r"(\s?연휴)?(?!\s?{dates.feast_preparations})"
_NO_QUARTER = r"(?!\s?(?:연속|째|만|간|동안))"
LENGTH = (
    r"(?:(?P<whole>{dates.lengths|units.days})|(?:(?P<digits>\d{1,3})\s?(?P<unit>일|주일|주|개월|달|년)|"
    r"(?P<numeral>{units.ones|units.other_numerals}|열)\s?(?P<native>주|달|해))"
    r"(?:(?![가-힣])|(?=간|동안|새|사이|내|이내|전|에|의|여|부터)))"
)
DATE = (
    r"(?P<year>(?:19|20)\d\d)\s?[.\-/년]\s?(?P<month>\d{1,2})\s?[.\-/월]\s?(?P<day>\d{1,2})(?!\d)"
)
"""A whole date in digits, as stamps have it, too: ``2025.12.08``, ``2025년 12월 8``."""

# --- fixed points ----------------------------------------------------------------------------

Point = tuple[Days | None, Grain]
Meaning = Callable[[Match[str], date], Point]
"""What a match means on a given day."""


class Fixed(NamedTuple):
    """A fixed point; an ``absolute`` one means the same on every day."""

    expression: Expression
    meaning: Meaning
    absolute: bool = False


def _length(match: Match[str]) -> tuple[int, Grain]:
    """``3개월``, ``두 달``, ``보름`` -> count and unit."""
    if whole := match["whole"]:
        days: tuple[int, Grain] = (LEXICON["units.days"].numbers.get(whole, 0), "day")
        return tuple(LEXICON["dates.lengths"].lists.get(whole, days))
    count = int(match["digits"]) if match["digits"] else native_numerals()[match["numeral"]]
    grain = LEXICON["dates.length_units"].texts[match["unit"] or match["native"]]
    return count, grain  # type: ignore[return-value]  # the table holds grains


def _rolling(match: Match[str], today: date) -> Point:
    count, grain = _length(match)
    return Days(back(today, grain, count), today), "other"


def _ago(match: Match[str], today: date) -> Point:
    count, grain = _length(match)
    return period(grain, back(today, grain, count)), grain


def _year(match: Match[str], today: date) -> Point:
    """Of four digits, or of two ('98년: not later than next year)."""
    year = int(match[1])
    if len(match[1]) == 2:
        year += 2000 if year <= today.year % 100 + 1 else 1900
    return (months(year, 1, 12) if 1000 <= year < 2100 else None), "year"


def _decade(match: Match[str], today: date) -> Point:
    return months(int(match[1]) * 10 + (1900 if len(match[1]) == 1 else 0), 1, 120), "other"


def _date(match: Match[str], today: date) -> Point:
    return day_of(int(match["year"]), int(match["month"]), int(match["day"])), "day"


def _short_date(match: Match[str], today: date) -> Point:
    return day_of(2000 + int(match[1]), int(match[2]), int(match[3])), "day"


def _year_and_month(match: Match[str], today: date) -> Point:
    return months(int(match[1]), int(match[2]), 1), "month"


def _last_days(first: int, last: int) -> Meaning:
    """From ``first`` days ago to ``last`` days ago."""
    return lambda match, today: (
        Days(back(today, "day", first), back(today, "day", last)),
        "other",
    )


def _relative(grain: Grain, offset: int) -> Meaning:
    return lambda match, today: (period(grain, today, offset), grain)


def _counted(grain: Grain, *tables: str) -> Meaning:
    """As many days, weeks … from today as a table says of the word."""

    def meaning(match: Match[str], today: date) -> Point:
        offsets = (LEXICON[table].numbers.get(match["word"]) for table in tables)
        return period(grain, today, next(n for n in offsets if n is not None)), grain

    return meaning


def _prefixed(grain: Grain, template: str, *others: str) -> tuple[str, Meaning]:
    prefixes = "|".join(("{dates.prefixes}", *others))
    return rf"(?P<word>{prefixes}){template}", _counted(
        grain, "dates.prefixes", "dates.short_prefixes"
    )


_RELATIVE: tuple[tuple[str, Meaning], ...] = (
    ("(?P<word>{dates.relative_days})", _counted("day", "dates.relative_days")),
    ("엊그제|엊그저께", _last_days(2, 1)),
    (r"지난\s?밤|간밤", _last_days(1, 0)),
    _prefixed("week", _WEEK, "내"),
    (r"차주(?=에|엔|\s?초|\s?{dates.weekdays}요일)", _relative("week", 1)),  # also who owns a car
    _prefixed("month", _MONTH, "[이내]"),
    _prefixed("quarter", r"\s?분기"),
    ("(?P<word>{dates.relative_years})(?:(?<=[금작내]년)도)?", _counted("year", "dates.relative_years")),
    (rf"올\s{_YEAR_NOUN}|올\s(?:들어|한\s?해)|올(?=\s(?!{{dates.what_comes}}))", _relative("year", 0)),
    (rf"지난\s(?:한\s?)?{_YEAR_NOUN}", _relative("year", -1)),
    (r"['’‘](\d\d)\s?년", _year),
    (r"(\d\d)\s?년(?=\s?(?:\d{1,2}\s?월|[상하]반기|[1-4]\s?분기|{dates.seasons}))", _year),
    (rf"(?:최근|근|요)\s?{LENGTH}(?:\s?동안|간)?", _rolling),
    # 지난 3일 is the third of the month, 지난 3일간 the last three days.
    (rf"지난\s?(?!\d+\s?일(?!\s?(?:동안|간))){LENGTH}(?:\s?동안|간)?", _rolling),
    (rf"{LENGTH}\s?전(?:(?![가-힣]|\s세계)|(?=에|의|부터|까지|보다|쯤|과))", _ago),
)  # fmt: skip
_ABSOLUTE: tuple[tuple[str, Meaning], ...] = (
    (rf"(\d{{4}})(?:\s?년(?!{{dates.year_names}})도?|(?={_DASH}\d{{4}}\s?년))", _year),
    (r"((?:19|20)\d|[5-9])0년대", _decade),
    (rf"(?=\d{{4}}\s?[.\-/]){DATE}\.?", _date),
    (r"['’‘](\d\d)\.\s?(\d{1,2})\.\s?(\d{1,2})(?!\d)\.?", _short_date),
    (r"((?:19|20)\d\d)[-/](0[1-9]|1[0-2])(?![\d/-]|\s?시즌)", _year_and_month),
)
FIXED: tuple[Fixed, ...] = (
    *(Fixed(LEXICON.expression(pattern), meaning) for pattern, meaning in _RELATIVE),
    *(Fixed(LEXICON.expression(pattern), meaning, absolute=True) for pattern, meaning in _ABSOLUTE),
)

# --- recurring units -------------------------------------------------------------------------

At = Callable[[Match[str], Days], Days | None]


class Unit(NamedTuple):
    """A part of every ``period``: ``at`` gives its days in one of them, None where it is missing.

    ``alone``: it is a date even without a larger unit, 지난, 올 or 이번 in front. ``place`` of what its
    numbers state among year, month and day; None: nothing of these.
    """

    alone: bool
    period: Grain
    grain: Grain
    expression: Expression
    at: At
    place: int | None = None


def _numbered(digits: str, unit: str, no_unit: str = "") -> str:
    """``8월``, and the 8 of ``8~10월``."""
    return rf"({digits})(?:\s?{unit}{no_unit}|(?=(?:{_DASH}|,\s?){digits}\s?{unit}{no_unit}))"


def _month(match: Match[str], year: Days) -> Days | None:
    month = int(match[1])
    return months(year.first.year, month, 1) if 1 <= month <= 12 else None


def _quarter(match: Match[str], year: Days) -> Days:
    return months(year.first.year, int(match[1]) * 3 - 2, 3)


def _half(match: Match[str], year: Days) -> Days:
    return months(year.first.year, LEXICON["dates.halves"].numbers[match[1]], 6)


def _season(match: Match[str], year: Days) -> Days:
    return months(year.first.year, LEXICON["dates.seasons"].numbers[match[1]], 3)


def _part_of_year(match: Match[str], year: Days) -> Days:
    return months(year.first.year, *LEXICON["dates.parts_of_year"].lists[match[1]])


def _feast(match: Match[str], year: Days) -> Days | None:
    name = "설날" if match[1] == "설" else match[1]
    if solar := LEXICON["dates.solar_feasts"].value(name):
        return day_of(year.first.year, *solar)
    day = lunar_day(year.first.year, *LEXICON["dates.lunar_feasts"].value(name))
    return days(day.first - timedelta(days=1), 3) if day and match[2] else day


def _slashed(match: Match[str], year: Days) -> Days | None:
    return day_of(year.first.year, int(match[1]), int(match[2]))


def _part_of_month(match: Match[str], month: Days) -> Days:
    third = LEXICON["dates.parts_of_month"].numbers[match[1]]
    first = month.first + timedelta(days=10 * third)
    return Days(first, month.last) if third == 2 else days(first, 10)


def _week_of_month(match: Match[str], month: Days) -> Days | None:
    if match[1] == "마지막":
        return days(month.last - timedelta(days=6), 7)
    words = LEXICON["dates.weeks_of_month"].entries
    order = int(match[1]) if match[1].isdigit() else words.index(match[1]) + 1
    first = month.first + timedelta(days=7 * (order - 1))
    return Days(first, min(days(first, 7).last, month.last)) if 1 <= order <= 5 else None


def _day(match: Match[str], month: Days) -> Days | None:
    return day_of(month.first.year, month.first.month, int(match[1]))


def _weekday(match: Match[str], week: Days) -> Days | None:
    place = LEXICON["dates.weekdays"].entries.index(match[1])
    day = week.first + timedelta(days=(place - week.first.weekday()) % 7)
    return days(day) if day <= week.last else None


def _weekend(match: Match[str], week: Days) -> Days:
    return days(week.first + timedelta(days=5), 2)


_ROWS: tuple[tuple[bool, Grain, Grain, str, At, int | None], ...] = (
    (True, "year", "month", _numbered(r"\d{1,2}", "월", "(?!{dates.month_names})"), _month, 1),
    (True, "year", "other", _numbered("[1-4]", "분기", _NO_QUARTER), _quarter, None),
    (True, "year", "other", rf"([1-4])[/·]4\s?분기{_NO_QUARTER}", _quarter, None),
    (True, "year", "other", "({dates.halves})반기", _half, None),
    (True, "year", "other", rf"연(초|말|내){_END}", _part_of_year, None),
    (True, "year", "day", rf"({{dates.solar_feasts|dates.lunar_feasts}}|{_SEOL}){_HOLIDAYS}", _feast, None),
    (True, "year", "day", r"(\d{1,2})/(\d{1,2})(?!{dates.fractions})", _slashed, 1),
    (True, "month", "other", rf"월(초|말){_END}", _part_of_month, None),
    (True, "month", "day", _numbered(r"\d{1,2}", "일", "(?!{dates.day_durations})"), _day, 2),
    (True, "week", "day", "({dates.weekdays})요일(?!마다|제)", _weekday, None),
    (True, "week", "other", r"주말(?=에|엔|\s?(?:동안|사이|새|내내))", _weekend, None),
    (False, "year", "other", "({dates.seasons})(?!{dates.season_names})", _season, None),
    (False, "year", "other", rf"(초|말|중(?=[반순])|후(?=반))[반순]?{_END}", _part_of_year, None),
    (False, "year", "day", rf"(설)(?![가-힣]){_HOLIDAYS}", _feast, None),
    (False, "month", "other", rf"(초|말|[상하](?=순)|중(?=[반순]))[반순]?{_END}", _part_of_month, None),
    (False, "month", "week", rf"({{dates.weeks_of_month}}|마지막|\d)(?:\s?째|차)?{_WEEK}", _week_of_month, None),
    (False, "week", "other", "주말(?!{dates.weekend_names})", _weekend, None),
)  # fmt: skip
UNITS = tuple(
    Unit(alone, whole, grain, LEXICON.expression(pattern), at, place)
    for alone, whole, grain, pattern, at, place in _ROWS
)
