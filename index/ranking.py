"""The arithmetic of ranking: what the engine found, scored, preferred, and chosen story by story.

A passage's score is its cosine with the question plus its BM25 scores, each a share of what the question could
reach at most, weighted in units of the embedder's own spread of cosines. Unlike rank fusion and per-query min-max,
this keeps the evidence that a question's words are not in the corpus at all: then the lexical part is small by
itself and the dense side decides. Pure functions over ``Candidates``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from index.protocols import Candidates, Vectors

CANDIDATES = 200
"""Passages taken from each side."""

LEXICAL_WEIGHTS: Mapping[str, float] = {"morphemes": 6.0, "bigrams": 6.0}
"""Weights of the lexical fields in standard deviations of the cosine between two passages."""

LEADER_LEEWAY = 0.5
"""Of the copies of a story the most complete one is shown if its best passage scores at most so many
standard deviations of the cosine between two passages less than the best copy's."""

FRESHNESS = 1.0
"""Where new articles are preferred: the loss with each doubling of a passage's age and ``FRESH_DAYS``, in
standard deviations of the cosine between two passages. A doubling weighs the same for years as for
months, so it fits young and old archives. Chosen on the even half of tests/corpus/recent.jsonl."""

FRESH_DAYS = 90


MIN_SPREAD = 0.02  # of a corpus too small or too uniform to tell

PREFERRED = 2.0
"""What lying within the time, outlet or section that a question names adds, in the same units."""

NAMES_TIME = 2.0
"""What naming the time that the question names adds to a passage, in the same units."""

LOOKED_AT = 40
"""Passages whose text is read to see whether it names that time."""

FRONT = 3
"""Stories that the sum of both sides puts first; then the best of the dense side take every other place."""


def best(scores: Vectors, n: int) -> list[int]:
    """The positions of the ``n`` highest scores, best first."""
    order: list[int] = np.argsort(-scores, kind="stable")[:n].tolist()
    return order


def bonus(candidates: Candidates, among: Collection[str], value: float) -> Vectors:
    """``value`` for the candidates whose passages are ``among`` these, 0 for the others."""
    chosen = set(among)
    inside = (id in chosen for id in candidates.passages)
    return np.fromiter(inside, dtype=np.float32, count=len(candidates.passages)) * np.float32(value)


def union(one: Candidates, other: Candidates) -> Candidates:
    """Both, each passage once. They are of one question, so that their scores are comparable."""
    known = set(one.passages)
    new = [i for i, id in enumerate(other.passages) if id not in known]
    if not new:
        return one
    return replace(
        one,
        passages=[*one.passages, *(other.passages[i] for i in new)],
        texts=[*one.texts, *(other.texts[i] for i in new)],
        stories=[*one.stories, *(other.stories[i] for i in new)],
        leads=np.concatenate([one.leads, other.leads[new]]),
        dense=np.concatenate([one.dense, other.dense[new]]),
        lexical={f: np.concatenate([v, other.lexical[f][new]]) for f, v in one.lexical.items()},
        days=np.concatenate([one.days, other.days[new]]),
    )


def choose(
    candidates: Candidates,
    scores: Vectors,
    cosine_spread: float,
    *,
    k: int,
    per_story: int,
    interleaved: bool,
) -> list[int]:
    """Positions of the passages of the ``k`` best stories, at most ``per_story`` of each, best story first.

    ``interleaved``: behind the first ``FRONT`` stories every other one is the best of the dense side that is left.
    """
    ranking = _ranking(scores, candidates)
    told = _best_told(ranking, LEADER_LEEWAY * max(cosine_spread, MIN_SPREAD))
    by_score = _of_stories(ranking, told, k, per_story)
    if not interleaved:
        return [i for positions in by_score.values() for i in positions]
    by_meaning = _of_stories(_ranking(candidates.dense, candidates), told, k, per_story)
    order = _interleaved(list(by_score), list(by_meaning), k)
    return [i for story in order for i in by_score.get(story) or by_meaning[story]]


def _interleaved(front: Sequence[str], other: Sequence[str], k: int) -> list[str]:
    chosen = list(front[:FRONT])
    rest = [iter(other), iter(front[FRONT:])]
    for turn in range(2 * k):
        if len(chosen) >= k:
            break
        story = next((s for s in rest[turn % 2] if s not in chosen), None)
        if story is not None:
            chosen.append(story)
    return chosen


def fuse(candidates: Candidates, cosine_spread: float) -> Vectors:
    """One score per candidate: cosine + Σ weight · spread · normalised BM25 of the field."""
    scores = candidates.dense.copy()
    for field, weight in lexical_weights(cosine_spread).items():
        scores += np.float32(weight) * candidates.lexical[field]
    return scores


def freshness(candidates: Candidates, cosine_spread: float, today: date | None) -> Vectors:
    """What each candidate loses by its age; those without a date as much as the oldest."""
    if today is None or not len(candidates.days):
        return np.zeros(len(candidates.days), dtype=np.float32)
    known = candidates.days > 0
    oldest = candidates.days[known].min() if known.any() else today.toordinal()
    days = np.where(known, candidates.days, oldest)
    age = np.maximum(today.toordinal() - days, 0) / FRESH_DAYS
    lost: Vectors = -np.log2(1 + age).astype(np.float32)
    return lost * np.float32(FRESHNESS * max(cosine_spread, MIN_SPREAD))


_Ranked = tuple[int, str, str, bool, float]
"""A candidate: its position, the text and the story it is of, whether that text leads the story, its score."""


def _ranking(scores: Vectors, candidates: Candidates) -> list[_Ranked]:
    """The candidates, best first."""
    texts, stories = candidates.texts, candidates.stories
    leads, values = candidates.leads.tolist(), scores.tolist()
    order = np.argsort(-scores, kind="stable").tolist()
    return [(i, texts[i], stories[i], leads[i], values[i]) for i in order]


def _best_told(ranking: Sequence[_Ranked], leeway: float) -> dict[str, str]:
    """By story, the text that tells it: its leader's, unless another's score is far better."""
    best: dict[str, tuple[str, float]] = {}
    leading: dict[str, tuple[str, float]] = {}
    for _, text, story, leads, score in ranking:
        best.setdefault(story, (text, score))
        if leads:
            leading.setdefault(story, (text, score))
    return {
        story: leader[0] if (leader := leading.get(story)) and leader[1] >= score - leeway else text
        for story, (text, score) in best.items()
    }


def lexical_weights(cosine_spread: float) -> dict[str, float]:
    """What a field's normalised score is multiplied by, in units of the cosine."""
    spread = max(cosine_spread, MIN_SPREAD)
    return {field: weight * spread for field, weight in LEXICAL_WEIGHTS.items()}


def _of_stories(
    ranking: Sequence[_Ranked], told: Mapping[str, str], k: int, per_story: int
) -> dict[str, list[int]]:
    """By story, the best first, the positions of its best candidates.

    ``told`` names the one article of each story whose passages are taken.
    """
    found: dict[str, list[int]] = {}
    for position, text, story, _, _ in ranking:
        if told[story] != text or (story not in found and len(found) == k):
            continue
        positions = found.setdefault(story, [])
        if len(positions) < per_story:
            positions.append(position)
    return found
