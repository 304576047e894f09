"""``gisa engine``: what is to be known of the server that an index is on."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.options import JsonOption, chosen_settings
from service.cli.statuses import FAILED

app = typer.Typer(no_args_is_help=True, help="Try out the server of an index.")

_UriOption = Annotated[
    str | None,
    typer.Option(
        "--uri", metavar="URI", help="Its address, http://HOST:PORT; unset: GISA_MILVUS_URI."
    ),
]


@app.callback()
def engine() -> None:
    """Try out the server of an index."""


@app.command()
def check(uri: _UriOption = None, as_json: JsonOption = False) -> None:
    """Try out a Milvus server, in an index made for it and deleted. Exits with 1 if anything failed."""
    from service import wiring
    from service.cli.terminal import say_json, show_fields

    settings = chosen_settings(milvus_uri=uri, engine="milvus")
    findings = {one.name: one.problem or "ok" for one in wiring.try_server(settings)}
    if as_json:
        say_json(findings)
    else:
        show_fields(findings)
    if any(told != "ok" for told in findings.values()):
        raise typer.Exit(FAILED)
