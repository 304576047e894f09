"""The seam to whatever judges entailment. Its contract suite is tests/contracts/entailment_judge.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from service.errors import JudgeError

__all__ = ["UNJUDGED", "EntailmentJudge", "JudgeError", "Judgement", "Pair", "Verdict"]

Verdict = Literal["supported", "contradicted", "unknown"]
"""``supported``: the evidence entails the sentence; ``contradicted``: it speaks against it; ``unknown``: neither,
or nobody could tell."""


@dataclass(frozen=True)
class Pair:
    """A sentence, and the text that is to entail it. Both are data, whatever they say."""

    evidence: str
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """A verdict, and how sure the judge is of it, 0 to 1; 0 where the pair was not judged at all.

    ``span`` are the words of the evidence that the verdict rests on, as they stand there; None if the judge names
    none.
    """

    verdict: Verdict
    probability: float
    span: str | None = None


UNJUDGED = Judgement("unknown", 0.0)
"""Of a pair that was too long, or about which the judge said nothing that can be used."""


class EntailmentJudge(Protocol):
    """Tells whether evidence entails sentences.

    ``judge`` gives one Judgement a pair, in their order, and none for no pairs. Pairs do not influence each other.
    Cancelling it ends its work. Raises JudgeError when the judge is away; a reply that can't be used is no error
    but UNJUDGED. ``name`` is short and holds no secret: it is a label of metrics.
    """

    @property
    def name(self) -> str: ...
    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]: ...
