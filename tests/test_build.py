"""Adding articles again and again: what is new is embedded, the rest is left alone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from small_index import ARTICLES, LIBRARY, TRAM, UNDATED, Corpus, analyser

from index import (
    Article,
    BuildSummary,
    ChunkSettings,
    EmbedderMismatch,
    SourceUnreadable,
    build_index,
)
from index.build import ingest
from index.library import QUARANTINE_FILE
from index.preparation import Batch, Preparation, Threads
from index.protocols import IndexedArticle, Span, Vectors


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


@pytest.fixture
def corpus(engine: str, tmp_path: Path) -> Corpus:
    return Corpus(engine, tmp_path / "index")


def counts(summary: BuildSummary) -> tuple[int, int, int, int]:
    return summary.read, summary.added, summary.updated, summary.unchanged


def test_the_second_run_does_nothing(corpus: Corpus) -> None:
    assert counts(corpus.add(*ARTICLES)) == (3, 3, 0, 0)
    embedder = CountingEmbedder()
    summary = corpus.add(*ARTICLES, embedder=embedder)
    assert counts(summary) == (3, 0, 0, 3)
    assert summary.generation == 1
    assert embedder.embedded == []


def test_a_changed_article_replaces_the_older_version(corpus: Corpus) -> None:
    corpus.add(*ARTICLES)
    corrected = replace(TRAM, body=TRAM.body.replace("4,820억", "5,130억"))
    embedder = CountingEmbedder()
    assert counts(corpus.add(corrected, LIBRARY, embedder=embedder)) == (2, 0, 1, 1)
    assert all("4,820" not in text for text in embedder.embedded)
    with corpus.open() as index:
        texts = [hit.passage.text for hit in index.search("트램 총사업비", k=10, per_story=5)]
        assert any("5,130억" in text for text in texts)
        assert not any("4,820억" in text for text in texts)
        assert index.article(TRAM.id) == replace(corrected, source=corrected.press or "")


def test_changed_metadata_is_a_change(corpus: Corpus) -> None:
    corpus.add(TRAM)
    assert counts(corpus.add(replace(TRAM, section="사회"))) == (1, 0, 1, 0)


LONG = replace(
    LIBRARY, id="long", body=" ".join(f"{n}번째 책장을 도서관이 새로 들였다." for n in range(60))
)


def test_other_chunk_settings_cut_known_articles_anew(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    first = corpus.add(LONG, UNDATED)
    embedder = CountingEmbedder()
    small = ChunkSettings(target_chars=200)
    again = corpus.add(LONG, UNDATED, embedder=embedder, chunking=small)
    assert counts(again) == (2, 0, 2, 0)
    assert "cut anew" in caplog.text
    assert again.passages > first.passages
    # The short article is one passage as before, and keeps its vectors.
    assert len(embedder.embedded) == again.passages - 1
    assert UNDATED.body not in embedder.embedded
    assert counts(corpus.add(LONG, UNDATED, chunking=small)) == (2, 0, 0, 2)
    with corpus.open() as index:
        passages = index.search("책장", k=1, per_story=99)
        assert len(passages) == again.passages - 1
        assert all(len(hit.passage.text) < 330 for hit in passages)  # the last joined by a tail


def test_vectors_are_computed_anew_only_where_passages_changed(corpus: Corpus) -> None:
    corpus.add(LONG)
    changed = replace(LONG, body=LONG.body.replace("59번째", "마지막"))
    embedder, fresh = CountingEmbedder(), CountingEmbedder()
    corpus.add(changed, embedder=embedder)
    assert len(embedder.embedded) == 1
    with closing(corpus.writer()) as writer:
        (key,) = writer.keys([LONG.id])[LONG.id]
        kept = writer.stored([key], vectors=True)[key].vectors
        (anew,) = Preparation(fresh, analyser(), ChunkSettings())(Batch([changed], {}))
    assert kept is not None
    assert anew.sentence_vectors is not None
    assert kept.vectors == pytest.approx(anew.vectors, abs=1e-3)
    assert kept.sentence_vectors == pytest.approx(anew.sentence_vectors, abs=1e-3)


def test_an_article_left_with_other_settings_is_told(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    corpus.add(LONG, UNDATED)
    corpus.add(LONG, chunking=ChunkSettings(target_chars=300))
    assert "1 articles are prepared with other settings: gisa index rebuild" in caplog.text


def test_an_interrupted_run_resumes(corpus: Corpus) -> None:
    articles = [replace(LIBRARY, id=f"a{n}", title=f"도서관 {n}") for n in range(150)]
    first = CountingEmbedder(fail_after=64)
    with pytest.raises(KeyboardInterrupt):
        corpus.add(*articles, embedder=first)
    second = CountingEmbedder()
    assert counts(corpus.add(*articles, embedder=second)) == (150, 86, 0, 64)
    assert len(second.embedded) == 86
    with corpus.open() as index:
        assert index.info().articles == 150


def test_copies_are_counted_as_they_stand_at_the_end(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.build.BATCH_ARTICLES", 2)
    copies = [replace(LONG, id=f"copy{n}", body=LONG.body[: -n * 20 - 1]) for n in range(3, 0, -1)]
    assert corpus.add(*copies, LIBRARY, LONG).duplicates == 3  # the last and longest leads
    assert corpus.add(LONG).duplicates == 0
    assert corpus.add(replace(copies[0], section="사회")).duplicates == 1


def test_reading_ahead_counts_what_is_under_way_as_stored(corpus: Corpus) -> None:
    first = [replace(LIBRARY, id=f"a{n}") for n in range(64)]
    again = [*first[:32], *(replace(one, section="사회") for one in first[32:])]
    prepare, seen = Preparation(HashEmbedder(), analyser(), ChunkSettings()), list[int]()

    class ReadingAhead(Threads):
        def prepare_all(self, batches: Iterator[Batch]) -> Iterator[Sequence[IndexedArticle]]:
            return super().prepare_all(iter(list(batches)))

    with closing(corpus.writer()) as writer:
        summary = ingest(
            [*first, *again],
            writer,
            embedder=HashEmbedder(),
            analyser=analyser(),
            progress=lambda told: seen.append(told.read),
            workers=ReadingAhead(prepare),
        )
        (key,) = writer.keys(["a63"])["a63"]
        assert writer.stored([key])[key].article.section == "사회"
    assert counts(summary) == (128, 64, 32, 32)
    assert seen == [64, 128]


def test_what_was_read_before_the_input_fails_is_kept(corpus: Corpus) -> None:
    def failing() -> Iterator[Article]:
        yield from (replace(LIBRARY, id=f"a{n}") for n in range(130))
        raise SourceUnreadable("the wire broke")

    with closing(corpus.writer()) as writer:
        with pytest.raises(SourceUnreadable):
            ingest(failing(), writer, embedder=HashEmbedder(), analyser=analyser())
        assert len(writer.keys([f"a{n}" for n in range(130)])) == 128  # whole batches of 64


def test_another_embedder_is_refused_before_anything_is_read(
    corpus: Corpus, tmp_path: Path
) -> None:
    corpus.add(*ARTICLES)
    with pytest.raises(EmbedderMismatch):
        corpus.add(tmp_path / "missing.jsonl", embedder=HashEmbedder(dimension=8))


def test_bad_records_are_quarantined_and_the_rest_goes_in(corpus: Corpus, tmp_path: Path) -> None:
    source = bad_records(tmp_path)
    summary = corpus.add(source)
    assert counts(summary) == (3, 1, 0, 0)
    assert summary.quarantined == 2
    assert [item.line for item in corpus.quarantined] == [2, 3]


def bad_records(folder: Path) -> Path:
    source = folder / "articles.jsonl"
    good = {"id": "a", "title": "축제", "body": "해담바다축제가 열렸다. 관객이 늘었다."}
    source.write_text(json.dumps(good) + '\n{"id": "b", "title": "빈 기사"}\n{broken\n', "utf-8")
    return source


def test_the_quarantine_of_a_folder_is_a_file(tmp_path: Path) -> None:
    source = bad_records(tmp_path)
    build_index([source], tmp_path / "index", embedder=HashEmbedder(), analyser=analyser())
    lines = (tmp_path / "index" / QUARANTINE_FILE).read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["line"] for record in records] == [2, 3]
    assert all(record["reason"] and record["path"] == str(source) for record in records)


def test_progress_is_told_after_every_batch(corpus: Corpus) -> None:
    seen: list[int] = []
    articles = [replace(LIBRARY, id=f"a{n}") for n in range(70)]
    corpus.add(*articles, progress=lambda summary: seen.append(summary.read))
    assert seen == [64, 70]


def test_progress_knows_how_much_of_the_input_is_read(tmp_path: Path) -> None:
    record = {"title": "축제", "body": "해담바다축제가 열렸다. 관객이 늘었다. " * 60}
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
    assert Corpus("memory", tmp_path).add(*ARTICLES).share is None
