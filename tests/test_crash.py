"""Whatever happens to a writer, the next run leaves the index that an undisturbed one would have."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crashing_writer import SCENARIOS, make_base, prepare
from hash_embedder import HashEmbedder

from index import Filters, IndexNotFound, verify_index
from index.engines.local import LocalEngine
from index.engines.local.generation import numbers

if sys.platform == "win32":
    pytest.skip("needs fork and signals", allow_module_level=True)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("crashed")
    script = Path(__file__).with_name("crashing_writer.py")
    run = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return folder, json.loads(run.stdout)


def undisturbed(name: str, folder: Path) -> dict[str, Any]:
    make_base(folder / "base")
    prepare(name, folder / "index", folder / "base")
    SCENARIOS[name](folder / "index")
    return contents(folder / "index")


def contents(root: Path) -> dict[str, Any]:
    """All that an index says: articles, passages with their vectors, what it finds, counts."""
    with closing(LocalEngine.open(root)) as engine:
        catalog = engine.catalog
        generation = engine._shown.generation
        loaded = catalog.passages(catalog.live_passages()["passage"].tolist())
        passages = {found.passage.id: found.passage for found in loaded.values()}
        vectors = np.vstack(list(catalog.vectors(generation.manifest.dimension)))
        names = [found.passage.id for _, found in sorted(loaded.items())]
        manifest = dict(vars(generation.manifest))
        for of_its_own in ("generation", "revision", "removal", "checksums"):
            del manifest[of_its_own]
        question = HashEmbedder(generation.manifest.dimension).embed_queries(["트램 착공"])[0]
        corpus = engine.statistics()
        terms = {"morphemes": ["트램", "소식."], "bigrams": ["트램"]}
        query = {field: corpus.weights(field, words) for field, words in terms.items()}
        candidates = engine.search(question, [query], Filters(), 100)
        ids = [loaded[int(id)].passage.id for id in candidates.passages]
        scores = zip(
            candidates.dense.tolist(), candidates.lexical["morphemes"].tolist(), strict=True
        )
        return {
            "passages": passages,
            "articles": {name: engine.article(name.split("#")[0]) for name in names},
            "vectors": {name: vector.tolist() for name, vector in zip(names, vectors, strict=True)},
            "manifest": manifest,
            "found": dict(zip(ids, scores, strict=True)),
            "problems": [check for check in verify_index(root) if check.problem],
            "waste": [path.name for path in root.rglob(".*")],
        }


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_every_checkpoint(
    crashed: tuple[Path, dict[str, Any]], name: str, tmp_path: Path
) -> None:
    folder, killed = crashed
    expected = undisturbed(name, tmp_path)
    assert not expected["problems"]
    assert killed[name] > 9
    for n in range(1, killed[name]):
        root = folder / f"{name}-{n}"
        try:
            LocalEngine.open(root).close()  # a reader finds the old state or the new one
        except IndexNotFound:
            assert name == "build"
        SCENARIOS[name](root)
        assert contents(root) == expected, n
        assert len(numbers(root)) <= 2


def test_a_full_disk_is_told_and_harmless(
    crashed: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, told = crashed
    expected = undisturbed("update", tmp_path)
    assert set(told["full"].values()) <= {0, 3 << 8}
    assert list(told["full"].values()).count(3 << 8) >= 3
    for size in told["full"]:
        root = folder / f"full-{size}"
        LocalEngine.open(root).close()
        SCENARIOS["update"](root)
        assert contents(root) == expected, size
