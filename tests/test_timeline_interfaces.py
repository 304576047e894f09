"""What each interface makes of the course of events: HTTP, the command, OpenAI's protocol, MCP, Slack."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_index
from fastapi.testclient import TestClient
from hash_embedder import HashEmbedder
from mcp import Client
from small_story import NOTICE, NOW, QUESTION, STORY, answerer_over

from service import cli, create_app, mcp
from service.answer import Answerer
from service.recounting import CORRECTED
from service.schema import Answer, Question
from service.settings import load_settings
from service.slack.blocks import HELP, Draft, Tally, answer_messages

PLAINLY = "누리호 다리 공사"
ASKED = {"question": QUESTION, "now": NOW.isoformat()}


@pytest.fixture(scope="module")
def story_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("story")
    small_index.build(path, [*STORY, NOTICE])
    return path


@pytest.fixture(scope="module")
def storyteller(story_path: Path) -> Iterator[Answerer]:
    with small_index.open_small(story_path) as index:
        yield answerer_over(index)


@pytest.fixture
def client(storyteller: Answerer) -> TestClient:
    return TestClient(create_app(load_settings(), answerer=storyteller))


@pytest.fixture
def answer(storyteller: Answerer) -> Answer:
    return asyncio.run(storyteller.answer(Question(question=QUESTION, now=NOW)))


# -- HTTP -----------------------------------------------------------------------------------


def test_the_api_tells_it_where_the_question_or_the_caller_asks(client: TestClient) -> None:
    by_words = client.post("/v1/ask", json=ASKED).json()
    by_mode = client.post("/v1/ask", json=ASKED | {"question": PLAINLY, "mode": "timeline"}).json()
    assert by_words["interpreted"]["mode"] == by_mode["interpreted"]["mode"] == "timeline"
    assert by_words["timeline"] == by_mode["timeline"]
    assert set(by_words["timeline"][0]) == {
        "date",
        "date_to",
        "date_is",
        "planned",
        "when",
        "text",
        "start",
        "end",
        "citations",
        "corrected_by",
        "correction",
    }
    assert client.post("/v1/ask", json=ASKED | {"mode": "answer"}).json()["timeline"] == []


def test_an_unknown_mode_is_refused(client: TestClient) -> None:
    reply = client.post("/v1/ask", json=ASKED | {"mode": "chronicle"})
    assert reply.status_code == 422
    assert reply.json()["status"] == 422


def test_the_stream_has_an_event_of_its_own(client: TestClient) -> None:
    reply = client.post("/v1/ask", json=ASKED, headers={"Accept": "text/event-stream"})
    blocks = [block.split("\n") for block in reply.text.strip().split("\n\n")]
    came = [(n.removeprefix("event: "), json.loads(d.removeprefix("data: "))) for n, d in blocks]
    names = [name for name, _ in came]
    assert names.count("timeline") == 1
    assert names.index("timeline") < names.index("sentence")
    whole: Any = came[-1][1]
    told: Any = came[names.index("timeline")][1]
    assert told["entries"] == whole["timeline"]
    assert told["citations"] == whole["citations"]
    assert told["left_out"] == 0


def test_openais_clients_read_it_a_line_an_event(client: TestClient) -> None:
    body = {"model": "gisa", "messages": [{"role": "user", "content": QUESTION}]}
    whole = client.post("/v1/chat/completions", json=body).json()
    message = whole["choices"][0]["message"]
    assert message["content"].startswith("- 2025년 3월 10일: ")
    assert f"\n- {CORRECTED}: " in message["content"]
    for annotation in message["annotations"]:
        cited = annotation["url_citation"]
        marker = message["content"][cited["start_index"] : cited["end_index"]]
        assert marker.startswith("[")
        assert marker.endswith("]")
    lines = client.post("/v1/chat/completions", json=body | {"stream": True}).text.split("\n\n")
    chunks = [
        json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")
    ]
    said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
    assert said == message["content"]


# -- the command ----------------------------------------------------------------------------


def gisa(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: str | Path
) -> tuple[int, str]:
    """Run the command in this process, with the quick embedder in the place of the model."""
    monkeypatch.setattr("service.wiring.build_embedder", lambda settings: HashEmbedder())
    for module in ("index.library", "index.retrieve", "service.wiring"):
        monkeypatch.setattr(f"{module}.KoreanAnalyser", lambda **_: small_index.analyser())
    monkeypatch.setattr(sys, "argv", ["gisa", *map(str, args)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize("flags", [["--timeline"], ["--mode", "timeline"]])
def test_the_command_shows_a_line_an_event(
    flags: list[str],
    story_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out = gisa(monkeypatch, capsys, "ask", PLAINLY, *flags, "--index", story_path)
    lines = out.split("출처:")[0].strip().split("\n")
    assert status == 0
    assert lines[0].startswith("- 2025년 3월 10일: ")
    assert lines[-1].startswith("- 2026년 11월 3일(예정): ")
    assert sum(line.startswith(f"- {CORRECTED}: ") for line in lines) == 1


def test_the_command_refuses_what_contradicts_itself(
    story_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--timeline", "--mode", "answer")
    status, _ = gisa(monkeypatch, capsys, "ask", PLAINLY, *flags, "--index", story_path)
    assert status == 2


# -- MCP and Slack --------------------------------------------------------------------------


def test_the_tool_takes_a_mode(storyteller: Answerer) -> None:
    gateway = create_app(load_settings(), answerer=storyteller).state.gateway

    async def run() -> None:
        async with Client(mcp.build(gateway)) as tools:
            asked = {"question": PLAINLY, "mode": "timeline"}
            told = (await tools.call_tool("ask", asked)).structured_content
            assert told is not None
            assert told["timeline"][0]["date"] == "2025-03-10"
            assert told["text"].startswith("- 2025년 3월 10일: ")
            refused = await tools.call_tool("ask", asked | {"mode": "chronicle"})
            assert refused.is_error

    asyncio.run(run())


def test_slack_shows_a_line_an_event_while_it_is_written_and_after(answer: Answer) -> None:
    [message] = answer_messages(answer, tally=Tally(), search_url="", offers_to_follow=False)
    text = message.blocks[0]["text"]["text"].replace("\u200b", "")
    lines = text.split("\n")
    assert len(lines) == len(answer.sentences)
    assert lines[0].startswith("• *2025년 3월 10일* 해담시는")
    assert lines[-1].startswith("• *2026년 11월 3일(예정)* ")
    [draft] = Draft(list(answer.sentences)).messages("쓰고 있습니다")
    assert draft.blocks[0]["text"]["text"].count("• ") == len(lines)
    assert "날짜순" in HELP
