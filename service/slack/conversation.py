"""What the bot does with what it is told, however that came: HTTP, Socket Mode or a test.

``Conversation`` takes in messages, commands and buttons. What it has taken in is answered once, also if the
process dies meanwhile; taking in is quick, so that Slack gets its acknowledgement in time.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from index import SEOUL, GisaError
from service.answer import SentenceEvent
from service.api.limits import RateLimiter
from service.errors import TooManyRequests
from service.schema import MAX_TURN_CHARS, MAX_TURNS, Answer, Question, Turn
from service.slack import blocks
from service.slack.blocks import HELP, Draft, Message, notice
from service.slack.delivery import Delivery, RequestLost
from service.slack.desk import Desk, NoAnswer
from service.slack.memory import ANNOUNCEMENT, LEASE_S, Ask, Kept, Memory, Rating
from service.slack.messenger import Messenger, SlackRefused, ThreadMessage
from service.slack.mrkdwn import plain, words
from service.slack.rules import ChannelRules, Rules
from service.validation import describe_errors

STOP = re.compile(r"(이제\s*)?(그만|그만해|그만하세요|멈춰|중단|stop)[.!~\s]*", re.IGNORECASE)
FOLLOW_ON = re.compile(r"(계속|계속해|계속\s*들어(줘)?|계속\s*답해(줘)?)[.!~\s]*")
ASKS_FOR_HELP = re.compile(r"(도움말|도와줘|사용법|help|\?)[.!~\s]*", re.IGNORECASE)
SMALL_TALK = re.compile(
    r"((안녕|안녕하세요|안녕하십니까|ㅎㅇ|하이|반가워|반갑습니다|고마워|고맙습니다|감사합니다|감사해요|ㄱㅅ|넵?|네네|"
    r"좋은\s*아침(입니다|이에요)?|수고(하세요|하셨습니다)|ㅋ+|ㅎ+|오케이|ok|okay|hi|hello|hey|thanks|thank\s*you|"
    r":[\w+-]+:)[\s.!?~^,ㅎㅋ]*)+",
    re.IGNORECASE,
)
NO_CONTENT = re.compile(r"[\W_]*")

SHUTDOWN_S = 8.0
"""Time for answers under way when the bot stops, in seconds."""

EVIDENCE_S = 1.5
"""Time for looking up articles while a user waits for a modal, which Slack opens within 3 s only."""

NO_ANSWER_TRIES = 3
TIDY_S = 3_600.0

MOMENT_PLEASE = "답을 쓰고 있습니다…"
STOPPED = "말씀하신 대로 여기서 멈추었습니다."
TOO_SLOW = "답을 만드는 데 너무 오래 걸려 그만두었습니다. 질문을 좁혀서 다시 물어봐 주세요."
BROKEN_OFF = "답을 쓰다가 문제가 생겨 여기까지만 적습니다."
UNEXPECTED = "예기치 못한 문제가 생겨 답하지 못했습니다. 잠시 뒤에 다시 물어봐 주세요."
NOT_HERE = "이 채널에서는 질문에 답하지 않도록 설정되어 있습니다."
NOT_INVITED = "이 채널에 글을 쓸 수 없습니다. 저를 채널에 초대하신 뒤에 다시 물어봐 주세요."
FOLLOWING = (
    "이제 이 스레드에서는 멘션 없이 물으셔도 답하겠습니다. 그만두려면 `그만`이라고 적어 주세요."
)
MENTION_ONLY = "이 채널에서는 저를 멘션하실 때만 답하도록 설정되어 있습니다."
NOT_FOLLOWING = "네, 그만하겠습니다. 필요하시면 저를 멘션해 주세요."
IDLE = "지금 답하고 있는 질문이 없습니다."
ANSWER_GONE = "이 답변은 오래되어 더는 남아 있지 않습니다. 다시 물어봐 주세요."

UNREADABLE = (
    "이 스레드의 앞선 대화를 읽을 수 없어 답하지 못했습니다. 스레드 밖에서 새로 물어봐 주세요."
)

NO_MEMBER = {"not_in_channel", "channel_not_found"}
"""Slack's words for a channel in which the bot may not write."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A message that a person wrote. ``mentioned``: it addresses the bot; ``others``: other users."""

    team: str
    channel: str
    user: str
    text: str
    ts: str
    thread: str | None = None
    direct: bool = False
    mentioned: bool = False
    others: bool = False

    @property
    def root(self) -> str:
        """The thread in which an answer belongs."""
        return self.thread or self.ts


@dataclass(frozen=True, kw_only=True)
class Commanded:
    """A question put without a message: by command or form. ``key`` is the same if it comes again."""

    key: str
    team: str
    channel: str
    user: str
    text: str
    thread: str | None = None
    direct: bool = False
    response_url: str = ""


@dataclass(frozen=True)
class Pressed:
    """A button below an answer."""

    team: str
    channel: str
    thread: str
    user: str
    answer_id: str
    trigger_id: str


@dataclass(frozen=True)
class Limits:
    """``concurrent`` answers at a time; the rest wait their turn. ``answer_s`` for each."""

    concurrent: int = 8
    per_minute: int = 10
    answer_s: float = 120.0


@dataclass
class _Running:
    ask: Ask
    task: asyncio.Task[None] = field(init=False)
    draft: Draft = field(default_factory=Draft)
    stopped: bool = False

    def stop(self) -> None:
        """End it for good, unlike the end of the process."""
        self.stopped = True
        self.task.cancel()


class Conversation:
    """All conversations of the bot. ``running`` is its lifetime.

    What takes in raises sqlite3.Error if nothing can be remembered: then nothing was taken in.
    """

    def __init__(
        self,
        messenger: Messenger,
        desk: Desk,
        memory: Memory,
        *,
        rules: Rules,
        limits: Limits,
        search_url: str,
        clock: Callable[[], datetime] = lambda: datetime.now(SEOUL),
    ) -> None:
        self._messenger, self._desk, self._memory = messenger, desk, memory
        self._rules, self._limits, self._search_url, self._clock = rules, limits, search_url, clock
        self._limiter = RateLimiter(limits.per_minute)
        self._room = asyncio.Semaphore(limits.concurrent)
        self._running: dict[str, _Running] = {}
        self._errands: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Takes over what a dead process left, now and from time to time; ends in an orderly way."""
        upkeep = asyncio.create_task(self._upkeep())
        try:
            yield
        finally:
            upkeep.cancel()
            await asyncio.gather(upkeep, return_exceptions=True)
            await self._end()

    async def _end(self) -> None:
        tasks = [*self._errands, *(running.task for running in self._running.values())]
        if tasks:
            await asyncio.wait(tasks, timeout=SHUTDOWN_S)
        for task in tasks:
            task.cancel()  # what is not done is left to the next process
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- taking in ------------------------------------------------------------------------------------

    async def hear(self, heard: Heard) -> None:
        """A message: answered if it is a question to the bot."""
        rules = self._rules.of(heard.channel, direct=heard.direct)
        if not await self._is_addressed(heard, rules):
            return
        where = (heard.channel, heard.user, heard.thread)
        if not rules.allowed:
            self._send(self._messenger.whisper(*where, NOT_HERE))
        elif STOP.fullmatch(heard.text):
            await self._stop(heard)
        elif FOLLOW_ON.fullmatch(heard.text) and heard.thread and not heard.direct:
            await self._follow(heard.channel, heard.thread, heard.user, rules)
        elif ASKS_FOR_HELP.fullmatch(heard.text):
            await self._say_once(heard, HELP)
        elif not is_small_talk(heard.text):
            await self._take_on(_ask_of(heard))

    async def _is_addressed(self, heard: Heard, rules: ChannelRules) -> bool:
        if heard.direct or heard.mentioned:
            return True
        if heard.others or not heard.thread or rules.mention_only or not rules.allowed:
            return False
        return await self._memory.follows(heard.channel, heard.thread)

    async def command(self, given: Commanded) -> str | None:
        """A question without a message: answered in a thread of its own, or what to tell the user."""
        text = given.text.strip()
        if not text or ASKS_FOR_HELP.fullmatch(text):
            return HELP
        if not self._rules.of(given.channel, direct=given.direct).allowed:
            return NOT_HERE
        if STOP.fullmatch(text):
            return (
                NOT_FOLLOWING if await self._stop_running(given.channel, user=given.user) else IDLE
            )
        fields = {name: value for name, value in vars(given).items() if name != "text"}
        await self._take_on(Ask(**fields, text=text, at=self._clock().timestamp()))
        return None

    async def forget(self, team: str, channel: str, ts: str) -> None:
        """A message was deleted: its question needs no answer any more, whoever works on it."""
        key = _message_key(team, channel, ts)
        await self._memory.finish(key)  # so that nothing new is posted
        if running := self._running.get(key):
            running.stop()

    async def _take_on(self, ask: Ask) -> None:
        """From here on it is answered once, whatever happens."""
        if not await self._memory.claim(ask):
            return  # Slack delivers again what it thinks lost, and a mention as a message too
        try:
            self._limiter.admit(f"{ask.team} {ask.user}")
        except TooManyRequests as error:
            await self._memory.finish(ask.key)
            text = f"질문이 너무 잦습니다. {error.retry_after_s:.0f}초 뒤에 다시 물어봐 주세요."
            self._send(self._tell(ask, text))
        else:
            self._start(ask)

    async def _say_once(self, heard: Heard, text: str) -> None:
        ask = replace(_ask_of(heard), text="")
        if await self._memory.claim(ask):
            await self._memory.finish(ask.key)
            self._send(self._post_notice(ask, text))

    # -- stopping and following -----------------------------------------------------------------------

    async def _stop(self, heard: Heard) -> None:
        """``그만``: answers under way end, and the thread is not followed any more."""
        if heard.thread is None:
            changed: int = await self._stop_running(heard.channel, user=heard.user)
        else:
            changed = await self._stop_running(heard.channel, thread=heard.thread)
            changed += await self._memory.unfollow(heard.channel, heard.thread)
        if changed:
            await self._say_once(heard, NOT_FOLLOWING)

    async def _stop_running(
        self, channel: str, *, thread: str | None = None, user: str | None = None
    ) -> int:
        """Stop what a thread, or a user in a channel, is waiting for; how much that was."""
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
        # Other processes see it when they renew their leases.
        return len(keys) + await self._memory.stop(channel, thread=thread, user=user, but=keys)

    async def _follow(self, channel: str, thread: str, user: str, rules: ChannelRules) -> None:
        if rules.mention_only:
            self._send(self._messenger.whisper(channel, user, thread, MENTION_ONLY))
            return
        await self._memory.follow(channel, thread)
        self._send(self._messenger.whisper(channel, user, thread, FOLLOWING))

    # -- buttons --------------------------------------------------------------------------------------

    async def vote(self, pressed: Pressed, rating: Rating) -> None:
        """👍 or 👎: a user's last vote counts; the majority is what the feedback store is told."""
        self._send(self._count(pressed, rating))

    async def show_evidence(self, pressed: Pressed) -> None:
        """The quotes of an answer in their articles."""
        self._send(self._open_evidence(pressed))

    async def offer_rewriting(self, pressed: Pressed) -> None:
        """A form with the question, to be put again."""
        self._send(self._open_rewriting(pressed))

    async def follow(self, pressed: Pressed) -> None:
        """Answer in this thread without being mentioned."""
        rules = self._rules.of(pressed.channel, direct=False)
        await self._follow(pressed.channel, pressed.thread, pressed.user, rules)

    async def _count(self, pressed: Pressed, rating: Rating) -> None:
        if not (kept := await self._kept(pressed)):
            return
        tally = await self._memory.vote(pressed.answer_id, pressed.user, rating)
        verdict = rating if tally.up == tally.down else "up" if tally.up > tally.down else "down"
        try:
            await self._desk.rate(kept, verdict)
        except NoAnswer as error:
            await self._whisper(pressed, str(error))
        await self._show_tally(kept, tally, pressed)

    async def _show_tally(self, kept: Kept, tally: blocks.Tally, pressed: Pressed) -> None:
        """The votes stand on the buttons, which are in the last message of an answer."""
        rules = self._rules.of(pressed.channel, direct=pressed.channel.startswith("D"))
        offers = await self._offers_to_follow(pressed.channel, pressed.thread, rules)
        *others, last = self._whole(kept.answer, tally, offers)
        # A draft may have taken more messages than the answer did.
        if ts := (await self._memory.posts(kept.key)).get(len(others)):
            await self._messenger.update(pressed.channel, ts, lambda: last)

    async def _open_evidence(self, pressed: Pressed) -> None:
        if kept := await self._kept(pressed):
            bodies: dict[str, str] = {}
            with suppress(NoAnswer, TimeoutError):
                bodies = await asyncio.wait_for(self._desk.bodies(kept.answer), EVIDENCE_S)
            modal = blocks.evidence_modal(kept.answer, bodies)
            await self._messenger.open_modal(pressed.trigger_id, modal)

    async def _open_rewriting(self, pressed: Pressed) -> None:
        if kept := await self._kept(pressed):
            place = f"{pressed.channel} {pressed.thread}"
            modal = blocks.rewrite_modal(kept.question, kept.answer, place)
            await self._messenger.open_modal(pressed.trigger_id, modal)

    async def _kept(self, pressed: Pressed) -> Kept | None:
        kept = await self._memory.kept(pressed.answer_id)
        if kept is None:
            await self._whisper(pressed, ANSWER_GONE)
        return kept

    async def _whisper(self, pressed: Pressed, text: str) -> None:
        await self._messenger.whisper(pressed.channel, pressed.user, pressed.thread, text)

    # -- answering ------------------------------------------------------------------------------------

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
            self._send(self._tell(running.ask, text))
        except Exception as error:  # left to the upkeep, which tries again
            known = error if isinstance(error, GisaError) else None
            logger.error("no answer to %s yet: %r", key, error, exc_info=not known)
            with suppress(sqlite3.Error):
                await self._memory.let_go(key)
        finally:
            del self._running[key]

    async def _announced(self, ask: Ask, *, resumed: bool) -> Ask:
        """The request with the message that it belongs to, which the bot writes if nobody did."""
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
        """👀 on the question as long as it is being answered; the answer doesn't wait for it."""
        place = (ask.channel, ask.ts or "")
        watching = asyncio.create_task(self._messenger.watch(*place))
        try:
            yield
        finally:
            with suppress(GisaError):  # without the eyes the answer is as good
                await asyncio.shield(watching)
            with suppress(GisaError):
                await asyncio.shield(self._messenger.unwatch(*place))

    async def _deliver(self, running: _Running, *, resumed: bool) -> None:
        async with Delivery(
            self._messenger, self._memory, running.ask, resumed=resumed
        ) as delivery:
            await delivery.finish(await self._composed(running, delivery))

    async def _leave_draft(self, running: _Running) -> None:
        """What is in the thread of a stopped answer says that it ends there."""
        if not running.draft.sentences:
            return
        # A post may have been on its way.
        delivery = Delivery(self._messenger, self._memory, running.ask, resumed=True)
        with suppress(RequestLost, GisaError):
            async with delivery:
                await delivery.finish(running.draft.messages(STOPPED))

    async def _composed(self, running: _Running, delivery: Delivery) -> Sequence[Message]:
        """The messages that answer a request, whatever comes; what is written meanwhile is shown."""
        ask, draft = running.ask, running.draft
        try:
            question = await self._question(ask)
            # Room is for what takes work; an answer that waits for its turn in Slack takes none.
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
            logger.exception("an answer failed: %s", ask.key)
            return _with_draft(draft, UNEXPECTED)
        await self._memory.keep(ask.key, question, answer)
        rules = self._rules.of(ask.channel, direct=ask.direct)
        offers = await self._offers_to_follow(ask.channel, ask.thread, rules)
        return self._whole(answer, blocks.Tally(), offers)

    async def _asked(self, question: Question, draft: Draft, delivery: Delivery) -> Answer:
        """Ask, and show the sentences as they come. Raises NoAnswer after some tries."""
        for last in (False,) * (NO_ANSWER_TRIES - 1) + (True,):
            try:
                async with aclosing(self._desk.events(question)) as events:
                    async for event in events:
                        if not isinstance(event, SentenceEvent):
                            return event.answer
                        draft.add(event.sentence, event.citations)
                        delivery.show(lambda: draft.messages(MOMENT_PLEASE))
            except NoAnswer as error:
                if last or error.retry_after_s is None or draft.sentences:
                    raise
                await asyncio.sleep(error.retry_after_s)
        raise AssertionError("events() ends with DoneEvent or NoAnswer")

    async def _question(self, ask: Ask) -> Question:
        """The question with its thread. Raises NoAnswer, ValidationError, whose messages are Korean."""
        rules = self._rules.of(ask.channel, direct=ask.direct)
        asked = Question(
            question=ask.text,
            filters=rules.filters,
            now=datetime.fromtimestamp(ask.at, SEOUL),
        )
        return asked.model_copy(update={"conversation": await self._earlier(ask)})

    async def _earlier(self, ask: Ask) -> tuple[Turn, ...]:
        """The thread up to the question, as far as a conversation goes."""
        if ask.thread is None or ask.thread == ask.ts:
            return ()
        try:
            said = await self._messenger.thread(ask.channel, ask.thread)
        except SlackRefused as error:  # a follow-up question means nothing without it
            logger.warning("%s. %s", error, error.remedy)
            raise NoAnswer(UNREADABLE) from error
        said = [message for message in said if message.ts < (ask.ts or "")]
        own = await self._memory.turns(ask.channel, [m.ts for m in said if m.own])
        turns = [own[m.ts] if m.ts in own else _turn(m) for m in said]
        return tuple(turn for turn in turns if turn and turn.content)[-MAX_TURNS:]

    async def _offers_to_follow(
        self, channel: str, thread: str | None, rules: ChannelRules
    ) -> bool:
        if channel.startswith("D") or rules.mention_only or thread is None:
            return False
        return not await self._memory.follows(channel, thread)

    def _whole(self, answer: Answer, tally: blocks.Tally, offers: bool) -> list[Message]:
        return blocks.answer_messages(
            answer, tally=tally, search_url=self._search_url, offers_to_follow=offers
        )

    # -- small errands --------------------------------------------------------------------------------

    def _send(self, errand: Coroutine[Any, Any, None]) -> None:
        """Do something for which nobody waits."""
        task = asyncio.create_task(_quietly(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _tell(self, ask: Ask, text: str) -> None:
        if ask.response_url:
            await self._messenger.respond(ask.response_url, text)
        else:
            await self._messenger.whisper(ask.channel, ask.user, ask.thread, text)

    async def _post_notice(self, ask: Ask, text: str) -> None:
        await self._messenger.post(ask.channel, ask.thread, notice(text), key=f"{ask.key} 0")

    async def _upkeep(self) -> None:
        """Keeps this process's requests its own, and takes over those of dead ones."""
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
                logger.exception("the upkeep of the Slack bot failed; it goes on")
            await asyncio.sleep(LEASE_S / 3)

    async def _resume(self, ask: Ask, *, wanted: bool) -> None:
        if ask.key in self._running:
            return
        if wanted:
            logger.info("taking up a request that was left: %s", ask.key)
            self._start(ask, resumed=True)
        else:
            logger.warning("giving up a request that was left: %s", ask.key)
            await self._memory.finish(ask.key)
            if ask.ts:
                self._send(self._messenger.unwatch(ask.channel, ask.ts))


def is_small_talk(text: str) -> bool:
    """Whether a message says nothing that could be answered."""
    return bool(NO_CONTENT.fullmatch(text) or SMALL_TALK.fullmatch(text))


def _ask_of(heard: Heard) -> Ask:
    return Ask(
        key=_message_key(heard.team, heard.channel, heard.ts),
        team=heard.team,
        channel=heard.channel,
        user=heard.user,
        text=heard.text,
        at=float(heard.ts),
        ts=heard.ts,
        thread=heard.root,
        direct=heard.direct,
    )


def _message_key(team: str, channel: str, ts: str) -> str:
    # The message itself, not the delivery: one message comes as several events, each several times.
    return f"message {team} {channel} {ts}"


def _with_draft(draft: Draft, trouble: str) -> Sequence[Message]:
    """The bad news, below what is already written."""
    if not draft.sentences:
        return [notice(trouble)]
    return draft.messages(f"{BROKEN_OFF} {trouble}")


def _turn(message: ThreadMessage) -> Turn | None:
    """A message of the thread that the memory knows nothing of; other bots are no party to it."""
    content = words(message.text)
    if message.own:
        content = plain(message.text).partition(plain(blocks.SOURCES))[0].strip()
        is_answer = message.key is not None and message.key[-1].isdecimal()
        return Turn(role="assistant", content=content[:MAX_TURN_CHARS]) if is_answer else None
    if message.by_bot or is_small_talk(content) or _is_order(content):
        return None
    return Turn(role="user", content=content[:MAX_TURN_CHARS])


def _is_order(text: str) -> bool:
    return any(order.fullmatch(text) for order in (STOP, FOLLOW_ON, ASKS_FOR_HELP))


async def _quietly(errand: Awaitable[None]) -> None:
    try:
        await errand
    except GisaError as error:
        logger.warning("%s. %s", error, error.remedy)
    except Exception:
        logger.exception("unexpected error")
