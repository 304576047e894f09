"""The evaluation: metrics against figures worked out by hand, data sets, the command."""

from __future__ import annotations

import json
import re
import string
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_index
from hash_embedder import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from index import SEOUL, Article, KoreanAnalyser
from service.cli import evaluation as command
from service.evaluation import corpus
from service.evaluation.comparison import compare
from service.evaluation.datasets import Dataset, DatasetUnusable, GoldQuestion, fingerprint
from service.evaluation.formats import read_questions, read_squad
from service.evaluation.judge import Judge
from service.evaluation.metrics import (
    METRICS,
    character_f1,
    contains,
    estimate,
    exact,
    normalise,
    score_retrieval,
)
from service.evaluation.report import (
    BelowFloor,
    Report,
    check_floors,
    parse_floor,
    read_report,
)
from service.evaluation.scoring import Outcome, build_report
from service.schema import Answer, Citation, Interpreted, Sentence

ROOT = Path(__file__).resolve().parent.parent

# ---- twenty questions, worked out by hand

BODY = "서울이다. 부산이다. 3명이다."
Cited = tuple[str, str, int]  # article, quote, start


def reply(sentences: Sequence[tuple[str, Sequence[int]]], cited: Sequence[Cited]) -> Answer:
    text = " ".join(said + "".join(f"[{n}]" for n in numbers) for said, numbers in sentences)
    return Answer(
        id="1",
        question="?",
        status="answered",
        text=text,
        sentences=tuple(
            Sentence(text=said, citations=tuple(numbers), support="supported")
            for said, numbers in sentences
        ),
        citations=tuple(
            Citation(
                number=number,
                article_id=article,
                title="",
                press=None,
                published_at=None,
                url=None,
                quote=quote,
                start=start,
                end=start + len(quote),
            )
            for number, (article, quote, start) in enumerate(cited, start=1)
        ),
        interpreted=Interpreted(standalone_question="?"),
        backend="stub",
        generation=1,
        timings_ms={},
    )


def one(said: str, article: str, start: int = 0) -> Answer:
    return reply([(said, [1])], [(article, said, start)])


REFUSAL = reply([], []).model_copy(
    update={"status": "no_evidence", "text": "서울은 찾지 못했습니다."}
)


def asked(
    number: int, kind: str, answers: Sequence[str], rank: int | None, answer: Answer
) -> Outcome:
    """The gold article is ``right``; it was found at ``rank``, other articles around it."""
    found = [f"other{i}" for i in range(1, 13)]
    if rank:
        found.insert(rank - 1, "right")
    question = GoldQuestion(
        id=f"q{number}",
        question="어디인가?",
        answers=tuple(answers),
        article_ids=("right",) if answers else (),
        type=kind,
    )
    return Outcome(question, tuple(found), float(number), answer, 10.0 * number)


BAD_QUOTE = reply([("부산", [1])], [("other", "부산항", 6)])
TWO_NEEDLESS = reply(
    [("서울", [1, 2, 3]), ("3명", [9])],
    [("right", "서울", 0), ("other", "부산", 6), ("third", "부산", 6)],
).model_copy(update={"text": "서울[1][2][3] 대구[8] 3명[1]"})
TWENTY = [
    asked(1, "factoid", ["서울"], 1, one("서울", "right")),
    asked(2, "factoid", ["서울"], 1, one("서울", "right")),
    asked(3, "factoid", ["서울"], 1, one("서울", "right")),
    asked(4, "factoid", ["부산항", "서울"], 1, one("서울이다", "right")),
    asked(5, "factoid", ["서울"], 1, one("서울이다", "right")),
    asked(6, "factoid", ["서울"], 2, one("서울이다", "right")),
    asked(7, "factoid", ["서울"], 4, one("부산", "other", 6)),
    asked(8, "factoid", ["서울"], None, REFUSAL),
    asked(9, "numeric", ["3 명"], 1, one("3명", "right", 12)),
    asked(10, "numeric", ["서울"], 1, one("서울이다", "right")),
    asked(11, "numeric", ["서울"], 1, one("서울이다", "right")),
    asked(12, "numeric", ["서울"], 2, one("서울이다", "right")),
    asked(13, "numeric", ["서울"], 6, BAD_QUOTE),
    asked(14, "numeric", ["서울"], 10, REFUSAL),
    asked(15, "numeric", ["서울"], None, REFUSAL),
    asked(16, "unanswerable", [], 1, REFUSAL),
    asked(17, "unanswerable", [], 1, REFUSAL),
    asked(18, "unanswerable", [], 1, REFUSAL),
    asked(19, "unanswerable", [], 1, reply([("대전 3명", [1])], [("right", "서울", 0)])),
    asked(20, "unanswerable", [], 1, TWO_NEEDLESS),
]


def in_a_quote(sentence: str, citations: Sequence[Citation]) -> bool:
    return any(sentence in c.quote for c in citations)


JUDGE = Judge(
    supports=lambda question, answer: in_a_quote,
    body_of=lambda article_id: BODY,
)


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(TWENTY, JUDGE, seed=0, config={})


def values(report: Report, group: str, kind: str | None = None) -> dict[str, float | None]:
    measured = getattr(report, group)
    estimates = measured.overall if kind is None else measured.by_type[kind]
    return {metric: estimate.value for metric, estimate in estimates.items()}


def test_retrieval_by_hand(report: Report) -> None:
    # Ranks: 1 eight times, 2 twice, 4, 6, 10, and twice not found; 15 questions have an answer.
    # ndcg: 8 + 2/log2(3) + 1/log2(5) + 1/log2(7) + 1/log2(11) = 10.337809
    assert values(report, "retrieval") == {
        "recall@1": pytest.approx(8 / 15, abs=1e-6),
        "recall@5": pytest.approx(11 / 15, abs=1e-6),
        "recall@10": pytest.approx(13 / 15, abs=1e-6),
        "mrr@10": pytest.approx((8 + 2 / 2 + 1 / 4 + 1 / 6 + 1 / 10) / 15, abs=1e-6),
        "ndcg@10": pytest.approx(10.337809 / 15, abs=1e-6),
    }


def test_answers_by_hand(report: Report) -> None:
    # Four say the answer alone, six say 서울이다 (f1 4/6), two are wrong, three refuse.
    assert values(report, "answers") == {
        "contains": pytest.approx(10 / 15, abs=1e-6),
        "f1": pytest.approx((4 + 6 * 4 / 6) / 15, abs=1e-6),
        "exact": pytest.approx(4 / 15, abs=1e-6),
    }


def test_citations_by_hand(report: Report) -> None:
    # Fifteen sentences, of which 대전 3명 and the second 3명 lack support; sixteen citations, of
    # which 서울 under 대전 and both 부산 under 서울 are no use, and 부산항 is not at its place.
    # [8] stands in a text and 9 at a sentence, and neither is a citation.
    assert values(report, "citations") == {
        "support_recall": pytest.approx(13 / 15, abs=1e-6),
        "support_precision": pytest.approx(13 / 16, abs=1e-6),
        "article_precision": pytest.approx(10 / 12, abs=1e-6),
        "article_recall": pytest.approx(10 / 15, abs=1e-6),
        "numeric_support": pytest.approx(1 / 3, abs=1e-6),
        "exact_quote": pytest.approx(15 / 16, abs=1e-6),
        "invalid_markers": 2.0,
        "quoted": 0.0,
        "supported": 1.0,
        "reworded": 0.0,
    }


def test_abstention_by_hand(report: Report) -> None:
    # Six refusals, three of them right; five questions without an answer.
    assert values(report, "abstention") == {
        "precision": pytest.approx(3 / 6, abs=1e-6),
        "recall": pytest.approx(3 / 5, abs=1e-6),
        "f1": pytest.approx(6 / 11, abs=1e-6),
        "false_refusals": pytest.approx(3 / 15, abs=1e-6),
        "related": 0.0,
        "lead_gold": None,
    }


def leads(*articles: str) -> Answer:
    """Near articles in the place of an answer; their quotes hold the right one, which counts for nothing."""
    near = reply([], [(article, "서울", 0) for article in articles])
    return near.model_copy(update={"status": "related", "text": "서울은 찾지 못했습니다."})


def test_leads_by_hand() -> None:
    # Of four questions with an answer one is answered, one refused, two get leads: one to the right
    # article, which is neither, and one elsewhere, which is a refusal. Leads where there is no
    # answer are a right refusal.
    outcomes = [
        asked(1, "factoid", ["서울"], 1, one("서울", "right")),
        asked(2, "factoid", ["서울"], 1, REFUSAL),
        asked(3, "factoid", ["서울"], 1, leads("other", "right")),
        asked(4, "factoid", ["서울"], 1, leads("other", "third")),
        asked(5, "unanswerable", [], 1, leads("other")),
    ]
    report = build_report(outcomes, JUDGE, seed=0, config={})
    assert values(report, "abstention") == {
        "precision": pytest.approx(1 / 3, abs=1e-6),
        "recall": 1.0,
        "f1": pytest.approx(2 / 4, abs=1e-6),
        "false_refusals": 0.5,
        "related": 0.6,
        "lead_gold": 0.5,
    }
    assert values(report, "abstention", "unanswerable")["lead_gold"] is None
    assert values(report, "answers")["contains"] == 0.25
    cited = values(report, "citations")
    assert (cited["article_precision"], cited["article_recall"]) == (1.0, 0.25)
    assert cited["exact_quote"] == 1.0
    assert [r.status for r in report.questions[2:]] == ["related"] * 3


def test_leads_to_a_copy_of_the_story_lead_to_it() -> None:
    question = GoldQuestion(
        id="q", question="?", answers=("서울",), article_ids=("wire",), type=None
    )
    judge = Judge(JUDGE.supports, JUDGE.body_of, lambda name: name.replace("copy", "wire"))
    outcome = Outcome(question, (), 1.0, leads("copy"), 1.0)
    found = values(build_report([outcome], judge, seed=0, config={}), "abstention")
    assert (found["lead_gold"], found["false_refusals"]) == (1.0, 0.0)


def test_by_type(report: Report) -> None:
    assert list(report.answers.by_type) == ["factoid", "numeric", "unanswerable"]
    assert values(report, "retrieval", "factoid")["recall@5"] == pytest.approx(7 / 8)
    assert values(report, "abstention", "numeric")["false_refusals"] == pytest.approx(2 / 7, 1e-5)


def test_what_no_question_takes_part_in_is_null(report: Report) -> None:
    for group in ("retrieval", "answers"):
        assert set(values(report, group, "unanswerable").values()) == {None}
    assert report.retrieval.by_type["unanswerable"]["ndcg@10"].ci95 == (None, None)
    assert values(report, "abstention", "factoid")["recall"] is None


def test_latency(report: Report) -> None:
    assert report.latency_ms.retrieval.p50 == 10.5
    assert report.latency_ms.answer.p95 == pytest.approx(190.5)


def test_scores_of_one_question(report: Report) -> None:
    assert report.questions[5].scores == {
        "retrieval.recall@1": 0.0,
        "retrieval.recall@5": 1.0,
        "retrieval.recall@10": 1.0,
        "retrieval.mrr@10": 0.5,
        "retrieval.ndcg@10": 0.63093,
        "answers.contains": 1.0,
        "answers.f1": 0.666667,
        "answers.exact": 0.0,
        "citations.support_recall": 1.0,
        "citations.support_precision": 1.0,
        "citations.article_precision": 1.0,
        "citations.article_recall": 1.0,
        "citations.exact_quote": 1.0,
        "citations.invalid_markers": 0.0,
        "citations.quoted": 0.0,
        "citations.supported": 1.0,
        "citations.reworded": 0.0,
        "abstention.false_refusals": 0.0,
        "abstention.related": 0.0,
    }


def test_a_copy_of_the_story_is_as_good_as_the_original() -> None:
    question = GoldQuestion(
        id="q", question="?", answers=("서울",), article_ids=("wire", "copy"), type=None
    )
    outcome = Outcome(question, ("other", "third", "other2"), 1.0, one("서울", "third"), 1.0)
    same_story = {"copy": "wire", "third": "wire", "other2": "other"}
    judge = Judge(JUDGE.supports, JUDGE.body_of, lambda name: same_story.get(name, name))
    report = build_report([outcome], judge, seed=0, config={})
    assert report.questions[0].scores["retrieval.recall@5"] == 1.0
    assert report.questions[0].scores["retrieval.mrr@10"] == 0.5
    assert report.questions[0].scores["citations.article_recall"] == 1.0


def test_several_right_articles_by_hand() -> None:
    # Right are a, b and c; found are a, x, b; cited are a and x.
    question = GoldQuestion(id="q", question="?", answers=("서울",), article_ids=("a", "b", "c"))
    answer = reply([("서울", [1]), ("서울", [2])], [("a", "서울", 0), ("x", "서울", 0)])
    outcome = Outcome(question, ("a", "x", "b"), 1.0, answer, 1.0)
    measured = build_report([outcome], JUDGE, seed=0, config={})
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert values(measured, "retrieval") == {
        "recall@1": pytest.approx(1 / 3, abs=1e-6),
        "recall@5": pytest.approx(2 / 3, abs=1e-6),
        "recall@10": pytest.approx(2 / 3, abs=1e-6),
        "mrr@10": 1.0,
        "ndcg@10": pytest.approx((1 + 1 / np.log2(4)) / ideal, abs=1e-6),
    }
    assert values(measured, "citations")["article_precision"] == 0.5
    assert values(measured, "citations")["article_recall"] == pytest.approx(1 / 3, abs=1e-6)


def test_citations_that_support_only_together_are_needed() -> None:
    # 서울 and 부산 each hold one word of two: neither supports alone, neither can go; 대구 can.
    def both_words(said: str, places: Sequence[Citation]) -> bool:
        return set(said.split()) <= {c.quote for c in places}

    cited = [("a", "서울", 0), ("b", "부산", 0), ("c", "대구", 0)]
    together = Judge(
        supports=lambda question, answer: both_words,
        body_of=JUDGE.body_of,
    )
    question = GoldQuestion(id="q", question="?", answers=("서울",), article_ids=("a",))
    outcome = Outcome(question, (), 1.0, reply([("서울 부산", [1, 2, 3])], cited), 1.0)
    measured = values(build_report([outcome], together, seed=0, config={}), "citations")
    assert measured["support_recall"] == 1.0
    assert measured["support_precision"] == pytest.approx(2 / 3, abs=1e-6)


def test_an_outlet_is_no_part_of_what_its_quote_supports(tmp_path: Path) -> None:
    small_index.build(tmp_path)
    judge = Judge.of(small_index.open_answerer(tmp_path).index, datetime(2026, 6, 1, tzinfo=SEOUL))
    answer = one("새 청사를 연다", "right")
    cited = [answer.citations[0].model_copy(update={"press": "해담일보"})]
    supports = judge.supports(TWENTY[0].question, answer)
    assert supports is not None
    assert supports("해담일보에 따르면 새 청사를 연다", cited)
    assert not supports("은솔신문에 따르면 새 청사를 연다", cited)


def test_nothing_retrieved_scores_nothing() -> None:
    assert score_retrieval({"q": []}, {"q": {"a": 1}})["q"]["ndcg@10"] == (0.0, 1.0)
    assert score_retrieval({"q": ["a"]}, {}) == {}


# ---- texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1989년 2월 15일", "1989년 2월 15일"),
        ("《춘향전》(春香傳)", "춘향전 春香傳"),
        ("‘임을 위한   행진곡’.", "임을 위한 행진곡"),
        ('<3,500명>의 "KBS" 직원\'들', "3500명 의 kbs 직원 들"),
        ("약 3.5%", "약 35"),  # so does the official script
        ("“평화”", "“평화”"),  # it leaves curly double quotes alone
        ("!?", ""),
    ],
)
def test_normalisation_of_korquad(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("answer", "gold", "f1"),
    [
        ("서울", "서울", 1.0),
        ("서울 특별시", "서울특별시", 1.0),
        ("서울이다", "서울", 2 * 1 / 2 * 1 / (1 / 2 + 1)),
        ("부산", "서울", 0.0),
        ("", "서울", 0.0),
        ("!", "!", 0.0),
    ],
)
def test_character_f1(answer: str, gold: str, f1: float) -> None:
    assert character_f1(answer, gold) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("총사업비는 4820억원이다.", "4,820억 원", True),
        ("인구는 1,234,567명이다.", "1234567 명", True),
        ("1, 2, 300이다.", "12300", False),
        ("물결 마당이 뽑혔다.", "물결마당", True),
        ("서울이다.", "부산", False),
        ("\u1112\u1161\u11ab국", "한국", True),  # decomposed
    ],
)
def test_contains(answer: str, gold: str, expected: bool) -> None:
    assert contains(answer, gold) is expected


def test_exact_whatever_the_spacing() -> None:
    assert exact("‘4,820억원’", "4820억 원")
    assert not exact("4820억 원이다", "4820억 원")


def test_markers_are_no_part_of_an_answer() -> None:
    question = GoldQuestion(id="q", question="?", answers=("1",), article_ids=(), type=None)
    outcome = Outcome(question, (), 1.0, one("서울", "a"), 1.0)
    report = build_report([outcome], JUDGE, seed=0, config={})
    assert report.answers.overall["contains"].value == 0.0


def official_normalisation(text: str) -> str:
    """KorQuAD's evaluate-v1.0.py told step by step: an independent account of what it does."""
    for sign in ("'", '"', "《", "》", "<", ">", "〈", "〉", "(", ")", "‘", "’"):
        text = re.sub(re.escape(sign), " ", text)
    kept = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(kept.split())


KORQUAD_LETTERS = st.text("가나1 ,.'\"《》<>〈〉()‘’“”「」·-_\t\u00a0AaİßΣ[]{}", max_size=12)


@given(KORQUAD_LETTERS)
def test_normalisation_is_that_of_the_official_script(text: str) -> None:
    assert normalise(text) == official_normalisation(text)


@given(KORQUAD_LETTERS, KORQUAD_LETTERS)
def test_f1_is_that_of_the_official_script(answer: str, gold: str) -> None:
    said, right = ("".join(official_normalisation(text).split()) for text in (answer, gold))
    common = sum(min(said.count(letter), right.count(letter)) for letter in set(said))
    precision, recall = common / max(len(said), 1), common / max(len(right), 1)
    f1 = 2 * precision * recall / (precision + recall) if common else 0.0
    assert character_f1(answer, gold) == pytest.approx(f1)
    assert exact(answer, gold) >= (official_normalisation(answer) == official_normalisation(gold))


def test_letters_may_be_decomposed() -> None:
    assert exact("\u1112\u1161\u11ab국", "한국")
    assert character_f1("\u1112\u1161\u11ab국", "한국") == 1.0


@given(st.text(), st.text())
def test_f1_is_symmetric_and_bounded(left: str, right: str) -> None:
    assert character_f1(left, right) == character_f1(right, left)
    assert 0.0 <= character_f1(left, right) <= 1.0


# ---- intervals


def test_intervals_are_a_function_of_the_seed() -> None:
    first, again, other = (build_report(TWENTY, JUDGE, seed=s, config={}) for s in (1, 1, 2))
    assert first == again
    assert first.answers.overall["contains"].value == other.answers.overall["contains"].value
    assert first.answers.overall["contains"].ci95 != other.answers.overall["contains"].ci95


def test_interval_of_a_proportion_agrees_with_theory() -> None:
    rows = [{"answers.exact": (float(i % 2), 1.0)} for i in range(400)]
    low, high = estimate(rows, seed=0)["answers.exact"].ci95
    half_width = 1.96 * np.sqrt(0.5 * 0.5 / 400)
    assert low == pytest.approx(0.5 - half_width, abs=0.01)
    assert high == pytest.approx(0.5 + half_width, abs=0.01)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=20))
def test_intervals_hold_their_value(cases: list[tuple[bool, bool]]) -> None:
    rows = [{"answers.exact": (float(right and part), float(part))} for right, part in cases]
    result = estimate(rows, seed=0)["answers.exact"]
    if not any(part for _, part in cases):
        assert (result.value, result.ci95) == (None, (None, None))
    else:
        low, high = result.ci95
        assert low is not None
        assert high is not None
        assert 0.0 <= low <= high <= 1.0
        assert result.value == pytest.approx(
            sum(r and p for r, p in cases) / sum(p for _, p in cases), abs=1e-6
        )


def test_one_question_shows_no_spread() -> None:
    rows = [{"answers.f1": (0.4, 1.0), "answers.exact": (1.0, 1.0)}]
    found = estimate(rows, seed=0)
    assert (found["answers.f1"].value, found["answers.f1"].ci95) == (0.4, (None, None))
    assert found["answers.exact"].ci95 == (0.025, 1.0)


# ---- floors


@pytest.mark.parametrize(
    ("bound", "missed"),
    [
        ("answers.exact=0.26", None),  # 4 of 15 are .267
        ("answers.exact=0.27", "answers.exact is 0.2667, its floor is 0.27"),
        ("citations.invalid_markers=2", None),
        ("citations.invalid_markers=1", "invalid_markers is 2, its ceiling is 1"),
        ("abstention.false_refusals=0.1", "false_refusals is 0.2, its ceiling is 0.1"),
    ],
)
def test_bounds(report: Report, bound: str, missed: str | None) -> None:
    with pytest.raises(BelowFloor, match=missed) if missed else nullcontext():
        check_floors(report, [parse_floor(bound)])


def test_every_backend_is_held_to_the_bounds(report: Report) -> None:
    better = build_report(TWENTY[:6], JUDGE, seed=0, config={"backend": "good"})
    worse = report.model_copy(update={"config": {"backend": "bad"}})
    both = better.model_copy(update={"others": (worse,)})
    with pytest.raises(BelowFloor, match=r"^answers.contains of bad is 0.6667, its floor is 0.9$"):
        check_floors(both, [("answers.contains", 0.9)])


# ---- data sets


def squad_file(path: Path, *paragraphs: tuple[str, Sequence[dict[str, Any]]]) -> Path:
    content = [{"context": context, "qas": list(qas)} for context, qas in paragraphs]
    path.write_text(json.dumps({"data": [{"title": "문서", "paragraphs": content}]}), "utf-8")
    return path


def qa(name: str, *answers: str, **more: Any) -> dict[str, Any]:
    texts = [{"text": answer, "answer_start": 0} for answer in answers]
    return {"id": name, "question": f"{name}은 무엇인가?", "answers": texts, **more}


def articles(dataset: Dataset) -> list[Article]:
    assert not isinstance(dataset.corpus, Path | None)
    return list(dataset.corpus)


def test_squad_merges_paragraphs_that_are_the_same(tmp_path: Path) -> None:
    path = squad_file(
        tmp_path / "squad.json",
        ("첫째 문단.", [qa("가", "첫째"), qa("나", "첫째", "첫째")]),
        ("둘째 문단.", [qa("다", "둘째"), qa("라", "둘째", is_impossible=True)]),
        ("첫째 문단.", [qa("마", "문단")]),
    )
    dataset = read_squad(path)
    assert [(a.id, a.title, a.body) for a in articles(dataset)] == [
        ("1", "문서", "첫째 문단."),
        ("2", "문서", "둘째 문단."),
    ]
    assert [q.article_ids for q in dataset.questions] == [("1",), ("1",), ("2",), (), ("1",)]
    assert [q.answers for q in dataset.questions][1:4] == [("첫째",), ("둘째",), ()]
    assert dataset.merged_paragraphs == 1


def test_squad_bodies_are_nfc(tmp_path: Path) -> None:
    path = squad_file(tmp_path / "squad.json", ("\u1112\u1161\u11ab국.\n\n둘째", [qa("가", "한")]))
    assert articles(read_squad(path))[0].body == "한국.\n\n둘째"


def test_questions_by_type_and_sample(tmp_path: Path) -> None:
    lines = [
        {"id": str(i), "question": "?", "answers": [], "article_ids": [], "type": "ab"[i % 2]}
        for i in range(30)
    ]
    path = questions_file(tmp_path, *lines)
    dataset = read_questions(path, None)
    sample = dataset.sample(10, seed=3)
    assert len(sample.questions) == 10
    assert sample == dataset.sample(10, seed=3) != dataset.sample(10, seed=4)
    assert sorted(sample.questions, key=lambda q: int(q.id)) == list(sample.questions)
    assert {q.type for q in dataset.of_types(["b"]).questions} == {"b"}
    with pytest.raises(DatasetUnusable, match="no question has the type c"):
        dataset.of_types(["c"])


def questions_file(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "questions.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), "utf-8")
    return path


GOOD = {"id": "1", "question": "?", "answers": ["가"], "article_ids": ["1"]}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{}"], r"questions.jsonl:1: id: Field required"),
        ([GOOD, "", "{oops"], r"questions.jsonl:3: Invalid JSON"),
        ([GOOD, GOOD], "the question id 1 occurs more than once"),
        ([""], "there is no question in it"),
        ([{**GOOD, "answers": "가"}], "1: answers: Input should be"),
        ([{**GOOD, "question": "가" * 1001}], "question 1: question: .*1,001자"),
    ],
)
def test_bad_questions_are_named(
    tmp_path: Path, lines: list[dict[str, Any] | str], message: str
) -> None:
    with pytest.raises(DatasetUnusable, match=message):
        read_questions(questions_file(tmp_path, *lines), None)


def test_a_line_may_hold_any_separator_that_json_allows(tmp_path: Path) -> None:
    path = questions_file(
        tmp_path, json.dumps({**GOOD, "question": "가\u2028나"}, ensure_ascii=False)
    )
    assert read_questions(path, None).questions[0].question == "가\u2028나"


def test_fingerprint_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = fingerprint(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, fingerprint(tmp_path)}) == 3


def test_korquad_when_it_is_there() -> None:
    path = ROOT.parent / "shared/data/KorQuAD_v1.0_dev.json"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    dataset = read_squad(path)
    assert (len(dataset.questions), len(articles(dataset))) == (5774, 961)
    assert dataset.merged_paragraphs == 3


# ---- the command


PARAGRAPHS = (
    (
        "해담시는 윤슬대교를 2026년 3월에 연다. 공사비는 4,820억 원이다.",
        "윤슬대교 공사비는?",
        "4,820억 원",
    ),
    ("누리셀은 배터리 공장을 세운다. 공장장은 문가람이다.", "누리셀 배터리 공장장은?", "문가람"),
    (
        "블루웨일즈가 개막전에서 이겼다. 결승골은 강나루가 넣었다.",
        "개막전 결승골은 누가?",
        "강나루",
    ),
)

Run = Callable[..., int]


@pytest.fixture(scope="module")
def analyser() -> KoreanAnalyser:
    return KoreanAnalyser()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    """Runs the command with the small embedder; returns its exit status."""
    for module in ("index.build", "index.retrieve", "service.wiring"):
        # Loading it takes seconds: share one.
        monkeypatch.setattr(
            f"{module}.KoreanAnalyser", lambda **_: request.getfixturevalue("analyser")
        )
    monkeypatch.setattr("service.wiring.build_embedder", lambda settings: HashEmbedder(256))
    monkeypatch.setattr(corpus, "build_embedder", lambda settings: HashEmbedder(256))
    monkeypatch.chdir(tmp_path)

    def execute(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            command.main()
        code = exit_.value.code
        assert code is None or isinstance(code, int)
        return code or 0

    return execute


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    paragraphs = [
        (context, [{**qa(str(i), answer), "question": question}])
        for i, (context, question, answer) in enumerate(PARAGRAPHS)
    ]
    return squad_file(tmp_path / "squad.json", *paragraphs)


def test_command_writes_the_contract(
    run: Run,
    squad: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, page = tmp_path / "out.json", tmp_path / "deep/out.html"
    monkeypatch.setenv("GISA_BACKEND", "stub")
    cache = ("--cache", tmp_path / "c")
    assert run("--squad", squad, "--json", out, "--report", page, *cache) == 0
    document = json.loads(out.read_text("utf-8"))
    further = ["recall_curve", "risk_coverage", "questions", "titles", "ablation", "others"]
    assert list(document) == [*METRICS, "latency_ms", "config", *further]
    for group, metrics in METRICS.items():
        judged = ["judged_by", "not_judged"] if group == "citations" else []
        assert list(document[group]) == ["overall", "by_type", "by_slice", *judged]
        assert list(document[group]["overall"]) == list(metrics)
        for measured in document[group]["overall"].values():
            assert set(measured) == {"value", "ci95"}
            assert len(measured["ci95"]) == 2
    assert document["retrieval"]["overall"]["recall@1"] == {"value": 1.0, "ci95": [0.292402, 1.0]}
    assert document["citations"]["overall"]["invalid_markers"]["value"] == 0
    assert set(document["latency_ms"]["answer"]) == {"p50", "p95", "p99"}
    assert {"understand", "retrieve", "compose", "verify"} <= set(document["latency_ms"]["stages"])
    config = document["config"]
    assert config["dataset"]["files"] == [{"path": str(squad), "sha256": fingerprint(squad)}]
    assert (config["embedder"], config["backend"]) == ("hash-256", "stub")
    assert (config["generation"], config["seed"], config["index"]["articles"]) == (1, 0, 3)
    assert {"command", "settings", "versions", "started_at", "now"} <= set(config)
    html = page.read_text("utf-8")
    assert "블루웨일즈" in html  # an answer of the stub that is wrong
    assert "http" not in html.split("Configuration")[0]  # self-contained

    # The kept index can be asked by itself, and gives the same.
    capsys.readouterr()
    (kept,) = (tmp_path / "c").iterdir()
    assert run("--squad", squad, "--index", kept, "--compare", out) == 0
    assert "Nothing changed." in capsys.readouterr().out


def test_backends_side_by_side_and_parts_of_retrieval(
    run: Run,
    squad: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    monkeypatch.setenv("GISA_BACKEND", "stub")
    backends = ("--backend", "stub", "--backend", "extractive", "--backend", "stub")
    parts = ("--ablate", "dense,bm25,rrf,fusion,header", "--cache", tmp_path / "cache")
    assert run("--squad", squad, *backends, *parts, "--json", out, "--report", page) == 0
    report = read_report(out)
    assert [measured.backend for measured in report.all_backends] == ["stub", "extractive"]
    assert report.others[0].retrieval == report.retrieval
    assert all(question.confidence for question in report.others[0].questions)
    assert report.ablation["all"].questions == 3
    assert list(report.ablation["all"].methods) == ["dense", "bm25", "rrf", "fusion", "header"]
    assert len(list((tmp_path / "cache").iterdir())) == 2  # one without titles
    assert "the same, passages not found by their title" in page.read_text("utf-8")
    assert "header" in capsys.readouterr().out

    assert run("--squad", squad, "--ablate", "magic") == 2
    assert "no part of retrieval is called 'magic'" in capsys.readouterr().err
    assert run("--squad", squad, "--ablate", "rerank") == 2
    assert "rerank needs GISA_RERANK_MODEL" in capsys.readouterr().err
    kept, _ = (tmp_path / "cache").iterdir()
    assert run("--squad", squad, "--index", kept, *parts[:2]) == 2
    assert "articles can't lose their titles" in capsys.readouterr().err


def test_retrieval_only_and_floors(
    run: Run, squad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    arguments = ("--squad", squad, "--retrieval-only", "--json", out, "--limit", "2", "--seed", "5")
    floor = ("--fail-under", "retrieval.ndcg@10=0.5")
    assert run(*arguments, *floor, "--fail-under", "answers.contains=0.9") == 1
    assert "answers.contains is –, its floor is 0.9" in capsys.readouterr().err
    document = json.loads(out.read_text("utf-8"))
    assert document["config"]["dataset"]["questions"] == 2
    assert document["answers"]["overall"]["f1"] == {"value": None, "ci95": [None, None]}
    assert document["latency_ms"]["answer"] == {"p50": None, "p95": None, "p99": None}


def test_articles_may_be_named_by_their_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name, (context, _, _) in zip(("bridge", "plant", "match"), PARAGRAPHS, strict=True):
        record = {"title": name, "body": context, "press": "해담일보", "published_at": "2026-03-01"}
        (folder / f"{name}.jsonl").write_text(json.dumps(record), "utf-8")
    lines = [
        {"id": "1", "question": PARAGRAPHS[0][1], "answers": ["가"], "article_ids": ["bridge"]},
        {"id": "2", "question": PARAGRAPHS[1][1], "answers": ["가"], "article_ids": ["gone"]},
    ]
    questions, out = questions_file(tmp_path, *lines), tmp_path / "out.json"
    arguments = ("--corpus", folder, "--questions", questions, "--retrieval-only")
    assert run(*arguments, "--json", out) == 0
    document = json.loads(out.read_text("utf-8"))
    assert document["retrieval"]["overall"]["recall@10"]["value"] == 1
    assert document["config"]["absent_articles"] == ["gone"]  # its question is left out

    questions_file(tmp_path, lines[1])
    capsys.readouterr()
    assert run(*arguments) == 2
    assert "the index holds none of the 1 articles" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --squad FILE"),
        (("--squad", "x.json", "--questions", "y.jsonl"), "give --squad FILE"),
        (("--questions", "y.jsonl", "--corpus", "c", "--index", "i"), "give --squad FILE"),
        (("--squad", "absent.json"), "absent.json: No such file"),
        (("--squad", "bad.json"), "bad.json: Invalid JSON"),
        (("--squad", "other.json"), "other.json: data: Field required"),
        (("--questions", "y.jsonl", "--corpus", "absent"), "absent: there is no such file"),
        (("--squad", "x.json", "--fail-under", "ndcg=1"), "no metric is called 'ndcg'"),
        (("--squad", "x.json", "--fail-under", "answers.f1=high"), "not of the form METRIC=VALUE"),
        (("--squad", "x.json", "--fail-under", "answers.f1=nan"), "nan is not a finite number"),
        (("--squad", "x.json", "--compare", "other.json"), "not a report of an evaluation"),
        (("--squad", "x.json", "--limit", "0"), "--limit"),
    ],
)
def test_usage_errors(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "other.json").write_text("{}")
    assert run(*arguments) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in said


def test_no_index_is_status_3(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = questions_file(tmp_path, GOOD)
    assert run("--questions", questions, "--index", tmp_path / "none") == 3
    assert "gisa index add" in capsys.readouterr().err


def test_comparison_names_the_questions_that_changed(tmp_path: Path, report: Report) -> None:
    better = [*TWENTY]
    better[7] = asked(8, "factoid", ["서울"], 3, one("서울", "right"))
    new = build_report(better, JUDGE, seed=0, config={})
    changes = {d.metric: d for d in compare(report, new).differences}
    assert changes["answers.contains"].better == ("q8",)
    assert changes["answers.contains"].change == pytest.approx(1 / 15, abs=1e-5)
    assert changes["retrieval.recall@5"].better == ("q8",)
    assert changes["abstention.false_refusals"].better == ("q8",)
    assert "retrieval.recall@1" not in changes
    assert compare(report, report).differences == ()
    saved = tmp_path / "report.json"
    saved.write_text(report.model_dump_json(), "utf-8")
    assert read_report(saved) == report


def test_a_report_of_other_questions_is_no_comparison(
    run: Run, squad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], report: Report
) -> None:
    """Neither by id, nor by ids that other questions have as well."""
    old = tmp_path / "old.json"
    renamed = tuple(r.model_copy(update={"id": str(i)}) for i, r in enumerate(report.questions))
    old.write_text(report.model_copy(update={"questions": renamed}).model_dump_json(), "utf-8")
    assert run("--squad", squad, "--compare", old) == 2
    assert "none of its 20 questions is asked here" in capsys.readouterr().err


def test_the_script_starts_from_any_folder(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "scripts/evaluate.py"), "--help"]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--retrieval-only" in done.stdout
