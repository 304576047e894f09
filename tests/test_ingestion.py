"""Articles into the index and out of it, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small_index
from fastapi.testclient import TestClient
from hash_embedder import HashEmbedder
from memory_engine import MemoryEngine, Store

from index.library import open_writer
from service import create_app
from service.serving.keys import new_key
from service.settings import load_settings

BUS = {
    "id": "news/bus-1",
    "title": "시내버스 요금 오른다",
    "body": "해담시 시내버스 요금이 1,500원에서 1,700원으로 오른다.\n\n새 요금은 4월 1일부터 받는다.",
    "press": "해담일보",
    "reporters": ["진유채"],
    "published_at": "2026-03-05T09:00:00",
}


@pytest.fixture
def client(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """An admin's client of a service whose index does not exist yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("service.serving.readiness.RETRY_AFTER_S", 0)
    monkeypatch.setattr("service.wiring.build_embedder", lambda settings: HashEmbedder())
    monkeypatch.setattr("service.wiring.build_analyser", lambda settings: small_index.analyser())
    monkeypatch.setattr("index.retrieve.KoreanAnalyser", lambda **_: small_index.analyser())
    if engine == "memory":
        store = Store()
        for name in ("open_reader", "open_writer"):
            monkeypatch.setattr(f"service.wiring.{name}", lambda *_, **__: MemoryEngine(store))
    key, entry = new_key("chief", "admin")
    settings = load_settings(index=tmp_path / "index", auth="keys", api_keys=entry)
    return TestClient(create_app(settings), headers={"Authorization": f"Bearer {key}"})


def add(client: TestClient, *articles: dict[str, Any]) -> dict[str, Any]:
    reply = client.post("/v1/articles", json={"articles": articles})
    assert reply.status_code == 200, reply.text
    told: dict[str, Any] = reply.json()
    return told


def test_articles_build_an_index_where_there_is_none(client: TestClient) -> None:
    told = add(client, BUS)
    assert (told["read"], told["added"], told["quarantined"]) == (1, 1, 0)
    article = client.get("/v1/articles/news/bus-1").json()
    assert article["title"] == BUS["title"]
    assert article["published_at"] == "2026-03-05T09:00:00+09:00"
    assert len(article["paragraphs"]) == 2
    found = client.post("/v1/search", json={"question": "시내버스 요금"}).json()["hits"]
    assert found[0]["article"]["id"] == BUS["id"]


def test_a_known_article_is_updated_or_left_alone(client: TestClient) -> None:
    add(client, BUS)
    assert add(client, BUS)["unchanged"] == 1
    assert add(client, BUS | {"title": "버스 요금 인상"})["updated"] == 1
    assert client.get("/v1/articles/news/bus-1").json()["title"] == "버스 요금 인상"


def test_what_can_not_be_taken_is_named_by_position(client: TestClient) -> None:
    told = add(client, BUS, {"id": "empty", "body": " \n "})
    assert (told["added"], told["quarantined"]) == (1, 1)
    [rejected] = told["rejected"]
    assert rejected["position"] == 1
    assert rejected["reason"]


def test_a_removed_article_is_gone_at_once(client: TestClient) -> None:
    add(client, BUS, BUS | {"id": "news/other", "body": "다른 소식이다. 공원이 새로 열렸다."})
    assert client.delete("/v1/articles/news/bus-1").status_code == 204
    assert client.get("/v1/articles/news/bus-1").status_code == 404
    assert client.delete("/v1/articles/news/bus-1").status_code == 404
    found = client.post("/v1/search", json={"question": "시내버스 요금"}).json()["hits"]
    assert "news/bus-1" not in {hit["article"]["id"] for hit in found}


def test_an_id_that_two_sources_share_needs_its_source(client: TestClient) -> None:
    bodies = {"해담일보": "새 요금은 4월 1일부터 받는다.", "동람경제": "조선소가 새 도크를 짓는다."}
    add(client, *(BUS | {"id": "1/2", "press": p, "body": b} for p, b in bodies.items()))
    for method in ("GET", "DELETE"):
        reply = client.request(method, "/v1/articles/1/2")
        assert (reply.status_code, reply.json()["code"]) == (409, "article_ambiguous")
    for press, body in bodies.items():
        for path in (f"{press}/1/2", f"{press}%2F1%2F2"):
            assert client.get(f"/v1/articles/{path}").json()["body"] == body
    assert client.delete("/v1/articles/해담일보/1/2").status_code == 204
    assert client.get("/v1/articles/해담일보/1/2").status_code == 404
    assert client.get("/v1/articles/1/2").json()["press"] == "동람경제"
    assert client.delete("/v1/articles/1/2").status_code == 204


def test_a_second_writer_is_asked_to_come_back(
    client: TestClient, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine != "local":
        pytest.skip("the reference engine is not locked")
    add(client, BUS)
    monkeypatch.setattr("service.api.articles.WAIT_S", 0)
    writer = open_writer(tmp_path / "index")
    try:
        reply = client.delete("/v1/articles/news/bus-1")
    finally:
        writer.close()
    assert reply.status_code == 409
    assert reply.json()["code"] == "index_busy"
    assert int(reply.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"articles": []}, "articles"),
        ({"articles": [{"id": "a"}]}, "articles.0.body"),
        ({"articles": [BUS | {"colour": "red"}]}, "articles.0.colour"),
        ({"articles": [BUS | {"id": ""}]}, "articles.0.id"),
    ],
)
def test_mistakes_are_named_by_field(client: TestClient, body: Any, field: str) -> None:
    reply = client.post("/v1/articles", json=body)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == field
