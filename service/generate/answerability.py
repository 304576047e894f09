"""How surely quoted sentences answer a question, from the words, the kind of thing asked for, and the meaning.

A logistic model over a few features of the sentences themselves: what other sources there are does not enter, but
for how far the best sentence is ahead, so that fewer sources make nothing less answerable. A question with no word
of the article can be answered where meaning speaks for it. Fitted by ``scripts/fit.py`` on questions with their
answers, with the sentences that hold the answer taken out, and with its articles taken out; reported in
``scripts/benchmark.py abstention``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from index import quantities_in
from service.generate.candidates import Candidate
from service.generate.weights import weighted
from service.query.asked import Asked

FEATURES: Mapping[str, str] = {
    "missing": "share of the question's words, verbs left out, that the sentences and their surroundings lack",
    "untold": "the same of its verbs and adverbs",
    "names": "1: one of its names, or what has a number in its name (2호선), is missing there",
    "meaning": "cosine of the nearest sentence less that of an average passage, in spreads of the corpus",
    "margin": "by how much the best sentence's score is ahead of the next",
    "other_time": "1: neither the sentences nor the day of publication are of the time asked about",
    "no_unit": "1: a number is asked for, and none has such a unit",
    "no_number": "1: a number is asked for, and there is none at all",
    "no_date": "1: a time is asked for, and none is named",
    "no_reason": "1: a reason is asked for, and none is given; 0.5: perhaps one",
    "brevity": "1 / (1 + words of the question): of few words, one says little",
    "focus": "share of the question's last words that the sentences themselves lack",
}
"""Features of the sentences that would be quoted, and what each measures."""

LAST_WORDS = 3
MAX_MEANING, MAX_MARGIN = 8.0, 4.0


def answerability(
    asked: Asked, candidates: Sequence[Candidate], chosen: Sequence[Candidate]
) -> float:
    """How surely those ``chosen`` of the candidates answer the question, 0 to 1."""
    return 1 / (1 + math.exp(-weighted(evidence(asked, candidates, chosen), "answer")))


def evidence(
    asked: Asked, candidates: Sequence[Candidate], chosen: Sequence[Candidate]
) -> dict[str, float]:
    """The features of ``FEATURES``."""
    held = frozenset[str]().union(*(c.held for c in chosen))
    near = held.union(*(c.near for c in chosen))
    missing = asked.weights.keys() - near
    verbs = missing & asked.verbs
    last = list(asked.weights)[-LAST_WORDS:]
    kind = max(c.features["kind"] for c in chosen)
    return {
        "missing": asked.share(frozenset(missing - verbs)),
        "untold": asked.share(frozenset(verbs)),
        "names": float(bool(missing & asked.names) or not _holds_numbered(asked, chosen)),
        "meaning": min(max(c.source.similarity(c.sentence) for c in chosen), MAX_MEANING),
        "margin": _margin(candidates),
        "other_time": float(
            asked.time is not None and max(c.features["time"] for c in chosen) == 0
        ),
        "no_unit": float(asked.kind == "number" and not kind),
        "no_number": float(asked.kind == "number" and not any(map(_has_number, chosen))),
        "no_date": float(asked.kind in {"date", "hour"} and not kind),
        "no_reason": 1 - kind if asked.kind == "reason" else 0.0,
        "brevity": 1 / (1 + len(asked.weights)),
        "focus": _share_of([word for word in last if word not in held], last, asked),
    }


def _holds_numbered(asked: Asked, chosen: Sequence[Candidate]) -> bool:
    """Whether what has a number in its name stands near: 1호선 is another line than 2호선."""
    text = "".join("".join(map(_surroundings, chosen)).split())
    return all(name in text for name in asked.numbered)


def _surroundings(candidate: Candidate) -> str:
    """The title, the sentence and its neighbours."""
    source, at = candidate.source, candidate.position
    around = source.supplied_sentences()[max(at - 1, 0) : at + 2]
    return " ".join([source.article.title, *map(source.reading, around)])


def _margin(candidates: Sequence[Candidate]) -> float:
    if len(candidates) < 2:
        return MAX_MARGIN
    return min(candidates[0].score - candidates[1].score, MAX_MARGIN)


def _share_of(some: Sequence[str], all_of: Sequence[str], asked: Asked) -> float:
    total = sum(asked.weights[word] for word in all_of)
    return sum(asked.weights[word] for word in some) / total if total else 0.0


def _has_number(candidate: Candidate) -> bool:
    return bool(quantities_in(candidate.text))
