"""The ``gisa`` command.

Results go to stdout, everything else to stderr; ``--json`` makes the result one JSON document.
Exit status: 0 success, 1 failure, 2 usage, 3 no index, 130 interrupted.

What a command needs is imported when it runs: ``gisa --help`` must not wait for numpy or FastAPI.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from service.cli import index as index_commands
from service.cli.index import IndexOption, JsonOption, WaitOption
from service.cli.statuses import FAILED, INTERRUPTED, NO_INDEX, USAGE
from service.cli.terminal import err, say

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.schema import Question
    from service.serving.feedback import FeedbackStore
    from service.settings import Settings


class _Front(TyperGroup):
    """Turns whatever a command raises into a plain message and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException, BrokenPipeError):
            raise  # Typer handles them
        except Exception as error:
            # The process's boundary: whatever went wrong is told in a line, not in a traceback.
            if ctx.params["debug"]:
                sys.excepthook(type(error), error, error.__traceback__)
            raise typer.Exit(_report(error)) from error


def _report(error: Exception) -> int:
    """Say what happened and what to do next; return the exit status."""
    from index import GisaError, IndexEmpty, IndexNotFound
    from service.errors import QuestionInvalid

    if not isinstance(error, GisaError):
        say(f"gisa: unexpected {type(error).__name__}: {error}", to=err)
        say("Run 'gisa --debug …' to see where, and report the bug with what it shows.", to=err)
        return FAILED
    say(f"gisa: {error}", to=err)
    say(error.remedy or "For help: gisa --help", to=err)
    if isinstance(error, IndexNotFound | IndexEmpty):
        return NO_INDEX
    return USAGE if isinstance(error, QuestionInvalid) else FAILED


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"gisa {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gisa")
    except PackageNotFoundError:
        return "(not installed)"


app = typer.Typer(cls=_Front, no_args_is_help=True, pretty_exceptions_enable=False)
index_app = typer.Typer(no_args_is_help=True, help="Build an index and look after it.")
model_app = typer.Typer(help="Show or prepare the embedding model.")
eval_app = typer.Typer(no_args_is_help=True, help="Evaluate on your own articles.")
feedback_app = typer.Typer(no_args_is_help=True, help="Readers' ratings of answers.")
app.add_typer(index_app, name="index")
app.add_typer(model_app, name="model")
app.add_typer(feedback_app, name="feedback")
app.add_typer(eval_app, name="eval")


@app.callback()
def gisa(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of errors.")] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Cited answers to questions about Korean news articles."""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date such as 2026-03-31") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment such as 2026-03-31T09:00") from None


FromOption = Annotated[
    date | None,
    typer.Option("--from", parser=_day, metavar="DATE", help="Articles of this day or later."),
]
ToOption = Annotated[
    date | None,
    typer.Option("--to", parser=_day, metavar="DATE", help="Articles of this day or earlier."),
]
PressOption = Annotated[
    list[str] | None, typer.Option("--press", help="Only this paper's; may be repeated.")
]
SectionOption = Annotated[
    list[str] | None, typer.Option("--section", help="Only this section; may be repeated.")
]


# -- questions ----------------------------------------------------------------------------------


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="질문", help="The question, in Korean.")],
    index: IndexOption = None,
    backend: Annotated[str | None, typer.Option(help="What composes the answer.")] = None,
    now: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="ISO8601", help="Clock for '지난주' and the like."),
    ] = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    press: PressOption = None,
    section: SectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the articles, with its sources.

    Without an answer the status is 0, too: `--json` tells by its `status`. Near articles may then be shown, as leads.
    """
    import asyncio

    from service.cli.terminal import say_json, show_answer

    filters = (published_from, published_to, press, section)
    asked = _question(question, *filters, backend=backend, now=now)
    with _answerer(_settings(index=index)) as answerer:
        if as_json:
            answer = asyncio.run(answerer.answer(asked))
            say_json(answer.model_dump(mode="json", by_alias=True))
        else:
            asyncio.run(show_answer(answerer.events(asked)))


@app.command()
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
    with _answerer(_settings(index=index)) as answerer:
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
    from service.wiring import open_answerer

    with err.status("색인과 모델을 여는 중입니다."):
        answerer = open_answerer(settings)
    with answerer.index:
        yield answerer


# -- the index ------------------------------------------------------------------------------------


@index_app.command("add")
def index_add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders.")],
    index: IndexOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if any input could not be read.")
    ] = False,
    source_timezone: Annotated[
        str | None,
        typer.Option(metavar="TZ", help="Zone of timestamps without one, e.g. Asia/Seoul."),
    ] = None,
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Add articles, or update those that changed. Unchanged articles are skipped."""
    from service import wiring
    from service.cli.terminal import build_progress, say_json, show_summary

    settings = _settings(index=index, source_timezone=source_timezone)
    try:
        with build_progress() as progress:
            summary = wiring.add_articles(settings, paths, progress=progress, wait_s=wait)
    except KeyboardInterrupt:
        say("Interrupted. Finished batches are kept: run the same command to continue.", to=err)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        say_json(
            {
                name: value
                for name, value in vars(summary).items()
                if name not in ("rejected", "share", "warnings")
            }
        )
    else:
        show_summary(summary, settings.index / "quarantine.jsonl")
    if strict and summary.quarantined:
        raise typer.Exit(FAILED)


@index_app.command("info")
def show_index_info(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show what the index holds. Loads no model."""
    from index import index_info, to_json
    from service.cli.terminal import say_json, show_info

    info = index_info(_settings(index=index).index)
    if as_json:
        say_json(to_json(info))
    else:
        show_info(info)


index_commands.register(index_app)


# -- running --------------------------------------------------------------------------------------


@app.command()
def serve(
    index: IndexOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes.")] = None,
) -> None:
    """Serve the question page and the HTTP API."""
    from service import server

    settings = _settings(index=index, host=host, port=port, workers=workers)
    server.refuse_public_address(settings)
    say(f"Serving on http://{settings.host}:{settings.port} (Ctrl-C stops).", to=err)
    server.serve(settings)


@app.command()
def slack(
    index: IndexOption = None,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Print the manifest of the Slack app, and end.")
    ] = False,
) -> None:
    """Answer questions in Slack, over Socket Mode: no public address is needed."""
    from service import server
    from service.slack import bot

    if manifest:
        typer.echo(bot.MANIFEST.read_text("utf-8"), nl=False)
        return
    server.log_as_json()
    bot.serve(_settings(index=index))


@app.command()
def mcp(index: IndexOption = None) -> None:
    """Serve the archive as tools of the Model Context Protocol, over stdin and stdout."""
    from service.mcp import serve_stdio

    serve_stdio(_settings(index=index))


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Name of the caller, as the log will show it.")],
    role: Annotated[
        str, typer.Option(help="'ask', or 'admin', which may also change the index.")
    ] = "ask",
    as_json: JsonOption = False,
) -> None:
    """Make an API key. It is shown only once; its entry for GISA_API_KEYS holds just a hash."""
    from service.cli.terminal import say_json
    from service.serving.keys import new_key

    if role not in ("ask", "admin"):
        raise typer.BadParameter("there are the roles ask and admin", param_hint="--role")
    made, entry = new_key(name, "admin" if role == "admin" else "ask")
    if as_json:
        say_json({"key": made, "entry": entry})
        return
    typer.echo(f"key    {made}\nentry  {entry}")
    say("Hand out the key; add the entry to GISA_API_KEYS, and set GISA_AUTH=keys.", to=err)


@eval_app.command(
    "run",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def eval_run(context: typer.Context) -> None:
    """Measure the service on questions with known answers; ``--help`` lists the options."""
    from service.cli.evaluation import main

    main(context.args, name="gisa eval run")


@eval_app.command("make")
def eval_make(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", exists=True, help="Files or folders of articles."),
    ],
    count: Annotated[int, typer.Option(min=1, help="Questions, each to another article.")] = 150,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample.")] = 0,
) -> None:
    """Draft questions from articles, one JSON document a line, to stdout.

    Read and correct them, then give them to gisa eval run as --questions.
    """
    from index import read_articles
    from service.evaluation.draft import LIMITS, draft
    from service.wiring import build_analyser, read_options

    settings = _settings()
    options = read_options(settings)
    articles = (a for path in paths for a in read_articles(path, options=options))
    questions = draft(articles, build_analyser(settings), count=count, seed=seed)
    if not questions:
        say("gisa: no question can be drafted: no article has a title of its own or a", to=err)
        say("sentence that stands alone.", to=err)
        raise typer.Exit(FAILED)
    for question in questions:
        typer.echo(question.model_dump_json(exclude_defaults=True))
    say(f"Drafted: {len(questions)}. What these questions can't tell:", to=err)
    for limit in LIMITS:
        say(f"- {limit}", to=err)


@feedback_app.command("export")
def feedback_export(
    rating: Annotated[
        str, typer.Option(help="'up': ready to evaluate with; 'down': answers to be filled in.")
    ] = "up",
) -> None:
    """Write rated answers as evaluation questions, one JSON document a line, to stdout."""
    import json

    if rating not in ("up", "down"):
        raise typer.BadParameter("there are the ratings up and down", param_hint="--rating")
    store = _feedback(_settings())
    for record in store.rated("up" if rating == "up" else "down"):
        typer.echo(json.dumps(record, ensure_ascii=False))


@app.command()
def desk(
    days: Annotated[int, typer.Option(min=1, max=366, help="Of the last so many days.")] = 7,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show by topic what readers rated down and what could not be answered: which articles are missing."""
    from service import wiring
    from service.cli.terminal import say_json, show_desk
    from service.serving.desk import desk_of

    configured = _settings(index=index)
    store = _feedback(configured)
    told = desk_of(store, days, *wiring.open_words(configured))
    if as_json:
        say_json(told.model_dump(mode="json"))
    else:
        show_desk(told)


@app.command()
def settings(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show every setting with its meaning, default and current value; secrets are masked."""
    from service.cli.terminal import say_json, show_settings
    from service.settings import describe_settings

    rows = describe_settings(_settings(index=index))
    if as_json:
        say_json(rows)
    else:
        show_settings(rows)


@model_app.callback(invoke_without_command=True)
def model(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Show where the embedding model is; the subcommand prepares it."""
    if ctx.invoked_subcommand is None:
        _show_model(as_json)


@model_app.command("prepare")
def model_prepare(
    force: Annotated[
        bool, typer.Option("--force", help="Unpack it even if it is there already.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Unpack the bundled model, or check every file of it. Needs no network."""
    from service.wiring import prepare_model

    prepare_model(_settings(), force=force)
    _show_model(as_json)


def _show_model(as_json: bool) -> None:
    from service.cli.terminal import say_json, show_fields
    from service.wiring import model_place

    settings = _settings()
    fields = {"model": settings.embedding_model, "path": model_place(settings)}
    if as_json:
        say_json(fields)
    else:
        show_fields(fields)


def _feedback(settings: Settings) -> FeedbackStore:
    from service.serving.feedback import FeedbackStore

    hours, days = settings.feedback_hours, settings.desk_days
    return FeedbackStore(settings.feedback, keep_hours=hours, desk_days=days)


def _settings(**overrides: Any) -> Settings:
    from service.settings import load_settings

    return load_settings(**overrides)


def main() -> None:
    """Entry point of ``gisa``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that can't show a character shows '?'
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="gisa")
    finally:
        _flush_quietly()


def _flush_quietly() -> None:
    """Write what is left; a reader such as ``head`` that has gone away is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
