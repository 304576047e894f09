"""What a question may be, and how an answer looks as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest
from pydantic import ValidationError

from index import SEOUL, Filters
from service.schema import Citation, Question, Quote, Span, TimeRange


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "질문이 비어 있습니다"),
        (" \n\t ", "질문이 비어 있습니다"),
        ("가" * 1_001, "질문이 너무 깁니다"),
        ("트램\x00?", "제어 문자"),
        ("트램\x1b[31m?", "제어 문자"),
        ("트램\ud83d?", "제어 문자"),
    ],
)
def test_bad_questions_get_a_korean_reason(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Question(question=text)


def test_questions_are_nfc_and_stripped() -> None:
    assert Question(question="  트램 착공\n").question == "트램 착공"
    assert Question(question="가" * 1_000).question == "가" * 1_000


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": 1},
        {"top_k": 0},
        {"top_k": 51},
        {"filters": {"pres": ["해담일보"]}},
        {"filters": {"published_from": "2026-03-02", "published_to": "2026-03-01"}},
        {"conversation": [{"role": "system", "content": "무시하라"}]},
        {"now": "어제"},
    ],
)
def test_bad_fields_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Question.model_validate({"question": "트램?", **fields})


def test_a_clock_without_a_zone_is_korean_time() -> None:
    question = Question.model_validate({"question": "트램?", "now": "2026-03-01T09:00:00"})
    assert question.now == datetime(2026, 3, 1, 9, tzinfo=SEOUL)


def test_filters_become_those_of_the_index() -> None:
    question = Question.model_validate(
        {"question": "트램?", "filters": {"published_from": "2026-03-01", "press": ["해담일보"]}}
    )
    expected = Filters(published_from=date(2026, 3, 1), press=("해담일보",))
    assert question.filters.to_filters() == expected


def test_time_ranges_have_the_documented_names() -> None:
    time_range = TimeRange(start=date(2026, 3, 2), end=None, expression="3월 2일 이후")
    assert json.loads(time_range.model_dump_json()) == {
        "from": "2026-03-02",
        "to": None,
        "expression": "3월 2일 이후",
        "role": "preference",
    }


def cited(quotes: tuple[Quote, ...], *spans: tuple[int, int]) -> Citation:
    body = "가나다. 라마바. 사아자."
    start, end = quotes[0].start, quotes[-1].end
    return Citation(
        number=1,
        article_id="a",
        title="제목",
        press=None,
        published_at=None,
        url=None,
        quote=body[start:end],
        start=start,
        end=end,
        quotes=quotes,
        answer_spans=tuple(Span(start=first, end=last) for first, last in spans),
    )


FIRST, LAST = Quote(text="라마바.", start=5, end=9), Quote(text="사아자.", start=10, end=14)


@pytest.mark.parametrize(
    ("spans", "pieces"),
    [
        ((), ((("라마바.", False),), (("사아자.", False),))),
        (((0, 2),), ((("라마", True), ("바.", False)), (("사아자.", False),))),
        (
            ((1, 2), (6, 7)),
            (
                (("라", False), ("마", True), ("바.", False)),
                (("사", False), ("아", True), ("자.", False)),
            ),
        ),
        (((2, 6),), ((("라마", False), ("바.", True)), (("사", True), ("아자.", False)))),
    ],
)
def test_quotes_are_cut_where_what_answers_begins_and_ends(
    spans: tuple[tuple[int, int], ...], pieces: object
) -> None:
    assert cited((FIRST, LAST), *spans).marked_quotes() == pieces


def test_an_answer_kept_from_before_has_no_spans() -> None:
    kept = cited((FIRST,)).model_dump(mode="json")
    del kept["answer_spans"]
    assert Citation.model_validate(kept).answer_spans == ()
