"""A row of a table is found by its own name and said with its column names, without bars."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from small_index import analyser, build, open_small

from index import SEOUL, Article
from service.answer import Answerer
from service.generate.extractive import ExtractiveBackend
from service.schema import Question
from service.tables import Row, rows_of

POPULATION = """나루시는 11일 동별 인구를 발표했다. 전체 인구는 41만 명이다.

동별 인구(명)

동 | 2024년 | 2025년

모래동 | 120,300 | 121,450

갈대동 | 98,200 | 97,110

모래동은 늘고 갈대동은 줄었다."""


def rows_in(body: str) -> list[Row]:
    return list(rows_of(body, analyser().sentences(body)).values())


def test_a_row_is_said_with_caption_column_names_and_unit() -> None:
    said = [row.text for row in rows_in(POPULATION)]
    assert said == [
        "동별 인구, 모래동: 2024년 120,300명, 2025년 121,450명",
        "동별 인구, 갈대동: 2024년 98,200명, 2025년 97,110명",
    ]


def test_each_cell_is_where_its_column_says() -> None:
    for row in rows_in(POPULATION):
        line = POPULATION[row.sentence.start : row.sentence.end]
        assert [line[a:b] for a, b in row.cells.values()] == line.split(" | ")
        assert list(row.cells) == ["동", "2024년", "2025년"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "이름 | 직책\n\n한가람 | 관장\n\n서이든 | 학예사",
            ["이름: 직책", "한가람: 관장", "서이든: 학예사"],
        ),
        ("구분 | 인구(명) | 비율(%)\n\n청년 | 1,200 | 12.5", ["청년: 인구 1,200명, 비율 12.5%"]),
        ("면적 | 12㎡\n\n좌석 | 30석", ["면적: 12㎡", "좌석: 30석"]),
        ("구분 | 합계(명, %)\n\n청년 | 1,200", ["청년: 합계 1,200"]),
        ("동 | 2024년 | 2025년\n\n모래동 |  | 7", ["모래동: 2025년 7"]),
    ],
)
def test_only_a_row_above_figures_names_columns(table: str, said: list[str]) -> None:
    assert [row.text for row in rows_in(table)] == said


def test_prose_has_no_rows() -> None:
    assert rows_in("나루시는 11일 인구를 발표했다. A|B 시험을 했다.") == []


@pytest.mark.parametrize(
    ("question", "row", "cell"),
    [
        ("갈대동의 2025년 인구는?", "갈대동 | 98,200 | 97,110", "97,110"),
        ("모래동 2024년 인구는 몇 명인가요?", "모래동 | 120,300 | 121,450", "120,300"),
    ],
)
def test_the_row_asked_for_is_quoted_with_its_heading(
    tmp_path: Path, question: str, row: str, cell: str
) -> None:
    article = Article(
        id="t1",
        title="나루시 동별 인구",
        body=POPULATION,
        press="나루신문",
        published_at=datetime(2025, 6, 12, tzinfo=SEOUL),
    )
    build(tmp_path, [article])
    with open_small(tmp_path) as index:
        backend = ExtractiveBackend(index.analyser, index.idf)
        answerer = Answerer(index, {"extractive": backend}, default_backend="extractive")
        answer = asyncio.run(answerer.answer(Question(question=question)))
    assert answer.status == "answered"
    assert "|" not in answer.text
    assert [quote.text for quote in answer.citations[0].quotes][-1].endswith(row)
    assert "동 | 2024년 | 2025년" in answer.citations[0].quotes[0].text
    (span,) = answer.citations[0].answer_spans
    assert answer.citations[0].quote[span.start : span.end] == cell
