"""Days of the calendar: periods, what lies before them, feasts of the lunar calendar. Pure functions."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

Grain = Literal["time", "day", "week", "month", "quarter", "year", "other"]
"""What a mention is precise to. ``other``: a season, a decade, the last three months."""


class Days(NamedTuple):
    """Days of the calendar, both inclusive."""

    first: date
    last: date


def days(first: date, count: int = 1) -> Days:
    """``count`` days from ``first`` on."""
    return Days(first, first + timedelta(days=count - 1))


def months(year: int, month: int, count: int) -> Days:
    """``count`` months from ``month`` on, which may lie outside 1 to 12."""
    first, after = year * 12 + month - 1, year * 12 + month - 1 + count
    last = date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
    return Days(date(first // 12, first % 12 + 1, 1), last)


def period(grain: Grain, day: date, offset: int = 0) -> Days:
    """The day, week, month, quarter or year around ``day``, or the ``offset``-th after it."""
    if grain == "day":
        return days(day + timedelta(days=offset))
    if grain == "week":
        return days(day + timedelta(days=7 * offset - day.weekday()), 7)
    width = {"month": 1, "quarter": 3, "year": 12}[grain]
    return months(day.year, (day.month - 1) // width * width + 1 + width * offset, width)


def back(day: date, grain: Grain, count: int) -> date:
    """``count`` units earlier; the last day of the month where it has no such day."""
    if grain in ("day", "week"):
        return day - timedelta(days=count * (7 if grain == "week" else 1))
    month = months(day.year, day.month - count * (12 if grain == "year" else 1), 1)
    return month.first.replace(day=min(day.day, month.last.day))


def day_of(year: int, month: int, day: int) -> Days | None:
    """One day; None where the calendar has none of that date."""
    exists = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    return days(date(year, month, day)) if exists else None


@lru_cache(maxsize=256)  # the library sums up a thousand years of months
def lunar_day(year: int, month: int, day: int) -> Days | None:
    """A day of the Korean lunar calendar; None outside the years that the library knows."""
    from korean_lunar_calendar import KoreanLunarCalendar  # type: ignore[import-untyped]

    calendar = KoreanLunarCalendar()
    known = calendar.setLunarDate(year, month, day, False)
    return days(date.fromisoformat(calendar.SolarIsoFormat())) if known else None
