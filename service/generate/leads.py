"""Near articles in the place of an answer: where a reader would look next."""

from __future__ import annotations

from collections.abc import Sequence

from service.generate.candidates import Candidate, rank
from service.query.asked import Asked
from service.sources import Source

LEADS = 3
"""Most near articles that are shown."""

MIN_DENSE = 1.3
MIN_LEXICAL = 0.25
"""Of the sources that answer questions of the even halves 98 in 100 reach one of the two: spreads by which a passage
is nearer to the question than an average one, share of the attainable BM25 score."""


def leads(asked: Asked, sources: Sequence[Source]) -> list[Candidate]:
    """The best sentence of each of the first sources that are near enough, in their order."""
    near = [s for s in sources if s.dense >= MIN_DENSE or s.lexical >= MIN_LEXICAL][:LEADS]
    best: dict[int, Candidate] = {}
    for candidate in rank(asked, near):
        best.setdefault(candidate.source.number, candidate)
    return [best[source.number] for source in near if source.number in best]
