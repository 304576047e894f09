"""The stores over SQLite and over Debian's PostgreSQL, and what the database below them does in trouble."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from contracts.store_contract import (
    FeedbackStoreContract,
    MemoryContract,
    SharedRateLimiterContract,
    answer,
    ask,
    rating,
)
from postgres_server import PostgresServer
from sqlalchemy import text

from service.errors import FeedbackUnavailable, SettingsInvalid, StoreUnavailable, TooManyRequests
from service.schema import Question
from service.serving import feedback
from service.serving.database import Database
from service.serving.feedback import FeedbackStore
from service.serving.limits import SharedRateLimiter
from service.settings import describe_settings, load_settings
from service.slack.memory import Memory
from service.storage import PostgresUrl

TABLES = feedback._TABLES


class TestFeedback(FeedbackStoreContract):
    """Over each database."""


class TestMemory(MemoryContract):
    """Over each database."""


class TestRateLimits(SharedRateLimiterContract):
    """Over each database."""


# -- SQLite -------------------------------------------------------------------------------------

OLD_FEEDBACK = """
CREATE TABLE answers (
    id TEXT PRIMARY KEY, asked_at REAL NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL,
    rating TEXT, comment TEXT
) WITHOUT ROWID;
CREATE INDEX unrated ON answers (asked_at) WHERE rating IS NULL;
"""
OLD_MEMORY = """
CREATE TABLE requests (
    key TEXT PRIMARY KEY, seen_at REAL NOT NULL, ask TEXT, channel TEXT, thread TEXT,
    owner TEXT, lease_until REAL, attempts INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE INDEX pending ON requests (owner, lease_until) WHERE ask IS NOT NULL;
INSERT INTO requests VALUES ('done', 1.0, NULL, 'C', '1', 'old', 1.0, 1);
"""


def test_a_file_of_an_earlier_version_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OLD_FEEDBACK)
        values = ("a1", 1.0, Question(question="옛 질문").model_dump_json())
        db.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, 'up', NULL)",
            (*values, answer("a1").model_dump_json(by_alias=True)),
        )
        db.commit()
    store = FeedbackStore(path, keep_hours=24, desk_days=1)
    assert [record["id"] for record in store.rated("up")] == ["a1"]
    store.remember(Question(question="?"), answer("a2"))
    assert [missed.question for missed in store.missed(1)] == ["a2"]


def test_a_memory_of_an_earlier_version_is_read_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s")) as db:
        db.executescript(OLD_MEMORY)

    async def story() -> None:
        bot = Memory(tmp_path / "s", owner="new")
        await bot.open()
        assert not await bot.claim(ask("done"))
        assert await bot.claim(ask("new"))
        await bot.close()

    asyncio.run(story())


def test_another_who_makes_the_file_at_the_same_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    with closing(sqlite3.connect(path, check_same_thread=False, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        commit = threading.Timer(0.2, other.execute, ["COMMIT"])
        commit.start()
        store = FeedbackStore(path, keep_hours=24)
        store.remember(Question(question="?"), answer("a1"))
        store.flush()
        commit.join()


def test_a_file_that_stays_locked_is_an_error_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database = Database(path, TABLES, timeout_s=0.1)
        with pytest.raises(StoreUnavailable, match="locked"), database.transaction():
            pass


def test_a_file_that_goes_away_is_made_again(tmp_path: Path) -> None:
    store = FeedbackStore(tmp_path / "f.sqlite", keep_hours=24)
    for _ in range(2):
        store.remember(Question(question="?"), answer("a1"))
        store.rate(rating("a1"))
        for file in tmp_path.iterdir():
            file.unlink()


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    (tmp_path / "f.sqlite").mkdir()
    store = FeedbackStore(tmp_path / "f.sqlite", keep_hours=24)
    store.remember(Question(question="?"), answer("a1"))
    with pytest.raises(FeedbackUnavailable):
        store.flush()
    (tmp_path / "f.sqlite").rmdir()
    store.rate(rating("a1"))


# -- PostgreSQL ---------------------------------------------------------------------------------


def test_stores_can_share_a_database(postgres: PostgresUrl) -> None:
    """Feedback and the bot's memory both have a table ``answers``."""

    async def story() -> None:
        with (
            closing(FeedbackStore(postgres, keep_hours=24)) as store,
            closing(SharedRateLimiter("api", 10, postgres)) as limiter,
        ):
            bot = Memory(postgres, owner="one")
            await bot.open()
            await bot.keep("m1", Question(question="?"), answer("a1"))
            store.remember(Question(question="?"), answer("a1"))
            store.rate(rating("a1"))
            await limiter.admit("reader")
            assert await bot.kept("a1")
            await bot.close()

    asyncio.run(story())


def test_a_restarted_server_is_found_again(
    postgres_server: PostgresServer, postgres: PostgresUrl, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        store = FeedbackStore(postgres, keep_hours=24)
        bot = Memory(postgres, owner="one")
        limiter = SharedRateLimiter("api", 2, postgres)
        with closing(store), closing(limiter):
            await bot.open()
            assert await bot.claim(ask("before"))
            await limiter.admit("reader")
            store.remember(Question(question="?"), answer("before"))
            store.flush()
            postgres_server.stop()
            try:
                store.remember(Question(question="?"), answer("meanwhile"))
                with pytest.raises(FeedbackUnavailable) as told:
                    store.flush()
                assert "p@ss" not in str(told.value)
                assert "p%40ss" not in str(told.value)
                with pytest.raises(StoreUnavailable):
                    await bot.claim(ask("meanwhile"))
                for _ in range(2):
                    await limiter.admit("reader")
                with pytest.raises(TooManyRequests):  # each process counts for itself
                    await limiter.admit("reader")
                assert caplog.text.count("counted by each process") == 1
            finally:
                postgres_server.start()
            store.flush()
            for answer_id in ("before", "meanwhile"):
                store.rate(rating(answer_id))
            assert await bot.renew() == {"before"}
            assert await bot.claim(ask("meanwhile"))
            await bot.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(story(), 60))


def test_a_server_that_hangs_is_not_waited_for(
    postgres_server: PostgresServer, postgres: PostgresUrl
) -> None:
    with closing(Database(postgres, TABLES, timeout_s=0.5)) as database:
        with database.transaction() as db:
            backend = db.execute(text("SELECT pg_backend_pid()")).scalar_one()
        os.kill(backend, signal.SIGSTOP)
        os.kill(postgres_server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable), database.transaction() as db:
                db.execute(text("SELECT 1"))
        finally:
            os.kill(postgres_server.pid, signal.SIGCONT)
            os.kill(backend, signal.SIGCONT)
        with database.transaction() as db:
            assert db.execute(text("SELECT 1")).scalar_one() == 1


def test_a_wrong_password_is_told_without_it(postgres_server: PostgresServer) -> None:
    url = PostgresUrl.parse(postgres_server.url.replace("p%40ss", "wrong"))
    with (
        closing(Database(url, TABLES)) as database,
        pytest.raises(StoreUnavailable, match="authentication failed") as told,
        database.transaction(),
    ):
        pass
    assert "wrong" not in str(told.value)


def test_tls_is_demanded_if_the_address_says_so(postgres_server: PostgresServer) -> None:
    with (
        closing(
            Database(PostgresUrl.parse(postgres_server.url + "?sslmode=require"), TABLES)
        ) as database,
        pytest.raises(StoreUnavailable, match="SSL"),
        database.transaction(),
    ):
        pass


# -- the setting --------------------------------------------------------------------------------


@pytest.fixture
def _no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_no_files")
def test_a_setting_is_a_path_or_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GISA_FEEDBACK", "var/f.sqlite")
    monkeypatch.setenv(
        "GISA_SLACK_STATE", "postgresql://me:s%40cret@db.example:6432/news?sslmode=require"
    )
    settings = load_settings()
    assert settings.feedback == Path("var/f.sqlite")
    url = settings.slack_state
    assert isinstance(url, PostgresUrl)
    assert (url.user, url.password, url.host, url.port, url.database, url.tls) == (
        "me", "s@cret", "db.example", 6432, "news", "require"
    )  # fmt: skip
    shown = f"{settings!r} {describe_settings(settings)}"
    assert "s%40cret" not in shown
    assert "s@cret" not in shown
    assert "postgresql://********@db.example:6432/news" in shown
    assert settings.rate_limit_store is None


@pytest.mark.usefixtures("_no_files")
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://u:s3cret@h/d", "neither a file nor"),
        ("postgresql://u:s3cret@h/d?password=s3cret", "not password"),
        ("postgresql://u:s3cret@h/d?sslmode=sometimes", "sslmode is one of"),
        ("postgresql://u:s3cret@h", "user, host and database"),
        ("postgresql://h/d", "user, host and database"),
        ("postgresql://u:s3/cret@h/d", "user, host and database"),
        ("postgresql://u:s3cret@h:port/d", "in a password"),
        ("postgresql://u:s3cret@[::1/d", "Invalid IPv6"),
    ],
)
def test_what_is_no_address_is_told_without_the_password(
    monkeypatch: pytest.MonkeyPatch, address: str, message: str
) -> None:
    monkeypatch.setenv("GISA_FEEDBACK", address)
    with pytest.raises(SettingsInvalid, match=message) as told:
        load_settings()
    assert "cret" not in str(told.value)
    assert "s3" not in str(told.value)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pg8000", None)
    with pytest.raises(SettingsInvalid, match="pg8000") as told:
        FeedbackStore(PostgresUrl.parse("postgresql://u@h/d"), keep_hours=1)
    assert "gisa[postgres]" in told.value.remedy
