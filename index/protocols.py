"""The seams of the index. Each has one contract suite in tests/contracts/."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.corpus import CorpusStatistics
from index.documents import AnalysedSentence, Article, ArticleHeader, Filters, Passage
from index.errors import MalformedArticle

if TYPE_CHECKING:
    from index.duplicates import Fingerprint
    from index.readers.records import RawRecord

Vectors = NDArray[np.float32]
Span = tuple[int, int]
"""Half-open character offsets."""
Terms = Mapping[str, Sequence[str]]
"""Lexical field (``morphemes``, ``bigrams``) to the terms of a text, in order, with repeats."""
Weights = Mapping[str, Mapping[str, float]]
"""Lexical field to the weights of a question's terms (see ``index.corpus``)."""


class ArticleReader(Protocol):
    """Turns one kind of input into articles.

    ``read`` yields articles as it goes. What can't become an article is yielded as the
    ``MalformedArticle`` that says why (not raised), and the rest goes on. Only where
    ``ReadOptions.raw`` is set are records yielded as ``RawRecord``.
    """

    def read(self) -> Iterator[Article | MalformedArticle | RawRecord]: ...


class Embedder(Protocol):
    """Texts to unit vectors.

    ``name`` identifies the weights: two embedders of one name give the same vectors, but for
    rounding. Vectors are float32 of shape (len(texts), dimension), rows of length 1, for an empty
    list of shape (0, dimension). Longer texts than the model takes are cut at its end.
    ``embed_passages_and_spans`` also gives, for each text, a vector for each of its spans in their
    order (zero where the model sees nothing of the span). ``computed_by`` says by what and in what numbers, for the
    operator.
    """

    @property
    def name(self) -> str: ...
    @property
    def computed_by(self) -> str: ...
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
class Recipe:
    """How articles become passages and vectors: names and settings of everything that decides."""

    embedder: str
    dimension: int
    analyser: str
    chunking: Mapping[str, Any]


@dataclass(frozen=True)
class IndexedArticle:
    """An article ready to be stored.

    ``vectors`` has a row per passage. ``sentences`` are those of the whole body; the borders of
    passages are borders of sentences, so that the terms of a passage are those of its sentences and
    of the title (``index.korean.passage_terms``). ``digest`` changes with the article.
    ``sentence_vectors`` has a row per sentence. ``names`` are pairs of an ``index.variants.alias_key``
    and another name that brackets in the body introduce. ``fingerprint`` is that of the body, if it is
    worked out already.
    """

    article: Article
    passages: Sequence[Passage]
    vectors: Vectors
    sentences: Sequence[AnalysedSentence]
    digest: str
    title_morphemes: Sequence[str] = ()
    sentence_vectors: Vectors | None = None
    names: Collection[tuple[str, str]] = ()
    fingerprint: Fingerprint | None = None


@dataclass(frozen=True)
class Links:
    """How an article belongs with others. What is None stays as the engine has it.

    ``leader`` is the id of the article that leads its near-duplicates, its own if it leads itself.
    ``labels`` are what ``EngineWriter.labelled`` finds it by. ``corrects`` and ``corrected_by`` are all
    articles that it corrects and that correct it; a pair given for one of the two holds for both.
    """

    leader: str | None = None
    labels: frozenset[str] | None = None
    corrects: tuple[str, ...] | None = None
    corrected_by: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Digest:
    """What tells whether an article must be prepared again: its content's digest, its recipe."""

    content: str
    recipe: Recipe


@dataclass(frozen=True)
class StoredVectors:
    """The vectors of a stored article, and the offsets of the passages and sentences that they are of."""

    passages: Sequence[Span]
    vectors: Vectors
    sentences: Sequence[Span]
    sentence_vectors: Vectors


@dataclass(frozen=True)
class StoredArticle:
    """The current version of an article in the store: who leads its story, what embedded it.

    ``vectors`` are there if they were asked for and its sentences have some.
    """

    article: Article
    leader: str
    embedder: str
    vectors: StoredVectors | None = None


@dataclass(frozen=True)
class Candidates:
    """Passages that an engine found, as parallel sequences of length n, in no order.

    All ids are opaque. ``passages`` are for ``EngineReader.passages``; ``texts`` name the versions of
    the articles that they are of; ``stories`` are equal for articles that report one story in (nearly)
    the same words, and ``leads`` says whose article leads its story. ``dense`` and ``lexical`` as in
    ``index.documents.Hit``; ``days`` are those of publication as proleptic ordinals, 0 where unknown. All
    of it comes from one ``generation``. ``token``, without a slash, goes into the reads that follow, so
    that these are answered from the state in which the passages were found.
    """

    passages: Sequence[str]
    texts: Sequence[str]
    stories: Sequence[str]
    leads: NDArray[np.bool_]
    dense: Vectors
    lexical: Mapping[str, Vectors]
    days: NDArray[np.int32]
    generation: int = 0
    token: str = ""


@dataclass(frozen=True)
class LoadedPassage:
    """A passage with its article's header and the other outlets that report the same story.

    ``also_reported_by`` has each outlet once, the first to publish first, not the article's own.
    ``text`` is the id of the text that the passage's offsets refer to (see ``EngineReader.texts``).
    """

    passage: Passage
    article: ArticleHeader
    text: str
    also_reported_by: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AnalysedText:
    """The body of one version of an article, its sentences, and their vectors if it has any.

    Each passage is found by the terms of its sentences and by ``title_morphemes``.

    ``vectors`` has a row per sentence, of length 1, or zero for a sentence that no passage shows. Texts are told
    apart as objects, not by what they say: engines keep those that are read again, and so can what is made of them.
    """

    body: str
    sentences: Sequence[AnalysedSentence]
    vectors: Vectors | None = None
    title_morphemes: Sequence[str] = ()


@dataclass(frozen=True)
class IndexInfo:
    """What an index holds. ``published_from`` and ``published_to`` are days in Seoul, inclusive.

    ``bytes`` on disk; 0 where the engine can't tell. ``analyser`` found the sentences and terms of what is
    searched; empty where the engine can't tell.
    """

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
    analyser: str = ""


@dataclass(frozen=True)
class Tally:
    """How many articles of a generation meet some filters, and how many of them each name and day has.

    ``days`` are those of publication in Seoul. An article without a date, an outlet or a section is in none of
    these, but in ``articles``. Sections are whole paths as the articles give them.
    """

    generation: int = 0
    articles: int = 0
    passages: int = 0
    days: Mapping[date, int] = field(default_factory=dict)
    presses: Mapping[str, int] = field(default_factory=dict)
    sections: Mapping[str, int] = field(default_factory=dict)


class EngineReader(Protocol):
    """Finds passages, and reads what is shown of them. Any thread may call any method.

    Articles are named by their keys (``ArticleHeader.key``), but in filters and in what headers say of
    corrections: there by public id, or ``SOURCE/ID`` where several sources share one.

    It may be across a network: a search is one call, what is shown of it is one or two, and ids mean
    nothing to the caller. A publication of a writer elsewhere is shown within 2 seconds, without a call
    waiting for it; a removal at once. Nothing that was removed is given by any method, but for what
    ``statistics`` counts until the next publication.
    """

    def search(
        self, vector: Vectors, queries: Sequence[Weights], filters: Filters, depth: int
    ) -> Candidates:
        """The union of the ``depth`` nearest by vector and the ``depth`` best by each query's terms.

        Only passages that meet the filters are looked at, so none is lost to others. ``vector`` has
        length 1. ``queries`` are one or more spellings of a question, each with weights as
        ``CorpusStatistics.weights`` gives them; in each field the spelling that fits a passage best
        counts. Every candidate has all scores, whichever side found it.
        """

    def passages(self, ids: Sequence[str], token: str) -> Mapping[str, LoadedPassage]:
        """Passages with all that is shown of them, by id; what is gone is left out.

        The state that a token names is kept for a minute or more after a newer one is published.
        """

    def texts(self, ids: Sequence[str], token: str) -> Mapping[str, AnalysedText]:
        """Texts by id; what is gone is left out. ``token`` as for ``passages``."""

    def keys(self, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By name the keys of the articles that it means; names of none are left out.

        A name is a key (``ArticleHeader.key``), a reference (``SOURCE/ID``), or else the public id of one
        article or, where sources share it, of several.
        """

    def article(self, article_id: str) -> Article | None:
        """The current version, published or not, with the corrections that are known of it."""

    def stories(self, article_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By article id, the ids of all that tell its story, the one that leads first.

        An article without copies is a story by itself; unknown ids are left out.
        """

    def tally(self, filters: Filters) -> Tally:
        """Counts over the articles that are searched and meet the filters. Reads no text."""

    def newest(self, filters: Filters, limit: int) -> Sequence[str]:
        """The keys of up to ``limit`` articles that meet the filters and lead their stories, newest first.

        Those without a date come last; those of one day in any order. Reads no text.
        """

    def statistics(self) -> CorpusStatistics:
        """Those of the generation that is searched. Held in memory: it never waits."""

    def info(self) -> IndexInfo:
        """What the index holds. Loads nothing that a search would need."""

    def problem(self) -> str | None:
        """Why the newest state is not the one that is searched; None: it is. It never waits."""

    def close(self) -> None: ...


class EngineWriter(Protocol):
    """Stores articles; all that ``index.build`` needs. There is one writer at a time.

    What ``put`` and ``remove`` did is durable when they return, and each is done as a whole or not at
    all, together with its links. What is put is found from the next ``publish`` on; what is removed is
    gone at once. An article that is put again replaces its older version, which readers of generations
    before may still read. Ids of articles are their keys (``ArticleHeader.key``), here and in links.
    """

    def recipe(self) -> Recipe | None:
        """How articles are prepared by now; None: nobody ever said."""

    def adopt(self, recipe: Recipe, *, rebuild: bool = False) -> None:
        """From now on articles are put by this recipe. Durable when it returns.

        Raises EmbedderMismatch for another embedder than that of the articles, and RebuildUnfinished
        while they have vectors of several; with ``rebuild`` neither: then they are to be put again.
        """

    def keys(self, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By name the keys of the articles that it means; names of none are left out.

        A name is a key (``ArticleHeader.key``), a reference (``SOURCE/ID``), or else the public id of one
        article or, where sources share it, of several.
        """

    def digests(self, article_ids: Sequence[str]) -> Mapping[str, Digest]:
        """Those of the current versions, by id; unknown ids are left out."""

    def stored(
        self, article_ids: Sequence[str], *, vectors: bool = False
    ) -> Mapping[str, StoredArticle]:
        """The current versions by id, on demand with their vectors; unknown ids are left out."""

    def labelled(self, labels: Collection[str]) -> Mapping[str, Sequence[ArticleHeader]]:
        """By label, the articles whose current version carries exactly it; others are left out."""

    def stories(self, article_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """As ``EngineReader.stories``."""

    def put(self, articles: Sequence[IndexedArticle], links: Mapping[str, Links]) -> None:
        """Store articles by the adopted recipe, and links by article id.

        ``links`` have every field for each of the articles, and a leader for every copy that an older
        version of one of them led. Of the ids that they name all are known afterwards.
        """

    def remove(self, article_ids: Iterable[str], links: Mapping[str, Links]) -> list[str]:
        """Delete every version of the articles; returns the ids of those that there were.

        ``links`` have a leader for every copy that one of them led. Corrections that name them go.
        """

    def count_outdated(self) -> int:
        """How many articles were prepared by another recipe than the one adopted."""

    def outdated(self, limit: int) -> Sequence[Article]:
        """Up to ``limit`` of them, those stored first first."""

    def publish(self, *, afresh: bool = False) -> CorpusStatistics:
        """Make all that is stored searchable, as a new generation; returns its statistics.

        All readers see the former generation or the whole new one. Where nothing has changed nothing is
        done, unless ``afresh``: then everything is derived again. Raises RebuildUnfinished.
        """

    def close(self) -> None: ...
