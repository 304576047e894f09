"""What is answered of the lines that people write in a followed thread (see tests/corpus/README.md)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from index import KoreanAnalyser
from service.query.utterance import asks_something
from service.slack.events import heard_in
from service.slack.messenger import Identity
from service.slack.phrases import is_small_talk

FILE = Path(__file__).parent / "corpus" / "slack_lines.jsonl"
BOT = Identity(team="T0HAEDAM", user="U07NEWSBOT", bot="B07NEWSBOT")
_MENTION = re.compile(r"@(뉴스봇|[가-힣]+)")


class Line(NamedTuple):
    text: str
    asks: bool
    kind: str


LINES = [Line(**json.loads(line)) for line in FILE.read_text("utf-8").splitlines()]
CHOSE, REPORT = LINES[1::2], LINES[::2]


@pytest.fixture(scope="module")
def analyser() -> KoreanAnalyser:
    return KoreanAnalyser(workers=1)


def is_answered(line: Line, analyser: KoreanAnalyser) -> bool:
    """Whether the bot would take a line in a followed thread for a question to it."""
    text = _MENTION.sub(
        lambda m: f"<@{BOT.user}>" if m[1] == "뉴스봇" else "<@U0COLLEAGUE>", line.text
    )
    event = {"user": "U0MINJI", "text": text, "channel": "C0DESK", "ts": "2.0", "thread_ts": "1.0"}
    heard = heard_in(BOT.team, event, BOT)
    if heard is None or heard.others or is_small_talk(heard.text):
        return False
    return heard.mentioned or asks_something(heard.text, analyser)


@pytest.mark.parametrize(
    ("lines", "precision", "recall"),
    [(CHOSE, 0.86, 0.9), (REPORT, 0.74, 0.86)],
    ids=["chose", "report"],
)
def test_what_asks_is_answered_and_little_else(
    lines: list[Line], precision: float, recall: float, analyser: KoreanAnalyser
) -> None:
    assert len(lines) >= 100
    answered = [line for line in lines if is_answered(line, analyser)]
    right = sum(line.asks for line in answered)
    assert right / len(answered) >= precision
    assert right / sum(line.asks for line in lines) >= recall


@pytest.mark.parametrize(
    "kind",
    ["ack_short", "ack_polite", "thanks", "laughter", "emoji_only", "greeting"],
)
def test_assent_and_thanks_are_never_answered(kind: str, analyser: KoreanAnalyser) -> None:
    assert [line.text for line in LINES if line.kind == kind and is_answered(line, analyser)] == []


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("네 알겠습니다", False),
        ("자료는 내일 메일로 드릴게요", False),
        ("축제 사진은 제가 찾아보겠습니다", False),
        ("어제 팀장님께 보고드렸습니다", False),
        ("수민아 도서관 사진 좀 보내줘", False),
        ("누가 뭐라 해도 좋은 기사", False),
        ("확인했어요 그런데 공사비는 얼마예요", True),
        ("표로 정리해 줘", True),
        ("축제 기사 확인 부탁드리겠습니다", True),
        ("관람객 수", True),
        ("개관일은", True),
        ("왜요?", True),
        ("굿굿", False),
        ("주말 잘 보내세요", False),
        ("감기 조심하세요", False),
        ("트램 기사 요약하세요", True),
        ("> 공사비는 얼마인가?", False),
        ("> 공사비는 300억 원이다.\n언제 기준이에요", True),
        ("찾아 주실 수 있을까요", True),
        ("내년에는요", True),
        ("축제 사진 링크 좀요 감사합니다", True),
        ("도서관 기사 출고 완료", False),
        ("😂", False),
    ],
)
def test_the_speech_act_tells_what_asks(text: str, asks: bool, analyser: KoreanAnalyser) -> None:
    assert asks_something(text, analyser) is asks
