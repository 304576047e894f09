"""Articles prepared on a Ray cluster of two nodes, one of which is killed: the index is the same."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bulk_run import SMALL, analyser
from hash_embedder import HashEmbedder
from ray_cluster import TESTS, RayCluster, environment, two_nodes

from index import Article, BuildSummary
from index.bulk import Parts, _finish, _packed, _Preparer, _told_here, _version
from index.engines.local import LocalEngine
from index.library import QUARANTINE_FILE, open_writer
from index.preparation import Batch, Preparation
from index.readers import RawFile, RawRecord, ReadOptions
from index.readers.draft import Draft
from index.wire import pack, unpack

pytest.importorskip("ray", reason="the extra 'ray' is not installed")

ARTICLES = 600


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with two_nodes() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("input") / "articles.jsonl"
    bulk_run("--make", str(ARTICLES), str(file)).communicate()
    return file


def bulk_run(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(TESTS / "bulk_run.py"), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())


def add(source: Path, index: Path, *address: str) -> dict[str, Any]:
    said, _ = bulk_run(str(source), str(index), *address).communicate()
    done: dict[str, Any] = json.loads(said.splitlines()[-1])
    return done


def add_while_a_node_dies(source: Path, index: Path, cluster: RayCluster) -> dict[str, Any]:
    """A node is killed while it embeds its second batch."""
    at_work = index.with_name("at_work")
    with bulk_run(str(source), str(index), cluster.address, str(at_work)) as running:
        while not at_work.exists():
            assert running.poll() is None, "it ended before the node was at work"
            time.sleep(0.05)
        cluster.kill_worker_node()
        said, _ = running.communicate()
    done: dict[str, Any] = json.loads(said.splitlines()[-1])
    return done


def content(index: Path) -> dict[str, Any]:
    """All that an index holds, by article: its passages, vectors, terms, and who leads its story."""
    with closing(LocalEngine.open(index)) as engine:
        articles = [article for _, article in engine.prepared()]
    keys = [one.article.key for one in articles]
    assert len(set(keys)) == len(keys)
    with closing(open_writer(index)) as writer:
        stored = writer.stored(keys)
    return {
        one.article.key: (
            one.article,
            one.digest,
            [(passage.start, passage.end, passage.text) for passage in one.passages],
            one.vectors.tolist(),
            list(one.sentences),
            stored[one.article.key].leader,
        )
        for one in articles
    }


def counts(done: dict[str, Any]) -> dict[str, int]:
    return {name: done[name] for name in vars(BuildSummary()) if isinstance(done.get(name), int)}


def test_a_worker_that_would_prepare_otherwise_is_refused() -> None:
    parts = Parts(
        HashEmbedder, analyser, SMALL, Preparation(HashEmbedder(32), analyser(), SMALL).recipe
    )
    with pytest.raises(ValueError, match=r"hash-64.*hash-32"):
        _Preparer(parts)({"row": [pack(Batch([], {}))]})


def test_what_a_worker_has_to_say_is_said_here(caplog: pytest.LogCaptureFixture) -> None:
    record = {"id": "a", "title": "제목", "body": "본문이다.", "published_at": "어느 날"}
    lines = [record, {**record, "id": "b", "published_at": "2026-03-01T00:00:00Z"}]
    data = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    seen = list[tuple[str, datetime]]()
    options = ReadOptions(on_utc=lambda source, moment: seen.append((source, moment)))
    row = pack([pack([RawFile("기사.jsonl", ".jsonl", data)])])
    answer = _finish({"row": [row]}, ReadOptions(), _version())["row"][0]
    caplog.clear()
    (found,) = _told_here(answer, options)
    assert [(one.item.id, one.line) for one in found if isinstance(one.item, Article)] == [
        ("a", 1),
        ("b", 2),
    ]
    assert seen == [("기사.jsonl", datetime(2026, 3, 1, tzinfo=UTC))]
    assert ["어느 날" in one for one in caplog.messages] == [True]


def test_a_worker_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="a worker has gisa"):
        _finish({"row": []}, ReadOptions(), "0")


def test_a_record_that_cannot_travel_is_finished_here() -> None:
    draft = Draft(id="a", body="본문이다.", moments=[(Decimal(20260301), "record")])
    (found,) = unpack(_packed(RawRecord(draft, "기사.parquet", 1), ReadOptions()))
    assert found.item.body == "본문이다."


@pytest.mark.slow
def test_a_node_that_dies_costs_and_doubles_nothing(
    cluster: RayCluster, source: Path, tmp_path: Path
) -> None:
    alone = add(source, tmp_path / "alone")
    spread = add_while_a_node_dies(source, tmp_path / "spread", cluster)
    assert counts(spread) == counts(alone)
    assert spread["duplicates"] > ARTICLES / 8
    assert spread["updated"] > ARTICLES / 12
    assert content(tmp_path / "spread") == content(tmp_path / "alone")
    kept = [(tmp_path / name / QUARANTINE_FILE).read_text("utf-8") for name in ("alone", "spread")]
    assert kept[0] == kept[1] != ""
    again = add(source, tmp_path / "spread", cluster.address)
    # Records that replace each other within the input are prepared again, as by one process.
    assert counts(again) == counts(add(source, tmp_path / "alone"))
