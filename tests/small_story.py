"""A story of four articles over a year and a half, its copy and its correction, for tests of timelines."""

from __future__ import annotations

from datetime import datetime

from index import SEOUL, Article, Index
from service.answer import Answerer
from service.generate.extractive import ExtractiveBackend

NOW = datetime(2026, 11, 28, 9, tzinfo=SEOUL)
QUESTION = "누리호 다리 공사 경과 알려 줘"


def article(id: str, day: str, title: str, body: str, press: str = "해담일보") -> Article:
    return Article(
        id=id,
        title=title,
        press=press,
        published_at=datetime.fromisoformat(f"{day}T09:00+09:00"),
        body=body,
    )


PLAN = article(
    "plan",
    "2025-03-11",
    "누리호 다리 공사 계획 확정, 280억 들여",
    "누리호 다리 공사의 밑그림이 나왔다. 해담시는 10일 누리호 다리 공사 계획을 확정하고 사업비 280억 원을 들이기로 했다.\n\n"
    "시는 주민 의견을 모아 설계에 담겠다고 밝혔다.",
)
START = article(
    "start",
    "2025-09-02",
    "누리호 다리 공사 첫 삽",
    "누리호 다리 공사가 1일 착공식을 열고 시작됐다. 지난 3월 확정한 다리 공사 계획에는 사업비 280억 원이 적혔다.\n\n"
    "공사를 맡은 한결건설은 지난 7월 14일 입찰에서 뽑혔다.",
)
ACCIDENT = article(
    "accident",
    "2026-02-20",
    "누리호 다리 공사 현장서 크레인 넘어져",
    "19일 오후 누리호 다리 공사 현장에서 크레인이 넘어져 노동자 3명이 다쳤다. 경찰은 안전 수칙을 지켰는지 조사하고 있다. "
    "넘어진 크레인은 높이 34m로, 상판을 들어 올리던 참이었다. 시는 사고 원인이 드러날 때까지 일을 멈추게 했다.",
)
OPENING = article(
    "opening",
    "2026-10-06",
    "누리호 다리 공사 막바지, 내달 개통",
    "누리호 다리 공사가 끝나 다리가 오는 11월 3일 개통한다. 시는 셔틀버스도 늘린다.",
    press="동람경제",
)
WEATHER = article(
    "weather",
    "2026-05-05",
    "어린이날 맑음",
    "5일 해담시는 대체로 맑겠다. 낮 기온은 24도까지 오른다고 기상대가 4일 밝혔다.",
)
STORY = (PLAN, START, ACCIDENT, OPENING, WEATHER)
COPY = article("copy", "2026-02-20", ACCIDENT.title, ACCIDENT.body, press="동람경제")
NOTICE = article(
    "notice",
    "2026-02-22",
    "[바로잡습니다] ‘누리호 다리 공사 현장서 크레인 넘어져’ 기사",
    "본지가 2월 20일 보도한 ‘누리호 다리 공사 현장서 크레인 넘어져’ 기사에서 다친 노동자를 3명이라고 적었으나 5명이 맞기에 바로잡습니다.",
)


def answerer_over(index: Index) -> Answerer:
    backend = ExtractiveBackend(index.analyser, index.idf)
    return Answerer(index, {backend.name: backend}, default_backend=backend.name)
