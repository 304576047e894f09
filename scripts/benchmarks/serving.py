"""The command ``http`` of benchmark.py."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.indexing import BATCH_ARTICLES, CORPUS, PASSAGES, ROOT, _articles, _material

Route = Literal["search", "ask"]

SCRIPTS = ROOT / "scripts"

WARM_UP_S = 2.0
PEEK_S = 10.0
"""How often memory is looked at in a soak."""
RELOAD_S = 15.0
"""How often articles are published in a soak."""
LEAVING = 0.1
"""Share of the questions in a soak whose caller goes away before the answer."""
REST_S = 0.2
"""How long a client of a soak rests between two questions, at most: load, but no overload."""

app = typer.Typer()
messages = Console(stderr=True)


@app.command("http")
def measure_http(
    passages: Annotated[int, typer.Option(min=100, help="Size of the index.")] = 100_000,
    index: Annotated[
        Path | None, typer.Option(help="An index that is there already, instead.")
    ] = None,
    clients: Annotated[str, typer.Option(help="Numbers of clients, comma-separated.")] = "1,8,32",
    seconds: Annotated[float, typer.Option(min=1, help="For each measurement.")] = 10.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the service.")] = 1,
    soak: Annotated[
        float, typer.Option(min=0, help="Minutes of load with publications and disconnects.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """The service under a closed loop of real HTTP clients on loopback: rates, latencies, memory.

    Every client asks its next question when it has the answer to the last. No question comes twice, so
    that no cache answers; but the same articles are found again, and what the service remembers of
    their texts counts. Clients run beside the service on the same processors. The index is
    synthetic, like that of ``benchmark.py index``; ``cpu_ms`` is the service's own time per request,
    ``client_cpu_ms`` that of the clients.
    """
    folder = Path(tempfile.mkdtemp(prefix="gisa-benchmark-"))
    try:
        root = index or _build(folder / "index", passages)
        with _served(root, folder, workers) as service:
            if soak:
                result: Any = _soak(service, root, minutes=soak)
            else:
                result = [
                    asdict(_measure(service, route, int(count), seconds))
                    for route in ("search", "ask")
                    for count in clients.split(",")
                ]
    finally:
        shutil.rmtree(folder)
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    elif soak:
        Console().print(result)
    else:
        _show(result, workers)
    if soak and result["errors"]:
        raise typer.Exit(1)


def _build(root: Path, passages: int) -> Path:
    """An index that the service takes for its own."""
    from index import KoreanAnalyser
    from index.build import put
    from index.chunking import ChunkSettings
    from index.embedding import SentenceTransformerEmbedder
    from index.library import open_writer
    from index.preparation import Preparation

    material, embedder = _material(), SentenceTransformerEmbedder()
    messages.print(f"{passages:,} passages: storing and publishing …")
    engine = open_writer(root, create=True)
    engine.adopt(Preparation(embedder, KoreanAnalyser(), ChunkSettings()).recipe)
    articles = map(_with_sentence_vectors, _articles(material, seed=1))
    for _ in range(-(-passages // PASSAGES // BATCH_ARTICLES)):
        put(list(islice(articles, BATCH_ARTICLES)), engine)
    engine.publish()
    engine.close()
    return root


def _with_sentence_vectors(article: Any) -> Any:
    """As in a real index, whose answers choose sentences by meaning too."""
    each = len(article.sentences) // len(article.passages)
    return replace(article, sentence_vectors=np.repeat(article.vectors, each, axis=0))


# -- the service ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Service:
    """A running service: its port, and the processes that are it."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Processor time of all its processes so far, in seconds."""
        ticks = 0
        for pid in self._pids():
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Memory of its own (not the index's files) of all its processes, in MB."""
        kilobytes = 0
        for pid in self._pids():
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                kilobytes += sum(
                    int(line.split()[1]) for line in status.splitlines() if "RssAnon" in line
                )
        return kilobytes / 1000

    def generation(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz") as reply:
            return int(json.load(reply)["generation"])

    def _pids(self) -> list[int]:
        found = [self.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            with suppress(OSError):
                found += map(int, children.read_text().split())
        return found


@contextmanager
def _served(root: Path, folder: Path, workers: int) -> Iterator[_Service]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "GISA_INDEX": root,
        "GISA_PORT": port,
        "GISA_WORKERS": workers,
        "GISA_FEEDBACK": folder / "feedback.sqlite",
        "GISA_MAX_CONCURRENT": 1_000,
    }
    log = (folder / "service.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "serve"],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(ROOT)}
        | {name: str(value) for name, value in settings.items()},
        stdout=log,
        stderr=log,
    )
    service = _Service(port, process.pid)
    try:
        messages.print("starting the service …")
        _wait_until_ready(service, process)
        yield service
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _wait_until_ready(service: _Service, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with suppress(OSError):
            service.generation()
            return
        if process.poll() is not None:
            raise RuntimeError("the service did not start")
        time.sleep(0.1)
    raise RuntimeError("the service is not ready")


# -- its clients ------------------------------------------------------------------------------


@dataclass
class _Tally:
    """What the clients of one measurement saw. Latencies in ms."""

    route: Route
    clients: int
    rate: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    cpu_ms: float = 0.0
    client_cpu_ms: float = 0.0
    errors: int = 0
    problems: list[str] = field(default_factory=list)
    left: int = 0
    latencies: list[float] = field(default_factory=list, repr=False)


def _measure(service: _Service, route: Route, clients: int, seconds: float) -> _Tally:
    messages.print(f"{route}, {clients} clients …")
    _load(service, route, clients, WARM_UP_S)
    before = service.cpu_s()
    tally = _load(service, route, clients, seconds)
    count = len(tally.latencies)
    tally.rate = count / seconds
    tally.cpu_ms = 1_000 * (service.cpu_s() - before) / max(count, 1)
    tally.client_cpu_ms /= max(count, 1)
    tally.p50_ms, tally.p99_ms = (float(np.percentile(tally.latencies, p)) for p in (50, 99))
    tally.latencies.clear()
    return tally


def _load(service: _Service, route: Route, clients: int, seconds: float) -> _Tally:
    """A closed loop for so long. The clients are a process of their own, not to share its threads."""
    task = json.dumps([service.port, route, clients, seconds, random.random()])  # noqa: S311
    command = [sys.executable, "-m", "benchmarks.serving", task]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=SCRIPTS)  # noqa: S603
    return _Tally(**json.loads(output.stdout))


def _clients(
    port: int,
    route: Route,
    clients: int,
    seconds: float,
    seed: float,
    leaving: float = 0.0,
    rest_s: float = 0.0,
) -> _Tally:
    tally, stop = _Tally(route, clients), time.monotonic() + seconds
    threads = [
        threading.Thread(target=_client, args=(port, tally, stop, f"{seed}{n}", leaving, rest_s))
        for n in range(clients)
    ]
    before = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tally.client_cpu_ms = 1_000 * (time.process_time() - before)
    return tally


def _client(
    port: int, tally: _Tally, stop: float, seed: str, leaving: float, rest_s: float
) -> None:
    """Asks until the time is up, on one connection."""
    rng = random.Random(seed)  # noqa: S311
    questions = _questions(rng)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    while (started := time.monotonic()) < stop:
        body = json.dumps({"question": next(questions)}).encode()
        try:
            connection.request("POST", f"/v1/{tally.route}", body, headers)
            if rng.random() < leaving:
                time.sleep(rng.random() * 0.02)
                connection.close()
                tally.left += 1
                continue
            reply = connection.getresponse()
            reply.read()
            if reply.status == 200:
                tally.latencies.append(1_000 * (time.monotonic() - started))
            else:
                tally.errors += 1
                tally.problems.append(str(reply.status))
        except (OSError, http.client.HTTPException) as error:
            tally.errors += 1
            tally.problems.append(repr(error))
            connection.close()
        time.sleep(rng.random() * rest_s)


def _questions(rng: random.Random) -> Iterator[str]:
    """Those of the sample corpus, each time with another name in front."""
    lines = (CORPUS / "questions.jsonl").read_text("utf-8").splitlines()
    known = [json.loads(line)["question"] for line in lines]
    while True:
        name = "".join(chr(0xAC00 + 28 * rng.randrange(399)) for _ in range(3))
        yield f"{name} {rng.choice(known)}"


# -- a soak -----------------------------------------------------------------------------------


def _soak(service: _Service, root: Path, *, minutes: float) -> dict[str, Any]:
    """Load for so long, while articles are published and callers leave. Memory must stay flat.

    An index that was given grows too: give a copy.
    """
    task = json.dumps([service.port, "ask", 8, 60 * minutes, 0.5, LEAVING, REST_S])
    with tempfile.TemporaryFile() as output:  # a pipe fills up while nobody reads
        clients = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.serving", task], stdout=output, cwd=SCRIPTS
        )
        memory, generations = _publish_and_watch(service, root, clients)
        output.seek(0)
        tally = _Tally(**json.load(output))
    half = len(memory) // 2
    return {
        "minutes": minutes,
        "answers": len(tally.latencies),
        "errors": tally.errors,
        "problems": tally.problems[:10],
        "callers_who_left": tally.left,
        "generations": generations,
        "p50_ms": float(np.percentile(tally.latencies, 50)),
        "p99_ms": float(np.percentile(tally.latencies, 99)),
        "memory_mb_by_quarter": [
            round(float(np.mean(part))) for part in np.array_split(memory, 4) if len(part)
        ],
        "memory_mb_at_start_middle_end": [memory[0], memory[half], memory[-1]],
        "growth_of_second_half_mb": memory[-1] - memory[half],
    }


def _publish_and_watch(
    service: _Service, root: Path, clients: subprocess.Popen[bytes]
) -> tuple[list[int], int]:
    """While there are clients: the service's memory in MB every so often, the generations it showed."""
    articles = map(_with_sentence_vectors, _articles(_material(), seed=2, first=10**7))
    memory, generations = [round(service.resident_mb())], {service.generation()}
    published = time.monotonic()
    while clients.poll() is None:
        time.sleep(PEEK_S)
        with suppress(OSError):
            generations.add(service.generation())
        memory.append(round(service.resident_mb()))
        messages.print(f"{memory[-1]} MB, generation {max(generations)}")
        if time.monotonic() - published > RELOAD_S:
            _publish(root, list(islice(articles, 4)))
            published = time.monotonic()
    return memory, len(generations)


def _publish(root: Path, articles: Sequence[Any]) -> None:
    from index.build import put
    from index.library import open_writer

    engine = open_writer(root, wait_s=30)
    try:
        put(articles, engine)
        engine.publish()
    finally:
        engine.close()


def _show(results: Sequence[dict[str, Any]], workers: int) -> None:
    table = Table(title=f"HTTP, {workers} worker{'s' * (workers > 1)}")
    for column in (
        "",
        "clients",
        "per s",
        "p50, ms",
        "p99, ms",
        "CPU, ms",
        "theirs, ms",
        "errors",
    ):
        table.add_column(column, justify="right" if column else "left")
    for result in results:
        names = ("rate", "p50_ms", "p99_ms", "cpu_ms", "client_cpu_ms")
        figures = [f"{result[name]:,.1f}" for name in names]
        table.add_row(result["route"], str(result["clients"]), *figures, str(result["errors"]))
    Console().print(table)


if __name__ == "__main__":
    print(json.dumps(asdict(_clients(*json.loads(sys.argv[1])))))
