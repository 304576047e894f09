"""Fusion, stories, and an index from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from hash_embedder import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st
from small_index import LIBRARY, TRAM, UNDATED, build, index_over

from index import (
    Article,
    EmbedderMismatch,
    Filters,
    Index,
    IndexEmpty,
    Preferences,
    Query,
    index_info,
    open_index,
)
from index.library import open_writer
from index.protocols import Candidates
from index.ranking import (
    FRONT,
    LEXICAL_WEIGHTS,
    NAMES_TIME,
    PREFERRED,
    _best_told,
    _of_stories,
    _ranking,
    choose,
    freshness,
    fuse,
    union,
)


def candidates(
    dense: list[float], articles: list[int] | None = None, **lexical: list[float]
) -> Candidates:
    """Passages of articles, each one of its own unless given; article n + 6 is a copy of n."""
    numbers = list(range(len(dense))) if articles is None else articles
    parts = {field: np.array(values, dtype=np.float32) for field, values in lexical.items()}
    return Candidates(
        passages=[f"passage {n}" for n in range(len(dense))],
        texts=list(map(str, numbers)),
        stories=[f"story {n if articles is None else n % 6}" for n in numbers],
        leads=np.array([articles is None or n < 6 for n in numbers], dtype=np.bool_),
        dense=np.array(dense, dtype=np.float32),
        lexical=parts,
        days=np.zeros(len(dense), dtype=np.int32),
    )


def test_fusion_is_the_documented_sum() -> None:
    found = candidates([0.80, 0.90], morphemes=[0.5, 0.0], bigrams=[0.25, 0.1])
    spread = 0.03
    weights = LEXICAL_WEIGHTS
    expected = [
        0.80 + spread * (weights["morphemes"] * 0.5 + weights["bigrams"] * 0.25),
        0.90 + spread * weights["bigrams"] * 0.1,
    ]
    assert fuse(found, spread).tolist() == pytest.approx(expected)


def test_words_outweigh_a_small_lead_in_cosine_and_not_a_large_one() -> None:
    found = candidates([0.85, 0.80, 0.60], morphemes=[0, 0.6, 0.6], bigrams=[0, 0.6, 0.6])
    assert np.argsort(-fuse(found, 0.025)).tolist() == [1, 0, 2]


TODAY = date(2026, 10, 20)


def published(*days: str) -> Candidates:
    found = candidates([0.8] * len(days))
    ordinals = [date.fromisoformat(day).toordinal() if day else 0 for day in days]
    return replace(found, days=np.array(ordinals, dtype=np.int32))


def test_newer_articles_lose_less() -> None:
    found = published("2026-10-20", "2026-07-22", "2025-10-25", "2027-01-01", "")
    lost = freshness(found, 0.03, TODAY) / 0.03
    assert lost.tolist() == pytest.approx([0, -1, np.log2(90 / 450), 0, np.log2(90 / 450)])
    assert not freshness(found, 0.03, None).any()


def test_articles_without_dates_are_all_equally_fresh() -> None:
    assert not freshness(published("", ""), 0.03, TODAY).any()
    assert freshness(published(), 0.03, TODAY).shape == (0,)


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 11)), max_size=40),
    st.integers(1, 6),
    st.integers(1, 3),
    st.floats(0, 1),
)
def test_stories_are_distinct_and_the_best(
    passages: list[tuple[float, int]], k: int, per_story: int, leeway: float
) -> None:
    """Of the articles 0 to 11, those from 6 on are copies in the stories that 0 to 5 lead."""
    found = candidates([score for score, _ in passages], articles=[a for _, a in passages])
    scores, stories, texts = found.dense, np.array(found.stories), np.array(found.texts)
    ranking = _ranking(scores, found)
    told = _best_told(ranking, leeway)
    chosen = [i for places in _of_stories(ranking, told, k, per_story).values() for i in places]
    shown = [found.stories[i] for i in chosen]
    assert all(shown.count(story) <= per_story for story in shown)
    assert len(set(shown)) == min(k, len(set(found.stories)))
    assert shown == sorted(shown, key=list(dict.fromkeys(shown)).index)  # story by story
    for story in shown:
        of_story = [scores[i] for i in chosen if found.stories[i] == story]
        assert of_story == sorted(of_story, reverse=True)
    assert {found.texts[i] for i in chosen} == {told[story] for story in shown}
    best_of = {story: scores[texts == text].max() for story, text in told.items()}
    worst_shown = min((best_of[s] for s in shown), default=0)
    assert all(best <= worst_shown for s, best in best_of.items() if s not in shown)
    assert all(best_of[s] >= scores[stories == s].max() - leeway - 1e-6 for s in told)
    assert list(dict.fromkeys(shown)) == sorted(set(shown), key=lambda s: -best_of[s]) or len(
        set(best_of.values())
    ) < len(best_of)


def test_behind_the_first_stories_every_other_is_the_best_of_the_dense_side() -> None:
    dense = [0.10, 0.11, 0.12, 0.13, 0.14, 0.90, 0.80]
    found = candidates(dense)
    summed = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], dtype=np.float32)
    assert FRONT == 3
    options = {"k": 7, "per_story": 1}
    assert choose(found, summed, 0.0, **options, interleaved=False) == [0, 1, 2, 3, 4, 5, 6]
    assert choose(found, summed, 0.0, **options, interleaved=True) == [0, 1, 2, 5, 3, 6, 4]
    assert choose(found, summed, 0.0, k=4, per_story=1, interleaved=True) == [0, 1, 2, 5]


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 11)), max_size=30),
    st.integers(1, 9),
)
def test_interleaving_keeps_stories_distinct_and_as_many(
    passages: list[tuple[float, int]], k: int
) -> None:
    found = candidates([score for score, _ in passages], articles=[a for _, a in passages])
    summed = np.flip(found.dense).copy()
    both = [choose(found, summed, 0.0, k=k, per_story=2, interleaved=i) for i in (False, True)]
    plain, mixed = ([found.stories[i] for i in chosen] for chosen in both)
    assert len(set(mixed)) == len(set(plain)) == min(k, len(set(found.stories)))
    assert len(set(both[1])) == len(both[1])
    assert list(dict.fromkeys(mixed))[:FRONT] == list(dict.fromkeys(plain))[:FRONT]


def test_a_union_has_each_passage_once() -> None:
    one = candidates([0.9, 0.8], morphemes=[0.1, 0.2])
    other = candidates([0.8, 0.7, 0.6], morphemes=[0.2, 0.3, 0.4])
    other = replace(other, passages=["passage 1", "passage 2", "passage 3"])
    both = union(one, other)
    assert both.passages == ["passage 0", "passage 1", "passage 2", "passage 3"]
    assert both.dense.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert both.lexical["morphemes"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert union(one, one) is one


def test_the_leader_tells_the_story_unless_a_copy_is_far_better() -> None:
    found = candidates([0.80, 0.82, 0.70], articles=[1, 7, 2])
    ranking = _ranking(found.dense, found)
    assert _best_told(ranking, 0.03) == {"story 1": "1", "story 2": "2"}
    assert _best_told(ranking, 0.01) == {"story 1": "7", "story 2": "2"}


def test_a_copy_tells_the_story_where_the_leader_is_filtered_out() -> None:
    found = candidates([0.80, 0.82], articles=[7, 7])
    assert _best_told(_ranking(found.dense, found), 1.0) == {"story 1": "7"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("retrieve")
    build(path)
    return path


@pytest.fixture(scope="module")
def index(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with index_over(engine, tmp_path_factory.mktemp("over")) as index:
        yield index


@pytest.mark.parametrize(
    ("question", "expected"),
    [("트램 사업비", TRAM.id), ("도서관 책", LIBRARY.id), ("윤슬대교 난간 공사", UNDATED.id)],
)
def test_finds_the_article(index: Index, question: str, expected: str) -> None:
    hits = index.search(question, k=3)
    assert hits[0].article.id == expected
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_query_is_looked_up_once_under_the_same_filters(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, dated = Query("트램 사업비"), Filters(published_from=date(2000, 1, 1))
    assert index.search(query, k=1) == index.search("트램 사업비", k=1)
    assert index.search(query, filters=dated) == index.search("트램 사업비", filters=dated)
    expected = index.search("트램 사업비", k=3)

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it was looked up again")

    monkeypatch.setattr(index._engine, "search", refuse)
    assert index.search(query, k=3) == expected
    assert index.search(query, k=3, filters=dated)
    with pytest.raises(AssertionError):
        index.search(Query("트램 사업비"), k=3)


def test_hits_carry_exact_offsets(index: Index) -> None:
    hits = index.search("트램 도서관 윤슬대교", k=10, per_story=5)
    texts = index.texts(hits)
    assert len(texts) == 3
    for hit in hits:
        text, passage = texts[hit.version], hit.passage
        assert text.body[passage.start : passage.end] == passage.text
        assert set(hit.lexical) == {"morphemes", "bigrams"}


def test_the_parts_of_a_score_add_up(index: Index) -> None:
    question = "트램 총사업비와 우주선"
    for hit in index.search(question, k=3, explain=True):
        parts = hit.explanation
        assert parts is not None
        lexical = sum(field.weight * field.score for field in parts.lexical.values())
        assert parts.dense + lexical == pytest.approx(hit.score, abs=1e-5)
        for field, scored in parts.lexical.items():
            terms = index.analyser.terms(question)[field]
            assert scored.matched.keys() | scored.missing.keys() == set(terms)
            assert not scored.matched.keys() & scored.missing.keys()
            assert bool(scored.score) == bool(scored.matched)
    best = index.search(question, explain=True)[0].explanation
    assert best is not None
    assert set(best.lexical["morphemes"].missing) == {"우주선"}
    assert index.search(question)[0].explanation is None


def test_a_later_passage_is_found_by_the_title_too(engine: str, tmp_path: Path) -> None:
    """What only the title says counts for every passage, and the explanation tells it."""
    body = "비가 온다. " * 200 + "오전에 개통식을 열었다."
    articles = [
        Article(id="bridge", title="노을대교 새로 개통", body=body),
        Article(id="rain", title="장마 시작", body=body),
    ]
    with index_over(engine, tmp_path, articles) as index:
        hits = index.search("노을대교 개통식", k=4, explain=True)
    assert hits[0].article.id == "bridge"
    assert hits[0].passage.start > 0
    told = hits[0].explanation
    assert told is not None
    assert "노을" in " ".join(told.lexical["morphemes"].matched)
    assert told.lexical["bigrams"].matched.keys() >= {"노을", "대교", "개통"}


def test_freshness_is_a_part_of_the_score(index: Index) -> None:
    old, new = TRAM.id, LIBRARY.id
    plain = [hit.article.id for hit in index.search("트램 도서관")]
    assert plain.index(old) < plain.index(new)
    wanted = Preferences(fresh_on=date(2026, 3, 2))
    fresh = index.search(Query("트램 도서관", preferences=wanted), explain=True)
    assert [hit.article.id for hit in fresh].index(new) == 0
    for hit in fresh:
        assert hit.explanation is not None
        parts = sum(field.weight * field.score for field in hit.explanation.lexical.values())
        total = parts + hit.explanation.dense + hit.explanation.freshness
        assert total == pytest.approx(hit.score, abs=1e-5)
    assert fresh[0].explanation
    assert fresh[0].explanation.freshness == 0


def test_a_preference_raises_and_excludes_nothing(index: Index) -> None:
    def of_2025(text: str, day: date | None) -> bool:
        return day is not None and day.year == 2025

    wanted = Preferences(filters=Filters(published_from=date(2026, 1, 1)), names_time=of_2025)
    plain = {hit.article.id: hit for hit in index.search("트램 도서관", k=3)}
    preferred = index.search(Query("트램 도서관", preferences=wanted), k=3, explain=True)
    assert {hit.article.id for hit in preferred} == set(plain)
    spread = index.cosine_spread
    added = {LIBRARY.id: PREFERRED * spread, TRAM.id: NAMES_TIME * spread, UNDATED.id: 0}
    for hit in preferred:
        assert hit.explanation is not None
        assert hit.explanation.preferred == pytest.approx(added[hit.article.id])
        expected = plain[hit.article.id].score + added[hit.article.id]
        assert hit.score == pytest.approx(expected, abs=1e-5)


def test_what_is_said_beside_helps_to_find_and_counts_for_nothing(index: Index) -> None:
    plain = {hit.article.id: hit.score for hit in index.search("소식", k=3)}
    beside = {
        hit.article.id: hit.score for hit in index.search(Query("소식", beside="윤슬대교"), k=3)
    }
    assert beside[UNDATED.id] > plain[UNDATED.id]
    assert beside[LIBRARY.id] == pytest.approx(plain[LIBRARY.id])


def test_a_preference_cannot_leave_the_filters(index: Index) -> None:
    wanted = Preferences(filters=Filters(press=("동람경제",)))
    query, wall = Query("트램 도서관", preferences=wanted), Filters(press=("해담일보",))
    assert [hit.article.id for hit in index.search(query, filters=wall, k=3)] == [TRAM.id]


def test_filters(index: Index) -> None:
    only_2026 = Filters(published_from=date(2026, 1, 1))
    assert [h.article.id for h in index.search("트램", filters=only_2026)] == [LIBRARY.id]
    assert index.search("트램", filters=Filters(press=("없는신문",))) == []


def test_another_embedder_is_refused_with_the_repair(path: Path) -> None:
    with pytest.raises(EmbedderMismatch, match="built with the embedder hash-64, but hash-8") as e:
        open_index(path, embedder=HashEmbedder(dimension=8))
    assert f"gisa index rebuild --index {path}" in e.value.remedy


def test_an_empty_index_is_refused(tmp_path: Path) -> None:
    build(tmp_path, ())
    with pytest.raises(IndexEmpty, match="holds no article"):
        open_index(tmp_path, embedder=HashEmbedder())


def test_info_needs_no_model(path: Path) -> None:
    info = index_info(path)
    assert (info.articles, info.embedder, info.dimension) == (3, "hash-64", 64)
    assert info.presses == ("해담일보", "동람경제")


def test_an_index_that_loses_all_its_articles_finds_nothing(tmp_path: Path) -> None:
    build(tmp_path)
    with open_index(tmp_path, embedder=HashEmbedder()) as index:
        with closing(open_writer(tmp_path)) as writer:
            named = writer.keys([TRAM.id, LIBRARY.id, UNDATED.id])
            writer.remove([key for keys in named.values() for key in keys], {})
            assert index.search("트램") == []
            writer.publish()
        assert index.search("트램") == []
