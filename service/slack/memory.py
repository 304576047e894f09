"""What the bot remembers, in SQLite or PostgreSQL, shared by all processes of the bot.

A request is claimed here before Slack gets its acknowledgement. From then on it is answered exactly
once, however often Slack delivers it and whichever process dies.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Double,
    Executable,
    Index,
    Integer,
    MetaData,
    Table,
    Update,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from service.errors import StoreUnavailable
from service.schema import Answer, Question, Turn
from service.serving.database import TEXT, Database
from service.slack.blocks import Tally
from service.storage import Place

LEASE_S = 15.0
"""Seconds after which another process takes over a request whose lease was not renewed."""

MAX_ATTEMPTS = 3
MAX_AGE_S = 3_600.0
"""Abandoned requests older than this are not answered any more: it would be too late to help."""

KEEP_REQUESTS_DAYS, KEEP_ANSWERS_DAYS = 7, 90
LOCK_TIMEOUT_S = 2.0
ANNOUNCEMENT = -1
"""The part under which the bot's message with the question is kept; the answer's parts start at 0."""

T = TypeVar("T")
Rating = Literal["up", "down"]

_TABLES = MetaData(schema="gisa_slack")

_requests = Table(
    "requests",
    _TABLES,
    Column("key", TEXT, primary_key=True),
    Column("seen_at", Double, nullable=False),
    Column("ask", TEXT),  # NULL once it is done
    Column("channel", TEXT),
    Column("thread", TEXT),
    Column("owner", TEXT),
    Column("lease_until", Double),
    Column("attempts", Integer, nullable=False, server_default="1"),
    sqlite_with_rowid=False,
)
_is_pending = _requests.c.ask.is_not(None)
Index(
    "pending",
    _requests.c.owner,
    _requests.c.lease_until,
    sqlite_where=_is_pending,
    postgresql_where=_is_pending,
)

_posts = Table(
    "posts",
    _TABLES,
    Column("channel", TEXT, primary_key=True),
    Column("ts", TEXT, primary_key=True),
    Column("key", TEXT, nullable=False),
    Column("part", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("posts_by_key", _posts.c.key, _posts.c.part)

_answers = Table(
    "answers",
    _TABLES,
    Column("id", TEXT, primary_key=True),
    Column("key", TEXT, unique=True, nullable=False),
    Column("at", Double, nullable=False),
    Column("question", TEXT, nullable=False),
    Column("answer", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

_votes = Table(
    "votes",
    _TABLES,
    Column("answer_id", TEXT, primary_key=True),
    Column("user", TEXT, primary_key=True),
    Column("rating", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

_followed = Table(
    "followed",
    _TABLES,
    Column("channel", TEXT, primary_key=True),
    Column("thread", TEXT, primary_key=True),
    sqlite_with_rowid=False,
)

_signatures = Table(
    "signatures",
    _TABLES,
    Column("signature", TEXT, primary_key=True),
    Column("at", Double, nullable=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A question that was asked in Slack, and where its answer belongs.

    ``ts`` is the message that asks; if there is none, the bot posts the question itself. ``thread`` is
    the root of the answer's thread, None until there is one. ``at`` is in seconds since the epoch.
    """

    key: str
    team: str
    channel: str
    user: str
    text: str
    at: float
    ts: str | None = None
    thread: str | None = None
    direct: bool = False
    response_url: str = ""


@dataclass(frozen=True)
class Kept:
    """An answer, its question, and the key of its request."""

    key: str
    question: Question
    answer: Answer


class Memory:
    """Requests, messages, answers, votes and followed threads. All methods raise StoreUnavailable.

    The work is done in a thread of its own, so that a busy thread pool can't delay it.
    """

    def __init__(
        self, place: Place, *, owner: str, clock: Callable[[], float] | None = None
    ) -> None:
        """``clock`` tells seconds since the epoch; without it the database's own does, so that leases hold
        between hosts whose clocks differ. Raises SettingsInvalid without the driver for ``place``."""
        self._database = Database(place, _TABLES, stays_open=True, timeout_s=LOCK_TIMEOUT_S)
        self._owner, self._clock = owner, clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="slack-memory")

    async def open(self) -> None:
        """Connect, and make what is missing."""
        await self._do(self._open)

    async def close(self) -> None:
        """Let other processes take over unfinished requests at once, and disconnect."""
        await self._do(self._release)
        self._thread.shutdown()

    async def _do(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _open(self) -> None:
        place = self._database.place
        if isinstance(place, Path):
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch(mode=0o600)  # it holds questions; SQLite's other files inherit its mode
            except OSError as error:
                raise StoreUnavailable(f"{place}: {error}") from error
        with self._database.transaction():
            pass

    def _release(self) -> None:
        mine = update(_requests).where(_requests.c.owner == self._owner)
        with suppress(StoreUnavailable):  # the leases will run out
            self._write(mine.values(lease_until=0))
        self._database.close()

    def _now(self) -> ColumnElement[float]:
        return literal(self._clock()) if self._clock else self._database.now()

    def _rows(self, statement: Executable) -> list[Any]:
        with self._database.transaction() as db:
            return list(db.execute(statement).all())

    def _write(self, *statements: Executable) -> int:
        """Execute all; return how many rows the last one changed."""
        with self._database.transaction() as db:
            return [db.execute(statement).rowcount for statement in statements][-1]

    # -- requests ---------------------------------------------------------------------------------

    async def claim(self, ask: Ask) -> bool:
        """Take on a request; False if it was taken on before."""
        return await self._do(self._claim, ask)

    def _claim(self, ask: Ask) -> bool:
        now = self._now()
        new = self._database.insert(_requests).values(
            key=ask.key,
            seen_at=now,
            ask=_dumped(ask),
            channel=ask.channel,
            thread=ask.thread,
            owner=self._owner,
            lease_until=now + LEASE_S,
        )
        return bool(self._write(new.on_conflict_do_nothing()))

    async def amend(self, ask: Ask) -> None:
        """Update a request in progress."""
        pending = update(_requests).where(_requests.c.key == ask.key, _is_pending)
        await self._do(self._write, pending.values(ask=_dumped(ask), thread=ask.thread))

    async def finish(self, key: str) -> None:
        """Mark a request as done."""
        await self._do(self._write, _request(key).values(ask=None))

    async def let_go(self, key: str) -> None:
        """Leave a request to whichever process takes it over once its lease has ended."""
        await self._do(self._write, _request(key).values(owner=None))

    async def stop(
        self,
        channel: str,
        *,
        thread: str | None = None,
        user: str | None = None,
        but: Iterable[str] = (),
    ) -> int:
        """Finish the requests of a thread, or of a user in a channel, except ``but``; return how many.

        It does not matter which process works on them.
        """
        return await self._do(self._stop, channel, thread, user, set(but))

    def _stop(self, channel: str, thread: str | None, user: str | None, but: set[str]) -> int:
        asked = select(_requests.c.ask).where(_is_pending, _requests.c.channel == channel)
        if thread is not None:
            asked = asked.where(_requests.c.thread == thread)
        asks = [Ask(**json.loads(ask)) for (ask,) in self._rows(asked)]
        keys = {ask.key for ask in asks if user in (None, ask.user)} - but
        done = update(_requests).where(_is_pending, _requests.c.key.in_(keys)).values(ask=None)
        return self._write(done)

    async def is_done(self, key: str) -> bool:
        """Whether a request is done or was stopped."""
        done = select(_requests.c.key).where(_requests.c.key == key, _requests.c.ask.is_(None))
        return bool(await self._do(self._rows, done))

    async def owns(self, key: str) -> bool:
        """Whether this process still has to answer a request."""
        c = _requests.c
        owned = select(c.key).where(c.key == key, c.owner == self._owner, _is_pending)
        return bool(await self._do(self._rows, owned))

    async def renew(self) -> set[str]:
        """Renew this process's leases; return the keys of its unfinished requests."""
        mine = update(_requests).where(_requests.c.owner == self._owner, _is_pending)
        renewed = mine.values(lease_until=self._now() + LEASE_S).returning(_requests.c.key)
        return {key for (key,) in await self._do(self._rows, renewed)}

    async def take_over(self) -> list[tuple[Ask, bool]]:
        """Take over the requests of dead processes; with each, whether it is still to be answered."""
        c, now = _requests.c, self._now()
        # A row that another process is just taking over is passed by, not waited for.
        abandoned = select(c.key).where(_is_pending, c.lease_until < now)
        taken = (
            update(_requests)
            .where(c.key.in_(abandoned.with_for_update(skip_locked=True)))
            .values(owner=self._owner, lease_until=now + LEASE_S, attempts=c.attempts + 1)
            .returning(c.ask, c.attempts, c.seen_at > now - MAX_AGE_S)
        )
        return [
            (Ask(**json.loads(ask)), attempts <= MAX_ATTEMPTS and bool(is_recent))
            for ask, attempts, is_recent in await self._do(self._rows, taken)
        ]

    async def is_new_signature(self, signature: str, keep_s: float) -> bool:
        """Whether a signed request comes for the first time within ``keep_s`` seconds."""
        now = self._now()
        forget = delete(_signatures).where(_signatures.c.at < now - keep_s)
        add = self._database.insert(_signatures).values(signature=signature, at=now)
        return bool(await self._do(self._write, forget, add.on_conflict_do_nothing()))

    # -- messages and answers -----------------------------------------------------------------------

    async def posted(self, key: str, part: int, channel: str, ts: str) -> None:
        """Remember a message that was posted for a request."""
        place, said = {"channel": channel, "ts": ts}, {"key": key, "part": part}
        add = self._database.insert(_posts).values(**place, **said)
        await self._do(self._write, add.on_conflict_do_update(index_elements=[*place], set_=said))

    async def posts(self, key: str) -> dict[int, str]:
        """The messages posted for a request: part to ts."""
        c = _posts.c
        rows = await self._do(self._rows, select(c.part, c.ts).where(c.key == key).order_by(c.part))
        return dict(map(tuple, rows))

    async def keep(self, key: str, question: Question, answer: Answer) -> None:
        """Keep an answer, for its buttons and as a turn of its thread's conversation."""
        c = _answers.c
        told = {
            "id": answer.id,
            "at": self._now(),
            "question": question.model_dump_json(),
            "answer": answer.model_dump_json(by_alias=True),
        }
        earlier = delete(_answers).where(or_(c.key == key, c.id == answer.id))
        add = self._database.insert(_answers).values(key=key, **told)
        # Another process may add its answer to the same request at the same moment.
        add = add.on_conflict_do_update(index_elements=["key"], set_=told)
        await self._do(self._write, earlier, add)

    async def kept(self, answer_id: str) -> Kept | None:
        """The answer with this id; None if it is not kept any more."""
        c = _answers.c
        wanted = select(c.key, c.question, c.answer).where(c.id == answer_id)
        for key, question, answer in await self._do(self._rows, wanted):
            asked = Question.model_validate_json(question)
            return Kept(key, asked, Answer.model_validate_json(answer))
        return None

    async def turns(self, channel: str, timestamps: Iterable[str]) -> dict[str, Turn | None]:
        """By ts, the conversation's turn in the bot's own messages; None for further parts of a turn."""
        p, a = _posts.c, _answers.c
        said = (
            select(p.ts, p.part, a.question, a.answer)
            .select_from(_posts.outerjoin(_answers, a.key == p.key))
            .where(p.channel == channel, p.ts.in_(list(timestamps)))
        )
        return {ts: _turn(*row) for ts, *row in await self._do(self._rows, said)}

    async def answers(self, channel: str, timestamps: Iterable[str]) -> list[Answer]:
        """The kept answers of which messages are parts, in the order in which they were given."""
        p, a = _posts.c, _answers.c
        keys = select(p.key).where(p.channel == channel, p.ts.in_(list(timestamps)))
        given = select(a.answer).where(a.key.in_(keys)).order_by(a.at)
        rows = await self._do(self._rows, given)
        return [Answer.model_validate_json(answer) for (answer,) in rows]

    # -- votes and followed threads -----------------------------------------------------------------

    async def vote(self, answer_id: str, user: str, rating: Rating) -> Tally:
        """Count a user's vote, in place of any earlier one; return the tally."""
        voter = {"answer_id": answer_id, "user": user}
        add = self._database.insert(_votes).values(**voter, rating=rating)
        add = add.on_conflict_do_update(index_elements=[*voter], set_={"rating": rating})
        await self._do(self._write, add)
        c = _votes.c
        tally = select(c.rating, func.count()).where(c.answer_id == answer_id).group_by(c.rating)
        return Tally(**dict(map(tuple, await self._do(self._rows, tally))))

    async def follow(self, channel: str, thread: str) -> None:
        """Follow a thread: the bot answers there without being mentioned."""
        add = self._database.insert(_followed).values(channel=channel, thread=thread)
        await self._do(self._write, add.on_conflict_do_nothing())

    async def unfollow(self, channel: str, thread: str) -> bool:
        """Stop following a thread; return whether it was followed."""
        c = _followed.c
        gone = delete(_followed).where(c.channel == channel, c.thread == thread)
        return bool(await self._do(self._write, gone))

    async def follows(self, channel: str, thread: str) -> bool:
        """Whether a thread is followed."""
        c = _followed.c
        found = select(c.thread).where(c.channel == channel, c.thread == thread)
        return bool(await self._do(self._rows, found))

    async def tidy(self) -> None:
        """Delete done requests, answers, votes and posts that are older than they are kept."""
        now, day = self._now(), 86_400
        done, old = now - KEEP_REQUESTS_DAYS * day, now - KEEP_ANSWERS_DAYS * day
        await self._do(
            self._write,
            delete(_requests).where(_requests.c.ask.is_(None), _requests.c.seen_at < done),
            delete(_answers).where(_answers.c.at < old),
            delete(_votes).where(_votes.c.answer_id.not_in(select(_answers.c.id))),
            delete(_posts).where(cast(_posts.c.ts, Double) < old),
        )


def _request(key: str) -> Update:
    return update(_requests).where(_requests.c.key == key)


def _dumped(ask: Ask) -> str:
    return json.dumps(asdict(ask), ensure_ascii=False)


def _turn(part: int, question: str | None, answer: str | None) -> Turn | None:
    if question is None or answer is None or part > 0:
        return None
    if part == ANNOUNCEMENT:
        return Turn(role="user", content=Question.model_validate_json(question).question)
    return Turn(role="assistant", content=Answer.model_validate_json(answer).text)
