"""Whether everything in an index is as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.engines.local.engine import LocalEngine
from index.engines.local.generation import Generation, current_number, generation_folder
from index.errors import IndexNotFound, IndexUnusable
from index.protocols import Embedder

SAMPLE = 200
_LEAST_COSINE = 0.99  # of a stored vector and the same text embedded again; runtimes differ by less


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``problem`` is None if it is sound."""

    name: str
    problem: str | None = None


def verify_index(
    path: Path | str, *, embedder: Embedder | None = None, sample: int = SAMPLE
) -> list[Check]:
    """Checksums, SQLite's own check, counts, offsets, vectors.

    With an ``embedder``, ``sample`` passages are embedded again and compared with their vectors. Raises
    IndexNotFound, or IndexCorrupt if there is nothing that could be looked at.
    """
    engine = LocalEngine(Path(path))
    try:
        return list(_checks(engine, embedder, sample))
    finally:
        engine.close()


def _checks(engine: LocalEngine, embedder: Embedder | None, sample: int) -> Iterator[Check]:
    catalog, problems = engine.catalog, engine.catalog.problems()
    yield Check("catalog", "; ".join(problems) or None)
    if problems:
        return
    misfits = catalog.misfits()
    yield Check("offsets", f"outside their articles: {', '.join(misfits)}" if misfits else None)
    if misfits:
        return
    unfinished = len(catalog.embedders) > 1
    yield Check("rebuild", "one was interrupted: gisa index rebuild" if unfinished else None)
    try:
        number = current_number(engine.root)
        if number is None:
            raise IndexNotFound(engine.root)
        generation = Generation(generation_folder(engine.root, number))
    except IndexUnusable as error:
        yield Check("generation", str(error))
        return
    yield Check("generation")
    yield Check("counts", _count_problem(engine, generation))
    chosen = np.sort(np.random.default_rng().permutation(len(generation.rows))[:sample])
    yield Check("vectors", _vector_problem(engine, generation, chosen))
    if embedder is not None:
        yield Check("embedder", _embedder_problem(engine, generation, chosen, embedder))


def _count_problem(engine: LocalEngine, generation: Generation) -> str | None:
    manifest, shown = generation.manifest, generation.rows["passage"]
    if len(np.unique(generation.rows["article"])) != manifest.articles:
        return "the manifest counts other articles than the generation shows"
    if engine.catalog.revision != manifest.revision:
        return "the catalog has changes that are not published: gisa index add, or remove, does it"
    if not np.array_equal(engine.catalog.live_passages()["passage"], shown):
        return "the generation does not show the passages of the catalog: gisa index rebuild"
    return None


def _vector_problem(
    engine: LocalEngine, generation: Generation, chosen: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> str | None:
    keys = generation.rows["passage"][chosen].tolist()
    try:
        stored = engine.catalog.vectors_at(keys, generation.manifest.dimension)
    except ValueError as error:
        return str(error)
    if not np.allclose(np.linalg.norm(stored, axis=1), 1, atol=0.01):
        return "some vectors are not of length 1"
    if len(stored) != len(keys):
        return None  # unpublished changes, told above
    if not np.allclose(generation.vectors.vectors(chosen), stored, atol=0.001):
        return "the generation holds other vectors than the catalog: gisa index rebuild"
    return None


def _embedder_problem(
    engine: LocalEngine,
    generation: Generation,
    chosen: np.ndarray[tuple[int], np.dtype[np.int64]],
    embedder: Embedder,
) -> str | None:
    built_with = generation.manifest.embedder
    if embedder.name != built_with:
        return f"the index was built with {built_with}, but {embedder.name} is configured"
    keys = generation.rows["passage"][chosen].tolist()
    loaded = engine.catalog.passages(keys)
    rows = [row for row, key in zip(chosen.tolist(), keys, strict=True) if key in loaded]
    texts = [loaded[key].passage.text for key in keys if key in loaded]
    again = embedder.embed_passages(texts)
    cosines = (generation.vectors.vectors(np.array(rows, dtype=np.int64)) * again).sum(axis=1)
    if len(cosines) and cosines.min() < _LEAST_COSINE:
        worst = loaded[int(generation.rows["passage"][rows[int(cosines.argmin())]])].passage.id
        return f"embedded again, passage {worst} has cosine {cosines.min():.4f} with its vector"
    return None
