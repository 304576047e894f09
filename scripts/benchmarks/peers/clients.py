"""A system's own HTTP server under a closed loop of clients."""

from __future__ import annotations

import http.client
import json
import os
import queue
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from benchmarks.peers.runners.protocol import Server
from benchmarks.peers.systems import OFFLINE, PeerFailed
from benchmarks.serving import _Service

START_S = 180
"""How long a server may take to be ready."""
WARM_UP = 10


def throughput(
    server: Server, questions: Sequence[str], clients: int, folder: Path
) -> dict[str, float]:
    """Rate and processor time of a server that is started for it.

    Each question is put once; a client puts the next when it has the answer. The clients run beside the
    server on the same processors, but their own processor time is not in the figure. Raises PeerFailed.
    """
    with _running(server, folder) as service:
        # Other wordings, so that nothing is remembered.
        _ask_all(server, [f"{question} 그리고" for question in questions[:WARM_UP]], clients)
        before, started = service.cpu_s(), time.perf_counter()
        _ask_all(server, questions, clients)
        seconds, cpu_s = time.perf_counter() - started, service.cpu_s() - before
    count = len(questions)
    return {"http_per_s": count / seconds, "http_cpu_ms": 1_000 * cpu_s / count}


def _ask_all(server: Server, questions: Sequence[str], clients: int) -> None:
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for question in questions:
        waiting.put(question)
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(_client, server, waiting) for _ in range(clients)]:
            done.result()


def _client(server: Server, waiting: queue.SimpleQueue[str]) -> None:
    """Asks on one connection until nothing waits."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with closing(connection), suppress(queue.Empty):
        while True:
            _ask(connection, server, waiting.get_nowait())


def _ask(connection: http.client.HTTPConnection, server: Server, question: str) -> None:
    try:
        if server.posts:
            body = json.dumps({"question": question}).encode()
            connection.request("POST", server.path, body, {"Content-Type": "application/json"})
        else:
            connection.request("GET", server.path + quote(question, safe=""))
        reply = connection.getresponse()
        said = reply.read()
    except http.client.HTTPException as error:
        raise PeerFailed(f"its server broke off: {error!r}") from error
    if reply.status != 200:
        raise PeerFailed(
            f"its server answered {reply.status}: {said[:100].decode(errors='replace')}"
        )


@contextmanager
def _running(server: Server, folder: Path) -> Iterator[_Service]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            list(server.command),
            env=os.environ | OFFLINE | dict(server.environment),
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_ready(server, process)
            yield _Service(server.port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", server.ready)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise PeerFailed("its server did not start")
