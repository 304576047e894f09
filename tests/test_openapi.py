"""The service against its own OpenAPI document, with requests that Schemathesis makes up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, get_args

import pytest
import schemathesis
import small_index
from hash_embedder import HashEmbedder
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp, Receive, Scope, Send

from service import create_app
from service.schema import Support
from service.serving.keys import new_key
from service.settings import load_settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class _Running:
    """An application that is up already, and a caller whose key is in order whatever else is not."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._header = (b"authorization", f"Bearer {key}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            others = [pair for pair in scope["headers"] if pair[0] != self._header[0]]
            await self._app(scope | {"headers": [*others, self._header]}, receive, send)
            return
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document, and behind it a service whose admin has sent the requests."""
    path = tmp_path_factory.mktemp("openapi")
    small_index.build(path / "index")
    key, entry = new_key("schemathesis", "admin")
    answerer = small_index.open_answerer(path / "index")
    configured = load_settings(
        index=path / "index", feedback=path / "f.sqlite", auth="keys", api_keys=entry
    )
    with answerer.index, pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.wiring.build_embedder", lambda settings: HashEmbedder())
        app = _Running(create_app(configured, answerer=answerer), key)
        yield schemathesis.openapi.from_asgi("/openapi.json", app)


_A_FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # the first fault will do: making it smaller takes minutes
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [
    ("POST", "/v1/ask"),
    ("POST", "/v1/search"),
    ("GET", "/v1/archive"),
    ("GET", "/v1/examples"),
    ("POST", "/v1/related"),
    ("GET", "/v1/articles/{article_id}"),
    ("POST", "/v1/articles"),
    ("DELETE", "/v1/articles/{article_id}"),
    ("POST", "/v1/citations/export"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/desk"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]


def test_all_operations_are_tried(api: Any) -> None:
    told = {(o.ok().method.upper(), o.ok().path) for o in api.get_all_operations()}
    assert told == set(OPERATIONS)


def test_spans_that_answer_are_documented(api: Any) -> None:
    properties = api.raw_schema["components"]["schemas"]["Citation"]["properties"]
    assert "within `quote`" in properties["answer_spans"]["description"]


def test_grades_and_their_events_are_documented(api: Any) -> None:
    told = api.raw_schema["paths"]["/v1/ask"]["post"]["responses"]["200"]["description"]
    events = ["interpreted", "passages", "sentence", "graded", "withdrawn", "done", "error"]
    assert [event for event in events if event in told] == events
    schemas = api.raw_schema["components"]["schemas"]
    assert schemas["Sentence"]["properties"]["support"]["enum"] == list(get_args(Support))
    assert "support" in schemas["Annotation"]["properties"]


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_reply_is_one_that_the_document_tells_of(
    api: Any, method: str, path: str, mode: schemathesis.GenerationMode
) -> None:
    operation = api[path][method]

    @given(operation.as_strategy(generation_mode=mode))
    @_A_FEW
    def check(case: Any) -> None:
        reply = case.call()
        case.validate_response(reply, checks=CHECKS)
        assert reply.status_code != 401

    with suppress(Unsatisfiable):  # nothing can be wrong with a request that takes nothing
        check()
