#!/usr/bin/env python3
"""Measure the parts of the product on this machine; see ``benchmark.py --help``."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # from a source folder too

from benchmarks import (
    abstention,
    answers,
    articles,
    embedding,
    forms,
    indexing,
    peers,
    prompts,
    related,
    retrieval,
    scripted_model,
    serving,
    slack_bot,
    timeline,
)

app = typer.Typer(help="Measure the parts of the product on this machine.", no_args_is_help=True)
for family in (
    embedding,
    articles,
    indexing,
    serving,
    retrieval,
    prompts,
    related,
    answers,
    abstention,
    forms,
    scripted_model,
    slack_bot,
    timeline,
    peers,
):
    app.add_typer(family.app)


@app.callback()
def main() -> None:
    """Each command measures one part. Figures of different runs compare badly on a busy machine,
    so what is to be compared is measured in turns within one run."""


if __name__ == "__main__":
    app()
