"""The HTTP service as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.middleware import Middleware

from index import GisaError
from service import wiring
from service.answer import Answerer
from service.api import articles, chat, feedback, health, page, problems, questions, tools, tracing
from service.api.access import Access, keys_of
from service.api.asking import Asking
from service.api.limits import Capacity, RateLimiter
from service.api.metrics import Metrics
from service.api.middleware import BodyLimit, CancelOnDisconnect, RequestContext
from service.api.readiness import Readiness
from service.api.shutdown import Shutdown
from service.feedback import FeedbackStore
from service.settings import Settings


def create_app(settings: Settings, *, answerer: Answerer | None = None) -> FastAPI:
    """The application. Its Answerer is opened at start, or is the one that is given.

    Without a usable index it starts all the same: ``/readyz`` says why it is not ready.
    Raises SettingsInvalid for API keys that are none, or that are missing where they are asked for.
    """
    from service.slack import route  # which stands on modules of this package

    metrics, keys = Metrics(), keys_of(settings)
    app = FastAPI(
        title="gisa",
        version="1",  # of the interface, as in its addresses
        description="Cited question answering over a corpus of Korean news",
        lifespan=_lifespan,
        docs_url=None,  # its pages load scripts from elsewhere, which the CSP forbids
        redoc_url=None,
        middleware=[
            *tracing.middleware(settings),
            Middleware(RequestContext, metrics=metrics, log_questions=settings.log_questions),
            Middleware(Access, keys=keys, limiter=RateLimiter(settings.rate_limit_per_minute)),
            Middleware(BodyLimit),
            Middleware(CancelOnDisconnect),
        ],
    )
    state = app.state
    state.settings, state.keys, state.metrics = settings, keys, metrics
    state.readiness = Readiness(lambda: answerer or wiring.open_answerer(settings))
    state.feedback = FeedbackStore(settings.feedback, keep_hours=settings.feedback_hours)
    state.shutdown = Shutdown()
    state.asking = Asking(
        state.readiness,
        capacity=Capacity(settings.max_concurrent),
        shutdown=state.shutdown,
        metrics=metrics,
        feedback=state.feedback,
    )
    problems.install(app)
    for module in (questions, articles, feedback, chat, health):
        app.include_router(module.router)
    app.include_router(articles.admin)
    tools.install(app)
    route.install(app, settings)
    page.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    async with AsyncExitStack() as stack:
        stack.callback(state.readiness.close)
        with suppress(GisaError):  # logged, and told by /readyz
            await state.readiness.answerer()
        await stack.enter_async_context(feedback.written_regularly(state.feedback))
        await stack.enter_async_context(tools.running(app))
        await stack.enter_async_context(state.slack())
        stack.enter_context(state.shutdown.on_signals())
        yield
