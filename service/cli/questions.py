"""The commands that use an index: ``gisa ask`` and ``gisa search``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.options import (
    FromOption,
    IndexOption,
    JsonOption,
    PressOption,
    SectionOption,
    ToOption,
    chosen_settings,
    moment,
)
from service.cli.terminal import err

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.schema import Question
    from service.settings import Settings


def ask(
    question: Annotated[str, typer.Argument(metavar="질문", help="The question, in Korean.")],
    index: IndexOption = None,
    backend: Annotated[str | None, typer.Option(help="What composes the answer.")] = None,
    now: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="ISO8601", help="Clock for '지난주' and the like."),
    ] = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    press: PressOption = None,
    section: SectionOption = None,
    mode: Annotated[
        Literal["answer", "timeline"] | None,
        typer.Option(help="Left out, the question's own words decide.", show_default=False),
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="The course of events: --mode timeline.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the articles, with its sources; or tell the course of events, oldest first.

    Without an answer the status is 0, too: `--json` tells by its `status`. Near articles may then be shown, as leads.
    """
    import asyncio

    from service.cli.terminal import say_json, show_answer

    filters = (published_from, published_to, press, section)
    if timeline and mode == "answer":
        raise typer.BadParameter("--timeline and --mode answer exclude each other")
    wanted = "timeline" if timeline else mode
    asked = _question(question, *filters, backend=backend, now=now, mode=wanted)
    with _answerer(chosen_settings(index=index)) as answerer:
        if as_json:
            answer = asyncio.run(answerer.answer(asked))
            say_json(answer.model_dump(mode="json", by_alias=True))
        else:
            asyncio.run(show_answer(answerer.events(asked)))


def search(
    query: Annotated[str, typer.Argument(metavar="질의", help="What to search for.")],
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Number of stories.")] = 10,
    index: IndexOption = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    press: PressOption = None,
    section: SectionOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the parts of each score.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find the passages that fit best."""
    from index import to_json
    from service.cli.terminal import say_json, show_hits

    asked = _question(query, published_from, published_to, press, section)
    with _answerer(chosen_settings(index=index)) as answerer:
        filters = asked.filters.to_filters()
        hits = answerer.index.search(asked.question, filters=filters, k=k, explain=explain)
    if as_json:
        say_json(to_json(hits))
    else:
        show_hits(hits)


def _question(
    text: str,
    published_from: date | None,
    published_to: date | None,
    press: list[str] | None,
    section: list[str] | None,
    **fields: Any,
) -> Question:
    """The question, checked. Raises QuestionInvalid."""
    from pydantic import ValidationError

    from service.errors import QuestionInvalid
    from service.schema import Question, QuestionFilters
    from service.validation import describe_errors

    try:
        filters = QuestionFilters.chosen(published_from, published_to, press, section)
        return Question(question=text, filters=filters, **fields)
    except ValidationError as error:
        problems = describe_errors(error.errors())
        raise QuestionInvalid(" ".join(problem.message for problem in problems)) from None


@contextmanager
def _answerer(settings: Settings) -> Iterator[Answerer]:
    from index import begin_loading

    with err.status("색인과 모델을 여는 중입니다."):
        if settings.index.is_dir():  # else it is told at once that there is no index
            begin_loading(settings.dictionary)
        from service.wiring import open_answerer  # takes a while, too

        answerer = open_answerer(settings)
    with answerer.index:
        yield answerer
