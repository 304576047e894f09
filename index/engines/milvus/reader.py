"""Searching a generation on a Milvus server, and noticing that there is a newer one.

A search asks for the nearest by vector and the best by terms of each spelling, then fetches the vectors of
exactly those passages, so that every candidate has all scores (``sparse`` says why they are computed here).
Whatever was found is compared with the versions of the articles, read strongly: so what was removed is gone
at once, however stale the search itself may be.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import numpy as np

from index.corpus import CorpusStatistics
from index.documents import SEOUL, Article, Filters, Passage
from index.engines.milvus.connection import Consistency, Row, conditions
from index.engines.milvus.generation import (
    Manifest,
    Store,
    collection_of,
    read_manifest,
    read_statistics,
)
from index.engines.milvus.schema import CURRENT, REMOVED, number_of
from index.engines.milvus.sparse import question_side, scores
from index.engines.milvus.versions import Version
from index.errors import EmbedderMismatch, EngineUnavailable, IndexNotFound, IndexUnusable
from index.protocols import (
    AnalysedText,
    Candidates,
    IndexInfo,
    LoadedPassage,
    Tally,
    Vectors,
    Weights,
)

logger = logging.getLogger(__name__)

POLL_S = 1.0
"""How often a newer generation is looked for, in seconds."""

FRESH_S = 15.0
"""How long after a publication searches are strong, in seconds: until bounded ones are sure to see it."""

RECENT_TEXTS = 256
"""Texts of articles that a process keeps at hand, some 40 kB each."""

_FILTER_IDS = 2_000  # articles in one condition of a search
# Back from the newest: windows in which the newest articles are looked for.
_DAYS = (7, 30, 365, 20_000)


@dataclass(frozen=True)
class View:
    """A generation that is searched, and since when (``time.monotonic``)."""

    manifest: Manifest
    statistics: CorpusStatistics
    since: float


class Reader:
    """The reading half of ``MilvusEngine``; see ``EngineReader``."""

    def __init__(self, store: Store) -> None:
        self._store, self._versions = store, store.versions
        self._view: View | None = None
        self._refreshing = threading.Lock()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        self._away: EngineUnavailable | None = None
        self._problem: str | None = None
        self._texts = lru_cache(maxsize=RECENT_TEXTS)(self._unpacked_text)

    # -- the newest generation -------------------------------------------------------------

    def watch(self) -> None:
        """Look for newer generations from now on."""
        self._watcher = threading.Thread(target=self._watch, name="gisa-milvus", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Look for no newer generation any more."""
        self._closed.set()
        if self._watcher is not None:
            self._watcher.join()

    def refresh(self) -> None:
        """Take the newest generation into use; where there is one in use already, it stays if that fails.

        Raises IndexNotFound, IndexCorrupt, EngineUnavailable.
        """
        with self._refreshing:
            try:
                self._look()
                self._tell(None)
            except IndexUnusable as error:
                if self._view is None:
                    raise
                self._tell(error)

    def _look(self) -> None:
        manifest = read_manifest(self._store)
        if manifest is None:
            raise IndexNotFound(self._place)
        if self._view is None or manifest.generation != self._view.manifest.generation:
            self._refuse_another_embedder(manifest)
            statistics = read_statistics(self._store, manifest)
            self._view = View(manifest, statistics, time.monotonic())

    def _refuse_another_embedder(self, manifest: Manifest) -> None:
        if self._view is None:
            return
        known, found = self._view.manifest.passages_in, manifest.passages_in
        if known.embedder != found.embedder:
            raise EmbedderMismatch(
                path=self._place, built_with=found.embedder, configured=known.embedder
            )

    def _watch(self) -> None:
        while not self._closed.wait(POLL_S):
            try:
                self.refresh()
            except Exception as error:  # whatever it is, the next round tries again
                logger.exception("looking for a newer generation failed")
                self._problem = f"looking for a newer generation failed: {error}"

    def _tell(self, error: IndexUnusable | None) -> None:
        problem = None if error is None else f"{error}. {error.remedy}"
        if problem is None and self._problem is not None:
            logger.info("%s: the newest generation is in use", self._place)
        elif problem is not None and self._problem is None:
            logger.error("%s", problem)
        self._problem = problem
        self._away = error if isinstance(error, EngineUnavailable) else None

    @property
    def view(self) -> View:
        """The generation that is searched; looked up when it is first asked for."""
        if self._view is None:
            self.refresh()
        assert self._view is not None  # noqa: S101 - refresh raises otherwise
        return self._view

    @property
    def _place(self) -> str:
        return str(self._store.connection.place)

    def statistics(self) -> CorpusStatistics:
        """As ``EngineReader.statistics``."""
        return self.view.statistics

    def problem(self) -> str | None:
        """As ``EngineReader.problem``."""
        return self._problem

    def info(self) -> IndexInfo:
        """As ``EngineReader.info``, of what was published. Raises EngineUnavailable while the server is away."""
        if self._away is not None:
            raise self._away
        manifest, known = self.view.manifest, self.view.statistics
        return IndexInfo(
            articles=manifest.articles,
            passages=known.passages,
            generation=manifest.generation,
            embedder=manifest.passages_in.embedder,
            dimension=manifest.passages_in.dimension,
            published_from=known.first_day,
            published_to=known.last_day,
            bytes=0,
            presses=known.presses,
            sections=known.sections,
            analyser=manifest.analyser,
        )

    # -- searching -------------------------------------------------------------------------

    def search(
        self, vector: Vectors, queries: Sequence[Weights], filters: Filters, depth: int
    ) -> Candidates:
        """As ``EngineReader.search``: a search a side, and two reads of what was found."""
        view = self.view
        target, consistency = view.manifest.passages_in, self._consistency(view)
        collection = self._store.names.passages(target.number)
        sides: list[tuple[str, object]] = [("dense", np.asarray(vector, np.float32))]
        sides += [("sparse", side) for query in queries if (side := question_side(query))]
        found: dict[str, None] = {}
        shown = list(self._conditions(filters, view))
        for column, wanted in sides:
            hits: dict[str, float] = {}
            for condition in shown:
                hits |= self._store.connection.search(
                    collection, column, wanted, condition, depth, consistency
                )
            found |= dict.fromkeys(heapq.nlargest(depth, hits, key=lambda hit: hits[hit]))
        columns = ["id", "text", "day", "lengths", "dense", "sparse"]
        rows = self._store.connection.among(
            collection, "id", list(found), columns, consistency=consistency
        )
        return self._candidates(view, rows, vector, queries)

    def _consistency(self, view: View) -> Consistency:
        is_fresh = time.monotonic() - view.since < FRESH_S
        return "Strong" if is_fresh else self._store.connection.place.consistency

    def _candidates(
        self, view: View, rows: list[Row], vector: Vectors, queries: Sequence[Weights]
    ) -> Candidates:
        target, number = view.manifest.passages_in, view.manifest.generation
        versions = self._versions.of_texts([row["text"] for row in rows])
        told = [(row, versions[row["text"]]) for row in rows if row["text"] in versions]
        told = [(row, one) for row, one in told if one.is_shown_in(number)]
        dense = np.array([row["dense"] for row, _ in told], np.float32)
        leaders = [one.leader_in(number) for _, one in told]
        return Candidates(
            passages=[row["id"] for row, _ in told],
            texts=[one.id for _, one in told],
            stories=leaders,
            leads=np.array(
                [one.told.key == of for (_, one), of in zip(told, leaders, strict=True)], np.bool_
            ),
            dense=dense.reshape(len(told), target.dimension) @ np.asarray(vector, np.float32),
            lexical=scores(
                [row["sparse"] for row, _ in told],
                [list(row["lengths"]) for row, _ in told],
                queries,
                target.averages,
                view.statistics,
            ),
            days=np.array([row["day"] for row, _ in told], np.int32),
            generation=number,
            token=view.manifest.token,
        )

    def _conditions(self, filters: Filters, view: View, also: str = "") -> Iterator[str]:
        """What rows must meet, of articles and of passages alike; several where many articles are named."""
        number = view.manifest.generation
        parts = [f"since <= {number} and until > {number}"]
        if also:
            parts.append(also)
        if filters.published_from:
            parts.append(f"day >= {filters.published_from.toordinal()}")
        if filters.published_to:
            parts.append(f"day > 0 and day <= {filters.published_to.toordinal()}")
        for column, names in (("press", filters.press), ("section", filters.section)):
            if names:
                parts.append(f"{column} in [{_listed(names)}]")
        if filters.reporters:
            parts.append(f"array_contains_any(reporters, [{_listed(filters.reporters)}])")
        shown = " and ".join(parts)
        if not filters.article_ids:
            yield shown
            return
        meant = self._versions.keys(filters.article_ids).values()
        keys = [number_of(key) for of_name in meant for key in of_name]
        yield from conditions("key", keys, shown, _FILTER_IDS)

    # -- what is shown ---------------------------------------------------------------------

    def passages(self, ids: Sequence[str], token: str) -> Mapping[str, LoadedPassage]:
        """As ``EngineReader.passages``."""
        collection = self._store.names.passages(collection_of(token)) if ids else ""
        if not ids or not self._is_there(collection):
            return {}
        columns = ["id", "text", "ordinal", "start", "stop", "content"]
        # What an id means never changes: only whether it is still there is read strongly.
        consistency = self._consistency(self.view)
        rows = self._store.connection.among(collection, "id", ids, columns, consistency=consistency)
        versions = self._versions.of_texts([row["text"] for row in rows], headers=True)
        headers = self._versions.headers(versions.values())
        outlets = self._outlets(list(versions.values()))
        found = {}
        for row in rows:
            if row["text"] not in headers:
                continue
            header = headers[row["text"]]
            span = int(row["start"]), int(row["stop"])
            passage = Passage(header.id, int(row["ordinal"]), row["content"], *span)
            also = outlets.get(row["text"], ())
            found[row["id"]] = LoadedPassage(passage, header, row["text"], also)
        return found

    def _is_there(self, collection: str) -> bool:
        """Whether a collection, of a former generation perhaps, was not deleted."""
        number = self.view.manifest.passages_in.number
        if collection == self._store.names.passages(number):
            return True
        return bool(self._store.connection.call("has_collection", collection_name=collection))

    def _outlets(self, versions: Sequence[Version]) -> dict[str, tuple[str, ...]]:
        """By text the other presses that tell its story; a version that is replaced has none."""
        current = [one for one in versions if one.state == CURRENT]
        stories = self._versions.led_by({one.told.leader for one in current})
        found = {}
        for one in current:
            story = sorted(stories.get(one.told.leader, ()), key=_moment)
            presses = dict.fromkeys(each.told.press for each in story if each.told.press)
            found[one.id] = tuple(press for press in presses if press != one.told.press)
        return found

    def texts(self, ids: Sequence[str], token: str) -> Mapping[str, AnalysedText]:
        """As ``EngineReader.texts``; the latest are kept unpacked."""
        there = self._versions.of_texts(ids)
        found = {}
        for text in there:
            with suppress(LookupError):  # it went between the two
                found[text] = self._texts(text)
        return found

    def _unpacked_text(self, text: str) -> AnalysedText:
        consistency = self._consistency(self.view)
        return self._versions.contents([text], vectors=True, consistency=consistency)[text].text

    def article(self, article_id: str) -> Article | None:
        """As ``EngineReader.article``."""
        for version in self._versions.current([article_id], headers=True).values():
            header = self._versions.headers([version])[version.id]
            content = self._versions.contents([version.id]).get(version.id)
            if content is not None:
                return Article(**vars(header), body=content.text.body)
        return None

    # -- what there is ---------------------------------------------------------------------

    def tally(self, filters: Filters) -> Tally:
        """As ``EngineReader.tally``: reads a few numbers of each article that meets the filters."""
        view = self.view
        columns = ["day", "press", "section", "passages"]
        days: Counter[int] = Counter()
        presses: Counter[int] = Counter()
        sections: Counter[int] = Counter()
        articles = passages = 0
        for condition in self._conditions(filters, view, f"state != {REMOVED}"):
            for page in self._store.connection.scan(self._store.names.articles, condition, columns):
                articles += len(page)
                passages += sum(int(row["passages"]) for row in page)
                days.update(int(row["day"]) for row in page if row["day"])
                presses.update(int(row["press"]) for row in page if row["press"])
                sections.update(int(row["section"]) for row in page if row["section"])
        return Tally(
            generation=view.manifest.generation,
            articles=articles,
            passages=passages,
            days={date.fromordinal(day): count for day, count in days.items()},
            presses=_named(presses, view.statistics.presses),
            sections=_named(sections, view.statistics.sections),
        )

    def newest(self, filters: Filters, limit: int) -> Sequence[str]:
        """As ``EngineReader.newest``: looks into ever longer stretches of days, from the last day back."""
        view, found = self.view, list[tuple[int, Version]]()
        last = view.statistics.last_day
        upper = last.toordinal() if last else 0
        for days in _DAYS if upper else ():
            lower = max(upper - days, 0)
            found += self._leading(filters, view, f"day > {lower} and day <= {upper}")
            upper = lower
            if len(found) >= limit or not upper:
                break
        if len(found) < limit:
            found += self._leading(filters, view, f"(day == 0 or (day > 0 and day <= {upper}))")
        found.sort(key=lambda one: (-one[0], -one[1].sequence))
        return [version.told.key for _, version in found[:limit]]

    def _leading(self, filters: Filters, view: View, within: str) -> list[tuple[int, Version]]:
        """With their days the versions that lead their stories."""
        number = view.manifest.generation
        days: dict[str, int] = {}
        for condition in self._conditions(filters, view, f"state != {REMOVED} and {within}"):
            for page in self._store.connection.scan(self._store.names.articles, condition, ["day"]):
                days |= {row["id"]: int(row["day"]) for row in page}
        versions = self._versions.of_texts(list(days))
        return [
            (days[text], one)
            for text, one in versions.items()
            if one.leader_in(number) == one.told.key
        ]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(str(number_of(name)) for name in names)


def _named(counts: Mapping[int, int], names: Sequence[str]) -> dict[str, int]:
    known = {number_of(name): name for name in names}
    return {known[number]: count for number, count in counts.items() if number in known}


def _moment(version: Version) -> datetime:
    moment = version.told.moment
    return datetime.fromisoformat(moment) if moment else datetime.max.replace(tzinfo=SEOUL)
