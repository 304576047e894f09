"""Adds articles to an index on a Ray cluster, or alone, in a process of its own: to be watched and measured.

``python bulk_run.py INPUT INDEX [ADDRESS [AT_WORK]]`` prints how many articles are dealt with after each batch,
and at last one JSON document: the summary, the seconds, and the processor's seconds of this process. With AT_WORK,
a file to be made, workers embed as ``DoomedEmbedder`` does.
``python bulk_run.py --make N INPUT`` writes N records to read.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crashing_writer import ANALYSER
from hash_embedder import HashEmbedder
from ray_cluster import DOOMED

from index import BuildSummary, ChunkSettings, KoreanAnalyser, read_articles
from index.build import ingest
from index.bulk import Parts, on_cluster
from index.library import open_writer, quarantine_in
from index.preparation import Preparation
from index.protocols import Span, Vectors

CORPUS = Path(__file__).resolve().parent / "corpus" / "articles"
SMALL = ChunkSettings(target_chars=150, max_chars=300)
LONGEST_S = 300


def analyser() -> KoreanAnalyser:
    """The one that needs no model."""
    return ANALYSER


class DoomedEmbedder(HashEmbedder):
    """On a node that is to die, the second batch never ends; elsewhere none is done before that one has begun.

    So whoever kills the node when the file ``at_work`` is there kills it at work, however fast machines are.
    """

    def __init__(self, at_work: Path) -> None:
        super().__init__()
        self._at_work, self._batches = at_work, 0

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        self._batches += 1
        if DOOMED in os.environ and self._batches == 2:
            self._at_work.touch()
            time.sleep(LONGEST_S)
        deadline = time.monotonic() + LONGEST_S
        while DOOMED not in os.environ and not self._at_work.exists():
            assert time.monotonic() < deadline, "the other node has no work"
            time.sleep(0.05)
        return super().embed_passages_and_spans(texts, spans)


def add(source: Path, index: Path, address: str | None, at_work: str | None) -> dict[str, Any]:
    recipe = Preparation(HashEmbedder(), analyser(), SMALL).recipe
    embedder = partial(DoomedEmbedder, Path(at_work)) if at_work else HashEmbedder
    parts = Parts(embedder, analyser, SMALL, recipe)
    started = time.monotonic()
    with closing(open_writer(index, create=True)) as writer, ExitStack() as stack:
        summary = ingest(
            [source],
            writer,
            embedder=HashEmbedder(),
            analyser=analyser(),
            chunking=SMALL,
            quarantine=quarantine_in(index),
            progress=tell,
            workers=stack.enter_context(on_cluster(address, parts)) if address else None,
        )
    counts = {name: n for name, n in vars(summary).items() if isinstance(n, int)}
    wall_s, cpu_s = time.monotonic() - started, time.process_time()
    return counts | {"wall_s": round(wall_s, 1), "cpu_s": round(cpu_s, 1)}


def tell(summary: BuildSummary) -> None:
    sys.stdout.write(f"{summary.read}\n")
    sys.stdout.flush()


def records(count: int) -> Iterator[dict[str, str]]:
    """Articles of six passages or so in words of the sample corpus; of eight, one is a near-copy of a former one,
    one an exact one under another id, and one comes again under its id in another section."""
    words = sorted({word for one in read_articles(CORPUS) for word in one.body.split()})
    chance, made = random.Random(7), list[dict[str, str]]()  # noqa: S311
    for n in range(count):
        kind, number = n % 8 if n > 8 else 0, str(n)
        former = made[chance.randrange(len(made))] if made else {}
        sentences = [" ".join(chance.choices(words, k=9)) + " 밝혔다." for _ in range(20)]
        match kind:
            case 5:
                kept = former["body"].split("\n")[:-1]
                record = former | {"id": number, "press": "동람경제", "body": "\n".join(kept)}
            case 6:
                record = former | {"id": number, "press": "은솔신문"}
            case 7:
                record = former | {"section": f"지역{n}"}
            case _:
                record = {"id": number, "title": sentences[0], "body": "\n".join(sentences)}
                record |= {"press": "해담일보", "published_at": f"2026-03-{1 + n % 28:02}"}
        made.append(record)
        yield record


def main(arguments: list[str]) -> None:
    if arguments[0] == "--make":
        lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in records(int(arguments[1])))
        Path(arguments[2]).write_text("".join(lines) + "{broken\n", "utf-8")
        return
    source, index, address, at_work = [*arguments, None, None][:4]
    done = add(Path(str(source)), Path(str(index)), address, at_work)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
