"""Several workers of one service: they share what is loaded, and one that dies is replaced."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
import small_index

from index import KoreanAnalyser, build_index
from index.analysers import begin_loading, shared_analyser
from index.embedding import SentenceTransformerEmbedder
from index.errors import DictionaryUnusable

PATIENCE_S = 120
SHARED_BYTES = 200_000_000  # Kiwi alone has more

_T = TypeVar("_T")


@contextmanager
def two_workers(index: Path, folder: Path) -> Iterator[tuple[int, str]]:
    """The process of ``gisa serve`` and its address, when it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GISA_FEEDBACK": str(folder / "feedback.sqlite")}
    command = [sys.executable, "-m", "service.cli", "serve", "--index", str(index)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--workers", "2"], env=environment, stderr=log
        )
    try:
        yield process.pid, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def awaited(look: Callable[[], _T | None], what: str) -> _T:
    deadline = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


def asked(address: str) -> str | None:
    try:
        reply = httpx2.post(f"{address}/v1/ask", json={"question": "도서관은 언제 문을 열었나"})
    except httpx2.TransportError:
        return None
    return str(reply.json()["status"]) if reply.status_code == 200 else None


def children(pid: int) -> list[int]:
    return [
        int(child)
        for listed in Path(f"/proc/{pid}/task").glob("*/children")
        for child in listed.read_text().split()
    ]


def workers_of(pid: int) -> list[int] | None:
    """Those that the process of the forks has; None until there are two."""
    forked = [grandchild for child in children(pid) for grandchild in children(child)]
    return forked if len(forked) == 2 else None


def shared_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("Shared_Dirty")]
    return int(kilobytes) * 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what processes share")
def test_workers_share_the_analyser_and_are_replaced(
    embedder: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    build_index(small_index.ARTICLES, tmp_path / "index", embedder=embedder)
    with two_workers(tmp_path / "index", tmp_path) as (pid, address):
        assert awaited(lambda: asked(address), "nobody answers") == "answered"
        one, other = awaited(lambda: workers_of(pid), "there are no two workers")
        assert min(shared_bytes(one), shared_bytes(other)) > SHARED_BYTES
        os.kill(one, signal.SIGKILL)

        def replaced() -> list[int] | None:
            now = workers_of(pid)
            return now if now and one not in now else None

        assert other in awaited(replaced, "the dead worker is not replaced")
        assert awaited(lambda: asked(address), "nobody answers any more") == "answered"


# -- the analyser that a process shares ------------------------------------------------------------


def test_a_process_loads_one_analyser() -> None:
    begin_loading()
    assert shared_analyser() is shared_analyser()


def test_a_dictionary_that_changes_is_read_again(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    with pytest.raises(DictionaryUnusable):
        shared_analyser(words)
    words.write_text("벡가온\tNNP\n", encoding="utf-8")
    first = shared_analyser(words)
    assert first is shared_analyser(words)
    assert "벡가온" in first.morphemes("벡가온은 어디인가")
    words.write_text("벡가온\tNNP\n나루빛역\tNNP\n", encoding="utf-8")
    assert shared_analyser(words) is not first
    assert "나루빛역" in shared_analyser(words).morphemes("나루빛역은 어디인가")


def test_a_forked_process_analyses_as_its_parent_does() -> None:
    texts = [article.body for article in small_index.ARTICLES] * 3
    expected = KoreanAnalyser(workers=1).sentences_of(texts)
    code = f"""
import os, signal, sys
from index import KoreanAnalyser
analyser = KoreanAnalyser(workers=0)
read, write = os.pipe()
if os.fork() == 0:
    signal.alarm(60)  # a process that waits for threads it has not does so for ever
    sentences = analyser.sentences_of({texts!r})
    os.write(write, repr([[(s.start, s.end, s.morphemes) for s in each] for each in sentences]).encode())
    os._exit(0)
os.close(write)
_, status = os.wait()
sys.stdout.buffer.write(open(read, "rb").read())
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    told = [[(s.start, s.end, s.morphemes) for s in each] for each in expected]
    assert done.stdout.decode() == repr(told)
