"""Figures with what stands around them: who holds them, whether they rose, what they are a rate of. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from index import Quantity, Token
from service.korean.lexicon import LEXICON
from service.verify.statement import Noun, Statement

_PERIOD = LEXICON.expression(
    r"(?<![가-힣])(?:(?P<each>{units.measures|units.counters|units.other_counters|units.sino_counters})당|(?P<period>{facts.periods})(?:에|마다)?)"
    r"\s?(?:평균|최대|최고|약)?\s?$"
)
_IN_A_PERIOD = LEXICON.expression(
    r"(?<![가-힣\d])(?P<each>)(?P<period>{facts.periods})에\s[^,.\d]{1,25}$"
)
_BEFORE = re.compile(r"(?:약|대략)\s?$")
_FROM = re.compile(r"\s?(?:\([^)]*\))?(?:에서|부터)(?![가-힣])")
_TO = re.compile(r"\s?(?:\([^)]*\))?(?:으로|로|까지)(?![가-힣])")
_OF_THEM = re.compile(r"\s?(?:가운데|중(?:에서?)?)(?![가-힣])")
_AMONG_THEM = re.compile(r"(?:그중|이중|(?:이|그)\s(?:가운데|중))\s?[가-힣]{0,4}\s?$")
_CUES = ("facts.sums", "facts.differences", "facts.averages")
_NEGATIONS = frozenset({"않", "못하", "못", "안", "아니", "없"})
_TOPICS = frozenset({"은", "는"})
_SUBJECTS = frozenset({"이", "가", "께서", "의"})


@dataclass(frozen=True)
class Figure:
    """A quantity and its surroundings.

    ``bound``: over, under, about or rounded (여), where it is not exact. ``direction``: 1, -1 or 0 of the verb beside it, None
    where the verb is denied. ``place``: from or to. ``rate``: what it is for one of. ``before`` and ``after`` are
    the nouns on its two sides that may hold it, the topic of the clause among the former; ``others``: what its
    clause names before it in another part, as an object or a place; ``inherited``: the topic of the sentence before. ``sentence``: the place of its sentence. ``cues``: the tables of facts.toml that have a word of its clause.
    """

    quantity: Quantity
    bound: str = ""
    direction: int | None = 0
    place: str = ""
    rate: str = ""
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    inherited: frozenset[str] = frozenset()
    cues: frozenset[str] = frozenset()
    sentence: int = 0

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
    for n, noun in enumerate(statement.nouns):
        if noun.particle in _TOPICS | _SUBJECTS - {"의"}:
            return _phrase(statement.nouns, n)
    return frozenset()


def _phrase(nouns: Sequence[Noun], n: int) -> frozenset[str]:
    """The parts of a noun and of those that it is made of: 올해 경제성장률 전망치."""
    first = n
    while first and nouns[first - 1].particle in {"", "의"}:
        if nouns[first].start - nouns[first - 1].end > 2:
            break
        first -= 1
    return frozenset(p for noun in nouns[first : n + 1] for p in noun.parts if len(p) > 1)


def _is_rate(text: str, quantity: Quantity, following: Sequence[Quantity]) -> bool:
    """Whether it says what the next figure is for: 하루 in «하루 3,100명»."""
    gap = _PERIOD.search(text[: following[0].start]) if following else None
    return bool(gap and gap.start() <= quantity.start)


def _neighbours(quantities: Sequence[Quantity], n: int) -> tuple[Quantity | None, Quantity | None]:
    """The figures of the same kind before and after one."""
    before = [q for q in quantities[:n] if q.may_rival(quantities[n])]
    after = [q for q in quantities[n + 1 :] if q.may_rival(quantities[n])]
    return before[-1] if before else None, after[0] if after else None


def _figure(
    statement: Statement,
    quantity: Quantity,
    neighbours: tuple[Quantity | None, Quantity | None],
    topic: frozenset[str],
) -> Figure:
    start, end = statement.clause(quantity.start)
    around = [t.form for t in statement.words(start, end)]
    behind = list(statement.words(quantity.end, end))
    before = statement.text[: quantity.start]
    following = neighbours[1].start if neighbours[1] else end
    rate = _PERIOD.search(before) or _IN_A_PERIOD.search(before)
    return Figure(
        quantity,
        bound=_bound(statement, quantity, [t.form for t in behind]),
        direction=_direction(behind),
        place=_place(statement.text, quantity, *neighbours),
        rate=_rate(rate) if rate else "",
        before=_before(statement, quantity, neighbours[0], topic),
        after=_nouns(statement, quantity.end, min(_predicate(behind, end), following)),
        inherited=topic,
        others=_others(statement, start, quantity.start),
        cues=frozenset(n for n in _CUES if _has(around, n)),
    )


def _place(text: str, quantity: Quantity, before: Quantity | None, after: Quantity | None) -> str:
    """Of a change from one figure to another: 14명에서 40명으로."""
    if after and _FROM.match(text, quantity.end) and _TO.match(text, after.end):
        return "from"
    if before and _FROM.match(text, before.end) and _TO.match(text, quantity.end):
        return "to"
    return ""


def _predicate(behind: Sequence[Token], end: int) -> int:
    """Where the first verb behind a figure begins, or its clause ends."""
    verbs = (t.start for t in behind if t.tag.startswith(("VV", "VA", "VCP", "XSV", "XSA")))
    return next(verbs, end)


def _rate(match: re.Match[str]) -> str:
    return match["each"] or LEXICON["facts.periods"].value(match["period"]) or ""


def _has(forms: Sequence[str], table: str) -> bool:
    return any(form in LEXICON[table] for form in forms)


def _bound(statement: Statement, quantity: Quantity, behind: Sequence[str]) -> str:
    bounds = LEXICON["facts.bounds"].texts
    if re.search(r"여\s?\D{0,4}$", quantity.text):
        return "rounded"
    if _BEFORE.search(statement.text[: quantity.start]):
        return "about"
    found = next((bounds[form] for form in behind[:4] if form in bounds), "")
    in_words = not any(c.isdigit() for c in quantity.text) or "분의" in quantity.text
    limits = LEXICON["facts.limits"].texts
    return found or next((limits[f] for f in behind[:2] if in_words and f in limits), "")


def _direction(behind: Sequence[Token]) -> int | None:
    """Of the first verb of change behind the figure in its clause."""
    for n, token in enumerate(behind):
        sign = _signs().get(token.form)
        if sign and (len(token.form) > 1 or token.tag[0] == "V"):
            return None if _NEGATIONS & {t.form for t in behind[n + 1 : n + 4]} else sign
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
    statement: Statement, quantity: Quantity, previous: Quantity | None, topic: frozenset[str]
) -> frozenset[str]:
    clause, _ = statement.clause(quantity.start)
    held = _nouns(statement, max(previous.end if previous else 0, clause), quantity.start)
    is_part = previous and _OF_THEM.match(statement.text, previous.end)
    if is_part or not held:  # 58 of the 164 shelters; 1.9%에서 2.3%로
        held |= _nouns(statement, clause, quantity.start)
    if _AMONG_THEM.search(statement.text[: quantity.start]):
        held |= _nouns(statement, 0, quantity.start)
    marked = [
        n
        for n, noun in enumerate(statement.nouns)
        if noun.end <= quantity.start
        and not statement.is_value(noun.start)
        and (noun.particle in _TOPICS or (noun.particle in _SUBJECTS and noun.start >= clause))
    ]
    return held | (_phrase(statement.nouns, marked[-1]) if marked else topic)


def _nouns(statement: Statement, start: int, end: int) -> frozenset[str]:
    return frozenset(_parts(statement, start, end))


def _others(statement: Statement, start: int, end: int) -> frozenset[str]:
    nouns = (n for n in statement.nouns if start <= n.start and n.end <= end)
    plain = {"", "와", "과", *_TOPICS, *_SUBJECTS}
    return frozenset(part for noun in nouns if noun.particle not in plain for part in noun.parts)


def _parts(statement: Statement, start: int, end: int) -> Iterator[str]:
    for noun in statement.nouns:
        is_holder = not noun.is_verbal and not statement.is_value(noun.start)
        if start <= noun.start and noun.end <= end and is_holder:
            yield from (part for part in noun.parts if len(part) > 1)
