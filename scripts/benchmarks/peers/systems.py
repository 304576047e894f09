"""The systems that ``benchmark.py peers`` compares, their environments, and their processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from benchmarks.peers.runners.protocol import Task

RUNNERS = Path(__file__).resolve().parent / "runners"
_ENVIRONMENT = (sys.executable, "-m", "venv", "--clear")
MODEL = ("sentence-transformers==6.2.0", "torch==2.13.0")
"""What computes the model everywhere but in gisa, which brings OpenVINO."""

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DO_NOT_TRACK": "1"}
"""Nothing is loaded or told while it is measured."""


class PeerFailed(Exception):
    """A system can't take part (any further), and why."""


@dataclass(frozen=True)
class Peer:
    """A system: how its row is called, what runs it, and what its environment must have.

    ``requirements`` are pinned; an empty tuple means the environment of this process. Those of ``bare``
    come without their own requirements. ``variant`` chooses among the ways of one runner.
    """

    name: str
    runner: Path
    requirements: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    variant: str = ""


GISA = Peer("gisa", RUNNERS / "gisa_runner.py")
_TXTAI = ("txtai[api]==9.14.0", *MODEL)
PEERS: Mapping[str, tuple[Peer, ...]] = {
    "txtai": (
        Peer("txtai hybrid", RUNNERS / "txtai_runner.py", _TXTAI),
        Peer("txtai hybrid, bigrams", RUNNERS / "txtai_runner.py", _TXTAI, variant="bigrams"),
    ),
    "langchain": (
        Peer(
            "LangChain ensemble with Kiwi",
            RUNNERS / "langchain_runner.py",
            (
                "langchain-classic==1.0.8",
                "langchain-community==0.4.2",
                "langchain-huggingface==1.2.3",
                "faiss-cpu==1.15.1",
                "kiwipiepy==0.24.1",
                "rank-bm25==0.2.2",
                *MODEL,
            ),
        ),
    ),
    "llamaindex": (
        Peer(
            "LlamaIndex fusion",
            RUNNERS / "llamaindex_runner.py",
            (
                "llama-index-core==0.14.25",
                "llama-index-embeddings-huggingface==0.8.0",
                "llama-index-retrievers-bm25==0.8.0",
                *MODEL,
            ),
        ),
    ),
    "haiku.rag": (
        Peer(
            "haiku.rag",
            RUNNERS / "haiku_runner.py",
            (
                "httpx==0.28.1",
                "ollama==0.6.3",
                "pydantic==2.12.5",
                "pysqlite3-binary==0.5.4.post2",
                "python-dotenv==1.1.1",
                "rich==15.0.0",
                "sqlite-vec==0.1.9",
                *MODEL,
            ),
            bare=("haiku.rag==0.6.0",),
        ),
    ),
}
"""By the name that chooses them, the systems compared with gisa."""


def environment_of(peer: Peer, cache: Path) -> Path:
    """The interpreter of the peer's own environment, which is made unless it is there.

    Packages come from pip's configured index; PyTorch from ``GISA_TORCH_INDEX`` where that names one,
    as in ``scripts/setup``. Raises PeerFailed if something can't be installed.
    """
    if not peer.requirements:
        return Path(sys.executable)
    folder = cache / "environments" / peer.runner.stem
    python, stamp = folder / "bin" / "python", folder / "installed.json"
    wanted = json.dumps([peer.requirements, peer.bare])
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return python
    stamp.unlink(missing_ok=True)
    _run([*_ENVIRONMENT, str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if index := os.environ.get("GISA_TORCH_INDEX"):
        torch = [name for name in peer.requirements if name.startswith("torch==")]
        _run([*pip, "--no-deps", "--index-url", index, *torch])
    _run([*pip, *peer.requirements])
    if peer.bare:
        _run([*pip, "--no-deps", *peer.bare])
    stamp.write_text(wanted, "utf-8")
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing said"]
        errors = [line for line in said if "ERROR" in line] or said
        raise PeerFailed(f"no environment: {errors[-1].strip()}")


@dataclass
class Process:
    """The running process of a system. Use as a context manager; what it says besides goes to a log."""

    peer: Peer
    python: Path
    task: Task

    def __enter__(self) -> Self:
        folder = Path(self.task.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "runner.log").open("wb")
        self._process = subprocess.Popen(  # noqa: S603
            [str(self.python), str(self.peer.runner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=folder,
            env=os.environ | OFFLINE,
            text=True,
            encoding="utf-8",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:  # it has gone
                    continue
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def start(self) -> dict[str, Any]:
        """Give it its task; returns the times of loading libraries and model. Raises PeerFailed."""
        return self._told(asdict(self.task))

    def ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Tell it to do something (see ``protocol``), and wait for the answer. Raises PeerFailed."""
        return self._told({"do": what, **arguments})

    def _told(self, order: Mapping[str, Any]) -> dict[str, Any]:
        to, answers = _pipe(self._process.stdin), _pipe(self._process.stdout)
        try:
            to.write(json.dumps(order, ensure_ascii=False) + "\n")
            to.flush()
            line = answers.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            said = Path(self._log.name).read_text("utf-8", "replace").strip().splitlines()
            last = said[-1] if said else "it said nothing"
            raise PeerFailed(f"its process ended with status {self._process.wait()}: {last}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerFailed(answer["error"])
        return answer


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise PeerFailed("it has not been started")
    return pipe
