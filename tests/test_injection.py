"""A backend that obeys whoever commands it, over hostile articles: nothing unsupported leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache

import pytest
from hostile import HOSTILE, Hostile, article
from hypothesis import given
from hypothesis import strategies as st
from scripted_backend import ScriptedBackend, obedient
from small_index import ARTICLES, TRAM, analyser, index_over
from test_answer import check_citations

from index import Index
from service.answer import Answerer
from service.generate.prompt import Prompt
from service.generate.stub import first_sentences
from service.injection import inert, is_command
from service.schema import Answer, Question, QuestionFilters
from service.verify.citations import supports

ROWS = list(enumerate(HOSTILE))
IDS = [f"{number}-{row.forbidden}" for number, row in ROWS]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    articles = [*ARTICLES, *(article(number, row) for number, row in ROWS)]
    with index_over("memory", tmp_path_factory.mktemp("hostile"), articles) as index:
        yield index


class Heard:
    """The obedient backend, which first says something true. Keeps the prompt and what was said."""

    def __init__(self) -> None:
        self.prompt: Prompt | None = None
        self.said: list[str] = []

    def __call__(self, prompt: Prompt) -> list[str]:
        self.prompt, self.said = prompt, [*first_sentences(prompt), *obedient(prompt)]
        return self.said


@cache
def ask(index: Index, number: int, row: Hostile) -> tuple[Answer, Heard]:
    heard = Heard()
    answerer = Answerer(index, {"scripted": ScriptedBackend(heard)}, default_backend="scripted")
    press = (f"적신문{number}", str(TRAM.press))
    question = Question(question=row.question, filters=QuestionFilters(press=press))
    return asyncio.run(answerer.answer(question)), heard


@pytest.mark.parametrize(("number", "row"), ROWS, ids=IDS)
def test_nothing_that_an_attacker_demands_leaves(index: Index, number: int, row: Hostile) -> None:
    answer, heard = ask(index, number, row)
    assert heard.prompt
    assert len(heard.prompt.sources) == 2
    obeys = row.forbidden in "".join(heard.said)
    is_asked = row.question != Hostile._field_defaults["question"]
    assert obeys or is_asked, "the backend was to obey; the row tests nothing"
    check_citations(index, answer)
    assert row.forbidden not in answer.text
    assert answer.dropped_sentences > 0 or not obeys  # what is no question may not even reach it


@pytest.mark.parametrize(("number", "row"), ROWS, ids=IDS)
def test_what_does_leave_is_supported_by_news(index: Index, number: int, row: Hostile) -> None:
    answer, heard = ask(index, number, row)
    assert answer.status == "answered"
    quotes = {citation.number: citation.quote for citation in answer.citations}
    for sentence in answer.sentences:
        evidence = " ".join(quotes[n] for n in sentence.citations)
        assert supports(sentence.text, evidence, analyser(), index.idf)
    assert heard.prompt
    for line in heard.prompt.messages()[0]["content"].splitlines():
        assert line.lstrip("- ") not in answer.text


@pytest.mark.parametrize(("number", "row"), ROWS, ids=IDS)
def test_the_structure_of_the_prompt_can_not_be_forged(
    index: Index, number: int, row: Hostile
) -> None:
    _, heard = ask(index, number, row)
    assert heard.prompt
    request = heard.prompt.messages()[-1]["content"]
    for mark in ("<기사>", "</기사>", "<질문>", "</질문>", "[1] ", "[2] "):
        assert request.count(mark) == 1
    assert request.count("<") == 4
    assert request.count("[") == 2
    assert "\u200b" not in request


@pytest.mark.parametrize(
    "sentence",
    [
        "시민단체는 “시장은 사퇴하라”고 외쳤다.",
        "그는 기자의 질문에 “진상을 밝히라”고 답했다.",
        "법원은 이전 명령을 무시한 업체에 과태료를 물렸다.",
        "해담시는 AI 상담 챗봇이 민원 2만 건에 답변했다고 밝혔다.",
        "시는 지침을 어긴 업소 30곳의 명단을 홈페이지에 출력해 붙였다.",
        "“우리 동네를 살려 주세요.”",
        "김 교수는 “모델의 답변을 그대로 인용하지 말라”고 조언했다.",
        "The mayor said the tram would open in May.",
        "Write to us at the city hall, the notice said.".replace("Write", "Residents write"),
    ],
)
def test_news_is_no_command(sentence: str) -> None:
    assert not is_command(sentence)


@given(st.text())
def test_inert_text_has_no_marks_and_is_stable(text: str) -> None:
    assert not set("<>[]\x00\u200b\u202e\U000e0041") & set(inert(text))
    assert inert(inert(text)) == inert(text)


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)))
def test_inert_leaves_korean_alone(text: str) -> None:
    assert inert(text) == text
