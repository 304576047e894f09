"""What a page shows before and after an answer: the archive, example questions, related questions."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.api.deps import FactsDep, require_json
from service.api.problems import problem_responses
from service.archive import Archive
from service.schema import QuestionFilters, QuestionText
from service.serving.suggestions import Suggestions
from service.suggest.suggester import Suggestion

router = APIRouter(
    prefix="/v1", tags=["archive"], responses=problem_responses(401, 422, 429, 500, 503)
)


class Examples(BaseModel):
    """Questions from recent articles, of different kinds, outlets and sections."""

    examples: list[Suggestion]


class RelatedRequest(BaseModel):
    """An answered question, and the articles that its answer cites: ids, or ``SOURCE/ID`` where sources share one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: QuestionText
    articles: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=700)]],
        Field(min_length=1, max_length=10),
    ]


class Related(BaseModel):
    """Up to three questions, each answered from the article that it names; none where nothing is near."""

    questions: list[Suggestion]


async def _suggestions(request: Request) -> Suggestions:
    found: Suggestions = request.app.state.suggestions
    return found


SuggestionsDep = Annotated[Suggestions, Depends(_suggestions)]
_Names = Annotated[list[str], Query(max_length=50)]


@router.get("/archive")
async def archive(
    suggestions: SuggestionsDep,
    published_from: date | None = None,
    published_to: date | None = None,
    press: _Names = [],  # noqa: B006 - FastAPI copies it
    section: _Names = [],  # noqa: B006
    reporters: _Names = [],  # noqa: B006
) -> Archive:
    """Tell what the archive holds of the articles that meet the filters: outlets, sections, days as a histogram."""
    try:
        filters = QuestionFilters(
            published_from=published_from,
            published_to=published_to,
            press=tuple(press),
            section=tuple(section),
            reporters=tuple(reporters),
        )
    except ValidationError as error:
        located = [{**one, "loc": ("query", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(located) from error
    return await suggestions.archive(filters.to_filters())


@router.get("/examples")
async def examples(suggestions: SuggestionsDep) -> Examples:
    """Questions that the archive is sure to answer, from recent articles; none while they are being looked for."""
    return Examples(examples=list(await suggestions.examples()))


@router.post(
    "/related",
    dependencies=[Depends(require_json)],
    responses=problem_responses(400, 413, 415),
)
async def related(wanted: RelatedRequest, suggestions: SuggestionsDep, facts: FactsDep) -> Related:
    """Questions from articles near an answer's, each asked and answered before it is shown.

    Ask for them when the answer is on the page: it takes up to two seconds, and counts as a question being answered.
    """
    facts["question"] = wanted.question
    return Related(questions=await suggestions.related(wanted.question, wanted.articles))
