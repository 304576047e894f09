"""``GET /v1/articles/{id}``: an article as it stands in the index, to show a citation in place."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread
from fastapi import APIRouter

from index import Article, ArticleHeader
from service.api.problems import ArticleNotFound, problem_responses
from service.api.readiness import AnswererDep

router = APIRouter(prefix="/v1", responses=problem_responses(404, 500, 503))


@dataclass(frozen=True)
class Paragraph:
    """``body[start:end]`` of its article; offsets count Unicode code points, as citations do."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ArticleView(ArticleHeader):
    """An article with its paragraphs."""

    body: str
    paragraphs: list[Paragraph]


# Ids may hold slashes: those of articles read from a folder can be paths.
@router.get("/articles/{article_id:path}")
async def article(article_id: str, answerer: AnswererDep) -> ArticleView:
    """The current version of an article."""
    found = await to_thread.run_sync(answerer.index.article, article_id)
    if found is None:
        raise ArticleNotFound(f"there is no article {article_id!r}")
    return _view(found)


def _view(article: Article) -> ArticleView:
    paragraphs = _paragraphs(article.body)
    return ArticleView(**vars(article.header), body=article.body, paragraphs=paragraphs)


def _paragraphs(body: str) -> list[Paragraph]:
    paragraphs = []
    start = 0
    for text in body.split("\n\n"):
        end = start + len(text)
        if text.strip():
            paragraphs.append(Paragraph(text, start, end))
        start = end + 2
    return paragraphs
