"""``POST /v1/ask`` and ``POST /v1/search``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.responses import Response

from index import Hit
from service.api.deps import FactsDep, GatewayDep, require_json
from service.api.problems import log_problem, problem_of, problem_responses
from service.api.streams import EVENT_STREAM, EventStream, frame
from service.events import (
    DoneEvent,
    Event,
    GradedEvent,
    InterpretedEvent,
    PassagesEvent,
    SentenceEvent,
    TimelineEvent,
    WithdrawnEvent,
)
from service.schema import Answer, Question, QuestionFilters, QuestionText
from service.serving.gateway import Facts

router = APIRouter(
    prefix="/v1",
    tags=["questions"],
    dependencies=[Depends(require_json)],
    responses=problem_responses(400, 401, 413, 415, 422, 429, 500, 503),
)


class SearchRequest(BaseModel):
    """A search. ``k`` is the number of stories; ``explain`` adds the parts of each score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: QuestionText
    filters: QuestionFilters = QuestionFilters()
    k: Annotated[int, Field(ge=1, le=50)] = 10
    explain: bool = False


class SearchResult(BaseModel):
    """The best passage of each story, best first."""

    hits: list[Hit]


_STREAM_DOC = {
    "description": "The answer, whole or as a stream of the events interpreted, passages, timeline "
    "(where the course of events was asked for: its entries, all citations, and how many were left out), sentence ("
    "its facts verified, with its citations; pending: a judge is still to read its wording), graded or withdrawn (of a "
    "pending sentence, by its index), done (the whole answer) and error (a problem).",
    "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
}


@router.post("/ask", response_model=Answer, responses={200: _STREAM_DOC, **problem_responses(502)})
async def ask(question: Question, request: Request, gateway: GatewayDep, facts: FactsDep) -> Any:
    """Answer a question from the articles, with citations; as a stream if the caller accepts one."""
    if not _accepts_stream(request):
        return _json(await gateway.answer(question, facts))
    events = gateway.events(question, facts)
    # Errors in the question are raised here, while a status can still be sent.
    first = await anext(events)
    return EventStream(_server_sent(first, events, facts))


@router.post("/search", response_model=SearchResult)
async def search(wanted: SearchRequest, gateway: GatewayDep, facts: FactsDep) -> Response:
    """Find the passages that fit a question best, one per story."""
    filters = wanted.filters.to_filters()
    hits = await gateway.search(wanted.question, filters, facts, k=wanted.k, explain=wanted.explain)
    return _json({"hits": hits})


def _json(value: Any) -> Response:
    """A reply from values that are validated already; FastAPI would validate each of them again."""
    return Response(to_json(value, by_alias=True), media_type="application/json")


def _accepts_stream(request: Request) -> bool:
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(media.partition(";")[0].strip() == EVENT_STREAM for media in accepted)


async def _server_sent(
    first: Event, rest: AsyncGenerator[Event, None], facts: Facts
) -> AsyncGenerator[bytes, None]:
    """The events as text/event-stream; an error after the status line becomes an event, too."""
    try:
        async with aclosing(rest):
            yield _encoded(first)
            async for event in rest:
                yield _encoded(event)
    except Exception as error:
        # The request's own boundary: the status line is sent, so only an event can still tell.
        log_problem(error)
        problem = problem_of(error)
        facts["problem"] = problem.code
        yield frame("error", problem.model_dump(exclude_none=True))


def _encoded(event: Event) -> bytes:
    match event:
        case InterpretedEvent():
            return frame("interpreted", event.interpreted)
        case PassagesEvent():
            return frame("passages", {"hits": event.hits})
        case TimelineEvent():
            return frame("timeline", event)
        case SentenceEvent():
            return frame("sentence", event)
        case GradedEvent():
            return frame("graded", event)
        case WithdrawnEvent():
            return frame("withdrawn", event)
        case DoneEvent():
            return frame("done", event.answer)
