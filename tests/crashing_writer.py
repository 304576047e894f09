"""Writers that die. Run as a script, so that it may fork before any thread is started.

``python crashing_writer.py FOLDER``: for each scenario and each n, a child works in FOLDER/scenario-n
and is killed at its n-th checkpoint; until one comes to its end. Prints how many were killed.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hash_embedder import HashEmbedder

from index import (
    AnalysedSentence,
    Article,
    IndexNotWritable,
    KoreanAnalyser,
    build_index,
    rebuild_index,
    remove_articles,
)
from index.engines.local import files

ARTICLES = [
    Article(
        id=f"a{n}",
        title=f"기사 {n}",
        body=f"트램 {n}호선 착공 소식. 둘째 문장 {n}.\n\n바다 축제 {n}일째.",
    )
    for n in range(5)
]
CHANGED = [replace(ARTICLES[1], body="트램 연기 소식."), ARTICLES[2]]
NEW = replace(ARTICLES[0], id="new")


class WordAnalyser:
    """Words for morphemes and lines for sentences; needs no model."""

    fingerprint = "words"

    def morphemes(self, text: str) -> tuple[str, ...]:
        return tuple(text.split())

    def sentences_of(self, texts: Sequence[str]) -> list[list[AnalysedSentence]]:
        return [self._sentences(text) for text in texts]

    def _sentences(self, text: str) -> list[AnalysedSentence]:
        found, start = [], 0
        for line in text.split("\n"):
            if line:
                found.append(AnalysedSentence(start, start + len(line), tuple(line.split())))
            start += len(line) + 1
        return found


ANALYSER = cast(KoreanAnalyser, WordAnalyser())


def build(root: Path) -> None:
    build_index(ARTICLES, root, embedder=HashEmbedder(), analyser=ANALYSER)


def update(root: Path) -> None:
    build_index([*CHANGED, NEW], root, embedder=HashEmbedder(), analyser=ANALYSER)


def remove(root: Path) -> None:
    remove_articles(root, ["a3", "unknown"])


def rebuild(root: Path) -> None:
    rebuild_index(root, embedder=HashEmbedder(32), analyser=ANALYSER)


SCENARIOS: dict[str, Callable[[Path], None]] = {
    "build": build,
    "update": update,
    "remove": remove,
    "rebuild": rebuild,
}


def prepare(name: str, root: Path, base: Path) -> None:
    """What the scenario finds; ``base`` is an index in its third generation."""
    if name != "build":
        shutil.copytree(base, root)


def make_base(root: Path) -> None:
    build(root)
    build_index([replace(NEW, id="b1")], root, embedder=HashEmbedder(), analyser=ANALYSER)
    build_index([replace(NEW, id="b2")], root, embedder=HashEmbedder(), analyser=ANALYSER)


def in_child(action: Callable[[], None]) -> int:
    """The wait status of a forked child that does it: 0 done, 3 << 8 not writable, else killed."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        action()
        status = 0
    except IndexNotWritable:
        status = 3
    finally:
        os._exit(status)


def killed_at(n: int, action: Callable[[], None]) -> None:
    left = n

    def checkpoint(name: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    files.checkpoint = checkpoint
    action()


def limited_to(size: int, action: Callable[[], None]) -> None:
    """No file may grow beyond ``size`` bytes: the kernel refuses writes, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    action()


def main(folder: Path) -> dict[str, Any]:
    base = folder / "base"
    in_child(lambda: make_base(base))
    told: dict[str, Any] = {}
    for name, scenario in SCENARIOS.items():
        for n in range(1, 100):
            root = folder / f"{name}-{n}"
            prepare(name, root, base)
            status = in_child(lambda: killed_at(n, lambda: scenario(root)))  # noqa: B023
            if status == 0:
                break
            assert os.WIFSIGNALED(status), (name, n, status)
        told[name] = n
    sizes = [0, 3_000, 30_000, 60_000, 66_000, 80_000]
    statuses = []
    for size in sizes:
        root = folder / f"full-{size}"
        prepare("update", root, base)
        statuses.append(in_child(lambda: limited_to(size, lambda: update(root))))  # noqa: B023
    return told | {"full": dict(zip(map(str, sizes), statuses, strict=True))}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
