"""What the archive holds, as the API tells it, and the histogram of its days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import Corpus, build, open_answerer

from index import Article, Tally
from service import create_app
from service.answer import Answerer
from service.archive import MOST_BUCKETS, MOST_NAMES, archive_of, histogram
from service.settings import load_settings


@pytest.fixture
def client(answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.chdir(tmp_path)
    return TestClient(create_app(load_settings(), answerer=answerer))


# -- the histogram


@settings(deadline=None)
@given(st.dictionaries(st.dates(), st.integers(1, 9), max_size=40))
def test_buckets_cover_every_article_once(days: dict[date, int]) -> None:
    found = histogram(days)
    buckets = found.buckets
    assert len(buckets) <= MOST_BUCKETS
    assert sum(bucket.articles for bucket in buckets) == sum(days.values())
    assert all(one.end + timedelta(1) == other.start for one, other in pairwise(buckets))
    for bucket in buckets:
        inside = sum(n for day, n in days.items() if bucket.start <= day <= bucket.end)
        assert bucket.articles == inside
    if days:
        assert buckets[0].articles > 0
        assert buckets[-1].articles > 0


@settings(deadline=None)
@given(st.dates(date(1950, 1, 1), date(2050, 1, 1)), st.integers(0, 20_000))
def test_units_are_whole(first: date, span: int) -> None:
    found = histogram({first: 1, first + timedelta(span): 1})
    for bucket in found.buckets:
        match found.unit:
            case "day":
                assert bucket.start == bucket.end
            case "week":
                assert (bucket.start.weekday(), (bucket.end - bucket.start).days) == (0, 6)
            case "month":
                assert bucket.start.day == (bucket.end + timedelta(1)).day == 1
            case "year":
                assert bucket.start.timetuple().tm_yday == 1


@pytest.mark.parametrize(
    ("span", "unit", "buckets"),
    [(0, "day", 1), (61, "day", 62), (62, "week", 10), (700, "month", 24), (3_000, "year", 9)],
)
def test_the_unit_follows_from_the_span(span: int, unit: str, buckets: int) -> None:
    first = date(2020, 1, 1)
    found = histogram({first: 1, first + timedelta(span): 1})
    assert (found.unit, len(found.buckets)) == (unit, buckets)


def test_the_ends_of_the_calendar_have_buckets() -> None:
    whole = histogram({date.min: 1, date.max: 1})
    assert (whole.buckets[0].start, whole.buckets[-1].end) == (date.min, date.max)
    last_weeks = histogram({date.max - timedelta(100): 1, date.max: 1})
    assert last_weeks.buckets[-1].end == date.max


# -- the archive


def test_a_section_counts_for_those_above_it() -> None:
    told = archive_of(Tally(3, 7, 9, {}, {}, {"경제>반도체": 2, "경제": 1, "정치": 2}))
    assert [(one.name, one.articles) for one in told.sections] == [
        ("경제", 3),
        ("경제>반도체", 2),
        ("정치", 2),
    ]
    assert (told.undated, told.days.buckets, told.published_from) == (7, (), None)


def test_lists_of_names_are_bounded() -> None:
    many = {f"신문 {n:03}": n + 1 for n in range(MOST_NAMES + 5)}
    told = archive_of(Tally(presses=many)).presses
    assert len(told) == MOST_NAMES
    assert told[0].articles == MOST_NAMES + 5


def test_the_archive_is_told(client: TestClient) -> None:
    told = client.get("/v1/archive").json()
    assert (told["articles"], told["undated"], told["generation"]) == (3, 1, 1)
    assert (told["published_from"], told["published_to"]) == ("2025-05-14", "2026-03-02")
    assert told["presses"] == [
        {"name": "동람경제", "articles": 1},
        {"name": "해담일보", "articles": 1},
    ]
    assert told["days"]["unit"] == "week"
    assert sum(bucket["articles"] for bucket in told["days"]["buckets"]) == 2
    assert {"from", "to", "articles"} == set(told["days"]["buckets"][0])
    assert client.get("/v1/archive").json() == told


def test_filters_narrow_what_is_told(client: TestClient) -> None:
    told = client.get("/v1/archive", params={"press": ["동람경제"], "published_from": "2026-01-01"})
    assert told.json()["articles"] == 1
    none = client.get("/v1/archive", params={"section": "없는 분야"}).json()
    assert (none["articles"], none["days"]["buckets"]) == (0, [])


@pytest.mark.parametrize(
    "query",
    [
        "published_from=내일",
        "published_from=2026-02-02&published_to=2026-01-01",
        "&".join(["press=a"] * 51),
    ],
)
def test_filters_that_make_no_sense_are_refused(client: TestClient, query: str) -> None:
    reply = client.get(f"/v1/archive?{query}")
    assert reply.status_code == 422
    assert reply.json()["code"] == "invalid_request"


@pytest.fixture
def one_article(tmp_path: Path) -> Iterator[Answerer]:
    build(tmp_path / "one", [Article(id="a", title="제목", body="다리를 고쳤다.")])
    answerer = open_answerer(tmp_path / "one")
    with answerer.index:
        yield answerer


def test_one_article_without_a_date_is_an_archive(one_article: Answerer) -> None:
    client = TestClient(create_app(load_settings(), answerer=one_article))
    told = client.get("/v1/archive").json()
    assert (told["articles"], told["undated"], told["presses"]) == (1, 1, [])
    assert client.get("/v1/examples").json() == {"examples": []}


def test_without_an_index_it_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    client = TestClient(create_app(load_settings(index=tmp_path / "none")))
    for path in ("/v1/archive", "/v1/examples"):
        assert client.get(path).status_code == 503


def test_what_is_published_later_is_told(tmp_path: Path) -> None:
    corpus = Corpus("memory", tmp_path)
    corpus.add(Article(id="a", title="제목", body="다리를 고쳤다."))
    with corpus.open() as index:
        first = index.tally()
        corpus.add(Article(id="b", title="제목", body="길을 새로 냈다."))
        assert (first.articles, index.tally().articles) == (1, 2)
