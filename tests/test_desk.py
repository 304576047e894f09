"""What the desk is told: over HTTP for admins alone, by command, by topic, and for how long it is kept."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from small_citation import citation
from small_index import analyser
from typer.testing import CliRunner

from service import create_app
from service.answer import Answerer
from service.cli import app as command
from service.schema import Answer, Interpreted, Question, Status
from service.serving import feedback as feedback_module
from service.serving.desk import desk_of, topics
from service.serving.feedback import Feedback, FeedbackStore, Missed
from service.serving.keys import new_key
from service.settings import load_settings

UNKNOWN = {"question": "달 기지 건설 예산은 얼마인가요?", "filters": {"press": ["없는신문"]}}


def equally(words: object) -> dict[str, float]:
    return dict.fromkeys(words, 1.0)  # type: ignore[call-overload]


def answer(question: str, status: Status = "no_evidence", **fields: object) -> Answer:
    return Answer(
        id=f"{question}-{status}",
        question=question,
        status=status,
        text="기사에서 찾지 못했습니다.",
        interpreted=Interpreted(standalone_question=question),
        backend="extractive",
        generation=1,
        timings_ms={},
    ).model_copy(update=fields)


@pytest.fixture
def store(tmp_path: Path) -> FeedbackStore:
    return FeedbackStore(tmp_path / "feedback.sqlite", keep_hours=0, desk_days=7)


def put(store: FeedbackStore, *questions: str) -> None:
    for question in questions:
        store.remember(Question(question=question), answer(question))


# -- who may see it


@pytest.fixture
def keyed(
    index_path: Path, answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., TestClient]:
    monkeypatch.chdir(tmp_path)
    (reader, one), (admin, two) = new_key("reader", "ask"), new_key("chief", "admin")
    keys = {"reader": reader, "admin": admin}

    def client(role: str | None, **changes: object) -> TestClient:
        configured = load_settings(
            index=index_path, auth="keys", api_keys=f"{one} {two}", **changes
        )
        headers = {"authorization": f"Bearer {keys[role]}"} if role else {}
        return TestClient(create_app(configured, answerer=answerer), headers=headers)

    return client


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("reader", 403), ("admin", 200)])
def test_only_an_admin_sees_the_desk(
    keyed: Callable[..., TestClient], role: str | None, status: int
) -> None:
    assert keyed(role).get("/v1/desk").status_code == status


def test_without_keys_nobody_sees_it(answerer: Answerer) -> None:
    assert (
        TestClient(create_app(load_settings(), answerer=answerer)).get("/v1/desk").status_code
        == 403
    )


@pytest.mark.parametrize("days", ["0", "367", "many", ""])
def test_days_have_bounds(keyed: Callable[..., TestClient], days: str) -> None:
    assert keyed("admin").get("/v1/desk", params={"days": days}).status_code == 422


def test_what_is_missed_is_told_without_who_asked(keyed: Callable[..., TestClient]) -> None:
    client = keyed("admin", desk_days=7)
    client.post("/v1/ask", json=UNKNOWN)
    client.post("/v1/ask", json=UNKNOWN)
    bad = client.post("/v1/ask", json={"question": "트램 1호선 총사업비는 얼마인가요?"}).json()
    rating = {"answer_id": bad["id"], "rating": "down", "comment": "옛 금액입니다"}
    client.post("/v1/feedback", json=rating)
    told = client.get("/v1/desk").json()
    assert (told["rated_down"], told["unanswered"], told["keeps_unanswered"]) == (1, 2, True)
    questions = [q for topic in told["topics"] for q in topic["questions"]]
    assert {(q["question"], q["times"], q["rated_down"]) for q in questions} == {
        ("달 기지 건설 예산은 얼마인가요?", 2, False),
        ("트램 1호선 총사업비는 얼마인가요?", 1, True),
    }
    assert next(q for q in questions if q["rated_down"])["comment"] == "옛 금액입니다"
    assert next(q for q in questions if q["rated_down"])["nearest"][0]["title"]
    assert "chief" not in json.dumps(told)


def test_by_default_questions_without_an_answer_are_not_kept(
    keyed: Callable[..., TestClient],
) -> None:
    client = keyed("admin")
    client.post("/v1/ask", json=UNKNOWN)
    told = client.get("/v1/desk").json()
    assert (told["keeps_unanswered"], told["unanswered"], told["topics"]) == (False, 0, [])


def test_the_page_is_served_under_the_strict_policy(answerer: Answerer) -> None:
    client = TestClient(create_app(load_settings(), answerer=answerer))
    page = client.get("/desk")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "style=" not in page.text
    for file in ("desk.js", "desk.css"):
        assert f"static/{file}" in page.text
        assert client.get(f"/static/{file}").status_code == 200


# -- what is kept, and for how long


def test_the_record_has_the_day_and_nothing_of_the_moment(
    store: FeedbackStore, tmp_path: Path
) -> None:
    put(store, "달 기지는?", "달 기지는?")
    store.flush()
    with sqlite3.connect(tmp_path / "feedback.sqlite") as db:
        [row] = db.execute("SELECT * FROM unanswered").fetchall()
        assert db.execute("SELECT count(*) FROM answers").fetchone() == (0,)
    assert row[1:4] == ("달 기지는?", "no_evidence", 2)
    assert len(row[0]) == len("2026-01-01")


def test_older_questions_are_deleted(
    store: FeedbackStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "오래된 질문")
    store.flush()
    later = time.time() + 7 * 86_400
    monkeypatch.setattr(feedback_module.time, "time", lambda: later)
    put(store, "새 질문")
    store.flush()
    with sqlite3.connect(tmp_path / "feedback.sqlite") as db:
        assert db.execute("SELECT question FROM unanswered").fetchall() == [("새 질문",)]


def test_only_so_many_are_kept(store: FeedbackStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_module, "MAX_UNANSWERED", 3)
    put(store, *(f"질문 {n}" for n in range(9)))
    assert len(store.missed(7)) == 3


def test_answered_questions_are_not_kept(store: FeedbackStore) -> None:
    store.remember(Question(question="?"), answer("?", "answered"))
    assert store.missed(7) == []


def test_near_articles_are_kept_with_leads(store: FeedbackStore) -> None:
    store.remember(Question(question="?"), answer("?", "related", citations=(citation(),)))
    [one] = store.missed(1)
    assert one.citations == (citation(),)


def test_a_file_from_before_there_was_a_desk_is_read(tmp_path: Path) -> None:
    before = FeedbackStore(tmp_path / "f.sqlite", keep_hours=24)
    before.remember(Question(question="?"), answer("?"))
    before.rate(Feedback(answer_id=answer("?").id, rating="down"))
    with sqlite3.connect(tmp_path / "f.sqlite") as db:
        db.execute("DROP TABLE unanswered")
    [one] = FeedbackStore(tmp_path / "f.sqlite", keep_hours=24).missed(7)
    assert one.is_rated_down


# -- topics


def missed(question: str, times: int = 1) -> Missed:
    from datetime import date

    return Missed(question, "no_evidence", False, times, date(2026, 1, 1))


def test_questions_with_the_same_words_are_one_topic() -> None:
    asked = [
        missed("달 기지 건설 예산은 얼마인가요?", 2),
        missed("달 기지 건설은 언제 끝나나요?"),
        missed("고래상어 수족관은 어디에 있나요?"),
    ]
    found = topics(asked, analyser(), equally)
    assert [(topic.times, len(topic.questions)) for topic in found] == [(3, 2), (1, 1)]
    assert {"달", "기지"} < set(found[0].label.split())
    assert topics(asked[::-1], analyser(), equally) == found


def test_a_topic_is_named_by_nouns() -> None:
    [topic] = topics([missed("새로 생기는 고래상어 수족관은 어디에 있나요?")], analyser(), equally)
    assert not {"생기", "있"} & set(topic.label.split())


def test_a_question_without_words_is_its_own_label() -> None:
    [topic] = topics([missed("?")], analyser(), equally)
    assert topic.label == "?"


def test_nothing_missed_is_no_topic(store: FeedbackStore) -> None:
    told = desk_of(store, 7, analyser(), equally)
    assert (told.topics, told.rated_down, told.unanswered) == ((), 0, 0)


# -- the command


def test_the_command_tells_the_same(
    index_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GISA_DESK_DAYS", "7")
    monkeypatch.setattr("service.wiring.build_analyser", lambda settings: analyser())
    store = FeedbackStore(tmp_path / "var" / "feedback.sqlite", keep_hours=0, desk_days=7)
    put(store, "달 기지는 어디인가요?")
    store.flush()
    run = CliRunner()
    as_json = run.invoke(command, ["desk", "--index", str(index_path), "--json"])
    assert json.loads(as_json.stdout)["unanswered"] == 1
    shown = run.invoke(command, ["desk", "--index", str(index_path), "--days", "30"]).stdout
    assert "달 기지는 어디인가요?" in shown
    assert run.invoke(command, ["desk", "--days", "0"]).exit_code == 2
