"""What travels to workers and back comes out as it went in, or does not leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from bulk_run import SMALL, analyser
from hash_embedder import HashEmbedder
from small_index import LIBRARY, TRAM

from index import Article, MalformedArticle
from index.documents import SEOUL
from index.duplicates import fingerprint
from index.preparation import Batch, Preparation
from index.protocols import StoredArticle, StoredVectors
from index.readers import Found, RawFile, RawRecord
from index.readers.draft import Draft
from index.wire import pack, pack_indexed, unpack, unpack_indexed

pytest.importorskip("msgpack", reason="the extra 'ray' is not installed")

LONG = replace(TRAM, body=TRAM.body * 3)
MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=SEOUL)
DRAFT = Draft(
    body="짝 없는 \ud83d 대리 문자",
    moments=[(MOMENT, "record"), (datetime(2026, 3, 1), "text"), (date(2026, 3, 1), "text")],  # noqa: DTZ001
    modified=1_749_659_400_000,
    tags=("가", "나"),
)


@pytest.mark.parametrize(
    "value",
    [
        RawRecord(DRAFT, "기사.jsonl", 7),
        RawFile("모음.zip!기사.html", ".html", b"\x00\xff"),
        Found(
            Article(id="a", title="제목", body="본문", published_at=MOMENT, pages=(0, 2)), "여기"
        ),
        [None, True, 1.5, {"가": (1, (2,))}],
    ],
)
def test_a_value_comes_out_as_it_went_in(value: object) -> None:
    assert unpack(pack(value)) == value


def test_a_report_keeps_its_place() -> None:
    report = unpack(pack(MalformedArticle("no body", path="기사.jsonl", line=3)))
    assert (report.reason, report.path, report.line) == ("no body", "기사.jsonl", 3)


def test_a_text_that_is_more_than_text_comes_out_as_text() -> None:
    class Marked(str):
        __slots__ = ()

    assert type(unpack(pack(Marked("제목")))) is str


def test_stored_vectors_come_out_exactly() -> None:
    rows = np.random.default_rng(1).random((2, 3), np.float32)
    known = StoredVectors([(0, 2), (2, 4)], rows, [(0, 4)], rows[:1])
    batch = Batch([LIBRARY], {"a": StoredArticle(LIBRARY, "a", "hash-3", known)})
    out: Batch = unpack(pack(batch))
    assert out.articles == [LIBRARY]
    found = out.before["a"].vectors
    assert found is not None
    assert (found.passages, found.sentences) == (known.passages, known.sentences)
    assert found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors, rows)


def test_a_prepared_article_comes_out_exactly() -> None:
    (item,) = Preparation(HashEmbedder(), analyser(), SMALL)(Batch([LIBRARY], {}))
    (out,) = unpack_indexed(pack_indexed([item]), [LIBRARY])
    assert out.article is LIBRARY
    assert (out.passages, out.sentences, out.digest) == (
        item.passages,
        item.sentences,
        item.digest,
    )
    assert tuple(out.title_morphemes) == tuple(item.title_morphemes)
    assert set(out.names) == set(item.names)
    assert np.array_equal(out.vectors, item.vectors)
    assert item.sentence_vectors is not None
    assert out.sentence_vectors is not None
    assert np.array_equal(out.sentence_vectors, item.sentence_vectors)


def test_a_fingerprint_comes_out_with_its_bands() -> None:
    (item,) = Preparation(HashEmbedder(), analyser(), SMALL)(Batch([LONG], {}))
    own = fingerprint(LONG.body)
    assert own is not None
    (out,) = unpack_indexed(pack_indexed([replace(item, fingerprint=own)]), [LONG])
    assert out.fingerprint is not None
    assert out.fingerprint.known_bands == own.bands
    assert out.fingerprint.figures == own.figures
    assert np.array_equal(out.fingerprint.shingles, own.shingles)


@pytest.mark.parametrize("value", [Decimal(1), UTC, {1, 2}, object(), 1 << 70])
def test_anything_else_does_not_leave(value: object) -> None:
    with pytest.raises((TypeError, OverflowError)):
        pack(value)
