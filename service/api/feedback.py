"""``POST /v1/feedback``: a reader's rating of an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from starlette.status import HTTP_204_NO_CONTENT

from service.api.deps import FactsDep, require_json
from service.api.problems import problem_responses
from service.errors import FeedbackUnavailable
from service.serving.feedback import Feedback, FeedbackStore

FLUSH_S = 1.0

router = APIRouter(
    prefix="/v1",
    tags=["feedback"],
    dependencies=[Depends(require_json)],
    responses=problem_responses(400, 401, 404, 413, 415, 422, 429, 500, 503),
)
logger = logging.getLogger(__name__)


@router.post("/feedback", status_code=HTTP_204_NO_CONTENT)
async def rate(feedback: Feedback, request: Request, facts: FactsDep) -> None:
    """Rate an answer by its id, while it is kept. A second rating replaces the first."""
    store: FeedbackStore = request.app.state.feedback
    await to_thread.run_sync(store.rate, feedback)
    facts["rating"] = feedback.rating
    request.app.state.metrics.rated(feedback.rating)


@asynccontextmanager
async def written_regularly(store: FeedbackStore) -> AsyncIterator[None]:
    """Write the answers to be kept once a second, so that no question waits for it."""
    writing = asyncio.create_task(_write(store))
    try:
        yield
    finally:
        writing.cancel()
        await to_thread.run_sync(_flush, store)


async def _write(store: FeedbackStore) -> None:
    """Write, and warn once when that begins to fail, not once a second."""
    works = True
    while True:
        await asyncio.sleep(FLUSH_S)
        works = await to_thread.run_sync(_flush, store, works)


def _flush(store: FeedbackStore, worked: bool = True) -> bool:
    try:
        store.flush()
    except FeedbackUnavailable as error:
        if worked:
            logger.warning("answers can't be rated: %s. %s", error, error.remedy)
        return False
    return True
