"""The commands ``index`` and ``crash`` of benchmark.py."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import percentile

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
CORPUS = ROOT / "tests" / "corpus"
SENTENCES, PASSAGES = 5, 4
"""Of a synthetic passage, and of a synthetic article."""
NOISE = 0.25  # length of what is added to the mean of unit vectors
BATCH_ARTICLES = 1_000
READ_S, PAUSE_S = 6.0, 0.02  # a reader before and after a publication, and between its searches
HOURS = 20_000
"""Over which the articles are spread, in no order, as when one outlet is read after the other."""

app = typer.Typer()
messages = Console(stderr=True)


@app.command("index")
def measure_index(
    passages: Annotated[
        str, typer.Option(help="Sizes, comma-separated.")
    ] = "1000,10000,100000,1000000",
    folder: Annotated[
        Path | None, typer.Option(resolve_path=True, help="Where to build; about 6 KB a passage.")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(help="Keep the indexes in the folder, a run adds 1,000 articles to each."),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw times by size into this SVG file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """The embedded engine: build, disk, memory, search under filters, recall, publication.

    The passages are synthetic: each has sentences of one article of the sample corpus at random,
    with names made up, and as vectors the means of the sentences' real ones plus noise. The questions
    are the sample's. ``search`` is what the engine takes, given a question's vector and terms; ``recall`` is
    the share of the ten nearest vectors under the same filter that it finds, measured against comparing
    everything. ``retrieval`` is a question as a whole, without its vector. Filters are written with their share of
    the passages. No copies are looked for among the articles.
    """
    sizes = sorted(map(int, passages.split(",")))
    if keep and folder is None:
        raise typer.BadParameter("--keep needs --folder")
    if plot and len(sizes) < 2:
        raise typer.BadParameter("a plot needs two sizes or more")
    material = _material()
    results = []
    for size in sizes:
        if keep and folder is not None:
            results.append(_measure(material, size, folder / f"passages-{size}"))
        else:
            with tempfile.TemporaryDirectory(prefix="gisa-benchmark-", dir=folder) as where:
                results.append(_measure(material, size, Path(where)))
        messages.print(results[-1])
    if plot:
        plot.write_text(_growth(results), "utf-8")
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
            if writer.wait(timeout=float(moments.uniform(0.001, 0.35))) != 0:
                raise RuntimeError("a writer that nobody disturbed failed")
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
    command = [sys.executable, "-m", "benchmarks.indexing", "write", str(root), str(articles)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=SCRIPTS)  # noqa: S603
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
    from index.engines.local import LocalEngine
    from index.protocols import Recipe

    def add(articles: Iterator[Any], count: int) -> None:
        for start in range(0, count, BATCH_ARTICLES):
            engine.put(list(islice(articles, min(BATCH_ARTICLES, count - start))), {})

    engine = LocalEngine.create(folder)
    engine.adopt(Recipe("benchmark", material.vectors.shape[1], "benchmark", {}))
    figures: dict[str, Any] = {"passages": passages}
    stored = engine.catalog.counts()[0]
    if not stored:
        stored = passages // PASSAGES
        messages.print(f"{passages:,} passages: storing …")
        figures["store_s"] = _seconds(add, _articles(material, seed=1), stored)
        messages.print("publishing …")
        figures["publish_s"] = _seconds(engine.publish)
    catalog = folder.glob("catalog.sqlite*")  # with its log
    figures["catalog_mb"] = sum(path.stat().st_size for path in catalog) / 1e6
    newest = sorted((folder / "generations").iterdir())[-1]
    figures["generation_mb"] = sum(p.stat().st_size for p in newest.rglob("*") if p.is_file()) / 1e6
    messages.print("comparing everything …")
    exact = _exact(engine, material.questions)
    messages.print("serving …")
    figures |= _served(folder, material.questions, exact)
    add(_articles(material, seed=stored, first=stored), 1000)
    messages.print("publishing 1,000 more articles while another process searches …")
    figures |= _published(engine, folder, material.questions)
    engine.close()
    return figures


def _filters() -> dict[str, Any]:
    """By name and about the share of passages that they let through."""
    from datetime import date, timedelta

    from index import Filters

    def days(first: int, count: int) -> dict[str, date]:
        day = date(2024, 1, 1) + timedelta(days=first)
        return {"published_from": day, "published_to": day + timedelta(days=count - 1)}

    return {
        "all": Filters(),
        "416 days, 50 %": Filters(**days(0, 416)),
        "outlet, 5 %": Filters(press=("신문 3",)),
        "4 days, .5 %": Filters(**days(300, 4)),
        "outlet and 8 days, .05 %": Filters(press=("신문 3",), **days(300, 8)),
    }


def _published(
    engine: Any, folder: Path, questions: Sequence[dict[str, Any]]
) -> dict[str, float | None]:
    """Seconds of a publication, and a reader's times of search before it, meanwhile, and while it opens it."""
    reader = _process("read", {"folder": str(folder), "questions": questions})
    assert reader.stdin is not None  # noqa: S101
    assert reader.stdout is not None  # noqa: S101
    reader.stdout.readline()  # it has begun
    time.sleep(READ_S)
    start = time.time()
    seconds = _seconds(engine.publish)
    end = time.time() + READ_S  # until the new generation is open
    time.sleep(READ_S)
    reader.stdin.close()
    times = json.loads(reader.stdout.read())
    reader.wait()
    before = [ms for at, ms in times if at < start]
    during = [ms for at, ms in times if start <= at < end]
    figures: dict[str, float | None] = {"publish_1000_more_s": seconds}
    for name, found in (("before", before), ("meanwhile", during)):
        for p in (50, 95):
            figures[f"reader_{name}_p{p}_ms"] = percentile(found, p)
    return figures


def _exact(engine: Any, questions: Sequence[dict[str, Any]], k: int = 10) -> dict[str, Any]:
    """By filter, the keys of the nearest passages to each question, by comparing all of them."""
    generation = engine._shown.generation
    keys = generation.rows["passage"]
    wanted = np.array([question["vector"] for question in questions], dtype=np.float32)
    nearest = {}
    for name, filters in _filters().items():
        selection = generation.select(filters, None, None)
        mask = np.ones(len(keys), dtype=bool) if selection is None else selection.mask
        best = np.zeros((len(wanted), 0), dtype=np.float32)
        best_keys = np.zeros((len(wanted), 0), dtype=np.int64)
        row = 0
        for batch in engine.catalog.vectors(wanted.shape[1], 50_000):
            inside = mask[row : row + len(batch)]
            here = keys[row : row + len(batch)][inside]
            cosines = np.hstack([best, wanted @ batch[inside].T])
            all_keys = np.hstack([best_keys, np.tile(here, (len(wanted), 1))])
            top = np.argsort(-cosines, axis=1)[:, :k]
            best = np.take_along_axis(cosines, top, axis=1)
            best_keys = np.take_along_axis(all_keys, top, axis=1)
            row += len(batch)
        nearest[name] = best_keys.tolist()
    return nearest


def _process(mode: str, task: dict[str, Any]) -> subprocess.Popen[str]:
    """This script in a process of its own, which reads a task from its first line."""
    command = [sys.executable, "-m", "benchmarks.indexing", mode]
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=SCRIPTS
    )
    assert process.stdin is not None  # noqa: S101
    process.stdin.write(json.dumps(task) + "\n")
    process.stdin.flush()
    return process


def _served(
    folder: Path, questions: Sequence[dict[str, Any]], exact: dict[str, Any]
) -> dict[str, Any]:
    """Latency, recall and memory in a process of its own."""
    task = {"folder": str(folder), "questions": questions, "exact": exact}
    output, _ = _process("serve", task).communicate()
    return json.loads(output)  # type: ignore[no-any-return]


def _searches(engine: Any, questions: Sequence[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """Each question's vector, and the weights of its terms by spelling."""
    from index import KoreanAnalyser
    from index.variants import variants

    analyser, corpus = KoreanAnalyser(), engine.statistics()
    found = []
    for question in questions:
        text = question["text"]
        spellings = [analyser.terms(t) for t in (text, *variants(text, analyser, corpus))]
        queries = [{f: corpus.weights(f, t) for f, t in terms.items()} for terms in spellings]
        found.append((np.array(question["vector"], dtype=np.float32), queries))
    return found


def _read(task: dict[str, Any]) -> list[tuple[float, float]]:
    """Search until the input ends; the moment and the milliseconds of each search."""
    from index import Filters
    from index.engines.local import LocalEngine
    from index.ranking import CANDIDATES

    engine = LocalEngine.open(Path(task["folder"]))
    searches = _searches(engine, task["questions"])
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    for search in searches:  # warms up
        engine.search(*search, Filters(), CANDIDATES)
    print("reading", flush=True)
    times: list[tuple[float, float]] = []
    for search in cycle(searches):
        if ended.is_set():
            break
        start = time.time()
        times.append((start, 1000 * _seconds(engine.search, *search, Filters(), CANDIDATES)))
        time.sleep(PAUSE_S)
    engine.close()
    return times


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

    opened = time.perf_counter()
    engine = LocalEngine.open(Path(task["folder"]))
    figures: dict[str, Any] = {"open_s": time.perf_counter() - opened}
    searches = _searches(engine, task["questions"])
    for name, filters in _filters().items():
        times, found = [], []
        for turn in range(3):
            for search, exact in zip(searches, task["exact"][name], strict=True):
                start = time.perf_counter()
                candidates = engine.search(*search, filters, CANDIDATES)
                times += (
                    [1000 * (time.perf_counter() - start)] if turn else []
                )  # the first warms up
                top = np.argsort(-candidates.dense)[: len(exact)].tolist()
                nearest = {int(candidates.passages[i]) for i in top}
                found += [len(nearest & {*exact}) / len(exact)] if exact else []
        for p in (50, 95):
            figures[f"search, {name}: p{p}_ms"] = percentile(times, p)
        figures[f"search, {name}: recall"] = float(np.mean(found)) if found else None
    index = Index(engine, Embedded(), KoreanAnalyser())  # type: ignore[arg-type]
    times = []
    for turn in range(3):
        for text in vectors:
            seconds = _seconds(index.search, text, k=8, per_story=3)
            times += [1000 * seconds] if turn else []
    figures |= {f"retrieval_p{p}_ms": percentile(times, p) for p in (50, 95)}
    figures |= _memory()
    budget, everything = lexical.NOMINATING_POSTINGS, 10**12
    fused, spread = [], engine.statistics().cosine_spread
    for search in searches:
        scores = np.sort(fuse(engine.search(*search, Filters(), CANDIDATES), spread))[-10:]
        lexical.NOMINATING_POSTINGS = everything
        wider = engine.search(*search, Filters(), 5 * CANDIDATES)
        lexical.NOMINATING_POSTINGS = budget
        # Many synthetic passages score the same: those count that are as good as the exact tenth.
        tenth = np.sort(fuse(wider, spread))[-10]
        fused.append(float((scores >= tenth - 1e-4).mean()))
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
    for name in dict.fromkeys(name for result in results for name in list(result)[1:]):
        table.add_row(name, *(_figure(result.get(name)) for result in results))
    Console(width=100).print(table)


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def _growth(results: Sequence[dict[str, Any]]) -> str:
    """The median times of a search by the size of the index, as an SVG document."""
    from service.evaluation.charts import WIDTH, Axis, Line, chart, time_axis

    sizes = [float(result["passages"]) for result in results]
    lines = [
        Line(name, [(n, r[f"search, {name}: p50_ms"]) for n, r in zip(sizes, results, strict=True)])
        for name in _filters()
    ]
    x = Axis("passages", sizes[0], sizes[-1], sizes, lambda n: f"{n:,.0f}", logarithmic=True)
    y = time_axis("", [ms for line in lines for _, ms in line.points])
    drawn, _, _ = chart("Median milliseconds of a search", x, y, lines).partition("</svg>")
    colours = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")
    style = "text{font:10px sans-serif}.line{fill:none;stroke-width:1.5}.grid{stroke:#ddd}"
    style += ".axis{stroke:#444}" + "".join(
        f".line.s{n}{{stroke:{colour}}}" for n, colour in enumerate(colours, 1)
    )
    legend = "".join(
        f'<text x="{WIDTH + 4}" y="{20 + 14 * n}" fill="{colour}">{line.name}</text>'
        for n, (line, colour) in enumerate(zip(lines, colours, strict=True))
    )
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 150} 260"'
    _, _, rest = drawn.partition(' role="img"')
    return f'{opening} role="img"{rest}<style>{style}</style>{legend}</svg>\n'


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:] == ["serve"]:
        print(json.dumps(_serve(json.loads(sys.stdin.readline()))))
    elif sys.argv[1:] == ["read"]:
        print(json.dumps(_read(json.loads(sys.stdin.readline()))))
    elif sys.argv[1:2] == ["write"]:
        _write(Path(sys.argv[2]), int(sys.argv[3]))
