"""``/v1/articles``: read an article as the index has it, to show a citation in its place; add and
remove articles with an admin's key."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.status import HTTP_204_NO_CONTENT

from index import Article, ArticleHeader, BuildSummary, IndexUnusable
from service import wiring
from service.answer import Answerer
from service.api.access import require_admin
from service.api.deps import FactsDep, GatewayDep, require_json
from service.api.problems import problem_responses
from service.serving.problems import ArticleNotFound
from service.settings import Settings

WAIT_S = 10.0
"""Longest wait for another writer, in seconds."""

router = APIRouter(
    prefix="/v1", tags=["articles"], responses=problem_responses(401, 404, 409, 422, 429, 500, 503)
)
admin = APIRouter(
    prefix="/v1",
    tags=["articles"],
    dependencies=[Depends(require_admin)],
    responses=problem_responses(401, 403, 409, 422, 429, 500, 503),
)


@dataclass(frozen=True)
class Paragraph:
    """``body[start:end]`` of its article. Offsets count Unicode code points, like those of citations."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ArticleView(ArticleHeader):
    """An article with its paragraphs."""

    body: str
    paragraphs: list[Paragraph]


class ArticleRecord(BaseModel):
    """An article as its source has it; it is cleaned like one from a file.

    Moments without a zone are in GISA_SOURCE_TIMEZONE. Paragraphs of ``body`` are separated by
    line breaks. An article with a known id replaces the older version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=500)]
    body: Annotated[str, Field(min_length=1)]
    title: str | None = None
    subtitles: tuple[str, ...] = ()
    press: str | None = None
    reporters: tuple[str, ...] = ()
    section: str | None = None
    published_at: str | None = None
    modified_at: str | None = None
    url: str | None = None
    place: str | None = None
    tags: tuple[str, ...] = ()


class ArticleRecords(BaseModel):
    """Articles to add or update."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    articles: Annotated[tuple[ArticleRecord, ...], Field(min_length=1, max_length=1_000)]


class Rejected(BaseModel):
    """An article that was not accepted: its position in the request, from 0, and the reason."""

    position: int
    reason: str


class Added(BaseModel):
    """What became of the articles: read = added + updated + unchanged + quarantined (rejected).

    Answers use them within two seconds.
    """

    read: int
    added: int
    updated: int
    unchanged: int
    duplicates: int
    quarantined: int
    generation: int
    rejected: list[Rejected] = []


# Ids may hold slashes: those of articles read from a folder can be paths.
@router.get("/articles/{article_id:path}")
async def article(article_id: str, gateway: GatewayDep) -> ArticleView:
    """Read the current version of an article by its id, or `SOURCE/ID` where several sources share one."""
    found = await gateway.article(article_id)
    if found is None:
        raise ArticleNotFound(f"there is no article {article_id!r}")
    return _view(found)


@admin.post(
    "/articles",
    dependencies=[Depends(require_json)],
    responses=problem_responses(400, 413, 415),
)
async def add(
    records: ArticleRecords, request: Request, gateway: GatewayDep, facts: FactsDep
) -> Added:
    """Add articles, or update those that changed. Needs an admin's key."""
    try:
        answerer: Answerer | None = await gateway.readiness.answerer()
    except (
        IndexUnusable
    ):  # Nothing is there yet; if something is, building will say what is wrong with it.
        answerer = None
    settings: Settings = request.app.state.settings
    summary = await to_thread.run_sync(_add, settings, records, answerer)
    facts["articles"] = {"added": summary.added, "updated": summary.updated}
    rejected = [
        Rejected(position=(item.line or 1) - 1, reason=item.reason) for item in summary.rejected
    ]
    return Added(
        **{name: getattr(summary, name) for name in Added.model_fields if name != "rejected"},
        rejected=rejected,
    )


@admin.delete(
    "/articles/{article_id:path}",
    status_code=HTTP_204_NO_CONTENT,
    responses=problem_responses(404),
)
async def remove(article_id: str, request: Request, gateway: GatewayDep) -> None:
    """Take an article out of the answers at once, and out of the index. Needs an admin's key."""
    found = await gateway.article(article_id)
    if found is None:
        raise ArticleNotFound(f"there is no article {article_id!r}")
    settings: Settings = request.app.state.settings
    await to_thread.run_sync(lambda: wiring.remove_articles(settings, [found.key], wait_s=WAIT_S))


def _add(settings: Settings, records: ArticleRecords, answerer: Answerer | None) -> BuildSummary:
    """Add to the index, with the model that is already loaded if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "articles.jsonl"
        file.write_text("\n".join(map(_line, records.articles)), encoding="utf-8")
        return wiring.add_articles(
            settings,
            [file],
            embedder=answerer.index.embedder if answerer else None,
            analyser=answerer.index.analyser if answerer else None,
            wait_s=WAIT_S,
        )


def _line(record: ArticleRecord) -> str:
    return json.dumps(record.model_dump(exclude_defaults=True), ensure_ascii=False)


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
