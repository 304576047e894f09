"""The catalog: the source of truth of an embedded index, one SQLite file.

Generations are derived from it and can be derived again. Every call that changes something is one
transaction; what it has written is durable when it returns.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from index.documents import AnalysedSentence, Article, ArticleHeader, Passage, to_json
from index.errors import IndexCorrupt, IndexFormatUnknown, IndexNotFound
from index.local import stories
from index.protocols import AnalysedText, IndexedArticle, LoadedPassage, Vectors

FILE = "catalog.sqlite"
FORMAT_VERSION = 2

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE articles (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,         -- of everything in the article, so that equal input is skipped
    header TEXT NOT NULL,         -- JSON of ArticleHeader
    body TEXT NOT NULL,
    sentences BLOB NOT NULL,      -- zlib of JSON [[start, end, [morpheme, …]], …]
    sentence_vectors BLOB,        -- float16, little endian, a row per sentence
    story INTEGER,                -- key of the article that leads its near-duplicates; NULL: itself
    superseded_at INTEGER         -- last generation that may still show it; NULL: current version
);
CREATE UNIQUE INDEX articles_current ON articles (id) WHERE superseded_at IS NULL;
CREATE INDEX articles_story ON articles (story) WHERE story IS NOT NULL;
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    vector BLOB NOT NULL          -- float16, little endian, unit length
);
CREATE INDEX passages_article ON passages (article);
CREATE TABLE reporters (
    name TEXT NOT NULL,
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    PRIMARY KEY (name, article)
) WITHOUT ROWID;
CREATE INDEX reporters_article ON reporters (article);
CREATE TABLE removals (sequence INTEGER PRIMARY KEY AUTOINCREMENT, article INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class CatalogRow:
    """A live passage as a generation needs it; ``article`` and ``story`` are article keys."""

    passage: int
    article: int
    story: int
    header: ArticleHeader
    text: str
    start: int
    end: int
    vector: Vectors
    sentences: Sequence[AnalysedSentence]


class Catalog:
    """Connections are one per thread; a reader never writes, not even at opening."""

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        self.path = folder / FILE
        self._writable = writable
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        if not self.path.exists():
            if not writable:
                raise IndexNotFound(folder)
            with self._write() as db:
                db.executescript(f"BEGIN; {_SCHEMA} {stories.SCHEMA} COMMIT;")
            self.set_meta({"format": str(FORMAT_VERSION), "revision": "0"})
        self._check_format(folder)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    # -- reading ---------------------------------------------------------------------------

    def meta(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    @property
    def revision(self) -> int:
        """Grows with every change to what a generation would hold."""
        return int(self.meta("revision") or 0)

    def digest(self, article_id: str) -> str | None:
        row = self._db.execute(
            "SELECT digest FROM articles WHERE id = ? AND superseded_at IS NULL", (article_id,)
        ).fetchone()
        return row[0] if row else None

    def article(self, article_id: str) -> Article | None:
        row = self._db.execute(
            "SELECT key, header, body FROM articles WHERE id = ? AND superseded_at IS NULL",
            (article_id,),
        ).fetchone()
        return Article(**vars(self._header(row[0], row[1])), body=row[2]) if row else None

    def story(self, article_id: str) -> tuple[str, ...]:
        """The ids of the articles of its story, the leader first; none for an unknown id."""
        return stories.members(self._db, article_id)

    def copies_after(self, key: int) -> int:
        """How many live articles stored after ``key`` are copies of another."""
        return stories.count_copies(self._db, key)

    @property
    def last_key(self) -> int:
        """Of the newest version of an article; 0: there is none."""
        key: int = self._db.execute("SELECT ifnull(max(key), 0) FROM articles").fetchone()[0]
        return key

    def text(self, version: int) -> AnalysedText | None:
        row = self._db.execute(
            "SELECT body, sentences, sentence_vectors FROM articles WHERE key = ?", (version,)
        ).fetchone()
        if row is None:
            return None
        sentences = _unpack_sentences(row[1])
        vectors = _unpack_vectors(row[2], len(sentences)) if row[2] else None
        return AnalysedText(row[0], sentences, vectors)

    def passages(self, keys: Sequence[int]) -> dict[int, LoadedPassage]:
        """By passage key; those that are gone are left out."""
        found = {}
        query = (
            'SELECT p.key, p.ordinal, substr(a.body, p.start + 1, p."end" - p.start), p.start,'
            ' p."end", a.header, a.key FROM passages p JOIN articles a ON a.key = p.article'
            " WHERE p.key IN (SELECT value FROM json_each(?))"
        )
        for key, ordinal, text, start, end, header_json, article in self._db.execute(
            query, (json.dumps(list(keys)),)
        ):
            header = self._header(article, header_json)
            passage = Passage(header.id, ordinal, text, start, end)
            outlets = stories.other_outlets(self._db, article)
            found[key] = LoadedPassage(passage, header, article, outlets)
        return found

    def keys_of(self, article_ids: Iterable[str]) -> list[int]:
        query = "SELECT key FROM articles WHERE id = ? AND superseded_at IS NULL"
        rows = (self._db.execute(query, (article_id,)).fetchone() for article_id in article_ids)
        return [row[0] for row in rows if row]

    def keys_by(self, reporters: Sequence[str]) -> list[int]:
        """The keys of every version of the articles that one of the reporters wrote."""
        query = (
            "SELECT DISTINCT article FROM reporters WHERE name IN (SELECT value FROM json_each(?))"
        )
        return [row[0] for row in self._db.execute(query, (json.dumps(reporters),))]

    def removed_since(self, sequence: int) -> tuple[int, list[int]]:
        """The newest removal's sequence number, and the article keys removed after ``sequence``."""
        rows = self._db.execute(
            "SELECT sequence, article FROM removals WHERE sequence > ? ORDER BY sequence",
            (sequence,),
        ).fetchall()
        return (rows[-1][0] if rows else sequence), [article for _, article in rows]

    def rows(self) -> Iterator[CatalogRow]:
        """Every live passage, in the order of keys."""
        query = (
            'SELECT p.key, a.key, coalesce(a.story, a.key), a.header, a.body, p.start, p."end",'
            " p.vector, a.sentences FROM passages p JOIN articles a ON a.key = p.article"
            " WHERE a.superseded_at IS NULL ORDER BY p.key"
        )
        article, header, sentences = -1, ArticleHeader(id="-", title=""), list[AnalysedSentence]()
        for (
            key,
            article_key,
            story,
            header_json,
            body,
            start,
            end,
            vector,
            packed,
        ) in self._db.execute(query):
            if article_key != article:
                article, sentences = article_key, _unpack_sentences(packed)
                header = ArticleHeader(**_header_fields(header_json))
            inside = [s for s in sentences if start <= s.start and s.end <= end]
            unit = _unpack_vectors(vector, 1)[0]
            yield CatalogRow(
                key, article_key, story, header, body[start:end], start, end, unit, inside
            )

    def _header(self, key: int, text: str) -> ArticleHeader:
        """The header of a version, with the corrections that are known by now."""
        fields = _header_fields(text)
        fields["corrects"] = stories.corrects(self._db, key)
        fields["corrected_by"] = stories.corrected_by(self._db, key)
        return ArticleHeader(**fields)

    def counts(self) -> tuple[int, int]:
        """Live articles and live passages."""
        query = (
            "SELECT count(DISTINCT a.key), count(p.key) FROM articles a"
            " LEFT JOIN passages p ON p.article = a.key WHERE a.superseded_at IS NULL"
        )
        articles, passages = self._db.execute(query).fetchone()
        return articles, passages

    # -- writing ---------------------------------------------------------------------------

    def set_meta(self, values: Mapping[str, str]) -> None:
        with self._write() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def put(self, articles: Sequence[IndexedArticle], generation: int) -> None:
        """Store articles in one transaction.

        An older version stays for readers of ``generation`` and goes with ``prune``.
        """
        with self._write() as db:
            for item in articles:
                _supersede(db, item.article.id, generation)
                key = _insert(db, item)
                stories.join(db, key)
                stories.note_titles(db, key, item.article.title, item.article.body)
            _bump_revision(db)

    def remove(self, article_ids: Iterable[str]) -> int:
        """Delete every version of the articles; returns how many articles there were."""
        removed = 0
        with self._write() as db:
            for article_id in article_ids:
                keys = [
                    row[0]
                    for row in db.execute("SELECT key FROM articles WHERE id = ?", (article_id,))
                ]
                db.executemany("INSERT INTO removals (article) VALUES (?)", [(k,) for k in keys])
                for key in keys:
                    stories.leave(db, key)
                db.execute("DELETE FROM articles WHERE id = ?", (article_id,))
                removed += bool(keys)
            if removed:
                _bump_revision(db)
        return removed

    def prune(self, generation: int) -> None:
        """Delete versions that no generation from ``generation`` on shows."""
        with self._write() as db:
            db.execute("DELETE FROM articles WHERE superseded_at < ?", (generation,))

    # -- connections -----------------------------------------------------------------------

    @property
    def _db(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            self._connections.append(connection)
        return connection

    def _write(self) -> sqlite3.Connection:
        """The connection as a context manager: commit on success, roll back on failure."""
        if not self._writable:
            raise RuntimeError("this catalog was opened for reading")
        return self._db

    def _connect(self) -> sqlite3.Connection:
        mode = "rwc" if self._writable else "ro"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=30,
            check_same_thread=False,  # only so that close() may close them all
        )
        if self._writable:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _check_format(self, folder: Path) -> None:
        try:
            version = self.meta("format")
        except sqlite3.DatabaseError as error:
            raise IndexCorrupt(
                f"{self.path} is not a readable catalog: {error}", path=folder
            ) from error
        if version != str(FORMAT_VERSION):
            raise IndexFormatUnknown(
                f"{folder} has index format {version}, this program reads {FORMAT_VERSION}",
                remedy=f"Index the articles again: gisa index add PATH… --index {folder}",
            )


def _supersede(db: sqlite3.Connection, article_id: str, generation: int) -> None:
    query = "SELECT key FROM articles WHERE id = ? AND superseded_at IS NULL"
    for (key,) in db.execute(query, (article_id,)).fetchall():
        stories.leave(db, key)
        db.execute("UPDATE articles SET superseded_at = ? WHERE key = ?", (generation, key))


def _insert(db: sqlite3.Connection, item: IndexedArticle) -> int:
    """Returns the key of the new version."""
    article = item.article
    db.execute(
        "INSERT INTO articles (id, digest, header, body, sentences, sentence_vectors)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            article.id,
            item.digest,
            json.dumps(to_json(article.header), ensure_ascii=False),
            article.body,
            _pack_sentences(item.sentences),
            None if item.sentence_vectors is None else _pack_vectors(item.sentence_vectors),
        ),
    )
    key: int = db.execute("SELECT last_insert_rowid()").fetchone()[0]
    db.executemany(
        "INSERT OR IGNORE INTO reporters VALUES (?, ?)", [(name, key) for name in article.reporters]
    )
    db.executemany(
        'INSERT INTO passages (article, ordinal, start, "end", vector) VALUES (?, ?, ?, ?, ?)',
        [
            (key, p.ordinal, p.start, p.end, _pack_vectors(vector))
            for p, vector in zip(item.passages, item.vectors, strict=True)
        ],
    )
    return key


def _bump_revision(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'revision'")


def _pack_sentences(sentences: Sequence[AnalysedSentence]) -> bytes:
    packed = [[s.start, s.end, s.morphemes] for s in sentences]
    return zlib.compress(json.dumps(packed, ensure_ascii=False).encode())


def _unpack_sentences(blob: bytes) -> list[AnalysedSentence]:
    return [AnalysedSentence(s, e, tuple(m)) for s, e, m in json.loads(zlib.decompress(blob))]


def _pack_vectors(vectors: Vectors) -> bytes:
    return vectors.astype("<f2").tobytes()


def _unpack_vectors(blob: bytes, rows: int) -> Vectors:
    return np.frombuffer(blob, dtype="<f2").astype(np.float32).reshape(rows, -1)


def _header_fields(text: str) -> dict[str, Any]:
    """Keyword arguments of ``ArticleHeader`` from its JSON."""
    fields: dict[str, Any] = json.loads(text)
    for name in ("published_at", "modified_at"):
        fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
