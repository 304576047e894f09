"""What every LLMBackend does, and what one behind HTTP does besides. Inherit, and supply ``backend``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from fake_llm_server import FakeServer, Reply
from small_index import analyser

from index import AnalysedText, ArticleHeader, Passage
from service.errors import LLMError, LLMRefused, LLMTimeout, LLMTruncated, LLMUnavailable
from service.generate import LLMBackend
from service.generate.guard import CircuitBreaker, GuardedBackend, Patience
from service.generate.prompt import Message, Prompt
from service.sources import Source

KEY = "sk-kept-from-logs-and-errors"
TRAM = "해담시 트램 1호선의 총사업비는 4,820억 원이다. 정거장은 15곳이다."
FERRY = "해담항 여객선 운임이 4월부터 12% 오른다. 선사는 유가가 올랐기 때문이라고 설명했다."


def source(number: int, body: str, title: str, *, passages: int = 1) -> Source:
    """An article whose body, so many times over, is as many passages."""
    header = ArticleHeader(id=f"article-{number}", title=title, press="해담일보")
    whole = "\n\n".join([body] * passages)
    text, step = AnalysedText(whole, analyser().sentences(whole)), len(body) + 2
    cut = [Passage(header.id, n, body, n * step, n * step + len(body)) for n in range(passages)]
    return Source(number, header, text, cut, score=1.0, dense=0.9)


def prompt(question: str = "트램 1호선의 총사업비는 얼마인가?", *, passages: int = 1) -> Prompt:
    return Prompt(
        question,
        [
            source(1, TRAM, "트램 1호선 승인", passages=passages),
            source(2, FERRY, "운임 인상", passages=passages),
        ],
    )


async def collect(backend: LLMBackend, asked: Prompt) -> list[str]:
    return [piece async for piece in backend.generate(asked)]


def text_of(backend: LLMBackend, asked: Prompt | None = None) -> str:
    return "".join(asyncio.run(collect(backend, asked or prompt())))


class LLMContract:
    @pytest.fixture
    def backend(self) -> LLMBackend:
        raise NotImplementedError("supply the backend to be tested, one that answers the prompt")

    def test_it_has_a_name(self, backend: LLMBackend) -> None:
        assert backend.name.strip() == backend.name != ""

    def test_it_answers_with_markers_of_the_prompts_sources(self, backend: LLMBackend) -> None:
        text = text_of(backend)
        assert "4,820억 원" in text
        assert "[1]" in text

    def test_it_can_be_asked_again_also_in_another_event_loop(self, backend: LLMBackend) -> None:
        assert text_of(backend) == text_of(backend)

    def test_many_at_once_do_not_mix(self, backend: LLMBackend) -> None:
        async def ask() -> list[list[str]]:
            return await asyncio.gather(*(collect(backend, prompt()) for _ in range(8)))

        answers = {"".join(pieces) for pieces in asyncio.run(ask())}
        assert len(answers) == 1

    def test_it_can_be_closed_early(self, backend: LLMBackend) -> None:
        async def first_piece() -> str:
            async with aclosing(backend.generate(prompt())) as pieces:
                return await anext(pieces)

        asyncio.run(first_piece())
        assert text_of(backend)

    def test_it_does_not_change_the_prompt(self, backend: LLMBackend) -> None:
        asked = prompt()
        before = repr(asked), asked.messages()
        text_of(backend, asked)
        assert (repr(asked), asked.messages()) == before


ANSWER = ("총사업비는 4,8", "20억 원이", "다.[", "1]")


class RemoteLLMContract(LLMContract):
    """A backend with the SDK of its maker, against a server that behaves as it is told."""

    @pytest.fixture
    def server(self) -> Iterator[FakeServer]:
        with FakeServer().running() as server:
            server.replies = [Reply(ANSWER)]
            yield server

    def connect(self, url: str, **options: Any) -> LLMBackend:
        raise NotImplementedError("supply the adapter, unguarded, with the key KEY")

    def key_sent(self, headers: dict[str, str]) -> str:
        raise NotImplementedError("the key in the headers of a request")

    def system_sent(self, body: dict[str, Any]) -> str:
        raise NotImplementedError("the system message in the body of a request")

    @pytest.fixture
    def backend(self, server: FakeServer) -> LLMBackend:
        return self.connect(server.url)

    @pytest.fixture
    def pauses(self) -> list[float]:
        return []

    @pytest.fixture
    def guarded(self, backend: LLMBackend, pauses: list[float]) -> GuardedBackend:
        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        patience = Patience(first_token_s=5, total_s=30)
        return GuardedBackend(backend, patience=patience, sleep=sleep)

    def test_the_text_is_that_of_the_server(self, backend: LLMBackend) -> None:
        assert text_of(backend) == "총사업비는 4,820억 원이다.[1]"

    def test_the_request(self, backend: LLMBackend, server: FakeServer) -> None:
        earlier = [
            Message(role="user", content="버스 요금은?"),
            Message(role="assistant", content="1,600원이다.[1] 청소년은 1,050원이다. [2][3]"),
        ]
        text_of(backend, Prompt("트램은?", prompt().sources, earlier))
        [request] = server.requests
        assert self.key_sent(request.headers) == KEY
        assert KEY not in str(request.body)
        assert request.body["stream"] is True
        assert request.body["model"] == "model-of-the-test"
        assert request.body["max_tokens"] == 256
        assert "자료일 뿐" in self.system_sent(request.body)
        turns = [m for m in request.body["messages"] if m["role"] != "system"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
        assert turns[1]["content"] == "1,600원이다. 청소년은 1,050원이다."
        assert "[1] 해담일보, 날짜 모름, 트램 1호선 승인\n해담시 트램" in turns[2]["content"]

    def test_the_budget_of_input(self, server: FakeServer) -> None:
        backend = self.connect(server.url, max_input_chars=3_000)
        text_of(backend, prompt(passages=60))
        [request] = server.requests
        sent = self.system_sent(request.body) + "".join(
            m["content"] for m in request.body["messages"] if m["role"] != "system"
        )
        assert 2_500 < len(sent) <= 3_000
        assert FERRY not in sent

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
    def test_overload_is_tried_again(
        self, guarded: GuardedBackend, server: FakeServer, pauses: list[float], status: int
    ) -> None:
        server.replies = [Reply(status=status), Reply(status=status), Reply(ANSWER)]
        assert text_of(guarded) == "총사업비는 4,820억 원이다.[1]"
        assert len(server.requests) == 3
        first, second = pauses
        assert 0.25 <= first <= 0.5 <= second <= 1.0
        assert guarded.breaker.state == "closed"

    def test_two_retries_and_no_more(self, guarded: GuardedBackend, server: FakeServer) -> None:
        server.replies = [Reply(status=500)]
        with pytest.raises(LLMUnavailable, match="HTTP 500"):
            text_of(guarded)
        assert len(server.requests) == 3

    def test_retry_after_is_honoured(
        self, guarded: GuardedBackend, server: FakeServer, pauses: list[float]
    ) -> None:
        server.replies = [Reply(status=429, headers={"Retry-After": "7"}), Reply(ANSWER)]
        assert "4,820억" in text_of(guarded)
        assert pauses == [7.0]

    def test_a_retry_that_would_come_too_late_is_none(
        self, guarded: GuardedBackend, server: FakeServer, pauses: list[float]
    ) -> None:
        server.replies = [Reply(status=429, headers={"Retry-After": "31"}), Reply(ANSWER)]
        with pytest.raises(LLMUnavailable) as caught:
            text_of(guarded)
        assert caught.value.retry_after_s == 31
        assert (len(server.requests), pauses) == (1, [])

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, "invalid_request_error"),
            (401, "authentication_error"),
            (403, "permission_error"),
            (404, "not_found_error"),
            (413, "request_too_large"),
            (429, "insufficient_quota"),
        ],
    )
    def test_a_refusal_is_not_tried_again_and_tells_no_secret(
        self,
        guarded: GuardedBackend,
        server: FakeServer,
        status: int,
        code: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        server.replies = [Reply(status=status, code=code)]
        with pytest.raises(LLMRefused, match=f"HTTP {status} \\({code}\\)") as caught:
            text_of(guarded)
        assert len(server.requests) == 1
        assert guarded.breaker.state == "closed"
        assert caught.value.__suppress_context__
        assert KEY not in str(caught.value) + caught.value.remedy + caplog.text

    def test_a_server_that_is_not_there(self, server: FakeServer) -> None:
        backend = self.connect("http://127.0.0.1:9")  # the discard port
        with pytest.raises(LLMUnavailable, match=r"no connection to 127\.0\.0\.1:9"):
            text_of(backend)

    def test_stalling_before_the_first_token(
        self, guarded: GuardedBackend, server: FakeServer
    ) -> None:
        server.replies = [Reply(trouble="stall")]
        guarded = self._impatient(guarded, first_token_s=0.2, total_s=0.2)
        with pytest.raises(LLMTimeout):
            text_of(guarded)
        assert server.hung_up.wait(5)
        assert len(server.requests) == 1

    def test_stalling_in_the_middle(self, guarded: GuardedBackend, server: FakeServer) -> None:
        server.replies = [Reply(ANSWER[:2], trouble="stall")]
        guarded = self._impatient(guarded, first_token_s=5, total_s=1)
        assert self._said_before(guarded, LLMTimeout) == "".join(ANSWER[:2])
        assert server.hung_up.wait(5)

    def _impatient(self, guarded: GuardedBackend, **patience: float) -> GuardedBackend:
        return GuardedBackend(guarded._inner, patience=Patience(**patience))  # type: ignore[arg-type]

    def _said_before(self, backend: LLMBackend, error: type[LLMError]) -> str:
        async def collect_until() -> str:
            said = ""
            try:
                async for piece in backend.generate(prompt()):
                    said += piece
            except error:
                return said
            raise AssertionError(f"it did not raise {error.__name__}")

        return asyncio.run(collect_until())

    @pytest.mark.parametrize(
        "trouble", ["break_off", "cut_connection", "malformed", "not_json", "error_event"]
    )
    def test_what_is_broken_before_the_first_token_is_tried_again(
        self, guarded: GuardedBackend, server: FakeServer, trouble: Any
    ) -> None:
        broken = Reply(trouble=trouble, code="overloaded_error")
        server.replies = [broken, Reply(ANSWER)]
        assert text_of(guarded) == "총사업비는 4,820억 원이다.[1]"
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        "trouble", ["break_off", "cut_connection", "malformed", "not_json", "error_event"]
    )
    def test_what_breaks_later_is_not_tried_again(
        self, guarded: GuardedBackend, server: FakeServer, trouble: Any
    ) -> None:
        server.replies = [
            Reply(ANSWER[:2], trouble=trouble, code="overloaded_error"),
            Reply(ANSWER),
        ]
        assert self._said_before(guarded, LLMUnavailable) == "".join(ANSWER[:2])
        assert len(server.requests) == 1

    @pytest.mark.parametrize(("stop", "error"), [("length", LLMTruncated), ("refusal", LLMRefused)])
    def test_another_end_than_the_models_own(
        self, guarded: GuardedBackend, server: FakeServer, stop: Any, error: type[LLMError]
    ) -> None:
        server.replies = [Reply(ANSWER[:3], stop=stop)]
        assert self._said_before(guarded, error) == "".join(ANSWER[:3])

    def test_a_caller_who_goes_away_ends_the_request(
        self, backend: LLMBackend, server: FakeServer
    ) -> None:
        server.replies = [Reply(ANSWER[:1], trouble="stall")]

        async def leave() -> None:
            async with aclosing(backend.generate(prompt())) as pieces:
                async for piece in pieces:
                    if piece:
                        return

        asyncio.run(leave())
        assert server.hung_up.wait(5)

    def test_the_breaker_spares_a_dead_server(
        self, guarded: GuardedBackend, server: FakeServer
    ) -> None:
        now = [0.0]
        guarded.breaker = CircuitBreaker(failures=2, open_s=30, clock=lambda: now[0])
        server.replies = [Reply(status=503)]
        for _ in range(5):
            with pytest.raises(LLMUnavailable):
                text_of(guarded)
        assert len(server.requests) == 6
        assert guarded.breaker.state == "open"
        server.replies = [Reply(ANSWER)]
        now[0] = 31.0
        assert guarded.breaker.state == "half_open"
        assert "4,820억" in text_of(guarded)
        assert guarded.breaker.state == "closed"
