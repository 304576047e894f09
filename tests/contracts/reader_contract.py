"""What every ArticleReader does. Implementers supply ``kind``, ``good`` and ``broken``."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from index import Article, MalformedArticle
from index.protocols import ArticleReader
from index.readers import READERS, ReadOptions, finished, pieces, read
from index.readers.files import Source
from index.wire import pack, unpack

ARTICLE = (
    "해담시가 시내버스 요금을 150원 올린다고 18일 밝혔다. 교통카드 기준 성인 요금은 1,600원이 된다.\n\n"
    "시는 “버스 회사의 적자를 더 버틸 수 없다”고 설명했다. 청소년 요금은 1,050원으로 묶는다."
)
"""A body that no reader may change."""


def told(item: Article | MalformedArticle) -> object:
    """What can be compared: errors are equal to nothing."""
    return str(item) if isinstance(item, MalformedArticle) else item


class ReaderContract:
    """``good``: a source of two articles, or of one where the kind holds no more (``articles``).

    ``broken``: a source of which at least one article can't be made.
    """

    kind: str
    articles: int = 1

    def good(self) -> bytes:
        raise NotImplementedError

    def broken(self) -> bytes:
        raise NotImplementedError

    def reader(self, data: bytes, **options: object) -> ArticleReader:
        settings = ReadOptions(**options)  # type: ignore[arg-type]
        source = Source(
            f"source{self.kind}",
            self.kind,
            lambda: io.BufferedReader(io.BytesIO(data)),
            settings.max_file_bytes,
        )
        return READERS[self.kind](source, settings)

    def test_yields_cleaned_articles(self) -> None:
        articles = list(self.reader(self.good()).read())
        assert len(articles) == self.articles
        for article in articles:
            assert isinstance(article, Article)
            assert article.body == ARTICLE
            assert article.title
            assert unicodedata.is_normalized("NFC", article.title)

    def test_gives_the_same_again(self) -> None:
        assert list(self.reader(self.good()).read()) == list(self.reader(self.good()).read())

    def test_reports_what_is_broken_and_goes_on(self) -> None:
        items = list(self.reader(self.broken()).read())
        malformed = [item for item in items if isinstance(item, MalformedArticle)]
        assert malformed
        assert all(item.path == f"source{self.kind}" and item.reason for item in malformed)

    @pytest.mark.parametrize("cut", [0.1, 0.35, 0.6, 0.9])
    def test_a_truncated_source_raises_nothing_but_reports(
        self, cut: float, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        good = self.good()
        for item in self.through_front_door(good[: int(len(good) * cut)], tmp_path_factory):
            assert isinstance(item, Article | MalformedArticle)

    @pytest.mark.parametrize(
        "data", [b"", b" \n\n ", b"\x00" * 500, bytes(range(256)) * 12, b"\xff\xfe\x00"]
    )
    def test_no_source_at_all_is_one_report(
        self, data: bytes, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        items = self.through_front_door(data, tmp_path_factory)
        assert items
        assert all(isinstance(item, MalformedArticle) for item in items)

    @pytest.mark.parametrize("whole_bytes", [0, 1 << 20], ids=["records", "files"])
    @pytest.mark.parametrize("kind_of_input", ["good", "broken"])
    def test_what_travels_raw_is_finished_the_same(
        self,
        kind_of_input: str,
        whole_bytes: int,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pytest.importorskip("msgpack", reason="the extra 'ray' is not installed")
        monkeypatch.setattr("index.readers.RAW_FILE_BYTES", whole_bytes)
        path, options = tmp_path / f"source{self.kind}", ReadOptions()
        path.write_bytes(getattr(self, kind_of_input)())
        sent = map(pack, pieces(path, replace(options, raw=True)))
        found = [one.item for data in sent for one in finished(unpack(data), options)]
        assert list(map(told, found)) == list(map(told, read(path)))

    def through_front_door(
        self, data: bytes, folders: pytest.TempPathFactory
    ) -> list[Article | MalformedArticle]:
        path = folders.mktemp("source") / f"source{self.kind}"
        path.write_bytes(data)
        return list(read(path))
