"""Dates and times of day in Korean text, read against the day of publication.

``5일`` in an article of 6 December is 5 December; ``지난달 3일``, ``내년 2월``, ``어제`` and ``이튿날`` are resolved
likewise; ``오후 3시`` = ``15시``. What stays ambiguous keeps all its readings. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

Reading = tuple[int | None, int, int]
"""Year, month and day; month and day 0: not stated; year None (or month −1): nobody can tell."""

_UNKNOWN = -1


@dataclass(frozen=True)
class When:
    """A date (or a time of day: minutes since midnight) as it stands at ``text[start:end]``."""

    start: int
    end: int
    readings: frozenset[Reading] = frozenset()
    minutes: frozenset[int] = frozenset()

    @property
    def kind(self) -> str:
        """What it can be confused with: years with years, days with days, times with times."""
        if self.minutes:
            return "time"
        _, month, day = next(iter(self.readings))
        return "day" if day else "month" if month else "year"

    def agrees_with(self, other: When) -> bool:
        """Whether this, a claim, is ``other`` or a coarser statement of it: 9월 for 9월 5일."""
        if self.minutes or other.minutes:
            return bool(self.minutes & other.minutes)
        return any(_within(one, two) for one in self.readings for two in other.readings)


def _within(claim: Reading, given: Reading) -> bool:
    if (claim[1] == 0 and claim[0] is None) or (given[1] == 0 and given[0] is None):
        return False
    return all(
        c == g or c in (None, _UNKNOWN) or g in (None, _UNKNOWN) or (c == 0 and place > 0)
        for place, (c, g) in enumerate(zip(claim, given, strict=True))
    )


@dataclass
class _Atom:
    """A part of a date; neighbouring atoms of falling size make one date."""

    start: int
    end: int
    size: int  # 0 year, 1 month, 2 day
    value: int | None = None
    shift: int = 0  # years, months or days from the day of publication
    also: int | None = None  # the other end of a range: 5~6월


_RELATIVE = {
    0: {"재작년": -2, "지난해": -1, "작년": -1, "올해": 0, "올": 0, "금년": 0, "내년": 1, "이듬해": 1},
    1: {"지난달": -1, "지난 달": -1, "이달": 0, "이번 달": 0, "다음 달": 1, "다음달": 1, "내달": 1},
    2: {"그저께": -2, "그제": -2, "어제": -1, "전날": -1, "오늘": 0, "내일": 1, "모레": 2, "이튿날": 1},
}  # fmt: skip
_FROM_THE_LAST = frozenset(
    {"전날", "이튿날", "이듬해"}
)  # counted from the date before, if there is one
RELATIVE_DATES = frozenset(word for words in _RELATIVE.values() for word in words)
_WORDS = {word: (size, shift) for size, words in _RELATIVE.items() for word, shift in words.items()}
_RANGE = r"(?:(?P<{0}>\d{{1,2}})\s?(?:[~∼∽\-–·,]|월?[과와]\s?|일?[과와]\s?)\s?)?"
_ATOM = re.compile(
    rf"(?P<word>(?<![가-힣])(?:{'|'.join(sorted(map(re.escape, _WORDS), key=len, reverse=True))})"
    r"(?:(?<!올)|(?=\s|해))(?!가을|여름|겨울))"
    r"|(?<!\d)(?P<iso>(?:19|20)\d\d[-.]\s?\d{1,2}[-.]\s?\d{1,2})(?!\d)"
    r"|(?<![\d.,])(?P<year>(?:19|20)\d\d)년(?!\s?(?:간|동안))"
    r"|(?<![\d.,~∼∽])" + _RANGE.format("month_from") + r"(?P<month>1[0-2]|[1-9])월(?!\s?간)"
    r"|(?<![\d.,~∼∽])" + _RANGE.format("day_from") + r"(?P<day>[12]?\d|3[01])일"
    r"(?!\s?(?:간|동안|째|만에|만이|만의|이상|이내|연속|내내|정도|가량|치|넘게|천하|여))"
)
_CLOCK = re.compile(
    r"(?:(?P<part>오전|오후|새벽|아침|낮|저녁|밤)\s?)?(?<!\d)(?P<hour>2[0-4]|1\d|0?\d)시(?!간|즌|[가-힣]{2,}청)"
    r"(?:\s?(?:(?P<minute>[0-5]?\d)분|(?P<half>반)))?|(?P<named>정오|자정)"
)


def whens(text: str, published: date | None) -> list[When]:
    """The dates and times of a text, in order."""
    return sorted([*_times(text), *_dates(text, published)], key=lambda when: when.start)


def _times(text: str) -> Iterator[When]:
    for match in _CLOCK.finditer(text):
        if match["named"]:
            minutes = {12 * 60} if match["named"] == "정오" else {0, 24 * 60}
        else:
            minute = 30 if match["half"] else int(match["minute"] or 0)
            minutes = {60 * h + minute for h in _hours(match["part"], int(match["hour"]))}
        yield When(match.start(), match.end(), minutes=frozenset(minutes))


def _hours(part: str | None, hour: int) -> set[int]:
    if hour > 12 or part is None:
        return {hour, (hour + 12) % 24} if hour <= 12 and part is None else {hour}
    morning, evening = hour % 12, hour % 12 + 12
    if part in {"오전", "새벽", "아침"}:
        return {morning}
    if part == "밤":
        return {evening if 5 < hour < 12 else morning}
    return {evening} if part != "낮" or hour < 11 or hour == 12 else {hour}


@dataclass
class _Reader:
    """Resolves dates in reading order; a bare day may belong to the month named before it."""

    text: str
    published: date | None
    last: frozenset[Reading] = field(default_factory=frozenset)

    def read(self, atoms: list[_Atom]) -> Iterator[When]:
        start, end = atoms[0].start, atoms[-1].end
        variants = [atoms]
        if (also := atoms[-1].also) is not None:
            low = _Atom(start, end, atoms[-1].size, also)
            variants.insert(0, [*atoms[:-1], low])
        for variant in variants:
            readings = frozenset(self._readings(variant))
            if readings:
                self.last = readings
                yield When(start, end, readings)

    def _readings(self, atoms: list[_Atom]) -> Iterator[Reading]:
        size = atoms[-1].size
        by_size = {atom.size: atom for atom in atoms}
        before = self.text[max(0, atoms[0].start - 4) : atoms[0].start]
        day = by_size.get(2)
        if day and day.value is None:
            yield from self._relative_days(day)
            return
        for year, month in self._months(by_size, before) if size > 0 else self._years(by_size):
            yield year, month, (day.value or 0) if day else 0

    def _relative_days(self, day: _Atom) -> Iterator[Reading]:
        known = [
            date(y, m, d) for y, m, d in self.last if y and m > 0 and d > 0 and _valid(y, m, d)
        ]
        counted = self.text[day.start : day.end] in _FROM_THE_LAST
        for origin in {*(known if counted else []), *([self.published] if self.published else [])}:
            there = origin + timedelta(days=day.shift)
            yield there.year, there.month, there.day

    def _years(self, by_size: dict[int, _Atom]) -> Iterator[tuple[int | None, int]]:
        atom = by_size[0]
        if atom.value is not None:
            yield atom.value, 0
        elif self.published is None:
            yield None, 0
        else:
            yield self.published.year + atom.shift, 0
            if self.text[atom.start : atom.end] in _FROM_THE_LAST:
                yield from ((year + atom.shift, 0) for year, _, _ in self.last if year)

    def _months(self, by_size: dict[int, _Atom], before: str) -> Iterator[tuple[int | None, int]]:
        year, month, day = by_size.get(0), by_size.get(1), by_size.get(2)
        if month is None:
            yield from self._months_of_a_bare_day(day, before)
        elif month.value is None:
            yield self._shifted(month.shift)
        elif year is not None:
            yield from ((y, month.value) for y, _ in self._years(by_size))
        else:
            yield from self._nearest_years(month.value, day.value if day else 0, before)

    def _shifted(self, months: int) -> tuple[int | None, int]:
        if self.published is None:
            return None, _UNKNOWN
        year, month = divmod(12 * self.published.year + self.published.month - 1 + months, 12)
        return year, month + 1

    def _months_of_a_bare_day(
        self, day: _Atom | None, before: str
    ) -> Iterator[tuple[int | None, int]]:
        yield from ((year, month) for year, month, _ in self.last if month)
        if self.published is None or day is None or day.value is None:
            yield None, _UNKNOWN
            return
        around = [self._shifted(shift) for shift in (-1, 0, 1)]
        dated = [date(y, m, day.value) for y, m in around if y and _valid(y, m, day.value)]
        for nearest in self._nearest(dated, before):
            yield nearest.year, nearest.month

    def _nearest_years(
        self, month: int, day: int | None, before: str
    ) -> Iterator[tuple[int | None, int]]:
        yield from {(year, month) for year, _, _ in self.last}  # 내년 6월에서 9월로
        if self.published is None:
            yield None, month
            return
        years = (self.published.year + shift for shift in (-1, 0, 1))
        dated = [date(y, month, day or 15) for y in years if _valid(y, month, day or 15)]
        for nearest in self._nearest(dated, before):
            yield nearest.year, month

    def _nearest(self, dated: list[date], before: str) -> list[date]:
        """The date nearest to publication, in the past after 지난 and in the future after 오는."""
        published = self.published
        if published is None:
            return dated
        slack = timedelta(days=16)
        if before.rstrip().endswith("지난"):
            dated = [day for day in dated if day <= published + slack] or dated
        elif before.rstrip().endswith("오는"):
            dated = [day for day in dated if day >= published - slack] or dated
        least = min((abs(day - published) for day in dated), default=timedelta())
        # Half a year away on both sides: the text does not say which.
        return [day for day in dated if abs(day - published) <= least + timedelta(days=4)]


def _valid(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _dates(text: str, published: date | None) -> Iterator[When]:
    reader = _Reader(text, published)
    pending: list[_Atom] = []
    for atom in _atoms(text):
        joins = pending and atom.size > pending[-1].size and pending[-1].also is None
        if joins and not text[pending[-1].end : atom.start].strip():
            pending.append(atom)
            continue
        if pending:
            yield from reader.read(pending)
        pending = [atom]
    if pending:
        yield from reader.read(pending)


def _atoms(text: str) -> Iterator[_Atom]:
    for match in _ATOM.finditer(text):
        start, end = match.span()
        if word := match["word"]:
            size, shift = _WORDS[word]
            yield _Atom(start, end, size, shift=shift)
        elif iso := match["iso"]:
            for size, value in enumerate(re.findall(r"\d+", iso)):
                yield _Atom(start, end if size == 2 else start, size, int(value))
        elif match["year"]:
            yield _Atom(start, end, 0, int(match["year"]))
        else:
            name, size = ("month", 1) if match["month"] else ("day", 2)
            first = match[f"{name}_from"]
            yield _Atom(start, end, size, int(match[name]), also=int(first) if first else None)
