"""The commands ``duplicates``, ``cleaning``, ``ingest`` and ``spreadsheet`` of benchmark.py."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]

app = typer.Typer()
messages = Console(stderr=True)


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
        return [article for article in articles if story(article.key)[0] == article.key]


def _pair_figures(articles: list[Any]) -> dict[str, float]:
    """Precision, recall and F1 over pairs of articles; the copy of ``x`` is called ``x~``."""
    with _stories(articles) as story:
        groups = {story(article.key) for article in articles}
    found = {frozenset(pair) for group in groups for pair in combinations(group, 2)}
    right = {frozenset((a.key, f"{a.key}~")) for a in articles if not a.id.endswith("~")}
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
from benchmarks.text import sentences
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
    path, sentences, rng = Path(folder, "a.jsonl"), list(sentences()), random.Random(2)
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


@app.command()
def spreadsheet(
    rows: Annotated[int, typer.Option(min=100, help="Rows.")] = 10_000,
    chars: Annotated[int, typer.Option(min=100, help="Characters of a body.")] = 1_000,
    as_json: JsonOption = False,
) -> None:
    """Reading and cleaning the rows of an XLSX with the columns of BigKinds, in a process of its own: time and memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "NewsResult.xlsx")
        _write_export(path, rows, chars)
        size = path.stat().st_size
        command = [sys.executable, "-c", _READ, json.dumps([str(ROOT), str(path)])]
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    run = json.loads(output.stdout) | {"file_mb": size / 1e6}
    if as_json:
        typer.echo(json.dumps(run, indent=2))
        return
    typer.echo(
        f"{run['articles']:,} articles of {chars:,} characters from {run['file_mb']:.1f} MB: "
        f"{run['seconds']:.1f} s ({run['cpu_s']:.1f} s of processor time), "
        f"peak {run['peak_mb']:.0f} MB, {run['start_mb']:.0f} MB before reading"
    )


_EXPORT_COLUMNS = (
    "뉴스 식별자", "일자", "언론사", "기고자", "제목", "통합 분류1", "통합 분류2", "통합 분류3", "사건/사고 분류1",
    "사건/사고 분류2", "사건/사고 분류3", "인물", "위치", "기관", "키워드", "특성추출(가중치순 상위 50개)", "본문", "URL",
    "분석제외 여부",
)  # fmt: skip


def _write_export(path: Path, rows: int, chars: int) -> None:
    import openpyxl

    from benchmarks.text import sentences

    pool, rng = list(sentences()), random.Random(3)  # noqa: S311
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(_EXPORT_COLUMNS)
    for number in range(rows):
        body = ""
        while len(body) < chars:
            body += f"{rng.choice(pool)} "
        facts = [f"0110.{number}", 20260311, "해담일보", "한가람", f"기사 {number}", "경제>반도체"]
        words = [*[""] * 8, "요금,버스", ",".join(f"낱말{n}" for n in range(50))]
        sheet.append([*facts, *words, body.strip(), f"https://haedam.example/{number}", ""])
    book.save(path)


_READ = """
import json, sys, time
from pathlib import Path
root, path = json.loads(sys.argv[1])
sys.path.insert(0, root)
from index.readers import read
def peak():  # of this program alone: getrusage counts the process that started it, too
    status = Path("/proc/self/status").read_text().partition("VmHWM:")[2]
    return int(status.split()[0]) / 1024
before, start, cpu, count = peak(), time.perf_counter(), time.process_time(), 0
for item in read(path):
    count += hasattr(item, "body")
print(json.dumps({"articles": count, "seconds": time.perf_counter() - start, "cpu_s": time.process_time() - cpu,
                  "peak_mb": peak(), "start_mb": before}))
"""
