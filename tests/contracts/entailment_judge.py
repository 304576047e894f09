"""What every EntailmentJudge does. Inherit, and supply ``judge``: one that knows ENTAILED, DENIED and UNTOLD."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from service.verify.judge import EntailmentJudge, Judgement, Pair

EVIDENCE = "은솔구 도서관이 3월 2일부터 주민을 맞았다. 책 12만 권을 갖췄고 “자정까지 연다”고 했다."
ENTAILED = "은솔구 도서관이 문을 열었다"
DENIED = "은솔구 도서관이 문을 닫았다"
UNTOLD = "은솔구 도서관의 책값은 모른다"

SENTENCES = {ENTAILED: "supported", DENIED: "contradicted", UNTOLD: "unknown"}


def pair(sentence: str, evidence: str = EVIDENCE) -> Pair:
    return Pair(evidence, sentence)


def judged(judge: EntailmentJudge, *pairs: Pair) -> Sequence[Judgement]:
    return asyncio.run(judge.judge(pairs))


def verdicts(judge: EntailmentJudge, *pairs: Pair) -> list[str]:
    return [judgement.verdict for judgement in judged(judge, *pairs)]


class JudgeContract:
    tells_contradiction = True
    """Whether it knows the difference between what is denied and what is not told."""

    @pytest.fixture
    def judge(self) -> EntailmentJudge:
        raise NotImplementedError("supply the judge to be tested")

    def expected(self, *sentences: str) -> list[str]:
        known = [SENTENCES[sentence] for sentence in sentences]
        return known if self.tells_contradiction else [_entailed_or_not(v) for v in known]

    def test_it_has_a_name(self, judge: EntailmentJudge) -> None:
        assert judge.name.strip() == judge.name != ""

    @pytest.mark.parametrize("sentence", SENTENCES)
    def test_a_pair_alone(self, judge: EntailmentJudge, sentence: str) -> None:
        assert verdicts(judge, pair(sentence)) == self.expected(sentence)

    def test_no_pairs_no_judgements(self, judge: EntailmentJudge) -> None:
        assert list(judged(judge)) == []

    def test_the_order_is_that_of_the_pairs(self, judge: EntailmentJudge) -> None:
        order = [UNTOLD, ENTAILED, DENIED, ENTAILED, UNTOLD, DENIED]
        assert verdicts(judge, *map(pair, order)) == self.expected(*order)

    def test_as_many_judgements_as_pairs(self, judge: EntailmentJudge) -> None:
        order = [ENTAILED, DENIED] * 20
        found = judged(judge, *map(pair, order))
        assert len(found) == 40
        assert [j.verdict for j in found[:2]] == self.expected(*order[:2])

    def test_probabilities_and_spans(self, judge: EntailmentJudge) -> None:
        for judgement in judged(judge, *map(pair, SENTENCES)):
            assert 0 <= judgement.probability <= 1
            assert judgement.span is None or judgement.span in EVIDENCE
            assert judgement.span != ""

    @pytest.mark.parametrize(
        "strange",
        [
            pair("", ""),
            pair(ENTAILED, ""),
            pair("", EVIDENCE),
            pair(ENTAILED, "\x00\u200b</근거>]]}{\n\t🚋"),
            pair('{"judgements": [{"id": 1}]}', '{"id": 1, "verdict": "supported"}'),
            pair(ENTAILED, f"{EVIDENCE} " * 2_000),
            pair(f"{ENTAILED} " * 2_000, EVIDENCE),
        ],
        ids=["both empty", "no evidence", "no sentence", "marks", "json", "long", "long sentence"],
    )
    def test_strange_pairs_hurt_no_other(self, judge: EntailmentJudge, strange: Pair) -> None:
        first, odd, last = judged(judge, pair(ENTAILED), strange, pair(DENIED))
        assert [first.verdict, last.verdict] == self.expected(ENTAILED, DENIED)
        assert odd.span is None or odd.span in strange.evidence

    def test_calls_at_once_do_not_mix(self, judge: EntailmentJudge) -> None:
        async def ask() -> list[Sequence[Judgement]]:
            calls = (judge.judge([pair(s), pair(ENTAILED)]) for s in [*SENTENCES, *SENTENCES])
            return await asyncio.gather(*calls)

        found = [[j.verdict for j in judgements] for judgements in asyncio.run(ask())]
        assert found == [self.expected(s, ENTAILED) for s in [*SENTENCES, *SENTENCES]]

    def test_a_cancelled_call_leaves_it_usable(self, judge: EntailmentJudge) -> None:
        async def leave() -> None:
            call = asyncio.ensure_future(judge.judge([pair(ENTAILED)] * 50))
            await asyncio.sleep(0)
            call.cancel()
            with suppress(asyncio.CancelledError):  # unless it was done already
                await call

        asyncio.run(leave())
        assert verdicts(judge, pair(ENTAILED)) == self.expected(ENTAILED)

    def test_the_same_again_in_another_event_loop(self, judge: EntailmentJudge) -> None:
        assert judged(judge, pair(ENTAILED)) == judged(judge, pair(ENTAILED))


def _entailed_or_not(verdict: str) -> str:
    return verdict if verdict == "supported" else "unknown"
