"""What an archive holds, as a first visitor sees it: outlets, sections, and days in a histogram."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from index import Tally

MOST_BUCKETS = 62
"""Columns of the histogram, at most: two months of days."""

MOST_NAMES = 200
"""Outlets and sections that are listed, those with the most articles first."""

Unit = Literal["day", "week", "month", "year"]

_YEARS = (1, 2, 5, 10, 20, 50, 100, 200)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class Named(_Value):
    """An outlet, or the path of a section (``경제>반도체``), and how many articles it has; those below it count too."""

    name: str
    articles: int


class Bucket(_Value):
    """Days in Seoul, both inclusive, and how many articles were published on them."""

    start: Annotated[date, Field(alias="from")]
    end: Annotated[date, Field(alias="to")]
    articles: int


class Histogram(_Value):
    """Buckets without gaps or overlaps, earliest first; empty where no article has a date.

    Each spans whole days, weeks (from Monday), months or years, so that its ends can be taken as filters.
    """

    unit: Unit
    buckets: tuple[Bucket, ...] = ()


class Archive(_Value):
    """What the archive holds of the articles that meet the filters; ``undated`` have no day of publication."""

    generation: int
    articles: int
    passages: int
    published_from: date | None
    published_to: date | None
    undated: int
    presses: Annotated[tuple[Named, ...], Field(description="At most 200, the largest first.")]
    sections: Annotated[
        tuple[Named, ...],
        Field(description="At most 200, the largest first; of a path also those above it."),
    ]
    days: Histogram


def archive_of(tally: Tally) -> Archive:
    """A tally as it is shown."""
    return Archive(
        generation=tally.generation,
        articles=tally.articles,
        passages=tally.passages,
        published_from=min(tally.days, default=None),
        published_to=max(tally.days, default=None),
        undated=tally.articles - sum(tally.days.values()),
        presses=_largest(tally.presses),
        sections=_largest(_with_those_above(tally.sections)),
        days=histogram(tally.days),
    )


def histogram(days: Mapping[date, int]) -> Histogram:
    """Articles by days, weeks, months or years: the shortest unit that needs no more than ``MOST_BUCKETS`` buckets."""
    if not days:
        return Histogram(unit="day")
    first, last = min(days), max(days)
    unit, starts = next(
        (unit, [begin(n) for n in numbers])
        for unit, numbers, begin in _divisions(first, last)
        if len(numbers) <= MOST_BUCKETS + 1  # the last is that of the bucket behind
    )
    counts: Counter[int] = Counter()
    for day, articles in days.items():
        counts[bisect_right(starts, day.toordinal()) - 1] += articles
    return Histogram(
        unit=unit,
        buckets=tuple(
            Bucket(
                start=date.fromordinal(start), end=date.fromordinal(behind - 1), articles=counts[n]
            )
            for n, (start, behind) in enumerate(pairwise(starts))
        ),
    )


def _divisions(first: date, last: date) -> Iterator[tuple[Unit, range, Callable[[int], int]]]:
    """Units, the shortest first: the numbers of the buckets and of the one behind, and the ordinal at which each begins."""
    begin, end = first.toordinal(), last.toordinal()
    yield "day", range(begin, end + 2), int
    monday = begin - first.weekday()
    weeks = (end - monday) // 7 + 1
    yield "week", range(monday, monday + 7 * weeks + 1, 7), lambda day: min(max(day, 1), _END)
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month + 1)
    yield "month", months, lambda month: _ordinal(month // 12, month % 12 + 1)
    for step in _YEARS:
        years = range(first.year // step * step, last.year // step * step + step + 1, step)
        yield "year", years, lambda year: _ordinal(max(year, 1), 1)


_END = date.max.toordinal() + 1


def _ordinal(year: int, month: int) -> int:
    """The first day of a month; of the year after the last of the calendar, the day behind its end."""
    return date(year, month, 1).toordinal() if year <= date.max.year else _END


def _with_those_above(sections: Mapping[str, int]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for path, articles in sections.items():
        parts = path.split(">")
        for n in range(1, len(parts) + 1):
            counts[">".join(parts[:n])] += articles
    return counts


def _largest(counts: Mapping[str, int]) -> tuple[Named, ...]:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Named(name=name, articles=articles) for name, articles in ordered[:MOST_NAMES])
