"""The names of a generation on disk: other names that brackets introduce, and reporters."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from index.corpus import Hashes, NameTable, hashes
from index.engines.local.postings import map_array

FOLDER = "names"
Names = tuple[NameTable, Hashes]
"""Other names, and the hashes of reporters, rising."""

_TYPES = {"keys": "<u8", "starts": "<i8", "text": "|u1"}
_REPORTERS = "reporters"


def write_names(names: NameTable, reporters: Iterable[str], folder: Path) -> None:
    """Write both into the folder of a generation."""
    target = folder / FOLDER
    target.mkdir()
    for name, kind in _TYPES.items():
        np.save(target / f"{name}.npy", getattr(names, name).astype(kind), allow_pickle=False)
    found = hashed_names(reporters).astype("<u8")
    np.save(target / f"{_REPORTERS}.npy", found, allow_pickle=False)


def hashed_names(names: Iterable[str]) -> Hashes:
    """The hashes of names, rising."""
    found: Hashes = np.unique(hashes(names))
    return found


def load_names(folder: Path) -> Names | None:
    """Memory-mapped; None: a generation of format 5 has none. Raises OSError or ValueError."""
    source = folder / FOLDER
    if not source.exists():
        return None
    arrays = {name: map_array(source / f"{name}.npy", kind) for name, kind in _TYPES.items()}
    return NameTable(**arrays), map_array(source / f"{_REPORTERS}.npy", "<u8")
