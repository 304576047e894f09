"""Answering requests: each exactly once, a few at a time, even if the process dies meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import ValidationError

from index import SEOUL, GisaError
from service.errors import StoreUnavailable, TooManyRequests
from service.events import DoneEvent, SentenceEvent, settled
from service.schema import MAX_TURN_CHARS, MAX_TURNS, Answer, Question, Turn
from service.serving.limits import SharedRateLimiter
from service.slack import blocks
from service.slack.background import BackgroundTasks
from service.slack.blocks import Draft, Message, notice
from service.slack.clients import AnswerClient, NoAnswer
from service.slack.delivery import Delivery, RequestLost
from service.slack.memory import ANNOUNCEMENT, LEASE_S, Ask, Memory
from service.slack.messenger import Messenger, SlackRefused, ThreadMessage
from service.slack.mrkdwn import plain, words
from service.slack.phrases import (
    BROKEN_OFF,
    MOMENT_PLEASE,
    NOT_INVITED,
    STOPPED,
    TOO_SLOW,
    UNEXPECTED,
    UNREADABLE,
    is_order,
    is_small_talk,
)
from service.slack.rules import Rules
from service.validation import describe_errors
from service.wording import unmarked

SHUTDOWN_S = 8.0
"""Time for the answers in progress when the bot stops, in seconds."""

NO_ANSWER_TRIES = 3
TIDY_S = 3_600.0
NO_MEMBER = {"not_in_channel", "channel_not_found"}
"""Slack's codes for a channel in which the bot may not write."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Limits of the bot: answers at a time (others wait), seconds per answer."""

    concurrent: int = 8
    answer_s: float = 120.0


@dataclass
class _Running:
    ask: Ask
    task: asyncio.Task[None] = field(init=False)
    draft: Draft = field(default_factory=Draft)
    stopped: bool = False

    def stop(self) -> None:
        """Cancel the answer for good; when the process ends, another takes it over instead."""
        self.stopped = True
        self.task.cancel()


class Answering:
    """Answers the bot's requests while ``running`` is entered.

    ``take_on``, ``stop`` and ``forget`` raise StoreUnavailable if the memory can't be written; then they
    have done nothing.
    """

    def __init__(
        self,
        messenger: Messenger,
        client: AnswerClient,
        memory: Memory,
        *,
        rules: Rules,
        limits: Limits,
        limiter: SharedRateLimiter,
        search_url: str,
        background: BackgroundTasks,
    ) -> None:
        self._messenger, self._client, self._memory = messenger, client, memory
        self._rules, self._limits, self._search_url = rules, limits, search_url
        self._limiter = limiter
        self._room = asyncio.Semaphore(limits.concurrent)
        self._running: dict[str, _Running] = {}
        self._background = background

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work; take over the requests of dead processes, at once and regularly; end in an orderly way."""
        upkeep = asyncio.create_task(self._upkeep())
        try:
            yield
        finally:
            upkeep.cancel()
            await asyncio.gather(upkeep, return_exceptions=True)
            await self._end()

    async def _end(self) -> None:
        tasks = [*self._background.tasks, *(running.task for running in self._running.values())]
        if tasks:
            await asyncio.wait(tasks, timeout=SHUTDOWN_S)
        for task in tasks:
            task.cancel()  # what is not done is left to the next process
        await asyncio.gather(*tasks, return_exceptions=True)

    async def take_on(self, ask: Ask) -> None:
        """Take on a request: from now on it is answered exactly once, whatever happens."""
        if not await self._memory.claim(ask):
            return  # Slack repeats deliveries it thinks lost, and delivers a mention as a message, too
        try:
            await self._limiter.admit(f"{ask.team} {ask.user}")
        except TooManyRequests as error:
            await self._memory.finish(ask.key)
            text = f"질문이 너무 잦습니다. {error.retry_after_s:.0f}초 뒤에 다시 물어봐 주세요."
            self._background.start(self._tell(ask, text))
        else:
            self._start(ask)

    async def stop(
        self, channel: str, *, thread: str | None = None, user: str | None = None
    ) -> int:
        """Stop the requests of a thread, or of a user in a channel; return how many there were."""
        mine = [
            running
            for running in self._running.values()
            if running.ask.channel == channel
            and thread in (None, running.ask.thread)
            and user in (None, running.ask.user)
        ]
        for running in mine:
            running.stop()
        keys = {running.ask.key for running in mine}
        # Other processes notice when they renew their leases.
        return len(keys) + await self._memory.stop(channel, thread=thread, user=user, but=keys)

    async def forget(self, key: str) -> None:
        """Drop a request that needs no answer any more, whichever process works on it."""
        await self._memory.finish(key)  # so that nothing new is posted
        if running := self._running.get(key):
            running.stop()

    def _start(self, ask: Ask, *, resumed: bool = False) -> None:
        running = self._running[ask.key] = _Running(ask)
        running.task = asyncio.create_task(self._answer(running, resumed=resumed))

    async def _answer(self, running: _Running, *, resumed: bool) -> None:
        key = running.ask.key
        try:
            running.ask = await self._announced(running.ask, resumed=resumed)
            async with self._watched(running.ask):
                try:
                    await self._deliver(running, resumed=resumed)
                except asyncio.CancelledError:
                    if running.stopped:
                        await self._leave_draft(running)
                    raise
            await self._memory.finish(key)
        except asyncio.CancelledError:
            if running.stopped:
                await self._memory.finish(key)
            raise
        except RequestLost:
            logger.info("a request was stopped or taken over: %s", key)
        except SlackRefused as error:
            await self._memory.finish(key)
            logger.warning("%s. %s", error, error.remedy)
            text = NOT_INVITED if error.code in NO_MEMBER else UNEXPECTED
            self._background.start(self._tell(running.ask, text))
        except Exception as error:
            # The task's boundary: whatever went wrong, the upkeep takes the request up again.
            known = error if isinstance(error, GisaError) else None
            logger.error("no answer to %s yet: %r", key, error, exc_info=not known)
            with suppress(StoreUnavailable):
                await self._memory.let_go(key)
        finally:
            del self._running[key]

    async def _announced(self, ask: Ask, *, resumed: bool) -> Ask:
        """The request with the message that asks; the bot posts one if there is none."""
        if ask.ts:
            return ask
        message, key = blocks.announcement(ask.user, ask.text), f"{ask.key} question"
        ts, _ = await self._messenger.post(ask.channel, ask.thread, message, key=key, again=resumed)
        announced = replace(ask, ts=ts, thread=ask.thread or ts)
        await self._memory.posted(ask.key, ANNOUNCEMENT, ask.channel, ts)
        await self._memory.amend(announced)
        return announced

    @asynccontextmanager
    async def _watched(self, ask: Ask) -> AsyncIterator[None]:
        """Show 👀 on the question while it is being answered; the answer doesn't wait for that."""
        place = (ask.channel, ask.ts or "")
        watching = asyncio.create_task(self._messenger.watch(*place))
        try:
            yield
        finally:
            with suppress(GisaError):  # the answer is as good without 👀
                await asyncio.shield(watching)
            with suppress(GisaError):
                await asyncio.shield(self._messenger.unwatch(*place))

    async def _deliver(self, running: _Running, *, resumed: bool) -> None:
        async with Delivery(
            self._messenger, self._memory, running.ask, resumed=resumed
        ) as delivery:
            await delivery.finish(await self._composed(running, delivery))

    async def _leave_draft(self, running: _Running) -> None:
        """Say in the thread of a stopped answer, if some of it is there, that it ends here."""
        if not running.draft.sentences:
            return
        # A post may have been in flight.
        delivery = Delivery(self._messenger, self._memory, running.ask, resumed=True)
        with suppress(RequestLost, GisaError):
            async with delivery:
                await delivery.finish(running.draft.messages(STOPPED))

    async def _composed(self, running: _Running, delivery: Delivery) -> Sequence[Message]:
        """The messages that answer a request, or say why there is no answer; sentences are shown meanwhile."""
        ask, draft = running.ask, running.draft
        try:
            question = await self._question(ask)
            # The limit is on work; an answer that only waits for its turn in Slack does none.
            async with self._room, asyncio.timeout(self._limits.answer_s):
                answer = await self._asked(question, draft, delivery)
        except ValidationError as error:
            problems = describe_errors(error.errors())
            return [notice(" ".join(problem.message for problem in problems))]
        except NoAnswer as error:
            return _with_draft(draft, str(error))
        except TimeoutError:
            logger.warning("no answer in %g s: %s", self._limits.answer_s, ask.key)
            return _with_draft(draft, TOO_SLOW)
        except GisaError:
            raise
        except Exception:
            # The answer's boundary: trying again would fail again, and the asker must be told.
            logger.exception("an answer failed: %s", ask.key)
            return _with_draft(draft, UNEXPECTED)
        await self._memory.keep(ask.key, question, answer)
        return await self.whole(answer, blocks.Tally(), ask.channel, ask.thread)

    async def _asked(self, question: Question, draft: Draft, delivery: Delivery) -> Answer:
        """Ask, and show the sentences once they are settled. Raises NoAnswer after ``NO_ANSWER_TRIES``."""
        for last in (False,) * (NO_ANSWER_TRIES - 1) + (True,):
            try:
                async with aclosing(settled(self._client.events(question))) as events:
                    async for event in events:
                        if isinstance(event, SentenceEvent):
                            draft.add(event.sentence, event.citations)
                            delivery.show(lambda: draft.messages(MOMENT_PLEASE))
                        elif isinstance(event, DoneEvent):
                            return event.answer
            except NoAnswer as error:
                if last or error.retry_after_s is None or draft.sentences:
                    raise
                await asyncio.sleep(error.retry_after_s)
        raise AssertionError("events() ends with DoneEvent or NoAnswer")

    async def _question(self, ask: Ask) -> Question:
        """The question and the conversation before it. Raises NoAnswer and ValidationError, in Korean."""
        rules = self._rules.of(ask.channel, direct=ask.direct)
        asked = Question(
            question=ask.text,
            filters=rules.filters,
            now=datetime.fromtimestamp(ask.at, SEOUL),
        )
        return asked.model_copy(update={"conversation": await self._earlier(ask)})

    async def _earlier(self, ask: Ask) -> tuple[Turn, ...]:
        """The thread before the question, its last ``MAX_TURNS`` turns."""
        if ask.thread is None or ask.thread == ask.ts:
            return ()
        try:
            said = await self._messenger.thread(ask.channel, ask.thread)
        except SlackRefused as error:  # a follow-up question means nothing without its thread
            logger.warning("%s. %s", error, error.remedy)
            raise NoAnswer(UNREADABLE) from error
        said = [message for message in said if message.ts < (ask.ts or "")]
        own = await self._memory.turns(ask.channel, [m.ts for m in said if m.own])
        turns = [own[m.ts] if m.ts in own else _turn(m) for m in said]
        return tuple(turn for turn in turns if turn and turn.content)[-MAX_TURNS:]

    async def whole(
        self, answer: Answer, tally: blocks.Tally, channel: str, thread: str | None
    ) -> list[Message]:
        """All messages of an answer as they appear in a thread."""
        return blocks.answer_messages(
            answer,
            tally=tally,
            search_url=self._search_url,
            offers_to_follow=await self._offers_to_follow(channel, thread),
        )

    async def _offers_to_follow(self, channel: str, thread: str | None) -> bool:
        if channel.startswith("D") or thread is None:
            return False
        if self._rules.of(channel, direct=False).mention_only:
            return False
        return not await self._memory.follows(channel, thread)

    async def _tell(self, ask: Ask, text: str) -> None:
        if ask.response_url:
            await self._messenger.respond(ask.response_url, text)
        else:
            await self._messenger.whisper(ask.channel, ask.user, ask.thread, text)

    async def _upkeep(self) -> None:
        """Renew this process's leases, and take over the requests of dead processes, for ever."""
        tidy_at = time.monotonic()
        while True:
            try:
                pending = await self._memory.renew()
                for key in self._running.keys() - pending:  # stopped or taken over elsewhere
                    if await self._memory.is_done(key):
                        self._running[key].stop()
                    else:
                        self._running[key].task.cancel()
                for ask, wanted in await self._memory.take_over():
                    await self._resume(ask, wanted=wanted)
                if time.monotonic() >= tidy_at:
                    tidy_at += TIDY_S
                    await self._memory.tidy()
            except Exception:
                # The task's boundary: without upkeep no request would survive its process.
                logger.exception("the upkeep of the Slack bot failed; it will try again")
            await asyncio.sleep(LEASE_S / 3)

    async def _resume(self, ask: Ask, *, wanted: bool) -> None:
        if ask.key in self._running:
            return
        if wanted:
            logger.info("taking over an abandoned request: %s", ask.key)
            self._start(ask, resumed=True)
        else:
            logger.warning("giving up an abandoned request: %s", ask.key)
            await self._memory.finish(ask.key)
            if ask.ts:
                self._background.start(self._messenger.unwatch(ask.channel, ask.ts))


def _with_draft(draft: Draft, trouble: str) -> Sequence[Message]:
    """Messages that tell of trouble, below the sentences that are already shown."""
    if not draft.sentences:
        return [notice(trouble)]
    return draft.messages(f"{BROKEN_OFF} {trouble}")


def _turn(message: ThreadMessage) -> Turn | None:
    """A message that is not in the memory as a turn; None for small talk, orders and other bots."""
    content = words(message.text)
    if message.own:
        content = unmarked(plain(message.text))
        for heading in (blocks.COMPARE, blocks.SOURCES, blocks.LEADS):
            content = content.partition(plain(heading))[0].strip()
        is_answer = message.key is not None and message.key[-1].isdecimal()
        return Turn(role="assistant", content=content[:MAX_TURN_CHARS]) if is_answer else None
    if message.by_bot or is_small_talk(content) or is_order(content):
        return None
    return Turn(role="user", content=content[:MAX_TURN_CHARS])
