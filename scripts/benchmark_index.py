"""The commands ``index`` and ``crash`` of benchmark.py."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "corpus"
SENTENCES, PASSAGES = 5, 4
"""Of a synthetic passage, and of a synthetic article."""
NOISE = 0.25  # length of what is added to the mean of unit vectors
BATCH_ARTICLES = 64

app = typer.Typer()
messages = Console(stderr=True)


@app.command("index")
def measure_index(
    passages: Annotated[str, typer.Option(help="Sizes, comma-separated.")] = "100000,1000000",
    folder: Annotated[
        Path | None, typer.Option(help="Where to build; about 6 KB a passage.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """The embedded engine: build, disk, memory, retrieval, recall, publication.

    The passages are synthetic: sentences of the sample corpus put together at random, with names made
    up, and as vectors the means of the sentences' real ones plus noise. The questions are real.
    """
    material = _material()
    results = []
    for size in map(int, passages.split(",")):
        where = Path(tempfile.mkdtemp(prefix="gisa-benchmark-", dir=folder))
        try:
            results.append(_measure(material, size, where))
        finally:
            shutil.rmtree(where)
        messages.print(results[-1])
    if as_json:
        typer.echo(json.dumps(results, ensure_ascii=False, indent=2))
    else:
        _show(results)


@dataclass(frozen=True)
class _Material:
    """Sentences with their morphemes and vectors; questions with their terms and vectors."""

    sentences: Sequence[str]
    morphemes: Sequence[tuple[str, ...]]
    vectors: np.ndarray[Any, np.dtype[np.float32]]
    questions: Sequence[dict[str, Any]]


def _material() -> _Material:
    from index import KoreanAnalyser, read_articles
    from index.embed import SentenceTransformerEmbedder

    messages.print("embedding the sentences of the sample corpus …")
    analyser, embedder = KoreanAnalyser(), SentenceTransformerEmbedder()
    found: dict[str, tuple[str, ...]] = {}
    for article in read_articles(CORPUS / "articles"):
        for sentence in analyser.sentences(article.body):
            found[article.body[sentence.start : sentence.end].replace("\n", " ")] = (
                sentence.morphemes
            )
    lines = (CORPUS / "questions.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["question"] for line in lines]
    vectors = embedder.embed_queries(texts)
    questions = [
        {"terms": dict(analyser.terms(text)), "vector": vector.tolist()}
        for text, vector in zip(texts, vectors, strict=True)
    ]
    return _Material(
        list(found), list(found.values()), embedder.embed_passages(list(found)), questions
    )


def _articles(material: _Material, seed: int, first: int = 0) -> Iterator[Any]:
    """Indexed articles without end."""
    from datetime import datetime, timedelta

    from index import SEOUL, AnalysedSentence, Article, Passage
    from index.protocols import IndexedArticle

    numbers = np.random.default_rng(seed)
    syllables = [chr(0xAC00 + 28 * int(i)) for i in numbers.choice(399, 60, replace=False)]
    number = first
    while True:
        body, sentences, passages, vectors = "", [], [], []
        for ordinal in range(PASSAGES):
            chosen = numbers.choice(len(material.sentences), SENTENCES, replace=False)
            start = len(body)
            for at in chosen.tolist():
                name = "".join(syllables[i] for i in numbers.integers(0, 60, 3))
                text = f"{name} {material.sentences[at]}"
                begin = len(body)
                body += text + " "
                sentences.append(
                    AnalysedSentence(begin, begin + len(text), (name, *material.morphemes[at]))
                )
            end = len(body) - 1
            passages.append(Passage(f"a{number}", ordinal, body[start:end], start, end))
            noise = numbers.standard_normal(material.vectors.shape[1]).astype(np.float32)
            vector = material.vectors[chosen].mean(axis=0)
            vector += noise * np.float32(NOISE) / np.linalg.norm(noise)
            vectors.append(vector / np.linalg.norm(vector))
        article = Article(
            id=f"a{number}",
            title=f"기사 {number}",
            body=body[:-1],
            press=f"신문 {number % 20}",
            section=f"면 {number % 8}",
            published_at=datetime(2024, 1, 1, tzinfo=SEOUL) + timedelta(hours=number % 20_000),
        )
        yield IndexedArticle(article, passages, np.array(vectors), sentences, str(number))
        number += 1


def _measure(material: _Material, passages: int, folder: Path) -> dict[str, Any]:
    from index.local import LocalEngine

    def add(articles: Iterator[Any], count: int) -> None:
        for _ in range(-(-count // BATCH_ARTICLES)):
            engine.add(list(islice(articles, BATCH_ARTICLES)))

    engine = LocalEngine.create_or_update(
        folder,
        embedder="benchmark",
        dimension=material.vectors.shape[1],
        analyser="benchmark",
        chunking={},
    )
    articles = _articles(material, seed=1)
    figures: dict[str, Any] = {"passages": passages}
    messages.print(f"{passages:,} passages: storing …")
    figures["store_s"] = _seconds(add, articles, passages // PASSAGES)
    messages.print("publishing …")
    figures["publish_s"] = _seconds(engine.publish)
    add(articles, 1000)
    messages.print("publishing 1,000 more articles …")
    figures["publish_1000_more_s"] = _seconds(engine.publish)
    figures["catalog_mb"] = (folder / "catalog.sqlite").stat().st_size / 1e6
    newest = sorted((folder / "generations").iterdir())[-1]
    figures["generation_mb"] = sum(p.stat().st_size for p in newest.rglob("*") if p.is_file()) / 1e6
    exact = _exact(engine, material.questions)
    engine.close()
    messages.print("serving …")
    return figures | _served(folder, material.questions, exact)


def _exact(engine: Any, questions: Sequence[dict[str, Any]], k: int = 10) -> list[list[int]]:
    """The keys of the nearest passages to each question, by comparing all of them."""
    catalog = engine.catalog
    keys = catalog.live_passages()["passage"]
    wanted = np.array([question["vector"] for question in questions], dtype=np.float32)
    best = np.zeros((len(wanted), 0), dtype=np.float32)
    best_keys = np.zeros((len(wanted), 0), dtype=np.int64)
    row = 0
    for batch in catalog.vectors(wanted.shape[1], 50_000):
        cosines = np.hstack([best, wanted @ batch.T])
        here = np.tile(keys[row : row + len(batch)], (len(wanted), 1))
        all_keys = np.hstack([best_keys, here])
        top = np.argsort(-cosines, axis=1)[:, :k]
        best = np.take_along_axis(cosines, top, axis=1)
        best_keys = np.take_along_axis(all_keys, top, axis=1)
        row += len(batch)
    return best_keys.tolist()  # type: ignore[no-any-return]


def _served(
    folder: Path, questions: Sequence[dict[str, Any]], exact: list[list[int]]
) -> dict[str, Any]:
    """Latency, recall and memory in a process of its own."""
    task = json.dumps({"folder": str(folder), "questions": questions, "exact": exact})
    command = [sys.executable, str(Path(__file__)), "serve"]
    output = subprocess.run(  # noqa: S603
        command, input=task, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    return json.loads(output.stdout)  # type: ignore[no-any-return]


def _serve(task: dict[str, Any]) -> dict[str, Any]:
    from index import Filters
    from index.local import LocalEngine, lexical
    from index.retrieve import CANDIDATES, Index

    class Prepared:
        """Gives a question's vector and terms, which are not to be measured."""

        def __init__(self, question: dict[str, Any]) -> None:
            self.vector = np.array(question["vector"], dtype=np.float32)
            self.question_terms = question["terms"]

        def embed_queries(self, _: Sequence[str]) -> Any:
            return self.vector[None]

        def terms(self, _: str) -> Any:
            return self.question_terms

    opened = time.perf_counter()
    engine = LocalEngine.open(Path(task["folder"]))
    opened = time.perf_counter() - opened
    prepared = [Prepared(question) for question in task["questions"]]
    indexes = [Index(engine, p, p) for p in prepared]  # type: ignore[arg-type]
    filters = {
        "all": Filters(),
        "press": Filters(press=("신문 3",)),
    }
    figures: dict[str, Any] = {"open_s": opened}
    for name, chosen in filters.items():
        times = []
        for turn in range(3):
            for index in indexes:
                seconds = _seconds(index.search, "", filters=chosen, k=8, per_story=3)
                times += [1000 * seconds] if turn else []  # the first turn warms up
        figures |= {f"{name}_p{p}_ms": float(np.percentile(times, p)) for p in (50, 95)}
    figures |= _memory()
    found, listed = [], []
    for question, exact in zip(prepared, task["exact"], strict=True):
        candidates = engine.search(question.vector, question.question_terms, Filters(), CANDIDATES)
        top = np.argsort(-candidates.dense)[:10]
        found.append(len({*candidates.keys[top].tolist()} & {*exact}) / len(exact))
        view = engine._current().generation.lexical
        some = view.best(question.question_terms, CANDIDATES, None)
        lexical.NOMINATING_POSTINGS, limit = 10**12, lexical.NOMINATING_POSTINGS
        every = view.best(question.question_terms, CANDIDATES, None)
        lexical.NOMINATING_POSTINGS = limit
        scores = sum(view.scores(question.question_terms, every).values())
        wanted = every[np.argsort(-np.asarray(scores))[:10]]
        listed.append(len(np.intersect1d(some, wanted)) / max(len(wanted), 1))
    figures["dense_recall_at_10"] = float(np.mean(found))
    figures["lexical_recall_at_10"] = float(np.mean(listed))
    engine.close()
    return figures


def _memory() -> dict[str, float]:
    status = Path("/proc/self/status").read_text("ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    names = {"resident_mb": "VmRSS", "private_mb": "RssAnon"}
    return {name: int(fields[key].split()[0]) / 1000 for name, key in names.items()}


def _seconds(action: Any, *arguments: Any, **options: Any) -> float:
    start = time.perf_counter()
    action(*arguments, **options)
    return time.perf_counter() - start


def _show(results: Sequence[dict[str, Any]]) -> None:
    table = Table(title="The embedded engine (synthetic passages)")
    table.add_column("")
    for result in results:
        table.add_column(f"{result['passages']:,}", justify="right")
    for name in list(results[0])[1:]:
        table.add_row(
            name,
            *(
                f"{result[name]:,.3g}" if result[name] < 100 else f"{result[name]:,.0f}"
                for result in results
            ),
        )
    Console().print(table)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:] == ["serve"]:
        print(json.dumps(_serve(json.load(sys.stdin))))
