"""What readers say of answers: over HTTP, in the store, and as evaluation data."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import small_index
from fastapi.testclient import TestClient
from small_citation import citation
from small_index import LIBRARY, TRAM
from typer.testing import CliRunner

from index import SEOUL
from service import create_app
from service.answer import Answerer
from service.cli import app as command
from service.errors import AnswerUnknown, FeedbackUnavailable
from service.evaluation.datasets import Dataset, GoldQuestion
from service.evaluation.judge import Judge
from service.evaluation.run import with_ids
from service.schema import Answer, Interpreted, Question
from service.serving import feedback as feedback_module
from service.serving.feedback import Feedback, FeedbackStore
from service.settings import Settings, load_settings

QUESTION = "트램 1호선 총사업비는 얼마인가요?"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings()


@pytest.fixture
def client(settings: Settings, answerer: Answerer) -> TestClient:
    return TestClient(create_app(settings, answerer=answerer))


def answer(answer_id: str = "a1", **fields: Any) -> Answer:
    return Answer(
        id=answer_id,
        question="?",
        status="no_evidence",
        text="기사에서 찾지 못했습니다.",
        interpreted=Interpreted(standalone_question="?"),
        backend="stub",
        generation=1,
        timings_ms={},
    ).model_copy(update=fields)


@pytest.fixture
def store(tmp_path: Path) -> FeedbackStore:
    return FeedbackStore(tmp_path / "deep" / "feedback.sqlite", keep_hours=24)


UP = Feedback(answer_id="a1", rating="up")


def test_an_approved_answer_becomes_a_question_with_a_known_answer(client: TestClient) -> None:
    told = client.post("/v1/ask", json={"question": QUESTION, "now": "2026-01-05T10:00:00"}).json()
    rated = {"answer_id": told["id"], "rating": "up", "comment": "좋아요"}
    assert client.post("/v1/feedback", json=rated).status_code == 204
    [line] = CliRunner().invoke(command, ["feedback", "export"]).stdout.splitlines()
    record = json.loads(line)
    gold = GoldQuestion.model_validate(record)
    assert gold.question == QUESTION
    assert gold.answers == tuple(citation["quote"] for citation in told["citations"])
    assert f"{TRAM.press}/{TRAM.id}" in gold.article_ids
    assert gold.now is not None
    assert gold.now.isoformat() == "2026-01-05T10:00:00+09:00"
    assert record["comment"] == "좋아요"


def test_an_exported_row_names_the_article_of_its_source(
    settings: Settings, tmp_path: Path
) -> None:
    """An article with the same id in another source is no right one."""
    other = replace(LIBRARY, id=TRAM.id)
    small_index.build(tmp_path / "index", (other, TRAM))
    answerer = small_index.open_answerer(tmp_path / "index")
    with answerer.index:
        client = TestClient(create_app(settings, answerer=answerer))
        told = client.post("/v1/ask", json={"question": QUESTION}).json()
        cited = [c for c in told["citations"] if c["press"] == TRAM.press][:1]
        assert cited[0]["article_id"] == TRAM.id
        client.post("/v1/feedback", json={"answer_id": told["id"], "rating": "up"})
        [line] = CliRunner().invoke(command, ["feedback", "export"]).stdout.splitlines()
        gold = GoldQuestion.model_validate_json(line)
        name = f"{TRAM.press}/{TRAM.id}"
        assert name in gold.article_ids
        assert answerer.index.article(name).body == TRAM.body  # type: ignore[union-attr]
        only = gold.model_copy(update={"article_ids": (name,)})
        dataset = Dataset((only,), None)
        assert with_ids(dataset, answerer.index).questions == (only,)
        judge = Judge.of(answerer.index, datetime(2026, 1, 5, tzinfo=SEOUL))
        right, wrong = (citation(article_id=TRAM.id, source=a.press) for a in (TRAM, other))
        assert [judge._is_right(only, c) for c in (right, wrong)] == [True, False]


def test_the_last_word_counts(client: TestClient) -> None:
    told = client.post("/v1/ask", json={"question": QUESTION}).json()
    for rating in ("up", "down"):
        client.post("/v1/feedback", json={"answer_id": told["id"], "rating": rating})
    run = CliRunner()
    assert run.invoke(command, ["feedback", "export"]).stdout == ""
    record = json.loads(run.invoke(command, ["feedback", "export", "--rating", "down"]).stdout)
    assert record["given"] == told["text"]
    assert record["answers"] is None  # nobody knows yet what the right one is


def test_an_unknown_answer_can_not_be_rated(client: TestClient) -> None:
    reply = client.post("/v1/feedback", json={"answer_id": "x", "rating": "up"})
    assert reply.status_code == 404
    assert reply.json()["code"] == "answer_unknown"


@pytest.mark.parametrize(
    "body", [{}, {"answer_id": "x"}, {"answer_id": "x", "rating": "meh"}, {"answer_id": "x", "rating": "up", "by": "me"}]
)  # fmt: skip
def test_what_is_no_rating_is_refused(client: TestClient, body: dict[str, str]) -> None:
    assert client.post("/v1/feedback", json=body).status_code == 422


def test_the_service_writes_answers_as_it_runs(settings: Settings, answerer: Answerer) -> None:
    app = create_app(settings, answerer=answerer)
    app.state.readiness.close = lambda: None  # the index is the module's
    with TestClient(app) as client:
        answer_id = client.post("/v1/ask", json={"question": QUESTION}).json()["id"]
    elsewhere = FeedbackStore(settings.feedback, keep_hours=24)
    elsewhere.rate(Feedback(answer_id=answer_id, rating="up"))


def test_another_process_can_rate_what_was_written(store: FeedbackStore, tmp_path: Path) -> None:
    store.remember(Question(question="?"), answer())
    other = FeedbackStore(tmp_path / "deep" / "feedback.sqlite", keep_hours=24)
    with pytest.raises(AnswerUnknown):
        other.rate(UP)
    store.flush()
    other.rate(UP)
    [record] = other.rated("up")
    assert (record["answers"], record["article_ids"]) == ([], [])


def test_approved_leads_are_no_known_answer(store: FeedbackStore) -> None:
    store.remember(Question(question="?"), answer(status="related", citations=(citation(),)))
    store.rate(UP)
    [record] = store.rated("up")
    assert (record["answers"], record["article_ids"]) == (None, [])


def test_answers_are_forgotten_unless_they_were_rated(
    store: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a1", "a2"):
        store.remember(Question(question="?"), answer(name))
    store.rate(UP)
    day_after = time.time() + 25 * 3_600
    monkeypatch.setattr(feedback_module.time, "time", lambda: day_after)
    store.remember(Question(question="?"), answer("a3"))
    store.flush()
    with pytest.raises(AnswerUnknown):
        store.rate(Feedback(answer_id="a2", rating="up"))
    assert [record["id"] for record in store.rated("up")] == ["a1"]


def test_without_hours_nothing_is_kept(tmp_path: Path) -> None:
    store = FeedbackStore(tmp_path / "f.sqlite", keep_hours=0)
    store.remember(Question(question="?"), answer())
    with pytest.raises(AnswerUnknown):
        store.rate(UP)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    path.write_text("이것은 데이터베이스가 아니다. " * 100)
    store = FeedbackStore(path, keep_hours=1)
    store.remember(Question(question="?"), answer())
    with pytest.raises(FeedbackUnavailable, match=r"f\.sqlite"):
        store.flush()
    with pytest.raises(FeedbackUnavailable):
        list(FeedbackStore(tmp_path / "none", keep_hours=1).rated("up"))
