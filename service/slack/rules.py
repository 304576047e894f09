"""Where and how the bot answers, from a TOML file: a default, and tables for single channels."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import SettingsInvalid
from service.schema import Names, QuestionFilters


class ChannelRules(BaseModel):
    """How the bot behaves in a channel. The filters apply to every question asked there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed: bool = True
    mention_only: bool = False
    press: Names = ()
    section: Names = ()
    reporters: Names = ()

    @property
    def filters(self) -> QuestionFilters:
        """The filters as a question has them."""
        return QuestionFilters(press=self.press, section=self.section, reporters=self.reporters)


class Rules(BaseModel):
    """The rules of all channels.

    ``channels`` is by id (``C0123ABCD``), ``direct`` is for direct messages to the bot, and ``default``
    for all other channels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: ChannelRules = ChannelRules()
    direct: ChannelRules = ChannelRules()
    channels: dict[str, ChannelRules] = Field(default_factory=dict)

    def of(self, channel: str, *, direct: bool) -> ChannelRules:
        """The rules that apply in a channel, or in a direct message."""
        return self.direct if direct else self.channels.get(channel, self.default)


def load_rules(path: Path | None) -> Rules:
    """The rules in a file, or the defaults without one. Raises SettingsInvalid."""
    if path is None:
        return Rules()
    try:
        return Rules.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"GISA_SLACK_RULES: {path} can't be read: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsInvalid(f"GISA_SLACK_RULES: {path}: {problems}") from None
