"""A Unigram vocabulary in SentencePiece's own format: the same tokens as the ``tokenizers`` package's.

For a vocabulary of 250,000 pieces ``tokenizers`` takes 270 MB and twice the time to load, and four times as long to
tokenize.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

MODEL, FRAME = "pieces.model", "pieces.json"
"""The vocabulary, and all of ``tokenizer.json`` but the vocabulary: how a text is normalised and framed."""


class PieceTokenizer:
    """Token ids of texts, as ``tokenizer.json`` gives them, cut at ``max_tokens`` with special tokens included.

    Names of special tokens within a text, such as ``<mask>``, are text like any other. Safe to use from several threads.
    """

    def __init__(self, folder: Path, max_tokens: int) -> None:
        """Raises OSError, ValueError or RuntimeError for files that can't be used."""
        from sentencepiece import SentencePieceProcessor
        from tokenizers import Tokenizer

        frame = (folder / FRAME).read_text(encoding="utf-8")
        self._normalizer = Tokenizer.from_str(frame).normalizer
        self._letters = _letters(self._normalizer)
        self._before, self._after = _special_ids(json.loads(frame))
        self._processor: Any = SentencePieceProcessor(model_file=str(folder / MODEL))
        self._room = max_tokens - len(self._before) - len(self._after)

    def ids(self, text: str) -> list[int]:
        """The ids of a text, in order."""
        return [*self._before, *self._pieces(text)[: self._room], *self._after]

    def ids_and_ends(self, text: str) -> tuple[list[int], list[int]]:
        """The same ids, and for each the place in the text behind its token: 0 for special ones, which have none."""
        normal, blank = self._normal(text)
        found = self._processor.encode(normal, return_type="offset_mapping")
        ends = [max(end - blank, 1) for _, end in found["offsets"][: self._room]]
        if normal[blank:] != text:  # the places are those in the normalised text
            places = [end for _, end in self._letters.encode(text).offsets]
            ends = [places[end - 1] for end in ends]
        ids = [*self._before, *found["ids"][: self._room], *self._after]
        return ids, [*[0] * len(self._before), *ends, *[0] * len(self._after)]

    def count(self, text: str) -> int:
        """How many there would be without a limit."""
        return len(self._before) + len(self._pieces(text)) + len(self._after)

    def _pieces(self, text: str) -> list[int]:
        pieces: list[int] = self._processor.encode(self._normal(text)[0])
        return pieces

    def _normal(self, text: str) -> tuple[str, bool]:
        """The text as it is tokenized, and whether that begins with a blank that was put before it."""
        normal = self._normalizer.normalize_str(text) if self._normalizer else text
        lacks_blank = bool(normal) and not normal.startswith((" ", "▁"))
        return (f" {normal}" if lacks_blank else normal), lacks_blank


def _letters(normalizer: Any) -> Any:
    """A tokenizer whose tokens are the characters of a normalised text: it knows where they were before."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    letters = Tokenizer(models.WordLevel({_ANY: 0}, unk_token=_ANY))
    if normalizer:
        letters.normalizer = normalizer
    letters.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return letters


_ANY = "<any>"


def write_pieces(tokenizer_json: Path, folder: Path, probes: Sequence[str]) -> bool:
    """Write the files of a ``PieceTokenizer``; False, and no files, if its tokens of the probes would be others."""
    from tokenizers import Tokenizer

    layout = json.loads(tokenizer_json.read_text(encoding="utf-8"))
    if not _is_supported(layout):
        return False
    nothing = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]]}
    frame = layout | {"model": nothing, "added_tokens": [], "truncation": None, "padding": None}
    (folder / FRAME).write_text(json.dumps(frame, ensure_ascii=False), encoding="utf-8")
    (folder / MODEL).write_bytes(b"".join(_model(layout)))
    tokenizer = Tokenizer.from_file(str(tokenizer_json))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    pieces = PieceTokenizer(folder, _UNLIMITED)
    if all(pieces.ids(probe) == tokenizer.encode(probe).ids for probe in probes):
        return True
    for name in (FRAME, MODEL):
        (folder / name).unlink()
    return False


_UNLIMITED = 1 << 30
_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3  # sentencepiece_model.proto: SentencePiece.Type


def _is_supported(layout: Mapping[str, Any]) -> bool:
    """Whether a vocabulary is Unigram without bytes, each word begins with ``▁``, and special tokens frame a text."""
    model, words, frame = layout["model"], layout["pre_tokenizer"], layout["post_processor"]
    return bool(
        model.get("type") == "Unigram"
        and not model.get("byte_fallback")
        and words
        and words.get("type") == "Metaspace"
        and words.get("replacement") == "▁"
        and words.get("prepend_scheme") == "always"
        and (frame is None or frame.get("type") == "TemplateProcessing")
    )


def _special_ids(layout: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """The ids that stand before and behind the tokens of a text."""
    before: list[int] = []
    after: list[int] = []
    template = layout["post_processor"] or {"single": []}
    side = before
    for part in template["single"]:
        if "Sequence" in part:
            side = after
        else:
            side += template["special_tokens"][part["SpecialToken"]["id"]]["ids"]
    return before, after


def _model(layout: Mapping[str, Any]) -> Iterator[bytes]:
    """The parts of a ModelProto (sentencepiece_model.proto): pieces, trainer's settings, no normalisation."""
    unknown = layout["model"]["unk_id"]
    special = {token["id"] for token in layout["added_tokens"]}
    for number, (piece, score) in enumerate(layout["model"]["vocab"]):
        kind = _UNKNOWN if number == unknown else _CONTROL if number in special else _NORMAL
        told = _bytes(1, piece.encode()) + b"\x15" + struct.pack("<f", score) + _number(3, kind)
        yield _bytes(1, told)
    yield _bytes(2, _number(3, 1) + _number(40, unknown))  # model_type UNIGRAM, unk_id
    # Texts come normalised: neither add_dummy_prefix nor remove_extra_whitespaces, but escape_whitespaces.
    yield _bytes(3, _bytes(1, b"identity") + _number(3, 0) + _number(4, 0) + _number(5, 1))


def _bytes(field: int, value: bytes) -> bytes:
    """A field of Protocol Buffers with its length."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
