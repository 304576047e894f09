"""What is measured for each question, and how it is summed up.

Every metric is a ratio of two sums over questions: of the questions that count (recall of articles),
of their sentences (support) or of their citations (exact quotes). Each question contributes its part
to both sums, or nothing to metrics in which it doesn't count. So one bootstrap serves all metrics, and
it resamples questions even where sentences are counted, since the sentences of one answer tend to be
right or wrong together.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
        "quoted",
        "supported",
        "reworded",
    ),
    "abstention": ("precision", "recall", "f1", "false_refusals", "related", "lead_gold"),
}
"""Group to its metrics, in the order of the report."""

NAMES = tuple(f"{group}.{metric}" for group, metrics in METRICS.items() for metric in metrics)

COUNTS = {"citations.invalid_markers"}
"""Metrics that count cases over all questions instead of giving a share."""

LOWER_IS_BETTER = {"citations.invalid_markers", "abstention.false_refusals"}

GRADES = ("quoted", "supported", "reworded")

NEITHER_IS_BETTER = {"abstention.related", *(f"citations.{grade}" for grade in GRADES)}
"""Metrics whose change is no gain or loss by itself."""

JUDGED = {"citations.support_recall", "citations.support_precision"}
"""Metrics that depend on who judges; values of different judges can't be compared."""

MEANINGS: Mapping[str, str] = {
    "retrieval.recall@1": "share of the right articles that come first in the list found",
    "retrieval.recall@5": "share of the right articles among the first five",
    "retrieval.recall@10": "share of the right articles among the first ten",
    "retrieval.mrr@10": "one over the place of the first right article, 0 beyond the tenth",
    "retrieval.ndcg@10": "how far up the right articles stand in the first ten, 1 at best",
    "answers.contains": "the answer contains a right answer, whatever the spaces",
    "answers.f1": "overlap of the whole answer's characters with a right answer's (KorQuAD)",
    "answers.exact": "the answer is a right answer and nothing more",
    "citations.support_recall": "sentences that the places cited for them support",
    "citations.support_precision": "citations that their sentence needs",
    "citations.article_precision": "cited articles that are right ones",
    "citations.article_recall": "right articles that are cited",
    "citations.numeric_support": "sentences with numbers, all of which stand in the cited places",
    "citations.exact_quote": "quotes that stand in the article letter by letter",
    "citations.invalid_markers": "markers in answers that name no source: a number, 0 at best",
    "citations.quoted": "sentences in an article's own words",
    "citations.supported": "sentences nearly in its words, or of which the service's judge says that they follow",
    "citations.reworded": "sentences whose facts agree, and whose wording nobody judged",
    "abstention.precision": "refusals that were right, the corpus having no answer",
    "abstention.recall": "questions without an answer that were refused",
    "abstention.f1": "harmonic mean of the two",
    "abstention.false_refusals": "questions with an answer that were refused, leads to a right article aside; 0 at best",
    "abstention.related": "questions that got near articles as leads in the place of an answer",
    "abstention.lead_gold": "of those with a right article, how many have one among their leads",
}
"""What each metric means, for readers of a report."""

RETRIEVAL_DEPTH = 10
RECALL_CURVE = tuple(f"retrieval.recall@{k}" for k in range(1, RETRIEVAL_DEPTH + 1))
RESAMPLES = 1_000

Part = tuple[float, float]
"""One question's part of a metric's two sums: numerator and denominator."""

Parts = Mapping[str, Part]
"""Part by metric. The question doesn't count in metrics that are missing."""


@dataclass(frozen=True)
class Estimate:
    """A metric with its 95 % bootstrap interval.

    The value is None if no question counts in the metric, the interval if their values don't differ.
    """

    value: float | None
    ci95: tuple[float | None, float | None]


UNDEFINED = Estimate(None, (None, None))


def estimate(
    rows: Sequence[Parts], *, seed: int, names: Sequence[str] = NAMES
) -> dict[str, Estimate]:
    """Each of ``names`` over all questions, with percentile bootstrap intervals.

    A row holds one question's parts. The same rows in the same order and the same seed give the
    same intervals. Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13.
    If all questions have the same value, resampling says nothing. For a share of 0 or 1 the interval
    is then the exact one (Clopper and Pearson, 1934); otherwise there is none.
    """
    if not rows:
        return dict.fromkeys(names, UNDEFINED)
    sums = parts_array(rows, names)
    draws = resamples(len(rows), seed)
    values = ratios(sums.sum(axis=0), names)
    resampled = ratios(np.tensordot(draws, sums, axes=1), names)
    taking_part = (sums[..., 1] > 0).sum(axis=0)
    return {
        name: _with_interval(name, values[i], resampled[:, i], int(taking_part[i]))
        for i, name in enumerate(names)
    }


def parts_array(rows: Sequence[Parts], names: Sequence[str]) -> NDArray[np.float64]:
    """Numerators and denominators, shape (questions, metrics, 2)."""
    return np.array([[row.get(name, (0.0, 0.0)) for name in names] for row in rows], float)


def resamples(count: int, seed: int) -> NDArray[np.float64]:
    """How often each question is drawn in each resample, shape (``RESAMPLES``, ``count``)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(float)


def ratios(sums: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Numerators over denominators, which are the last axis of ``sums``; NaN where there are no cases."""
    numerators, denominators = sums[..., 0], sums[..., 1]
    denominators = np.where([name in COUNTS for name in names], denominators > 0, denominators)
    undefined = np.full_like(numerators, np.nan)
    return np.divide(numerators, denominators, out=undefined, where=denominators > 0)


def _with_interval(
    name: str, value: float, resampled: NDArray[np.float64], questions: int
) -> Estimate:
    if np.isnan(value):
        return UNDEFINED
    low, high = (round(float(end), 6) for end in np.nanpercentile(resampled, [2.5, 97.5]))
    bound = round(0.025 ** (1 / questions), 6)
    interval: tuple[float | None, float | None] = (low, high)
    if low == high:
        of_share = {0.0: (0.0, 1 - bound), 1.0: (bound, 1.0)} if name not in COUNTS else {}
        interval = of_share.get(low, (None, None))
    return Estimate(round(float(value), 6), interval)


# ---- retrieval


def score_retrieval(
    rankings: Mapping[str, Sequence[str]], gold: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, Part]]:
    """By question id, the metrics of its ranking (distinct articles, best first) against the grades.

    Recall is given at every depth up to ten. Computed by ir-measures, which uses pytrec_eval.
    Questions without gold articles are left out.
    """
    import ir_measures
    from ir_measures import RR, R, nDCG

    names = {R @ k: f"recall@{k}" for k in range(1, RETRIEVAL_DEPTH + 1)}
    names |= {RR @ 10: "mrr@10", nDCG @ 10: "ndcg@10"}
    run = {
        question: {article: float(-rank) for rank, article in enumerate(rankings[question])}
        for question in gold
    }
    scores: dict[str, dict[str, Part]] = {question: {} for question in gold}
    for measured in ir_measures.iter_calc(list(names), gold, run) if gold else ():
        scores[measured.query_id][names[measured.measure]] = (measured.value, 1.0)
    return scores


# ---- answers

_KORQUAD_SPACED = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
_KORQUAD_DROPPED = str.maketrans(dict.fromkeys(string.punctuation))
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MARKER = re.compile(r"\[(\d+)\]")


def normalise(text: str) -> str:
    """KorQuAD 1.0's normalisation of answers, as in its official evaluation script.

    Quotation marks and brackets become spaces, letters become lower case, other ASCII punctuation is
    removed, and runs of spaces become one. The script's quirks are kept: 3.5 becomes 35, and
    “ ” 「 」 · … remain. Source: evaluate-v1.0.py, https://korquad.github.io/KorQuad%201.0/. Normalising
    to NFC first is our addition, which changes nothing in NFC texts such as KorQuAD's.
    """
    text = (
        unicodedata.normalize("NFC", text)
        .translate(_KORQUAD_SPACED)
        .lower()
        .translate(_KORQUAD_DROPPED)
    )
    return " ".join(text.split())


def character_f1(answer: str, gold: str) -> float:
    """KorQuAD 1.0's F1 over characters, by the official script; 0 for empty texts."""
    said, right = (Counter(normalise(text).replace(" ", "")) for text in (answer, gold))
    common = (said & right).total()
    return 2 * common / (said.total() + right.total()) if common else 0.0


def exact(answer: str, gold: str) -> bool:
    """Whether both are equal after KorQuAD's normalisation, regardless of spaces.

    The official script compares spaces, too, so this is never stricter than its exact match.
    """
    return normalise(answer).replace(" ", "") == normalise(gold).replace(" ", "")


def contains(answer: str, gold: str) -> bool:
    """Whether the gold answer occurs in the answer, regardless of spaces and thousands separators."""
    return squeezed(gold) in squeezed(answer)


def squeezed(text: str) -> str:
    """NFC text without blanks and thousands separators."""
    text = _THOUSANDS.sub("", unicodedata.normalize("NFC", text))
    return "".join(text.split())


def score_answer(answer: Answer, golds: Sequence[str]) -> dict[str, Part]:
    """The best score over the alternative answers, for the whole text without its markers.

    A refusal scores 0, whatever its wording. Without gold answers the question doesn't count.
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
"""Whether the cited places together support a sentence; never without any place."""

HoldsNumbers = Callable[[str, Sequence[Citation]], bool | None]
"""Whether the cited places hold every number of a sentence; None for one without numbers."""


def score_citations(
    answer: Answer,
    *,
    supports: Supports | None,
    holds_numbers: HoldsNumbers,
    body_of: Callable[[str], str | None],
) -> dict[str, Part]:
    """Support of the sentences, and correctness of the citations, of one answer.

    ``support_recall`` and ``support_precision`` are ALCE's citation recall and precision (Gao et
    al., 2023, https://arxiv.org/abs/2305.14627, section 3) with ``supports`` instead of its NLI model.
    They are summed over all sentences and citations, while ALCE takes the mean of each answer's share;
    so longer answers weigh more. Without ``supports`` the answer doesn't count there. ``body_of`` gives an article's body by id, None for an unknown one.
    """
    cited = {citation.number: citation for citation in answer.citations}
    held = [holds_numbers(s.text, _cited_by(s, cited)) for s in answer.sentences]
    quoted = [_is_exact(citation, body_of(citation.reference)) for citation in answer.citations]
    return {
        **(_support(answer.sentences, cited, supports) if supports else {}),
        "numeric_support": _share([all_held for all_held in held if all_held is not None]),
        "exact_quote": _share(quoted),
        "invalid_markers": (float(_count_invalid(answer, cited)), 1.0),
        **{grade: _share([s.support == grade for s in answer.sentences]) for grade in GRADES},
    }


def support_cases(answer: Answer) -> Iterator[tuple[str, Sequence[Citation]]]:
    """All that may be asked of ``Supports`` about an answer: a sentence with its places, each alone, all but each."""
    cited = {citation.number: citation for citation in answer.citations}
    for sentence in answer.sentences:
        places = _cited_by(sentence, cited)
        alone = [[place] for place in places]
        others = [[other for other in places if other is not place] for place in places]
        yield from ((sentence.text, case) for case in (places, *alone, *others) if case)


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
    """ALCE: a citation is irrelevant if it doesn't support the sentence alone, but the others do without it."""
    others = [other for other in citations if other is not citation]
    return supports(sentence.text, [citation]) or not supports(sentence.text, others)


def _cited_by(sentence: Sentence, cited: Mapping[int, Citation]) -> list[Citation]:
    return [cited[number] for number in dict.fromkeys(sentence.citations) if number in cited]


def _is_exact(citation: Citation, body: str | None) -> bool:
    return body is not None and body[citation.start : citation.end] == citation.quote


def _count_invalid(answer: Answer, cited: Mapping[int, Citation]) -> int:
    """Markers in the text, and numbers of the sentences, that belong to no citation."""
    markers = [int(number) for number in _MARKER.findall(answer.text)]
    numbers = [number for sentence in answer.sentences for number in sentence.citations]
    return sum(number not in cited for number in [*markers, *set(numbers) - set(markers)])


def _share(cases: Sequence[bool]) -> Part:
    return float(sum(cases)), float(len(cases))


def score_cited_articles(cited: Collection[str], gold: Collection[str]) -> dict[str, Part]:
    """Precision and recall of the cited articles against those that support the answer."""
    found = float(len(set(cited) & set(gold)))
    return {
        "article_precision": (found, float(len(set(cited)))),
        "article_recall": (found, float(len(set(gold)))),
    }


# ---- abstention


def score_abstention(
    *, abstained: bool, answerable: bool, leads_to_gold: bool = False
) -> dict[str, Part]:
    """Refusing is the positive class; it is right if the corpus has no answer.

    Leads that hold a right article are neither an answer nor a refusal where there is an answer.
    """
    if answerable and leads_to_gold:
        abstained = False
    right, missed = abstained and not answerable, not abstained and not answerable
    wrong = abstained and answerable
    return {
        "precision": (float(right), float(abstained)),
        "recall": (float(right), float(not answerable)),
        "f1": (2.0 * right, 2.0 * right + wrong + missed),
        "false_refusals": (float(wrong), float(answerable)),
    }


def score_leads(
    *, is_related: bool, leads: Collection[str], gold: Collection[str]
) -> dict[str, Part]:
    """How many replies are leads, and how many of those name an article in ``gold``.

    Without right articles nothing can be said of where leads lead.
    """
    found = is_related and bool(set(leads) & set(gold))
    return {
        "related": (float(is_related), 1.0),
        "lead_gold": (float(found), float(is_related and bool(gold))),
    }
