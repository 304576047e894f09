"""What becomes of a sentence between its first appearance and its grade: pending, graded, withdrawn, withheld."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing

import pytest
from scripted_backend import ScriptedBackend, Step
from scripted_judge import AbsentJudge, ScriptedJudge
from small_index import LIBRARY, TRAM, UNDATED, index_over

from index import Article, Index
from service.answer import Answerer
from service.errors import JudgeFault, LLMUnavailable
from service.events import (
    DoneEvent,
    Event,
    GradedEvent,
    SentenceEvent,
    WithdrawnEvent,
)
from service.generate.extractive import ExtractiveBackend
from service.generate.prompt import Prompt
from service.schema import Answer, Question
from service.verify.judge import EntailmentJudge, Judgement, Pair, Verdict

QUOTED = (TRAM, "총사업비는 4,820억 원으로 국비와 도비, 시비로 나눠 부담한다.")
FREE = (TRAM, "트램 노선 길이는 11.6㎞로 정해졌고 정거장은 15곳이 생긴다.")
BOOKS = (LIBRARY, "은솔구 도서관에는 책 12만 권이 있다.")
VISITORS = (LIBRARY, "도서관에는 첫날 주민 1,400여 명이 왔다.")
REPAIR = (UNDATED, "윤슬대교에서는 난간을 고치는 공사를 두 달 동안 한다.")
FALSE = (TRAM, "총사업비는 9,999억 원이다.")
QUESTION = "트램 총사업비와 도서관, 윤슬대교 소식"
Written = tuple[Article, str]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with index_over("memory", tmp_path_factory.mktemp("grading")) as index:
        yield index


def writing(*written: Written, then: Sequence[Step] = ()) -> ScriptedBackend:
    """A backend that writes the sentences, each citing its article, and then takes more steps."""

    def script(prompt: Prompt) -> Sequence[Step]:
        numbers = {source.article.id: source.number for source in prompt.sources}
        return [*(f"{said}[{numbers[article.id]}] " for article, said in written), *then]

    return ScriptedBackend(script)


def service(
    index: Index,
    backend: ScriptedBackend,
    judge: EntailmentJudge | None = None,
    *,
    is_strict: bool = False,
) -> Answerer:
    backends = (backend, ExtractiveBackend(index.analyser, index.idf))
    by_name = {b.name: b for b in backends}
    return Answerer(index, by_name, default_backend=backend.name, judge=judge, is_strict=is_strict)


def told(answerer: Answerer, question: Question | None = None) -> tuple[list[Event], Answer]:
    """What happens after the passages, but for the notes, and the answer."""

    async def collect() -> list[Event]:
        return [e async for e in answerer.events(question or Question(question=QUESTION))]

    *events, done = asyncio.run(collect())
    assert isinstance(done, DoneEvent)
    kinds = (SentenceEvent, GradedEvent, WithdrawnEvent)
    return [event for event in events if isinstance(event, kinds)], done.answer


def knowing(**verdicts: Verdict) -> ScriptedJudge:
    known: Mapping[str, Written] = {"free": FREE, "books": BOOKS, "visitors": VISITORS}
    return ScriptedJudge({known[name][1]: verdict for name, verdict in verdicts.items()})


def grades(answer: Answer) -> list[tuple[str, str]]:
    return [(sentence.text, sentence.support) for sentence in answer.sentences]


def check(answer: Answer) -> None:
    """Numbers run from 1 in the order of first appearance, and each citation is used."""
    used = [number for sentence in answer.sentences for number in sentence.citations]
    assert list(dict.fromkeys(used)) == [c.number for c in answer.citations]
    assert [c.number for c in answer.citations] == list(range(1, len(answer.citations) + 1))


# ---- in the stream


def test_a_sentence_leaves_at_once_and_its_grade_follows(index: Index) -> None:
    judge = knowing(free="supported", books="contradicted")
    events, answer = told(service(index, writing(QUOTED, FREE, BOOKS), judge))
    quoted, free, books, *verdicts = events
    for event, support, pending in (
        (quoted, "quoted", False),
        (free, "reworded", True),
        (books, "reworded", True),
    ):
        assert isinstance(event, SentenceEvent)
        assert (event.sentence.support, event.pending) == (support, pending)
        assert event.citations
    assert verdicts == [GradedEvent(1, "supported"), WithdrawnEvent(2)]
    assert grades(answer) == [(QUOTED[1], "quoted"), (FREE[1], "supported")]
    assert (answer.status, answer.dropped_sentences) == ("answered", 1)
    assert BOOKS[1] not in answer.text
    check(answer)


def test_all_sentences_are_judged_in_one_call_and_quotations_in_none(index: Index) -> None:
    judge = knowing(free="supported", books="supported")
    told(service(index, writing(QUOTED, FREE, FALSE, BOOKS), judge))
    ((first, second),) = judge.asked
    assert (first.sentence, second.sentence) == (FREE[1], BOOKS[1])
    assert "11.6㎞" in first.evidence
    assert TRAM.title in first.evidence
    assert "12만 권" in second.evidence
    judge = knowing()
    _, answer = told(service(index, writing(QUOTED), judge))
    assert (judge.asked, grades(answer)) == ([], [(QUOTED[1], "quoted")])
    assert "judge" not in answer.timings_ms


def test_numbers_run_from_one_after_a_withdrawal(index: Index) -> None:
    judge = knowing(free="contradicted", books="supported", visitors="supported")
    events, answer = told(service(index, writing(FREE, BOOKS, VISITORS), judge))
    sent = [event for event in events if isinstance(event, SentenceEvent)]
    assert [event.sentence.citations for event in sent] == [(1,), (2,), (2,)]
    assert [event.index for event in sent] == [0, 1, 2]
    assert answer.text == f"{BOOKS[1]}[1] {VISITORS[1]}[1]"
    assert [c.article_id for c in answer.citations] == [LIBRARY.id]
    check(answer)


def test_a_withdrawn_sentence_takes_its_quotes_along(index: Index) -> None:
    judge = knowing(books="supported", visitors="contradicted")
    _, answer = told(service(index, writing(BOOKS, VISITORS), judge))
    (citation,) = answer.citations
    assert "12만 권" in citation.quote
    assert "1,400여 명" not in citation.quote


def test_where_all_is_withdrawn_near_articles_stand_in(index: Index) -> None:
    judge = knowing(free="contradicted")
    asked = Question(question="트램 총사업비는 얼마인가?")
    events, answer = told(service(index, writing(FREE), judge), asked)
    assert events[-1] == WithdrawnEvent(0)
    assert (answer.status, answer.sentences, answer.dropped_sentences) == ("related", (), 1)
    assert answer.citations[0].article_id == TRAM.id
    assert FREE[1] not in answer.text


def test_where_all_is_withdrawn_and_nothing_is_near_there_is_no_evidence(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.answer.leads", lambda asked, sources: [])
    _, answer = told(service(index, writing(FREE), knowing(free="contradicted")))
    assert (answer.status, answer.sentences, answer.citations) == ("no_evidence", (), ())


def test_a_judge_that_is_sure_of_nothing_changes_nothing(index: Index) -> None:
    class Unsure:
        name = "unsure"

        async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
            return [Judgement("unknown", 0.2)] * len(pairs)

    events, answer = told(service(index, writing(FREE), Unsure()))
    assert events[1:] == [GradedEvent(0, "reworded")]
    assert grades(answer) == [(FREE[1], "reworded")]


# ---- no judge, or one that is away


def test_without_a_judge_nothing_is_pending(index: Index) -> None:
    events, answer = told(service(index, writing(QUOTED, FREE)))
    assert all(isinstance(event, SentenceEvent) and not event.pending for event in events)
    assert grades(answer) == [(QUOTED[1], "quoted"), (FREE[1], "reworded")]


@pytest.mark.parametrize("reason", ["unavailable", "timeout", "failed", "breaker_open"])
def test_the_answer_goes_out_while_the_judge_is_away(index: Index, reason: JudgeFault) -> None:
    judge = AbsentJudge(reason)
    events, answer = told(service(index, writing(QUOTED, FREE), judge))
    assert judge.asked == 1
    assert events[2:] == [GradedEvent(1, "reworded")]  # the page waits for it no longer
    assert grades(answer) == [(QUOTED[1], "quoted"), (FREE[1], "reworded")]
    assert (answer.status, answer.failure, answer.dropped_sentences) == ("answered", None, 0)


# ---- strict


def test_strict_without_a_judge_shows_quotations_alone(index: Index) -> None:
    strict = service(index, writing(QUOTED, FREE), is_strict=True)
    events, answer = told(strict)
    assert [type(event) for event in events] == [SentenceEvent]
    assert grades(answer) == [(QUOTED[1], "quoted")]
    assert answer.dropped_sentences == 1


def test_strict_with_a_judge_waits_for_its_support(index: Index) -> None:
    judge = knowing(free="supported", books="contradicted")
    strict = service(index, writing(FREE, QUOTED, BOOKS), judge, is_strict=True)
    events, answer = told(strict)
    quoted, free = events
    assert isinstance(quoted, SentenceEvent)
    assert isinstance(free, SentenceEvent)
    assert (quoted.index, quoted.sentence.support, quoted.pending) == (1, "quoted", False)
    assert (free.index, free.sentence.support, free.pending) == (0, "supported", False)
    assert grades(answer) == [(FREE[1], "supported"), (QUOTED[1], "quoted")]
    assert answer.dropped_sentences == 1  # and was never sent, so it isn't withdrawn
    check(answer)


def test_strict_with_a_judge_that_is_away_shows_nothing_reworded(index: Index) -> None:
    strict = service(index, writing(FREE, QUOTED), AbsentJudge(), is_strict=True)
    events, answer = told(strict)
    assert [type(event) for event in events] == [SentenceEvent]
    assert grades(answer) == [(QUOTED[1], "quoted")]


# ---- who is judged


def test_quotations_of_extractive_are_never_judged(index: Index) -> None:
    judge = knowing()
    answerer = service(index, writing(), judge)
    asked = Question(question="트램 총사업비는 얼마인가?", backend="extractive")
    _, answer = told(answerer, asked)
    assert (answer.backend, answer.status, judge.asked) == ("extractive", "answered", [])
    assert {sentence.support for sentence in answer.sentences} == {"quoted"}


def test_a_caller_that_goes_away_cancels_the_judge(index: Index) -> None:
    async def scenario() -> bool:
        called, cancelled = asyncio.Event(), asyncio.Event()

        class Slow:
            name = "slow"

            async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
                called.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    cancelled.set()
                raise AssertionError("it waits forever")

        async def listen() -> None:
            stream = service(index, writing(FREE), Slow()).events(Question(question=QUESTION))
            async with aclosing(stream) as events:
                async for _ in events:
                    pass

        listener = asyncio.create_task(listen())
        await asyncio.wait_for(called.wait(), timeout=30)
        listener.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listener
        return cancelled.is_set()

    assert asyncio.run(scenario())


def test_the_fallback_of_a_failing_backend_needs_no_judge(index: Index) -> None:
    judge = knowing()
    failing = writing(then=[LLMUnavailable("away")])
    asked = Question(question="트램 총사업비는 얼마인가?")
    _, answer = told(service(index, failing, judge), asked)
    assert (answer.backend, answer.fallback_from) == ("extractive", "scripted")
    assert (answer.failure, judge.asked) == ("llm_unavailable", [])
    assert {sentence.support for sentence in answer.sentences} == {"quoted"}


def test_what_a_backend_wrote_before_it_failed_is_judged(index: Index) -> None:
    judge = knowing(free="supported")
    failing = writing(FREE, BOOKS, then=[LLMUnavailable("away")])
    _, answer = told(service(index, failing, judge))
    assert (answer.incomplete, answer.failure) == (True, "llm_unavailable")
    assert [text for text, _ in grades(answer)][:1] == [FREE[1]]
    assert grades(answer)[0] == (FREE[1], "supported")
    assert answer.backend == "scripted"
