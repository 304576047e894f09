"""Which articles, and which of their sentences, are about the thing whose course is asked for.

A question about the course of something has many words that no article has: 그동안, 과정, 이어지다. The titles of
the best articles tell its topic from these: a word weighs as much as it is rare and as many of those titles have it.
Nearness alone would take in articles about similar things, so both must agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from index import AnalysedSentence, Passage
from service.query.asked import Asked
from service.sources import Source

TITLES = 5
"""How many of the best articles' titles tell the topic."""

BEGINS = 0.5
"""The share of the topic that the beginning of an article about it has. This and the constants below were chosen on
the even places: see ``scripts/benchmark.py timeline``."""
CENTRAL = 0.6
"""The share that the whole of it has."""
MENTIONS = 0.6
"""The share that a sentence has which speaks of it in an article about something else."""
NEAR = 0.65
"""How near an article must be to the question, of the nearest one's salience, unless its title has the topic."""
NEAR_SENTENCE = 0.45
"""The same of a sentence that names a time in passing."""
BEGINNING = 3
"""Sentences that tell what an article is about. A title may name what only one paragraph tells of."""


@dataclass(frozen=True)
class Topic:
    """The words of the thing whose course is asked for, and their weights, which add up to 1."""

    asked: Asked
    weights: Mapping[str, float]

    @classmethod
    def of(cls, asked: Asked, sources: Sequence[Source]) -> Topic:
        """The topic by the titles of the best sources; by all words of the question where no title has any."""
        titles = [_held_by_title(asked, source) for source in sources[:TITLES]]
        found = {
            word: weight * sum(word in held for held in titles)
            for word, weight in asked.weights.items()
        }
        found = {word: weight for word, weight in found.items() if weight} or dict(asked.weights)
        total = sum(found.values())
        return cls(asked, {word: weight / total for word, weight in found.items()})

    def share(self, *held: frozenset[str]) -> float:
        """How much of the topic some of the question's words are, 0 to 1."""
        return sum(self.weights.get(word, 0.0) for word in frozenset().union(*held))


@dataclass(frozen=True)
class Report:
    """An article that tells of the topic; all that one about it tells may belong to its course.

    ``nearness`` is the salience of the article that is nearest to the question.
    """

    source: Source
    topic: Topic
    nearness: float

    @cached_property
    def sentences(self) -> Sequence[AnalysedSentence]:
        """Those that may be quoted, in reading order: no rows of tables, no commands to a model."""
        rows = self.source.rows
        return [s for s in self.source.supplied_sentences() if s.start not in rows]

    @cached_property
    def is_central(self) -> bool:
        """Whether it is about the topic from its beginning."""
        held = [self._held(sentence) for sentence in self.sentences]
        begins = self.topic.share(*held[:BEGINNING])
        return begins >= BEGINS and self.topic.share(*held) >= CENTRAL

    def share(self, sentence: AnalysedSentence) -> float:
        """How much of the topic a sentence has."""
        return self.topic.share(self._held(sentence))

    def is_near(self, sentence: AnalysedSentence) -> bool:
        """Whether a sentence is near enough to the question; unknown without vectors of sentences."""
        if self.source.similarities is None:
            return True
        return self.source.similarity(sentence) >= NEAR_SENTENCE * self.nearness

    def _held(self, sentence: AnalysedSentence) -> frozenset[str]:
        text = self.source.body[sentence.start : sentence.end]
        return _held(self.topic.asked, frozenset(sentence.morphemes), text)


def reports(asked: Asked, sources: Sequence[Source]) -> list[Report]:
    """The sources that tell of what is asked about, whole, in the order in which they were published.

    ``sources`` are the best first. Notices of correction are none: they tell of an article.
    """
    if not sources or not asked.weights:
        return []
    topic = Topic.of(asked, sources)
    nearest = max(source.dense for source in sources)
    found = [
        Report(whole(source), topic, nearest)
        for source in sources
        if not source.article.corrects
        and (
            source.dense >= NEAR * nearest or topic.share(_held_by_title(asked, source)) >= CENTRAL
        )
    ]
    telling = [r for r in found if r.is_central or any(map(r.share, r.sentences))]
    return sorted(telling, key=lambda r: (str(r.source.article.published_at), r.source.article.key))


def _held_by_title(asked: Asked, source: Source) -> frozenset[str]:
    if source.has_commanding_title:
        return frozenset()
    return _held(asked, frozenset(source.text.title_morphemes), source.article.title)


def _held(asked: Asked, words: frozenset[str], text: str) -> frozenset[str]:
    """Those of the question's words that a text has itself: 바다 is no 앞바다 where it tells two stories apart."""
    return frozenset(
        word
        for word in asked.weights
        if word in words or (len(word) > 1 and asked.patterns[word].search(text))
    )


def whole(source: Source) -> Source:
    """The source with all of its article supplied: an event may stand where no passage was found."""
    whole = Passage(source.article.id, 0, source.body, 0, len(source.body))
    return replace(source, passages=[whole])
