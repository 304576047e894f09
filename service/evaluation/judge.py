"""Everything that scoring needs to know about the corpus and the language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from index import Article, ArticleAmbiguous, Index
from service.evaluation.datasets import GoldQuestion
from service.evaluation.slices import slices_of
from service.schema import Citation
from service.sources import attribution
from service.verify.citations import supports


@dataclass(frozen=True)
class Judge:
    """Looks into the corpus to score answers.

    ``story_of`` maps an article to the one that represents all copies of its story, since it makes no
    difference to readers whether a copy or the original is cited. ``title_of`` is for reports.
    """

    supports: Callable[[str, Sequence[Citation]], bool]
    body_of: Callable[[str], str | None]
    story_of: Callable[[str], str] = lambda article_id: article_id
    title_of: Callable[[str], str] = lambda article_id: ""
    slices_of: Callable[[GoldQuestion], tuple[str, ...]] = lambda question: ()

    @classmethod
    def of(cls, index: Index, now: datetime) -> Judge:
        """A judge over an index; ``now`` is for questions without a moment of their own."""

        def holds(sentence: str, citations: Sequence[Citation]) -> bool:
            quotes = "\n".join(citation.quote for citation in citations)
            said = _without_outlet(sentence, citations)
            return bool(quotes) and supports(said, quotes, index.analyser, index.idf)

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

        return cls(holds, body_of, story_of, title_of, in_slices)

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


def _without_outlet(sentence: str, citations: Sequence[Citation]) -> str:
    """A sentence without «…에 따르면» for a cited outlet, as quotes don't name their own outlet."""
    named = (attribution(citation.press) for citation in citations)
    return next((sentence.removeprefix(n) for n in named if n and sentence.startswith(n)), sentence)


def _article(index: Index, name: str) -> Article | None:
    """The article of this name; of several sources that share an id, the first one's."""
    try:
        return index.article(name)
    except ArticleAmbiguous as error:
        return index.article(error.references[0])
