"""Dates and times of day in Korean text: the one grammar of them, for pages, questions and articles.

``2025년 12월 8일``, ``2025.12.08.``, ``12/08``, ``'25.6.12``; ``어제``, ``지난달 3일``, ``내년``; ``8월``, ``금요일``,
``추석``, ``3분기``; ``3월부터 5월까지``, ``5~6일``; ``오후 6시`` = ``18:00``. The words are in ``data/dates.toml``.
Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from re import Match

from index.datescan import Scanner
from index.datewords import DATE
from index.lexicon import LEXICON
from index.mention import Mention, Policy

RECENT_TEXTS = 4_096
"""Texts whose mentions are remembered: sentences of articles that are asked about again and again."""

_ANCHOR_YEARS = range(1500, 2500)
"""Nothing is published on another day; the calendar's own limits are far from these."""


@lru_cache(maxsize=RECENT_TEXTS)
def mentions(
    text: str, anchor: date | None, policy: Policy = Policy.NEAREST
) -> tuple[Mention, ...]:
    """The dates and times of day that a text names, in order, read against the ``anchor`` day.

    Without an anchor only whole dates have readings. What is no date is not there: durations (``5일간``),
    ages, names (``5·18``, ``6월 항쟁``), fractions. To ask whether a text names a day of a range:
    ``any(m.overlaps(first, last) for m in mentions(text, published_on))``. Never raises.
    """
    known = anchor if anchor and anchor.year in _ANCHOR_YEARS else None
    dates = list(Scanner(text, known, policy).mentions())
    times = [t for t in _times(text) if all(t.end <= d.start or d.end <= t.start for d in dates)]
    return tuple(sorted([*dates, *times], key=lambda mention: mention.start))


# --- times of day ----------------------------------------------------------------------------

CLOCK = (
    r"(?:(?P<part>{dates.parts_of_day}|[AaPp][Mm])\s?)?(?<!\d)(?P<hour>2[0-4]|1\d|0?\d)"
    r"(?:시(?!간|즌|[가-힣]{2,}청)(?:\s?(?:(?P<minute>[0-5]?\d)분|(?P<half>반)))?"
    r"|\s?:\s?(?P<minutes>[0-5]\d)(?!\d)(?::(?P<second>[0-5]\d)(?!\d))?)"
    r"(?:\s?(?P<after>[AaPp][Mm])(?![A-Za-z]))?"
)
"""A time of day, as stamps have it, too: ``오후 5:04``, ``14시 5분``, ``09:30:00``."""

_CLOCK = LEXICON.expression(rf"(?<![\d.:]){CLOCK}|(?P<named>{{dates.named_hours}})")
_DAY = frozenset(range(24 * 60 + 1))


def _times(text: str) -> Iterator[Mention]:
    for match in _CLOCK.finditer(text):
        if match["minutes"] and len(match["hour"]) < 2 and not match["part"]:
            continue  # 3:10 is a verse, or a score
        if match["named"]:
            minutes = {LEXICON["dates.named_hours"].numbers[match["named"]]}
        else:
            minutes = {60 * hour + _minute(match) for hour in _hours(match)} & _DAY
        minutes |= {24 * 60} if 0 in minutes else {0} if 24 * 60 in minutes else set()
        if minutes:
            yield Mention(match[0], match.start(), "time", minutes=frozenset(minutes))


def _minute(match: Match[str]) -> int:
    return 30 if match["half"] else int(match["minute"] or match["minutes"] or 0)


def _hours(match: Match[str]) -> set[int]:
    """The hours that are meant: 3시 is of the night or the afternoon, 03:00 and 15시 are not."""
    hour, part = int(match["hour"]), match["part"] or match["after"]
    if hour > 12:
        return {hour}
    if part is None:
        is_plain = match["minutes"] or match["hour"].startswith("0")
        return {hour} if is_plain else {hour, (hour + 12) % 24}
    morning, evening = hour % 12, hour % 12 + 12
    match LEXICON["dates.parts_of_day"].texts.get(part, part.lower()):
        case "morning" | "am":
            return {morning}
        case "night":
            return {evening if 5 < hour < 12 else morning}
        case "noon":
            return {evening} if hour < 11 or hour == 12 else {hour}
    return {evening}


# --- stamps ----------------------------------------------------------------------------------

_WHOLE_DATE = re.compile(DATE)
_TO_CLOCK = re.compile(r"\s?[일.]?[\s,T]{0,2}(?:\(?[월화수목금토일](?:요일)?\)?)?\s{0,2}\(?")
_CLOCK_BEHIND = LEXICON.expression(CLOCK)


def moment_in(text: str) -> datetime | None:
    """The first whole date of a text with the time of day behind it, as stamps have them; naive.

    ``2020.07.13. 오후 5:04``, ``2025년 12월 8일 (월) 14시 5분``. An hour is as it is written. None where there is no
    whole date. Raises ValueError for one that the calendar lacks.
    """
    found = _WHOLE_DATE.search(text)
    if found is None:
        return None
    day = datetime(int(found["year"]), int(found["month"]), int(found["day"]))  # noqa: DTZ001
    gap = _TO_CLOCK.match(text, found.end())
    clock = _CLOCK_BEHIND.match(text, gap.end() if gap else found.end())
    if clock is None:
        return day
    hour = int(clock["hour"]) if not (clock["part"] or clock["after"]) else min(_hours(clock))
    second = int(clock["second"] or 0)
    return day + timedelta(hours=hour, minutes=_minute(clock), seconds=second)
