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
from service.schema import ABSTENTIONS, MAX_QUESTION_CHARS
from service.serving.keys import new_key
from service.settings import load_settings
from service.verify.judge import EntailmentJudge
from service.wording import LEADS_TITLE, NO_ANSWER, NO_QUESTION, REWORDED

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
    assert [client.models.retrieve(name).id for name in names] == names
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("gpt-9")
    assert unknown.value.code == "model_not_found"


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


def asked_of(reply: Any) -> str:
    """The question that was answered."""
    asked: str = (reply.model_extra or {})["gisa"]["question"]
    return asked


def said_by(reply: Any) -> str:
    content: str = reply.choices[0].message.content
    return content


def test_null_is_as_good_as_nothing(http: TestClient) -> None:
    message = {"role": "user", "content": QUESTION, "name": None}
    nulls = dict.fromkeys(
        "model stream stream_options response_format tools functions temperature stop user n".split()
    )
    reply = http.post("/v1/chat/completions", json={"messages": [message], **nulls})
    assert reply.status_code == 200
    assert reply.json()["model"] == "gisa"
    assert reply.json()["choices"][0]["finish_reason"] == "stop"


def test_null_is_as_good_as_nothing_within_a_field(http: TestClient) -> None:
    parts = [{"type": "text", "text": None}, {"type": "text", "text": QUESTION}]
    body = {
        "messages": [{"role": "assistant", "content": None}, {"role": "user", "content": parts}],
        "stream": True,
        "stream_options": {"include_usage": None},
    }
    streamed = http.post("/v1/chat/completions", json=body).text
    assert TRAM.title in streamed
    assert "usage" not in streamed
    assert streamed.endswith("data: [DONE]\n\n")


def test_an_answer_that_was_begun_is_begun_anew(client: OpenAI) -> None:
    begun: Any = [*ASKED, {"role": "assistant", "content": "총사업비는"}]
    reply = client.chat.completions.create(model="gisa", messages=begun)
    whole = client.chat.completions.create(model="gisa", messages=ASKED)
    assert asked_of(reply) == QUESTION
    assert said_by(reply) == said_by(whole)


# -- messages that programs put together -------------------------------------------------------------

FILLER = "해담시는 새 정류장을 검토했다. 위원회는 누가 비용을 낼지 논의했다. " * 60
RULES = "### Task:\nRespond to the user query using the provided context.\n\n### Guidelines:\n- Cite [id].\n\n"
HISTORY = f"USER: {QUESTION}\nASSISTANT: 4,820억 원입니다.[1]"


@pytest.mark.parametrize(
    "message",
    [
        f"{RULES}<context>\n{FILLER}\n</context>\n\n{QUESTION}",
        f"{RULES}<context>\n{FILLER}\n</context>\n\n<user_query>\n{QUESTION}\n</user_query>\n",
        f"<context>{FILLER}</context>\n<question>{QUESTION}</question>",
        f"Context information is below.\n-----\n{FILLER}\n-----\nGiven the context information, "
        f"answer the query.\nQuery: {QUESTION}\nAnswer: ",
        f"Use the context. If you don't know, say so.\nQuestion: {QUESTION} \nContext: {FILLER} \nAnswer:",
        f"다음 문맥만 보고 답하세요. 모르면 모른다고 하세요.\n\n[문맥]\n{FILLER}\n\n### 질문\n{QUESTION}\n\n### 답변\n",
        f"{FILLER}\n\n위 내용을 참고해서 답해 주세요.\n\n{QUESTION}",
        f"{FILLER}{QUESTION}",
        f"<context>짧은 문맥이다.</context>\n\n{QUESTION}",
        f"<chat_history>\n{HISTORY}\n</chat_history>\n<question>{QUESTION}</question>",
    ],
)
def test_the_question_is_found_in_a_template(client: OpenAI, message: str) -> None:
    asked: Any = [{"role": "user", "content": message}]
    reply = client.chat.completions.create(model="gisa", messages=asked)
    assert asked_of(reply) == QUESTION
    assert TRAM.title in said_by(reply)


def test_an_ordinary_message_is_taken_whole(client: OpenAI) -> None:
    message = f"안녕하세요, 해담시 공무원입니다.\n보고서에 쓰려고요.\n\n{QUESTION}\n감사합니다!"
    asked: Any = [{"role": "user", "content": message}]
    assert asked_of(client.chat.completions.create(model="gisa", messages=asked)) == message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "message",
    [
        "### Task:\nGenerate a concise, 3-5 word title with an emoji.\n### Output:\nJSON format: "
        f'{{ "title": "..." }}\n### Chat History:\n<chat_history>\n{HISTORY}\n</chat_history>',
        f"대화에 어울리는 제목을 다섯 낱말로 지어 주세요.\n\n{HISTORY}",
        f"Write a title for the conversation.\n||>User: {QUESTION}\n||>Response: 4,820억 원\n||>Title:",
        "Summarize our conversation in detail for later use. " * 40,
        "안녕하세요!",
        "고마워요 ㅎㅎ",
    ],
)
def test_what_is_no_question_is_declined_politely(
    client: OpenAI, message: str, stream: bool
) -> None:
    asked: Any = [{"role": "user", "content": message}]
    reply: Any = client.chat.completions.create(model="gisa", messages=asked, stream=stream)
    if stream:
        chunks = list(reply)
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == NO_QUESTION
        assert chunks[-1].choices[0].finish_reason == "stop"
        return
    assert said_by(reply) == NO_QUESTION
    assert reply.choices[0].message.annotations == []
    assert len(asked_of(reply)) <= MAX_QUESTION_CHARS


def test_in_a_conversation_short_words_ask(client: OpenAI) -> None:
    messages: Any = [
        *ASKED,
        {"role": "assistant", "content": "4,820억 원입니다.[1]"},
        {"role": "user", "content": "더 자세히"},
    ]
    reply = client.chat.completions.create(model="gisa", messages=messages)
    assert said_by(reply) != NO_QUESTION


@pytest.mark.parametrize(
    "task",
    [
        "Write a short title for this conversation.",
        "이 대화의 제목을 다섯 단어로 지어 주세요.",
        "채팅 제목 만들어 줘",
    ],
)
def test_a_title_for_the_conversation_is_no_question(client: OpenAI, task: str) -> None:
    messages: Any = [
        *ASKED,
        {"role": "assistant", "content": "4,820억 원입니다.[1]"},
        {"role": "user", "content": task},
    ]
    reply = client.chat.completions.create(model="gisa", messages=messages)
    assert said_by(reply) == NO_QUESTION


def test_news_of_a_dialogue_is_asked_about(client: OpenAI) -> None:
    for question in ("노사 대화는 언제 다시 열리나?", "노사 대화 결과를 알려 줘"):
        asked: Any = [{"role": "user", "content": question}]
        reply = client.chat.completions.create(model="gisa", messages=asked)
        assert said_by(reply) != NO_QUESTION


@pytest.mark.parametrize("filling", ["<a>", "<a> </b>", "\n \n", "질문\n", "가 나. ", "User:\n"])
def test_the_largest_message_is_read_soon(http: TestClient, filling: str) -> None:
    count = 600_000 // len(filling.encode())
    body = {"messages": [{"role": "user", "content": f"{filling * count}\n\n{QUESTION}"}]}
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200


# -- errors in OpenAI's form -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {}}}]),
        ("functions", [{"name": "f", "parameters": {}}]),
        ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}),
    ],
)
def test_what_would_change_the_form_of_the_reply_is_refused(
    client: OpenAI, param: str, value: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="gisa", messages=ASKED, **{param: value})
    assert refused.value.code == "unsupported_parameter"
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert param in str(refused.value)


def test_text_and_no_tools_are_what_is_had(client: OpenAI) -> None:
    text: Any = {"type": "text"}
    reply = client.chat.completions.create(
        model="gisa", messages=ASKED, response_format=text, tools=[]
    )
    assert reply.choices[0].finish_reason == "stop"


JSON_BODY = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "param"),
    [
        ("POST", "chat/completions", {"json": {"model": "gpt-9", "messages": ASKED}}, 404, None),
        ("POST", "chat/completions", {"json": {"messages": []}}, 422, "messages"),
        ("POST", "chat/completions", {"json": {"messages": [{"role": "king"}]}}, 422, "messages.0.role"),
        ("POST", "chat/completions", {"content": "{", "headers": JSON_BODY}, 400, None),
        ("POST", "chat/completions", {"content": "{}"}, 415, None),
        ("POST", "chat/completions", {"content": "가" * 400_000, "headers": JSON_BODY}, 413, None),
        ("POST", "chat/completions", {"json": {"model": "gisa-slow", "messages": ASKED}}, 503, None),
        ("POST", "chat/completions", {"json": {"model": "gisa-buggy", "messages": ASKED}}, 500, None),
        ("GET", "chat/completions", {}, 405, None),
        ("GET", "models/gpt-9", {}, 404, None),
        ("POST", "responses", {"json": {"input": QUESTION}}, 404, None),
    ],
)  # fmt: skip
def test_every_error_has_openais_form_beside_the_problem(
    http: TestClient, method: str, path: str, sent: dict[str, Any], status: int, param: str | None
) -> None:
    reply = http.request(method, f"/v1/{path}", **sent)
    told = reply.json()
    assert reply.status_code == told["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"
    kind = "server_error" if status >= 500 else "invalid_request_error"
    assert told["error"] == {
        "message": told["detail"],
        "type": kind,
        "param": param,
        "code": told["code"],
    }


def test_errors_elsewhere_are_problems_alone(http: TestClient) -> None:
    assert "error" not in http.post("/v1/ask", json={"question": ""}).json()


def test_sdks_show_what_a_key_lacks_and_how_often_one_may_ask(answerer: Answerer) -> None:
    key, entry = new_key("front-end", "ask")
    app = create_app(
        load_settings(auth="keys", api_keys=entry, rate_limit_per_minute=1), answerer=answerer
    )
    client = OpenAI(
        base_url="http://testserver/v1", api_key="none", http_client=TestClient(app), max_retries=0
    )
    with pytest.raises(openai.AuthenticationError) as unknown:
        client.models.list()
    assert (unknown.value.code, unknown.value.type) == ("key_unknown", "authentication_error")
    known = client.with_options(api_key=key)
    known.models.list()
    with pytest.raises(openai.RateLimitError) as often:
        known.models.list()
    assert (often.value.code, often.value.type) == ("too_many_requests", "rate_limit_error")
