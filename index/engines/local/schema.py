"""The tables of a catalog, and how one of an older format is brought up to them."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from index.corpus import hash_term
from index.corrections import MAX_DAYS, named_label, own_label
from index.documents import KEY_SEPARATOR, ArticleHeader
from index.engines.records import header_fields
from index.readers import source_of
from index.stories import band_label

logger = logging.getLogger(__name__)

FORMAT_VERSION = 7
READABLE = (5, 6, 7)
"""Formats that are read as they are; a writer brings the catalog up to the newest first."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE recipes (key INTEGER PRIMARY KEY, embedder TEXT NOT NULL, recipe TEXT UNIQUE NOT NULL);
CREATE TABLE articles (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,             -- ArticleHeader.key
    digest TEXT NOT NULL,         -- of everything in the article, so that equal input is skipped
    header TEXT NOT NULL,         -- JSON of ArticleHeader
    body TEXT NOT NULL,
    recipe INTEGER NOT NULL REFERENCES recipes (key),
    title_morphemes TEXT NOT NULL, -- JSON [morpheme, …]
    sentences BLOB NOT NULL,      -- zlib of JSON [[start, end, [morpheme, …]], …]
    sentence_vectors BLOB,        -- float16, little endian, a row per sentence
    story INTEGER,                -- key of the article that leads its near-duplicates; NULL: itself
    superseded_at INTEGER,        -- last generation that may still show it; NULL: current version
    public_id TEXT                -- ArticleHeader.id, which several sources may share
);
CREATE UNIQUE INDEX articles_current ON articles (id) WHERE superseded_at IS NULL;
CREATE INDEX articles_id ON articles (id);
CREATE INDEX articles_public ON articles (public_id);
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

_TABLES_OF_6 = """
CREATE TABLE alias_counts (       -- how many current versions introduce each name
    key TEXT NOT NULL,
    other TEXT NOT NULL,
    articles INTEGER NOT NULL,
    PRIMARY KEY (key, other)
) WITHOUT ROWID;
CREATE TABLE labels (             -- of current versions
    label INTEGER NOT NULL,       -- 64-bit hash, signed
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    PRIMARY KEY (label, article)
) WITHOUT ROWID;
CREATE INDEX labels_article ON labels (article);
CREATE TABLE corrections (        -- between current versions
    notice INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    wrong INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    PRIMARY KEY (notice, wrong)
) WITHOUT ROWID;
CREATE INDEX corrections_wrong ON corrections (wrong);
"""

SCHEMA = _TABLES + _TABLES_OF_6


def label_hash(label: str) -> int:
    """64 bits, signed, as SQLite has them."""
    number = hash_term(label)
    return number - (1 << 64) if number >> 63 else number


def migrate(db: sqlite3.Connection, folder: Path, found: int) -> None:
    """Bring a catalog of format 5 or 6 up to this one, inside the caller's transaction.

    In format 5 bands and titles had tables of their own, corrections were found when they were asked for,
    and names were counted then. Up to format 6 ids had no source. Nothing is read, analysed or embedded again.
    """
    told = "%s has index format %d: bringing it up to %d, once"
    logger.warning(told, folder, found, FORMAT_VERSION)
    for name, label in (("band", band_label), ("own", own_label), ("named", named_label)):
        db.create_function(name, 1, _hashed(label), deterministic=True)
    db.create_function("source", 1, _source, deterministic=True)
    of_6 = (_BEFORE, _TABLES_OF_6, _AFTER) if found == 5 else ()
    for statement in ";".join((*of_6, _SCOPED)).split(";"):
        db.execute(statement)


def _source(header: str) -> str:
    return source_of(ArticleHeader(**header_fields(header)))


def _hashed(label: Callable[[Any], str]) -> Callable[[Any], int]:
    return lambda value: label_hash(label(value))


_BEFORE = f"""
CREATE TEMP TABLE found AS SELECT DISTINCT notice, wrong FROM corrections
    WHERE days BETWEEN 0 AND {MAX_DAYS};
DROP VIEW corrections;
DROP VIEW preferences"""  # noqa: S608

_AFTER = """
INSERT INTO labels SELECT band(band) AS label, article FROM bands ORDER BY label;
INSERT OR IGNORE INTO labels SELECT iif(own, own(plain), named(plain)), article FROM titles
    JOIN articles ON articles.key = titles.article WHERE superseded_at IS NULL;
INSERT INTO corrections SELECT notice, wrong FROM temp.found;
DELETE FROM aliases WHERE article IN (SELECT key FROM articles WHERE superseded_at IS NOT NULL);
INSERT INTO alias_counts SELECT key, other, count(*) FROM aliases GROUP BY key, other;
DROP TABLE temp.found;
DROP TABLE bands;
DROP TABLE titles"""

_SCOPED = f"""
ALTER TABLE articles ADD COLUMN public_id TEXT;
UPDATE articles SET public_id = id, header = json_set(header, '$.source', source(header));
UPDATE articles SET id = json_extract(header, '$.source') || char({ord(KEY_SEPARATOR)}) || id
    WHERE json_extract(header, '$.source') != '';
CREATE INDEX articles_public ON articles (public_id);
UPDATE meta SET value = '{FORMAT_VERSION}' WHERE name = 'format'"""  # noqa: S608
