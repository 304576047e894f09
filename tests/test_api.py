"""The HTTP interface, over a real index of a few articles."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import small_index
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hash_embedder import HashEmbedder
from small_index import LIBRARY, TRAM

from index import GisaError, IndexNotFound
from index.protocols import Vectors
from service import create_app
from service.answer import Answerer
from service.api.middleware import MAX_BODY_BYTES, SECURITY_HEADERS
from service.errors import SettingsInvalid
from service.schema import Answer
from service.server import JsonLines, refuse_public_address
from service.serving import readiness as readiness_module
from service.serving.readiness import Readiness
from service.settings import Settings, load_settings

QUESTION = "트램 1호선 총사업비는 얼마인가요?"
JSON = {"Content-Type": "application/json"}
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def settings(index_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)  # no gisa.toml or .env of the developer's
    return load_settings(index=index_path)


@pytest.fixture
def app(settings: Settings, answerer: Answerer) -> FastAPI:
    return create_app(settings, answerer=answerer)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)  # not entered: closing the app would close the index of the module


def problem(reply: Any) -> dict[str, Any]:
    """The problem of an error reply, which must be one."""
    assert reply.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = reply.json()
    assert told["status"] == reply.status_code
    assert told["type"] == f"urn:gisa:problem:{told['code']}"
    assert any("가" <= char <= "힣" for char in told["title"])
    return told


def events(reply: Any) -> list[tuple[str, Any]]:
    assert reply.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in reply.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


# -- asking -------------------------------------------------------------------------------------


def test_an_answer_cites_the_very_words_of_articles(client: TestClient) -> None:
    reply = client.post("/v1/ask", json={"question": QUESTION})
    assert reply.status_code == 200
    answer = reply.json()
    assert set(answer) == set(Answer.model_fields)
    assert answer["status"] == "answered"
    assert answer["citations"]
    for citation in answer["citations"]:
        article = client.get(f"/v1/articles/{citation['article_id']}").json()
        assert article["body"][citation["start"] : citation["end"]] == citation["quote"]


def test_a_stream_tells_the_same_answer_step_by_step(client: TestClient) -> None:
    whole = client.post("/v1/ask", json={"question": QUESTION}).json()
    reply = client.post("/v1/ask", json={"question": QUESTION}, headers=STREAM)
    told = events(reply)
    names = [name for name, _ in told]
    count = len(whole["sentences"])
    assert names == ["interpreted", "passages", *["sentence"] * count, "done"]
    assert told[0][1] == whole["interpreted"]
    assert told[1][1]["hits"][0]["passage"]["text"] in TRAM.body
    assert [data["sentence"] for name, data in told if name == "sentence"] == whole["sentences"]
    assert all(data["citations"] for name, data in told if name == "sentence")
    for own in ("id", "timings_ms"):
        assert told[-1][1].pop(own) != whole.pop(own)
    assert told[-1][1] == whole


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("application/json, Text/Event-Stream;q=0.9", True),
        ("application/json", False),
        ("*/*", False),
    ],
)
def test_it_streams_only_when_asked_to(client: TestClient, accept: str, streams: bool) -> None:
    reply = client.post("/v1/ask", json={"question": QUESTION}, headers={"Accept": accept})
    assert reply.headers["content-type"].startswith("text/event-stream") == streams


def test_filters_that_leave_nothing_are_an_answer_without_citations(client: TestClient) -> None:
    filters = {"published_from": "2031-01-01", "press": ["해담일보"]}
    answer = client.post("/v1/ask", json={"question": QUESTION, "filters": filters}).json()
    assert answer["status"] == "no_match"
    assert answer["citations"] == answer["sentences"] == []
    assert "찾지 못했습니다" in answer["text"]


@pytest.mark.parametrize("headers", [{}, STREAM])
def test_an_unknown_backend_is_the_callers_mistake(
    client: TestClient, headers: dict[str, str]
) -> None:
    body = {"question": QUESTION, "backend": "gpt-9"}
    reply = client.post("/v1/ask", json=body, headers=headers)
    assert reply.status_code == 422
    assert problem(reply)["code"] == "question_invalid"
    assert "gpt-9" in problem(reply)["detail"]


@pytest.mark.parametrize(
    ("backend", "status", "code"), [("slow", 503, "llm_timeout"), ("buggy", 500, "internal_error")]
)
def test_a_failing_backend_is_told_without_its_secrets(
    client: TestClient, backend: str, status: int, code: str
) -> None:
    body = {"question": QUESTION, "backend": backend}
    reply = client.post("/v1/ask", json=body)
    assert reply.status_code == status
    assert problem(reply)["code"] == code
    assert ("retry-after" in reply.headers) == (status == 503)
    name, told = events(client.post("/v1/ask", json=body, headers=STREAM))[-1]
    assert name == "error"
    assert told == problem(reply)
    for secret in ("10.0.0.7", "secret", "KeyError"):
        assert secret not in reply.text


def test_an_unexpected_error_is_logged_with_its_traceback(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    reply = client.post("/v1/ask", json={"question": QUESTION, "backend": "buggy"})
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert "KeyError" in record.getMessage()
    assert reply.headers["x-request-id"]


# -- what is wrong with a request ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "question", "빠져"),
        ({"question": "  "}, "question", "비어"),
        ({"question": "가" * 1_001}, "question", "1,001자"),
        ({"question": "가\x00나"}, "question", "제어 문자"),
        ({"question": 7}, "question", "글자"),
        ({"question": "?", "colour": "red"}, "colour", "알 수 없는"),
        ({"question": "?", "\ud800": 1}, "", "글자로 읽을 수 없는"),
        ({"question": "?", "top_k": 51}, "top_k", "50 이하"),
        ({"question": "?", "top_k": 0}, "top_k", "1 이상"),
        ({"question": "?", "top_k": "x"}, "top_k", "정수"),
        ({"question": "?", "now": "어제"}, "now", "2026-03-31T09:00:00+09:00"),
        ({"question": "?", "filters": {"published_from": "3월"}}, "filters.published_from", "2026"),
        ({"question": "?", "filters": {"press": "해담"}}, "filters.press", "목록"),
        ({"question": "?", "filters": {"press": ["가"] * 51}}, "filters.press", "50개"),
        (
            {
                "question": "?",
                "filters": {"published_from": "2026-02-01", "published_to": "2026-01-01"},
            },
            "filters",
            "늦습니다",
        ),
        (
            {"question": "?", "conversation": [{"role": "system", "content": ""}]},
            "conversation.0.role",
            "쓸 수 있는 값",
        ),
        ([], "", "JSON 객체"),
    ],
)
def test_each_mistake_is_named_in_korean(
    client: TestClient, body: Any, field: str, message: str
) -> None:
    reply = client.post("/v1/ask", content=json.dumps(body), headers=JSON)
    assert reply.status_code == 422
    told = problem(reply)
    assert told["code"] == "invalid_request"
    [error] = told["errors"]
    assert error["field"] == field
    assert message in error["message"]
    assert message in told["detail"]


@pytest.mark.parametrize(
    "body", [b"{", b'{"question": "\xff"}', b"[" * 100_000, b'{"question": ' + b"9" * 5_000 + b"}"]
)
def test_what_is_no_json_gets_400(client: TestClient, body: bytes) -> None:
    reply = client.post("/v1/ask", content=body, headers=JSON)
    assert reply.status_code == 400
    assert problem(reply)["code"] == "malformed_json"


def test_half_a_character_is_refused(client: TestClient) -> None:
    reply = client.post("/v1/ask", content=b'{"question": "\\ud83d"}', headers=JSON)
    assert reply.status_code == 422
    assert problem(reply)["errors"][0]["field"] == "question"


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search"])
def test_other_bodies_than_json_get_415(
    client: TestClient, path: str, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    reply = client.post(path, content=b'{"question": "?"}', headers=headers)
    assert reply.status_code == 415
    assert problem(reply)["code"] == "unsupported_media_type"


def _question_of(size: int) -> bytes:
    body = json.dumps({"question": QUESTION}).encode()
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_over_one_mebibyte_get_413(client: TestClient, chunked: bool) -> None:
    def send(size: int) -> Any:
        whole = _question_of(size)
        parts = (whole[at : at + 65_536] for at in range(0, size, 65_536))
        return client.post("/v1/ask", content=parts if chunked else whole, headers=JSON)

    assert send(MAX_BODY_BYTES).status_code == 200
    reply = send(MAX_BODY_BYTES + 1)
    assert reply.status_code == 413
    assert problem(reply)["code"] == "body_too_large"


def test_a_body_too_large_is_refused_by_its_header_alone(client: TestClient) -> None:
    reply = client.post("/v1/nothing", content=_question_of(MAX_BODY_BYTES + 1))
    assert problem(reply)["code"] == "body_too_large"


@pytest.mark.parametrize("path", ["/v1/nothing", "/static/nothing.js", "/static/../app.py"])
def test_unknown_addresses_get_404(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    assert problem(reply)["code"] == "not_found"


def test_the_wrong_method_gets_405_and_is_told_the_right_one(client: TestClient) -> None:
    reply = client.get("/v1/ask")
    assert reply.status_code == 405
    assert problem(reply)["code"] == "method_not_allowed"
    assert reply.headers["allow"] == "POST"


# -- searching, reading --------------------------------------------------------------------------


def test_search_returns_passages_with_their_articles(client: TestClient) -> None:
    reply = client.post("/v1/search", json={"question": "총사업비 4,820억 원", "k": 2})
    hits = reply.json()["hits"]
    assert [hit["rank"] for hit in hits] == [1, 2]
    best = hits[0]
    assert best["article"]["id"] == TRAM.id
    assert best["article"]["published_at"] == "2025-05-14T09:00:00+09:00"
    assert TRAM.body[best["passage"]["start"] : best["passage"]["end"]] == best["passage"]["text"]


def test_search_explains_scores_if_asked(client: TestClient) -> None:
    body = {"question": "트램 총사업비"}
    assert client.post("/v1/search", json=body).json()["hits"][0]["explanation"] is None
    hit = client.post("/v1/search", json={**body, "explain": True}).json()["hits"][0]
    assert hit["explanation"]["dense"] == pytest.approx(hit["dense"])
    assert set(hit["explanation"]["lexical"]["morphemes"]["matched"]) == {"트램", "사업비"}


def test_search_obeys_filters_and_bounds(client: TestClient) -> None:
    body = {"question": "총사업비", "filters": {"section": ["문화"]}}
    hits = client.post("/v1/search", json=body).json()["hits"]
    assert {hit["article"]["id"] for hit in hits} == {LIBRARY.id}
    assert client.post("/v1/search", json={"question": "?", "k": 51}).status_code == 422


def test_an_article_comes_with_its_paragraphs_in_place(client: TestClient) -> None:
    article = client.get(f"/v1/articles/{TRAM.id}").json()
    assert article["title"] == TRAM.title
    assert article["reporters"] == ["여운찬"]
    assert article["published_at"] == "2025-05-14T09:00:00+09:00"
    assert [p["text"] for p in article["paragraphs"]] == TRAM.paragraphs
    for paragraph in article["paragraphs"]:
        assert article["body"][paragraph["start"] : paragraph["end"]] == paragraph["text"]


def test_ids_with_slashes_may_be_escaped(client: TestClient) -> None:
    assert client.get("/v1/articles/haedam%2Ftram-1").json()["id"] == TRAM.id


@pytest.mark.parametrize("article_id", ["none", "a%00b", "%ff", "가나다"])
def test_an_article_that_is_not_there_gets_404(client: TestClient, article_id: str) -> None:
    reply = client.get(f"/v1/articles/{article_id}")
    assert reply.status_code == 404
    assert problem(reply)["code"] == "article_not_found"


# -- around every request ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("HEAD", "/"), ("GET", "/static/page.js"), ("GET", "/healthz"), ("GET", "/x")],
)
def test_every_reply_carries_the_security_headers(
    client: TestClient, method: str, path: str
) -> None:
    reply = client.request(method, path)
    for name, value in SECURITY_HEADERS.items():
        assert reply.headers[name] == value
    assert "'unsafe" not in reply.headers["content-security-policy"]
    keeps = path in ("/", "/static/page.js")
    assert reply.headers["cache-control"] == ("no-cache" if keeps else "no-store")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("job-7.a_b", True), ("x" * 65, False), ('"} evil', False), ("a\tb", False), ("", False)],
)
def test_request_ids_are_kept_if_harmless(client: TestClient, given: str, kept: bool) -> None:
    reply = client.get("/healthz", headers={"X-Request-ID": given})
    answered = reply.headers["x-request-id"]
    assert answered
    assert (answered == given) == kept


@pytest.mark.parametrize("headers", [{}, STREAM])
def test_a_request_is_one_log_line_without_its_question(
    client: TestClient, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    caplog.set_level(logging.INFO, "service")
    reply = client.post("/v1/ask", json={"question": QUESTION}, headers=headers)
    [record] = [record for record in caplog.records if record.name == "service.requests"]
    line = json.loads(JsonLines().format(record))
    assert line["request_id"] == reply.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/ask", 200)
    assert line["ms"] > 0
    assert line["answer"]["status"] == "answered"
    assert QUESTION not in caplog.text + json.dumps(line, ensure_ascii=False)


def test_questions_are_logged_when_asked_for(
    settings: Settings, answerer: Answerer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "service")
    open_log = settings.model_copy(update={"log_questions": True})
    client = TestClient(create_app(open_log, answerer=answerer))
    client.post("/v1/search", json={"question": QUESTION})
    [record] = [record for record in caplog.records if record.name == "service.requests"]
    assert json.loads(JsonLines().format(record))["question"] == QUESTION


def test_log_lines_stay_lines_whatever_is_in_them() -> None:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "두\n줄 %s", ("✓",), None)
    record.facts = {"path": Path("/a\n")}
    text = JsonLines().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"] == "두\n줄 ✓"


# -- readiness ----------------------------------------------------------------------------------


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert (ready["generation"], ready["embedder"]) == (1, HashEmbedder().name)
    assert (ready["backend"], ready["articles"]) == ("stub", 3)
    assert (ready["published_from"], ready["published_to"]) == ("2025-05-14", "2026-03-02")
    assert set(ready["presses"]) == {"동람경제", "해담일보"}


def test_it_starts_without_an_index_and_picks_it_up_once_it_is_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "later"
    monkeypatch.setattr(readiness_module, "RETRY_AFTER_S", 0)
    monkeypatch.setattr(
        "service.wiring.open_answerer",
        lambda settings, **_: small_index.open_answerer(settings.index),
    )
    with TestClient(create_app(settings.model_copy(update={"index": path}))) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200
        reply = client.get("/readyz")
        assert reply.status_code == 503
        assert problem(reply)["code"] == "index_not_ready"
        assert f"gisa index add PATH… --index {path}" in problem(reply)["detail"]
        for refused in (
            client.post("/v1/ask", json={"question": QUESTION}),
            client.post("/v1/ask", json={"question": QUESTION}, headers=STREAM),
            client.get("/v1/articles/library"),
        ):
            assert problem(refused)["code"] == "index_not_ready"
            assert refused.headers["retry-after"] == "2"
            assert str(path) not in refused.text
        small_index.build(path)
        assert client.get("/readyz").status_code == 200
        assert client.post("/v1/ask", json={"question": QUESTION}).status_code == 200


def test_a_missing_index_is_looked_for_once_in_a_while_and_by_one_request_at_a_time() -> None:
    attempts = []

    def opener() -> Answerer:
        attempts.append(1)
        raise IndexNotFound("/nowhere")

    async def ask_often() -> list[BaseException | Answerer]:
        readiness = Readiness(opener)
        calls = [readiness.answerer() for _ in range(20)]
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(ask_often())
    assert len(attempts) == 1
    assert len(outcomes) == 20
    assert all(isinstance(outcome, GisaError) for outcome in outcomes)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "news.example"])
def test_a_public_address_needs_permission(settings: Settings, host: str) -> None:
    public = settings.model_copy(update={"host": host})
    with pytest.raises(SettingsInvalid, match="GISA_HOST"):
        refuse_public_address(public)
    refuse_public_address(public.model_copy(update={"allow_public": True}))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_none(settings: Settings, host: str) -> None:
    refuse_public_address(settings.model_copy(update={"host": host}))


# -- the description of it all -------------------------------------------------------------------


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _references(item)


def test_the_openapi_document_tells_of_problems_too(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/ask",
        "/v1/search",
        "/v1/archive",
        "/v1/examples",
        "/v1/related",
        "/v1/desk",
        "/v1/citations/export",
        "/v1/articles",
        "/v1/articles/{article_id}",
        "/v1/feedback",
        "/v1/chat/completions",
        "/v1/models",
        "/v1/models/{model}",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    ask = document["paths"]["/v1/ask"]["post"]
    statuses = "200 400 401 413 415 422 429 500 502 503"
    assert set(ask["responses"]) == set(statuses.split())
    assert set(ask["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert set(ask["responses"]["422"]["content"]) == {"application/problem+json"}
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_there_are_no_pages_that_load_scripts_from_elsewhere(client: TestClient) -> None:
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_the_model_is_loaded_before_the_first_question(
    settings: Settings, index_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    embed = HashEmbedder.embed_queries

    def recorded(self: HashEmbedder, texts: Sequence[str]) -> Vectors:
        asked.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr(HashEmbedder, "embed_queries", recorded)
    with TestClient(create_app(settings, answerer=small_index.open_answerer(index_path))):
        assert len(asked) == 1
