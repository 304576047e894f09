"""What becomes of an answer when the backend that was asked fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fake_llm_server import FakeServer, Reply
from fastapi.testclient import TestClient
from hash_embedder import HashEmbedder
from pydantic import SecretStr
from scripted_backend import (
    Script,
    ScriptedBackend,
    broken_off,
    invented_markers,
    stalling,
    swapped_numbers,
)
from small_index import index_over
from test_answer import check_citations

from index import Index
from service import create_app, wiring
from service.answer import Answerer
from service.errors import (
    LLMError,
    LLMRefused,
    LLMTimeout,
    LLMTruncated,
    LLMUnavailable,
    SettingsInvalid,
)
from service.events import DoneEvent, SentenceEvent
from service.generate.extractive import ExtractiveBackend
from service.generate.guard import GuardedBackend, Patience
from service.generate.stub import first_sentences
from service.schema import Answer, Question
from service.settings import Settings, describe_settings

ERRORS = [
    LLMUnavailable("away"),
    LLMTimeout("late"),
    LLMRefused("no"),
    LLMTruncated("cut"),
    LLMError("something else"),
]
QUESTION = "트램 1호선 총사업비는 얼마인가?"
KEY = "sk-secret-of-the-test"


@pytest.fixture(scope="module")
def index(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with index_over(engine, tmp_path_factory.mktemp("fallback")) as index:
        yield index


def answerer(index: Index, script: Script, *, patience: Patience | None = None) -> Answerer:
    scripted = ScriptedBackend(script, name="model")
    model = GuardedBackend(scripted, patience=patience or Patience(retries=0))
    backends = (model, ExtractiveBackend(index.analyser, index.idf))
    return Answerer(index, {b.name: b for b in backends}, default_backend="model")


def ask(index: Index, script: Script, **options: Patience) -> Answer:
    service = answerer(index, script, **options)
    answer = asyncio.run(service.answer(Question(question=QUESTION)))
    check_citations(index, answer)
    return answer


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_one_that_fails_at_once_is_replaced(
    index: Index, error: LLMError, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(index, lambda prompt: ["우주선이 내렸다.[1] 그리고", error])
    assert (answer.status, answer.backend) == ("answered", "extractive")
    assert (answer.fallback_from, answer.failure) == ("model", error.code)
    assert not answer.incomplete
    assert "4,820억 원" in answer.text
    assert answer.dropped_sentences == 0
    [record] = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert record.getMessage().startswith(f"{error.code}: {error}")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_what_was_verified_before_it_broke_off_stays(index: Index, error: LLMError) -> None:
    answer = ask(index, partial(broken_off, error=error))
    whole = ask(index, first_sentences)
    assert (answer.status, answer.backend, answer.fallback_from) == ("answered", "model", None)
    assert (answer.incomplete, answer.failure) == (True, error.code)
    assert answer.sentences == whole.sentences[:-1]  # and none of the half sentence
    assert answer.dropped_sentences == 0


def test_an_answer_without_trouble_says_nothing_of_any(index: Index) -> None:
    answer = ask(index, first_sentences)
    assert (answer.fallback_from, answer.failure, answer.incomplete) == (None, None, False)


def test_one_that_stalls(index: Index) -> None:
    patience = Patience(first_token_s=5, total_s=0.2)
    answer = ask(index, stalling, patience=patience)
    assert answer.failure == "llm_timeout"
    assert answer.incomplete
    assert len(answer.sentences) == 1


def test_invented_markers_are_repaired_and_swapped_numbers_dropped(index: Index) -> None:
    right = ask(index, first_sentences)
    invented = ask(index, invented_markers)
    assert [s.text for s in invented.sentences] == [s.text for s in right.sentences]
    assert {s.support for s in invented.sentences} == {"quoted"}
    swapped = ask(index, swapped_numbers)
    assert swapped.dropped_sentences >= 1
    assert "41일" not in swapped.text


def test_without_a_fallback_it_is_an_error(index: Index) -> None:
    error = LLMTimeout("late")
    model = ScriptedBackend(lambda prompt: [error])
    service = Answerer(index, {"model": model}, default_backend="model")
    with pytest.raises(LLMTimeout):
        asyncio.run(service.answer(Question(question=QUESTION)))


def test_the_fallback_streams_too(index: Index) -> None:
    async def collect() -> list[object]:
        service = answerer(index, lambda prompt: [LLMUnavailable("away")])
        return [event async for event in service.events(Question(question=QUESTION))]

    events = asyncio.run(collect())
    sentences = [e.sentence for e in events if isinstance(e, SentenceEvent)]
    done = events[-1]
    assert isinstance(done, DoneEvent)
    assert tuple(sentences) == done.answer.sentences != ()


def test_readyz_shows_the_breaker(index: Index, tmp_path: Path) -> None:
    service = answerer(index, lambda prompt: [LLMUnavailable("away")])
    client = TestClient(create_app(Settings(), answerer=service))
    assert client.get("/readyz").json()["breakers"] == {"model": "closed"}
    for _ in range(5):
        told = client.post("/v1/ask", json={"question": QUESTION}).json()
        assert (told["fallback_from"], told["failure"]) == ("model", "llm_unavailable")
    ready = client.get("/readyz").json()
    assert (ready["breakers"], ready["status"]) == ({"model": "open"}, "ready")


# -- from settings to an answer -------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer().running() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_model_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wiring, "build_embedder", lambda settings: HashEmbedder())


def test_models_that_are_configured_answer(index_path: Path, server: FakeServer) -> None:
    server.replies = [Reply(("총사업비는 4820억 ", "원이다.[1] 비", "밀은 없다.[1]"))]
    settings = Settings(
        index=index_path,
        backend="openai",
        llm_base_url=f"{server.url}/v1",
        llm_model="m",
        llm_api_key=SecretStr(KEY),
        anthropic_base_url=server.url,
        anthropic_model="m",
        anthropic_api_key=SecretStr(KEY),
        judge="none",  # whose calls are not what is counted here
    )
    service = wiring.open_answerer(settings)
    assert KEY not in str(describe_settings(settings)) + repr(settings)
    with service.index as index:
        for name in ("openai", "anthropic"):
            question = Question(question=QUESTION, backend=name)
            answer = asyncio.run(service.answer(question))
            check_citations(index, answer)
            assert (answer.backend, answer.text) == (name, "총사업비는 4820억 원이다.[1]")
            assert answer.dropped_sentences == 1
    assert [request.path for request in server.requests] == ["/v1/chat/completions", "/v1/messages"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backend": "openai"}, "needs GISA_LLM_MODEL"),
        ({"backend": "anthropic"}, "needs GISA_ANTHROPIC_MODEL"),
        ({"anthropic_model": "m"}, "needs GISA_ANTHROPIC_API_KEY"),
        ({"backend": "gpt"}, "there are extractive, stub"),
    ],
)
def test_what_is_missing_is_told_at_the_start(
    index_path: Path, fields: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        wiring.open_answerer(Settings(index=index_path, **fields))  # type: ignore[arg-type]


def test_the_stub_is_there_only_where_it_is_configured(index_path: Path) -> None:
    asked = {"question": QUESTION, "backend": "stub"}
    settings = Settings(index=index_path)
    service = wiring.open_answerer(settings)
    with TestClient(create_app(settings, answerer=service)) as client:
        refused = client.post("/v1/ask", json=asked)
        assert "gisa-stub" not in client.get("/v1/models").text
    assert refused.status_code == 422
    assert "'stub'라는 백엔드가 없습니다. 쓸 수 있는 것: extractive" in refused.json()["detail"]

    settings = Settings(index=index_path, backend="stub")
    service = wiring.open_answerer(settings)
    with TestClient(create_app(settings, answerer=service)) as client:
        answers = [
            client.post("/v1/ask", json=body).json() for body in (asked, {**asked, "backend": None})
        ]
    assert {answer["backend"] for answer in answers} == {"stub"}
    assert answers[0]["text"] == answers[1]["text"]
    assert answers[0]["citations"]


def test_a_package_that_is_missing_is_told(
    index_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    with pytest.raises(SettingsInvalid, match="'openai' is not installed") as caught:
        wiring.open_answerer(Settings(index=index_path, llm_model="m"))
    assert "gisa[openai]" in caught.value.remedy
