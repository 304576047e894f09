"""Hybrid retrieval: a question in, the best passages of k distinct stories out.

A passage's score is its cosine with the question plus its BM25 scores, each normalised by what the
question could reach at most (``index.engines.local.lexical``) and weighted in units of the embedder's own
spread of cosines. Unlike rank fusion and per-query min-max, this keeps the evidence that a question's
words are not in the corpus at all: then the lexical part is small by itself and the dense side decides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from index.documents import Article, Explanation, FieldScore, Filters, Hit
from index.engines.local import LocalEngine
from index.errors import EmbedderMismatch, IndexEmpty
from index.korean import FIELDS, KoreanAnalyser, passage_terms
from index.protocols import (
    AnalysedText,
    Candidates,
    Embedder,
    Engine,
    IndexInfo,
    LoadedPassage,
    Reranker,
    Terms,
    Vectors,
)
from index.variants import variants

CANDIDATES = 200
"""Passages taken from each side."""

LEXICAL_WEIGHTS: Mapping[str, float] = {"morphemes": 6.0, "bigrams": 6.0}
"""Weights of the lexical fields in standard deviations of the cosine between two passages."""

LEADER_LEEWAY = 0.5
"""Of the copies of a story the most complete one is shown if its best passage scores at most so many
standard deviations of the cosine between two passages less than the best copy's."""

FRESHNESS = 1.0
"""Where new articles are preferred: the loss with each doubling of a passage's age and ``FRESH_DAYS``, in
standard deviations of the cosine between two passages. A doubling weighs the same for years as for
months, so it fits young and old archives. Chosen on the even half of tests/corpus/recent.jsonl."""

FRESH_DAYS = 90

BESIDE = 0.25
"""What a word beside the question weighs of one within it."""

PREFERRED = 2.0
NAMES_TIME = 2.0
"""What meeting a preference adds, in standard deviations of the cosine between two passages."""

LOOKED_AT = 40
"""Passages whose text is read to see whether it names the time that the question names."""

FRONT = 3
"""Places that the sum of both sides fills; then the dense side's best take every other one."""

RERANKED = 30
"""Passages that a reranker reads, where there is one."""

_MIN_SPREAD = 0.02  # of a corpus too small or too uniform to tell


@dataclass(frozen=True)
class Preferences:
    """What a question suggests without demanding it: it raises, and never excludes.

    ``filters``: articles that meet them are preferred (a time that the question names, an outlet named in
    passing). ``names_time`` tells of a passage's text and its article's day of publication whether it names that
    time. ``fresh_on`` is the day from which newer articles are preferred to older ones.
    """

    filters: Filters = Filters()
    names_time: Callable[[str, date | None], bool] | None = None
    fresh_on: date | None = None


@dataclass
class Query:
    """A question to one index for as long as one answer takes, which may search it several times.

    ``beside`` was said with it: its words may help to find a passage. The question is spelt once, and what the
    engine found under the same filters is remembered.
    """

    text: str
    beside: str = ""
    preferences: Preferences = Preferences()
    variants: Sequence[str] | None = None
    spellings: Sequence[Terms] = ()
    found: dict[tuple[Filters, int], Candidates] = dataclasses.field(default_factory=dict)


class Index:
    """An opened index: ``search`` it, read its articles. Safe to use from several threads."""

    def __init__(
        self,
        engine: Engine,
        embedder: Embedder,
        analyser: KoreanAnalyser,
        reranker: Reranker | None = None,
    ) -> None:
        self._engine, self.embedder, self.analyser = engine, embedder, analyser
        self._reranker = reranker
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
        """The best passages of the ``k`` best stories, at most ``per_story`` of each, best first.

        ``explain`` adds the parts of each score.
        """
        query = question if isinstance(question, Query) else Query(question)
        candidates = self._candidates(query, filters, k)
        spread = max(candidates.cosine_spread, _MIN_SPREAD)
        fresh = freshness(candidates, spread, query.preferences.fresh_on)
        scores = fuse(candidates, spread) + fresh
        scores += np.float32(PREFERRED * spread) * self._preferred(query, filters, candidates)
        if query.preferences.names_time:
            scores += np.float32(NAMES_TIME * spread) * self._naming_time(query, candidates, scores)
        if self._reranker:
            scores = self._reranked(query.text, candidates, scores, self._reranker)
        ranking = _ranking(scores, candidates)
        told = _best_told(ranking, LEADER_LEEWAY * spread)
        chosen = _best_of_stories(ranking, told, k, per_story)
        if not self._reranker:
            dense = _ranking(candidates.dense, candidates)
            chosen = interleave(chosen, _best_of_stories(dense, told, k, per_story), candidates, k)
        loaded = self._engine.load(candidates.keys[chosen].tolist())
        present = [i for i in chosen if int(candidates.keys[i]) in loaded]
        hits = [
            self._hit(rank, int(i), candidates, scores, loaded)
            for rank, i in enumerate(present, start=1)
        ]
        if not explain:
            return hits
        return [
            self._explained(hit, query.spellings, spread, float(fresh[i]))
            for hit, i in zip(hits, present, strict=True)
        ]

    def candidates(self, question: str, *, filters: Filters = Filters(), k: int = 10) -> Candidates:
        """What ``search`` ranks: the best passages of each side with both scores."""
        return self._candidates(Query(question), filters, k)

    def load(self, keys: Sequence[int]) -> Mapping[int, LoadedPassage]:
        """Passages by the keys of ``candidates``; those that are gone are left out."""
        return self._engine.load(keys)

    def _spellings(self, query: Query) -> list[Any]:
        """The question's terms, and those of its other spellings."""
        spellings = [query.text, *self.spellings(query)]
        beside = self.analyser.terms(query.beside) if query.beside else {}
        found = []
        for spelling in spellings:
            terms = self.analyser.terms(spelling)
            found.append(
                {
                    field: {
                        **dict.fromkeys(beside.get(field, ()), BESIDE),
                        **dict.fromkeys(words, 1.0),
                    }
                    for field, words in terms.items()
                }
            )
        return found

    def spellings(self, query: Query) -> Sequence[str]:
        """Other spellings of the question that the corpus knows (see ``index.variants``)."""
        if query.variants is None:
            query.variants = variants(query.text, self.analyser, self._engine)
        return query.variants

    def _preferred(self, query: Query, filters: Filters, candidates: Candidates) -> Vectors:
        """1 for the candidates that meet the preferred filters."""
        wanted = query.preferences.filters
        if not wanted:
            return np.zeros(len(candidates.keys), dtype=np.float32)
        both = filters.narrowed(wanted)
        if both is None:
            return np.zeros(len(candidates.keys), dtype=np.float32)
        inside = query.found[both, CANDIDATES].keys
        return np.isin(candidates.keys, inside).astype(np.float32)

    def _naming_time(self, query: Query, candidates: Candidates, scores: Vectors) -> Vectors:
        names_time = query.preferences.names_time
        named = np.zeros(len(scores), dtype=np.float32)
        best = np.argsort(-scores, kind="stable")[:LOOKED_AT]
        loaded = self._engine.load(candidates.keys[best].tolist())
        for i in best.tolist():
            found = loaded.get(int(candidates.keys[i]))
            if found and names_time and names_time(found.passage.text, found.article.published_on):
                named[i] = 1
        return named

    def _reranked(
        self, question: str, candidates: Candidates, scores: Vectors, reranker: Reranker
    ) -> Vectors:
        """The reranker's scores for the best ``RERANKED``; the others keep their order below these."""
        best = np.argsort(-scores, kind="stable")[:RERANKED]
        loaded = self._engine.load(candidates.keys[best].tolist())
        read = [i for i in best.tolist() if int(candidates.keys[i]) in loaded]
        if not read:
            return scores
        texts = [loaded[int(candidates.keys[i])].passage.text for i in read]
        judged = reranker.scores(question, texts)
        reranked: Vectors = scores - scores.max() + judged.min() - 1
        reranked[read] = judged
        return reranked

    def _explained(self, hit: Hit, spellings: Sequence[Terms], spread: float, fresh: float) -> Hit:
        weights = lexical_weights(spread)
        words = self._terms_of(hit)
        fields = {}
        for field, weight in weights.items():
            terms = dict.fromkeys(term for spelling in spellings for term in spelling[field])
            idf = self._engine.idf(field, terms)
            matched = {term: value for term, value in idf.items() if term in words[field]}
            missing = {term: value for term, value in idf.items() if term not in words[field]}
            fields[field] = FieldScore(hit.lexical[field], weight, matched, missing)
        return replace(hit, explanation=Explanation(hit.dense, fields, fresh))

    def _terms_of(self, hit: Hit) -> Mapping[str, set[str]]:
        """The terms by which the passage was indexed."""
        text = self.text(hit)
        if text is None:  # removed meanwhile
            return {field: set() for field in FIELDS}
        terms = passage_terms(hit.article.title, text, hit.passage.start, hit.passage.end)
        return {field: set(found) for field, found in terms.items()}

    def embed(self, question: str) -> Vectors:
        """The question's unit vector, float32 (dimension,); the latest ones are remembered."""
        vector: Vectors = self._embed(question)
        return vector

    def forget_questions(self) -> None:
        """Drop the vectors remembered: a question put twice is timed as if it were new."""
        self._embed.cache_clear()

    def similarities(self, question: str, text: AnalysedText) -> Vectors | None:
        """How much nearer to the question each sentence is than an average passage, in spreads of the cosine.

        None for a text whose sentences have no vectors.
        """
        if text.vectors is None:
            return None
        return self.salience(question, text.vectors @ self.embed(question))

    def salience(self, question: str, cosines: Vectors) -> Vectors:
        """Cosines with the question as they stand out from that of an average passage, in spreads."""
        ordinary = float(self.embed(question) @ self._centroid())
        found: Vectors = (cosines - np.float32(ordinary)) / np.float32(self.cosine_spread)
        return found

    def _centroid(self) -> Vectors:
        generation = self._engine._shown.generation
        if getattr(self, "_mu", (None,))[0] is not generation:
            rows = np.sort(np.random.default_rng(0).permutation(len(generation.rows))[:2000])
            self._mu = (generation, generation.vectors.vectors(rows).mean(0))
        return self._mu[1]

    def _candidates(self, query: Query, filters: Filters, k: int) -> Candidates:
        """At least ``k`` stories, if there are: the copies of one can fill the first candidates."""
        depth = max(CANDIDATES, k * 4)
        preferred = (
            filters.narrowed(query.preferences.filters) if query.preferences.filters else None
        )
        while True:
            if (filters, depth) not in query.found:
                found = self._found(query, filters, depth)
                if preferred is not None:
                    if (preferred, CANDIDATES) not in query.found:
                        query.found[preferred, CANDIDATES] = self._found(
                            query, preferred, CANDIDATES
                        )
                    found = _union(found, query.found[preferred, CANDIDATES])
                query.found[filters, depth] = found
            candidates = query.found[filters, depth]
            if len(candidates.keys) < depth or len(np.unique(candidates.stories)) >= k:
                return candidates
            depth *= 4

    def _found(self, query: Query, filters: Filters, depth: int) -> Candidates:
        vector = self.embed(query.text)
        query.spellings = query.spellings or self._spellings(query)
        terms, *others = query.spellings
        return self._engine.search(vector, terms, filters, depth, others)

    def article(self, article_id: str) -> Article | None:
        """The current version of an article."""
        return self._engine.article(article_id)

    def story(self, article_id: str) -> tuple[str, ...]:
        """The ids of all articles that tell the same story in nearly the same words, this one's too.

        The most complete comes first. Empty for an unknown id.
        """
        return self._engine.story(article_id)

    def text(self, hit: Hit) -> AnalysedText | None:
        """The text that the hit's offsets refer to; None if it was removed meanwhile."""
        return self._engine.text(hit.version)

    def idf(self, morphemes: Iterable[str]) -> Mapping[str, float]:
        """How rare each morpheme is in the corpus."""
        return self._engine.idf("morphemes", morphemes)

    def info(self) -> IndexInfo:
        return self._engine.info()

    @property
    def generation(self) -> int:
        """The number of the generation that is searched now."""
        return self._engine.generation

    @property
    def problem(self) -> str | None:
        """Why the newest state of the index is not the one that is searched; None: it is."""
        return self._engine.problem

    @property
    def cosine_spread(self) -> float:
        """The standard deviation of the cosine between two passages, in which scores are weighed."""
        return max(self._engine.cosine_spread, _MIN_SPREAD)

    @property
    def coverage(self) -> tuple[date | None, date | None]:
        """The first and the last day on which an article was published; None: no dates."""
        return self._engine.coverage

    @property
    def presses(self) -> tuple[str, ...]:
        """The names of the outlets whose articles the index holds."""
        return self._engine.presses

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections in which they appeared."""
        return self._engine.sections

    def has_reporter(self, name: str) -> bool:
        """Whether an article names this reporter."""
        return self._engine.has_reporter(name)

    def close(self) -> None:
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hit(
        self,
        rank: int,
        i: int,
        candidates: Candidates,
        scores: Vectors,
        loaded: Mapping[int, LoadedPassage],
    ) -> Hit:
        found = loaded[int(candidates.keys[i])]
        return Hit(
            rank=rank,
            passage=found.passage,
            article=found.article,
            score=float(scores[i]),
            dense=float(candidates.dense[i]),
            lexical={field: float(values[i]) for field, values in candidates.lexical.items()},
            also_reported_by=found.also_reported_by,
            version=found.version,
            generation=candidates.generation,
        )


def _union(one: Candidates, other: Candidates) -> Candidates:
    new = ~np.isin(other.keys, one.keys)
    join = lambda a, b: np.concatenate([a, b[new]])
    return replace(
        one,
        keys=join(one.keys, other.keys),
        articles=join(one.articles, other.articles),
        stories=join(one.stories, other.stories),
        dense=join(one.dense, other.dense),
        lexical={f: join(v, other.lexical[f]) for f, v in one.lexical.items()},
        days=join(one.days, other.days),
    )


def interleave(
    chosen: Sequence[int], other: Sequence[int], candidates: Candidates, k: int
) -> list[int]:
    """The first places as ``chosen``, then the best stories of ``other`` in every other place, ``k`` stories in all."""
    groups: dict[int, list[int]] = {}
    for i in chosen:
        groups.setdefault(int(candidates.stories[i]), []).append(i)
    mine = list(groups)
    more: dict[int, list[int]] = {}
    for i in other:
        more.setdefault(int(candidates.stories[i]), []).append(i)
    order = mine[:FRONT]
    rest, theirs = [s for s in mine[FRONT:]], [s for s in more if s not in order]
    turn = True
    while len(order) < k and (rest or theirs):
        pool = theirs if (turn and theirs) or not rest else rest
        story = pool.pop(0)
        if story not in order:
            order.append(story)
            turn = not turn
    return [i for s in order for i in groups.get(s) or more[s]]


def fuse(candidates: Candidates, cosine_spread: float) -> Vectors:
    """One score per candidate: cosine + Σ weight · spread · normalised BM25 of the field."""
    scores = candidates.dense.copy()
    for field, weight in lexical_weights(cosine_spread).items():
        scores += np.float32(weight) * candidates.lexical[field]
    return scores


def freshness(candidates: Candidates, cosine_spread: float, today: date | None) -> Vectors:
    """What each candidate loses by its age; those without a date as much as the oldest."""
    if today is None or not len(candidates.days):
        return np.zeros(len(candidates.days), dtype=np.float32)
    known = candidates.days > 0
    oldest = candidates.days[known].min() if known.any() else today.toordinal()
    days = np.where(known, candidates.days, oldest)
    age = np.maximum(today.toordinal() - days, 0) / FRESH_DAYS
    lost: Vectors = -np.log2(1 + age).astype(np.float32)
    return lost * np.float32(FRESHNESS * max(cosine_spread, _MIN_SPREAD))


class _Ranked(NamedTuple):
    """A candidate by its position, with the article and the story it is of."""

    position: int
    article: int
    story: int
    score: float


def _ranking(scores: Vectors, candidates: Candidates) -> list[_Ranked]:
    """The candidates, best first."""
    order = np.argsort(-scores, kind="stable")
    columns = (order, candidates.articles[order], candidates.stories[order], scores[order])
    return list(map(_Ranked, *(column.tolist() for column in columns)))


def _best_told(ranking: Sequence[_Ranked], leeway: float) -> dict[int, int]:
    """By story, the article that tells it: its leader, unless another's score is far better."""
    best: dict[int, _Ranked] = {}
    leading: dict[int, float] = {}
    for one in ranking:
        best.setdefault(one.story, one)
        if one.article == one.story:
            leading.setdefault(one.story, one.score)
    return {
        story: story if leading.get(story, -np.inf) >= one.score - leeway else one.article
        for story, one in best.items()
    }


def lexical_weights(cosine_spread: float) -> dict[str, float]:
    """What a field's normalised score is multiplied by, in units of the cosine."""
    spread = max(cosine_spread, _MIN_SPREAD)
    return {field: weight * spread for field, weight in LEXICAL_WEIGHTS.items()}


def _best_of_stories(
    ranking: Sequence[_Ranked], told: Mapping[int, int], k: int, per_story: int
) -> list[int]:
    """Positions of the best candidates of the best ``k`` stories, by falling score.

    ``told`` names the one article of each story whose passages are taken.
    """
    taken: dict[int, int] = {}
    chosen = []
    for one in ranking:
        if told[one.story] != one.article:
            continue
        count = taken.get(one.story, 0)
        if count >= per_story or (not count and len(taken) == k):
            continue
        taken[one.story] = count + 1
        chosen.append(one.position)
    return chosen


def open_index(
    path: Path | str,
    *,
    embedder: Embedder | Callable[[], Embedder] | None = None,
    dictionary: Path | None = None,
    reranker: Reranker | None = None,
) -> Index:
    """Open an index for searching, with the embedder that it was built with.

    ``embedder`` is one, or makes one; it defaults to the bundled model. ``dictionary`` is that of
    ``KoreanAnalyser``. ``reranker`` has the last word on the best passages, if there is one. Raises IndexNotFound, IndexEmpty, IndexCorrupt,
    IndexFormatUnknown, EmbedderMismatch, or DictionaryUnusable.
    """
    root = Path(path)
    engine = LocalEngine.open(root)
    try:
        return _opened(engine, root, embedder or default_embedder, dictionary, reranker)
    except BaseException:
        engine.close()
        raise


def _opened(
    engine: LocalEngine,
    root: Path,
    embedder: Embedder | Callable[[], Embedder],
    dictionary: Path | None,
    reranker: Reranker | None,
) -> Index:
    info = engine.info()
    if not info.articles:
        raise IndexEmpty(root)
    # Loading Kiwi and the model takes seconds each; side by side they take those of the slower.
    with ThreadPoolExecutor(max_workers=1) as pool:
        analyser = pool.submit(KoreanAnalyser, dictionary=dictionary)
        embedder = embedder() if callable(embedder) else embedder
    if (info.embedder, info.dimension) != (embedder.name, embedder.dimension):
        raise EmbedderMismatch(path=root, built_with=info.embedder, configured=embedder.name)
    return Index(engine, embedder, analyser.result(), reranker)


def default_embedder() -> Embedder:
    from index.embedding import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder()


def index_info(path: Path | str) -> IndexInfo:
    """What the index at ``path`` holds; loads no model and no index file but the manifest.

    Raises IndexNotFound, IndexCorrupt or IndexFormatUnknown.
    """
    engine = LocalEngine(Path(path))
    try:
        return engine.info()
    finally:
        engine.close()
