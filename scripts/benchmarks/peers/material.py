"""What ``benchmark.py peers`` gives to every system: the same passages, questions and model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.indexing import NOISE, SENTENCES, _material
from benchmarks.sets import CORPUS

if TYPE_CHECKING:
    from index import Article, KoreanAnalyser
    from index.embedding import SentenceTransformerEmbedder
    from service.evaluation.datasets import Dataset

_TOLD = ("id", "title", "body", "press", "section", "published_at")
"""What gisa is told of an article; peers get the title and the text of its passages."""


@dataclass(frozen=True)
class Material:
    """Files for the systems (see ``protocol.Task``), the questions, and which articles answer them.

    ``gold`` is grade by article by the question's number; empty where nobody knows.
    """

    passages: Path
    articles: Path
    model: str
    questions: Sequence[str]
    gold: Mapping[str, Mapping[str, int]]
    count: int
    vectors: Path | None = None


def of_files(squad: Path | None, limit: int, seed: int, folder: Path) -> Material:
    """The passages that gisa cuts from a SQuAD file's paragraphs or the sample corpus, and questions to them.

    A passage's text has its article's title above, as gisa finds passages by their titles too.
    """
    from index import ChunkSettings, KoreanAnalyser
    from index.embedding import SentenceTransformerEmbedder

    articles, dataset = _read(squad)
    analyser, embedder = KoreanAnalyser(), SentenceTransformerEmbedder()
    rows = [
        {"article": article.id, "text": f"{article.title}\n{text}".strip()}
        for article in articles
        for text in _passages(article, analyser, embedder, ChunkSettings())
    ]
    asked = dataset.sample(limit, seed).questions
    return Material(
        passages=_write(folder / "passages.jsonl", rows),
        articles=_write(folder / "articles.jsonl", map(_told, articles)),
        model=_model(),
        questions=[question.question for question in asked],
        gold={
            str(n): {name: q.grades.get(name, 1) for name in q.article_ids}
            for n, q in enumerate(asked)
            if q.has_gold_articles
        },
        count=len(rows),
    )


def synthetic(squad: Path | None, limit: int, seed: int, folder: Path, count: int) -> Material:
    """So many passages, each an article of sentences of the sample corpus at random, with names made up.

    Their vectors are means of the sentences' real ones plus noise, and given to all systems. The
    questions are real, but no passage is known to answer them.
    """
    _, dataset = _read(squad)
    texts, vectors = _mixed(count, seed)
    rows = [{"article": f"s{n}", "text": text} for n, text in enumerate(texts)]
    np.save(folder / "vectors.npy", vectors)
    nothing = dict.fromkeys(_TOLD)
    articles = (nothing | {"id": row["article"], "title": "", "body": row["text"]} for row in rows)
    return Material(
        passages=_write(folder / "passages.jsonl", rows),
        articles=_write(folder / "articles.jsonl", articles),
        model=_model(),
        questions=[question.question for question in dataset.sample(limit, seed).questions],
        gold={},
        count=count,
        vectors=folder / "vectors.npy",
    )


def _read(squad: Path | None) -> tuple[list[Article], Dataset]:
    from index import read_articles
    from service.evaluation.datasets import articles_of_files
    from service.evaluation.formats import read_questions, read_squad

    if squad:
        dataset = read_squad(squad)
        return list(dataset.corpus or ()), dataset  # type: ignore[arg-type]
    corpus = CORPUS / "articles"
    articles = list(read_articles(corpus))
    known = {article.id for article in articles}
    dataset = read_questions(CORPUS / "questions.jsonl", corpus)
    named = {name for question in dataset.questions for name in question.article_ids}
    return articles, dataset.renaming(articles_of_files(corpus, named - known))


def _passages(
    article: Article, analyser: KoreanAnalyser, embedder: SentenceTransformerEmbedder, settings: Any
) -> Iterator[str]:
    """The texts of the passages, as ``index.preparation`` cuts them."""
    from index.chunking import bounded_sentences, chunk

    def fits(text: str) -> bool:
        return embedder.count_tokens(text) <= embedder.max_tokens

    analysed = analyser.sentences(article.body)
    sentences = bounded_sentences(article.body, analysed, analyser, settings.max_chars)
    for passage in chunk(article, sentences, settings, fits):
        yield passage.text


def _mixed(count: int, seed: int) -> tuple[list[str], np.ndarray[Any, np.dtype[np.float32]]]:
    """Texts of sentences from all articles, so that none is a copy of another, and their vectors."""
    material = _material()
    numbers = np.random.default_rng(seed)
    syllables = [chr(0xAC00 + 28 * int(i)) for i in numbers.choice(399, 60, replace=False)]
    chosen = numbers.integers(len(material.sentences), size=(count, SENTENCES))
    names = numbers.integers(len(syllables), size=(count, SENTENCES, 3))
    texts = [
        " ".join(
            f"{''.join(syllables[i] for i in name)} {material.sentences[at][0]}"
            for at, name in zip(row, of_row, strict=True)
        )
        for row, of_row in zip(chosen.tolist(), names.tolist(), strict=True)
    ]
    noise = numbers.standard_normal((count, material.vectors.shape[1]), dtype=np.float32)
    noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    vectors = material.vectors[chosen].mean(axis=1) + noise
    return texts, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _told(article: Article) -> dict[str, Any]:
    told = {name: getattr(article, name) for name in _TOLD}
    return told | {"published_at": article.published_at and article.published_at.isoformat()}


def _model() -> str:
    """The configured model's folder, which the peers' sentence-transformers reads too."""
    from service.settings import load_settings
    from service.wiring import model_place

    return model_place(load_settings())


def _write(path: Path, rows: Any) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return path
