"""Whether moments marked ``Z`` look like Korean times that an export gave the mark of UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time

MIN_ARTICLES = 3
"""So many articles at midnight are no chance."""


@dataclass
class _Seen:
    articles: int = 0
    at_midnight: int = 0
    in_future: int = 0


@dataclass
class UtcMarks:
    """The moments of a run that were marked ``Z``, by outlet or file. ``now`` is when they were collected."""

    now: datetime
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def note(self, source: str, moment: datetime) -> None:
        """Count the moment of one article."""
        seen = self._seen.setdefault(source, _Seen())
        seen.articles += 1
        seen.at_midnight += moment.astimezone(UTC).time() == time()
        seen.in_future += moment > self.now

    def warnings(self) -> list[str]:
        """One line for each source whose moments can hardly be in UTC."""
        return [
            f"{source or 'articles without an outlet'}: {why}; its times marked Z may be Korean time. "
            'If so, give the source timezone = "Asia/Seoul" in GISA_SOURCES and add it again.'
            for source, seen in self._seen.items()
            if (why := _suspicion(seen))
        ]


def _suspicion(seen: _Seen) -> str | None:
    if seen.in_future:
        return f"{seen.in_future:,} of {seen.articles:,} articles would be published in the future"
    if seen.articles >= MIN_ARTICLES and seen.at_midnight == seen.articles:
        return f"all {seen.articles:,} articles are dated 00:00Z"
    return None
