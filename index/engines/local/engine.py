"""The embedded engine behind the Engine protocol (see ``index.protocols``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np

from index.documents import AnalysedSentence, Article, Filters, Passage
from index.engines.local import files
from index.engines.local.catalog import Catalog
from index.engines.local.follower import Follower
from index.engines.local.generation import current_number
from index.engines.local.lock import WriterLock
from index.engines.local.publish import publish
from index.engines.local.records import Recipe
from index.errors import EmbedderMismatch, IndexNotFound
from index.protocols import (
    AnalysedText,
    Candidates,
    IndexedArticle,
    IndexInfo,
    LoadedPassage,
    Terms,
    Vectors,
)


class LocalEngine:
    """An index in a folder. ``open`` reads; the others also write, one process at a time.

    A reader looks for newer generations in a thread of its own, opens them there, and swaps; until
    then, and when the newest can't be used, it goes on with the one it has.
    """

    def __init__(self, root: Path, *, lock: WriterLock | None = None) -> None:
        self.root = root
        self._lock = lock
        self._catalog = Catalog(root, writable=lock is not None)
        self._shown = Follower(root, self._catalog)

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open for reading. Raises IndexNotFound, IndexCorrupt or IndexFormatUnknown."""
        engine = cls(root)
        try:
            engine._shown.refresh()
        except BaseException:
            engine.close()
            raise
        engine._shown.watch()
        return engine

    @classmethod
    def update(cls, root: Path, *, wait_s: float = 0.0) -> Self:
        """Open an index that is there for writing. Raises IndexNotFound, IndexLocked."""
        Catalog(root).close()
        return cls._open_for_writing(root, wait_s)

    @classmethod
    def create_or_update(
        cls,
        root: Path,
        *,
        embedder: str,
        dimension: int,
        analyser: str,
        chunking: dict[str, Any],
        wait_s: float = 0.0,
    ) -> Self:
        """Open for writing, creating what is missing.

        Raises IndexLocked, IndexNotWritable, or EmbedderMismatch. Another analyser or chunking is
        that of the articles added from now on; ``rebuild`` brings the older ones up to it.
        """
        with files.writing(root):
            root.mkdir(parents=True, exist_ok=True)
        recipe = Recipe(embedder, dimension, analyser, chunking)
        engine = cls._open_for_writing(root, wait_s)
        try:
            engine._adopt(recipe)
        except BaseException:
            engine.close()
            raise
        return engine

    @classmethod
    def _open_for_writing(cls, root: Path, wait_s: float) -> Self:
        with files.writing(root):
            lock = WriterLock(root, wait_s)
        try:
            return cls(root, lock=lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        self._shown.close()
        self._catalog.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def catalog(self) -> Catalog:
        """For the modules of this package that check and copy an index."""
        return self._catalog

    # -- writing ---------------------------------------------------------------------------

    @property
    def recipe(self) -> Recipe:
        """How articles are prepared from now on. Raises IndexNotFound if nobody ever said."""
        recipe = self._catalog.recipe
        if recipe is None:
            raise IndexNotFound(self.root)
        return recipe

    def _adopt(self, recipe: Recipe) -> None:
        known = self._catalog.recipe
        if known is not None and known.embedder != recipe.embedder:
            raise EmbedderMismatch(
                path=self.root, built_with=known.embedder, configured=recipe.embedder
            )
        if known != recipe:
            self._catalog.set_meta({"recipe": recipe.to_text()})

    def begin_rebuild(self, recipe: Recipe) -> int:
        """From now on articles are prepared by ``recipe``; how many of those stored are not."""
        self._catalog.set_meta({"recipe": recipe.to_text()})
        return self.count_outdated()

    def count_outdated(self) -> int:
        """How many articles were prepared by another recipe than the one of now."""
        return self._catalog.count_outdated(self.recipe)

    def outdated(self, limit: int) -> list[Article]:
        """Articles still to be prepared anew."""
        return self._catalog.outdated(self.recipe, limit)

    @property
    def rebuilding(self) -> bool:
        """Whether some articles have the vectors of another embedder."""
        return any(name != self.recipe.embedder for name in self._catalog.embedders)

    def known_vectors(
        self,
        article: Article,
        passages: Sequence[Passage],
        sentences: Sequence[AnalysedSentence],
    ) -> tuple[Vectors, Vectors] | None:
        """The vectors of passages and sentences that the stored version has, if its text is the same."""
        stored = self._catalog.stored_vectors(article.id, self.recipe.embedder)
        if stored is None or (stored.body, stored.passages, stored.sentences) != (
            article.body,
            [(passage.start, passage.end) for passage in passages],
            [(sentence.start, sentence.end) for sentence in sentences],
        ):
            return None
        return stored.vectors, stored.sentence_vectors

    def add(self, articles: Sequence[IndexedArticle]) -> None:
        self._catalog.put(articles, current_number(self.root) or 0, self.recipe)

    def remove(self, article_ids: Iterable[str]) -> list[str]:
        return self._catalog.remove(article_ids)

    def publish(self, *, afresh: bool = False) -> int:
        """``afresh`` copies nothing from the generation before."""
        number = publish(self.root, self._catalog, self.recipe, afresh=afresh)
        if self._shown.opened:
            self._shown.refresh()
        return number

    # -- reading ---------------------------------------------------------------------------

    def search(
        self,
        vector: Vectors,
        terms: Terms,
        filters: Filters,
        k: int,
        alternatives: Sequence[Terms] = (),
    ) -> Candidates:
        view = self._shown.view
        generation = view.generation
        mask = generation.mask(filters, self._article_keys(filters))
        mask = view.without_removed(mask, self._catalog)
        spellings = (terms, *alternatives)
        found_by = [generation.vectors.nearest(vector, k, mask)]
        found_by += [generation.lexical.best(spelling, k, mask) for spelling in spellings]
        rows = np.unique(np.concatenate(found_by))
        found = generation.rows[rows]
        return Candidates(
            keys=found["passage"],
            articles=found["article"],
            stories=found["story"],
            dense=generation.vectors.cosines(vector, rows),
            lexical=_highest([generation.lexical.scores(s, rows) for s in spellings]),
            days=found["day"],
            cosine_spread=generation.manifest.cosine_spread,
            generation=generation.number,
            snapshot=generation,
        )

    def _article_keys(self, filters: Filters) -> list[int] | None:
        """The articles that meet the filters on ids and reporters; None: there are none such."""
        groups = []
        if filters.article_ids:
            groups.append(set(self._catalog.keys_of(filters.article_ids)))
        if filters.reporters:
            groups.append(set(self._catalog.keys_by(filters.reporters)))
        return list(set.intersection(*groups)) if groups else None

    def load(self, keys: Sequence[int]) -> dict[int, LoadedPassage]:
        return self._catalog.passages([int(key) for key in keys])

    def idf(self, field: str, terms: Iterable[str]) -> Mapping[str, float]:
        return self._shown.generation.lexical.idf(field, terms)

    @property
    def generation(self) -> int:
        return self._shown.generation.number

    @property
    def problem(self) -> str | None:
        return self._shown.problem

    def article(self, article_id: str) -> Article | None:
        return self._catalog.article(article_id)

    def story(self, article_id: str) -> tuple[str, ...]:
        return self._catalog.story(article_id)

    @property
    def last_version(self) -> int:
        """The newest version that the index holds of any article; versions are numbered upwards."""
        return self._catalog.last_key

    def copies_after(self, version: int) -> int:
        """How many articles stored after ``version`` are copies in a story that another leads."""
        return self._catalog.copies_after(version)

    def text(self, version: int) -> AnalysedText | None:
        return self._catalog.text(version)

    def digest(self, article_id: str) -> str | None:
        return self._catalog.digest(article_id)

    @property
    def cosine_spread(self) -> float:
        return self._shown.generation.manifest.cosine_spread

    @property
    def coverage(self) -> tuple[date | None, date | None]:
        manifest = self._shown.generation.manifest
        return _day(manifest.published_from), _day(manifest.published_to)

    @property
    def presses(self) -> tuple[str, ...]:
        return tuple(filter(None, self._shown.generation.manifest.presses))

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(filter(None, self._shown.generation.manifest.sections))

    def aliases(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return self._catalog.aliases(names)

    def has_reporter(self, name: str) -> bool:
        return bool(self._catalog.keys_by([name]))

    def info(self) -> IndexInfo:
        """Opens no generation; without one that is open, the one that CURRENT names is told."""
        manifest = self._shown.manifest
        articles, passages = self._catalog.counts()
        return IndexInfo(
            articles=articles,
            passages=passages,
            generation=manifest.generation,
            embedder=manifest.embedder,
            dimension=manifest.dimension,
            published_from=_day(manifest.published_from),
            published_to=_day(manifest.published_to),
            bytes=files.folder_bytes(self.root),
            presses=tuple(filter(None, manifest.presses)),
            sections=tuple(filter(None, manifest.sections)),
        )


def _highest(scores: Sequence[Mapping[str, Vectors]]) -> dict[str, Vectors]:
    """By field, the highest of each row's scores."""
    return {field: np.maximum.reduce([each[field] for each in scores]) for field in scores[0]}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
