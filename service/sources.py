"""What answers are made from: the articles of the stories that were found, each under a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from index import AnalysedSentence, AnalysedText, ArticleHeader, Hit, Index, Passage
from service.injection import is_command
from service.tables import Row, rows_of

Idf = Callable[[Iterable[str]], Mapping[str, float]]
"""Gives the idf of each of some morphemes: how rare it is in the corpus."""


def attribution(press: str | None) -> str:
    """How a sentence names the outlet that reports it: «해담일보에 따르면 »."""
    return f"{press}에 따르면 " if press else ""


RECENT_TEXTS = 256
"""Texts of which is kept what is the same whatever is asked."""


@dataclass(frozen=True)
class Source:
    """The article of one story, under the number by which a backend cites it.

    ``passages`` are those found, best first; ``text`` is what their offsets refer to. ``score`` is that of the best passage, ``dense`` by how many spreads its cosine with the question
    exceeds that of an average passage, ``lexical`` its share of the question's attainable BM25 score.
    ``similarities`` are the same of the sentences; None if the index has no vectors of sentences.
    """

    number: int
    article: ArticleHeader
    text: AnalysedText
    passages: Sequence[Passage]
    score: float
    dense: float
    lexical: float = 0.0
    also_reported_by: tuple[str, ...] = ()
    similarities: Sequence[float] | None = None

    @property
    def body(self) -> str:
        """The text of the article."""
        return self.text.body

    @property
    def sentences(self) -> Sequence[AnalysedSentence]:
        """All of its sentences, in order."""
        return self.text.sentences

    def similarity(self, sentence: AnalysedSentence) -> float:
        """The similarity of one of the sentences; 0 if it is unknown."""
        return self._similarity_by_start.get(sentence.start, 0.0)

    @cached_property
    def _similarity_by_start(self) -> Mapping[int, float]:
        starts = (sentence.start for sentence in self.sentences)
        return dict(zip(starts, self.similarities or (), strict=False))

    @property
    def rows(self) -> Mapping[int, Row]:
        """The rows of tables in the article, by the offset at which each starts."""
        return self._read.rows

    def reading(self, sentence: AnalysedSentence) -> str:
        """A sentence as it is read: a row of a table with its column names, else the words of the article."""
        return self._read.readings[sentence.start]

    def quoted_with(self, sentence: AnalysedSentence) -> tuple[AnalysedSentence, ...]:
        """What is quoted for a sentence: of a row of a table also the caption and the column names."""
        row = self.rows.get(sentence.start)
        return (*row.above, sentence) if row else (sentence,)

    def supplied_sentences(self) -> Sequence[AnalysedSentence]:
        """The sentences within the passages, in reading order, without commands to a model."""
        return self._supplied

    @cached_property
    def _supplied(self) -> Sequence[AnalysedSentence]:
        if not self._commands:
            return self._found
        return [sentence for sentence in self._found if sentence not in self._commands]

    @cached_property
    def _found(self) -> Sequence[AnalysedSentence]:
        spans = [(passage.start, passage.end) for passage in self.passages]
        return [
            sentence
            for sentence in self.sentences
            if any(start <= sentence.start and sentence.end <= end for start, end in spans)
        ]

    def supplied_text(self, passage: Passage) -> str:
        """The text of a passage with ``…`` in place of each command to a model."""
        text, at = "", passage.start
        for command in self._commands:
            if at <= command.start and command.end <= passage.end:
                text += self.body[at : command.start] + "…"
                at = command.end
        return text + self.body[at : passage.end]

    def commanded_text(self) -> str:
        """The commands to a model in its title and passages, a line each."""
        commands = [self.body[s.start : s.end] for s in self._commands]
        return "\n".join([*commands, *([self.article.title] if self.has_commanding_title else [])])

    @cached_property
    def has_commanding_title(self) -> bool:
        """Whether its title tells a model what to say."""
        return is_command(self.article.title)

    @cached_property
    def _commands(self) -> Sequence[AnalysedSentence]:
        return [s for s in self._found if s.start in self._read.commands]

    @cached_property
    def _read(self) -> _Read:
        return _read(self.text)


@dataclass(frozen=True)
class _Read:
    """What a text says, whatever is asked; by the offset at which a sentence starts."""

    rows: Mapping[int, Row]
    readings: Mapping[int, str]
    commands: frozenset[int]


@lru_cache(maxsize=RECENT_TEXTS)
def _read(text: AnalysedText) -> _Read:
    words = {s.start: text.body[s.start : s.end] for s in text.sentences}
    rows = rows_of(text.body, text.sentences)
    return _Read(
        rows,
        {
            start: rows[start].text if start in rows else told.strip()
            for start, told in words.items()
        },
        frozenset(start for start, told in words.items() if is_command(told)),
    )


def sources_of(index: Index, hits: Sequence[Hit], question: str) -> list[Source]:
    """One source per article, numbered from 1 in the order of its best passage."""
    texts = index.texts(hits)
    by_article: dict[str, list[Hit]] = {}
    for hit in hits:
        by_article.setdefault(hit.article.key, []).append(hit)
    sources: list[Source] = []
    for group in by_article.values():
        text = texts.get(group[0].version)
        if text is None:  # removed since the search
            continue
        similarities = index.similarities(question, text)
        nearest = np.array([max(hit.dense for hit in group)], dtype=np.float32)
        sources.append(
            Source(
                number=len(sources) + 1,
                article=group[0].article,
                text=text,
                passages=[hit.passage for hit in group],
                score=group[0].score,
                dense=float(index.salience(question, nearest)[0]),
                lexical=max(hit.lexical.get("morphemes", 0.0) for hit in group),
                also_reported_by=group[0].also_reported_by,
                similarities=None if similarities is None else similarities.tolist(),
            )
        )
    return sources
