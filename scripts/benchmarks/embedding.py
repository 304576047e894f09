"""The command ``embed`` of benchmark.py."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import percentile
from benchmarks.text import sentences

Runtime = Literal["torch", "openvino"]
RUNTIMES: tuple[Runtime, ...] = ("torch", "openvino")
ROOT = Path(__file__).resolve().parents[2]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]

app = typer.Typer()
messages = Console(stderr=True)


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


def _percentiles(seconds: list[float]) -> dict[str, float | None]:
    milliseconds = [1_000 * one for one in seconds]
    return {f"query_p{percent}_ms": percentile(milliseconds, percent) for percent in (50, 95)}


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
    source = path.read_text(encoding="utf-8") if path else " ".join(sentences())
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
