"""What changes a catalog: articles put, removed, pruned. Inside the caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from index.documents import to_json
from index.engines.local.links import drop_links, write_links
from index.engines.records import pack_sentences, pack_vectors, recipe_text
from index.protocols import IndexedArticle, Links, Recipe


def put(
    db: sqlite3.Connection,
    articles: Sequence[IndexedArticle],
    links: Mapping[str, Links],
    generation: int,
    recipe: Recipe,
) -> None:
    """Store articles; an older version stays for readers of ``generation`` and goes with ``prune``."""
    recipe_key = _recipe_key(db, recipe)
    for item in articles:
        _supersede(db, item.article.key, generation)
        _insert(db, item, recipe_key)
    write_links(db, links)
    _bump_revision(db)


def remove(
    db: sqlite3.Connection, article_ids: Iterable[str], links: Mapping[str, Links]
) -> list[str]:
    """Delete every version of the articles; returns the ids of those that there were."""
    removed = []
    for article_id in article_ids:
        query = "SELECT key, superseded_at IS NULL FROM articles WHERE id = ?"
        versions = db.execute(query, (article_id,)).fetchall()
        for key, is_current in versions:
            db.execute("INSERT INTO removals (article) VALUES (?)", (key,))
            if is_current:
                _drop_names(db, key)
        db.execute("DELETE FROM articles WHERE id = ?", (article_id,))
        removed += [article_id] if versions else []
    write_links(db, links)
    if removed:
        _bump_revision(db)
    return removed


def prune(db: sqlite3.Connection, generation: int, removal: int) -> None:
    """Delete what no generation from ``generation`` on shows, and removals up to ``removal``."""
    db.execute("DELETE FROM articles WHERE superseded_at < ?", (generation,))
    # The last one stays, so that sequence numbers are seen to go on.
    db.execute("DELETE FROM removals WHERE sequence < ?", (removal,))


def _supersede(db: sqlite3.Connection, article_id: str, generation: int) -> None:
    query = "SELECT key FROM articles WHERE id = ? AND superseded_at IS NULL"
    for (key,) in db.execute(query, (article_id,)).fetchall():
        _drop_names(db, key)
        drop_links(db, key)
        query = "UPDATE articles SET superseded_at = ?, story = NULL WHERE key = ?"
        db.execute(query, (generation, key))


def _insert(db: sqlite3.Connection, item: IndexedArticle, recipe: int) -> None:
    article = item.article
    inserted = db.execute(
        "INSERT INTO articles"
        " (id, public_id, digest, header, body, recipe, title_morphemes, sentences, sentence_vectors)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            article.key,
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
    key = inserted.lastrowid
    db.executemany(
        "INSERT OR IGNORE INTO reporters VALUES (?, ?)", [(name, key) for name in article.reporters]
    )
    db.executemany(
        'INSERT INTO passages (article, ordinal, start, "end", vector) VALUES (?, ?, ?, ?, ?)',
        [
            (key, p.ordinal, p.start, p.end, pack_vectors(vector))
            for p, vector in zip(item.passages, item.vectors, strict=True)
        ],
    )
    names = sorted(set(item.names))
    db.executemany("INSERT INTO aliases VALUES (?, ?, ?)", [(*pair, key) for pair in names])
    db.executemany(
        "INSERT INTO alias_counts VALUES (?, ?, 1)"
        " ON CONFLICT (key, other) DO UPDATE SET articles = articles + 1",
        names,
    )


def _drop_names(db: sqlite3.Connection, key: int) -> None:
    """What a version introduces counts no more."""
    query = "SELECT key, other FROM aliases WHERE article = ?"
    names = db.execute(query, (key,)).fetchall()
    db.execute("DELETE FROM aliases WHERE article = ?", (key,))
    query = "UPDATE alias_counts SET articles = articles - 1 WHERE key = ? AND other = ?"
    db.executemany(query, names)
    query = "DELETE FROM alias_counts WHERE key = ? AND other = ? AND articles = 0"
    db.executemany(query, names)


def _recipe_key(db: sqlite3.Connection, recipe: Recipe) -> int:
    values = (recipe.embedder, recipe_text(recipe))
    db.execute("INSERT OR IGNORE INTO recipes (embedder, recipe) VALUES (?, ?)", values)
    key = db.execute("SELECT key FROM recipes WHERE recipe = ?", values[1:]).fetchone()[0]
    return int(key)


def _bump_revision(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'revision'")
