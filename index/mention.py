"""A date or a time of day as a text names it, and what it can be asked. Values without behaviour of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from index.days import Days, Grain


class Policy(Enum):
    """Which of the days that recur is meant where the text does not say it."""

    PAST = "a question to an archive: the latest that has begun"
    NEAREST = "an article: the nearest to its own day, or in the month or year named last"


@dataclass(frozen=True)
class Mention:
    """A date or a time of day as it stands at ``start``; ``text`` is exactly what is written there.

    ``readings`` are the days it may mean, earliest first; none: nobody can tell. ``stated`` is what the text
    itself says of year, month and day, as far as ``grain`` goes, None for what it leaves open: (None, 9, 5)
    for 9월 5일. ``minutes`` since midnight for a time of day, which has neither. ``ends`` are the two mentions
    that make a range.
    """

    text: str
    start: int
    grain: Grain
    readings: tuple[Days, ...] = ()
    stated: tuple[int | None, ...] = ()
    minutes: frozenset[int] = frozenset()
    ends: tuple[Mention, ...] = ()

    @property
    def end(self) -> int:
        """The offset behind its last character."""
        return self.start + len(self.text)

    @property
    def is_known(self) -> bool:
        """Whether anything can be said of it: ``매년`` and, without an anchor, ``어제`` say nothing."""
        return bool(self.readings or self.minutes or any(n is not None for n in self.stated))

    def overlaps(self, first: date, last: date) -> bool:
        """Whether a day that it may mean is one of those from ``first`` to ``last``, both inclusive."""
        return any(days.first <= last and first <= days.last for days in self.readings)

    def agrees_with(self, other: Mention) -> bool:
        """Whether this, a claim, says what ``other`` says, or the same less precisely: 9월 for 9월 5일.

        Where one of them has no readings, they agree as far as both state it. A range agrees with the same
        range alone; either end of a range may be claimed.
        """
        if self.minutes or other.minutes:
            return bool(self.minutes & other.minutes)
        if self.ends and other.ends:
            pairs = zip(self.ends, other.ends, strict=True)
            return all(mine.agrees_with(its) for mine, its in pairs)
        if self.ends:
            return not set(self.readings).isdisjoint(other.readings)
        if other.ends and any(self.agrees_with(end) for end in other.ends):
            return True
        if self.readings and other.readings:
            return any(_lies_in(its, mine) for its in other.readings for mine in self.readings)
        return _may_be_same(self.stated, other.stated)


def _lies_in(inner: Days, outer: Days) -> bool:
    return outer.first <= inner.first and inner.last <= outer.last


def _may_be_same(claim: tuple[int | None, ...], given: tuple[int | None, ...]) -> bool:
    both = [(c, g) for c, g in zip(claim, given, strict=False) if c is not None and g is not None]
    return 0 < len(claim) <= len(given) and bool(both) and all(c == g for c, g in both)
