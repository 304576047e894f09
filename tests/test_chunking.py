"""Chunking: whole sentences, exact offsets, nothing lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_index import analyser

from index import AnalysedSentence, Article, Passage
from index.chunking import ChunkSettings, bounded_sentences, chunk


def article_of(lengths: Sequence[int]) -> tuple[Article, list[AnalysedSentence]]:
    """An article whose sentences have these lengths, with blanks and paragraph breaks between."""
    parts, sentences, position = [], [], 0
    for n, length in enumerate(lengths):
        text = chr(0xAC00 + n) * length
        sentences.append(AnalysedSentence(position, position + length, (text[:1],)))
        gap = "\n\n" if n % 3 == 2 else " "
        parts += [text, gap]
        position += length + len(gap)
    return Article(id="a", title="제목", body="".join(parts).rstrip()), sentences


def passages_of(
    lengths: Sequence[int], settings: ChunkSettings = ChunkSettings()
) -> tuple[list[Passage], list[AnalysedSentence]]:
    article, sentences = article_of(lengths)
    return chunk(article, sentences, settings), sentences


def spans(lengths: Sequence[int], settings: ChunkSettings = ChunkSettings()) -> list[str]:
    """The sentences of each passage as letters."""
    passages, sentences = passages_of(lengths, settings)
    return [
        "".join(
            "abcdefghij"[n]
            for n, s in enumerate(sentences)
            if p.start <= s.start and s.end <= p.end
        )
        for p in passages
    ]


def test_fills_up_to_the_target_and_repeats_a_sentence() -> None:
    assert spans([200, 200, 200, 200, 200]) == ["ab", "bc", "cd", "de"]


def test_a_short_article_is_one_passage() -> None:
    assert spans([100, 100]) == ["ab"]


def test_a_short_last_passage_joins_the_one_before() -> None:
    assert spans([240, 240, 50]) == ["abc"]


def test_a_long_sentence_stands_alone_and_progress_is_made() -> None:
    assert spans([700, 700, 700]) == ["a", "b", "c"]


def test_without_overlap_nothing_is_repeated() -> None:
    settings = ChunkSettings(overlap_sentences=0)
    assert spans([240, 240, 240, 240], settings) == ["ab", "cd"]


def test_a_passage_over_the_embedders_limit_is_cut_at_a_sentence() -> None:
    article, sentences = article_of([100, 100, 100, 100])
    passages = chunk(article, sentences, ChunkSettings(), fits=lambda text: len(text) < 250)
    assert [len(p.text) for p in passages] == [
        201,
        202,
    ]  # between the last two lies a paragraph break


@given(
    lengths=st.lists(st.integers(1, 800), min_size=1, max_size=40),
    overlap=st.integers(0, 2),
    limit=st.integers(100, 2_000),
)
def test_invariants(lengths: list[int], overlap: int, limit: int) -> None:
    settings = ChunkSettings(overlap_sentences=overlap)
    article, sentences = article_of(lengths)
    passages = chunk(article, sentences, settings, fits=lambda text: len(text) <= limit)
    borders = {s.start for s in sentences} | {s.end for s in sentences}
    for ordinal, passage in enumerate(passages):
        assert article.body[passage.start : passage.end] == passage.text
        assert passage.ordinal == ordinal
        assert {passage.start, passage.end} <= borders
        assert len(passage.text) <= settings.max_chars
    for sentence in sentences:
        assert any(p.start <= sentence.start and sentence.end <= p.end for p in passages)


def test_settings_must_make_sense() -> None:
    with pytest.raises(ValueError, match="min_last <= target <= max"):
        ChunkSettings(target_chars=900, max_chars=800)


def test_long_sentences_are_cut_at_blanks_and_keep_their_offsets() -> None:
    body = "해담시는 " + "트램 공사를 9월에 시작하고, " * 80 + "밝혔다."
    (whole,) = analyser().sentences(body)
    pieces = bounded_sentences(body, [whole], analyser(), 800)
    assert len(pieces) > 1
    assert all(0 < piece.end - piece.start <= 800 for piece in pieces)
    assert all("트램" in piece.morphemes for piece in pieces)
    assert "".join(body[p.start : p.end] for p in pieces).replace(" ", "") == body.replace(" ", "")
    assert all(body[piece.end - 1] in ",." for piece in pieces)
