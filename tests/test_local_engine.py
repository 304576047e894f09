"""The embedded engine: the contract, and what is its own: files, checksums, locks, readers."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_index
from contracts.engine_contract import (
    AXES,
    DIMENSION,
    RECIPE,
    EngineContract,
    fill,
    found_ids,
    indexed,
    loaded,
    look_up,
)

from index import (
    Filters,
    Index,
    IndexCorrupt,
    IndexFormatUnknown,
    IndexLocked,
    IndexNotFound,
    RebuildUnfinished,
)
from index.build import remove
from index.engines.local import LocalEngine
from index.engines.local.follower import FORMER
from index.engines.local.generation import Generation, generation_folder, numbers, verify_checksums


def create(root: Path) -> LocalEngine:
    engine = LocalEngine.create(root)
    engine.adopt(RECIPE)
    return engine


def generation(engine: LocalEngine) -> int:
    return engine.statistics().generation


def bodies(engine: LocalEngine, *spellings: str) -> set[str]:
    found = look_up(engine, *spellings, depth=5)
    return {item.passage.text for item in loaded(engine, found)}


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
            opened.append(LocalEngine.create(tmp_path / "index"))
            return opened[-1]

        yield open_engine
        for engine in opened:
            engine.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[LocalEngine]:
    engine = create(tmp_path / "index")
    fill(engine, indexed("a", "트램 착공"), indexed("b", "배구 경기", axis=1))
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


def test_old_generations_go_but_for_the_one_before(writer: LocalEngine) -> None:
    for n in range(3):
        fill(writer, indexed(f"n{n}", "축제"))
    assert sorted(p.name for p in (writer.root / "generations").iterdir()) == ["000003", "000004"]


def test_a_reader_moves_on_to_a_new_generation(writer: LocalEngine) -> None:
    reader = LocalEngine.open(writer.root)
    assert generation(reader) == 1
    fill(writer, indexed("c", "바다 축제", axis=2))
    wait_until(lambda: generation(reader) == 2)
    assert found_ids(reader, look_up(reader, "축제", vector=AXES[2], depth=1)) == {"c"}
    reader.close()


def test_a_reader_sees_a_removal_at_once(writer: LocalEngine) -> None:
    reader = LocalEngine.open(writer.root)
    assert len(look_up(reader, "트램").passages) == 2
    writer.remove(["a"], {})
    assert len(look_up(reader, "트램").passages) == 1
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
    with pytest.raises(IndexCorrupt, match=r"can't be read|fails its checksum") as caught:
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
    look_up(reader, "트램")
    assert state() == before
    reader.close()
    assert state() == before


def test_a_damaged_generation_is_refused_and_the_old_one_goes_on(writer: LocalEngine) -> None:
    reader = LocalEngine.open(writer.root)
    damage_next(writer)
    wait_until(lambda: reader.problem() is not None)
    assert "generation 2 is not used but 1" in (reader.problem() or "")
    assert generation(reader) == 1
    assert len(look_up(reader, "트램").passages) == 2
    writer.publish(afresh=True)
    wait_until(lambda: reader.problem() is None)
    assert generation(reader) == 3
    reader.close()


def test_opening_falls_back_to_the_newest_good_generation(writer: LocalEngine) -> None:
    damage_next(writer)
    with closing(LocalEngine.open(writer.root)) as reader:
        assert generation(reader) == 1
        assert "gisa index rebuild" in (reader.problem() or "")


def damage_next(writer: LocalEngine) -> None:
    """Publish a generation that comes into being damaged."""
    current = writer.root / "CURRENT"
    fill(writer, indexed("c", "축제"))
    folder = generation_folder(writer.root, 2)
    current.write_text("1\n")
    (folder / "rows.npy").write_bytes(b"damaged")
    current.write_text("2\n")


def test_a_reader_refuses_vectors_of_another_embedder(tmp_path: Path, writer: LocalEngine) -> None:
    reader = LocalEngine.open(writer.root)
    writer.adopt(replace(RECIPE, embedder="other"), rebuild=True)
    with pytest.raises(RebuildUnfinished):
        writer.publish()
    both = indexed("a", "트램 착공"), indexed("b", "배구 경기", axis=1)
    assert fill(writer, *both).generation == 2
    wait_until(lambda: reader.problem() is not None)
    assert "built with the embedder other, but axes" in (reader.problem() or "")
    found = look_up(reader, "트램")
    assert (found.generation, len(loaded(reader, found))) == (1, 2)
    reader.close()


def test_what_a_reader_holds_is_not_deleted(writer: LocalEngine) -> None:
    old = Generation(generation_folder(writer.root, 1))
    for n in range(3):
        fill(writer, indexed("a", f"트램 {n}"))
    assert numbers(writer.root) == [1, 3, 4]
    held = writer.passages(list(map(str, old.rows["passage"].tolist())), "1")
    assert sorted(item.passage.text for item in held.values()) == ["배구 경기", "트램 착공"]
    del old
    fill(writer, indexed("a", "트램 끝"))
    assert numbers(writer.root) == [4, 5]


def test_what_was_found_can_be_loaded_after_several_publications(writer: LocalEngine) -> None:
    with closing(LocalEngine.open(writer.root)) as reader:
        found = look_up(reader, "트램")
        for n in range(FORMER):
            made = fill(writer, indexed("a", f"트램 {n}"), indexed("b", f"배구 {n}"))
            wait_until(lambda: generation(reader) == made.generation)  # noqa: B023
        assert {item.passage.text for item in loaded(reader, found)} == {"트램 착공", "배구 경기"}


def test_former_generations_are_let_go_after_a_while(
    writer: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LocalEngine.open(writer.root)) as reader:
        found = look_up(reader, "트램")
        for n in range(FORMER + 1):
            made = fill(writer, indexed("a", f"트램 {n}"))
            wait_until(lambda: generation(reader) == made.generation)  # noqa: B023
        assert numbers(writer.root) == [1, 2, 3, 4, 5]
        monkeypatch.setattr("index.engines.local.follower.FORMER_S", 0)
        reader._shown.refresh()
        fill(writer, indexed("a", "트램 끝"))
        assert numbers(writer.root) == [5, 6]
        assert {item.passage.text for item in loaded(reader, found)} == {"배구 경기"}


def test_the_lock_names_its_holder_and_dies_with_it(writer: LocalEngine) -> None:
    with pytest.raises(IndexLocked, match=rf"process {os.getpid()}, since \d{{4}}-"):
        LocalEngine.update(writer.root)
    writer.close()
    (writer.root / "lock.json").write_text('{"pid": 1, "since": "2020-01-01"}')  # of a dead one
    LocalEngine.update(writer.root).close()


def test_a_writer_waits_for_the_other(writer: LocalEngine) -> None:
    threading.Timer(0.3, writer.close).start()
    LocalEngine.update(writer.root, wait_s=10).close()


def test_reads_where_nothing_can_be_written(writer: LocalEngine) -> None:
    """SQLite can't make its lock table, as on a read-only disk."""
    writer.close()
    (writer.root / "catalog.sqlite-shm").mkdir()
    with closing(LocalEngine.open(writer.root)) as reader:
        assert len(loaded(reader, look_up(reader, "트램"))) == 2


def test_an_index_put_in_the_place_of_another_is_read(tmp_path: Path, writer: LocalEngine) -> None:
    other = create(tmp_path / "other")
    fill(other, indexed("z", "바다 축제"))
    other.publish(afresh=True)
    other.close()
    with closing(LocalEngine.open(writer.root)) as reader:
        writer.root.rename(tmp_path / "gone")
        (tmp_path / "other").rename(writer.root)
        wait_until(lambda: generation(reader) == 2)
        assert reader.article("z") is not None


@pytest.mark.parametrize("flat_up_to", [10, 20_000])
def test_small_and_large_find_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flat_up_to: int
) -> None:
    monkeypatch.setattr("index.engines.local.vectors.FLAT_UP_TO", flat_up_to)
    monkeypatch.setattr("index.engines.local.vectors._COMPARED", 150)
    engine = create(tmp_path / "index")
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items = [
        replace(indexed(f"a{n}", f"낱말{n} 트램", press=f"신문{n % 40}"), vectors=vectors[[n]])
        for n in range(400)
    ]
    for part in (items[:300], items[300:]):  # the second adds to the lists of the first
        fill(engine, *part)
    remove(engine, ["a7"])
    kept = [n for n in range(400) if n != 7]
    exact = [f"a{kept[i]}" for i in np.argsort(-(vectors[kept] @ vectors[5]))[:10]]
    candidates = engine.search(vectors[5], [{}], Filters(), 10)
    assert len(found_ids(engine, candidates) & set(exact)) >= 9
    narrow = engine.search(vectors[5], [{}], Filters(press=("신문3",)), 10)
    assert len(narrow.passages) == 10  # a narrow filter still fills
    assert {item.article.press for item in loaded(engine, narrow)} == {"신문3"}
    found = [items[int(a.article.id[1:])].vectors[0] for a in loaded(engine, candidates)]
    assert candidates.dense.tolist() == pytest.approx([v @ vectors[5] for v in found], abs=2e-3)
    engine.close()


def test_readers_come_and_go_in_many_short_threads(writer: LocalEngine) -> None:
    """Connections of ended threads are closed while other threads open theirs."""
    failures: list[Exception] = []
    database = writer._catalog

    def ask(start: threading.Barrier) -> None:
        start.wait()
        try:
            database.meta("format")
        except Exception as error:  # shown by the assert of the test's own thread
            failures.append(error)

    for _ in range(30):
        start = threading.Barrier(8)
        threads = [threading.Thread(target=ask, args=(start,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    assert len(database._connections) <= 9  # the last eight and this thread's


def test_an_index_may_be_closed_while_others_read_it(tmp_path: Path) -> None:
    """At shutdown a search may still be running: it may fail, but not crash the process."""
    small_index.build(tmp_path)
    for _ in range(20):
        index = small_index.open_small(tmp_path)
        index.search("트램 총사업비", k=1)
        reading = [threading.Thread(target=_read_until_closed, args=(index,)) for _ in range(3)]
        for thread in reading:
            thread.start()
        index.close()
        for thread in reading:
            thread.join()


def _read_until_closed(index: Index) -> None:
    for _ in range(20):
        with suppress(sqlite3.ProgrammingError):
            index.article("undated")
