"""The catalog: the source of truth of an embedded index, one SQLite file.

Generations are derived from it and can be derived again. Every call that changes something is one
transaction; what it has written is durable when it returns.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.documents import Article, ArticleHeader, Passage, keys_meant
from index.engines.local import changes, links
from index.engines.local.database import Database
from index.engines.records import (
    header_fields,
    matrix,
    recipe_text,
    unpack_sentences,
    unpack_vectors,
)
from index.korean import passage_terms
from index.protocols import (
    AnalysedText,
    Digest,
    IndexedArticle,
    Links,
    LoadedPassage,
    Recipe,
    StoredArticle,
    StoredVectors,
    Terms,
    Vectors,
)

RECENT_TEXTS = 256
"""Texts of articles that a process keeps at hand, some 40 kB each."""


class Catalog(Database):
    """Articles, passages and vectors by key; keys are never used twice."""

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        super().__init__(folder, writable=writable)
        self._texts = lru_cache(maxsize=RECENT_TEXTS)(self._unpacked_text)

    # -- reading ---------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """Grows with every change to what a generation would hold."""
        return int(self.meta("revision") or 0)

    def digests(self, article_ids: Sequence[str]) -> dict[str, Digest]:
        """Those of the current versions, by id."""
        recipes = {key: Recipe(**json.loads(text)) for key, text in self._db.execute(_RECIPES)}
        query = (
            "SELECT id, digest, recipe FROM articles"
            " WHERE id IN (SELECT value FROM json_each(?)) AND superseded_at IS NULL"
        )
        found = self._db.execute(query, (json.dumps(list(article_ids)),))
        return {i: Digest(content, recipes[recipe]) for i, content, recipe in found}

    def article(self, article_id: str) -> Article | None:
        """The current version of an article, with the corrections that are known by now."""
        query = "SELECT key, header, body FROM articles WHERE id = ? AND superseded_at IS NULL"
        row = self._db.execute(query, (article_id,)).fetchone()
        if row is None:
            return None
        key, header, body = row
        return Article(**vars(self._headers({key: header})[key]), body=body)

    def stories(self, article_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The ids of each one's story, the leader first; unknown ids are left out."""
        return links.stories(self._db, article_ids)

    def labelled(self, labels: Collection[str]) -> dict[str, Sequence[ArticleHeader]]:
        """By label, the headers of the current versions that carry it."""
        return links.labelled(self._db, labels)

    def stored(self, article_ids: Sequence[str], *, vectors: bool) -> dict[str, StoredArticle]:
        """The current versions by id, on demand with their vectors."""
        query = (
            "SELECT a.key, a.id, a.header, a.body, leader.id, r.embedder FROM articles a"
            " JOIN recipes r ON r.key = a.recipe LEFT JOIN articles leader ON leader.key = a.story"
            " WHERE a.id IN (SELECT value FROM json_each(?)) AND a.superseded_at IS NULL"
        )
        found = {}
        for key, article_id, header, body, leader, embedder in self._db.execute(
            query, (json.dumps(list(article_ids)),)
        ):
            article = Article(**header_fields(header), body=body)
            of_it = self._stored_vectors(key) if vectors else None
            found[article_id] = StoredArticle(article, leader or article_id, embedder, of_it)
        return found

    def _stored_vectors(self, key: int) -> StoredVectors | None:
        query = "SELECT sentences, sentence_vectors FROM articles WHERE key = ?"
        packed, of_sentences = self._db.execute(query, (key,)).fetchone()
        if of_sentences is None:
            return None
        query = 'SELECT start, "end", vector FROM passages WHERE article = ? ORDER BY ordinal'
        passages = self._db.execute(query, (key,)).fetchall()
        spans = [(s.start, s.end) for s in unpack_sentences(packed)]
        return StoredVectors(
            [(start, end) for start, end, _ in passages],
            unpack_vectors(b"".join(vector for _, _, vector in passages), len(passages)),
            spans,
            unpack_vectors(of_sentences, len(spans)),
        )

    def prepared(self) -> Iterator[tuple[Recipe, IndexedArticle]]:
        """Every current article as it was put, with its recipe, in order of keys."""
        recipes = {key: Recipe(**json.loads(text)) for key, text in self._db.execute(_RECIPES)}
        live = "SELECT key FROM articles WHERE superseded_at IS NULL ORDER BY key"
        for (key,) in self._db.execute(live).fetchall():
            query = "SELECT header, digest, recipe FROM articles WHERE key = ?"
            row = self._db.execute(query, (key,)).fetchone()
            text = self.texts([key]).get(key)
            if row is not None and text is not None:  # else it went meanwhile
                header, digest, recipe = row
                article = Article(**header_fields(header), body=text.body)
                yield recipes[recipe], self._indexed(key, article, text, digest)

    def _indexed(
        self, key: int, article: Article, text: AnalysedText, digest: str
    ) -> IndexedArticle:
        query = 'SELECT start, "end", vector FROM passages WHERE article = ? ORDER BY ordinal'
        rows = self._db.execute(query, (key,)).fetchall()
        query = "SELECT key, other FROM aliases WHERE article = ?"
        names = self._db.execute(query, (key,)).fetchall()
        return IndexedArticle(
            article,
            [
                Passage(article.id, number, article.body[start:end], start, end)
                for number, (start, end, _) in enumerate(rows)
            ],
            unpack_vectors(b"".join(vector for _, _, vector in rows), len(rows)),
            text.sentences,
            digest,
            text.title_morphemes,
            text.vectors,
            names,
        )

    def texts(self, versions: Sequence[int]) -> dict[int, AnalysedText]:
        """The texts of versions that are still there. A version never changes; the latest are kept."""
        query = "SELECT key FROM articles WHERE key IN (SELECT value FROM json_each(?))"
        there = [key for (key,) in self._db.execute(query, (json.dumps(list(versions)),))]
        found = {}
        for version in there:
            with suppress(LookupError):  # it went between the two
                found[version] = self._texts(version)
        return found

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
        query = (
            'SELECT p.key, p.ordinal, substr(a.body, p.start + 1, p."end" - p.start), p.start,'
            ' p."end", a.header, a.key FROM passages p JOIN articles a ON a.key = p.article'
            " WHERE p.key IN (SELECT value FROM json_each(?))"
        )
        rows = self._db.execute(query, (json.dumps(list(keys)),)).fetchall()
        headers = self._headers({article: header for *_, header, article in rows})
        outlets = links.other_outlets(self._db, headers.keys())
        found = {}
        for key, ordinal, text, start, end, _, article in rows:
            passage = Passage(headers[article].id, ordinal, text, start, end)
            also = outlets.get(article, ())
            found[key] = LoadedPassage(passage, headers[article], str(article), also)
        return found

    def _headers(self, texts: Mapping[int, str]) -> dict[int, ArticleHeader]:
        """The headers of versions, with the corrections that are known by now."""
        corrects, corrected_by = links.corrections(self._db, texts.keys(), self.format)
        headers = {}
        for key, text in texts.items():
            known = {"corrects": corrects.get(key, ()), "corrected_by": corrected_by.get(key, ())}
            headers[key] = ArticleHeader(**{**header_fields(text), **known})
        return headers

    def names(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By name (key, reference or public id) what ``ArticleHeader.key`` the articles have that it means."""
        meant = {name: keys_meant(name) for name in names}
        found = dict(
            self._db.execute(_KEYS, (json.dumps([k for keys in meant.values() for k in keys]),))
        )
        exact = {name: tuple(k for k in keys if k in found)[:1] for name, keys in meant.items()}
        shared: dict[str, list[str]] = {}
        if self.format >= 7:
            for public, key in self._db.execute(_PUBLIC, (json.dumps(list(meant)),)):
                shared.setdefault(public, []).append(key)
        keys = {name: exact[name] or tuple(shared.get(name, ())) for name in names}
        return {name: of_name for name, of_name in keys.items() if of_name}

    def ids(self, versions: Sequence[int]) -> dict[int, str]:
        """By key of a version what ``ArticleHeader.key`` its article has; unknown ones are left out."""
        query = "SELECT key, id FROM articles WHERE key IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(query, (json.dumps(list(versions)),)))

    def keys_of(self, article_ids: Sequence[str]) -> list[int]:
        """The keys of every version of the articles that the names mean (see ``names``)."""
        meant = [key for keys in self.names(article_ids).values() for key in keys]
        query = "SELECT key FROM articles WHERE id IN (SELECT value FROM json_each(?))"
        return [row[0] for row in self._db.execute(query, (json.dumps(meant),))]

    def keys_by(self, reporters: Sequence[str]) -> list[int]:
        """The keys of every version of the articles that one of the reporters wrote."""
        query = (
            "SELECT DISTINCT article FROM reporters WHERE name IN (SELECT value FROM json_each(?))"
        )
        return [row[0] for row in self._db.execute(query, (json.dumps(reporters),))]

    def alias_counts(self) -> Iterator[tuple[str, str, int]]:
        """Keys, other names, and how many articles introduce the one for the other."""
        counted = "SELECT key, other, count(*) FROM aliases GROUP BY key, other"
        yield from self._db.execute(
            counted if self.format == 5 else "SELECT key, other, articles FROM alias_counts"
        )

    def reporters(self) -> Iterator[str]:
        """The names of all reporters, also of versions that only older generations show."""
        for (name,) in self._db.execute("SELECT DISTINCT name FROM reporters"):
            yield name

    def reporters_of(self) -> Iterator[tuple[str, int]]:
        """Names of reporters and the versions that they wrote."""
        yield from self._db.execute("SELECT name, article FROM reporters")

    def removed_since(self, sequence: int) -> tuple[int, list[int]]:
        """The newest removal's sequence number, and the article keys removed after ``sequence``."""
        rows = self._db.execute(
            "SELECT sequence, article FROM removals WHERE sequence > ? ORDER BY sequence",
            (sequence,),
        ).fetchall()
        return (rows[-1][0] if rows else sequence), [article for _, article in rows]

    def live_keys(self) -> NDArray[np.int64]:
        """The keys of the current versions, rising; read from an index without the articles."""
        query = "SELECT key FROM articles WHERE superseded_at IS NULL"
        keys = (key for (key,) in self._db.execute(query))
        return np.sort(np.fromiter(keys, dtype=np.int64))

    def followers(self) -> NDArray[np.int64]:
        """Pairs of a version that doesn't lead its story and the one that does, of shape (n, 2), rising."""
        query = "SELECT key, story FROM articles WHERE story IS NOT NULL AND superseded_at IS NULL"
        pairs = np.array(self._db.execute(query).fetchall(), dtype=np.int64).reshape(-1, 2)
        return pairs[np.argsort(pairs[:, 0])]

    def facts(self, after: int) -> Iterator[tuple[int, str | None, str | None, str | None]]:
        """Key, moment of publication, press and section of the current versions with greater keys, rising."""
        query = (
            "SELECT key, json_extract(header, '$.published_at'),"
            " json_extract(header, '$.press'), json_extract(header, '$.section')"
            " FROM articles WHERE superseded_at IS NULL AND key > ? ORDER BY key"
        )
        yield from self._db.execute(query, (after,))

    def live_passages(self) -> NDArray[np.void]:
        """The fields ``passage`` and ``article``, keys both, of the current versions in the order of passages."""
        pairs = self.passage_keys(after=0)
        return pairs[np.isin(pairs["article"], self.live_keys())]

    def passage_keys(self, after: int) -> NDArray[np.void]:
        """The same of all versions with greater keys."""
        pair = np.dtype([("passage", "<i8"), ("article", "<i8")])
        query = "SELECT key, article FROM passages WHERE article > ? ORDER BY article, key"
        return np.fromiter(self._db.execute(query, (after,)), dtype=pair)

    def passage_counts(self, until: int) -> NDArray[np.int64]:
        """Pairs of a version up to a key and how many passages it has, of shape (n, 2), rising."""
        query = "SELECT article, count(*) FROM passages WHERE article <= ? GROUP BY article"
        pairs = np.array(self._db.execute(query, (until,)).fetchall(), dtype=np.int64)
        return pairs.reshape(-1, 2)

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

    def vectors(self, dimension: int, batch: int = 8192, *, after: int = 0) -> Iterator[Vectors]:
        """Those of the live passages whose keys are greater, in the order of keys.

        Each batch is float32 of shape (n, dimension).
        """
        cursor = self._db.execute(f"SELECT p.vector {_LIVE} AND p.key > ? ORDER BY p.key", (after,))
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
        """The sequence number of the newest removal; 0: there was none."""
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
        rows = self._db.execute(query, (recipe_text(recipe), limit))
        return [Article(**header_fields(header), body=body) for header, body in rows]

    def count_outdated(self, recipe: Recipe) -> int:
        """How many live articles were prepared by another recipe."""
        query = (
            "SELECT count(*) FROM articles WHERE superseded_at IS NULL AND recipe NOT IN"
            " (SELECT key FROM recipes WHERE recipe = ?)"
        )
        return int(self._db.execute(query, (recipe_text(recipe),)).fetchone()[0])

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
        """Set entries of the table of facts about the index."""
        with self._write() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def put(
        self,
        articles: Sequence[IndexedArticle],
        links: Mapping[str, Links],
        generation: int,
        recipe: Recipe,
    ) -> None:
        """Store articles and links; older versions stay for readers of ``generation``."""
        with self._write() as db:
            changes.put(db, articles, links, generation, recipe)

    def remove(self, article_ids: Iterable[str], links: Mapping[str, Links]) -> list[str]:
        """Delete every version of the articles; returns the ids of those that there were."""
        with self._write() as db:
            return changes.remove(db, article_ids, links)

    def prune(self, generation: int, removal: int) -> None:
        """Delete what no generation from ``generation`` on shows, and removals up to ``removal``."""
        with self._write() as db:
            changes.prune(db, generation, removal)


_LIVE = "FROM passages p CROSS JOIN articles a ON a.key = p.article WHERE a.superseded_at IS NULL"
_KEYS = (
    "SELECT DISTINCT id, 1 FROM articles"
    " WHERE id IN (SELECT value FROM json_each(?)) AND superseded_at IS NULL"
)
_PUBLIC = (
    "SELECT public_id, id FROM articles WHERE public_id IN (SELECT value FROM json_each(?))"
    " AND superseded_at IS NULL ORDER BY key"
)
_RECIPES = "SELECT key, recipe FROM recipes"
