"""The sentences of the sources as candidates for an answer, and what speaks for each.

Each sentence gets features: how much of the question it and its surroundings cover, whether it holds the kind
of thing that is asked for, how near it is in meaning, how well its article was ranked, where it stands. A linear
model over them ranks the sentences; its weights are fitted by ``scripts/fit.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from index import AnalysedSentence, shared_bigrams
from service.generate.weights import weighted
from service.korean.lexicon import LEXICON
from service.query.asked import Asked, Places, Span
from service.sources import Source

NEARNESS = 0.95
"""What a word counts for each character between it and the answer."""

SHORT_CHARS = 15

MAX_SALIENCE = 4.0
"""Spreads of the corpus's cosines beyond which nearness in meaning says no more."""

FEATURES: Mapping[str, str] = {
    "coverage": "of the question's words, weighted by rarity, in the sentence",
    "context": "of the question's words in the sentence, its neighbours or the title",
    "title": "of the question's words in the title: the article is about it",
    "bigrams": "of the question's character bigrams, in the sentence",
    "kind": "1: the sentence holds the kind of thing that is asked for; 0.5: nobody can tell",
    "bound": "how near the question's words stand to it, 0 to 1",
    "predicate": "1: the question's last word, mostly its verb, is in the sentence; 0.5: near it",
    "passage": "score of the article's best passage, less that of the best of all",
    "meaning": "cosine with the question less that of the best, in spreads of the corpus",
    "time": "1: it names the time asked about; 0.5: a neighbour does, or its article is of that time",
    "lead": "1: the first sentence of the article names the topic, seldom the detail",
    "question": "1: it asks something itself",
    "short": "1: it has fewer than 15 characters: a heading, a caption",
}
"""Features of a sentence, and what each measures."""


class Candidate(NamedTuple):
    """A sentence of a source with its features (see ``FEATURES``) and its rank score.

    ``held`` are the question's words that it has, ``near`` those that it, its neighbours or the title have.
    """

    source: Source
    sentence: AnalysedSentence
    position: int
    features: Mapping[str, float]
    score: float
    held: frozenset[str]
    near: frozenset[str]

    @property
    def text(self) -> str:
        """The sentence as it is read: see ``Source.reading``."""
        return self.source.reading(self.sentence)


def rank(asked: Asked, sources: Sequence[Source]) -> list[Candidate]:
    """The sentences of the sources' passages, best first."""
    best = max((source.score for source in sources), default=0.0)
    nearest = max((max(source.similarities or [0.0]) for source in sources), default=0.0)
    candidates = [c for source in sources for c in _candidates(asked, source, best, nearest)]
    return sorted(candidates, key=lambda candidate: -candidate.score)


def _candidates(asked: Asked, source: Source, best: float, nearest: float) -> Iterator[Candidate]:
    sentences = source.supplied_sentences()
    texts = [source.reading(s) for s in sentences]
    *places, of_title = asked.places([*texts, source.article.title])
    held = [
        asked.held(_morphemes(source, sentence), text, found)
        for sentence, text, found in zip(sentences, texts, places, strict=True)
    ]
    title = asked.held(frozenset(source.text.title_morphemes), source.article.title, of_title)
    timed, share_of_title = _timed(asked, source, texts), asked.share(title)
    for position, (sentence, text) in enumerate(zip(sentences, texts, strict=True)):
        near = title.union(*held[max(position - 1, 0) : position + 2])
        spots = asked.spots(text)
        features = {
            "coverage": asked.share(held[position]),
            "context": asked.share(near),
            "title": share_of_title,
            "bigrams": _overlap(asked.bigrams, text),
            "kind": _holds(asked, text, spots),
            "bound": _bound(asked, spots, places[position]),
            "predicate": ((asked.predicate in held[position]) + (asked.predicate in near)) / 2,
            "passage": source.score - best,
            "meaning": max(source.similarity(sentence) - nearest, -MAX_SALIENCE),
            "time": timed[position],
            "lead": float(sentence.start == 0),
            "question": float("?" in text),
            "short": float(len(text.strip()) < SHORT_CHARS),
        }
        score = weighted(features, "sentence")
        yield Candidate(source, sentence, position, features, score, held[position], near)


def _morphemes(source: Source, sentence: AnalysedSentence) -> frozenset[str]:
    """Those of a sentence; of a row also those of its caption and column names."""
    row = source.rows.get(sentence.start)
    return sentence.words.union(*(s.morphemes for s in row.above)) if row else sentence.words


def _timed(asked: Asked, source: Source, texts: Sequence[str]) -> list[float]:
    """For each sentence, whether it is about the time that the question names: 1, 0.5 or 0."""
    time, day = asked.time, source.article.published_on
    if time is None:
        return [0.0] * len(texts)
    named = [time.named_in(text, day) for text in texts]
    published_then = time.covers(day)
    return [
        1.0 if named[n] else 0.5 * (published_then or any(named[max(n - 1, 0) : n + 2]))
        for n in range(len(texts))
    ]


def _holds(asked: Asked, text: str, spots: Sequence[Span]) -> float:
    """Whether a text holds the kind of thing that is asked for: 1 yes, 0 no, 0.5 can't tell, or a likely cause."""
    if not asked.is_recognisable:
        return 0.5
    if spots:
        return 1.0
    return 0.5 if asked.kind == "reason" and _CAUSAL.search(text) else 0.0


_CAUSAL = LEXICON.expression("{evidence.causal_endings}")


def _bound(asked: Asked, spots: Sequence[Span], places: Places) -> float:
    """How near the question's words stand to what may be its answer, 0 to 1."""
    if not spots or not places or asked.kind in {"reason", "manner"}:
        return 0.0
    return max(_nearness(asked, spot, places) for spot in spots)


def bindings(asked: Asked, text: str) -> list[tuple[Span, float]]:
    """What may be the answer in a text, and how near the question's words stand to each, 0 to 1."""
    [places] = asked.places([text])
    return [(spot, _nearness(asked, spot, places)) for spot in asked.spots(text)]


def _nearness(asked: Asked, spot: Span, places: Places) -> float:
    """The weight of the question's words, each counting less by the characters between it and the spot, of all."""
    first, last = spot
    near = 0.0
    for word, found in places.items():
        gaps = [start - last if start >= last else first - end for start, end in found]
        near += asked.weights[word] * NEARNESS ** max(min(gaps), 0)
    return near / asked.weight if near else 0.0


def _overlap(grams: frozenset[str], text: str) -> float:
    return shared_bigrams(grams, text) / len(grams) if grams else 0.0
