"""Hybrid retrieval: a question in, the best passages of k distinct stories out (see ``index.ranking``).

A passage's score is its cosine with the question plus its BM25 scores, each normalised by what the
question could reach at most (``index.corpus``) and weighted in units of the embedder's own
spread of cosines. Unlike rank fusion and per-query min-max, this keeps the evidence that a question's
words are not in the corpus at all: then the lexical part is small by itself and the dense side decides.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from index import ranking
from index.analysers import shared_analyser
from index.background import Background
from index.corpus import CorpusStatistics
from index.documents import (
    KEY_SEPARATOR,
    Article,
    ArticleHeader,
    Explanation,
    FieldScore,
    Filters,
    Hit,
    Preferences,
    reference_of,
)
from index.errors import EmbedderMismatch, IndexEmpty, the_one
from index.korean import FIELDS, KoreanAnalyser, passage_terms
from index.model_cache import default_cache_dir
from index.protocols import (
    AnalysedText,
    Candidates,
    Embedder,
    EngineReader,
    IndexInfo,
    LoadedPassage,
    Reranker,
    Tally,
    Terms,
    Vectors,
)
from index.variants import variants

logger = logging.getLogger(__name__)

RERANKED = 30
"""Passages that a reranker reads, where there is one."""


@dataclass
class Query:
    """A question to one index for as long as one answer takes, which may search it several times.

    ``beside`` was said with it: its words may help to find a passage. The question is spelt once, and what the
    engine found under the same filters is remembered.
    """

    text: str
    beside: str = ""
    preferences: Preferences = dataclasses.field(default_factory=Preferences)
    variants: Sequence[str] | None = None
    spellings: Sequence[Terms] = ()
    found: dict[tuple[Filters, int], Candidates] = dataclasses.field(default_factory=dict)


class Index:
    """An opened index: ``search`` it, read its articles. Safe to use from several threads."""

    def __init__(
        self,
        engine: EngineReader,
        embedder: Embedder,
        analyser: KoreanAnalyser,
        reranker: Reranker | None = None,
        cache: Path | None = None,
    ) -> None:
        """``cache`` is the folder of what is computed once for an embedder; None: it is computed each time."""
        self._engine, self.embedder, self.analyser = engine, embedder, analyser
        self._reranker = reranker
        self._background = Background(embedder, cache)
        self._embed = lru_cache(maxsize=1_024)(lambda text: embedder.embed_queries([text])[0])

    def search(
        self,
        question: str | Query,
        *,
        filters: Filters = Filters(),
        k: int = 10,
        per_story: int = 1,
        explain: bool = False,
    ) -> list[Hit]:
        """The best passages of the ``k`` best stories, at most ``per_story`` of each, best story first.

        ``explain`` adds the parts of each score.
        """
        query = question if isinstance(question, Query) else Query(question)
        corpus = self.statistics()
        candidates = self._candidates(query, filters, k)
        fused = ranking.fuse(candidates, corpus.cosine_spread)
        fresh = ranking.freshness(candidates, self.cosine_spread, query.preferences.fresh_on)
        preferred = self._preferred(query, filters, candidates, fused + fresh)
        scores = fused + fresh + preferred
        if self._reranker:
            scores = self._reranked(query.text, candidates, scores, self._reranker)
        chosen = ranking.choose(
            candidates,
            scores,
            corpus.cosine_spread,
            k=k,
            per_story=per_story,
            interleaved=self._reranker is None,
        )
        loaded = self.passages([candidates.passages[i] for i in chosen], candidates.token)
        present = [i for i in chosen if candidates.passages[i] in loaded]
        hits = [
            _hit(rank, i, candidates, scores, loaded[candidates.passages[i]])
            for rank, i in enumerate(present, start=1)
        ]
        if not explain:
            return hits
        texts = self.texts(hits)
        return [
            _explained(
                hit,
                texts.get(hit.version),
                query.spellings,
                corpus,
                float(fresh[i]),
                float(preferred[i]),
            )
            for hit, i in zip(hits, present, strict=True)
        ]

    def candidates(self, question: str, *, filters: Filters = Filters(), k: int = 10) -> Candidates:
        """What ``search`` ranks: the best passages of each side with both scores."""
        return self._candidates(Query(question), filters, k)

    def passages(self, ids: Sequence[str], token: str) -> Mapping[str, LoadedPassage]:
        """Passages by the ids of ``candidates``; those that are gone are left out."""
        return self._engine.passages(ids, token)

    def spellings(self, query: Query) -> Sequence[str]:
        """Other spellings of the question that the corpus knows (see ``index.variants``)."""
        if query.variants is None:
            query.variants = variants(query.text, self.analyser, self.statistics())
        return query.variants

    def _preferred(
        self, query: Query, filters: Filters, candidates: Candidates, scores: Vectors
    ) -> Vectors:
        """What meeting the question's preferences adds to each candidate's score."""
        wanted, spread = query.preferences, self.cosine_spread
        added = np.zeros(len(candidates.passages), dtype=np.float32)
        both = filters.narrowed(wanted.filters) if wanted.filters else None
        if both is not None:
            inside = self._searched(query, both, ranking.CANDIDATES).passages
            added += ranking.bonus(candidates, inside, ranking.PREFERRED * spread)
        if wanted.names_time:
            best = ranking.best(scores + added, ranking.LOOKED_AT)
            loaded = self.passages([candidates.passages[i] for i in best], candidates.token)
            naming = [
                id
                for id, found in loaded.items()
                if wanted.names_time(found.passage.text, found.article.published_on)
            ]
            added += ranking.bonus(candidates, naming, ranking.NAMES_TIME * spread)
        return added

    def _reranked(
        self, question: str, candidates: Candidates, scores: Vectors, reranker: Reranker
    ) -> Vectors:
        """The reranker's scores for the best ``RERANKED``; the others keep their order below these."""
        best = ranking.best(scores, RERANKED)
        loaded = self.passages([candidates.passages[i] for i in best], candidates.token)
        read = [i for i in best if candidates.passages[i] in loaded]
        if not read:
            return scores
        texts = [loaded[candidates.passages[i]].passage.text for i in read]
        judged = reranker.scores(question, texts)
        reranked: Vectors = scores - scores.max() + judged.min() - 1
        reranked[read] = judged
        return reranked

    def embed(self, question: str) -> Vectors:
        """The question's unit vector, float32 (dimension,); the latest ones are remembered."""
        vector: Vectors = self._embed(question)
        return vector

    def forget_questions(self) -> None:
        """Drop the vectors remembered: a question put twice is timed as if it were new."""
        self._embed.cache_clear()

    def similarities(self, question: str, text: AnalysedText) -> Vectors | None:
        """The ``salience`` of each sentence; None for a text whose sentences have no vectors."""
        if text.vectors is None:
            return None
        return self.salience(question, text.vectors @ self.embed(question))

    def salience(self, question: str, cosines: Vectors) -> Vectors:
        """By how many spreads some cosines with the question exceed that of an ordinary passage.

        It does not depend on what else was found, nor on filters.
        """
        corpus = self.statistics()
        centroid, spread = self._background.blended(corpus)
        found: Vectors = (cosines - np.float32(self.embed(question) @ centroid)) / spread
        return found

    def _candidates(self, query: Query, filters: Filters, k: int) -> Candidates:
        """At least ``k`` stories, if there are: the copies of one can fill the first candidates."""
        depth = max(ranking.CANDIDATES, k * 4)
        preferred = query.preferences.filters
        both = filters.narrowed(preferred) if preferred else None
        while True:
            candidates = self._searched(query, filters, depth)
            if both is not None:
                inside = self._searched(query, both, ranking.CANDIDATES)
                candidates = ranking.union(candidates, inside)
            if len(candidates.passages) < depth or len(set(candidates.stories)) >= k:
                return candidates
            depth *= 4

    def _searched(self, query: Query, filters: Filters, depth: int) -> Candidates:
        """What the engine finds, or has found before."""
        if (filters, depth) not in query.found:
            query.found[filters, depth] = self._found(query, filters, depth)
        return query.found[filters, depth]

    def _found(self, query: Query, filters: Filters, depth: int) -> Candidates:
        vector, corpus = self.embed(query.text), self.statistics()
        if not query.spellings:
            texts = [query.text, *self.spellings(query)]
            query.spellings = [self.analyser.terms(text) for text in texts]
        beside = self.analyser.terms(query.beside) if query.beside else {}
        queries = [
            {
                field: corpus.weights(field, terms, beside.get(field, ()))
                for field, terms in spelling.items()
            }
            for spelling in query.spellings
        ]
        return self._engine.search(vector, queries, self._with_subsections(filters), depth)

    def _with_subsections(self, filters: Filters) -> Filters:
        """The filters with the paths of sections below those that they name: ``경제>반도체`` for ``경제``."""
        if not filters.section:
            return filters
        known = self.statistics().sections
        below = [s for s in known if any(s.startswith(f"{name}>") for name in filters.section)]
        return replace(filters, section=tuple(dict.fromkeys((*filters.section, *below))))

    def article(self, article_id: str) -> Article | None:
        """The current version of the article with this public id, key or reference (``SOURCE/ID``).

        Raises ArticleAmbiguous where several sources share the id.
        """
        keys = self._engine.keys([article_id]).get(article_id)
        return self._engine.article(the_one(article_id, keys)) if keys else None

    def names(self, articles: Sequence[ArticleHeader]) -> tuple[str, ...]:
        """The distinct public ids of some articles, in order; ``SOURCE/ID`` where several sources share one."""
        return tuple(self._names([article.key for article in articles]).values())

    def _names(self, keys: Iterable[str]) -> dict[str, str]:
        public = {key: key.rpartition(KEY_SEPARATOR)[2] for key in keys}
        known = self._engine.keys(list(dict.fromkeys(public.values())))
        is_own = {key: known.get(id, (key,)) == (key,) for key, id in public.items()}
        return {key: public[key] if is_own[key] else reference_of(key) for key in public}

    def stories(self, article_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By article, the ids of all that tell the same story in nearly the same words, its own too.

        The most complete comes first; ids are as ``names`` gives them. Articles are named as in ``article``;
        unknown ones are left out, and an id that sources share means the first.
        """
        keys = {name: of_name[0] for name, of_name in self._engine.keys(article_ids).items()}
        stories = self._engine.stories(list(dict.fromkeys(keys.values())))
        named = self._names(key for story in stories.values() for key in story)
        return {
            name: tuple(named[member] for member in stories[key])
            for name, key in keys.items()
            if key in stories
        }

    def texts(self, hits: Collection[Hit]) -> Mapping[str, AnalysedText]:
        """The texts that the hits' offsets refer to, by ``Hit.version``; without those removed meanwhile."""
        by_token: dict[str, dict[str, None]] = {}
        for hit in hits:
            token, _, text_id = hit.version.partition("/")
            by_token.setdefault(token, {})[text_id] = None
        return {
            _version(token, text_id): text
            for token, text_ids in by_token.items()  # one token, for the hits of one search
            for text_id, text in self._engine.texts(list(text_ids), token).items()
        }

    def tally(self, filters: Filters = Filters()) -> Tally:
        """How many articles meet the filters, by day, outlet and section (whole paths). Reads no text."""
        return self._engine.tally(self._with_subsections(filters))

    def newest(self, filters: Filters = Filters(), *, limit: int) -> Sequence[str]:
        """The keys of the last articles that meet the filters, newest first, copies left out; for ``article``."""
        return self._engine.newest(self._with_subsections(filters), limit)

    def idf(self, morphemes: Iterable[str]) -> Mapping[str, float]:
        """How rare each morpheme is in the corpus."""
        return self.statistics().idf("morphemes", morphemes)

    def statistics(self) -> CorpusStatistics:
        """What is known of the corpus as a whole; it never waits."""
        return self._engine.statistics()

    def info(self) -> IndexInfo:
        """What the index holds."""
        return self._engine.info()

    @property
    def generation(self) -> int:
        """The number of the generation that is searched now."""
        return self.statistics().generation

    @property
    def problem(self) -> str | None:
        """Why the newest state of the index is not the one that is searched; None: it is."""
        return self._engine.problem()

    @property
    def cosine_spread(self) -> float:
        """The standard deviation of the cosine between two passages, in which scores are weighed."""
        spread: float = max(self.statistics().cosine_spread, ranking.MIN_SPREAD)
        return spread

    @property
    def coverage(self) -> tuple[date | None, date | None]:
        """The first and the last day on which an article was published; None: no dates."""
        return self.statistics().first_day, self.statistics().last_day

    @property
    def presses(self) -> tuple[str, ...]:
        """The names of the outlets whose articles the index holds."""
        return self.statistics().presses

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections in which they appeared; of a path (``경제>반도체``) also those above it."""
        paths = (name.split(">") for name in self.statistics().sections)
        above = (">".join(path[: n + 1]) for path in paths for n in range(len(path)))
        return tuple(dict.fromkeys(above))

    def has_reporter(self, name: str) -> bool:
        """Whether an article names this reporter."""
        return self.statistics().has_reporter(name)

    def close(self) -> None:
        """Close the engine under the index."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _hit(rank: int, i: int, candidates: Candidates, scores: Vectors, found: LoadedPassage) -> Hit:
    return Hit(
        rank=rank,
        passage=found.passage,
        article=found.article,
        score=float(scores[i]),
        dense=float(candidates.dense[i]),
        lexical={field: float(values[i]) for field, values in candidates.lexical.items()},
        also_reported_by=found.also_reported_by,
        version=_version(candidates.token, found.text),
        generation=candidates.generation,
    )


def _version(token: str, text_id: str) -> str:
    """What a hit knows its text by: the text, and the state of the index to read it from."""
    return f"{token}/{text_id}"


def _explained(
    hit: Hit,
    text: AnalysedText | None,
    spellings: Sequence[Terms],
    corpus: CorpusStatistics,
    fresh: float,
    preferred: float,
) -> Hit:
    """The hit with the parts of its score; ``text`` is None if it was removed meanwhile."""
    has: Terms = dict.fromkeys(FIELDS, ())
    if text is not None:
        has = passage_terms(hit.article.title, text, hit.passage.start, hit.passage.end)
    fields = {}
    for field, weight in ranking.lexical_weights(corpus.cosine_spread).items():
        words = set(has[field])
        idf = corpus.idf(field, (term for spelling in spellings for term in spelling[field]))
        matched = {term: value for term, value in idf.items() if term in words}
        missing = {term: value for term, value in idf.items() if term not in words}
        fields[field] = FieldScore(hit.lexical[field], weight, matched, missing)
    return replace(hit, explanation=Explanation(hit.dense, fields, fresh, preferred))


def open_over(
    engine: EngineReader,
    *,
    embedder: Embedder | Callable[[], Embedder],
    analyser: Callable[[], KoreanAnalyser] = shared_analyser,
    reranker: Reranker | None = None,
    place: Path | str,
) -> Index:
    """An index over an engine, with the embedder that it was built with; it closes the engine.

    ``embedder`` is one, or makes one; ``analyser`` makes one. ``place`` is told to the operator. Raises IndexEmpty,
    EmbedderMismatch, and what ``analyser`` and ``embedder`` raise; then the engine is closed.
    """
    with ExitStack() as opened:
        opened.callback(engine.close)
        info = engine.info()
        if not info.articles:
            raise IndexEmpty(place)
        # Loading Kiwi and the model takes seconds each; side by side they take those of the slower.
        with ThreadPoolExecutor(max_workers=1) as pool:
            analysing = pool.submit(analyser)
            embedder = embedder() if callable(embedder) else embedder
        if (info.embedder, info.dimension) != (embedder.name, embedder.dimension):
            raise EmbedderMismatch(path=place, built_with=info.embedder, configured=embedder.name)
        if info.analyser not in ("", analysing.result().fingerprint):
            told = "%s was analysed otherwise than this program does it: gisa index rebuild"
            logger.warning(told, place)
        index = Index(engine, embedder, analysing.result(), reranker, default_cache_dir())
        opened.pop_all()
        return index
