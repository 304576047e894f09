"""BM25 against an independent implementation, and what merging must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.corpus import CorpusStatistics
from index.engines.local import lexical, postings
from index.engines.local.lexical import LexicalSearch, LexicalStore, _highest, write_lexical
from index.engines.local.postings import GONE, Postings, invert
from index.engines.local.selection import Selection

TERMS = st.sampled_from("가나다라마바사아자차")
TEXTS = st.lists(st.lists(TERMS, max_size=9), min_size=1, max_size=25)
WORDED = st.lists(st.lists(TERMS, min_size=1, max_size=9), min_size=1, max_size=25)
NOTHING = np.zeros(0, dtype=np.uint32)
SLOW_START = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)


def write(texts: list[list[str]], folder: Path) -> LexicalStore:
    write_lexical(None, NOTHING, [{"f": text} for text in texts], ["f"], len(texts), folder)
    return LexicalStore(folder, ["f"], len(texts))


def asked(store: LexicalStore, *words: str, within: Selection | None = None) -> LexicalSearch:
    """A question of these words."""
    corpus = CorpusStatistics(passages=store.rows, fields=store.statistics)
    return store.search([{"f": corpus.weights("f", words)}], within)


@SLOW_START
@given(
    WORDED, st.lists(st.sampled_from("가나다라마바사아자차하"), min_size=1, max_size=5, unique=True)
)
def test_scores_are_those_of_bm25s(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]], question: list[str]
) -> None:
    from bm25s import BM25

    store = write(texts, tmp_path_factory.mktemp("lexical"))
    vocabulary = {term: i for i, term in enumerate("가나다라마바사아자차하")} | {"": 11}
    ids = [np.array([vocabulary[term] for term in text], dtype=np.int32) for text in texts]
    reference = BM25(k1=1.2, b=0.75, method="lucene")
    reference.index((ids, vocabulary), show_progress=False)
    expected = reference.get_scores_from_ids([vocabulary[term] for term in question])
    corpus = CorpusStatistics(passages=len(texts), fields=store.statistics)
    attainable = sum(corpus.idf("f", question).values())
    scores = asked(store, *question).scores(np.arange(len(texts)))["f"]
    assert scores * attainable == pytest.approx(expected, abs=1e-4)


@given(st.lists(st.lists(st.integers(0, 400), unique=True), max_size=5), st.integers(1, 9))
def test_the_highest_rows_are_found_without_sorting_all(lists: list[list[int]], k: int) -> None:
    nominated = [np.array(sorted(rows), dtype=np.intp) for rows in lists]
    scores = np.zeros(401, dtype=np.float32)
    for number, rows in enumerate(nominated):
        scores[rows] += np.float32(rows % 37 + number)
    expected = sorted(scores[scores > 0].tolist(), reverse=True)[:k]
    found = _highest(scores.copy(), nominated, k)
    assert sorted(scores[found].tolist(), reverse=True) == expected
    assert len(set(found.tolist())) == len(found)


@SLOW_START
@given(TEXTS, TEXTS, st.integers(1, 7), st.data())
def test_what_is_merged_equals_what_is_written_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[list[str]],
    new: list[list[str]],
    block: int,
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("lexical")
    kept = [n for n in range(len(old)) if data.draw(st.booleans())]
    renumbered = np.full(len(old), GONE, dtype=np.uint32)
    renumbered[kept] = np.arange(len(kept), dtype=np.uint32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical, "BLOCK_PASSAGES", block)
        patch.setattr(postings, "MERGE_POSTINGS", 5)
        write(old, folder / "old")
        terms = [{"f": text} for text in new]
        rows = len(kept) + len(new)
        write_lexical(folder / "old", renumbered, terms, ["f"], rows, folder / "merged")
    write([old[n] for n in kept] + new, folder / "whole")
    for path in (folder / "whole" / "lexical" / "f").iterdir():
        merged = folder / "merged" / "lexical" / "f" / path.name
        assert merged.read_bytes() == path.read_bytes(), path.name


def test_common_terms_score_but_do_not_nominate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = write([["흔", "드문"], *[["흔"]] * 50], tmp_path)
    monkeypatch.setattr(lexical, "NOMINATING_POSTINGS", 10)
    assert asked(store, "흔", "드문").best(20).tolist() == [0]
    assert len(asked(store, "흔").best(20)) == 20  # nothing rarer: it does
    both = asked(store, "흔", "드문").scores(np.array([0, 1]))["f"]
    assert both[0] > both[1] > 0


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("starts", np.array([0, 5, 2], dtype="<i8")),
        ("starts", np.array([-1, 1, 3], dtype="<i8")),
        ("starts", np.array([0.0, 1.0, 3.0])),
        ("terms", np.array([[1, 2]], dtype="<u8")),
        ("counts", np.array([1], dtype="u1")),
        ("rows", np.array([1, 2, 3], dtype="<u8")),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, name: str, array: object) -> None:
    invert([["가", "나"], ["나"]]).save(tmp_path / "f")
    Postings.load(tmp_path / "f")
    np.save(tmp_path / "f" / f"{name}.npy", np.asarray(array))
    with pytest.raises(ValueError, match=r"disagree|dimensional"):
        Postings.load(tmp_path / "f")


def test_rows_out_of_range_fail_and_nothing_else(tmp_path: Path) -> None:
    write([["가"], ["나"]], tmp_path)
    path = tmp_path / "lexical" / "f" / "rows.npy"
    np.save(path, np.array([7, 4_000_000_000], dtype="<u4"))
    store = LexicalStore(tmp_path, ["f"], 2)
    with pytest.raises(IndexError):
        asked(store, "가", "나").best(5)
