"""The archive as MCP tools, used by the SDK's own client: in process, over HTTP and over stdio."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from copy import copy
from dataclasses import replace
from pathlib import Path

import graded_answers
import httpx2
import pytest
import small_index
from graded_answers import QUOTED, TRUE, UNSURE, PatientJudge, graded_answerer
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from small_index import LIBRARY, TRAM

from service import create_app, mcp
from service.answer import Answerer
from service.generate.prompt import Prompt
from service.mcp.server import LEADS_ARE_NO_ANSWER, REWORDED_IS_NOT_JUDGED
from service.serving.keys import new_key
from service.settings import load_settings
from service.wording import REWORDED

QUESTION = "트램 1호선 총사업비는 얼마인가요?"
FORM = {"question": QUESTION, "press": TRAM.press, "section": "", "published_from": ""}
"""As models fill one in."""


def use(answerer: Answerer, story: Callable[[Client], Awaitable[None]]) -> None:
    """Let a client use the tools in this process."""
    app = create_app(load_settings(), answerer=answerer)

    async def run() -> None:
        async with Client(mcp.build(app.state.gateway)) as client:
            await story(client)

    asyncio.run(run())


def test_there_are_three_tools_that_only_read(answerer: Answerer) -> None:
    async def story(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == ["search_articles", "ask", "get_article"]
        for tool in listed:
            assert tool.description
            assert tool.output_schema
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint

    use(answerer, story)


def test_a_question_is_answered_with_citations(answerer: Answerer) -> None:
    async def story(client: Client) -> None:
        reply = await client.call_tool("ask", {"question": QUESTION})
        answer = reply.structured_content
        assert answer is not None
        assert answer["status"] == "answered"
        assert answer["caution"] is None
        assert answer["citations"][0]["quote"] in TRAM.body
        article = (
            await client.call_tool(
                "get_article", {"article_id": answer["citations"][0]["article_id"]}
            )
        ).structured_content
        assert article is not None
        assert article["body"] == TRAM.body

    use(answerer, story)


class Silent:
    """Finds no answer in anything."""

    name = "silent"

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        return
        yield


def test_leads_come_with_a_caution(answerer: Answerer) -> None:
    silent = copy(answerer)
    silent.backends, silent.default_backend = {"silent": Silent()}, "silent"

    async def story(client: Client) -> None:
        [ask] = [tool for tool in (await client.list_tools()).tools if tool.name == "ask"]
        assert "leads" in (ask.description or "")
        reply = await client.call_tool("ask", {"question": QUESTION})
        answer = reply.structured_content
        assert answer is not None
        assert (answer["status"], answer["sentences"]) == ("related", [])
        assert answer["citations"][0]["quote"] in TRAM.body
        assert answer["caution"] == LEADS_ARE_NO_ANSWER
        assert json.loads(reply.content[0].text)["caution"] == LEADS_ARE_NO_ANSWER  # type: ignore[union-attr]

    use(silent, story)


@pytest.mark.parametrize("is_strict", [False, True])
def test_other_words_come_with_a_mark_and_a_caution(answerer: Answerer, is_strict: bool) -> None:
    async def story(client: Client) -> None:
        assert f"({REWORDED})" in (client.instructions or "")
        reply = await client.call_tool("ask", {"question": graded_answers.QUESTION})
        answer = reply.structured_content
        assert answer is not None
        assert json.loads(reply.content[0].text) == answer  # type: ignore[union-attr]
        grades = {s["text"]: s["support"] for s in answer["sentences"]}
        supported = {QUOTED: "quoted", TRUE: "supported"}
        assert grades == supported | ({} if is_strict else {UNSURE: "reworded"})
        unsure = "" if is_strict else f" {UNSURE}[2] ({REWORDED})"
        assert answer["text"] == f"{QUOTED}[1] {TRUE}[1]{unsure}"
        assert answer["caution"] == (None if is_strict else REWORDED_IS_NOT_JUDGED)

    use(graded_answerer(answerer.index, PatientJudge(), is_strict=is_strict), story)


def test_articles_are_found_within_filters(answerer: Answerer) -> None:
    async def story(client: Client) -> None:
        arguments = {"query": "총사업비", "published_from": "2026-01-01", "limit": 5}
        reply = await client.call_tool("search_articles", arguments)
        assert reply.structured_content is not None
        assert [p["article_id"] for p in reply.structured_content["passages"]] == [LIBRARY.id]

    use(answerer, story)


@pytest.mark.parametrize("tool", ["search_articles", "ask"])
def test_one_name_is_a_list_and_an_empty_string_is_none(answerer: Answerer, tool: str) -> None:
    asked = {"query" if tool == "search_articles" else "question": QUESTION}

    async def found(client: Client, **arguments: object) -> list[tuple[str, str]]:
        reply = await client.call_tool(tool, {**asked, **arguments})
        assert not reply.is_error
        told = reply.structured_content or {}
        listed = told["passages"] if tool == "search_articles" else told["citations"]
        return [(one["article_id"], one["press"]) for one in listed]

    async def story(client: Client) -> None:
        anywhere = await found(client)
        listed = await found(client, press=[TRAM.press])
        assert {press for _, press in listed} == {TRAM.press}
        assert await found(client, press=TRAM.press) == listed
        assert await found(client, press=TRAM.press, section=TRAM.section) == listed
        assert await found(client, press=["", TRAM.press], section=[""]) == listed
        empty: dict[str, object] = {
            "published_from": "",
            "published_to": " ",
            "press": "",
            "section": "",
        }
        assert await found(client, **empty) == anywhere
        limit: dict[str, object] = {"limit": ""} if tool == "search_articles" else {}
        assert await found(client, press=[], section=[""], **limit) == anywhere

    use(answerer, story)


def test_the_schema_still_asks_for_lists_of_names(answerer: Answerer) -> None:
    async def story(client: Client) -> None:
        for tool in (await client.list_tools()).tools[:2]:
            press = tool.input_schema["properties"]["press"]
            assert [kind["type"] for kind in press["anyOf"]] == ["array", "null"]

    use(answerer, story)


def test_articles_of_one_id_are_told_apart_by_their_source(tmp_path: Path) -> None:
    small_index.build(tmp_path, (TRAM, replace(LIBRARY, id=TRAM.id)))
    answerer = small_index.open_answerer(tmp_path)

    async def story(client: Client) -> None:
        reply = await client.call_tool("get_article", {"article_id": TRAM.id})
        assert reply.is_error
        assert "출처/번호" in str(reply.content)
        reply = await client.call_tool("search_articles", {"query": "트램 도서관"})
        assert reply.structured_content is not None
        found = reply.structured_content["passages"]
        assert {p["article_id"] for p in found} == {TRAM.id}
        assert {p["source"] for p in found} == {TRAM.press, LIBRARY.press}
        for passage in found:
            name = f"{passage['source']}/{passage['article_id']}"
            article = (
                await client.call_tool("get_article", {"article_id": name})
            ).structured_content
            assert article is not None
            assert passage["passage"] in article["body"]

    with answerer.index:
        use(answerer, story)


def test_pages_and_excerpts_are_told(tmp_path: Path) -> None:
    second = TRAM.body.index("총사업비")
    small_index.build(tmp_path, (replace(TRAM, excerpt=True, pages=(0, second)), LIBRARY))
    answerer = small_index.open_answerer(tmp_path)

    async def story(client: Client) -> None:
        reply = await client.call_tool("search_articles", {"query": QUESTION})
        assert reply.structured_content is not None
        told = {
            p["article_id"]: (p["excerpt"], p["page"]) for p in reply.structured_content["passages"]
        }
        assert told == {TRAM.id: (True, 1), LIBRARY.id: (False, None)}
        answer = (await client.call_tool("ask", {"question": QUESTION})).structured_content
        assert answer is not None
        [cited] = [c for c in answer["citations"] if c["article_id"] == TRAM.id]
        assert (cited["excerpt"], cited["page"]) == (True, 1 if cited["start"] < second else 2)
        article = (
            await client.call_tool("get_article", {"article_id": TRAM.id})
        ).structured_content
        assert article is not None
        assert article["excerpt"] is True

    with answerer.index:
        use(answerer, story)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("ask", {"question": " "}, "비어"),
        ("ask", {"question": "?", "published_from": "3월"}, "published_from"),
        ("search_articles", {"query": "?", "limit": 99}, "limit"),
        ("search_articles", {"query": "?", "press": 3}, "press"),
        ("get_article", {"article_id": "none"}, "없습니다"),
    ],
)
def test_mistakes_are_told_to_the_model(
    answerer: Answerer, tool: str, arguments: dict[str, object], message: str
) -> None:
    async def story(client: Client) -> None:
        reply = await client.call_tool(tool, arguments)
        assert reply.is_error
        assert message in str(reply.content)

    use(answerer, story)


def test_over_http_with_a_key(
    answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key, entry = new_key("agent", "ask")
    app = create_app(load_settings(auth="keys", api_keys=entry), answerer=answerer)

    async def story() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=app),
                headers={"Authorization": f"Bearer {key}"},
            ) as http,
            Client(streamable_http_client("http://localhost:8000/mcp", http_client=http)) as client,
        ):
            reply = await client.call_tool("ask", FORM)
            assert reply.structured_content is not None
            assert reply.structured_content["status"] == "answered"

    asyncio.run(story())


def test_a_foreign_page_does_not_reach_the_tools(answerer: Answerer) -> None:
    app = create_app(load_settings(), answerer=answerer)

    async def post(host: str) -> int:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as http,
        ):
            reply = await http.post(f"http://{host}:8000/mcp", json={})
            return reply.status_code

    assert asyncio.run(post("evil.example")) == 421


@pytest.mark.slow
def test_over_stdio(bundled_model: Path, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent
    index = tmp_path / "index"
    from index import build_index

    build_index(small_index.ARTICLES, index)
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "service.cli", "mcp", "--index", str(index)],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=tmp_path,
    )

    async def story() -> None:
        async with Client(server) as client:
            reply = await client.call_tool("ask", FORM)
            assert reply.structured_content is not None
            assert reply.structured_content["citations"][0]["article_id"] == TRAM.id

    asyncio.run(story())
