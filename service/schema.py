"""Questions and answers as they enter and leave the service (see the HTTP API)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from index import KEY_SEPARATOR, SEOUL, Filters, reference_of

Day = date
"""A day of the calendar, for a field that is itself named ``date``."""

MAX_QUESTION_CHARS = 1_000
MAX_TURNS = 50
MAX_TURN_CHARS = 20_000

Status = Literal["answered", "related", "no_evidence", "out_of_coverage", "no_match"]
Support = Literal["quoted", "supported", "reworded"]
"""How a sentence agrees with its evidence: in the article's own words; in nearly its words, or as a judge says;
in its facts, with the wording not judged."""
Mode = Literal["answer", "timeline"]
"""An answer to the question, or the course of events of what it is about."""
DateIs = Literal["stated", "published"]
"""Whether an article says when an event was, or only when the article appeared is known."""
Role = Literal["preference", "demand"]
"""Whether what a question names merely raises the articles that fit, or leaves the others out."""
Failure = Literal[
    "llm_unavailable", "llm_timeout", "llm_truncated", "llm_refused", "llm_failed"
]  # the codes of service.errors.LLMError and its kinds

ABSTENTIONS: dict[Status, str] = {
    "related": "꼭 맞는 답은 찾지 못했습니다. 가까운 기사입니다.",
    "no_evidence": "기사에서 찾지 못했습니다.",
    "out_of_coverage": "물으신 기간의 기사가 없어 기사에서 찾지 못했습니다.",
    "no_match": "조건에 맞는 기사가 없어 기사에서 찾지 못했습니다.",
}
"""What a reader sees when there is no answer, by status."""


_UNREADABLE = frozenset({"Cc", "Cs"})  # controls, and halves of surrogate pairs


def _readable_text(text: str) -> str:
    """NFC text without control characters other than line breaks and tabs."""
    if any(unicodedata.category(char) in _UNREADABLE and char not in "\n\r\t" for char in text):
        raise ValueError("질문에 쓸 수 없는 제어 문자가 들어 있습니다.")
    text = unicodedata.normalize("NFC", text)
    return text.strip()


def _question_text(text: str) -> str:
    text = _readable_text(text)
    if not text:
        raise ValueError("질문이 비어 있습니다. 궁금한 것을 한 문장으로 적어 주세요.")
    if len(text) > MAX_QUESTION_CHARS:
        raise ValueError(
            f"질문이 너무 깁니다({len(text):,}자). {MAX_QUESTION_CHARS:,}자 이내로 줄여 주세요."
        )
    return text


QuestionText = Annotated[str, AfterValidator(_question_text)]
Names = Annotated[tuple[str, ...], Field(max_length=50)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuestionFilters(_Strict):
    """Conditions on the articles; days are calendar days in Seoul, inclusive."""

    published_from: date | None = None
    published_to: date | None = None
    press: Names = ()
    section: Names = ()
    reporters: Names = ()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.published_from and self.published_to and self.published_from > self.published_to:
            raise ValueError("published_from이 published_to보다 늦습니다.")
        return self

    @classmethod
    def chosen(
        cls,
        published_from: date | None,
        published_to: date | None,
        press: list[str] | None,
        section: list[str] | None,
    ) -> Self:
        """Make filters from optional values, as a command line has them. Raises ValidationError."""
        return cls(
            published_from=published_from,
            published_to=published_to,
            press=tuple(press or ()),
            section=tuple(section or ()),
        )

    def to_filters(self) -> Filters:
        """The same conditions as the index takes them."""
        return Filters(**dict(self))


class Turn(_Strict):
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=MAX_TURN_CHARS)]


class Question(_Strict):
    """A question with everything that decides its answer.

    ``now`` is the moment to which time expressions refer (default: the present, in Seoul); without a
    zone it is Korean time.
    """

    question: QuestionText
    filters: QuestionFilters = QuestionFilters()
    top_k: Annotated[int, Field(ge=1, le=50)] | None = None
    conversation: Annotated[tuple[Turn, ...], Field(max_length=MAX_TURNS)] = ()
    mode: Annotated[
        Mode | None,
        Field(
            description="'timeline': the course of events of what the question is about; 'answer': an answer. "
            "Left out, the question's own words decide."
        ),
    ] = None
    backend: str | None = None
    now: datetime | None = None

    @field_validator("now")
    @classmethod
    def _with_zone(cls, now: datetime | None) -> datetime | None:
        return now.replace(tzinfo=SEOUL) if now and now.tzinfo is None else now


class Quote(BaseModel):
    """Words of an article: ``article.body[start:end] == text``."""

    model_config = ConfigDict(frozen=True)

    text: str
    start: int
    end: int


class Span(BaseModel):
    """Offsets within a text, in code points: ``text[start:end]``."""

    model_config = ConfigDict(frozen=True)

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class Citation(BaseModel):
    """A place in an article: ``article.body[start:end] == quote``.

    ``quotes`` are the cited sentences in reading order, adjacent ones joined; ``quote`` spans from the
    first to the last. ``answer_spans`` are the shortest words that answer, as offsets within ``quote``,
    in order and apart; none where that can't be told.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    article_id: str
    title: str
    press: str | None
    reporters: tuple[str, ...] = ()
    published_at: datetime | None
    url: str | None
    quote: str
    start: int
    end: int
    quotes: tuple[Quote, ...] = ()
    answer_spans: Annotated[
        tuple[Span, ...],
        Field(
            description="The shortest words that answer, in order: offsets within `quote`, in code points."
        ),
    ] = ()
    also_reported_by: tuple[str, ...] = ()
    excerpt: Annotated[
        bool,
        Field(description="The archive has only the beginning or a summary of the article."),
    ] = False
    page: Annotated[
        int | None,
        Field(description="The page of a printed document on which the quote begins, from 1."),
    ] = None
    source: Annotated[
        str,
        Field(description="In which `article_id` means one article; `SOURCE/ID` names it safely."),
    ] = ""

    @property
    def key(self) -> str:
        """That of the article, within an index that holds several sources."""
        return f"{self.source}{KEY_SEPARATOR}{self.article_id}" if self.source else self.article_id

    @property
    def reference(self) -> str:
        """How to name the article so that no other is meant: ``SOURCE/ID``."""
        return reference_of(self.key)

    @model_validator(mode="before")
    @classmethod
    def _at_least_the_quote(cls, given: Any) -> Any:
        """Of an answer kept from before there were several."""
        if isinstance(given, dict) and not given.get("quotes"):
            words = {
                "text": given.get("quote"),
                "start": given.get("start"),
                "end": given.get("end"),
            }
            return given | {"quotes": (words,)}
        return given

    def marked_quotes(self) -> tuple[tuple[tuple[str, bool], ...], ...]:
        """Each of ``quotes`` cut at the borders of ``answer_spans``: its words, and whether they answer."""
        spans = [(self.start + span.start, self.start + span.end) for span in self.answer_spans]
        return tuple(tuple(_cut(quoted, spans)) for quoted in self.quotes)


def _cut(quoted: Quote, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """The quote in pieces; spans are offsets in the body, in order, and may reach beyond the quote."""
    ends = [min(max(at, quoted.start), quoted.end) for span in spans for at in span]
    borders = [quoted.start, *ends, quoted.end]
    for number, (start, end) in enumerate(pairwise(borders)):
        if start < end:
            yield quoted.text[start - quoted.start : end - quoted.start], number % 2 == 1


class Sentence(BaseModel):
    """A sentence of the answer, without markers, and the numbers of its citations.

    ``label`` stands before it and is not the article's: the date of an event, or that it corrects the one before.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    citations: tuple[int, ...]
    support: Support
    label: Annotated[
        str | None,
        Field(
            description="In a timeline: the date of the event, or that the sentence corrects the one before it."
        ),
    ] = None

    @property
    def lead_in(self) -> str:
        """What stands before its text in that of the answer."""
        return f"- {self.label}: " if self.label else ""

    @property
    def markers(self) -> str:
        """Its citations as they stand behind it: ``[1][2]``."""
        return "".join(f"[{number}]" for number in self.citations)

    @property
    def marked(self) -> str:
        """The sentence with its markers, as it stands in the text of the answer."""
        return self.lead_in + self.text + self.markers

    @property
    def separator(self) -> str:
        """What parts it from the sentence before it."""
        return "\n" if self.label else " "


class TimelineEntry(BaseModel):
    """An event: the words of an article that tell it, and when it was.

    ``article.body[start:end] == text`` for the article of the first of ``citations``. ``date`` and ``date_to`` are
    its first and last day in Seoul; ``date_to`` is None for one day.
    """

    model_config = ConfigDict(frozen=True)

    date: Day
    date_to: Day | None = None
    date_is: Annotated[
        DateIs,
        Field(
            description="'stated': the article says when it was; 'published': only the day of publication is known."
        ),
    ]
    planned: Annotated[
        bool, Field(description="It was still to come when the article appeared.")
    ] = False
    when: Annotated[str, Field(description="The date in Korean words, as precise as it is known.")]
    text: str
    start: int
    end: int
    citations: tuple[int, ...]
    corrected_by: Annotated[
        int | None,
        Field(
            description="The number of the citation that corrects the article, or says another figure later."
        ),
    ] = None
    correction: Annotated[str | None, Field(description="The words that correct it.")] = None


class TimeRange(BaseModel):
    """Days in Seoul, inclusive; None leaves an end open. ``expression`` is the question's own wording."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    start: Annotated[date | None, Field(alias="from")] = None
    end: Annotated[date | None, Field(alias="to")] = None
    expression: str
    role: Role = "preference"


class FoundFilters(BaseModel):
    """Outlets, sections and reporters to which the question limits itself in its own words."""

    model_config = ConfigDict(frozen=True)

    press: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    reporters: tuple[str, ...] = ()
    role: Role = "preference"

    def __bool__(self) -> bool:
        return bool(self.names())

    def names(self) -> tuple[str, ...]:
        """All of them in one tuple."""
        return (*self.press, *self.section, *self.reporters)

    def to_filters(self) -> Filters:
        """These as conditions on articles."""
        return Filters(press=self.press, section=self.section, reporters=self.reporters)


class Interpreted(BaseModel):
    """How the question was understood. ``note`` tells the reader, in Korean, what was done beyond that.

    ``prefers_recent``: the question asks how things are now, so that newer articles were preferred. ``mode`` is
    what the reply is: 'timeline' only if there is one.
    """

    model_config = ConfigDict(frozen=True)

    standalone_question: str
    time_range: TimeRange | None = None
    filters: FoundFilters | None = None
    prefers_recent: bool = False
    note: str | None = None
    mode: Mode = "answer"


class Answer(BaseModel):
    """A cited answer, or an abstention with its reason as ``status`` and no sentences.

    Where the status is ``related``, ``citations`` are leads: near articles, none of which is sure to
    answer. Other abstentions have none.

    ``backend`` wrote it. If the backend that was asked failed before one of its sentences was verified,
    'extractive' answers instead, and ``fallback_from`` names the one that failed. If it failed later,
    its verified sentences stay and the answer is ``incomplete``. Either way ``failure`` says how it failed.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    status: Status
    text: str
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    interpreted: Interpreted
    dropped_sentences: int = 0
    backend: str
    fallback_from: str | None = None
    incomplete: bool = False
    failure: Failure | None = None
    generation: int
    timings_ms: dict[str, float]
    timeline: Annotated[
        tuple[TimelineEntry, ...],
        Field(
            description="The course of events, oldest first, where that was asked for; `text` and `sentences` tell it, too."
        ),
    ] = ()
    timeline_left_out: Annotated[
        int, Field(ge=0, description="Further events that were found and are not shown.")
    ] = 0
