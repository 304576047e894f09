"""What every Engine does. Implementers supply the fixtures ``open_engine`` and inherit the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from index import SEOUL, AnalysedSentence, Article, Engine, Filters, Passage
from index.build import article_digest
from index.korean import bigrams
from index.protocols import Candidates, IndexedArticle, Terms

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
    )


def terms(*words: str) -> Terms:
    return {"morphemes": words, "bigrams": bigrams(" ".join(words))}


def found_ids(engine: Engine, candidates: Candidates) -> set[str]:
    loaded = engine.load(candidates.keys.tolist())
    return {passage.article.id for passage in loaded.values()}


class EngineContract:
    """Inherit, and supply ``open_engine``: a function that opens the same index for writing again."""

    @pytest.fixture
    def open_engine(self) -> OpenEngine:
        raise NotImplementedError

    @pytest.fixture
    def engine(self, open_engine: OpenEngine) -> Engine:
        return open_engine()

    def fill(self, engine: Engine, *articles: IndexedArticle) -> None:
        engine.add(articles)
        engine.publish()

    def search(
        self,
        engine: Engine,
        vector: NDArray[np.float32] = AXES[0],
        words: Sequence[str] = (),
        filters: Filters = Filters(),
        k: int = 10,
    ) -> set[str]:
        return found_ids(engine, engine.search(vector, terms(*words), filters, k))

    def test_an_empty_index_finds_nothing(self, engine: Engine) -> None:
        engine.publish()
        assert self.search(engine, words=["트램"]) == set()

    def test_finds_by_vector_and_by_term(self, engine: Engine) -> None:
        self.fill(
            engine,
            indexed("near", "바다 축제", axis=0),
            indexed("term", "트램 착공", axis=1),
            indexed("other", "배구 경기", axis=2),
        )
        assert self.search(engine, words=["트램"], k=1) == {"near", "term"}

    def test_every_candidate_has_both_scores(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공", axis=1), indexed("b", "바다 축제", axis=0))
        candidates = engine.search(AXES[0], terms("트램"), Filters(), 2)
        loaded = engine.load(candidates.keys.tolist())
        by_id = {
            loaded[int(key)].article.id: (float(dense), float(lexical))
            for key, dense, lexical in zip(
                candidates.keys, candidates.dense, candidates.lexical["morphemes"], strict=True
            )
        }
        assert by_id["a"][0] == pytest.approx(0.0, abs=1e-3)
        assert by_id["b"][0] == pytest.approx(1.0, abs=1e-3)
        assert 0 < by_id["a"][1] <= 1
        assert by_id["b"][1] == 0

    def test_unknown_terms_lower_the_score_of_known_ones(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"), indexed("b", "바다 축제"))

        def score(*words: str) -> float:
            candidates = engine.search(AXES[0], terms(*words), Filters(), 2)
            return float(candidates.lexical["morphemes"].max())

        assert score("트램", "우주선") < score("트램") / 1.5

    def test_of_several_spellings_the_best_counts(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "한국은행 금리"), indexed("b", "트램 착공"))

        def score(*spellings: str) -> float:
            first, *others = [terms(*spelling.split()) for spelling in spellings]
            found = engine.search(AXES[0], first, Filters(), 2, others)
            return float(found.lexical["morphemes"].max())

        right, wrong = score("한국은행 금리"), score("한은 금리")
        assert score("한은 금리", "한국은행 금리") == score("한국은행 금리", "한은 금리") == right
        assert wrong < right

    def test_brackets_introduce_other_names(self, engine: Engine) -> None:
        self.fill(
            engine,
            indexed("a", "광주과학기술원(GIST)은 한은(한국은행)과 손잡았다."),
            indexed("b", "한국은행(한은)은 금리를 내렸다."),
        )
        assert engine.aliases(["gist", "한은", "한국은행", "모름"]) == {
            "gist": ["광주과학기술원"],
            "한은": ["한국은행"],
            "한국은행": ["한은"],
        }
        engine.remove(["a"])
        assert "gist" not in engine.aliases(["gist"])

    def test_filters_act_before_the_best_are_chosen(self, engine: Engine) -> None:
        crowd = [indexed(f"crowd{n}", "트램 착공", day="2026-01-05") for n in range(20)]
        self.fill(engine, *crowd, indexed("late", "트램 연기", axis=1, day="2026-05-01"))
        filters = Filters(published_from=date(2026, 5, 1))
        assert self.search(engine, words=["트램"], filters=filters, k=1) == {"late"}

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
        ],
    )
    def test_filters(self, engine: Engine, filters: Filters, expected: set[str]) -> None:
        self.fill(
            engine,
            indexed("a", "트램 하나", day="2026-03-01", reporters=("여운찬",)),
            indexed("b", "트램 둘", press="동람경제", reporters=("여운찬", "진유채")),
            indexed("c", "트램 셋", day="2026-03-03", press=None, section="문화"),
            indexed("undated", "트램 넷", day=None, section=None),
        )
        assert self.search(engine, words=["트램"], filters=filters) == expected

    def test_days_are_those_of_seoul(self, engine: Engine) -> None:
        item = indexed("a", "트램 착공", day="2026-03-01T16:30:00+00:00".split("+")[0])
        self.fill(engine, item)
        day = item.article.published_on
        assert day == date(2026, 3, 1)
        assert self.search(engine, filters=Filters(published_from=day, published_to=day)) == {"a"}

    def test_additions_are_found_after_publish(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"))
        engine.add([indexed("b", "트램 연기")])
        assert self.search(engine, words=["트램"]) == {"a"}
        engine.publish()
        assert self.search(engine, words=["트램"]) == {"a", "b"}

    def test_removals_act_at_once(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 연기"))
        assert engine.remove(["a", "unknown"]) == ["a"]
        assert self.search(engine, words=["트램"]) == {"b"}
        assert engine.article("a") is None
        engine.publish()
        assert self.search(engine, words=["트램"]) == {"b"}

    def test_a_removed_text_is_gone_though_it_was_read(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"))
        found = engine.search(AXES[0], terms("트램"), Filters(), 10)
        (loaded,) = engine.load(found.keys.tolist()).values()
        text = engine.text(loaded.version)
        assert text is not None
        assert engine.text(loaded.version) == text
        engine.remove(["a"])
        engine.publish()
        engine.publish()
        assert engine.text(loaded.version) is None

    def test_a_removed_article_can_come_back(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"))
        engine.remove(["a"])
        self.fill(engine, indexed("a", "트램 다시"))
        assert self.search(engine, words=["트램"]) == {"a"}

    def test_a_new_version_replaces_the_older(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"))
        self.fill(engine, indexed("a", "배구 경기"))
        candidates = engine.search(AXES[0], terms("트램", "배구"), Filters(), 10)
        (loaded,) = engine.load(candidates.keys.tolist()).values()
        assert loaded.passage.text == "배구 경기"
        article, text = engine.article("a"), engine.text(loaded.version)
        assert article is not None
        assert text is not None
        assert article.body == text.body == "배구 경기"
        assert engine.info().articles == 1

    def test_offsets_fit_the_version_that_was_found(self, engine: Engine) -> None:
        """Between ``add`` and ``publish`` the older version is found; its text is still there."""
        self.fill(engine, indexed("a", "트램 착공 소식"))
        engine.add([indexed("a", "짧다")])
        candidates = engine.search(AXES[0], terms("트램"), Filters(), 10)
        (loaded,) = engine.load(candidates.keys.tolist()).values()
        text = engine.text(loaded.version)
        assert text is not None
        passage = loaded.passage
        assert text.body[passage.start : passage.end] == passage.text == "트램 착공 소식"

    def test_keeps_the_whole_article(self, engine: Engine) -> None:
        item = indexed("a", "트램 착공\n\n둘째 문단")
        self.fill(engine, item)
        assert engine.article("a") == item.article
        assert engine.article("unknown") is None
        assert engine.digest("a") == item.digest
        assert engine.digest("unknown") is None

    def test_rare_terms_weigh_more(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 연기"))
        idf = engine.idf("morphemes", ["트램", "착공", "우주선"])
        assert idf["트램"] < idf["착공"] < idf["우주선"]

    def stories(self, engine: Engine) -> list[set[str]]:
        """The articles that a search for everything finds, by story."""
        found = engine.search(AXES[0], terms(), Filters(), 100)
        loaded = engine.load(found.keys.tolist())
        groups: dict[int, set[str]] = {}
        for key, story in zip(found.keys.tolist(), found.stories.tolist(), strict=True):
            groups.setdefault(story, set()).add(loaded[key].article.id)
        return sorted(groups.values(), key=min)

    def outlets(self, engine: Engine, article_id: str) -> tuple[str, ...]:
        found = engine.search(AXES[0], terms(), Filters(article_ids=(article_id,)), 1)
        (loaded,) = engine.load(found.keys.tolist()).values()
        return loaded.also_reported_by

    def test_copies_are_one_story(self, engine: Engine, open_engine: OpenEngine) -> None:
        self.fill(
            engine,
            indexed("copy", WIRE, press="동람경제", day="2026-03-03"),
            indexed("full", WIRE + " 시는 주민 설명회를 연다.", press="해담일보", day="2026-03-04"),
            indexed("other", OTHER, press="동람경제"),
            indexed("late", WIRE, press="해담시민뉴스", day="2026-03-05"),
        )
        for again in (engine, None):
            again = again or open_engine()
            assert self.stories(again) == [{"copy", "full", "late"}, {"other"}]
            assert again.story("late")[0] == "full"
            assert sorted(again.story("copy")) == ["copy", "full", "late"]
            assert again.story("other") == ("other",)
            assert again.story("unknown") == ()
            assert self.outlets(again, "full") == ("동람경제", "해담시민뉴스")
            assert self.outlets(again, "copy") == ("해담일보", "해담시민뉴스")
            assert self.outlets(again, "other") == ()
            filters = Filters(press=("해담시민뉴스",))
            assert self.search(again, filters=filters) == {"late"}
            again.close()

    def test_an_outlet_is_named_once_and_not_beside_itself(self, engine: Engine) -> None:
        self.fill(
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
        self.fill(engine, indexed("short", WIRE), indexed("other", OTHER))
        self.fill(engine, indexed("long", WIRE + " 시는 주민 설명회를 연다."))
        assert engine.story("short") == ("long", "short")
        assert self.stories(engine) == [{"long", "short"}, {"other"}]

    def test_an_updated_article_leaves_its_story(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", WIRE), indexed("b", WIRE), indexed("c", WIRE))
        leader, *_ = engine.story("a")
        self.fill(engine, indexed(leader, OTHER))
        rest = {"a", "b", "c"} - {leader}
        assert self.stories(engine) == sorted([{leader}, rest], key=min)
        self.fill(engine, indexed(leader, WIRE))
        assert self.stories(engine) == [{"a", "b", "c"}]

    def test_a_removed_leader_hands_over(self, engine: Engine) -> None:
        """Copies that only it held together fall apart, the others stay together."""
        self.fill(
            engine,
            indexed("whole", f"{WIRE} {OTHER} {THIRD}", press="동람경제"),
            indexed("start", f"{WIRE} {OTHER}"),
            indexed("start2", f"{WIRE}\n\n{OTHER[:-9]}", press="해담시민뉴스"),
            indexed("end", f"{OTHER} {THIRD}"),
        )
        assert set(engine.story("start")) == {"whole", "start", "start2", "end"}
        engine.remove(["whole"])
        assert engine.story("start2") == ("start", "start2")
        assert self.outlets(engine, "start") == ("해담시민뉴스",)
        engine.publish()
        assert self.stories(engine) == [{"end"}, {"start", "start2"}]

    def test_the_same_words_weeks_apart_are_two_stories(self, engine: Engine) -> None:
        self.fill(
            engine,
            indexed("may", WIRE, day="2026-05-01"),
            indexed("june", WIRE, day="2026-06-01"),
            indexed("undated", WIRE, day=None),
        )
        assert "june" not in engine.story("may")
        assert len(engine.story("undated")) == 2

    def test_short_texts_are_no_copies(self, engine: Engine) -> None:
        self.fill(engine, indexed("a", "트램 착공"), indexed("b", "트램 착공"))
        assert self.stories(engine) == [{"a"}, {"b"}]

    def test_a_correction_is_linked_whichever_comes_first(self, engine: Engine) -> None:
        notice = indexed(
            "notice", "‘제목 해담시 새 청사 터’ 기사를 바로잡습니다.", day="2026-03-04"
        )
        wrong = "해담시 새 청사 터"
        self.fill(
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
            found = engine.search(AXES[0], terms(), Filters(article_ids=(wrong,)), 1)
            (loaded,) = engine.load(found.keys.tolist()).values()
            assert loaded.article.corrected_by == ("notice",)
            self.fill(engine, indexed(wrong, "총사업비는 2,410억 원이다."))
        engine.remove(["notice"])
        corrected = engine.article(wrong)
        assert corrected is not None
        assert corrected.corrected_by == ()

    @pytest.mark.parametrize(
        ("press", "day"),
        [("동람경제", "2026-03-04"), ("해담일보", "2026-02-04"), ("해담일보", "2026-06-04")],
    )
    def test_a_correction_is_of_its_own_paper_and_of_late(
        self, engine: Engine, press: str, day: str
    ) -> None:
        notice = "‘제목 해담시 새 청사 터’ 기사를 바로잡습니다."
        self.fill(
            engine,
            indexed("해담시 새 청사 터", "총사업비는 2,140억 원이다."),
            indexed("notice", notice, press=press, day=day),
        )
        correcting = engine.article("notice")
        assert correcting is not None
        assert correcting.corrects == ()

    def test_info_counts(self, engine: Engine) -> None:
        self.fill(
            engine,
            indexed("a", "트램", day="2026-03-01"),
            indexed("b", "배구", day="2026-04-01", press="동람경제"),
        )
        info = engine.info()
        assert (info.articles, info.passages, info.dimension) == (2, 2, DIMENSION)
        assert (info.published_from, info.published_to) == (date(2026, 3, 1), date(2026, 4, 1))
        assert info.presses == ("해담일보", "동람경제")
        assert info.bytes > 0

    def test_names_to_filter_by(self, engine: Engine) -> None:
        self.fill(
            engine,
            indexed("a", "트램", section=None, reporters=("여운찬",)),
            indexed("b", "배구", press="동람경제", section="체육"),
        )
        assert engine.presses == ("해담일보", "동람경제")
        assert engine.sections == ("체육",)
        assert engine.has_reporter("여운찬")
        assert not engine.has_reporter("진유채")
        engine.remove(["a"])
        assert not engine.has_reporter("여운찬")

    def test_what_was_published_is_there_after_reopening(
        self, engine: Engine, open_engine: OpenEngine
    ) -> None:
        self.fill(engine, indexed("a", "트램 착공"))
        engine.close()
        again = open_engine()
        assert self.search(again, words=["트램"]) == {"a"}
        again.close()
