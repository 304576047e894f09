"""Slack's markup: turning what people write in it into plain text, and plain text into harmless markup.

https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Iterator

ZERO_WIDTH_SPACE = "\u200b"
"""Slack formats only text between spaces, but Korean particles follow their word without one."""

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
    """The text escaped, so that Slack shows it as it is: no mention, no link, no ``<!channel>``."""
    return "".join(_ENTITIES.get(char, char) for char in text)


def bold(text: str) -> str:
    """The text in bold, even next to Hangul."""
    return f"{ZERO_WIDTH_SPACE}*{escape(text)}*{ZERO_WIDTH_SPACE}"


def formatted(text: str) -> str:
    """A model's text, escaped, with its ``**bold**`` (Markdown) in bold."""
    parts = _BOLD.split(text)  # plain, bold, plain, …
    return "".join(bold(part) if odd % 2 else escape(part) for odd, part in enumerate(parts))


def link(url: str | None, label: str) -> str:
    """The label as a link, or without one if the address is missing, not of the web, or too long."""
    address = "".join(_IN_URL.get(char, char) for char in url or "")
    if len(address) > MAX_URL_CHARS or not _WEB.fullmatch(address):
        return escape(label)
    return f"<{address}|{escape(label)}>"


def pieces(text: str, limit: int) -> Iterator[str]:
    """The text in pieces of at most ``limit`` characters each once formatted.

    Pieces end between words; joined by spaces they are the text again. Only words longer than the
    limit are split.
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
    """A message as people read it: without mentions of users, and with links as their labels."""
    shown = _MARKUP.sub(lambda found: _shown(found[1]), text)
    for char, entity in reversed(_ENTITIES.items()):  # &amp; comes last, or &amp;lt; would become <
        shown = shown.replace(entity, char)
    return re.sub(r"[ \t]+", " ", shown.replace(ZERO_WIDTH_SPACE, "")).strip()


def words(text: str) -> str:
    """The words of a question: plain, without formatting, emojis and addresses, which no article has."""
    bare = _EMOJI.sub(" ", _ADDRESS.sub(" ", plain(_MARKED.sub(r"\2", text))))
    return re.sub(r"[ \t]+", " ", bare).strip()


def mentions(text: str) -> set[str]:
    """Ids of the users that a text mentions."""
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
