"""From what a reader found of an article to the Article."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import PurePath
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from index.clean import Cleaned, clean, clean_title, fold, normalise
from index.documents import SEOUL, Article, ArticleHeader, has_control_characters
from index.lexicon import LEXICON
from index.newsroom import reporter_names
from index.readers.days_in_figures import is_ambiguous_day
from index.readers.moments import Clock, is_marked_utc, parse_moment
from index.sources import NO_RULES, DateOrder, SourceRules, Sources

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 20_000_000
MAX_TEXT_CHARS, MAX_TEXT_LINES = 1_000_000, 20_000
"""News articles have thousands of characters, at most tens of thousands; more than this is a book."""

MAX_TITLE_CHARS = 300
_HEADLINE_CHARS = 80
_PLACED_CHARS = 8
"""A shorter line may stand anywhere, and does not tell where its page begins."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read.

    ``source_timezone``: the zone of moments without an offset. What is marked ``Z`` is in UTC, but for a source
    whose rules name a zone.
    ``max_file_bytes``: the most that is held in memory for one article: a page, a feed, one record
    of a larger file. Files of records may have any size; an archive may expand to a hundred times
    its own. ``date_order``: how days in figures are read that are not year, month, day: ``mdy`` reads
    ``06/12/2025`` as 12 June, ``dmy`` as 6 December, and ``ymd`` not at all. ``columns``: article field to its name in records, ``{"body": "내용"}``.
    ``sources``: extra rules for single sources. ``file``: the name of the file that is read, in which the ids
    of articles of no outlet are unique. ``on_utc`` is told the outlet or file and the moment of each article whose
    moment was marked ``Z`` and taken to be UTC. ``raw``: records and small files are given as they stand, to be
    made articles elsewhere (``index.readers.finished``).
    """

    source_timezone: tzinfo = SEOUL
    max_file_bytes: int = MAX_FILE_BYTES
    date_order: DateOrder = "ymd"
    columns: Mapping[str, str] = field(default_factory=dict)
    sources: Sources = field(default_factory=Sources)
    file: str = ""
    on_utc: Callable[[str, datetime], None] = lambda source, moment: None
    raw: bool = False

    def at(self, path: str) -> ReadOptions:
        """The options for one file."""
        sources, file = self.sources.at(path), PurePath(path.rpartition("!")[2]).name
        columns = self.columns or sources.columns
        return replace(self, sources=sources, columns=columns, file=file.removesuffix(".gz"))


@dataclass(kw_only=True)
class Draft:
    """What a reader found, as it stands in the source.

    ``moments`` are candidates for the time of publication, each with where it was found, best first;
    ``page_date`` is the last resort. ``pages`` are the texts of the pages of a printed document.
    """

    body: str
    id: str | None = None
    title: str | None = None
    subtitles: Iterable[str] = ()
    press: str | None = None
    reporters: Iterable[str] = ()
    section: str | None = None
    moments: list[tuple[object, str]] = field(default_factory=list)
    modified: object = None
    page_date: str | None = None
    url: str | None = None
    place: str | None = None
    tags: Iterable[str] = ()
    excerpt: bool = False
    pages: Sequence[str] = ()


class Unusable(ValueError):
    """A record or page holds no article. The message says why."""


class TooLarge(Unusable):
    """More than may be held in memory for one article."""


def check_length(text: str) -> str:
    """Return the text. Raises Unusable if it is far longer than any article."""
    if len(text) > MAX_TEXT_CHARS:
        raise Unusable(f"no article has more than {MAX_TEXT_CHARS:,} characters")
    if text.count("\n") > MAX_TEXT_LINES:
        raise Unusable(f"no article has more than {MAX_TEXT_LINES:,} lines")
    return text


def assemble(draft: Draft, options: ReadOptions) -> Article:
    """Clean a draft's body, fill missing fields from what was found in it, and make the Article.

    Raises Unusable if no body is left, or the text is too long to be an article.
    """
    text = check_length(draft.body)
    rules, cleaned = _cleaned(text, draft, options)
    found = cleaned.found
    press = press_name(draft.press) or found.press or rules.defaults.get("press")
    zone = rules.timezone or options.source_timezone
    title = clean_title(draft.title or "", press=press)[:MAX_TITLE_CHARS].strip()
    subtitles = tuple(dict.fromkeys(filter(None, map(_subtitle, draft.subtitles))))
    body = _without_repeats(cleaned.body, (title, *subtitles))
    if not body:
        left = f"; the rules of source {rules.name!r} left none" if clean(text).body else ""
        raise Unusable(f"no body{left}")
    title = title or _first_sentence(body)
    page_date = (draft.page_date or found.page_date, "page_header")
    moments = [*draft.moments, (found.published, "text"), page_date]
    reading = Clock(zone, rules.timezone or UTC, rules.date_order or options.date_order)
    published_at, source = _published(moments, reading)
    marked = next((is_marked_utc(value) for value, found in moments if found == source), False)
    if published_at and marked and rules.timezone is None:
        options.on_utc(press or options.file, published_at)
    url = fold(draft.url or "") or None
    given = _given_id(draft)
    return Article(
        id=given or article_id(url, press, title, published_at),
        source=(press or options.file) if given else "",
        title=title,
        subtitles=subtitles,
        press=press,
        reporters=_reporters(draft.reporters, press) or found.reporters,
        section=_section(draft.section) or found.section or rules.defaults.get("section"),
        published_at=published_at,
        published_at_source=source,
        modified_at=parse_moment(draft.modified, reading) or parse_moment(found.modified, reading),
        url=url,
        place=draft.place or found.place,
        tags=tuple(dict.fromkeys(filter(None, map(fold, (*draft.tags, *found.tags))))),
        body=body,
        excerpt=draft.excerpt,
        pages=_page_starts(body, draft.pages),
    )


def _section(text: str | None) -> str:
    """A section on one line, the steps of a path (``경제 > 반도체``) without blanks between them."""
    return re.sub(r"\s*[>›»]\s*", ">", fold(text or "")).strip(">")


def _page_starts(body: str, pages: Sequence[str]) -> tuple[int, ...]:
    """Where each page begins in the body: at the first of its lines that cleaning left there.

    Compared without blanks, since cleaning joins lines. A page of which nothing is left begins where the next does.
    """
    if not pages:
        return ()
    places = [at for at, char in enumerate(body) if not char.isspace()]
    squeezed, position, starts = "".join(body[at] for at in places), 0, [0]
    for page in pages[1:]:
        lines = ("".join(line.split()) for line in normalise(page).split("\n"))
        found = (squeezed.find(line, position) for line in lines if len(line) >= _PLACED_CHARS)
        position = next((at for at in found if at >= 0), position)
        starts.append(places[position] if places else 0)
    return tuple(starts)


def _cleaned(text: str, draft: Draft, options: ReadOptions) -> tuple[SourceRules, Cleaned]:
    """The rules of the source, which only the text may name, and the text cleaned by them."""
    press = press_name(draft.press)
    rules = options.sources.find(press, draft.url)
    cleaned = clean(rules.apply(text))
    if press is None and rules is NO_RULES and cleaned.found.press:
        rules = options.sources.find(cleaned.found.press, draft.url)
        cleaned = cleaned if rules is NO_RULES else clean(rules.apply(text))
    return rules, cleaned


def article_id(url: str | None, press: str | None, title: str, moment: datetime | None) -> str:
    """A stable id for an article without one: from its URL, else from press, title and day."""
    day = moment.date().isoformat() if moment else ""
    key = canonical_url(url) if url else "\x1f".join((press or "", title, day))
    return hashlib.sha256(key.encode()).hexdigest()[:16]


_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|dclid|igshid|cds|ref|from|input|spi_ref")


def canonical_url(url: str) -> str:
    """The address in a form that all addresses of a page share: no scheme, ``www.``, fragment or tracking."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    except ValueError:
        return url.strip()
    query = [pair for pair in parse_qsl(parts.query) if not _TRACKING.fullmatch(pair[0])]
    path = parts.path.rstrip("/")
    return urlunsplit(("", host + port, path, urlencode(sorted(query)), ""))


def _given_id(draft: Draft) -> str | None:
    if not (draft.id and draft.id.strip()):
        return None
    if has_control_characters(draft.id):
        raise Unusable("an id must not have control characters")
    return draft.id


def source_of(article: ArticleHeader) -> str:
    """The source of an article whose id may have been given or worked out: its outlet, if it was given."""
    worked_out = article_id(article.url, article.press, article.title, article.published_at)
    return "" if article.id == worked_out else article.press or ""


def _subtitle(text: str) -> str:
    return re.sub(r"^[-–—•·▲△○◇■]\s*|\s[-–—]$", "", fold(text)).strip()


def _without_repeats(body: str, headings: tuple[str, ...]) -> str:
    """The body without the headline and subtitles that some pages repeat above it."""
    known = {re.sub(r"\W", "", heading) for heading in headings if heading}
    paragraphs = body.split("\n\n")
    while paragraphs and re.sub(r"\W", "", paragraphs[0]) in known:
        paragraphs.pop(0)
    return "\n\n".join(paragraphs).strip()


def _first_sentence(body: str) -> str:
    line = body.split("\n", 1)[0]
    sentence = re.match(r".{8,}?[.?!](?=\s|$)", line[:200])
    headline = sentence[0].rstrip(".") if sentence else line
    return headline if len(headline) <= _HEADLINE_CHARS else f"{headline[:_HEADLINE_CHARS]}…"


def press_name(text: str | None) -> str | None:
    """An outlet's name, ``KBS`` for ``KBS 뉴스``; None for a portal or an address."""
    name = fold(text or "").lstrip("@")
    if not name or "://" in name or name.replace(" ", "") in LEXICON["newsroom.portals"]:
        return None
    station = re.sub(r"\s?(?:뉴스|NEWS|News)$", "", name)
    return station if re.fullmatch(r"[A-Z]{3,4}|TV조선|채널A", station) else name


def _reporters(signatures: Iterable[str], press: str | None) -> tuple[str, ...]:
    """Only people: outlets, portals and addresses in an author field are left out."""
    names = [
        name for text in signatures if "://" not in text for name in reporter_names(fold(text))
    ]
    nobody = LEXICON["newsroom.portals"].words | LEXICON["newsroom.editors"].words
    nobody |= {press or "", (press or "").replace(" ", "")}
    return tuple(dict.fromkeys(name for name in names if name.replace(" ", "") not in nobody))


def _published(
    moments: list[tuple[object, str]], reading: Clock
) -> tuple[datetime | None, str | None]:
    for value, source in moments:
        if value in (None, ""):
            continue
        if moment := parse_moment(value, reading):
            return moment, source
        hint = " (GISA_DATE_ORDER may say how to read it)" if is_ambiguous_day(value) else ""
        log.warning("not a moment, ignored: %.60r (from %s)%s", value, source, hint)
    return None, None
