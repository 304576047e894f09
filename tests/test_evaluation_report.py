"""What a report adds to its metrics: risk and coverage, paired tests, slices, plots, the page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import analyser
from test_evaluation import JUDGE, REFUSAL, TWENTY, asked, leads, one

from index import SEOUL
from service.evaluation.cards import verdict
from service.evaluation.charts import Axis, share_axis, time_axis
from service.evaluation.comparison import compare
from service.evaluation.datasets import GoldQuestion
from service.evaluation.judge import Judge
from service.evaluation.metrics import estimate
from service.evaluation.page import render
from service.evaluation.report import Report
from service.evaluation.scoring import Forced, Outcome, build_report
from service.evaluation.selective import MAX_POINTS, Case, risk_coverage
from service.evaluation.slices import slices_of

NOW = datetime(2026, 6, 1, tzinfo=SEOUL)


def report_of(outcomes: Sequence[Outcome], backend: str = "stub", judge: Judge = JUDGE) -> Report:
    return build_report(outcomes, judge, seed=0, config={"backend": backend})


# ---- risk and coverage


def test_risk_and_coverage_by_hand() -> None:
    # Sure to unsure: right, wrong, right + right (equally sure), wrong and held back. Five of six asked.
    cases = [Case(0.9, False, True), Case(0.7, True, True), Case(0.4, False, True)]
    cases += [Case(0.4, False, True), Case(0.1, True, False)]
    curve = risk_coverage(cases, 6)
    assert curve is not None
    assert [(p.threshold, p.coverage, p.risk) for p in curve.points] == [
        (0.9, pytest.approx(1 / 6, abs=1e-6), 0.0),
        (0.7, pytest.approx(2 / 6, abs=1e-6), 0.5),
        (0.4, pytest.approx(4 / 6, abs=1e-6), 0.25),
        (0.1, pytest.approx(5 / 6, abs=1e-6), 0.4),
    ]
    assert (curve.coverage, curve.risk) == (pytest.approx(4 / 6, abs=1e-6), 0.25)
    assert curve.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4 + 2 / 5) / 5, abs=1e-6)
    assert risk_coverage([], 6) is None


def test_equally_sure_answers_have_no_order() -> None:
    # Three equally sure, one of them wrong: a third of each is, so the risk is 1/3 all along.
    for wrong in ((True, False, False), (False, False, True)):
        curve = risk_coverage([Case(0.5, w, True) for w in wrong], 3)
        assert curve is not None
        assert curve.aurc == pytest.approx(1 / 3, abs=1e-6)
        assert len(curve.points) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=400))
def test_the_curve_rises_in_coverage_and_ends_with_all(
    rows: list[tuple[float, bool, bool]],
) -> None:
    cases = [Case(confidence, wrong, given) for confidence, wrong, given in rows]
    curve = risk_coverage(cases, len(cases))
    assert curve is not None
    coverages = [point.coverage for point in curve.points]
    assert coverages == sorted(set(coverages))
    assert len(coverages) <= MAX_POINTS
    assert (coverages[-1], curve.points[-1].risk) == (
        1.0,
        pytest.approx(np.mean([c.wrong for c in cases]), abs=1e-6),
    )


def test_held_back_answers_are_on_the_curve_of_extractive_alone() -> None:
    held_back = Forced(0.2, one("서울", "right"))
    outcomes = [
        Outcome(
            TWENTY[0].question,
            (),
            1.0,
            one("서울", "right"),
            1.0,
            Forced(0.8, one("서울", "right")),
        ),
        Outcome(TWENTY[7].question, (), 1.0, REFUSAL, 1.0, held_back),
        Outcome(TWENTY[19].question, (), 1.0, TWENTY[19].answer, 1.0, Forced(0.5, REFUSAL)),
    ]
    curve = report_of(outcomes).risk_coverage
    assert curve is not None
    assert [(p.threshold, p.risk) for p in curve.points] == [(0.8, 0.0), (0.5, 0.5)]
    extractive = [
        o.answer.model_copy(update={"backend": "extractive"}) for o in outcomes if o.answer
    ]
    refused = Outcome(TWENTY[7].question, (), 1.0, extractive[1], 1.0, held_back)
    curve = report_of([outcomes[0], refused, outcomes[2]]).risk_coverage
    assert curve is not None
    assert [(p.threshold, p.risk) for p in curve.points][-1] == (
        0.2,
        pytest.approx(1 / 3, abs=1e-6),
    )
    assert curve.coverage == pytest.approx(2 / 3, abs=1e-6)


# ---- pairs


def test_the_permutation_test_by_hand() -> None:
    # Six questions became right and none wrong: all six swaps have to fall the same way.
    right = [True] * 30 + [False] * 10
    now_right = [True] * 36 + [False] * 4
    outcomes = [
        [
            asked(i, "x", ["서울"], 1, one("서울" if r else "부산", "right"))
            for i, r in enumerate(side)
        ]
        for side in (right, now_right)
    ]
    (change,) = (
        d for d in compare(*map(report_of, outcomes)).differences if d.metric == "answers.contains"
    )
    assert change.p == pytest.approx(2 / 2**6, abs=0.006)
    assert (change.old, change.new, change.better) == (
        0.75,
        0.9,
        tuple(f"q{i}" for i in range(30, 36)),
    )
    assert 0 < change.ci95[0] < 0.15 < change.ci95[1] < 0.3


def test_pairs_are_kept_by_the_interval_and_the_test() -> None:
    # The same right answers over other questions: nothing but the pairs differs, and the change is 0.
    right = {"a": range(15), "b": range(15, 30)}
    old, new = (
        report_of(
            [
                asked(i, "x", ["서울"], 1, one("서울" if i in side else "부산", "right"))
                for i in range(30)
            ]
        )
        for side in right.values()
    )
    (change,) = (d for d in compare(old, new).differences if d.metric == "answers.contains")
    assert (change.change, change.p) == (0.0, 1.0)
    # Each question's own change is +1 or -1: the mean of 30 has a standard deviation of 1/sqrt(30).
    assert change.ci95[1] - change.ci95[0] == pytest.approx(2 * 1.96 / np.sqrt(30), abs=0.08)


def test_a_swap_without_any_case_is_no_evidence() -> None:
    # A right refusal in one report, a wrong one in the other: a swap leaves one of them without any.
    old, new = [*TWENTY[15:16], *TWENTY[:1]], [*TWENTY[15:16], *TWENTY[:1]]
    new[0] = asked(16, "unanswerable", [], 1, one("서울", "right"))
    new[1] = asked(1, "factoid", ["서울"], 1, REFUSAL)
    differences = compare(report_of(old), report_of(new)).differences
    (change,) = (d for d in differences if d.metric == "abstention.precision")
    assert (change.old, change.new, change.p) == (1.0, 0.0, 1.0)


def test_leads_are_neither_better_nor_worse_but_where_they_lead_is() -> None:
    old = [asked(1, "factoid", ["서울"], 1, leads("other")), *TWENTY[:1]]
    new = [asked(1, "factoid", ["서울"], 1, leads("right")), *TWENTY[:1]]
    old[1] = asked(2, "factoid", ["서울"], 1, one("서울", "right"))
    new[1] = asked(2, "factoid", ["서울"], 1, leads("right"))
    changes = {d.metric: d for d in compare(report_of(old), report_of(new)).differences}
    related = changes["abstention.related"]
    assert (related.old, related.new, related.better, related.worse) == (0.5, 1.0, (), ())
    assert (changes["abstention.lead_gold"].old, changes["abstention.lead_gold"].new) == (0.0, 1.0)
    assert changes["abstention.lead_gold"].better == ("q1",)
    assert changes["abstention.false_refusals"].better == ("q1",)


def test_only_questions_of_both_reports_are_compared() -> None:
    changes = compare(report_of(TWENTY[:10], "a"), report_of(TWENTY[5:], "b"))
    assert (changes.questions, changes.left_out, changes.differences) == (5, 15, ())
    assert (changes.old, changes.new) == ("a", "b")
    assert compare(report_of(TWENTY[:3]), report_of(TWENTY[3:])).questions == 0


def test_no_failure_is_no_proof_that_there_are_none() -> None:
    flawless = [{"answers.exact": (1.0, 1.0)}] * 30
    assert estimate(flawless, seed=0)["answers.exact"].ci95 == (pytest.approx(0.884, abs=5e-4), 1.0)
    hopeless = [{"answers.exact": (0.0, 1.0)}] * 30
    assert estimate(hopeless, seed=0)["answers.exact"].ci95 == (0.0, pytest.approx(0.116, abs=5e-4))


# ---- slices


@pytest.mark.parametrize(
    ("question", "body", "answers", "expected"),
    [
        ("도서관은 언제 여나?", "도서관이 문을 열었다.", ["3월"], {"particles", "numbers"}),
        ("도서관은 어디에 있나?", "새 도서관은 은솔구에 있다.", ["은솔구"], set()),
        ("시내 버스 요금은?", "시내버스 요금은 오른다.", ["천 원 넘게"], {"compounds"}),
        ("지난주 시장은 누구를 만났나?", "시장은 상인을 만났다.", ["상인"], {"time_bound"}),
        ("시장은 누구를 만났나?", "시장은 상인을 만났다. " * 80, ["상인"], {"long_articles"}),
        ("시장은 누구인가?", "", [], set()),
    ],
)
def test_slices(question: str, body: str, answers: list[str], expected: set[str]) -> None:
    gold = GoldQuestion(id="1", question=question, answers=tuple(answers), article_ids=("1",))
    assert set(slices_of(gold, [body], analyser(), NOW)) - {"numbers"} == expected - {"numbers"}
    assert ("numbers" in slices_of(gold, [body], analyser(), NOW)) == any(
        "월" in a or "천" in a for a in answers
    )


def test_metrics_by_slice() -> None:
    judge = Judge(
        JUDGE.supports, JUDGE.body_of, slices_of=lambda q: ("odd",) if q.id in {"q1", "q7"} else ()
    )
    report = report_of(TWENTY, judge=judge)
    assert report.answers.by_slice["odd"]["contains"].value == 0.5
    assert report.questions[0].slices == ("odd",)


def test_recall_at_every_depth() -> None:
    values = [e.value for e in report_of(TWENTY).recall_curve]
    found = [8, 10, 10, 11, 11, 12, 12, 12, 12, 13]
    assert values == [pytest.approx(n / 15, abs=1e-6) for n in found]


# ---- the page


def page() -> str:
    better = [*TWENTY]
    better[7] = asked(8, "factoid", ["서울"], 3, one("서울", "right"))
    forced = [
        Outcome(
            o.question, o.retrieved, o.retrieval_ms, o.answer, o.answer_ms, Forced(i / 20, REFUSAL)
        )
        for i, o in enumerate(better)
    ]
    other = report_of(forced, "<b>other</b>")
    report = report_of(forced).model_copy(update={"others": (other,)})
    return render(report, compare(report_of(TWENTY), report))


def test_the_page_stands_alone_and_is_well_formed() -> None:
    html = page()
    assert "<script" not in html
    assert "http:" not in html.replace("http://www.w3.org", "")
    assert "<b>other</b>" not in html
    tree = parsed(html)
    assert len(list(tree.iter("svg"))) == 3
    headings = [e.text for e in tree.iter("h2")]
    assert headings[0] == "Where answers are lost"
    assert {"Backends side by side", "Compared with the earlier report", "Worst questions"} <= set(
        headings
    )
    funnel = [e.text for e in tree.iter("b")]
    assert [t for t in funnel if t and t.isdigit()][:5] == ["15", "14", "13", "11", "11"]


def test_one_question_can_be_drawn() -> None:
    html = render(report_of([replace(TWENTY[6], forced=Forced(0.5, REFUSAL))]))
    lines = re.findall(r'<path class="line s\d" d="M([^"]*)"', html)
    assert len(lines) == 4  # recall, risk, both times
    assert all("nan" not in line for line in lines)
    assert lines[2].count("L") == 1  # a rise from none to all, not a single point that no one sees
    assert "1 question ·" in html


def hostile_page(text: str) -> str:
    """A report in which every text that comes from the data is the same."""
    asked_ = asked(1, text, [text], 2, one(text, text))
    question = asked_.question.model_copy(update={"id": text, "question": text})
    titled = Judge(
        JUDGE.supports, JUDGE.body_of, title_of=lambda _: text, slices_of=lambda _: ("numbers",)
    )
    report = report_of([replace(asked_, question=question), TWENTY[7]], text, titled)
    files = {"files": [{"path": text}], "questions": text, "answerable": text}
    config = {"dataset": files, "command": text, "embedder": text, "absent_articles": [text]}
    report = report.model_copy(update={"config": {**report.config, **config}})
    missed = replace(asked_, question=question, answer=REFUSAL)
    other = report_of([missed, TWENTY[6]], f"{text}2", titled)
    return render(report.model_copy(update={"others": (other,)}), compare(other, report))


@pytest.mark.parametrize(
    "text",
    [
        '</td></style></title><img src=x onerror="alert(1)">',
        "<script>alert(1)</script>",
        "\" onmouseover=alert(1) '",
        "<!-- <svg onload=alert(1)>",
        "&lt;b&gt; &amp;amp; &#60;i&#62;",
        "{{ 7 * 7 }}{% raw %}{# gone #}",
    ],
)
def test_no_text_of_the_data_is_markup(text: str) -> None:
    tree = parsed(hostile_page(text))
    # No element and no attribute that is not on a harmless page too, and each text as it was given.
    assert markup(tree) <= markup(parsed(hostile_page("plain")))
    for tag in ("h2", "h3", "q", "code", "span", "dd", "td", "th", "p", "li", "small"):
        assert any(text in "".join(e.itertext()) for e in tree.iter(tag)), tag
    assert any(json.dumps(text) in (e.text or "") for e in tree.iter("pre"))
    assert tree.findtext("head/title") == f"Evaluation: {text.rpartition('/')[2]}"


def parsed(page: str) -> ET.Element:
    """A page as a tree; it has no empty element but ``meta``, so that it is XML otherwise."""
    body = re.sub(r"<(meta)([^>]*)>", r"<\1\2/>", page.removeprefix("<!doctype html>"))
    return ET.fromstring(body)  # noqa: S314 - our own


def markup(tree: ET.Element) -> set[str]:
    return {e.tag for e in tree.iter()} | {name for e in tree.iter() for name in e.attrib}


def test_the_page_tells_where_leads_led() -> None:
    near = [*TWENTY[:5], asked(6, "factoid", ["서울"], 1, leads("other", "right"))]
    page = render(report_of(near))
    assert "Where near articles stood in the place of an answer, 100 % had a right one" in page
    assert "<dt>lead_gold</dt>" in page
    assert "Not answered, but a right article is among the leads." in page


def test_verdicts_on_leads() -> None:
    near = [
        asked(1, "factoid", ["서울"], 2, leads("right")),
        asked(2, "factoid", ["서울"], 2, leads("other")),
    ]
    assert [verdict(r) for r in report_of(near).questions] == [
        "Not answered, but a right article is among the leads.",
        "Not answered, and no right article is among the leads.",
    ]


def test_verdicts() -> None:
    results = {r.id: verdict(r) for r in report_of(TWENTY).questions}
    assert results["q7"] == "The reply cites another article."
    assert results["q8"] == "A right article was not among the ten found."
    assert results["q14"] == "Refused, though a right article was found (number 10)."
    assert results["q19"] == "Answered, though the articles have no answer."
    assert results["q6"] == "Right, but the first right article is only number 2 of those found."


@given(st.lists(st.floats(0, 1), max_size=5), st.sampled_from([None, 0.0]))
def test_axes_hold_all_values(values: list[float], low: float | None) -> None:
    check_holds(share_axis("", values, low=low), values)


@given(st.lists(st.floats(0.2, 1e5), min_size=1, max_size=5))
def test_time_axes_hold_all_values(values: list[float]) -> None:
    check_holds(time_axis("", values), values)


def check_holds(axis: Axis, values: list[float]) -> None:
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value in values)
    assert 2 <= len(axis.ticks) <= 10
    assert axis.low <= axis.ticks[0] < axis.ticks[-1] <= axis.high + 1e-9
