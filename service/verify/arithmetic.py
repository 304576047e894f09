"""What follows from figures and dates: sums, differences, shares, distances in time. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations, permutations

from index import Mention, Quantity
from service.korean.lexicon import LEXICON
from service.verify.figures import Figure

LEAST_UNDER, MOST_OVER = Decimal("0.8"), Decimal("1.3")
"""How far a true figure may lie under or over the one that it is called nearly, or more than."""
ABOUT = Decimal("0.06")
LONGEST_SUM = 4
PRECISE = 3
"""Digits of a number that follows though no word beside it says how."""
_ROUNDED, _EXACT = Decimal("0.6"), Decimal("0.005")  # 2.8배 for 2.803
_FRACTION = -5  # a third is 33.333… %, meant to the ten
_TIMES = {"시간": Decimal(60), "분": Decimal(1), "초": Decimal(1) / 60}
_DAYS = {"일": 1, "주": 7, "주일": 7}
_MONTHS = {"개월": 1, "년": 12, "주년": 12, "세": 12}
_PER = {"year": {"년"}, "month": {"개월"}, "day": {"일"}, "인": {"명"}}


def fits(claim: Figure, value: Decimal) -> bool:
    """Whether a true value may be called the claimed one, by its bound."""
    claimed = claim.quantity.value
    if value == claimed:
        return True
    match claim.bound:
        case "rounded":
            return claimed < value < claimed + step(claimed)
        case "over":
            most = min(claimed + step(claimed), claimed * MOST_OVER)
            return claimed < value < (claimed + 1 if claimed < 10 else most)
        case "under":
            return claimed * LEAST_UNDER <= value < claimed
        case "about":
            return abs(value - claimed) <= ABOUT * claimed
    return False


def step(value: Decimal) -> Decimal:
    """The unit of the last digit that a number spells out: 10,000 of 230,000, 0.1 of 2.8."""
    exponent = int(value.normalize().as_tuple().exponent)
    return Decimal(1).scaleb(exponent if exponent > _FRACTION else 1)


def states(claim: Figure, given: Quantity) -> bool:
    """Whether evidence has the claimed figure itself, or one that it rounds."""
    if claim.quantity.agrees_with(given) or _counts_alike(claim.quantity, given):
        return True
    if not claim.bound or not claim.quantity.may_rival(given):
        return False
    scale = _common(claim.quantity, given)
    return fits(claim, given.value * scale)


def _counts_alike(one: Quantity, other: Quantity) -> bool:
    """Whether one counts in pieces what the other counts with a counter of its kind: 섬 412곳, 섬 412개."""
    general = LEXICON["units.general_counters"]
    units = {one.unit, other.unit}
    return one.value == other.value and "개" in units and all(unit in general for unit in units)


def _common(one: Quantity, other: Quantity) -> Decimal:
    """What to multiply the other's value with to have the unit of the one."""
    if one.unit == other.unit or not one.value or not other.value:
        return Decimal(1)
    mine, its = one.in_common_unit()[0], other.in_common_unit()[0]
    return (its / other.value) / (mine / one.value)


def follows(claim: Figure, given: Sequence[Figure], dates: Sequence[Sequence[Mention]]) -> bool:
    """Whether a figure that evidence lacks follows from those that stand near each other in it.

    ``dates`` are those of each sentence. The same number with another unit is a mistake, not a result.
    """
    in_digits = any(c.isdigit() for c in claim.quantity.text)
    if in_digits and any(f.quantity.value == claim.quantity.value for f in given):
        return False
    if _is_difference(claim) and any(fits(claim, value) for value in _differences(claim, given)):
        return True
    totals = (*_sums(claim, given), *_products(claim, given))
    if ("facts.sums" in claim.cues or _is_precise(claim)) and any(fits(claim, t) for t in totals):
        return True
    if "facts.averages" in claim.cues and any(_rounds(claim, a) for a in _averages(claim, given)):
        return True
    if any(_is_share(claim, one, other) for one, other in _pairs(given)):
        return True
    return any(fits(claim, value) for value in _distances(claim, dates))


def _is_difference(claim: Figure) -> bool:
    is_said = "facts.differences" in claim.cues or claim.direction != 0 or claim.place == "from"
    return is_said or _is_precise(claim)


def _is_precise(claim: Figure) -> bool:
    """Whether it has digits enough that no arithmetic finds it by chance."""
    return len(claim.quantity.value.normalize().as_tuple().digits) >= PRECISE


def _averages(claim: Figure, given: Sequence[Figure]) -> Iterator[Decimal]:
    """So much for one of so many."""
    for one, other in permutations(given, 2):
        is_one = one.quantity.may_rival(claim.quantity) and other.quantity.value
        if is_one and not other.quantity.may_rival(claim.quantity):
            yield one.quantity.value * _common(claim.quantity, one.quantity) / other.quantity.value


def _differences(claim: Figure, given: Sequence[Figure]) -> Iterator[Decimal]:
    """Differences of two figures, and a figure before the change that is told of it: 2.8%로 0.2%p 내렸다."""
    unit, percent = claim.quantity.unit, {"%", "%p"}
    alike = [
        f
        for f in given
        if f.quantity.may_rival(claim.quantity) or {unit, f.quantity.unit} == percent
    ]
    for one, other in combinations(alike, 2):
        value, its = (f.quantity.value * _common(claim.quantity, f.quantity) for f in (one, other))
        is_level = {one.quantity.unit, other.quantity.unit} <= ({"%"} if unit == "%p" else {unit})
        if unit != "%" and is_level and not _is_told(claim, given):
            yield abs(value - its)
        if other.direction and one.direction == other.direction:
            yield value - other.direction * its


def _is_told(claim: Figure, given: Sequence[Figure]) -> bool:
    """Whether the evidence says itself by how much that what the claim speaks of rose or fell."""
    return any(
        f.direction
        and f.direction == claim.direction
        and not f.place
        and f.quantity.may_rival(claim.quantity)
        and f.holders & claim.holders
        for f in given
    )


def _sums(claim: Figure, given: Sequence[Figure]) -> Iterator[Decimal]:
    values = [
        f.quantity.value * _common(claim.quantity, f.quantity)
        for f in given
        if f.quantity.may_rival(claim.quantity)
    ]
    for first in range(len(values)):
        for last in range(first + 2, min(first + LONGEST_SUM, len(values)) + 1):
            yield sum(values[first:last], Decimal(0))


def _products(claim: Figure, given: Sequence[Figure]) -> Iterator[Decimal]:
    """What so much a year comes to in so many years."""
    for one, other in permutations(given, 2):
        units = _PER.get(one.rate, {one.rate})
        if one.rate and one.quantity.unit == claim.quantity.unit and other.quantity.unit in units:
            yield one.quantity.value * other.quantity.value


def _pairs(given: Sequence[Figure]) -> Iterator[tuple[Decimal, Decimal]]:
    for one, other in permutations(given, 2):
        is_near = abs(one.sentence - other.sentence) <= 1 and one.quantity.may_rival(other.quantity)
        if is_near and one.quantity.value and other.quantity.value:
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
    if claim.bound:
        return fits(claim, value)
    claimed = claim.quantity.value
    return abs(value - claimed) <= max(min(step(claimed), Decimal(1)) * _ROUNDED, claimed * _EXACT)


def _distances(claim: Figure, dates: Sequence[Sequence[Mention]]) -> Iterator[Decimal]:
    """How far two dates or times of neighbouring sentences lie from each other, in the unit of the claim."""
    unit = claim.quantity.unit or ""
    for n, here in enumerate(dates):
        near = [date for sentence in dates[n + 1 : n + 3] for date in sentence]
        for one, other in combinations([*here, *near], 2):
            if unit in _TIMES:
                yield from (
                    Decimal(abs(a - b)) / _TIMES[unit] for a in one.minutes for b in other.minutes
                )
            elif one.readings and other.readings:
                yield from _between(unit, one, other)


def _between(unit: str, one: Mention, other: Mention) -> Iterator[Decimal]:
    first, second = one.readings[0].first, other.readings[0].first
    if unit in _DAYS and {one.grain, other.grain} == {"day"}:
        yield Decimal(abs((first - second).days)) / _DAYS[unit]
    elif unit in _MONTHS:
        months = abs((first.year - second.year) * 12 + first.month - second.month)
        yield Decimal(months) / _MONTHS[unit]


def time_follows(claim: Mention, claimed: Sequence[Mention], given: Sequence[Figure]) -> bool:
    """Whether a time ends what begins at another that is claimed, too: 1시 20분부터 4시간 10분 동안."""
    spans = [minutes for f in given if (minutes := _minutes(f.quantity))]
    starts = {m for d in claimed if d is not claim for m in d.minutes}
    return bool(claim.minutes & {m + sign * s for m in starts for s in spans for sign in (1, -1)})


def _minutes(quantity: Quantity) -> int:
    value, unit = quantity.in_common_unit()
    return int(value / 60) if unit == "초" else 0
