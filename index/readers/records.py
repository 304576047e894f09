"""Records, one article each: from columns or keys of any name to a draft. The readers of rows and JSON share this."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from index.boilerplate import ends_sentence
from index.clean import fold
from index.documents import Article
from index.errors import MalformedArticle
from index.lexicon import LEXICON
from index.readers.draft import Draft, ReadOptions, Unusable, assemble
from index.readers.markup import looks_like_html, text_of_html

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RawRecord:
    """A record that is read, but not cleaned. ``path`` and ``line`` say where it stands."""

    draft: Draft
    path: str
    line: int | None


Item = Article | MalformedArticle | RawRecord

_CUT_OFF = re.compile(r"(?:\.{3,}|…)[”’\"')\]]*\s*$")
_CUT_LENGTHS = range(190, 211)
"""BigKinds gives the first 200 characters of a body, not always with dots behind them."""

_GENERIC_TITLE = re.compile(r".{1,20}\d{4}년 기사")
"""What the newspaper corpus of the National Institute of Korean Language gives as titles."""


class RecordColumns:
    """Maps a source's columns to our fields; unknown columns are named once, in one warning."""

    def __init__(self, source: str, options: ReadOptions) -> None:
        self.source, self._options = source, options
        self._given = {column: name for name, column in options.columns.items()}
        self._field_of: dict[str, tuple[str, int] | None] = {}
        self._unknown: list[str] = []
        self._warned = False

    def article(self, record: Mapping[str, Any], line: int | None) -> Item:
        """The article of one record (still raw, if the options want that), or a report that names the line."""
        try:
            raw = RawRecord(self.draft(record), self.source, line)
        except (ValueError, RecursionError) as error:
            return MalformedArticle(why(error), path=self.source, line=line)
        return raw if self._options.raw else article_of(raw, self._options)

    def draft(self, record: Mapping[str, Any]) -> Draft:
        """The draft of one record. Raises Unusable if it has no body, or one that is not text."""
        best: dict[str, tuple[int, Any]] = {}
        for column, value in _unwrapped(record):
            field = self._field(column)
            if field is None or value in (None, "", []) or value != value:  # NaN
                continue
            name, rank = field
            if name not in best or rank < best[name][0]:
                best[name] = rank, value
        self._warn_once()
        return _draft({name: value for name, (_, value) in best.items()})

    def has_body(self, columns: Iterable[object]) -> bool:
        """Whether one of the columns holds the text of an article, or an excerpt of it."""
        fields = (self._given.get(str(column)) or field_of(str(column)) for column in columns)
        return any(name in ("body", "excerpt") for name in fields)

    def is_article(self, record: Mapping[str, Any], *, in_list: bool = False) -> bool:
        """Whether a record is an article: it has a body, or in a list of such records a title and an excerpt."""
        fields: dict[str | None, Any] = {}
        for column, value in _unwrapped(record):
            fields.setdefault(self._given.get(column) or field_of(column), value)
        if "body" in fields:
            return not _is_list_of_articles(fields["body"])
        return in_list and "title" in fields and "excerpt" in fields

    def without_body(self, columns: Iterable[object]) -> Unusable:
        """What to say of a table of which no column is known to hold a body."""
        names = ", ".join(repr(str(column)[:40]) for column in list(columns)[:20])
        return Unusable(
            f"no column is known to hold an article's body; there are {names}. "
            'Name it in the file of GISA_SOURCES: match.path = "…", columns = {body = "…"}'
        )

    def _field(self, column: str) -> tuple[str, int] | None:
        """The field of ours and the column's rank for it; the lowest holds where a record has several."""
        if column not in self._field_of:
            given = self._given.get(column)
            known = (given, -1) if given else _ranked_field(column)
            if known is None and _plain(column) not in LEXICON["fields.column_silent"]:
                self._unknown.append(str(column)[:40])
            self._field_of[column] = known
        return self._field_of[column]

    def _warn_once(self) -> None:
        unknown = [column for column in self._unknown if column.strip()]
        if unknown and not self._warned:
            self._warned = True
            log.warning("%s: columns ignored: %s", self.source, ", ".join(unknown[:20]))


def article_of(raw: RawRecord, options: ReadOptions) -> Article | MalformedArticle:
    """The article of a record, or a report that names its line; ``options`` are those for its file."""
    try:
        return assemble(raw.draft, options)
    except (ValueError, RecursionError) as error:
        return MalformedArticle(why(error), path=raw.path, line=raw.line)


def why(error: Exception) -> str:
    """The reason that a report gives for a record."""
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON: {error.msg} at column {error.colno}"
    return str(error) if isinstance(error, Unusable) else f"broken record: {error}"


def field_of(column: str) -> str | None:
    """The field of ours that a column holds, judged by its name (``기사 제목``: title), or None."""
    found = _ranked_field(column)
    return found[0] if found else None


@cache
def _columns() -> Mapping[str, tuple[str, int]]:
    """By column the field that it is, and how many other columns take precedence over it."""
    sets = LEXICON["fields.columns"].sets
    return {column: (names[0], rank) for names in sets for rank, column in enumerate(names)}


@cache
def _squeezed_columns() -> Mapping[str, tuple[str, int]]:
    return {column.replace("_", ""): field for column, field in _columns().items()}


def _ranked_field(column: str) -> tuple[str, int] | None:
    return _columns().get(column.lower()) or _squeezed_columns().get(_plain(column))


def _plain(column: str) -> str:
    return re.sub(r"[\s_\-]", "", str(column)).lower().lstrip("\ufeff")


def _is_list_of_articles(value: object) -> bool:
    """Not paragraphs: they have no titles (``{"content": [{"title": …}, …]}`` is a page of a list)."""
    items = value if isinstance(value, list) else []
    return any(
        isinstance(item, dict) and any(field_of(str(name)) == "title" for name in item)
        for item in items
    )


def _unwrapped(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The columns of a record and those of the envelopes in it (``{"metadata": {"title": …}}``)."""
    inner: list[Mapping[str, Any]] = []
    for column, value in record.items():
        if isinstance(value, dict) and column.lower() in LEXICON["fields.column_envelopes"]:
            inner.append(value)
        else:
            yield str(column), _plain_value(value)
    for envelope in inner:
        yield from ((str(c), _plain_value(v)) for c, v in envelope.items() if c not in record)


def _plain_value(value: object) -> object:
    """A value without the type that MongoDB's exports put around it.

    ``{"$date": {"$numberLong": "1749659400000"}}`` is the number (Extended JSON v2,
    github.com/mongodb/specifications, extended-json.md).
    """
    while isinstance(value, dict) and len(value) == 1:
        ((name, inner),) = value.items()
        if not str(name).startswith("$"):
            break
        value = inner
    return value


# --- values ----------------------------------------------------------------------------------


def _draft(values: Mapping[str, Any]) -> Draft:
    given = values.get("body")
    is_summary = given is None and "excerpt" in values
    body = _body(values.get("excerpt") if is_summary else given)
    title, body = _headline(_line(values.get("title")), body)
    return Draft(
        id=_text(values.get("id")),
        title=title,
        subtitles=_texts(values.get("subtitles"), r"\n|\s[/|]\s"),
        body=body,
        press=_text(values.get("press")),
        reporters=_texts(values.get("reporters"), r"[,;|\n]"),
        section=_text(values.get("section")),
        moments=[(_moment(values.get("published_at")), "record")],
        modified=_moment(values.get("modified_at")),
        url=_text(values.get("url")),
        place=_text(values.get("place")),
        tags=_texts(values.get("tags"), r"[,;|\n#]"),
        excerpt=is_summary or _is_cut(body),
    )


def _is_cut(body: str) -> bool:
    """Whether an export gave only the beginning of a body."""
    text = body.rstrip()
    return bool(_CUT_OFF.search(text[-12:])) or (
        len(text) in _CUT_LENGTHS and not ends_sentence(text)
    )


def _headline(title: str | None, body: str) -> tuple[str | None, str]:
    """The title and the body of a record whose body begins with the headline that its title cuts short or lacks."""
    first, _, rest = body.partition("\n\n")
    is_heading = bool(rest.strip()) and "\n" not in first and not ends_sentence(first.strip())
    if not title or not is_heading or len(first) > 120:
        return title, body
    longer = len(first) > len(title) and fold(first).startswith(title)
    return (fold(first), rest) if longer or _GENERIC_TITLE.fullmatch(title) else (title, body)


def _body(value: object) -> str:
    if isinstance(value, list):
        value = "\n\n".join(filter(None, map(_paragraph, value)))
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Unusable("no body")
    if not isinstance(value, str):
        raise Unusable(f"the body is not text but {type(value).__name__}")
    return text_of_html(value) if looks_like_html(value) else value


def _paragraph(value: object) -> str:
    """A paragraph, given as text or as a record of its own: ``{"id": …, "form": …}``."""
    if isinstance(value, dict):
        named = (value.get(name) for name in LEXICON["fields.paragraph_texts"].entries)
        value = next((text for text in named if isinstance(text, str) and text), None)
    if value is not None and not isinstance(value, str):
        raise Unusable(f"a paragraph of the body is not text but {type(value).__name__}")
    return value or ""


def _line(value: object) -> str | None:
    text = _text(value)
    return fold(text_of_html(text)) if text and looks_like_html(text) else text


def _text(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("name") or value.get("title")
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None or isinstance(value, bool | dict) else str(value)


def _texts(value: object, separators: str) -> list[str]:
    """Several texts, given as a list, as JSON in a string (as in CSV), or with separators."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            value = str(value)
    if isinstance(value, str):
        return [part for part in re.split(separators, value) if part.strip()]
    parts = value if isinstance(value, list | tuple) else [value]
    return [text for part in parts if (text := _text(part))]


def _moment(value: object) -> object:
    """A moment, or the first of several; what is none is told where it is read."""
    return next(iter(value), None) if isinstance(value, list) else value
