"""Finds the dates of a text and what each may mean: the grammar over the words of ``index.datewords``.

An expression is a fixed point or a recurring unit, then smaller units within it (``작년 8월 3일``). Two that
are joined make a range or are said in one breath; the second follows on the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from re import Match
from typing import NamedTuple

from index.datewords import FIXED, LENGTH, UNITS, Unit
from index.days import Days, Grain, period
from index.lexicon import LEXICON
from index.mention import Mention, Policy

# Where an expression may begin: with one of its words, and where a word begins. It is no part of a number,
# of a version or of a name such as 5·18.
_FIRST = (
    r"(?:\d{1,4}\s?(?:[년월일주달박/~∼〜∽–·-]|개월|분기|\.\s?\d|,\s?\d{1,2}\s?[월일])|올|설|엊그|간밤|최근|[근요]\s?|[이내]\s?달|[내차]\s?주|연[초말내]|월[초말]|주말|{dates.halves}반기|"
    r"{dates.weekdays}요일|(?:{units.ones|units.other_numerals}|열)\s?[주달해]|"
    r"{dates.relative_days|dates.relative_years|dates.from_the_last|dates.prefixes|dates.modifiers|"
    r"dates.solar_feasts|dates.lunar_feasts|dates.lengths|units.days})"
)
_BEGINNING = LEXICON.expression(
    rf"(?<![\w.,/·~+-])(?={_FIRST})|(?=['’‘]\d)|(?<![\d.,])(?=(?:19|20)\d\d(?:년|\s?[.\-/]\s?\d))"
)
_BLANKS = re.compile(r"\s{0,2}")
_MODIFIER = LEXICON.expression(r"({dates.modifiers})\s?")
_FROM_THE_LAST = LEXICON.expression("({dates.from_the_last})")
_RANGE = re.compile(r"\s?(?:부터|에서|[~∼〜∽–-])\s?")
_AND = re.compile(r"\s?(?:과|와|이랑|랑|하고|및|·)\s?|(?<=\d),\s?(?=\d)")

_BEFORE = r"\s?전(?:(?![가-힣])|(?=에|의|부터|까지|보다|쯤|과))"
_NO_DATE = LEXICON.expression(
    r"오늘(?:날|의\s?집|내일)|그제(?:야|서야)|\d+\s?박\s?\d+\s?일|(?:\d|\d{3})\s?년\s?\d+\s?월(?:\s?\d+\s?일)?|"
    r"\d{1,2}월\s?{dates.month_events}|\d+\s?[~∼-]\s?\d+\s?(?:일|주|개월|달|년)" + _BEFORE
)
_LENGTH_BEFORE = LEXICON.expression(LENGTH + _BEFORE)
_COUNTED_DAYS = re.compile(r"\d+(?:\.\d)?\s?일")
_COUNTING = LEXICON.expression(r"(?:{dates.sentences}|주)\s?$")
_EVENT = LEXICON.expression(r"(?:{dates.events}|[가-힣]기)\s?$")
_NOUN = re.compile(r"[가-힣](?<![은는이가을를에로의도와과며고서])\s$")
_CONTEXT_CHARS = 12

_REACH = 12
"""Periods to look through for a unit: the next 29th of February may be eight years away."""

_TIES = timedelta(days=4)
"""Half a year away on both sides: the text does not say which."""

_LEAP_YEAR = (Days(date(2024, 1, 1), date(2024, 12, 31)), Days(date(2024, 1, 1), date(2024, 1, 31)))
"""A year and a month in which every date is that some year or month has."""

_Chain = list[tuple[Unit, Match[str]]]


class _Point(NamedTuple):
    """An expression without what may follow it: where it ends, and what it means."""

    end: int
    grain: Grain
    readings: tuple[Days, ...] = ()
    stated: tuple[int | None, ...] = ()


@dataclass
class Scanner:
    """Reads the dates of a text in their order: a bare day may belong to the month named before it."""

    text: str
    anchor: date | None
    policy: Policy
    last: tuple[Days, ...] = ()

    def mentions(self) -> Iterator[Mention]:
        """The dates of the text, in order."""
        pos = 0
        for beginning in _BEGINNING.finditer(self.text):
            if beginning.start() < pos:
                continue
            if no_date := self._no_date(beginning.start()):
                pos = no_date.end()
            elif found := self._read(beginning.start()):
                pos = found[-1].end
                self.last = found[-1].readings or self.last
                yield from found

    def _no_date(self, pos: int) -> Match[str] | None:
        """What looks like a date at ``pos`` and is none.

        ``취임 3년 전`` is counted from the event; in an article ``단수 사흘 전`` from whatever the noun names.
        """
        before = self.text[max(0, pos - _CONTEXT_CHARS) : pos]
        if _COUNTING.search(before) and (days := _COUNTED_DAYS.match(self.text, pos)):
            return days
        counts = _EVENT.search(before) or (self._is_article and _NOUN.search(before))
        counted = _LENGTH_BEFORE.match(self.text, pos) if counts else None
        return counted or _NO_DATE.match(self.text, pos)

    @property
    def _is_article(self) -> bool:
        return self.policy is Policy.NEAREST

    def _read(self, pos: int) -> list[Mention]:
        """The expression at ``pos``, up to a second one if it is joined to it."""
        first = self._point(pos, self.last if self._is_article else ())
        if first is None:
            return []
        one = self._mention(pos, first)
        for join in (_RANGE, _AND):
            joint = join.match(self.text, first.end)
            second = self._point(joint.end(), first.readings) if joint else None
            if joint and second and bool(second.readings) == bool(first.readings):
                second = second._replace(readings=_following(first.readings, second.readings))
                other = self._mention(joint.end(), second)
                return [_range(self.text, one, other)] if join is _RANGE else [one, other]
        return [one]

    def _mention(self, pos: int, point: _Point) -> Mention:
        text = self.text[pos : point.end]
        return Mention(text, pos, point.grain, point.readings, point.stated)

    def _point(self, pos: int, last: tuple[Days, ...]) -> _Point | None:
        """The longest expression at ``pos``."""
        found = [self._fixed(pos), self._from_the_last(pos, last), self._recurring(pos, "", last)]
        if modifier := _MODIFIER.match(self.text, pos):
            kind = LEXICON["dates.modifiers"].texts[modifier[1]]
            modified = self._recurring(modifier.end(), kind, last)
            # 올 겨울 is the winter that 올 means, not that of this year.
            found = [modified, *found, self._fixed(modifier.end())]
        return max(filter(None, found), key=lambda point: point.end, default=None)

    def _fixed(self, pos: int) -> _Point | None:
        """A fixed point at ``pos`` and the units within it."""
        found = [(m, fixed) for fixed in FIXED if (m := fixed.expression.match(self.text, pos))]
        if not found:
            return None
        match, fixed = max(found, key=lambda pair: pair[0].end())
        # Without an anchor any day will do to see how precise a relative one is.
        days, grain = fixed.meaning(match, self.anchor or date(2000, 1, 1))
        chain = self._chain(_after_blanks(self.text, match.end()), grain, dependent=True)
        inner = _within(days, chain)
        is_known = inner and (fixed.absolute or self.anchor)
        stated = _stated(days if fixed.absolute else None, grain, chain) if inner else ()
        return _ending(match, chain, grain, (inner,) if is_known and inner else (), stated)

    def _from_the_last(self, pos: int, last: tuple[Days, ...]) -> _Point | None:
        """``이튿날``, ``그해 8월``: counted from the day named last, or in an article from its own."""
        word = _FROM_THE_LAST.match(self.text, pos)
        if word is None:
            return None
        grain, offset = LEXICON["dates.from_the_last"].value(word[1])
        own = [self.anchor] if self._is_article and self.anchor else []
        chain = self._chain(_after_blanks(self.text, word.end()), grain, dependent=True)
        origins = dict.fromkeys([*(days.first for days in last), *own])
        found = (_within(period(grain, origin, offset), chain) for origin in origins)
        return _ending(word, chain, grain, _sorted(found), _stated(None, grain, chain))

    def _recurring(self, pos: int, modifier: str, last: tuple[Days, ...]) -> _Point | None:
        """Recurring units at ``pos``, at the times that may be meant."""
        chain = self._chain(pos, None, dependent=bool(modifier))
        if not chain:
            return None
        found: Iterable[Days] = ()
        if self.anchor and self._is_article:
            found = _nearest(chain, self.anchor, modifier, last)
        elif self.anchor:
            found = _latest(chain, self.anchor, modifier, last[0] if last else None)
        readings = _sorted(found)
        exists = readings or any(_within(days, chain) for days in _LEAP_YEAR)
        return _ending(
            None, chain, "other", readings, _stated(None, "other", chain) if exists else ()
        )

    def _chain(self, pos: int, grain: Grain | None, *, dependent: bool) -> _Chain:
        """The units at ``pos``, each within the one before, the first within ``grain`` (None: any)."""
        chain: _Chain = []
        while True:
            fitting = [
                (unit, match)
                for unit in UNITS
                if (dependent or unit.alone)
                and grain in (None, unit.period)
                and (match := unit.expression.match(self.text, pos))
            ]
            if not fitting:
                return chain
            unit, match = max(fitting, key=lambda pair: pair[1].end())
            chain.append((unit, match))
            pos, grain, dependent = _after_blanks(self.text, match.end()), unit.grain, True


def _ending(
    match: Match[str] | None,
    chain: _Chain,
    grain: Grain,
    readings: tuple[Days, ...],
    stated: tuple[int | None, ...],
) -> _Point | None:
    """The point that ends with the last unit of a chain, or with the match before it."""
    if chain:
        return _Point(chain[-1][1].end(), chain[-1][0].grain, readings, stated)
    return _Point(match.end(), grain, readings, stated) if match else None


def _after_blanks(text: str, pos: int) -> int:
    blanks = _BLANKS.match(text, pos)
    return blanks.end() if blanks else pos


def _sorted(found: Iterable[Days | None]) -> tuple[Days, ...]:
    return tuple(sorted({days for days in found if days}))


def _within(days: Days | None, chain: _Chain) -> Days | None:
    for unit, match in chain:
        days = unit.at(match, days) if days else None
    return days


def _stated(days: Days | None, grain: Grain, chain: _Chain) -> tuple[int | None, ...]:
    """What the numbers of an expression say of year, month and day; ``days`` of an absolute point."""
    place = {"year": 1, "month": 2, "day": 3}.get(grain, 0)
    fields: tuple[int | None, ...] = ()
    if days:
        fields = (days.first.year, days.first.month, days.first.day)[:place]
    for unit, match in chain:
        if unit.place is None:
            return ()
        numbers = (int(number) for number in match.groups() if number)
        fields = (*(*fields, None, None)[: unit.place], *numbers)
    return fields


# --- two of them -----------------------------------------------------------------------------


def _following(first: Iterable[Days], second: tuple[Days, ...]) -> tuple[Days, ...]:
    """Of what the second of two may mean, what follows next on what the first may mean."""
    later = ([days for days in second if days.first >= start.first] for start in first)
    return _sorted(min(days) for days in later if days) or second


def _range(text: str, one: Mention, other: Mention) -> Mention:
    """From one mention to the other, each reading of the first up to the next of the second."""
    readings = set()
    for start in one.readings:
        ends = [days for days in other.readings if days.last >= start.first]
        if ends:
            readings.add(Days(start.first, min(days.last for days in ends)))
        else:
            readings.add(Days(min(days.first for days in other.readings), start.last))
    whole = text[one.start : other.end]
    return Mention(whole, one.start, other.grain, _sorted(readings), ends=(one, other))


# --- which of those that recur ---------------------------------------------------------------


def _latest(chain: _Chain, today: date, modifier: str, after: Days | None) -> Iterator[Days]:
    """The latest that has begun, as modified, or the first one that begins ``after`` another does."""
    unit = chain[0][0]
    if modifier in ("ahead", "every"):
        return
    if modifier == "this":
        yield from _this(chain, today)
        return
    base, step = (after.first, 1) if after else (today, -1)
    spans = (_within(period(unit.period, base, step * n), chain) for n in range(_REACH))
    for span in filter(None, spans):
        over = span.last < today if modifier == "past" else span.first <= today
        if span.first >= after.first if after else over:
            yield span
            return


def _nearest(chain: _Chain, anchor: date, modifier: str, last: Iterable[Days]) -> Iterator[Days]:
    """Those nearest to the anchor, in the past after 지난 and in the future after 오는, and those within
    the month or year named last."""
    unit = chain[0][0]
    if modifier == "every":
        return
    if modifier == "this":
        yield from _this(chain, anchor)
        return
    for days in last if unit.period in ("month", "year") else ():
        whole = period(unit.period, days.first)
        if days.last <= whole.last and (inner := _within(whole, chain)):
            yield inner
    found = _around(chain, anchor, 1) or _around(chain, anchor, _REACH)
    if modifier == "past":
        found = [days for days in found if days.first <= anchor] or found
    elif modifier == "ahead":
        found = [days for days in found if days.last >= anchor] or found
    least = min((_distance(days, anchor) for days in found), default=timedelta())
    yield from (days for days in found if _distance(days, anchor) <= least + _TIES)


def _around(chain: _Chain, anchor: date, reach: int) -> list[Days]:
    unit = chain[0][0]
    periods = (period(unit.period, anchor, offset) for offset in range(-reach, reach + 1))
    return [days for whole in periods if (days := _within(whole, chain))]


def _this(chain: _Chain, today: date) -> Iterator[Days]:
    """The one of this year, month or week; until August, this winter is the one that began last year."""
    unit, match = chain[0]
    offset = -1 if match[0] == "겨울" and today.month < 9 else 0
    days = _within(period(unit.period, today, offset), chain)
    yield from [days] if days else []


def _distance(days: Days, anchor: date) -> timedelta:
    return abs(days.first + (days.last - days.first) / 2 - anchor)
