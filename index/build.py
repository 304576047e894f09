"""The ingest story: read, clean, deduplicate, chunk, embed, store, publish."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from index.chunking import ChunkSettings, bounded_sentences, chunk
from index.documents import AnalysedSentence, Article, Passage, to_json
from index.engines.local import LocalEngine, Recipe
from index.errors import MalformedArticle, RebuildUnfinished
from index.korean import KoreanAnalyser
from index.protocols import Embedder, IndexedArticle, Span, Vectors
from index.readers import Ledger, Meter, ReadOptions, first_of_its_id, input_bytes, read
from index.retrieve import default_embedder

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

BATCH_ARTICLES = 64
"""Articles per transaction: what a killed run has to do again."""

QUARANTINE_FILE = "quarantine.jsonl"

MAX_REJECTED = 100
"""Malformed articles kept in a summary; all of them are in the quarantine file."""


@dataclass
class BuildSummary:
    """What became of the input. ``read`` = added + updated + unchanged + quarantined.

    ``duplicates`` of those added and updated turned out to be copies in a story that another article
    leads; they are counted at the end. ``share`` is the part of the input's bytes that is read, 0 to 1,
    where that is known; ``rejected`` holds the first ``MAX_REJECTED`` of those quarantined.
    """

    read: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    quarantined: int = 0
    passages: int = 0
    generation: int = 0
    seconds: float = 0.0
    share: float | None = None
    rejected: list[MalformedArticle] = field(default_factory=list, repr=False)


Progress = Callable[[BuildSummary], None]


def build_index(
    sources: Iterable[Path | str | Article],
    path: Path | str,
    *,
    embedder: Embedder | None = None,
    analyser: KoreanAnalyser | None = None,
    chunking: ChunkSettings = ChunkSettings(),
    options: ReadOptions | None = None,
    progress: Progress = lambda summary: None,
    wait_s: float = 0.0,
) -> BuildSummary:
    """Add or update articles of files and folders in the index at ``path``, and publish it.

    Work is kept batch by batch: input that is known is skipped, so an interrupted run resumes.
    ``progress`` is called after every batch. Another writer is waited for ``wait_s`` seconds.
    Raises SourceUnreadable, IndexLocked, IndexNotWritable, EmbedderMismatch, RebuildUnfinished.
    """
    root, started = Path(path), time.monotonic()
    embedder = embedder or default_embedder()
    analyser = analyser or KoreanAnalyser()
    recipe = _recipe(embedder, analyser, chunking)
    engine = LocalEngine.create_or_update(root, **asdict(recipe), wait_s=wait_s)
    summary = BuildSummary()
    try:
        if engine.rebuilding:
            raise RebuildUnfinished(root)
        if outdated := engine.count_outdated():
            remedy = f"gisa index rebuild --index {root}"
            logger.warning("%d articles were prepared with other settings: %s", outdated, remedy)
        prepare = _Preparation(embedder, analyser, chunking, engine)
        before = engine.last_version
        meter = _meter(sources)
        for batch in _batches(_read(sources, options or ReadOptions(), meter)):
            articles = _sort_out(batch, summary, root)
            _add(_unknown(articles, engine, summary), prepare, engine, summary)
            summary.share = meter.share
            progress(summary)
        summary.duplicates = engine.copies_after(before)
        summary.generation = engine.publish()
    finally:
        engine.close()
    summary.seconds = time.monotonic() - started
    return summary


def rebuild_index(
    path: Path | str,
    *,
    embedder: Embedder | None = None,
    analyser: KoreanAnalyser | None = None,
    chunking: ChunkSettings = ChunkSettings(),
    progress: Progress = lambda summary: None,
    wait_s: float = 0.0,
) -> BuildSummary:
    """Prepare every stored article by the given embedder, analyser and chunking, and publish afresh.

    Until then the old generation answers. What is prepared already is left alone, so an interrupted
    rebuild resumes; where only the analyser or the chunking is new, passages that stay the same
    keep their vectors. Raises IndexNotFound, IndexLocked, IndexNotWritable.
    """
    started = time.monotonic()
    engine = LocalEngine.update(Path(path), wait_s=wait_s)
    summary = BuildSummary()
    try:
        embedder = embedder or default_embedder()
        analyser = analyser or KoreanAnalyser()
        summary.read = engine.begin_rebuild(_recipe(embedder, analyser, chunking))
        prepare = _Preparation(embedder, analyser, chunking, engine)
        while articles := engine.outdated(BATCH_ARTICLES):
            summary.updated += len(articles)
            _add(articles, prepare, engine, summary)
            progress(summary)
        summary.generation = engine.publish(afresh=True)
    finally:
        engine.close()
    summary.seconds = time.monotonic() - started
    return summary


def remove_articles(
    path: Path | str, article_ids: Iterable[str], *, wait_s: float = 0.0
) -> tuple[list[str], int]:
    """Take articles out of the answers at once, then out of the files.

    Returns the ids of those that there were, and the generation without them. Raises IndexNotFound, IndexLocked,
    IndexNotWritable, RebuildUnfinished (then they are out of the answers all the same).
    """
    engine = LocalEngine.update(Path(path), wait_s=wait_s)
    try:
        return engine.remove(article_ids), engine.publish()
    finally:
        engine.close()


def _recipe(embedder: Embedder, analyser: KoreanAnalyser, chunking: ChunkSettings) -> Recipe:
    return Recipe(embedder.name, embedder.dimension, analyser.fingerprint, asdict(chunking))


def _add(
    articles: list[Article], prepare: _Preparation, engine: LocalEngine, summary: BuildSummary
) -> None:
    if articles:
        indexed = prepare(articles)
        engine.add(indexed)
        summary.passages += sum(len(item.passages) for item in indexed)


def article_digest(article: Article) -> str:
    """Changes with anything that the article says of itself."""
    article = replace(article, corrects=(), corrected_by=())  # others say these of it
    text = json.dumps(to_json(article), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


_Part = tuple[Article, Sequence[Passage], Sequence[AnalysedSentence]]


class _Preparation:
    """Turns articles into what the engine stores: sentences, passages, vectors."""

    def __init__(
        self,
        embedder: Embedder,
        analyser: KoreanAnalyser,
        chunking: ChunkSettings,
        engine: LocalEngine,
    ) -> None:
        self._embedder, self._analyser, self._chunking = embedder, analyser, chunking
        self._engine = engine

    def __call__(self, articles: list[Article]) -> list[IndexedArticle]:
        analysed = self._analyser.sentences_of([article.body for article in articles])
        sentences = [
            bounded_sentences(article.body, found, self._analyser, self._chunking.max_chars)
            for article, found in zip(articles, analysed, strict=True)
        ]
        passages = [
            chunk(article, found, self._chunking, self._fits)
            for article, found in zip(articles, sentences, strict=True)
        ]
        parts = list(zip(articles, passages, sentences, strict=True))
        known = [self._engine.known_vectors(*part) for part in parts]
        embedded = iter(self._embed([p for p, k in zip(parts, known, strict=True) if k is None]))
        indexed = []
        for (article, group, found), before in zip(parts, known, strict=True):
            vectors, own = before or next(embedded)
            digest = article_digest(article)
            title = self._analyser.morphemes(article.title)
            indexed.append(IndexedArticle(article, group, vectors, found, digest, title, own))
        return indexed

    def _embed(self, parts: Sequence[_Part]) -> Iterator[tuple[Vectors, Vectors]]:
        """The vectors of each article's passages and sentences."""
        texts = [passage.text for _, group, _ in parts for passage in group]
        spans = [_spans(passage, found) for _, group, found in parts for passage in group]
        vectors, of_spans = self._embedder.embed_passages_and_spans(texts, spans)
        row = 0
        for _, group, found in parts:
            rows = slice(row, row := row + len(group))
            own = _sentence_vectors(found, group, of_spans[rows], self._embedder.dimension)
            yield vectors[rows], own

    def _fits(self, text: str) -> bool:
        # A token of this kind of text is never longer than the text has characters.
        limit = self._embedder.max_tokens
        return len(text) < limit // 2 or self._embedder.count_tokens(text) <= limit


def _inside(passage: Passage, sentences: Sequence[AnalysedSentence]) -> list[int]:
    """Positions of the sentences that lie in the passage."""
    return [n for n, s in enumerate(sentences) if passage.start <= s.start and s.end <= passage.end]


def _spans(passage: Passage, sentences: Sequence[AnalysedSentence]) -> list[Span]:
    """Where the passage's sentences lie in its text."""
    inside = (sentences[n] for n in _inside(passage, sentences))
    return [(s.start - passage.start, s.end - passage.start) for s in inside]


def _sentence_vectors(
    sentences: Sequence[AnalysedSentence],
    passages: Sequence[Passage],
    of_spans: Sequence[Vectors],
    dimension: int,
) -> Vectors:
    """A row per sentence; of a sentence in two passages, that of the first."""
    vectors = np.zeros((len(sentences), dimension), dtype=np.float32)
    for passage, rows in reversed(list(zip(passages, of_spans, strict=True))):
        vectors[_inside(passage, sentences)] = rows
    return vectors


def _meter(sources: Iterable[Path | str | Article]) -> Meter:
    """Knows the total where all sources are paths, and given together."""
    listed = sources if isinstance(sources, list | tuple) else [Article]
    paths = [source for source in listed if isinstance(source, Path | str)]
    return Meter(sum(map(input_bytes, paths)) if len(paths) == len(listed) else 0)


def _read(
    sources: Iterable[Path | str | Article], options: ReadOptions, meter: Meter
) -> Iterator[Article | MalformedArticle]:
    ledger = _Ledger()  # one for the run, so that ids in conflict are noticed across sources
    for source in sources:
        if isinstance(source, Article):
            yield first_of_its_id(source, ledger, source.url or source.id, None)
        else:
            yield from read(source, options=options, ledger=ledger, meter=meter)


class _Ledger(Ledger):
    """In a file that SQLite deletes by itself: memory does not grow with the input."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE met (id TEXT PRIMARY KEY, digest BLOB) WITHOUT ROWID")

    def setdefault(self, key: str, default: bytes, /) -> bytes:
        if self._db.execute("INSERT OR IGNORE INTO met VALUES (?, ?)", (key, default)).rowcount:
            return default
        found = self._db.execute("SELECT digest FROM met WHERE id = ?", (key,)).fetchone()
        return bytes(found[0])


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH_ARTICLES)):
        yield batch


def _sort_out(
    batch: list[Article | MalformedArticle], summary: BuildSummary, root: Path
) -> list[Article]:
    """The articles of a batch; what is malformed is counted and kept in the quarantine file."""
    summary.read += len(batch)
    malformed = [item for item in batch if isinstance(item, MalformedArticle)]
    summary.quarantined += len(malformed)
    summary.rejected += malformed[: MAX_REJECTED - len(summary.rejected)]
    if malformed:
        with (root / QUARANTINE_FILE).open("a", encoding="utf-8") as file:
            for item in malformed:
                record = {"path": item.path, "line": item.line, "reason": item.reason}
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return [item for item in batch if isinstance(item, Article)]


def _unknown(articles: list[Article], engine: LocalEngine, summary: BuildSummary) -> list[Article]:
    """The articles that are new or changed; of several with one id in a batch, the last."""
    new = []
    latest = {article.id: article for article in articles}
    summary.unchanged += len(articles) - len(latest)
    for article in latest.values():
        digest = engine.digest(article.id)
        if digest is None:
            summary.added += 1
        elif digest != article_digest(article):
            summary.updated += 1
        else:
            summary.unchanged += 1
            continue
        new.append(article)
    return new
