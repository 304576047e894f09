"""Moments as sources write them, to aware datetimes in Seoul's zone; Korean ones as ``index.dates`` reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from email.utils import parsedate_to_datetime
from functools import partial

from index.dates import moment_in
from index.documents import SEOUL
from index.readers.days_in_figures import day_in_figures
from index.sources import DateOrder

_DIGITS = re.compile(r"(\d{8})(?:[T ]?(\d{2})(\d{2})(\d{2})?)?")
_YEARS = range(1900, 2101)


@dataclass(frozen=True)
class Clock:
    """How moments of a source are read. ``zone`` is that of moments without an offset, ``zulu`` of those marked ``Z``: another
    than UTC for exports that put the mark on local times. ``order`` says how figures are read that do not begin with
    the year.
    """

    zone: tzinfo = SEOUL
    zulu: tzinfo = UTC
    order: DateOrder = "ymd"


def parse_moment(value: object, clock: Clock = Clock()) -> datetime | None:
    """Read a moment: ISO 8601, RFC 2822, ``2020.07.13. 오후 5:04``, ``20251208``, epoch seconds.

    Also as spreadsheets give it (``20251208.0``, day numbers, ``25.06.12``; see ``days_in_figures``). None if it can't be
    read, or lies outside the years 1900 to 2100.
    """
    moment = _read(value, clock)
    if moment is None or moment.year not in _YEARS:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=clock.zone)
    try:
        return aware.astimezone(SEOUL)
    except OverflowError:
        return None


def _read(value: object, clock: Clock) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=clock.zone)
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()[:64]
    if isinstance(value, float):
        # A day number has a fraction; seconds and 20250311.0 are whole.
        text = repr(value) if abs(value) < 1e6 else f"{value:.0f}" if abs(value) < 1e15 else ""
    if is_marked_utc(text):
        moment = _iso(text[:-1].strip())
        return moment.replace(tzinfo=clock.zulu) if moment and moment.tzinfo is None else moment
    text = re.sub(r"(?<=\d{8})\.0*$", "", text) if text.replace(".", "").isdigit() else text
    for read in (partial(day_in_figures, order=clock.order), _iso, _digits, moment_in, _rfc):
        try:
            moment = read(text)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        if moment is not None:
            return moment
    return None


def _iso(text: str) -> datetime | None:
    if not re.match(r"\d{4}-|\d{8}T", text):
        return None
    return datetime.fromisoformat(text)


def is_marked_utc(value: object) -> bool:
    """Whether a moment is in ISO 8601 with the mark of UTC: ``2025-12-08T09:00:00Z``."""
    return isinstance(value, str) and bool(_MARKED_UTC.fullmatch(value.strip()))


_MARKED_UTC = re.compile(r"(?:\d{4}-\d\d-\d\d|\d{8})[T ][\d:.]{4,18}\s?[Zz]")


def _digits(text: str) -> datetime | None:
    if not re.fullmatch(r"[\dT ]{8,15}", text):
        return None
    if re.fullmatch(r"\d{9,11}|\d{13}", text):
        return _epoch(int(text))
    found = _DIGITS.fullmatch(text)
    if found is None:
        return None
    day = datetime.strptime(found[1], "%Y%m%d")  # noqa: DTZ007 - the zone follows
    return day.replace(
        hour=int(found[2] or 0), minute=int(found[3] or 0), second=int(found[4] or 0)
    )


def _epoch(number: int) -> datetime:
    return datetime.fromtimestamp(number / 1000 if number > 10**12 else number, UTC)


def _rfc(text: str) -> datetime | None:
    return parsedate_to_datetime(text) if re.search(r"[A-Za-z]{3}", text) else None
