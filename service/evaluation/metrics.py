"""What is measured, question by question, and how it is summed up.

Every metric is a ratio of two sums over questions: of the questions that take part (recall of
articles), of their sentences (support) or of their citations (exact quotes). A question gives
each metric its part of both sums; a question that takes no part in one gives it none. So one
bootstrap serves all of them, and resamples questions also where sentences are counted, for
sentences of one answer are right or wrong together.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.schema import Answer, Citation, Sentence

METRICS: Mapping[str, tuple[str, ...]] = {
    "retrieval": ("recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"),
    "answers": ("contains", "f1", "exact"),
    "citations": (
        "support_recall",
        "support_precision",
        "article_precision",
        "article_recall",
        "numeric_support",
        "exact_quote",
        "invalid_markers",
    ),
    "abstention": ("precision", "recall", "f1", "false_refusals"),
}
"""Group to its metrics, in the order of the report."""

NAMES = tuple(f"{group}.{metric}" for group, metrics in METRICS.items() for metric in metrics)

COUNTS = {"citations.invalid_markers"}
"""Metrics that are a number of cases over all questions, not a share."""

RETRIEVAL_DEPTH = 10
RESAMPLES = 1_000

Part = tuple[float, float]
"""One question's share in a metric's two sums: numerator and denominator."""

Parts = Mapping[str, Part]
"""Metric to part. A metric that is missing takes no part of this question."""


@dataclass(frozen=True)
class Estimate:
    """A metric with its 95 % bootstrap interval; None where no question takes part in it."""

    value: float | None
    ci95: tuple[float | None, float | None]


UNDEFINED = Estimate(None, (None, None))


def estimate(rows: Sequence[Parts], *, seed: int) -> dict[str, Estimate]:
    """Every metric of ``NAMES`` over all questions, with percentile bootstrap intervals.

    A row holds one question's parts. The same rows in the same order and the same seed give the
    same intervals. Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13.
    """
    if not rows:
        return dict.fromkeys(NAMES, UNDEFINED)
    parts = np.array([[row.get(name, (0.0, 0.0)) for name in NAMES] for row in rows])
    draws = np.random.default_rng(seed).multinomial(
        len(rows), np.full(len(rows), 1 / len(rows)), size=RESAMPLES
    )
    values = _ratios(parts.sum(axis=0))
    resampled = _ratios(np.tensordot(draws.astype(float), parts, axes=1))
    return {name: _with_interval(values[i], resampled[:, i]) for i, name in enumerate(NAMES)}


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numerators over denominators, the last axis of ``sums``; NaN over nothing."""
    numerators, denominators = sums[..., 0], sums[..., 1]
    denominators = np.where([name in COUNTS for name in NAMES], denominators > 0, denominators)
    undefined = np.full_like(numerators, np.nan)
    return np.divide(numerators, denominators, out=undefined, where=denominators > 0)


def _with_interval(value: float, resampled: NDArray[np.float64]) -> Estimate:
    if np.isnan(value):
        return UNDEFINED
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Estimate(round(float(value), 6), (round(float(low), 6), round(float(high), 6)))


# ---- retrieval


def score_retrieval(
    rankings: Mapping[str, Sequence[str]], gold: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Part]]:
    """Question id to its measures: distinct articles, best first, against the relevant ones.

    Computed by ir-measures (pytrec_eval under it). Questions without gold articles are left out.
    """
    import ir_measures
    from ir_measures import RR, R, nDCG

    names = {R @ 1: "recall@1", R @ 5: "recall@5", R @ 10: "recall@10"}
    names |= {RR @ 10: "mrr@10", nDCG @ 10: "ndcg@10"}
    qrels = {question: dict.fromkeys(articles, 1) for question, articles in gold.items()}
    run = {
        question: {article: float(-rank) for rank, article in enumerate(rankings[question])}
        for question in gold
    }
    scores: dict[str, dict[str, Part]] = {question: {} for question in gold}
    for measured in ir_measures.iter_calc(list(names), qrels, run) if gold else ():
        scores[measured.query_id][names[measured.measure]] = (measured.value, 1.0)
    return scores


# ---- answers

_KORQUAD_SPACED = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
_KORQUAD_DROPPED = str.maketrans(dict.fromkeys(string.punctuation))
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MARKER = re.compile(r"\[(\d+)\]")


def normalise(text: str) -> str:
    """KorQuAD 1.0's normalisation of answers, as in its official evaluation script.

    Quotation marks and brackets become spaces, letters small, other (ASCII) punctuation goes, and
    so do spaces but one. Source: https://korquad.github.io/KorQuad%201.0/
    """
    text = text.translate(_KORQUAD_SPACED).lower().translate(_KORQUAD_DROPPED)
    return " ".join(text.split())


def character_f1(answer: str, gold: str) -> float:
    """KorQuAD 1.0's F1, over characters (official script; no score for empty texts)."""
    said, right = (Counter(normalise(text).replace(" ", "")) for text in (answer, gold))
    common = (said & right).total()
    return 2 * common / (said.total() + right.total()) if common else 0.0


def exact(answer: str, gold: str) -> bool:
    """Whether both are the same after KorQuAD's normalisation, whatever their spacing."""
    return normalise(answer).replace(" ", "") == normalise(gold).replace(" ", "")


def contains(answer: str, gold: str) -> bool:
    """Whether the gold answer occurs in the answer, whatever their spaces and thousands marks."""
    return _squeeze(gold) in _squeeze(answer)


def _squeeze(text: str) -> str:
    text = _THOUSANDS.sub("", unicodedata.normalize("NFC", text))
    return "".join(text.split())


def score_answer(answer: Answer, golds: Sequence[str]) -> dict[str, Part]:
    """The best score over the alternative answers, for the whole text without its markers.

    A refusal says nothing, so it scores 0, whatever words it is put in. Without gold answers
    there is nothing to compare with, and no part.
    """
    if not golds:
        return {}
    said = _MARKER.sub("", answer.text) if answer.status == "answered" else ""
    return {
        "contains": (max(float(contains(said, gold)) for gold in golds), 1.0),
        "f1": (max(character_f1(said, gold) for gold in golds), 1.0),
        "exact": (max(float(exact(said, gold)) for gold in golds), 1.0),
    }


# ---- citations

Supports = Callable[[str, Sequence[Citation]], bool]
"""Whether the cited places together support a sentence (no places support nothing)."""

HoldsNumbers = Callable[[str, Sequence[Citation]], bool | None]
"""Whether the cited places hold every number of a sentence; None for one without numbers."""


def score_citations(
    answer: Answer,
    *,
    supports: Supports,
    holds_numbers: HoldsNumbers,
    body_of: Callable[[str], str | None],
) -> dict[str, Part]:
    """Support of the sentences and soundness of the citations of one answer.

    ``support_recall`` and ``support_precision`` are ALCE's citation recall and precision (Gao et
    al., 2023, https://arxiv.org/abs/2305.14627, section 3) with ``supports`` in the place of its
    NLI model. ``body_of`` gives an article's body by id, None for an unknown article.
    """
    cited = {citation.number: citation for citation in answer.citations}
    held = [holds_numbers(s.text, _cited_by(s, cited)) for s in answer.sentences]
    quoted = [_is_exact(citation, body_of(citation.article_id)) for citation in answer.citations]
    return {
        **_support(answer.sentences, cited, supports),
        "numeric_support": _share([all_held for all_held in held if all_held is not None]),
        "exact_quote": _share(quoted),
        "invalid_markers": (float(_count_invalid(answer, cited)), 1.0),
    }


def _support(
    sentences: Sequence[Sentence], cited: Mapping[int, Citation], supports: Supports
) -> dict[str, Part]:
    supported: list[bool] = []
    needed: list[bool] = []
    for sentence in sentences:
        citations = _cited_by(sentence, cited)
        supported.append(supports(sentence.text, citations))
        needed += [
            supported[-1] and _is_needed(sentence, c, citations, supports) for c in citations
        ]
    return {"support_recall": _share(supported), "support_precision": _share(needed)}


def _is_needed(
    sentence: Sentence, citation: Citation, citations: Sequence[Citation], supports: Supports
) -> bool:
    """ALCE: a citation is irrelevant if it can't support alone and the others can without it."""
    others = [other for other in citations if other is not citation]
    return supports(sentence.text, [citation]) or not supports(sentence.text, others)


def _cited_by(sentence: Sentence, cited: Mapping[int, Citation]) -> list[Citation]:
    return [cited[number] for number in dict.fromkeys(sentence.citations) if number in cited]


def _is_exact(citation: Citation, body: str | None) -> bool:
    return body is not None and body[citation.start : citation.end] == citation.quote


def _count_invalid(answer: Answer, cited: Mapping[int, Citation]) -> int:
    """Markers in the text, and numbers at the sentences, that no citation carries."""
    markers = [int(number) for number in _MARKER.findall(answer.text)]
    numbers = [number for sentence in answer.sentences for number in sentence.citations]
    return sum(number not in cited for number in [*markers, *set(numbers) - set(markers)])


def _share(cases: Sequence[bool]) -> Part:
    return float(sum(cases)), float(len(cases))


def score_cited_articles(cited: Collection[str], gold: Collection[str]) -> dict[str, Part]:
    """Precision and recall of the articles cited against those that support the answer."""
    found = float(len(set(cited) & set(gold)))
    return {
        "article_precision": (found, float(len(set(cited)))),
        "article_recall": (found, float(len(set(gold)))),
    }


# ---- abstention


def score_abstention(*, abstained: bool, answerable: bool) -> dict[str, Part]:
    """Refusing is the positive decision; it is right where the corpus has no answer."""
    right, missed = abstained and not answerable, not abstained and not answerable
    wrong = abstained and answerable
    return {
        "precision": (float(right), float(abstained)),
        "recall": (float(right), float(not answerable)),
        "f1": (2.0 * right, 2.0 * right + wrong + missed),
        "false_refusals": (float(wrong), float(answerable)),
    }
