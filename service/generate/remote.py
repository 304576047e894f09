"""What the adapters for language models behind HTTP have in common."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from service.errors import LLMError, LLMRefused, LLMUnavailable
from service.generate.prompt import Prompt


@dataclass(frozen=True)
class RemoteModel:
    """A model and what a request to it may cost. ``max_input_chars`` bounds the prompt."""

    base_url: str
    name: str
    api_key: SecretStr
    max_input_chars: int
    max_output_tokens: int

    @property
    def place(self) -> str:
        """Host and port, for logs; the whole address may hold a password."""
        parts = urlsplit(self.base_url)
        return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"


class RemoteBackend:
    """Streams one reply per prompt through an SDK; the base of the adapters.

    The SDK's own retries and time-outs are off: GuardedBackend has them. An adapter defines how to
    ``_connect``, how to ``_request`` the stream, what ``_text`` an event holds, and whether the reply is
    ``_finished`` with it, which raises LLMTruncated or LLMRefused for any end but the proper one.

    A schema of the reply goes with the request until a server refuses it; from then on the words of the prompt
    alone ask for JSON. So the text may be no JSON all the same.
    """

    name: str

    def __init__(self, model: RemoteModel, sdk: Any) -> None:
        import httpx2

        self._model, self._sdk = model, sdk
        self._faults = (sdk.APIError, httpx2.HTTPError, *_MALFORMED)
        self._tls = httpx2.create_ssl_context()  # takes 45 ms, and all connections can share it
        self._takes_schema = True

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See ``LLMBackend``. The prompt is cut to the model's budget."""
        prompt = prompt.within(self._model.max_input_chars)
        finished = False
        try:
            # One connection per answer, so that nothing outlives it or is bound to an event loop.
            async with self._connect() as client, await self._start(client, prompt) as events:
                async for event in events:
                    finished = self._finished(event) or finished
                    yield self._text(event)
        except self._faults as error:
            raise self._explained(error) from None  # the SDK's error may repeat the key
        if not finished:
            raise self._broken_off()

    def _connect(self) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    async def _start(self, client: Any, prompt: Prompt) -> Any:
        """Start the reply, without the schema if the server refuses it and takes the rest."""
        schema = prompt.reply_schema if self._takes_schema else None
        try:
            return await self._request(client, prompt, schema)
        except self._sdk.APIStatusError as error:
            if schema is None or error.status_code not in _NOT_UNDERSTOOD:
                raise
        events = await self._request(client, prompt, None)
        self._takes_schema = False  # only now it is sure that the schema was at fault
        return events

    async def _request(
        self, client: Any, prompt: Prompt, schema: Mapping[str, object] | None
    ) -> Any:
        raise NotImplementedError

    def _text(self, event: Any) -> str:
        raise NotImplementedError

    def _finished(self, event: Any) -> bool:
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """The options of both SDKs' clients."""
        return {
            "base_url": self._model.base_url,
            "max_retries": 0,
            "timeout": None,
            "http_client": self._sdk.DefaultAsyncHttpxClient(verify=self._tls, timeout=None),
        }

    def _explained(self, error: Exception) -> LLMError:
        if isinstance(error, self._sdk.APIStatusError):
            return self._failure(error)
        if isinstance(error, self._sdk.APIConnectionError):
            return LLMUnavailable(
                f"{self.name}: no connection to {self._model.place}, or it was cut",
                remedy="Check the base URL and the server.",
            )
        return self._broken_off()

    def _broken_off(self) -> LLMUnavailable:
        place = self._model.place
        return LLMUnavailable(f"{self.name}: {place} broke off, or sent what can't be read")

    def _failure(self, error: Any) -> LLMError:
        """The error for a reply with a bad status, or for an error event in a reply with a good one.

        The server's own wording is left out: it may repeat the key, the question or the passages.
        """
        codes = (getattr(error, "code", None), error.type)
        code = next((c for c in codes if isinstance(c, str) and _CODE.fullmatch(c)), None)
        status = _STATUS.get(code, 400) if error.status_code < 400 else error.status_code
        message = f"{self.name}: {self._model.place} answered HTTP {status}"
        message += f" ({code})" if code else ""
        if code not in _NO_MONEY and (status in _OVERLOADED or status >= 500):
            wait = _seconds(error.response.headers.get("retry-after"))
            return LLMUnavailable(message, retry_after_s=wait)
        return LLMRefused(message, remedy=_REMEDIES.get(status))


_MALFORMED = (ValueError, TypeError, AttributeError, LookupError)
"""The SDKs don't check what they read: what is malformed shows where it is used."""
_NOT_UNDERSTOOD = frozenset({400, 422})  # how servers refuse a parameter
_OVERLOADED = frozenset({408, 409, 425, 429})  # worth another attempt, by the SDKs' own rule
_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})  # 429, but for good
_CODE = re.compile(r"[a-z][a-z_]{2,40}")
_STATUS: Mapping[str | None, int] = {
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Statuses of Anthropic's error events (docs.anthropic.com/en/api/errors)."""
_REMEDIES: Mapping[int, str] = {
    400: "See the server's log for the reason; a prompt too long is cut by GISA_LLM_MAX_INPUT_CHARS.",
    401: "Check the API key.",
    402: "Check the account's budget.",
    403: "Check what the API key may do.",
    404: "Check the model's name and the base URL.",
    429: "Check the account's budget.",
}


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; None for a date, which hardly any model server sends."""
    try:
        return max(float(retry_after or ""), 0.0)
    except ValueError:
        return None
