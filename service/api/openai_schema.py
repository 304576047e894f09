"""Requests and replies of the OpenAI-compatible route. https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schema import Answer, Support


class TextPart(BaseModel):
    """A part of a message. Parts that are not text are ignored."""

    type: str
    text: str | None = None


class ChatMessage(BaseModel):
    """A message. Those of the system, of developers and of tools are ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The text of the message, that of several parts joined by line breaks."""
        if isinstance(self.content, list):
            return "\n".join(part.text or "" for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """``include_usage`` asks for a last chunk with ``usage``."""

    include_usage: bool | None = None


class ResponseFormat(BaseModel):
    """The form of the reply; only ``text`` can be had."""

    type: str


class ChatRequest(BaseModel):
    """OpenAI's request. Fields that mean nothing here (temperature, max_tokens …) are ignored.

    ``tools``, ``functions`` and a ``response_format`` other than text are refused: what came back would not be
    what they ask for.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str | None = None
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None


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
