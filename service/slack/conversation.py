"""What the bot does with messages, commands and buttons, whether they come by HTTP, Socket Mode or a test.

``Conversation`` accepts them quickly, so that Slack gets its acknowledgement in time; ``Answering``
answers the questions among them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from index import SEOUL
from service.exports import export
from service.schema import Answer, Citation
from service.serving.limits import SharedRateLimiter
from service.slack import blocks
from service.slack.answering import Answering, Limits
from service.slack.background import BackgroundTasks
from service.slack.blocks import HELP, Message, notice, preformatted
from service.slack.clients import AnswerClient, NoAnswer
from service.slack.memory import Ask, Kept, Memory, Rating
from service.slack.messenger import Messenger
from service.slack.phrases import (
    ANSWER_GONE,
    ASKS_FOR_HELP,
    COLLECT,
    COLLECTED,
    FOLLOW_ON,
    FOLLOWING,
    IDLE,
    MENTION_ONLY,
    NOT_FOLLOWING,
    NOT_HERE,
    NOTHING_TO_COLLECT,
    STOP,
    form_of,
    is_small_talk,
)
from service.slack.rules import ChannelRules, Rules

EVIDENCE_S = 1.5
"""Seconds for looking up articles before a modal is opened, which Slack allows only within 3 s."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A message that a person wrote.

    ``mentioned``: it mentions the bot; ``others``: it mentions other users; ``direct``: it was sent to
    the bot alone.
    """

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
    """A question asked by command or form, not by message. ``key`` is the same in repeated deliveries."""

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
    """A click on a button below an answer."""

    team: str
    channel: str
    thread: str
    user: str
    answer_id: str
    trigger_id: str


class Conversation:
    """All conversations of the bot, while ``running`` is entered.

    ``asks`` tells whether a text asks something; it may take seconds, and is called in a thread.
    Methods that accept something raise StoreUnavailable if the memory can't be written; then nothing
    was accepted.
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
        asks: Callable[[str], bool],
        clock: Callable[[], datetime] = lambda: datetime.now(SEOUL),
    ) -> None:
        self._messenger, self._client, self._memory = messenger, client, memory
        self._rules, self._asks, self._clock = rules, asks, clock
        self._background = BackgroundTasks()
        self._answering = Answering(
            messenger,
            client,
            memory,
            rules=rules,
            limits=limits,
            limiter=limiter,
            search_url=search_url,
            background=self._background,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work; take over the requests of dead processes, at once and regularly; end in an orderly way."""
        async with self._answering.running():
            yield

    # -- messages and commands ------------------------------------------------------------------------

    async def hear(self, heard: Heard) -> None:
        """Accept a message, and answer it if it is a question to the bot."""
        rules = self._rules.of(heard.channel, direct=heard.direct)
        if not await self._is_addressed(heard, rules):
            return
        where = (heard.channel, heard.user, heard.thread)
        if not rules.allowed:
            self._background.start(self._messenger.whisper(*where, NOT_HERE))
        elif STOP.fullmatch(heard.text):
            await self._stop(heard)
        elif FOLLOW_ON.fullmatch(heard.text) and heard.thread and not heard.direct:
            await self._follow(heard.channel, heard.thread, heard.user, rules)
        elif ASKS_FOR_HELP.fullmatch(heard.text):
            await self._say_once(heard, HELP)
        elif COLLECT.fullmatch(heard.text):
            await self._do_once(heard, self._post_collected)
        elif not is_small_talk(heard.text) and await self._is_question(heard):
            await self._answering.take_on(_ask_of(heard))

    async def _is_addressed(self, heard: Heard, rules: ChannelRules) -> bool:
        if heard.direct or heard.mentioned:
            return True
        if heard.others or not heard.thread or rules.mention_only or not rules.allowed:
            return False
        return await self._memory.follows(heard.channel, heard.thread)

    async def _is_question(self, heard: Heard) -> bool:
        """What is said to the bot is one; in a followed thread people also talk to each other."""
        if heard.direct or heard.mentioned:
            return True
        return await asyncio.to_thread(self._asks, heard.text)

    async def command(self, given: Commanded) -> str | None:
        """Accept a question without a message, to be answered in a thread of its own.

        Returns what to tell its user if it is not.
        """
        text = given.text.strip()
        if not text or ASKS_FOR_HELP.fullmatch(text):
            return HELP
        if not self._rules.of(given.channel, direct=given.direct).allowed:
            return NOT_HERE
        if STOP.fullmatch(text):
            return (
                NOT_FOLLOWING
                if await self._answering.stop(given.channel, user=given.user)
                else IDLE
            )
        fields = {name: value for name, value in vars(given).items() if name != "text"}
        await self._answering.take_on(Ask(**fields, text=text, at=self._clock().timestamp()))
        return None

    async def forget(self, team: str, channel: str, ts: str) -> None:
        """Drop the question of a deleted message, whichever process works on it."""
        await self._answering.forget(_message_key(team, channel, ts))

    async def _say_once(self, heard: Heard, text: str) -> None:
        await self._do_once(heard, lambda ask: self._post(ask, [notice(text)]))

    async def _do_once(
        self, heard: Heard, work: Callable[[Ask], Coroutine[Any, Any, None]]
    ) -> None:
        ask = _ask_of(heard)
        if await self._memory.claim(replace(ask, text="")):
            await self._memory.finish(ask.key)
            self._background.start(work(ask))

    async def _post_collected(self, ask: Ask) -> None:
        """Post what the bot has cited in a thread, to be copied."""
        thread = await self._messenger.thread(ask.channel, ask.thread or ask.ts or "")
        own = [message.ts for message in thread if message.own]
        answers = await self._memory.answers(ask.channel, own)
        citations = _collected(answers)
        messages: Sequence[Message] = [notice(NOTHING_TO_COLLECT)]
        if citations:
            messages = preformatted(COLLECTED, export(citations, form_of(ask.text)).text)
        await self._post(ask, messages)

    # -- stopping and following -----------------------------------------------------------------------

    async def _stop(self, heard: Heard) -> None:
        """``그만``: stop the answers in progress, and follow the thread no longer."""
        if heard.thread is None:
            changed: int = await self._answering.stop(heard.channel, user=heard.user)
        else:
            changed = await self._answering.stop(heard.channel, thread=heard.thread)
            changed += await self._memory.unfollow(heard.channel, heard.thread)
        if changed:
            await self._say_once(heard, NOT_FOLLOWING)

    async def _follow(self, channel: str, thread: str, user: str, rules: ChannelRules) -> None:
        if rules.mention_only:
            self._background.start(self._messenger.whisper(channel, user, thread, MENTION_ONLY))
            return
        await self._memory.follow(channel, thread)
        self._background.start(self._messenger.whisper(channel, user, thread, FOLLOWING))

    # -- buttons --------------------------------------------------------------------------------------

    async def vote(self, pressed: Pressed, rating: Rating) -> None:
        """Count 👍 or 👎. A user's last vote counts; the feedback store gets the majority's."""
        self._background.start(self._count(pressed, rating))

    async def show_evidence(self, pressed: Pressed) -> None:
        """Open a modal with the quotes of an answer in their articles."""
        self._background.start(self._open_evidence(pressed))

    async def offer_rewriting(self, pressed: Pressed) -> None:
        """Open a form with the question, to be changed and asked again."""
        self._background.start(self._open_rewriting(pressed))

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
            await self._client.rate(kept, verdict)
        except NoAnswer as error:
            await self._whisper(pressed, str(error))
        await self._show_tally(kept, tally, pressed)

    async def _show_tally(self, kept: Kept, tally: blocks.Tally, pressed: Pressed) -> None:
        """Show the votes on the buttons, which are in the last message of an answer."""
        *others, last = await self._answering.whole(
            kept.answer, tally, pressed.channel, pressed.thread
        )
        # The draft may have had more messages than the answer.
        if ts := (await self._memory.posts(kept.key)).get(len(others)):
            await self._messenger.update(pressed.channel, ts, lambda: last)

    async def _open_evidence(self, pressed: Pressed) -> None:
        if kept := await self._kept(pressed):
            bodies: dict[str, str] = {}
            with suppress(NoAnswer, TimeoutError):
                bodies = await asyncio.wait_for(self._client.bodies(kept.answer), EVIDENCE_S)
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

    async def _post(self, ask: Ask, messages: Sequence[Message]) -> None:
        for part, message in enumerate(messages):
            await self._messenger.post(ask.channel, ask.thread, message, key=f"{ask.key} {part}")


def _collected(answers: Sequence[Answer]) -> list[Citation]:
    """Each place that answers cite, once, in the order of the answers; leads are none."""
    cited = (c for answer in answers if answer.status == "answered" for c in answer.citations)
    return list({(c.key, c.start, c.end): c for c in cited}.values())


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
    # By message, not by delivery: one message may come as several events, each several times.
    return f"message {team} {channel} {ts}"
