"""The words of a citation that answer: as long as what they name, and no longer."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
import small_index

from index import SEOUL, Article
from service.answer import Answerer
from service.generate.extractive import ExtractiveBackend
from service.schema import Question

ARTICLE = Article(
    id="dock",
    title="해담항 새 부두 착공",
    press="해담일보",
    published_at=datetime(2026, 2, 2, 9, tzinfo=SEOUL),
    body="해담시는 새 부두를 2026년 3월 2일 착공한다고 밝혔다. 새 부두의 총사업비는 1조 2,000억 원이다.",
)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("새 부두는 언제 착공하나?", "2026년 3월 2일"),
        ("새 부두의 총사업비는 얼마인가?", "1조 2,000억 원"),
    ],
)
def test_an_answer_is_marked_whole(tmp_path: Path, question: str, words: str) -> None:
    small_index.build(tmp_path, (ARTICLE, small_index.LIBRARY))
    with small_index.open_small(tmp_path) as index:
        backend = ExtractiveBackend(index.analyser, index.idf)
        answerer = Answerer(index, {"extractive": backend}, default_backend="extractive")
        answer = asyncio.run(answerer.answer(Question(question=question)))
    [citation] = answer.citations
    assert [citation.quote[s.start : s.end] for s in citation.answer_spans] == [words]
