"""Labelled pairs of a passage and a sentence that cites it, and the grades that they get."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from service import check_sentence
from service.verify.judge import EntailmentJudge, Judgement, Pair

PAIRS = Path(__file__).resolve().parent / "corpus" / "pairs"


@dataclass(frozen=True)
class Labelled:
    """``kind``: what was falsified, empty in a true sentence; ``form``: how it differs from the passage."""

    passage: str
    title: str
    press: str | None
    published_at: str | None
    sentence: str
    kind: str
    form: str

    @property
    def is_true(self) -> bool:
        return not self.kind

    def grade(self, judge: EntailmentJudge | None = None) -> str | None:
        at = self.published_at
        day = datetime.fromisoformat(at).date() if at else None
        return check_sentence(
            self.sentence,
            self.passage,
            title=self.title,
            press=self.press,
            published_on=day,
            judge=judge,
        )


class PerfectJudge:
    """Knows the labels."""

    name = "perfect"

    def __init__(self, pairs: Sequence[Labelled]) -> None:
        self._is_true = {pair.sentence: pair.is_true for pair in pairs}

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        verdicts = (self._is_true[pair.sentence] for pair in pairs)
        return [Judgement("supported" if true else "contradicted", 1.0) for true in verdicts]


def labelled(name: str) -> list[Labelled]:
    """The pairs of ``choose`` or ``report``, the half of ``earlier`` that reports, the sentences of ``antonyms``."""
    rows = [json.loads(line) for line in (PAIRS / f"{name}.jsonl").read_text("utf-8").splitlines()]
    if name == "antonyms":
        kinds = {"true_sentence": "", "false_sentence": "antonym"}
        return [
            _labelled(row | {"sentence": row[s], "kind": k})
            for row in rows
            for s, k in kinds.items()
        ]
    if name == "earlier":
        rows = [row for row in rows if row["group"] % 2]
    return [_labelled(row) for row in rows]


def _labelled(row: dict[str, str | None]) -> Labelled:
    fields = ("passage", "title", "press", "published_at", "sentence", "kind", "form")
    values = {field: row.get(field) for field in fields}
    return Labelled(
        **values
        | {"kind": (values["kind"] or "").removeprefix("faithful"), "form": values["form"] or ""}
    )  # type: ignore[arg-type]
