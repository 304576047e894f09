"""Small things to be done for which nobody waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from index import GisaError

logger = logging.getLogger(__name__)


class BackgroundTasks:
    """Coroutines under way; what goes wrong with them is logged."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_quietly(coroutine))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def _quietly(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        await coroutine
    except GisaError as error:
        logger.warning("%s. %s", error, error.remedy)
    except Exception:  # the task's boundary: nobody awaits it who could be told otherwise
        logger.exception("unexpected error")
