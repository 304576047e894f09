"""The HTTP service as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.middleware import Middleware

from index import GisaError
from service import wiring
from service.answer import Answerer
from service.api import articles, health, page, problems, questions
from service.api.middleware import BodyLimit, RequestContext
from service.api.readiness import Readiness
from service.settings import Settings


def create_app(settings: Settings, *, answerer: Answerer | None = None) -> FastAPI:
    """The application. Its Answerer is opened at start, or is the one that is given.

    Without a usable index it starts all the same: ``/readyz`` says why it is not ready.
    """
    readiness = Readiness(lambda: answerer or wiring.open_answerer(settings))
    app = FastAPI(
        title="gisa",
        version="1",  # of the interface, as in its addresses
        description="Cited question answering over a corpus of Korean news",
        lifespan=_lifespan,
        docs_url=None,  # its pages load scripts from elsewhere, which the CSP forbids
        redoc_url=None,
        middleware=[
            Middleware(RequestContext, log_questions=settings.log_questions),
            Middleware(BodyLimit),
        ],
    )
    app.state.readiness = readiness
    problems.install(app)
    for router in (questions.router, articles.router, health.router):
        app.include_router(router)
    page.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    readiness: Readiness = app.state.readiness
    with suppress(GisaError):  # logged, and told by /readyz
        await readiness.answerer()
    yield
    readiness.close()
