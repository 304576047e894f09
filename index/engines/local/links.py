"""What the catalog knows of how articles belong together, in SQL: stories, corrections, labels.

How they come to belong together is planned above every engine (``index.stories``,
``index.corrections``). Functions that change something run inside the caller's transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from index.corrections import MAX_DAYS
from index.documents import KEY_SEPARATOR, ArticleHeader
from index.engines.local.schema import label_hash
from index.engines.records import header_fields
from index.protocols import Links

Pairs = dict[int, tuple[str, ...]]
"""By the key of a version, the ids of articles that belong to it."""


def stories(db: sqlite3.Connection, article_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The ids of each one's story, the leader first; unknown ids are left out."""
    query = (
        "SELECT id, coalesce(story, key) FROM articles"
        " WHERE id IN (SELECT value FROM json_each(?)) AND superseded_at IS NULL"
    )
    story_of: dict[str, int] = dict(db.execute(query, (json.dumps(list(article_ids)),)))
    members: defaultdict[int, list[str]] = defaultdict(list)
    for story, member in db.execute(_MEMBERS, (_json(story_of.values()),)):
        members[story].append(member)
    told = {story: tuple(ids) for story, ids in members.items()}
    # A writer may have removed one between the two.
    return {article_id: told[story] for article_id, story in story_of.items() if story in told}


_MEMBERS = (
    "WITH told AS (SELECT DISTINCT value AS story FROM json_each(?))"
    " SELECT told.story, a.id FROM told JOIN articles a"
    " ON a.key = told.story OR a.story = told.story ORDER BY a.story IS NOT NULL, a.key"
)


def other_outlets(db: sqlite3.Connection, keys: Collection[int]) -> Pairs:
    """By version, the presses that tell its story beside its own, the first to publish first."""
    own: dict[int, tuple[int, str | None]] = {
        key: (story, press) for key, story, press in db.execute(_OWN, (_json(keys),))
    }
    told: defaultdict[int, list[str]] = defaultdict(list)
    for story, outlet in db.execute(_OUTLETS, (_json({story for story, _ in own.values()}),)):
        told[story].append(outlet)
    return {
        key: tuple(outlet for outlet in told[story] if outlet != press)
        for key, (story, press) in own.items()
    }


_OWN = (
    "SELECT key, coalesce(story, key), json_extract(header, '$.press') FROM articles"
    " WHERE key IN (SELECT value FROM json_each(?)) AND superseded_at IS NULL"
)
_OUTLETS = (
    "WITH told AS (SELECT DISTINCT value AS story FROM json_each(?))"
    " SELECT told.story, json_extract(a.header, '$.press') AS outlet"
    " FROM told JOIN articles a ON a.key = told.story OR a.story = told.story"
    " WHERE outlet IS NOT NULL GROUP BY told.story, outlet"
    " ORDER BY min(julianday(json_extract(a.header, '$.published_at'))) NULLS LAST, min(a.key)"
)


def corrections(db: sqlite3.Connection, keys: Collection[int], format: int) -> tuple[Pairs, Pairs]:
    """By version, the ids of the articles that it corrects, and of those that correct it."""
    pairs, found = (_PAIRS_OF_5, (MAX_DAYS,)) if format == 5 else (_PAIRS, ())
    pairs = _PAIRS_OF_6 if format == 6 else pairs
    corrects: defaultdict[int, list[str]] = defaultdict(list)
    corrected_by: defaultdict[int, list[str]] = defaultdict(list)
    for notice, wrong, notice_id, wrong_id in db.execute(pairs, (_json(keys), *found)):
        corrects[notice].append(wrong_id)
        corrected_by[wrong].append(notice_id)
    return _sorted(corrects), _sorted(corrected_by)


def _sorted(pairs: Mapping[int, Collection[str]]) -> Pairs:
    return {key: tuple(sorted(ids)) for key, ids in pairs.items()}


def _either_way(select: str) -> str:
    """Pairs by the notice and by what is wrong: each half finds its own index."""
    halves = [f"{select} {key} IN (SELECT value FROM json_each(?1))" for key in ("notice", "wrong")]  # noqa: S608
    return " UNION ".join(halves)


def _name(of: str) -> str:
    """The public id of a version, with its source where another current version has the same."""
    shared = f"SELECT 1 FROM articles s WHERE s.public_id = {of}.public_id AND s.id != {of}.id"  # noqa: S608
    shared += " AND s.superseded_at IS NULL"
    reference = f"replace({of}.id, char({ord(KEY_SEPARATOR)}), '/')"
    return f"iif(EXISTS ({shared}), {reference}, {of}.public_id)"


_JOINED = "JOIN articles n ON n.key = notice JOIN articles w ON w.key = wrong WHERE"
_PAIRS = _either_way(
    f"SELECT notice, wrong, {_name('n')}, {_name('w')} FROM corrections {_JOINED}"  # noqa: S608
)
_PAIRS_OF_6 = _either_way(f"SELECT notice, wrong, n.id, w.id FROM corrections {_JOINED}")  # noqa: S608
_PAIRS_OF_5 = _either_way(  # a view, which leaves the days to who asks
    "SELECT notice, wrong, notice_id, wrong_id FROM corrections WHERE days BETWEEN 0 AND ?2 AND"
)


def labelled(db: sqlite3.Connection, labels: Collection[str]) -> dict[str, Sequence[ArticleHeader]]:
    """By label, the headers of the current versions that carry it."""
    by_hash = {label_hash(label): label for label in labels}
    query = (
        "SELECT l.label, l.article FROM json_each(?) wanted"
        " CROSS JOIN labels l ON l.label = wanted.value ORDER BY l.article"
    )
    found = db.execute(query, (_json(by_hash),)).fetchall()
    query = "SELECT key, header FROM articles WHERE key IN (SELECT value FROM json_each(?))"
    headers = {
        key: ArticleHeader(**header_fields(header))
        for key, header in db.execute(query, (_json({key for _, key in found}),))
    }
    by_label: defaultdict[str, list[ArticleHeader]] = defaultdict(list)
    for number, key in found:
        by_label[by_hash[number]].append(headers[key])
    return dict(by_label)


def write_links(db: sqlite3.Connection, links: Mapping[str, Links]) -> None:
    """Store the links of current versions; what is None in them stays."""
    named = {
        i for one in links.values() for i in (*(one.corrects or ()), *(one.corrected_by or ()))
    }
    named |= {one.leader for one in links.values() if one.leader is not None}
    query = (
        "SELECT id, key FROM articles"
        " WHERE id IN (SELECT value FROM json_each(?)) AND superseded_at IS NULL"
    )
    keys: dict[str, int] = dict(db.execute(query, (json.dumps([*links, *named]),)))
    for article_id, one in links.items():
        key = keys[article_id]
        if one.leader is not None:
            story = None if one.leader == article_id else keys[one.leader]
            db.execute(
                "UPDATE articles SET story = ? WHERE key = ? AND story IS NOT ?",
                (story, key, story),
            )
        if one.labels is not None:
            db.execute("DELETE FROM labels WHERE article = ?", (key,))
            rows = [(label_hash(label), key) for label in one.labels]
            db.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?)", rows)
        if one.corrects is not None:
            db.execute("DELETE FROM corrections WHERE notice = ?", (key,))
            _insert_pairs(db, [(key, keys[wrong]) for wrong in one.corrects])
        if one.corrected_by is not None:
            db.execute("DELETE FROM corrections WHERE wrong = ?", (key,))
            _insert_pairs(db, [(keys[notice], key) for notice in one.corrected_by])


def _insert_pairs(db: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> None:
    db.executemany("INSERT OR IGNORE INTO corrections VALUES (?, ?)", pairs)


def drop_links(db: sqlite3.Connection, key: int) -> None:
    """A version that is superseded belongs to none."""
    db.execute("DELETE FROM labels WHERE article = ?", (key,))
    db.execute("DELETE FROM corrections WHERE notice = ? OR wrong = ?", (key, key))


def _json(keys: Collection[int] | Iterable[int]) -> str:
    return json.dumps(list(keys))
