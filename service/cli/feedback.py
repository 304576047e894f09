"""``gisa feedback``: what readers said of answers, for evaluation; ``gisa desk``: what they missed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import IndexOption, JsonOption, chosen_settings

if TYPE_CHECKING:
    from service.serving.feedback import FeedbackStore
    from service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Readers' ratings of answers.")


@app.command()
def export(
    rating: Annotated[
        str, typer.Option(help="'up': ready to evaluate with; 'down': answers to be filled in.")
    ] = "up",
) -> None:
    """Write rated answers as evaluation questions, one JSON document a line, to stdout."""
    import json

    if rating not in ("up", "down"):
        raise typer.BadParameter("there are the ratings up and down", param_hint="--rating")
    with closing(_store(chosen_settings())) as store:
        for record in store.rated("up" if rating == "up" else "down"):
            typer.echo(json.dumps(record, ensure_ascii=False))


def desk(
    days: Annotated[int, typer.Option(min=1, max=366, help="Of the last so many days.")] = 7,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show by topic what readers rated down and what could not be answered: which articles are missing."""
    from service import wiring
    from service.cli.terminal import say_json, show_desk
    from service.serving.desk import desk_of

    settings = chosen_settings(index=index)
    with closing(_store(settings)) as store:
        told = desk_of(store, days, *wiring.open_words(settings))
    if as_json:
        say_json(told.model_dump(mode="json"))
    else:
        show_desk(told)


def _store(settings: Settings) -> FeedbackStore:
    from service.serving.feedback import FeedbackStore

    hours, days = settings.feedback_hours, settings.desk_days
    return FeedbackStore(settings.feedback, keep_hours=hours, desk_days=days)
