"""The files that an evaluation reads: BEIR, AutoRAG, readers' feedback, and what is wrong with bad ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from index import Article
from service.evaluation.datasets import Dataset, DatasetUnusable
from service.evaluation.formats import read_autorag, read_beir, read_questions
from service.evaluation.judge import Judge
from service.evaluation.metrics import score_retrieval

JUDGE = Judge(supports=lambda sentence, citations: True, body_of=lambda article_id: None)


def lines(path: Path, *records: Mapping[str, Any]) -> None:
    text = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    path.write_text(text, "utf-8")


def articles(dataset: Dataset) -> list[Article]:
    assert not isinstance(dataset.corpus, Path | None)
    return list(dataset.corpus)


# ---- BEIR


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """Two queries with judgements, one without; a document has no text but its title."""
    documents = [
        ("d1", "제목", "본문이다."),
        ("d2", "제목뿐", ""),
        ("d3", "", "\u1112\u1161\u11ab국"),
    ]
    lines(tmp_path / "corpus.jsonl", *({"_id": i, "title": t, "text": x} for i, t, x in documents))
    lines(tmp_path / "queries.jsonl", *({"_id": f"q{n}", "text": f"질의 {n}"} for n in (1, 2, 3)))
    (tmp_path / "qrels").mkdir()
    judged = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t2\nq1\td3\t0\nq3\td3\t1\n"
    (tmp_path / "qrels" / "test.tsv").write_text(judged, "utf-8")
    return tmp_path


def test_beir_gives_graded_articles_and_no_answers(beir: Path) -> None:
    dataset = read_beir(beir)
    assert [(a.id, a.title, a.body) for a in articles(dataset)] == [
        ("d1", "제목", "본문이다."),
        ("d2", "제목뿐", "제목뿐"),
        ("d3", "", "한국"),
    ]
    first, third = dataset.questions
    assert (first.id, first.article_ids, first.grades) == ("q1", ("d1", "d2"), {"d1": 1, "d2": 2})
    assert (third.answers, third.answerable, third.has_gold_articles) == (None, True, True)
    # nDCG takes the grades: the better article first is the better order. 1 + 2/log2(3) over 2 + 1/log2(3)
    scores = score_retrieval({"q1": ["d1", "d2"]}, {"q1": JUDGE.grades(first)})
    assert scores["q1"]["ndcg@10"][0] == pytest.approx(2.26186 / 2.63093, abs=1e-5)
    assert read_beir(beir, with_corpus=False).corpus is None


def test_beir_has_splits(beir: Path) -> None:
    (beir / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq2\td2\t1\n", "utf-8")
    assert [q.id for q in read_beir(beir, "dev").questions] == ["q2"]
    assert [q.id for q in read_beir(beir).questions] == ["q1", "q3"]
    (beir / "qrels" / "test.tsv").unlink()
    assert [q.id for q in read_beir(beir).questions] == ["q2"]  # the only one
    (beir / "qrels" / "dev.tsv").write_text("q1\td1\t1\nq2\td2\t1\n", "utf-8")
    assert [q.id for q in read_beir(beir).questions] == ["q1", "q2"]  # without a heading


def test_beir_rows_of_unknown_queries_are_left_out_and_counted(beir: Path) -> None:
    with (beir / "qrels" / "test.tsv").open("a", encoding="utf-8") as qrels:
        qrels.write("q9\td1\t1\nq8\td2\t1\n")
    dataset = read_beir(beir)
    assert [q.id for q in dataset.questions] == ["q1", "q3"]
    assert dataset.unknown == ("q8", "q9")


def test_rows_of_unknown_articles_are_left_out_and_counted(beir: Path) -> None:
    dataset = read_beir(beir)
    first, last = dataset.questions
    kept = dataset.without([first.article_ids[0]])
    assert kept.unknown == (first.article_ids[0],)
    assert kept.questions[0].article_ids == first.article_ids[1:]
    assert kept.questions[0].grades.keys() == set(first.article_ids[1:])
    assert last not in dataset.without(last.article_ids).questions  # it names no other


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "qrels/test.tsv",
            "query-id\tcorpus-id\tscore\nq1 d1 1",
            r"test.tsv:2: not query, document",
        ),
        ("qrels/test.tsv", "h\nq9\td1\t1\n", "queries.jsonl has none of its 1 queries"),
        ("queries.jsonl", '{"_id": "q1"}', r"queries.jsonl:1: text: Field required"),
        ("queries.jsonl", '{"_id": "q1", "text": ""}\n{"_id": "q3", "text": "?"}', "question q1: "),
        ("corpus.jsonl", '{"id": "d1", "text": "."}', r"corpus.jsonl:1: _id: Field required"),
        ("corpus.jsonl", '{"_id": "d", "text": "."}\n{"_id": "d", "text": "."}', "d occurs more"),
        ("corpus.jsonl", "", "there is no document in it"),
    ],
)
def test_bad_beir_is_named(beir: Path, file: str, text: str, message: str) -> None:
    (beir / file).write_text(text, "utf-8")
    with pytest.raises(DatasetUnusable, match=message):
        read_beir(beir)


def test_missing_beir_files_are_named(beir: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match=r"qrels/train\.tsv: there is no such file") as error:
        read_beir(beir, "train")
    assert error.value.remedy == "There are test: name one with --split."
    (beir / "corpus.jsonl").unlink()
    with pytest.raises(DatasetUnusable, match=r"corpus\.jsonl: No such file"):
        read_beir(beir)
    with pytest.raises(DatasetUnusable, match="there is no such file"):
        read_beir(tmp_path / "none")


# ---- AutoRAG


def parquet(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    writer.write_table(pyarrow.table(dict(columns)), path)


QA = {
    "qid": ["1", "2", "3"],
    "query": ["첫째?", "둘째?", "셋째?"],
    "retrieval_gt": [[["d1"], ["d2", "d1"]], [["d2"]], [[]]],
    "generation_gt": [["가", "나"], [], ["모른다"]],
}
CORPUS = {"doc_id": ["d1", "d2"], "contents": ["하나.", "둘."], "metadata": ["", ""]}


def test_autorag_pairs(tmp_path: Path) -> None:
    parquet(tmp_path / "qa.parquet", QA)
    parquet(tmp_path / "corpus.parquet", CORPUS)
    dataset = read_autorag(tmp_path)
    assert [(a.id, a.body) for a in articles(dataset)] == [("d1", "하나."), ("d2", "둘.")]
    assert [(q.article_ids, q.answers) for q in dataset.questions] == [
        (("d1", "d2"), ("가", "나")),
        (("d2",), None),
        ((), ()),  # nothing supports an answer
    ]


def test_bad_autorag_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match=r"qa\.parquet: No such file"):
        read_autorag(tmp_path)
    (tmp_path / "qa.parquet").write_text("no parquet")
    with pytest.raises(DatasetUnusable, match=r"qa\.parquet: "):
        read_autorag(tmp_path)
    parquet(tmp_path / "qa.parquet", {k: v for k, v in QA.items() if k != "query"})
    with pytest.raises(DatasetUnusable, match="there is no column 'query'"):
        read_autorag(tmp_path)
    parquet(tmp_path / "qa.parquet", {**QA, "query": ["?", "", "?"]})
    parquet(tmp_path / "corpus.parquet", CORPUS)
    with pytest.raises(DatasetUnusable, match="question 2: question: "):
        read_autorag(tmp_path)


# ---- feedback


def test_exported_feedback_is_taken_as_it_is(tmp_path: Path) -> None:
    """What ``gisa feedback export`` writes: approved answers, an approved refusal, a disapproved answer."""
    told = {"now": "2026-01-05T10:00:00+09:00", "given": "…", "comment": "좋아요"}
    path = tmp_path / "feedback.jsonl"
    lines(
        path,
        {"id": "a", "question": "가?", "answers": ["인용."], "article_ids": ["1"], "type": "feedback_up", **told},
        {"id": "b", "question": "나?", "answers": [], "article_ids": [], "type": "feedback_up", **told},
        {"id": "c", "question": "다?", "answers": None, "article_ids": [], "type": "feedback_down", **told,
         "filters": {"press": ["해담일보"], "published_from": "2026-01-01"}},
    )  # fmt: skip
    approved, refusal, disapproved = read_questions(path, None).questions
    assert (approved.answerable, refusal.answerable, disapproved.answerable) == (True, False, None)
    assert approved.ask().now == approved.now is not None
    assert disapproved.ask().filters.press == ("해담일보",)
    assert not disapproved.has_gold_articles
