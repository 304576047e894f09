"""Numbers with their units in Korean text, in any usual spelling: the one grammar of them.

``1,400여 명`` = ``1400명``; ``2천900억 원`` = ``2,900억원`` = ``290,000,000,000원``; ``네 가지`` = ``4가지``;
``삼천 명`` = ``3,000명``; ``5퍼센트`` = ``5%``; ``절반`` = ``50%``; ``1년`` = ``12개월`` as ``석 달`` = ``3개월``;
``사흘`` = ``3일``; ``3년 2개월`` = ``38개월``; ``1.5km`` = ``1,500m``. The words are in ``data/units.toml``; a
counter that is not there is a unit as it is written. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

from index.lexicon import LEXICON

RECENT_TEXTS = 4_096
"""Sentences whose quantities are remembered: those of articles that are asked about again and again."""


@dataclass(frozen=True)
class Quantity:
    """A number with its unit (None: it counts nothing), as it stands at ``start``."""

    value: Decimal
    unit: str | None
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset behind its last character."""
        return self.start + len(self.text)

    def agrees_with(self, other: Quantity) -> bool:
        """Same value; same unit, where both have one, after conversion: a year is twelve months.

        A counter that no table has is often the thing itself: ``3안타`` is ``안타 3개``, ``2실점`` ``2점``.
        """
        (value, unit), (others, its) = self.in_common_unit(), other.in_common_unit()
        same_unit = unit is None or its is None or unit == its
        return value == others and (same_unit or _counts(unit, its) or _counts(its, unit))

    def may_rival(self, other: Quantity) -> bool:
        """Whether one could stand in the place of the other: the units are of one dimension."""
        return self.in_common_unit()[1] == other.in_common_unit()[1]

    def in_common_unit(self) -> tuple[Decimal, str | None]:
        """Its value in the common unit of its dimension, and that unit."""
        common, factor = LEXICON["units.conversions"].lists.get(self.unit or "", (self.unit, 1))
        return self.value * Decimal(factor), common


def _counts(unlisted: str | None, unit: str | None) -> bool:
    """Whether an unlisted counter may count the same as a unit does."""
    if unlisted is None or unit is None or unlisted in _known_units():
        return False
    return unit in LEXICON["units.general_counters"] or unlisted.endswith(unit)


@lru_cache(maxsize=RECENT_TEXTS)
def quantities_in(text: str) -> Sequence[Quantity]:
    """The quantities of a text, in order; none overlaps another."""
    found: list[Quantity] = []
    for read in (_ratios, _scores, _shares, _spans, _arabic, _sino, _native):
        taken = [(quantity.start, quantity.end) for quantity in found]
        found += [q for q in read(text) if all(q.end <= a or b <= q.start for a, b in taken)]
    return tuple(sorted(found, key=lambda quantity: quantity.start))


def value_of(number: str) -> Decimal:
    """``2천900억`` -> 290,000,000,000: small powers add up until a large one multiplies them."""
    small, large = LEXICON["units.small_powers"].numbers, LEXICON["units.large_powers"].numbers
    total = section = Decimal(0)
    digits: Decimal | None = None
    for part in _PARTS.finditer(number):
        if part["digits"]:
            digits = Decimal(part["digits"].replace(",", ""))
        elif power := small.get(part[0]):
            section += (1 if digits is None else digits) * power
            digits = None
        else:
            section += digits or 0
            total += (section or 1) * large[part[0]]
            section, digits = Decimal(0), None
    return total + section + (digits or 0)


def unit_of(spelling: str) -> str:
    """The unit that a spelling stands for: ``퍼센트`` is ``%``, ``사람`` 명; others are units themselves."""
    return _spellings().get(spelling, spelling)


# --- the grammar -----------------------------------------------------------------------------

_DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_POWER = r"(?:[십백천만억조]|경(?=\s?[\d원]))"  # 경 in 7경기 is none
_NUMBER = rf"(?:{_DIGITS})(?:여?{_POWER}|(?<=[십백천만억조경])\s?(?:{_DIGITS}))*"
_PARTS = re.compile(rf"(?P<digits>{_DIGITS})|[십백천만억조경]")
_UNIT = (
    r"{units.measures|units.rare_measures|units.counters|units.other_counters}"
    r"(?:(?<![A-Za-z])|(?![A-Za-z]))"
)
_ENDING = r"(?:{units.particles}+(?![가-힣])|이[다며고므지라었나어]|였)"
_COUNTER = rf"(?!{_ENDING})[가-힣]{{1,4}}?(?={_ENDING}|[^가-힣]|$)"
_QUANTITY = LEXICON.expression(
    rf"(?<![\d.,A-Za-z])(?P<number>{_NUMBER})(?:\s?(?:여|남짓))?"
    rf"(?:\s?(?P<unit>{_UNIT})|(?P<counter>{_COUNTER}))?"
)
_RATIO = re.compile(r"(?<![\w.,-])(?P<value>\d+\.\d+)\s?(?:대|:)\s?1(?![\d.,])")
_SCORE = LEXICON.expression(
    r"(?<![\w.,-])(\d{1,3})\s?(?:-|–|대)\s?(\d{1,3})"
    rf"(?![\d,.-]|\s?(?:[십백천만억조]|{_UNIT}))"
)
_SHARE = re.compile(r"절반|(?P<parts>\d+)분의\s?(?P<of>\d+)")
_SPAN = LEXICON.expression(
    r"(?<![가-힣])(?:(?P<days>(?!하루){units.days})|(?P<week>일주일)|(?P<half>반년))"
)
_LONG_SPAN = re.compile(r"(?<![\d.,])(?P<years>\d{1,2})년\s?(?P<months>\d{1,2})개월")
_SINO = LEXICON.expression(
    r"(?<![가-힣\d])(?!조\s?[^\d원])(?P<number>{units.sino_digits}?[십백천만억조](?:{units.sino_digits}|[십백천만억조])*)"
    r"\s?(?:여\s?)?(?P<unit>{units.sino_counters})(?![가-힣]{3})"
)
_NATIVE = LEXICON.expression(
    r"(?<![가-힣])(?P<number>{units.tens}?{units.ones}|{units.tens}|{units.other_numerals})"
    r"\s?(?:여\s?)?(?P<unit>{units.native_counters})"
    r"(?=[^가-힣]|$|[이가은는을를의에로으과와도보뿐쯤께까부만씩간째짜])"  # not 한 시장
)


def _ratios(text: str) -> Iterator[Quantity]:
    """``9.4 대 1``: so many for one."""
    for match in _RATIO.finditer(text):
        yield Quantity(Decimal(match["value"]), "대 1", match[0], match.start())


def _scores(text: str) -> Iterator[Quantity]:
    """``5-4``, ``2대2``: the sides are told apart, so that 5-4 is not 4-5."""
    for match in _SCORE.finditer(text):
        for side, unit in (1, "첫째 편"), (2, "둘째 편"):
            yield Quantity(Decimal(match[side]), unit, match[side], match.start(side))


def _shares(text: str) -> Iterator[Quantity]:
    for match in _SHARE.finditer(text):
        of, parts = (match["of"], match["parts"]) if match["parts"] else ("1", "2")
        if int(parts):
            yield Quantity(Decimal(100 * int(of)) / int(parts), "%", match[0], match.start())


def _spans(text: str) -> Iterator[Quantity]:
    for match in _LONG_SPAN.finditer(text):
        months = Decimal(12 * int(match["years"]) + int(match["months"]))
        yield Quantity(months, "개월", match[0], match.start())
    days = LEXICON["units.days"].numbers
    for match in _SPAN.finditer(text):
        value, unit = (6, "개월") if match["half"] else (days.get(match["days"], 7), "일")
        yield Quantity(Decimal(value), unit, match[0], match.start())


def _arabic(text: str) -> Iterator[Quantity]:
    for match in _QUANTITY.finditer(text):
        unit = unit_of(match["unit"]) if match["unit"] else match["counter"]
        yield Quantity(value_of(match["number"]), unit, match[0], match.start())


def _sino(text: str) -> Iterator[Quantity]:
    digits = {word: str(n) for n, word in enumerate(LEXICON["units.sino_digits"], start=1)}
    for match in _SINO.finditer(text):
        number = "".join(digits.get(letter, letter) for letter in match["number"])
        yield Quantity(value_of(number), unit_of(match["unit"]), match[0], match.start())


def _native(text: str) -> Iterator[Quantity]:
    for match in _NATIVE.finditer(text):
        value = Decimal(native_numerals()[match["number"]])
        yield Quantity(value, unit_of(match["unit"]), match[0], match.start())


@cache
def native_numerals() -> Mapping[str, int]:
    """한 = 1, 두 = 2, …, 아흔아홉 = 99, as they stand before a noun."""
    ones = {word: value for value, word in enumerate(LEXICON["units.ones"], start=1)}
    tens = {word: 10 * value for value, word in enumerate(LEXICON["units.tens"], start=1)}
    both = {ten + one: tens[ten] + ones[one] for ten in tens for one in ones}
    return {**ones, **tens, **both, **LEXICON["units.other_numerals"].numbers}


@cache
def _known_units() -> frozenset[str]:
    known = frozenset(_spellings().values()) | LEXICON["units.other_counters"].words
    return known | {"대 1", "첫째 편", "둘째 편"}


@cache
def _spellings() -> Mapping[str, str]:
    names = ("units.measures", "units.rare_measures", "units.counters")
    sets = (spellings for name in names for spellings in LEXICON[name].sets)
    return {spelling: unit for unit, *others in sets for spelling in (unit, *others)}
