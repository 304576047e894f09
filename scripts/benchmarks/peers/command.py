"""The command itself: what can be chosen, and the table."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.peers import material
from benchmarks.peers.ratios import MEASURES
from benchmarks.peers.rounds import ROUNDS, compare
from benchmarks.peers.systems import GISA, PEERS
from benchmarks.sets import JsonOption, OutOption, SquadOption, tell

app = typer.Typer()
messages = Console(stderr=True)


@app.command()
def peers(
    only: Annotated[
        str, typer.Option(help="Which ones, comma-separated.", show_default=True)
    ] = ",".join(PEERS),
    squad: SquadOption = None,
    questions: Annotated[int, typer.Option(min=ROUNDS, help="A random sample of so many.")] = 300,
    passages: Annotated[
        int | None,
        typer.Option(min=100, help="So many synthetic ones instead, their vectors given to all."),
    ] = None,
    clients: Annotated[int, typer.Option(min=1, help="At once, of each one's own server.")] = 8,
    cache: Annotated[
        Path, typer.Option(metavar="DIR", help="Keep the environments here, about 1 GB each.")
    ] = Path("var/peers"),
    seed: int = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """gisa beside what people would use instead: time, memory and quality, with ratios.

    Each system runs in an environment of its own, made the first time. All get the passages that gisa
    cuts from the corpus (of --squad, else the sample corpus), the same questions and the same model.
    They index one after another and answer in turns, so that other load hits all alike; processor
    times (CPU) suffer least from it. No process is asked the same question twice. A system that can't
    be measured says why, and the others go on.

    With --passages only the questions are embedded. Nobody knows what answers them, so there is no
    quality.
    """
    names = [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in PEERS]:
        raise typer.BadParameter(f"{unknown[0]!r} is not among {', '.join(PEERS)}")
    systems = [GISA, *(peer for name in names for peer in PEERS[name])]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gisa-peers-") as place:
        messages.print("preparing passages and questions …")
        folder = Path(place)
        if passages:
            given = material.synthetic(squad, questions, seed, folder, passages)
        else:
            given = material.of_files(squad, questions, seed, folder)
        report = compare(systems, given, folder, cache.resolve(), clients=clients)
    tell(report, out, _show, as_json=as_json)


def _show(report: Mapping[str, Any]) -> None:
    title = "{passages:,} passages, {questions:,} questions, {cpus} processors".format(**report)
    table = Table(title=title, caption="In brackets: times as good as the best peer.")
    table.add_column("")
    for measure in MEASURES:
        table.add_column(measure.title, justify="right")
    for name, system in report["systems"].items():
        table.add_row(name, *(_cell(system, measure.name) for measure in MEASURES))
    Console().print(table)
    for name, system in report["systems"].items():
        if system["problem"]:
            Console().print(f"{name}: {system['problem']}", markup=False)


def _cell(system: Mapping[str, Any], measure: str) -> str:
    if measure not in system["figures"]:
        return "–"
    figure, ratio = system["figures"][measure], system["ratios"].get(measure)
    said = f"{figure:.3f}" if figure < 2 else f"{figure:.1f}" if figure < 100 else f"{figure:,.0f}"
    return said if ratio is None else f"{said} ({ratio:.2f})"
