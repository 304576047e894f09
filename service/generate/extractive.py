"""The default backend: no model, no network; it quotes the sentences that answer the question."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

from index import KoreanAnalyser, Quantity
from service.generate.answerability import answerability
from service.generate.candidates import Candidate, rank
from service.generate.prompt import Prompt
from service.query.asked import Asked
from service.sources import Idf, attribution

MAX_SENTENCES = 3
MIN_ANSWERABILITY = 0.18
"""Chosen on the even halves: see ``scripts/benchmark.py abstention``."""

MAX_SCORE_GAP = 2.0
"""How far behind the best sentence another of its article may be and still be quoted with it."""


class ExtractiveBackend:
    """Chooses one to three sentences of one article and cites it, or says nothing.

    Where another outlet gives another number for what is asked, that is said too, each with its press.
    """

    name = "extractive"

    def __init__(self, analyser: KoreanAnalyser, idf: Idf) -> None:
        self._analyser, self._idf = analyser, idf

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """The chosen sentences with their markers; nothing if they are unlikely to be the answer."""
        confidence, sentences = self.weigh(prompt)
        if confidence >= MIN_ANSWERABILITY:
            for sentence in sentences:
                yield sentence

    def weigh(self, prompt: Prompt) -> tuple[float, list[str]]:
        """How surely the sources answer the question, 0 to 1, and the sentences that would say it."""
        asked = prompt.asked or Asked.of(prompt.question, self._analyser, self._idf)
        candidates = rank(asked, prompt.sources)
        if not candidates:
            return 0.0, []
        chosen = choose(asked, candidates)
        other = dissent(asked, chosen, candidates)
        told = [min(chosen, key=candidates.index)] if prompt.is_brief else chosen
        sentences = []
        for candidate in [*told, *([other] if other else [])]:
            said_by = attribution(candidate.source.article.press) if other else ""
            sentences.append(f"{said_by}{candidate.text}[{candidate.source.number}] ")
        return answerability(asked, candidates, chosen), sentences


def choose(asked: Asked, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The sentences that make the answer, in reading order."""
    return headlines(candidates) if asked.kind == "news" else join(asked, candidates)


def headlines(candidates: Sequence[Candidate]) -> list[Candidate]:
    """What is new about a topic: the leads of the articles that tell most of it, the newest first."""
    leads = [c for c in candidates if c.sentence.start == 0] or candidates[:1]
    most = max(_about(c) for c in leads)
    told = [c for c in leads if _about(c) >= SAME_TOPIC * most]
    best = sorted(told, key=lambda c: c.source.number)[:MAX_SENTENCES]
    return sorted(best, key=lambda c: str(c.source.article.published_on or ""), reverse=True)


def _about(lead: Candidate) -> float:
    """How much of the question's words the lead of an article or its title has."""
    return max(lead.features["coverage"], lead.features["title"])


def join(asked: Asked, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best sentence and those close behind it in the same article, in reading order.

    A reason seldom stands in the sentence that names what is asked about: the nearest one that gives a reason
    takes the last place. A sentence that begins with a pronoun is quoted with the one before it.
    """
    best = candidates[0]
    of_source = [c for c in candidates if c.source.number == best.source.number and _tells(c, best)]
    close = [c for c in of_source if c.score >= best.score - MAX_SCORE_GAP][:MAX_SENTENCES]
    if asked.kind == "reason" and not any(c.features["kind"] == 1 for c in close):
        close = close[:1] + _reasons(best, of_source)
    if before := _antecedent(min(close, key=lambda c: c.position), of_source):
        close.insert(1, before)
    places = list(dict.fromkeys(candidate.position for candidate in close))[:MAX_SENTENCES]
    return sorted((c for c in of_source if c.position in places), key=lambda c: c.position)


def _tells(other: Candidate, best: Candidate) -> bool:
    """Whether a candidate may stand beside the best: not another row of a table, which is about another thing."""
    is_row = other.sentence.start in other.source.rows
    return not is_row or other.held >= best.held


def _reasons(best: Candidate, of_source: Sequence[Candidate]) -> list[Candidate]:
    """The sentences near the best that give a reason, the likelier first; without one, how the article begins."""
    near = [c for c in of_source if c is not best and abs(c.position - best.position) <= REACH]
    giving = sorted(
        (c for c in near if c.features["kind"]),
        key=lambda c: (
            -c.features["kind"],
            abs(c.position - best.position),
            c.position < best.position,
        ),
    )
    return giving[:1] + sorted(of_source, key=lambda c: c.position)[:2]


REACH = 4
"""Sentences between an event and its cause."""


def _antecedent(first: Candidate, of_source: Sequence[Candidate]) -> Candidate | None:
    """The sentence before one that begins with a pronoun, or is nothing but a reason: it says of whom or what."""
    if not (_REFERS_BACK.match(first.text) or _IS_REASON.search(first.text)):
        return None
    return next((c for c in of_source if _stands_before(c, first)), None)


def _stands_before(one: Candidate, other: Candidate) -> bool:
    gap = one.source.body[one.sentence.end : other.sentence.start]
    return one.position == other.position - 1 and not gap.strip()


_REFERS_BACK = re.compile(
    r"(?:이는|이를|이에|이로|이들|이\s|그는|그가|그의|그녀|그\s|여기|이곳|거기|해당|같은|이 가운데|이 중|이날|이번\s|당시)"
)
_IS_REASON = re.compile(r"(?:때문|까닭|탓|덕분|덕)이(?:다|었다|라고\s\S+)[.”\"’']*$")


def dissent(
    asked: Asked, chosen: Sequence[Candidate], candidates: Sequence[Candidate]
) -> Candidate | None:
    """A sentence of another outlet, of about the same day, that answers with another number."""
    said = next((c for c in chosen if _numbers(asked, c)), None)
    if asked.kind != "number" or said is None:
        return None
    for other in candidates:
        if other.score < said.score - MAX_DISSENT_GAP:
            break
        if _may_dissent(said, other) and (given := _numbers(asked, other)):
            agree = any(one.agrees_with(two) for one in _numbers(asked, said) for two in given)
            return None if agree else other
    return None


def _may_dissent(said: Candidate, other: Candidate) -> bool:
    """Whether another outlet tells of the same: in about as many of the question's words, on about the same day."""
    one, two = said.source.article, other.source.article
    if not (one.press and two.press and one.published_on and two.published_on):
        return False
    is_near = abs(one.published_on - two.published_on) <= SAME_NEWS
    covers = other.features["coverage"] >= SAME_TOPIC * said.features["coverage"]
    return one.press != two.press and is_near and covers


def _numbers(asked: Asked, candidate: Candidate) -> list[Quantity]:
    """The numbers of a sentence that may be the one asked for."""
    return asked.numbers_in(candidate.text) if asked.units else []


MAX_DISSENT_GAP = 3.0
SAME_TOPIC = 0.7
SAME_NEWS = timedelta(days=3)
"""Later numbers are news, not contradictions."""
