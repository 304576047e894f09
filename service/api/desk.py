"""``GET /v1/desk``: what readers rated down and what could not be answered, by topic, for an admin."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request

from service.api.access import require_admin
from service.api.deps import GatewayDep
from service.api.problems import problem_responses
from service.serving.desk import Desk, desk_of
from service.serving.feedback import FeedbackStore

admin = APIRouter(
    prefix="/v1",
    tags=["desk"],
    dependencies=[Depends(require_admin)],
    responses=problem_responses(401, 403, 422, 429, 500, 503),
)


@admin.get("/desk")
async def desk(
    request: Request, gateway: GatewayDep, days: Annotated[int, Query(ge=1, le=366)] = 7
) -> Desk:
    """What was missed in the last days, by topic: it tells which articles the archive lacks. Needs an admin's key.

    Questions without an answer are there only if GISA_DESK_DAYS keeps them. Nothing is told of who asked.
    """
    store: FeedbackStore = request.app.state.feedback
    index = (await gateway.readiness.answerer()).index
    return await to_thread.run_sync(desk_of, store, days, index.analyser, index.idf)
