"""Check what a backend wrote against the sources it was given. Pure functions.

A sentence is shown if its facts (``service.verify.facts``) are those of a supplied source, and graded by its wording:

- ``quoted``: the article's own words;
- ``supported``: nearly its words (``service.verify.wording``), or a judge says that they entail the sentence;
- ``reworded``: the facts agree; whether the wording says the same was not judged.

Rules prove provenance and agreement of facts, not entailment: that takes a judge, and a judge can't overrule a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from index import AnalysedSentence, KoreanAnalyser
from service.generate.prompt import INSTRUCTIONS
from service.schema import Support
from service.sources import Idf, Source, attribution
from service.verify.drafts import Draft
from service.verify.facts import Given, failure, shares_a_value
from service.verify.judge import Judgement, Pair
from service.verify.statement import Statement, squeeze
from service.verify.wording import is_nearly_verbatim

MAX_WINDOW = 3
MIN_SHARED = 0.12
"""Less of its content morphemes, by weight, shared with any window, and a sentence is of something else."""
MIN_SHARED_UNCITED = 0.5
"""The same for a source that the sentence does not cite."""

_MAX_GAP = 4  # blanks and a paragraph break


@dataclass(frozen=True)
class Evidence:
    """A window of a source: ``source.body[start:end]``."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words of the article."""
        return self.source.body[self.start : self.end]


@dataclass(frozen=True)
class Verified:
    """A sentence that may be shown, its grade, and the windows that it rests on.

    ``repaired``: the backend cited another source than the one that has them.
    """

    text: str
    evidence: tuple[Evidence, ...]
    support: Support
    repaired: bool = False

    @property
    def pair(self) -> Pair:
        """What a judge is asked: the sentence, and the words of the articles below their headings."""
        told: dict[str, list[str]] = {}
        for evidence in self.evidence:
            told.setdefault(_heading(evidence.source), []).append(evidence.text)
        return Pair(
            "\n".join(line for head, texts in told.items() for line in (head, *texts)), self.text
        )


def _heading(source: Source) -> str:
    article = source.article
    day = str(article.published_on) if article.published_on else None
    title = "" if source.has_commanding_title else article.title
    return " · ".join(part for part in (title, article.press, day) if part)


MIN_SURE = 0.5
"""How sure a judge must be that the evidence does not say a sentence; less says nothing."""


def graded(verified: Verified, judgement: Judgement) -> Verified | None:
    """A sentence whose facts hold, with a judge's verdict; None: the evidence contradicts it, or does not say it.

    A judge lifts what is reworded, and lowers what is not; of an article's own words there is nothing to judge.
    """
    if verified.support == "quoted":
        return verified
    match judgement.verdict:
        case "supported":
            return replace(verified, support="supported")
        case "contradicted":
            return None
        case "unknown" if judgement.probability >= MIN_SURE:
            return (
                replace(verified, support="reworded") if verified.support == "supported" else None
            )
    return verified


class Verifier:
    """Verifies drafts against the sources of one prompt."""

    def __init__(self, sources: Sequence[Source], analyser: KoreanAnalyser, idf: Idf) -> None:
        self._sources = {s.number: _Reading(s, analyser) for s in sources}
        self._analyser, self._idf = analyser, idf
        # What commands in the articles ask for is no news, nor are the model's own instructions.
        told = [INSTRUCTIONS, *(source.commanded_text() for source in sources)]
        self._commanded = [text for s in told if (text := squeeze(s))]

    def verify(self, draft: Draft) -> Verified | None:
        """The draft with its evidence, repaired if only another source has its facts; None: none has them."""
        claims = _Claims(draft.text, self._analyser, self._idf)
        if any(claims.squeezed.rstrip(".") in commanded for commanded in self._commanded):
            return None
        cited = [self._sources[n] for n in dict.fromkeys(draft.markers) if n in self._sources]
        if verified := _best(claims, cited, MIN_SHARED):
            return verified
        others = [reading for reading in self._sources.values() if reading not in cited]
        found = (v for reading in others if (v := _best(claims, [reading], MIN_SHARED_UNCITED)))
        best = min(found, key=lambda v: _GRADES.index(v.support), default=None)
        return replace(best, repaired=True) if best else None


_GRADES: tuple[Support, ...] = ("quoted", "supported", "reworded")
Found = tuple[Support, tuple[Evidence, ...]]


def _best(claims: _Claims, readings: Sequence[_Reading], least: float) -> Verified | None:
    """The sentence with all sources that support it, at the best grade that one of them gives."""
    found = [support for reading in readings if (support := reading.support(claims, least))]
    if not found:
        return None
    grade = min((grade for grade, _ in found), key=_GRADES.index)
    return Verified(claims.text, tuple(e for _, evidence in found for e in evidence), grade)


def supports(sentence: str, evidence: str, analyser: KoreanAnalyser, idf: Idf) -> bool:
    """Whether the facts of a sentence are those of a text, as far as they can be told without its day."""
    claims = _Claims(sentence, analyser, idf)
    if claims.squeezed in squeeze(evidence):
        return True
    spans = analyser.sentences(evidence)
    sentences = [Statement.of(evidence[s.start : s.end], analyser, None) for s in spans]
    given = Given(sentences, Statement.of("", analyser, None))
    return claims.share(sentences) >= MIN_SHARED_UNCITED and not failure(claims.on(None), given)


class _Claims:
    """A sentence as sources of different days understand it."""

    def __init__(self, text: str, analyser: KoreanAnalyser, idf: Idf) -> None:
        self.text, self.squeezed = text, squeeze(text)
        self._analyser, self._idf = analyser, idf
        self._by_day: dict[tuple[str, date | None], Statement] = {}

    def on(self, published: date | None, press: str | None = None) -> Statement:
        """The sentence on a day, without «…에 따르면» for the outlet that is cited anyway."""
        text = self.text.removeprefix(attribution(press))
        if (text, published) not in self._by_day:
            self._by_day[text, published] = Statement.of(text, self._analyser, published)
        return self._by_day[text, published]

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """The idf of its content morphemes."""
        return self._idf(self.on(None).content)

    def share(self, window: Iterable[Statement]) -> float:
        """How much of its content morphemes, by weight, a window holds; one alone is nothing."""
        known = frozenset[str]().union(*(s.content for s in window))
        shared = [w for form, w in self.weights.items() if form in known]
        if len(shared) < min(2, len(self.weights)):
            return 0.0
        return sum(shared) / sum(self.weights.values()) if shared else 1.0


class _Reading:
    """A source, each of its sentences taken apart at most once and only when a claim needs it."""

    def __init__(self, source: Source, analyser: KoreanAnalyser) -> None:
        self._source, self._analyser = source, analyser
        self._published = source.article.published_on
        self._statements: dict[int, Statement] = {}

    def support(self, claims: _Claims, least: float) -> Found | None:
        """The grade that the source gives a claim, and the shortest windows with its words and facts."""
        if evidence := self._row(claims):
            return "quoted", evidence
        if quoted := self._quoted(claims):
            return "quoted", (quoted,)
        claim = claims.on(self._published, self._source.article.press)
        window, share = self._nearest(claims)
        is_near = share >= least or (least == MIN_SHARED and shares_a_value(claim, self._given))
        if not is_near or failure(claim, self._given):
            return None
        if verbatim := self._verbatim(claim):
            grade: Support = (
                "quoted" if claim.squeezed.rstrip(".") in squeeze(verbatim.text) else "supported"
            )
            return grade, (verbatim,)
        return "reworded", tuple(self._with_facts(claim, window))

    def _row(self, claims: _Claims) -> tuple[Evidence, ...]:
        """The row of a table that the claim says as a sentence, with its column names."""
        said = self._without_attribution(claims)
        for sentence in self._sentences if self._source.rows else ():
            row = self._source.rows.get(sentence.start)
            if row and squeeze(row.text) == said:
                above = self._source.quoted_with(sentence)
                return tuple(Evidence(self._source, s.start, s.end) for s in above)
        return ()

    def _without_attribution(self, claims: _Claims) -> str:
        return claims.squeezed.removeprefix(squeeze(attribution(self._source.article.press)))

    def _quoted(self, claims: _Claims) -> Evidence | None:
        """The sentence that the claim repeats word for word; to see that, nothing is taken apart."""
        quoted = self._without_attribution(claims)
        for sentence in self._sentences:
            said = self._source.body[sentence.start : sentence.end]
            if sentence.morphemes and squeeze(said) == quoted:
                return Evidence(self._source, sentence.start, sentence.end)
        return None

    def _verbatim(self, claim: Statement) -> Evidence | None:
        for window in self._windows:
            if is_nearly_verbatim(claim, [self._statement(s) for s in window]):
                return self._evidence(window)
        return None

    def _nearest(self, claims: _Claims) -> tuple[Sequence[AnalysedSentence], float]:
        """The window that shares most with a claim, the shortest of those, and how much that is."""
        best: tuple[Sequence[AnalysedSentence], float] = (), -1.0
        for window in self._windows:
            share = claims.share([self._statement(s) for s in window])
            if share > best[1] + 1e-9:
                best = window, share
        return best

    def _with_facts(
        self, claim: Statement, window: Sequence[AnalysedSentence]
    ) -> Iterator[Evidence]:
        """The window and, where it lacks a fact of the claim, what has a value of it elsewhere."""
        yield self._evidence(window)
        if failure(claim, Given([self._statement(s) for s in window], self._heading)) is None:
            return
        nothing = Statement("", ())
        for sentence in self._sentences:
            given = Given([self._statement(sentence)], nothing)
            if sentence not in window and shares_a_value(claim, given):
                yield self._evidence([sentence])

    def _evidence(self, window: Sequence[AnalysedSentence]) -> Evidence:
        return Evidence(self._source, window[0].start, window[-1].end)

    def _statement(self, sentence: AnalysedSentence) -> Statement:
        if sentence.start not in self._statements:
            text = self._source.reading(sentence)
            self._statements[sentence.start] = Statement.of(text, self._analyser, self._published)
        return self._statements[sentence.start]

    @cached_property
    def _sentences(self) -> Sequence[AnalysedSentence]:
        return self._source.supplied_sentences()

    @cached_property
    def _windows(self) -> Sequence[Sequence[AnalysedSentence]]:
        """One to three neighbouring sentences, the shorter windows first."""
        runs = list(_neighbouring(self._sentences))
        return [
            run[first : first + length]
            for length in range(1, MAX_WINDOW + 1)
            for run in runs
            for first in range(len(run) - length + 1)
        ]

    @cached_property
    def _given(self) -> Given:
        return Given([self._statement(s) for s in self._sentences], self._heading)

    @cached_property
    def _heading(self) -> Statement:
        day = self._published
        title = "" if self._source.has_commanding_title else self._source.article.title
        heading = f"{title}. {self._source.article.press or ''}."
        return Statement.of(heading, self._analyser, day)


def _neighbouring(sentences: Sequence[AnalysedSentence]) -> Iterator[list[AnalysedSentence]]:
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
