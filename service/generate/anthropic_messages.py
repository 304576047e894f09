"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.errors import LLMRefused, LLMTruncated
from service.generate.prompt import Prompt
from service.generate.remote import RemoteBackend, RemoteModel

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import RawMessageStreamEvent


class AnthropicBackend(RemoteBackend):
    """Streams one message; meets ``LLMBackend``. Constructing it raises ImportError without ``anthropic``.

    It sends no temperature: current models accept none, and the SDK has no parameter for it.
    """

    name = "anthropic"

    def __init__(self, model: RemoteModel) -> None:
        import anthropic

        super().__init__(model, anthropic)

    def _connect(self) -> AsyncAnthropic:
        key = self._model.api_key.get_secret_value()
        client: AsyncAnthropic = self._sdk.AsyncAnthropic(api_key=key, **self._options())
        return client

    async def _request(
        self, client: AsyncAnthropic, prompt: Prompt, schema: Mapping[str, object] | None
    ) -> Any:
        system, *turns = prompt.messages()
        messages: Any = turns
        # https://platform.claude.com/docs/en/build-with-claude/structured-outputs
        form: Any = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
        return await client.messages.create(
            model=self._model.name,
            max_tokens=self._model.max_output_tokens,
            system=system["content"],
            messages=messages,
            stream=True,
            **(form if schema else {}),
        )

    def _finished(self, event: RawMessageStreamEvent) -> bool:
        if event.type == "message_delta":
            if event.delta.stop_reason in {"max_tokens", "model_context_window_exceeded"}:
                limit = self._model.max_output_tokens
                raise LLMTruncated(f"{self.name}: cut off at {limit} tokens")
            if event.delta.stop_reason == "refusal":
                raise LLMRefused(f"{self.name}: the model declined")
        return event.type == "message_stop"

    def _text(self, event: RawMessageStreamEvent) -> str:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            return event.delta.text
        return ""
