"""The service and the commands over an index on a Milvus server, here milvus-lite over gRPC."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import small_index
from fastapi.testclient import TestClient
from hash_embedder import HashEmbedder
from milvus_server import MilvusServer
from typer.testing import CliRunner

from service import create_app, wiring
from service.cli.app import app
from service.errors import SettingsInvalid
from service.settings import Settings, load_settings

pytest.importorskip("pymilvus")

QUESTION = {"question": "트램 1호선 총사업비는 얼마인가요?"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MilvusServer]:
    server = MilvusServer(tmp_path / "data")
    yield server
    server.stop()


@pytest.fixture
def settings(server: MilvusServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)  # no gisa.toml or .env of the developer's
    monkeypatch.setenv("GISA_ENGINE", "milvus")
    monkeypatch.setenv("GISA_MILVUS_URI", server.uri)
    monkeypatch.setenv("GISA_MILVUS_INDEX", "FLAT")
    monkeypatch.setattr(wiring, "build_embedder", lambda settings: HashEmbedder())
    for module in ("index.retrieve", "service.wiring"):
        monkeypatch.setattr(f"{module}.KoreanAnalyser", lambda **_: small_index.analyser())
    return load_settings()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def test_a_service_whose_server_goes_away_says_so_and_recovers(
    settings: Settings, server: MilvusServer
) -> None:
    wiring.add_articles(settings, small_index.ARTICLES)
    with TestClient(create_app(settings)) as client:
        assert client.get("/readyz").json()["articles"] == len(small_index.ARTICLES)
        assert "4,820억 원" in client.post("/v1/ask", json=QUESTION).text
        server.stop(signal.SIGKILL)
        away = client.post("/v1/search", json=QUESTION)
        assert (away.status_code, away.json()["code"]) == (503, "index_unavailable")
        assert int(away.headers["retry-after"]) > 0
        assert server.uri not in away.text
        wait_until(lambda: client.get("/readyz").status_code == 503)
        told = client.get("/readyz")
        assert told.json()["code"] == "index_unavailable"
        assert "GISA_MILVUS_URI" in told.json()["detail"]
        assert told.headers["retry-after"]
        assert client.get("/healthz").status_code == 200
        server.start()
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert "4,820억 원" in client.post("/v1/ask", json=QUESTION).text


def test_commands_over_a_server(settings: Settings, server: MilvusServer, tmp_path: Path) -> None:
    folder, place = tmp_path / "folder", f"milvus+{server.uri}/copied"
    small_index.build(folder)

    def gisa(*args: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, args)
        return result.exit_code, result.output

    status, told = gisa("index", "copy", str(folder), place, "--json")
    assert status == 0
    assert json.loads(told[told.index("{") :])["copied"] == len(small_index.ARTICLES)
    status, told = gisa("index", "copy", place, str(tmp_path / "back"), "--json")
    assert status == 0
    status, told = gisa("index", "info", "--index", str(tmp_path / "back"), "--json")
    assert json.loads(told)["articles"] == len(small_index.ARTICLES)
    assert gisa("index", "info")[0] == 3  # nothing under the alias of the settings
    status, told = gisa("index", "verify", "--quick")
    assert status == 1
    assert "gisa index copy" in told
    status, told = gisa("index", "copy", "milvus+ftp://nowhere", str(folder))
    assert status == 1
    assert "milvus+http://HOST:PORT/ALIAS" in told
    status, told = gisa("engine", "check", "--json")
    assert status == 0, told
    findings = json.loads(told)
    assert len(findings) > 10
    assert set(findings.values()) == {"ok"}
    left = wiring.open_writer(settings, create=True)
    assert not [n for n in left.store.connection.call("list_collections") if "trial" in n]  # type: ignore[attr-defined]
    left.close()
    server.stop()
    status, told = gisa("engine", "check")
    assert status == 1
    assert "can't be used" in told
    server.start()


def test_without_the_extra_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wiring, "find_spec", lambda name: None)
    with pytest.raises(SettingsInvalid, match="pymilvus"):
        wiring.open_reader(load_settings(engine="milvus"))


def test_whoever_names_a_folder_means_it(
    index_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GISA_ENGINE", "milvus")
    result = CliRunner().invoke(app, ["index", "info", "--index", str(index_path), "--json"])
    assert json.loads(result.output)["articles"] == len(small_index.ARTICLES)
