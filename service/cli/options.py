"""Options that several commands have, and the settings with what they override."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from service.settings import Settings


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date such as 2026-03-31") from None


def moment(text: str) -> datetime:
    """A moment that an option gives. Raises BadParameter."""
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

IndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="Folder of the index.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
WaitOption = Annotated[
    float,
    typer.Option("--wait", min=0, metavar="S", help="Seconds to wait for another writer."),
]


def chosen_settings(**overrides: Any) -> Settings:
    """The settings, with what options override; None overrides nothing. Raises SettingsInvalid.

    Whoever names a folder means it, whatever engine is set.
    """
    from service.settings import load_settings

    if overrides.get("index") is not None:
        overrides["engine"] = "local"
    return load_settings(**overrides)
