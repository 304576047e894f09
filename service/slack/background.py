"""Running coroutines in the background, whose failures are only logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from index import GisaError

logger = logging.getLogger(__name__)


class BackgroundTasks:
    """The coroutines running in the background, as ``tasks``. Failures are logged."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine without waiting for it."""
        task = asyncio.create_task(_quietly(coroutine))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def _quietly(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        await coroutine
    except GisaError as error:
        logger.warning("%s. %s", error, error.remedy)
    except Exception:  # the task's boundary: no caller is left who could be told
        logger.exception("unexpected error")
