"""The seams of the index. Each has one contract suite in tests/contracts/."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.documents import AnalysedSentence, Article, ArticleHeader, Filters, Passage
from index.errors import MalformedArticle

Vectors = NDArray[np.float32]
Span = tuple[int, int]
"""Half-open character offsets."""
Terms = Mapping[str, Sequence[str]]
"""Lexical field (``morphemes``, ``bigrams``) to the terms of a text, in order, with repeats."""


class ArticleReader(Protocol):
    """Turns one kind of input into articles.

    ``read`` yields articles as it goes. What can't become an article is yielded as the
    ``MalformedArticle`` that says why (not raised), and the rest goes on.
    """

    def read(self) -> Iterator[Article | MalformedArticle]: ...


class Embedder(Protocol):
    """Texts to unit vectors.

    ``name`` identifies the weights: two embedders of one name give the same vectors, but for
    rounding. Vectors are float32 of shape (len(texts), dimension), rows of length 1, for an empty
    list of shape (0, dimension). Longer texts than the model takes are cut at its end.
    ``embed_passages_and_spans`` also gives, for each text, a vector for each of its spans in their
    order (zero where the model sees nothing of the span).
    """

    @property
    def name(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    def count_tokens(self, text: str) -> int: ...
    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...
    def embed_passages(self, texts: Sequence[str]) -> Vectors: ...
    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]: ...


class Reranker(Protocol):
    """A model that reads a question and a passage together.

    ``scores`` says how well each passage answers the question, the higher the better: float32 of shape
    (len(passages),), comparable within one call only.
    """

    @property
    def name(self) -> str: ...
    def scores(self, question: str, passages: Sequence[str]) -> Vectors: ...


@dataclass(frozen=True)
class IndexedArticle:
    """An article ready to be stored.

    ``vectors`` has a row per passage. ``sentences`` are those of the whole body; the borders of
    passages are borders of sentences, so that the terms of a passage are those of its sentences and
    of the title. ``digest`` changes with the article. ``sentence_vectors`` has a row per sentence.
    """

    article: Article
    passages: Sequence[Passage]
    vectors: Vectors
    sentences: Sequence[AnalysedSentence]
    digest: str
    title_morphemes: Sequence[str] = ()
    sentence_vectors: Vectors | None = None


@dataclass(frozen=True)
class Candidates:
    """Passages that an engine found, as parallel arrays of length n, in no order.

    ``keys`` name passages to ``Engine.load``, ``articles`` their articles; ``stories`` are equal for
    articles that report one story in (nearly) the same words, and name the article that leads them.
    ``dense`` and ``lexical`` as in ``index.documents.Hit``. ``cosine_spread`` is the standard deviation
    of the cosines between passages; ``days`` are those of publication as proleptic ordinals, 0 where
    unknown. All of it comes from one ``generation``; as long as ``snapshot`` lives, what was found there
    can be loaded.
    """

    keys: NDArray[np.int64]
    articles: NDArray[np.int64]
    stories: NDArray[np.int64]
    dense: Vectors
    lexical: Mapping[str, Vectors]
    days: NDArray[np.int32]
    cosine_spread: float = 0.0
    generation: int = 0
    snapshot: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class LoadedPassage:
    """A passage with its article's header and the other outlets that report the same story.

    ``also_reported_by`` has each outlet once, the first to publish first, not the article's own.
    ``version`` names the text that the passage's offsets refer to (see ``Engine.text``).
    """

    passage: Passage
    article: ArticleHeader
    version: int
    also_reported_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnalysedText:
    """The body of one version of an article, its sentences, and their vectors if it has any.

    Each passage is found by the terms of its sentences and by ``title_morphemes``.

    ``vectors`` has a row per sentence, of length 1, or zero for a sentence that no passage shows.
    """

    body: str
    sentences: Sequence[AnalysedSentence]
    vectors: Vectors | None = None
    title_morphemes: Sequence[str] = ()


@dataclass(frozen=True)
class IndexInfo:
    """What an index holds. ``published_from`` and ``published_to`` are days in Seoul, inclusive."""

    articles: int
    passages: int
    generation: int
    embedder: str
    dimension: int
    published_from: date | None
    published_to: date | None
    bytes: int
    presses: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


class Engine(Protocol):
    """Stores articles and finds passages.

    ``add`` and ``remove`` are durable when they return; additions are found from the next ``publish``
    on, removals at once. ``digest`` is that of the article's newest version, so that input which is
    known can be skipped. ``coverage`` is the first and the last day on which an article was published,
    ``presses`` and ``sections`` the names by which articles can be filtered; ``problem`` says why the
    engine does not show its newest state (None: it does). Another process's publication is shown
    within 2 seconds, without a request waiting for it. An article whose id is known replaces the older version. ``search`` returns
    the union of the ``k`` nearest by vector and the ``k`` best by terms, among the passages that meet
    the filters; every candidate has both scores; ``alternatives`` are other spellings of the question's
    terms, of which that with the highest score counts, field by field. ``aliases`` gives, by
    ``index.variants.alias_key``, the other names that articles introduce in brackets. Passages that are
    gone by the time of ``load`` are
    left out of it. ``story`` gives the ids of the articles that tell a story in (nearly) the same words,
    by the id of any of them: the one that leads first (the most complete, then the earliest), the
    others in no order; for an article without copies itself alone, for an unknown id nothing. ``remove``
    gives the ids that were there; an unknown one is no error. Methods that read may be called from several threads.
    """

    @property
    def generation(self) -> int: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def cosine_spread(self) -> float: ...
    @property
    def coverage(self) -> tuple[date | None, date | None]: ...
    @property
    def presses(self) -> tuple[str, ...]: ...
    @property
    def sections(self) -> tuple[str, ...]: ...
    def has_reporter(self, name: str) -> bool: ...
    def add(self, articles: Sequence[IndexedArticle]) -> None: ...
    def remove(self, article_ids: Iterable[str]) -> list[str]: ...
    def publish(self) -> int: ...
    def search(
        self,
        vector: Vectors,
        terms: Terms,
        filters: Filters,
        k: int,
        alternatives: Sequence[Terms] = (),
    ) -> Candidates: ...
    def aliases(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]: ...
    def load(self, keys: Sequence[int]) -> dict[int, LoadedPassage]: ...
    def idf(self, field: str, terms: Iterable[str]) -> Mapping[str, float]: ...
    def article(self, article_id: str) -> Article | None: ...
    def story(self, article_id: str) -> tuple[str, ...]: ...
    def text(self, version: int) -> AnalysedText | None: ...
    def digest(self, article_id: str) -> str | None: ...
    def info(self) -> IndexInfo: ...
    def close(self) -> None: ...
