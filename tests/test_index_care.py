"""Looking after an index: remove, rebuild, verify, export, import."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from crashing_writer import ANALYSER, ARTICLES
from hash_embedder import HashEmbedder
from test_build import CountingEmbedder
from typer.testing import CliRunner

from index import (
    ArchiveRefused,
    Article,
    Embedder,
    EmbedderMismatch,
    Filters,
    IndexExists,
    IndexNotFound,
    RebuildUnfinished,
    build_index,
    export_index,
    import_index,
    rebuild_index,
    remove_articles,
    verify_index,
)
from index.chunking import ChunkSettings
from index.engines.local import LocalEngine
from index.engines.local.generation import generation_folder
from service.cli import app


def build(path: Path, *articles: Article, embedder: Embedder | None = None) -> int:
    articles = articles or tuple(ARTICLES)
    summary = build_index(articles, path, embedder=embedder or HashEmbedder(), analyser=ANALYSER)
    return summary.quarantined


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("built") / "index"
    build(path)
    return path


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "index")
    return tmp_path / "index"


def ids(path: Path) -> set[str]:
    with closing(LocalEngine.open(path)) as engine:
        question = HashEmbedder(engine.info().dimension).embed_queries(["트램"])[0]
        found = engine.search(question, [{"morphemes": {"트램": 1.0}}], Filters(), 100)
        return {p.article.id for p in engine.passages(found.passages, found.token).values()}


def problems(path: Path, embedder: Embedder | None = None) -> dict[str, str]:
    checks = verify_index(path, embedder=embedder or HashEmbedder())
    return {check.name: check.problem for check in checks if check.problem}


def test_removed_articles_are_gone_from_every_file(root: Path) -> None:
    assert remove_articles(root, ["a1", "unknown"]) == (["a1"], 2)
    assert ids(root) == {"a0", "a2", "a3", "a4"}
    catalog = (root / "catalog.sqlite").read_bytes()
    assert ARTICLES[2].title.encode() in catalog
    assert ARTICLES[1].title.encode() not in catalog
    with pytest.raises(IndexNotFound):
        remove_articles(root / "nothing", ["a1"])


def test_changed_metadata_embeds_nothing(root: Path) -> None:
    embedder = CountingEmbedder()
    build(root, replace(ARTICLES[0], section="사회"), embedder=embedder)
    assert embedder.embedded == []
    assert problems(root) == {}


def test_an_id_in_conflict_within_a_run_is_malformed(root: Path) -> None:
    other = replace(ARTICLES[0], body="다른 내용이다.")
    many = [replace(ARTICLES[0], id=f"n{n}") for n in range(100)]
    for _ in range(2):  # the second run says the same
        assert build(root, ARTICLES[0], *many, ARTICLES[0], other) == 1
    with closing(LocalEngine.open(root)) as engine:
        assert engine.article("a0") == ARTICLES[0]


def test_rebuilding_with_another_model(root: Path) -> None:
    summary = rebuild_index(root, embedder=HashEmbedder(32), analyser=ANALYSER)
    assert (summary.updated, summary.generation) == (5, 2)
    assert ids(root) == {article.id for article in ARTICLES}
    assert problems(root, HashEmbedder(32)) == {}
    again = CountingEmbedder()
    rebuild_index(root, embedder=HashEmbedder(32), analyser=ANALYSER)
    assert again.embedded == []


def test_an_interrupted_rebuild_resumes_and_the_old_state_answers(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.build.BATCH_ARTICLES", 2)
    interrupted = CountingEmbedder(fail_after=4, dimension=32)
    with pytest.raises(KeyboardInterrupt):
        rebuild_index(root, embedder=interrupted, analyser=ANALYSER)
    assert ids(root) == {article.id for article in ARTICLES}
    with pytest.raises(RebuildUnfinished):
        build(root, embedder=HashEmbedder(32))
    with pytest.raises(EmbedderMismatch):
        build(root)
    assert "rebuild" in problems(root)
    embedder = CountingEmbedder(dimension=32)
    assert rebuild_index(root, embedder=embedder, analyser=ANALYSER).updated == 1
    assert problems(root, HashEmbedder(32)) == {}


def test_other_chunking_embeds_only_what_it_changes(root: Path) -> None:
    embedder = CountingEmbedder()
    same = ChunkSettings(target_chars=501)
    assert rebuild_index(root, embedder=embedder, analyser=ANALYSER, chunking=same).updated == 5
    assert embedder.embedded == []
    small = ChunkSettings(target_chars=10, min_last_chars=1, overlap_sentences=0)
    rebuild_index(root, embedder=embedder, analyser=ANALYSER, chunking=small)
    assert len(embedder.embedded) == 10
    assert problems(root) == {}


def damage_file(root: Path) -> None:
    path = generation_folder(root, 1) / "vectors.faiss"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")


def sql(statement: str) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        with closing(sqlite3.connect(root / "catalog.sqlite")) as db:
            db.execute(statement)
            db.commit()

    return damage


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (damage_file, "generation"),
        (sql('UPDATE passages SET "end" = 9999 WHERE key = 1'), "offsets"),
        (sql("UPDATE passages SET ordinal = 7 WHERE key = 1"), "offsets"),
        (sql("UPDATE passages SET vector = zeroblob(128) WHERE key = 1"), "vectors"),
        (sql("DELETE FROM passages WHERE key = 1"), "counts"),
        (sql("UPDATE articles SET body = replace(body, '트램', '버스') WHERE key = 2"), "embedder"),
        (sql("UPDATE passages SET article = 99 WHERE key = 1"), "catalog"),
    ],
)
def test_verify_finds(root: Path, damage: Callable[[Path], None], named: str) -> None:
    assert problems(root) == {}
    damage(root)
    assert named in problems(root)


def test_rebuild_repairs_what_is_derived(root: Path) -> None:
    damage_file(root)
    rebuild_index(root, embedder=HashEmbedder(), analyser=ANALYSER)
    assert problems(root) == {}


def test_an_index_travels_in_one_file(root: Path, tmp_path: Path) -> None:
    assert export_index(root, tmp_path / "a.tar") == (tmp_path / "a.tar").stat().st_size
    import_index(tmp_path / "a.tar", tmp_path / "new" / "copy")
    copy = tmp_path / "new" / "copy"
    assert ids(copy) == ids(root)
    assert problems(copy) == {}
    assert {"CURRENT", "catalog.sqlite", "generations"} == {
        path.name for path in copy.iterdir() if not path.name.endswith(("-wal", "-shm"))
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar", "index", "new"]
    build(copy, replace(ARTICLES[0], id="more"))
    assert problems(copy) == {}
    with pytest.raises(IndexExists):
        import_index(tmp_path / "a.tar", copy)


Members = list[tuple[tarfile.TarInfo, bytes]]


def unpacked(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def packed(path: Path, members: Members) -> None:
    with tarfile.open(path, "w") as tar:
        for member, content in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))


def restated(members: Members) -> Members:
    """With the sizes and checksums that a forger would state."""
    import hashlib

    files = {
        m.name: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for m, c in members[1:]
    }
    head = json.dumps({"format": json.loads(members[0][1])["format"], "files": files}).encode()
    return [(members[0][0], head), *members[1:]]


def hostile(name: str, members: Members, tmp_path: Path) -> Members:
    extra = tarfile.TarInfo("generation/rows.npy")
    if name == "traversal":
        return restated([*members, (tarfile.TarInfo("../evil"), b"x")])
    if name == "absolute":
        return restated([*members, (tarfile.TarInfo("/evil"), b"x")])
    if name == "unstated":
        return [*members, (tarfile.TarInfo("generation/lists.npy"), b"x")]
    if name == "twice":
        return [*members, members[1]]
    if name == "link":
        extra.type, extra.linkname = tarfile.SYMTYPE, "/etc/passwd"
        return [m if m[0].name != extra.name else (extra, b"") for m in members]
    if name == "flipped":
        return [(m, c if m.name != extra.name else c[:-1] + b"!") for m, c in members]
    if name == "missing":
        return members[:-1]
    if name == "faiss":
        return restated([*members, (tarfile.TarInfo("generation/vectors.faiss"), b"x")])
    if name in {"trigger", "garbage vectors"}:
        catalog = tmp_path / "catalog.sqlite"
        catalog.write_bytes(next(c for m, c in members if m.name == catalog.name))
        statement = "UPDATE passages SET vector = zeroblob(3)"
        if name == "trigger":
            statement = "CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM articles; END"
        sql(statement)(tmp_path)
        content = catalog.read_bytes()
        catalog.unlink()
        return restated([(m, c if m.name != catalog.name else content) for m, c in members])
    raise AssertionError(name)


@pytest.mark.parametrize(
    "name",
    "traversal absolute unstated twice link flipped missing faiss trigger garbage_vectors".split(),
)
def test_hostile_archives_are_refused(built: Path, tmp_path: Path, name: str) -> None:
    export_index(built, tmp_path / "good.tar")
    members = hostile(name.replace("_", " "), unpacked(tmp_path / "good.tar"), tmp_path)
    packed(tmp_path / "evil.tar", members)
    with pytest.raises(ArchiveRefused):
        import_index(tmp_path / "evil.tar", tmp_path / "index")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.tar", "good.tar"]


def test_arrays_of_an_archive_that_are_no_arrays_are_derived_again(
    built: Path, tmp_path: Path
) -> None:
    export_index(built, tmp_path / "a.tar")
    evil = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    members = unpacked(tmp_path / "a.tar")
    forged = [(m, evil if m.name == "generation/rows.npy" else c) for m, c in members]
    packed(tmp_path / "a.tar", restated(forged))
    import_index(tmp_path / "a.tar", tmp_path / "index")
    assert problems(tmp_path / "index") == {}
    assert ids(tmp_path / "index") == ids(built)


def test_an_archive_that_is_too_large_or_none_at_all(built: Path, tmp_path: Path) -> None:
    export_index(built, tmp_path / "a.tar")
    with pytest.raises(ArchiveRefused, match="more than the 1,000 allowed"):
        import_index(tmp_path / "a.tar", tmp_path / "index", max_bytes=1000)
    (tmp_path / "b.tar").write_bytes(b"no archive")
    with pytest.raises(ArchiveRefused):
        import_index(tmp_path / "b.tar", tmp_path / "index")


def test_commands(root: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        command = ["index", *arguments, "--index", str(root), "--json"]
        result = CliRunner().invoke(app, command)
        return result.exit_code, json.loads(result.stdout) if result.stdout else {}

    assert run("remove", "a1", "a77") == (0, {"removed": 1, "generation": 2})
    result = CliRunner().invoke(app, ["index", "remove", "a77", "--index", str(root)])
    assert "not in the index: a77" in result.stderr
    assert run("verify", "--quick")[0] == 0
    assert run("export", str(tmp_path / "a.tar"))[0] == 0
    assert run("import", str(tmp_path / "a.tar"))[0] == 1
    (generation_folder(root, 2) / "rows.npy").unlink()
    status, told = run("verify", "--quick")
    assert status == 1
    assert "rows.npy" in str(told["generation"])
    shutil.rmtree(root)
    assert run("verify", "--quick")[0] == 3
    assert run("import", str(tmp_path / "a.tar")) == (0, {"index": str(root), "generation": 3})


def test_a_few_random_kills() -> None:
    """The short version of ``scripts/benchmark.py crash``."""
    script = Path(__file__).resolve().parent.parent / "scripts" / "benchmark.py"
    command = [sys.executable, str(script), "crash", "--kills", "5", "--articles", "300", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    figures = json.loads(run.stdout)
    assert (figures["killed"], figures["lost"], figures["duplicated"]) == (5, 0, 0)
