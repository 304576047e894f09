"""What is known of words, as data: tables in TOML, and regular expressions made of them.

A package keeps its tables in ``data/*.toml``. ``[titles]`` in ``persons.toml`` is ``persons.titles``::

    [titles]
    purpose = "What stands behind the name of a person."    # in one line
    words = "교수 시장 의원"               # one of these: words, separated by blanks …
    phrases = ["관련 기사", "이 시각"]      # … phrases, whose blanks a text may leave out
    patterns = ['\\d{1,2}면']              # … regular expressions
    sets = ["숨지 사망 죽"]                # … sets of words
    pairs = ["오르 늘 | 내리 줄 | 유지"]    # … two opposite sets, and what lies between them
    values = "봄=3 여름=6"                # … words with a number or a text for each; or a TOML table
    ordered = true                       # the order has a meaning; else entries are sorted
    excludes = ["persons.offices"]       # tables that may share no word with this one

A file is read when one of its tables is first asked for, and an expression is compiled when it is first
tried, so importing a module costs nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any

from index.errors import LexiconInvalid

KINDS = ("words", "phrases", "patterns", "sets", "pairs", "values")
"""How a table may hold its entries; each has exactly one of them."""

_KEYS = {"purpose", "ordered", "excludes", *KINDS}
_NAME = r"[a-z_]+\.[a-z_]+"
_PLACE = re.compile(rf"\{{({_NAME}(?:\|{_NAME})*)\}}")


@dataclass(frozen=True)
class Table:
    """One table: its entries in the order of the file. ``word in table`` asks for one of its words."""

    name: str
    purpose: str
    kind: str
    entries: tuple[str, ...]
    ordered: bool = False
    excludes: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of it; of sets and pairs, those of all sets."""
        groups = [self.entries] if self.kind not in ("sets", "pairs") else self.sets
        return frozenset(word for group in groups for word in group)

    @cached_property
    def sets(self) -> tuple[tuple[str, ...], ...]:
        """The words of each entry: of ``pairs`` all sides together."""
        return tuple(tuple(entry.replace("|", " ").split()) for entry in self.entries)

    @cached_property
    def pairs(self) -> tuple[tuple[tuple[str, ...], ...], ...]:
        """Two opposite sets of words, or three: the third lies between them."""
        return tuple(tuple(tuple(s.split()) for s in e.split("|")) for e in self.entries)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Words and the whole number that each stands for. Raises LexiconInvalid."""
        return self._valued(int)

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Words and the text that each stands for. Raises LexiconInvalid."""
        return self._valued(str)

    @cached_property
    def lists(self) -> Mapping[str, list[Any]]:
        """Words and the list that is known of each. Raises LexiconInvalid."""
        return self._valued(list)

    def value(self, written: str) -> Any:
        """What is known of a word as a text has it, blanks aside; None for another word."""
        return self._squeezed.get("".join(written.split()))

    @cached_property
    def _squeezed(self) -> Mapping[str, Any]:
        return {"".join(word.split()): value for word, value in self.values.items()}

    def _valued(self, kind: type) -> Mapping[str, Any]:
        if strays := [word for word, value in self.values.items() if type(value) is not kind]:
            raise LexiconInvalid(f"{self.name}: {strays[0]!r} has no value of type {kind.__name__}")
        return self.values

    def __contains__(self, word: object) -> bool:
        return word in self.words

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class Expression:
    """A regular expression that is made and compiled when it is first tried."""

    def __init__(self, make: Callable[[], re.Pattern[str]]) -> None:
        self._make = make

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The expression itself. Raises LexiconInvalid, re.error."""
        return self._make()

    # Once looked up, these are the compiled expression's own methods.

    @cached_property
    def match(self) -> Callable[..., re.Match[str] | None]:
        """As ``re.Pattern.match``."""
        return self.compiled.match

    @cached_property
    def fullmatch(self) -> Callable[..., re.Match[str] | None]:
        """As ``re.Pattern.fullmatch``."""
        return self.compiled.fullmatch

    @cached_property
    def search(self) -> Callable[..., re.Match[str] | None]:
        """As ``re.Pattern.search``."""
        return self.compiled.search

    @cached_property
    def finditer(self) -> Callable[..., Iterator[re.Match[str]]]:
        """As ``re.Pattern.finditer``."""
        return self.compiled.finditer

    @cached_property
    def findall(self) -> Callable[..., list[Any]]:
        """As ``re.Pattern.findall``."""
        return self.compiled.findall

    @cached_property
    def sub(self) -> Callable[..., str]:
        """As ``re.Pattern.sub``."""
        return self.compiled.sub

    @cached_property
    def split(self) -> Callable[..., list[str]]:
        """As ``re.Pattern.split``."""
        return self.compiled.split


class Lexicon:
    """The tables of a package, and those of the ``base`` that it builds on."""

    def __init__(self, package: str, *, base: Lexicon | None = None) -> None:
        self.package, self._base = package, base
        self._tables: dict[str, Table] = {}

    def __getitem__(self, name: str) -> Table:
        """The table ``file.table``. Raises LexiconInvalid where there is none, or its file is broken."""
        table = self._tables.get(name)
        if table is None:
            file = name.partition(".")[0]
            if self._base and file not in self.files:
                return self._base[name]
            self._tables |= self._load(file)
            table = self._tables.get(name)
        if table is None:
            raise LexiconInvalid(f"{self.package}: there is no table {name}")
        return table

    def expression(self, template: str, flags: int = 0) -> Expression:
        """An expression in which ``{file.table}`` stands for any word of that table, the longest first.

        ``{one.table|other.table}`` stands for any word of both.
        """
        return Expression(lambda: re.compile(self.spelt_out(template), flags))

    def spelt_out(self, template: str) -> str:
        """A template with the tables that it names in their places."""
        return _PLACE.sub(lambda place: self._alternatives(place[1].split("|")), template)

    def _alternatives(self, names: Sequence[str]) -> str:
        tables = [self[name] for name in names]
        patterns = [p for table in tables if table.kind == "patterns" for p in table]
        words = frozenset[str]().union(*(t.words for t in tables if t.kind != "patterns"))
        longest = sorted(words, key=lambda word: (-len(word), word))
        spelt = (re.escape(word).replace(r"\ ", r"\s?") for word in longest)
        return f"(?:{'|'.join((*patterns, *spelt))})"

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The names of its files, without their ending."""
        found = (path.name for path in files(self.package).joinpath("data").iterdir())
        return tuple(sorted(n.removesuffix(".toml") for n in found if n.endswith(".toml")))

    def tables(self) -> list[Table]:
        """All its tables, without those of the base. Raises LexiconInvalid."""
        return [table for file in self.files for table in self._load(file).values()]

    def _load(self, file: str) -> dict[str, Table]:
        where = f"{self.package}/data/{file}.toml"
        try:
            text = files(self.package).joinpath("data", f"{file}.toml").read_text("utf-8")
            parsed = tomllib.loads(text)
        except OSError as error:
            raise LexiconInvalid(f"{where} can't be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise LexiconInvalid(f"{where} is no TOML: {error}") from error
        named = ((f"{file}.{name}", keys) for name, keys in parsed.items())
        return {name: _table(name, keys, where) for name, keys in named}


def _table(name: str, keys: Any, where: str) -> Table:
    """A table as its file has it. Raises LexiconInvalid, naming the fault."""
    if not isinstance(keys, dict):
        raise LexiconInvalid(f"{where}: {name} is no table")
    kinds = [kind for kind in KINDS if kind in keys]
    if len(kinds) != 1 or (unknown := keys.keys() - _KEYS):
        fault = f"the key {min(unknown)!r} is unknown" if len(kinds) == 1 else "one kind is needed"
        raise LexiconInvalid(f"{where}: {name}: {fault} (one of {', '.join(KINDS)})")
    kind, purpose = kinds[0], keys.get("purpose")
    if not isinstance(purpose, str) or not purpose.strip():
        raise LexiconInvalid(f"{where}: {name} has no purpose")
    held = _held(kind, keys[kind])
    if held is None:
        raise LexiconInvalid(f"{where}: {name}: {kind} hold something else than texts")
    return Table(
        name=name,
        purpose=purpose,
        kind=kind,
        entries=tuple(held),
        ordered=keys.get("ordered", False),
        excludes=tuple(keys.get("excludes", ())),
        values=held if isinstance(held, dict) else {},
    )


def _held(kind: str, held: Any) -> list[str] | dict[str, Any] | None:
    """The entries of a table; None if they are of another shape than its kind has."""
    if isinstance(held, str) and kind == "values":
        pairs = (pair.partition("=")[::2] for pair in held.split())
        return {word: int(value) if _is_number(value) else value for word, value in pairs}
    if isinstance(held, str):
        return held.split() if kind == "words" else None
    if isinstance(held, dict):
        return held if kind == "values" else None
    is_list = isinstance(held, list) and all(isinstance(entry, str) for entry in held)
    return held if is_list and kind not in ("words", "values") else None


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


LEXICON = Lexicon("index")
"""The tables of this package."""
