"""The comparison with other systems, over runners that find by words and need nothing installed."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hash_embedder import HashEmbedder

from index import Article, ChunkSettings, KoreanAnalyser
from index.preparation import Batch, Preparation

pytest.importorskip("ir_measures")

LONG = Article(
    id="1", title="트램", body=" ".join(f"은솔시는 트램 {n}호선을 놓기로 했다." for n in range(60))
)

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"

RUNNER = """
import json, os, sys
sys.path.insert(0, {protocol!r})
from protocol import Server, serve

class Words:
    def __init__(self, task):
        self.task = task
        print("libraries print this")
        if task.variant == "unloadable":
            raise ImportError("no such library")

    def index(self):
        if self.task.variant == "unable":
            raise ValueError("the index is too large")
        if self.task.variant == "dying":
            print("out of memory", file=sys.stderr, flush=True)
            os._exit(9)
        self.rows = list(zip(*self.task.texts_and_articles()))
        return {{"stories": {{"b": "a", "a": "a"}}}} if self.task.variant == "ours" else None

    def search(self, question):
        words = set(question.split())
        best = sorted(self.rows, key=lambda row: -len(words & set(row[0].split())))
        return [article for _, article in best]

    def server(self, port):
        if self.task.variant == "ours":
            return Server([sys.executable, {server!r}, str(port)], {{}}, port, "/", "/search?query=")

serve(Words)
"""

SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

ROWS = [
    {"article": "a", "text": "트램 총사업비 3조"},
    {"article": "b", "text": "트램 예산"},
    {"article": "c", "text": "도서관 개관 첫날"},
    {"article": "d", "text": "버스 요금 공청회"},
    {"article": "e", "text": "신청사 설계공모"},
]
QUESTIONS = [f"{row['text']} {n}" for n, row in enumerate(ROWS * 2)]


@pytest.fixture(scope="module")
def peers() -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        modules = ("command", "material", "ratios", "rounds", "systems")
        yield SimpleNamespace(
            **{name: importlib.import_module(f"benchmarks.peers.{name}") for name in modules}
        )


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    server = tmp_path / "server.py"
    server.write_text(SERVER, "utf-8")
    protocol = str(SCRIPTS / "benchmarks" / "peers" / "runners")
    runner = tmp_path / "words_runner.py"
    runner.write_text(RUNNER.format(protocol=protocol, server=str(server)), "utf-8")
    return runner


@pytest.fixture
def material(peers: Any, tmp_path: Path) -> Any:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    passages = tmp_path / "passages.jsonl"
    passages.write_text(lines, "utf-8")
    return peers.material.Material(
        passages=passages,
        articles=passages,
        model="",
        questions=QUESTIONS,
        gold={str(n): {ROWS[n % 5]["article"]: 1} for n in range(len(QUESTIONS))},
        count=len(ROWS),
    )


def compared(peers: Any, systems: list[Any], material: Any, tmp_path: Path) -> dict[str, Any]:
    report: dict[str, Any] = peers.rounds.compare(
        systems, material, tmp_path / "scratch", tmp_path / "cache", clients=2
    )
    return report


def test_every_measure_of_every_system_is_taken(
    peers: Any, runner: Path, material: Any, tmp_path: Path
) -> None:
    (tmp_path / "scratch").mkdir()
    systems = [peers.systems.Peer("ours", runner, variant="ours"), peers.systems.Peer("it", runner)]
    report = compared(peers, systems, material, tmp_path)
    ours, other = report["systems"]["ours"], report["systems"]["it"]
    assert ours["problem"] is other["problem"] is None
    measures = {measure.name for measure in peers.ratios.MEASURES}
    of_server = {"http_per_s", "http_cpu_ms"}
    assert set(ours["figures"]) == measures | {"load_s"}
    assert set(other["figures"]) == (measures - of_server) | {"load_s"}
    assert ours["figures"]["ndcg@10"] == other["figures"]["recall@1"] == 1
    assert of_server.isdisjoint(ours["ratios"])  # no peer has them
    assert other["ratios"]["p50_ms"] == 1


@pytest.mark.parametrize(
    ("variant", "problem"),
    [
        ("unloadable", "loading: ImportError: no such library"),
        ("unable", "indexing: ValueError: the index is too large"),
        ("dying", "indexing: its process ended with status 9: out of memory"),
    ],
)
def test_what_fails_is_said_and_the_others_go_on(
    peers: Any, runner: Path, material: Any, tmp_path: Path, variant: str, problem: str
) -> None:
    (tmp_path / "scratch").mkdir()
    failing = peers.systems.Peer("failing", runner, variant=variant)
    systems = [peers.systems.Peer("ours", runner), failing, peers.systems.Peer("it", runner)]
    report = compared(peers, systems, material, tmp_path)
    assert report["systems"]["failing"]["problem"] == problem
    assert report["systems"]["failing"]["ratios"] == {}
    assert report["systems"]["it"]["ratios"]["p95_ms"] == 1
    assert report["systems"]["ours"]["figures"]["recall@1"] == 1


def test_an_environment_that_cant_be_made_is_a_problem(
    peers: Any, runner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        peers.systems, "_ENVIRONMENT", [sys.executable, "-c", "raise SystemExit('ERROR: no disk')"]
    )
    peer = peers.systems.Peer("it", runner, requirements=("nothing==1.0",))
    with pytest.raises(peers.systems.PeerFailed, match="no environment: ERROR: no disk"):
        peers.systems.environment_of(peer, tmp_path)


def test_peers_get_the_passages_that_gisa_indexes(peers: Any) -> None:
    analyser, embedder = KoreanAnalyser(), HashEmbedder()
    prepared = Preparation(embedder, analyser, ChunkSettings())(Batch([LONG], {}))
    texts = list(peers.material._passages(LONG, analyser, embedder, ChunkSettings()))
    assert len(texts) > 1
    assert texts == [passage.text for passage in prepared[0].passages]


def test_ratios_are_to_the_best_peer(peers: Any) -> None:
    found = peers.ratios.ratios(
        {
            "gisa": {"p50_ms": 10, "http_per_s": 60, "peak_mb": 0},
            "slow": {"p50_ms": 40, "http_per_s": 20},
            "fast": {"p50_ms": 30},
            "none": {},
        },
        ours="gisa",
    )
    assert found["gisa"] == {"p50_ms": 3, "http_per_s": 3}
    assert found["slow"] == {"p50_ms": 0.75, "http_per_s": 1}
    assert found["fast"] == {"p50_ms": 1}
    assert found["none"] == {}


def test_stories_count_once_for_everybody(peers: Any) -> None:
    found = {"0": ["b", "a", "c"], "1": ["d", "b", "c"]}
    gold = {"0": {"a": 1}, "1": {"c": 1}}
    alone = peers.rounds.quality(found, gold, {})
    assert alone["recall@1"] == 0
    told = peers.rounds.quality(found, gold, {"a": "a", "b": "a"})
    assert told["recall@1"] == 0.5


def test_rankings_of_rounds_find_their_questions(peers: Any) -> None:
    count = 8
    rounds = [range(turn, count, peers.rounds.ROUNDS) for turn in range(peers.rounds.ROUNDS)]
    found = [[f"a{n}"] for turn in rounds for n in turn]
    assert peers.rounds._by_number(found, count) == {str(n): [f"a{n}"] for n in range(count)}


def test_the_table_has_figures_ratios_and_problems(
    peers: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    it = {"figures": {"p50_ms": 30.0}, "ratios": {"p50_ms": 1.0}, "problem": None}
    ours = {"figures": {"p50_ms": 9.96}, "ratios": {"p50_ms": 3.01}, "problem": None}
    broken = {"figures": {}, "ratios": {}, "problem": "environment: no [disk]"}
    systems = {"gisa": ours, "it": it, "broken": broken}
    peers.command._show({"passages": 1340, "questions": 300, "cpus": 2, "systems": systems})
    shown = capsys.readouterr().out
    assert "1,340 passages, 300 questions, 2 processors" in shown
    assert "10.0 (3.01)" in shown
    assert "broken: environment: no [disk]" in shown
