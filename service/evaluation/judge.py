"""Everything that scoring needs to know about the corpus and the language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from index import Article, ArticleAmbiguous, Index
from service.evaluation.datasets import GoldQuestion
from service.evaluation.slices import slices_of
from service.evaluation.support import (
    GOLD,
    VERIFIER,
    OtherJudge,
    SupportOf,
    Waiting,
    by_entailment,
    by_gold,
    by_verifier,
    says,
)
from service.schema import Citation


@dataclass(frozen=True)
class Judge:
    """Looks into the corpus to score answers.

    ``story_of`` maps an article to the one that represents all copies of its story, since it makes no
    difference to readers whether a copy or the original is cited. ``title_of`` is for reports, and
    ``judged_by`` names there who ``supports`` is.
    """

    supports: SupportOf
    body_of: Callable[[str], str | None]
    story_of: Callable[[str], str] = lambda article_id: article_id
    title_of: Callable[[str], str] = lambda article_id: ""
    slices_of: Callable[[GoldQuestion], tuple[str, ...]] = lambda question: ()
    judged_by: str = VERIFIER

    @classmethod
    def of(cls, index: Index, now: datetime) -> Judge:
        """A judge over an index, of support by the verifier; ``now`` is for questions without a moment of their own."""

        def body_of(article_id: str) -> str | None:
            article = _article(index, article_id)
            return article.body if article else None

        def story_of(article_id: str) -> str:
            leader, *_ = index.stories([article_id]).get(article_id, (article_id,))
            return leader

        def title_of(article_id: str) -> str:
            article = _article(index, article_id)
            return article.title if article else ""

        def in_slices(question: GoldQuestion) -> tuple[str, ...]:
            bodies = [body for a in question.article_ids if (body := body_of(a))]
            return slices_of(question, bodies, index.analyser, now)

        return cls(by_verifier(index), body_of, story_of, title_of, in_slices)

    def by_gold(self) -> Judge:
        """The same with gold evidence as the judge of support."""
        gold = by_gold(self._right_bodies, self._is_right)
        return replace(self, supports=gold, judged_by=GOLD)

    def by_other(self, other: OtherJudge, wait: Waiting) -> Judge:
        """The same with another judge of support."""
        return replace(self, supports=by_entailment(other.judge, wait), judged_by=other.name)

    def has_gold(self, question: GoldQuestion) -> bool:
        """Whether a right article holds a right answer, or evidence that the question gives."""
        return any(says(b, g) for b in self._right_bodies(question) for g in question.gold_texts)

    def _right_bodies(self, question: GoldQuestion) -> list[str]:
        return [body for a in question.article_ids if (body := self.body_of(a))]

    def _is_right(self, question: GoldQuestion, citation: Citation) -> bool:
        return self.story_of(citation.reference) in self.grades(question)

    def stories(self, article_ids: Iterable[str]) -> tuple[str, ...]:
        """The distinct stories of the articles, in order."""
        return tuple(dict.fromkeys(map(self.story_of, article_ids)))

    def grades(self, question: GoldQuestion) -> dict[str, int]:
        """The right stories of a question, each with the best grade of its articles."""
        grades: dict[str, int] = {}
        for article_id in question.article_ids:
            story, grade = self.story_of(article_id), question.grades.get(article_id, 1)
            grades[story] = max(grade, grades.get(story, 0))
        return grades


def _article(index: Index, name: str) -> Article | None:
    """The article of this name; of several sources that share an id, the first one's."""
    try:
        return index.article(name)
    except ArticleAmbiguous as error:
        return index.article(error.references[0])
