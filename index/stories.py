"""Which articles tell one story: near-duplicate clusters around a leader, whatever the engine.

A story is an article that leads, and the articles that say the same as the leader. An article leads
unless one that is preferred to it says the same and leads: the most complete is preferred, then the
earliest. So which articles lead depends on the live articles alone, not on the order in which they
came, and likeness never chains: every copy was compared with its leader. Only leaders carry the bands
of their fingerprints as labels, so a story of thousands of copies costs no more than one of two.

What is planned here is written by the engine together with the articles (``EngineWriter.put``). All
that a plan needs of the store it asks for in batches: one for the articles given, and one more for
each round of copies whose leader leads no longer.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain

from index.corrections import title_labels
from index.documents import Article, ArticleHeader
from index.duplicates import MAX_DAYS_APART, Fingerprint, fingerprint, same_story
from index.protocols import EngineWriter, IndexedArticle, Links, StoredArticle

_MAX_CANDIDATES = 100  # most bands in common first: bounds the work where thousands look alike

_Rank = tuple[int, float, str]
"""Preference in a story, the preferred first; the last is the article's id."""


def stories_with(
    articles: Sequence[IndexedArticle], before: Mapping[str, StoredArticle], writer: EngineWriter
) -> dict[str, Links]:
    """Who leads, and under which labels, once the articles are put.

    ``before`` are the versions that they replace. Named are the articles, and those that change over
    to another leader.
    """
    members = [_Member(item.article, known_fingerprint=item.fingerprint) for item in articles]
    return _Plan(writer, before).place(members)


def stories_without(before: Mapping[str, StoredArticle], writer: EngineWriter) -> dict[str, Links]:
    """Who leads once the articles ``before`` are removed."""
    return _Plan(writer, before).place([])


def band_label(band: int) -> str:
    """The label under which leaders are found by one band of their fingerprint."""
    return f"band:{band}"


@dataclass(frozen=True)
class _Member:
    """An article as a member of stories; ``led_before`` if it leads one in the store."""

    article: Article
    stored: bool = False
    led_before: bool = False
    known_fingerprint: Fingerprint | None = None

    @cached_property
    def fingerprint(self) -> Fingerprint | None:
        return self.known_fingerprint or fingerprint(self.article.body)

    @cached_property
    def bands(self) -> tuple[str, ...]:
        return tuple(map(band_label, self.fingerprint.bands)) if self.fingerprint else ()

    @cached_property
    def rank(self) -> _Rank:
        body, day = self.article.body, _moment(self.article)
        chars = len(body) - body.count(" ") - body.count("\n")
        return -chars, day.timestamp() if day else float("inf"), self.article.key

    def links(self, leader: str) -> Links:
        """Those of the article under a leader, or leading itself."""
        leads = leader == self.article.key
        if self.stored and leads == self.led_before:
            return Links(leader)
        return Links(leader, title_labels(self.article) | (set(self.bands) if leads else set()))


class _Plan:
    """Finds leaders; what it has decided goes before what the store says."""

    def __init__(self, writer: EngineWriter, before: Mapping[str, StoredArticle]) -> None:
        """The articles ``before`` are gone, or about to come back as others."""
        self._writer = writer
        self._members: dict[str, _Member] = {}
        self._placed = set(before)  # what the store says of these counts no more
        self._leaders: dict[str, str] = {}
        self._leading: defaultdict[str, set[str]] = defaultdict(set)  # by band, those decided here
        self._stored: dict[str, list[str]] = {}  # by band, leaders in the store
        self._moments: dict[str, datetime | None] = {}  # of these
        self._near: dict[str, Counter[str]] = {}  # by article, leaders in the store about its day
        self._orphans = self._copies_in_store([i for i, old in before.items() if old.leader == i])

    def place(self, members: Sequence[_Member]) -> dict[str, Links]:
        """Give each of these and of the orphans the leader that it follows, or let it lead."""
        self._members |= {member.article.key: member for member in members}
        waiting = self._awaited([*self._members, *self._orphans])
        heapq.heapify(waiting)
        while waiting:
            rank = heapq.heappop(waiting)
            alike = sorted(self._leaders_alike(self._members[rank[-1]]))
            if alike and alike[0] < rank:
                self._leaders[rank[-1]] = alike[0][-1]
                continue
            self._lead(rank[-1])
            for dissolved in self._awaited(self._dissolve([weaker[-1] for weaker in alike])):
                heapq.heappush(waiting, dissolved)
        return {i: self._members[i].links(leader) for i, leader in self._leaders.items()}

    def _awaited(self, ids: Sequence[str]) -> list[_Rank]:
        """The ranks of articles that wait for a place; all that placing them needs is fetched."""
        if not ids:
            return []
        self._placed.update(ids)
        self._fetch(ids)
        waiting = [self._members[i] for i in ids]
        self._look_up({band for member in waiting for band in member.bands} - self._stored.keys())
        self._near |= {member.article.key: self._near_in_store(member) for member in waiting}
        self._fetch({i for member in waiting for i in self._candidates(member)})
        return [member.rank for member in waiting]

    def _fetch(self, ids: Iterable[str]) -> None:
        missing = [i for i in ids if i not in self._members]
        found = self._writer.stored(missing) if missing else {}
        for article_id, stored in found.items():
            led = stored.leader == article_id
            self._members[article_id] = _Member(stored.article, stored=True, led_before=led)

    def _look_up(self, bands: Collection[str]) -> None:
        found = self._writer.labelled(bands) if bands else {}
        for band in bands:
            self._stored[band] = [header.key for header in found.get(band, ())]
            self._moments |= {header.key: _moment(header) for header in found.get(band, ())}

    def _near_in_store(self, own: _Member) -> Counter[str]:
        """Leaders in the store, about its day, by the bands that they have in common with an article."""
        common = Counter(chain.from_iterable(self._stored[band] for band in own.bands))
        day = _moment(own.article)
        return Counter({i: n for i, n in common.items() if _about(day, self._moments[i])})

    def _candidates(self, own: _Member) -> list[str]:
        """The leaders that have most bands in common with an article, and are about its day."""
        near = self._near[own.article.key].items()
        common = Counter({i: n for i, n in near if i not in self._placed})
        day = _moment(own.article)
        for i in chain.from_iterable(self._leading[band] for band in own.bands):
            common[i] += _about(day, _moment(self._members[i].article))
        found = ((-n, i) for i, n in common.items() if n)
        return [i for _, i in heapq.nsmallest(_MAX_CANDIDATES, found)]

    def _leaders_alike(self, own: _Member) -> Iterator[_Rank]:
        candidates = self._candidates(own)
        self._fetch(candidates)
        for other in (self._members[i] for i in candidates):
            if _alike(own.fingerprint, other.fingerprint):
                yield other.rank

    def _lead(self, article_id: str) -> None:
        self._leaders[article_id] = article_id
        for band in self._members[article_id].bands:
            self._leading[band].add(article_id)

    def _dissolve(self, ids: Sequence[str]) -> list[str]:
        """These lead no more: they wait for a place again, and so do their copies."""
        led_in_store = [i for i in ids if i not in self._placed]
        self._placed.update(ids)
        copies = [i for i, leader in self._leaders.items() if leader in ids and i not in ids]
        for article_id in [*ids, *copies]:
            self._leaders.pop(article_id, None)
        for article_id in ids:
            for band in self._members[article_id].bands:
                self._leading[band].discard(article_id)
        return [*ids, *copies, *self._copies_in_store(led_in_store)]

    def _copies_in_store(self, leaders: Sequence[str]) -> list[str]:
        stories = self._writer.stories(leaders).values() if leaders else ()
        return [copy for story in stories for copy in story[1:] if copy not in self._placed]


def _alike(one: Fingerprint | None, other: Fingerprint | None) -> bool:
    return one is not None and other is not None and same_story(one, other)


def _moment(article: ArticleHeader) -> datetime | None:
    """When it appeared. The date of a page's header says when the page was copied."""
    return None if article.published_at_source == "page_header" else article.published_at


_NEAR = timedelta(days=MAX_DAYS_APART)


def _about(one: datetime | None, other: datetime | None) -> bool:
    return one is None or other is None or abs(one - other) <= _NEAR
