"""The ``gisa`` command.

Results go to stdout, everything else to stderr; ``--json`` makes the result one JSON document.
Exit status: 0 success, 1 failure, 2 usage, 3 no index, 130 interrupted.

What a command needs is imported when it runs: ``gisa --help`` must not wait for numpy or FastAPI.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from service.cli import engine, feedback, questions
from service.cli import index as index_commands
from service.cli.options import IndexOption, JsonOption, chosen_settings
from service.cli.statuses import FAILED, NO_INDEX, USAGE
from service.cli.terminal import err, say


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
model_app = typer.Typer(help="Show or prepare the embedding model.")
eval_app = typer.Typer(no_args_is_help=True, help="Evaluate on your own articles.")
app.add_typer(index_commands.app, name="index")
app.add_typer(engine.app, name="engine")
app.add_typer(model_app, name="model")
app.add_typer(feedback.app, name="feedback")
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


app.command()(questions.ask)
app.command()(questions.search)
app.command()(feedback.desk)

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

    settings = chosen_settings(index=index, host=host, port=port, workers=workers)
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
    bot.serve(chosen_settings(index=index))


@app.command()
def mcp(index: IndexOption = None) -> None:
    """Serve the archive as tools of the Model Context Protocol, over stdin and stdout."""
    from service.mcp import serve_stdio

    serve_stdio(chosen_settings(index=index))


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

    settings = chosen_settings()
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


@app.command()
def settings(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show every setting with its meaning, default and current value; secrets are masked."""
    from service.cli.terminal import say_json, show_settings
    from service.settings import describe_settings

    rows = describe_settings(chosen_settings(index=index))
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

    prepare_model(chosen_settings(), force=force)
    _show_model(as_json)


def _show_model(as_json: bool) -> None:
    from service.cli.terminal import say_json, show_fields
    from service.wiring import model_place

    settings = chosen_settings()
    fields = {"model": settings.embedding_model, "path": model_place(settings)}
    if as_json:
        say_json(fields)
    else:
        show_fields(fields)


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
