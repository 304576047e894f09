"""What the default backend quotes, and when it says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime

import pytest
from small_index import analyser

from index import SEOUL, AnalysedText, ArticleHeader, Passage
from service.generate.extractive import ExtractiveBackend
from service.generate.prompt import Prompt
from service.sources import Source
from service.verify.citations import Verifier
from service.verify.drafts import Draft, DraftParser

FLOOD = (
    "17일 새벽 윤슬천이 넘쳐 버들마을이 물에 잠겼다. 해담시는 윤슬천 범람으로 물에 잠긴 주택이 137가구라고 집계했다. "
    "이 가운데 40가구는 지하에 있다. 시는 침수된 가구에 200만 원씩 지원한다."
)
COUNTED_AGAIN = "버들마을 주민들은 윤슬천 범람으로 물에 잠긴 주택이 164가구라고 밝혔다."
COACH = (
    "블루웨일즈는 8일 조문겸 감독을 해임하고 남궁혁 전 수석코치를 새 감독으로 선임했다. "
    "계약은 2027년 12월까지다. 남궁혁 감독은 10일 첫 훈련을 지휘한다."
)
TRAM = (
    "해담시는 트램 1호선 착공을 9월로 미룬다고 26일 밝혔다. 발굴 조사에서 조선 후기 석축이 나왔기 때문이다. "
    "총사업비는 5,130억 원으로 변동이 없다."
)

MARKET = (
    "해담 전통시장에서 장을 보면 4인 가족 기준 26만 원이 든다. 해담시는 시장 상인에게 지원금을 준다. "
    "한서율 해담시장은 상인들을 만나 고충을 들었다."
)
OFFICE = "해담시가 신청사 설계를 6월 마쳤다고 3일 밝혔다. 신청사 총사업비는 2,140억 원이다. 착공은 10월이고 공사는 3년 걸린다."


def idf(morphemes: Iterable[str]) -> Mapping[str, float]:
    return dict.fromkeys(morphemes, 1.0)


def source(
    number: int,
    body: str,
    press: str = "해담일보",
    day: int = 18,
    *,
    title: str = "",
    meaning: float | None = None,
) -> Source:
    """``meaning``: how near its sentences are to the question; None: the index has no vectors of sentences."""
    header = ArticleHeader(
        id=f"article-{number}",
        title=title,
        press=press,
        published_at=datetime(2025, 7, day, 9, tzinfo=SEOUL),
    )
    passage = Passage(header.id, 0, body, 0, len(body))
    sentences = analyser().sentences(body)
    return Source(
        number,
        header,
        AnalysedText(body, sentences, None, analyser().morphemes(title)),
        [passage],
        score=1.0,
        dense=0.8,
        similarities=None if meaning is None else [meaning] * len(sentences),
    )


NEAR = 4.0
"""Spreads; half of the sentences that answer questions over the sample corpus are nearer."""


def quoted(question: str, *sources: Source) -> str:
    async def collect() -> str:
        backend = ExtractiveBackend(analyser(), idf)
        return "".join([piece async for piece in backend.generate(Prompt(question, sources, []))])

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("question", "body", "expected"),
    [
        ("물에 잠긴 주택은 몇 가구인가?", FLOOD, "137가구"),
        ("트램 착공을 미룬 이유는?", TRAM, "석축이 나왔기 때문"),
        ("블루웨일즈 새 감독은 누구인가?", COACH, "남궁혁"),
        ("총사업비는 얼마인가?", TRAM, "5,130억 원"),
        ("해담시장은 누구야?", MARKET, "한서율"),
        ("신청사는 언제 착공하나요?", OFFICE, "10월"),
    ],
)
def test_the_sentence_that_answers_is_quoted(question: str, body: str, expected: str) -> None:
    assert expected in quoted(question, source(1, body))


@pytest.mark.parametrize(
    "question",
    [
        "남궁혁 감독 연봉은 얼마인가?",  # no sum of money at all
        "블루웨일즈 경기장 관중석은 몇 석인가?",
        "조문겸 감독의 해임 위약금은 얼마인가?",
    ],
)
def test_a_topic_without_the_fact_is_left_unanswered(question: str) -> None:
    assert quoted(question, source(1, COACH)) == ""


@pytest.mark.parametrize(
    "question",
    [
        "트램 1호선 사업이 취소된 이유는?",
        "트램 1호선 건설 계획은 왜 부결됐나?",
        "해담시가 트램을 포기한 까닭은?",
    ],
)
def test_a_false_premise_is_not_played_along_with(question: str) -> None:
    """Nothing is said, or what did happen: never the reason of something else."""
    for meaning in (None, NEAR):
        said = quoted(question, source(1, TRAM, meaning=meaning))
        assert said == "" or "착공을 9월로 미룬다" in said


def test_outlets_that_disagree_are_both_quoted_with_their_names() -> None:
    sources = [source(1, FLOOD), source(2, COUNTED_AGAIN, press="해담시민뉴스", day=19)]
    said = quoted("윤슬천 범람으로 물에 잠긴 주택은 몇 가구인가?", *sources)
    assert "해담일보에 따르면" in said
    assert "137가구" in said
    assert "해담시민뉴스에 따르면" in said
    assert "164가구" in said
    verifier = Verifier(sources, analyser(), idf)
    parser = DraftParser(analyser())
    drafts = [*parser.feed(said), *parser.close()]
    verified = [verifier.verify(draft) for draft in drafts]
    assert all(v is not None and v.support == "quoted" for v in verified)
    assert {e.source.number for v in verified if v for e in v.evidence} == {1, 2}


def test_an_outlet_is_not_credited_with_what_another_reports() -> None:
    sources = [source(1, FLOOD), source(2, COUNTED_AGAIN, press="해담시민뉴스", day=19)]
    draft = Draft(f"해담시민뉴스에 따르면 {FLOOD.split('. ')[1]}.", (1,))
    assert Verifier(sources, analyser(), idf).verify(draft) is None


@pytest.mark.parametrize(
    ("press", "day"), [("해담일보", 19), ("해담시민뉴스", 28)], ids=["same outlet", "later news"]
)
def test_what_is_no_disagreement(press: str, day: int) -> None:
    sources = [source(1, FLOOD), source(2, COUNTED_AGAIN, press=press, day=day)]
    said = quoted("윤슬천 범람으로 물에 잠긴 주택은 몇 가구인가?", *sources)
    assert "에 따르면" not in said
    assert "164가구" not in said or "137가구" not in said


def test_a_sentence_that_refers_back_brings_the_one_before() -> None:
    said = quoted("물에 잠긴 주택 가운데 지하에 있는 것은 몇 가구인가?", source(1, FLOOD))
    assert "이 가운데 40가구" in said
    assert "137가구라고" in said


@pytest.mark.parametrize(
    "question",
    ["지난달 윤슬천 소식은?", "요즘 윤슬천 관련 뉴스 알려줘", "윤슬천 보도 내용 요약해줘"],
)
def test_asking_for_news_takes_no_article_that_says_news(question: str) -> None:
    """The words that ask for news stand in no article, and the day is retrieval's matter."""
    assert "윤슬천이 넘쳐" in quoted(question, source(1, FLOOD))


def test_the_fare_of_another_city_is_no_answer() -> None:
    fare = "해담시 시내버스 요금이 2월 1일부터 1,600원으로 오른다."
    assert "1,600원" in quoted("해담시 시내버스 요금은 얼마인가?", source(1, fare))
    assert quoted("서울시 시내버스 요금은 얼마인가?", source(1, fare)) == ""


def test_who_asks_for_news_gets_the_leads_of_articles_newest_first() -> None:
    bodies = {
        3: "트램 1호선 사업비가 5,130억 원으로 늘었다. 시는 국비를 더 신청했다.",
        20: "시장 후보들이 토론했다. 한 후보는 트램을 말했다.",
        18: "트램 1호선이 첫 삽을 떴다. 시민 1,200명이 모였다.",
    }
    found = quoted(
        "최근 트램 소식 알려줘",
        *(
            source(n, body, day=day, meaning=NEAR)
            for n, (day, body) in enumerate(bodies.items(), 1)
        ),
    )
    assert found.split("] ")[0] == "트램 1호선이 첫 삽을 떴다.[3"
    assert "사업비가 5,130억 원으로 늘었다.[1]" in found
    assert "후보" not in found


def test_another_line_of_the_same_name_is_no_answer() -> None:
    line_1 = source(1, TRAM, title="트램 1호선 착공 연기", meaning=NEAR)
    assert "5,130억 원" in quoted("트램 1호선 총사업비는 얼마인가?", line_1)
    assert quoted("트램 2호선 총사업비는 얼마인가?", line_1) == ""
