"""What makes a question hard for retrieval in Korean.

A question may be in several slices, or in none. Types are given with the data; slices are computed
from the texts of the question and of the articles that answer it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from index import KoreanAnalyser, quantities_in
from service.evaluation.datasets import GoldQuestion
from service.query.timeframe import resolve

LONG_ARTICLE_CHARS = 800  # two passages: the article must be found by a part of it

MEANINGS = {
    "particles": "no noun of the question stands in the article with the same particle",
    "compounds": "a compound noun of the question is spaced otherwise in the article",
    "numbers": "a right answer has a number in it",
    "time_bound": "the question limits itself to a time",
    "long_articles": f"an article that answers it has {LONG_ARTICLE_CHARS:,} characters or more",
}
_WORD = re.compile(r"\w+")
_NOUNS = {"NNG", "NNP", "SL", "SH", "SN", "XSN", "XPN", "NR"}


def slices_of(
    gold: GoldQuestion, bodies: Sequence[str], analyser: KoreanAnalyser, now: datetime
) -> tuple[str, ...]:
    """The slices of a question; ``bodies`` are the bodies of the articles that answer it."""
    question, text = unicodedata.normalize("NFC", gold.question), "\n".join(bodies)
    nouns = _nouns(question, analyser)
    found = {
        "particles": _differs_in_particles(question, nouns, text),
        "compounds": any(_differs_in_spacing(run, text) for run in nouns),
        "numbers": any(map(quantities_in, gold.answers or ())),
        "time_bound": resolve(question, now=gold.ask(now=now).now or now) is not None,
        "long_articles": any(len(body) >= LONG_ARTICLE_CHARS for body in bodies),
    }
    return tuple(name for name, holds in found.items() if holds)


@dataclass(frozen=True)
class _Nouns:
    """Adjacent nouns: the text from the first to the last, and their number."""

    text: str
    count: int


def _nouns(question: str, analyser: KoreanAnalyser) -> list[_Nouns]:
    tokens = analyser.tokens(question)
    runs = (list(run) for noun, run in groupby(tokens, lambda t: t.tag in _NOUNS) if noun)
    return [_Nouns(question[run[0].start : run[-1].end], len(run)) for run in runs]


def _differs_in_particles(question: str, nouns: Sequence[_Nouns], text: str) -> bool:
    """Whether every noun that question and article share has another particle in the article."""
    written = set(_WORD.findall(text))
    starts = {run.text.split()[-1] for run in nouns}
    words = [
        w for w in _WORD.findall(question) if any(w.startswith(s) and s in text for s in starts)
    ]
    return bool(words) and not written.intersection(words)


def _differs_in_spacing(nouns: _Nouns, text: str) -> bool:
    """Whether the article spaces a compound of two nouns or more otherwise than the question does."""
    squeezed = "".join(nouns.text.split())
    return nouns.count > 1 and nouns.text not in text and squeezed in "".join(text.split())
