"""The OpenAI-compatible route over HTTP, by the SDK for Node and by LangChain's chat model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from live_server import serving
from small_index import TRAM

from service import create_app
from service.answer import Answerer
from service.settings import load_settings
from service.wording import NO_QUESTION

QUESTION = "트램 1호선 총사업비는 얼마인가요?"
CLIENT = Path(__file__).with_name("openai_client.cjs")
NODE = shutil.which("node")
NODE_MODULES = Path(sys.prefix) / "node" / "node_modules"


@pytest.fixture
def base_url(answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    with serving(create_app(load_settings(), answerer=answerer)) as address:
        yield f"{address}/v1"


@pytest.fixture
def model(base_url: str) -> ChatOpenAI:
    return ChatOpenAI(model="gisa", base_url=base_url, api_key="none", max_retries=0)  # type: ignore[arg-type]


@pytest.mark.skipif(
    NODE is None or not (NODE_MODULES / "openai").is_dir(), reason="the SDK for Node is not here"
)
def test_the_sdk_for_node(base_url: str) -> None:
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(CLIENT), base_url, QUESTION],
        env=os.environ | {"NODE_PATH": str(NODE_MODULES)},
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=60,
    )
    got = json.loads(done.stdout)
    assert "gisa" in got["models"]
    assert got["one"] == "gisa"
    assert TRAM.title in got["content"]
    assert got["annotations"] >= 1
    assert got["streamed"] == got["content"]
    assert (got["unknownModel"]["name"], got["unknownModel"]["code"]) == (
        "NotFoundError",
        "model_not_found",
    )
    assert "gpt-9" in got["unknownModel"]["message"]
    assert (got["tools"]["name"], got["tools"]["code"]) == (
        "BadRequestError",
        "unsupported_parameter",
    )


def test_langchains_chat_model_asks_and_streams(model: ChatOpenAI) -> None:
    asked = [SystemMessage("한국어로 답하세요."), HumanMessage(QUESTION)]
    whole = model.invoke(asked)
    assert TRAM.title in str(whole.content)
    assert whole.response_metadata["finish_reason"] == "stop"
    assert "".join(str(piece.content) for piece in model.stream(asked)) == whole.content


def test_langchains_conversation_is_followed(model: ChatOpenAI) -> None:
    first = model.invoke([HumanMessage(QUESTION)])
    reply = model.invoke(
        [HumanMessage(QUESTION), AIMessage(first.content), HumanMessage("개통은 언제인가요?")]
    )
    assert TRAM.title in str(reply.content)


def test_langchains_task_of_condensing_a_conversation_is_declined(model: ChatOpenAI) -> None:
    task = (
        "Given the following conversation and a follow up question, rephrase the follow up question "
        "to be a standalone question, in its original language.\n\nChat History:\n"
        f"Human: {QUESTION}\nAssistant: 4,820억 원입니다.\n"
        "Follow Up Input: 개통은?\nStandalone question:"
    )
    assert model.invoke([HumanMessage(task)]).content == NO_QUESTION


def test_langchain_shows_why_tools_are_refused(model: ChatOpenAI) -> None:
    tool: dict[str, Any] = {
        "type": "function",
        "function": {"name": "search", "parameters": {"type": "object", "properties": {}}},
    }
    with pytest.raises(openai.BadRequestError, match="tools") as refused:
        model.bind_tools([tool]).invoke([HumanMessage(QUESTION)])
    assert refused.value.code == "unsupported_parameter"
