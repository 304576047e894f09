"""The embedded engine: the contract, and what is its own: files, checksums, locks, readers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from contracts.engine_contract import AXES, DIMENSION, EngineContract, indexed, terms

from index import Filters, IndexCorrupt, IndexFormatUnknown, IndexLocked, IndexNotFound
from index.local import LocalEngine
from index.local.generation import generation_folder, verify_checksums


def create(root: Path) -> LocalEngine:
    return LocalEngine.create_or_update(
        root, embedder="axes", dimension=DIMENSION, analyser="words", chunking={}
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


class TestLocalEngine(EngineContract):
    @pytest.fixture
    def open_engine(self, tmp_path: Path) -> Iterator[Callable[[], LocalEngine]]:
        opened: list[LocalEngine] = []

        def open_engine() -> LocalEngine:
            opened.append(create(tmp_path / "index"))
            return opened[-1]

        yield open_engine
        for engine in opened:
            engine.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[LocalEngine]:
    engine = create(tmp_path / "index")
    engine.add([indexed("a", "트램 착공"), indexed("b", "배구 경기", axis=1)])
    engine.publish()
    yield engine
    engine.close()


def test_layout_is_the_documented_one(writer: LocalEngine) -> None:
    names = {str(p.relative_to(writer.root)) for p in writer.root.rglob("*") if p.is_file()}
    assert {"CURRENT", "catalog.sqlite", "lock"} <= names
    assert {"manifest.json", "vectors.faiss", "rows.npy"} <= {
        path.name for path in generation_folder(writer.root, 1).iterdir()
    }
    assert (writer.root / "CURRENT").read_text() == "1\n"


def test_manifest_has_a_checksum_of_every_other_file(writer: LocalEngine) -> None:
    folder = generation_folder(writer.root, 1)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert set(manifest["checksums"]) == files - {"manifest.json"}
    verify_checksums(folder)
    with (folder / "vectors.faiss").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(IndexCorrupt, match=r"vectors\.faiss fails its checksum"):
        verify_checksums(folder)


def test_nothing_new_publishes_nothing(writer: LocalEngine) -> None:
    assert writer.publish() == 1
    writer.add([indexed("c", "축제")])
    assert writer.publish() == 2


def test_old_generations_go_but_for_the_one_before(writer: LocalEngine) -> None:
    for n in range(3):
        writer.add([indexed(f"n{n}", "축제")])
        writer.publish()
    assert sorted(p.name for p in (writer.root / "generations").iterdir()) == ["000003", "000004"]


def test_a_reader_moves_on_to_a_new_generation(writer: LocalEngine) -> None:
    reader = LocalEngine.open(writer.root)
    assert reader.generation == 1
    writer.add([indexed("c", "바다 축제", axis=2)])
    writer.publish()
    wait_until(lambda: reader.generation == 2)
    candidates = reader.search(AXES[2], terms("축제"), Filters(), 1)
    (loaded,) = reader.load(candidates.keys.tolist()).values()
    assert loaded.article.id == "c"
    reader.close()


def test_a_reader_sees_a_removal_at_once(writer: LocalEngine) -> None:
    reader = LocalEngine.open(writer.root)
    assert len(reader.search(AXES[0], terms("트램"), Filters(), 5).keys) == 2
    writer.remove(["a"])
    assert len(reader.search(AXES[0], terms("트램"), Filters(), 5).keys) == 1
    reader.close()


def test_a_second_writer_is_refused(writer: LocalEngine) -> None:
    with pytest.raises(IndexLocked, match="another process is writing"):
        create(writer.root)


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFound, match="there is no index"):
        LocalEngine.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_catalog_that_was_never_published_is_no_index_yet(tmp_path: Path) -> None:
    create(tmp_path / "index").close()
    with pytest.raises(IndexNotFound):
        LocalEngine.open(tmp_path / "index")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b"{"),
        ("manifest.json", b"[]"),
        ("rows.npy", b"\x93NUMPY"),
        ("vectors.faiss", b"nothing"),
        ("lexical/morphemes/terms.npy", b"{"),
        ("lexical/bigrams/rows.npy", b""),
    ],
)
def test_damaged_files_are_refused(writer: LocalEngine, name: str, content: bytes) -> None:
    (generation_folder(writer.root, 1) / name).write_bytes(content)
    with pytest.raises(IndexCorrupt, match="can't be read|fails its checksum") as caught:
        LocalEngine.open(writer.root)
    assert "gisa index rebuild" in caught.value.remedy


def test_a_missing_file_is_refused(writer: LocalEngine) -> None:
    (generation_folder(writer.root, 1) / "vectors.faiss").unlink()
    with pytest.raises(IndexCorrupt):
        LocalEngine.open(writer.root)


def test_pickled_arrays_are_refused(writer: LocalEngine) -> None:
    path = generation_folder(writer.root, 1) / "rows.npy"
    np.save(path, np.array([object()]), allow_pickle=True)
    with pytest.raises(IndexCorrupt):
        LocalEngine.open(writer.root)


def test_another_format_is_named(writer: LocalEngine) -> None:
    path = generation_folder(writer.root, 1) / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**manifest, "format": 99}), "utf-8")
    with pytest.raises(IndexFormatUnknown, match="format 99"):
        LocalEngine.open(writer.root)


def test_opening_does_not_write(writer: LocalEngine) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        # SQLite keeps its lock table and an empty log beside the catalog while it is open.
        files = (p for p in writer.root.rglob("*") if not p.name.endswith(("-shm", "-wal")))
        return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in files}

    writer.close()
    before = state()
    reader = LocalEngine.open(writer.root)
    reader.search(AXES[0], terms("트램"), Filters(), 1)
    assert state() == before
    reader.close()
    assert state() == before
