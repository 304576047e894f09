"""Hybrid retrieval: a question in, the best passages of k distinct stories out.

A passage's score is its cosine with the question plus its BM25 scores, each normalised by what the
question could reach at most (``index.local.lexical``) and weighted in units of the embedder's own
spread of cosines. Unlike rank fusion and per-query min-max, this keeps the evidence that a question's
words are not in the corpus at all: then the lexical part is small by itself and the dense side decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from index.documents import Article, Filters, Hit
from index.errors import EmbedderMismatch, IndexEmpty
from index.korean import KoreanAnalyser
from index.local import LocalEngine
from index.protocols import (
    AnalysedText,
    Candidates,
    Embedder,
    Engine,
    IndexInfo,
    LoadedPassage,
    Vectors,
)

CANDIDATES = 200
"""Passages taken from each side."""

LEXICAL_WEIGHTS: Mapping[str, float] = {"morphemes": 6.0, "bigrams": 6.0}
"""Weights of the lexical fields in standard deviations of the cosine between two passages."""

_MIN_SPREAD = 0.02  # of a corpus too small or too uniform to tell


class Index:
    """An opened index: ``search`` it, read its articles. Safe to use from several threads."""

    def __init__(self, engine: Engine, embedder: Embedder, analyser: KoreanAnalyser) -> None:
        self._engine, self._embedder, self.analyser = engine, embedder, analyser

    def search(
        self, question: str, *, filters: Filters = Filters(), k: int = 10, per_story: int = 1
    ) -> list[Hit]:
        """The best passages of the ``k`` best stories, at most ``per_story`` of each, best first."""
        vector = self._embedder.embed_queries([question])[0]
        terms = self.analyser.terms(question)
        candidates = self._engine.search(vector, terms, filters, max(CANDIDATES, k * 4))
        scores = fuse(candidates, candidates.cosine_spread)
        chosen = _best_of_stories(scores, candidates.stories, k, per_story)
        loaded = self._engine.load(candidates.keys[chosen].tolist())
        present = [i for i in chosen if int(candidates.keys[i]) in loaded]
        return [
            self._hit(rank, int(i), candidates, scores, loaded)
            for rank, i in enumerate(present, start=1)
        ]

    def article(self, article_id: str) -> Article | None:
        """The current version of an article."""
        return self._engine.article(article_id)

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
    def coverage(self) -> tuple[date | None, date | None]:
        """The first and the last day on which an article was published; None: no dates."""
        return self._engine.coverage

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


def fuse(candidates: Candidates, cosine_spread: float) -> Vectors:
    """One score per candidate: cosine + Σ weight · spread · normalised BM25 of the field."""
    spread = max(cosine_spread, _MIN_SPREAD)
    scores = candidates.dense.copy()
    for field, weight in LEXICAL_WEIGHTS.items():
        scores += np.float32(weight * spread) * candidates.lexical[field]
    return scores


def _best_of_stories(
    scores: Vectors, stories: NDArray[np.int64], k: int, per_story: int
) -> list[int]:
    """Positions of the best candidates of the best ``k`` stories, by falling score."""
    taken: dict[int, int] = {}
    chosen = []
    for i in np.argsort(-scores, kind="stable").tolist():
        story = int(stories[i])
        if taken.get(story, 0) >= per_story or (story not in taken and len(taken) == k):
            continue
        taken[story] = taken.get(story, 0) + 1
        chosen.append(i)
    return chosen


def open_index(
    path: Path | str, *, embedder: Embedder | Callable[[], Embedder] | None = None
) -> Index:
    """Open an index for searching, with the embedder that it was built with.

    ``embedder`` is one, or makes one; it defaults to the bundled model. Raises IndexNotFound, IndexEmpty, IndexCorrupt,
    IndexFormatUnknown, or EmbedderMismatch.
    """
    root = Path(path)
    engine = LocalEngine.open(root)
    try:
        return _opened(engine, root, embedder or default_embedder)
    except BaseException:
        engine.close()
        raise


def _opened(engine: LocalEngine, root: Path, embedder: Embedder | Callable[[], Embedder]) -> Index:
    info = engine.info()
    if not info.articles:
        raise IndexEmpty(root)
    # Loading Kiwi and the model takes seconds each; side by side they take those of the slower.
    with ThreadPoolExecutor(max_workers=1) as pool:
        analyser = pool.submit(KoreanAnalyser)
        embedder = embedder() if callable(embedder) else embedder
    if (info.embedder, info.dimension) != (embedder.name, embedder.dimension):
        raise EmbedderMismatch(path=root, built_with=info.embedder, configured=embedder.name)
    return Index(engine, embedder, analyser.result())


def default_embedder() -> Embedder:
    from index.embed import SentenceTransformerEmbedder

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
