"""What every engine does. Implementers supply the fixture ``open_engine`` and inherit the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from index import (
    KEY_SEPARATOR,
    SEOUL,
    AnalysedSentence,
    Article,
    CorpusStatistics,
    EmbedderMismatch,
    EngineReader,
    EngineWriter,
    Filters,
    Passage,
    RebuildUnfinished,
)
from index.build import put, remove
from index.korean import bigrams
from index.preparation import article_digest
from index.protocols import (
    AnalysedText,
    Candidates,
    IndexedArticle,
    Links,
    LoadedPassage,
    Recipe,
    Tally,
    Weights,
)
from index.variants import names_introduced

DIMENSION = 4
AXES = np.eye(DIMENSION, dtype=np.float32)

WIRE = (
    "해담시는 트램 1호선 기본계획이 정부 승인을 받았다고 14일 밝혔다. 노선은 해담항에서 새터마을까지 "
    "11.6㎞이고 정거장은 15곳이다. 총사업비는 4,820억 원으로 국비와 도비, 시비로 나눠 부담한다. "
    "내년 3월 첫 삽을 떠 2031년 개통하는 것이 목표다."
)
OTHER = (
    "프로배구 해담 블루웨일즈가 홈 개막전에서 동람 파이어즈를 세트 점수 3 대 1로 꺾었다. 주포 남궁혁이 "
    "27점을 올렸고 신인 세터 여운찬은 프로 첫 선발 경기에서 승리를 이끌었다. 관중석 4,200석은 모두 찼다."
)
THIRD = (
    "해담영화제가 11일 밤 해담문화예술회관에서 시상식을 열고 아흐레 일정을 마무리했다. 대상은 변유담 감독의 "
    "장편 '조금 늦은 밀물'이 받았다. 올해는 17개국 86편이 상영됐고 관객은 모두 2만 3,400명으로 집계됐다."
)

RECIPE = Recipe("axes", DIMENSION, "words", {})


class Engine(EngineReader, EngineWriter, Protocol):
    """Reader and writer in one, as the tests need them."""


OpenEngine = Callable[[], Engine]


def indexed(
    id: str,
    body: str,
    *,
    axis: int = 0,
    press: str | None = "해담일보",
    section: str | None = "정치",
    reporters: tuple[str, ...] = (),
    day: str | None = "2026-03-02",
) -> IndexedArticle:
    """An article of one passage and one sentence, whose morphemes are its blank-separated words."""
    published = datetime.fromisoformat(day).replace(tzinfo=SEOUL) if day else None
    article = Article(
        id=id,
        title=f"제목 {id}",
        body=body,
        press=press,
        section=section,
        reporters=reporters,
        published_at=published,
    )
    return IndexedArticle(
        article,
        [Passage(id, 0, body, 0, len(body))],
        AXES[[axis]],
        [AnalysedSentence(0, len(body), tuple(body.split()))],
        article_digest(article),
        names=names_introduced(body),
    )


def _of_source(item: IndexedArticle, source: str) -> IndexedArticle:
    return replace(item, article=replace(item.article, source=source))


def weighted(corpus: CorpusStatistics, *words: str) -> Weights:
    """A question of these words, as retrieval weighs it."""
    fields = {"morphemes": words, "bigrams": bigrams(" ".join(words))}
    return {field: corpus.weights(field, terms) for field, terms in fields.items()}


def look_up(
    engine: EngineReader,
    *spellings: str,
    vector: NDArray[np.float32] = AXES[0],
    filters: Filters = Filters(),
    depth: int = 10,
) -> Candidates:
    """What a search finds for spellings of a question, each words between blanks."""
    corpus = engine.statistics()
    queries = [weighted(corpus, *spelling.split()) for spelling in spellings or ("",)]
    return engine.search(vector, queries, filters, depth)


def loaded(engine: EngineReader, found: Candidates) -> list[LoadedPassage]:
    """The passages found, in their order."""
    passages = engine.passages(found.passages, found.token)
    return [passages[id] for id in found.passages if id in passages]


def found_ids(engine: EngineReader, candidates: Candidates) -> set[str]:
    return {passage.article.id for passage in loaded(engine, candidates)}


def text_of(engine: EngineReader, found: Candidates) -> AnalysedText | None:
    """The text of the first passage found."""
    return engine.texts(found.texts[:1], found.token).get(found.texts[0])


def fill(engine: EngineWriter, *articles: IndexedArticle) -> CorpusStatistics:
    """Store articles with their links, and publish them."""
    put(articles, engine)
    return engine.publish()


class EngineContract:
    """Inherit, and supply ``open_engine``: a function that opens the same index for writing again."""

    @pytest.fixture
    def open_engine(self) -> OpenEngine:
        raise NotImplementedError

    @pytest.fixture
    def engine(self, open_engine: OpenEngine) -> Engine:
        engine = open_engine()
        engine.adopt(RECIPE)
        return engine

    # -- searching

    def test_an_empty_index_finds_nothing(self, engine: Engine) -> None:
        assert engine.publish().passages == 0
        assert list(look_up(engine, "트램").passages) == []

    def test_finds_by_vector_and_by_term(self, engine: Engine) -> None:
        fill(
            engine,
            indexed("near", "바다 축제", axis=0),
            indexed("term", "트램 착공", axis=1),
            indexed("other", "배구 경기", axis=2),
        )
        assert found_ids(engine, look_up(engine, "트램", depth=1)) == {"near", "term"}
        assert found_ids(engine, engine.search(AXES[2], [{}], Filters(), 1)) == {"other"}

    def test_every_candidate_has_all_scores(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공", axis=1), indexed("b", "바다 축제", axis=0))
        found = look_up(engine, "트램", depth=2)
        morphemes = found.lexical["morphemes"].tolist()
        ids = [passage.article.id for passage in loaded(engine, found)]
        by_id = dict(zip(ids, zip(found.dense.tolist(), morphemes, strict=True), strict=True))
        assert by_id["a"][0] == pytest.approx(0.0, abs=1e-3)
        assert by_id["b"][0] == pytest.approx(1.0, abs=1e-3)
        assert 0 < by_id["a"][1] <= 1
        assert by_id["b"][1] == 0
        assert set(found.lexical) == {"morphemes", "bigrams"}

    def test_scores_are_those_of_bm25(self, engine: Engine) -> None:
        """The passage's side is tf / (tf + 1.2 · (.25 + .75 · length / average)), of title and text."""
        fill(engine, indexed("a", "트램 트램 착공"), indexed("b", "바다"))
        found = engine.search(AXES[0], [{"morphemes": {"트램": 0.5}}], Filters(), 2)
        best = float(found.lexical["morphemes"].max())
        assert best == pytest.approx(0.5 * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)), abs=1e-5)

    def test_weights_are_those_of_the_caller(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"), indexed("b", "바다 축제"))

        def best(weight: float) -> float:
            found = engine.search(AXES[0], [{"morphemes": {"트램": weight}}], Filters(), 2)
            return float(found.lexical["morphemes"].max())

        assert best(0.8) == pytest.approx(4 * best(0.2))
        assert best(0.0) == 0

    def test_unknown_terms_lower_the_score_of_known_ones(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"), indexed("b", "바다 축제"))

        def score(words: str) -> float:
            return float(look_up(engine, words, depth=2).lexical["morphemes"].max())

        assert score("트램 우주선") < score("트램") / 1.5

    def test_of_several_spellings_the_best_counts_in_each_field(self, engine: Engine) -> None:
        fill(engine, indexed("a", "한국은행 금리"), indexed("b", "트램 착공"))

        def score(*spellings: str) -> float:
            found = look_up(engine, *spellings, depth=2)
            return float(found.lexical["morphemes"].max())

        right, wrong = score("한국은행 금리"), score("한은 금리")
        assert score("한은 금리", "한국은행 금리") == score("한국은행 금리", "한은 금리") == right
        assert wrong < right
        apart: list[Weights] = [{"morphemes": {"금리": 1.0}}, {"bigrams": {"한국": 1.0}}]
        found = engine.search(AXES[0], apart, Filters(), 2)
        assert all(found.lexical[field].max() > 0 for field in ("morphemes", "bigrams"))

    def test_each_spelling_finds_its_own(self, engine: Engine) -> None:
        fill(engine, *(indexed(word, f"{word} 소식", axis=1) for word in ("바다", "트램", "배구")))
        found = look_up(engine, "바다", "배구", depth=1, vector=AXES[0])
        assert found_ids(engine, found) >= {"바다", "배구"}

    # -- filters

    def test_filters_act_before_the_best_are_chosen(self, engine: Engine) -> None:
        crowd = [indexed(f"crowd{n}", "트램 착공", day="2026-01-05") for n in range(20)]
        fill(engine, *crowd, indexed("late", "트램 연기", axis=1, day="2026-05-01"))
        filters = Filters(published_from=date(2026, 5, 1))
        assert found_ids(engine, look_up(engine, "트램", filters=filters, depth=1)) == {"late"}

    def test_none_is_lost_under_filters_among_copies(self, engine: Engine) -> None:
        """Copies of one story fill the first candidates; a deeper search finds the others."""
        crowd = [indexed(f"copy{n}", WIRE, press="동람경제") for n in range(30)]
        others = [indexed(f"other{n}", OTHER[n * 9 :], axis=1) for n in range(3)]
        far = [indexed(f"far{n}", "해담시는 15곳", press="동람경제", axis=2) for n in range(2)]
        fill(engine, *crowd, *others, *far)
        filters = Filters(press=("동람경제",))
        found = look_up(engine, "해담시는", filters=filters, depth=40)
        expected = {item.article.id for item in (*crowd, *far)}
        assert found_ids(engine, found) == expected
        assert len(set(found.stories)) == 3
        filters = Filters(article_ids=tuple(sorted(expected - {"copy3"})))
        assert found_ids(engine, look_up(engine, filters=filters, depth=100)) == expected - {
            "copy3"
        }

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (Filters(), {"a", "b", "c", "undated"}),
            (Filters(published_from=date(2026, 3, 2)), {"b", "c"}),
            (Filters(published_to=date(2026, 3, 2)), {"a", "b"}),
            (Filters(published_from=date(2026, 3, 2), published_to=date(2026, 3, 2)), {"b"}),
            (Filters(press=("동람경제",)), {"b"}),
            (Filters(press=("동람경제", "해담일보")), {"a", "b", "undated"}),
            (Filters(press=("없는신문",)), set()),
            (Filters(section=("문화",)), {"c"}),
            (Filters(section=("문화",), press=("해담일보",)), set()),
            (Filters(reporters=("여운찬",)), {"a", "b"}),
            (Filters(reporters=("진유채", "모름")), {"b"}),
            (Filters(reporters=("모름",)), set()),
            (Filters(reporters=("여운찬",), article_ids=("b", "c")), {"b"}),
            (Filters(article_ids=("a", "c", "unknown")), {"a", "c"}),
            (Filters(article_ids=("unknown",)), set()),
            (Filters(published_from=date(2030, 1, 1)), set()),
            (
                Filters(published_to=date(2026, 3, 2), press=("해담일보",), reporters=("여운찬",)),
                {"a"},
            ),
        ],
    )
    def test_filters(self, engine: Engine, filters: Filters, expected: set[str]) -> None:
        fill(
            engine,
            indexed("a", "트램 하나", day="2026-03-01", reporters=("여운찬",)),
            indexed("b", "트램 둘", press="동람경제", reporters=("여운찬", "진유채")),
            indexed("c", "트램 셋", day="2026-03-03", press=None, section="문화"),
            indexed("undated", "트램 넷", day=None, section=None),
        )
        assert found_ids(engine, look_up(engine, "트램", filters=filters)) == expected
        assert set(engine.newest(filters, 10)) == expected
        assert engine.tally(filters).articles == engine.tally(filters).passages == len(expected)

    def test_days_are_those_of_seoul(self, engine: Engine) -> None:
        article = replace(
            indexed("a", "트램 착공").article,
            published_at=datetime.fromisoformat("2026-03-01T16:30:00+00:00"),
        )
        fill(engine, replace(indexed("a", "트램 착공"), article=article))
        day = date(2026, 3, 2)
        assert engine.statistics().first_day == day
        found = look_up(engine, filters=Filters(published_from=day, published_to=day))
        assert found_ids(engine, found) == {"a"}
        assert found.days.tolist() == [day.toordinal()]

    # -- what there is

    def test_an_empty_index_holds_nothing(self, engine: Engine) -> None:
        generation = fill(engine).generation
        assert engine.tally(Filters()) == Tally(generation)
        assert list(engine.newest(Filters(), 3)) == []

    def test_articles_are_counted_by_day_outlet_and_section(self, engine: Engine) -> None:
        fill(
            engine,
            indexed("a", "트램 하나", day="2026-03-01"),
            indexed("b", "트램 둘", press="동람경제"),
            indexed("c", "트램 셋", press=None, section="경제>반도체"),
            indexed("undated", "트램 넷", day=None, section=None),
        )
        days = {date(2026, 3, 1): 1, date(2026, 3, 2): 2}
        presses = {"해담일보": 2, "동람경제": 1}
        sections = {"정치": 2, "경제>반도체": 1}
        assert engine.tally(Filters()) == Tally(1, 4, 4, days, presses, sections)
        only_b = Tally(1, 1, 1, {date(2026, 3, 2): 1}, {"동람경제": 1}, {"정치": 1})
        assert engine.tally(Filters(press=("동람경제",))) == only_b

    def test_the_newest_come_first_and_copies_are_left_out(self, engine: Engine) -> None:
        fill(
            engine,
            indexed("undated", THIRD, day=None),
            indexed("old", OTHER, day="2026-03-01"),
            indexed("new", WIRE, day="2026-03-03"),
            indexed("copy", WIRE, day="2026-03-03", press="동람경제"),
        )
        leader = engine.stories(["copy"])["copy"][0]
        assert list(engine.newest(Filters(), 10)) == [leader, "old", "undated"]
        assert list(engine.newest(Filters(), 1)) == [leader]

    def test_what_there_is_follows_removals_at_once_and_additions_when_published(
        self, engine: Engine
    ) -> None:
        fill(engine, indexed("a", "트램 하나"), indexed("b", "트램 둘"))
        engine.remove(["a"], {})
        put([indexed("c", "트램 셋")], engine)
        assert engine.tally(Filters()).articles == 1
        assert list(engine.newest(Filters(), 10)) == ["b"]

    # -- writing and reading

    def test_additions_are_found_after_publish(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"))
        put([indexed("b", "트램 연기")], engine)
        assert found_ids(engine, look_up(engine, "트램")) == {"a"}
        engine.publish()
        assert found_ids(engine, look_up(engine, "트램")) == {"a", "b"}

    def test_removals_act_at_once(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 연기"))
        found = look_up(engine, "트램")
        assert engine.remove(["a", "unknown"], {}) == ["a"]
        assert found_ids(engine, look_up(engine, "트램")) == {"b"}
        assert found_ids(engine, found) == {"b"}  # though it was found before
        assert len(engine.texts(found.texts, found.token)) == 1
        assert engine.article("a") is None
        assert not engine.digests(["a"])
        assert not engine.stored(["a"])
        assert not engine.stories(["a"])
        engine.publish()
        assert found_ids(engine, look_up(engine, "트램")) == {"b"}

    def test_a_removed_text_is_gone_though_it_was_read(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"))
        found = look_up(engine, "트램")
        first, again = text_of(engine, found), text_of(engine, found)
        assert first is not None
        assert again is not None
        assert again.body == first.body
        remove(engine, ["a"])
        engine.publish()
        assert text_of(engine, found) is None

    def test_a_removed_article_can_come_back(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"))
        engine.remove(["a"], {})
        fill(engine, indexed("a", "트램 다시"))
        assert found_ids(engine, look_up(engine, "트램")) == {"a"}

    def test_a_new_version_replaces_the_older(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"))
        fill(engine, indexed("a", "배구 경기"))
        found = look_up(engine, "트램 배구")
        (passage,) = loaded(engine, found)
        assert passage.passage.text == "배구 경기"
        article, text = engine.article("a"), text_of(engine, found)
        assert article is not None
        assert text is not None
        assert article.body == text.body == "배구 경기"
        assert engine.info().articles == 1

    def test_offsets_fit_the_version_that_was_found(self, engine: Engine) -> None:
        """Between ``put`` and ``publish`` the older version is found; its text is still there."""
        fill(engine, indexed("a", "트램 착공 소식"))
        put([indexed("a", "짧다")], engine)
        found = look_up(engine, "트램")
        (told,) = loaded(engine, found)
        text = engine.texts([told.text], found.token)[told.text]
        passage = told.passage
        assert text.body[passage.start : passage.end] == passage.text == "트램 착공 소식"

    def test_reads_with_a_token_see_the_state_it_came_from(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 연기"))
        before = look_up(engine, "트램")
        fill(engine, indexed("a", "배구 경기"))
        after = look_up(engine, "트램 배구")
        assert before.token != after.token
        assert "/" not in before.token + after.token
        assert {p.passage.text for p in loaded(engine, before)} == {"트램 착공", "트램 연기"}
        assert {p.passage.text for p in loaded(engine, after)} == {"배구 경기", "트램 연기"}
        texts = engine.texts(before.texts, before.token)
        assert {text.body for text in texts.values()} == {"트램 착공", "트램 연기"}

    def test_ids_are_opaque_strings_that_belong_together(self, engine: Engine) -> None:
        fill(engine, indexed("a", WIRE), indexed("b", WIRE), indexed("c", OTHER))
        found = look_up(engine)
        assert all(isinstance(i, str) for i in (*found.passages, *found.texts, *found.stories))
        assert len(set(found.passages)) == len(set(found.texts)) == 3
        assert len(set(found.stories)) == 2
        for passage, text in zip(loaded(engine, found), found.texts, strict=True):
            assert passage.text == text
        assert len(found.leads) == 3
        assert found.leads.sum() == 2

    def test_reads_come_in_batches_and_leave_out_what_is_not_there(self, engine: Engine) -> None:
        fill(engine, *(indexed(f"a{n}", f"소식 {n}") for n in range(5)))
        found = look_up(engine)
        assert len(engine.passages([*found.passages, found.passages[0]], found.token)) == 5
        assert len(engine.texts(found.texts, found.token)) == 5
        assert engine.passages([], found.token) == engine.texts([], found.token) == {}
        wanted = ["a1", "a3", "unknown"]
        assert engine.stories(wanted) == {"a1": ("a1",), "a3": ("a3",)}
        assert engine.digests(wanted).keys() == engine.stored(wanted).keys() == {"a1", "a3"}
        assert engine.digests([]) == engine.stored([]) == engine.labelled([]) == {}

    def test_keeps_the_whole_article(self, engine: Engine) -> None:
        item = indexed("a/1 ‘b’", "트램 착공\n\n둘째 문단", reporters=("여운찬",))
        fill(engine, item)
        assert engine.article(item.article.id) == item.article
        assert engine.article("unknown") is None
        digest = engine.digests([item.article.id])[item.article.id]
        assert (digest.content, digest.recipe) == (item.digest, RECIPE)
        stored = engine.stored([item.article.id])[item.article.id]
        assert (stored.article, stored.leader) == (item.article, item.article.id)
        assert (stored.embedder, stored.vectors) == ("axes", None)

    def test_vectors_are_kept_and_given_on_demand(self, engine: Engine) -> None:
        with_vectors = replace(indexed("a", "트램 착공"), sentence_vectors=AXES[[3]])
        fill(engine, with_vectors, indexed("without", "배구 경기"))
        stored = engine.stored(["a", "without"], vectors=True)
        assert stored["without"].vectors is None
        vectors = stored["a"].vectors
        assert vectors is not None
        assert (list(vectors.passages), list(vectors.sentences)) == ([(0, 5)], [(0, 5)])
        assert vectors.vectors.tolist() == AXES[[0]].tolist()
        assert vectors.sentence_vectors.tolist() == AXES[[3]].tolist()
        found = look_up(engine, "트램", depth=1)
        text = text_of(engine, found)
        assert text is not None
        assert text.vectors is not None
        assert text.vectors.tolist() == AXES[[3]].tolist()

    def test_what_fails_is_not_half_done(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"))
        broken = replace(indexed("c", "바다 축제"), vectors=AXES[[0, 1]])
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            put([indexed("b", "트램 연기"), indexed("a", "배구"), broken], engine)
        assert engine.stored(["a", "b", "c"]).keys() == {"a"}
        engine.publish()
        (told,) = loaded(engine, look_up(engine))
        assert told.passage.text == "트램 착공"

    def test_a_name_means_a_key_a_reference_or_a_public_id(self, engine: Engine) -> None:
        alone = indexed("7/b", "배구 경기")
        items = [
            _of_source(indexed("7", f"{name} 착공"), name) for name in ("해담일보", "해담/저녁")
        ]
        fill(engine, *items, _of_source(alone, "동람경제"), indexed("bare", "바다 축제"))
        one, two = (item.article.key for item in items)
        own = f"동람경제{KEY_SEPARATOR}7/b"
        names = [one, "해담일보/7", "해담/저녁/7", "7/b", "동람경제/7/b", "bare", "저녁/7", "7", ""]
        found = dict(engine.keys(names))
        assert set(found.pop("7")) == {one, two}
        assert found == {
            one: (one,),
            "해담일보/7": (one,),
            "해담/저녁/7": (two,),
            "7/b": (own,),
            "동람경제/7/b": (own,),
            "bare": ("bare",),
        }
        assert dict(engine.keys([])) == {}

    def test_a_key_or_reference_comes_before_an_id_of_the_same_letters(
        self, engine: Engine
    ) -> None:
        scoped, bare = (
            _of_source(indexed("7", "트램 착공"), "해담일보"),
            indexed("해담일보/7", "바다 축제"),
        )
        fill(engine, scoped, _of_source(bare, "동람경제"))
        assert engine.keys(["해담일보/7"])["해담일보/7"] == (scoped.article.key,)
        fill(engine, bare)
        assert engine.keys(["해담일보/7"])["해담일보/7"] == ("해담일보/7",)

    def test_removed_articles_have_no_name(self, engine: Engine) -> None:
        one, two = (
            _of_source(indexed("7", f"{name} 착공"), name) for name in ("해담일보", "동람경제")
        )
        fill(engine, one, two)
        remove(engine, ["해담일보/7"])
        assert engine.keys(["7", "해담일보/7"]) == {"7": (two.article.key,)}
        found = look_up(engine, filters=Filters(article_ids=("7",)))
        assert [p.article.key for p in loaded(engine, found)] == [two.article.key]

    # -- links

    def test_links_are_written_with_the_articles(self, engine: Engine) -> None:
        def links(leader: str, label: str = "") -> Links:
            return Links(leader, frozenset({label}) if label else frozenset(), (), ())

        items = [indexed("a", "트램 하나"), indexed("b", "트램 둘"), indexed("c", "트램 셋")]
        engine.put(items, {"a": links("a", "x"), "b": links("a"), "c": links("c", "x")})
        assert engine.stories(["b"]) == {"b": ("a", "b")}
        found = engine.labelled(["x", "y"])
        assert {header.id for header in found["x"]} == {"a", "c"}
        assert found.keys() == {"x"}
        again = replace(links("c"), corrects=("c",), corrected_by=("b",))
        engine.put([indexed("a", "트램 넷")], {"a": again, "b": Links("c")})
        assert [header.id for header in engine.labelled(["x"])["x"]] == ["c"]
        leader, *copies = engine.stories(["a"])["a"]
        assert (leader, sorted(copies)) == ("c", ["a", "b"])
        assert engine.stored(["b"])["b"].leader == "c"
        article, other = engine.article("a"), engine.article("b")
        assert article is not None
        assert other is not None
        assert (article.corrects, article.corrected_by) == (("c",), ("b",))
        assert other.corrects == ("a",)
        assert engine.remove(["c"], {"a": Links("a", frozenset({"y"})), "b": Links("a")}) == ["c"]
        assert engine.stories(["b"]) == {"b": ("a", "b")}
        assert engine.labelled(["x", "y"])["y"][0].id == "a"
        article = engine.article("a")
        assert article is not None
        assert (article.corrects, article.corrected_by) == ((), ("b",))

    def test_labels_are_exact_and_those_of_current_versions(self, engine: Engine) -> None:
        links = {"a": Links("a", frozenset({"제목:트램", "제목:트"}), (), ())}
        engine.put([indexed("a", "트램", press="동람경제")], links)
        (header,) = engine.labelled(["제목:트램", "제목:", "제목:트램 "])["제목:트램"]
        assert (header.id, header.press) == ("a", "동람경제")
        engine.put([indexed("a", "트램 둘")], {"a": Links("a", frozenset(), (), ())})
        assert engine.labelled(["제목:트램"]) == {}

    def stories(self, engine: Engine) -> list[set[str]]:
        """The articles that a search for everything finds, by story."""
        found = look_up(engine, depth=100)
        groups: dict[str, set[str]] = {}
        for passage, story in zip(loaded(engine, found), found.stories, strict=True):
            groups.setdefault(story, set()).add(passage.article.id)
        return sorted(groups.values(), key=min)

    def story(self, engine: Engine, article_id: str) -> tuple[str, ...]:
        return engine.stories([article_id]).get(article_id, ())

    def told(self, engine: Engine, article_id: str) -> LoadedPassage:
        """What is shown of an article's passage."""
        filters = Filters(article_ids=(article_id,))
        (told,) = loaded(engine, look_up(engine, filters=filters, depth=1))
        return told

    def outlets(self, engine: Engine, article_id: str) -> tuple[str, ...]:
        return self.told(engine, article_id).also_reported_by

    def test_copies_are_one_story(self, engine: Engine, open_engine: OpenEngine) -> None:
        fill(
            engine,
            indexed("copy", WIRE, press="동람경제", day="2026-03-03"),
            indexed("full", WIRE + " 시는 주민 설명회를 연다.", press="해담일보", day="2026-03-04"),
            indexed("other", OTHER, press="동람경제"),
            indexed("late", WIRE, press="해담시민뉴스", day="2026-03-05"),
        )
        for again in (engine, None):
            again = again or open_engine()
            assert self.stories(again) == [{"copy", "full", "late"}, {"other"}]
            assert self.story(again, "late")[0] == "full"
            assert sorted(self.story(again, "copy")) == ["copy", "full", "late"]
            assert self.story(again, "other") == ("other",)
            assert self.story(again, "unknown") == ()
            assert self.outlets(again, "full") == ("동람경제", "해담시민뉴스")
            assert self.outlets(again, "copy") == ("해담일보", "해담시민뉴스")
            assert self.outlets(again, "other") == ()
            filters = Filters(press=("해담시민뉴스",))
            found = look_up(again, filters=filters)
            assert found_ids(again, found) == {"late"}
            assert not found.leads.any()
            again.close()

    def test_an_outlet_is_named_once_and_not_beside_itself(self, engine: Engine) -> None:
        fill(
            engine,
            indexed("a", WIRE, press="해담일보"),
            indexed("b", WIRE, press="해담일보"),
            indexed("c", WIRE, press="동람경제"),
            indexed("d", WIRE, press="동람경제"),
            indexed("e", WIRE, press=None),
        )
        assert self.outlets(engine, "a") == ("동람경제",)
        assert self.outlets(engine, "e") == ("해담일보", "동람경제")

    def test_a_better_copy_takes_over_the_story(self, engine: Engine) -> None:
        fill(engine, indexed("short", WIRE), indexed("other", OTHER))
        fill(engine, indexed("long", WIRE + " 시는 주민 설명회를 연다."))
        assert self.story(engine, "short") == ("long", "short")
        assert self.stories(engine) == [{"long", "short"}, {"other"}]

    def test_an_updated_article_leaves_its_story(self, engine: Engine) -> None:
        fill(engine, indexed("a", WIRE), indexed("b", WIRE), indexed("c", WIRE))
        leader, *_ = self.story(engine, "a")
        fill(engine, indexed(leader, OTHER))
        rest = {"a", "b", "c"} - {leader}
        assert self.stories(engine) == sorted([{leader}, rest], key=min)
        fill(engine, indexed(leader, WIRE))
        assert self.stories(engine) == [{"a", "b", "c"}]

    def test_a_removed_leader_hands_over(self, engine: Engine) -> None:
        """Copies that only it held together fall apart, the others stay together."""
        fill(
            engine,
            indexed("whole", f"{WIRE} {OTHER} {THIRD}", press="동람경제"),
            indexed("start", f"{WIRE} {OTHER}"),
            indexed("start2", f"{WIRE}\n\n{OTHER[:-9]}", press="해담시민뉴스"),
            indexed("end", f"{OTHER} {THIRD}"),
        )
        assert set(self.story(engine, "start")) == {"whole", "start", "start2", "end"}
        remove(engine, ["whole"])
        assert self.story(engine, "start2") == ("start", "start2")
        assert self.outlets(engine, "start") == ("해담시민뉴스",)
        engine.publish()
        assert self.stories(engine) == [{"end"}, {"start", "start2"}]

    def test_the_same_words_weeks_apart_are_two_stories(self, engine: Engine) -> None:
        fill(
            engine,
            indexed("may", WIRE, day="2026-05-01"),
            indexed("june", WIRE, day="2026-06-01"),
            indexed("undated", WIRE, day=None),
        )
        assert "june" not in self.story(engine, "may")
        assert len(self.story(engine, "undated")) == 2

    def test_short_texts_are_no_copies(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 착공"))
        assert self.stories(engine) == [{"a"}, {"b"}]

    def test_a_correction_is_linked_whichever_comes_first(self, engine: Engine) -> None:
        notice = indexed(
            "notice", "‘제목 해담시 새 청사 터’ 기사를 바로잡습니다.", day="2026-03-04"
        )
        wrong = "해담시 새 청사 터"
        fill(
            engine,
            notice,
            indexed(wrong, "총사업비는 2,140억 원이다."),
            indexed("other", "‘제목 해담시 새 청사 터’ 기사가 화제다."),
        )
        for _ in range(2):
            corrected, correcting = engine.article(wrong), engine.article("notice")
            assert corrected is not None
            assert correcting is not None
            assert (corrected.corrected_by, corrected.corrects) == (("notice",), ())
            assert (correcting.corrected_by, correcting.corrects) == ((), (wrong,))
            assert self.told(engine, wrong).article.corrected_by == ("notice",)
            fill(engine, indexed(wrong, "총사업비는 2,410억 원이다."))
        fill(engine, indexed(wrong, "총사업비는 2,410억 원이다.", day="2026-03-05"))
        corrected = engine.article(wrong)
        assert corrected is not None
        assert corrected.corrected_by == ()  # dated after the notice now
        fill(engine, indexed(wrong, "총사업비는 2,410억 원이다."))
        assert self.told(engine, wrong).article.corrected_by == ("notice",)
        remove(engine, ["notice"])
        assert self.told(engine, wrong).article.corrected_by == ()

    @pytest.mark.parametrize(
        ("press", "day"),
        [("동람경제", "2026-03-04"), ("해담일보", "2026-02-04"), ("해담일보", "2026-06-04")],
    )
    def test_a_correction_is_of_its_own_paper_and_of_late(
        self, engine: Engine, press: str, day: str
    ) -> None:
        notice = "‘제목 해담시 새 청사 터’ 기사를 바로잡습니다."
        fill(
            engine,
            indexed("해담시 새 청사 터", "총사업비는 2,140억 원이다."),
            indexed("notice", notice, press=press, day=day),
        )
        correcting = engine.article("notice")
        assert correcting is not None
        assert correcting.corrects == ()

    # -- what is known of the whole

    def test_statistics_come_with_the_generation(self, engine: Engine) -> None:
        first = fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 연기"))
        put([indexed("c", "바다", press="동람경제", day="2026-05-01")], engine)
        assert engine.statistics().generation == first.generation
        assert engine.statistics().passages == 2
        second = engine.publish()
        assert second.generation == engine.statistics().generation > first.generation
        assert (first.passages, second.passages) == (2, 3)
        assert (second.first_day, second.last_day) == (date(2026, 3, 2), date(2026, 5, 1))
        assert look_up(engine).generation == second.generation

    def test_nothing_new_publishes_nothing(self, engine: Engine) -> None:
        first = fill(engine, indexed("a", "트램 착공"))
        assert engine.publish().generation == first.generation
        assert engine.publish(afresh=True).generation > first.generation

    def test_rare_terms_weigh_more(self, engine: Engine) -> None:
        corpus = fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 연기"))
        idf = corpus.idf("morphemes", ["트램", "착공", "우주선"])
        assert idf["트램"] < idf["착공"] < idf["우주선"]
        assert list(corpus.known("morphemes", ["우주선", "착공"])) == ["착공"]
        assert corpus.fields["morphemes"].average_length == 2

    def test_the_spread_of_cosines(self, engine: Engine) -> None:
        corpus = fill(engine, *(indexed(f"a{n}", f"소식 {n}", axis=n % 2) for n in range(3)))
        assert corpus.cosine_spread == pytest.approx(np.std([0.0, 1.0, 0.0]), abs=1e-3)

    def test_brackets_introduce_other_names(self, engine: Engine) -> None:
        fill(
            engine,
            indexed("a", "광주과학기술원(GIST)은 한은(한국은행)과 손잡았다."),
            indexed("b", "한국은행(한은)은 금리를 내렸다."),
        )
        wanted = ["gist", "한은", "한국은행", "모름"]
        assert engine.statistics().aliases(wanted) == {
            "gist": ["광주과학기술원"],
            "한은": ["한국은행"],
            "한국은행": ["한은"],
        }
        remove(engine, ["a"])
        assert engine.statistics().aliases(wanted) == {"한은": ["한국은행"], "한국은행": ["한은"]}
        assert fill(engine, indexed("b", "금리를 내렸다.")).aliases(wanted) == {}

    def test_of_many_names_those_that_most_articles_give(self, engine: Engine) -> None:
        names = ["가나다라은행", "가마바은행", "가마바은행", "가사아자은행", "가사아자은행"]
        bodies = [f"{name}(가은행)이 {n}번째 지점을 열었다." for n, name in enumerate(names)]
        corpus = fill(engine, *(indexed(f"a{n}", body) for n, body in enumerate(bodies)))
        assert corpus.aliases(["가은행"]) == {"가은행": ["가마바은행", "가사아자은행"]}

    def test_names_to_filter_by(self, engine: Engine) -> None:
        corpus = fill(
            engine,
            indexed("a", "트램", section=None, reporters=("여운찬",)),
            indexed("b", "배구", press="동람경제", section="체육"),
        )
        assert corpus.presses == ("해담일보", "동람경제")
        assert corpus.sections == ("체육",)
        assert corpus.has_reporter("여운찬")
        assert not corpus.has_reporter("진유채")
        remove(engine, ["a"])
        assert not engine.statistics().has_reporter("여운찬")
        assert engine.statistics().presses == ("동람경제",)

    def test_info_counts(self, engine: Engine) -> None:
        fill(
            engine,
            indexed("a", "트램", day="2026-03-01"),
            indexed("b", "배구", day="2026-04-01", press="동람경제"),
        )
        info = engine.info()
        assert (info.articles, info.passages, info.dimension) == (2, 2, DIMENSION)
        assert (info.embedder, info.generation) == ("axes", engine.statistics().generation)
        assert (info.published_from, info.published_to) == (date(2026, 3, 1), date(2026, 4, 1))
        assert info.presses == ("해담일보", "동람경제")
        assert engine.problem() is None

    # -- recipes

    def test_another_recipe_makes_articles_outdated(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램"), indexed("b", "배구"))
        assert engine.recipe() == RECIPE
        other = replace(RECIPE, chunking={"target_chars": 100})
        engine.adopt(other)
        assert engine.recipe() == other
        assert engine.count_outdated() == 2
        (oldest,) = engine.outdated(1)
        put([indexed(oldest.id, oldest.body)], engine)
        digests = engine.digests(["a", "b"])
        assert {id for id, digest in digests.items() if digest.recipe == other} == {oldest.id}
        assert [article.id for article in engine.outdated(9)] == [{"a": "b", "b": "a"}[oldest.id]]

    def test_another_embedder_is_refused_unless_all_is_put_again(self, engine: Engine) -> None:
        fill(engine, indexed("a", "트램"), indexed("b", "배구"))
        other = replace(RECIPE, embedder="others")
        with pytest.raises(EmbedderMismatch, match="axes"):
            engine.adopt(other)
        engine.adopt(other, rebuild=True)
        put([indexed("a", "트램")], engine)
        assert engine.stored(["a"])["a"].embedder == "others"
        for refused in (engine.publish, lambda: engine.adopt(other)):
            with pytest.raises(RebuildUnfinished):
                refused()
        assert found_ids(engine, look_up(engine)) == {"a", "b"}  # the old generation answers
        fill(engine, indexed("b", "배구"))
        engine.adopt(other)

    def test_what_was_published_is_there_after_reopening(
        self, engine: Engine, open_engine: OpenEngine
    ) -> None:
        published = fill(engine, indexed("a", "트램 착공"))
        engine.close()
        again = open_engine()
        assert found_ids(again, look_up(again, "트램")) == {"a"}
        assert again.recipe() == RECIPE
        assert again.statistics().generation == published.generation
        again.close()
