"""What every request needs: an id, a log line, figures, security headers, a limit on its body, and an
end when the caller goes away.

Pure ASGI, so that streamed replies pass through at once and context variables stay the request's own.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from typing import Any

from anyio import CancelScope
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import kind_of, log_problem, problem_response
from service.serving.metrics import Metrics

MAX_BODY_BYTES = 1_048_576

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_RAW_HEADERS = [(k.lower().encode(), v.encode()) for k, v in SECURITY_HEADERS.items()]

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

logger = logging.getLogger("service.requests")


class RequestContext:
    """Gives each request an id, a log line and security headers; no exception gets past it.

    Routes add facts to the log line through ``request.state.facts``. The question's text is logged
    only if ``log_questions``.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log_questions: bool) -> None:
        self._app, self._metrics, self._log_questions = app, metrics, log_questions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        facts: dict[str, Any] = {}
        scope.setdefault("state", {}).update(request_id=request_id, facts=facts)
        status: int | None = None
        started = time.perf_counter()
        self._metrics.request_began()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.raw.extend([*_RAW_HEADERS, (b"x-request-id", request_id.encode())])
                # The page's files may be cached while they are unchanged, answers may not.
                headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # The request's boundary: whatever went wrong, the caller gets a problem, the log a line.
            log_problem(error)
            facts["problem"] = kind_of(error).code
            if status is None:
                await problem_response(error, scope["path"])(scope, receive, send_with_headers)
        finally:
            self._tell(scope, status, time.perf_counter() - started, facts)

    def _tell(
        self, scope: Scope, status: int | None, seconds: float, facts: dict[str, Any]
    ) -> None:
        if not self._log_questions:
            facts.pop("question", None)
        line = {
            "request_id": scope["state"]["request_id"],
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(seconds * 1_000, 1),
        }
        logger.info("request", extra={"facts": line | facts})
        if facts.get("disconnected"):
            self._metrics.disconnected()
        problem = facts.get("problem")
        self._metrics.request_ended(_method(scope), _route(scope), status, seconds, problem)


class BodyLimit:
    """Refuses bodies over ``MAX_BODY_BYTES`` with 413, by their header if it tells, else while reading."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        too_large = HTTPException(413)
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isascii() and declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
            scope["state"]["facts"]["problem"] = kind_of(too_large).code
            await problem_response(too_large, scope["path"])(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise too_large
            return message

        await self._app(scope, receive_counted, send)


class CancelOnDisconnect:
    """Cancels the work on a request when its caller goes away.

    Once the body is read, only this middleware receives messages from the server; anything within
    that calls ``receive`` gets the disconnect.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = CancelScope()
        gone: asyncio.Task[Message] | None = None
        answered = False

        async def listen() -> Message:
            message = await receive()
            if not answered:  # otherwise it only means that the exchange is over
                request.cancel()
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal answered
            answered = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        async def receive_or_listen() -> Message:
            nonlocal gone
            if gone is not None:
                return await asyncio.shield(gone)
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                gone = asyncio.create_task(listen())
            return message

        try:
            with request:
                await self._app(scope, receive_or_listen, send_and_note)
        finally:
            if gone is not None:
                gone.cancel()
        if request.cancelled_caught:
            scope["state"]["facts"]["disconnected"] = True


def _request_id(scope: Scope) -> str:
    """The caller's own request id if it is harmless in a log, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _method(scope: Scope) -> str:
    """The method, or ``other``: callers may invent some, and labels must stay few."""
    return scope["method"] if scope["method"] in _METHODS else "other"


def _route(scope: Scope) -> str:
    """The route's pattern, or ``other``: callers may invent addresses, and labels must stay few."""
    for mount in ("/static", "/mcp"):
        if scope["path"].startswith(mount):
            return mount
    return str(getattr(scope.get("route"), "path", "other"))
