"""Questions offered to readers: made from articles, asked before they are shown, kept if they are answered rightly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from itertools import chain, zip_longest

from pydantic import BaseModel, ConfigDict

from index import Article, ArticleAmbiguous, Filters, Index, Query
from service.answer import FALLBACK, Answerer
from service.generate.extractive import ExtractiveBackend
from service.generate.leads import is_near
from service.schema import Question
from service.sources import sources_of
from service.suggest.patterns import Kind
from service.suggest.questions import Draft, drafts

EXAMPLES = 6
"""Questions that are shown to somebody who comes for the first time."""

RELATED = 3
"""Questions that are shown below an answer."""

OUTLETS, PER_OUTLET = 12, 12
"""From how many outlets, the largest first, and from how many of the newest articles of each examples are drawn."""

NEIGHBOURS = 10
"""Articles near an answer's that related questions are made from."""

MOST_EXAMPLES_ASKED, MOST_RELATED_ASKED = 48, 10
"""Drafts that are asked at most before what was found is shown."""

EXAMPLES_S, RELATED_S = 30.0, 2.0
"""Seconds after which no further draft is asked."""

SAME = 0.6
"""Two questions of which the one has this share of the other's words, by rarity, ask much the same."""

RECENT_ARTICLES = 512
"""Articles whose drafts are remembered."""


class Suggestion(BaseModel):
    """A question that the archive answers, and the article that its answer cites."""

    model_config = ConfigDict(frozen=True)

    question: str
    kind: Kind
    article_id: str
    source: str
    title: str
    press: str | None
    section: str | None
    published_at: datetime | None


class Suggester:
    """Makes questions over one index, without a language model. Safe to use from several tasks at once."""

    def __init__(self, index: Index) -> None:
        backend = ExtractiveBackend(index.analyser, index.idf)
        self._index = index
        self._answerer = Answerer(index, {FALLBACK: backend}, default_backend=FALLBACK)
        self._drafts = lru_cache(maxsize=RECENT_ARTICLES)(self._drafts_of)

    async def examples(self, *, limit: int = EXAMPLES) -> list[Suggestion]:
        """Questions from recent articles, of kinds, outlets and sections as different as can be."""
        waiting = await asyncio.to_thread(self._recent)
        kept: list[Draft] = []
        ends, asked = time.monotonic() + EXAMPLES_S, 0
        while waiting and len(kept) < limit and asked < MOST_EXAMPLES_ASKED:
            if time.monotonic() > ends:
                break
            draft = min(waiting, key=lambda one: _familiarity(one, kept))
            waiting.remove(draft)
            if not any(self._is_same(draft.question, one.question) for one in kept):
                asked += 1
                kept += [draft] if await self._is_answered(draft) else []
        return list(map(_suggestion, kept))

    async def related(
        self, question: str, references: Sequence[str], *, limit: int = RELATED
    ) -> list[Suggestion]:
        """Questions from articles near those that an answer cites, ``references`` (``SOURCE/ID``); unknown ones are ignored.

        None asks what ``question`` asks, and no two ask the same.
        """
        waiting = await asyncio.to_thread(self._near, question, references)
        kept: list[Draft] = []
        ends, asked = time.monotonic() + RELATED_S, 0
        for draft in waiting:
            if len(kept) == limit or asked == MOST_RELATED_ASKED or time.monotonic() > ends:
                break
            others = [question, *(one.question for one in kept)]
            if any(self._is_same(draft.question, other) for other in others):
                continue
            asked += 1
            kept += [draft] if await self._is_answered(draft) else []
        return list(map(_suggestion, kept))

    async def _is_answered(self, draft: Draft) -> bool:
        """Whether the answer cites the draft's own article first, in a sentence with the words asked for."""
        answer = await self._answerer.answer(Question(question=draft.question))
        if answer.status != "answered":
            return False
        first = answer.citations[0]
        quoted = " ".join(first.quote.split())
        return first.key == draft.article.key and draft.answer in quoted

    def _recent(self) -> list[Draft]:
        """The drafts of the newest articles of each of the largest outlets, and of all, the newest first."""
        presses = self._index.tally().presses
        largest = sorted(presses, key=lambda name: -presses[name])[:OUTLETS]
        filters = [Filters(), *(Filters(press=(name,)) for name in largest)]
        found = [self._index.newest(one, limit=PER_OUTLET) for one in filters]
        keys = dict.fromkeys(key for row in zip_longest(*found) for key in row if key)
        return [draft for key in keys for draft in self._drafts(self._index.generation, key)]

    def _near(self, question: str, references: Sequence[str]) -> list[Draft]:
        """The drafts of neighbouring articles about the same, of the cited articles, of other neighbours; of each in turn."""
        cited = {article.key: article.title for article in self._articles(references)}
        if not cited:
            return []
        query = Query(next(iter(cited.values())), beside=question)
        hits = self._index.search(query, k=NEIGHBOURS)
        near = {
            s.article.key: self._is_about(s.article.title, question, cited.values())
            for s in sources_of(self._index, hits, query.text)
            if is_near(s) and s.article.key not in cited
        }
        about = [key for key, is_about in near.items() if is_about]
        others = [key for key, is_about in near.items() if not is_about]
        generation = self._index.generation
        return [
            draft
            for keys in (about, cited, others)
            for draft in _in_turn([self._drafts(generation, key) for key in keys])
        ]

    def _is_about(self, title: str, question: str, cited: Iterable[str]) -> bool:
        """Whether a title has the rarest word that the question shares with the titles of the cited articles."""
        words = self._index.analyser.morphemes
        shared = set(words(question)) & {word for one in cited for word in words(one)}
        idf = self._index.idf(shared)
        return not shared or max(shared, key=lambda word: (idf[word], word)) in words(title)

    def _articles(self, references: Sequence[str]) -> Iterator[Article]:
        """The articles that are meant and still there."""
        for reference in dict.fromkeys(references):
            with suppress(ArticleAmbiguous):
                if article := self._index.article(reference):
                    yield article

    def _drafts_of(self, generation: int, key: str) -> Sequence[Draft]:
        """Those of an article as it is in a generation, the likeliest to please first; none if it is gone."""
        article = self._index.article(key)
        if article is None:
            return ()
        return sorted(drafts(article, self._index.analyser), key=lambda draft: len(draft.question))

    def _is_same(self, one: str, other: str) -> bool:
        """Whether the rarer words of two questions are mostly the same."""
        words, others = (set(self._index.analyser.morphemes(text)) for text in (one, other))
        idf = self._index.idf(words | others)
        least = min(sum(idf[word] for word in each) for each in (words, others))
        return sum(idf[word] for word in words & others) >= SAME * least


def _familiarity(draft: Draft, kept: Sequence[Draft]) -> int:
    """How much a draft resembles those that are kept, by what it asks for, outlet and section; an article is used once."""
    article = draft.article
    return sum(
        (one.kind == draft.kind) * 2
        + (one.article.press == article.press)
        + (one.article.section == article.section)
        + (one.article.key == article.key) * 10
        for one in kept
    )


def _in_turn(by_article: Iterable[Sequence[Draft]]) -> Iterator[Draft]:
    """One draft of each article, then the second of each."""
    rows = zip_longest(*by_article)
    return (draft for draft in chain.from_iterable(rows) if draft is not None)


def _suggestion(draft: Draft) -> Suggestion:
    article = draft.article
    return Suggestion(
        question=draft.question,
        kind=draft.kind,
        article_id=article.id,
        source=article.source,
        title=article.title,
        press=article.press,
        section=article.section,
        published_at=article.published_at,
    )
