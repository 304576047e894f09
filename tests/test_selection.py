"""Which rows a search may find, and that each plan of a search finds the best of these."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from contracts.engine_contract import DIMENSION, RECIPE, fill, found_ids, indexed
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index import Filters
from index.engines.local import LocalEngine, lexical, vectors
from index.engines.local.generation import ROW, Generation, generation_folder
from index.engines.local.lexical import LexicalStore, write_lexical
from index.engines.local.selection import Columns, Selection
from index.engines.local.vectors import VectorStore, plan_clusters, write_vectors

ROWS, NUMBERS = 300, 16
PLANS = {"whole": (1.0, ROWS), "by number": (1.0, 0), "by bitmap": (0.0, 0)}
"""By name, ``BY_NUMBER_UP_TO`` and ``WHOLE_UP_TO`` such that this plan is chosen."""
WORDS = "가나다라마바사아자차"
MASKS = st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(np.array) | st.integers(0, 6).map(
    lambda few: np.arange(ROWS) < few
)


def unit(rows: int, numbers: int, seed: int) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).standard_normal((rows, numbers)).astype(np.float16)
    of_length: NDArray[np.float32] = found.astype(np.float32)
    return of_length / np.linalg.norm(of_length, axis=1, keepdims=True)


@contextmanager
def plan(name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "BY_NUMBER_UP_TO", PLANS[name][0])
        patch.setattr(vectors, "WHOLE_UP_TO", PLANS[name][1])
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> VectorStore:
    """Vectors in lists, all of which are probed."""
    folder, stored = tmp_path_factory.mktemp("vectors"), unit(ROWS, NUMBERS, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "FLAT_UP_TO", 10)
        patch.setattr(vectors, "_COMPARED", 1e9)
        clusters = plan_clusters(ROWS, None, lambda size: stored[:size])
        write_vectors([stored], NUMBERS, clusters, folder)
    return VectorStore(folder)


@pytest.mark.parametrize("name", PLANS)
@settings(deadline=None, max_examples=40)
@given(mask=MASKS, seed=st.integers(1, 99), k=st.integers(1, 20))
def test_each_plan_finds_the_nearest_vectors(
    store: VectorStore, name: str, mask: NDArray[np.bool_], seed: int, k: int
) -> None:
    question = unit(1, NUMBERS, seed)[0]
    cosines = store.vectors(np.arange(ROWS)) @ question
    allowed = np.flatnonzero(mask)
    with plan(name):
        found = store.nearest(question, k, Selection(mask))
    assert mask[found].all()
    assert len(set(found.tolist())) == len(found) == min(k, len(allowed))
    expected = np.sort(cosines[allowed])[::-1][:k]
    assert np.sort(cosines[found])[::-1] == pytest.approx(expected, abs=1e-4)
    assert store.cosines(question, found) == pytest.approx(cosines[found], abs=1e-4)


def test_few_lists_are_looked_into_whatever_the_plan(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number or by bitmap, what is probed is the same, so what is found is."""
    monkeypatch.setattr(store._index, "nprobe", 3)
    mask = np.arange(ROWS) % 3 > 0
    for seed in range(1, 20):
        question, found = unit(1, NUMBERS, seed)[0], []
        for name in ("by number", "by bitmap"):
            with plan(name):
                found.append(sorted(store.nearest(question, 10, Selection(mask)).tolist()))
        assert found[0] == found[1]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> LexicalStore:
    folder, drawn = tmp_path_factory.mktemp("lexical"), np.random.default_rng(0)
    texts = [[WORDS[i] for i in drawn.integers(0, 10, drawn.integers(1, 9))] for _ in range(ROWS)]
    terms = [{"f": text} for text in texts]
    write_lexical(None, np.zeros(0, dtype=np.uint32), terms, ["f"], ROWS, folder)
    return LexicalStore(folder, ["f"], ROWS)


SPELLING = st.dictionaries(
    st.sampled_from(WORDS), st.sampled_from([0.1, 0.3, 0.5, 1.0]), max_size=4
)


@pytest.mark.parametrize("look_up", [0, 10**6], ids=["by number", "by mask"])
@settings(deadline=None, max_examples=40)
@given(mask=MASKS, spellings=st.lists(SPELLING, min_size=1, max_size=3), k=st.integers(1, 20))
def test_each_plan_finds_the_best_words(
    words: LexicalStore,
    look_up: int,
    mask: NDArray[np.bool_],
    spellings: list[dict[str, float]],
    k: int,
) -> None:
    every = np.arange(ROWS)
    queries = [{"f": spelling} for spelling in spellings]
    alone = [words.search([query]).scores(every)["f"] for query in queries]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical, "_LOOK_UP", look_up)
        found = words.search(queries, Selection(mask))
        rows = set(found.best(k).tolist())
    assert rows <= set(np.flatnonzero(mask).tolist())
    assert found.scores(every)["f"] == pytest.approx(np.max(alone, axis=0), abs=1e-5)
    for scores in alone:
        inside = np.flatnonzero(mask & (scores > 0))
        best = sorted(scores[inside].tolist(), reverse=True)[:k]
        there = sorted((scores[row] for row in rows), reverse=True)[: len(best)]
        assert there == pytest.approx(best, abs=1e-5)


def test_an_error_leaves_no_scores_behind(words: LexicalStore) -> None:
    def fail() -> None:
        with words.zeros() as zeros:
            zeros[3] = 1.0
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with words.zeros() as zeros:
        assert not zeros.any()


DAYS = st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 9))


@given(
    st.lists(st.tuples(st.integers(1, 6), DAYS, st.integers(0, 3), st.integers(0, 2))),
    DAYS,
    DAYS,
    st.lists(st.integers(0, 4)),
    st.sets(st.integers(0, 9)),
)
def test_columns_say_which_rows_meet_a_condition(
    articles: list[tuple[int, date | None, int, int]],
    since: date | None,
    until: date | None,
    codes: list[int],
    keys: set[int],
) -> None:
    articles.sort(key=lambda article: article[0])
    rows = np.array(
        [
            (n, key, key, day.toordinal() if day else 0, press, section)
            for n, (key, day, press, section) in enumerate(articles)
        ],
        dtype=ROW,
    )
    columns = Columns(rows)
    if since or until:
        within = [
            bool(day and (not since or day >= since) and (not until or day <= until))
            for _, day, _, _ in articles
        ]
        assert columns.published(since, until).tolist() == within
    assert columns.coded("press", codes).tolist() == [a[2] in codes for a in articles]
    assert columns.coded("section", codes).tolist() == [a[3] in codes for a in articles]
    assert columns.of_articles(keys).tolist() == [a[0] in keys for a in articles]


def test_rows_in_another_order_are_refused() -> None:
    rows = np.zeros(2, dtype=ROW)
    rows["article"] = [2, 1]
    with pytest.raises(ValueError, match="not in the order"):
        Columns(rows)


def made(root: Path) -> LocalEngine:
    """400 articles of 40 outlets and 20 days, in lists that are all probed."""
    engine = LocalEngine.create(root)
    engine.adopt(RECIPE)
    stored, first = unit(400, DIMENSION, 0), date(2026, 1, 1)
    items = [
        replace(
            indexed(
                f"a{n}",
                f"낱말{n} 트램",
                press=f"신문{n % 40}",
                day=str(first + timedelta(days=n % 20)),
            ),
            vectors=stored[[n]],
        )
        for n in range(400)
    ]
    fill(engine, *items[:300])
    fill(engine, *items[300:])
    return engine


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(press=("신문7",)),
        Filters(published_from=date(2026, 1, 5)),
        Filters(press=("신문7", "신문8"), published_to=date(2026, 1, 8)),
        Filters(article_ids=("a7", "a8")),
    ],
)
def test_what_is_removed_is_not_found_by_any_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, filters: Filters
) -> None:
    monkeypatch.setattr(vectors, "FLAT_UP_TO", 10)
    monkeypatch.setattr(vectors, "_COMPARED", 1e9)
    with closing(made(tmp_path / "index")) as engine, plan(name):
        question, asked = unit(1, DIMENSION, 5)[0], [{"morphemes": {"트램": 0.5, "낱말7": 0.5}}]
        before = found_ids(engine, engine.search(question, asked, filters, 400))
        assert "a7" in before or filters.published_from
        engine.remove(["a7"], {})  # and nothing is published
        for _ in range(2):  # once found out, once remembered
            after = found_ids(engine, engine.search(question, asked, filters, 400))
            assert after == before - {"a7"}


def test_a_publication_that_copies_equals_one_made_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FLAT_UP_TO", 10)
    with closing(made(tmp_path / "index")) as engine:
        again = unit(2, DIMENSION, 9)
        changed = replace(indexed("a3", "고친 글", press="새신문"), vectors=again[[0]])
        new = replace(indexed("b", "새 글", press=None, reporters=("여운찬",)), vectors=again[[1]])
        engine.remove(["a7", "a47"], {})
        fill(engine, changed, new)
        copied = engine.statistics().generation
        engine.publish(afresh=True)
        old, fresh = (Generation(generation_folder(engine.root, n)) for n in (copied, copied + 1))
    assert old.manifest.passages == 399
    assert set(old.manifest.presses) == set(fresh.manifest.presses)
    for field in ("passage", "article", "story", "day"):
        assert (old.rows[field] == fresh.rows[field]).all()
    outlets = [[g.manifest.presses[code] for code in g.rows["press"]] for g in (old, fresh)]
    assert outlets[0] == outlets[1]
    every = np.arange(399)
    assert (old.vectors.vectors(every) == fresh.vectors.vectors(every)).all()
    sums = [
        {k: v for k, v in g.manifest.checksums.items() if k.startswith(("lexical", "names"))}
        for g in (old, fresh)
    ]
    assert sums[0] == sums[1]
