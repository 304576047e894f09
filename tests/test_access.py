"""Who may come in, how often and how many at once; what becomes of those who leave or stay too long."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from asgi_caller import Caller
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from typer.testing import CliRunner

from service import create_app
from service.answer import Answerer
from service.api.tracing import Tracing
from service.cli import app as command
from service.errors import SettingsInvalid, TooManyRequests
from service.generate.prompt import Prompt
from service.generate.stub import first_sentences
from service.server import refuse_public_address
from service.serving.keys import Keys, new_key
from service.serving.limits import MAX_CALLERS, RateLimiter
from service.settings import Settings, describe_settings, load_settings

QUESTION = {"question": "트램 1호선 총사업비는 얼마인가요?"}


class PausingBackend:
    """Says its first sentence, then nothing until it is let go or left alone."""

    name = "pausing"

    def __init__(self) -> None:
        self.waiting, self.go_on = asyncio.Event(), asyncio.Event()
        self.ended_by: BaseException | None = None

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        first, *rest = first_sentences(prompt)
        yield first + "그리고 "
        self.waiting.set()
        try:
            await self.go_on.wait()
        except BaseException as error:
            self.ended_by = error
            raise
        for piece in rest:
            yield piece


@pytest.fixture
def settings(index_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings(index=index_path)


@pytest.fixture
def make_app(settings: Settings, answerer: Answerer) -> Callable[..., FastAPI]:
    def make(**changes: object) -> FastAPI:
        return create_app(settings.model_copy(update=changes), answerer=answerer)

    return make


# -- keys -------------------------------------------------------------------------------------


@pytest.fixture
def keyed(settings: Settings, answerer: Answerer) -> tuple[TestClient, str, str]:
    """A client of an app that asks for keys, a key to ask with, and an admin's."""
    (reader, one), (admin, two) = new_key("desk", "ask"), new_key("chief", "admin")
    locked = load_settings(index=settings.index, auth="keys", api_keys=f"{one} {two}")
    return TestClient(create_app(locked, answerer=answerer)), reader, admin


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/ask"),
        ("POST", "/v1/search"),
        ("GET", "/v1/articles/library"),
        ("DELETE", "/v1/articles/library"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("POST", "/v1/feedback"),
        ("GET", "/v1/nothing"),
        ("POST", "/mcp"),
        ("GET", "/metrics"),
    ],
)
@pytest.mark.parametrize(
    "header", [None, "Bearer ", "Bearer gisa_wrong", "Basic Z2lzYTpnaXNh", "Bearer \xff"]
)
def test_nothing_is_told_without_a_key(
    keyed: tuple[TestClient, str, str], method: str, path: str, header: str | None
) -> None:
    headers = [("Authorization", header.encode("latin-1"))] if header else []
    reply = keyed[0].request(method, path, headers=headers)
    assert reply.status_code == 401
    assert reply.json()["code"] == "key_unknown"
    assert reply.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/healthz", "/readyz", "/openapi.json"])
def test_page_and_health_are_open(keyed: tuple[TestClient, str, str], path: str) -> None:
    assert keyed[0].get(path).status_code == 200


def test_a_key_lets_in_and_its_name_is_logged(
    keyed: tuple[TestClient, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    client, key, _ = keyed
    caplog.set_level(logging.INFO, "service.requests")
    assert client.post("/v1/ask", json=QUESTION, headers=bearer(key)).status_code == 200
    assert client.get("/metrics", headers=bearer(key)).status_code == 200
    assert caplog.records[0].__dict__["facts"]["caller"] == "desk"
    assert key not in caplog.text + str([record.__dict__ for record in caplog.records])


def test_only_an_admin_changes_the_index(keyed: tuple[TestClient, str, str]) -> None:
    client, reader, admin = keyed
    article = {"articles": [{"id": "x", "body": "본문이다."}]}
    for reply in (
        client.post("/v1/articles", json=article, headers=bearer(reader)),
        client.delete("/v1/articles/library", headers=bearer(reader)),
    ):
        assert reply.status_code == 403
        assert reply.json()["code"] == "not_allowed"
    assert client.delete("/v1/articles/nothing", headers=bearer(admin)).status_code == 404


def test_without_keys_nobody_changes_the_index(make_app: Callable[..., FastAPI]) -> None:
    assert TestClient(make_app()).delete("/v1/articles/library").status_code == 403


def test_the_document_says_where_a_key_is_needed(keyed: tuple[TestClient, str, str]) -> None:
    document = keyed[0].get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["paths"]["/v1/ask"]["post"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_a_key_is_kept_as_a_hash_alone() -> None:
    key, entry = new_key("desk", "ask")
    assert key not in entry
    assert re.fullmatch(r"desk:ask:[0-9a-f]{64}", entry)
    keys = Keys.parse(f"{entry},{new_key('b', 'admin')[1]}")
    caller = keys.caller(key)
    assert caller is not None
    assert (caller.name, caller.role, len(keys)) == ("desk", "ask", 2)
    assert keys.caller(entry.split(":")[2]) is None


@pytest.mark.parametrize("entry", ["desk", "desk:ask:123", "desk:root:" + "0" * 64, "gisa_secret"])
def test_an_entry_that_is_none_is_refused_without_showing_it(
    settings: Settings, entry: str
) -> None:
    locked = load_settings(index=settings.index, auth="keys", api_keys=entry)
    with pytest.raises(SettingsInvalid, match="entry 1") as refused:
        create_app(locked)
    assert entry not in str(refused.value)
    [row] = [row for row in describe_settings(locked) if row["name"] == "GISA_API_KEYS"]
    assert row["value"] == "********"


def test_asking_for_keys_without_having_any_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsInvalid, match="GISA_API_KEYS is empty"):
        create_app(load_settings(index=settings.index, auth="keys"))


def test_keys_permit_a_public_address(settings: Settings) -> None:
    refuse_public_address(settings.model_copy(update={"host": "0.0.0.0", "auth": "keys"}))


def test_the_command_makes_keys() -> None:
    shown = CliRunner().invoke(command, ["key", "desk", "--role", "admin"]).stdout
    key, entry = (line.split()[1] for line in shown.splitlines())
    caller = Keys.parse(entry).caller(key)
    assert caller is not None
    assert caller.role == "admin"
    assert CliRunner().invoke(command, ["key", "two words"]).exit_code == 1
    assert CliRunner().invoke(command, ["key", "desk", "--role", "root"]).exit_code == 2


# -- limits -----------------------------------------------------------------------------------


@given(st.integers(1, 200), st.lists(st.floats(0, 90), min_size=1, max_size=300))
def test_no_minute_sees_more_than_twice_the_limit(per_minute: int, pauses: list[float]) -> None:
    now, admitted = 0.0, []
    limiter = RateLimiter(per_minute, clock=lambda: now)
    for pause in pauses:
        now += pause / per_minute
        with suppress(TooManyRequests):
            limiter.admit("a")
            admitted.append(now)
    for start in admitted:
        within = [at for at in admitted if start <= at < start + 60]
        assert len(within) <= 2 * per_minute  # a full bucket, and what runs in meanwhile


def test_a_refused_caller_is_told_when_to_come_back() -> None:
    now = 0.0
    limiter = RateLimiter(30, clock=lambda: now)
    for _ in range(30):
        limiter.admit("a")
    with pytest.raises(TooManyRequests) as refused:
        limiter.admit("a")
    limiter.admit("b")
    now += refused.value.retry_after_s
    limiter.admit("a")
    with pytest.raises(TooManyRequests):
        limiter.admit("a")


def test_callers_are_not_remembered_for_ever() -> None:
    limiter = RateLimiter(10)
    for number in range(MAX_CALLERS + 50):
        limiter.admit(str(number))
    assert len(limiter._paid_until) == MAX_CALLERS


def test_asking_too_often_gets_429(make_app: Callable[..., FastAPI]) -> None:
    client = TestClient(make_app(rate_limit_per_minute=2))
    statuses = [client.post("/v1/search", json=QUESTION).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    reply = client.get("/v1/models")
    assert reply.json()["code"] == "too_many_requests"
    assert 0 < int(reply.headers["retry-after"]) <= 30
    assert client.get("/healthz").status_code == 200


def pausing(answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> PausingBackend:
    backend = PausingBackend()
    monkeypatch.setitem(answerer.backends, backend.name, backend)  # type: ignore[arg-type]
    return backend


ASKED = QUESTION | {"backend": "pausing"}


def test_more_questions_than_there_is_room_for_get_503(
    make_app: Callable[..., FastAPI], answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        app = make_app(max_concurrent=1)
        backend = pausing(answerer, monkeypatch)
        first = Caller(app, "/v1/ask", ASKED, accept="text/event-stream")
        request = asyncio.create_task(first.run())
        await first.arrived.wait()
        second = Caller(app, "/v1/ask", ASKED)
        await second.run()
        assert second.status == 503
        assert b'"overloaded"' in second.reply
        backend.go_on.set()
        await request
        assert b"event: done" in first.reply
        third = Caller(app, "/v1/ask", QUESTION)
        await third.run()
        assert third.status == 200

    asyncio.run(story())


# -- leaving, and being sent away -----------------------------------------------------------------


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_work_stops_when_the_caller_goes_away(
    make_app: Callable[..., FastAPI],
    answerer: Answerer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    accept: str,
) -> None:
    caplog.set_level(logging.INFO, "service.requests")

    async def story() -> None:
        app = make_app(max_concurrent=1)
        backend = pausing(answerer, monkeypatch)
        caller = Caller(app, "/v1/ask", ASKED, accept=accept)
        request = asyncio.create_task(caller.run())
        await backend.waiting.wait()
        caller.leave()
        await request
        assert isinstance(backend.ended_by, asyncio.CancelledError)
        assert app.state.gateway._capacity.used == 0
        assert "gisa_disconnects_total 1.0" in app.state.metrics.text().decode()

    asyncio.run(story())
    [record] = caplog.records
    assert record.__dict__["facts"]["disconnected"] is True


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_stopping_service_ends_answers_with_a_word(
    make_app: Callable[..., FastAPI],
    answerer: Answerer,
    monkeypatch: pytest.MonkeyPatch,
    accept: str,
) -> None:
    async def story() -> None:
        app = make_app()
        backend = pausing(answerer, monkeypatch)
        caller = Caller(app, "/v1/ask", ASKED, accept=accept)
        request = asyncio.create_task(caller.run())
        await backend.waiting.wait()
        app.state.shutdown.stop()
        await request
        assert b'"shutting_down"' in caller.reply
        if accept == "text/event-stream":
            assert caller.reply.count(b"event: error") == 1
            assert caller.reply.endswith(b"\n\n")
        else:
            assert caller.status == 503
        late = Caller(app, "/v1/ask", QUESTION)
        await late.run()
        assert late.status == 503

    asyncio.run(story())


# -- what operators see -------------------------------------------------------------------------


def figures(client: TestClient) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_metrics_count_what_happens(make_app: Callable[..., FastAPI]) -> None:
    client = TestClient(make_app())
    client.post("/v1/ask", json=QUESTION)
    client.post("/v1/ask", json=QUESTION | {"filters": {"press": ["없는신문"]}})
    client.post("/v1/ask", json=QUESTION | {"backend": "slow"})
    client.post("/v1/search", json=QUESTION)
    client.get("/v1/articles/library")
    client.get("/wp-admin.php")
    client.request("BREW", "/v1/ask")
    told = figures(client)
    assert told['gisa_answers_total{backend="stub",status="answered"}'] == 1
    assert told['gisa_answers_total{backend="stub",status="no_match"}'] == 1
    assert told['gisa_backend_errors_total{backend="slow",code="llm_timeout"}'] == 1
    assert told['gisa_problems_total{code="llm_timeout"}'] == 1
    assert told['gisa_requests_total{method="POST",route="/v1/ask",status="200"}'] == 2
    assert told['gisa_requests_total{method="GET",route="other",status="404"}'] == 1
    assert told['gisa_requests_total{method="other",route="/v1/ask",status="405"}'] == 1
    for stage in ("understand", "retrieve", "compose", "verify", "search"):
        assert told[f'gisa_stage_seconds_count{{stage="{stage}"}}'] >= 1
    assert told["gisa_index_generation"] == 1
    assert told["gisa_requests_in_progress"] == 1  # this one
    article = (
        'gisa_requests_total{method="GET",route="/v1/articles/{article_id:path}",status="200"}'
    )
    assert told[article] == 1


def test_dropped_sentences_are_counted(
    make_app: Callable[..., FastAPI], answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Inventing:
        name = "inventing"

        async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
            yield "총사업비는 9조 9,999억 원이라고 대통령이 밝혔다.[1] "

    monkeypatch.setitem(answerer.backends, "inventing", Inventing())  # type: ignore[arg-type]
    client = TestClient(make_app())
    client.post("/v1/ask", json=QUESTION | {"backend": "inventing"})
    assert figures(client)["gisa_dropped_sentences_total"] == 1


def test_a_request_is_a_span_with_its_stages(make_app: Callable[..., FastAPI]) -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    client = TestClient(Tracing(make_app(), tracer=provider.get_tracer("test")))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.post("/v1/ask", json=QUESTION, headers={"traceparent": parent})
    [span] = spans.get_finished_spans()
    assert span.name == "POST /v1/ask"
    assert f"{span.context.trace_id:032x}" == parent.split("-")[1]
    told = dict(span.attributes or {})
    assert told["http.response.status_code"] == 200
    assert told["gisa.answer.status"] == "answered"
    assert "gisa.stage.retrieve_ms" in told
    assert "총사업비" not in str(told)


def test_traces_are_sent_where_the_settings_say(settings: Settings) -> None:
    traced = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:9/v1/traces"})
    app = create_app(traced)
    assert any(middleware.cls is Tracing for middleware in app.user_middleware)
