"""A vocabulary in SentencePiece's format gives the tokens that ``tokenizers`` gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram, WordLevel

from index.embedding.batches import token_ends
from index.embedding.pieces import FRAME, MODEL, PieceTokenizer, write_pieces

LETTERS = "금리를동결했다abc12"
WORDS = ["▁금리", "금리", "▁동결", "했다", "▁", "결했", "▁ab", "12"]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
PROBES = ["금리를 동결했다", "abc 12 없는 글자", ""]


def tokenizer_of(model: Any) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace("  ", " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    return tokenizer


def unigram() -> Tokenizer:
    scores = [(piece, -1.0 - n / 7) for n, piece in enumerate([*WORDS, *LETTERS])]
    return tokenizer_of(Unigram([*((token, 0.0) for token in SPECIAL), *scores], unk_id=3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pieces")
    unigram().save(str(folder / "tokenizer.json"))
    assert write_pieces(folder / "tokenizer.json", folder, PROBES)
    return folder


@given(st.text(alphabet=f"{LETTERS}  ▁ＡＢ한🙂\n", max_size=30))
def test_the_tokens_of_any_text_are_the_same(folder: Path, text: str) -> None:
    pieces = PieceTokenizer(folder, 1_000)
    expected = unigram().encode(text).ids
    assert pieces.ids(text) == expected
    assert pieces.count(text) == len(expected)


@given(st.text(alphabet=f"{LETTERS}  ▁ＡＢ㎡½한🙂\n", max_size=30))
def test_its_tokens_end_at_the_same_places(folder: Path, text: str) -> None:
    encoded = unigram().encode(text)
    ids, ends = PieceTokenizer(folder, 1_000).ids_and_ends(text)
    assert (ids, ends) == (encoded.ids, token_ends(encoded.offsets))


@pytest.mark.parametrize("limit", [3, 5, 7])
def test_a_long_text_is_cut_before_the_special_tokens(folder: Path, limit: int) -> None:
    text, full = "금리를 동결했다 abc", unigram()
    full.enable_truncation(limit)
    pieces = PieceTokenizer(folder, limit)
    assert pieces.ids(text) == full.encode(text).ids
    assert pieces.ids_and_ends(text) == (
        full.encode(text).ids,
        token_ends(full.encode(text).offsets),
    )
    assert len(pieces.ids(text)) == limit < pieces.count(text)


def test_the_name_of_a_special_token_is_text(folder: Path) -> None:
    ids = PieceTokenizer(folder, 100).ids("금리 </s> 동결")
    assert ids.count(2) == 1
    assert ids[-1] == 2


@pytest.mark.parametrize("kind", ["words", "other blank", "bytes"])
def test_another_kind_of_vocabulary_is_left_to_tokenizers(tmp_path: Path, kind: str) -> None:
    tokenizer = unigram()
    if kind == "words":
        tokenizer = tokenizer_of(WordLevel({"<unk>": 0, "금리": 1}, unk_token="<unk>"))
    elif kind == "other blank":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    else:
        vocabulary = [(token, 0.0) for token in [*SPECIAL, *(f"<0x{n:02X}>" for n in range(256))]]
        tokenizer = tokenizer_of(Unigram(vocabulary, unk_id=3, byte_fallback=True))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert not write_pieces(tmp_path / "tokenizer.json", tmp_path, PROBES)
    assert not (tmp_path / MODEL).exists()
    assert not (tmp_path / FRAME).exists()


def test_where_tokens_would_differ_no_file_stays(tmp_path: Path) -> None:
    tokenizer = unigram()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    tokenizer.add_tokens([AddedToken("동결", special=False)])  # found before the model is asked
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert not write_pieces(tmp_path / "tokenizer.json", tmp_path, PROBES)
    assert not list(tmp_path.glob("pieces*"))
