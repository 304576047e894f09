"""How questions are understood: names that become filters, time, and where else an answer is looked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from small_index import analyser, build

from index import SEOUL, Article, Filters, Index
from index.local import LocalEngine
from service.answer import Answerer, DoneEvent, InterpretedEvent
from service.llm.stub import Script, StubBackend
from service.prompt import Prompt
from service.schema import Answer, Question, QuestionFilters, TimeRange, Turn
from service.understand import Understander, Understood, is_absolute


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
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    path = tmp_path_factory.mktemp("understood")
    build(path, ARTICLES)
    with Index(LocalEngine.open(path), HashEmbedder(), analyser()) as index:
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
        ("해담일보에 실린 범람 기사", ("해담일보",), "범람 기사"),
        ("KBN 뉴스에 나온 축구단 우승", ("KBN",), "축구단 우승"),
        ("스포츠 기사에서 다룬 축구단은?", ("스포츠",), "축구단은?"),
        ("사회면에서 다룬 범람 피해", ("사회",), "범람 피해"),
        ("진유채 기자가 쓴 트램 총사업비는?", ("진유채",), "트램 총사업비는?"),
        ("진유채 기자의 기사에서 트램은?", ("진유채",), "트램은?"),
        ("해담일보 기사에서 진유채 기자가 쓴 범람 원인은?", ("해담일보", "진유채"), "범람 원인은?"),
        ("진유채 기자가 쓴 기사는?", ("진유채",), "진유채 기자가 쓴 기사는?"),
    ],
)  # fmt: skip
def test_names_become_filters(
    index: Index, question: str, names: tuple[str, ...], topic: str
) -> None:
    assert found(index, question) == names
    assert understood(index, question).interpreted.standalone_question == topic


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
def test_what_is_no_filter(index: Index, question: str) -> None:
    shown = understood(index, question).interpreted
    assert shown.filters is None
    assert shown.standalone_question == question


def test_explicit_filters_win(index: Index) -> None:
    given = QuestionFilters(press=("동람경제",))
    result = understood(index, "해담일보 기사에서 범람 원인은?", filters=given)
    assert result.interpreted.filters is None
    assert result.scopes[0].filters == Filters(press=("동람경제",))


def test_filters_found_reach_the_search(index: Index) -> None:
    (scope,) = understood(index, "진유채 기자가 쓴 원인은?").scopes
    hits = scope.search(index, "원인", k=5, per_story=3)
    assert {hit.article.id for hit in hits} == {"cause", "tram"}


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
    ("expression", "absolute"),
    [
        ("2025년 7월", True), ("7월", True), ("작년 11월", True), ("2025.07.03", True), ("5일", True),
        ("2025년 상반기", True), ("지난주", False), ("어제", False), ("지난달", False), ("사흘 전", False),
        ("3일 전", False), ("최근 3개월", False), ("지난 2주", False), ("작년", False), ("금요일", False),
    ],
)  # fmt: skip
def test_absolute_times_name_a_year_month_or_day(expression: str, absolute: bool) -> None:
    asked = TimeRange(start=date(2025, 7, 1), end=date(2025, 7, 31), expression=expression)
    assert is_absolute(asked) is absolute


# -- what the reply says ------------------------------------------------------------------------


def about(word: str) -> Script:
    """A backend that quotes the source that has the word, or says nothing."""

    def script(prompt: Prompt) -> Sequence[str]:
        return [f"{s.body}[{s.number}]" for s in prompt.sources if word in s.body][:1]

    return script


def ask(index: Index, question: str, script: Script) -> Answer:
    service = Answerer(index, {"stub": StubBackend(script)}, default_backend="stub")
    return asyncio.run(service.answer(Question(question=question, now=NOW)))


def test_a_named_time_finds_what_was_reported_later(index: Index) -> None:
    answer = ask(index, "2025년 7월 버들천 범람의 원인은?", about("펌프"))
    assert answer.status == "answered"
    assert [c.article_id for c in answer.citations] == ["cause"]
    assert "‘2025년 7월’" in (answer.interpreted.note or "")
    assert answer.interpreted.time_range is not None


def test_the_note_comes_with_an_event(index: Index) -> None:
    async def notes() -> list[str | None]:
        service = Answerer(index, {"stub": StubBackend(about("펌프"))}, default_backend="stub")
        asked = Question(question="2025년 7월 버들천 범람의 원인은?", now=NOW)
        events = [e async for e in service.events(asked)]
        assert isinstance(events[-1], DoneEvent)
        return [e.interpreted.note for e in events if isinstance(e, InterpretedEvent)]

    first, second = asyncio.run(notes())
    assert first is None
    assert second is not None


def test_no_second_look_where_the_first_answers(index: Index) -> None:
    answer = ask(index, "2025년 7월 버들천 범람으로 잠긴 집은?", about("137"))
    assert answer.status == "answered"
    assert answer.interpreted.note is None


def test_later_articles_count_only_if_they_name_the_time(index: Index) -> None:
    answer = ask(index, "2025년 8월 트램 총사업비는?", about("4,820억"))
    assert answer.status == "no_match"
    assert "조건 밖의 기사" in (answer.interpreted.note or "")


def test_a_relative_time_is_not_widened_but_the_reader_is_told(index: Index) -> None:
    answer = ask(index, "지난주 트램 총사업비는?", about("4,820억"))
    assert answer.status == "no_evidence"
    assert not answer.citations
    assert "‘지난주’" in (answer.interpreted.note or "")
    nothing = ask(index, "지난주 우주선 발사 비용은?", about("우주선"))
    assert nothing.interpreted.note is None


def test_a_time_without_articles_at_all(index: Index) -> None:
    answer = ask(index, "2019년 트램 총사업비는?", about("4,820억"))
    assert answer.status == "out_of_coverage"
    assert not answer.citations


def test_an_outlet_without_an_answer(index: Index) -> None:
    answer = ask(index, "해담일보 기사에서 트램 총사업비는?", about("4,820억"))
    assert answer.status == "no_evidence"
    assert "‘해담일보’" in (answer.interpreted.note or "")


def test_a_corpus_without_dates_has_no_filter_on_time(tmp_path: Path) -> None:
    build(tmp_path, (Article(id="a", title="트램", body="트램은 지난달 열렸다."),))
    with Index(LocalEngine.open(tmp_path), HashEmbedder(), analyser()) as index:
        result = understood(index, "지난달 열린 트램은?")
    assert result.interpreted.time_range is None
    assert result.beyond is None
