"""Collected citations in the forms of other programs, by API and in Slack's words."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from small_citation import citation
from small_index import LIBRARY, TRAM, UNDATED

from service import create_app
from service.answer import Answerer
from service.exports import Form, export
from service.schema import Citation, Quote
from service.settings import load_settings

FORMS: tuple[Form, ...] = get_args(Form)
ROUTE = "/v1/citations/export"
WORDS = "총사업비는 4,820억 원으로 국비와 도비, 시비로 나눠 부담한다."


def cited(**fields: Any) -> Citation:
    words = fields.pop("quote", "요금은 1,400원이다.")
    quotes = (Quote(text=words, start=0, end=len(words)),)
    return citation(quote=words, start=0, end=len(words), quotes=quotes, **fields)


# -- forms -----------------------------------------------------------------------------------------


def test_plain_text_has_the_words_and_where_they_stand() -> None:
    text = export(
        [cited(title="트램 요금", press="해담일보", reporters=("여운찬",), page=3)], "text"
    ).text
    assert text.startswith("“요금은 1,400원이다.”\n— 트램 요금, 해담일보, ")
    assert "여운찬 기자" in text
    assert "3쪽" in text


def test_markdown_shows_signs_as_they_are() -> None:
    [quote, _, source] = (
        export(
            [
                cited(
                    title="[속보] *요금* 인상", quote="`값` <b>#1</b>", url="https://a.example/x)y"
                )
            ],
            "markdown",
        )
        .text.strip()
        .splitlines()
    )
    assert quote == "> “\\`값\\` \\<b\\>\\#1\\</b\\>”"
    assert "[\\[속보\\] \\*요금\\* 인상](<https://a.example/x)y>)" in source


def test_bibtex_has_an_article_once_with_all_its_words() -> None:
    two = [
        cited(title="50% 인상 & {그림_1}", reporters=("여운찬", "문가람"), quote="첫째다."),
        cited(title="50% 인상 & {그림_1}", reporters=("여운찬", "문가람"), quote="둘째다."),
    ]
    text = export(two, "bibtex").text
    assert len(re.findall(r"^@article\{news\d{8}-1,$", text, re.MULTILINE)) == 1
    assert r"title = {{50\% 인상 \& \{그림\_1\}}}," in text
    assert "author = {{여운찬} and {문가람}}," in text
    assert "note = {“첫째다.” “둘째다.”}," in text


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_braces_of_bibtex_balance_whatever_the_words(texts: list[str]) -> None:
    text = export([cited(title=t, quote=t, press=t, reporters=(t,)) for t in texts], "bibtex").text
    depth = 0
    for sign in re.sub(r"\\[{}%&$#_]", "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0


def test_csl_json_describes_an_article_of_a_newspaper() -> None:
    late = datetime(2026, 3, 1, 20, tzinfo=UTC)  # already the 2nd in Seoul
    [work] = json.loads(
        export(
            [cited(title="요금", press="해담일보", reporters=("여운찬",), published_at=late)],
            "csl-json",
        ).text
    )
    assert work["type"] == "article-newspaper"
    assert work["container-title"] == "해담일보"
    assert work["author"] == [{"literal": "여운찬"}]
    assert work["issued"] == {"date-parts": [[2026, 3, 2]]}
    assert work["note"] == "“요금은 1,400원이다.”"


def test_what_is_not_known_is_left_out() -> None:
    [work] = json.loads(
        export([cited(press=None, published_at=None, reporters=(), url=None)], "csl-json").text
    )
    assert set(work) == {"id", "type", "title", "language", "note"}
    assert "year" not in export([cited(published_at=None)], "bibtex").text


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_csv_gives_the_words_back_and_no_formula(words: list[str]) -> None:
    text = export([cited(title=w, quote=w) for w in words], "csv").text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == len(words)
    for row, title in zip(rows, words, strict=True):
        assert row["title"] in (title, f"'{title}")
        assert not re.match(r"\s*[=+\-@]", row["title"])


def test_an_address_that_is_none_of_the_web_is_left_out() -> None:
    for form in FORMS:
        assert "javascript" not in export([cited(url="javascript:alert(1)")], form).text


# -- the route ---------------------------------------------------------------------------------------


@pytest.fixture
def http(answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.chdir(tmp_path)
    return TestClient(create_app(load_settings(), answerer=answerer))


def place(words: str = WORDS, article: str = TRAM.id, **more: Any) -> dict[str, Any]:
    start = TRAM.body.index(words)
    return {"article": article, "start": start, "end": start + len(words), **more}


@pytest.mark.parametrize("form", FORMS)
def test_words_and_facts_are_the_archives(http: TestClient, form: Form) -> None:
    reply = http.post(ROUTE, json={"format": form, "citations": [place()]})
    assert reply.status_code == 200
    file = reply.json()
    assert file["missing"] == []
    assert file["filename"].startswith("citations.")
    for told in (WORDS, TRAM.title, "해담일보"):
        assert told in file["text"]


def test_every_citation_of_an_answer_can_be_exported(http: TestClient) -> None:
    answer = http.post("/v1/ask", json={"question": "트램 1호선 총사업비는 얼마인가요?"}).json()
    places = [
        {
            "article": f"{c['source']}/{c['article_id']}" if c["source"] else c["article_id"],
            "start": c["start"],
            "end": c["end"],
            "quote": c["quote"],
        }
        for c in answer["citations"]
    ]
    file = http.post(ROUTE, json={"format": "text", "citations": places}).json()
    assert file["missing"] == []
    assert file["text"].count("“") == len(places)


def test_words_that_moved_are_found_and_lost_ones_are_missing(http: TestClient) -> None:
    moved = place() | {"start": 0, "end": len(WORDS), "quote": WORDS}
    lost = {"article": LIBRARY.id, "start": 0, "end": 3, "quote": "없는말"}
    gone = {"article": "no such", "start": 0, "end": 3}
    beyond = {"article": UNDATED.id, "start": 0, "end": 10_000}
    body = {"format": "text", "citations": [moved, lost, gone, beyond]}
    file = http.post(ROUTE, json=body).json()
    assert WORDS in file["text"]
    assert file["missing"] == [LIBRARY.id, "no such", UNDATED.id]


@pytest.mark.parametrize(
    "body",
    [
        {"format": "pdf", "citations": [{"article": "a", "start": 0, "end": 1}]},
        {"format": "text", "citations": []},
        {"format": "text", "citations": [{"article": "a", "start": -1, "end": 1}]},
        {"format": "text", "citations": [{"article": "", "start": 0, "end": 1}]},
        {"format": "text", "citations": [{"article": "a", "start": 0, "end": 1}] * 501},
        {"format": "text"},
    ],
)
def test_bad_requests_are_refused(http: TestClient, body: dict[str, Any]) -> None:
    assert http.post(ROUTE, json=body).status_code == 422
