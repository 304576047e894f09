"""``gisa index``: the commands that build an index and look after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.options import IndexOption, JsonOption, WaitOption, chosen_settings
from service.cli.statuses import FAILED, INTERRUPTED
from service.cli.terminal import err, say

if TYPE_CHECKING:
    from index.copying import CopySummary

app = typer.Typer(no_args_is_help=True, help="Build an index and look after it.")


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders.")],
    index: IndexOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if any input could not be read.")
    ] = False,
    source_timezone: Annotated[
        str | None,
        typer.Option(metavar="TZ", help="Zone of timestamps without one, e.g. Asia/Seoul."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Prepare articles on this Ray cluster, e.g. 10.0.0.5:6379."
        ),
    ] = None,
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Add articles, or update those that changed. Unchanged articles are skipped."""
    from service import wiring
    from service.cli.terminal import build_progress, say_json, show_summary

    settings = chosen_settings(index=index, source_timezone=source_timezone)
    try:
        with build_progress() as progress:
            summary = wiring.add_articles(settings, paths, progress=progress, wait_s=wait, ray=ray)
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


@app.command()
def info(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show what the index holds. Loads no model."""
    from index import index_info, to_json
    from service import wiring
    from service.cli.terminal import say_json, show_info

    info = index_info(wiring.index_place(chosen_settings(index=index)))
    if as_json:
        say_json(to_json(info))
    else:
        show_info(info)


@app.command()
def remove(
    article_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of articles.")],
    index: IndexOption = None,
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Remove articles: from answers at once, then from the files of the index."""
    from service import wiring

    removed, generation = wiring.remove_articles(
        chosen_settings(index=index), article_ids, wait_s=wait
    )
    for article_id in dict.fromkeys(article_ids):
        if article_id not in removed:
            say(f"not in the index: {article_id}", to=err)
    _show({"removed": len(removed), "generation": generation}, as_json)


@app.command()
def rebuild(index: IndexOption = None, wait: WaitOption = 0, as_json: JsonOption = False) -> None:
    """Prepare all articles with the configured model, and derive every file again.

    Meanwhile the old state answers. If interrupted, run it again to continue where it stopped.
    """
    from service import wiring
    from service.cli.terminal import build_progress

    settings = chosen_settings(index=index)
    try:
        with build_progress() as progress:
            summary = wiring.rebuild_articles(settings, progress=progress, wait_s=wait)
    except KeyboardInterrupt:
        say("Interrupted. Finished batches are kept: run the same command to continue.", to=err)
        raise typer.Exit(INTERRUPTED) from None
    fields = {"rebuilt": summary.updated, "passages": summary.passages}
    _show(fields | {"generation": summary.generation}, as_json)


@app.command()
def verify(
    index: IndexOption = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Load no model, and skip embedding a sample again.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every file, offset and count, and vectors on a sample. Exits with 1 if anything is wrong."""
    from index import verify_index
    from service import wiring

    settings, folder = chosen_settings(index=index), _folder(index)
    embedder = None if quick else wiring.build_embedder(settings)
    checks = verify_index(folder, embedder=embedder)
    _show({check.name: check.problem or "ok" for check in checks}, as_json)
    if any(check.problem for check in checks):
        raise typer.Exit(FAILED)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write.")],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole index to one file. Reading and writing may continue meanwhile."""
    from index import export_index

    _show({"file": str(file), "bytes": export_index(_folder(index), file)}, as_json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that export wrote.")],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an index from an archive, in a folder where there is none."""
    from index import import_index

    folder = _folder(index)
    _show({"index": str(folder), "generation": import_index(file, folder)}, as_json)


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The index to copy.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where to copy it.")],
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Copy an index between engines with its vectors: nothing is read or embedded again.

    FROM and TO are folders, or milvus+http://HOST:PORT/ALIAS. What is there already is skipped: if
    interrupted, run it again to continue where it stopped.
    """
    from index import copy_index
    from service import wiring

    settings = chosen_settings()
    places = [wiring.named_place(settings, text) for text in (source, target)]
    try:
        summary = copy_index(places[0], places[1], wait_s=wait, progress=_copied_so_far)
    except KeyboardInterrupt:
        say("Interrupted. Finished batches are kept: run the same command to continue.", to=err)
        raise typer.Exit(INTERRUPTED) from None
    _show(vars(summary), as_json)


def _copied_so_far(summary: CopySummary) -> None:
    say(f"{summary.copied + summary.unchanged:,} articles", to=err)


def _show(fields: dict[str, Any], as_json: bool) -> None:
    from service.cli.terminal import say_json, show_fields

    if as_json:
        say_json(fields)
    else:
        show_fields({name: str(value) for name, value in fields.items()})


def _folder(index: Path | None) -> Path:
    """The folder of the index. Raises SettingsInvalid if it is on a server."""
    from service.errors import SettingsInvalid

    settings = chosen_settings(index=index)
    if settings.engine != "local":
        raise SettingsInvalid(
            f"GISA_ENGINE = {settings.engine!r}: this command is for an index in a folder",
            remedy="Copy the index into one: gisa index copy FROM TO",
        )
    return settings.index
