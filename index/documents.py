"""The values that travel through the index: articles, passages, filters, hits.

All are immutable, and each checks its own invariants when made, so that code further down
never has to ask whether an offset fits or a date has a zone.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
"""The zone in which Korean papers date their articles and readers ask their questions."""


KEY_SEPARATOR = "\x1f"
"""Between source and id in a key; a unit separator is in no name of an outlet or file."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def has_control_characters(name: str) -> bool:
    """Whether a name has characters that neither readers nor engines can be trusted with: C0, C1, DEL."""
    return _CONTROL.search(name) is not None


def reference_of(key: str) -> str:
    """How people write the key of an article: ``SOURCE/ID``."""
    return key.replace(KEY_SEPARATOR, "/", 1)


def keys_meant(reference: str) -> list[str]:
    """The keys that a reference may write: itself, and ``SOURCE/ID`` cut at each of its slashes."""
    parts = reference.split("/")
    cuts = range(1, len(parts))
    scoped = ["/".join(parts[:n]) + KEY_SEPARATOR + "/".join(parts[n:]) for n in cuts]
    return [reference, *scoped]


@dataclass(frozen=True, kw_only=True)
class ArticleHeader:
    """What is known of an article besides its body.

    ``published_at`` is an aware datetime (Asia/Seoul unless the source says otherwise) or None;
    ``published_at_source`` names where it was found: ``record``, ``json_ld``, ``meta``, ``text``,
    ``dateline`` or ``page_header`` (the date of the page that the article was copied from, which
    is not necessarily the article's own). ``corrects`` and ``corrected_by`` are ids of articles; the
    index works them out itself, and ignores what a source says. ``excerpt`` tells that the source gave only
    the beginning or a summary of the article. ``pages`` are the offsets in the body at which the pages of a
    printed document begin, the first of them 0; empty where the source has no pages.

    ``id`` is verbatim as it was given, and means one article within its ``source``: the outlet, or the name
    of the file where none is known; empty where the id means one article everywhere.

    Raises ValueError for an empty id or one with control characters, and for a moment without a time zone.
    """

    id: str
    title: str
    subtitles: tuple[str, ...] = ()
    press: str | None = None
    reporters: tuple[str, ...] = ()
    section: str | None = None
    published_at: datetime | None = None
    published_at_source: str | None = None
    modified_at: datetime | None = None
    url: str | None = None
    place: str | None = None
    tags: tuple[str, ...] = ()
    corrects: tuple[str, ...] = ()
    corrected_by: tuple[str, ...] = ()
    excerpt: bool = False
    pages: tuple[int, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if has_control_characters(self.id):
            raise ValueError("an id must not have control characters")
        if not self.id:
            raise ValueError("an article needs an id")
        for name in ("published_at", "modified_at"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{name} of article {self.id} has no time zone")

    @property
    def key(self) -> str:
        """Names the article within an index that holds several sources. Opaque."""
        return f"{self.source}{KEY_SEPARATOR}{self.id}" if self.source else self.id

    @property
    def reference(self) -> str:
        """How people name it so that no other is meant: ``SOURCE/ID``, or its id alone without a source."""
        return reference_of(self.key)

    @property
    def published_on(self) -> date | None:
        """The calendar day of publication in Seoul."""
        return self.published_at.astimezone(SEOUL).date() if self.published_at else None

    def page_of(self, offset: int) -> int | None:
        """The number of the page, from 1, on which an offset of the body lies; None: it has no pages."""
        return bisect_right(self.pages, offset) or None


@dataclass(frozen=True, kw_only=True)
class Article(ArticleHeader):
    """A cleaned article. ``body`` is NFC text, paragraphs separated by one blank line.

    Raises ValueError for an empty body, and for one that is not NFC.
    """

    body: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.body.strip():
            raise ValueError(f"article {self.id} has no body")
        if not unicodedata.is_normalized("NFC", self.body):
            raise ValueError(f"the body of article {self.id} is not NFC")

    @property
    def header(self) -> ArticleHeader:
        """The same article without its body."""
        return ArticleHeader(**{f.name: getattr(self, f.name) for f in fields(ArticleHeader)})

    @property
    def paragraphs(self) -> list[str]:
        """The body's paragraphs in order, without empty ones."""
        return [paragraph for paragraph in self.body.split("\n\n") if paragraph.strip()]


@dataclass(frozen=True)
class Passage:
    """A piece of an article: ``article.body[start:end] == text``, always.

    ``ordinal`` counts the article's passages from 0. Raises ValueError where the offsets don't fit.
    """

    article_id: str
    ordinal: int
    text: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end or self.end - self.start != len(self.text):
            raise ValueError(f"passage {self.id} does not fit its offsets {self.start}:{self.end}")

    @property
    def id(self) -> str:
        """Unique within a source: ``ARTICLE_ID#ORDINAL``."""
        return f"{self.article_id}#{self.ordinal}"


@dataclass(frozen=True)
class AnalysedSentence:
    """A sentence of an article, ``body[start:end]``, and its content morphemes in order."""

    start: int
    end: int
    morphemes: tuple[str, ...]

    @cached_property
    def words(self) -> frozenset[str]:
        """Its morphemes as a set: sentences of an archive are compared with many questions."""
        return frozenset(self.morphemes)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Conditions that an article must meet. They apply before the k best are chosen.

    Dates are calendar days in Seoul, both inclusive. An empty tuple is no condition; several names
    are alternatives. An article without a date meets no condition on dates. Raises ValueError where
    ``published_from`` lies after ``published_to``.
    """

    published_from: date | None = None
    published_to: date | None = None
    press: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    reporters: tuple[str, ...] = ()
    article_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        first, last = self.published_from, self.published_to
        if first and last and first > last:
            raise ValueError(f"published_from {first} lies after published_to {last}")

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))

    def narrowed(self, other: Filters) -> Filters | None:
        """These with the other's days, and its names where these have none; None: no day meets both."""
        first = max((d for d in (self.published_from, other.published_from) if d), default=None)
        last = min((d for d in (self.published_to, other.published_to) if d), default=None)
        if first and last and first > last:
            return None
        names = {f: getattr(self, f) or getattr(other, f) for f in _NAMES}
        return Filters(published_from=first, published_to=last, **names)


_NAMES = ("press", "section", "reporters", "article_ids")


@dataclass(frozen=True)
class Preferences:
    """What a question suggests without demanding it: it raises, and never excludes.

    ``filters``: articles that meet them are preferred (a time that the question names, an outlet named in
    passing). ``names_time`` tells of a passage's text and its article's day of publication whether it names that
    time. ``fresh_on`` is the day from which newer articles are preferred to older ones that fit about as well.
    """

    filters: Filters = Filters()
    names_time: Callable[[str, date | None], bool] | None = None
    fresh_on: date | None = None


@dataclass(frozen=True)
class FieldScore:
    """What a lexical field adds to a hit's score: ``weight`` · ``score``.

    ``matched`` and ``missing`` are the question's terms that the passage has and lacks, each with its idf.
    """

    score: float
    weight: float
    matched: Mapping[str, float]
    missing: Mapping[str, float]


@dataclass(frozen=True)
class Explanation:
    """The parts of a hit's score: ``dense`` + Σ weight · score of the lexical fields + ``freshness`` + ``preferred``.

    ``freshness`` is 0 unless new articles were preferred, ``preferred`` what else of the question's preferences adds. Where a reranker decided, its score is the
    hit's, and the parts only explain why the passage was among those that it read.
    """

    dense: float
    lexical: Mapping[str, FieldScore]
    freshness: float = 0.0
    preferred: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage found for a question.

    ``score`` is comparable within one result only; ``dense`` is the cosine of the passage and
    the question, ``lexical`` the share of the question's attainable BM25 score, 0 to 1, by field.
    ``version`` names the text of the article that the passage's offsets refer to, ``generation`` the
    state of the index in which the passage was found; ``explanation`` is None unless asked for.
    """

    rank: int
    passage: Passage
    article: ArticleHeader
    score: float
    dense: float
    lexical: Mapping[str, float] = field(default_factory=dict)
    also_reported_by: tuple[str, ...] = ()
    version: str = ""
    explanation: Explanation | None = None
    generation: int = 0

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError("ranks start at 1")


def to_json(value: Any) -> Any:
    """Turn one of the values above into what ``json.dumps`` takes (ISO 8601 for moments)."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    return value
