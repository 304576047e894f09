"""The Answerer of a running service, which may have to wait until its index can be used."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from anyio import to_thread

from index import GisaError
from service.answer import Answerer
from service.serving.problems import RETRY_AFTER_S, log_problem

logger = logging.getLogger(__name__)


class Readiness:
    """Opens the Answerer, in a thread, as soon as that is possible.

    While the index or the model can't be used, the service stays up and says so. Requests make it try
    again, one attempt at a time and at most every ``RETRY_AFTER_S`` seconds.
    """

    def __init__(self, opener: Callable[[], Answerer]) -> None:
        self._opener = opener
        self._answerer: Answerer | None = None
        self._error = GisaError("the service is starting")
        self._tried_at = float("-inf")
        self._opening = asyncio.Lock()

    async def answerer(self) -> Answerer:
        """The Answerer. Raises the GisaError because of which it can't be opened."""
        if self._answerer is None:
            async with self._opening:
                if self._answerer is None and time.monotonic() - self._tried_at > RETRY_AFTER_S:
                    await self._open()
        if self._answerer is None:
            raise self._error.with_traceback(None)
        return self._answerer

    @property
    def opened(self) -> Answerer | None:
        """The Answerer, if it is open already."""
        return self._answerer

    async def _open(self) -> None:
        try:
            self._answerer = await to_thread.run_sync(self._warmed)
            logger.info("ready: generation %d", self._answerer.index.generation)
        except GisaError as error:
            log_problem(error)
            self._error = error
        finally:
            self._tried_at = time.monotonic()

    def _warmed(self) -> Answerer:
        """An Answerer that has already loaded its model, so that the first question is not slow."""
        answerer = self._opener()
        answerer.index.search("준비", k=1)
        return answerer

    def close(self) -> None:
        """Close the index, if it was opened."""
        if self._answerer is not None:
            self._answerer.index.close()
