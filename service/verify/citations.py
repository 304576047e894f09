"""Check what a backend wrote against the sources it was given. Pure functions.

A sentence is supported when some window of one to three neighbouring sentences of a supplied passage

1. holds nearly as much of the sentence's words as any other window of that passage,
2. holds every quantity, date, quotation and name of the sentence, bound to the same words as there,
3. agrees in polarity (않았다, 아니다, 부인했다 …), in tense, and on who acts,
4. covers the rest: no noun or verb is new (beside a number that agrees, one noun and verbs may be put
   otherwise), and the idf-weighted share of its content morphemes is at least ``MIN_COVERAGE``.

A sentence quoted word for word is supported by itself. This proves provenance and agreement of facts, not
entailment; free rewordings are lost for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from index import AnalysedSentence, KoreanAnalyser
from service.schema import Support
from service.sources import Idf, Source, attribution
from service.tables import Row
from service.verify.agreement import Window, failure
from service.verify.claims import Statement, squeeze

MAX_WINDOW = 3
NEARLY_BEST = 0.8
"""A window must hold this share of what the best one holds: another place tells of something else."""

_MARKER = re.compile(r"\s*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_MARKERS = re.compile(r"(?:\s*\[[\d,\s]+\])+\s*[.!?。]?")
_COMPLETE_MARKERS = re.compile(r"(?:\s*\[[\d,\s]+\])+[.!?。]?(?=\s*[^\s\[.!?。])")


@dataclass(frozen=True)
class Draft:
    """A sentence as the backend wrote it, without its markers, and the numbers it cites."""

    text: str
    markers: tuple[int, ...]


@dataclass(frozen=True)
class Evidence:
    """A window of a source: ``source.body[start:end]``."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.body[self.start : self.end]


@dataclass(frozen=True)
class Verified:
    """A sentence that may be shown, with the windows that support it."""

    text: str
    evidence: tuple[Evidence, ...]
    support: Support


class DraftParser:
    """Cuts a stream of text into drafts as soon as their markers are complete."""

    def __init__(self, analyser: KoreanAnalyser) -> None:
        self._analyser = analyser
        self._pending = ""

    def feed(self, piece: str) -> list[Draft]:
        """The drafts that ``piece`` completes."""
        self._pending += piece
        # What follows the last marker may still grow; so may the marker itself: "[1][2]".
        end = 0
        for match in _COMPLETE_MARKERS.finditer(self._pending):
            end = match.end()
        done, self._pending = self._pending[:end], self._pending[end:]
        return self._drafts(done)

    def close(self) -> list[Draft]:
        """The drafts that remain at the end of the stream."""
        rest, self._pending = self._pending, ""
        return self._drafts(rest)

    def _drafts(self, text: str) -> list[Draft]:
        drafts: list[Draft] = []
        position = 0
        for match in _MARKERS.finditer(text):
            numbers = tuple(
                int(n) for m in _MARKER.finditer(match[0]) for n in m[1].replace(" ", "").split(",")
            )
            drafts += self._sentences(text[position : match.start()], numbers)
            position = match.end()
        return drafts + self._sentences(text[position:], ())

    def _sentences(self, text: str, markers: tuple[int, ...]) -> list[Draft]:
        """The sentences of a stretch; the markers belong to the last of them."""
        text = re.sub(r"\s+", " ", text).strip()
        if not re.search(r"\w", text):
            return []
        spans = self._analyser.sentences(text)
        texts = [text[s.start : s.end] for s in spans]
        return [Draft(t, ()) for t in texts[:-1]] + [Draft(texts[-1], markers)]


class Verifier:
    """Verifies drafts against the sources of one prompt."""

    def __init__(self, sources: Sequence[Source], analyser: KoreanAnalyser, idf: Idf) -> None:
        self._sources = {s.number: _Reading(s, analyser) for s in sources}
        self._analyser, self._idf = analyser, idf

    def verify(self, draft: Draft) -> Verified | None:
        """The draft with its evidence, repaired if another source supports it; None: unsupported."""
        cited = [self._sources[n] for n in dict.fromkeys(draft.markers) if n in self._sources]
        claims = _Claims(draft.text, self._analyser, self._idf)
        found = [evidence for reading in cited for evidence in reading.support(claims)]
        if found:
            return Verified(draft.text, tuple(found), "supported")
        for reading in self._sources.values():
            if reading not in cited and (evidence := reading.support(claims)):
                return Verified(draft.text, evidence, "repaired")
        return None


def supports(sentence: str, evidence: str, analyser: KoreanAnalyser, idf: Idf) -> bool:
    """Whether a text as a whole supports a sentence, by the conditions above.

    The day of publication is not known here: dates agree as far as both state them.
    """
    if squeeze(sentence) in squeeze(evidence):
        return True
    spans = analyser.sentences(evidence)
    window = Window([Statement.of(evidence[s.start : s.end], analyser, None) for s in spans])
    claim = Statement.of(sentence, analyser, None)
    return failure(claim, window, idf({w.form for w in claim.words})) is None


class _Claims:
    """A sentence as sources of different days understand it."""

    def __init__(self, text: str, analyser: KoreanAnalyser, idf: Idf) -> None:
        self.text, self.squeezed = text, squeeze(text)
        self._analyser, self._idf = analyser, idf
        self._by_day: dict[date | None, Statement] = {}

    def on(self, published: date | None) -> Statement:
        if published not in self._by_day:
            self._by_day[published] = Statement.of(self.text, self._analyser, published)
        return self._by_day[published]

    @cached_property
    def weights(self) -> Mapping[str, float]:
        return self._idf({word.form for word in self.on(None).words} - {""})


class _Reading:
    """A source, each of its sentences taken apart at most once and only when a claim needs it."""

    def __init__(self, source: Source, analyser: KoreanAnalyser) -> None:
        self._source, self._analyser = source, analyser
        self._published = source.article.published_on
        self._statements: dict[int, Statement] = {}

    def support(self, claims: _Claims) -> tuple[Evidence, ...]:
        """The shortest window of the source that supports the claim; of a table the row and its column names."""
        if row := self._row(claims):
            spans = self._source.quoted_with(row.sentence)
            return tuple(Evidence(self._source, s.start, s.end) for s in spans)
        window = self._quoted(claims) or self._stated(claims)
        return (window,) if window else ()

    def _row(self, claims: _Claims) -> Row | None:
        """The row of a table that the claim says as a sentence."""
        said = self._without_attribution(claims)
        supplied = (self._source.rows.get(s.start) for run in self._runs for s in run)
        return next((row for row in supplied if row and squeeze(row.text) == said), None)

    def _quoted(self, claims: _Claims) -> Evidence | None:
        """The sentence that the claim repeats word for word; to see that, nothing is taken apart."""
        quoted = self._without_attribution(claims)
        for run in self._runs:
            for sentence in run:
                said = self._source.body[sentence.start : sentence.end]
                if sentence.morphemes and squeeze(said) == quoted:
                    return Evidence(self._source, sentence.start, sentence.end)
        return None

    def _stated(self, claims: _Claims) -> Evidence | None:
        best = 0.0
        for length in range(1, MAX_WINDOW + 1):
            windows = [
                (self._share(claims, run[first : first + length]), run, first)
                for run in self._runs
                for first in range(len(run) - length + 1)
            ]
            best = max([best, *(share for share, _, _ in windows)])
            for share, run, first in windows:
                near = share and share >= NEARLY_BEST * best
                if near and self._supports(claims, run, first, length):
                    return Evidence(self._source, run[first].start, run[first + length - 1].end)
        return None

    def _share(self, claims: _Claims, window: Sequence[AnalysedSentence]) -> float:
        """How much of the claim's words, by weight, the window holds."""
        claim = claims.on(self._published)
        senses = frozenset[str]().union(*(self._statement(s).senses for s in window))
        return sum(
            claims.weights.get(word.form, 1.0) for word in claim.words if word.sense in senses
        )

    def _supports(
        self, claims: _Claims, run: Sequence[AnalysedSentence], first: int, length: int
    ) -> bool:
        window = run[first : first + length]
        if self._without_attribution(claims) in squeeze(
            self._source.body[window[0].start : window[-1].end]
        ):
            return True
        sentences = [self._statement(sentence) for sentence in window]
        before = [self._statement(sentence) for sentence in run[:first]]
        context = [self._heading, *before]
        claim = claims.on(self._published)
        return failure(claim, Window(sentences, context), claims.weights) is None

    def _without_attribution(self, claims: _Claims) -> str:
        return claims.squeezed.removeprefix(squeeze(attribution(self._source.article.press)))

    def _statement(self, sentence: AnalysedSentence) -> Statement:
        if sentence.start not in self._statements:
            text = self._source.body[sentence.start : sentence.end]
            self._statements[sentence.start] = Statement.of(text, self._analyser, self._published)
        return self._statements[sentence.start]

    @cached_property
    def _runs(self) -> list[list[AnalysedSentence]]:
        return list(_neighbouring(self._source.supplied_sentences()))

    @cached_property
    def _heading(self) -> Statement:
        day = self._published
        dated = f"{day.year}년 {day.month}월 {day.day}일" if day else ""
        heading = f"{self._source.article.title}. {self._source.article.press}. {dated}"
        return Statement.of(heading, self._analyser, day)


def _neighbouring(sentences: Sequence[AnalysedSentence]) -> Iterable[list[AnalysedSentence]]:
    """Runs of sentences with nothing but blanks between them.

    Passages overlap and leave gaps; a window must not jump over text that nobody supplied.
    """
    run: list[AnalysedSentence] = []
    for sentence in sentences:
        if run and sentence.start - run[-1].end > _MAX_GAP:
            yield run
            run = []
        run.append(sentence)
    if run:
        yield run


_MAX_GAP = 4  # blanks and a paragraph break
