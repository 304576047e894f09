"""Whole pages in the layouts that Korean papers use, against records written by hand.

``pages/<name>.html`` or ``.txt`` is a page of an invented outlet; ``pages/<name>.expected.json`` is what a
person reads on it. Body: recall is the share of expected sentences' characters found, leftover the
characters that are no part of the story.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from index import Article, to_json
from index.readers import read

PAGES = sorted(Path(__file__).parent.glob("pages/*.expected.json"))
FIELDS = (
    "title", "subtitles", "section", "press", "reporters", "published_at", "published_at_source",
    "modified_at", "place", "url", "tags",
)  # fmt: skip
MIN_RECALL, MAX_LEFTOVER_CHARS = 0.99, 40


def page_of(expected: Path) -> Path:
    name = expected.name.removesuffix(".expected.json")
    return next(path for path in expected.parent.glob(f"{name}.*") if path != expected)


def pair(expected: Path) -> tuple[dict[str, Any], Article]:
    items = list(read(page_of(expected)))
    assert len(items) == 1
    assert isinstance(items[0], Article), str(items[0])
    return json.loads(expected.read_text("utf-8")), items[0]


def sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.?!”\"]) |\n+", text) if part]


each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem.split(".")[0])


@each_page
def test_every_field(path: Path) -> None:
    expected, article = pair(path)
    found = to_json(article.header)
    for name in ("published_at", "modified_at"):
        if found[name]:
            found[name] = datetime.fromisoformat(found[name]).isoformat()
    assert {name: found[name] for name in FIELDS} == {name: expected[name] for name in FIELDS}


@each_page
def test_the_body_is_the_story_and_nothing_else(path: Path) -> None:
    expected, article = pair(path)
    wanted = sentences("\n\n".join(expected["body"]))
    kept = sum(len(sentence) for sentence in wanted if sentence in article.body)
    rest = article.body
    for sentence in sorted(wanted, key=len, reverse=True):
        rest = rest.replace(sentence, "", 1)
    assert kept >= MIN_RECALL * sum(map(len, wanted))
    assert len("".join(rest.split())) <= MAX_LEFTOVER_CHARS, rest.strip()
    assert article.paragraphs == expected["body"]


def test_there_are_pages_of_many_layouts() -> None:
    assert len(PAGES) >= 10
    assert all(page_of(path).is_file() for path in PAGES)
