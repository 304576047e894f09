"""Generations: immutable folders derived from the catalog, one of which CURRENT names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.documents import Filters
from index.errors import IndexCorrupt, IndexFormatUnknown
from index.korean import FIELDS, bigrams
from index.local.catalog import FORMAT_VERSION, Catalog, CatalogRow
from index.local.lexical import LexicalStore, write_lexical
from index.local.vectors import VectorStore, write_vectors
from index.protocols import Terms, Vectors

CURRENT = "CURRENT"
FOLDER = "generations"
_MANIFEST = "manifest.json"
_ROWS = "rows.npy"
_KEEP = 2  # the one in use and the one to fall back to

_ROW = np.dtype(
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
    """What a generation was made of, and a SHA-256 of each of its files."""

    format: int
    generation: int
    revision: int
    embedder: str
    dimension: int
    analyser: str
    chunking: dict[str, Any]
    articles: int
    passages: int
    published_from: str | None
    published_to: str | None
    cosine_spread: float
    presses: list[str]
    sections: list[str]
    checksums: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        try:
            fields = json.loads((folder / _MANIFEST).read_bytes())
            if fields.get("format") != FORMAT_VERSION:
                raise IndexFormatUnknown(
                    f"{folder} has index format {fields.get('format')}, "
                    f"this program reads {FORMAT_VERSION}"
                )
            return cls(**fields)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            root = folder.parent.parent
            raise IndexCorrupt(f"{folder / _MANIFEST} can't be read: {error}", path=root) from error


class Generation:
    """A published generation, opened for searching. Its files are memory-mapped."""

    def __init__(self, folder: Path) -> None:
        self.manifest = Manifest.read(folder)
        try:
            self.rows: NDArray[np.void] = np.load(folder / _ROWS, mmap_mode="r", allow_pickle=False)
            self.vectors = VectorStore(folder)
            self.lexical = LexicalStore(folder, FIELDS, len(self.rows))
        except (OSError, ValueError, RuntimeError, KeyError, EOFError) as error:
            root = folder.parent.parent
            raise IndexCorrupt(f"{folder} can't be read: {error}", path=root) from error
        if not len(self.rows) == self.vectors.rows == self.manifest.passages:
            raise IndexCorrupt(f"the files of {folder} disagree", path=folder.parent.parent)

    @property
    def number(self) -> int:
        return self.manifest.generation

    def mask(
        self, filters: Filters, article_keys: Sequence[int] | None
    ) -> NDArray[np.bool_] | None:
        """The rows that meet the filters; None: all.

        ``article_keys`` are the articles that the catalog lets through; None: it was not asked.
        """
        if not filters:
            return None
        mask = np.ones(len(self.rows), dtype=np.bool_)
        if filters.published_from:
            mask &= self.rows["day"] >= filters.published_from.toordinal()
        if filters.published_to:
            mask &= self.rows["day"] <= filters.published_to.toordinal()
            mask &= self.rows["day"] > 0
        for field, wanted, names in (
            ("press", filters.press, self.manifest.presses),
            ("section", filters.section, self.manifest.sections),
        ):
            if wanted:
                codes = [names.index(name) for name in wanted if name in names]
                mask &= np.isin(self.rows[field], codes)
        if article_keys is not None:
            mask &= np.isin(self.rows["article"], np.array(article_keys, dtype=np.int64))
        return mask


def current_number(root: Path) -> int | None:
    """The number of the generation that CURRENT names; None: nothing was published yet."""
    try:
        return int((root / CURRENT).read_text("ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise IndexCorrupt(f"{root / CURRENT} can't be read: {error}", path=root) from error


def generation_folder(root: Path, number: int) -> Path:
    return root / FOLDER / f"{number:06d}"


def publish(root: Path, catalog: Catalog, meta: dict[str, Any]) -> int:
    """Derive a new generation from the catalog, verify it, and make CURRENT name it.

    ``meta`` gives embedder, dimension, analyser and chunking. Does nothing when the newest
    generation already shows the catalog's revision. Returns the number of the current generation.
    """
    number = current_number(root)
    if number is not None and _shows(root, number, catalog.revision):
        return number
    (root / FOLDER).mkdir(exist_ok=True)
    _remove_leftovers(root)
    number = (number or 0) + 1
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=root / FOLDER))
    _write_files(scratch, number, catalog, meta)
    Generation(scratch)  # refuses what can't be opened, before anybody is told of it
    _sync_tree(scratch)
    target = generation_folder(root, number)
    if target.exists():  # left by a crash between the rename and CURRENT
        shutil.rmtree(target)
    scratch.chmod(0o755)
    scratch.rename(target)
    _sync(target.parent)
    _replace_text(root / CURRENT, f"{number}\n")
    _remove_old(root, number)
    return number


def verify_checksums(folder: Path) -> None:
    """Compare every file with the manifest; raises IndexCorrupt naming the first that differs."""
    for name, expected in Manifest.read(folder).checksums.items():
        path = folder / name
        if not path.is_file() or _checksum(path) != expected:
            raise IndexCorrupt(f"{path} fails its checksum", path=folder.parent.parent)


def _shows(root: Path, number: int, revision: int) -> bool:
    try:
        return Manifest.read(generation_folder(root, number)).revision == revision
    except IndexCorrupt:
        return False


def _write_files(folder: Path, number: int, catalog: Catalog, meta: dict[str, Any]) -> None:
    rows: list[tuple[int, ...]] = []
    vectors: list[Vectors] = []
    terms: list[Terms] = []
    days: set[date] = set()
    presses: dict[str, int] = {}
    sections: dict[str, int] = {}
    revision = catalog.revision
    for row in catalog.rows():
        header = row.header
        day = header.published_on
        days |= {day} if day else set()
        press = presses.setdefault(header.press or "", len(presses))
        section = sections.setdefault(header.section or "", len(sections))
        number_of_day = day.toordinal() if day else 0
        rows.append((row.passage, row.article, row.story, number_of_day, press, section))
        vectors.append(row.vector)
        terms.append(_terms(row))
    matrix = np.vstack(vectors) if vectors else np.zeros((0, meta["dimension"]), dtype=np.float32)
    np.save(folder / _ROWS, np.array(rows, dtype=_ROW), allow_pickle=False)
    write_vectors([matrix], meta["dimension"], folder)
    write_lexical(terms, FIELDS, folder)
    manifest = Manifest(
        format=FORMAT_VERSION,
        generation=number,
        revision=revision,
        **meta,
        articles=len({row[1] for row in rows}),
        passages=len(rows),
        published_from=min(days).isoformat() if days else None,
        published_to=max(days).isoformat() if days else None,
        cosine_spread=_cosine_spread(matrix),
        presses=list(presses),
        sections=list(sections),
        checksums={
            str(path.relative_to(folder)): _checksum(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    )
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1)
    (folder / _MANIFEST).write_text(text, "utf-8")


def _terms(row: CatalogRow) -> Terms:
    morphemes = [morpheme for sentence in row.sentences for morpheme in sentence.morphemes]
    return {"morphemes": morphemes, "bigrams": bigrams(row.text)}


def _cosine_spread(vectors: Vectors, sample: int = 2_000) -> float:
    """Standard deviation of the cosines between passages: the unit of the embedder's scores."""
    if len(vectors) < 3:
        return 0.0
    chosen = vectors[np.random.default_rng(0).permutation(len(vectors))[:sample]]
    cosines = chosen @ chosen.T
    return float(np.std(cosines[np.triu_indices(len(chosen), k=1)]))


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace_text(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.new")
    with scratch.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _remove_leftovers(root: Path) -> None:
    for scratch in (root / FOLDER).glob(".new-*"):
        shutil.rmtree(scratch)


def _remove_old(root: Path, newest: int) -> None:
    for folder in (root / FOLDER).iterdir():
        if folder.name.isdecimal() and int(folder.name) <= newest - _KEEP:
            shutil.rmtree(folder, ignore_errors=True)
