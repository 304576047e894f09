"""How questions are understood: names and times that are preferred or demanded, and what the reader is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from scripted_backend import Script, ScriptedBackend
from small_index import index_over

from index import SEOUL, Article, Filters, Index
from service.answer import Answerer
from service.events import DoneEvent, InterpretedEvent
from service.generate.prompt import Prompt
from service.query.understand import Understander, Understood, names_of
from service.schema import Answer, Question, QuestionFilters, Turn


def article(id: str, body: str, day: str, press: str, section: str, reporter: str) -> Article:
    return Article(
        id=id,
        title=body[:12],
        press=press,
        section=section,
        reporters=(reporter,),
        published_at=datetime.fromisoformat(day).replace(tzinfo=SEOUL),
        body=body,
    )


ARTICLES = (
    article("flood", "버들천이 7월 5일 넘쳐 137가구가 잠겼다.", "2025-07-06", "해담일보", "사회", "여운찬"),
    article("cause", "지난 7월 버들천 범람의 원인은 멈춘 펌프였다.", "2025-09-20", "해담일보", "사회", "진유채"),
    article("tram", "트램 총사업비는 4,820억 원이다.", "2026-05-14", "동람경제", "경제", "진유채"),
    article("cup", "해담 축구단이 우승했다.", "2026-06-01", "KBN", "스포츠", "고은별"),
)  # fmt: skip
NOW = datetime(2026, 6, 10, 9, tzinfo=SEOUL)


@pytest.fixture(scope="module")
def index(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with index_over(engine, tmp_path_factory.mktemp("understood"), ARTICLES) as index:
        yield index


def understood(index: Index, text: str, **fields: object) -> Understood:
    return Understander(index)(Question(question=text, now=NOW, **fields))  # type: ignore[arg-type]


def found(index: Index, text: str) -> tuple[str, ...]:
    filters = understood(index, text).interpreted.filters
    return filters.names() if filters else ()


@pytest.mark.parametrize(
    ("question", "names", "topic"),
    [
        ("해담일보 기사에서 범람 원인은?", ("해담일보",), "범람 원인은?"),
        ("해담일보가 보도한 범람 원인은?", ("해담일보",), "범람 원인은?"),
        ("동람경제에 따르면 트램 총사업비는?", ("동람경제",), "트램 총사업비는?"),
        ("동람경제 보도에서 트램 총사업비는?", ("동람경제",), "트램 총사업비는?"),
        ("해담일보에 실린 범람 기사", ("해담일보",), "범람"),
        ("KBN 뉴스에 나온 축구단 우승", ("KBN",), "축구단 우승"),
        ("스포츠 기사에서 다룬 축구단은?", ("스포츠",), "축구단은?"),
        ("사회면에서 다룬 범람 피해", ("사회",), "범람 피해"),
        ("진유채 기자가 쓴 트램 총사업비는?", ("진유채",), "트램 총사업비는?"),
        ("진유채 기자의 기사에서 트램은?", ("진유채",), "트램은?"),
        ("해담일보 기사에서 진유채 기자가 쓴 범람 원인은?", ("해담일보", "진유채"), "범람 원인은?"),
        ("진유채 기자가 쓴 기사는?", ("진유채",), "진유채 기자가 쓴 기사는?"),
    ],
)  # fmt: skip
def test_names_become_preferences(
    index: Index, question: str, names: tuple[str, ...], topic: str
) -> None:
    assert found(index, question) == names
    result = understood(index, question)
    assert result.interpreted.standalone_question == topic
    assert result.interpreted.filters is not None
    assert result.interpreted.filters.role == "preference"
    assert result.query.preferences.filters == result.interpreted.filters.to_filters()
    assert result.filters == Filters()


@pytest.mark.parametrize(
    "question",
    [
        "해담일보 사장은 누구야?",  # the outlet is the subject
        "해담일보가 파업한 이유는?",
        "해담일보와 동람경제 구독료 비교",
        "조은신문 기사에서 범람 원인은?",  # an outlet that the index does not have
        "국제면에서 다룬 소식은?",
        "사회 면에서 본 범람의 영향은?",  # "in social terms"
        "반사회면접은?",
        "사회 문제 해결 방법은?",
        "스포츠 경기는 언제 열려?",
        "강하늘 기자가 쓴 범람 기사는?",
        "진유채 선수가 쓴 책은?",
        "기자가 쓴 책은?",
    ],
)
def test_what_names_no_place_of_reading(index: Index, question: str) -> None:
    shown = understood(index, question).interpreted
    assert shown.filters is None
    assert shown.standalone_question == question


def test_explicit_filters_are_walls_and_win(index: Index) -> None:
    given = QuestionFilters(press=("동람경제",))
    result = understood(index, "해담일보 기사에서 범람 원인은?", filters=given)
    assert result.interpreted.filters is None
    assert result.filters == result.given == Filters(press=("동람경제",))
    hits = index.search(result.query, filters=result.filters, k=5)
    assert {hit.article.id for hit in hits} == {"tram"}


def test_names_raise_and_exclude_nothing(index: Index) -> None:
    named = understood(index, "진유채 기자가 쓴 버들천 범람은?").query
    hits = index.search(named, k=4)
    assert len(hits) == len(ARTICLES)
    plain = index.search("버들천 범람은?", k=4, explain=True)
    explained = index.search(named, k=4, explain=True)
    raised = {hit.article.id for hit in explained if hit.explanation and hit.explanation.preferred}
    assert raised == {"cause", "tram"}
    by_id = {hit.article.id: hit.score for hit in plain}
    for hit in explained:
        assert (hit.score > by_id[hit.article.id]) == (hit.article.id in raised)


@pytest.mark.parametrize(
    "question",
    [
        "지난달 나온 트램 기사 찾아줘",
        "지난달 트램 기사 좀 보여주세요",
        "5월 뉴스 요약해줘",
        "2026년 5월 보도 가운데 트램 총사업비는?",
        "지난달 나온 기사는?",
        "안녕하세요. 지난달 트램 소식 정리해 주실 수 있나요? 감사합니다.",
    ],
)
def test_news_of_a_period_is_a_demand(index: Index, question: str) -> None:
    result = understood(index, question)
    assert result.interpreted.time_range is not None
    assert result.interpreted.time_range.role == "demand"
    may = Filters(published_from=date(2026, 5, 1), published_to=date(2026, 5, 31))
    assert (result.filters, result.given) == (may, Filters())
    assert not result.query.preferences.filters


@pytest.mark.parametrize(
    "question",
    [
        "지난달 트램 총사업비는 얼마였나?",
        "지난달 발표된 트램 총사업비 알려줘",
        "지난달 트램 총사업비를 표로 정리해 줘",
        "어디 기사에서 봤는데 지난달 트램 총사업비가 얼마래?",
        "2026년 5월에 트램 총사업비는 왜 늘었나?",
    ],
)
def test_a_time_named_in_passing_is_a_preference(index: Index, question: str) -> None:
    result = understood(index, question)
    assert result.interpreted.time_range is not None
    assert result.interpreted.time_range.role == "preference"
    assert result.filters == result.given == Filters()
    wanted = result.query.preferences.filters
    assert (wanted.published_from, wanted.published_to) == (date(2026, 5, 1), date(2026, 5, 31))


def test_the_words_of_a_time_are_no_content_words(index: Index) -> None:
    result = understood(index, "2025년 7월 버들천 범람의 원인은?")
    assert not {"2025", "7", "년", "월"} & result.asked.weights.keys()
    assert result.query.text == "버들천 범람의 원인은?"


def test_follow_ups_are_resolved_first(index: Index) -> None:
    turns = (
        Turn(role="user", content="2025년 7월 버들천 범람으로 몇 가구가 잠겼나?"),
        Turn(role="assistant", content="137가구가 잠겼다.[1]"),
    )
    result = understood(index, "원인은?", conversation=turns).interpreted
    assert "버들천 범람" in result.standalone_question
    assert result.time_range is not None
    assert result.time_range.expression == "2025년 7월"


@pytest.mark.parametrize(
    ("start", "end", "seen_from", "text", "named"),
    [
        ("2025-07-01", "2025-07-31", "2025-09-20", "지난 7월 17일", True),
        ("2025-07-01", "2025-07-31", "2025-08-02", "지난달 비로", True),
        ("2025-07-01", "2025-07-31", "2025-09-20", "지난달 비로", False),
        ("2025-07-01", "2025-07-31", "2026-03-01", "7월의 비", True),
        ("2025-07-01", "2025-07-31", "2026-08-01", "7월의 비", False),
        ("2025-07-01", "2025-07-31", "2026-08-01", "지난해 7월의 비", True),
        ("2025-07-01", "2025-07-31", "2026-08-01", "2025년 7월의 비", True),
        ("2025-07-01", "2025-07-31", "2025-09-20", "17월", False),
        ("2025-01-01", "2025-12-31", "2026-03-01", "지난해 매출", True),
        ("2025-01-01", "2025-12-31", "2027-03-01", "지난해 매출", False),
        ("2025-01-01", "2025-12-31", "2027-03-01", "2025년 매출", True),
        ("2026-10-12", "2026-10-18", "2026-10-19", "18일 열린 대회", True),
        ("2026-10-12", "2026-10-18", "2026-11-19", "18일 열린 대회", False),
        ("2026-10-12", "2026-10-18", "2026-11-19", "지난달 18일 열린 대회", True),
        ("2026-06-01", "2026-08-31", "2026-10-01", "7월에 온 비", True),
    ],
)  # fmt: skip
def test_how_an_article_names_an_earlier_time(
    start: str, end: str, seen_from: str, text: str, named: bool
) -> None:
    pattern = names_of(*map(date.fromisoformat, (start, end, seen_from)))
    assert bool(pattern.search(text)) is named


@pytest.mark.parametrize(
    ("question", "recent"),
    [("현재 트램 총사업비는?", True), ("요즘 버들천은?", True), ("트램 총사업비는?", False), ("최근 3개월 트램은?", False)],
)  # fmt: skip
def test_news_is_preferred_only_where_asked(index: Index, question: str, recent: bool) -> None:
    result = understood(index, question)
    assert result.interpreted.prefers_recent is recent
    assert result.query.preferences.fresh_on == (NOW.date() if recent else None)


# -- what the reply says ------------------------------------------------------------------------


def about(word: str) -> Script:
    """A backend that quotes the source that has the word, or says nothing."""

    def script(prompt: Prompt) -> Sequence[str]:
        return [f"{s.body}[{s.number}]" for s in prompt.sources if word in s.body][:1]

    return script


def ask(index: Index, question: str, script: Script) -> Answer:
    service = Answerer(index, {"scripted": ScriptedBackend(script)}, default_backend="scripted")
    return asyncio.run(service.answer(Question(question=question, now=NOW)))


def test_a_named_time_finds_what_was_reported_later(index: Index) -> None:
    answer = ask(index, "2025년 7월 버들천 범람의 원인은?", about("펌프"))
    assert answer.status == "answered"
    assert [c.article_id for c in answer.citations] == ["cause"]
    assert answer.interpreted.note is None  # the article names that time
    assert answer.interpreted.time_range is not None


def test_a_time_of_which_the_answer_is_not_is_told(index: Index) -> None:
    for question, named in (
        ("2025년 8월 트램 총사업비는?", "2025년 8월"),
        ("지난주 트램 총사업비는?", "지난주"),
        ("2019년 트램 총사업비는?", "2019년"),
    ):
        answer = ask(index, question, about("4,820억"))
        assert answer.status == "answered"
        assert f"‘{named}’에 나온 것이 아니고, 그때를 말하지도" in (answer.interpreted.note or "")


def test_the_note_comes_with_an_event(index: Index) -> None:
    async def notes() -> list[str | None]:
        service = Answerer(
            index, {"scripted": ScriptedBackend(about("4,820억"))}, default_backend="scripted"
        )
        asked = Question(question="2025년 8월 트램 총사업비는?", now=NOW)
        events = [e async for e in service.events(asked)]
        assert isinstance(events[-1], DoneEvent)
        return [e.interpreted.note for e in events if isinstance(e, InterpretedEvent)]

    first, second = asyncio.run(notes())
    assert first is None
    assert second is not None


def test_no_note_where_the_time_is_met(index: Index) -> None:
    answer = ask(index, "2025년 7월 버들천 범람으로 잠긴 집은?", about("137"))
    assert answer.status == "answered"
    assert answer.interpreted.note is None


def test_no_note_without_an_answer_or_leads(index: Index) -> None:
    nothing = ask(index, "2019년에 나온 기사 찾아줘", about("4,820억"))
    assert nothing.status == "out_of_coverage"
    assert not nothing.citations
    assert nothing.interpreted.note is None


def test_of_a_demanded_time_without_an_answer_others_stand_in_with_a_note(index: Index) -> None:
    answer = ask(index, "2025년 8월에 나온 트램 기사 찾아줘", about("4,820억"))
    assert [c.article_id for c in answer.citations] == ["tram"]
    assert "‘2025년 8월’ 조건에 맞는 기사에는 없어" in (answer.interpreted.note or "")


def test_one_article_of_another_time_is_not_told_beside_one_of_that_time(index: Index) -> None:
    def both(prompt: Prompt) -> Sequence[str]:
        return [
            f"{s.body}[{s.number}] " for s in prompt.sources if s.article.id in {"flood", "tram"}
        ]

    answer = ask(index, "2025년 7월 소식은?", both)
    assert {c.article_id for c in answer.citations} == {"flood", "tram"}
    assert "조건에 맞는 기사에는 없어" in (answer.interpreted.note or "")


def test_a_wish_that_cannot_be_met_is_told(index: Index) -> None:
    table = ask(index, "트램 총사업비를 표로 정리해 줘", about("4,820억"))
    assert table.status == "answered"
    assert table.interpreted.note == "표로는 답하지 못합니다."
    english = ask(index, "트램 총사업비를 영어로 알려 줘", about("4,820억"))
    assert english.interpreted.note == "답은 한국어로만 드립니다."


def test_an_outlet_without_the_answer_hides_no_other(index: Index) -> None:
    answer = ask(index, "해담일보 기사에서 트램 총사업비는?", about("4,820억"))
    assert answer.status == "answered"
    assert [c.press for c in answer.citations] == ["동람경제"]


def test_undated_articles_lose_nothing_to_a_named_time(engine: str, tmp_path: Path) -> None:
    undated = Article(id="undated", title="구름다리", body="구름다리의 길이는 320m이다.")
    with index_over(engine, tmp_path, (*ARTICLES, undated)) as index:
        answer = ask(index, "지난달 구름다리 길이는?", about("320m"))
        plain = index.search("구름다리 길이는?", k=1)[0]
        asked = index.search(understood(index, "지난달 구름다리 길이는?").query, k=1)[0]
    assert answer.status == "answered"
    assert answer.interpreted.note is None  # nobody can tell when it appeared
    assert asked.article.id == "undated"
    assert asked.score == pytest.approx(plain.score)


def test_a_corpus_without_dates_has_no_time(engine: str, tmp_path: Path) -> None:
    undated = Article(id="a", title="트램", body="트램은 지난달 열렸다.")
    with index_over(engine, tmp_path, [undated]) as index:
        result = understood(index, "지난달 열린 트램은?")
    assert result.interpreted.time_range is None
    assert result.query.text == "지난달 열린 트램은?"
