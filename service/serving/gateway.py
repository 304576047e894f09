"""The one way for questions through the service, for every interface: HTTP, OpenAI's protocol, MCP, Slack."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from anyio import to_thread

from index import Article, Filters, Hit
from service.errors import LLMError
from service.events import DoneEvent, Event
from service.schema import Answer, Question
from service.serving.feedback import FeedbackStore
from service.serving.limits import Capacity
from service.serving.metrics import Metrics
from service.serving.readiness import Readiness
from service.serving.shutdown import Shutdown

Facts = dict[str, Any]
"""What the log line of a request says besides its address and status."""


class Gateway:
    """Answers questions within the limits, and reports them to metrics, log and feedback.

    All methods raise Overloaded, ShuttingDown, and the GisaError for which the index can't be used.
    """

    def __init__(
        self,
        readiness: Readiness,
        *,
        capacity: Capacity,
        shutdown: Shutdown,
        metrics: Metrics,
        feedback: FeedbackStore,
    ) -> None:
        self.readiness = readiness
        self._capacity, self._shutdown = capacity, shutdown
        self._metrics, self._feedback = metrics, feedback

    async def events(self, question: Question, facts: Facts) -> AsyncGenerator[Event, None]:
        """The answer as it comes. The generator must be closed, and run in one task from start to end."""
        facts["question"] = question.question
        with self._capacity.slot():
            async with self._shutdown.interruptible():
                answerer = await self.readiness.answerer()
                try:
                    async with aclosing(answerer.events(question)) as events:
                        async for event in events:
                            if isinstance(event, DoneEvent):
                                self._answered(question, event.answer, facts)
                            yield event
                except LLMError as error:
                    name = question.backend or answerer.default_backend
                    self._metrics.backend_failed(name, error)
                    raise

    async def answer(self, question: Question, facts: Facts) -> Answer:
        """The whole answer."""
        async with aclosing(self.events(question, facts)) as events:
            async for event in events:
                if isinstance(event, DoneEvent):
                    return event.answer
        raise AssertionError("events() ends with DoneEvent")

    async def search(
        self, text: str, filters: Filters, facts: Facts, *, k: int, explain: bool = False
    ) -> list[Hit]:
        """The best passages of the ``k`` best stories."""
        facts["question"] = text
        started = time.perf_counter()
        with self._capacity.slot():
            answerer = await self.readiness.answerer()
            hits = await to_thread.run_sync(
                lambda: answerer.index.search(text, filters=filters, k=k, explain=explain)
            )
        self._metrics.searched(time.perf_counter() - started)
        return hits

    async def article(self, article_id: str) -> Article | None:
        """The current version of an article."""
        answerer = await self.readiness.answerer()
        return await to_thread.run_sync(answerer.index.article, article_id)

    def _answered(self, question: Question, answer: Answer, facts: Facts) -> None:
        self._metrics.answered(answer)
        self._feedback.remember(question, answer)
        facts["answer"] = answer.model_dump(
            include=_LOGGED | (_FAILED if answer.failure else set())
        )


_LOGGED = {"id", "status", "backend", "dropped_sentences", "generation", "timings_ms"}
_FAILED = {"failure", "fallback_from", "incomplete"}
