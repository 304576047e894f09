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

MIN_DENSE_WITHOUT_WORDS = 2.6
"""The same for a source without a word of the question: of the paraphrases of the even half one in 41 has none."""


def leads(asked: Asked, sources: Sequence[Source]) -> list[Candidate]:
    """The best sentence of each of the first sources that are near enough, in their order."""
    near = [source for source in sources if is_near(source)][:LEADS]
    best: dict[int, Candidate] = {}
    for candidate in rank(asked, near):
        best.setdefault(candidate.source.number, candidate)
    return [best[source.number] for source in near if source.number in best]


def is_near(source: Source) -> bool:
    """Whether an article is near enough to a question to be worth a look."""
    least = MIN_DENSE if source.lexical > 0 else MIN_DENSE_WITHOUT_WORDS
    return source.dense >= least or source.lexical >= MIN_LEXICAL
