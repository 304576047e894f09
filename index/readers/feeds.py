"""Feeds (RSS and Atom, by feedparser) and news XML (NewsML, NITF and similar)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from index.clean import fold
from index.documents import Article
from index.errors import MalformedArticle
from index.newsroom import is_press
from index.readers.draft import Draft, ReadOptions, Unusable, assemble
from index.readers.files import Source
from index.readers.markup import looks_like_html, parse_xml, text_of_html

if TYPE_CHECKING:
    from lxml.etree import _Element

Item = Article | MalformedArticle


class XmlReader:
    """An ``.xml`` file: a feed if its root element says so, otherwise news XML."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        with self._source.opener() as stream:
            head = stream.read(4096)
        feed = re.search(rb"<(?:rss|feed|rdf:RDF)[\s>]", head)
        reader = FeedReader if feed else NewsXmlReader
        return reader(self._source, self._options).read()


# --- feeds -----------------------------------------------------------------------------------


class FeedReader:
    """RSS and Atom, one article per entry, whose body is the summary if there is nothing longer."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        import feedparser

        data = self._source.data()
        if b"<!ENTITY" in data:
            raise Unusable("XML that defines entities is not read")
        feed = feedparser.parse(data, sanitize_html=False, resolve_relative_uris=False)
        if not feed.entries:
            reason = f"no entries: {feed.get('bozo_exception', 'an empty feed')}"
            yield MalformedArticle(fold(reason)[:200], path=self._source.name)
        press = _feed_press(feed.feed)
        for number, entry in enumerate(feed.entries, start=1):
            try:
                yield assemble(_entry_draft(entry, press), self._options)
            except Unusable as error:
                reason = f"entry {number}: {error}"
                yield MalformedArticle(reason, path=self._source.name)


def _feed_press(feed: Any) -> str | None:
    name = fold(str(feed.get("title", "")))
    first = re.split(r"\s*[|>:\-–]\s+", name)[0]
    return next(
        (text for text in (feed.get("publisher"), name, first) if text and is_press(text)), None
    )


def _entry_draft(entry: Any, press: str | None) -> Draft:
    contents = [part.get("value", "") for part in entry.get("content", [])]
    body = max([*contents, entry.get("summary", "")], key=len)
    if not body.strip():
        raise Unusable("no body")
    link = entry.get("link")
    updated = dict.get(entry, "updated")  # feedparser's own get falls back to "published"
    return Draft(
        body=text_of_html(body) if looks_like_html(body) else body,
        id=None if link else entry.get("id"),
        title=_bare(entry.get("title")),
        press=fold(entry.get("source", {}).get("title", "")) or press,
        reporters=[name for part in entry.get("authors", []) if (name := part.get("name"))],
        section=next((tag.get("term") for tag in entry.get("tags", [])), None),
        moments=[(dict.get(entry, "published") or updated, "record")],
        modified=updated,
        url=link,
        tags=[tag.get("term") or "" for tag in entry.get("tags", [])[1:]],
    )


def _bare(text: str | None) -> str | None:
    return text_of_html(text) if text and looks_like_html(text) else text


# --- news XML --------------------------------------------------------------------------------

_ITEMS = frozenset({"newsitem", "article", "nitf", "item", "news", "newsarticle", "doc", "record"})
_NAMES = {
    "id": ("newsitemid", "articleid", "newsid", "article_id", "news_id", "guid", "id"),
    "title": ("headline", "hl1", "title", "subject"),
    "subtitles": ("subheadline", "hl2", "subtitle", "sub_title"),
    "press": ("press", "publisher", "creditline", "provider", "source", "copyrightholder", "media"),
    "reporters": ("byline", "by", "author", "writer", "reporter", "creator"),
    "section": ("section", "category", "articlesection", "desk"),
    "published": (
        "firstcreated", "contentcreated", "pubdate", "published", "regdate", "dateissue", "versioncreated",
        "thisrevisioncreated", "date",
    ),
    "modified": ("contentmodified", "thisrevisioncreated", "modified", "moddate"),
    "url": ("url", "link"),
    "body": ("inlinexml", "datacontent", "body.content", "content", "articlebody", "body", "text", "description"),
}  # fmt: skip


class NewsXmlReader:
    """News XML of any vocabulary that uses the common names for its elements (``_NAMES``)."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        root = parse_xml(self._source.data())
        items = [node for node in root.iter() if _local(node) in _ITEMS and _first(node, "body")]
        # Only the innermost: a NewsML envelope and the NITF within it are one story.
        outer = {parent for node in items for parent in node.iterancestors()}
        for node in [node for node in items if node not in outer] or [root]:
            context = next((up for up in node.iterancestors() if _local(up) == "newsitem"), node)
            try:
                yield assemble(_xml_draft(node, context), self._options)
            except Unusable as error:
                line = node.sourceline
                yield MalformedArticle(str(error), path=self._source.name, line=line)


def _xml_draft(node: _Element, context: _Element) -> Draft:
    values = {name: _first(node, name) or _first(context, name) for name in _NAMES}
    body = values["body"]
    if not body:
        raise Unusable("no body: no element of this XML is known to hold one")
    moment = values["published"] or node.get("date") or context.get("date")
    return Draft(
        body=text_of_html(body) if looks_like_html(body) else body,
        id=values["id"] or context.get("guid"),
        title=values["title"],
        subtitles=(values["subtitles"] or "").split("\n"),
        press=values["press"],
        reporters=[values["reporters"]] if values["reporters"] else [],
        section=values["section"],
        moments=[(moment, "record")],
        modified=values["modified"],
        url=values["url"],
    )


def _first(node: _Element, name: str) -> str | None:
    """The text of the first element below a node with one of a field's names, best name first."""
    wanted = _NAMES[name]
    found: dict[str, str] = {}
    for child in node.iter():
        local = _local(child)
        if local in wanted and local not in found and (text := _text(child)):
            found[local] = text
    return next((found[local] for local in wanted if local in found), None)


def _text(node: _Element) -> str:
    paragraphs = [child for child in node.iter() if _local(child) == "p"]
    if paragraphs:
        return "\n".join("".join(child.itertext()) for child in paragraphs)
    return "".join(node.itertext()).strip() or node.get("literal") or node.get("norm") or ""


def _local(node: _Element) -> str:
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else ""
