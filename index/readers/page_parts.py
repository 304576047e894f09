"""Parts of a page that need another form before its text is taken: tables with merged cells, updates of live blogs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from index.clean import fold
from index.readers.markup import looks_like_html, text_of_html
from index.readers.moments import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.html import HtmlElement

MAX_ROWS, MAX_COLUMNS = 500, 30
"""A larger table is no table of an article, and stays as it is."""

CORNER, NOTHING = "구분", "-"
"""What stands for an empty cell: above the names of rows, and elsewhere. A blank would get lost in the text."""

_MAX_UPDATES = 500


# --- tables ----------------------------------------------------------------------------------


def unfold_spans(tree: HtmlElement) -> None:
    """Give every row of the tables all its cells: merged ones are repeated, rows of column names become one."""
    for table in tree.xpath("//table"):
        rows = list(table.iter("tr"))
        if table.find(".//table") is not None or not 1 < len(rows) <= MAX_ROWS:
            continue
        grid = _grid(rows)
        width = len(grid[0]) if grid else 0
        if not 1 < width <= MAX_COLUMNS:
            continue
        above = _names_above(table, rows)
        _rewrite(rows, grid, above)


def _grid(rows: list[HtmlElement]) -> list[list[str]]:
    """The texts of the cells, row by row, all of one length."""
    grid: list[dict[int, str]] = [{} for _ in rows]
    for y, row in enumerate(rows):
        x = 0
        for cell in row.iterchildren("td", "th"):
            while x in grid[y]:
                x += 1
            text = fold(cell.text_content())
            wide, high = _span(cell, "colspan", MAX_COLUMNS), _span(cell, "rowspan", MAX_ROWS)
            named = cell.tag == "th" or any(char.isdigit() for char in text)
            for down in range(min(high, len(rows) - y)):
                for right in range(wide):
                    # A heading or figure is that of every column that it spans, a row's name is said once.
                    grid[y + down].setdefault(x + right, text if named or right == 0 else "")
            x += wide
    width = max((max(cells, default=-1) for cells in grid), default=-1) + 1
    return [[cells.get(x, "") for x in range(min(width, MAX_COLUMNS + 1))] for cells in grid]


def _span(cell: HtmlElement, name: str, most: int) -> int:
    found = re.match(r"\s*(\d{1,4})", cell.get(name) or "")
    return max(1, min(int(found[1]), most)) if found else 1


def _names_above(table: HtmlElement, rows: list[HtmlElement]) -> int:
    """How many rows name the columns: those of the head, else the first that have nothing but headings."""
    head = {row for part in table.iter("thead") for row in part.iter("tr")}
    count = 0
    for row in rows:
        cells = list(row.iterchildren("td", "th"))
        if row not in head and not (cells and all(cell.tag == "th" for cell in cells)):
            break
        count += 1
    if not count:  # a first row of which cells span others cannot be a row of figures
        count = any(_span(cell, "colspan", 2) > 1 for cell in rows[0].iterchildren("td", "th"))
        spans = [_span(cell, "rowspan", 5) for cell in rows[0].iterchildren("td", "th")]
        count = max(spans) if count and spans and max(spans) > 1 else 0
    return min(count, len(rows) - 1)


def _rewrite(rows: list[HtmlElement], grid: list[list[str]], above: int) -> None:
    from lxml import html

    if above > 1:
        names = [
            " ".join(dict.fromkeys(filter(None, column)))
            for column in zip(*grid[:above], strict=True)
        ]
        grid = [names, *grid[above:]]
        for row in rows[1:above]:
            row.drop_tree()
        rows = [rows[0], *rows[above:]]
    for y, (row, cells) in enumerate(zip(rows, grid, strict=True)):
        if not any(cells):
            row.drop_tree()
            continue
        for child in list(row):
            child.drop_tree()
        row.text = None
        for x, text in enumerate(cells):
            cell = html.Element("th" if above and y == 0 else "td")
            cell.text = text or (CORNER if above and (x, y) == (0, 0) else NOTHING)
            row.append(cell)


# --- live blogs ------------------------------------------------------------------------------


def live_updates(linked: dict[str, Any]) -> str:
    """The updates of a live blog in JSON-LD as dated paragraphs; an empty text if there are none."""
    updates = linked.get("liveBlogUpdate")
    items = updates if isinstance(updates, list) else [updates]
    paragraphs = (
        _update(item.get("datePublished"), item.get("headline"), item.get("articleBody"))
        for item in items[:_MAX_UPDATES]
        if isinstance(item, dict)
    )
    return "\n\n".join(filter(None, paragraphs))


def _update(moment: object, headline: object, body: object) -> str:
    texts = [_plain(part) for part in (headline, body) if isinstance(part, str)]
    texts = [text for text in texts if text]
    return " ".join(filter(None, (_said(moment), " — ".join(texts)))) if texts else ""


def _plain(text: str) -> str:
    return fold(text_of_html(text) if looks_like_html(text) else text)


def _said(moment: object) -> str:
    """``6월 12일 14:20``: of day and hour alone, since the article says the year."""
    when: datetime | None = parse_moment(moment)
    return f"{when.month}월 {when.day}일 {when:%H:%M}" if when else ""


def separate_updates(tree: HtmlElement) -> None:
    """Make each update of a live blog, a block with a time of its own among others, one dated paragraph."""
    for parent, blocks in _update_blocks(tree):
        for block in blocks[:_MAX_UPDATES]:
            time = next(block.iter("time"))
            moment = time.get("datetime") or fold(time.text_content())
            time.drop_tree()
            heads = block.xpath(".//h2|.//h3|.//h4|.//h5|.//strong")[:1]
            headline = fold(heads[0].text_content()) if heads else None
            if heads:
                heads[0].drop_tree()
            text = _update(moment, headline, _spaced(block))
            for child in list(block):
                child.drop_tree()
            block.tag, block.text = "p", text
        parent.tag = "div"


def _update_blocks(tree: HtmlElement) -> Iterable[tuple[HtmlElement, list[HtmlElement]]]:
    by_parent: dict[HtmlElement, list[HtmlElement]] = {}
    for time in tree.xpath("//time[@datetime]"):
        block = time
        # The outermost block in which this is the only time.
        while (up := block.getparent()) is not None and len(up.xpath(".//time[@datetime]")) == 1:
            block = up
        if block.getparent() is not None and block is not time:
            by_parent.setdefault(block.getparent(), []).append(block)
    return [(parent, blocks) for parent, blocks in by_parent.items() if _is_live(parent, blocks)]


def _is_live(parent: HtmlElement, blocks: list[HtmlElement]) -> bool:
    """Whether such blocks tell something themselves: teasers of other stories are links, and comments are no blog."""
    named = " ".join(
        node.get("class") or "" for node in (parent, blocks[0], *parent.iterancestors())
    )
    if len(blocks) < 2 or re.search(r"(?i)comment|reply|related|rank|list_news", named):
        return False
    told = sum(len(fold(block.text_content())) for block in blocks)
    linked = sum(len(fold(a.text_content())) for block in blocks for a in block.iter("a"))
    return told > 20 * len(blocks) and linked < told / 2


def _spaced(block: HtmlElement) -> str:
    """The text of a block, with a blank between the paragraphs in it."""
    return " ".join(fold(text) for text in block.itertext() if text.strip())
