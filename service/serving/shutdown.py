"""Orderly shutdown: answers in progress get some time to finish, then end with an error of their own."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

from service.errors import ShuttingDown

GRACE_S = 8.0
"""Time for the answers in progress when the signal comes, in seconds."""


class Shutdown:
    """Ends the answers in progress when the service stops, each with ShuttingDown.

    The server itself waits for open connections, then cuts them off; a stream that is cut off leaves
    its reader with half an answer and no explanation. ``grace_s`` is in seconds.
    """

    def __init__(self, *, grace_s: float = GRACE_S) -> None:
        self.grace_s = grace_s
        self._running: set[asyncio.Timeout] = set()
        self._stopped = False

    @asynccontextmanager
    async def interruptible(self) -> AsyncIterator[None]:
        """Raises ShuttingDown within the block once time is up, and at once after that."""
        if self._stopped:
            raise ShuttingDown("the service is stopping")
        timeout = asyncio.timeout(None)
        try:
            async with timeout:
                self._running.add(timeout)
                try:
                    yield
                finally:
                    self._running.discard(timeout)
        except TimeoutError:
            if timeout.expired():
                raise ShuttingDown("the service is stopping") from None
            raise

    def stop(self) -> None:
        """End all answers in progress, and refuse new ones."""
        self._stopped = True
        for timeout in self._running:
            timeout.reschedule(asyncio.get_running_loop().time())

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Call ``stop`` ``grace_s`` after SIGTERM or SIGINT. The handlers installed before still run."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def handle(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(loop.call_later, self.grace_s, self.stop)
            known = before[signal.Signals(number)]
            if callable(known):
                known(number, frame)

        for number, known in before.items():
            if callable(known):
                signal.signal(number, handle)
        try:
            yield
        finally:
            for number, known in before.items():
                if signal.getsignal(number) is handle:
                    signal.signal(number, known)
