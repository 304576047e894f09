"""How the articles of a catalog belong together: copies of one story, corrections of an article.

A story is an article that leads, and the articles that say the same as the leader. An article leads
unless one that is preferred to it says the same and leads: the most complete is preferred, then the
earliest. So which articles lead depends on the live articles alone, not on the order in which they
came, and likeness never chains: every copy was compared with its leader. Only leaders are
found through their bands, so a story of thousands of copies costs no more than one of two.

Functions that change something run inside the caller's transaction.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from index.corrections import MAX_DAYS, plain_title, titles_corrected
from index.duplicates import MAX_DAYS_APART, Fingerprint, fingerprint, same_story

SCHEMA = """
CREATE TABLE bands (              -- of leaders (see index.duplicates)
    band INTEGER NOT NULL,
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    PRIMARY KEY (band, article)
) WITHOUT ROWID;
CREATE INDEX bands_article ON bands (article);
CREATE VIEW preferences AS        -- which article leads a story
SELECT key, id,
    length(replace(replace(body, ' ', ''), char(10), '')) AS chars,
    CASE json_extract(header, '$.published_at_source')
        WHEN 'page_header' THEN NULL  -- says when the page was copied, not when it appeared
        ELSE julianday(json_extract(header, '$.published_at'))
    END AS day
FROM articles;
CREATE TABLE titles (             -- plain: an article's own, and those that a correction names
    plain TEXT NOT NULL,
    article INTEGER NOT NULL REFERENCES articles (key) ON DELETE CASCADE,
    own INTEGER NOT NULL,
    PRIMARY KEY (plain, own, article)
) WITHOUT ROWID;
CREATE INDEX titles_article ON titles (article, own);
CREATE VIEW corrections AS        -- found when asked for: either article may come first, or change
SELECT notice.key AS notice, notice.id AS notice_id, wrong.key AS wrong, wrong.id AS wrong_id,
    julianday(json_extract(notice.header, '$.published_at'))
        - julianday(json_extract(wrong.header, '$.published_at')) AS days
FROM titles named
JOIN titles owned ON owned.plain = named.plain AND owned.own
JOIN articles notice ON notice.key = named.article
JOIN articles wrong ON wrong.key = owned.article
WHERE NOT named.own AND notice.superseded_at IS NULL AND wrong.superseded_at IS NULL
    AND notice.id <> wrong.id
    AND json_extract(notice.header, '$.press') IS json_extract(wrong.header, '$.press');
"""

_MAX_CANDIDATES = 100  # most bands in common first: bounds the work where thousands look alike

_Rank = tuple[int, float, str, int]
"""Preference in a story, the preferred first; the last is the article's key."""


def join(db: sqlite3.Connection, key: int) -> None:
    """Find the story of a new article: a leader's, or its own, which others may change over to."""
    _place(db, [key])


def leave(db: sqlite3.Connection, key: int) -> None:
    """Take an article out of its story. If it led, each of its copies finds another."""
    db.execute("UPDATE articles SET story = NULL WHERE key = ?", (key,))
    _place(db, _dissolve(db, key))


def members(db: sqlite3.Connection, article_id: str) -> tuple[str, ...]:
    """The ids of a story's articles, the leader first; none for an unknown id."""
    query = (
        "WITH own AS (SELECT coalesce(story, key) AS story FROM articles"
        " WHERE id = ? AND superseded_at IS NULL)"
        " SELECT a.id FROM own JOIN articles a ON a.key = own.story OR a.story = own.story"
        " ORDER BY a.story IS NOT NULL, a.key"
    )
    return _column(db, query, article_id)


def other_outlets(db: sqlite3.Connection, key: int) -> tuple[str, ...]:
    """The presses that tell an article's story beside its own, the first to publish first."""
    query = (
        "WITH own AS (SELECT coalesce(story, key) AS story, json_extract(header, '$.press') AS press"
        " FROM articles WHERE key = ? AND superseded_at IS NULL)"
        " SELECT json_extract(a.header, '$.press') AS outlet"
        " FROM own JOIN articles a ON a.key = own.story OR a.story = own.story"
        " WHERE outlet IS NOT NULL AND outlet IS NOT own.press GROUP BY outlet"
        " ORDER BY min(julianday(json_extract(a.header, '$.published_at'))) NULLS LAST, min(a.key)"
    )
    return _column(db, query, key)


def count_copies(db: sqlite3.Connection, after: int) -> int:
    """How many of the articles with keys above ``after`` are copies in a story that another leads."""
    query = "SELECT count(*) FROM articles WHERE story IS NOT NULL AND key > ?"
    count: int = db.execute(query, (after,)).fetchone()[0]
    return count


def note_titles(db: sqlite3.Connection, key: int, title: str, body: str) -> None:
    """Keep what corrections are found by."""
    rows = [(plain_title(title), key, True)]
    rows += [(named, key, False) for named in titles_corrected(title, body)]
    db.executemany("INSERT INTO titles (plain, article, own) VALUES (?, ?, ?)", rows)


def corrects(db: sqlite3.Connection, key: int) -> tuple[str, ...]:
    """The ids of the articles that this one corrects."""
    query = "SELECT DISTINCT wrong_id FROM corrections WHERE notice = ? AND days BETWEEN 0 AND ?"
    return _column(db, query, key, MAX_DAYS)


def corrected_by(db: sqlite3.Connection, key: int) -> tuple[str, ...]:
    """The ids of the articles that correct this one."""
    query = "SELECT DISTINCT notice_id FROM corrections WHERE wrong = ? AND days BETWEEN 0 AND ?"
    return _column(db, query, key, MAX_DAYS)


def _place(db: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Give each article, the preferred first, the leader that it follows, or let it lead."""
    waiting = [_rank(db, key) for key in keys]
    heapq.heapify(waiting)
    while waiting:
        rank = heapq.heappop(waiting)
        key = rank[-1]
        own = fingerprint(_body(db, key))
        if own is None:
            continue
        alike = sorted(_leaders_alike(db, key, own))
        if alike and alike[0] < rank:
            db.execute("UPDATE articles SET story = ? WHERE key = ?", (alike[0][-1], key))
            continue
        for weaker in alike:
            heapq.heappush(waiting, weaker)
            for copy in _dissolve(db, weaker[-1]):
                heapq.heappush(waiting, _rank(db, copy))
        bands = [(band, key) for band in own.bands]
        db.executemany("INSERT INTO bands (band, article) VALUES (?, ?)", bands)


def _dissolve(db: sqlite3.Connection, key: int) -> tuple[int, ...]:
    """The copies that an article led; it leads no more."""
    copies = _column(db, "SELECT key FROM articles WHERE story = ?", key)
    db.execute("UPDATE articles SET story = NULL WHERE story = ?", (key,))
    db.execute("DELETE FROM bands WHERE article = ?", (key,))
    return copies


def _leaders_alike(db: sqlite3.Connection, key: int, own: Fingerprint) -> Iterator[_Rank]:
    query = (
        "SELECT leader.key FROM json_each(?) JOIN bands ON bands.band = json_each.value"
        " JOIN preferences leader ON leader.key = bands.article JOIN preferences own ON own.key = ?"
        " WHERE ifnull(abs(leader.day - own.day), 0) <= ?"
        " GROUP BY leader.key ORDER BY count(*) DESC, leader.key LIMIT ?"
    )
    limits = (MAX_DAYS_APART, _MAX_CANDIDATES)
    for leader in _column(db, query, json.dumps(own.bands), key, *limits):
        other = fingerprint(_body(db, leader))
        if other is not None and same_story(own, other):
            yield _rank(db, leader)


def _rank(db: sqlite3.Connection, key: int) -> _Rank:
    query = "SELECT -chars, ifnull(day, 1e9), id, key FROM preferences WHERE key = ?"
    rank: _Rank = db.execute(query, (key,)).fetchone()
    return rank


def _body(db: sqlite3.Connection, key: int) -> str:
    body: str = db.execute("SELECT body FROM articles WHERE key = ?", (key,)).fetchone()[0]
    return body


def _column(db: sqlite3.Connection, query: str, *parameters: Any) -> tuple[Any, ...]:
    return tuple(row[0] for row in db.execute(query, parameters))
