"""What a catalog stores, and the form in which it stores it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from index.documents import AnalysedSentence
from index.protocols import Recipe, Vectors

_MAX_SENTENCES_BYTES = 1 << 28  # unpacked: of an article in a catalog from elsewhere


def recipe_text(recipe: Recipe) -> str:
    """JSON that is equal for equal recipes."""
    return json.dumps(asdict(recipe), ensure_ascii=False, sort_keys=True)


def matrix(rows: Sequence[tuple[bytes]], dimension: int) -> Vectors:
    """Raises ValueError for a vector of another dimension."""
    if any(len(vector) != 2 * dimension for (vector,) in rows):
        raise ValueError(f"the catalog holds a vector that has not {dimension} dimensions")
    flat = np.frombuffer(b"".join(vector for (vector,) in rows), dtype="<f2")
    return flat.reshape(len(rows), dimension).astype(np.float32)


def pack_sentences(sentences: Sequence[AnalysedSentence]) -> bytes:
    """Sentences as zlib-compressed JSON, ``[[start, end, [morpheme, …]], …]``."""
    packed = [[s.start, s.end, s.morphemes] for s in sentences]
    return zlib.compress(json.dumps(packed, ensure_ascii=False).encode())


def unpack_sentences(blob: bytes) -> list[AnalysedSentence]:
    """What ``pack_sentences`` packed."""
    unpacked = zlib.decompressobj().decompress(blob, _MAX_SENTENCES_BYTES)
    return [AnalysedSentence(s, e, tuple(m)) for s, e, m in json.loads(unpacked)]


def pack_vectors(vectors: Vectors) -> bytes:
    """Vectors as float16, little endian, row by row."""
    return vectors.astype("<f2").tobytes()


def unpack_vectors(blob: bytes, rows: int) -> Vectors:
    """Float32 of shape (rows, dimension), of what ``pack_vectors`` packed."""
    flat = np.frombuffer(blob, dtype="<f2").astype(np.float32)
    return flat.reshape(rows, len(flat) // max(rows, 1))


RECENT_HEADERS = 2_048
"""Headers that are kept as they were read."""


@lru_cache(maxsize=RECENT_HEADERS)
def header_fields(text: str) -> Mapping[str, Any]:
    """Keyword arguments of ``ArticleHeader`` from its JSON."""
    fields: dict[str, Any] = json.loads(text)
    for name in ("published_at", "modified_at"):
        fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
