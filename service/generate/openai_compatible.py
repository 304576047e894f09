"""Any server that speaks OpenAI's chat completions: OpenAI, Azure, vLLM, Ollama, llama.cpp …"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.errors import LLMRefused, LLMTruncated
from service.generate.prompt import Prompt
from service.generate.remote import RemoteBackend, RemoteModel

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk


class OpenAICompatibleBackend(RemoteBackend):
    """Streams one chat completion; meets ``LLMBackend``. Constructing it raises ImportError without ``openai``."""

    name = "openai"

    def __init__(self, model: RemoteModel) -> None:
        import openai

        super().__init__(model, openai)
        self._limits: dict[str, Any] = {"temperature": 0, "max_tokens": model.max_output_tokens}

    def _connect(self) -> AsyncOpenAI:
        key = self._model.api_key.get_secret_value() or "none"  # local servers need none
        client: AsyncOpenAI = self._sdk.AsyncOpenAI(api_key=key, **self._options())
        return client

    async def _request(
        self, client: AsyncOpenAI, prompt: Prompt, schema: Mapping[str, object] | None
    ) -> Any:
        """Start the completion, again without the parameters that the model refuses."""
        messages: Any = prompt.messages()
        form: dict[str, Any] = {"response_format": _json_of(schema)} if schema else {}
        while True:
            limits = dict(self._limits)
            try:
                return await client.chat.completions.create(
                    model=self._model.name, messages=messages, stream=True, **limits, **form
                )
            except self._sdk.BadRequestError as error:
                if error.param not in _REPLACEABLE or error.param not in limits:
                    raise
                self._limits = _without(limits, error.param)

    def _finished(self, event: ChatCompletionChunk) -> bool:
        if not event.choices:
            return False
        choice = event.choices[0]
        if choice.finish_reason == "length":
            raise LLMTruncated(f"{self.name}: cut off at {self._model.max_output_tokens} tokens")
        if choice.finish_reason == "content_filter" or choice.delta.refusal:
            raise LLMRefused(f"{self.name}: the model or its content filter declined")
        return choice.finish_reason is not None

    def _text(self, event: ChatCompletionChunk) -> str:
        return (event.choices[0].delta.content or "") if event.choices else ""


def _json_of(schema: Mapping[str, object]) -> dict[str, Any]:
    """https://platform.openai.com/docs/guides/structured-outputs"""
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }


_REPLACEABLE = frozenset({"temperature", "max_tokens"})


def _without(limits: dict[str, Any], name: str) -> dict[str, Any]:
    """The parameters without a refused one: reasoning models take no temperature, and call the limit of
    output otherwise."""
    rest = {key: value for key, value in limits.items() if key != name}
    return rest | ({"max_completion_tokens": limits[name]} if name == "max_tokens" else {})
