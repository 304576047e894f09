"""``POST /v1/chat/completions`` and ``GET /v1/models``, for programs that speak OpenAI's protocol.

The user's last message is the question, or has it in it (``service.query.embedded``); those before it are the
conversation, and what the assistant began to say after it is begun anew. The reply has markers and a list of sources
in its text, an annotation for each marker, and the whole Answer as ``gisa``. Leads, where there is no answer, are
listed without markers, each with an annotation of its title.
https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Literal
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from service.answer import Answerer
from service.api.deps import FactsDep, GatewayDep, require_json
from service.api.openai_schema import (
    Annotation,
    ChatCompletion,
    ChatMessage,
    ChatRequest,
    Choice,
    Model,
    Models,
    ReplyMessage,
    UrlCitation,
    Usage,
)
from service.api.problems import OpenAIProblem, log_problem, openai_error, problem_responses
from service.api.streams import EVENT_STREAM, EventStream, frame
from service.errors import ModelUnknown, NotSupported
from service.events import DoneEvent, Event, InterpretedEvent, SentenceEvent, settled
from service.query.embedded import question_in
from service.query.utterance import is_small_talk
from service.schema import (
    MAX_QUESTION_CHARS,
    MAX_TURN_CHARS,
    MAX_TURNS,
    Answer,
    Citation,
    Interpreted,
    Question,
    Support,
    Turn,
)
from service.wording import (
    LEADS_TITLE,
    NO_ANSWER,
    NO_QUESTION,
    UNKNOWN_PRESS,
    mark,
    marked,
    unmarked,
)

MODEL = "gisa"
"""The model that answers with the default backend; ``gisa-NAME`` answers with another."""

router = APIRouter(
    prefix="/v1",
    tags=["openai"],
    responses=problem_responses(401, 429, 500, 503, model=OpenAIProblem),
)


@router.get("/models")
async def models(gateway: GatewayDep) -> Models:
    """List the models: ``gisa``, and ``gisa-NAME`` for each backend."""
    answerer = await gateway.readiness.answerer()
    names = [MODEL, *(f"{MODEL}-{backend}" for backend in answerer.backends)]
    return Models(data=[Model(id=name) for name in names])


@router.get("/models/{model}", responses=problem_responses(404, 422, model=OpenAIProblem))
async def one_model(model: str, gateway: GatewayDep) -> Model:
    """Tell of one model."""
    answerer = await gateway.readiness.answerer()
    _backend(model, answerer)
    return Model(id=model)


@router.post(
    "/chat/completions",
    dependencies=[Depends(require_json)],
    response_model=ChatCompletion,
    responses={
        200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
        **problem_responses(400, 404, 413, 415, 422, 502, model=OpenAIProblem),
    },
)
async def complete(
    wanted: ChatRequest, request: Request, gateway: GatewayDep, facts: FactsDep
) -> Any:
    """Answer the user's last message."""
    _refuse_unsupported(wanted)
    answerer = await gateway.readiness.answerer()
    model = wanted.model or MODEL
    backend = _backend(model, answerer)
    said, turns = _conversation(wanted.messages)
    asked = await to_thread.run_sync(_asked, said, turns, answerer)
    if asked is None:
        events = _declined(said, backend or answerer.default_backend, answerer.index.generation)
    else:
        events = gateway.events(_question(asked, turns, backend), facts)
    articles = str(request.url_for("article", article_id=""))
    if not wanted.stream:
        return _completion(model, await _whole(events), articles)
    first = await anext(events)
    is_counted = bool(wanted.stream_options and wanted.stream_options.include_usage)
    return EventStream(_chunks(first, events, model, articles, is_counted=is_counted))


def _refuse_unsupported(wanted: ChatRequest) -> None:
    """Raise NotSupported for what would change the form of the reply."""
    for param in ("tools", "functions"):
        if getattr(wanted, param):
            raise NotSupported(
                f"{param}는 쓸 수 없습니다. gisa는 함수를 부르지 않고 기사에서 찾은 답만 합니다.",
                param=param,
            )
    if wanted.response_format and wanted.response_format.type != "text":
        raise NotSupported(
            f"response_format은 text만 쓸 수 있습니다({wanted.response_format.type[:50]}는 안 됩니다). "
            "답의 JSON은 응답의 gisa 항목에 있습니다.",
            param="response_format",
        )


def _backend(model: str, answerer: Answerer) -> str | None:
    """The backend that a model's name means, None for the default. Raises ModelUnknown."""
    if model == MODEL:
        return None
    name = model.removeprefix(f"{MODEL}-")
    if name == model or name not in answerer.backends:
        raise ModelUnknown(f"'{model}'라는 모델이 없습니다. 쓸 수 있는 것: GET /v1/models")
    return name


def _conversation(messages: Sequence[ChatMessage]) -> tuple[str, tuple[Turn, ...]]:
    """The user's last message (``""`` if there is none), and what was said before it."""
    said = [m for m in messages if m.role in ("user", "assistant") and m.text.strip()]
    while said and said[-1].role == "assistant":
        said.pop()  # an answer that was begun; sentences are verified, so none is continued
    asked = said.pop().text if said else ""
    turns = [
        Turn(role="user", content=m.text[:MAX_TURN_CHARS])
        if m.role == "user"
        else Turn(role="assistant", content=unmarked(m.text)[:MAX_TURN_CHARS])
        for m in said[-MAX_TURNS:]
    ]
    return asked, tuple(turns)


def _asked(said: str, turns: Sequence[Turn], answerer: Answerer) -> str | None:
    """What a message asks of the archive; None if nothing. After other messages, «왜?» asks something."""
    analyser = answerer.index.analyser
    asked = question_in(said, analyser, limit=MAX_QUESTION_CHARS)
    if not asked or not asked.strip() or turns:
        return asked
    return None if is_small_talk(asked, analyser) else asked


def _question(asked: str, turns: tuple[Turn, ...], backend: str | None) -> Question:
    """The question with its conversation. Raises RequestValidationError."""
    try:
        return Question(question=asked, conversation=turns, backend=backend)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


async def _declined(said: str, backend: str, generation: int) -> AsyncGenerator[Event, None]:
    """The events of an answer to what is no question: that it is none."""
    said = said.strip()[:MAX_QUESTION_CHARS]
    interpreted = Interpreted(standalone_question=said)
    yield InterpretedEvent(interpreted)
    yield DoneEvent(
        Answer(
            id=uuid.uuid4().hex,
            question=said,
            status="no_evidence",
            text=NO_QUESTION,
            interpreted=interpreted,
            backend=backend,
            generation=generation,
            timings_ms={},
        )
    )


async def _whole(events: AsyncGenerator[Event, None]) -> Answer:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, DoneEvent):
                return event.answer
    raise AssertionError("the events end with DoneEvent")


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
    first: Event,
    rest: AsyncGenerator[Event, None],
    model: str,
    articles: str,
    *,
    is_counted: bool,
) -> AsyncGenerator[bytes, None]:
    """The reply in OpenAI's chunks: sentences once they are settled, then sources, annotations and the end."""
    chunk = {"object": "chat.completion.chunk", "created": int(time.time()), "model": model}
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
        if is_counted:
            usage = Usage().model_dump()
            yield frame(None, {"id": "chatcmpl-gisa", **chunk, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"
    except Exception as error:
        # The request's own boundary: the status line is sent, so only a chunk can still tell.
        log_problem(error)
        yield frame(None, {"error": openai_error(error).model_dump()})


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
    press = citation.press or UNKNOWN_PRESS
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
