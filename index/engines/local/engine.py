"""The embedded engine behind both protocols of engines (see ``index.protocols``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from index.corpus import CorpusStatistics
from index.documents import Article, ArticleHeader, Filters
from index.engines.local import files
from index.engines.local.catalog import Catalog
from index.engines.local.follower import Follower, View
from index.engines.local.generation import (
    current_number,
    day,
    generation_folder,
    read_statistics,
)
from index.engines.local.lock import WriterLock
from index.engines.local.publish import publish
from index.engines.local.selection import Selection
from index.engines.records import recipe_text
from index.errors import EmbedderMismatch, IndexNotFound, RebuildUnfinished
from index.protocols import (
    AnalysedText,
    Candidates,
    Digest,
    IndexedArticle,
    IndexInfo,
    Links,
    LoadedPassage,
    Recipe,
    StoredArticle,
    Tally,
    Vectors,
    Weights,
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
    def create(cls, root: Path, *, wait_s: float = 0.0) -> Self:
        """Open for writing, creating what is missing. Raises IndexLocked, IndexNotWritable."""
        with files.writing(root):
            root.mkdir(parents=True, exist_ok=True)
        return cls._open_for_writing(root, wait_s)

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
        """Close every file; a writer gives its lock back."""
        self._shown.close()
        self._catalog.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def catalog(self) -> Catalog:
        """For the modules of this package that check and copy an index."""
        return self._catalog

    # -- writing ---------------------------------------------------------------------------

    def recipe(self) -> Recipe | None:
        """How articles are prepared by now, as the catalog says."""
        return self._catalog.recipe

    def adopt(self, recipe: Recipe, *, rebuild: bool = False) -> None:
        """As ``EngineWriter.adopt``: one write to the catalog."""
        known = self._catalog.recipe
        if not rebuild:
            if known is not None and known.embedder != recipe.embedder:
                raise EmbedderMismatch(
                    path=self.root, built_with=known.embedder, configured=recipe.embedder
                )
            if any(name != recipe.embedder for name in self._catalog.embedders):
                raise RebuildUnfinished(self.root)
        if known != recipe:
            self._catalog.set_meta({"recipe": recipe_text(recipe)})

    def _adopted(self) -> Recipe:
        recipe = self._catalog.recipe
        if recipe is None:
            raise IndexNotFound(self.root)
        return recipe

    def keys(self, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """As ``EngineReader.keys``: two queries, however many names."""
        return self._catalog.names(names)

    def digests(self, article_ids: Sequence[str]) -> Mapping[str, Digest]:
        """As ``EngineWriter.digests``: one query."""
        return self._catalog.digests(article_ids)

    def stored(
        self, article_ids: Sequence[str], *, vectors: bool = False
    ) -> Mapping[str, StoredArticle]:
        """As ``EngineWriter.stored``: one query, and two more an article for its vectors."""
        return self._catalog.stored(article_ids, vectors=vectors)

    def labelled(self, labels: Collection[str]) -> Mapping[str, Sequence[ArticleHeader]]:
        """As ``EngineWriter.labelled``: two queries."""
        return self._catalog.labelled(labels)

    def put(self, articles: Sequence[IndexedArticle], links: Mapping[str, Links]) -> None:
        """As ``EngineWriter.put``, in one transaction."""
        self._catalog.put(articles, links, current_number(self.root) or 0, self._adopted())

    def remove(self, article_ids: Iterable[str], links: Mapping[str, Links]) -> list[str]:
        """As ``EngineWriter.remove``, in one transaction."""
        return self._catalog.remove(article_ids, links)

    def count_outdated(self) -> int:
        """As ``EngineWriter.count_outdated``."""
        return self._catalog.count_outdated(self._adopted())

    def outdated(self, limit: int) -> Sequence[Article]:
        """As ``EngineWriter.outdated``."""
        return self._catalog.outdated(self._adopted(), limit)

    def publish(self, *, afresh: bool = False) -> CorpusStatistics:
        """As ``EngineWriter.publish``: derives a generation from the catalog."""
        number = publish(self.root, self._catalog, self._adopted(), afresh=afresh)
        if self._shown.opened:
            self._shown.refresh()
        return read_statistics(generation_folder(self.root, number), self._catalog)

    def prepared(self) -> Iterator[tuple[Recipe, IndexedArticle]]:
        """Every current article as it was put, with its recipe (see ``index.copying``)."""
        return self._catalog.prepared()

    # -- reading ---------------------------------------------------------------------------

    def search(
        self, vector: Vectors, queries: Sequence[Weights], filters: Filters, depth: int
    ) -> Candidates:
        """As ``EngineReader.search``, in the generation that is shown, without what was removed since."""
        view = self._shown.view
        generation, selection = view.generation, self._selection(view, filters)
        words = generation.lexical.search(queries, selection)
        nearest = generation.vectors.nearest(vector, depth, selection)
        rows = np.unique(np.concatenate([nearest, words.best(depth)]))
        found = generation.rows[rows]
        return Candidates(
            passages=_ids(found["passage"]),
            texts=_ids(found["article"]),
            stories=_ids(found["story"]),
            leads=found["story"] == found["article"],
            dense=generation.vectors.cosines(vector, rows),
            lexical=words.scores(rows),
            days=found["day"],
            generation=generation.number,
            token=str(generation.number),
        )

    def _selection(self, view: View, filters: Filters) -> Selection | None:
        """The rows of what meets the filters and was not removed; None: all."""
        return view.selection(filters, self._article_keys(filters), self._catalog)

    def tally(self, filters: Filters) -> Tally:
        """As ``EngineReader.tally``, over the rows of the generation: no query."""
        view = self._shown.view
        return view.generation.tally(self._selection(view, filters))

    def newest(self, filters: Filters, limit: int) -> Sequence[str]:
        """As ``EngineReader.newest``; of one day, what was stored last comes first."""
        view = self._shown.view
        versions = view.generation.newest(self._selection(view, filters), limit)
        ids = self._catalog.ids(versions)
        return [ids[version] for version in versions if version in ids]

    def _article_keys(self, filters: Filters) -> tuple[int, ...] | None:
        """The articles that meet the filters on ids and reporters; None: there are none such."""
        groups = []
        if filters.article_ids:
            groups.append(set(self._catalog.keys_of(filters.article_ids)))
        if filters.reporters:
            groups.append(set(self._catalog.keys_by(filters.reporters)))
        return tuple(sorted(set.intersection(*groups))) if groups else None

    # Ids are keys of the catalog, which are never used twice and never change their meaning: as long as
    # a generation is kept open (``Follower``), its versions stay, so a token has nothing to decide.

    def passages(self, ids: Sequence[str], token: str) -> Mapping[str, LoadedPassage]:
        """As ``EngineReader.passages``: five queries, however many passages."""
        found = self._catalog.passages(list(map(int, ids)))
        return {str(key): passage for key, passage in found.items()}

    def texts(self, ids: Sequence[str], token: str) -> Mapping[str, AnalysedText]:
        """As ``EngineReader.texts``; the latest are kept unpacked."""
        found = self._catalog.texts(list(map(int, ids)))
        return {str(key): text for key, text in found.items()}

    def article(self, article_id: str) -> Article | None:
        """As ``EngineReader.article``."""
        return self._catalog.article(article_id)

    def stories(self, article_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """As ``EngineReader.stories``: two queries, however many articles."""
        return self._catalog.stories(article_ids)

    def statistics(self) -> CorpusStatistics:
        """As ``EngineReader.statistics``; memory-mapped."""
        return self._shown.view.statistics

    def problem(self) -> str | None:
        """As ``EngineReader.problem``."""
        return self._shown.problem

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
            published_from=day(manifest.published_from),
            published_to=day(manifest.published_to),
            bytes=files.folder_bytes(self.root),
            presses=tuple(filter(None, manifest.presses)),
            sections=tuple(filter(None, manifest.sections)),
            analyser=manifest.analyser,
        )


def _ids(keys: NDArray[np.int64]) -> list[str]:
    return list(map(str, keys.tolist()))
