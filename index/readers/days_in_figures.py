"""Days as spreadsheets give them: in figures without a four-digit year in front, and as day numbers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from index.sources import DateOrder

_FIGURES = re.compile(
    r"(\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})\.?"
    r"(?:[\sT]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?\s*([AaPp][Mm])?)?"
)
_NAMED = re.compile(r"(\d{1,2})[-\s]([A-Za-z]{3})[a-z]*[-\s,]+(\d{4})(?:\s+(\d{1,2}):(\d{2}))?")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAY_NUMBER = re.compile(r"(\d{5})(?:\.(\d+))?")
_DAY_NUMBERS = range(20_000, 73_051)
"""Of 1954 to 2099. The figures of a moment in any other form are more than five."""

_FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 - the day before Excel's day 1, but for its leap day of 1900


def day_in_figures(text: str, order: DateOrder) -> datetime | None:
    """The moment, without a zone, that such a text names; None if it has another form.

    ``25.06.12 01:30`` is read in the given order, ``06/12/2025`` only if that puts the year last; ``45820.5`` is
    noon of 2025-06-12, as Excel counts. Raises ValueError for a day that no calendar has.
    """
    if number := _DAY_NUMBER.fullmatch(text):
        days = float(text)
        known = int(number[1]) in _DAY_NUMBERS
        return _FIRST_DAY + timedelta(seconds=round(days * 86_400)) if known else None
    if named := _NAMED.fullmatch(text):
        return _named(named)
    figures = _FIGURES.fullmatch(text)
    if figures is None or (len(figures[4]) == 4 and order == "ymd"):
        return None
    parts = dict(zip(order, (int(figures[n]) for n in (1, 3, 4)), strict=True))
    year = parts["y"] if parts["y"] > 99 else _century(parts["y"])
    hour = (
        int(figures[5] or 0) % 12 + 12 * (figures[8].lower() == "pm") if figures[8] else figures[5]
    )
    clock = (int(hour or 0), int(figures[6] or 0), int(figures[7] or 0))
    return datetime(year, parts["m"], parts["d"], *clock)  # noqa: DTZ001 - the caller knows the zone


def is_ambiguous_day(value: object) -> bool:
    """Whether a value is a day in figures of which only the order can tell day and month."""
    figures = _FIGURES.fullmatch(str(value).strip()[:64])
    return figures is not None and len(figures[4]) == 4


def _century(year: int) -> int:
    """Archives reach back from today: ``99`` is 1999."""
    return year + (2000 if year < 70 else 1900)


def _named(found: re.Match[str]) -> datetime | None:
    """``12-Jun-2025``."""
    if found[2].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(found[2].lower()) + 1
    clock = (int(found[4] or 0), int(found[5] or 0))
    return datetime(int(found[3]), month, int(found[1]), *clock)  # noqa: DTZ001 - the caller knows the zone
