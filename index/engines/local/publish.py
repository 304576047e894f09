"""From the catalog to a new generation: derive, verify, name it, then let go of old ones.

What the current generation already holds of a passage (its terms, its place among the vectors) is
copied and not derived again, provided the files are sound.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
from index.engines.local.vectors import Clusters, Copied, plan_clusters, write_vectors
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
        previous = None
        if number is not None and not afresh:
            previous = _Previous.open(root, number, recipe)
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
        # Refuses what can't be opened, before anybody is told of it. Its checksums are a moment old.
        Generation(scratch, verified=True)
        files.move_folder(scratch, generation_folder(root, number))
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


@dataclass(frozen=True)
class _Previous:
    """What can be taken over from the generation before."""

    folder: Path
    manifest: Manifest
    rows: NDArray[np.void]
    clusters: Clusters | None

    @classmethod
    def open(cls, root: Path, number: int, recipe: Recipe) -> _Previous | None:
        """None if it is damaged or empty, or its terms come from another analyser."""
        folder = generation_folder(root, number)
        try:
            manifest = Manifest.read(folder)
            if manifest.analyser != recipe.analyser:
                return None
            verify_checksums(folder, manifest)
            rows = np.array(load_rows(folder))
            clusters = Clusters.load(folder) if manifest.embedder == recipe.embedder else None
        except (IndexUnusable, OSError, ValueError):
            return None
        return cls(folder, manifest, rows, clusters) if len(rows) else None

    @property
    def last_article(self) -> int:
        """The greatest key; later versions have greater ones."""
        return int(self.rows["article"].max())

    def shows_all(self, catalog: Catalog, live: NDArray[np.int64]) -> bool:
        """Whether it has all passages of the current versions, ``live``, up to its last article."""
        counts = catalog.passage_counts(until=self.last_article)
        shown = self.rows["article"][np.isin(self.rows["article"], live)]
        wanted = counts[np.isin(counts[:, 0], live)]
        return np.array_equal(np.stack(np.unique(shown, return_counts=True), axis=1), wanted)


class _Derivation:
    """Writes the files of one generation."""

    def __init__(
        self, folder: Path, catalog: Catalog, recipe: Recipe, previous: _Previous | None
    ) -> None:
        self._folder, self._catalog, self._recipe = folder, catalog, recipe
        self._live = catalog.live_keys()
        if previous is not None and not previous.shows_all(catalog, self._live):
            previous = None
        self._previous = previous
        self._presses = _numbered(previous.manifest.presses if previous else ())
        self._sections = _numbered(previous.manifest.sections if previous else ())
        known = previous.rows if previous else np.zeros(0, dtype=ROW)
        self._last = int(known["passage"].max()) if previous else -1
        self._rows = self._make_rows()
        self._renumbered = _places(known["passage"], self._rows["passage"])

    def write(self, number: int) -> None:
        presses = _compacted(self._rows["press"], self._presses)
        sections = _compacted(self._rows["section"], self._sections)
        np.save(self._folder / ROWS, self._rows, allow_pickle=False)
        clusters = self._write_vectors()
        files.checkpoint("vectors written")
        with ThreadPoolExecutor(1) as disk:  # which is slow, and has half of the bytes by now
            synced = disk.submit(files.sync, self._folder / VECTORS)
            write_lexical(
                self._previous.folder if self._previous else None,
                self._renumbered,
                self._catalog.terms(after=self._last),
                FIELDS,
                len(self._rows),
                self._folder,
            )
        synced.result()
        names = NameTable.of(self._catalog.alias_counts())
        live = set(self._live.tolist())
        reporters = {name for name, key in self._catalog.reporters_of() if key in live}
        write_names(names, reporters, self._folder)
        lists = len(clusters.centroids) if clusters else 0
        self._manifest(number, lists, presses, sections).write(self._folder)

    def _make_rows(self) -> NDArray[np.void]:
        """Those of the previous generation that stay, for a version never changes, and the later ones."""
        last, pieces = 0, []
        if self._previous:
            last = self._previous.last_article
            known = self._previous.rows
            pieces = [known[np.isin(known["article"], self._live)]]
        articles = np.fromiter(map(self._facts, self._catalog.facts(last)), dtype=ROW)
        pairs = self._catalog.passage_keys(after=last)
        pairs = pairs[np.isin(pairs["article"], self._live)]
        new = articles[np.searchsorted(articles["article"], pairs["article"])]
        new["passage"] = pairs["passage"]
        rows = np.concatenate([*pieces, new])
        rows["story"] = _led_by(rows["article"], self._catalog.followers())
        return rows

    def _facts(self, article: tuple[int, str | None, str | None, str | None]) -> Any:
        key, published, press, section = article
        press_code = self._presses.setdefault(press or "", len(self._presses))
        section_code = self._sections.setdefault(section or "", len(self._sections))
        return 0, key, key, _day(published), press_code, section_code

    def _write_vectors(self) -> Clusters | None:
        dimension, rows = self._recipe.dimension, len(self._rows)
        known = self._known_clusters()
        clusters = plan_clusters(rows, known, self._sample)
        copied = None
        if self._previous and clusters is not None and clusters is known:
            copied = Copied(self._previous.folder, self._renumbered)
        vectors = self._catalog.vectors(dimension, after=self._last if copied else -1)
        write_vectors(vectors, dimension, clusters, self._folder, copied)
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

    def _manifest(
        self, number: int, lists: int, presses: list[str], sections: list[str]
    ) -> Manifest:
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
            presses=presses,
            sections=sections,
            checksums={
                path.relative_to(self._folder).as_posix(): files.checksum(path)
                for path in sorted(self._folder.rglob("*"))
                if path.is_file()
            },
        )


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _compacted(codes: NDArray[np.int32], numbers: Mapping[str, int]) -> list[str]:
    """The names that some row has, in their order; ``codes`` become places among these."""
    used = np.unique(codes)
    codes[:] = np.searchsorted(used, codes)
    names = list(numbers)
    return [names[code] for code in used.tolist()]


def _led_by(articles: NDArray[np.int64], followers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The story of each row: its own article, or the one that this follows."""
    if not len(followers):
        return articles
    at = np.minimum(np.searchsorted(followers[:, 0], articles), len(followers) - 1)
    return np.where(followers[at, 0] == articles, followers[at, 1], articles)


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
