"""Adding articles again and again: what is new is embedded, the rest is left alone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from small_index import ARTICLES, LIBRARY, TRAM, analyser

from index import Article, BuildSummary, EmbedderMismatch, build_index, open_index
from index.build import QUARANTINE_FILE
from index.protocols import Span, Vectors


class CountingEmbedder(HashEmbedder):
    def __init__(self, *, fail_after: int | None = None, dimension: int = 64) -> None:
        super().__init__(dimension)
        self.embedded: list[str] = []
        self._fail_after = fail_after

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        if self._fail_after is not None and len(self.embedded) >= self._fail_after:
            raise KeyboardInterrupt
        self.embedded += texts
        return super().embed_passages_and_spans(texts, spans)


def add(path: Path, *sources: Article | Path, embedder: HashEmbedder | None = None) -> BuildSummary:
    return build_index(sources, path, embedder=embedder or HashEmbedder(), analyser=analyser())


def counts(summary: BuildSummary) -> tuple[int, int, int, int]:
    return summary.read, summary.added, summary.updated, summary.unchanged


def test_the_second_run_does_nothing(tmp_path: Path) -> None:
    assert counts(add(tmp_path, *ARTICLES)) == (3, 3, 0, 0)
    embedder = CountingEmbedder()
    summary = add(tmp_path, *ARTICLES, embedder=embedder)
    assert counts(summary) == (3, 0, 0, 3)
    assert summary.generation == 1
    assert embedder.embedded == []


def test_a_changed_article_replaces_the_older_version(tmp_path: Path) -> None:
    add(tmp_path, *ARTICLES)
    corrected = replace(TRAM, body=TRAM.body.replace("4,820억", "5,130억"))
    embedder = CountingEmbedder()
    assert counts(add(tmp_path, corrected, LIBRARY, embedder=embedder)) == (2, 0, 1, 1)
    assert all("4,820" not in text for text in embedder.embedded)
    with open_index(tmp_path, embedder=HashEmbedder()) as index:
        texts = [hit.passage.text for hit in index.search("트램 총사업비", k=10, per_story=5)]
        assert any("5,130억" in text for text in texts)
        assert not any("4,820억" in text for text in texts)
        assert index.article(TRAM.id) == corrected


def test_changed_metadata_is_a_change(tmp_path: Path) -> None:
    add(tmp_path, TRAM)
    assert counts(add(tmp_path, replace(TRAM, section="사회"))) == (1, 0, 1, 0)


def test_an_interrupted_run_resumes(tmp_path: Path) -> None:
    articles = [replace(LIBRARY, id=f"a{n}", title=f"도서관 {n}") for n in range(150)]
    first = CountingEmbedder(fail_after=64)
    with pytest.raises(KeyboardInterrupt):
        add(tmp_path, *articles, embedder=first)
    second = CountingEmbedder()
    assert counts(add(tmp_path, *articles, embedder=second)) == (150, 86, 0, 64)
    assert len(second.embedded) == 86
    with open_index(tmp_path, embedder=HashEmbedder()) as index:
        assert index.info().articles == 150


def test_another_embedder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    add(tmp_path, *ARTICLES)
    with pytest.raises(EmbedderMismatch):
        add(tmp_path, tmp_path / "missing.jsonl", embedder=HashEmbedder(dimension=8))


def test_bad_records_are_quarantined_and_the_rest_goes_in(tmp_path: Path) -> None:
    source = tmp_path / "articles.jsonl"
    good = {"id": "a", "title": "축제", "body": "해담바다축제가 열렸다. 관객이 늘었다."}
    source.write_text(json.dumps(good) + '\n{"id": "b", "title": "빈 기사"}\n{broken\n', "utf-8")
    summary = add(tmp_path / "index", source)
    assert counts(summary) == (3, 1, 0, 0)
    assert summary.quarantined == 2
    lines = (tmp_path / "index" / QUARANTINE_FILE).read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["line"] for record in records] == [2, 3]
    assert all(record["reason"] and record["path"] == str(source) for record in records)


def test_progress_is_told_after_every_batch(tmp_path: Path) -> None:
    seen: list[int] = []
    articles = [replace(LIBRARY, id=f"a{n}") for n in range(70)]
    build_index(
        articles,
        tmp_path,
        embedder=HashEmbedder(),
        analyser=analyser(),
        progress=lambda summary: seen.append(summary.read),
    )
    assert seen == [64, 70]


def test_progress_knows_how_much_of_the_input_is_read(tmp_path: Path) -> None:
    record = {"title": "축제", "body": "해담바다축제가 열렸다. 관객이 늘었다. " * 200}
    lines = [json.dumps(record | {"id": str(n)}) for n in range(200)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "in" / "b.txt").write_text("축제 폐막\n" + record["body"], "utf-8")
    (tmp_path / "in" / "ignored.png").write_bytes(bytes(9_000_000))
    with zipfile.ZipFile(tmp_path / "in" / "c.zip", "w") as archive:
        archive.writestr("d.jsonl", lines[0])
    shares: list[float | None] = []
    build_index(
        [tmp_path / "in"],
        tmp_path / "index",
        embedder=HashEmbedder(),
        analyser=analyser(),
        progress=lambda summary: shares.append(summary.share),
    )
    assert len(shares) == 4
    known = [share for share in shares if share is not None]
    assert known == sorted(known)
    assert 0.2 < known[0] < 0.6 < known[2] < known[3] == pytest.approx(1, abs=0.01)


def test_progress_of_articles_in_memory_has_no_share(tmp_path: Path) -> None:
    assert add(tmp_path, *ARTICLES).share is None
