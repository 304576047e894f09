"""Ids of articles: unique within their source, and given back as they came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from small_index import analyser

from index import (
    ArticleAmbiguous,
    MalformedArticle,
    build_index,
    open_index,
    read_articles,
    remove_articles,
)
from index.documents import ArticleHeader
from index.readers import read

EMBEDDER = HashEmbedder(16)


def write(path: Path, *records: dict[str, object]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in records), "utf-8")
    return path


def told(id: object, number: int, press: str | None = None) -> dict[str, object]:
    body = f"강마을 {number}번 다리를 고치는 데 {number}억 원이 든다."
    return {"id": id, "title": f"다리 {number}", "body": body} | ({"press": press} if press else {})


def test_two_sources_with_the_same_ids_keep_their_articles(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", told(1, 11, "강마을신문"))
    two = write(tmp_path / "two.jsonl", told(1, 22, "들녘일보"))
    index = tmp_path / "index"
    summary = build_index([one, two], index, embedder=EMBEDDER, analyser=analyser())
    assert (summary.added, summary.quarantined) == (2, 0)
    with open_index(index, embedder=EMBEDDER) as opened:
        assert opened.article("강마을신문/1").title == "다리 11"  # type: ignore[union-attr]
        assert opened.article("들녘일보/1").id == "1"  # type: ignore[union-attr]
        with pytest.raises(ArticleAmbiguous, match="강마을신문/1, 들녘일보/1"):
            opened.article("1")
    with pytest.raises(ArticleAmbiguous):
        remove_articles(index, ["1"])
    assert remove_articles(index, ["들녘일보/1"])[0] == ["들녘일보/1"]
    with open_index(index, embedder=EMBEDDER) as opened:
        assert opened.article("1").press == "강마을신문"  # type: ignore[union-attr]
    write(one, told(1, 33, "강마을신문"))
    again = build_index([one], index, embedder=EMBEDDER, analyser=analyser())
    assert (again.added, again.updated) == (0, 1)


def test_a_collision_within_a_source_names_both_places(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", told("a", 1, "강마을신문"))
    two = write(tmp_path / "two.jsonl", told("b", 2, "강마을신문"), told("a", 3, "강마을신문"))
    summary = build_index([one, two], tmp_path / "i", embedder=EMBEDDER, analyser=analyser())
    (rejected,) = summary.rejected
    assert (rejected.path, rejected.line) == (str(two), 2)
    assert f"{one}:1" in rejected.reason


def test_files_without_an_outlet_are_sources_themselves(tmp_path: Path) -> None:
    files = [write(tmp_path / name, told(7, n)) for n, name in enumerate(["a.jsonl", "b.jsonl"])]
    articles = [article for file in files for article in read_articles(file)]
    assert [(a.source, a.id) for a in articles] == [("a.jsonl", "7"), ("b.jsonl", "7")]


def test_an_id_comes_back_verbatim(tmp_path: Path) -> None:
    given = " 강  1/2 #3 "
    (article,) = read_articles(write(tmp_path / "a.jsonl", told(given, 1, "강마을신문")))
    assert article.id == given


@pytest.mark.parametrize("id_", ["a\x00b", "a\x1fb", "a\rb", "\x90"])
def test_an_id_with_control_characters_is_refused_with_its_reason(tmp_path: Path, id_: str) -> None:
    line = json.dumps({"id": id_, "title": "축제", "body": "해담바다축제가 열렸다. 관객이 늘었다."})
    (tmp_path / "a.jsonl").write_text(line, "utf-8")
    (malformed,) = read(tmp_path / "a.jsonl")
    assert isinstance(malformed, MalformedArticle)
    assert "control characters" in malformed.reason
    with pytest.raises(ValueError, match="control characters"):
        ArticleHeader(id=id_, title="축제")
