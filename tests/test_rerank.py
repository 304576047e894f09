"""Reranking by a cross-encoder, with one of random weights made here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hash_embedder import HashEmbedder
from small_cross_encoder import write_cross_encoder
from small_index import LIBRARY, TRAM, UNDATED, build

from index import Filters, ModelUnavailable, open_index
from index.protocols import Vectors
from index.rerank import CrossEncoderReranker
from service.settings import Settings
from service.wiring import build_reranker


class ByWord:
    """Prefers passages with a word, above all others."""

    name = "by-word"

    def __init__(self, word: str) -> None:
        self._word = word
        self.asked: list[str] = []

    def scores(self, question: str, passages: Sequence[str]) -> Vectors:
        self.asked.append(question)
        return np.array([float(self._word in text) for text in passages], dtype=np.float32)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rerank")
    build(path)
    return path


def test_the_reranker_has_the_last_word(path: Path) -> None:
    reranker = ByWord("난간")
    with open_index(path, embedder=HashEmbedder(), reranker=reranker) as index:
        hits = index.search("트램 사업비", k=3)
        assert hits[0].article.id == UNDATED.id
        assert hits[0].score == 1
        assert {hit.article.id for hit in hits} == {UNDATED.id, TRAM.id, LIBRARY.id}
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert reranker.asked == ["트램 사업비"]
        assert index.search("트램", filters=Filters(press=("없는신문",))) == []


def test_what_it_does_not_read_stays_below(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.retrieve.RERANKED", 1)
    with open_index(path, embedder=HashEmbedder()) as index:
        plain = [hit.article.id for hit in index.search("트램 사업비", k=3)]
    with open_index(path, embedder=HashEmbedder(), reranker=ByWord("없는 말")) as index:
        assert [hit.article.id for hit in index.search("트램 사업비", k=3)] == plain


@pytest.fixture(scope="module")
def small_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cross_encoder(
        tmp_path_factory.mktemp("cross-encoder"), ["트램", "도서관", "사업비"]
    )


def test_a_cross_encoder_scores_pairs(small_cross_encoder: Path, path: Path) -> None:
    reranker = CrossEncoderReranker(str(small_cross_encoder))
    texts = ["트램 사업비", "도서관", "트램 " * 100]
    scores = reranker.scores("트램", texts)
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    assert len(set(scores.tolist())) == 3
    again = reranker.scores("트램", texts[::-1])
    assert again[::-1] == pytest.approx(scores, abs=1e-5)
    assert reranker.scores("트램", []).shape == (0,)
    with open_index(path, embedder=HashEmbedder(), reranker=reranker) as index:
        hits = index.search("트램 사업비", k=3)
        judged = reranker.scores("트램 사업비", [hit.passage.text for hit in hits])
        assert [hit.score for hit in hits] == pytest.approx(judged.tolist(), abs=1e-5)


def test_it_is_off_unless_set(small_cross_encoder: Path) -> None:
    assert build_reranker(Settings()) is None
    assert build_reranker(Settings(rerank_model=str(small_cross_encoder))) is not None


def test_a_model_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="cross-encoder") as error:
        CrossEncoderReranker(str(tmp_path))
    assert "GISA_RERANK_MODEL" in error.value.remedy
