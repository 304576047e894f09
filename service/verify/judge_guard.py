"""A time-out, a circuit breaker and figures around a judge that can fail."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from service.errors import JudgeError, JudgeFault, LLMUnavailable
from service.generate.guard import BreakerState, CircuitBreaker, Clock
from service.verify.judge import EntailmentJudge, Judgement, Pair

logger = logging.getLogger(__name__)


class JudgeWatch(Protocol):
    """Who is told what became of each call. Times in seconds."""

    def judged(self, judge: str, seconds: float, judgements: Sequence[Judgement]) -> None: ...
    def judge_failed(self, judge: str, seconds: float, reason: JudgeFault) -> None: ...


class GuardedJudge:
    """Passes on what ``inner`` says within ``timeout_s`` seconds; meets ``EntailmentJudge``.

    Nothing is tried again: a reader waits, and an answer without verdicts is still an answer. After failures in a
    row the breaker opens, and the judge is spared for its time.
    """

    def __init__(
        self,
        inner: EntailmentJudge,
        *,
        timeout_s: float,
        breaker: CircuitBreaker | None = None,
        watch: JudgeWatch | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._inner, self._timeout_s, self._clock = inner, timeout_s, clock
        self._breaker = breaker or CircuitBreaker(clock=clock)
        self._watch = watch

    @property
    def name(self) -> str:
        """The name of ``inner``."""
        return self._inner.name

    @property
    def state(self) -> BreakerState:
        """The state of the breaker: while it is ``open``, sentences go out without a verdict."""
        return self._breaker.state

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        """See ``EntailmentJudge``. Raises JudgeError, also for too late and while the breaker is open."""
        if not pairs:
            return ()
        started = self._clock()
        try:
            judgements = await self._admitted(pairs)
        except JudgeError as error:
            logger.warning("the judge %s is away (%s): %s", self.name, error.reason, error)
            if self._watch:
                self._watch.judge_failed(self.name, self._clock() - started, error.reason)
            raise
        if self._watch:
            self._watch.judged(self.name, self._clock() - started, judgements)
        return judgements

    async def _admitted(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        try:
            self._breaker.admit()
        except LLMUnavailable as error:
            raise JudgeError(f"{self.name}: {error}", reason="breaker_open") from None
        settle = self._breaker.abandoned
        try:
            judgements = await self._in_time(pairs)
            settle = self._breaker.succeeded
        except JudgeError:
            settle = self._breaker.failed
            raise
        finally:
            settle()
        return judgements

    async def _in_time(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        try:
            async with asyncio.timeout(self._timeout_s):
                judgements = await self._inner.judge(pairs)
        except TimeoutError:
            message = f"{self.name}: no verdicts in {self._timeout_s:g} s"
            raise JudgeError(message, reason="timeout", remedy=_REMEDY) from None
        if len(judgements) != len(pairs):
            message = f"{self.name}: {len(judgements)} verdicts on {len(pairs)} pairs"
            raise JudgeError(message, reason="failed")
        return judgements


_REMEDY = "Raise GISA_JUDGE_TIMEOUT_S, or take a faster judge."
