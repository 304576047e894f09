"""``gisa feedback``: what readers said of answers, for evaluation."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.options import chosen_settings

app = typer.Typer(no_args_is_help=True, help="Readers' ratings of answers.")


@app.command()
def export(
    rating: Annotated[
        str, typer.Option(help="'up': ready to evaluate with; 'down': answers to be filled in.")
    ] = "up",
) -> None:
    """Write rated answers as evaluation questions, one JSON document a line, to stdout."""
    import json

    from service.serving.feedback import FeedbackStore

    if rating not in ("up", "down"):
        raise typer.BadParameter("there are the ratings up and down", param_hint="--rating")
    settings = chosen_settings()
    store = FeedbackStore(settings.feedback, keep_hours=settings.feedback_hours)
    for record in store.rated("up" if rating == "up" else "down"):
        typer.echo(json.dumps(record, ensure_ascii=False))
