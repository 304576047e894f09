"""The commands ``verifier``, ``abstention`` and ``answers`` of benchmark.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
HALVES = {"choosing": False, "reporting": True}
NUMERIC = frozenset({"number", "unit", "date"})

app = typer.Typer()
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


@app.command()
def verifier(as_json: JsonOption = False) -> None:
    """The verifier on labelled pairs: what it catches, by kind, and what it refuses wrongly."""
    sys.path.insert(0, str(ROOT / "tests"))  # the pairs and how to judge them
    from verifier_pairs import accepts, pairs

    from index import KoreanAnalyser

    analyser = KoreanAnalyser()
    report = {}
    for half, reporting in HALVES.items():
        judged = [(pair, accepts(pair, analyser)) for pair in pairs(reporting=reporting)]
        false = [(pair.kind, not accepted) for pair, accepted in judged if not pair.verdict]
        faithful = [
            (pair.form or "other", not accepted) for pair, accepted in judged if pair.verdict
        ]
        report[half] = {
            "detected": _shares(false)
            | _shares([("numeric", found) for kind, found in false if kind in NUMERIC]),
            "false_alarms": _shares(faithful),
        }
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _show_verifier(report)


def _shares(cases: list[tuple[str, bool]]) -> dict[str, dict[str, float]]:
    """By kind, and over all, the share of cases that are so."""
    kinds = sorted({kind for kind, _ in cases})
    groups = {kind: [case for of, case in cases if of == kind] for kind in kinds}
    if len(groups) > 1:
        groups["all"] = [case for _, case in cases]
    return {kind: {"share": sum(of) / len(of), "pairs": len(of)} for kind, of in groups.items()}


def _show_verifier(report: Mapping[str, Any]) -> None:
    for figure, title in (
        ("detected", "false sentences caught"),
        ("false_alarms", "true ones refused"),
    ):
        table = Table(title=title)
        for column in ("", *(name for half in HALVES for name in (half, "pairs"))):
            table.add_column(column, justify="right" if column else "left")
        for kind in report["choosing"][figure] | report["reporting"][figure]:
            parts = [report[half][figure].get(kind) for half in HALVES]
            cells = (
                c
                for p in parts
                for c in ((f"{p['share']:.3f}", str(p["pairs"])) if p else ("–", "0"))
            )
            table.add_row(kind, *cells)
        Console().print(table)
