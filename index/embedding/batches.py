"""Turning texts into batches of padded token ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.embedding.backend import ModelCard
from index.embedding.pieces import FRAME, PieceTokenizer
from index.protocols import Span

BATCH_TOKENS = 1024
"""Tokens of a batch of passages, padding included. Measured on 2 cores with passages of 70, 240
and 480 tokens: less is slower for short ones, more is slower for all and takes more memory."""
LENGTH_STEP = 16
"""Passages are padded to multiples of this, since OpenVINO caches buffers and code for each shape."""
_WINDOW = 512
"""Texts tokenized at a time: the encodings of 512 long ones take about 50 MB."""


@dataclass(frozen=True)
class Batch:
    """Texts that go through the model together.

    ``rows`` are their positions among all texts. ``inputs`` are token ids and attention mask,
    int64 (len(rows), padded length). ``ends`` has, for each text, the place in characters behind each of
    its tokens, int64 (tokens of the text,), 0 for special ones; it is empty if not asked for.
    """

    rows: list[int]
    inputs: list[NDArray[np.int64]]
    ends: list[NDArray[np.int64]]


class TextBatcher:
    """Tokenizes texts for a converted model, and forms batches of them."""

    def __init__(self, folder: Path, card: ModelCard) -> None:
        self._folder, self._card = folder, card
        known = (folder / FRAME).exists()
        self._pieces = PieceTokenizer(folder, card.max_tokens) if known else None

    @cached_property
    def _tokenizer(self) -> Any:
        """What serves where ``PieceTokenizer`` does not."""
        return _load_tokenizer(self._folder, self._card.max_tokens)

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``, uncut, special tokens included."""
        if self._pieces:
            return self._pieces.count(text)
        encoding = self._tokenizer.encode(text)
        special: int = self._tokenizer.num_special_tokens_to_add(False)
        parts = (encoding, *encoding.overflowing)
        return special + sum(len(part.ids) - special for part in parts)

    def batches(
        self, texts: Sequence[str], prompt: str, length_step: int, *, with_ends: bool = False
    ) -> Iterator[Batch]:
        """Batches of the texts, each after ``prompt`` and padded to a multiple of ``length_step`` tokens."""
        for start in range(0, len(texts), _WINDOW):
            window = [prompt + text for text in texts[start : start + _WINDOW]]
            ids, ends = self._with_ends(window) if with_ends else (self._ids(window), [])
            for batch in batches_by_length([len(row) for row in ids], BATCH_TOKENS):
                yield Batch(
                    rows=[start + i for i in batch],
                    inputs=self._padded([ids[i] for i in batch], length_step),
                    ends=[np.array(ends[i]) for i in batch if with_ends],
                )

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        if self._pieces:
            return list(map(self._pieces.ids, texts))
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]

    def _with_ends(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[int]]]:
        if self._pieces:
            found = list(map(self._pieces.ids_and_ends, texts))
            return [ids for ids, _ in found], [ends for _, ends in found]
        encodings = self._tokenizer.encode_batch(texts)
        return [e.ids for e in encodings], [token_ends(e.offsets) for e in encodings]

    def _padded(self, rows: list[list[int]], length_step: int) -> list[NDArray[np.int64]]:
        longest = max(map(len, rows))
        # Never beyond the positions that the model has.
        length = min(-(-longest // length_step) * length_step, self._card.max_tokens)
        ids = np.full((len(rows), length), self._card.pad_id, np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return [ids, mask]


def batches_by_length(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Positions in batches of similar lengths, longest first.

    Each batch holds at most ``limit`` when padded to its longest, or is a single position.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > limit:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def token_ends(offsets: Sequence[Span]) -> list[int]:
    """The places behind tokens of these offsets; 0 for special ones, whose offsets are empty."""
    return [end if start < end else 0 for start, end in offsets]


def _load_tokenizer(folder: Path, max_tokens: int) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer
