"""Slack's markup: what people write in it becomes plain text, and plain text becomes harmless in it.

https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Iterator

ZERO_WIDTH_SPACE = "\u200b"
"""Slack formats only what stands between spaces; a particle follows a Korean word without one."""

MAX_URL_CHARS = 800
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_URL = {" ": "%20", "|": "%7C", "<": "%3C", ">": "%3E", '"': "%22", "&": "&amp;"}
_MARKUP = re.compile(r"<([^<>]*)>")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_MARKED = re.compile(r"(?<!\w)([*_~`]+)(?=\S)([^*_~`\n]+)(?<=\S)\1")
_EMOJI = re.compile(r"(?<![A-Za-z0-9]):(?:[a-z0-9_'+-]*[a-z][a-z0-9_'+-]*|[+-]1|100):")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)


def escape(text: str) -> str:
    """Text that Slack shows as it is: no mention, no link, no ``<!channel>``."""
    return "".join(_ENTITIES.get(char, char) for char in text)


def bold(text: str) -> str:
    """Text in bold type, also next to Hangul."""
    return f"{ZERO_WIDTH_SPACE}*{escape(text)}*{ZERO_WIDTH_SPACE}"


def formatted(text: str) -> str:
    """A model's text, whose ``**bold**`` (Markdown) stays bold."""
    parts = _BOLD.split(text)  # plain, bold, plain, …
    return "".join(bold(part) if odd % 2 else escape(part) for odd, part in enumerate(parts))


def link(url: str | None, label: str) -> str:
    """The label as a link, or alone if the address is none that Slack should open."""
    address = "".join(_IN_URL.get(char, char) for char in url or "")
    if len(address) > MAX_URL_CHARS or not _WEB.fullmatch(address):
        return escape(label)
    return f"<{address}|{escape(label)}>"


def pieces(text: str, limit: int) -> Iterator[str]:
    """The text in pieces that are ``limit`` characters at most once they are formatted.

    They end between words where that is possible. Joined by spaces they are the text again, save
    for a word that is longer than the limit.
    """
    if len(formatted(text)) <= limit:
        yield text
        return
    piece = ""
    for word in (part for long in text.split(" ") for part in _short(long, limit)):
        joined = f"{piece} {word}" if piece else word
        if piece and len(formatted(joined)) > limit:
            yield piece
            joined = word
        piece = joined
    yield piece


def _short(word: str, limit: int) -> Iterator[str]:
    step = limit if len(formatted(word)) <= limit else limit // len("&amp;")
    yield from (word[at : at + step] for at in range(0, max(len(word), 1), step))


def plain(text: str) -> str:
    """What somebody wrote, as they read it: without addresses of users, with the labels of links."""
    shown = _MARKUP.sub(lambda found: _shown(found[1]), text)
    for char, entity in reversed(_ENTITIES.items()):  # &amp; last, or &amp;lt; would become <
        shown = shown.replace(entity, char)
    return re.sub(r"[ \t]+", " ", shown.replace(ZERO_WIDTH_SPACE, "")).strip()


def words(text: str) -> str:
    """What a question says: plain, and without type, emojis and addresses, which no article has."""
    bare = _EMOJI.sub(" ", _ADDRESS.sub(" ", plain(_MARKED.sub(r"\2", text))))
    return re.sub(r"[ \t]+", " ", bare).strip()


def mentions(text: str) -> set[str]:
    """Ids of the users that a text addresses."""
    return set(re.findall(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>", text))


def _shown(markup: str) -> str:
    target, _, label = markup.partition("|")
    if target.startswith("@"):
        return f"@{label}" if label else ""
    if target.startswith("#"):
        return f"#{label}" if label else ""
    if target.startswith("!"):
        return label
    return label or target.removeprefix("mailto:").removeprefix("tel:")
