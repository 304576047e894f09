"""The circuit breaker and the order of its states, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest
from contracts.llm_contract import prompt
from hypothesis import given
from hypothesis import strategies as st
from scripted_backend import ScriptedBackend, Step

from service.errors import LLMError, LLMRefused, LLMTimeout, LLMUnavailable
from service.generate.guard import CircuitBreaker, GuardedBackend, Patience, breaker_states
from service.generate.prompt import Prompt
from service.generate.stub import StubBackend

UNAVAILABLE, REFUSED = LLMUnavailable("overloaded"), LLMRefused("no")


class Bench:
    """A guarded backend, its clock and the pauses it made. Its script is ``steps``."""

    def __init__(self, *steps: Step, failures: int = 3, total_s: float = 60) -> None:
        self.now, self.pauses, self.attempts = 0.0, list[float](), 0
        self.steps: Sequence[Step] = steps
        self.breaker = CircuitBreaker(failures=failures, open_s=30, clock=lambda: self.now)
        self.guarded = GuardedBackend(
            ScriptedBackend(self._script),
            patience=Patience(first_token_s=5, total_s=total_s),
            breaker=self.breaker,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def _script(self, _: Prompt) -> Sequence[Step]:
        self.attempts += 1
        return self.steps

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def ask(self) -> str | LLMError:
        async def collect() -> str:
            return "".join([piece async for piece in self.guarded.generate(prompt())])

        try:
            return asyncio.run(collect())
        except LLMError as error:
            return error


def test_it_opens_after_failures_in_a_row_and_then_asks_nobody() -> None:
    bench = Bench(UNAVAILABLE)
    for _ in range(3):
        assert bench.breaker.state == "closed"
        assert bench.ask() is UNAVAILABLE
    assert bench.breaker.state == "open"
    attempts = bench.attempts
    refused = bench.ask()
    assert isinstance(refused, LLMUnavailable)
    assert refused.retry_after_s == pytest.approx(30)
    assert bench.attempts == attempts


def test_a_success_in_between_starts_the_count_again() -> None:
    bench = Bench(UNAVAILABLE)
    for _ in range(4):
        bench.steps = [UNAVAILABLE]
        bench.ask()
        bench.ask()
        bench.steps = ["말"]
        assert bench.ask() == "말"
    assert bench.breaker.state == "closed"


def test_a_refusal_says_nothing_about_the_server() -> None:
    bench = Bench(REFUSED)
    for _ in range(10):
        assert bench.ask() is REFUSED
    assert bench.breaker.state == "closed"
    assert bench.attempts == 10  # never tried again


@pytest.mark.parametrize(("step", "state"), [("말", "closed"), (UNAVAILABLE, "open")])
def test_a_probe_decides(step: Step, state: str) -> None:
    bench = Bench(UNAVAILABLE, failures=1)
    bench.ask()
    bench.now += 30
    assert bench.breaker.state == "half_open"
    bench.steps = [step]
    bench.ask()
    assert bench.breaker.state == state


def test_one_probe_at_a_time_and_one_that_is_abandoned_makes_room() -> None:
    bench = Bench("말", "더")
    bench.breaker.failed()
    bench.breaker.failed()
    bench.breaker.failed()
    bench.now += 31

    async def probe() -> None:
        async with aclosing(bench.guarded.generate(prompt())) as pieces:
            await anext(pieces)
            with pytest.raises(LLMUnavailable):
                await anext(bench.guarded.generate(prompt()))

    asyncio.run(probe())
    assert bench.attempts == 1
    assert bench.ask() == "말더"
    assert bench.breaker.state == "closed"


def test_time_outs_are_not_tried_again_but_counted() -> None:
    bench = Bench(0.05, "말", failures=1)
    bench.guarded._patience = Patience(first_token_s=0.01, total_s=5)
    assert isinstance(bench.ask(), LLMTimeout)
    assert (bench.attempts, bench.breaker.state) == (1, "open")


def test_an_empty_piece_is_a_sign_of_life_but_not_said() -> None:
    bench = Bench("", 0.05, "", UNAVAILABLE)
    bench.guarded._patience = Patience(first_token_s=0.04, total_s=5, retries=1)
    assert bench.ask() is UNAVAILABLE
    assert bench.attempts == 2


def test_pauses_grow_are_jittered_and_fit_into_the_total_time() -> None:
    bench = Bench(UNAVAILABLE)
    bench.guarded._patience = Patience(retries=50, total_s=60)
    bench.ask()
    limits = [0.5, 1.0, 2.0, 4.0, *[8.0] * 50]
    assert all(top / 2 <= p <= top for p, top in zip(bench.pauses, limits, strict=False))
    assert 52 <= bench.now < 60


def test_something_unexpected_is_passed_on_and_frees_the_probe() -> None:
    class Buggy:
        name = "buggy"

        async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
            yield "말"
            raise KeyError("bug")

    breaker = CircuitBreaker(failures=1, open_s=0)
    breaker.failed()
    guarded = GuardedBackend(Buggy(), patience=Patience(), breaker=breaker)

    async def collect() -> list[str]:
        return [piece async for piece in guarded.generate(prompt())]

    for _ in range(2):
        with pytest.raises(KeyError):
            asyncio.run(collect())
    assert breaker_states({"buggy": guarded, "stub": StubBackend()}) == {"buggy": "half_open"}


@given(st.lists(st.sampled_from(["fail", "succeed", "abandon", "admit", "wait"]), max_size=40))
def test_whatever_happens_it_can_recover(events: list[str]) -> None:
    now = 0.0
    breaker = CircuitBreaker(failures=2, open_s=10, clock=lambda: now)
    for event in events:
        match event:
            case "fail":
                breaker.failed()
            case "succeed":
                breaker.succeeded()
            case "abandon":
                breaker.abandoned()
            case "wait":
                now += 6
            case "admit":
                state = breaker.state
                try:
                    breaker.admit()
                except LLMUnavailable:
                    assert state != "closed"
    breaker.abandoned()
    now += 11
    breaker.admit()
    breaker.succeeded()
    assert breaker.state == "closed"
