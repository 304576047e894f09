"""``POST /v1/citations/export``: collected citations as a file for other programs."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from index import Article, ArticleAmbiguous
from service.api.deps import GatewayDep, require_json
from service.api.problems import problem_responses
from service.exports import Form, export
from service.reply import citation_of
from service.schema import Citation, Quote
from service.serving.gateway import Gateway

MAX_CITATIONS = 500
MAX_REFERENCE_CHARS = 1_000
MAX_QUOTE_CHARS = 20_000

router = APIRouter(
    prefix="/v1",
    tags=["citations"],
    dependencies=[Depends(require_json)],
    responses=problem_responses(400, 401, 413, 415, 422, 429, 500, 503),
)


class Collected(BaseModel):
    """A place in an article: ``body[start:end]``, in code points. ``article`` is its id, or ``SOURCE/ID``.

    ``quote``, if it is given, are the words that stood there: an article that was changed since is searched for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    article: Annotated[str, Field(min_length=1, max_length=MAX_REFERENCE_CHARS)]
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    quote: Annotated[str, Field(min_length=1, max_length=MAX_QUOTE_CHARS)] | None = None


class Collection(BaseModel):
    """What to export, in order, and in which form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Form
    citations: Annotated[tuple[Collected, ...], Field(min_length=1, max_length=MAX_CITATIONS)]


class ExportedFile(BaseModel):
    """The file; ``missing`` are the articles of which the words are not in the archive any more."""

    text: str
    filename: str
    media_type: str
    missing: list[str]


@router.post("/citations/export")
async def export_citations(collection: Collection, gateway: GatewayDep) -> ExportedFile:
    """Export citations as text, Markdown, BibTeX, CSL-JSON or CSV. Words and facts are the archive's own."""
    names = dict.fromkeys(place.article for place in collection.citations)
    articles = {name: await _article(name, gateway) for name in names}
    found = [
        _cited(n, place, articles[place.article]) for n, place in enumerate(collection.citations, 1)
    ]
    places = zip(collection.citations, found, strict=True)
    missing = dict.fromkeys(place.article for place, citation in places if citation is None)
    exported = export([citation for citation in found if citation], collection.format)
    return ExportedFile(**vars(exported), missing=list(missing))


async def _article(name: str, gateway: Gateway) -> Article | None:
    """The one article that is meant, if it is still there."""
    with suppress(ArticleAmbiguous):
        return await gateway.article(name)
    return None


def _cited(number: int, place: Collected, article: Article | None) -> Citation | None:
    """The citation as the archive has it now; None if the words are not there."""
    start = _start(article, place) if article else None
    if article is None or start is None:
        return None
    end = start + place.end - place.start
    quote = Quote(text=article.body[start:end], start=start, end=end)
    return citation_of(number, article.header, article.body, (quote,))


def _start(article: Article, place: Collected) -> int | None:
    if place.quote is None:
        return place.start if place.start < place.end <= len(article.body) else None
    if len(place.quote) != place.end - place.start:
        return None
    if article.body.startswith(place.quote, place.start):
        return place.start
    start = article.body.find(place.quote)
    return None if start < 0 else start
