"""Figures with what stands around them: who holds them, whether they rose, what they are a rate of. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from index import Quantity
from service.korean.lexicon import LEXICON
from service.verify.statement import Statement

_PERIOD = LEXICON.expression(
    r"(?<![가-힣\d])(?:(?P<each>[가-힣]{1,4}|[A-Za-z㎾㎿㎡㎏㎞㏊]+|\d+인|[\d.]+㎡)당|(?P<period>{facts.periods})에?)"
    r"\s?(?:평균|최대|최고|약)?\s?$"
)
_BEFORE = re.compile(r"(?:약|최대|최고|평균)\s?$")
_FROM_TO = re.compile(r"\s?(?:\([^)]*\))?(?P<mark>에서|부터|으로|로|까지)(?![가-힣])")
_NEGATIONS = frozenset({"않", "못하", "못", "안", "아니", "없"})
_TOPICS = frozenset({"은", "는", "이", "가", "께서", "의"})


@dataclass(frozen=True)
class Figure:
    """A quantity and its surroundings.

    ``bound``: over, under or about, where it is not exact. ``direction``: 1, -1 or 0 of the verb beside it, None
    where the verb is denied. ``place``: from or to. ``rate``: what it is for one of. ``before`` and ``after`` are
    the nouns on its two sides that may hold it, the topic of the clause among the former.
    """

    quantity: Quantity
    bound: str = ""
    direction: int | None = 0
    place: str = ""
    rate: str = ""
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    cues: frozenset[str] = frozenset()

    @property
    def holders(self) -> frozenset[str]:
        """Every noun that may hold it."""
        return self.before | self.after


def figures(statement: Statement, topic: frozenset[str] = frozenset()) -> list[Figure]:
    """The figures of a sentence; ``topic``: that of the sentence before it, if it goes on."""
    quantities = statement.quantities
    return [
        _figure(statement, quantity, _neighbours(quantities, n), topic)
        for n, quantity in enumerate(quantities)
        if not _is_rate(statement.text, quantity, quantities[n + 1 : n + 2])
    ]


def topic_of(statement: Statement) -> frozenset[str]:
    """The nouns of a sentence's first topic or subject."""
    for noun in statement.nouns:
        if noun.particle in _TOPICS:
            return frozenset(noun.parts)
    return frozenset()


def _is_rate(text: str, quantity: Quantity, following: Sequence[Quantity]) -> bool:
    """Whether it says what the next figure is for: 하루 in «하루 3,100명»."""
    gap = _PERIOD.search(text[: following[0].start]) if following else None
    return bool(gap and gap.start() <= quantity.start)


def _neighbours(quantities: Sequence[Quantity], n: int) -> tuple[int, int]:
    """Where the figures of the same kind before and after it end and begin; -1: there is none."""
    alike = [q for q in quantities if q.may_rival(quantities[n])]
    at = alike.index(quantities[n])
    before = alike[at - 1].end if at else -1
    return before, alike[at + 1].start if at + 1 < len(alike) else -1


def _figure(
    statement: Statement, quantity: Quantity, between: tuple[int, int], topic: frozenset[str]
) -> Figure:
    start, end = statement.clause(quantity.start)
    around = [t.form for t in statement.words(start, end)]
    behind = [t.form for t in statement.words(quantity.end, end)]
    place = _FROM_TO.match(statement.text, quantity.end)
    rate = _PERIOD.search(statement.text[: quantity.start])
    return Figure(
        quantity,
        bound=_bound(statement, quantity, behind),
        direction=_direction(behind),
        place="" if place is None else "from" if place["mark"] in ("에서", "부터") else "to",
        rate=_rate(rate) if rate else "",
        before=_before(statement, quantity, between[0], topic),
        after=_nouns(statement, quantity.end, between[1] if between[1] >= 0 else end),
        cues=frozenset(n for n in ("sums", "differences") if _has(around, n)),
    )


def _rate(match: re.Match[str]) -> str:
    return match["each"] or LEXICON["facts.periods"].value(match["period"]) or ""


def _has(forms: Sequence[str], table: str) -> bool:
    return any(form in LEXICON[f"facts.{table}"] for form in forms)


def _bound(statement: Statement, quantity: Quantity, behind: Sequence[str]) -> str:
    bounds = LEXICON["facts.bounds"].texts
    if re.search(r"[여]\s?\D{0,4}$", quantity.text):
        return "over"
    if _BEFORE.search(statement.text[: quantity.start]):
        return "about"
    return next((bounds[form] for form in behind[:4] if form in bounds), "")


def _direction(behind: Sequence[str]) -> int | None:
    """Of the first verb of change behind the figure in its clause."""
    for n, form in enumerate(behind):
        if sign := _signs().get(form):
            return None if _NEGATIONS & set(behind[n + 1 : n + 4]) else sign
    return 0


@cache
def _signs() -> Mapping[str, int]:
    return {
        word: sign
        for up, down in LEXICON["facts.directions"].pairs
        for sign, words in ((1, up), (-1, down))
        for word in words
    }


def _before(
    statement: Statement, quantity: Quantity, previous: int, topic: frozenset[str]
) -> frozenset[str]:
    held = _nouns(statement, max(previous, 0), quantity.start)
    marked = [n for n in statement.nouns if n.end <= quantity.start and n.particle in _TOPICS]
    if marked:
        return held | frozenset(marked[-1].parts)
    return held | topic


def _nouns(statement: Statement, start: int, end: int) -> frozenset[str]:
    return frozenset(_parts(statement, start, end))


def _parts(statement: Statement, start: int, end: int) -> Iterator[str]:
    for noun in statement.nouns:
        if start <= noun.start and noun.end <= end and not _counts(statement, noun.start):
            yield from (part for part in noun.parts if len(part) > 1)


def _counts(statement: Statement, start: int) -> bool:
    return any(q.start <= start < q.end for q in statement.quantities)


def without_topic(figure: Figure, topic: frozenset[str]) -> Figure:
    """The figure without an inherited topic."""
    return replace(figure, before=figure.before - topic)
