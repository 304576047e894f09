"""``/healthz``: the process is alive; ``/readyz``: whether it can answer, and from what; ``/metrics``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from index import GisaError, IndexInfo
from service.api.problems import problem_response, problem_responses
from service.generate.guard import BreakerState, breaker_states
from service.serving.metrics import Metrics
from service.serving.readiness import Readiness
from service.verify.judge_guard import GuardedJudge

router = APIRouter(tags=["operation"])


@dataclass(frozen=True)
class Health:
    """The reply of a living process."""

    status: str = "ok"


@dataclass(frozen=True)
class JudgeHealth:
    """The judge of entailment, and its circuit breaker: while it is open, sentences go out unjudged."""

    name: str
    breaker: BreakerState


@dataclass(frozen=True, kw_only=True)
class Ready(IndexInfo):
    """What the service answers from: its index, and the backend that composes answers.

    ``degraded``: it answers, but not from the newest state of the index; ``problem`` says why.
    ``breakers`` has the state of each language model's circuit breaker: while one is open, 'extractive'
    answers instead. ``judge`` is null where there is none. ``embedding`` says by what questions are embedded, and in what
    numbers: ``openvino bf16, 2 streams``.
    """

    backend: str
    embedding: str
    feedback: bool
    breakers: Mapping[str, BreakerState]
    judge: JudgeHealth | None = None
    status: Literal["ready", "degraded"] = "ready"
    problem: str | None = None


@router.get("/healthz")
async def healthz() -> Health:
    """Tell that the process is alive."""
    return Health()


@router.get("/readyz", response_model=Ready, responses=problem_responses(503))
async def readyz(request: Request) -> Ready | Response:
    """Tell whether questions can be answered; if not, why (for the operator, in English)."""
    readiness: Readiness = request.app.state.readiness
    try:
        answerer = await readiness.answerer()
        info = await to_thread.run_sync(answerer.index.info)
    except GisaError as error:
        return problem_response(error, request.url.path, detail=f"{error}. {error.remedy}".strip())
    problem, judge = answerer.index.problem, answerer.judge
    return Ready(
        **asdict(info),
        backend=answerer.default_backend,
        embedding=answerer.index.embedder.computed_by,
        feedback=request.app.state.feedback.enabled,
        breakers=breaker_states(answerer.backends),
        judge=JudgeHealth(judge.name, judge.state) if isinstance(judge, GuardedJudge) else None,
        status="degraded" if problem else "ready",
        problem=problem,
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {Metrics.content_type: {}}}, **problem_responses(401, 429)},
)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus. If keys are required, any key will do."""
    known: Metrics = request.app.state.metrics
    readiness: Readiness = request.app.state.readiness
    with suppress(GisaError):
        index = (await readiness.answerer()).index
        known.index_seen(index.generation, index.problem)
    return Response(known.text(), media_type=known.content_type)
