"""Answers whose sentences get every grade there is, for tests of what doors make of grades."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from scripted_backend import ScriptedBackend
from small_index import LIBRARY, TRAM, UNDATED

from index import Index
from service.answer import Answerer
from service.generate.prompt import Prompt
from service.verify.judge import UNJUDGED, EntailmentJudge, Judgement, Pair, Verdict

QUESTION = "트램 총사업비, 도서관 개관, 윤슬대교 공사는 어떻게 되나?"
QUOTED = "노선은 11.6㎞이고 정거장은 15곳이다."
FALSE = "은솔구 도서관이 3월 2일 문을 닫았다."
TRUE = "사업에 드는 돈은 모두 4,820억 원이다."
UNSURE = "윤슬대교 난간을 손보는 공사가 이어지고 있다."
"""What a judge says nothing of that can be used."""
WRITTEN = {QUOTED: TRAM, FALSE: LIBRARY, TRUE: TRAM, UNSURE: UNDATED}
VERDICTS: dict[str, Verdict] = {FALSE: "contradicted", TRUE: "supported"}


class PatientJudge:
    """Knows ``VERDICTS``, and tells them when ``gate`` is open."""

    name = "patient"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        while not self.gate.is_set():  # another thread opens it
            await asyncio.sleep(0.01)
        return [self._judgement(pair) for pair in pairs]

    def _judgement(self, pair: Pair) -> Judgement:
        verdict = VERDICTS.get(pair.sentence)
        return Judgement(verdict, 1.0, pair.evidence) if verdict else UNJUDGED


def graded_answerer(
    index: Index, judge: EntailmentJudge | None, *, is_strict: bool = False
) -> Answerer:
    """Writes all of ``WRITTEN``, whatever the question."""

    def script(prompt: Prompt) -> list[str]:
        numbers = {source.article.id: source.number for source in prompt.sources}
        return [f"{text}[{numbers[article.id]}] " for text, article in WRITTEN.items()]

    backend = ScriptedBackend(script)
    return Answerer(
        index,
        {backend.name: backend},
        default_backend=backend.name,
        judge=judge,
        is_strict=is_strict,
    )
