"""Follow-up questions: the table, and what holds of every conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest
from small_index import analyser

from index import SEOUL
from service.query.followup import FollowUps
from service.schema import Turn
from tests.followup_table import FRESH, HELD_OUT, TUNED, Row

NOW = datetime(2026, 10, 20, 9, tzinfo=SEOUL)

KNOWN_FAILURES = {
    "그때 바람은 얼마나 셌어?",  # the analyser reads 아라한 as a verb
    "전세는?",  # the analyser does not know 은솔구 for a name, so it is what is replaced
    "수영장 레인은?",  # two nouns are taken for a topic of their own
}


def standalone(question: str, *turns: str) -> str:
    roles = ("user", "assistant")
    conversation = [Turn(role=roles[n % 2], content=text) for n, text in enumerate(turns)]
    return FollowUps(analyser()).standalone(question, conversation, now=NOW)


def is_right(row: Row) -> bool:
    text = standalone(row.question, row.before, row.answer)
    return text == row.question if not row.expected else all(w in text for w in row.expected)


def right_share(rows: Sequence[Row]) -> float:
    return sum(map(is_right, rows)) / len(rows)


@pytest.mark.parametrize(
    "row", [*TUNED, *HELD_OUT, *FRESH], ids=lambda row: f"{row.before} {row.question}"
)
def test_the_table(row: Row) -> None:
    assert is_right(row) is (row.question not in KNOWN_FAILURES)


def test_the_share_that_is_right() -> None:
    assert len(TUNED) + len(HELD_OUT) >= 60
    assert right_share(TUNED) >= 0.95
    assert right_share(HELD_OUT) >= 0.9


def test_without_a_conversation_a_question_is_left_alone() -> None:
    for row in (*TUNED, *HELD_OUT):
        assert standalone(row.question) == row.question


def test_follow_ups_of_follow_ups() -> None:
    turns = ("트램 착공식은 언제 열렸나?", "9월 12일 열렸다.[1]", "인원은?", "300명이다.[1]")
    text = standalone("그럼 장소는?", *turns)
    assert "트램 착공식" in text
    assert "인원" not in text


def test_a_new_topic_replaces_the_old() -> None:
    turns = ("서울 아파트값은 얼마나 올랐나?", "0.3% 올랐다.[1]")
    assert standalone("대구는?", *turns) == "대구는 아파트값은 얼마나 올랐나?".replace(
        "대구는", "대구", 1
    )
    assert standalone("작년에는?", *turns).startswith("작년 서울")


def test_the_time_is_carried_unless_the_question_names_one() -> None:
    turns = ("지난주 윤슬대교 사고로 몇 명이 다쳤나?", "9명이 다쳤다.[1]")
    assert "지난주" in standalone("원인은?", *turns)
    assert "지난주" not in standalone("어제 원인은?", *turns)


def test_odd_conversations() -> None:
    assert standalone("왜?", "?", "") == "왜?"
    assert standalone("왜?", "", "") == "왜?"
    assert "트램" in standalone("왜?", *["트램 착공은 왜 늦어졌나?", "모른다."] * 20)
    reply_first = [Turn(role="assistant", content="무엇이 궁금하세요?")]
    assert FollowUps(analyser()).standalone("왜?", reply_first, now=NOW) == "왜?"
