"""Who tells whether the places that a sentence cites support it: gold evidence, another judge, or the verifier.

The verifier admitted the sentence, so its word is the weakest: it finds regressions and is no independent proof.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from index import Index
from service.evaluation.datasets import GoldQuestion
from service.evaluation.metrics import Supports, squeezed, support_cases
from service.schema import Answer, Citation
from service.sources import attribution
from service.verify.citations import supports
from service.verify.judge import EntailmentJudge, JudgeError, Judgement, Pair

GOLD, VERIFIER = "gold", "verifier"

SupportOf = Callable[[GoldQuestion, Answer], Supports | None]
"""What supports the sentences of an answer to a question; None where that can't be told."""

Waiting = Callable[[Coroutine[Any, Any, Sequence[Judgement]]], Sequence[Judgement]]
"""Runs a call of a judge to its end, all of them in one event loop: clients of models are bound to theirs."""


@dataclass(frozen=True)
class OtherJudge:
    """A judge of entailment, and its name in reports: ``nli:`` or ``model:`` and the model's."""

    name: str
    judge: EntailmentJudge


def by_gold(
    bodies_of: Callable[[GoldQuestion], Sequence[str]],
    is_right: Callable[[GoldQuestion, Citation], bool],
) -> SupportOf:
    """Support by what the questions themselves give as right; for those whose right articles hold it.

    A sentence is supported if the places that it cites in right articles hold gold evidence (a right answer, or a
    text of ``GoldQuestion.evidence``), and if it says that evidence or stands there word for word. So a sentence of
    which gold evidence says nothing counts as unsupported, true or not, whoever let it through.
    """

    def of(question: GoldQuestion, answer: Answer) -> Supports | None:
        bodies = bodies_of(question)
        known = [gold for gold in question.gold_texts if any(says(b, gold) for b in bodies)]

        def holds(sentence: str, citations: Sequence[Citation]) -> bool:
            quotes = [q.text for c in citations if is_right(question, c) for q in c.quotes]
            held = [gold for gold in known if any(says(quote, gold) for quote in quotes)]
            said = _without_outlet(sentence, citations)
            is_quoted = any(squeezed(said).rstrip(".") in squeezed(quote) for quote in quotes)
            return bool(held) and (is_quoted or any(says(said, gold) for gold in held))

        return holds if known else None

    return of


def says(text: str, gold: str) -> bool:
    """Whether a gold text occurs, regardless of spaces and thousands separators; 19명 does not say 9명."""
    wanted = squeezed(gold)
    before = r"(?<!\d)(?<!\d\.)" if wanted[:1].isdigit() else ""
    after = r"(?!\.?\d)" if wanted[-1:].isdigit() else ""
    return bool(wanted) and bool(re.search(before + re.escape(wanted) + after, squeezed(text)))


def by_entailment(judge: EntailmentJudge, wait: Waiting) -> SupportOf:
    """Support by a judge that did not admit the sentences, in one call an answer.

    An answer is left out if the judge is away, or says nothing that can be used of one of its pairs.
    """

    def of(question: GoldQuestion, answer: Answer) -> Supports | None:
        pairs = list(dict.fromkeys(_pair(*case) for case in support_cases(answer)))
        try:
            judged = wait(judge.judge(pairs)) if pairs else ()
        except JudgeError:
            return None
        if any(judgement.probability == 0.0 for judgement in judged):
            return None
        held = {p: j.verdict == "supported" for p, j in zip(pairs, judged, strict=True)}
        return lambda sentence, citations: bool(citations) and held[_pair(sentence, citations)]

    return of


def _pair(sentence: str, citations: Sequence[Citation]) -> Pair:
    lines = (line for c in citations for line in (_heading(c), *(q.text for q in c.quotes)))
    return Pair("\n".join(lines), sentence)


def _heading(citation: Citation) -> str:
    day = str(citation.published_at.date()) if citation.published_at else None
    return " · ".join(part for part in (citation.title, citation.press, day) if part)


def by_verifier(index: Index) -> SupportOf:
    """Support by the check that admitted the sentences."""

    def holds(sentence: str, citations: Sequence[Citation]) -> bool:
        quotes = "\n".join(citation.quote for citation in citations)
        said = _without_outlet(sentence, citations)
        return bool(quotes) and supports(said, quotes, index.analyser, index.idf)

    return lambda question, answer: holds


def _without_outlet(sentence: str, citations: Sequence[Citation]) -> str:
    """A sentence without «…에 따르면» for a cited outlet, as quotes don't name their own outlet."""
    named = (attribution(citation.press) for citation in citations)
    return next((sentence.removeprefix(n) for n in named if n and sentence.startswith(n)), sentence)
