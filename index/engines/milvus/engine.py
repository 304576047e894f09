"""The engine on a Milvus server, behind both protocols of engines (see ``index.protocols``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Self

from index.corpus import CorpusStatistics
from index.documents import Article, ArticleHeader, Filters
from index.engines.milvus.connection import Connection, MilvusPlace
from index.engines.milvus.generation import Store
from index.engines.milvus.lease import Lease
from index.engines.milvus.publication import Publication
from index.engines.milvus.reader import Reader
from index.engines.milvus.schema import create_collections, drop_collections
from index.engines.milvus.stored import Stored
from index.engines.milvus.writer import Writer
from index.errors import IndexNotFound
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


class MilvusEngine:
    """An index on a Milvus server. ``open`` reads; the others also write, one process at a time."""

    def __init__(self, store: Store, lease: Lease | None = None) -> None:
        self.store = store
        self._lease = lease
        self._reader, self._stored = Reader(store), Stored(store)
        self._writing = Writer(store) if lease is not None else None

    @classmethod
    def open(cls, place: MilvusPlace) -> Self:
        """Open for reading. Raises IndexNotFound, IndexCorrupt or EngineUnavailable."""
        store = Store.of(Connection(place))
        try:
            _refuse_nothing(store)
            engine = cls(store)
            engine._reader.refresh()
        except BaseException:
            store.connection.close()
            raise
        engine._reader.watch()
        return engine

    @classmethod
    def update(cls, place: MilvusPlace, *, wait_s: float = 0.0) -> Self:
        """Open an index that is there for writing. Raises IndexNotFound, IndexLocked, EngineUnavailable."""
        store = Store.of(Connection(place))
        try:
            _refuse_nothing(store)
        except BaseException:
            store.connection.close()
            raise
        return cls._open_for_writing(store, wait_s)

    @classmethod
    def create(cls, place: MilvusPlace, *, wait_s: float = 0.0) -> Self:
        """Open for writing, creating what is missing. Raises IndexLocked, EngineUnavailable."""
        store = Store.of(Connection(place))
        try:
            create_collections(store.connection, store.names)
        except BaseException:
            store.connection.close()
            raise
        return cls._open_for_writing(store, wait_s)

    @classmethod
    def _open_for_writing(cls, store: Store, wait_s: float) -> Self:
        try:
            lease = Lease(store.connection, store.names, wait_s)
        except BaseException:
            store.connection.close()
            raise
        try:
            return cls(store, lease)
        except BaseException:
            lease.release()
            store.connection.close()
            raise

    def close(self) -> None:
        """Stop looking for newer generations, and let others write."""
        self._reader.close()
        if self._lease is not None:
            self._lease.release()
        self.store.connection.close()

    # -- writing ---------------------------------------------------------------------------

    @property
    def _writer(self) -> Writer:
        """For reads of a writer."""
        if self._writing is None:
            raise RuntimeError("the index was opened for reading")
        return self._writing

    @property
    def _leased(self) -> Writer:
        """For changes. Raises IndexLocked if another writer took over."""
        if self._lease is not None:
            self._lease.check()
        return self._writer

    def recipe(self) -> Recipe | None:
        """As ``EngineWriter.recipe``."""
        return self._stored.recipe()

    def adopt(self, recipe: Recipe, *, rebuild: bool = False) -> None:
        """As ``EngineWriter.adopt``."""
        self._leased.adopt(recipe, rebuild=rebuild)

    def digests(self, article_ids: Sequence[str]) -> Mapping[str, Digest]:
        """As ``EngineWriter.digests``."""
        return self._stored.digests(article_ids)

    def stored(
        self, article_ids: Sequence[str], *, vectors: bool = False
    ) -> Mapping[str, StoredArticle]:
        """As ``EngineWriter.stored``."""
        return self._stored.stored(article_ids, vectors=vectors)

    def labelled(self, labels: Collection[str]) -> Mapping[str, Sequence[ArticleHeader]]:
        """As ``EngineWriter.labelled``."""
        return self.store.versions.labelled(labels)

    def put(self, articles: Sequence[IndexedArticle], links: Mapping[str, Links]) -> None:
        """As ``EngineWriter.put``, by a journal. Raises ArticleTooLarge, with nothing stored."""
        self._leased.put(articles, links)

    def remove(self, article_ids: Iterable[str], links: Mapping[str, Links]) -> list[str]:
        """As ``EngineWriter.remove``, by a journal."""
        return self._leased.remove(article_ids, links)

    def count_outdated(self) -> int:
        """As ``EngineWriter.count_outdated``."""
        return self._writer.count_outdated()

    def outdated(self, limit: int) -> Sequence[Article]:
        """As ``EngineWriter.outdated``."""
        return self._writer.outdated(limit)

    def publish(self, *, afresh: bool = False) -> CorpusStatistics:
        """As ``EngineWriter.publish``."""
        writer = self._leased
        statistics = Publication(self.store, writer, writer.adopted()).publish(afresh=afresh)
        self._reader.refresh()
        return statistics

    def prepared(self) -> Iterator[tuple[Recipe, IndexedArticle]]:
        """Every current article as it was put, with its recipe (see ``index.copying``)."""
        return self._stored.prepared()

    # -- reading ---------------------------------------------------------------------------

    def keys(self, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """As ``EngineReader.keys``."""
        return self.store.versions.keys(names)

    def stories(self, article_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """As ``EngineReader.stories``."""
        return self.store.versions.stories(article_ids)

    def search(
        self, vector: Vectors, queries: Sequence[Weights], filters: Filters, depth: int
    ) -> Candidates:
        """As ``EngineReader.search``."""
        return self._reader.search(vector, queries, filters, depth)

    def passages(self, ids: Sequence[str], token: str) -> Mapping[str, LoadedPassage]:
        """As ``EngineReader.passages``."""
        return self._reader.passages(ids, token)

    def texts(self, ids: Sequence[str], token: str) -> Mapping[str, AnalysedText]:
        """As ``EngineReader.texts``."""
        return self._reader.texts(ids, token)

    def article(self, article_id: str) -> Article | None:
        """As ``EngineReader.article``."""
        return self._reader.article(article_id)

    def tally(self, filters: Filters) -> Tally:
        """As ``EngineReader.tally``."""
        return self._reader.tally(filters)

    def newest(self, filters: Filters, limit: int) -> Sequence[str]:
        """As ``EngineReader.newest``."""
        return self._reader.newest(filters, limit)

    def statistics(self) -> CorpusStatistics:
        """As ``EngineReader.statistics``."""
        return self._reader.statistics()

    def info(self) -> IndexInfo:
        """As ``EngineReader.info``. Raises EngineUnavailable while the server is away."""
        return self._reader.info()

    def problem(self) -> str | None:
        """As ``EngineReader.problem``."""
        return self._reader.problem()


def _refuse_nothing(store: Store) -> None:
    """Raises IndexNotFound where no index was ever made."""
    if not store.connection.call("has_collection", collection_name=store.names.articles):
        raise IndexNotFound(str(store.connection.place))


def drop_index(place: MilvusPlace) -> None:
    """Delete an index with all its collections. Raises EngineUnavailable."""
    store = Store.of(Connection(place))
    with closing(store.connection):
        drop_collections(store.connection, store.names)
