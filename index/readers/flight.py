"""The data of pages that Next.js renders from its App Router: rows that scripts push piece by piece.

The pieces of ``self.__next_f.push([1, "…"])`` join to rows ``ID:VALUE``: JSON to the end of the line, or, marked
``T`` and the number of its bytes in hexadecimal, a text. A string ``$ID`` in a value stands for the row of that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_PUSH = re.compile(r"__next_f\s*\.push\(\s*(?=\[)")
_ROW = re.compile(rb"\s*([0-9a-f]{1,8}):(?:T([0-9a-f]{1,8}),)?")
_JSON = re.compile(rb"[A-Z]{0,2}(?=[\[{\"])")
_REFERENCE = re.compile(r"\$[@L]?([0-9a-f]{1,8})")

_MAX_ROWS, _MAX_DEPTH, _MAX_VALUES = 5_000, 40, 100_000
_PARAGRAPHS = frozenset("p h2 h3 h4 blockquote li".split())
_MIN_PARAGRAPHS = 2


def flight_values(scripts: list[str]) -> list[object]:
    """The values that the pushed rows hold, with references resolved; the elements of the page's text as one value.

    An empty list for scripts that push nothing.
    """
    rows = dict(
        _rows("".join(filter(None, map(_pushed, scripts))).encode("utf-8", "surrogatepass"))
    )
    if not rows:
        return []
    resolve = _Resolver(rows)
    values = [resolve(value) for value in rows.values() if not isinstance(value, str)]
    told = [text for value in values for text in _paragraphs(value, 0)]
    if len(told) >= _MIN_PARAGRAPHS:
        values.append({"paragraphs": list(dict.fromkeys(told))})
    return values


def _pushed(script: str) -> str | None:
    decoder, parts = json.JSONDecoder(strict=False), []
    for call in _PUSH.finditer(script):
        try:
            value, _ = decoder.raw_decode(script, call.end())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str):
            parts.append(value[1])
    return "".join(parts)


def _rows(data: bytes) -> Iterator[tuple[str, object]]:
    position = 0
    for _ in range(_MAX_ROWS):
        row = _ROW.match(data, position)
        if row is None:
            line_end = data.find(b"\n", position)
            if line_end < 0:
                return
            position = line_end + 1
            continue
        name, size = row[1].decode(), row[2]
        if size is not None:
            position = row.end() + int(size, 16)
            yield name, data[row.end() : position].decode("utf-8", "replace")
            continue
        end = data.find(b"\n", row.end())
        end = len(data) if end < 0 else end
        if mark := _JSON.match(data, row.end(), end):
            with suppress(ValueError, RecursionError):
                yield name, json.loads(data[mark.end() : end])
        position = end + 1


class _Resolver:
    """Puts rows in the place of the strings that refer to them."""

    def __init__(self, rows: dict[str, object]) -> None:
        self._rows, self._left = rows, _MAX_VALUES

    def __call__(self, value: object, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            return value if isinstance(value, str) else None
        if isinstance(value, dict):
            return {key: self(part, depth + 1) for key, part in value.items()}
        if isinstance(value, list):
            return [self(part, depth + 1) for part in value]
        named = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if named and named[1] in self._rows:
            return self(self._rows[named[1]], depth + 1)
        return value[1:] if isinstance(value, str) and value.startswith("$$") else value


def _paragraphs(value: object, depth: int) -> Iterator[str]:
    """The texts of the elements (``["$", "p", key, {"children": …}]``) that hold paragraphs, in order."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list) and len(value) >= 4 and value[0] == "$" and value[1] in _PARAGRAPHS:
        text = "".join(_texts(value[3], depth)).strip()
        if text:
            yield text
        return
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _paragraphs(part, depth + 1)


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, dict):
        value = value.get("children")
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth <= _MAX_DEPTH:
        if len(value) >= 4 and value[0] == "$":
            yield from _texts(value[3], depth + 1)
        else:
            for part in value:
                yield from _texts(part, depth + 1)
