"""``POST /v1/chat/completions`` and ``GET /v1/models``, for programs that speak OpenAI's protocol.

The last message is the question, those before it are the conversation. The reply has markers and a
list of sources in its text, an annotation for each marker, and the whole Answer as ``gisa``. Leads, where
there is no answer, are listed without markers, each with an annotation of its title.
https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.api.deps import FactsDep, GatewayDep, require_json
from service.api.problems import log_problem, problem_of, problem_responses
from service.api.streams import EVENT_STREAM, EventStream, frame
from service.errors import ModelUnknown
from service.events import DoneEvent, Event, SentenceEvent, settled
from service.schema import MAX_TURN_CHARS, MAX_TURNS, Answer, Citation, Question, Support, Turn
from service.wording import LEADS_TITLE, NO_ANSWER, mark, marked, unmarked

MODEL = "gisa"
"""The model that answers with the default backend; ``gisa-NAME`` answers with another."""

router = APIRouter(
    prefix="/v1",
    tags=["openai"],
    responses=problem_responses(401, 429, 500, 503),
)


class TextPart(BaseModel):
    """A part of a message. Parts that are not text are ignored."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """A message. Those of the system, of developers and of tools are ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The text of the message, that of several parts joined by line breaks."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """``include_usage`` asks for a last chunk with ``usage``."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """OpenAI's request. Fields that mean nothing here (temperature, max_tokens …) are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str = MODEL
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None


class UrlCitation(BaseModel):
    """``start_index`` and ``end_index`` are offsets in the content, in code points: of a marker, or of a lead's title."""

    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(BaseModel):
    """The article that a marker in the content cites, or that a lead names.

    ``support``, which OpenAI's own have not, is the grade of the sentence with the marker; None for a lead.
    """

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation
    support: Support | None = None


class ReplyMessage(BaseModel):
    """The answer with markers and a list of sources in ``content``, or that there is none, and leads.

    Sentences in other words than the articles', which no judge supports, are marked.
    """

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The only choice. ``finish_reason`` is ``length`` for an incomplete answer."""

    index: int = 0
    message: ReplyMessage
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class Usage(BaseModel):
    """Always zero: tokens are not counted, but some programs need the fields."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatCompletion(BaseModel):
    """OpenAI's reply, and the whole Answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage = Usage()
    gisa: Answer


class Model(BaseModel):
    """A name that requests may give as ``model``."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "gisa"


class Models(BaseModel):
    """The list of models."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/models")
async def models(gateway: GatewayDep) -> Models:
    """List the models: ``gisa``, and ``gisa-NAME`` for each backend."""
    answerer = await gateway.readiness.answerer()
    names = [MODEL, *(f"{MODEL}-{backend}" for backend in answerer.backends)]
    return Models(data=[Model(id=name) for name in names])


@router.post(
    "/chat/completions",
    dependencies=[Depends(require_json)],
    response_model=ChatCompletion,
    responses={
        200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
        **problem_responses(400, 404, 413, 415, 422, 502),
    },
)
async def complete(
    wanted: ChatRequest, request: Request, gateway: GatewayDep, facts: FactsDep
) -> Any:
    """Answer the last message."""
    answerer = await gateway.readiness.answerer()
    question = _question(wanted, _backend(wanted.model, set(answerer.backends)))
    articles = str(request.url_for("article", article_id=""))
    if not wanted.stream:
        answer = await gateway.answer(question, facts)
        return _completion(wanted.model, answer, articles)
    events = gateway.events(question, facts)
    first = await anext(events)
    return EventStream(_chunks(first, events, wanted, articles))


def _backend(model: str, backends: set[str]) -> str | None:
    """The backend that a model's name means, None for the default. Raises ModelUnknown."""
    if model == MODEL:
        return None
    name = model.removeprefix(f"{MODEL}-")
    if name == model or name not in backends:
        raise ModelUnknown(f"'{model}'라는 모델이 없습니다. 쓸 수 있는 것: GET /v1/models")
    return name


def _question(wanted: ChatRequest, backend: str | None) -> Question:
    """The user's last message as the question, the messages before it as its conversation."""
    said = [m for m in wanted.messages if m.role in ("user", "assistant") and m.text.strip()]
    asked = said.pop().text if said and said[-1].role == "user" else ""
    turns = [
        Turn(role="user", content=m.text[:MAX_TURN_CHARS])
        if m.role == "user"
        else Turn(role="assistant", content=unmarked(m.text)[:MAX_TURN_CHARS])
        for m in said[-MAX_TURNS:]
    ]
    try:
        return Question(question=asked, conversation=tuple(turns), backend=backend)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _completion(model: str, answer: Answer, articles: str) -> ChatCompletion:
    content = marked(answer) + _below(answer, articles)
    annotations = list(_annotations(answer, content, articles))
    message = ReplyMessage(content=content, annotations=annotations)
    return ChatCompletion(
        id=f"chatcmpl-{answer.id}",
        created=int(time.time()),
        model=model,
        choices=[Choice(message=message, finish_reason=_finish_reason(answer))],
        gisa=answer,
    )


async def _chunks(
    first: Event, rest: AsyncGenerator[Event, None], wanted: ChatRequest, articles: str
) -> AsyncGenerator[bytes, None]:
    """The reply in OpenAI's chunks: sentences once they are settled, then sources, annotations and the end."""
    chunk = {"object": "chat.completion.chunk", "created": int(time.time()), "model": wanted.model}
    said = 0

    def told(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return frame(None, {"id": "chatcmpl-gisa", **chunk, "choices": [choice], **more})

    try:
        async with aclosing(settled(rest)) as events:
            yield told({"role": "assistant", "content": ""})
            async for event in events:
                if isinstance(event, SentenceEvent):
                    sentence = event.sentence
                    before = sentence.separator if said else ""
                    yield told({"content": before + sentence.marked + mark(sentence)})
                    said += 1
                if isinstance(event, DoneEvent):
                    answer = event.answer
                    below = _below(answer, articles)
                    yield told({"content": ("" if said else answer.text) + below})
                    found = _annotations(answer, marked(answer) + below, articles)
                    annotations = [annotation.model_dump() for annotation in found]
                    yield told({"annotations": annotations}, _finish_reason(answer), gisa=answer)
        if wanted.stream_options and wanted.stream_options.include_usage:
            usage = Usage().model_dump()
            yield frame(None, {"id": "chatcmpl-gisa", **chunk, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"
    except Exception as error:
        # The request's own boundary: the status line is sent, so only a chunk can still tell.
        log_problem(error)
        problem = problem_of(error)
        told_as = {"message": problem.detail, "type": problem.type, "code": problem.code}
        yield frame(None, {"error": told_as})


def _finish_reason(answer: Answer) -> Literal["stop", "length"]:
    return "length" if answer.incomplete else "stop"


def _below(answer: Answer, articles: str) -> str:
    """What is listed below the text, for programs that show only text: sources, or leads."""
    if not answer.citations:
        return ""
    if answer.status == "answered":
        lines = [f"[{c.number}] {_named(c, articles)}" for c in answer.citations]
        return "\n\n출처:\n" + "\n".join(lines)
    leads = [f"- {_named(c, articles)}\n  {_quoted(c)}" for c in answer.citations]
    return f"\n\n{LEADS_TITLE}: {NO_ANSWER}\n" + "\n".join(leads)


def _named(citation: Citation, articles: str) -> str:
    published = f", {citation.published_at:%Y-%m-%d}" if citation.published_at else ""
    press = citation.press or "언론사 모름"
    return f"{citation.title} ({press}{published}) {_url(citation, articles)}"


def _quoted(citation: Citation) -> str:
    return " … ".join(f"“{' '.join(quote.text.split())}”" for quote in citation.quotes)


def _annotations(answer: Answer, content: str, articles: str) -> Iterator[Annotation]:
    """One for each marker of the text, or for each lead in the list below it."""
    if answer.status == "answered":
        yield from _annotated_markers(answer, content, articles)
        return
    end = len(answer.text)
    for citation in answer.citations:
        start = content.index(f"\n- {citation.title} (", end) + len("\n- ")
        end = start + len(citation.title)
        yield _annotation(citation, start, end, articles)


def _annotated_markers(answer: Answer, content: str, articles: str) -> Iterator[Annotation]:
    by_number, end = {citation.number: citation for citation in answer.citations}, 0
    for sentence in answer.sentences:
        end = content.index(sentence.marked, end) + len(sentence.lead_in + sentence.text)
        for number in sentence.citations:
            start, end = end, end + len(f"[{number}]")
            yield _annotation(by_number[number], start, end, articles, sentence.support)


def _annotation(
    citation: Citation, start: int, end: int, articles: str, support: Support | None = None
) -> Annotation:
    url = _url(citation, articles)
    return Annotation(
        url_citation=UrlCitation(url=url, title=citation.title, start_index=start, end_index=end),
        support=support,
    )


def _url(citation: Citation, articles: str) -> str:
    """The address of an article: its own, or else that of ``/v1/articles``."""
    return citation.url or articles + quote(citation.reference)
