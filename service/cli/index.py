"""The commands that look after an index: remove, rebuild, verify, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.terminal import err, say

if TYPE_CHECKING:
    from service.settings import Settings

IndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="Folder of the index.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
WaitOption = Annotated[
    float,
    typer.Option("--wait", min=0, metavar="S", help="Seconds to wait for another writer."),
]


def register(index_app: typer.Typer) -> None:
    """Add the commands to ``gisa index``."""
    for name, command in (
        ("remove", remove),
        ("rebuild", rebuild),
        ("verify", verify),
        ("export", export),
        ("import", import_),
    ):
        index_app.command(name)(command)


def remove(
    article_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of articles.")],
    index: IndexOption = None,
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Remove articles: from answers at once, then from the files of the index."""
    from service import wiring

    removed, generation = wiring.remove_articles(_settings(index), article_ids, wait_s=wait)
    for article_id in dict.fromkeys(article_ids):
        if article_id not in removed:
            say(f"not in the index: {article_id}", to=err)
    _show({"removed": len(removed), "generation": generation}, as_json)


def rebuild(index: IndexOption = None, wait: WaitOption = 0, as_json: JsonOption = False) -> None:
    """Prepare all articles with the configured model, and derive every file again.

    Meanwhile the old state answers. If interrupted, run it again to continue where it stopped.
    """
    from service import wiring
    from service.cli.terminal import build_progress

    settings = _settings(index)
    try:
        with build_progress() as progress:
            summary = wiring.rebuild_articles(settings, progress=progress, wait_s=wait)
    except KeyboardInterrupt:
        say("Interrupted. Finished batches are kept: run the same command to continue.", to=err)
        raise typer.Exit(130) from None
    fields = {"rebuilt": summary.updated, "passages": summary.passages}
    _show(fields | {"generation": summary.generation}, as_json)


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

    settings = _settings(index)
    embedder = None if quick else wiring.build_embedder(settings)
    checks = verify_index(settings.index, embedder=embedder)
    _show({check.name: check.problem or "ok" for check in checks}, as_json)
    if any(check.problem for check in checks):
        raise typer.Exit(1)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write.")],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole index to one file. Reading and writing may continue meanwhile."""
    from index import export_index

    _show({"file": str(file), "bytes": export_index(_folder(index), file)}, as_json)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that export wrote.")],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an index from an archive, in a folder where there is none."""
    from index import import_index

    folder = _folder(index)
    _show({"index": str(folder), "generation": import_index(file, folder)}, as_json)


def _show(fields: dict[str, Any], as_json: bool) -> None:
    from service.cli.terminal import say_json, show_fields

    if as_json:
        say_json(fields)
    else:
        show_fields({name: str(value) for name, value in fields.items()})


def _folder(index: Path | None) -> Path:
    return _settings(index).index


def _settings(index: Path | None) -> Settings:
    from service.settings import load_settings

    return load_settings(index=index)
