"""Articles as a reader gives them to articles as an engine stores them: sentences, passages, vectors."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np

from index.chunking import ChunkSettings, bounded_sentences, chunk
from index.documents import AnalysedSentence, Article, Passage, to_json
from index.korean import KoreanAnalyser
from index.protocols import Embedder, IndexedArticle, Recipe, Span, StoredArticle, Vectors
from index.readers import Found, Piece, ReadOptions, finished
from index.variants import names_introduced

_LATER_FIELDS = ("excerpt", "pages")
"""Fields that articles had not at first: empty ones must not make known articles look changed."""


def article_digest(article: Article) -> str:
    """Changes with anything that the article says of itself."""
    article = replace(article, corrects=(), corrected_by=())  # others say these of it
    said = to_json(article)
    for name in _LATER_FIELDS:
        if not said[name]:
            del said[name]
    del said["source"]  # whose it is, not what it says
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Batch:
    """Articles that are prepared together, and the stored versions, with vectors, that they replace."""

    articles: Sequence[Article]
    before: Mapping[str, StoredArticle]


class Workers(Protocol):
    """Do what concerns one article at a time: in this process one after the other, or elsewhere many at once.

    Both methods give an answer for each item, in their order, and may take more items than they have given
    answers.
    """

    raw: bool
    """Whether they clean, so that the input is better given as it stands."""

    def finish_all(
        self, pieces: Iterator[Piece], options: ReadOptions
    ) -> Iterator[Iterable[Found]]:
        """What ``index.readers.finished`` finds in each piece."""

    def prepare_all(self, batches: Iterator[Batch]) -> Iterator[Sequence[IndexedArticle]]:
        """Every batch as ``Preparation`` prepares it; one without articles is given as an empty one."""


@dataclass(frozen=True)
class _Vectors:
    """That of a passage, and those of its own sentences by where they lie in its text."""

    passage: Vectors
    sentences: Mapping[Span, Vectors]


@dataclass(frozen=True)
class _Cut:
    """An article in sentences and passages.

    ``own`` has, for each passage, the sentences that it is the first to hold: their numbers, and where
    they lie in its text. Their vectors come from the pass over this passage. ``known`` are those that the
    stored version has, by the text of a passage.
    """

    article: Article
    passages: Sequence[Passage]
    sentences: Sequence[AnalysedSentence]
    own: Sequence[Mapping[int, Span]]
    title_morphemes: Sequence[str]
    known: Mapping[str, _Vectors]


CutBatch = Sequence[_Cut]
"""A batch in sentences and passages."""


class Preparation:
    """Turns articles into what an engine stores; passages that are known keep their vectors."""

    def __init__(
        self, embedder: Embedder, analyser: KoreanAnalyser, chunking: ChunkSettings
    ) -> None:
        self._embedder, self._analyser, self._chunking = embedder, analyser, chunking

    @property
    def recipe(self) -> Recipe:
        """Everything that decides how articles are prepared."""
        embedder, chunking = self._embedder, asdict(self._chunking)
        return Recipe(embedder.name, embedder.dimension, self._analyser.fingerprint, chunking)

    def __call__(self, batch: Batch) -> list[IndexedArticle]:
        """The articles of a batch, cut and embedded."""
        return self.embed(self.cut(batch))

    def cut(self, batch: Batch) -> CutBatch:
        """The first half: what needs the analyser."""
        analysed = self._analyser.sentences_of([article.body for article in batch.articles])
        return [
            self._cut(article, sentences, batch.before.get(article.key))
            for article, sentences in zip(batch.articles, analysed, strict=True)
        ]

    def embed(self, cuts: CutBatch) -> list[IndexedArticle]:
        """The second half: what needs the embedder, for all passages at once."""
        vectors = self._vectors(cuts)
        return [self._indexed(cut, list(islice(vectors, len(cut.passages)))) for cut in cuts]

    def _cut(
        self, article: Article, analysed: Sequence[AnalysedSentence], before: StoredArticle | None
    ) -> _Cut:
        limit = self._chunking.max_chars
        sentences = bounded_sentences(article.body, analysed, self._analyser, limit)
        passages = chunk(article, sentences, self._chunking, self._fits)
        own = _first_held(list(map(_span, passages)), list(map(_span, sentences)))
        title = self._analyser.morphemes(article.title)
        return _Cut(article, passages, sentences, own, title, self._known(before))

    def _fits(self, text: str) -> bool:
        # A token of this kind of text is never longer than the text has characters.
        limit = self._embedder.max_tokens
        return len(text) < limit // 2 or self._embedder.count_tokens(text) <= limit

    def _known(self, stored: StoredArticle | None) -> dict[str, _Vectors]:
        """By the text of a passage, the vectors that the stored version has."""
        if stored is None or stored.vectors is None or stored.embedder != self._embedder.name:
            return {}
        found, body = stored.vectors, stored.article.body
        own = _first_held(found.passages, found.sentences)
        return {
            body[start:end]: _Vectors(row, {s: found.sentence_vectors[n] for n, s in held.items()})
            for (start, end), row, held in zip(found.passages, found.vectors, own, strict=True)
        }

    def _vectors(self, cuts: Sequence[_Cut]) -> Iterator[_Vectors]:
        """Those of every passage in order; what is not known is embedded, all at once."""
        wanted = [
            (passage.text, list(own.values()), cut.known.get(passage.text))
            for cut in cuts
            for passage, own in zip(cut.passages, cut.own, strict=True)
        ]
        kept = [v if v and v.sentences.keys() >= set(own) else None for _, own, v in wanted]
        new = [(text, own) for (text, own, _), v in zip(wanted, kept, strict=True) if v is None]
        embedded = self._embed([text for text, _ in new], [own for _, own in new])
        yield from (vectors or next(embedded) for vectors in kept)

    def _embed(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Iterator[_Vectors]:
        vectors, of_spans = self._embedder.embed_passages_and_spans(texts, spans)
        for row, held, found in zip(vectors, spans, of_spans, strict=True):
            yield _Vectors(row, dict(zip(held, found, strict=True)))

    def _indexed(self, cut: _Cut, vectors: Sequence[_Vectors]) -> IndexedArticle:
        of_passages = np.zeros((len(cut.passages), self._embedder.dimension), dtype=np.float32)
        of_sentences = np.zeros((len(cut.sentences), self._embedder.dimension), dtype=np.float32)
        for row, (own, found) in enumerate(zip(cut.own, vectors, strict=True)):
            of_passages[row] = found.passage
            for number, span in own.items():
                of_sentences[number] = found.sentences[span]
        return IndexedArticle(
            cut.article,
            cut.passages,
            of_passages,
            cut.sentences,
            article_digest(cut.article),
            cut.title_morphemes,
            of_sentences,
            names_introduced(cut.article.body),
        )


AHEAD = 2
"""Batches between the caller, who reads the next and stores the one before: one is cut, one embedded."""


class Threads:
    """``Workers`` in this process: batches are cut and embedded while the caller reads and stores."""

    raw = False

    def __init__(self, prepare: Preparation) -> None:
        self._prepare = prepare

    def finish_all(
        self, pieces: Iterator[Piece], options: ReadOptions
    ) -> Iterator[Iterable[Found]]:
        """See ``Workers``."""
        return (finished(piece, options) for piece in pieces)

    def prepare_all(self, batches: Iterator[Batch]) -> Iterator[Sequence[IndexedArticle]]:
        """See ``Workers``. Where the input fails, what was read before is given first."""
        under_way: deque[Future[list[IndexedArticle]]] = deque()
        failure: Exception | None = None
        with _thread("cut") as cutting, _thread("embed") as embedding:
            while True:
                try:
                    batch = next(batches)
                except StopIteration:
                    break
                except Exception as error:
                    failure = error
                    break
                cut = cutting.submit(self._prepare.cut, batch)
                under_way.append(embedding.submit(self._embedded, cut))
                if len(under_way) > AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        if failure is not None:
            raise failure

    def _embedded(self, cut: Future[CutBatch]) -> list[IndexedArticle]:
        return self._prepare.embed(cut.result())


@contextmanager
def _thread(name: str) -> Iterator[Executor]:
    """A thread for one thing after the other; what has not begun at the end is dropped."""
    thread = ThreadPoolExecutor(1, thread_name_prefix=f"gisa-{name}")
    try:
        yield thread
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def _span(part: Passage | AnalysedSentence) -> Span:
    return part.start, part.end


def _first_held(passages: Sequence[Span], sentences: Sequence[Span]) -> list[dict[int, Span]]:
    """For each passage the sentences that none before it holds, and where they lie in it."""
    free = dict(enumerate(sentences))
    held = []
    for start, end in passages:
        own = {n: (s - start, e - start) for n, (s, e) in free.items() if start <= s and e <= end}
        free = {n: span for n, span in free.items() if n not in own}
        held.append(own)
    return held
