"""The questions that went worst, one card each: what was asked, said, cited and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.evaluation.report import QuestionResult, Report, worst

SHOWN_WORST, SHOWN_FOUND, SHOWN_MISSING = 30, 5, 3
"""Cards on the page; on a card, articles found and right articles that were not."""


@dataclass(frozen=True)
class Article:
    """An article's id, and its title or an empty text where it isn't known."""

    id: str
    title: str


@dataclass(frozen=True)
class CitedPlace:
    """A quotation and the article it is taken from."""

    quote: str
    article: Article


@dataclass(frozen=True)
class Found:
    """An article by its place among those found, from 1."""

    place: int
    article: Article
    is_right: bool


@dataclass(frozen=True)
class Card:
    """One question. ``reply`` is None where only the search was measured."""

    question: str
    verdict: str
    labels: str
    right_answer: str
    reply: str | None
    cited: Sequence[CitedPlace]
    found: Sequence[Found]
    missing: Sequence[Article]


def cards(report: Report) -> list[Card]:
    """The worst questions, the worst first."""
    return [_card(result, report.titles) for result in worst(report, SHOWN_WORST)]


def _card(result: QuestionResult, titles: Mapping[str, str]) -> Card:
    def article(article_id: str) -> Article:
        return Article(article_id, titles.get(article_id, ""))

    labels = dict.fromkeys(filter(None, (result.id, result.type, *result.slices)))
    place = first_right(result)
    found = [
        Found(number, article(found_id), found_id in result.gold_articles or number == place)
        for number, found_id in enumerate(result.retrieved, start=1)
    ]
    missing = [a for a in result.gold_articles if a not in result.retrieved and place is None]
    return Card(
        question=result.question,
        verdict=verdict(result),
        labels=" · ".join(labels),
        right_answer=_right_answer(result),
        reply=result.text,
        cited=[CitedPlace(cited.quote, article(cited.article_id)) for cited in result.cited],
        found=[one for one in found if one.place <= SHOWN_FOUND or one.is_right],
        missing=[article(article_id) for article_id in missing[:SHOWN_MISSING]],
    )


def _right_answer(result: QuestionResult) -> str:
    if result.gold_answers is None:
        return "not written down"
    return " / ".join(result.gold_answers) or "The articles have no answer."


def verdict(result: QuestionResult) -> str:
    """What went wrong, in words."""
    scores, place = result.scores, first_right(result)
    if result.gold_answers == ():
        return "Answered, though the articles have no answer."
    if "retrieval.recall@10" in scores and place is None:
        return "A right article was not among the ten found."
    if result.status is None:
        return f"The first right article is number {place} of those found."
    if result.status == "related":
        return _of_leads(result)
    if result.status != "answered":
        return f"Refused, though a right article was found (number {place})."
    if scores.get("citations.article_recall") == 0:
        return "The reply cites another article."
    if scores.get("answers.contains") == 0:
        return "The right article is cited, but the reply lacks the right answer."
    if scores.get("citations.support_recall", 1) < 1:
        return "What a sentence cites does not prove it, as far as the judge of support can tell."
    return f"Right, but the first right article is only number {place} of those found."


def _of_leads(result: QuestionResult) -> str:
    """Only for questions with an answer."""
    if result.scores.get("abstention.lead_gold"):
        return "Not answered, but a right article is among the leads."
    return "Not answered, and no right article is among the leads."


def first_right(result: QuestionResult) -> int | None:
    """The place of the first right article among those found, from 1; None if there is none."""
    reciprocal = result.scores.get("retrieval.mrr@10", 0.0)
    return round(1 / reciprocal) if reciprocal else None
