"""The tools at ``/mcp`` of a service, for which the SDK is loaded with the first request: it takes a second and 50 MB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from service.mcp.server import build, serve_http
from service.serving.gateway import Gateway
from service.settings import Settings

PATH = "/mcp"


class HttpTools:
    """An ASGI application of the tools. It needs the extra, and serves while ``running`` is entered."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self._gateway, self._settings = gateway, settings
        self._made: asyncio.Future[ASGIApp] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Raises whatever making the tools raises; the next request tries again."""
        if self._made is None or (self._made.done() and self._made.exception()):
            self._made = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._serve(self._made))
        tools = await asyncio.shield(self._made)
        await tools(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """To be entered while the service runs."""
        try:
            yield
        finally:
            self._stopped.set()
            if self._task:
                await self._task

    async def _serve(self, made: asyncio.Future[ASGIApp]) -> None:
        # The SDK's manager must be entered and left by one task, which no request's is.
        try:
            server = await to_thread.run_sync(build, self._gateway)
            tools = serve_http(server, self._settings)
            async with server.session_manager.run():
                made.set_result(tools.router)
                await self._stopped.wait()
        except Exception as error:
            if made.done():
                raise
            made.set_exception(error)
