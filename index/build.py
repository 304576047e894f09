"""The ingest story: read, clean, chunk, embed, link copies and corrections, store, publish.

It is told over any ``EngineWriter``; ``index.library`` tells it of an index in a folder.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from index.chunking import ChunkSettings
from index.corrections import corrections_with
from index.documents import Article
from index.errors import MalformedArticle, the_one
from index.korean import KoreanAnalyser
from index.preparation import Batch, Preparation, Threads, Workers, article_digest
from index.protocols import (
    Digest,
    Embedder,
    EngineWriter,
    IndexedArticle,
    Links,
    Recipe,
    StoredArticle,
)
from index.readers import (
    Found,
    Ledger,
    Meter,
    Piece,
    ReadOptions,
    first_of_its_id,
    input_bytes,
    pieces,
    scoped,
)
from index.readers.utc_marks import UtcMarks
from index.stories import stories_with, stories_without

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

BATCH_ARTICLES = 64
"""Articles per transaction: what a killed run has to do again."""

MAX_REJECTED = 100
"""Malformed articles kept in a summary; all of them are in the quarantine."""


@dataclass
class BuildSummary:
    """What became of the input. ``read`` = added + updated + unchanged + quarantined.

    ``updated`` were known with other content, or cut by other chunk settings. ``duplicates`` of those
    added and updated turned out to be copies in a story that another article leads; they are counted
    at the end. ``share`` is the part of the input's bytes that is read, 0 to 1, where that is known;
    ``rejected`` holds the first ``MAX_REJECTED`` of those quarantined, ``warnings`` what the operator should look at.
    ``excerpts`` of those read are only the beginning or a summary of their article, as their source gives no more.
    """

    read: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    quarantined: int = 0
    excerpts: int = 0
    passages: int = 0
    generation: int = 0
    seconds: float = 0.0
    share: float | None = None
    rejected: list[MalformedArticle] = field(default_factory=list, repr=False)
    warnings: list[str] = field(default_factory=list)


Progress = Callable[[BuildSummary], None]
Quarantine = Callable[[Sequence[MalformedArticle]], None]
"""Keeps what could not become an article."""


def ingest(
    sources: Iterable[Path | str | Article],
    writer: EngineWriter,
    *,
    embedder: Embedder,
    analyser: KoreanAnalyser,
    chunking: ChunkSettings = ChunkSettings(),
    options: ReadOptions | None = None,
    quarantine: Quarantine = lambda malformed: None,
    progress: Progress = lambda summary: None,
    workers: Workers | None = None,
) -> BuildSummary:
    """Add or update articles of files and folders, and publish them.

    Work is kept batch by batch: input that is known is skipped, so an interrupted run resumes.
    ``progress`` is called after every batch. ``workers`` clean elsewhere, and prepare by the same embedder,
    analyser and chunking (see ``index.bulk``); they may read ahead of what is stored, but batches are stored
    one by one in the order of the input all the same. Raises SourceUnreadable, IndexNotWritable,
    EmbedderMismatch, RebuildUnfinished, and what ``workers`` raise.
    """
    started, summary = time.monotonic(), BuildSummary()
    prepare = Preparation(embedder, analyser, chunking)
    _adopt(prepare.recipe, writer)
    workers, copies, marks = workers or Threads(prepare), _Copies(), UtcMarks(datetime.now(UTC))
    options = replace(options or ReadOptions(), on_utc=marks.note, raw=workers.raw)
    reading = _Reading(sources, options)
    under_way = _UnderWay(prepare.recipe, writer)

    def new_articles() -> Iterator[Batch]:
        for batch in _batches(reading.items(workers)):
            articles = _kept_names(_sort_out(batch, summary, quarantine), writer)
            new = _unknown(articles, under_way, summary)
            summary.share = reading.share
            yield under_way.begin(new, summary)

    for indexed in workers.prepare_all(new_articles()):
        told = under_way.end()
        links = put(indexed, writer) if indexed else {}
        copies.note([item.article.key for item in indexed], links)
        summary.passages += _count_passages(indexed)
        progress(replace(told, passages=summary.passages))
    summary.duplicates, summary.warnings = copies.count(), marks.warnings()
    if outdated := writer.count_outdated():
        remedy = "gisa index rebuild"
        logger.warning("%d articles are prepared with other settings: %s", outdated, remedy)
    summary.generation = writer.publish().generation
    summary.seconds = time.monotonic() - started
    return summary


def rebuild(
    writer: EngineWriter,
    *,
    embedder: Embedder,
    analyser: KoreanAnalyser,
    chunking: ChunkSettings = ChunkSettings(),
    progress: Progress = lambda summary: None,
) -> BuildSummary:
    """Prepare every stored article by the given embedder, analyser and chunking, and publish afresh.

    Until then the old generation answers. What is prepared already is left alone, so an interrupted
    rebuild resumes; where only the analyser or the chunking is new, passages that stay the same
    keep their vectors. Raises IndexNotWritable.
    """
    started, summary = time.monotonic(), BuildSummary()
    prepare = Preparation(embedder, analyser, chunking)
    writer.adopt(prepare.recipe, rebuild=True)
    summary.read = writer.count_outdated()
    while articles := writer.outdated(BATCH_ARTICLES):
        summary.updated += len(articles)
        before = writer.stored([article.key for article in articles], vectors=True)
        indexed = prepare(Batch(articles, before))
        put(indexed, writer, before)
        summary.passages += _count_passages(indexed)
        progress(summary)
    summary.generation = writer.publish(afresh=True).generation
    summary.seconds = time.monotonic() - started
    return summary


def remove(writer: EngineWriter, article_ids: Iterable[str]) -> tuple[list[str], int]:
    """Take articles out of the answers at once, then out of the files.

    Ids are public ones, or ``SOURCE/ID`` where several sources share one. Returns those that there were, and the
    generation without them. Raises ArticleAmbiguous (then nothing is removed), IndexNotWritable,
    RebuildUnfinished (then they are out of the answers all the same).
    """
    wanted = list(dict.fromkeys(article_ids))
    found = {name: the_one(name, keys) for name, keys in writer.keys(wanted).items()}
    keys = list(dict.fromkeys(found.values()))
    removed = set(writer.remove(keys, stories_without(writer.stored(keys), writer)))
    return [name for name in wanted if found.get(name) in removed], writer.publish().generation


def put(
    articles: Sequence[IndexedArticle],
    writer: EngineWriter,
    before: Mapping[str, StoredArticle] | None = None,
) -> dict[str, Links]:
    """Store prepared articles together with what links them; returns the links.

    ``before`` are the stored versions that they replace; None: they are looked up.
    """
    plain = [item.article for item in articles]
    if before is None:
        before = writer.stored([article.key for article in plain])
    links = stories_with(articles, before, writer)
    for article_id, found in corrections_with(plain, writer).items():
        corrects, corrected_by = found.corrects, found.corrected_by
        links[article_id] = replace(links[article_id], corrects=corrects, corrected_by=corrected_by)
    writer.put(articles, links)
    return links


def _adopt(recipe: Recipe, writer: EngineWriter) -> None:
    known = writer.recipe()
    writer.adopt(recipe)
    if known is not None and known.chunking != recipe.chunking:
        logger.warning("other chunk settings: known articles that come again are cut anew")


def _count_passages(indexed: Sequence[IndexedArticle]) -> int:
    return sum(len(item.passages) for item in indexed)


def _sort_out(
    batch: Sequence[Article | MalformedArticle], summary: BuildSummary, quarantine: Quarantine
) -> list[Article]:
    """The articles of a batch; what is malformed is counted and kept."""
    summary.read += len(batch)
    malformed = [item for item in batch if isinstance(item, MalformedArticle)]
    summary.quarantined += len(malformed)
    summary.rejected += malformed[: MAX_REJECTED - len(summary.rejected)]
    if malformed:
        quarantine(malformed)
    articles = [item for item in batch if isinstance(item, Article)]
    summary.excerpts += sum(article.excerpt for article in articles)
    return articles


def _kept_names(articles: Sequence[Article], writer: EngineWriter) -> list[Article]:
    """The articles; those of no outlet under the names that they have in an index of an older format.

    There the file was not noted. What has the same title or address is the same article.
    """
    bare = [article.id for article in articles if article.source and article.press is None]
    stored = writer.stored(bare) if bare else {}

    def is_stored(article: Article) -> bool:
        known = stored.get(article.id)
        if known is None or article.press is not None:
            return False
        same = known.article.url == article.url is not None
        return same or known.article.title == article.title

    return [replace(one, source="") if is_stored(one) else one for one in articles]


class _UnderWay:
    """Batches that are read, but not stored yet. What is asked meanwhile is answered as if they were."""

    def __init__(self, recipe: Recipe, writer: EngineWriter) -> None:
        self.recipe, self._writer = recipe, writer
        self._digests: dict[str, Digest] = {}
        self._batches: deque[tuple[dict[str, Digest], BuildSummary]] = deque()

    def digests(self, keys: Sequence[str]) -> dict[str, Digest]:
        """As those of the writer."""
        latest = {key: self._digests[key] for key in keys if key in self._digests}
        return {**self._writer.digests(keys), **latest}

    def begin(self, articles: Sequence[Article], summary: BuildSummary) -> Batch:
        """The articles as a batch to be prepared; ``summary`` is of the input up to them."""
        before = self._writer.stored([one.key for one in articles], vectors=True)
        digests = {one.key: Digest(article_digest(one), self.recipe) for one in articles}
        self._digests |= digests
        self._batches.append((digests, replace(summary)))
        return Batch(articles, before)

    def end(self) -> BuildSummary:
        """The first of the batches is about to be stored: what was told when it began."""
        digests, summary = self._batches.popleft()
        for key, digest in digests.items():
            if self._digests[key] is digest:  # else it came again, and that is still under way
                del self._digests[key]
        return summary


def _unknown(
    articles: Sequence[Article], under_way: _UnderWay, summary: BuildSummary
) -> list[Article]:
    """The articles that are new, changed or cut otherwise; of several with one id, the last."""
    latest = {article.key: article for article in articles}
    summary.unchanged += len(articles) - len(latest)
    digests, new = under_way.digests(list(latest)), []
    chunking = under_way.recipe.chunking
    for article in latest.values():
        known = digests.get(article.key)
        if known is None:
            summary.added += 1
        elif known.content != article_digest(article) or known.recipe.chunking != chunking:
            summary.updated += 1
        else:
            summary.unchanged += 1
            continue
        new.append(article)
    return new


def _meter(sources: Iterable[Path | str | Article]) -> Meter:
    """Knows the total where all sources are paths, and given together."""
    listed = sources if isinstance(sources, list | tuple) else [Article]
    paths = [source for source in listed if isinstance(source, Path | str)]
    return Meter(sum(map(input_bytes, paths)) if len(paths) == len(listed) else 0)


class _Reading:
    """The input of a run, and how much of it is read: ``share``, as in ``BuildSummary``."""

    def __init__(self, sources: Iterable[Path | str | Article], options: ReadOptions) -> None:
        self.share: float | None = None
        self._sources, self._options = sources, options
        self._meter, self._shares = _meter(sources), deque[float | None]()

    def items(self, workers: Workers) -> Iterator[Article | MalformedArticle]:
        """All articles and reports, in the order of the input."""
        ledger = _Ledger()  # one for the run, so that ids in conflict are noticed across sources
        for together in workers.finish_all(self._pieces(), self._options):
            self.share = self._shares.popleft()
            for found in together:
                yield first_of_its_id(found.item, ledger, found.path, found.line)

    def _pieces(self) -> Iterator[Piece]:
        for source in self._sources:
            for piece in self._of(source):
                self._shares.append(self._meter.share)
                yield piece

    def _of(self, source: Path | str | Article) -> Iterator[Piece]:
        if isinstance(source, Article):
            article = scoped(source)
            return iter([Found(article, article.url or article.reference)])
        return pieces(source, self._options, self._meter)


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH_ARTICLES)):
        yield batch


def _scratch_file(table: str) -> sqlite3.Connection:
    """A table in a file that SQLite deletes by itself: memory does not grow with the input."""
    db = sqlite3.connect("", isolation_level=None)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute(table)
    return db


class _Ledger(Ledger):
    def __init__(self) -> None:
        self._db = _scratch_file(
            "CREATE TABLE met (id TEXT PRIMARY KEY, digest BLOB) WITHOUT ROWID"
        )

    def setdefault(self, key: str, default: bytes, /) -> bytes:
        if self._db.execute("INSERT OR IGNORE INTO met VALUES (?, ?)", (key, default)).rowcount:
            return default
        found = self._db.execute("SELECT digest FROM met WHERE id = ?", (key,)).fetchone()
        return bytes(found[0])


class _Copies:
    """Which of the articles stored in a run are copies in a story that another leads."""

    def __init__(self) -> None:
        self._db = _scratch_file("CREATE TABLE stored (id TEXT PRIMARY KEY, copy) WITHOUT ROWID")

    def note(self, stored: Sequence[str], links: Mapping[str, Links]) -> None:
        """Articles that were stored, and who leads each of them and others from now on."""
        rows = ((article_id, False) for article_id in stored)
        self._db.executemany("INSERT OR REPLACE INTO stored VALUES (?, ?)", rows)
        led = ((links[i].leader != i, i) for i in links)
        self._db.executemany("UPDATE stored SET copy = ? WHERE id = ?", led)

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM stored WHERE copy").fetchone()[0])
