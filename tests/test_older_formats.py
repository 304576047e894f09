"""Indexes of older formats: read as they are, brought up to date by the first who writes.

``index_format_5.tar.gz`` and ``index_format_6.tar.gz`` were each written by the last program of that format: an
index, and its export. Both have a wire story and its copy, an article and a notice that corrects it, a name in
brackets; one article was changed and one removed. Embedder and analyser are ``HashEmbedder(16)`` and
``WordAnalyser``.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from contracts.engine_contract import found_ids, loaded, look_up
from crashing_writer import ANALYSER
from hash_embedder import HashEmbedder

from index import (
    EmbedderMismatch,
    Filters,
    build_index,
    export_index,
    import_index,
    index_info,
    read_articles,
    rebuild_index,
    verify_index,
)
from index.engines.local import LocalEngine, files
from index.engines.local.schema import FORMAT_VERSION, SCHEMA
from index.library import open_writer

EMBEDDER = HashEmbedder(16)


@pytest.fixture(params=[5, 6])
def old(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def folder(old: int, tmp_path: Path) -> Path:
    with tarfile.open(Path(__file__).with_name(f"index_format_{old}.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def root(folder: Path) -> Path:
    return folder / "index"


def format_of(root: Path) -> int:
    with closing(sqlite3.connect(root / "catalog.sqlite")) as db:
        return int(db.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()[0])


def schema_of(file: Path | str, script: str = "") -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(file)) as db:
        db.executescript(script)
        told = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {(*row[:3], re.sub(r"--.*|\s", "", row[3] or "")) for row in told}


def keys_of(engine: LocalEngine, *names: str) -> list[str]:
    """Of ids that one source has each."""
    found = engine.keys(names)
    return [key for name in names for key in found[name]]


def check(engine: LocalEngine) -> None:
    """All that the index says."""
    found = look_up(engine, "착공 트램", vector=EMBEDDER.embed_queries(["트램"])[0])
    assert found_ids(engine, found) == {"wire", "copy", "hall", "notice"}
    told = {item.article.id: item for item in loaded(engine, found)}
    assert told["wire"].also_reported_by == ("해담일보",)
    assert told["hall"].article.corrected_by == ("notice",)
    assert told["notice"].article.corrects == ("hall",)
    assert len(set(found.stories)) == 3
    assert len(engine.texts(found.texts, found.token)) == 4
    wire, copy = keys_of(engine, "wire", "copy")
    assert engine.stories([wire, "gone"]) == {wire: (copy, wire)}
    article = engine.article(wire)
    assert article is not None
    assert article.section == "정치"
    corpus = engine.statistics()
    assert corpus.aliases(["gist"]) == {"gist": ["광주과학기술원"]}
    assert corpus.has_reporter("여운찬")
    assert not corpus.has_reporter("고은별")
    assert corpus.presses == ("해담일보", "해담통신")
    filters = Filters(reporters=("진유채",))
    assert found_ids(engine, look_up(engine, vector=EMBEDDER.embed_queries(["청사"])[0], filters=filters)) == {"hall"}  # fmt: skip


def test_it_is_read_as_it_is(root: Path) -> None:
    def state() -> dict[str, bytes]:
        paths = (
            p for p in root.rglob("*") if p.is_file() and not p.name.endswith(("-shm", "-wal"))
        )
        return {str(path): path.read_bytes() for path in paths}

    before = state()
    assert index_info(root).articles == 4
    with closing(LocalEngine.open(root)) as engine:
        check(engine)
    assert {check.name: check.problem for check in verify_index(root) if check.problem} == {}
    assert state() == before


def test_who_writes_brings_it_up_to_date(
    old: int, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(LocalEngine.open(root)) as reader:
        with closing(open_writer(root)) as writer:
            assert f"index format {old}: bringing it up to {FORMAT_VERSION}" in caplog.text
            wire, copy, hall = [writer.keys([name])[name][0] for name in ("wire", "copy", "hall")]
            known = writer.stored([wire, hall], vectors=True)
            assert known[wire].leader == copy
            assert known[wire].article.source == known[wire].article.press
            check(reader)  # goes on meanwhile
        check(reader)
    assert format_of(root) == FORMAT_VERSION
    assert schema_of(root / "catalog.sqlite") == schema_of(":memory:", SCHEMA)
    with closing(LocalEngine.open(root)) as engine:
        check(engine)
    caplog.clear()
    open_writer(root).close()
    assert not caplog.text


def test_known_articles_stay_and_links_go_on(root: Path) -> None:
    with closing(LocalEngine.open(root)) as engine:
        articles = [engine.article(name) for name in ("wire", "copy", "hall", "notice")]
    known = [replace(a, corrects=(), corrected_by=()) for a in articles if a is not None]
    again = build_index(known, root, embedder=EMBEDDER, analyser=ANALYSER)
    assert (again.unchanged, again.generation) == (4, 4)  # in the new format
    wire, _, hall, notice = known
    new = [
        replace(wire, id="late", press="동람경제"),
        replace(notice, id="notice2"),
        replace(hall, body="총사업비는 2,410억 원이다. 광주과학기술원(GIST)이 설계한다."),
    ]
    build_index(new, root, embedder=EMBEDDER, analyser=ANALYSER)
    with closing(LocalEngine.open(root)) as engine:
        late, *others = keys_of(engine, "late", "copy", "wire")
        assert engine.stories([late])[late] == (*others, late)
        (key,) = keys_of(engine, "hall")
        found = engine.article(key)
        assert found is not None
        assert found.corrected_by == ("notice", "notice2")
        assert engine.statistics().aliases(["gist"]) == {"gist": ["광주과학기술원"]}
    assert not [check for check in verify_index(root) if check.problem]


def test_a_rebuild_computes_no_vector(root: Path) -> None:
    class Refusing(HashEmbedder):
        def embed_passages_and_spans(self, texts, spans):  # type: ignore[no-untyped-def]
            assert not texts
            return super().embed_passages_and_spans(texts, spans)

    rebuilt = rebuild_index(root, embedder=Refusing(16), analyser=ANALYSER)
    assert (rebuilt.updated, rebuilt.generation) == (0, 4)
    with closing(LocalEngine.open(root)) as engine:
        check(engine)
    with pytest.raises(EmbedderMismatch):
        build_index([], root, embedder=HashEmbedder(32), analyser=ANALYSER)


def test_what_breaks_off_in_the_middle_leaves_it_as_it_was(
    old: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "checkpoint", crash)
    with pytest.raises(KeyboardInterrupt):
        open_writer(root)
    monkeypatch.undo()
    assert format_of(root) == old
    open_writer(root).close()
    with closing(LocalEngine.open(root)) as engine:
        check(engine)


def test_an_archive_of_it_is_imported(folder: Path) -> None:
    import_index(folder / "exported.tar", folder / "imported")
    assert format_of(folder / "imported") == FORMAT_VERSION
    with closing(LocalEngine.open(folder / "imported")) as engine:
        check(engine)
    assert not [check for check in verify_index(folder / "imported") if check.problem]


def test_what_was_brought_up_to_date_is_exported_and_imported(folder: Path) -> None:
    open_writer(folder / "index").close()
    export_index(folder / "index", folder / "again.tar")
    import_index(folder / "again.tar", folder / "imported")
    with closing(LocalEngine.open(folder / "imported")) as engine:
        check(engine)


def test_articles_of_no_outlet_keep_the_names_that_they_had(root: Path, tmp_path: Path) -> None:
    """Which file they came from was not noted: the same article from a file is no new one."""
    record = {"id": "7", "title": "축제 열려", "body": "해담바다축제가 열렸다. 관객이 늘었다."}
    file = tmp_path / "festival.jsonl"
    file.write_text(json.dumps(record), "utf-8")
    (article,) = read_articles(file)
    build_index([replace(article, source="")], root, embedder=EMBEDDER, analyser=ANALYSER)
    again = build_index([file], root, embedder=EMBEDDER, analyser=ANALYSER)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 1)
