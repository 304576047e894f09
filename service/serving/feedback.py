"""Readers' ratings of answers, kept in SQLite, and exported as evaluation data.

Answers are kept with their questions for some hours so that they can be rated; rated ones are kept for good.
Questions without an answer are kept for some days if the operator wants it, for the desk (``service.serving.desk``):
their text, the day and how often they were put, nothing of who put them.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from index import SEOUL
from service.errors import AnswerUnknown, FeedbackUnavailable
from service.schema import Answer, Citation, Question, Status

MAX_UNANSWERED = 10_000
"""Most questions without an answer that are kept; the oldest go first."""

MAX_DESK_ROWS = 1_000
"""Most questions that the desk is told of each kind, the latest."""

MAX_WAITING = 1_000
"""Most answers that wait in memory to be written; any beyond that can't be rated."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    id TEXT PRIMARY KEY,
    asked_at REAL NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    rating TEXT,
    comment TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unrated ON answers (asked_at) WHERE rating IS NULL;
CREATE TABLE IF NOT EXISTS unanswered (
    day TEXT NOT NULL,
    question TEXT NOT NULL,
    status TEXT NOT NULL,
    times INTEGER NOT NULL,
    citations TEXT NOT NULL,
    PRIMARY KEY (day, question, status)
) WITHOUT ROWID;
"""

Rating = Literal["up", "down"]

logger = logging.getLogger(__name__)


class Feedback(BaseModel):
    """A reader's rating of an answer. A second one replaces the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer_id: Annotated[str, Field(min_length=1, max_length=64)]
    rating: Rating
    comment: Annotated[str, Field(max_length=2_000)] | None = None


@dataclass(frozen=True)
class Missed:
    """A question that was not answered, or whose answer readers disapproved of (``status`` ``answered`` or not).

    ``citations`` are those of the answer: its sources, or near articles in its place. ``day`` is the last one.
    """

    question: str
    status: Status
    is_rated_down: bool
    times: int
    day: date
    citations: tuple[Citation, ...] = ()
    comment: str | None = None


class FeedbackStore:
    """Answers that can be rated, and their ratings. Safe to use from several threads and processes.

    ``remember`` keeps an answer in memory; ``flush`` writes all of them to the file in one transaction.
    """

    def __init__(self, path: Path, *, keep_hours: int, desk_days: int = 0) -> None:
        """``desk_days``: for how many days questions without an answer are kept; 0: they are not."""
        self._path, self._keep_s, self.desk_days = path, keep_hours * 3_600, desk_days
        self._waiting: list[tuple[float, Question, Answer]] = []
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether answers are kept at all (``keep_hours`` is not 0)."""
        return self._keep_s > 0

    def remember(self, question: Question, answer: Answer) -> None:
        """Keep an answer for ``keep_hours``, from the next ``flush`` on; without sentences, for the desk too."""
        is_missed = self.desk_days > 0 and answer.status != "answered"
        if (self.enabled or is_missed) and len(self._waiting) < MAX_WAITING:
            self._waiting.append((time.time(), question, answer))

    def flush(self) -> None:
        """Write the answers remembered so far, delete old ones. Raises FeedbackUnavailable."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        rows = [
            (a.id, at, q.model_dump_json(), a.model_dump_json(by_alias=True))
            for at, q, a in waiting
            if self.enabled
        ]
        with self._database() as db:
            db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, NULL, NULL)", rows)
            db.execute(
                "DELETE FROM answers WHERE rating IS NULL AND asked_at < ?",
                (time.time() - self._keep_s,),
            )
            self._write_unanswered(db, [(at, a) for at, _, a in waiting])

    def _write_unanswered(
        self, db: sqlite3.Connection, answers: Sequence[tuple[float, Answer]]
    ) -> None:
        """Count questions without an answer by day; drop those that are too old or too many."""
        rows = [
            (_day(at), a.interpreted.standalone_question, a.status, _cited(a))
            for at, a in answers
            if self.desk_days and a.status != "answered"
        ]
        db.executemany(
            "INSERT INTO unanswered (day, question, status, citations, times) VALUES (?, ?, ?, ?, 1)"
            " ON CONFLICT DO UPDATE SET times = times + 1, citations = excluded.citations",
            rows,
        )
        oldest = _day(time.time() - self.desk_days * 86_400)
        db.execute("DELETE FROM unanswered WHERE day <= ?", (oldest,))
        db.execute(
            "DELETE FROM unanswered WHERE (day, question, status) IN (SELECT day, question, status"
            " FROM unanswered ORDER BY day DESC, question LIMIT -1 OFFSET ?)",
            (MAX_UNANSWERED,),
        )

    def missed(self, days: int) -> list[Missed]:
        """What readers rated down and what was not answered in the last ``days``, today included; the latest first.

        Raises FeedbackUnavailable.
        """
        self.flush()
        if not self._path.exists():
            return []
        midnight = datetime.now(SEOUL).replace(hour=0, minute=0, second=0, microsecond=0)
        since = midnight - timedelta(days - 1)
        with self._database() as db:
            rated = db.execute(
                "SELECT asked_at, answer, comment FROM answers WHERE rating = 'down' AND asked_at >= ?"
                " ORDER BY asked_at DESC, id LIMIT ?",
                (since.timestamp(), MAX_DESK_ROWS),
            ).fetchall()
            unanswered = db.execute(
                "SELECT question, status, sum(times), max(day), citations FROM unanswered"
                " WHERE day >= ? GROUP BY question, status ORDER BY max(day) DESC, question LIMIT ?",
                (since.date().isoformat(), MAX_DESK_ROWS),
            ).fetchall()
        return [*map(_rated_down, rated), *map(_unanswered, unanswered)]

    def rate(self, feedback: Feedback) -> None:
        """Store a rating. Raises AnswerUnknown, FeedbackUnavailable."""
        self.flush()
        if not (self.enabled or self._path.exists()):
            raise AnswerUnknown(feedback.answer_id)
        with self._database() as db:
            changed = db.execute(
                "UPDATE answers SET rating = ?, comment = ? WHERE id = ?",
                (feedback.rating, feedback.comment, feedback.answer_id),
            ).rowcount
        if not changed:
            raise AnswerUnknown(feedback.answer_id)

    def rated(self, rating: Rating) -> Iterator[dict[str, Any]]:
        """The answers with this rating, oldest first, as records of an evaluation file.

        An approved answer becomes a question with a known answer: its quotes, and the articles that it
        cites. An approved abstention becomes a question without an answer. Of a disapproved one, and of
        one with leads, only the question is known, and somebody has to fill in ``answers``, null until
        then. Raises FeedbackUnavailable.
        """
        if not self._path.exists():
            raise FeedbackUnavailable(f"there is no feedback in {self._path}")
        with self._database() as db:
            rows = db.execute(
                "SELECT asked_at, question, answer, comment FROM answers WHERE rating = ? "
                "ORDER BY asked_at, id",
                (rating,),
            ).fetchall()
        for asked_at, question, answer, comment in rows:
            yield _record(
                asked_at,
                Question.model_validate_json(question),
                Answer.model_validate_json(answer),
                comment,
                approved=rating == "up",
            )

    def _database(self) -> _Database:
        return _Database(self._path)


class _Database:
    """A connection for one transaction. Any sqlite3.Error becomes FeedbackUnavailable."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=10)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise FeedbackUnavailable(f"can't open {self._path}: {error}") from error
        return self._db

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with closing(self._db):
            if isinstance(error, sqlite3.Error):
                raise FeedbackUnavailable(f"{self._path}: {error}") from error
            self._db.commit()


def _record(
    asked_at: float, question: Question, answer: Answer, comment: str | None, *, approved: bool
) -> dict[str, Any]:
    clock = question.now or datetime.fromtimestamp(asked_at, SEOUL)
    # Who likes leads doesn't say which of them answers, let alone with which words.
    is_known = approved and answer.status != "related"
    record: dict[str, Any] = {
        "id": answer.id,
        "question": answer.interpreted.standalone_question,
        "answers": [citation.quote for citation in answer.citations] if is_known else None,
        "article_ids": [citation.reference for citation in answer.citations] if is_known else [],
        "type": "feedback_up" if approved else "feedback_down",
        "now": clock.isoformat(timespec="seconds"),
        "given": answer.text,
    }
    if question.filters.to_filters():
        record["filters"] = question.filters.model_dump(mode="json", exclude_defaults=True)
    if comment:
        record["comment"] = comment
    return record


_CITATIONS = TypeAdapter(tuple[Citation, ...])


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, SEOUL).date().isoformat()


def _cited(answer: Answer) -> str:
    return _CITATIONS.dump_json(answer.citations).decode()


def _rated_down(row: tuple[float, str, str | None]) -> Missed:
    asked_at, text, comment = row
    answer = Answer.model_validate_json(text)
    day = date.fromisoformat(_day(asked_at))
    question = answer.interpreted.standalone_question
    return Missed(question, answer.status, True, 1, day, answer.citations, comment)


def _unanswered(row: tuple[str, Status, int, str, str]) -> Missed:
    question, status, times, day, citations = row
    cited = _CITATIONS.validate_json(citations)
    return Missed(question, status, False, times, date.fromisoformat(day), cited)
