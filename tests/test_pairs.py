"""The verifier on the labelled pairs that report: floors a little under what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest
from labelled_pairs import Labelled, PerfectJudge, labelled

NUMERIC = {"number", "date", "unit"}
Graded = tuple[Labelled, str | None]


@cache
def graded(name: str) -> Sequence[Graded]:
    return [(pair, pair.grade()) for pair in labelled(name)]


def share(found: Sequence[bool]) -> float:
    return sum(found) / len(found)


def test_the_pairs_are_many_and_of_every_kind() -> None:
    pairs = [*labelled("choose"), *labelled("report")]
    assert len(pairs) >= 400
    assert {"number", "unit", "date", "name", "polarity", "antonym", "role_swap"} <= {
        p.kind for p in pairs
    }
    assert {"near", "converted", "free", "summary"} == {p.form for p in pairs}


@pytest.mark.parametrize(("name", "floor"), [("report", 0.88), ("earlier", 0.86)])
def test_true_sentences_are_kept(name: str, floor: float) -> None:
    assert share([grade is not None for pair, grade in graded(name) if pair.is_true]) >= floor


@pytest.mark.parametrize("name", ["choose", "report", "earlier", "antonyms"])
def test_no_false_sentence_is_vouched_for(name: str) -> None:
    grades = [grade in {"quoted", "supported"} for pair, grade in graded(name) if not pair.is_true]
    assert share(grades) <= 0.02


def test_changed_figures_are_dropped() -> None:
    changed = [(pair, grade) for pair, grade in graded("report") if pair.kind in NUMERIC]
    assert share([grade is None for _, grade in changed]) >= 0.85
    assert share([grade is None for pair, grade in changed if pair.form == "near"]) >= 0.92


def test_a_perfect_judge_vouches_for_all_that_is_true_and_kept() -> None:
    pairs = labelled("report")
    judge = PerfectJudge(pairs)
    for pair in pairs[::7]:
        with_judge, without = pair.grade(judge), pair.grade()
        if not pair.is_true:
            assert with_judge is None
        else:
            assert (with_judge is None) == (without is None)
            assert with_judge != "reworded"
