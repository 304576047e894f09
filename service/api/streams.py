"""Replies as ``text/event-stream``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

EVENT_STREAM = "text/event-stream"


class EventStream(Response):
    """Sends what a generator yields, in the task of the request, and always closes the generator.

    Unlike Starlette's streaming response it starts no task: the generator is started in the route,
    where an error can still set the status, and may use contexts that are bound to one task.
    """

    media_type = EVENT_STREAM

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        self.status_code, self.background = 200, None
        self._frames = frames
        # Otherwise proxies hold the reply back.
        self.init_headers({"X-Accel-Buffering": "no", "Content-Type": EVENT_STREAM})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for frame in frames:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def frame(name: str | None, data: Any) -> bytes:
    """One event. Its data is JSON without line breaks, so one data line is enough."""
    head = b"event: %b\n" % name.encode() if name else b""
    return head + b"data: %b\n\n" % to_json(data, by_alias=True, exclude_none=name is None)
