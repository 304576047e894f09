"""The catalog: the source of truth of an embedded index, one SQLite file.

Generations are derived from it and can be derived again. Every call that changes something is one
transaction; what it has written is durable when it returns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.documents import Article, ArticleHeader, Passage, to_json
from index.engines.local import stories
from index.engines.local.database import Database
from index.engines.local.records import (
    Recipe,
    StoredVectors,
    header_fields,
    matrix,
    pack_sentences,
    pack_vectors,
    unpack_sentences,
    unpack_vectors,
)
from index.korean import passage_terms
from index.protocols import AnalysedText, IndexedArticle, LoadedPassage, Terms, Vectors
from index.variants import alias_key, bracketed_names

FORMAT_VERSION = 5
RECENT_TEXTS = 256
"""Texts of articles that a process keeps at hand, some 40 kB each."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE recipes (key INTEGER PRIMARY KEY, embedder TEXT NOT NULL, recipe TEXT UNIQUE NOT NULL);
CREATE TABLE articles (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,         -- of everything in the article, so that equal input is skipped
    header TEXT NOT NULL,         -- JSON of ArticleHeader
    body TEXT NOT NULL,
    recipe INTEGER NOT NULL REFERENCES recipes (key),
    title_morphemes TEXT NOT NULL, -- JSON [morpheme, …]
    sentences BLOB NOT NULL,      -- zlib of JSON [[start, end, [morpheme, …]], …]
    sentence_vectors BLOB,        -- float16, little endian, a row per sentence
    story INTEGER,                -- key of the article that leads its near-duplicates; NULL: itself
    superseded_at INTEGER         -- last generation that may still show it; NULL: current version
);
CREATE UNIQUE INDEX articles_current ON articles (id) WHERE superseded_at IS NULL;
CREATE INDEX articles_id ON articles (id);
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
CREATE TABLE aliases (            -- names that brackets introduce, both ways round
    key TEXT NOT NULL,            -- see index.variants.alias_key
    other TEXT NOT NULL,
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    PRIMARY KEY (key, other, article)
) WITHOUT ROWID;
CREATE INDEX aliases_article ON aliases (article);
CREATE INDEX reporters_article ON reporters (article);
CREATE TABLE removals (sequence INTEGER PRIMARY KEY AUTOINCREMENT, article INTEGER NOT NULL);
"""

SCHEMA = _TABLES + stories.SCHEMA


class Catalog(Database):
    """Articles, passages and vectors by key; keys are never used twice."""

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        super().__init__(folder, SCHEMA, FORMAT_VERSION, writable=writable)
        self._texts = lru_cache(maxsize=RECENT_TEXTS)(self._unpacked_text)

    # -- reading ---------------------------------------------------------------------------

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
        """The text of a version, None once it is gone. A version never changes; the latest are kept."""
        query = "SELECT 1 FROM articles WHERE key = ?"
        try:
            there = self._db.execute(query, (version,)).fetchone()
            return self._texts(version) if there else None
        except LookupError:  # it went between the two
            return None

    def _unpacked_text(self, version: int) -> AnalysedText:
        row = self._db.execute(
            "SELECT body, sentences, sentence_vectors, title_morphemes FROM articles WHERE key = ?",
            (version,),
        ).fetchone()
        if row is None:
            raise LookupError(version)
        sentences = unpack_sentences(row[1])
        vectors = unpack_vectors(row[2], len(sentences)) if row[2] else None
        return AnalysedText(row[0], sentences, vectors, json.loads(row[3]))

    def passages(self, keys: Sequence[int]) -> dict[int, LoadedPassage]:
        """By passage key; those that are gone are left out."""
        found = {}
        query = (
            'SELECT p.key, p.ordinal, substr(a.body, p.start + 1, p."end" - p.start), p.start,'
            ' p."end", a.header, a.key FROM passages p JOIN articles a ON a.key = p.article'
            " WHERE p.key IN (SELECT value FROM json_each(?))"
        )
        told: dict[int, tuple[ArticleHeader, tuple[str, ...]]] = {}  # an article has many passages
        for key, ordinal, text, start, end, header_json, article in self._db.execute(
            query, (json.dumps(list(keys)),)
        ):
            if article not in told:
                outlets = stories.other_outlets(self._db, article)
                told[article] = self._header(article, header_json), outlets
            header, outlets = told[article]
            passage = Passage(header.id, ordinal, text, start, end)
            found[key] = LoadedPassage(passage, header, article, outlets)
        return found

    def keys_of(self, article_ids: Sequence[str]) -> list[int]:
        """The keys of every version of the articles."""
        query = "SELECT key FROM articles WHERE id IN (SELECT value FROM json_each(?))"
        return [row[0] for row in self._db.execute(query, (json.dumps(article_ids),))]

    def keys_by(self, reporters: Sequence[str]) -> list[int]:
        """The keys of every version of the articles that one of the reporters wrote."""
        query = (
            "SELECT DISTINCT article FROM reporters WHERE name IN (SELECT value FROM json_each(?))"
        )
        return [row[0] for row in self._db.execute(query, (json.dumps(reporters),))]

    def aliases(self, keys: Sequence[str], limit: int = 2) -> dict[str, list[str]]:
        """By key, the other names, at most ``limit`` that the most articles give."""
        query = (
            "SELECT key, other FROM aliases WHERE key IN (SELECT value FROM json_each(?))"
            " GROUP BY key, other ORDER BY count(*) DESC, other"
        )
        found: dict[str, list[str]] = {}
        for key, other in self._db.execute(query, (json.dumps(keys),)):
            found.setdefault(key, []).append(other)
        return {key: others[:limit] for key, others in found.items()}

    def removed_since(self, sequence: int) -> tuple[int, list[int]]:
        """The newest removal's sequence number, and the article keys removed after ``sequence``."""
        rows = self._db.execute(
            "SELECT sequence, article FROM removals WHERE sequence > ? ORDER BY sequence",
            (sequence,),
        ).fetchall()
        return (rows[-1][0] if rows else sequence), [article for _, article in rows]

    def stored_vectors(self, article_id: str, embedder: str) -> StoredVectors | None:
        """Those of the current version, if ``embedder`` made them and its sentences have some."""
        row = self._db.execute(
            "SELECT a.key, a.body, a.sentences, a.sentence_vectors FROM articles a"
            " JOIN recipes r ON r.key = a.recipe AND r.embedder = ?"
            " WHERE a.id = ? AND a.superseded_at IS NULL AND a.sentence_vectors IS NOT NULL",
            (embedder, article_id),
        ).fetchone()
        if row is None:
            return None
        key, body, packed, sentence_vectors = row
        query = 'SELECT start, "end", vector FROM passages WHERE article = ? ORDER BY ordinal'
        passages = self._db.execute(query, (key,)).fetchall()
        spans = [(s.start, s.end) for s in unpack_sentences(packed)]
        return StoredVectors(
            body,
            [(start, end) for start, end, _ in passages],
            spans,
            unpack_vectors(b"".join(vector for _, _, vector in passages), len(passages)),
            unpack_vectors(sentence_vectors, len(spans)),
        )

    def live_articles(self) -> Iterator[tuple[int, int, str | None, str | None, str | None]]:
        """Key, story, moment of publication, press and section of each, in the order of keys."""
        query = (
            "SELECT key, coalesce(story, key), json_extract(header, '$.published_at'),"
            " json_extract(header, '$.press'), json_extract(header, '$.section')"
            " FROM articles WHERE superseded_at IS NULL ORDER BY key"
        )
        yield from self._db.execute(query)

    def live_passages(self) -> NDArray[np.void]:
        """The fields ``passage`` and ``article``, keys both, in the order of passages."""
        query = f"SELECT p.key, p.article {_LIVE} ORDER BY p.key"
        pair = np.dtype([("passage", "<i8"), ("article", "<i8")])
        return np.fromiter(self._db.execute(query), dtype=pair)

    def terms(self, after: int = 0) -> Iterator[Terms]:
        """The terms of the live passages whose keys are greater, in the order of keys."""
        query = (
            "SELECT p.start, p.\"end\", a.key, json_extract(a.header, '$.title'), a.title_morphemes,"
            f" a.body, a.sentences {_LIVE} AND p.key > ? ORDER BY p.key"
        )
        last, text = -1, AnalysedText("", [])
        for start, end, key, title, morphemes, body, packed in self._db.execute(query, (after,)):
            if key != last:
                last = key
                text = AnalysedText(body, unpack_sentences(packed), None, json.loads(morphemes))
            yield passage_terms(title, text, start, end)

    def vectors(self, dimension: int, batch: int = 8192) -> Iterator[Vectors]:
        """Those of the live passages in the order of keys, float32 of shape (n, dimension)."""
        cursor = self._db.execute(f"SELECT p.vector {_LIVE} ORDER BY p.key")
        while rows := cursor.fetchmany(batch):
            yield matrix(rows, dimension)

    def vectors_at(self, keys: Iterable[int], dimension: int) -> Vectors:
        """Those of the passages, in the order of keys."""
        query = (
            "SELECT vector FROM passages WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key"
        )
        return matrix(self._db.execute(query, (json.dumps(list(keys)),)).fetchall(), dimension)

    @property
    def last_removal(self) -> int:
        return int(self._db.execute("SELECT ifnull(max(sequence), 0) FROM removals").fetchone()[0])

    @property
    def recipe(self) -> Recipe | None:
        """The one that articles are prepared by now; None: none was ever set."""
        text = self.meta("recipe")
        return Recipe(**json.loads(text)) if text else None

    @property
    def embedders(self) -> list[str]:
        """Those whose vectors the live passages have; more than one while a rebuild is unfinished."""
        query = (
            "SELECT DISTINCT r.embedder FROM recipes r WHERE EXISTS (SELECT 1 FROM articles a"
            " WHERE a.recipe = r.key AND a.superseded_at IS NULL) ORDER BY 1"
        )
        return [row[0] for row in self._db.execute(query)]

    def outdated(self, recipe: Recipe, limit: int) -> list[Article]:
        """Live articles that were prepared by another recipe, the oldest first."""
        query = (
            "SELECT header, body FROM articles WHERE superseded_at IS NULL AND recipe NOT IN"
            " (SELECT key FROM recipes WHERE recipe = ?) ORDER BY key LIMIT ?"
        )
        rows = self._db.execute(query, (recipe.to_text(), limit))
        return [Article(**header_fields(header), body=body) for header, body in rows]

    def count_outdated(self, recipe: Recipe) -> int:
        query = (
            "SELECT count(*) FROM articles WHERE superseded_at IS NULL AND recipe NOT IN"
            " (SELECT key FROM recipes WHERE recipe = ?)"
        )
        return int(self._db.execute(query, (recipe.to_text(),)).fetchone()[0])

    def misfits(self) -> list[str]:
        """Passages whose offsets lie outside their article, or that are not numbered 0, 1, 2, …"""
        query = (
            "SELECT a.id, p.ordinal FROM passages p JOIN articles a ON a.key = p.article"
            ' WHERE p.start < 0 OR p."end" <= p.start OR p."end" > length(a.body)'
            " UNION SELECT a.id, count(*) FROM passages p JOIN articles a ON a.key = p.article"
            " GROUP BY a.key HAVING max(p.ordinal) + 1 <> count(*) OR count(*) <>"
            " count(DISTINCT p.ordinal) LIMIT 20"
        )
        return [f"{article_id}#{ordinal}" for article_id, ordinal in self._db.execute(query)]

    def _header(self, key: int, text: str) -> ArticleHeader:
        """The header of a version, with the corrections that are known by now."""
        fields = header_fields(text)
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

    def put(self, articles: Sequence[IndexedArticle], generation: int, recipe: Recipe) -> None:
        """Store articles in one transaction.

        An older version stays for readers of ``generation`` and goes with ``prune``.
        """
        with self._write() as db:
            recipe_key = _recipe_key(db, recipe)
            for item in articles:
                _supersede(db, item.article.id, generation)
                key = _insert(db, item, recipe_key)
                stories.join(db, key)
                stories.note_titles(db, key, item.article.title, item.article.body)
            _bump_revision(db)

    def remove(self, article_ids: Iterable[str]) -> list[str]:
        """Delete every version of the articles; returns the ids of those that there were."""
        removed = []
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
                removed += [article_id] if keys else []
            if removed:
                _bump_revision(db)
        return removed

    def prune(self, generation: int, removal: int) -> None:
        """Delete what no generation from ``generation`` on shows, and removals up to ``removal``."""
        with self._write() as db:
            db.execute("DELETE FROM articles WHERE superseded_at < ?", (generation,))
            # The last one stays, so that sequence numbers are seen to go on.
            db.execute("DELETE FROM removals WHERE sequence < ?", (removal,))


def _supersede(db: sqlite3.Connection, article_id: str, generation: int) -> None:
    query = "SELECT key FROM articles WHERE id = ? AND superseded_at IS NULL"
    for (key,) in db.execute(query, (article_id,)).fetchall():
        stories.leave(db, key)
        db.execute("UPDATE articles SET superseded_at = ? WHERE key = ?", (generation, key))


_LIVE = "FROM passages p CROSS JOIN articles a ON a.key = p.article WHERE a.superseded_at IS NULL"


def _insert(db: sqlite3.Connection, item: IndexedArticle, recipe: int) -> int:
    """Returns the key of the new version."""
    article = item.article
    db.execute(
        "INSERT INTO articles"
        " (id, digest, header, body, recipe, title_morphemes, sentences, sentence_vectors)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            article.id,
            item.digest,
            json.dumps(to_json(article.header), ensure_ascii=False),
            article.body,
            recipe,
            json.dumps(item.title_morphemes, ensure_ascii=False),
            pack_sentences(item.sentences),
            None if item.sentence_vectors is None else pack_vectors(item.sentence_vectors),
        ),
    )
    key: int = db.execute("SELECT last_insert_rowid()").fetchone()[0]
    db.executemany(
        "INSERT OR IGNORE INTO reporters VALUES (?, ?)", [(name, key) for name in article.reporters]
    )
    db.executemany(
        "INSERT OR IGNORE INTO aliases VALUES (?, ?, ?)",
        [(alias_key(name), other, key) for name, other in bracketed_names(article.body)],
    )
    db.executemany(
        'INSERT INTO passages (article, ordinal, start, "end", vector) VALUES (?, ?, ?, ?, ?)',
        [
            (key, p.ordinal, p.start, p.end, pack_vectors(vector))
            for p, vector in zip(item.passages, item.vectors, strict=True)
        ],
    )
    return key


def _recipe_key(db: sqlite3.Connection, recipe: Recipe) -> int:
    values = (recipe.embedder, recipe.to_text())
    db.execute("INSERT OR IGNORE INTO recipes (embedder, recipe) VALUES (?, ?)", values)
    key = db.execute("SELECT key FROM recipes WHERE recipe = ?", values[1:]).fetchone()[0]
    return int(key)


def _bump_revision(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'revision'")
