"""The OpenAI-compatible routes, asked by OpenAI's own client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import graded_answers
import openai
import pytest
from fastapi.testclient import TestClient
from graded_answers import FALSE, QUOTED, TRUE, UNSURE, PatientJudge, graded_answerer
from openai import OpenAI
from scripted_judge import AbsentJudge
from small_index import TRAM

from service import create_app
from service.answer import Answerer
from service.generate.prompt import Prompt
from service.schema import ABSTENTIONS
from service.settings import load_settings
from service.verify.judge import EntailmentJudge
from service.wording import LEADS_TITLE, NO_ANSWER, REWORDED

QUESTION = "트램 1호선 총사업비는 얼마인가요?"
ASKED: Any = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def http(answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.chdir(tmp_path)
    return TestClient(create_app(load_settings(), answerer=answerer))


@pytest.fixture
def client(http: TestClient) -> OpenAI:
    return OpenAI(base_url="http://testserver/v1", api_key="none", http_client=http, max_retries=0)


def test_models_are_the_backends(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["gisa", "gisa-stub", "gisa-slow", "gisa-buggy"]


def test_an_answer_has_its_citations_in_the_text_and_as_annotations(
    client: OpenAI, http: TestClient
) -> None:
    reply = client.chat.completions.create(model="gisa", messages=ASKED, temperature=0.2)
    answer = http.post("/v1/ask", json={"question": QUESTION}).json()
    message = reply.choices[0].message
    content = message.content or ""
    assert reply.choices[0].finish_reason == "stop"
    assert content.startswith(answer["text"])
    assert f"[1] {TRAM.title} (해담일보, 2025-05-14) {TRAM.url}" in content
    annotations = message.annotations or []
    assert len(annotations) == sum(len(sentence["citations"]) for sentence in answer["sentences"])
    for annotation in annotations:
        cited = annotation.url_citation
        assert content[cited.start_index : cited.end_index] in {"[1]", "[2]"}
    assert {a.url_citation.url for a in annotations} >= {TRAM.url}
    extra = reply.model_extra or {}
    assert extra["gisa"]["status"] == "answered"


def test_an_article_without_an_address_is_shown_here(client: OpenAI, http: TestClient) -> None:
    asked: Any = [{"role": "user", "content": "윤슬대교 난간 공사는 얼마나 걸리나?"}]
    message = client.chat.completions.create(model="gisa", messages=asked).choices[0].message
    urls = [a.url_citation.url for a in message.annotations or []]
    [own] = {url for url in urls if "testserver" in url and "undated" in url}
    assert http.get(own).json()["id"] == "undated"


def test_a_stream_says_the_same_piece_by_piece(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="gisa", messages=ASKED)
    chunks = list(
        client.chat.completions.create(
            model="gisa", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == whole.choices[0].message.content
    last = chunks[-2]
    assert last.choices[0].finish_reason == "stop"
    annotations = (last.choices[0].delta.model_extra or {})["annotations"]
    assert annotations == [a.model_dump() for a in whole.choices[0].message.annotations or []]
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []


class Silent:
    """Finds no answer in anything."""

    name = "silent"

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        return
        yield


@pytest.fixture
def silent(answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    """``gisa-silent`` is a model."""
    monkeypatch.setitem(answerer.backends, "silent", Silent())  # type: ignore[arg-type]


@pytest.mark.usefixtures("silent")
def test_an_abstention_is_a_text_without_sources(client: OpenAI) -> None:
    far: Any = [{"role": "user", "content": "날씨는?"}]
    for stream in (False, True):
        reply: Any = client.chat.completions.create(
            model="gisa-silent", messages=far, stream=stream
        )
        if stream:
            said = "".join(c.choices[0].delta.content or "" for c in reply)
        else:
            said = reply.choices[0].message.content
            assert reply.choices[0].message.annotations == []
        assert said == ABSTENTIONS["no_evidence"]


@pytest.mark.usefixtures("silent")
def test_leads_are_listed_as_what_they_are(client: OpenAI) -> None:
    whole: Any = client.chat.completions.create(model="gisa-silent", messages=ASKED)
    [choice] = whole.choices
    content = choice.message.content
    assert whole.gisa["status"] == "related"
    assert choice.finish_reason == "stop"
    assert content.startswith(f"{ABSTENTIONS['related']}\n\n{LEADS_TITLE}: {NO_ANSWER}\n- ")
    assert f"- {TRAM.title} (해담일보, 2025-05-14) {TRAM.url}\n  “" in content
    assert "출처" not in content
    assert "[1]" not in content
    annotations = choice.message.annotations
    assert [a.url_citation.title for a in annotations] == [
        lead["title"] for lead in whole.gisa["citations"]
    ]
    for annotation in annotations:
        lead = annotation.url_citation
        assert content[lead.start_index : lead.end_index] == lead.title
    assert annotations[0].url_citation.url == TRAM.url

    chunks: Any = list(
        client.chat.completions.create(model="gisa-silent", messages=ASKED, stream=True)
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == content
    assert chunks[-1].choices[0].finish_reason == "stop"
    told = chunks[-1].choices[0].delta.annotations
    assert told == [annotation.model_dump() for annotation in annotations]


MARK = f" ({REWORDED})"
UNJUDGED = f"{QUOTED}[1] {FALSE}[2]{MARK} {TRUE}[1]{MARK} {UNSURE}[3]{MARK}"


@pytest.mark.parametrize(
    ("judge", "is_strict", "said"),
    [
        (PatientJudge(), False, f"{QUOTED}[1] {TRUE}[1] {UNSURE}[2]{MARK}"),
        (PatientJudge(), True, f"{QUOTED}[1] {TRUE}[1]"),
        (AbsentJudge(), False, UNJUDGED),
        (None, False, UNJUDGED),
        (None, True, f"{QUOTED}[1]"),
    ],
    ids=["judged", "judged strictly", "judge away", "no judge", "strict without a judge"],
)
def test_nothing_is_said_that_is_unsaid_later(
    answerer: Answerer, judge: EntailmentJudge | None, is_strict: bool, said: str
) -> None:
    app = create_app(
        load_settings(), answerer=graded_answerer(answerer.index, judge, is_strict=is_strict)
    )
    client = OpenAI(
        base_url="http://testserver/v1", api_key="none", http_client=TestClient(app), max_retries=0
    )
    asked: Any = [{"role": "user", "content": graded_answers.QUESTION}]
    message = client.chat.completions.create(model="gisa", messages=asked).choices[0].message
    content = message.content or ""
    assert content.startswith(f"{said}\n\n출처:\n")
    chunks: Any = list(client.chat.completions.create(model="gisa", messages=asked, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == content
    annotations: Any = message.annotations
    for annotation in annotations:
        cited = annotation.url_citation
        marker = content[cited.start_index : cited.end_index]
        is_marked = content[cited.end_index :].startswith(MARK)
        assert marker in {"[1]", "[2]", "[3]"}
        assert is_marked == (annotation.support == "reworded")
    assert len(annotations) == said.count("[")
    told = chunks[-1].choices[0].delta.annotations
    assert told == [annotation.model_dump() for annotation in annotations]
    assert chunks[-1].choices[0].delta.content is None


def test_a_mark_is_no_part_of_what_was_said_before(client: OpenAI) -> None:
    messages: Any = [
        *ASKED,
        {"role": "assistant", "content": f"사업비는 4,820억 원이다.[1]{MARK}"},
        {"role": "user", "content": "그럼 정거장은?"},
    ]
    reply = client.chat.completions.create(model="gisa-stub", messages=messages)
    asked = (reply.model_extra or {})["gisa"]["interpreted"]["standalone_question"]
    assert "표현" not in asked


def test_earlier_messages_are_the_conversation(client: OpenAI) -> None:
    messages: Any = [
        {"role": "system", "content": "You are helpful."},
        *ASKED,
        {"role": "assistant", "content": "4,820억 원입니다.[1]"},
        {"role": "user", "content": [{"type": "text", "text": "그럼 정거장은?"}]},
    ]
    reply = client.chat.completions.create(model="gisa-stub", messages=messages)
    answer = (reply.model_extra or {})["gisa"]
    assert answer["question"] == "그럼 정거장은?"
    assert "트램" in answer["interpreted"]["standalone_question"]


def test_what_fails_has_the_status_and_code_of_a_problem(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt-9", messages=ASKED)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.UnprocessableEntityError) as empty:
        client.chat.completions.create(model="gisa", messages=[])
    assert empty.value.code == "invalid_request"
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(model="gisa", messages=[{"role": "system", "content": "?"}])
    with pytest.raises(openai.InternalServerError) as slow:
        client.chat.completions.create(model="gisa-slow", messages=ASKED)
    assert slow.value.code == "llm_timeout"


def test_a_stream_that_fails_says_so_in_the_clients_terms(client: OpenAI) -> None:
    with pytest.raises(openai.APIError) as failed:
        list(client.chat.completions.create(model="gisa-slow", messages=ASKED, stream=True))
    assert failed.value.code == "llm_timeout"


def test_a_stream_ends_as_the_protocol_wants(http: TestClient) -> None:
    body = {"model": "gisa", "messages": ASKED, "stream": True}
    lines = http.post("/v1/chat/completions", json=body).text.strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    assert all(json.loads(line.removeprefix("data: "))["object"] for line in lines[:-1])
