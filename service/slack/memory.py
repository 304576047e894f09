"""What the bot remembers, in SQLite, shared by all processes of the bot.

A request is claimed here before Slack gets its acknowledgement. From then on it is answered exactly
once, however often Slack delivers it and whichever process dies.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from service.schema import Answer, Question, Turn
from service.slack.blocks import Tally

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

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    key TEXT PRIMARY KEY, seen_at REAL NOT NULL,
    ask TEXT, channel TEXT, thread TEXT,          -- NULL once it is done
    owner TEXT, lease_until REAL, attempts INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pending ON requests (owner, lease_until) WHERE ask IS NOT NULL;
CREATE TABLE IF NOT EXISTS posts (
    channel TEXT, ts TEXT, key TEXT NOT NULL, part INTEGER NOT NULL, PRIMARY KEY (channel, ts)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS posts_by_key ON posts (key, part);
CREATE TABLE IF NOT EXISTS answers (
    id TEXT PRIMARY KEY, key TEXT UNIQUE NOT NULL, at REAL NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS votes (
    answer_id TEXT, user TEXT, rating TEXT NOT NULL, PRIMARY KEY (answer_id, user)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS followed (
    channel TEXT, thread TEXT, PRIMARY KEY (channel, thread)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signatures (signature TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""


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
    """Requests, messages, answers, votes and followed threads. All methods raise sqlite3.Error.

    The work is done in a thread of its own, so that a busy thread pool can't delay it.
    """

    def __init__(self, path: Path, *, owner: str, clock: Callable[[], float] = time.time) -> None:
        self._path, self._owner, self._clock = path, owner, clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="slack-memory")
        self._db: sqlite3.Connection

    async def open(self) -> None:
        """Open the file, and make it if need be."""
        await self._do(self._open)

    async def close(self) -> None:
        """Close the file, and let other processes take over unfinished requests at once."""
        await self._do(self._release)
        self._thread.shutdown()

    async def _do(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)  # it holds questions; SQLite's other files inherit its mode
        self._db = sqlite3.connect(self._path, timeout=LOCK_TIMEOUT_S, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def _release(self) -> None:
        with suppress(sqlite3.Error):  # the leases will run out
            self._write("UPDATE requests SET lease_until = 0 WHERE owner = ?", (self._owner,))
        self._db.close()

    # -- requests ---------------------------------------------------------------------------------

    async def claim(self, ask: Ask) -> bool:
        """Take on a request; False if it was taken on before."""
        return await self._do(self._claim, ask)

    def _claim(self, ask: Ask) -> bool:
        now = self._clock()
        row = (ask.key, now, _dumped(ask), ask.channel, ask.thread, self._owner, now + LEASE_S)
        sql = "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, 1)"
        return bool(self._write(sql, row))

    async def amend(self, ask: Ask) -> None:
        """Update a request in progress."""
        sql = "UPDATE requests SET ask = ?, thread = ? WHERE key = ? AND ask IS NOT NULL"
        await self._do(self._write, sql, (_dumped(ask), ask.thread, ask.key))

    async def finish(self, key: str) -> None:
        """Mark a request as done."""
        await self._do(self._write, "UPDATE requests SET ask = NULL WHERE key = ?", (key,))

    async def let_go(self, key: str) -> None:
        """Leave a request to whichever process takes it over once its lease has ended."""
        await self._do(self._write, "UPDATE requests SET owner = NULL WHERE key = ?", (key,))

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
        sql = (
            "UPDATE requests SET ask = NULL WHERE ask IS NOT NULL AND channel = ? "
            "AND thread IS COALESCE(?, thread) "
            "AND json_extract(ask, '$.user') = COALESCE(?, json_extract(ask, '$.user')) "
            "AND key NOT IN (SELECT value FROM json_each(?))"
        )
        values = (channel, thread, user, json.dumps(list(but)))
        return await self._do(self._write, sql, values)

    async def is_done(self, key: str) -> bool:
        """Whether a request is done or was stopped."""
        sql = "SELECT 1 FROM requests WHERE key = ? AND ask IS NULL"
        return bool(await self._do(self._rows, sql, (key,)))

    async def owns(self, key: str) -> bool:
        """Whether this process still has to answer a request."""
        sql = "SELECT 1 FROM requests WHERE key = ? AND owner = ? AND ask IS NOT NULL"
        return bool(await self._do(self._rows, sql, (key, self._owner)))

    async def renew(self) -> set[str]:
        """Renew this process's leases; return the keys of its unfinished requests."""
        return await self._do(self._renew)

    def _renew(self) -> set[str]:
        rows = self._db.execute(
            "UPDATE requests SET lease_until = ? WHERE owner = ? AND ask IS NOT NULL RETURNING key",
            (self._clock() + LEASE_S, self._owner),
        )
        return {key for (key,) in rows.fetchall()}

    async def take_over(self) -> list[tuple[Ask, bool]]:
        """Take over the requests of dead processes; with each, whether it is still to be answered."""
        return await self._do(self._take_over)

    def _take_over(self) -> list[tuple[Ask, bool]]:
        now = self._clock()
        rows = self._db.execute(
            "UPDATE requests SET owner = ?, lease_until = ?, attempts = attempts + 1 "
            "WHERE ask IS NOT NULL AND lease_until < ? RETURNING ask, attempts, seen_at",
            (self._owner, now + LEASE_S, now),
        ).fetchall()
        return [
            (Ask(**json.loads(ask)), attempts <= MAX_ATTEMPTS and now - seen_at < MAX_AGE_S)
            for ask, attempts, seen_at in rows
        ]

    async def is_new_signature(self, signature: str, keep_s: float) -> bool:
        """Whether a signed request comes for the first time within ``keep_s`` seconds."""
        return await self._do(self._is_new_signature, signature, keep_s)

    def _is_new_signature(self, signature: str, keep_s: float) -> bool:
        now = self._clock()
        self._db.execute("DELETE FROM signatures WHERE at < ?", (now - keep_s,))
        sql = "INSERT OR IGNORE INTO signatures VALUES (?, ?)"
        return bool(self._write(sql, (signature, now)))

    # -- messages and answers -----------------------------------------------------------------------

    async def posted(self, key: str, part: int, channel: str, ts: str) -> None:
        """Remember a message that was posted for a request."""
        sql = "INSERT OR REPLACE INTO posts VALUES (?, ?, ?, ?)"
        await self._do(self._write, sql, (channel, ts, key, part))

    async def posts(self, key: str) -> dict[int, str]:
        """The messages posted for a request: part to ts."""
        sql = "SELECT part, ts FROM posts WHERE key = ? ORDER BY part"
        return dict(await self._do(self._rows, sql, (key,)))

    async def keep(self, key: str, question: Question, answer: Answer) -> None:
        """Keep an answer, for its buttons and as a turn of its thread's conversation."""
        row = (answer.id, key, self._clock())
        documents = (question.model_dump_json(), answer.model_dump_json(by_alias=True))
        sql = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)"
        await self._do(self._write, sql, row + documents)

    async def kept(self, answer_id: str) -> Kept | None:
        """The answer with this id; None if it is not kept any more."""
        return await self._do(self._kept, answer_id)

    def _kept(self, answer_id: str) -> Kept | None:
        sql = "SELECT key, question, answer FROM answers WHERE id = ?"
        for key, question, answer in self._rows(sql, (answer_id,)):
            asked = Question.model_validate_json(question)
            return Kept(key, asked, Answer.model_validate_json(answer))
        return None

    async def turns(self, channel: str, timestamps: Iterable[str]) -> dict[str, Turn | None]:
        """By ts, the conversation's turn in the bot's own messages; None for further parts of a turn."""
        return await self._do(self._turns, channel, list(timestamps))

    def _turns(self, channel: str, timestamps: list[str]) -> dict[str, Turn | None]:
        rows = self._rows(
            "SELECT p.ts, p.part, a.question, a.answer FROM posts p "
            "LEFT JOIN answers a ON a.key = p.key "
            "WHERE p.channel = ? AND p.ts IN (SELECT value FROM json_each(?))",
            (channel, json.dumps(timestamps)),
        )
        return {ts: _turn(*row) for ts, *row in rows}

    async def answers(self, channel: str, timestamps: Iterable[str]) -> list[Answer]:
        """The kept answers of which messages are parts, in the order in which they were given."""
        return await self._do(self._answers, channel, list(timestamps))

    def _answers(self, channel: str, timestamps: list[str]) -> list[Answer]:
        rows = self._rows(
            "SELECT answer FROM answers WHERE key IN (SELECT key FROM posts "
            "WHERE channel = ? AND ts IN (SELECT value FROM json_each(?))) ORDER BY at",
            (channel, json.dumps(timestamps)),
        )
        return [Answer.model_validate_json(answer) for (answer,) in rows]

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._db.execute(sql, values).fetchall()

    def _write(self, sql: str, values: Sequence[Any]) -> int:
        return self._db.execute(sql, values).rowcount

    # -- votes and followed threads -----------------------------------------------------------------

    async def vote(self, answer_id: str, user: str, rating: Rating) -> Tally:
        """Count a user's vote, in place of any earlier one; return the tally."""
        return await self._do(self._vote, answer_id, user, rating)

    def _vote(self, answer_id: str, user: str, rating: Rating) -> Tally:
        sql = "INSERT OR REPLACE INTO votes VALUES (?, ?, ?)"
        self._db.execute(sql, (answer_id, user, rating))
        return self._tally(answer_id)

    def _tally(self, answer_id: str) -> Tally:
        sql = "SELECT rating, COUNT(*) FROM votes WHERE answer_id = ? GROUP BY rating"
        return Tally(**dict(self._rows(sql, (answer_id,))))

    async def follow(self, channel: str, thread: str) -> None:
        """Follow a thread: the bot answers there without being mentioned."""
        sql = "INSERT OR IGNORE INTO followed VALUES (?, ?)"
        await self._do(self._write, sql, (channel, thread))

    async def unfollow(self, channel: str, thread: str) -> bool:
        """Stop following a thread; return whether it was followed."""
        sql = "DELETE FROM followed WHERE channel = ? AND thread = ?"
        return bool(await self._do(self._write, sql, (channel, thread)))

    async def follows(self, channel: str, thread: str) -> bool:
        """Whether a thread is followed."""
        sql = "SELECT 1 FROM followed WHERE channel = ? AND thread = ?"
        return bool(await self._do(self._rows, sql, (channel, thread)))

    async def tidy(self) -> None:
        """Delete done requests, answers, votes and posts that are older than they are kept."""
        await self._do(self._tidy)

    def _tidy(self) -> None:
        now, day = self._clock(), 86_400
        done, old = now - KEEP_REQUESTS_DAYS * day, now - KEEP_ANSWERS_DAYS * day
        self._db.execute("DELETE FROM requests WHERE ask IS NULL AND seen_at < ?", (done,))
        self._db.execute("DELETE FROM answers WHERE at < ?", (old,))
        self._db.execute("DELETE FROM votes WHERE answer_id NOT IN (SELECT id FROM answers)")
        self._db.execute("DELETE FROM posts WHERE CAST(ts AS REAL) < ?", (old,))


def _dumped(ask: Ask) -> str:
    return json.dumps(asdict(ask), ensure_ascii=False)


def _turn(part: int, question: str | None, answer: str | None) -> Turn | None:
    if question is None or answer is None or part > 0:
        return None
    if part == ANNOUNCEMENT:
        return Turn(role="user", content=Question.model_validate_json(question).question)
    return Turn(role="assistant", content=Answer.model_validate_json(answer).text)
