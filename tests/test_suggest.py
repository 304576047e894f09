"""Questions made from articles: their Korean, what keeps a sentence from being asked, and that each is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from small_index import Corpus, analyser

from index import SEOUL, Article, Index
from service import create_app
from service.answer import Answerer
from service.generate.stub import StubBackend
from service.settings import load_settings
from service.suggest.clauses import attributive, clauses
from service.suggest.questions import drafts
from service.suggest.suggester import Suggester


def article(body: str, *, title: str = "윤슬대교 소식", id: str = "a", day: int = 10) -> Article:
    return Article(
        id=id,
        title=title,
        body=body,
        press="해담일보",
        section="사회",
        published_at=datetime(2026, 3, day, 9, tzinfo=SEOUL),
    )


def asked(body: str, **fields: str) -> list[tuple[str, str, str]]:
    found = drafts(article(body, **fields), analyser())  # type: ignore[arg-type]
    return [(draft.kind, draft.question, draft.answer) for draft in found]


@pytest.mark.parametrize(
    ("sentence", "kind", "question", "answer"),
    [
        (
            "해담시의회는 재산 피해를 31억 5,000만 원으로 추산했다.",
            "how_many",
            "해담시의회는 재산 피해를 얼마로 추산했나요?",
            "31억 5,000만 원",
        ),
        (
            "해담시의회는 약 2만 7,000명을 뽑았다.",
            "how_many",
            "해담시의회는 몇 명을 뽑았나요?",
            "2만 7,000명",
        ),
        (
            "한빛체육관 평균 관중은 2,870명으로 한 시즌 전보다 19% 늘었다.",
            "how_many",
            "한빛체육관 평균 관중은 몇 명인가요?",
            "2,870명",
        ),
        (
            "해담시의회는 지난 2일 조례를 통과시켰다.",
            "when",
            "해담시의회는 언제 조례를 통과시켰나요?",
            "지난 2일",
        ),
        (
            "해담시의회는 5월 1일부터 방청석을 연다.",
            "when",
            "해담시의회는 언제부터 방청석을 여나요?",
            "5월 1일",
        ),
        (
            "해담시의회는 해담문화회관에서 공청회를 열었다.",
            "where",
            "해담시의회는 어디에서 공청회를 열었나요?",
            "해담문화회관",
        ),
        (
            "해담시의회는 침수를 막기 위해 펌프장을 증설했다.",
            "why",
            "해담시의회는 왜 펌프장을 증설했나요?",
            "침수를 막기 위해",
        ),
        (
            "도해윤 해담시 부시장은 “어쩔 수 없다”며 윤슬대교 공사를 늦춘다고 밝혔다.",
            "who",
            "윤슬대교 공사를 늦춘다고 밝힌 사람은 누구인가요?",
            "도해윤 해담시 부시장",
        ),
        (
            "해담시의회가 윤슬대교를 오가는 주민에게 내놓은 정기권 ‘이음패스’가 인기다.",
            "what",
            "해담시의회가 윤슬대교를 오가는 주민에게 내놓은 정기권의 이름은 무엇인가요?",
            "이음패스",
        ),
    ],
)
def test_the_words_asked_for_make_room(
    sentence: str, kind: str, question: str, answer: str
) -> None:
    assert (kind, question, answer) in asked(sentence)


def test_times_that_are_not_asked_for_hold_on_any_day() -> None:
    [(_, question, _)] = asked("해담시의회는 지난달 2일 예산 310억 원을 통과시켰다.")[1:] or [
        ("", "", "")
    ]
    assert question in {"", "해담시의회는 2026년 2월 2일 예산 얼마를 통과시켰나요?"}


def test_a_town_is_called_by_its_name() -> None:
    body = "해담시는 다리를 고친다. 시는 공사에 예산 310억 원을 들이기로 했다."
    assert "해담시는 공사에 예산 얼마를 들이기로 했나요?" in [q for _, q, _ in asked(body)]


@pytest.mark.parametrize(
    "sentence",
    [
        "그는 310억 원을 냈다.",  # of whom?
        "이 회사는 공장에 310억 원을 들였다.",
        "총사업비는 4,820억 원이다.",  # of what?
        "해담시의회는 당시 예산 310억 원을 깎았다.",
        "해담시의회는 더 많은 310억 원을 깎았다.",
        "해담소방본부는 소방관 62명과 장비 21대를 보냈다.",  # a list
        "해담소방본부는 예상한 300명을 넘겼다고 봤다.",
        "美 정부가 해담시의회에 310억 원을 보냈다.",
        "",
    ],
)
def test_what_leans_on_the_text_around_it_is_not_asked(sentence: str) -> None:
    assert asked(sentence or "…") == []


@pytest.mark.parametrize(
    ("sentence", "ending"),
    [
        ("도서관은 문을 연다.", "도서관은 문을 여나요"),
        ("도서관은 책을 받는다.", "도서관은 책을 받나요"),
        ("도서관은 문을 열었다.", "도서관은 문을 열었나요"),
        ("정거장은 15곳이다.", "정거장은 15곳인가요"),
        ("도서관은 문을 열 계획이다.", "도서관은 문을 열 계획인가요"),
        ("도서관에는 책이 있다.", ""),
    ],
)
def test_endings_are_those_of_a_question(sentence: str, ending: str) -> None:
    assert "".join(c.text + c.asked for c in clauses(sentence, analyser())) == ending


@pytest.mark.parametrize(
    ("told", "form"),
    [("밝혔", "밝힌"), ("말했", "말한"), ("전했", "전한"), ("웃었", None), ("다", None)],
)
def test_verbs_before_a_noun(told: str, form: str | None) -> None:
    assert attributive(told, analyser()) == form


# -- asked before they are shown

BRIDGE = article(
    "해담시의회는 지난 2일 윤슬대교 보수 조례를 통과시켰다. 해담시의회는 보수 공사에 예산 310억 원을 들이기로 했다.",
    id="bridge",
)
PORT = article(
    "해담시의회는 지난 5일 윤슬대교 옆 지점을 열었다. 해담시의회는 지점 공사에 93억 원을 들였다.",
    title="해담시의회, 윤슬대교 옆 지점 열어",
    id="port",
    day=9,
)


@pytest.fixture(params=["local", "memory"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    corpus = Corpus(request.param, tmp_path)
    corpus.add(BRIDGE, PORT)
    with corpus.open() as opened:
        yield opened


def test_examples_are_answered_from_their_article(index: Index) -> None:
    suggester = Suggester(index)
    found = asyncio.run(suggester.examples())
    assert found
    assert len({one.article_id for one in found[:2]}) == 2
    for one in found:
        answer = asyncio.run(suggester._answerer.answer(_question(one.question)))
        assert answer.status == "answered"
        assert answer.citations[0].article_id == one.article_id


def _question(text: str) -> object:
    from service.schema import Question

    return Question(question=text)


def test_related_questions_come_from_near_articles_first_and_repeat_nothing(index: Index) -> None:
    suggester = Suggester(index)
    question = "해담시의회는 언제 윤슬대교 보수 조례를 통과시켰나요?"
    found = asyncio.run(suggester.related(question, ["bridge", "bridge", "없는 기사"]))
    texts = [one.question for one in found]
    assert question not in texts
    assert len(texts) == len(set(texts)) <= 3
    assert found[0].article_id == "port"


def test_nothing_is_related_to_what_is_gone(index: Index) -> None:
    assert asyncio.run(Suggester(index).related("아무거나?", ["없는 기사"])) == []


# -- over HTTP


@pytest.fixture
def client(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.chdir(tmp_path)
    answerer = Answerer(index, {"stub": StubBackend()}, default_backend="stub")
    return TestClient(create_app(load_settings(), answerer=answerer))


def test_examples_are_found_in_the_background(client: TestClient) -> None:
    assert client.get("/v1/examples").json() == {"examples": []}
    suggestions = client.app.state.suggestions  # type: ignore[attr-defined]
    asyncio.run(suggestions.refresh())
    told = client.get("/v1/examples").json()["examples"]
    assert told
    assert set(told[0]) == {
        "question", "kind", "article_id", "source", "title", "press", "section", "published_at",
    }  # fmt: skip
    asyncio.run(suggestions.refresh())
    assert client.get("/v1/examples").json()["examples"] == told


def test_related_questions_are_told(client: TestClient) -> None:
    wanted = {"question": "윤슬대교는 어떻게 되나요?", "articles": ["bridge"]}
    told = client.post("/v1/related", json=wanted).json()["questions"]
    assert 0 < len(told) <= 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": "?", "articles": []},
        {"question": "", "articles": ["a"]},
        {"question": "?", "articles": ["a"] * 11},
        {"question": "?", "articles": [""]},
        {"question": "?", "articles": ["a"], "by": "me"},
    ],
)
def test_requests_that_make_no_sense_are_refused(
    client: TestClient, body: dict[str, object]
) -> None:
    reply = client.post("/v1/related", json=body)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


def test_related_questions_count_as_questions_being_answered(index: Index) -> None:
    answerer = Answerer(index, {"stub": StubBackend()}, default_backend="stub")
    app = create_app(load_settings(max_concurrent=1), answerer=answerer)
    app.state.capacity.used = 1
    reply = TestClient(app).post("/v1/related", json={"question": "?", "articles": ["bridge"]})
    assert (reply.status_code, reply.json()["code"]) == (503, "overloaded")
