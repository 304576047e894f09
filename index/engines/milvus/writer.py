"""Storing articles on a Milvus server, so that whatever happens to the writer nothing is half done.

Milvus has no transactions. So a batch is stored in four steps, each of which may be the last before a crash:

1. the number of the first version of the batch is noted;
2. passages and texts are written, under ids that nobody knows yet;
3. all that is to change in ``ALIAS_articles`` is written as one journal, and noted: from here on it is done;
4. the journal is carried out, which may be repeated, and noted.

Whoever writes next takes back what stopped before the third step, and carries out what stopped after it.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from index.documents import Article
from index.engines.milvus.connection import Row
from index.engines.milvus.generation import Store, Target, read_manifest, read_statistics
from index.engines.milvus.schema import (
    CURRENT,
    REMOVED,
    SUPERSEDED,
    checked,
    create_passages,
    number_of,
    read_fact,
    read_pieces,
    to_pieces,
    write_fact,
)
from index.engines.milvus.sparse import averages_of, lengths, passage_side
from index.engines.milvus.stored import ADOPTED, RECIPE, TARGET, Stored
from index.engines.milvus.versions import (
    Told,
    Version,
    content_pieces,
    filter_columns,
    header_column,
    owners_of,
)
from index.engines.records import recipe_text
from index.errors import EmbedderMismatch, IndexNotFound, RebuildUnfinished
from index.korean import passage_terms
from index.protocols import (
    AnalysedText,
    IndexedArticle,
    Links,
    Recipe,
    Terms,
)

logger = logging.getLogger(__name__)

LOTS = 1_000_000
"""Passages are drawn by lot, out of so many: a sample is those of the lowest lots."""

_PROGRESS = "progress"
_WINDOW = 10_000  # versions looked through at a time


@dataclass(frozen=True)
class Journal:
    """What a batch changes: rows of new versions, columns of others, the generations from which on the passages
    of some texts are shown no more, and texts that nobody ever saw and that go."""

    new: Sequence[Row] = ()
    changed: Sequence[Row] = ()
    ended: Mapping[str, int] = field(default_factory=dict)
    dropped: Sequence[str] = ()


@dataclass(frozen=True)
class Progress:
    """What a writer is doing: the number of the next version, and how far a batch from there on has come.

    ``is_changed``: there is something to publish. ``phase``: 'idle', 'storing', or 'committed'.
    """

    following: int = 1
    phase: str = "idle"
    is_changed: bool = True


class Writer:
    """The writing half of ``MilvusEngine``; see ``EngineWriter``."""

    def __init__(self, store: Store) -> None:
        self._store, self._versions, self._stored = store, store.versions, Stored(store)
        self.generation, self._progress = 0, Progress()
        self._outdated_from = 0  # no version before this one is outdated
        self._is_unsure = False
        self._recover()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Something that changes the store: if it fails half-way, the next such thing puts that right first."""
        if self._is_unsure:
            self._recover()
        self._is_unsure = True
        yield
        self._is_unsure = False

    # -- recipes ---------------------------------------------------------------------------

    def adopt(self, recipe: Recipe, *, rebuild: bool = False) -> None:
        """As ``EngineWriter.adopt``."""
        known = self._stored.recipe()
        if not rebuild:
            if known is not None and known.embedder != recipe.embedder:
                raise EmbedderMismatch(
                    path=self._place, built_with=known.embedder, configured=recipe.embedder
                )
            self.refuse_others_than(recipe)
        if known != recipe:
            number = number_of(recipe_text(recipe))
            self._note(f"{RECIPE}{number}", asdict(recipe))
            self._note(ADOPTED, number)
            self._outdated_from = 0

    def adopted(self) -> Recipe:
        """The recipe by which articles are put. Raises IndexNotFound."""
        recipe = self._stored.recipe()
        if recipe is None:
            raise IndexNotFound(self._place)
        return recipe

    def refuse_others_than(self, recipe: Recipe) -> None:
        """Raises RebuildUnfinished where current versions come from another embedder."""
        for number, known in self._stored.recipes().items():
            if known.embedder != recipe.embedder:
                condition = f"state == {CURRENT} and recipe == {number}"
                if self._store.connection.count(self._store.names.articles, condition):
                    raise RebuildUnfinished(self._place)

    def count_outdated(self) -> int:
        """As ``EngineWriter.count_outdated``."""
        return self._store.connection.count(self._store.names.articles, self._outdated())

    def outdated(self, limit: int) -> Sequence[Article]:
        """As ``EngineWriter.outdated``."""
        found: list[Version] = []
        for first in range(self._outdated_from, self._progress.following, _WINDOW):
            window = f"{self._outdated()} and sequence >= {first} and sequence < {first + _WINDOW}"
            found += self._versions.where(window)
            if len(found) >= limit:
                break
        self._outdated_from = found[0].sequence if found else self._progress.following
        chosen = self._versions.of_texts([one.id for one in found[:limit]], headers=True)
        return list(self._versions.articles(list(chosen.values())).values())

    def _outdated(self) -> str:
        return f"state == {CURRENT} and recipe != {number_of(recipe_text(self.adopted()))}"

    # -- changes ---------------------------------------------------------------------------

    def put(self, articles: Sequence[IndexedArticle], links: Mapping[str, Links]) -> None:
        """As ``EngineWriter.put``. Raises ArticleTooLarge, with nothing stored."""
        with self.whole():
            self._put(articles, links)

    def _put(self, articles: Sequence[IndexedArticle], links: Mapping[str, Links]) -> None:
        recipe, first = self.adopted(), self._progress.following
        if any(len(item.vectors) != len(item.passages) for item in articles):
            raise ValueError("a vector for each passage")
        items = list({item.article.key: item for item in articles}.values())
        terms = [_terms(item) for item in items]
        target = self.target(recipe, [each for of_item in terms for each in of_item])
        new, passages, pieces = {}, list[Row](), list[Row]()
        for number, (item, of_item) in enumerate(zip(items, terms, strict=True), first):
            version = self._new_version(item, number, recipe)
            new[item.article.key] = version
            version.row()  # refuses what is too large before anything is written
            passages += passage_rows(version, item, of_item, target)
            pieces += content_pieces(version.id, item)
        journal = self._linked(new, links)
        self._proceed(replace(self._progress, phase="storing"))
        self._store.connection.write(self._store.names.passages(target.number), passages)
        self._store.connection.write(self._store.names.texts, pieces)
        self._commit(journal, first + len(items))

    def remove(self, article_ids: Iterable[str], links: Mapping[str, Links]) -> list[str]:
        """As ``EngineWriter.remove``."""
        with self.whole():
            return self._remove(article_ids, links)

    def _remove(self, article_ids: Iterable[str], links: Mapping[str, Links]) -> list[str]:
        wanted = list(dict.fromkeys(article_ids))
        versions = self._versions.all_of(wanted)
        found = {one.told.key for one in versions}
        if not found:
            return []
        linked = self._linked({}, links, gone=found)
        seen = [one for one in versions if one.since <= self.generation]
        tombs = [
            replace(one, state=REMOVED, until=min(one.until, self._next), labels=()) for one in seen
        ]
        journal = replace(
            linked,
            changed=[*linked.changed, *(tomb.changes() for tomb in tombs)],
            ended={one.id: 0 for one in seen},
            dropped=[one.id for one in versions if one.since > self.generation],
        )
        self._commit(journal, self._progress.following)
        return [key for key in wanted if key in found]

    @property
    def _next(self) -> int:
        """The generation that will show what is written now."""
        return self.generation + 1

    @property
    def _place(self) -> str:
        return str(self._store.connection.place)

    def _new_version(self, item: IndexedArticle, number: int, recipe: Recipe) -> Version:
        article, header = item.article, item.article.header
        moment = article.published_at.isoformat() if article.published_at else None
        key = article.key
        told = Told(key, article.id, item.digest, article.press, moment, key, key, 0)
        return Version(
            id=f"{number:012d}",
            sequence=number,
            since=self._next,
            recipe=number_of(recipe_text(recipe)),
            passages=len(item.passages),
            told=told,
            header_text=header_column(header),
        )

    def _linked(
        self, new: Mapping[str, Version], links: Mapping[str, Links], gone: Collection[str] = ()
    ) -> Journal:
        """What changes once the new versions are there, those gone are not, and the links are set."""
        named = {
            key
            for one in links.values()
            for key in (*(one.corrects or ()), *(one.corrected_by or ()))
        }
        before = self._versions.current({*new, *links, *named, *gone})
        partners = {
            key for one in before.values() for key in (*one.told.corrects, *one.told.corrected_by)
        }
        before |= self._versions.current(partners - before.keys())
        now = {key: one for key, one in {**before, **new}.items() if key not in gone}
        pairs = {(key, wrong) for key, one in before.items() for wrong in one.told.corrects}
        pairs = {pair for pair in pairs if not set(pair) & ({*new} | set(gone))}
        for key, link in links.items():
            now[key] = _with_link(now[key], link, self._next)
            pairs = _with_pairs(pairs, key, link)
        now = {key: _with_corrections(one, pairs) for key, one in now.items()}
        replaced = [before[key] for key in new if key in before]
        superseded = [one for one in replaced if one.since <= self.generation]
        changed = [one for key, one in now.items() if key not in new and one != before[key]]
        changed += [replace(one, state=SUPERSEDED, until=self._next) for one in superseded]
        return Journal(
            new=[now[key].row() for key in new],
            changed=[one.changes() for one in changed],
            ended={one.id: self._next for one in superseded},
            dropped=[one.id for one in replaced if one.since > self.generation],
        )

    # -- collections of passages -----------------------------------------------------------

    def target(self, recipe: Recipe, passages: Sequence[Terms]) -> Target:
        """Where passages by this recipe are put; made if need be, with the averages known by now."""
        published = read_manifest(self._store)
        known = [self._stored.target(), published.passages_in if published else None]
        for target in known:
            if target and (target.embedder, target.dimension) == (
                recipe.embedder,
                recipe.dimension,
            ):
                if target != known[0]:
                    self._note(TARGET, asdict(target))
                return target
        corpus = read_statistics(self._store, published) if published else None
        averages = averages_of(passages)
        if corpus is not None and corpus.passages:
            averages = {name: one.average_length for name, one in corpus.fields.items()}
        return self.new_target(recipe, averages)

    def new_target(self, recipe: Recipe, averages: Mapping[str, float]) -> Target:
        """An empty collection, where passages are put from now on."""
        names = self._store.names
        numbers = map(names.number, self._store.connection.call("list_collections"))
        number = max((n for n in numbers if n is not None), default=0) + 1
        create_passages(self._store.connection, names.passages(number), recipe.dimension)
        target = Target(number, recipe.embedder, recipe.dimension, dict(averages))
        self._note(TARGET, asdict(target))
        return target

    # -- the journal -----------------------------------------------------------------------

    def _commit(self, journal: Journal, following: int) -> None:
        pieces = to_pieces(self._journal, zlib.compress(json.dumps(asdict(journal)).encode()))
        self._store.connection.write(self._store.names.texts, pieces)
        committed = replace(self._progress, phase="committed", is_changed=True)
        self._proceed(committed)
        self._carry_out(journal, following)

    def _carry_out(self, journal: Journal, following: int) -> None:
        connection, names = self._store.connection, self._store.names
        connection.write(names.articles, journal.new)
        connection.write(names.articles, journal.changed, partly=True)
        for collection in self._stored.collections() if journal.ended else ():
            rows = connection.among(collection, "text", list(journal.ended), ["id", "text"])
            ended = [{"id": row["id"], "until": journal.ended[row["text"]]} for row in rows]
            connection.write(collection, ended, partly=True)
        self.drop(journal.dropped)
        done = self._journal
        self._proceed(Progress(following, is_changed=True))
        connection.delete(names.texts, "owner", [done])

    def drop(self, texts: Sequence[str]) -> None:
        """Delete versions with all that they have."""
        if not texts:
            return
        connection, names = self._store.connection, self._store.names
        connection.delete(names.articles, "id", texts)
        for collection in self._stored.collections():
            connection.delete(collection, "text", texts)
        connection.delete(names.texts, "owner", owners_of(texts))

    @property
    def _journal(self) -> str:
        return f"journal-{self._progress.following}"

    def _recover(self) -> None:
        """Bring to an end what a writer, this one or one before it, left undone."""
        manifest = read_manifest(self._store)
        self.generation = manifest.generation if manifest else 0
        fields = self._fact(_PROGRESS)
        self._progress = Progress(**fields) if fields else Progress()
        if self._progress.phase == "committed":
            logger.warning("%s: a writer stopped within a batch: carrying it out", self._place)
            packed = read_pieces(self._store.connection, self._store.names, [self._journal])
            journal = Journal(**json.loads(zlib.decompress(packed[self._journal])))
            numbers = [int(row["sequence"]) + 1 for row in journal.new]
            self._carry_out(journal, max([self._progress.following, *numbers]))
        elif self._progress.phase == "storing":
            logger.warning("%s: a writer stopped within a batch: taking it back", self._place)
            first = f"{self._progress.following:012d}"
            for collection in self._stored.collections():
                self._store.connection.delete_where(collection, f'text >= "{first}"')
            condition = f'owner >= "{first}" and owner < ":"'  # digits come before the colon
            self._store.connection.delete_where(self._store.names.texts, condition)
            self._proceed(replace(self._progress, phase="idle"))

    def published(self, generation: int) -> None:
        """All that was written is shown by a generation."""
        self.generation = generation
        self._proceed(replace(self._progress, is_changed=False))

    @property
    def is_changed(self) -> bool:
        """Whether there is something to publish."""
        return self._progress.is_changed

    def _proceed(self, progress: Progress) -> None:
        self._note(_PROGRESS, asdict(progress))
        self._progress = progress

    def _fact(self, name: str) -> Any:
        return read_fact(self._store.connection, self._store.names, name)

    def _note(self, name: str, value: Any) -> None:
        write_fact(self._store.connection, self._store.names, name, value)


def _terms(item: IndexedArticle) -> list[Terms]:
    text = AnalysedText(item.article.body, item.sentences, None, item.title_morphemes)
    title = item.article.title
    return [passage_terms(title, text, passage.start, passage.end) for passage in item.passages]


def passage_rows(
    version: Version, item: IndexedArticle, terms: Sequence[Terms], target: Target
) -> list[Row]:
    """The rows of an article's passages. Raises ArticleTooLarge."""
    common = filter_columns(item.article) | {
        "text": version.id,
        "key": number_of(version.told.key),
        "since": version.since,
        "until": version.until,
    }
    return [
        {
            **common,
            "id": f"{version.id}-{passage.ordinal}",
            "ordinal": passage.ordinal,
            "start": passage.start,
            "stop": passage.end,
            "content": checked(passage.text, f"passage {passage.id}"),
            "lot": number_of(f"{version.id}-{passage.ordinal}") % LOTS,
            "lengths": lengths(of_it),
            "dense": np.asarray(vector, np.float32),
            "sparse": passage_side(of_it, target.averages),
        }
        for passage, vector, of_it in zip(item.passages, item.vectors, terms, strict=True)
    ]


def _with_link(version: Version, link: Links, generation: int) -> Version:
    """The version under its leader and labels from a generation on."""
    told = version.told
    if link.leader is not None and link.leader != told.leader:
        before = told.leader_before if told.leader_since == generation else told.leader
        told = replace(told, leader=link.leader, leader_before=before, leader_since=generation)
    labels = version.labels
    if link.labels is not None:
        labels = tuple(sorted({number_of(label) for label in link.labels}))
    return replace(version, told=told, labels=labels)


def _with_pairs(pairs: Collection[tuple[str, str]], key: str, link: Links) -> set[tuple[str, str]]:
    """Pairs of a notice and what it corrects, with what a link says of an article."""
    found = set(pairs)
    if link.corrects is not None:
        found = {pair for pair in found if pair[0] != key}
        found |= {(key, wrong) for wrong in link.corrects}
    if link.corrected_by is not None:
        found = {pair for pair in found if pair[1] != key}
        found |= {(notice, key) for notice in link.corrected_by}
    return found


def _with_corrections(version: Version, pairs: Collection[tuple[str, str]]) -> Version:
    key = version.told.key
    corrects = tuple(sorted(wrong for notice, wrong in pairs if notice == key))
    corrected_by = tuple(sorted(notice for notice, wrong in pairs if wrong == key))
    return replace(
        version, told=replace(version.told, corrects=corrects, corrected_by=corrected_by)
    )
