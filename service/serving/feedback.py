"""Readers' ratings of answers, kept in SQLite, and exported as evaluation data.

Answers are kept with their questions for some hours so that they can be rated; rated ones are kept for good.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from index import SEOUL
from service.errors import AnswerUnknown, FeedbackUnavailable
from service.schema import Answer, Question

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
"""

Rating = Literal["up", "down"]

logger = logging.getLogger(__name__)


class Feedback(BaseModel):
    """A reader's rating of an answer. A second one replaces the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer_id: Annotated[str, Field(min_length=1, max_length=64)]
    rating: Rating
    comment: Annotated[str, Field(max_length=2_000)] | None = None


class FeedbackStore:
    """Answers that can be rated, and their ratings. Safe to use from several threads and processes.

    ``remember`` keeps an answer in memory; ``flush`` writes all of them to the file in one transaction.
    """

    def __init__(self, path: Path, *, keep_hours: int) -> None:
        self._path, self._keep_s = path, keep_hours * 3_600
        self._waiting: list[tuple[float, Question, Answer]] = []
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether answers are kept at all (``keep_hours`` is not 0)."""
        return self._keep_s > 0

    def remember(self, question: Question, answer: Answer) -> None:
        """Keep an answer for ``keep_hours``, from the next ``flush`` on."""
        if self.enabled and len(self._waiting) < MAX_WAITING:
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
        ]
        with self._database() as db:
            db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, NULL, NULL)", rows)
            db.execute(
                "DELETE FROM answers WHERE rating IS NULL AND asked_at < ?",
                (time.time() - self._keep_s,),
            )

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
