"""Extra rules for single sources, from a TOML file that whoever knows the source writes.

::

    [dongnam]                            # any name; messages use it
    match.press = "동람경제"              # and / or match.host, match.path; a list means any of them
    timezone = "UTC"                     # of moments without an offset, and of those marked Z (else UTC)
    date_order = "mdy"                   # of days in figures without the year in front: mdy, dmy
    drop_lines = ['^\\[광고\\]']            # lines that match are dropped
    cut_at = ['^◆ 동람경제 추천']          # the story ends before the first line that matches
    drop_nodes = [".ad", "#related"]     # CSS: nodes removed from a page before its text is taken
    columns = {body = "CONTENT_TXT"}     # article field to column; only with match.path
    defaults = {press = "동람경제", section = "경제"}

An article gets the rules of the first table of which every criterion under ``match`` fits.
Patterns are not applied to lines longer than ``MAX_LINE_CHARS``. Each pattern is tried out when the
file is loaded, and refused if its running time explodes.
"""

from __future__ import annotations

import difflib
import re
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from index.boilerplate import MAX_LINE_CHARS
from index.errors import SourcesInvalid

COLUMN_FIELDS = (
    "id", "title", "subtitles", "body", "press", "reporters", "section", "published_at",
    "modified_at", "url", "place", "tags",
)  # fmt: skip


DateOrder = Literal["ymd", "mdy", "dmy"]
"""In which order day, month and year of a date in figures stand where its year has no four digits in front."""


@dataclass(frozen=True)
class SourceRules:
    """The rules of one source; the module describes them. An empty criterion matches everything."""

    name: str = ""
    press: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    timezone: tzinfo | None = None
    date_order: DateOrder | None = None
    drop_lines: tuple[re.Pattern[str], ...] = ()
    cut_at: tuple[re.Pattern[str], ...] = ()
    drop_nodes: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    def matches(self, press: str | None, url: str | None) -> bool:
        """Whether the rules are for an article of this outlet and address; ``path`` is ignored."""
        return (not self.press or press in self.press) and (
            not self.host or any(_is_host(_host(url), host) for host in self.host)
        )

    def apply(self, text: str) -> str:
        """The text without dropped lines, up to the first line that ends the story."""
        kept = []
        for line in text.split("\n"):
            seen = line.strip() if len(line) <= MAX_LINE_CHARS else ""
            if any(pattern.search(seen) for pattern in self.cut_at):
                break
            if not any(pattern.search(seen) for pattern in self.drop_lines):
                kept.append(line)
        return "\n".join(kept)


NO_RULES = SourceRules()


@dataclass(frozen=True)
class Sources:
    """The rules of several sources; the first that match apply."""

    rules: tuple[SourceRules, ...] = ()

    def at(self, path: str) -> Sources:
        """The rules for the articles of one file (or ``archive.zip!member``), no longer tied to a path."""
        meant = (rules for rules in self.rules if not rules.path or _is_path(path, rules.path))
        return Sources(tuple(replace(rules, path=()) for rules in meant))

    def find(self, press: str | None, url: str | None) -> SourceRules:
        """The rules for an article of this outlet and address; ``NO_RULES`` if none match."""
        return next((rules for rules in self.rules if rules.matches(press, url)), NO_RULES)

    @property
    def columns(self) -> Mapping[str, str]:
        """Article field to column, from the first rules that name any."""
        return next((rules.columns for rules in self.rules if rules.columns), {})


def load_sources(path: Path | str) -> Sources:
    """Read and check a file of rules. Raises SourcesInvalid, naming the table, the key and the fault."""
    try:
        tables = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise SourcesInvalid(f"can't read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesInvalid(f"{path} is not TOML: {error}") from error
    return Sources(
        tuple(_Table(f"{path}: [{name}]", table).rules(name) for name, table in tables.items())
    )


# --- matching --------------------------------------------------------------------------------


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _is_host(host: str, wanted: str) -> bool:
    """``haedam.example`` also means ``www.haedam.example``."""
    return host == wanted or host.endswith(f".{wanted}")


def _is_path(path: str, patterns: Iterable[str]) -> bool:
    """Globs match a path's end: ``exports/*.jsonl``, ``*/dongnam/*``."""
    return any(fnmatchcase(path, glob) or fnmatchcase(path, f"*/{glob}") for glob in patterns)


# --- checking --------------------------------------------------------------------------------

_KEYS = (
    "match", "timezone", "date_order", "drop_lines", "cut_at", "drop_nodes", "columns", "defaults",
)  # fmt: skip


@dataclass
class _Table:
    where: str
    values: Any

    def rules(self, name: str) -> SourceRules:
        self._known("", self.values, _KEYS)
        match = self._strings_of("match", ("press", "host", "path"), many=True)
        if not match:
            self._refuse("match", "names no press, host or path, so the rules are for no source")
        columns = self._strings_of("columns", COLUMN_FIELDS)
        if columns and set(match) != {"path"}:
            self._refuse(
                "columns", "may only go with match.path: press and host are read from columns"
            )
        return SourceRules(
            name=name,
            timezone=self._zone(),
            date_order=self._order(),
            drop_lines=tuple(map(self._pattern, self._list("drop_lines"))),
            cut_at=tuple(map(self._pattern, self._list("cut_at"))),
            drop_nodes=tuple(map(self._xpath, self._list("drop_nodes"))),
            columns=columns,
            defaults=self._strings_of("defaults", ("press", "section")),
            **match,
        )

    def _refuse(self, key: str, fault: str) -> None:
        raise SourcesInvalid(f"{self.where} {key}: {fault}".replace(" : ", ": "))

    def _known(self, key: str, values: Any, known: Iterable[str]) -> None:
        if not isinstance(values, dict):
            self._refuse(key, "is not a table")
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                self._refuse(key, f"there is no key {name!r}; {hint}")

    def _list(self, key: str) -> list[str]:
        return self._texts(key, self.values.get(key, []))

    def _texts(self, key: str, value: Any) -> list[str]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
            self._refuse(key, f"{value!r} is neither a string nor a list of strings")
        return list(items)

    def _strings_of(self, key: str, known: Iterable[str], *, many: bool = False) -> dict[str, Any]:
        values = self.values.get(key, {})
        self._known(key, values, known)
        if many:
            return {name: tuple(self._texts(f"{key}.{name}", values[name])) for name in values}
        for name, value in values.items():
            if not isinstance(value, str) or not value:
                self._refuse(f"{key}.{name}", f"{value!r} is not a string")
        return dict(values)

    def _zone(self) -> tzinfo | None:
        name = self.values.get("timezone")
        try:
            return None if name is None else ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            self._refuse("timezone", f"there is no time zone {name!r}")
            return None

    def _order(self) -> DateOrder | None:
        order: DateOrder | None = self.values.get("date_order")
        if order is not None and order not in get_args(DateOrder):
            self._refuse("date_order", f"{order!r} is none of {', '.join(get_args(DateOrder))}")
        return order

    def _pattern(self, text: str) -> re.Pattern[str]:
        try:
            pattern = re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise SourcesInvalid(
                f"{self.where}: {text!r} is not a regular expression: {error}"
            ) from error
        if pattern.search(""):
            raise SourcesInvalid(f"{self.where}: {text!r} matches every line")
        if _is_slow(pattern):
            raise SourcesInvalid(
                f"{self.where}: {text!r} takes too long on lines that almost match; "
                "avoid repeats inside repeats, such as (a+)+, and several .* in a row"
            )
        return pattern

    def _xpath(self, selector: str) -> str:
        from cssselect import HTMLTranslator
        from cssselect.parser import SelectorError

        try:
            return HTMLTranslator().css_to_xpath(selector, prefix="//")
        except SelectorError as error:
            raise SourcesInvalid(
                f"{self.where}: {selector!r} is not a CSS selector: {error}"
            ) from error


_TRIAL_CHARS = (12, 16, 20, 24, 32, 64, 128, 256, MAX_LINE_CHARS)
_TRIAL_S = 0.02
"""A search in a line takes microseconds. Trials of growing length stop long before an exploding
pattern takes noticeable time."""


def _is_slow(pattern: re.Pattern[str]) -> bool:
    """Whether searching takes long in lines that almost match: repeats of the pattern's own letters."""
    letters = list(dict.fromkeys(re.findall(r"[^\W_]", re.sub(r"\\.", "", pattern.pattern))))
    units = [*letters[:12], "".join(letters)[:24], "a", "가", "1", " ", "-", "a ", "가 "]
    return any(_trial_s(pattern, unit) > _TRIAL_S for unit in dict.fromkeys(filter(None, units)))


def _trial_s(pattern: re.Pattern[str], unit: str) -> float:
    seconds = 0.0
    for length in _TRIAL_CHARS:
        line = (unit * (length // len(unit) + 1))[:length] + "\uffff"
        # The least of three: another process may have had the processor.
        seconds = min(_search_s(pattern, line) for _ in range(1 if seconds > _TRIAL_S / 4 else 3))
        if seconds > _TRIAL_S:
            break
    return seconds


def _search_s(pattern: re.Pattern[str], line: str) -> float:
    started = time.process_time()
    pattern.search(line)
    return time.process_time() - started
