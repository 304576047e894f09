"""Moments as Korean sources write them, to aware datetimes in Seoul's zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from index.documents import SEOUL

_KOREAN = re.compile(
    r"(?P<year>(?:19|20)\d{2})\s?[.\-/년]\s?(?P<month>\d{1,2})\s?[.\-/월]\s?(?P<day>\d{1,2})(?!\d)"
    r"[일.]?[\s,T]{0,2}(?:\(?[월화수목금토일](?:요일)?\)?)?\s{0,2}"
    r"(?:\(?(?P<half>오전|오후|[AaPp][Mm])?\s?(?P<hour>\d{1,2})\s?[:시]\s?(?P<minute>\d{1,2})\s?분?"
    r"(?::(?P<second>\d{2}))?(?:\s?(?P<half_after>[AaPp][Mm]))?)?"
)
_DIGITS = re.compile(r"(\d{8})(?:[T ]?(\d{2})(\d{2})(\d{2})?)?")
_YEARS = range(1900, 2101)


def parse_moment(value: object, zone: tzinfo) -> datetime | None:
    """Read a moment: ISO 8601, RFC 2822, ``2020.07.13. 오후 5:04``, ``20251208``, epoch seconds.

    A moment without an offset is taken to be in ``zone``, and so is one marked ``Z``: Korean exports
    put it on local times. None if it can't be read, or lies outside the years 1900 to 2100.
    """
    moment = _read(value, zone)
    if moment is None or moment.year not in _YEARS:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    try:
        return aware.astimezone(SEOUL)
    except OverflowError:
        return None


def _read(value: object, zone: tzinfo) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone)
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()[:64]
    if isinstance(value, float):
        text = f"{value:.0f}" if abs(value) < 1e15 else ""
    for read in (_iso, _digits, _korean, _rfc):
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
    return datetime.fromisoformat(text.removesuffix("Z").removesuffix("z").strip())


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


def _korean(text: str) -> datetime | None:
    found = _KOREAN.search(text)
    if found is None:
        return None
    day = datetime(int(found["year"]), int(found["month"]), int(found["day"]))  # noqa: DTZ001
    if found["hour"] is None:
        return day
    hour, half = int(found["hour"]), (found["half"] or found["half_after"] or "").lower()
    if half in {"오후", "pm"} and hour < 12:
        hour += 12
    elif half in {"오전", "am"} and hour == 12:
        hour = 0
    # 24:00 is midnight at the end of the day.
    day += timedelta(days=1) if hour == 24 else timedelta()
    return day.replace(
        hour=hour % 24, minute=int(found["minute"]), second=int(found["second"] or 0)
    )


def _rfc(text: str) -> datetime | None:
    return parsedate_to_datetime(text) if re.search(r"[A-Za-z]{3}", text) else None
