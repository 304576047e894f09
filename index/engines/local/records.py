"""What a catalog stores, and the form in which it stores it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from index.documents import AnalysedSentence
from index.protocols import Span, Vectors

_MAX_SENTENCES_BYTES = 1 << 28  # unpacked: of an article in a catalog from elsewhere


@dataclass(frozen=True)
class Recipe:
    """How articles become passages and vectors: names and settings of everything that decides."""

    embedder: str
    dimension: int
    analyser: str
    chunking: dict[str, Any]

    def to_text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True)
class StoredVectors:
    """The vectors of a version, and the offsets of the passages and sentences that they are of."""

    body: str
    passages: list[Span]
    sentences: list[Span]
    vectors: Vectors
    sentence_vectors: Vectors


def matrix(rows: Sequence[tuple[bytes]], dimension: int) -> Vectors:
    """Raises ValueError for a vector of another dimension."""
    if any(len(vector) != 2 * dimension for (vector,) in rows):
        raise ValueError(f"the catalog holds a vector that has not {dimension} dimensions")
    flat = np.frombuffer(b"".join(vector for (vector,) in rows), dtype="<f2")
    return flat.reshape(len(rows), dimension).astype(np.float32)


def pack_sentences(sentences: Sequence[AnalysedSentence]) -> bytes:
    packed = [[s.start, s.end, s.morphemes] for s in sentences]
    return zlib.compress(json.dumps(packed, ensure_ascii=False).encode())


def unpack_sentences(blob: bytes) -> list[AnalysedSentence]:
    unpacked = zlib.decompressobj().decompress(blob, _MAX_SENTENCES_BYTES)
    return [AnalysedSentence(s, e, tuple(m)) for s, e, m in json.loads(unpacked)]


def pack_vectors(vectors: Vectors) -> bytes:
    return vectors.astype("<f2").tobytes()


def unpack_vectors(blob: bytes, rows: int) -> Vectors:
    flat = np.frombuffer(blob, dtype="<f2").astype(np.float32)
    return flat.reshape(rows, len(flat) // max(rows, 1))


def header_fields(text: str) -> dict[str, Any]:
    """Keyword arguments of ``ArticleHeader`` from its JSON."""
    fields: dict[str, Any] = json.loads(text)
    for name in ("published_at", "modified_at"):
        fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
