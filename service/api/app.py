"""The HTTP interface as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.middleware import Middleware

from index import GisaError
from service import wiring
from service.answer import Answerer
from service.api import (
    archive,
    articles,
    chat,
    desk,
    exports,
    feedback,
    health,
    page,
    problems,
    questions,
    tracing,
)
from service.api.access import Access
from service.api.middleware import BodyLimit, CancelOnDisconnect, RequestContext
from service.serving.feedback import FeedbackStore
from service.serving.gateway import Gateway
from service.serving.keys import keys_of
from service.serving.limits import Capacity, SharedRateLimiter
from service.serving.metrics import Metrics
from service.serving.readiness import Readiness
from service.serving.shutdown import Shutdown
from service.serving.suggestions import Suggestions
from service.settings import Settings

Extension = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""Adds the routes of another interface; returns a context to be entered while the service runs."""


def create_app(
    settings: Settings, *, answerer: Answerer | None = None, extensions: Sequence[Extension] = ()
) -> FastAPI:
    """The application. It opens its Answerer at start, unless one is given.

    Without a usable index it starts all the same, and ``/readyz`` says why it is not ready.
    Raises SettingsInvalid for malformed API keys, if keys are required but none are set, and for a
    PostgreSQL database without its driver.
    """
    metrics, keys = Metrics(), keys_of(settings)
    limiter = SharedRateLimiter("api", settings.rate_limit_per_minute, settings.rate_limit_store)
    app = FastAPI(
        title="gisa",
        version="1",  # of the interface, as in its addresses
        description="Cited question answering over a corpus of Korean news",
        lifespan=_lifespan,
        docs_url=None,  # Swagger's pages load scripts from other hosts, which the CSP forbids
        redoc_url=None,
        middleware=[
            *tracing.middleware(settings),
            Middleware(RequestContext, metrics=metrics, log_questions=settings.log_questions),
            Middleware(Access, keys=keys, limiter=limiter),
            Middleware(BodyLimit),
            Middleware(CancelOnDisconnect),
        ],
    )
    state = app.state
    state.settings, state.keys, state.metrics, state.limiter = settings, keys, metrics, limiter
    state.readiness = Readiness(lambda: answerer or wiring.open_answerer(settings, watch=metrics))
    state.feedback = FeedbackStore(
        settings.feedback, keep_hours=settings.feedback_hours, desk_days=settings.desk_days
    )
    state.shutdown = Shutdown()
    state.capacity = Capacity(settings.max_concurrent)
    state.gateway = Gateway(
        state.readiness,
        capacity=state.capacity,
        shutdown=state.shutdown,
        metrics=metrics,
        feedback=state.feedback,
    )
    state.suggestions = Suggestions(
        state.readiness, capacity=state.capacity, shutdown=state.shutdown
    )
    problems.install(app)
    for module in (questions, archive, articles, exports, feedback, chat, health):
        app.include_router(module.router)
    app.include_router(articles.admin)
    app.include_router(desk.admin)
    state.running = [extension(app) for extension in extensions]
    page.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    async with AsyncExitStack() as stack:
        stack.callback(state.readiness.close)
        stack.callback(state.feedback.close)
        stack.callback(state.limiter.close)
        with suppress(GisaError):  # logged, and told by /readyz
            await state.readiness.answerer()
        await stack.enter_async_context(state.suggestions.refreshed())
        await stack.enter_async_context(feedback.written_regularly(state.feedback))
        for running in state.running:
            await stack.enter_async_context(running)
        stack.enter_context(state.shutdown.on_signals())
        yield
