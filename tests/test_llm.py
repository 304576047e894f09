"""The backends that write answers keep to one contract, those behind HTTP with real SDKs over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from contracts.llm_contract import ANSWER, KEY, LLMContract, RemoteLLMContract, prompt, text_of
from fake_llm_server import FakeServer, Reply
from pydantic import SecretStr
from small_index import analyser

from service.errors import LLMRefused
from service.generate import LLMBackend
from service.generate.anthropic_messages import AnthropicBackend
from service.generate.extractive import ExtractiveBackend
from service.generate.openai_compatible import OpenAICompatibleBackend
from service.generate.remote import RemoteModel
from service.generate.stub import StubBackend


def model(url: str, *, max_input_chars: int = 16_000) -> RemoteModel:
    return RemoteModel(url, "model-of-the-test", SecretStr(KEY), max_input_chars, 256)


def idf(morphemes: Iterable[str]) -> Mapping[str, float]:
    return dict.fromkeys(morphemes, 1.0)


class TestExtractive(LLMContract):
    @pytest.fixture
    def backend(self) -> LLMBackend:
        return ExtractiveBackend(analyser(), idf)


class TestStub(LLMContract):
    @pytest.fixture
    def backend(self) -> LLMBackend:
        return StubBackend()


class TestOpenAICompatible(RemoteLLMContract):
    def connect(self, url: str, **options: Any) -> LLMBackend:
        return OpenAICompatibleBackend(model(f"{url}/v1", **options))

    def key_sent(self, headers: dict[str, str]) -> str:
        return headers["authorization"].removeprefix("Bearer ")

    def system_sent(self, body: dict[str, Any]) -> str:
        first = body["messages"][0]
        assert first["role"] == "system"
        return str(first["content"])

    def test_temperature_is_zero(self, backend: LLMBackend, server: FakeServer) -> None:
        text_of(backend)
        assert server.requests[0].body["temperature"] == 0
        assert server.requests[0].path == "/v1/chat/completions"

    def test_it_learns_what_a_reasoning_model_does_not_take(
        self, backend: LLMBackend, server: FakeServer
    ) -> None:
        server.replies = [
            Reply(status=400, code="unsupported_parameter", param="max_tokens"),
            Reply(status=400, code="unsupported_value", param="temperature"),
            Reply(ANSWER),
        ]
        assert "4,820억" in text_of(backend)
        assert "4,820억" in text_of(backend)
        assert len(server.requests) == 4
        for request in server.requests[2:]:
            assert not {"temperature", "max_tokens"} & set(request.body)
            assert request.body["max_completion_tokens"] == 256

    def test_another_parameter_that_is_wrong_is_told(
        self, backend: LLMBackend, server: FakeServer
    ) -> None:
        server.replies = [Reply(status=400, code="bad", param="messages")]
        with pytest.raises(LLMRefused, match="HTTP 400"):
            text_of(backend)

    def test_the_environment_of_the_sdk_does_not_count(
        self, server: FakeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        keyless = RemoteModel(f"{server.url}/v1", "m", SecretStr(""), 16_000, 256)
        text_of(OpenAICompatibleBackend(keyless), prompt())
        assert self.key_sent(server.requests[0].headers) == "none"


class TestAnthropic(RemoteLLMContract):
    def connect(self, url: str, **options: Any) -> LLMBackend:
        return AnthropicBackend(model(url, **options))

    def key_sent(self, headers: dict[str, str]) -> str:
        return headers["authorization"].removeprefix("Bearer ")

    def system_sent(self, body: dict[str, Any]) -> str:
        return str(body["system"])

    def test_the_address(self, backend: LLMBackend, server: FakeServer) -> None:
        text_of(backend)
        assert server.requests[0].path == "/v1/messages"
