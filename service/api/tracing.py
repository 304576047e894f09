"""Optional OpenTelemetry: a span per request, sent to a collector (needs the extra 'otel')."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import SettingsInvalid
from service.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


def middleware(settings: Settings) -> list[Middleware]:
    """The middleware that traces requests if GISA_OTLP_ENDPOINT is set.

    Raises SettingsInvalid without the extra.
    """
    if not settings.otlp_endpoint:
        return []
    return [Middleware(Tracing, tracer=_tracer(settings.otlp_endpoint))]


class Tracing:
    """A server span per request, child of the caller's (W3C ``traceparent``)."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, StatusCode

        self._app, self._tracer, self._extract = app, tracer, extract
        self._kind, self._error = SpanKind.SERVER, StatusCode.ERROR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = self._extract(dict(Headers(scope=scope)))
        status = 0

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with self._tracer.start_as_current_span(
            scope["method"], context=parent, kind=self._kind
        ) as span:
            await self._app(scope, receive, send_noting_status)
            route = getattr(scope.get("route"), "path", None)
            if route:
                span.update_name(f"{scope['method']} {route}")
            span.set_attributes(_attributes(scope, route, status))
            if status >= 500:
                span.set_status(self._error)


def _attributes(scope: Scope, route: str | None, status: int) -> dict[str, Any]:
    """Attributes by the semantic conventions for HTTP, and the log line's facts about an answer."""
    state = scope.get("state", {})
    answer = state.get("facts", {}).get("answer", {})
    known = {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "http.route": route,
        "http.response.status_code": status or None,
        "gisa.request_id": state.get("request_id"),
        "gisa.answer.status": answer.get("status"),
        "gisa.answer.backend": answer.get("backend"),
        "gisa.answer.dropped_sentences": answer.get("dropped_sentences"),
        **{f"gisa.stage.{name}_ms": ms for name, ms in answer.get("timings_ms", {}).items()},
    }
    return {name: value for name, value in known.items() if value is not None}


def _tracer(endpoint: str) -> Tracer:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsInvalid(
            f"GISA_OTLP_ENDPOINT needs the package {error.name!r}",
            remedy="Install the extra: pip install 'gisa[otel]'",
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "gisa"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider.get_tracer("gisa")
