"""Limits on load: requests per caller and minute, in one process or in all of them; questions at a time."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anyio import CapacityLimiter, to_thread
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    MetaData,
    Table,
    case,
    delete,
    select,
)

from service.errors import Overloaded, StoreUnavailable, TooManyRequests
from service.serving.database import CONNECTIONS, TEXT, Database
from service.storage import Place

WINDOW_S = 60.0
STORE_TIMEOUT_S = 1.0
"""Time that a request waits for the shared count, in seconds."""

STORE_AWAY_S = 5.0
"""Time for which a store that could not be reached is not asked again, in seconds."""

MIN_WAIT_S = 0.001
MAX_CALLERS = 10_000
"""Callers that are tracked; those that asked longest ago are forgotten first."""

_TABLES = MetaData(schema="gisa_limits")
_callers = Table(
    "callers",
    _TABLES,
    Column("caller", TEXT, primary_key=True),
    Column("paid_until", Double, nullable=False),
    sqlite_with_rowid=False,
)

logger = logging.getLogger(__name__)


class RateLimiter:
    """At most ``per_minute`` requests from each caller, which may come all at once; 0: no limit.

    The generic cell rate algorithm: one number per caller, the moment by which its requests so far
    would have come at an even rate.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = WINDOW_S / per_minute if per_minute else 0.0
        self._clock = clock
        self._paid_until: OrderedDict[str, float] = OrderedDict()

    def admit(self, caller: str) -> None:
        """Count a request. Raises TooManyRequests, which says when the next one is allowed."""
        if not self._interval_s:
            return
        now = self._clock()
        paid_until = max(self._paid_until.get(caller, now), now) + self._interval_s
        wait_s = paid_until - now - WINDOW_S
        if wait_s > 1e-9:
            raise TooManyRequests(f"{caller} asks too often", retry_after_s=wait_s)
        self._paid_until[caller] = paid_until
        self._paid_until.move_to_end(caller)
        if len(self._paid_until) > MAX_CALLERS:
            self._paid_until.popitem(last=False)


class SharedRateLimiter:
    """A ``RateLimiter`` whose counts all processes share, if there is a place for them.

    The same algorithm, as one statement: whichever process a request comes to, the database decides one after the
    other. While it can't be reached each process counts for itself, so that nobody is shut out and the limit
    still holds in each; the log says so once. Callers are forgotten when they have been silent for a minute.
    """

    def __init__(self, kind: str, per_minute: int, place: Place | None) -> None:
        """``kind`` tells limiters apart that share a place. Raises SettingsInvalid without its driver."""
        self._kind, self._own = kind, RateLimiter(per_minute)
        self._interval_s = WINDOW_S / per_minute if per_minute else 0.0
        shared = place if per_minute else None
        self._database = (
            Database(shared, _TABLES, stays_open=True, timeout_s=STORE_TIMEOUT_S)
            if shared
            else None
        )
        self._threads = CapacityLimiter(CONNECTIONS)  # searches have theirs
        self._is_away, self._away_until, self._tidy_at = False, 0.0, 0.0

    async def admit(self, caller: str) -> None:
        """Count a request. Raises TooManyRequests, which says when the next one is allowed."""
        if self._database is None or time.monotonic() < self._away_until:
            self._own.admit(caller)
            return
        try:
            wait_s = await to_thread.run_sync(
                self._count, self._database, f"{self._kind} {caller}", limiter=self._threads
            )
        except StoreUnavailable as error:
            self._away_until = time.monotonic() + STORE_AWAY_S
            if not self._is_away:
                logger.warning("requests are counted by each process for itself: %s", error)
            self._is_away = True
            self._own.admit(caller)
            return
        self._is_away = False
        if wait_s > 0:
            raise TooManyRequests(f"{caller} asks too often", retry_after_s=wait_s)

    def close(self) -> None:
        """Close the connections."""
        if self._database:
            self._database.close()

    def _count(self, database: Database, caller: str) -> float:
        """Count a request if it is allowed: 0; otherwise the seconds until the next one is."""
        now, c, step = database.now(), _callers.c, self._interval_s
        paid_until = case((c.paid_until > now, c.paid_until), else_=now) + step
        count = database.insert(_callers).values(caller=caller, paid_until=now + step)
        count = count.on_conflict_do_update(
            index_elements=["caller"],
            set_={"paid_until": paid_until},
            where=paid_until - now <= WINDOW_S,
        )
        wait = select(c.paid_until + step - WINDOW_S - now).where(c.caller == caller)
        with database.transaction() as db:
            self._tidy(db, now)
            if db.execute(count.returning(c.caller)).all():
                return 0.0
            return max(float(db.execute(wait).scalar_one()), MIN_WAIT_S)

    def _tidy(self, db: Connection, now: ColumnElement[float]) -> None:
        """Forget, once a minute, who has been silent for one."""
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + WINDOW_S
            silent = select(_callers.c.caller).where(_callers.c.paid_until < now)
            unused = silent.with_for_update(skip_locked=True)
            db.execute(delete(_callers).where(_callers.c.caller.in_(unused)))


class Capacity:
    """Room for a number of questions at a time.

    A question that does not fit is refused at once, not queued: readers who wait too long ask again,
    and the queue grows.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.used = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold room for one question. Raises Overloaded."""
        if self.used >= self._most:
            raise Overloaded(f"{self.used} questions are being answered")
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1
