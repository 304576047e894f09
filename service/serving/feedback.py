"""Readers' ratings of answers, kept in a database, and exported as evaluation data.

Answers are kept with their questions for some hours so that they can be rated; rated ones are kept for good.
Questions without an answer are kept for some days if the operator wants it, for the desk (``service.serving.desk``):
their text, the day and how often they were put, nothing of who put them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import (
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    delete,
    func,
    select,
    tuple_,
    update,
)

from index import SEOUL
from service.errors import AnswerUnknown, FeedbackUnavailable, StoreUnavailable
from service.schema import Answer, Citation, Question, Status
from service.serving.database import TEXT, Database
from service.storage import Place

MAX_UNANSWERED = 10_000
"""Most questions without an answer that are kept; the oldest go first."""

MAX_DESK_ROWS = 1_000
"""Most questions that the desk is told of each kind, the latest."""

MAX_WAITING = 1_000
"""Most answers that wait in memory to be written; any beyond that can't be rated."""

MAX_DESK_BYTES = 2_400
"""Length to which the desk's questions are cut, in bytes of UTF-8: PostgreSQL's keys take 2,700 at most."""

_TABLES = MetaData(schema="gisa_feedback")

_answers = Table(
    "answers",
    _TABLES,
    Column("id", TEXT, primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("question", TEXT, nullable=False),
    Column("answer", TEXT, nullable=False),
    Column("rating", TEXT),
    Column("comment", TEXT),
    sqlite_with_rowid=False,
)
_is_unrated = _answers.c.rating.is_(None)
Index("unrated", _answers.c.asked_at, sqlite_where=_is_unrated, postgresql_where=_is_unrated)

_unanswered = Table(
    "unanswered",
    _TABLES,
    Column("day", TEXT, primary_key=True),
    Column("question", TEXT, primary_key=True),
    Column("status", TEXT, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("citations", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

Rating = Literal["up", "down"]


def _without_nul(text: str) -> str:
    return text.replace("\0", "")  # PostgreSQL's text can't hold it


StoredText = Annotated[str, AfterValidator(_without_nul)]

logger = logging.getLogger(__name__)


class Feedback(BaseModel):
    """A reader's rating of an answer. A second one replaces the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer_id: Annotated[StoredText, Field(min_length=1, max_length=64)]
    rating: Rating
    comment: Annotated[StoredText, Field(max_length=2_000)] | None = None


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

    ``remember`` keeps an answer in memory; ``flush`` writes all of them to the database in one transaction.
    """

    def __init__(self, place: Place, *, keep_hours: int, desk_days: int = 0) -> None:
        """``desk_days``: for how many days questions without an answer are kept; 0: they are not.

        Raises SettingsInvalid without the driver for ``place``.
        """
        self._database = Database(place, _TABLES, timeout_s=10)
        self._keep_s, self.desk_days = keep_hours * 3_600, desk_days
        self._waiting: list[tuple[float, Question, Answer]] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections. What was not flushed is lost."""
        self._database.close()

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
        """Write the answers remembered so far, delete old ones.

        Raises FeedbackUnavailable; then they wait for the next time.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            with self._transaction() as db:
                self._write_answers(db, waiting)
                self._write_unanswered(db, [(at, a) for at, _, a in waiting])
        except FeedbackUnavailable:
            with self._lock:
                self._waiting = (waiting + self._waiting)[:MAX_WAITING]
            raise

    def _write_answers(
        self, db: Connection, waiting: Sequence[tuple[float, Question, Answer]]
    ) -> None:
        rows = [
            {
                "id": a.id,
                "asked_at": at,
                "question": q.model_dump_json(),
                "answer": a.model_dump_json(by_alias=True),
            }
            for at, q, a in waiting
            if self.enabled
        ]
        if rows:
            db.execute(self._database.insert(_answers).on_conflict_do_nothing(), rows)
        too_old = _answers.c.asked_at < time.time() - self._keep_s
        db.execute(delete(_answers).where(_is_unrated, too_old))

    def _write_unanswered(self, db: Connection, answers: Sequence[tuple[float, Answer]]) -> None:
        """Count questions without an answer by day; drop those that are too old or too many."""
        rows: list[dict[str, Any]] = [
            {"day": _day(at), "question": _cut(a.interpreted.standalone_question)}
            | {"status": a.status, "times": 1, "citations": _cited(a)}
            for at, a in answers
            if self.desk_days and a.status != "answered"
        ]
        add = self._database.insert(_unanswered)
        key = (_unanswered.c.day, _unanswered.c.question, _unanswered.c.status)
        counted = add.on_conflict_do_update(
            index_elements=key,
            set_={"times": _unanswered.c.times + 1, "citations": add.excluded.citations},
        )
        if rows:  # in order, so that two services don't wait for each other's rows
            db.execute(counted, sorted(rows, key=lambda row: [str(row[c.name]) for c in key]))
        oldest = _day(time.time() - self.desk_days * 86_400)
        db.execute(delete(_unanswered).where(_unanswered.c.day <= oldest))
        latest = (_unanswered.c.day.desc(), _unanswered.c.question)
        too_many = select(*key).order_by(*latest).offset(MAX_UNANSWERED)
        db.execute(delete(_unanswered).where(tuple_(*key).in_(too_many)))

    def missed(self, days: int) -> list[Missed]:
        """What readers rated down and what was not answered in the last ``days``, today included; the latest first.

        Raises FeedbackUnavailable.
        """
        self.flush()
        if not self._database.exists:
            return []
        midnight = datetime.now(SEOUL).replace(hour=0, minute=0, second=0, microsecond=0)
        since = midnight - timedelta(days - 1)
        with self._transaction() as db:
            rated = db.execute(_rated_down_since(since.timestamp())).all()
            unanswered = db.execute(_unanswered_since(since.date().isoformat())).all()
        return [*(_rated_down(*row) for row in rated), *(_missing(*row) for row in unanswered)]

    def rate(self, feedback: Feedback) -> None:
        """Store a rating. Raises AnswerUnknown, FeedbackUnavailable."""
        self.flush()
        if not (self.enabled or self._database.exists):
            raise AnswerUnknown(feedback.answer_id)
        rated = update(_answers).where(_answers.c.id == feedback.answer_id)
        with self._transaction() as db:
            changed = db.execute(
                rated.values(rating=feedback.rating, comment=feedback.comment)
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
        if not self._database.exists:
            raise FeedbackUnavailable(f"there is no feedback in {self._database.place}")
        c = _answers.c
        with self._transaction() as db:
            rows = db.execute(
                select(c.asked_at, c.question, c.answer, c.comment)
                .where(c.rating == rating)
                .order_by(c.asked_at, c.id)
            ).all()
        for asked_at, question, answer, comment in rows:
            yield _record(
                asked_at,
                Question.model_validate_json(question),
                Answer.model_validate_json(answer),
                comment,
                approved=rating == "up",
            )

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except StoreUnavailable as error:
            raise FeedbackUnavailable(str(error)) from error


def _rated_down_since(seconds: float) -> Select[float, str, str | None]:
    c = _answers.c
    return (
        select(c.asked_at, c.answer, c.comment)
        .where(c.rating == "down", c.asked_at >= seconds)
        .order_by(c.asked_at.desc(), c.id)
        .limit(MAX_DESK_ROWS)
    )


def _unanswered_since(day: str) -> Select[str, Status, int, str, str]:
    """Each question with its days added up, and the citations of the last one."""
    c = _unanswered.c
    same = (c.question, c.status)
    days = (
        select(
            *same,
            func.sum(c.times).over(partition_by=same).label("times"),
            c.day,
            c.citations,
            func.row_number().over(partition_by=same, order_by=c.day.desc()).label("nth"),
        )
        .where(c.day >= day)
        .subquery()
        .c
    )
    return (
        select(days.question, days.status, days.times, days.day, days.citations)
        .where(days.nth == 1)
        .order_by(days.day.desc(), days.question)
        .limit(MAX_DESK_ROWS)
    )


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


def _cut(question: str) -> str:
    return question.encode()[:MAX_DESK_BYTES].decode(errors="ignore")


def _rated_down(asked_at: float, text: str, comment: str | None) -> Missed:
    answer = Answer.model_validate_json(text)
    day = date.fromisoformat(_day(asked_at))
    question = answer.interpreted.standalone_question
    return Missed(question, answer.status, True, 1, day, answer.citations, comment)


def _missing(question: str, status: Status, times: int, day: str, citations: str) -> Missed:
    cited = _CITATIONS.validate_json(citations)
    return Missed(question, status, False, times, date.fromisoformat(day), cited)
