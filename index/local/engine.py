"""The embedded engine behind the Engine protocol (see ``index.protocols``)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from index.documents import Article, Filters
from index.errors import IndexLocked, IndexNotFound
from index.local.catalog import Catalog
from index.local.generation import (
    Generation,
    Manifest,
    current_number,
    generation_folder,
    publish,
)
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
    """An index in a folder. ``open`` reads; ``create_or_update`` also writes, one process at a time.

    A reader looks at CURRENT before every search and moves on to a newer generation by itself.
    """

    def __init__(self, root: Path, *, meta: Mapping[str, Any] | None = None) -> None:
        self.root = root
        self._lock = _writer_lock(root) if meta is not None else None
        self._meta = dict(meta or {})
        self._catalog = Catalog(root, writable=meta is not None)
        self._opening = threading.Lock()
        self._view: _View | None = None

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open for reading. Raises IndexNotFound, IndexCorrupt or IndexFormatUnknown."""
        engine = cls(root)
        try:
            engine._current()
        except BaseException:
            engine.close()
            raise
        return engine

    @classmethod
    def create_or_update(
        cls, root: Path, *, embedder: str, dimension: int, analyser: str, chunking: dict[str, Any]
    ) -> Self:
        """Open for writing, creating what is missing. Raises IndexLocked."""
        root.mkdir(parents=True, exist_ok=True)
        meta = {
            "embedder": embedder,
            "dimension": dimension,
            "analyser": analyser,
            "chunking": chunking,
        }
        engine = cls(root, meta=meta)
        engine._catalog.set_meta({"embedder": embedder} if engine.built_with is None else {})
        return engine

    def close(self) -> None:
        self._catalog.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def built_with(self) -> str | None:
        """The name of the embedder whose vectors the catalog holds."""
        return self._catalog.meta("embedder")

    # -- writing ---------------------------------------------------------------------------

    def add(self, articles: Sequence[IndexedArticle]) -> None:
        self._catalog.put(articles, current_number(self.root) or 0)

    def remove(self, article_ids: Iterable[str]) -> int:
        return self._catalog.remove(article_ids)

    def publish(self) -> int:
        before = current_number(self.root)
        number = publish(self.root, self._catalog, self._meta)
        if number != before:
            self._catalog.prune(number)
        return number

    # -- reading ---------------------------------------------------------------------------

    def search(self, vector: Vectors, terms: Terms, filters: Filters, k: int) -> Candidates:
        view = self._current()
        generation = view.generation
        mask = generation.mask(filters, self._article_keys(filters))
        mask = view.without_removed(mask, self._catalog)
        lexical = generation.lexical.scores(terms)
        rows = np.union1d(generation.vectors.nearest(vector, k, mask), _best(lexical, k, mask))
        found = generation.rows[rows]
        return Candidates(
            keys=found["passage"],
            articles=found["article"],
            stories=found["story"],
            dense=generation.vectors.cosines(vector, rows),
            lexical={field: scores[rows] for field, scores in lexical.items()},
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
        return self._current().generation.lexical.idf(field, terms)

    @property
    def generation(self) -> int:
        return self._current().generation.number

    @property
    def cosine_spread(self) -> float:
        return self._current().generation.manifest.cosine_spread

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
    def coverage(self) -> tuple[date | None, date | None]:
        manifest = self._current().generation.manifest
        return _day(manifest.published_from), _day(manifest.published_to)

    @property
    def presses(self) -> tuple[str, ...]:
        return tuple(filter(None, self._current().generation.manifest.presses))

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(filter(None, self._current().generation.manifest.sections))

    def has_reporter(self, name: str) -> bool:
        return bool(self._catalog.keys_by([name]))

    def info(self) -> IndexInfo:
        number = current_number(self.root)
        if number is None:
            raise IndexNotFound(self.root)
        manifest = Manifest.read(generation_folder(self.root, number))
        articles, passages = self._catalog.counts()
        return IndexInfo(
            articles=articles,
            passages=passages,
            generation=manifest.generation,
            embedder=manifest.embedder,
            dimension=manifest.dimension,
            published_from=_day(manifest.published_from),
            published_to=_day(manifest.published_to),
            bytes=sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file()),
            presses=tuple(filter(None, manifest.presses)),
            sections=tuple(filter(None, manifest.sections)),
        )

    def _current(self) -> _View:
        """The newest generation, opened if it is not open yet."""
        number = current_number(self.root)
        view = self._view
        if view is not None and view.generation.number == number:
            return view
        with self._opening:
            if self._view is None or self._view.generation.number != number:
                if number is None:
                    raise IndexNotFound(self.root)
                self._view = _View(Generation(generation_folder(self.root, number)))
            return self._view


@dataclass
class _View:
    """A generation and the removals that came after it."""

    generation: Generation
    removal: int = 0  # sequence number up to which removals are known
    removed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def without_removed(
        self, mask: NDArray[np.bool_] | None, catalog: Catalog
    ) -> NDArray[np.bool_] | None:
        sequence, articles = catalog.removed_since(self.removal)
        if articles:
            # Article keys are never used twice: old removals can't hit new articles.
            newly = np.array(articles, dtype=np.int64)
            self.removed = np.union1d(self.removed, newly)
            self.removal = sequence
        gone = np.isin(self.generation.rows["article"], self.removed) if len(self.removed) else None
        if gone is None or not gone.any():
            return mask
        return ~gone if mask is None else mask & ~gone


def _best(
    lexical: Mapping[str, Vectors], k: int, mask: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """The rows whose scores, added over the fields, are the ``k`` highest above zero."""
    scores = np.sum(list(lexical.values()), axis=0)
    eligible = scores > 0 if mask is None else (scores > 0) & mask
    rows = np.flatnonzero(eligible)
    if len(rows) > k:
        rows = rows[np.argpartition(scores[rows], -k)[-k:]]
    return rows


def _writer_lock(root: Path) -> FileLock:
    lock = FileLock(root / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise IndexLocked(
            f"another process is writing to {root}",
            remedy="Wait until it has finished, then run the command again.",
        ) from None
    return lock


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
