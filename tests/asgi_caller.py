"""A caller of an ASGI application who can wait, go away, and see replies as they come."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message


class Caller:
    """One request; ``reply`` fills as the application answers."""

    def __init__(self, app: ASGIApp, path: str, body: Any, **headers: str) -> None:
        self._app = app
        given = {"content-type": "application/json", "host": "testserver"} | headers
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("192.0.2.7", 50_000),
            "server": ("testserver", 80),
        }
        self._requests = [{"type": "http.request", "body": json.dumps(body).encode()}]
        self._gone = asyncio.Event()
        self.status = 0
        self.reply = b""
        self.arrived = asyncio.Event()

    async def run(self) -> None:
        """Make the request; returns when the application is done with it."""
        await self._app(self._scope, self._receive, self._send)

    def leave(self) -> None:
        self._gone.set()

    async def _receive(self) -> Message:
        if self._requests:
            return self._requests.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.reply += message.get("body", b"")
        self.arrived.set()
