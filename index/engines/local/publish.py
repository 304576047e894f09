"""From the catalog to a new generation: derive, verify, name it, then let go of old ones.

What the current generation already holds of a passage (its terms, its place among the vectors) is
copied and not derived again, provided the files are sound.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.corpus import NameTable, cosine_spread
from index.documents import SEOUL
from index.engines.local import files
from index.engines.local.catalog import Catalog
from index.engines.local.generation import (
    CURRENT,
    FOLDER,
    ROW,
    ROWS,
    Generation,
    Manifest,
    current_number,
    generation_folder,
    is_held,
    load_rows,
    numbers,
    verify_checksums,
)
from index.engines.local.lexical import write_lexical
from index.engines.local.names import write_names
from index.engines.local.postings import GONE
from index.engines.local.schema import FORMAT_VERSION
from index.engines.local.vectors import FILE as VECTORS
from index.engines.local.vectors import Clusters, plan_clusters, write_vectors
from index.errors import IndexUnusable, RebuildUnfinished
from index.korean import FIELDS
from index.protocols import Recipe, Vectors

_KEEP = 2  # the one in use and the one to fall back to


def publish(root: Path, catalog: Catalog, recipe: Recipe, *, afresh: bool = False) -> int:
    """Derive a new generation from the catalog, verify it, and make CURRENT name it.

    Does nothing when the newest generation already shows the catalog's revision, in the newest format.
    ``afresh`` derives it all the same, and copies nothing. Returns the number of the current generation. Raises
    RebuildUnfinished, IndexNotWritable.
    """
    if any(name != recipe.embedder for name in catalog.embedders):
        raise RebuildUnfinished(root)
    number = current_number(root)
    if number is not None and not afresh and _shows(root, number, catalog.revision):
        with files.writing(root):
            _clean_up(root, catalog, number)  # a crash may have come between CURRENT and this
        return number
    with files.writing(root):
        previous = None if afresh or number is None else _Previous.open(root, number, recipe)
        number = (number or 0) + 1
        _make(root, number, catalog, recipe, previous)
        files.replace_text(root / CURRENT, f"{number}\n")
        _clean_up(root, catalog, number)
    return number


def _make(
    root: Path, number: int, catalog: Catalog, recipe: Recipe, previous: _Previous | None
) -> None:
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    _remove_leftovers(folder)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    files.checkpoint("scratch made")
    try:
        _Derivation(scratch, catalog, recipe, previous).write(number)
        files.checkpoint("manifest written")
        Generation(scratch)  # refuses what can't be opened, before anybody is told of it
        files.move_folder(scratch, generation_folder(root, number))
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


@dataclass(frozen=True)
class _Previous:
    """What can be taken over from the generation before."""

    folder: Path
    passages: NDArray[np.int64]
    clusters: Clusters | None

    @classmethod
    def open(cls, root: Path, number: int, recipe: Recipe) -> _Previous | None:
        """None if it is damaged, or its terms come from another analyser."""
        folder = generation_folder(root, number)
        try:
            manifest = Manifest.read(folder)
            if manifest.analyser != recipe.analyser:
                return None
            verify_checksums(folder, manifest)
            passages = np.array(load_rows(folder)["passage"])
            clusters = Clusters.load(folder) if manifest.embedder == recipe.embedder else None
        except (IndexUnusable, OSError, ValueError):
            return None
        return cls(folder, passages, clusters)


class _Derivation:
    """Writes the files of one generation."""

    def __init__(
        self, folder: Path, catalog: Catalog, recipe: Recipe, previous: _Previous | None
    ) -> None:
        self._folder, self._catalog, self._recipe = folder, catalog, recipe
        self._previous: _Previous | None = None
        self._presses: dict[str, int] = {}
        self._sections: dict[str, int] = {}
        self._reporters: set[str] = set()  # JSON of all of one article
        self._rows = self._make_rows()
        self._last, self._renumbered = -1, np.zeros(0, dtype=np.uint32)
        if previous is not None and len(previous.passages):
            self._take_over(previous)

    def _take_over(self, previous: _Previous) -> None:
        """Copy from ``previous``, if what it shows is all there was up to its last passage."""
        passages, last = self._rows["passage"], int(previous.passages.max())
        renumbered = _places(previous.passages, passages)
        if np.count_nonzero(renumbered != GONE) == np.count_nonzero(passages <= last):
            self._previous, self._last, self._renumbered = previous, last, renumbered

    def write(self, number: int) -> None:
        np.save(self._folder / ROWS, self._rows, allow_pickle=False)
        clusters = self._write_vectors()
        files.checkpoint("vectors written")
        write_lexical(
            self._previous.folder if self._previous else None,
            self._renumbered,
            self._catalog.terms(after=self._last),
            FIELDS,
            len(self._rows),
            self._folder,
        )
        reporters = {name for names in self._reporters for name in json.loads(names)}
        write_names(NameTable.of(self._catalog.alias_counts()), reporters, self._folder)
        self._manifest(number, len(clusters.centroids) if clusters else 0).write(self._folder)

    def _make_rows(self) -> NDArray[np.void]:
        articles = np.fromiter(map(self._facts, self._catalog.live_articles()), dtype=ROW)
        pairs = self._catalog.live_passages()
        rows = articles[np.searchsorted(articles["article"], pairs["article"])]
        rows["passage"] = pairs["passage"]
        return rows

    def _facts(self, article: tuple[int, int, str | None, str | None, str | None, str]) -> Any:
        key, story, published, press, section, reporters = article
        self._reporters.add(reporters)
        press_code = self._presses.setdefault(press or "", len(self._presses))
        section_code = self._sections.setdefault(section or "", len(self._sections))
        return 0, key, story, _day(published), press_code, section_code

    def _write_vectors(self) -> Clusters | None:
        dimension, rows = self._recipe.dimension, len(self._rows)
        clusters = plan_clusters(rows, self._known_clusters(), self._sample)
        write_vectors(self._catalog.vectors(dimension), dimension, clusters, self._folder)
        return clusters

    def _known_clusters(self) -> Clusters | None:
        """Those of the previous generation, for the rows of this one."""
        known = self._previous.clusters if self._previous else None
        if known is None or len(known.list_of) != len(self._renumbered):
            return None
        list_of = np.full(len(self._rows), -1, dtype=np.int32)
        kept = self._renumbered != GONE
        list_of[self._renumbered[kept]] = known.list_of[kept]
        return Clusters(known.centroids, list_of)

    def _sample(self, size: int) -> Vectors:
        """The vectors of so many passages, always the same ones, in row order."""
        chosen = np.random.default_rng(0).permutation(len(self._rows))[:size]
        keys = self._rows["passage"][chosen].tolist()
        return self._catalog.vectors_at(keys, self._recipe.dimension)

    def _manifest(self, number: int, lists: int) -> Manifest:
        days = self._rows["day"][self._rows["day"] > 0]
        return Manifest(
            format=FORMAT_VERSION,
            generation=number,
            revision=self._catalog.revision,
            removal=self._catalog.last_removal,
            **asdict(self._recipe),
            articles=len(np.unique(self._rows["article"])),
            passages=len(self._rows),
            published_from=date.fromordinal(int(days.min())).isoformat() if len(days) else None,
            published_to=date.fromordinal(int(days.max())).isoformat() if len(days) else None,
            cosine_spread=cosine_spread(self._sample(2_000)),
            lists=lists,
            presses=list(self._presses),
            sections=list(self._sections),
            checksums={
                path.relative_to(self._folder).as_posix(): files.checksum(path)
                for path in sorted(self._folder.rglob("*"))
                if path.is_file()
            },
        )


def _places(keys: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Where each key is in the rising ``among``; GONE: nowhere."""
    if not len(among):
        return np.full(len(keys), GONE, dtype=np.uint32)
    places = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return np.where(among[places] == keys, places, GONE).astype(np.uint32)


@lru_cache(maxsize=4096)
def _day(moment: str | None) -> int:
    """The ordinal of the day in Seoul; 0: not known."""
    if not moment:
        return 0
    return datetime.fromisoformat(moment).astimezone(SEOUL).toordinal()


def _shows(root: Path, number: int, revision: int) -> bool:
    folder = generation_folder(root, number)
    try:
        manifest = Manifest.read(folder)
    except IndexUnusable:
        return False
    newest = (manifest.format, manifest.revision) == (FORMAT_VERSION, revision)
    return newest and (folder / VECTORS).exists()


def _remove_leftovers(folder: Path) -> None:
    for scratch in folder.glob(".*-*"):
        shutil.rmtree(scratch)


def _clean_up(root: Path, catalog: Catalog, newest: int) -> None:
    """Delete generations that nobody can hold, and from the catalog what no other one shows."""
    _remove_leftovers(root / FOLDER)
    for number in numbers(root):
        folder = generation_folder(root, number)
        if number <= newest - _KEEP and not is_held(folder):
            # First out of the way: a crash leaves no half of a generation under its number.
            waste = folder.with_name(f".old-{folder.name}")
            folder.rename(waste)
            files.checkpoint("old generation set aside")
            shutil.rmtree(waste)
    oldest = min([n for n in numbers(root) if n <= newest], default=newest)
    try:
        removal = Manifest.read(generation_folder(root, oldest)).removal
    except IndexUnusable:
        removal = 0
    catalog.prune(oldest, removal)
