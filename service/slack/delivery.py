"""Showing one answer in a thread: posted once, then updated in place, in as many messages as it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from service.slack.blocks import Message
from service.slack.memory import ANNOUNCEMENT, Ask, Memory
from service.slack.messenger import Messenger, SlackUnreachable

UPDATE_S = 1.0
"""Shortest time between two calls for one answer, in seconds; Slack limits posts and updates."""

GATHER_S = 0.3
"""An answer that is complete within so many seconds is posted at once, not step by step."""


class RequestLost(Exception):
    """The request was stopped, or another process has taken it over."""


class Delivery:
    """Shows the newest state of an answer; states that are outdated before their turn are never sent.

    Use it as a context manager. ``resumed``: another process may have posted some of the answer.
    """

    def __init__(self, messenger: Messenger, memory: Memory, ask: Ask, *, resumed: bool) -> None:
        self._messenger, self._memory, self._ask, self._resumed = messenger, memory, ask, resumed
        self._wanted: Callable[[], Sequence[Message]] = tuple
        self._changed, self._whole = asyncio.Event(), asyncio.Event()
        self._posted: dict[int, str] = {}  # ts by part
        self._shown: dict[int, Message] = {}
        self._next_call = 0.0

    async def __aenter__(self) -> Self:
        self._posted = await self._memory.posts(self._ask.key)
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    def show(self, messages: Callable[[], Sequence[Message]]) -> None:
        """Show what ``messages`` returns when it is their turn."""
        self._wanted = messages
        self._changed.set()

    async def finish(self, messages: Sequence[Message]) -> None:
        """Show the final state, and wait until it is. Raises SlackRefused, SlackUnreachable, RequestLost."""
        self._whole.set()
        self.show(lambda: messages)
        await self._sending

    async def _send(self) -> None:
        await self._changed.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._whole.wait(), GATHER_S)
        while True:
            await self._changed.wait()
            self._changed.clear()
            last = self._whole.is_set()
            with suppress(
                *(() if last else (SlackUnreachable,))
            ):  # the next update may get through
                await self._synchronise()
            if last and not self._changed.is_set():
                return

    async def _synchronise(self) -> None:
        """Bring the thread to the wanted state."""
        part = 0
        while part < len(self._wanted()):  # which may grow meanwhile
            await self._show_part(part)
            part += 1
        for surplus in sorted(set(self._posted) - set(range(part)) - {ANNOUNCEMENT}):
            await self._turn()
            await self._messenger.delete(self._ask.channel, self._posted.pop(surplus))

    async def _show_part(self, part: int) -> None:
        if part not in self._posted:
            await self._turn()
            await self._post(part)
        if self._shown.get(part) != self._newest(part):
            await self._turn()
            await self._update(part)

    async def _update(self, part: int) -> None:
        def taken() -> Message:
            self._shown[part] = self._newest(part)
            return self._shown[part]

        try:
            await self._messenger.update(self._ask.channel, self._posted[part], taken)
        except SlackUnreachable:
            self._shown.pop(part, None)  # the update may or may not have gone through
            raise

    def _newest(self, part: int) -> Message:
        """A part in its newest state; as it was shown last if it is no longer wanted."""
        wanted = self._wanted()
        return wanted[part] if part < len(wanted) else self._shown[part]

    async def _post(self, part: int) -> None:
        ask = self._ask
        if not await self._memory.owns(ask.key):
            raise RequestLost
        message = self._shown[part] = self._newest(part)
        key = f"{ask.key} {part}"
        ts, was_there = await self._messenger.post(
            ask.channel, ask.thread, message, key=key, again=self._resumed
        )
        self._posted[part] = ts
        if was_there:
            del self._shown[part]  # it shows what the other process posted
        await self._memory.posted(ask.key, part, ask.channel, ts)

    async def _turn(self) -> None:
        """Wait until the next call is due."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(self._next_call - loop.time(), 0))
        self._next_call = loop.time() + UPDATE_S
