"""A real Ray cluster for tests: two nodes, each a process group of its own, on this host."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = Path(__file__).resolve().parent
OBJECT_STORE_BYTES = 100_000_000
START_S = 120  # a node takes 5 s on a machine that does nothing else
DOOMED = "DOOMED_NODE"
"""A variable in the environment of the worker node's processes: the node is there to be killed."""


class RayCluster:
    """A head and a worker node of one CPU each; from ``start`` to ``stop``."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._nodes = folder, list[subprocess.Popen[bytes]]()
        self._port = _free_port()
        self.address = f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start both nodes, one after the other: a worker that comes before the head is whole gives up."""
        self._start("--head", f"--port={self._port}", "--include-dashboard=false")
        _await(lambda: self._is_up(0), "the head does not come up")
        self._start(f"--address={self.address}")
        _await(lambda: self._is_up(1), "the second node does not join")

    def kill_worker_node(self) -> None:
        """What a machine that loses its power does: no signal that could be handled."""
        os.killpg(self._nodes[1].pid, signal.SIGKILL)
        self._nodes[1].wait()

    def stop(self) -> None:
        """End both nodes, by their process groups; their workers end when these are gone."""
        for node in reversed(self._nodes):
            if node.poll() is None:
                os.killpg(node.pid, signal.SIGKILL)
                node.wait()

    def _start(self, *options: str) -> None:
        program = str(Path(sys.executable).with_name("ray"))
        mark = {} if "--head" in options else {DOOMED: "1"}
        same = ["--block", "--node-ip-address=127.0.0.1", "--num-cpus=1", "--disable-usage-stats"]
        size = [f"--object-store-memory={OBJECT_STORE_BYTES}"]
        scratch = [f"--temp-dir={self._folder}"] if "--head" in options else []
        with (self._folder / f"node-{len(self._nodes)}.log").open("wb") as log:
            node = subprocess.Popen(
                [program, "start", *same, *size, *scratch, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environment(), **mark},
                start_new_session=True,
            )
        self._nodes.append(node)

    def _is_up(self, number: int) -> bool:
        said = (self._folder / f"node-{number}.log").read_text(errors="replace")
        assert self._nodes[number].poll() is None, f"node {number} ended by itself: {said}"
        return "Ray runtime started" in said


@contextmanager
def two_nodes() -> Iterator[RayCluster]:
    """A cluster that is stopped at the end, whatever happens, with what it wrote.

    Its folder is no deeper than ``/tmp``: Ray keeps sockets in it, and a socket's path has 107 bytes.
    """
    with TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = RayCluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def environment() -> Mapping[str, str]:
    """That of a node, and of a program that uses the cluster: it finds this working tree and its tests."""
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}


def _await(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_S
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
