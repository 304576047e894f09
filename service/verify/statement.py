"""A sentence taken apart once: morphemes, words as they are written, clauses, figures, dates. Pure values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from index import KoreanAnalyser, Mention, Quantity, Token, mentions, quantities_in
from service.korean.lexicon import LEXICON

CONTENT = frozenset({"NNG", "NNP", "XR", "VV", "VA", "SL", "MAG"})
_NOUNS = frozenset({"NNG", "NNP", "XR", "SL", "NP"})
_AFFIXES = frozenset({"XSN", "XPN"})
# Of the endings between clauses those that make one predicate of two verbs: 늘려 가, 늘게 하.
_JOINING = frozenset({"어", "아", "게", "지", "어다", "고자"})
_REPORTING = re.compile(r".?.?[다라자냐](?:고|며|면서)")  # what is reported is no clause of its own
_QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "＂": '"', "＇": "'"})
_SPAN = re.compile(r"(?:\d+|[가-힣]{1,2}\s?)(?:년|개월|달|주|일|시간|분)\s?(?:전|뒤|후|만)")
_WRITTEN = re.compile(r"[가-힣A-Za-z0-9]*$")
_QUOTATION = re.compile(r"[“\"‘']([^“”\"‘’']{2,})[”\"’']")


@dataclass(frozen=True)
class Noun:
    """A run of nouns written together, the particle behind it, and its place.

    ``is_verbal``: 하 or 되 makes a verb of it. ``written`` also has what stands before it in the same word: 푸른솔, of which 푸른 is no noun.
    """

    form: str
    written: str
    parts: tuple[str, ...]
    particle: str
    start: int
    end: int
    is_name: bool
    is_affixed: bool
    is_verbal: bool


@dataclass(frozen=True, eq=False)
class Statement:
    """A sentence as it is read on the day of its publication."""

    text: str
    tokens: Sequence[Token]
    published: date | None = None

    @classmethod
    def of(cls, text: str, analyser: KoreanAnalyser, published: date | None) -> Statement:
        """The sentence ``text``; relative dates count from ``published``."""
        return cls(text, analyser.tokens(text), published)

    @cached_property
    def squeezed(self) -> str:
        """The text as ``squeeze`` has it."""
        return squeeze(self.text)

    @cached_property
    def quotations(self) -> Sequence[str]:
        """What stands between quotation marks, squeezed."""
        return [squeeze(m[1]).rstrip(".,!?") for m in _QUOTATION.finditer(self.text)]

    @cached_property
    def dates(self) -> Sequence[Mention]:
        """The dates and times that the sentence states; of a range, both ends."""
        found = mentions(self.text, self.published)
        return [end for m in found for end in (m.ends or (m,)) if end.is_known]

    @cached_property
    def quantities(self) -> Sequence[Quantity]:
        """Its quantities that are no part of a date."""
        found = mentions(self.text, self.published)
        days = [m for m in found if m.is_known]
        kept = (
            q
            for q in quantities_in(self.text)
            if all(q.end <= day.start or day.end <= q.start for day in days)
        )
        return list(_joined(self.text, kept))

    @cached_property
    def spans(self) -> Sequence[Quantity]:
        """Lengths of time that are part of a date: 3년 of «3년 전»."""
        found = [m for m in mentions(self.text, self.published) if _SPAN.search(m.text)]
        return [
            q for q in quantities_in(self.text) if any(m.start <= q.start < m.end for m in found)
        ]

    @cached_property
    def content(self) -> Mapping[str, str]:
        """Its content morphemes, form to tag, in order."""
        light = LEXICON["korean.light_verbs"]
        found = ((t.form.lower(), t.tag.split("-")[0]) for t in self.tokens)
        return {f: tag for f, tag in found if tag in CONTENT and not (tag == "VV" and f in light)}

    @cached_property
    def ends(self) -> Sequence[int]:
        """Offsets where a clause ends, the last included."""
        return [t.end for n, t in enumerate(self.tokens) if ends_clause(self.tokens, n)] + [
            len(self.text)
        ]

    def clause(self, offset: int) -> tuple[int, int]:
        """The clause around a place: its start and end."""
        start = 0
        for end in self.ends:
            if offset < end:
                return start, end
            start = end
        return start, len(self.text)

    @cached_property
    def nouns(self) -> Sequence[Noun]:
        """Runs of nouns that are written together, with the particle behind."""
        return list(_runs(self.text, self.tokens))

    @cached_property
    def values(self) -> Sequence[Quantity | Mention]:
        """Its figures and dates, in order."""
        both: list[Quantity | Mention] = [*self.quantities, *self.dates]
        return sorted(both, key=lambda value: value.start)

    def is_value(self, place: int) -> bool:
        """Whether a place lies within a figure or a date."""
        return any(v.start <= place < v.end for v in self.values)

    def words(self, start: int, end: int) -> Iterator[Token]:
        """The morphemes between two places."""
        return (t for t in self.tokens if start <= t.start and t.end <= end)


def _joined(text: str, quantities: Iterable[Quantity]) -> Iterator[Quantity]:
    """The quantities, with hours and minutes that belong together as one: 6시간 57분."""
    last: Quantity | None = None
    for quantity in quantities:
        is_rest = last and last.unit == "시간" and quantity.unit == "분"
        if last and is_rest and quantity.start - last.end < 2:
            value = last.in_common_unit()[0] + quantity.in_common_unit()[0]
            last = Quantity(value, "초", text[last.start : quantity.end], last.start)
            continue
        if last:
            yield last
        last = quantity
    if last:
        yield last


def squeeze(text: str) -> str:
    """Without blanks, markup of emphasis and differences between quotation marks."""
    return re.sub(r"[\s*_]+", "", text).translate(_QUOTES).lower()


def ends_clause(tokens: Sequence[Token], n: int) -> bool:
    """Whether a clause ends with the morpheme at ``n``."""
    token = tokens[n]
    if token.tag in {"SF", "EF"} or (token.tag == "SP" and token.form == ","):
        return True
    following = tokens[n + 1].tag if n + 1 < len(tokens) else ""
    if token.tag != "EC" or following.startswith("VX") or token.form in _JOINING:
        return False
    return not _REPORTING.fullmatch(token.form)


def _runs(text: str, tokens: Sequence[Token]) -> Iterator[Noun]:
    run: list[Token] = []
    for n, token in enumerate(tokens):
        tag = token.tag.split("-")[0]
        if run and token.start == run[-1].end and (tag in _NOUNS or tag in _AFFIXES):
            run.append(token)
            continue
        if run:
            yield _noun(text, run, tokens[n : n + 2])
        run = [token] if tag in _NOUNS or tag == "XPN" else []
    if run:
        yield _noun(text, run, ())


def _particle(behind: Sequence[Token], end: int) -> str:
    """The last of the particles written behind a run: 는 in 에는."""
    form = ""
    for token in behind:
        if token.start != end or not token.tag.startswith("J"):
            break
        form, end = token.form, token.end
    return form


def _noun(text: str, run: Sequence[Token], behind: Sequence[Token]) -> Noun:
    written = _WRITTEN.search(text[: run[-1].end])
    return Noun(
        "".join(t.form for t in run).lower(),
        written[0].lower() if written else "",
        tuple(t.form.lower() for t in run),
        _particle(behind, run[-1].end),
        run[0].start,
        run[-1].end,
        any(t.tag == "NNP" for t in run),
        run[-1].tag == "XSN",
        any(t.tag.startswith(("XSV", "XSA")) for t in behind[:1]),
    )
