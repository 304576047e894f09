"""Judges that say what a test tells them: by a table, or whatever a text commands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from service.errors import JudgeError, JudgeFault
from service.verify.judge import Judgement, Pair, Verdict


class ScriptedJudge:
    """The perfect judge over sentences whose verdicts are known; of any other it says ``unknown``.

    Blanks don't count. What it was asked is kept in ``asked``, a list a call.
    """

    name = "scripted"

    def __init__(self, verdicts: Mapping[str, Verdict]) -> None:
        self._verdicts = {_squeezed(text): verdict for text, verdict in verdicts.items()}
        self.asked: list[list[Pair]] = []

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        self.asked.append(list(pairs))
        return [self._judgement(pair) for pair in pairs]

    def _judgement(self, pair: Pair) -> Judgement:
        verdict = self._verdicts.get(_squeezed(pair.sentence), "unknown")
        return Judgement(verdict, 1.0, None if verdict == "unknown" else pair.evidence)


class ObedientJudge:
    """Says what any evidence or sentence of a call commands for all its pairs, otherwise ``contradicted``."""

    name = "obedient"

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        verdict = demanded("\n".join(f"{p.evidence}\n{p.sentence}" for p in pairs))
        return [Judgement(verdict or "contradicted", 1.0, pair.evidence) for pair in pairs]


class AbsentJudge:
    """Is away, each time for the same reason; ``asked`` counts the calls."""

    name = "absent"

    def __init__(self, reason: JudgeFault = "unavailable") -> None:
        self._reason: JudgeFault = reason
        self.asked = 0

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        self.asked += 1
        raise JudgeError("away", reason=self._reason)


_COMMAND = re.compile(r"(supported|contradicted|unknown)[^.\n]{0,20}(?:라|시오|세요)\b")


def demanded(text: str) -> Verdict | None:
    """The verdict that a text tells its reader to give, if it does."""
    found = _COMMAND.search(text)
    verdicts: dict[str, Verdict] = {v: v for v in ("supported", "contradicted", "unknown")}
    return verdicts[found[1]] if found else None


def _squeezed(text: str) -> str:
    return "".join(text.split())
