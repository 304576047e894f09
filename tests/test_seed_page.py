"""A real page, alone in an index, asked what it holds and what it doesn't. The page is not shipped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_index import analyser, open_small

from index import build_index
from index.embedding import SentenceTransformerEmbedder
from service.answer import Answerer
from service.evaluation.metrics import contains
from service.generate.extractive import ExtractiveBackend
from service.schema import Answer, Question

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="module")
def answerer(
    tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder
) -> Iterator[Answerer]:
    if not (SHARED / "seed_article.txt").is_file():
        pytest.skip("../shared/data is not beside the repository: the page is not shipped")
    path = tmp_path_factory.mktemp("seed")
    build_index([SHARED / "seed_article.txt"], path, embedder=embedder, analyser=analyser())
    with open_small(path, embedder) as index:
        backend = ExtractiveBackend(index.analyser, index.idf)
        yield Answerer(index, {backend.name: backend}, default_backend=backend.name)


def ask(answerer: Answerer, question: str, **fields: str) -> Answer:
    given = {"question": question, "now": "2025-12-15T10:00:00+09:00"} | fields
    return asyncio.run(answerer.answer(Question.model_validate(given)))


def test_every_question_about_the_page_is_answered_from_it_and_no_other(answerer: Answerer) -> None:
    expected = json.loads((SHARED / "seed_expected.json").read_text("utf-8"))
    for asked in expected["questions"]:
        answer = ask(answerer, asked["question"])
        right = any(contains(answer.text, text) for text in asked["answers"])
        assert (answer.status == "answered") == bool(asked["answers"]), asked
        assert right == bool(asked["answers"]), (asked, answer.text)


def test_last_week_is_counted_from_the_day_of_asking(answerer: Answerer) -> None:
    question = "지난주 ARM이 한국 정부와 맺은 협약은?"
    assert "MOU를 공식 체결했다" in ask(answerer, question).text
    late = ask(answerer, question, now="2026-03-02T10:00:00+09:00")
    assert late.status == "related"  # not of that week: near, and no answer
    assert not late.sentences
