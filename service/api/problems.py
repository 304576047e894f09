"""Errors as ``application/problem+json`` (RFC 9457), those of the framework among them.

Under the addresses of OpenAI's protocol they also have its ``error``, which its SDKs show.
https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from index import GisaError
from service.errors import KeyUnknown
from service.serving import problems
from service.serving.problems import KINDS, Kind, Problem
from service.validation import describe_errors

PROBLEM_JSON = "application/problem+json"

INVALID_REQUEST = Kind(422, "invalid_request", "요청이 올바르지 않습니다")
MALFORMED_JSON = Kind(
    400, "malformed_json", "JSON을 읽을 수 없습니다", "요청 본문이 올바른 UTF-8 JSON이 아닙니다."
)
HTTP_KINDS: Mapping[int, Kind] = {
    400: MALFORMED_JSON,
    404: Kind(404, "not_found", "주소가 없습니다", "이 주소에는 아무것도 없습니다."),
    405: Kind(
        405,
        "method_not_allowed",
        "쓸 수 없는 메서드입니다",
        "이 주소에서는 이 메서드를 쓸 수 없습니다.",
    ),
    413: Kind(
        413, "body_too_large", "요청이 너무 큽니다", "요청 본문은 1MiB까지 보낼 수 있습니다."
    ),
    415: Kind(
        415,
        "unsupported_media_type",
        "본문 형식이 다릅니다",
        "Content-Type: application/json으로 보내 주세요.",
    ),
}
"""Kind of problem by status, for errors that the framework raises before any route."""

_OPENAI_ADDRESSES = tuple(
    f"/v1/{name}" for name in ("chat", "models", "responses", "completions", "embeddings")
)
"""Those that are here, and those at which an SDK may look for what is not here."""

_OPENAI_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


class OpenAIError(BaseModel):
    """An error in OpenAI's form: ``param`` names the field that is wrong, if one is; ``code`` is the problem's."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIProblem(Problem):
    """A problem with the same in OpenAI's form beside it."""

    error: OpenAIError


def kind_of(error: Exception) -> Kind:
    """The kind of problem that an exception is, the framework's own among them."""
    if isinstance(error, HTTPException):
        return HTTP_KINDS.get(error.status_code, KINDS[Exception])
    if isinstance(error, RequestValidationError):
        is_json = error.errors()[0]["type"] != "json_invalid"
        return INVALID_REQUEST if is_json else MALFORMED_JSON
    return problems.kind_of(error)


def problem_of(error: Exception, *, detail: str | None = None) -> Problem:
    """The problem to tell the caller for an exception."""
    kind = kind_of(error)
    if kind is INVALID_REQUEST and isinstance(error, RequestValidationError):
        errors = describe_errors(error.errors())
        problem = kind.problem(error, detail=" ".join(map(str, errors[:3])))
        return problem.model_copy(update={"errors": errors})
    return kind.problem(error, detail=detail)


def log_problem(error: Exception) -> None:
    """Log an error that is not the caller's."""
    problems.log_problem(error, kind_of(error))


def openai_error(error: Exception) -> OpenAIError:
    """What a program that speaks OpenAI's protocol is told about an exception."""
    problem = problem_of(error)
    kind = "server_error" if problem.status >= 500 else "invalid_request_error"
    wrong = problem.errors[0].field or None if problem.errors else None
    return OpenAIError(
        message=problem.detail,
        type=_OPENAI_TYPES.get(problem.status, kind),
        param=getattr(error, "param", wrong),
        code=problem.code,
    )


def problem_response(error: Exception, path: str, *, detail: str | None = None) -> Response:
    """The reply for an exception at an address, as ``application/problem+json``."""
    headers = dict(getattr(error, "headers", None) or {})
    if retry_after_s := getattr(error, "retry_after_s", None) or kind_of(error).retry_after_s:
        headers["Retry-After"] = str(math.ceil(retry_after_s))
    if isinstance(error, KeyUnknown):
        headers["WWW-Authenticate"] = 'Bearer realm="gisa"'
    problem = problem_of(error, detail=detail)
    told = problem.model_dump(exclude_none=True)
    if path.startswith(_OPENAI_ADDRESSES):
        told["error"] = openai_error(error).model_dump()
    return Response(to_json(told), problem.status, headers, media_type=PROBLEM_JSON)


async def _reply(request: Request, error: Exception) -> Response:
    log_problem(error)
    request.state.facts["problem"] = kind_of(error).code
    return problem_response(error, request.url.path)


def install(app: FastAPI) -> None:
    """Answer every exception in ``app`` with its problem, and describe problems in its OpenAPI."""
    for cls in (GisaError, HTTPException, RequestValidationError):
        app.add_exception_handler(cls, _reply)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # as FastAPI documents it


def problem_responses(
    *statuses: int, model: type[Problem] = Problem
) -> dict[int | str, dict[str, Any]]:
    """``responses=`` for routes that may reply with these statuses."""
    titles = {
        kind.status: kind.title for kind in (*KINDS.values(), INVALID_REQUEST, *HTTP_KINDS.values())
    }
    content = {PROBLEM_JSON: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    return {status: {"description": titles[status], "content": content} for status in statuses}


def _openapi(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (Problem, OpenAIProblem):
            problem = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= problem.pop("$defs") | {model.__name__: problem}
        if getattr(app.state, "keys", None):
            _describe_keys(document)
        app.openapi_schema = document
    return app.openapi_schema


def _describe_keys(document: dict[str, Any]) -> None:
    """Mark the operations that need an API key."""
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        if is_guarded(path):
            for operation in operations.values():
                operation["security"] = [{"key": []}]


def is_guarded(path: str) -> bool:
    """Whether requests to a path need a key, if keys are required, and count against the rate limit."""
    return path.startswith(("/v1/", "/mcp")) or path == "/metrics"
