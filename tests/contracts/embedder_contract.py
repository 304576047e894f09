"""What every embedder does. Inherit, and supply the fixture ``embedder``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.protocols import Embedder, Vectors

PASSAGES = [
    "한국은행 금융통화위원회는 23일 기준금리를 연 2.50%로 동결했다고 밝혔다.",
    "프로야구 개막전이 열린 잠실야구장에 관중 2만3천여 명이 몰렸다.",
    "기상청은 주말 동안 전국에 비가 내리고 기온이 5도가량 떨어질 것으로 내다봤다.",
    "SoftBank Group said it would invest 100 billion dollars in AI data centers.",
]
ODD_TEXTS = [
    "",
    " ",
    "\n\t",
    "😀🇰🇷",
    "\u200b",
    "大韓民國",
    "ㅋㅋㅋ",
    "a\u0301",
    "</s>",
    "\x00\x07",
    "～" * 30,
]


class EmbedderContract:
    @pytest.fixture
    def embedder(self) -> Embedder:
        raise NotImplementedError("supply the embedder to be tested")

    def test_it_says_what_it_is(self, embedder: Embedder) -> None:
        assert embedder.name.strip()
        assert embedder.name == embedder.name
        assert embedder.dimension > 0
        assert embedder.max_tokens > 0

    def test_vectors_are_float32_rows(self, embedder: Embedder) -> None:
        for embed in (embedder.embed_queries, embedder.embed_passages):
            vectors = embed(PASSAGES)
            assert vectors.dtype == np.float32
            assert vectors.shape == (len(PASSAGES), embedder.dimension)

    def test_no_texts_make_no_rows(self, embedder: Embedder) -> None:
        for embed in (embedder.embed_queries, embedder.embed_passages):
            vectors = embed([])
            assert vectors.dtype == np.float32
            assert vectors.shape == (0, embedder.dimension)

    def test_vectors_have_length_one_whatever_the_text(self, embedder: Embedder) -> None:
        for embed in (embedder.embed_queries, embedder.embed_passages):
            lengths = np.linalg.norm(embed(PASSAGES + ODD_TEXTS), axis=1)
            np.testing.assert_allclose(lengths, 1, atol=1e-5)

    def test_the_same_texts_make_the_same_vectors(self, embedder: Embedder) -> None:
        for embed in (embedder.embed_queries, embedder.embed_passages):
            np.testing.assert_allclose(embed(PASSAGES), embed(tuple(PASSAGES)), atol=1e-5)

    def test_rows_are_in_the_order_of_the_texts(self, embedder: Embedder) -> None:
        texts = [f"{i}번째 기사. " + PASSAGES[i % 4] * (1 + i % 5) for i in range(15)]
        for embed in (embedder.embed_queries, embedder.embed_passages):
            one_by_one = np.concatenate([embed([text]) for text in texts])
            assert _cosines(embed(texts), one_by_one).min() > 0.999

    def test_a_text_is_cut_at_its_end(self, embedder: Embedder) -> None:
        longest = "금리 동결 소식. " * embedder.max_tokens
        assert embedder.count_tokens(longest) > embedder.max_tokens
        for embed in (embedder.embed_queries, embedder.embed_passages):
            cut, longer, other_end = embed([longest, longest * 2, longest + "야구 개막"])
            assert _cosines(cut[None], np.stack([longer, other_end])).min() > 0.9999

    def test_tokens_are_counted_uncut(self, embedder: Embedder) -> None:
        word = embedder.count_tokens("금리 동결") - embedder.count_tokens("")
        assert word > 0
        many = embedder.count_tokens(" ".join(["금리 동결"] * 2000)) - embedder.count_tokens("")
        assert many >= 2000 * word

    def test_a_question_is_nearest_to_its_passage(self, embedder: Embedder) -> None:
        questions = [
            "기준금리를 동결했나",
            "프로야구 개막전 관중",
            "주말에 비가 내리나",
            "AI data centers",
        ]
        scores = embedder.embed_queries(questions) @ embedder.embed_passages(PASSAGES).T
        assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]

    def test_threads_may_share_it(self, embedder: Embedder) -> None:
        texts = [f"{i}번 질문: {PASSAGES[i % 4]}" for i in range(16)]

        def embed_both(text: str) -> Vectors:
            return np.concatenate([embedder.embed_queries([text]), embedder.embed_passages([text])])

        expected = [embed_both(text) for text in texts]
        with ThreadPoolExecutor(8) as threads:
            actual = list(threads.map(embed_both, texts))
        assert _cosines(np.concatenate(actual), np.concatenate(expected)).min() > 0.999

    def test_spans_have_vectors_of_their_own(self, embedder: Embedder) -> None:
        text = f"{PASSAGES[0]} {PASSAGES[1]}"
        middle = len(PASSAGES[0])
        halves = [(0, middle), (middle + 1, len(text))]
        vectors, of_spans = embedder.embed_passages_and_spans(
            [PASSAGES[2], text], [[(0, len(PASSAGES[2]))], halves]
        )
        np.testing.assert_allclose(vectors, embedder.embed_passages([PASSAGES[2], text]), atol=2e-2)
        assert [rows.shape for rows in of_spans] == [
            (1, embedder.dimension),
            (2, embedder.dimension),
        ]
        np.testing.assert_allclose(np.linalg.norm(of_spans[1], axis=1), 1, atol=1e-5)
        [question] = embedder.embed_queries(["기준금리는 몇 퍼센트로 동결됐나?"])
        first, second = of_spans[1] @ question
        assert first > second

    def test_spans_without_text(self, embedder: Embedder) -> None:
        _, none = embedder.embed_passages_and_spans([], [])
        assert none == []
        _, [rows] = embedder.embed_passages_and_spans([PASSAGES[0]], [[]])
        assert rows.shape == (0, embedder.dimension)


def _cosines(one: Vectors, other: Vectors) -> Vectors:
    return np.asarray((one * other).sum(axis=1), dtype=np.float32)
