"""Limits on load: requests per caller and minute, questions at a time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.errors import Overloaded, TooManyRequests

WINDOW_S = 60.0
MAX_CALLERS = 10_000
"""Callers that are tracked; those that asked longest ago are forgotten first."""


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
