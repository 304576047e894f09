"""Measuring systems over one material, in turns."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.peers.clients import throughput
from benchmarks.peers.material import Material
from benchmarks.peers.ratios import ratios
from benchmarks.peers.runners.protocol import Server, Task
from benchmarks.peers.systems import Peer, PeerFailed, Process, environment_of

ROUNDS = 6
WARM_UP = 5
DEPTH = 10
"""Distinct articles of a ranking that count."""

messages = Console(stderr=True)


@dataclass
class _Row:
    """What is known of a system so far; a ``problem`` ends its part."""

    peer: Peer
    figures: dict[str, float] = field(default_factory=dict)
    problem: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    found: list[list[str]] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    python: Path | None = None
    process: Process | None = None
    server: Server | None = None

    def ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        """See ``Process.ask``. Raises PeerFailed."""
        if self.process is None:
            raise PeerFailed("it has not been started")
        return self.process.ask(what, **arguments)

    def attempt(self, doing: str, step: Callable[..., None], *arguments: Any) -> None:
        """Do a step, unless an earlier one failed."""
        if self.problem:
            return
        messages.print(f"{self.peer.name}: {doing} …", markup=False)
        try:
            step(self, *arguments)
        except (PeerFailed, OSError) as error:
            self.problem = f"{doing}: {error}"
            messages.print(f"{self.peer.name}: {self.problem}", markup=False)


def compare(
    systems: Sequence[Peer], material: Material, folder: Path, cache: Path, *, clients: int
) -> dict[str, Any]:
    """Measure each system; the first is ours. ``folder`` is for scratch, ``cache`` has the environments.

    Returns sizes, and by system its figures (see ``MEASURES``, and ``load_s``), their ratios to the best
    peer's, what its environment must have, and its problem, if any ended its part.
    """
    rows = [_Row(peer) for peer in systems]
    with ExitStack() as stack:
        for row in rows:
            row.attempt("environment", _find_environment, cache)
            row.attempt("loading", _load, material, folder, stack)
            row.attempt("indexing", _index)
        for row in rows:
            row.attempt("warming up", _warm_up, material)
        for turn in range(ROUNDS):
            for row in _rotated(rows, turn):
                doing = f"questions, round {turn + 1} of {ROUNDS}"
                row.attempt(doing, _search, material.questions[turn::ROUNDS])
        for row in rows:
            row.attempt("memory", _note_memory_and_server)
    for row in rows:
        row.attempt("quality", _sum_up, material, _stories(rows))
    for row in rows:
        if row.server:
            row.attempt("its server", _throughput, material, clients, folder)
    return _report(rows, material)


def _find_environment(row: _Row, cache: Path) -> None:
    row.python = environment_of(row.peer, cache)


def _load(row: _Row, material: Material, folder: Path, stack: ExitStack) -> None:
    """Libraries and model, in a process that ends with ``stack``."""
    task = Task(
        passages=str(material.passages),
        articles=str(material.articles),
        model=material.model,
        folder=str(folder / "".join(c if c.isalnum() else "-" for c in row.peer.name)),
        vectors=str(material.vectors) if material.vectors else None,
        variant=row.peer.variant,
    )
    if row.python is None:
        raise PeerFailed("it has no environment")
    row.process = stack.enter_context(Process(row.peer, row.python, task))
    row.figures["load_s"] = row.process.start()["wall_s"]


def _index(row: _Row) -> None:
    done = row.ask("index")
    row.figures |= {"index_s": done["wall_s"], "index_cpu_s": done["cpu_s"]}
    row.facts = done["facts"]


def _warm_up(row: _Row, material: Material) -> None:
    """With beginnings of passages, which are no questions."""
    with material.passages.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"][:30] for line in islice(lines, WARM_UP)]
    row.ask("search", questions=texts)


def _rotated(rows: Sequence[_Row], turn: int) -> list[_Row]:
    """Another begins each time."""
    first = turn % len(rows)
    return [*rows[first:], *rows[:first]]


def _search(row: _Row, questions: Sequence[str]) -> None:
    done = row.ask("search", questions=list(questions))
    row.found += done["found"]
    row.latencies_ms += done["latencies_ms"]
    row.cpu_s += done["cpu_s"]


def _note_memory_and_server(row: _Row) -> None:
    row.figures["peak_mb"] = row.ask("memory")["peak_mb"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    described = row.ask("server", port=port)["server"]
    row.server = Server(**described) if described else None


def _throughput(row: _Row, material: Material, clients: int, folder: Path) -> None:
    if row.server:
        row.figures |= throughput(row.server, material.questions, clients, folder)


# -- the report -------------------------------------------------------------------------------


def _stories(rows: Sequence[_Row]) -> Mapping[str, str]:
    """By article, the one that stands for all that tell its story; gisa's runner knows."""
    stories: Mapping[str, str] = next((r.facts["stories"] for r in rows if r.facts), {})
    return stories


def _sum_up(row: _Row, material: Material, stories: Mapping[str, str]) -> None:
    row.figures |= {f"p{p}_ms": float(np.percentile(row.latencies_ms, p)) for p in (50, 95)}
    row.figures["cpu_ms"] = 1_000 * row.cpu_s / len(row.latencies_ms)
    if material.gold:
        found = _by_number(row.found, len(material.questions))
        row.figures |= quality(found, material.gold, stories)


def _by_number(found: Sequence[list[str]], count: int) -> dict[str, list[str]]:
    """What was found, by the question's number: a round takes every ``ROUNDS``-th question."""
    asked = [n for turn in range(ROUNDS) for n in range(turn, count, ROUNDS)]
    return {str(n): articles for n, articles in zip(asked, found, strict=True)}


def quality(
    found: Mapping[str, Sequence[str]],
    gold: Mapping[str, Mapping[str, int]],
    stories: Mapping[str, str],
) -> dict[str, float]:
    """nDCG@10 and recall@1, means over the questions that ``gold`` has grades for.

    ``found`` may name an article more than once. Articles of one story count as one, for every system.
    """
    from service.evaluation.metrics import score_retrieval

    def told(articles: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(stories.get(name, name) for name in articles))[:DEPTH]

    rankings = {number: told(found[number]) for number in gold}
    right = {
        number: {stories.get(name, name): grade for name, grade in grades.items()}
        for number, grades in gold.items()
    }
    scores = score_retrieval(rankings, right).values()
    return {
        name: sum(parts[name][0] for parts in scores) / len(scores)
        for name in ("ndcg@10", "recall@1")
    }


def _report(rows: Sequence[_Row], material: Material) -> dict[str, Any]:
    compared = ratios({row.peer.name: row.figures for row in rows}, ours=rows[0].peer.name)
    return {
        "cpus": os.cpu_count(),
        "passages": material.count,
        "questions": len(material.questions),
        "synthetic": material.vectors is not None,
        "systems": {
            row.peer.name: {
                "figures": row.figures,
                "ratios": compared[row.peer.name],
                "requirements": [*row.peer.requirements, *row.peer.bare],
                "problem": row.problem,
            }
            for row in rows
        },
    }
