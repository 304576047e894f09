"""Whether evidence entails a sentence, as somebody judges who understands: what rules can't do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["supported", "contradicted", "unknown"]


@dataclass(frozen=True)
class Pair:
    """A sentence and the evidence that it cites."""

    evidence: str
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """A verdict with its probability (0 to 1), and the words of the evidence that it rests on."""

    verdict: Verdict
    probability: float
    span: str | None = None


class EntailmentJudge(Protocol):
    """Judges pairs, one judgement each, in order."""

    name: str

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]: ...
