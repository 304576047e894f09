"""The story in a page's own data: JSON-LD, and the state from which its scripts render the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from index.clean import clean_title
from index.readers.flight import flight_values
from index.readers.markup import looks_like_html, text_of_html
from index.readers.records import field_of

if TYPE_CHECKING:
    from lxml.html import HtmlElement

Data = dict[str, Any]

MAX_JSON_CHARS = 3_000_000
MAX_SCRIPTS, MAX_VALUES = 40, 200_000
"""Scripts read per page, and values examined in each: a portal's state has ten thousand."""

_ARTICLE_TYPES = re.compile(r"\w*NewsArticle|Article|BlogPosting|LiveBlogPosting")
_BODY_KEYS = (
    "articleBody", "articleContent", "articleText", "contentHtml", "content_html", "bodyHtml",
    "body_html", "newsContent", "bodyText", "body", "content", "contents", "html", "text",
    "content_elements", "contentElements", "blocks", "paragraphs", "elements",
)  # fmt: skip
_TEXT_BLOCK = re.compile(
    r"(?i)(?:raw_)?(?:html|text|paragraph|p|header|heading|h[1-6]|subtitle|quote)"
)
_ASSIGNED = re.compile(r"=\s*(?=[{\[])|JSON\.parse\(\s*(?=\")")
_MAX_ASSIGNED = 20
_MIN_STORY_CHARS = 60


def json_ld(tree: HtmlElement) -> Data:
    """The page's article in JSON-LD, an empty dict if there is none."""
    for script in tree.xpath("//script[contains(@type,'ld+json')]"):
        for item in _graph(_json(script.text or "")):
            types = [kind for kind in as_list(item.get("@type")) if isinstance(kind, str)]
            if any(_ARTICLE_TYPES.fullmatch(kind) for kind in types):
                return item
    return {}


def embedded_story(tree: HtmlElement, title: str | None) -> Data:
    """The story in the page's state (``__NEXT_DATA__`` and similar), by our fields; {} if there is none.

    Of several stories, the one with the page's own title, else the longest. ``body`` is plain text.
    """
    wanted = clean_title(title or "")
    best: tuple[bool, int, Data, str] = (False, _MIN_STORY_CHARS - 1, {}, "")
    scripts = [node.text or "" for node in tree.xpath("//script[not(contains(@type,'ld+json'))]")]
    pushed = [text for text in scripts if "__next_f" in text]
    others = [text for text in scripts if "__next_f" not in text][:MAX_SCRIPTS]
    for values in (flight_values(pushed), *map(_values, others)):
        for item in _dicts(values):
            body = max((_text(item[key]) for key in _BODY_KEYS if key in item), key=len, default="")
            if len(body) < _MIN_STORY_CHARS:
                continue
            rank = bool(wanted) and wanted in _titles(item), len(body)
            if rank > best[:2]:
                best = (*rank, item, body)
    return _fields(best[2], best[3]) if best[2] else {}


def as_list(value: object) -> list[Any]:
    """A list as it is, None as an empty one, anything else as a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


# --- JSON ------------------------------------------------------------------------------------


def _json(text: str) -> object:
    text = text.strip().removeprefix("<![CDATA[").removesuffix("]]>").strip().rstrip(";")
    try:
        # Line breaks inside strings are common, and no reason to lose the rest.
        return json.loads(text[:MAX_JSON_CHARS], strict=False)
    except (ValueError, RecursionError):
        return None


def _graph(value: object) -> Iterator[Data]:
    for item in as_list(value):
        if isinstance(item, dict):
            yield item
            yield from (part for part in as_list(item.get("@graph")) if isinstance(part, dict))


def _values(script: str) -> list[object]:
    """The values in a script: a JSON document, or what it assigns (``x = {…}``)."""
    script = script[:MAX_JSON_CHARS]
    if script.lstrip()[:1] in ("{", "["):
        return [_json(script)]
    decoder, found, position = json.JSONDecoder(strict=False), list[object](), 0
    for _ in range(_MAX_ASSIGNED):
        start = _ASSIGNED.search(script, position)
        if start is None:
            break
        try:
            value, position = decoder.raw_decode(script, start.end())
        except (ValueError, RecursionError):
            position = start.end()
            continue
        found.append(_json(value) if isinstance(value, str) else value)
    return found


def _dicts(values: list[object]) -> Iterator[Data]:
    pending, seen = list(values), 0
    while pending and seen < MAX_VALUES:
        item, seen = pending.pop(), seen + 1
        if isinstance(item, dict):
            yield item
            pending += item.values()
        elif isinstance(item, list):
            pending += item


# --- the story -------------------------------------------------------------------------------


def _text(value: object) -> str:
    """A body as one text: HTML or plain text, or a list of paragraphs or blocks of it."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    parts = [part if isinstance(part, str) else _block(part) for part in value]
    return "\n\n".join(part for part in parts if part)


def _block(value: object) -> str:
    if not isinstance(value, dict) or not _TEXT_BLOCK.fullmatch(str(value.get("type", "text"))):
        return ""
    texts = (value.get(name) for name in ("content", "text", "html", "value"))
    return next((text for text in texts if isinstance(text, str)), "")


def _titles(item: Data) -> list[str]:
    found = (_plain(value) for key, value in item.items() if field_of(key) == "title")
    return [clean_title(title) for title in found if isinstance(title, str)]


def _fields(item: Data, body: str) -> Data:
    fields: Data = {}
    for key, value in item.items():
        name = field_of(key) or field_of(re.sub(r"(?i)name$", "", key))
        if name and name != "body" and (plain := _plain(value)):
            fields.setdefault(name, plain)
    return fields | {"body": text_of_html(body) if looks_like_html(body) else body}


def _plain(value: object) -> object:
    """A text or a list of texts, taken out of the objects that wrap them (``{"basic": …}``)."""
    if isinstance(value, list):
        return [plain for part in value if isinstance(plain := _plain(part), str)]
    if isinstance(value, dict):
        inner = (
            value[key] for key in ("basic", "by", "tags", "name", "title", "text") if key in value
        )
        return _plain(next(inner, None))
    return value if isinstance(value, str) else None
