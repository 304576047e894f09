"""HTML and XML as trees and as text, with bounded cost. lxml is imported where it is needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from index.readers.draft import Unusable

if TYPE_CHECKING:
    from lxml.etree import _Element
    from lxml.html import HtmlElement

MAX_TAGS = 100_000
"""A large portal page has ten thousand. The parser itself stops at a depth of 256."""

MAX_TAG_WORDS = 5_000
"""Attributes of one tag: the time to parse them grows with the square of their number."""

_VALUE = r"""=\s*(?:"[^"]*+"|'[^']*+')"""
_TAG = re.compile(rf"<[a-zA-Z](?:{_VALUE}|[^>])*+")
"""As browsers read it: a quote opens a value only behind ``=``; anywhere else it is a letter like others."""

_LONG_TAG = 10_000
_HTML = re.compile(
    r"</?(?:p|br|div|span|strong|b|em|i|img|a|figure|table|h[1-6]|ul|li|section|article|font)"
    r"(?:\s[^<>]{0,400})?/?>",
    re.IGNORECASE,
)
_BLOCKS = frozenset(
    """address article aside blockquote center dd div dl dt figure footer form h1 h2 h3 h4 h5 h6 header hr li main
    nav ol p pre section table tbody td th tr ul br""".split()
)
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SILENT = "//script|//style|//noscript|//template|//iframe|//svg|//button|//select|//form//input"
CAPTIONS = (
    "//figcaption|//*[contains(concat(' ',@class,' '),' end_photo_org ')]"
    "|//*[contains(concat(' ',@class,' '),' img_desc ')]"
    "|//*[contains(@class,'caption') and not(descendant::p[string-length(.) > 200])]"
    "|//*[contains(@class,'photo_desc') or contains(@class,'img-desc') or contains(@class,'txt_caption')]"
)
"""Nodes with captions of pictures: if they stay, their text runs into the sentences around them."""


def looks_like_html(text: str) -> bool:
    """Whether a text contains HTML tags."""
    return "<" in text and bool(_HTML.search(text))


def parse_html(text: str) -> HtmlElement:
    """The tree of a page, without comments. Raises Unusable if there is none or it costs too much."""
    from lxml import etree, html

    if text.count("<") > MAX_TAGS:
        raise Unusable(f"more than {MAX_TAGS:,} tags")
    for tag in _TAG.finditer(text):
        if len(tag[0]) > _LONG_TAG and len(re.sub(_VALUE, " ", tag[0]).split()) > MAX_TAG_WORDS:
            raise Unusable(f"a tag with more than {MAX_TAG_WORDS:,} attributes")
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(text.encode("utf-8", "ignore"), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise Unusable(f"not HTML: {error}") from error


def drop(tree: HtmlElement, xpath: str) -> None:
    """Remove nodes from a tree, but not the text that follows them."""
    for node in tree.xpath(xpath):
        if node.getparent() is not None:
            node.drop_tree()


def text_of(tree: HtmlElement) -> str:
    """The text of a tree, one line per block. Changes the tree."""
    drop(tree, f"{_SILENT}|{CAPTIONS}")
    for node in tree.iter():
        if node.tag in _BLOCKS:
            # Character references may have produced characters that lxml refuses to set.
            node.text = "\n" + _UNWRITABLE.sub("", node.text or "")
            node.tail = "\n" + _UNWRITABLE.sub("", node.tail or "")
    return str(tree.text_content())


def text_of_html(fragment: str) -> str:
    """The text of a fragment of HTML, one line per block. Raises Unusable."""
    return text_of(parse_html(f"<div>{fragment}</div>"))


def parse_xml(data: bytes) -> _Element:
    """Parse XML without entities, network access or external definitions. Raises Unusable."""
    from lxml import etree

    if re.search(rb"<!ENTITY", data[:100_000]):
        raise Unusable("XML that defines entities is not read")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise Unusable(f"broken XML: {error}") from error
