"""What is known of ordinary sentences is computed once for an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hash_embedder import HashEmbedder

from index.background import Background
from index.corpus import CorpusStatistics
from index.protocols import Vectors

NOTHING = CorpusStatistics()


class Counting(HashEmbedder):
    """Counts what it embeds."""

    embedded = 0

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        return super().embed_passages(texts)


def test_a_later_process_computes_nothing(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    mean, spread = Background(first, tmp_path).blended(NOTHING)
    again, same = Background(second, tmp_path).blended(NOTHING)
    np.testing.assert_array_equal(mean, again)
    assert spread == same > 0
    assert (first.embedded > 0, second.embedded) == (True, 0)


def test_another_embedder_has_its_own(tmp_path: Path) -> None:
    Background(HashEmbedder(64), tmp_path).blended(NOTHING)
    mean, _ = Background(HashEmbedder(32), tmp_path).blended(NOTHING)
    assert mean.shape == (32,)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_computed_again(tmp_path: Path, content: bytes) -> None:
    expected, _ = Background(HashEmbedder(), tmp_path).blended(NOTHING)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    mean, _ = Background(HashEmbedder(), tmp_path).blended(NOTHING)
    np.testing.assert_array_equal(mean, expected)
    assert np.load(file, allow_pickle=False).shape == (65,)


def test_a_folder_that_can_not_be_written_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    mean, spread = Background(HashEmbedder(), tmp_path / "file" / "cache").blended(NOTHING)
    assert mean.shape == (64,)
    assert spread > 0
