"""Example questions that are ready before anybody asks for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread

from index import Filters, GisaError
from service.archive import Archive, archive_of
from service.serving.limits import Capacity
from service.serving.readiness import Readiness
from service.serving.shutdown import Shutdown
from service.suggest.suggester import Suggester, Suggestion

WATCH_S = 2.0
"""How often a new generation is looked for, in seconds."""

logger = logging.getLogger(__name__)


class Suggestions:
    """What the archive holds and which questions it is sure to answer, for every interface.

    Methods raise the GisaError for which the index can't be used; ``related`` also Overloaded and ShuttingDown.
    """

    def __init__(self, readiness: Readiness, *, capacity: Capacity, shutdown: Shutdown) -> None:
        self._readiness, self._capacity, self._shutdown = readiness, capacity, shutdown
        self._suggester: Suggester | None = None
        self._examples: tuple[int, tuple[Suggestion, ...]] = (-1, ())
        self._whole: Archive | None = None

    async def archive(self, filters: Filters) -> Archive:
        """Counts of the articles that meet the filters; without filters they are kept for each generation."""
        index = (await self._readiness.answerer()).index
        if self._whole and not filters and self._whole.generation == index.generation:
            return self._whole
        archive = archive_of(await to_thread.run_sync(index.tally, filters))
        if not filters:
            self._whole = archive
        return archive

    async def examples(self) -> tuple[Suggestion, ...]:
        """Questions for a first visit, for the generation that is searched; none until they are found."""
        generation, examples = self._examples
        index = (await self._readiness.answerer()).index
        return examples if generation == index.generation else ()

    async def related(self, question: str, references: list[str]) -> list[Suggestion]:
        """Questions near an answer that cites these articles (``SOURCE/ID``)."""
        with self._capacity.slot():
            async with self._shutdown.interruptible():
                index = (await self._readiness.answerer()).index
                self._suggester = self._suggester or Suggester(index)
                return await self._suggester.related(question, references)

    async def refresh(self) -> None:
        """Look for examples, if there are none yet for the generation that is searched."""
        answerer = self._readiness.opened
        if answerer is None or answerer.index.generation == self._examples[0]:
            return
        generation = answerer.index.generation
        self._suggester = self._suggester or Suggester(answerer.index)
        self._examples = (generation, tuple(await self._suggester.examples()))

    @asynccontextmanager
    async def refreshed(self) -> AsyncIterator[None]:
        """Look for examples at the start and after each publication, so that no request waits for them."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                await self.refresh()
            except GisaError as error:
                logger.warning("no example questions: %s. %s", error, error.remedy)
            await asyncio.sleep(WATCH_S)
