"""The ablation of retrieval, over a small index."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from small_index import LIBRARY, TRAM, index_over

from index.protocols import Candidates
from service.evaluation.ablation import SCORES
from service.evaluation.datasets import GoldQuestion
from service.schema import QuestionFilters

pytest.importorskip("ir_measures")


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    scripts = Path(__file__).resolve().parent.parent / "scripts"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(scripts))
        yield importlib.import_module("benchmarks.retrieval")


def gold(id: str, question: str, article: str, kind: str) -> GoldQuestion:
    return GoldQuestion(id=id, question=question, answers=("?",), article_ids=(article,), type=kind)


QUESTIONS = [
    gold("1", "트램 1호선 총사업비는?", TRAM.id, "numeric"),
    gold("2", "은솔구 도서관 책은 몇 권?", LIBRARY.id, "numeric"),
    # What the caller demands holds for every method; what a question names would only be preferred.
    gold("3", "도서관 개관 첫날은?", LIBRARY.id, "factoid").model_copy(
        update={"filters": QuestionFilters(press=("동람경제",))}
    ),
]


def test_every_method_is_reported_by_type(benchmark: Any, engine: str, tmp_path: Path) -> None:
    with index_over(engine, tmp_path) as index:
        report = benchmark._ablation(index, QUESTIONS, seed=0)
    assert set(report) == {"all", "numeric", "factoid"}
    for measured in report.values():
        assert list(measured.methods) == ["dense", "bm25", "rrf", "fusion"]
        for values in measured.methods.values():
            low, high = values["ndcg@10"].ci95
            assert 0 <= low <= values["ndcg@10"].value <= high <= 1
    assert report["all"].questions == 3
    assert report["all"].methods["fusion"]["recall@1"].value == 1


def test_rank_fusion_adds_reciprocal_ranks(benchmark: Any) -> None:
    ids = ["a", "b", "c"]
    found = Candidates(
        passages=ids,
        texts=ids,
        stories=ids,
        leads=np.ones(3, dtype=np.bool_),
        days=np.zeros(3, dtype=np.int32),
        dense=np.array([0.9, 0.8, 0.1], dtype=np.float32),
        lexical={name: np.array([0.1, 0.7, 0.3], dtype=np.float32) for name in ("morphemes", "bigrams")},
    )  # fmt: skip
    scores = {name: score(found) for name, score in SCORES.items()}
    assert scores["rrf"] == pytest.approx([1 / 61 + 1 / 63, 1 / 62 + 1 / 61, 1 / 63 + 1 / 62])
    assert scores["bm25"].argmax() == 1


def test_questions_without_a_type_are_sorted_by_what_they_ask(benchmark: Any) -> None:
    asked = ["왜 늦었나", "누가 당선됐나", "언제 열리나", "어디에 짓나", "얼마인가", "뜻은"]
    questions = [
        GoldQuestion(id="1", question=text, answers=("?",), article_ids=("1",)) for text in asked
    ]
    kinds = ["why, how", "who", "when", "where", "how many", "what"]
    assert [benchmark._kind(question) for question in questions] == kinds
    assert benchmark._kind(questions[0].model_copy(update={"type": "short"})) == "short"


def test_every_stage_is_timed(benchmark: Any, tmp_path: Path) -> None:
    with index_over("local", tmp_path) as index:
        seconds = benchmark._time_stages(index, QUESTIONS)
    assert {"embed", "understand", "vectors", "words", "fuse", "stories"} <= set(seconds)
    assert all(len(values) == len(QUESTIONS) for values in seconds.values())


def test_halves_keep_the_questions_of_a_paragraph_together(benchmark: Any) -> None:
    questions = [gold(str(n), "?", str(n // 2), "x") for n in range(8)]
    even = benchmark._half(questions, "even", True)
    odd = benchmark._half(questions, "odd", True)
    assert [q.id for q in even] == ["0", "1", "4", "5"]
    assert sorted(q.id for q in even + odd) == [str(n) for n in range(8)]
    assert [q.id for q in benchmark._half(questions, "odd", False)] == ["1", "3", "5", "7"]
