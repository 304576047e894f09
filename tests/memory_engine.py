"""The reference engine: all of both protocols in dictionaries and numpy, compared exhaustively.

Engines over one ``Store`` share it, as processes share a folder or a server. No two threads may write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import NamedTuple

import numpy as np

from index import SEOUL, Article, ArticleHeader, CorpusStatistics, EmbedderMismatch, Filters
from index import protocols as seam
from index.corpus import length_norms
from index.documents import keys_meant, reference_of
from index.errors import RebuildUnfinished
from index.korean import FIELDS, passage_terms


@dataclass
class Current:
    """The current version of an article; ``text`` is its id."""

    text: str
    item: seam.IndexedArticle
    recipe: seam.Recipe
    leader: str
    labels: frozenset[str] = frozenset()


class Row(NamedTuple):
    """A published passage; ``story`` is the text id of its leader."""

    id: str
    text: str
    story: str
    item: seam.IndexedArticle
    number: int
    terms: seam.Terms


Generation = tuple[CorpusStatistics, Sequence[Row]]


@dataclass
class Store:
    """``texts`` are all versions ever stored, by id; ``corrections`` pairs of notice and wrong."""

    recipe: seam.Recipe | None = None
    current: dict[str, Current] = field(default_factory=dict)
    texts: dict[str, seam.IndexedArticle] = field(default_factory=dict)
    corrections: set[tuple[str, str]] = field(default_factory=set)
    is_changed: bool = True
    generations: list[Generation] = field(default_factory=lambda: [(CorpusStatistics(), ())])


class MemoryEngine:
    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()

    def close(self) -> None:
        """The store stays."""

    def recipe(self) -> seam.Recipe | None:
        return self.store.recipe

    def adopt(self, recipe: seam.Recipe, *, rebuild: bool = False) -> None:
        known = self.store.recipe
        if not rebuild and known and known.embedder != recipe.embedder:
            names = {"built_with": known.embedder, "configured": recipe.embedder}
            raise EmbedderMismatch(path="memory", **names)
        if not rebuild:
            self._refuse_others_than(recipe)
        self.store.recipe = recipe

    def _refuse_others_than(self, recipe: seam.Recipe | None) -> None:
        if not recipe or {one.recipe.embedder for one in self._live()} - {recipe.embedder}:
            raise RebuildUnfinished("memory")

    def _live(self, ids: Iterable[str] | None = None) -> list[Current]:
        current = self.store.current
        return [current[i] for i in (current if ids is None else ids) if i in current]

    def digests(self, article_ids: Sequence[str]) -> dict[str, seam.Digest]:
        live = self._live(article_ids)
        return {one.item.article.key: seam.Digest(one.item.digest, one.recipe) for one in live}

    def stored(
        self, article_ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, seam.StoredArticle]:
        found = {}
        for one in self._live(article_ids):
            article, known = one.item.article, _vectors(one.item) if vectors else None
            stored = seam.StoredArticle(article, one.leader, one.recipe.embedder, known)
            found[article.key] = stored
        return found

    def labelled(self, labels: Collection[str]) -> dict[str, list[ArticleHeader]]:
        found: dict[str, list[ArticleHeader]] = {}
        for one in self._live():
            for label in one.labels & set(labels):
                found.setdefault(label, []).append(one.item.article.header)
        return found

    def put(self, articles: Sequence[seam.IndexedArticle], links: Mapping[str, seam.Links]) -> None:
        recipe = self.store.recipe
        assert recipe is not None
        if any(len(item.vectors) != len(item.passages) for item in articles):
            raise ValueError("a vector for each passage")
        for item in articles:
            one = Current(f"text {next(_numbers)}", item, recipe, item.article.key)
            self.store.current[item.article.key] = one
            self.store.texts[one.text] = item
        self._link(links)

    def remove(self, article_ids: Iterable[str], links: Mapping[str, seam.Links]) -> list[str]:
        gone = [i for i in article_ids if self.store.current.pop(i, None)]
        texts = self.store.texts.items()
        self.store.texts = {t: item for t, item in texts if item.article.key not in gone}
        self.store.corrections = {p for p in self.store.corrections if not set(p) & set(gone)}
        self._link(links)
        return gone

    def _link(self, links: Mapping[str, seam.Links]) -> None:
        self.store.is_changed = True
        for i, one in links.items():
            of_it, pairs = self.store.current[i], self.store.corrections
            of_it.leader = one.leader or of_it.leader
            of_it.labels = of_it.labels if one.labels is None else one.labels
            if one.corrects is not None:
                pairs -= {pair for pair in pairs if pair[0] == i}
                pairs |= {(i, wrong) for wrong in one.corrects}
            if one.corrected_by is not None:
                pairs -= {pair for pair in pairs if pair[1] == i}
                pairs |= {(notice, i) for notice in one.corrected_by}

    def count_outdated(self) -> int:
        return len(self.outdated(len(self.store.current)))

    def outdated(self, limit: int) -> list[Article]:
        old = [one for one in self._live() if one.recipe != self.store.recipe]
        return [one.item.article for one in old[:limit]]

    def publish(self, *, afresh: bool = False) -> CorpusStatistics:
        self._refuse_others_than(self.store.recipe)
        if self.store.is_changed or afresh:
            rows = [row for one in self._live() for row in self._rows(one)]
            statistics = CorpusStatistics.of(
                len(self.store.generations),
                [one.item.article for one in self._live()],
                [pair for one in self._live() for pair in one.item.names],
                [row.terms for row in rows],
                np.array([row.item.vectors[row.number] for row in rows], np.float32),
            )
            self.store.generations.append((statistics, rows))
            self.store.is_changed = False
        return self.statistics()

    def _rows(self, one: Current) -> Iterable[Row]:
        story, title = self.store.current[one.leader].text, one.item.article.title
        for n, passage in enumerate(one.item.passages):
            terms = passage_terms(title, _text(one.item), passage.start, passage.end)
            yield Row(f"{one.text} passage {n}", one.text, story, one.item, n, terms)

    def search(
        self, vector: seam.Vectors, queries: Sequence[seam.Weights], filters: Filters, depth: int
    ) -> seam.Candidates:
        corpus, rows = self.store.generations[-1][0], self._meeting(filters)
        dense = np.array([row.item.vectors[row.number] @ vector for row in rows], np.float32)
        scores = [_scores(rows, query, corpus) for query in queries]
        found = set(np.argsort(-dense)[:depth].tolist())
        for one in scores:
            total = np.sum(list(one.values()), axis=0)
            found |= {n for n in np.argsort(-total)[:depth].tolist() if total[n] > 0}
        chosen = np.array(sorted(found), dtype=np.intp)
        rows = [rows[n] for n in chosen]
        days = [row.item.article.published_on for row in rows]
        return seam.Candidates(
            [row.id for row in rows],
            [row.text for row in rows],
            [f"story of {row.story}" for row in rows],
            np.array([row.text == row.story for row in rows], np.bool_),
            dense[chosen],
            {f: np.max([one[f] for one in scores], axis=0)[chosen] for f in FIELDS},
            np.array([day.toordinal() if day else 0 for day in days], np.int32),
            corpus.generation,
            f"generation {corpus.generation}",
        )

    def passages(self, ids: Sequence[str], token: str) -> dict[str, seam.LoadedPassage]:
        _, rows = self.store.generations[int(token.removeprefix("generation "))]
        there = (row for row in rows if row.id in ids and row.text in self.store.texts)
        return {row.id: self._loaded(row) for row in there}

    def _loaded(self, row: Row) -> seam.LoadedPassage:
        header = row.item.article.header
        is_current = self.store.current[header.key].text == row.text
        story = self._live(self.stories([header.key])[header.key]) if is_current else []
        told = sorted((one.item.article for one in story), key=lambda a: a.published_at or _LATE)
        outlets = dict.fromkeys(a.press for a in told if a.press and a.press != header.press)
        passage, shown = row.item.passages[row.number], self._corrected(header)
        return seam.LoadedPassage(passage, shown, row.text, tuple(outlets))

    def _corrected(self, header: ArticleHeader) -> ArticleHeader:
        pairs = sorted(self.store.corrections)
        corrects = tuple(self._name(wrong) for notice, wrong in pairs if notice == header.key)
        corrected_by = tuple(self._name(notice) for notice, wrong in pairs if wrong == header.key)
        return replace(header, corrects=corrects, corrected_by=corrected_by)

    def _name(self, key: str) -> str:
        public = self.store.current[key].item.article.id
        keys = [k for k, one in self.store.current.items() if one.item.article.id == public]
        return public if len(keys) == 1 else reference_of(key)

    def keys(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found = {}
        for name in names:
            public = [k for k, one in self.store.current.items() if one.item.article.id == name]
            exact = [key for key in keys_meant(name) if key in self.store.current]
            if exact or public:
                found[name] = tuple(exact[:1] or public)
        return found

    def texts(self, ids: Sequence[str], token: str) -> dict[str, seam.AnalysedText]:
        return {i: _text(self.store.texts[i]) for i in ids if i in self.store.texts}

    def article(self, article_id: str) -> Article | None:
        for one in self._live([article_id]):
            header = self._corrected(one.item.article.header)
            return Article(**vars(header), body=one.item.article.body)
        return None

    def stories(self, article_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        live = {one.item.article.key: one.leader for one in self._live()}
        wanted = [(i, live[i]) for i in article_ids if i in live]
        return {i: (of, *(c for c in live if live[c] == of and c != of)) for i, of in wanted}

    def tally(self, filters: Filters) -> seam.Tally:
        rows = self._meeting(filters)
        articles = {row.text: row.item.article for row in rows}.values()
        return seam.Tally(
            self.statistics().generation,
            len(articles),
            len(rows),
            Counter(one.published_on for one in articles if one.published_on),
            Counter(one.press for one in articles if one.press),
            Counter(one.section for one in articles if one.section),
        )

    def newest(self, filters: Filters, limit: int) -> list[str]:
        leading = [row for row in self._meeting(filters) if row.text == row.story]
        articles = list({row.text: row.item.article for row in leading}.values())
        articles.sort(key=lambda one: str(one.published_on or ""), reverse=True)
        return [one.key for one in articles[:limit]]

    def _meeting(self, filters: Filters) -> list[Row]:
        named = self.keys(filters.article_ids).values()
        keys = {key for of_name in named for key in of_name}
        rows = self.store.generations[-1][1]
        return [row for row in rows if row.text in self.store.texts and _meets(row, filters, keys)]

    def statistics(self) -> CorpusStatistics:
        return self.store.generations[-1][0]

    def info(self) -> seam.IndexInfo:
        known, recipe, live = self.statistics(), self.store.recipe, self._live()
        counts = len(live), sum(len(one.item.passages) for one in live), known.generation
        made = (recipe.embedder, recipe.dimension) if recipe else ("", 0)
        days = known.first_day, known.last_day
        return seam.IndexInfo(*counts, *made, *days, 0, known.presses, known.sections)

    def problem(self) -> str | None:
        return None


def _meets(row: Row, filters: Filters, keys: Collection[str]) -> bool:
    article, day = row.item.article, row.item.article.published_on
    first, last = filters.published_from, filters.published_to
    return (
        not (first and (day is None or day < first))
        and not (last and (day is None or day > last))
        and (not filters.press or article.press in filters.press)
        and (not filters.section or article.section in filters.section)
        and (not filters.reporters or bool(set(filters.reporters) & set(article.reporters)))
        and (not filters.article_ids or article.key in keys)
    )


def _scores(
    rows: Sequence[Row], query: seam.Weights, corpus: CorpusStatistics
) -> dict[str, seam.Vectors]:
    scores = {name: np.zeros(len(rows), np.float32) for name in FIELDS}
    for name, weights in query.items() if rows else ():
        counted = [Counter(row.terms[name]) for row in rows]
        lengths = np.array([counts.total() for counts in counted], np.uint32)
        norms = length_norms(lengths, corpus.fields[name].average_length)
        for term, weight in weights.items():
            times = np.array([counts[term] for counts in counted], np.float32)
            scores[name] += np.float32(weight) * times / (times + norms)
    return scores


def _text(item: seam.IndexedArticle) -> seam.AnalysedText:
    body, vectors, titles = item.article.body, item.sentence_vectors, item.title_morphemes
    return seam.AnalysedText(body, item.sentences, vectors, titles)


def _vectors(item: seam.IndexedArticle) -> seam.StoredVectors | None:
    spans = [
        [(part.start, part.end) for part in parts] for parts in (item.passages, item.sentences)
    ]
    known = item.sentence_vectors
    return None if known is None else seam.StoredVectors(spans[0], item.vectors, spans[1], known)


_LATE = datetime.max.replace(tzinfo=SEOUL)
_numbers = count(1)
