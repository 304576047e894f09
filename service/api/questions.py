"""``POST /v1/ask`` and ``POST /v1/search``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from index import Hit
from service.answer import (
    DoneEvent,
    Event,
    InterpretedEvent,
    PassagesEvent,
    SentenceEvent,
)
from service.api.problems import log_problem, problem_of, problem_responses
from service.api.readiness import AnswererDep
from service.schema import Answer, Question, QuestionFilters, QuestionText

EVENT_STREAM = "text/event-stream"


def require_json(request: Request) -> None:
    """Refuse other bodies, also those that a foreign page could send without a preflight."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(415)


router = APIRouter(
    prefix="/v1",
    dependencies=[Depends(require_json)],
    responses=problem_responses(400, 413, 415, 422, 500, 503),
)


class SearchRequest(BaseModel):
    """What to search for. ``k`` is the number of stories; ``explain`` adds the parts of each score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: QuestionText
    filters: QuestionFilters = QuestionFilters()
    k: Annotated[int, Field(ge=1, le=50)] = 10
    explain: bool = False


class SearchResult(BaseModel):
    """The best passage of each story, best first."""

    hits: list[Hit]


_STREAM_DOC = {
    "description": "The answer, whole or as a stream of the events interpreted, passages, sentence "
    "(verified, with its citations), done (the whole answer) and error (a problem).",
    "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
}


@router.post("/ask", response_model=Answer, responses={200: _STREAM_DOC})
async def ask(question: Question, request: Request, answerer: AnswererDep) -> Any:
    """Answer a question from the articles, with citations; streamed if the caller accepts that."""
    facts: dict[str, Any] = request.state.facts
    facts["question"] = question.question
    if not _accepts_stream(request):
        answer = await answerer.answer(question)
        facts |= _facts(answer)
        return answer
    events = answerer.events(question)
    # What is wrong with the question shows here, while a status can still be sent.
    first = await anext(events)
    return StreamingResponse(
        _server_sent(first, events, facts),
        media_type=EVENT_STREAM,
        headers={"X-Accel-Buffering": "no"},  # proxies hold replies back otherwise
    )


@router.post("/search")
async def search(wanted: SearchRequest, request: Request, answerer: AnswererDep) -> SearchResult:
    """The passages that fit a question best, one per story."""
    request.state.facts["question"] = wanted.question
    filters = wanted.filters.to_filters()
    hits = await to_thread.run_sync(
        lambda: answerer.index.search(
            wanted.question, filters=filters, k=wanted.k, explain=wanted.explain
        )
    )
    return SearchResult(hits=hits)


def _accepts_stream(request: Request) -> bool:
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(media.partition(";")[0].strip() == EVENT_STREAM for media in accepted)


async def _server_sent(
    first: Event, rest: AsyncIterator[Event], facts: dict[str, Any]
) -> AsyncIterator[bytes]:
    """The events as text/event-stream; an error that comes after the status line is one too."""
    try:
        yield _encoded(first)
        async for event in rest:
            if isinstance(event, DoneEvent):
                facts |= _facts(event.answer)
            yield _encoded(event)
    except Exception as error:
        log_problem(error)
        problem = problem_of(error)
        facts["problem"] = problem.code
        yield _frame("error", problem.model_dump(exclude_none=True))


def _encoded(event: Event) -> bytes:
    match event:
        case InterpretedEvent():
            return _frame("interpreted", event.interpreted)
        case PassagesEvent():
            return _frame("passages", {"hits": event.hits})
        case SentenceEvent():
            return _frame("sentence", event)
        case DoneEvent():
            return _frame("done", event.answer)


def _frame(name: str, data: Any) -> bytes:
    # JSON text holds no line break, so that one data line is enough.
    return b"event: %b\ndata: %b\n\n" % (name.encode(), to_json(data, by_alias=True))


def _facts(answer: Answer) -> dict[str, Any]:
    """What the log says of an answer."""
    fields = {"id", "status", "backend", "dropped_sentences", "generation", "timings_ms"}
    if answer.failure:
        fields |= {"failure", "fallback_from", "incomplete"}
    return {"answer": answer.model_dump(include=fields)}
