"""From what is stored to a new generation: count what changed, name it, then let go of what nobody reads."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from index.corpus import CorpusStatistics, centroid, cosine_spread
from index.engines.milvus.connection import BATCH, WRITE_S, batches
from index.engines.milvus.counts import Counts, terms_of
from index.engines.milvus.generation import (
    KEPT_S,
    Manifest,
    Store,
    Target,
    counts_owner,
    read_counts,
    read_manifest,
    read_statistics,
    statistics_owner,
    write_manifest,
)
from index.engines.milvus.schema import CURRENT, REMOVED, SUPERSEDED, to_pieces
from index.engines.milvus.stored import Stored
from index.engines.milvus.versions import Content, Version
from index.engines.milvus.writer import LOTS, Writer, passage_rows
from index.errors import IndexCorrupt
from index.protocols import Recipe, Vectors

logger = logging.getLogger(__name__)

SAMPLE = 2_000
"""Passages that the spread of cosines and the centroid are taken from, about; all of fewer."""

_BLOCK = 1_000  # articles counted at a time
_PAGE = 64
_FORMER_DOCUMENTS = (
    5  # generations back whose statistics are deleted: one, unless a run was cut short
)


@dataclass(frozen=True)
class Publication:
    """One publication by a writer."""

    store: Store
    writer: Writer
    recipe: Recipe

    def publish(self, *, afresh: bool) -> CorpusStatistics:
        """As ``EngineWriter.publish``."""
        with self.writer.whole():
            return self._publish(afresh)

    def _publish(self, afresh: bool) -> CorpusStatistics:
        self.writer.refuse_others_than(self.recipe)
        before = read_manifest(self.store)
        if before is not None and not afresh and not self.writer.is_changed:
            return read_statistics(self.store, before)
        number = (before.generation if before else 0) + 1
        counts = self._counts(before, number, afresh)
        target = self._passages(before, counts, number, afresh)
        statistics = counts.statistics(number, *self._sampled(target, counts, number))
        self._write(number, counts, statistics)
        manifest = Manifest(
            number, target, self.recipe.analyser, counts.articles, _former(before, time.time())
        )
        write_manifest(self.store, manifest)
        self._point_alias(target)
        self._clean_up(manifest)
        self.writer.published(number)
        return statistics

    # -- counting --------------------------------------------------------------------------

    def _counts(self, before: Manifest | None, number: int, afresh: bool) -> Counts:
        if before is None or afresh:
            return self._counted(f"state == {CURRENT}")
        counts = read_counts(self.store, before)
        gone = f"state in [{SUPERSEDED}, {REMOVED}] and until == {number} and since < {number}"
        counts = counts.plus(self._counted(gone), -1)
        return counts.plus(self._counted(f"state == {CURRENT} and since == {number}"))

    def _counted(self, condition: str) -> Counts:
        total = Counts()
        pages = self.store.versions.pages(condition, _PAGE)
        while block := [one for page in islice(pages, _BLOCK // _PAGE) for one in page]:
            contents = self._contents(block)
            counted = [(one.header, contents[one.id]) for one in block]
            total = total.plus(Counts.of(counted))
        return total

    def _write(self, number: int, counts: Counts, statistics: CorpusStatistics) -> None:
        pieces = to_pieces(counts_owner(number), counts.to_bytes())
        pieces += to_pieces(statistics_owner(number), statistics.to_bytes())
        self._drop_documents([number])  # of a run that was cut short
        self.store.connection.write(self.store.names.texts, pieces)

    def _sampled(self, target: Target, counts: Counts, number: int) -> tuple[float, Vectors]:
        """The spread of cosines between passages, and their mean."""
        lots = LOTS if counts.passages <= SAMPLE else LOTS * SAMPLE // counts.passages
        condition = f"since <= {number} and until > {number} and lot < {lots}"
        collection = self.store.names.passages(target.number)
        rows = [
            row
            for page in self.store.connection.scan(collection, condition, ["dense"])
            for row in page
        ]
        rows.sort(key=lambda row: str(row["id"]))
        dense = [row["dense"] for row in rows]
        vectors = np.array(dense, np.float32).reshape(len(dense), target.dimension)
        return cosine_spread(vectors), centroid(vectors)

    # -- passages --------------------------------------------------------------------------

    def _passages(
        self, before: Manifest | None, counts: Counts, number: int, afresh: bool
    ) -> Target:
        """Where the passages of the generation are; with ``afresh``, or where some are missing, written anew."""
        target = self.writer.target(self.recipe, [])
        is_new = before is None or target.number != before.passages_in.number
        condition = f"since <= {number} and until > {number}"
        there = self.store.connection.count(self.store.names.passages(target.number), condition)
        if there == counts.passages and (is_new or not afresh):
            return target
        if there != counts.passages:
            told = "%s has %d passages, not %d: writing them anew"
            logger.warning(told, self.store.connection.place, there, counts.passages)
        return self._rewritten(counts, number)

    def _rewritten(self, counts: Counts, number: int) -> Target:
        """A new collection with the passages of all current versions, by the averages of now."""
        averages = {
            name: one.statistics(counts.passages).average_length
            for name, one in counts.fields.items()
        }
        target = self.writer.new_target(self.recipe, averages)
        collection = self.store.names.passages(target.number)
        for page in self.store.versions.pages(f"state == {CURRENT}", _PAGE):
            contents = self._contents(page)
            dense = Stored(self.store).dense_of([one.id for one in page])
            for one in page:
                content, vectors = contents[one.id], dense.get(one.id)
                if vectors is None or len(vectors) != len(content.spans):
                    raise IndexCorrupt(
                        f"the vectors of {one.header.reference} are gone",
                        path=str(self.store.connection.place),
                    )
                item = content.indexed(one.header, one.told.digest, vectors)
                shown = replace(one, since=number)
                rows = passage_rows(shown, item, terms_of(one.header, content), target)
                self.store.connection.write(collection, rows)
        return target

    def _contents(self, versions: Iterable[Version]) -> dict[str, Content]:
        wanted = [one.id for one in versions]
        found = self.store.versions.contents(wanted)
        if len(found) < len(wanted):
            missing = ", ".join(sorted(set(wanted) - found.keys())[:5])
            raise IndexCorrupt(f"texts are gone: {missing}", path=str(self.store.connection.place))
        return found

    # -- afterwards ------------------------------------------------------------------------

    def _point_alias(self, target: Target) -> None:
        """For other programs; readers of ours go by the manifest, which can't disagree with the generation."""
        connection, alias = self.store.connection, self.store.names.alias
        collection = self.store.names.passages(target.number)
        known = connection.call("list_aliases", collection_name="")["aliases"]
        verb = "alter_alias" if alias in known else "create_alias"
        connection.call(verb, collection_name=collection, alias=alias)

    def _clean_up(self, manifest: Manifest) -> None:
        """Delete what was removed, and what only generations show that nobody reads any more."""
        oldest = min((former[0] for former in manifest.former), default=manifest.generation)
        old = f"state == {SUPERSEDED} and until <= {oldest}"
        gone = f"({old}) or (state == {REMOVED} and until <= {manifest.generation})"
        rows = self.store.connection.scan(self.store.names.articles, gone, ["id"])
        for batch in batches([row["id"] for page in rows for row in page], BATCH):
            self.writer.drop(batch)
        last = manifest.generation - 1
        self._drop_documents(range(max(last - _FORMER_DOCUMENTS, 0), last))
        kept = {manifest.passages_in.number, *(found_in for _, found_in, _ in manifest.former)}
        for collection in self.store.connection.call("list_collections"):
            number = self.store.names.number(collection)
            if number is not None and number not in kept:
                options = {"collection_name": collection, "within_s": WRITE_S}
                self.store.connection.call("drop_collection", **options)

    def _drop_documents(self, generations: Iterable[int]) -> None:
        owners = [owner(n) for n in generations for owner in (counts_owner, statistics_owner)]
        if owners:
            self.store.connection.delete(self.store.names.texts, "owner", owners)


def _former(before: Manifest | None, now: float) -> tuple[tuple[int, int, float], ...]:
    if before is None:
        return ()
    replaced = (*before.former, (before.generation, before.passages_in.number, now))
    return tuple(former for former in replaced if former[2] > now - KEPT_S)
