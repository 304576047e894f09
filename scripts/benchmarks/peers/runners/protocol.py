"""What a system under comparison does, and how ``benchmark.py peers`` tells it to.

A runner is a process with the interpreter of its own environment, so this module needs nothing but
the standard library. It reads one JSON object a line from stdin and answers each with one on stdout:
first the task (see ``Task``), then ``{"do": "index"}``, ``{"do": "search", "questions": [...]}``,
``{"do": "server"}``, ``{"do": "memory"}``. An answer ``{"error": "…"}`` is the last one.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

COUNT = 20
"""Passages that a peer gives for a question: ten articles are nearly always among them."""


@dataclass(frozen=True)
class Task:
    """What a system is to index, and with what.

    ``passages`` is a JSON Lines file of ``{"article": id, "text": text}``; ``articles`` one of the articles
    that they are cut from. ``vectors`` is a NumPy file, float32 (passages, dimension), or None: then the
    system embeds them with ``model``, a sentence-transformers folder. ``folder`` is the system's own.
    """

    passages: str
    articles: str
    model: str
    folder: str
    vectors: str | None = None
    variant: str = ""

    def texts_and_articles(self) -> tuple[list[str], list[str]]:
        """The passages' texts, and the ids of their articles."""
        rows = [json.loads(line) for line in Path(self.passages).read_text("utf-8").splitlines()]
        return [row["text"] for row in rows], [row["article"] for row in rows]

    def given_vectors(self) -> Any:
        """The passages' vectors, float32 (passages, dimension); None: they are to be made."""
        if self.vectors is None:
            return None
        import numpy as np

        return np.load(self.vectors)


@dataclass(frozen=True)
class Server:
    """How a system's own HTTP server is started, and asked.

    ``port`` is the one on loopback that it listens on. ``ready`` is the path that answers 200 as soon as it can search. A question goes to ``path``: as the
    last parameter of a GET, or, if ``posts``, as the JSON object ``{"question": …}``.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    ready: str
    path: str
    posts: bool = False


class System(Protocol):
    """A search system over passages, loaded with its model.

    ``index`` may return facts for the report. ``search`` gives the ids of the articles of what it finds,
    best first, repeats included. ``server`` is None where the system brings none, or none for this task.
    """

    def index(self) -> Mapping[str, Any] | None: ...
    def search(self, question: str) -> Sequence[str]: ...
    def server(self, port: int) -> Server | None: ...


def serve(load: Callable[[Task], System]) -> None:
    """Answer the lines of stdin until it ends, or something fails.

    Libraries that print get stderr in the place of stdout.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        task = Task(**json.loads(sys.stdin.readline()))
        system, times = _timed(lambda: load(task))
        _answer(answers, times)
        for line in sys.stdin:
            _answer(answers, _done(system, json.loads(line)))
    except Exception as error:  # whatever a system raises is what its row says
        _answer(answers, {"error": f"{type(error).__name__}: {error}"})
        raise


def _done(system: System, order: Mapping[str, Any]) -> Mapping[str, Any]:
    if order["do"] == "index":
        facts, times = _timed(system.index)
        return {**times, "facts": facts or {}}
    if order["do"] == "search":
        return _searched(system, order["questions"])
    if order["do"] == "server":
        server = system.server(order["port"])
        return {"server": server and asdict(server)}
    return {"peak_mb": _peak_mb()}


def _searched(system: System, questions: Sequence[str]) -> dict[str, Any]:
    found, latencies, cpu_s = [], [], _cpu_s()
    for question in questions:
        started = time.perf_counter()
        found.append(list(system.search(question)))
        latencies.append(1_000 * (time.perf_counter() - started))
    return {"found": found, "latencies_ms": latencies, "cpu_s": _cpu_s() - cpu_s}


def _timed(action: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    started, cpu_s = time.perf_counter(), _cpu_s()
    result = action()
    return result, {"wall_s": time.perf_counter() - started, "cpu_s": _cpu_s() - cpu_s}


def _cpu_s() -> float:
    """Processor time of all threads of this process and of its children that have ended, in seconds."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _peak_mb() -> float:
    """Most memory resident so far. ``ru_maxrss`` begins with that of the parent, the kernel's own line doesn't."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1_000
    unit = 1_000_000 if sys.platform == "darwin" else 1_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _answer(answers: TextIO, value: Mapping[str, Any]) -> None:
    answers.write(json.dumps(value, ensure_ascii=False) + "\n")
    answers.flush()
