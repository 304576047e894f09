"""What follows from figures and dates: sums, differences, shares, distances in time. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import combinations, permutations

from index import Mention, Quantity
from service.verify.figures import Figure

NEAR = {"over": (Decimal(1), Decimal("1.3")), "under": (Decimal("0.75"), Decimal(1))}
"""How far a true figure may lie from one that is over or under it, as shares of the latter."""
ABOUT = Decimal("0.12")
LONGEST_SUM = 4
_ROUNDED = Decimal("0.06")  # 2.8배 for 2.803
_TIMES = {"시간": 60, "분": 1}
_DAYS = {"일": 1, "주": 7, "주일": 7}
_MONTHS = {"개월": 1, "년": 12}


def fits(claim: Figure, value: Decimal) -> bool:
    """Whether a true value may be called the claimed one, by its bound."""
    claimed = claim.quantity.value
    if value == claimed:
        return True
    if claim.bound in NEAR:
        low, high = NEAR[claim.bound]
        return claimed * low <= value <= claimed * high
    return claim.bound == "about" and abs(value - claimed) <= ABOUT * claimed


def states(claim: Figure, given: Quantity) -> bool:
    """Whether evidence has the claimed figure itself, or one that it rounds."""
    if claim.quantity.agrees_with(given):
        return True
    if not claim.bound or not claim.quantity.may_rival(given):
        return False
    scale = _common(claim.quantity, given)
    return fits(claim, given.value * scale)


def _common(one: Quantity, other: Quantity) -> Decimal:
    """What to multiply the other's value with to have the unit of the one."""
    if one.unit == other.unit or not one.value or not other.value:
        return Decimal(1)
    mine, its = one.in_common_unit()[0], other.in_common_unit()[0]
    return (its / other.value) / (mine / one.value)


def follows(claim: Figure, given: Sequence[Figure], dates: Sequence[Mention]) -> bool:
    """Whether a figure that evidence lacks follows from those that it has."""
    alike = [
        f.quantity.value * _common(claim.quantity, f.quantity)
        for f in given
        if f.quantity.may_rival(claim.quantity)
    ]
    if _is_difference(claim) and any(fits(claim, value) for value in _differences(claim, given)):
        return True
    if "sums" in claim.cues and any(fits(claim, total) for total in _sums(alike)):
        return True
    if any(_is_share(claim, one, other) for one, other in _pairs(given)):
        return True
    return any(fits(claim, Decimal(value)) for value in _distances(claim, dates))


def _is_difference(claim: Figure) -> bool:
    return "differences" in claim.cues or claim.direction != 0 or claim.place == "from"


def _differences(claim: Figure, given: Sequence[Figure]) -> Iterator[Decimal]:
    """Differences of two figures, and a figure before the change that is told of it: 2.8%로 0.2%p 내렸다."""
    unit, percent = claim.quantity.unit, {"%", "%p"}
    alike = [
        (f, f.quantity.value * _common(claim.quantity, f.quantity))
        for f in given
        if f.quantity.may_rival(claim.quantity) or {unit, f.quantity.unit} == percent
    ]
    for (one, value), (other, its) in combinations(alike, 2):
        if unit != "%p" or one.quantity.unit == other.quantity.unit == "%":
            yield abs(value - its)
        if other.direction and one.direction == other.direction:
            yield value - other.direction * its


def _sums(values: Sequence[Decimal]) -> Iterator[Decimal]:
    for first in range(len(values)):
        for last in range(first + 2, min(first + LONGEST_SUM, len(values)) + 1):
            yield sum(values[first:last], Decimal(0))


def _pairs(given: Sequence[Figure]) -> Iterator[tuple[Decimal, Decimal]]:
    for one, other in permutations(given, 2):
        if one.quantity.may_rival(other.quantity) and one.quantity.value and other.quantity.value:
            yield one.quantity.value * _common(other.quantity, one.quantity), other.quantity.value


def _is_share(claim: Figure, one: Decimal, other: Decimal) -> bool:
    """Whether the claim is the ratio of two figures, their percentage, or the change from one to the other."""
    share = one / other
    if claim.quantity.unit == "배":
        return _rounds(claim, share)
    if claim.quantity.unit != "%":
        return False
    if claim.direction and _rounds(claim, abs(share - 1) * 100):
        return True
    return share < 1 and _rounds(claim, share * 100)


def _rounds(claim: Figure, value: Decimal) -> bool:
    claimed = claim.quantity.value
    if claim.bound:
        return fits(claim, value)
    exponent = claimed.as_tuple().exponent
    step = Decimal(1).scaleb(int(exponent)) if isinstance(exponent, int) else Decimal(1)
    return abs(value - claimed) <= max(step * _ROUNDED * 10, claimed * Decimal("0.005"))


def _distances(claim: Figure, dates: Sequence[Mention]) -> Iterator[Decimal]:
    """How far any two of the dates or times lie from each other, in the unit of the claim."""
    unit = claim.quantity.unit or ""
    for one, other in combinations(dates, 2):
        if unit in _TIMES and one.minutes and other.minutes:
            yield from (
                Decimal(abs(a - b)) / _TIMES[unit] for a in one.minutes for b in other.minutes
            )
        elif one.readings and other.readings:
            first, second = one.readings[0].first, other.readings[0].first
            if unit in _DAYS and {one.grain, other.grain} == {"day"}:
                yield Decimal(abs((first - second).days)) / _DAYS[unit]
            elif unit in _MONTHS:
                months = abs((first.year - second.year) * 12 + first.month - second.month)
                yield Decimal(months) / _MONTHS[unit]


def date_follows(claim: Mention, given: Sequence[Figure], dates: Sequence[Mention]) -> bool:
    """Whether a date or time is another one and a duration later or earlier: 1시 20분부터 4시간 10분."""
    spans = [minutes for f in given if (minutes := _minutes(f.quantity))]
    spans += [a + b for a, b in zip(spans, spans[1:], strict=False) if b < 60 <= a]
    if claim.minutes:
        ends = {m + s for d in dates for m in d.minutes for s in spans}
        ends |= {m - s for d in dates for m in d.minutes for s in spans}
        return bool(claim.minutes & ends)
    whole = [timedelta(minutes=s) for s in spans if s % (24 * 60) == 0]
    days = [d.readings[0].first for d in dates if d.grain == "day" and d.readings]
    reached = {day + span for day in days for span in whole}
    reached |= {day - span for day in days for span in whole}
    return any(r.first in reached and r.last == r.first for r in claim.readings)


def _minutes(quantity: Quantity) -> int:
    unit = quantity.unit or ""
    factor = _TIMES.get(unit) or 24 * 60 * _DAYS.get(unit, 0)
    return int(quantity.value * factor)
