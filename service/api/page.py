"""``GET /``: the question page, ``GET /desk``: that of the desk, and their files (``service/web``)."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parent.parent / "web"


def install(app: FastAPI) -> None:
    """Serve the pages at ``/`` and ``/desk``, and their files under ``/static``."""

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(WEB / "index.html")

    @app.api_route("/desk", methods=["GET", "HEAD"], include_in_schema=False)
    async def desk() -> FileResponse:
        return FileResponse(WEB / "desk.html")

    # These files alone: compressing would hold back streamed answers.
    app.mount("/static", GZipMiddleware(StaticFiles(directory=WEB)), name="static")
