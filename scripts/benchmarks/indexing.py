"""The commands ``index`` and ``crash`` of benchmark.py."""

from __future__ import annotations

import json
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

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus"
SENTENCES, PASSAGES = 5, 4
"""Of a synthetic passage, and of a synthetic article."""
NOISE = 0.25  # length of what is added to the mean of unit vectors
BATCH_ARTICLES = 64
HOURS = 20_000
"""Over which the articles are spread, in no order, as when one outlet is read after the other."""

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

    The passages are synthetic: each has sentences of one article of the sample corpus at random,
    with names made up, and as vectors the means of the sentences' real ones plus noise. The questions
    are the sample's. ``exact`` in the figures is measured against comparing everything.
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


@app.command("crash")
def measure_crash(
    kills: Annotated[int, typer.Option(min=1, help="Writers to kill.")] = 200,
    articles: Annotated[int, typer.Option(min=10, help="Articles in the end.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Kill a process that builds an index at random moments, again and again; then count.

    Every writer adds the articles so far known, 1 % more each time, in batches that are published.
    """
    folder = Path(tempfile.mkdtemp(prefix="gisa-crash-"))
    try:
        figures = _crash(folder / "index", kills, articles, seed)
    finally:
        shutil.rmtree(folder)
    typer.echo(json.dumps(figures) if as_json else figures)
    if figures["lost"] or figures["duplicated"] or figures["problems"]:
        raise typer.Exit(1)


def _crash(root: Path, kills: int, articles: int, seed: int) -> dict[str, Any]:
    moments = np.random.default_rng(seed)
    killed = finished = 0
    while killed < kills:
        known = max(10, articles * (killed + 1) // kills)
        writer = _writer(root, known)
        try:
            writer.wait(timeout=float(moments.uniform(0.001, 0.35)))
            finished += 1
            articles += articles // kills + 1  # so that the next has something to do
        except subprocess.TimeoutExpired:
            writer.kill()
            writer.wait()
            killed += 1
        if killed % 20 == 0:
            messages.print(f"{killed} killed, {finished} finished")
    if _writer(root, articles).wait() != 0:
        raise RuntimeError("the last writer, which nobody disturbed, failed")
    return {"killed": killed, "finished": finished, "articles": articles} | _counted(root, articles)


def _writer(root: Path, articles: int) -> subprocess.Popen[bytes]:
    """A process that adds so many articles; it has started to when this returns."""
    command = [sys.executable, str(Path(__file__)), "write", str(root), str(articles)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)  # noqa: S603
    assert writer.stdout is not None  # noqa: S101
    writer.stdout.readline()
    return writer


def _write(root: Path, articles: int) -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from crashing_writer import ANALYSER, ARTICLES
    from hash_embedder import HashEmbedder

    from index import build_index

    def numbered() -> Iterator[Any]:
        for n in range(articles):
            yield replace(ARTICLES[0], id=f"a{n}", body=f"{ARTICLES[n % 5].body} {n}번째 소식.")

    print("ready", flush=True)
    build_index(numbered(), root, embedder=HashEmbedder(), analyser=ANALYSER)


def _counted(root: Path, articles: int) -> dict[str, Any]:
    """Articles that are not there, or there more than once, in catalog and generation."""
    from index import verify_index
    from index.engines.local import LocalEngine

    engine = LocalEngine.open(root)
    generation = engine._shown.generation
    loaded = engine.catalog.passages(generation.rows["passage"].tolist())
    ids = [loaded[key].passage.id for key in generation.rows["passage"].tolist()]
    engine.close()
    expected = {f"a{n}#0" for n in range(articles)}
    found = {name.split("#")[0] + "#0" for name in ids}
    return {
        "lost": len(expected - found),
        "duplicated": len(ids) - len(set(ids)),
        "problems": [f"{c.name}: {c.problem}" for c in verify_index(root) if c.problem],
    }


@dataclass(frozen=True)
class _Material:
    """Sentences with their morphemes and vectors; questions with their vectors."""

    sentences: Sequence[tuple[str, tuple[str, ...]]]
    groups: Sequence[Any]  # sentences of one article
    vectors: np.ndarray[Any, np.dtype[np.float32]]
    questions: Sequence[dict[str, Any]]


def _material() -> _Material:
    from index import KoreanAnalyser, read_articles
    from index.embedding import SentenceTransformerEmbedder

    messages.print("embedding the sentences of the sample corpus …")
    analyser, embedder = KoreanAnalyser(), SentenceTransformerEmbedder()
    found: list[tuple[str, tuple[str, ...]]] = []
    groups = []
    for article in read_articles(CORPUS / "articles"):
        first = len(found)
        for sentence in analyser.sentences(article.body):
            text = article.body[sentence.start : sentence.end].replace("\n", " ")
            found.append((text, sentence.morphemes))
        groups.append(np.arange(first, len(found)))
    lines = (CORPUS / "questions.jsonl").read_text("utf-8").splitlines()
    texts = list(dict.fromkeys(json.loads(line)["question"] for line in lines))
    vectors = embedder.embed_queries(texts)
    questions = [
        {"text": text, "vector": vector.tolist()}
        for text, vector in zip(texts, vectors, strict=True)
    ]
    passages = embedder.embed_passages([text for text, _ in found])
    return _Material(found, groups, passages, questions)


def _articles(material: _Material, seed: int, first: int = 0) -> Iterator[Any]:
    """Indexed articles without end."""
    from datetime import datetime, timedelta

    from index import SEOUL, AnalysedSentence, Article, Passage
    from index.protocols import IndexedArticle
    from index.variants import names_introduced

    numbers = np.random.default_rng(seed)
    syllables = [chr(0xAC00 + 28 * int(i)) for i in numbers.choice(399, 60, replace=False)]
    dimension = material.vectors.shape[1]
    number = first
    while True:
        body, sentences, passages = "", [], []
        drawn = numbers.random((PASSAGES, 1 + SENTENCES))
        letters = iter(numbers.integers(0, 60, 3 * PASSAGES * SENTENCES).tolist())
        # Of a group each, so that articles are no copies of each other.
        groups = [material.groups[int(share * len(material.groups))] for share in drawn[:, 0]]
        chosen = np.array(
            [
                group[(of * len(group)).astype(int)]
                for group, of in zip(groups, drawn[:, 1:], strict=True)
            ]
        )
        for ordinal in range(PASSAGES):
            start = len(body)
            for at in chosen[ordinal].tolist():
                name = "".join(syllables[next(letters)] for _ in range(3))
                text, morphemes = material.sentences[at]
                text = f"{name} {text}"
                begin = len(body)
                body += text + " "
                sentences.append(AnalysedSentence(begin, begin + len(text), (name, *morphemes)))
            end = len(body) - 1
            passages.append(Passage(f"a{number}", ordinal, body[start:end], start, end))
        noise = numbers.standard_normal((PASSAGES, dimension), dtype=np.float32)
        noise *= np.float32(NOISE) / np.linalg.norm(noise, axis=1, keepdims=True)
        vectors = material.vectors[chosen].mean(axis=1) + noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        article = Article(
            id=f"a{number}",
            title=" ".join(body.split()[:6]),
            body=body[:-1],
            press=f"신문 {number % 20}",
            section=f"면 {number % 8}",
            published_at=datetime(2024, 1, 1, tzinfo=SEOUL)
            + timedelta(hours=number * 7919 % HOURS),
        )
        title = sentences[0].morphemes[:5]
        names = names_introduced(body)
        yield IndexedArticle(article, passages, vectors, sentences, str(number), title, names=names)
        number += 1


def _measure(material: _Material, passages: int, folder: Path) -> dict[str, Any]:
    from index.build import put
    from index.engines.local import LocalEngine
    from index.protocols import Recipe

    def add(articles: Iterator[Any], count: int) -> None:
        for _ in range(-(-count // BATCH_ARTICLES)):
            put(list(islice(articles, BATCH_ARTICLES)), engine)

    engine = LocalEngine.create(folder)
    engine.adopt(Recipe("benchmark", material.vectors.shape[1], "benchmark", {}))
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
    """The keys in the catalog of the nearest passages to each question, by comparing all of them."""
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
    from index import Filters, KoreanAnalyser
    from index.engines.local import LocalEngine, lexical
    from index.ranking import CANDIDATES, fuse
    from index.retrieve import Index

    vectors = {q["text"]: np.array(q["vector"], dtype=np.float32) for q in task["questions"]}

    class Embedded:
        """Knows the vectors of the questions: to make them is not to be measured."""

        def embed_queries(self, texts: Sequence[str]) -> Any:
            return np.array([vectors[text] for text in texts])

    analyser = KoreanAnalyser()
    opened = time.perf_counter()
    engine = LocalEngine.open(Path(task["folder"]))
    opened = time.perf_counter() - opened
    index = Index(engine, Embedded(), analyser)  # type: ignore[arg-type]
    filters = {
        "all": Filters(),
        "press": Filters(press=("신문 3",)),
    }
    figures: dict[str, Any] = {"open_s": opened}
    for name, chosen in filters.items():
        times = []
        for turn in range(3):
            for text in vectors:
                seconds = _seconds(index.search, text, filters=chosen, k=8, per_story=3)
                times += [1000 * seconds] if turn else []  # the first turn warms up
        figures |= {f"{name}_p{p}_ms": float(np.percentile(times, p)) for p in (50, 95)}
    figures |= _memory()
    budget, everything = lexical.NOMINATING_POSTINGS, 10**12
    found, fused = [], []
    for (text, vector), exact in zip(vectors.items(), task["exact"], strict=True):
        corpus, terms = engine.statistics(), analyser.terms(text)
        query = {field: corpus.weights(field, words) for field, words in terms.items()}
        candidates = engine.search(vector, [query], Filters(), CANDIDATES)
        top = np.argsort(-candidates.dense)[:10].tolist()
        nearest = {int(candidates.passages[i]) for i in top}
        found.append(len(nearest & {*exact}) / len(exact))
        scores = np.sort(fuse(candidates, corpus.cosine_spread))[-10:]
        lexical.NOMINATING_POSTINGS = everything
        wider = engine.search(vector, [query], Filters(), 5 * CANDIDATES)
        lexical.NOMINATING_POSTINGS = budget
        # Many synthetic passages score the same: those count that are as good as the exact tenth.
        tenth = np.sort(fuse(wider, corpus.cosine_spread))[-10]
        fused.append(float((scores >= tenth - 1e-4).mean()))
    figures["dense_recall_at_10"] = float(np.mean(found))
    figures["fused_recall_at_10"] = float(np.mean(fused))
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
    elif sys.argv[1:2] == ["write"]:
        _write(Path(sys.argv[2]), int(sys.argv[3]))
