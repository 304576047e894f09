"""Labelled pairs of a passage and a sentence about it, and what it takes to verify them.

Even groups chose the thresholds, rules and tables of words of the verifier. Odd groups report: written by somebody
who knew neither, half of the false ones reworded, a quarter of the true ones freely.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from index import ArticleHeader, KoreanAnalyser, Passage
from service.sources import Source
from service.verify.citations import Draft, Verifier

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Pair:
    """``verdict``: whether the passage supports the sentence; ``kind`` says what was falsified.

    ``form`` says, where it is known, how a faithful sentence differs from the passage: ``verbatim``, ``particle``
    (only endings and particles), ``shortened``, ``merged`` (two sentences), ``converted`` (dates and numbers),
    ``polite``, ``voice``, ``nominal``, ``synonym``, ``free``.
    """

    id: str
    group: int
    passage: str
    title: str
    published_at: str
    sentence: str
    verdict: bool
    kind: str
    form: str = ""


def pairs(*, reporting: bool) -> list[Pair]:
    """The half that reports, or the half that chooses."""
    lines = (HERE / "verifier_pairs.jsonl").read_text("utf-8").splitlines()
    return [p for line in lines if (p := Pair(**json.loads(line))).group % 2 == reporting]


@cache
def idf(analyser: KoreanAnalyser) -> Callable[[Iterable[str]], Mapping[str, float]]:
    """Rarity in the paragraphs of the sample corpus, by the formula that the index uses."""
    files = sorted((HERE / "corpus" / "articles").glob("*.jsonl"))
    articles = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    paragraphs = [p for article in articles for p in article["body"].split("\n\n")]
    counts = Counter(m for p in paragraphs for m in set(analyser.morphemes(p)))

    def weights(morphemes: Iterable[str]) -> Mapping[str, float]:
        return {
            m: math.log1p((len(paragraphs) - counts[m] + 0.5) / (counts[m] + 0.5))
            for m in morphemes
        }

    return weights


def verifier(pair: Pair, analyser: KoreanAnalyser) -> Verifier:
    """A verifier whose only source is the passage of the pair."""
    body = pair.passage
    published = datetime.fromisoformat(pair.published_at)
    header = ArticleHeader(id=pair.id, title=pair.title, published_at=published)
    passage = Passage(header.id, 0, body, 0, len(body))
    source = Source(1, header, body, analyser.sentences(body), [passage], score=1.0, dense=0.8)
    return Verifier([source], analyser, idf(analyser))


def accepts(pair: Pair, analyser: KoreanAnalyser) -> bool:
    return verifier(pair, analyser).verify(Draft(pair.sentence, (1,))) is not None
