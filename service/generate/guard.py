"""Time-outs, retries and a circuit breaker around a backend that can fail."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from service.errors import LLMTimeout, LLMUnavailable
from service.generate.prompt import Prompt
from service.generate.protocol import LLMBackend

BreakerState = Literal["closed", "open", "half_open"]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Patience:
    """How long to wait for a backend, and how often to try again. Times in seconds.

    ``first_token_s`` is for one attempt, ``total_s`` for the whole answer with all its attempts.
    """

    first_token_s: float = 20.0
    total_s: float = 60.0
    retries: int = 2
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0


class CircuitBreaker:
    """Opens after a number of failures in a row; when its time is up, it lets one request through as a test.

    After M. Nygard, "Release It!". It counts answers that failed, not attempts.
    """

    def __init__(
        self, *, failures: int = 5, open_s: float = 30.0, clock: Clock = time.monotonic
    ) -> None:
        self._limit, self._open_s, self._clock = failures, open_s, clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """``closed``, ``open``, or ``half_open`` when the next request is let through as a test."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if self._probing or self._wait_s() <= 0 else "open"

    def admit(self) -> None:
        """Let a request through. Raises LLMUnavailable while open, and during another request's test."""
        if self._opened_at is None:
            return
        if self._probing or self._wait_s() > 0:
            raise LLMUnavailable(
                f"not asked, since it failed {self._failures} times in a row",
                retry_after_s=max(self._wait_s(), 1.0),
            )
        self._probing = True

    def succeeded(self) -> None:
        """Note a complete answer: the breaker closes."""
        self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self) -> None:
        """Note a failed answer; the breaker opens at the limit, and again after a failed test."""
        self._failures += 1
        self._probing = False
        if self._failures >= self._limit:
            self._opened_at = self._clock()

    def abandoned(self) -> None:
        """Note a request that says nothing about the backend: its caller went away, or it was refused."""
        self._probing = False

    def _wait_s(self) -> float:
        opened_at = self._clock() if self._opened_at is None else self._opened_at
        return opened_at + self._open_s - self._clock()


class GuardedBackend:
    """A backend with time-outs, retries and a breaker. Passes on the text of ``inner``, in order, once."""

    def __init__(
        self,
        inner: LLMBackend,
        *,
        patience: Patience,
        breaker: CircuitBreaker | None = None,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._inner, self._patience = inner, patience
        self.breaker = breaker or CircuitBreaker(clock=clock)
        self._clock, self._sleep = clock, sleep

    @property
    def name(self) -> str:
        """The name of ``inner``."""
        return self._inner.name

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """The backend's text. Raises LLMError and its kinds, LLMUnavailable while the breaker is open."""
        self.breaker.admit()
        judge = self.breaker.abandoned
        try:
            async with aclosing(self._attempts(prompt)) as pieces:
                async for piece in pieces:
                    yield piece
            judge = self.breaker.succeeded
        except (LLMUnavailable, LLMTimeout):
            judge = self.breaker.failed
            raise
        finally:
            judge()

    async def _attempts(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """The text of the first attempt that says anything; earlier ones may fail."""
        deadline = self._clock() + self._patience.total_s
        for attempt in range(self._patience.retries + 1):
            said = False
            try:
                async with aclosing(self._attempt(prompt, deadline)) as pieces:
                    async for piece in pieces:
                        said = True
                        yield piece
                return
            except LLMUnavailable as error:
                pause = self._pause(attempt, error)
                late = self._clock() + pause >= deadline
                if said or late or attempt == self._patience.retries:
                    raise
            await self._sleep(pause)

    async def _attempt(self, prompt: Prompt, deadline: float) -> AsyncGenerator[str, None]:
        limit, fault = self._patience.first_token_s, "said nothing"
        async with aclosing(self._inner.generate(prompt)) as pieces:
            while True:
                left = max(min(limit, deadline - self._clock()), 0.0)
                try:
                    async with asyncio.timeout(left):
                        piece = await anext(pieces, None)
                except TimeoutError:
                    raise LLMTimeout(f"{self.name}: {fault} in {limit:g} s") from None
                if piece is None:
                    return
                limit, fault = self._patience.total_s, "did not finish"
                if piece:
                    yield piece

    def _pause(self, attempt: int, error: LLMUnavailable) -> float:
        """Seconds to wait: what the backend asks for, or exponential backoff with jitter (50 to 100 %)."""
        if error.retry_after_s is not None:
            return error.retry_after_s
        pause = min(
            self._patience.first_pause_s * float(2**attempt), self._patience.longest_pause_s
        )
        return pause * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load, hides nothing


def breaker_states(backends: Mapping[str, LLMBackend]) -> dict[str, BreakerState]:
    """The state of each guarded backend's breaker, by the backend's name."""
    return {n: b.breaker.state for n, b in backends.items() if isinstance(b, GuardedBackend)}
