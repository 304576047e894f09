"""A generation: an immutable folder derived from the catalog, opened for searching."""

from __future__ import annotations

import json
import os
import sys
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.corpus import CorpusStatistics, NameTable
from index.documents import Filters
from index.engines.local.catalog import Catalog
from index.engines.local.files import checksum
from index.engines.local.lexical import LexicalStore
from index.engines.local.names import Names, hashed_names, load_names
from index.engines.local.schema import READABLE
from index.engines.local.selection import Columns, Selection
from index.engines.local.vectors import VectorStore
from index.errors import IndexCorrupt, IndexFormatUnknown
from index.korean import FIELDS
from index.protocols import Recipe, Tally, Vectors

if sys.platform != "win32":  # where files in use can't be deleted anyway
    import fcntl

CURRENT = "CURRENT"
FOLDER = "generations"
MANIFEST = "manifest.json"
ROWS = "rows.npy"

ROW = np.dtype(
    [
        ("passage", "<i8"),
        ("article", "<i8"),
        ("story", "<i8"),
        ("day", "<i4"),  # days since 0001-01-01, 0: unknown
        ("press", "<i4"),  # place in manifest.presses
        ("section", "<i4"),
    ]
)


@dataclass(frozen=True)
class Manifest:
    """What a generation was made of, and a SHA-256 of each of its files.

    ``revision`` is the catalog's, ``removal`` the last one that it knows; ``lists`` is the number of
    lists that the vectors are divided into (0: none).
    """

    format: int
    generation: int
    revision: int
    removal: int
    embedder: str
    dimension: int
    analyser: str
    chunking: dict[str, Any]
    articles: int
    passages: int
    published_from: str | None
    published_to: str | None
    cosine_spread: float
    lists: int
    presses: list[str]
    sections: list[str]
    checksums: dict[str, str]

    @property
    def recipe(self) -> Recipe:
        """How the articles of the generation were prepared."""
        return Recipe(self.embedder, self.dimension, self.analyser, self.chunking)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises IndexCorrupt or IndexFormatUnknown."""
        try:
            fields = json.loads((folder / MANIFEST).read_bytes())
            if fields.get("format") not in READABLE:
                raise IndexFormatUnknown(
                    f"{folder} has index format {fields.get('format')}, "
                    f"this program reads {READABLE[0]} to {READABLE[-1]}",
                    remedy=f"Derive it again: gisa index rebuild --index {folder.parent.parent}",
                )
            return cls(**fields)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise _corrupt(folder, f"{folder / MANIFEST} can't be read: {error}") from error

    def write(self, folder: Path) -> None:
        """Write it into the folder of its generation."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        (folder / MANIFEST).write_text(text, "utf-8")


class Generation:
    """A published generation, opened for searching. Its files are memory-mapped.

    As long as the object lives, no other process deletes them.
    """

    def __init__(self, folder: Path, *, verified: bool = False) -> None:
        """Raises IndexCorrupt, or IndexFormatUnknown; a file that fails its checksum is not opened.

        ``verified``: the checksums were just computed from these files.
        """
        self._hold = _Hold(folder)
        self.manifest = Manifest.read(folder)
        if not verified:
            verify_checksums(folder, self.manifest)
        try:
            self.rows = load_rows(folder)
            self.columns = Columns(self.rows)
            self.vectors = VectorStore(folder)
            self.lexical = LexicalStore(folder, FIELDS, len(self.rows))
            self.names = load_names(folder)
        except (OSError, ValueError, RuntimeError, KeyError, EOFError) as error:
            raise _corrupt(folder, f"{folder} can't be read: {error}") from error
        if not len(self.rows) == self.vectors.rows == self.manifest.passages:
            raise _corrupt(folder, f"the files of {folder} disagree")

    @property
    def number(self) -> int:
        """The number of the generation, which grows with each publication."""
        return self.manifest.generation

    def statistics(self, catalog: Catalog) -> CorpusStatistics:
        """What ranking must know of it; a generation of format 5 leaves names to the catalog."""
        names = self.names or _names_of(catalog)
        return _statistics(self.manifest, self.lexical, names, self.vectors.mean())

    def select(
        self, filters: Filters, articles: tuple[int, ...] | None, left: Selection | None
    ) -> Selection | None:
        """Those of the rows ``left`` that meet the filters; None, given or returned: all.

        ``articles`` are the keys of those that the catalog lets through; None: it was not asked.
        """
        masks = [] if left is None else [left.mask]
        if filters.published_from or filters.published_to:
            masks.append(self.columns.published(filters.published_from, filters.published_to))
        for field, wanted, names in (
            ("press", filters.press, self.manifest.presses),
            ("section", filters.section, self.manifest.sections),
        ):
            if wanted:
                codes = [names.index(name) for name in wanted if name in names]
                masks.append(self.columns.coded(field, codes))
        if articles is not None:
            masks.append(self.columns.of_articles(articles))
        return Selection(np.logical_and.reduce(masks)) if masks else None

    def tally(self, selection: Selection | None) -> Tally:
        """Counts over the articles of some rows; None: all."""
        rows = self._rows(selection)
        _, first = np.unique(rows["article"], return_index=True)
        articles = rows[first]
        days = _counts(articles["day"][articles["day"] > 0])
        return Tally(
            generation=self.number,
            articles=len(articles),
            passages=len(rows),
            days={date.fromordinal(day): count for day, count in days},
            presses=_named(articles["press"], self.manifest.presses),
            sections=_named(articles["section"], self.manifest.sections),
        )

    def newest(self, selection: Selection | None, limit: int) -> list[int]:
        """The keys of the last ``limit`` articles of some rows by day and then key, copies left out."""
        rows = self._rows(selection)
        _, first = np.unique(rows["article"], return_index=True)
        leading = rows[first][rows["story"][first] == rows["article"][first]]
        order = np.lexsort((leading["article"], leading["day"]))[::-1]
        keys: list[int] = leading["article"][order[:limit]].tolist()
        return keys

    def _rows(self, selection: Selection | None) -> NDArray[np.void]:
        return self.rows if selection is None else self.rows[selection.mask]


def _counts(values: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    found, counts = np.unique(values, return_counts=True)
    return zip(found.tolist(), counts.tolist(), strict=True)


def _named(codes: NDArray[np.int32], names: Sequence[str]) -> dict[str, int]:
    return {names[code]: count for code, count in _counts(codes) if names[code]}


def read_statistics(folder: Path, catalog: Catalog) -> CorpusStatistics:
    """Those of the generation in a folder, which is not opened otherwise. Raises IndexCorrupt."""
    manifest = Manifest.read(folder)
    try:
        lexical, names = LexicalStore(folder, FIELDS, manifest.passages), load_names(folder)
        mean = VectorStore(folder).mean()
    except (OSError, ValueError, RuntimeError) as error:
        raise _corrupt(folder, f"{folder} can't be read: {error}") from error
    return _statistics(manifest, lexical, names or _names_of(catalog), mean)


def _statistics(
    manifest: Manifest, lexical: LexicalStore, names: Names, mean: Vectors
) -> CorpusStatistics:
    table, reporters = names
    return CorpusStatistics(
        generation=manifest.generation,
        passages=manifest.passages,
        fields=lexical.statistics,
        cosine_spread=manifest.cosine_spread,
        centroid=mean,
        first_day=day(manifest.published_from),
        last_day=day(manifest.published_to),
        presses=tuple(filter(None, manifest.presses)),
        sections=tuple(filter(None, manifest.sections)),
        reporters=reporters,
        names=table,
    )


def _names_of(catalog: Catalog) -> Names:
    return NameTable.of(catalog.alias_counts()), hashed_names(catalog.reporters())


def day(text: str | None) -> date | None:
    """A day as a manifest has it."""
    return date.fromisoformat(text) if text else None


def load_rows(folder: Path) -> NDArray[np.void]:
    """Raises OSError or ValueError."""
    rows = np.load(folder / ROWS, mmap_mode="r", allow_pickle=False)
    if rows.dtype != ROW or rows.ndim != 1:
        raise ValueError(f"{folder / ROWS} holds no rows")
    return np.asarray(rows)


def current_number(root: Path) -> int | None:
    """The number of the generation that CURRENT names; None: nothing was published yet."""
    try:
        return int((root / CURRENT).read_text("ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise IndexCorrupt(f"{root / CURRENT} can't be read: {error}", path=root) from error


def generation_folder(root: Path, number: int) -> Path:
    """The folder of the generation of that number."""
    return root / FOLDER / f"{number:06d}"


def numbers(root: Path) -> list[int]:
    """Those of the generations that are there, rising."""
    folder = root / FOLDER
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def verify_checksums(folder: Path, manifest: Manifest | None = None) -> None:
    """Compare every file with the manifest; raises IndexCorrupt naming the first that differs."""
    manifest = manifest or Manifest.read(folder)
    for name, expected in manifest.checksums.items():
        path = folder / name
        try:
            found = checksum(path)
        except OSError as error:
            raise _corrupt(folder, f"{path} can't be read: {error}") from error
        if found != expected:
            raise _corrupt(folder, f"{path} fails its checksum")


def is_held(folder: Path) -> bool:
    """Whether some process has the generation open."""
    if sys.platform == "win32":
        return False
    try:
        with (folder / MANIFEST).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


class _Hold:
    """A shared lock on the manifest; it goes with this object, or with the process."""

    def __init__(self, folder: Path) -> None:
        if sys.platform == "win32":
            return
        try:
            descriptor = os.open(folder / MANIFEST, os.O_RDONLY)
        except OSError as error:
            raise _corrupt(folder, f"{folder / MANIFEST} can't be read: {error}") from error
        weakref.finalize(self, os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _corrupt(folder, f"{folder} is being deleted") from error
        except OSError:
            return  # a file system without locks


def _corrupt(folder: Path, message: str) -> IndexCorrupt:
    return IndexCorrupt(message, path=folder.parent.parent)
