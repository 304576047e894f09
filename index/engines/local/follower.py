"""Which generation a process shows, and how it goes from one to the next.

A newer one is opened beside the one in use, in a thread of its own, and takes its place between two
requests. The former ones stay open for a while, so that nobody deletes what was found there before it
is read. One that can't be used is told, and the newest good one stays.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import lru_cache
from pathlib import Path

from index.documents import Filters
from index.engines.local.catalog import Catalog
from index.engines.local.generation import (
    Generation,
    Manifest,
    current_number,
    generation_folder,
    numbers,
)
from index.engines.local.selection import Selection
from index.errors import EmbedderMismatch, IndexNotFound, IndexUnusable

logger = logging.getLogger(__name__)

POLL_S = 0.5
"""How often a newer generation is looked for, in seconds."""

FORMER, FORMER_S = 3, 120.0
"""How many former generations are kept open at most, and for how long, in seconds: longer than an
answer takes from its search to its last look at what was found."""


SELECTIONS = 16
"""How many filters' rows are kept at hand, some 1.1 MB each for a million passages."""


class View:
    """A generation, what is to be known of it as a whole, and the removals that came after it."""

    def __init__(self, generation: Generation, catalog: Catalog) -> None:
        self.generation = generation
        self.statistics = generation.statistics(catalog)
        self._selected = lru_cache(maxsize=SELECTIONS)(generation.select)
        # Sequence number up to which removals are known, and the rows that are left: one tuple, so
        # that threads see both or neither.
        self._left: tuple[int, Selection | None] = (generation.manifest.removal, None)

    def selection(
        self, filters: Filters, articles: tuple[int, ...] | None, catalog: Catalog
    ) -> Selection | None:
        """The rows that meet the filters, without what was removed since the generation was made.

        None: all. ``articles`` are the keys of those that the catalog lets through; None: it was
        not asked.
        """
        known, left = self._left
        sequence, removed = catalog.removed_since(known)
        if removed:
            # Article keys are never used twice: old removals can't hit new articles.
            here = ~self.generation.columns.of_articles(removed)
            left = Selection(here if left is None else left.mask & here)
            self._left = (sequence, left)
        return self._selected(filters, articles, left)


class Follower:
    """The generation in use; opened when it is first asked for. Any thread may ask."""

    def __init__(self, root: Path, catalog: Catalog) -> None:
        self._root, self._catalog = root, catalog
        self._opening = threading.Lock()
        self._view: View | None = None
        self._former: list[tuple[float, View]] = []  # with the time when each was replaced
        self._refused: int | None = None  # the generation that can't be used, not to be tried again
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        self.problem: str | None = None

    def watch(self) -> None:
        """Look for newer generations from now on."""
        self._watcher = threading.Thread(target=self._watch, name="gisa-index", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Look for no newer generation any more."""
        self._closed.set()
        if self._watcher is not None:
            self._watcher.join()

    @property
    def opened(self) -> bool:
        """Whether a generation is open."""
        return self._view is not None

    @property
    def view(self) -> View:
        """Raises IndexNotFound, IndexCorrupt, …"""
        if self._view is None:
            self.refresh()
        assert self._view is not None  # noqa: S101 - refresh raises otherwise
        return self._view

    @property
    def generation(self) -> Generation:
        """The generation in use; opens one if none is. Raises as ``view``."""
        return self.view.generation

    @property
    def manifest(self) -> Manifest:
        """That of the generation in use; opens none, but reads what CURRENT names."""
        if self._view is not None:
            return self._view.generation.manifest
        number = current_number(self._root)
        if number is None:
            raise IndexNotFound(self._root)
        return Manifest.read(generation_folder(self._root, number))

    def _watch(self) -> None:
        while not self._closed.wait(POLL_S):
            try:
                self.refresh()
            except Exception as error:  # whatever it is, the next round tries again
                self._tell(f"looking for a newer generation failed: {error}")

    def refresh(self) -> None:
        """Open the newest generation if it is not open yet; without any, raise what is wrong."""
        with self._opening:
            self._catalog.refresh()
            self._let_go()
            number = current_number(self._root)
            if self._view is not None and number in (self._view.generation.number, self._refused):
                if number != self._refused:
                    self._tell(None)
                return
            try:
                self._replace(self._opened(number))
                self._refused = None
                self._tell(None)
                return
            except IndexUnusable as error:
                if number is None or current_number(self._root) != number:
                    raise  # deleted while it was being opened: the next round knows better
                self._view = self._view or self._newest_before(number)
                if self._view is None:
                    raise
                self._refused = number
                self._tell(
                    f"generation {number} is not used but {self._view.generation.number}: "
                    f"{error}. {error.remedy}"
                )

    def _replace(self, view: View) -> None:
        if self._view is not None:
            self._former.append((time.monotonic(), self._view))
        self._view = view
        self._let_go()

    def _let_go(self) -> None:
        """Close former generations that nobody can need any more."""
        since = time.monotonic() - FORMER_S
        self._former = [held for held in self._former[-FORMER:] if held[0] > since]

    def _opened(self, number: int | None) -> View:
        if number is None:
            raise IndexNotFound(self._root)
        folder = generation_folder(self._root, number)
        open_one = self._view.generation.manifest if self._view else None
        manifest = Manifest.read(folder)
        if open_one is not None and manifest.embedder != open_one.embedder:
            raise EmbedderMismatch(
                path=self._root, built_with=manifest.embedder, configured=open_one.embedder
            )
        return View(Generation(folder), self._catalog)

    def _newest_before(self, number: int) -> View | None:
        for older in reversed(numbers(self._root)):
            if older < number:
                try:
                    return self._opened(older)
                except IndexUnusable as error:
                    logger.warning("generation %d can't be used either: %s", older, error)
        return None

    def _tell(self, problem: str | None) -> None:
        if problem != self.problem:
            self.problem = problem
            if problem is not None:
                logger.error("%s: %s", self._root, problem)
            else:
                logger.info("%s: the newest generation is in use", self._root)
