"""Invariants of the values that travel through the index."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime

import pytest

from index import SEOUL, Article, Filters, Hit, Passage, to_json


def article(**fields: object) -> Article:
    return Article(**{"id": "a", "title": "제목", "body": "본문이다.", **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "needs an id"),
        ({"body": " \n "}, "has no body"),
        ({"body": unicodedata.normalize("NFD", "본문")}, "not NFC"),
        ({"published_at": datetime(2026, 3, 1)}, "no time zone"),  # noqa: DTZ001
    ],
)
def test_articles_refuse(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        article(**fields)


def test_the_day_of_publication_is_that_of_seoul() -> None:
    late = article(published_at=datetime(2026, 3, 1, 15, 30, tzinfo=UTC))
    assert late.published_on == date(2026, 3, 2)
    assert article().published_on is None


def test_the_header_is_the_article_without_its_body() -> None:
    whole = article(press="해담일보", tags=("트램",))
    assert not hasattr(whole.header, "body")
    assert article(**vars(whole.header)) == whole


@pytest.mark.parametrize(("start", "end"), [(0, 3), (-1, 1), (2, 2), (3, 2)])
def test_passages_fit_their_offsets(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Passage("a", 0, "본문", start, end)


def test_filters_refuse_a_range_that_ends_before_it_starts() -> None:
    with pytest.raises(ValueError, match="lies after"):
        Filters(published_from=date(2026, 3, 2), published_to=date(2026, 3, 1))
    assert not Filters()
    assert Filters(press=("해담일보",))


def test_ranks_start_at_one() -> None:
    passage = Passage("a", 0, "본문", 0, 2)
    with pytest.raises(ValueError, match="ranks start at 1"):
        Hit(rank=0, passage=passage, article=article().header, score=0, dense=0)


def test_json_of_an_article_is_plain() -> None:
    moment = datetime(2026, 3, 1, 9, 0, tzinfo=SEOUL)
    plain = to_json(article(published_at=moment, reporters=("진유채",)))
    assert plain["published_at"] == "2026-03-01T09:00:00+09:00"
    assert plain["reporters"] == ["진유채"]
