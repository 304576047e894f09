"""Errors as ``application/problem+json`` (RFC 9457): one table from exception to problem.

``type`` and ``code`` are stable, for programs; ``title`` and ``detail`` are Korean, for people.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from index import (
    GisaError,
    IndexLocked,
    IndexNotWritable,
    IndexUnusable,
    ModelUnavailable,
    RebuildUnfinished,
)
from service.errors import (
    AnswerUnknown,
    FeedbackUnavailable,
    KeyUnknown,
    LLMError,
    LLMRefused,
    LLMTimeout,
    LLMUnavailable,
    ModelUnknown,
    NotAllowed,
    Overloaded,
    QuestionInvalid,
    ShuttingDown,
    TooManyRequests,
)
from service.validation import FieldError, describe_errors

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 2

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """The body of every error reply."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None


class ArticleNotFound(GisaError):
    """No article of the index has the id that was asked for."""


@dataclass(frozen=True)
class Kind:
    """A kind of problem. Without ``detail`` the exception's own message, then Korean, is shown."""

    status: int
    code: str
    title: str
    detail: str | None = None
    retry_after_s: int | None = None


_LATER = "잠시 뒤 다시 시도해 주세요."

KINDS: Mapping[type[Exception], Kind] = {
    QuestionInvalid: Kind(422, "question_invalid", "질문을 처리할 수 없습니다"),
    RequestValidationError: Kind(422, "invalid_request", "요청이 올바르지 않습니다"),
    ArticleNotFound: Kind(
        404,
        "article_not_found",
        "기사가 없습니다",
        "찾으시는 기사가 없습니다. 삭제되었을 수 있습니다.",
    ),
    IndexUnusable: Kind(
        503,
        "index_not_ready",
        "기사 색인을 쓸 수 없습니다",
        f"기사 색인이 아직 준비되지 않았습니다. {_LATER}",
        RETRY_AFTER_S,
    ),
    ModelUnavailable: Kind(
        503,
        "model_unavailable",
        "검색 모델을 쓸 수 없습니다",
        f"검색 모델이 아직 준비되지 않았습니다. {_LATER}",
        RETRY_AFTER_S,
    ),
    ModelUnknown: Kind(404, "model_not_found", "모델이 없습니다"),
    KeyUnknown: Kind(
        401,
        "key_unknown",
        "접근 키가 필요합니다",
        "접근 키가 없거나 맞지 않습니다. 관리자에게 받은 키를 Authorization: Bearer 뒤에 적어 주세요.",
    ),
    NotAllowed: Kind(
        403, "not_allowed", "권한이 없습니다", "관리자 권한(admin)이 있는 키가 필요합니다."
    ),
    TooManyRequests: Kind(
        429, "too_many_requests", "요청이 너무 잦습니다", f"요청이 너무 잦습니다. {_LATER}"
    ),
    Overloaded: Kind(
        503,
        "overloaded",
        "지금은 붐빕니다",
        f"지금 답하고 있는 질문이 많습니다. {_LATER}",
        RETRY_AFTER_S,
    ),
    ShuttingDown: Kind(
        503,
        "shutting_down",
        "서비스를 다시 시작합니다",
        f"서비스를 다시 시작하고 있습니다. {_LATER}",
        5,
    ),
    AnswerUnknown: Kind(
        404, "answer_unknown", "답을 찾을 수 없습니다", "평가하려는 답이 남아 있지 않습니다."
    ),
    FeedbackUnavailable: Kind(
        503,
        "feedback_unavailable",
        "평가를 남길 수 없습니다",
        f"평가를 남기지 못했습니다. {_LATER}",
        5,
    ),
    IndexLocked: Kind(
        409,
        "index_busy",
        "색인을 고치는 중입니다",
        f"다른 작업이 색인을 고치고 있습니다. {_LATER}",
        5,
    ),
    RebuildUnfinished: Kind(
        409,
        "index_busy",
        "색인을 다시 만드는 중입니다",
        "색인을 다시 만드는 작업이 아직 끝나지 않았습니다.",
        60,
    ),
    IndexNotWritable: Kind(
        503, "index_not_writable", "색인에 쓸 수 없습니다", "색인을 저장할 수 없습니다.", 60
    ),
    LLMUnavailable: Kind(
        503,
        "llm_unavailable",
        "답변 모델을 쓸 수 없습니다",
        f"답변 모델이 응답하지 않습니다. {_LATER}",
        5,
    ),
    LLMTimeout: Kind(
        503,
        "llm_timeout",
        "답변 모델이 늦습니다",
        f"답변 모델이 제때 답하지 않았습니다. {_LATER}",
        5,
    ),
    LLMRefused: Kind(
        502,
        "llm_refused",
        "답변 모델이 거절했습니다",
        "답변 모델이 이 질문에 답하기를 거절했습니다.",
    ),
    LLMError: Kind(
        503, "llm_failed", "답변 모델에 문제가 있습니다", f"답변을 만들지 못했습니다. {_LATER}", 5
    ),
    Exception: Kind(
        500, "internal_error", "처리하지 못했습니다", f"예기치 못한 문제가 생겼습니다. {_LATER}"
    ),
}
"""Kind of problem by exception; the nearest base class counts."""

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
"""Kind of problem by status, for what the framework raises before a route is reached."""


def kind_of(error: Exception) -> Kind:
    """The row of the tables above that fits an exception."""
    if isinstance(error, HTTPException):
        return HTTP_KINDS.get(error.status_code, KINDS[Exception])
    if isinstance(error, RequestValidationError) and error.errors()[0]["type"] == "json_invalid":
        return MALFORMED_JSON
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def problem_of(error: Exception, *, detail: str | None = None) -> Problem:
    """What to tell the caller about an exception."""
    kind = kind_of(error)
    errors = None
    if isinstance(error, RequestValidationError) and kind is not MALFORMED_JSON:
        errors = describe_errors(error.errors())
        detail = " ".join(map(str, errors[:3]))
    return Problem(
        type=f"urn:gisa:problem:{kind.code}",
        title=kind.title,
        status=kind.status,
        detail=detail or kind.detail or str(error),
        code=kind.code,
        errors=errors,
    )


def problem_response(error: Exception, *, detail: str | None = None) -> Response:
    """The reply for an exception."""
    headers = dict(getattr(error, "headers", None) or {})
    if retry_after_s := getattr(error, "retry_after_s", None) or kind_of(error).retry_after_s:
        headers["Retry-After"] = str(math.ceil(retry_after_s))
    if isinstance(error, KeyUnknown):
        headers["WWW-Authenticate"] = 'Bearer realm="gisa"'
    problem = problem_of(error, detail=detail)
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, problem.status, headers, media_type=PROBLEM_JSON)


def log_problem(error: Exception) -> None:
    """Tell the operator of what the caller can't help: briefly if the cause is known."""
    kind = kind_of(error)
    if kind is KINDS[Exception]:
        logger.error("unexpected error: %r", error, exc_info=error)
    elif kind.status >= 500:
        logger.warning("%s: %s. %s", kind.code, error, getattr(error, "remedy", ""))


async def _reply(request: Request, error: Exception) -> Response:
    log_problem(error)
    request.state.facts["problem"] = kind_of(error).code
    return problem_response(error)


def install(app: FastAPI) -> None:
    """Answer every exception of ``app`` with its problem, and describe problems in its OpenAPI."""
    for cls in (GisaError, HTTPException, RequestValidationError):
        app.add_exception_handler(cls, _reply)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # as FastAPI documents it


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of routes that answer with these statuses."""
    titles = {kind.status: kind.title for kind in (*KINDS.values(), *HTTP_KINDS.values())}
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": titles[status], "content": content} for status in statuses}


def _openapi(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= problem.pop("$defs") | {"Problem": problem}
        if getattr(app.state, "keys", None):
            _describe_keys(document)
        app.openapi_schema = document
    return app.openapi_schema


def _describe_keys(document: dict[str, Any]) -> None:
    """Say which operations need an API key."""
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        if is_guarded(path):
            for operation in operations.values():
                operation["security"] = [{"key": []}]


def is_guarded(path: str) -> bool:
    """Whether an address needs a key where keys are needed, and counts against the rate limit."""
    return path.startswith(("/v1/", "/mcp")) or path == "/metrics"
