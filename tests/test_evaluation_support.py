"""Who judges support in an evaluation: gold evidence, another judge, or the verifier, which is then named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from scripted_backend import ScriptedBackend
from scripted_judge import AbsentJudge, ScriptedJudge
from small_index import TRAM, index_over
from test_evaluation import JUDGE, TWENTY, asked, one, reply
from typer.testing import CliRunner

from index import SEOUL, Article, Index, KoreanAnalyser
from service.answer import Answerer
from service.cli.evaluation import app
from service.evaluation.comparison import compare
from service.evaluation.datasets import Dataset, DatasetUnusable, GoldQuestion
from service.evaluation.page import render
from service.evaluation.report import Report, judging
from service.evaluation.run import JudgedBy, evaluate
from service.evaluation.scoring import Outcome, build_report
from service.evaluation.support import OtherJudge, by_entailment, says
from service.generate.prompt import Prompt
from service.schema import Answer
from service.sources import Idf, Source
from service.verify.citations import Evidence, Verified
from service.verify.drafts import Draft
from service.verify.judge import EntailmentJudge, Judgement, Pair

NOW = datetime(2026, 6, 1, tzinfo=SEOUL)
COST = "총사업비는 4,820억 원으로 국비와 도비, 시비로 나눠 부담한다."
TRUE = "트램에는 4820억원이 든다."
WRONG = "총사업비는 9,999억 원이다."
ELSEWHERE = "우주선이 화성에 내렸다."
QUESTION = GoldQuestion(
    id="1", question="트램 총사업비는 얼마인가?", answers=("4,820억 원",), article_ids=(TRAM.id,)
)
UNANSWERABLE = GoldQuestion(id="2", question="도서관 관장은?", answers=(), article_ids=())


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with index_over("memory", tmp_path_factory.mktemp("support")) as index:
        yield index


def says_of(article: Article, *sentences: str) -> ScriptedBackend:
    """A backend that writes the sentences, each citing the article."""

    def script(prompt: Prompt) -> Sequence[str]:
        number = next(s.number for s in prompt.sources if s.article.id == article.id)
        return [f"{sentence}[{number}] " for sentence in sentences]

    return ScriptedBackend(script)


def measured(
    index: Index,
    *sentences: str,
    judge: JudgedBy | None = None,
    own: EntailmentJudge | None = None,
    questions: Sequence[GoldQuestion] = (QUESTION,),
) -> Report:
    backend = says_of(TRAM, *sentences)
    backends = {backend.name: backend}
    service = Answerer(index, backends, default_backend=backend.name, judge=own)
    return evaluate(Dataset(tuple(questions), None), service, now=NOW, judge=judge)


def recall(report: Report) -> float | None:
    return report.citations.overall["support_recall"].value


# ---- gold evidence


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [
        ("총사업비는 4820억원이다", "4,820억 원", True),
        ("모두 19명이다", "9명", False),
        ("모두 9명이다", "9명", True),
        ("비율은 3.5%다", "5%", False),
        ("값은 35다", "3", False),
        ("2026년 12월", "12월", True),
        ("무엇이든", " ", False),
    ],
)
def test_what_a_text_says(text: str, gold: str, expected: bool) -> None:
    assert says(text, gold) is expected


def gold_recall(answer: Answer, question: GoldQuestion = TWENTY[0].question) -> float | None:
    """Support by gold evidence; each body holds 서울, the right answer, and the article ``right`` is right."""
    outcome = Outcome(question, (), 1.0, answer, 1.0)
    return recall(build_report([outcome], JUDGE.by_gold(), seed=0, config={}))


def test_gold_support_by_hand() -> None:
    # The quote of the right article holds the right answer, and the sentence says it or is its words.
    place = ("right", "서울이다. 부산이다.", 0)
    assert gold_recall(reply([("수도는 서울이다", [1])], [place])) == 1.0
    assert gold_recall(reply([("부산이다.", [1])], [place])) == 1.0
    assert gold_recall(reply([("수도는 부산이다", [1])], [place])) == 0.0  # it says nothing of gold
    assert gold_recall(reply([("수도는 서울이다", [1])], [("other", "서울이다.", 0)])) == 0.0
    assert gold_recall(reply([("수도는 서울이다", [1])], [("right", "부산이다.", 6)])) == 0.0
    assert gold_recall(reply([("수도는 서울이다", [])], [place])) == 0.0  # nothing cited


def test_gold_evidence_may_be_a_text_of_the_article() -> None:
    question = TWENTY[0].question.model_copy(
        update={"answers": ("수도",), "evidence": ("부산이다",)}
    )
    place = ("right", "부산이다.", 6)
    assert gold_recall(reply([("그곳은 부산이다.", [1])], [place]), question) == 1.0
    assert gold_recall(reply([("그곳은 항구다.", [1])], [place]), question) == 0.0


def test_a_needless_citation_is_one_that_holds_no_gold_evidence() -> None:
    cited = [("right", "서울이다.", 0), ("other", "부산이다.", 6)]
    outcome = replace(TWENTY[0], answer=reply([("수도는 서울이다", [1, 2])], cited))
    report = build_report([outcome], JUDGE.by_gold(), seed=0, config={})
    assert report.citations.overall["support_precision"].value == 0.5


def test_what_gold_evidence_can_not_tell_does_not_count() -> None:
    unknown = TWENTY[0].question.model_copy(
        update={"answers": ("대전",)}
    )  # stands in no right article
    outcomes = [replace(TWENTY[0], question=unknown), TWENTY[18], TWENTY[1]]
    report = build_report(outcomes, JUDGE.by_gold(), seed=0, config={})
    assert (report.citations.judged_by, report.citations.not_judged) == ("gold", 2)
    assert recall(report) == 1.0
    assert judging(report).endswith("gold evidence; 2 answers it could not judge, and left out.")


def test_a_copy_of_a_right_article_is_right() -> None:
    answer = reply([("수도는 서울이다", [1])], [("copy", "서울이다.", 0)])
    judge = replace(JUDGE, story_of=lambda name: name.replace("copy", "right")).by_gold()
    outcome = replace(TWENTY[0], answer=answer)
    assert recall(build_report([outcome], judge, seed=0, config={})) == 1.0


def test_gold_evidence_judges_where_there_is_some(index: Index) -> None:
    report = measured(index, COST, questions=(QUESTION, UNANSWERABLE))
    assert (report.citations.judged_by, recall(report)) == ("gold", 1.0)
    assert report.citations.overall["quoted"].value == 1.0
    alone = measured(index, COST, questions=(UNANSWERABLE,))
    assert alone.citations.judged_by == "verifier"
    with pytest.raises(DatasetUnusable, match="no right article holds a right answer"):
        measured(index, COST, questions=(UNANSWERABLE,), judge="gold")


class Credulous:
    """A verifier that admits whatever cites a source, and calls it supported."""

    def __init__(self, sources: Sequence[Source], analyser: KoreanAnalyser, idf: Idf) -> None:
        self._sources = {source.number: source for source in sources}

    def verify(self, draft: Draft) -> Verified | None:
        source = self._sources[draft.markers[0]]
        return Verified(draft.text, (Evidence(source, 0, len(source.body)),), "supported")


def test_a_verifier_that_admits_everything_does_not_raise_support(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = (COST, WRONG, ELSEWHERE)
    honest = measured(index, *written)
    assert recall(honest) == 1.0
    monkeypatch.setattr("service.answer.Verifier", Credulous)
    monkeypatch.setattr("service.evaluation.support.supports", lambda *_: True)
    lax = measured(index, *written)
    assert len(lax.questions[0].text or "") > len(honest.questions[0].text or "")
    assert recall(lax) == pytest.approx(1 / 3, abs=1e-6)
    by_itself = measured(index, *written, judge="verifier")
    assert (by_itself.citations.judged_by, recall(by_itself)) == ("verifier", 1.0)
    assert "by the verifier itself, which also admitted" in judging(by_itself)


# ---- another judge


def test_another_judge_reads_every_answer_in_one_call(index: Index) -> None:
    judge = ScriptedJudge({COST: "supported"})
    report = measured(index, COST, TRUE, judge=OtherJudge("nli:tiny", judge))
    assert (report.citations.judged_by, recall(report)) == ("nli:tiny", 0.5)
    assert len(judge.asked) == 1
    assert {pair.sentence for pair in judge.asked[0]} == {COST, TRUE}
    assert all(TRAM.title in pair.evidence for pair in judge.asked[0])
    assert all("4,820억 원" in pair.evidence for pair in judge.asked[0])


def test_a_judge_that_grades_the_answers_too_is_named_so(index: Index) -> None:
    judge = ScriptedJudge({TRUE: "supported"})
    report = measured(index, TRUE, judge=OtherJudge("model:m", judge), own=judge)
    assert report.citations.judged_by == "model:m, which also grades the answers"


def test_answers_are_left_out_while_the_judge_is_away(index: Index) -> None:
    report = measured(index, COST, judge=OtherJudge("model:m", AbsentJudge()))
    assert (report.citations.judged_by, report.citations.not_judged) == ("model:m", 1)
    assert recall(report) is None


class Partial:
    """Has something to say of the first pair alone."""

    name = "partial"

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        told = Judgement("supported", 0.9)
        return [told, *[Judgement("unknown", 0.0)] * (len(pairs) - 1)]


def test_each_place_is_judged_alone_and_without_the_others() -> None:
    cited = [("a", "서울", 0), ("b", "부산", 0), ("c", "대구", 0)]
    answer = reply([("서울 부산", [1, 2, 3])], cited)
    asked_: list[Pair] = []

    class Together:
        name = "together"

        async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
            asked_.extend(pairs)
            held = [all(word in p.evidence for word in p.sentence.split()) for p in pairs]
            return [Judgement("supported" if h else "unknown", 0.9) for h in held]

    judge = replace(JUDGE, supports=by_entailment(Together(), asyncio.run), judged_by="nli:t")
    outcome = replace(TWENTY[0], answer=answer)
    found = build_report([outcome], judge, seed=0, config={}).citations.overall
    assert len(asked_) == 7
    assert found["support_recall"].value == 1.0
    assert found["support_precision"].value == pytest.approx(2 / 3, abs=1e-6)
    partial = by_entailment(Partial(), asyncio.run)
    assert partial(outcome.question, answer) is None
    nothing_cited = partial(outcome.question, reply([("서울", [])], []))
    assert nothing_cited is not None
    assert not nothing_cited("서울", [])


@pytest.mark.parametrize("judge", ["nli", "model"])
def test_a_judge_that_is_not_configured_is_told_at_the_start(
    judge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = '{"data": [{"title": "a", "paragraphs": [{"context": "서울이다.", "qas": [{"id": "1", "question": "어디?", "answers": [{"text": "서울", "answer_start": 0}]}]}]}]}'
    (tmp_path / "squad.json").write_text(lines, "utf-8")
    done = CliRunner().invoke(app, ["--squad", "squad.json", "--judge", judge])
    assert f"GISA_JUDGE = '{judge}': it needs" in str(done.exception)


# ---- what is shown


def test_runs_that_were_judged_differently_are_not_compared_in_support() -> None:
    old = build_report(TWENTY, JUDGE, seed=0, config={"backend": "stub"})
    new = build_report(
        [asked(1, "factoid", ["서울"], 1, one("부산", "other", 6)), *TWENTY[1:]],
        JUDGE.by_gold(),
        seed=0,
        config={"backend": "stub"},
    )
    changes = compare(old, new)
    assert changes.judges == ("verifier", "gold")
    assert not changes.is_judged_alike
    moved = {d.metric for d in changes.differences}
    assert "answers.contains" in moved
    assert not moved & {"citations.support_recall", "citations.support_precision"}
    page = render(new, changes)
    assert "The reports differ in who judged support" in page
    assert "sentences supported (gold)" in page
    assert "Support is judged by gold evidence" in page
    assert compare(old, old).is_judged_alike


def test_a_report_of_before_was_judged_by_the_verifier() -> None:
    document = build_report(TWENTY, JUDGE.by_gold(), seed=0, config={}).model_dump(mode="json")
    del document["citations"]["judged_by"], document["citations"]["not_judged"]
    assert Report.model_validate(document).citations.judged_by == "verifier"


def test_nobody_judges_where_there_are_no_answers() -> None:
    silent = [replace(o, answer=None, answer_ms=None) for o in TWENTY]
    report = build_report(silent, JUDGE, seed=0, config={})
    assert report.citations.judged_by is None
    assert judging(report) == ""
    assert compare(report, build_report(TWENTY, JUDGE, seed=0, config={})).is_judged_alike
