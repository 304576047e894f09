#!/usr/bin/env python3
"""Measure the parts of the product on this machine; see ``benchmark.py --help``."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # from a source folder too

Runtime = Literal["torch", "openvino"]
RUNTIMES: tuple[Runtime, ...] = ("torch", "openvino")
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]

from benchmark_answers import app as answers_app  # noqa: E402 - beside this file
from benchmark_http import app as http_app  # noqa: E402
from benchmark_index import app as index_app  # noqa: E402
from benchmark_model import app as model_app  # noqa: E402
from benchmark_retrieval import app as retrieval_app  # noqa: E402
from benchmark_slack import app as slack_app  # noqa: E402

app = typer.Typer(help="Measure the parts of the product on this machine.", no_args_is_help=True)
app.add_typer(index_app)
app.add_typer(http_app)
app.add_typer(retrieval_app)
app.add_typer(answers_app)
app.add_typer(slack_app)
app.add_typer(model_app)
messages = Console(stderr=True)


@app.callback()
def main() -> None:
    """Each command measures one part. Figures of different runs compare badly on a busy machine,
    so what is to be compared is measured in turns within one run."""


@app.command()
def embed(
    model: Annotated[
        str, typer.Option(help="'bundled', a model folder, or a hub name.")
    ] = "bundled",
    queries: Annotated[int, typer.Option(min=1, help="Questions a round.")] = 60,
    documents: Annotated[int, typer.Option(min=1, help="Documents a round.")] = 32,
    chars: Annotated[int, typer.Option(min=1, help="Characters of a document.")] = 820,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each runtime.")] = 3,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; all if not given.")
    ] = None,
    text: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="UTF-8 text to cut up.")
    ] = None,
    cold: Annotated[
        bool, typer.Option("--cold", help="Also time unpacking and converting, in a new cache.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """PyTorch against OpenVINO: questions, documents, start-up, memory."""
    questions, passages = _texts(text, queries, documents, chars)
    messages.print("starting each runtime in a process of its own …")
    starts = {runtime: _start(runtime, model, threads) for runtime in RUNTIMES}
    first = _cold_start(model, threads) if cold else None
    messages.print(f"{rounds} rounds of {queries} questions and {documents} documents …")
    result = _compare(model, threads, questions, passages, rounds)
    for runtime, figures in result["runtimes"].items():
        figures.update(starts[runtime])
    result |= {"chars": chars, "cold_start_s": first}
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        _show_embed(result)


def _compare(
    model: str, threads: int | None, questions: list[str], passages: list[str], rounds: int
) -> dict[str, Any]:
    from index.embedding import SentenceTransformerEmbedder

    embedders = {
        runtime: SentenceTransformerEmbedder(model, runtime=runtime, threads=threads)
        for runtime in RUNTIMES
    }
    latencies: dict[Runtime, list[float]] = {runtime: [] for runtime in RUNTIMES}
    rates: dict[Runtime, list[float]] = {runtime: [] for runtime in RUNTIMES}
    for _ in range(rounds):
        for runtime, embedder in embedders.items():
            embedder.embed_queries(questions[:3])  # warm up after the other's turn
            latencies[runtime] += [_seconds(embedder.embed_queries, [q]) for q in questions]
            rates[runtime].append(len(passages) / _seconds(embedder.embed_passages, passages))
    one, other = (embedder.embed_passages(passages[:8]) for embedder in embedders.values())
    figures = {
        runtime: {
            **_percentiles(latencies[runtime]),
            "documents_per_s": statistics.median(rates[runtime]),
        }
        for runtime in RUNTIMES
    }
    return {
        "model": embedders["openvino"].name,
        "runtimes": figures,
        "query_speedup": figures["torch"]["query_p50_ms"] / figures["openvino"]["query_p50_ms"],
        "least_cosine": float((one * other).sum(axis=1).min()),
    }


def _seconds(action: Callable[[list[str]], Any], texts: list[str]) -> float:
    start = time.perf_counter()
    action(texts)
    return time.perf_counter() - start


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(1000 * s for s in seconds)
    at = {50: statistics.median(ordered), 95: ordered[int(0.95 * (len(ordered) - 1))]}
    return {f"query_p{percent}_ms": value for percent, value in at.items()}


_START = """
import json, sys, time
model, runtime, cache, threads = json.loads(sys.argv[1])
start = time.perf_counter()
from pathlib import Path
from index.embedding import SentenceTransformerEmbedder
embedder = SentenceTransformerEmbedder(
    model, runtime=runtime, cache_dir=cache and Path(cache), threads=threads)
embedder.embed_queries(["금리"])
seconds = time.perf_counter() - start
try:
    status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    memory = int(fields["VmRSS"].split()[0]) / 1024
except OSError:
    memory = None
print(json.dumps({"start_s": seconds, "rss_mb": memory}))
"""


def _start(
    runtime: Runtime, model: str, threads: int | None, cache: str | None = None
) -> dict[str, float]:
    """Seconds to the first question's vector, imports included, and memory then, warm."""
    arguments = json.dumps([model, runtime, cache, threads])
    command = [sys.executable, "-c", _START, arguments]
    for _ in range(1 if cache else 2):  # the first fills the cache and the kernel's file cache
        output = subprocess.run(  # noqa: S603
            command, cwd=ROOT, check=True, capture_output=True, text=True
        )
    figures: dict[str, float] = json.loads(output.stdout)
    return figures


def _cold_start(model: str, threads: int | None) -> float:
    with tempfile.TemporaryDirectory() as cache:
        return _start("openvino", model, threads, cache)["start_s"]


def _texts(
    path: Path | None, queries: int, documents: int, chars: int
) -> tuple[list[str], list[str]]:
    source = path.read_text(encoding="utf-8") if path else " ".join(_sentences())
    source *= -(-documents * chars // len(source))
    passages = [source[i * chars : (i + 1) * chars] for i in range(documents)]
    topics = ("기준금리", "집값", "파업", "예산안", "수출", "반도체", "선거", "날씨")
    endings = (
        "은 언제 결정되나?",
        "에 대한 정부의 입장은?",
        "이 얼마나 올랐나?",
        "의 원인은 무엇인가?",
    )
    questions = [f"{t}{e}" for t in topics for e in endings]
    return [questions[i % len(questions)] for i in range(queries)], passages


def _sentences() -> Iterator[str]:
    """Korean of no meaning but of ordinary words, the same in each run."""
    choice = random.Random(1).choice  # noqa: S311
    who = "정부는 국회는 한국은행은 서울시는 업계는 전문가들은 야당은 삼성전자는 주민들은 검찰은".split()
    when = "지난주 23일 올해 내년부터 오는 3월 최근 2025년까지 어제 이달 말 상반기에".split()
    what = "기준금리를 예산안을 반도체 공장을 새 아파트를 수출 계획을 개정안을 대책을 수사를 조사 결과를".split()
    how = "발표했다. 검토하고 있다. 연기하기로 했다. 늘릴 방침이다. 반대했다. 통과시켰다. 지적했다.".split(
        ". "
    )
    for _ in range(4000):
        yield f"{choice(who)} {choice(when)} {choice(what)} {choice(how).rstrip('.')}."


def _show_embed(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['model']}, documents of {result['chars']} characters")
    for column in ("", "question p50, ms", "p95, ms", "documents/s", "warm start, s", "memory, MB"):
        table.add_column(column, justify="right" if column else "left")
    for runtime, figures in result["runtimes"].items():
        names = ("query_p50_ms", "query_p95_ms", "documents_per_s", "start_s")
        memory = figures["rss_mb"]
        table.add_row(
            runtime, *(f"{figures[name]:.1f}" for name in names), f"{memory:.0f}" if memory else "–"
        )
    console = Console()
    console.print(table)
    console.print(
        f"questions: {result['query_speedup']:.1f} times faster; least cosine {result['least_cosine']:.5f}"
    )
    if result["cold_start_s"] is not None:
        console.print(f"first start, unpacking and converting: {result['cold_start_s']:.1f} s")


@app.command()
def duplicates(
    articles: Annotated[Path, typer.Option(exists=True, help="Articles to make copies of.")] = ROOT
    / "tests"
    / "corpus"
    / "articles",
    as_json: JsonOption = False,
) -> None:
    """Copies made of articles in known ways: which of them the index finds, and how fast."""
    from index import read_articles

    originals = _distinct([a for a in read_articles(articles) if len(a.body) >= 200])
    result: dict[str, Any] = {"originals": len(originals), "kinds": {}}
    started, stored = time.perf_counter(), 0
    for kind, change in _CHANGES.items():
        rng = random.Random(1)  # noqa: S311
        pool = [s for a in originals for s in a.body.replace("\n\n", " ").split(". ")]
        copies = [replace(a, id=f"{a.id}~", body=change(a.body, pool, rng)) for a in originals]
        result["kinds"][kind] = _pair_figures([*originals, *copies])
        stored += len(originals) + len(copies)
    result["articles_per_s"] = stored / (time.perf_counter() - started)
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        _show_duplicates(result)


def _add_tail(body: str, pool: list[str], rng: random.Random) -> str:
    return f"{body}\n\n이 기사는 협약에 따라 제공된 통신 기사입니다. 제보는 카카오톡 '뉴스제보'로 받습니다. {rng.choice(pool)[:40]}"


def _wrap(body: str, pool: list[str], rng: random.Random) -> str:
    return "\n".join(body[i : i + 37] for i in range(0, len(body), 37))


def _first_70(body: str, pool: list[str], rng: random.Random) -> str:
    return body[: int(0.7 * len(body))]


def _plus_60(body: str, pool: list[str], rng: random.Random) -> str:
    length = int(1.6 * len(body))
    while len(body) < length:
        body += f" {rng.choice(pool)}."
    return body[:length]


def _words_20(body: str, pool: list[str], rng: random.Random) -> str:
    words = body.split()
    for i in rng.sample(range(len(words)), len(words) // 5):
        words[i] = rng.choice(rng.choice(pool).split() or ["그"])
    return " ".join(words)


_CHANGES: dict[str, Callable[[str, list[str], random.Random], str]] = {
    "tail": _add_tail,
    "wrapped": _wrap,
    "first_70": _first_70,
    "plus_60": _plus_60,
    "words_20": _words_20,
}


def _distinct(articles: list[Any]) -> list[Any]:
    """One article of each story, so that only the copies made here are copies."""
    with _stories(articles) as story:
        return [article for article in articles if story(article.id)[0] == article.id]


def _pair_figures(articles: list[Any]) -> dict[str, float]:
    """Precision, recall and F1 over pairs of articles; the copy of ``x`` is called ``x~``."""
    with _stories(articles) as story:
        groups = {story(article.id) for article in articles}
    found = {frozenset(pair) for group in groups for pair in combinations(group, 2)}
    right = {frozenset((a.id, f"{a.id}~")) for a in articles if not a.id.endswith("~")}
    hits = len(found & right)
    return {
        "precision": hits / len(found) if found else 1.0,
        "recall": hits / len(right),
        "f1": 2 * hits / (len(found) + len(right)),
    }


@contextmanager
def _stories(articles: list[Any]) -> Iterator[Callable[[str], tuple[str, ...]]]:
    """The stories of an index of these articles; vectors and sentences play no part in them."""
    import numpy as np

    from index.build import put
    from index.library import open_writer
    from index.protocols import IndexedArticle, Recipe

    vectors = np.zeros((0, 4), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        engine = open_writer(folder, create=True)
        engine.adopt(Recipe("none", vectors.shape[1], "none", {}))
        for at in range(0, len(articles), 64):
            batch = articles[at : at + 64]
            put([IndexedArticle(a, [], vectors, [], a.id) for a in batch], engine)
        yield lambda article_id: engine.stories([article_id])[article_id]
        engine.close()


def _show_duplicates(result: dict[str, Any]) -> None:
    table = Table(title=f"copies of {result['originals']} articles: pairs")
    for column in ("", "precision", "recall", "F1"):
        table.add_column(column, justify="right" if column else "left")
    for kind, figures in result["kinds"].items():
        table.add_row(kind, *(f"{figures[name]:.3f}" for name in ("precision", "recall", "f1")))
    console = Console()
    console.print(table)
    console.print(f"{result['articles_per_s']:.0f} articles/s, all kinds together")


@app.command()
def cleaning(
    korquad: Annotated[
        Path, typer.Option(help="KorQuAD's JSON, whose paragraphs are clean text.")
    ] = ROOT.parent / "shared/data/KorQuAD_v1.0_dev.json",
    as_json: JsonOption = False,
) -> None:
    """Sentences of clean text that cleaning loses: 0.1 % at most."""
    from index import read_articles
    from index.clean import lost_sentences

    bodies = {"sample corpus": [a.body for a in read_articles(ROOT / "tests/corpus/articles")]}
    if korquad.is_file():
        data = json.loads(korquad.read_text("utf-8"))["data"]
        bodies["KorQuAD"] = [p["context"] for item in data for p in item["paragraphs"]]
    else:
        messages.print(f"without KorQuAD: {korquad} is not there")
    result: dict[str, Any] = {}
    for name, texts in bodies.items():
        counts = [lost_sentences(text) for text in texts]
        lost = [sentence for found, _ in counts for sentence in found]
        result[name] = {"sentences": sum(count for _, count in counts), "lost": lost}
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for name, figures in result.items():
        share = len(figures["lost"]) / figures["sentences"]
        typer.echo(
            f"{name}: {len(figures['lost'])} of {figures['sentences']:,} sentences lost ({share:.3%})"
        )
        for sentence in figures["lost"]:
            typer.echo(f"  {sentence}")


@app.command()
def ingest(
    articles: Annotated[int, typer.Option(min=100, help="Articles.")] = 10_000,
    chars: Annotated[int, typer.Option(min=100, help="Characters of an article.")] = 1_000,
    as_json: JsonOption = False,
) -> None:
    """Reading, cleaning, sentences, passages and fingerprints, without embedding: time and memory.

    A fifth of the articles goes first, in a process of its own, to show whether memory grows.
    """
    runs = []
    for count in (articles // 5, articles):
        messages.print(f"{count:,} articles …")
        command = [sys.executable, "-c", _INGEST, json.dumps([str(ROOT), count, chars])]
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
        runs.append(json.loads(output.stdout))
    if as_json:
        typer.echo(json.dumps(runs, indent=2))
        return
    table = Table(title=f"articles of {chars:,} characters, seconds by stage")
    for column in ("articles", *runs[0]["stages_s"], "together", "CPU", "articles/s", "peak MB"):
        table.add_column(column, justify="right")
    for run in runs:
        seconds = [*run["stages_s"].values(), sum(run["stages_s"].values())]
        row = [*(f"{s:.1f}" for s in (*seconds, run["cpu_s"]))]
        row.append(f"{run['articles'] / seconds[-1]:.0f}")
        table.add_row(f"{run['articles']:,}", *row, f"{run['peak_mb']:.0f}")
    Console().print(table)


_INGEST = """
import json, random, resource, sys, tempfile, time
from itertools import islice
from pathlib import Path
root, count, chars = json.loads(sys.argv[1])
sys.path[:0] = [root, root + "/scripts"]
from benchmark import _sentences
from index.build import BATCH_ARTICLES
from index.chunking import ChunkSettings, bounded_sentences, chunk
from index.duplicates import fingerprint
from index.korean import KoreanAnalyser
from index.readers import read

stages = dict.fromkeys(("read and clean", "sentences", "passages", "fingerprints"), 0.0)

def timed(stage, action):
    start = time.perf_counter()
    result = action()
    stages[stage] += time.perf_counter() - start
    return result

def body(choice):
    text = ""
    while len(text) < chars:
        text += choice() + ("\\n\\n" if len(text) % 250 > 200 else " ")
    return text.strip()

with tempfile.TemporaryDirectory() as folder:
    path, sentences, rng = Path(folder, "a.jsonl"), list(_sentences()), random.Random(2)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            story = body(lambda: rng.choice(sentences))
            record = {"id": str(number), "title": f"기사 {number}", "published_at": "2026-01-02T09:00:00+09:00",
                      "body": f"(해담=해담통신) 한가람 기자 = {story}\\n\\n한가람 기자 garam@haedam.example\\n(끝)\\n"
                              "<저작권자(c) 해담통신, 무단 전재-재배포 금지>"}
            file.write(json.dumps(record, ensure_ascii=False) + "\\n")
    analyser, settings = KoreanAnalyser(), ChunkSettings()
    articles, started_cpu = iter(read(path)), time.process_time()
    while batch := timed("read and clean", lambda: list(islice(articles, BATCH_ARTICLES))):
        found = timed("sentences", lambda: analyser.sentences_of([a.body for a in batch]))
        pairs = list(zip(batch, found))
        timed("passages", lambda: [
            chunk(a, bounded_sentences(a.body, s, analyser, settings.max_chars), settings) for a, s in pairs])
        timed("fingerprints", lambda: [fingerprint(a.body) for a in batch])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
cpu = time.process_time() - started_cpu
print(json.dumps({"articles": count, "stages_s": stages, "cpu_s": cpu, "peak_mb": peak}))
"""


if __name__ == "__main__":
    app()
