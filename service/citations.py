"""Check what a backend wrote against the sources it was given. Pure functions.

A sentence is supported when some window of one to three neighbouring sentences of a supplied passage

1. holds every quantity, quotation, name and foreign word of the sentence,
2. covers the rest of it: the idf-weighted share of its content morphemes is at least ``MIN_COVERAGE``,
3. agrees in polarity (않았다, 아니다, 부인했다 …).

A sentence quoted word for word is supported by itself. This proves provenance and agreement of facts, not
entailment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from index import AnalysedSentence, KoreanAnalyser, Token
from service.prompt import Source
from service.quantities import Quantity, quantities
from service.schema import Support

MIN_COVERAGE = 0.7
MAX_WINDOW = 3
_SHORT_SENTENCE_MORPHEMES = 2  # below this coverage says nothing: facts alone decide

_MARKER = re.compile(r"\s*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_QUOTATION = re.compile(r"[“\"‘']([^“”\"‘’']{2,})[”\"’']")
_MARKERS = re.compile(r"(?:\s*\[[\d,\s]+\])+\s*[.!?。]?")
_COMPLETE_MARKERS = re.compile(r"(?:\s*\[[\d,\s]+\])+[.!?。]?(?=\s*[^\s\[.!?。])")
_NAME_TAGS = frozenset({"NNP", "SL", "SH"})

Idf = Callable[[Iterable[str]], Mapping[str, float]]


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
        self._sources = {source.number: source for source in sources}
        self._analyser, self._idf = analyser, idf

    def verify(self, draft: Draft) -> Verified | None:
        """The draft with its evidence, repaired if another source supports it; None: unsupported."""
        claim = _Claim.of(draft.text, self._analyser)
        weights = self._idf(claim.morphemes)
        cited = [self._sources[n] for n in dict.fromkeys(draft.markers) if n in self._sources]
        found = [
            e
            for source in cited
            if (e := _supporting_window(claim, source, weights, self._analyser))
        ]
        if found:
            return Verified(draft.text, tuple(found), "supported")
        for source in self._sources.values():
            if source not in cited and (
                evidence := _supporting_window(claim, source, weights, self._analyser)
            ):
                return Verified(draft.text, (evidence,), "repaired")
        return None


def supports(sentence: str, evidence: str, analyser: KoreanAnalyser, idf: Idf) -> bool:
    """Whether a text supports a sentence, by the three conditions above."""
    claim = _Claim.of(sentence, analyser)
    morphemes = frozenset(analyser.morphemes(evidence))
    return claim.is_supported_by(evidence, morphemes, "", idf(claim.morphemes), analyser)


@dataclass(frozen=True)
class _Claim:
    """What a sentence states, taken apart."""

    text: str
    squeezed: str
    morphemes: tuple[str, ...]
    quantities: Sequence[Quantity]
    quotations: Sequence[str]
    names: Sequence[str]
    negated: frozenset[str]

    @classmethod
    def of(cls, text: str, analyser: KoreanAnalyser) -> _Claim:
        tokens = analyser.tokens(text)
        names = [token.form for token in tokens if token.tag in _NAME_TAGS]
        return cls(
            text=text,
            squeezed=_squeeze(text),
            morphemes=tuple(dict.fromkeys(analyser.morphemes(text))),
            quantities=quantities(text),
            quotations=[_squeeze(m[1]) for m in _QUOTATION.finditer(text)],
            names=[_squeeze(name) for name in names],
            negated=_negated(tokens),
        )

    def is_supported_by(
        self,
        text: str,
        morphemes: frozenset[str],
        context: str,
        weights: Mapping[str, float],
        analyser: KoreanAnalyser,
    ) -> bool:
        """``context`` (title, date) may supply names and parts of dates, but no other fact."""
        squeezed = _squeeze(text)
        if self.squeezed in squeezed:
            return True
        with_context = squeezed + "\n" + _squeeze(context)
        return (
            all(quotation in squeezed for quotation in self.quotations)
            and all(name in with_context for name in self.names)
            and self._quantities_in(text, context)
            and self._coverage(morphemes, weights) >= MIN_COVERAGE
            and self._agrees_in_polarity(text, morphemes, analyser)
        )

    def _agrees_in_polarity(
        self, text: str, morphemes: frozenset[str], analyser: KoreanAnalyser
    ) -> bool:
        """Whether no word of both texts is negated in one of them alone."""
        in_both = morphemes.intersection(self.morphemes)
        return not (self.negated ^ _negated(analyser.tokens(text))) & in_both

    def _quantities_in(self, text: str, context: str) -> bool:
        given = quantities(text)
        dates = [q for q in quantities(context) if q.unit in {"년", "월", "일"}]
        return all(any(q.agrees_with(g) for g in [*given, *dates]) for q in self.quantities)

    def _coverage(self, morphemes: frozenset[str], weights: Mapping[str, float]) -> float:
        if len(self.morphemes) < _SHORT_SENTENCE_MORPHEMES:
            return 1.0 if all(m in morphemes for m in self.morphemes) else 0.0
        total = sum(weights[m] for m in self.morphemes)
        covered = sum(weights[m] for m in self.morphemes if m in morphemes)
        return covered / total if total else 0.0


def _supporting_window(
    claim: _Claim, source: Source, weights: Mapping[str, float], analyser: KoreanAnalyser
) -> Evidence | None:
    """The shortest window of the source that supports the claim."""
    runs = list(_neighbouring(source.supplied_sentences()))
    context = _context(source)
    for length in range(1, MAX_WINDOW + 1):
        for run in runs:
            for first in range(len(run) - length + 1):
                window = run[first : first + length]
                start, end = window[0].start, window[-1].end
                morphemes = frozenset(m for s in window for m in s.morphemes)
                if claim.is_supported_by(
                    source.body[start:end], morphemes, context, weights, analyser
                ):
                    return Evidence(source, start, end)
    return None


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


def _negated(tokens: Sequence[Token]) -> frozenset[str]:
    """The content words that a text negates: 미루 in «미루지 않았다», 변동 in «변동이 없다»."""
    negated = set()
    for position, token in enumerate(tokens):
        if (token.form, token.tag) in _NEGATIONS_AFTER:
            before = reversed(tokens[:position])
            negated |= {next((t.form.lower() for t in before if t.tag in _PREDICATE_TAGS), "")}
        elif (token.form, token.tag) in _NEGATIONS_BEFORE:
            after = tokens[position + 1 :]
            negated |= {next((t.form.lower() for t in after if t.tag in _PREDICATE_TAGS), "")}
    return frozenset(negated - {""})


_NEGATIONS_AFTER = frozenset(
    {("않", "VX"), ("못하", "VX"), ("아니", "VCN"), ("없", "VA"), ("말", "VX")}
)
_NEGATIONS_BEFORE = frozenset({("안", "MAG"), ("못", "MAG")})
_PREDICATE_TAGS = frozenset(
    {"NNG", "NNP", "NR", "SL", "SN", "VV", "VV-R", "VV-I", "VA", "XR", "VA-R", "VA-I"}
)


def _context(source: Source) -> str:
    day = source.article.published_on
    date = f"{day.year}년 {day.month}월 {day.day}일" if day else ""
    return f"{source.article.title}\n{date}"


def _squeeze(text: str) -> str:
    """Without blanks, markup of emphasis and differences between quotation marks."""
    return re.sub(r"[\s*_]+", "", text).translate(_QUOTES).lower()


_QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "＂": '"', "＇": "'"})
