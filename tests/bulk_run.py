"""Adds articles to an index on a Ray cluster, or alone, in a process of its own: to be watched and measured.

``python bulk_run.py INPUT INDEX [ADDRESS]`` prints how many articles are dealt with after each batch, and at
last one JSON document: the summary, the seconds, and the processor's seconds of this process.
``python bulk_run.py --make N INPUT`` writes N records to read.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crashing_writer import ANALYSER
from hash_embedder import HashEmbedder

from index import BuildSummary, ChunkSettings, KoreanAnalyser, read_articles
from index.build import ingest
from index.bulk import Parts, on_cluster
from index.library import open_writer, quarantine_in
from index.preparation import Preparation

CORPUS = Path(__file__).resolve().parent / "corpus" / "articles"
SMALL = ChunkSettings(target_chars=150, max_chars=300)


def analyser() -> KoreanAnalyser:
    """The one that needs no model."""
    return ANALYSER


def add(source: Path, index: Path, address: str | None) -> dict[str, Any]:
    recipe = Preparation(HashEmbedder(), analyser(), SMALL).recipe
    parts = Parts(HashEmbedder, analyser, SMALL, recipe)
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
    source, index, *address = arguments
    done = add(Path(source), Path(index), address[0] if address else None)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
