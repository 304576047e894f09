"""What can be checked without understanding: whether the facts of a sentence are those of its evidence. Pure functions.

A fact is a number with its unit, a date or time, a quotation, a name, the direction beside a figure. Each must be
in the evidence or follow from it, and must not belong there to something else of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from index import Days, Mention, Quantity
from service.korean.lexicon import LEXICON
from service.verify.arithmetic import follows, states, time_follows
from service.verify.figures import Figure, figures, topic_of
from service.verify.names import Known, exchanged_name, unknown_name, unknown_quotation
from service.verify.polarity import reversed_predicate, swapped_roles
from service.verify.statement import Statement

MEASURES = frozenset({"%", "%p", "배", "일", "주", "주일", "개월", "분기", "시간"})
_GRAINS = ("year", "month", "day")
_BARE = re.compile(r"[\d년월일\s.]+")
_TODAY = re.compile(r"이날|오늘|당일")
_YEAR = re.compile(r"\d{4}년")
SMALL = 3
"""Up to this a number in words may count what the evidence lists: 두 회사."""


@dataclass(frozen=True, eq=False)
class Given:
    """Sentences that may state the facts of a claim, in reading order, and the heading above them."""

    sentences: Sequence[Statement]
    heading: Statement

    @cached_property
    def known(self) -> Known:
        """Its names."""
        return Known(self.sentences, self.heading.text)

    @cached_property
    def figures(self) -> Sequence[Figure]:
        """Its figures, each with the topic that reaches to it."""
        return [*figures(self.heading), *self.held]

    @cached_property
    def held(self) -> Sequence[Figure]:
        """Those of its sentences: a headline is too short to say whose they are."""
        return list(_with_topics(self.sentences))

    @cached_property
    def today(self) -> Days | None:
        """The day of publication, where the evidence speaks of it without a date."""
        day = self.heading.published
        return Days(day, day) if day and _TODAY.search(self.known.text) else None

    @cached_property
    def spans(self) -> Sequence[Quantity]:
        """Lengths of time within its dates."""
        return [q for s in self.sentences for q in s.spans]

    @cached_property
    def dates(self) -> Sequence[Mention]:
        """Its dates and times."""
        return [date for s in (self.heading, *self.sentences) for date in s.dates]


def failure(claim: Statement, given: Given) -> str | None:
    """The first fact of the claim that the evidence lacks or contradicts; None: they agree."""
    if quotation := unknown_quotation(claim, given.known):
        return f"quotation {quotation}"
    if name := unknown_name(claim, given.known) or exchanged_name(claim, given.known):
        return f"name {name}"
    for date in claim.dates:
        if not _is_dated(date, claim, given):
            return f"date {date.text}"
    for figure in figures(claim):
        if fault := _fault(figure, given):
            return f"{fault} {figure.quantity.text}"
    if word := swapped_roles(claim, given.sentences):
        return f"roles {word}"
    if word := reversed_predicate(claim, given.sentences):
        return f"polarity {word}"
    return None


def _with_topics(sentences: Sequence[Statement]) -> Iterator[Figure]:
    topic: frozenset[str] = frozenset()
    for number, sentence in enumerate(sentences):
        yield from (replace(f, sentence=number) for f in figures(sentence, topic))
        topic = topic_of(sentence) or topic


def _is_dated(date: Mention, claim: Statement, given: Given) -> bool:
    if any(date.agrees_with(other) or _is_part(date, other) for other in given.dates):
        return True
    if date.readings and date.readings[0] == given.today:
        return True
    if date.minutes:
        return time_follows(date, claim.dates, given.held)
    if any(c.isdigit() for c in date.text):
        return bool(_YEAR.fullmatch(date.text)) and date.text[:4] in given.known.text
    if date.grain == "other":  # 봄, 연말
        return any(date.overlaps(*days) for other in given.dates for days in other.readings)
    return bool(claim.published and date.overlaps(claim.published, claim.published))  # 올해, 이날


def _is_part(date: Mention, other: Mention) -> bool:
    """Whether a bare date names parts of another: 28일 of «오는 28일», whatever month would be nearer."""
    if not _BARE.fullmatch(date.text) or date.grain not in _GRAINS or not other.readings:
        return False
    first = other.readings[0].first
    days = zip(date.stated, (first.year, first.month, first.day), strict=False)
    is_fine = (
        _GRAINS.index(date.grain) <= _GRAINS.index(other.grain) if other.grain in _GRAINS else False
    )
    return is_fine and all(n in (None, its) for n, its in days)


def _fault(figure: Figure, given: Given) -> str | None:
    stated = [other for other in given.figures if states(figure, other.quantity)]
    stated = [s for s in stated if s.quantity.unit or not _has_unit(s, given)]
    if not stated:
        return None if _is_added(figure, given) else "figure"
    if any(_agrees(figure, other) for other in stated):
        if "facts.sums" in figure.cues:
            return None
        rivals = [o for o in given.held if _may_rival(figure, o)]
        if any(all(_belongs(figure, rival, own) for own in stated) for rival in rivals):
            return "holder"
        return None
    return "direction"


def _has_unit(bare: Figure, given: Given) -> bool:
    """Whether a number that a headline leaves without a unit stands below with one."""
    return any(f.quantity.value == bare.quantity.value and f.quantity.unit for f in given.held)


def _is_added(figure: Figure, given: Given) -> bool:
    """Whether a figure that is not stated follows, or counts what the evidence lists without a number."""
    if any(states(figure, span) for span in given.spans):
        return True
    if follows(figure, given.figures, [s.dates for s in (given.heading, *given.sentences)]):
        return True
    quantity = figure.quantity
    if quantity.unit in MEASURES:
        return False
    is_small = quantity.value <= SMALL and not any(c.isdigit() for c in quantity.text)
    return is_small and not any(_may_rival(figure, other) for other in given.figures)


def _agrees(figure: Figure, other: Figure) -> bool:
    """Whether direction, place in a change, and rate are those of the evidence."""
    if figure.rate and other.rate and figure.rate != other.rate:
        return False
    if figure.place and other.place and figure.place != other.place:
        return False
    if not figure.direction or not other.direction or figure.direction == other.direction:
        return True
    return bool(figure.before and not figure.before & other.before)


def _may_rival(figure: Figure, other: Figure) -> bool:
    return figure.quantity.may_rival(other.quantity) and not states(figure, other.quantity)


def _belongs(figure: Figure, rival: Figure, own: Figure) -> bool:
    """Whether the claim's words around a figure are those of a rival in the evidence, not of its own."""
    if not own.holders - own.inherited:
        return False
    sides = ((figure.before, rival.before), (figure.after, rival.after))
    theirs = any(claimed & (its - own.holders - own.others) for claimed, its in sides)
    return theirs and not figure.holders & (own.holders - rival.holders)


def shares_a_value(claim: Statement, given: Given) -> bool:
    """Whether claim and evidence have a figure or a day in common: then they tell of the same thing."""
    numbered = LEXICON["evidence.numbered"]  # 1호선 is a name
    counted = [f for f in figures(claim) if f.quantity.unit not in numbered]
    dates = [s.dates for s in given.sentences]
    if any(states(f, other.quantity) for f in counted for other in given.figures) or any(
        follows(f, given.figures, dates) for f in counted
    ):
        return True
    days = [date for date in claim.dates if date.grain == "day"]
    return any(date.agrees_with(other) for date in days for other in given.dates)
