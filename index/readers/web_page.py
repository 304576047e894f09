"""Saved web pages: metadata from JSON-LD, meta tags and visible text, the body by trafilatura."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from index.boilerplate import MARK, OWNER, ends_sentence, joined_stamps, stamp_parts
from index.clean import boilerplate_rule, clean_title, fold, read_stamps
from index.documents import Article
from index.errors import MalformedArticle
from index.lexicon import LEXICON
from index.newsroom import credit_line, is_press, section_name
from index.readers.draft import Draft, ReadOptions, Unusable, assemble, press_name
from index.readers.files import Source, decode
from index.readers.markup import CAPTIONS, drop, looks_like_html, parse_html, text_of, text_of_html
from index.readers.page_data import as_list, embedded_story, json_ld
from index.readers.page_parts import live_updates, separate_updates, unfold_spans

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MIN_BODY_CHARS = 60
"""A shorter extraction is a teaser or a notice; the story may be in the page's embedded data."""

_LEAD_LINES = 5
_CELL_CHARS = 300
_LINKED = 0.9
_PAGE_TEXT_CHARS = 200_000
_SUBTITLES = (
    "//*[contains(@class,'subheading') or contains(@class,'sub_title') or contains(@class,'subtitle')"
    " or contains(@class,'sub-title') or contains(@class,'sub_tit') or contains(@class,'media_end_summary')"
    " or contains(@class,'summary_view')][string-length(.) < 400]"
)


class WebPageReader:
    """A web page as one article."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options

    def read(self) -> Iterator[Article | MalformedArticle]:
        """See ``ArticleReader``."""
        try:
            yield assemble(
                page_draft(decode_page(self._source.data()), self._options), self._options
            )
        except Unusable as error:
            yield MalformedArticle(str(error), path=self._source.name)


def decode_page(data: bytes) -> str:
    """A page as text. A declared Korean encoding is believed if the page is valid in it.

    Raises Unusable.
    """
    declared = re.search(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{3,20})", data[:4096])
    korean = declared and declared[1].lower() in (b"euc-kr", b"ks_c_5601-1987", b"cp949", b"uhc")
    try:
        return decode(data)
    except Unusable:
        if not korean:
            raise
    try:
        return data.decode("cp949")
    except UnicodeDecodeError as error:
        raise Unusable(f"damaged cp949 text at byte {error.start}") from error


def page_draft(page: str, options: ReadOptions) -> Draft:
    """What a page tells about its article. Raises Unusable for a page without one."""
    tree = parse_html(page)
    about = _About(tree)
    site = about.press()
    title = about.title(site)
    for xpath in options.sources.find(site, about.url()).drop_nodes:
        drop(tree, xpath)
    beside = _subtitles(tree)
    credits_ = [line for line in beside if credit_line(line)]
    subtitles = [line for line in beside if line not in credits_]
    draft = Draft(
        body="",
        title=title,
        subtitles=subtitles or as_list(about.state.get("subtitles")),
        press=site,
        reporters=about.reporters() or credits_,
        section=about.section(),
        moments=about.published(),
        modified=about.modified(),
        url=about.url(),
        tags=about.tags(),
    )
    # Last, since taking the body takes the tree apart.
    lead, draft.body = _lead(_body(tree, about), title or "")
    draft.subtitles = draft.subtitles or lead
    return draft


# --- metadata --------------------------------------------------------------------------------


@dataclass
class _About:
    """JSON-LD, meta tags, state and visible text of a page, read once and consulted in that order."""

    tree: HtmlElement
    linked: dict[str, Any] = field(init=False)
    state: dict[str, Any] = field(init=False)
    meta: dict[str, list[str]] = field(init=False)
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.linked = json_ld(self.tree)
        self.meta = {}
        for node in self.tree.iter("meta"):
            name = node.get("property") or node.get("name") or node.get("itemprop")
            content = (node.get("content") or "").strip()
            if name and content:
                self.meta.setdefault(name.lower(), []).append(content)
        text = text_of(deepcopy(self.tree))[:_PAGE_TEXT_CHARS]
        self.lines = joined_stamps([line for line in map(fold, text.split("\n")) if line])
        self.state = {}
        self.state = embedded_story(self.tree, self.title(None))

    def first(self, *names: str) -> str | None:
        return next((self.meta[name][0] for name in names if name in self.meta), None)

    def node(self, xpath: str) -> str | None:
        return next((fold(node.text_content()) for node in self.tree.xpath(xpath)), None) or None

    def press(self) -> str | None:
        """The outlet; on a portal, the outlet that the portal names, not the portal."""
        publisher = _name(self.linked.get("publisher"))
        site = publisher or self.first("og:site_name", "dable:site_name", "application-name")
        if site and not _is_address(site) and press_name(site):
            return press_name(site)
        source = self.first("og:article:author", "twitter:creator") if site else None
        return press_name((source or "").split(" | ")[0]) or self._press_in_title() or self._owner()

    def _press_in_title(self) -> str | None:
        """The outlet that the page's title appends to the headline: `` - 동람경제``."""
        title = self.node("//title") or ""
        headlines = (self.first("og:title"), *map(self.node, ("//h1", "//h2", "//h3")))
        for headline in map(fold, filter(None, headlines)):
            rest = title.removeprefix(headline)
            if rest != title and len(headline) > 8:
                return re.split(r"\s[-|<>:–—]\s", rest)[-1].strip(" -|<>:–—") or None
        last = re.split(r"\s[-|<>:–—]\s", title)[-1]
        return last if is_press(last) else None

    def _owner(self) -> str | None:
        """The outlet that the page's copyright notice names."""
        marked = (line for line in self.lines if re.search(r"무단|저작권자|[Cc]opyright", line))
        owners = (OWNER.search(line) for line in marked)
        return next((owner[1] for owner in owners if owner), None)

    def title(self, press: str | None) -> str | None:
        """The first heading that is not just the site's name."""
        headings = (
            self.linked.get("headline"),
            self.first("og:title", "twitter:title", "title"),
            self.node("//h1"),
            self.node("//*[contains(@class,'headline') or contains(@class,'article-head-title')]"),
            self.node("//title"),
            self.node("//*[self::h2 or self::h3 or self::h4][contains(@class,'tit')]"),
            *map(self.node, ("//h2", "//h3", "//h4")),
        )
        for heading in headings:
            title = clean_title(heading, press=press) if isinstance(heading, str) else ""
            named = (
                is_press(title)
                or press_name(title) == press
                or title in LEXICON["boilerplate.no_headlines"]
            )
            if title and not named:
                return title
        return None

    def reporters(self) -> list[str]:
        """The authors in the metadata, otherwise those of a line that is nothing but a byline."""
        authors = self.linked.get("author")
        named = [name for author in as_list(authors) if (name := _name(author))]
        named = named or self.meta.get("dable:author") or self.meta.get("article:author") or []
        named = [name for name in (named or self.meta.get("author") or []) if not _is_address(name)]
        named = [name for name in named if " | " not in name and not is_press(name)]
        named = named or as_list(self.state.get("reporters"))
        if named:
            return named
        parts = (part for line in self.lines if "기자" in line[:80] for part in stamp_parts(line))
        credits_ = map(credit_line, parts)
        return next(
            (list(signed.reporters) for signed in credits_ if signed and signed.reporters), []
        )

    def section(self) -> str | None:
        linked = next(iter(as_list(self.linked.get("articleSection"))), None)
        found = (
            linked
            if isinstance(linked, str)
            else self.first("article:section", "dable:item:section")
        )
        crumbs = (section_name(line) for line in self.lines if re.search(r"[>›»]", line))
        filed = self.node(
            "//*[contains(@class,'categorization_item') or contains(@class,'categorize_item')]"
        )
        state = self.state.get("section")
        told = found or filed or (state if isinstance(state, str) else None)
        return told or next((crumb for crumb in crumbs if crumb), None) or self._menu_section()

    def _menu_section(self) -> str | None:
        """The section whose link in the page's menu leads to the folder of the page's address."""
        folder = re.match(r"https?://[^/]+(/[A-Za-z][\w-]{2,20})/", self.url() or "")
        links = self.tree.xpath("//a[@href=$path]", path=folder[1]) if folder else ()
        return next(
            (name for link in links if (name := section_name(fold(link.text_content())))), None
        )

    def published(self) -> list[tuple[object, str]]:
        meta = self.first(
            "article:published_time", "og:article:published_time", "datepublished", "pubdate",
            "parsely-pub-date", "dc.date.issued",
        )  # fmt: skip
        stamps = (read_stamps(line).published for line in self.lines)
        text = next((stamp for stamp in stamps if stamp), None)
        times = [time.get("datetime") for time in self.tree.iter("time") if time.get("datetime")]
        naver = self.tree.xpath("//*[@data-date-time]/@data-date-time")
        return [
            (self.linked.get("datePublished"), "json_ld"),
            (meta, "meta"),
            (next(iter([*naver, *times]), None), "meta"),
            (self.state.get("published_at"), "meta"),
            (text, "text"),
        ]

    def modified(self) -> object:
        stamps = (read_stamps(line).modified for line in self.lines)
        return (
            self.linked.get("dateModified")
            or self.first("article:modified_time", "og:updated_time", "datemodified")
            or next(iter(self.tree.xpath("//@data-modify-date-time")), None)
            or self.state.get("modified_at")
            or next((stamp for stamp in stamps if stamp), None)
        )

    def url(self) -> str | None:
        canonical = self.tree.xpath("//link[@rel='canonical']/@href")
        urls = (*canonical, self.first("og:url"), _name(self.linked.get("mainEntityOfPage"), "@id"))
        return next((url for url in urls if url and re.match(r"https?://", url)), None)

    def tags(self) -> list[str]:
        listed = self.meta.get("article:tag") or self.meta.get("news_keywords")
        keywords = listed or as_list(self.linked.get("keywords") or self.state.get("tags"))
        return [tag for text in keywords if isinstance(text, str) for tag in text.split(",") if tag]


def _name(value: object, key: str = "name") -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    found = value.get(key) if isinstance(value, dict) else value
    return found.strip() or None if isinstance(found, str) else None


def _is_address(text: str) -> bool:
    return "://" in text or bool(re.fullmatch(r"(?:www\.)?[\w-]+(?:\.[\w-]+)+/?", text.strip()))


# --- body ------------------------------------------------------------------------------------


def _subtitles(tree: HtmlElement) -> list[str]:
    """Subtitles in nodes of their own, which are removed from the tree."""
    found: list[str] = []
    for node in tree.xpath(_SUBTITLES):
        if node.getparent() is not None and not found:
            found = [text for line in text_of(node).split("\n") if (text := fold(line))]
            node.drop_tree()
    return found[:5]


def _body(tree: HtmlElement, about: _About) -> str:
    """The text of the story, one line per paragraph. Raises Unusable if there is none."""
    if updates := live_updates(about.linked):
        return updates
    bodies = (about.linked.get("articleBody"), about.state.get("body"))
    embedded = max((body for body in bodies if isinstance(body, str)), key=len, default="")
    embedded = text_of_html(embedded) if looks_like_html(embedded) else embedded
    drop(tree, f"{CAPTIONS}|//nav")
    _drop_facts(tree)
    _drop_menus(tree)
    _unfold_layout(tree)
    unfold_spans(tree)
    separate_updates(tree)
    text = _extract(tree)
    if len(text.strip()) < max(MIN_BODY_CHARS, len(embedded) // 4):
        text = embedded or text
    if not text.strip():
        raise Unusable("no body: neither the page's text nor its embedded data hold a story")
    return text


def _drop_facts(tree: HtmlElement) -> None:
    """Remove lists of facts about the page (``<dt>조회수<dd>214``): short terms, no sentences."""
    for facts in tree.xpath("//dl[string-length(normalize-space(.)) < 300]"):
        if not any(ends_sentence(fold(part.text_content())) for part in facts):
            facts.drop_tree()


def _drop_menus(tree: HtmlElement) -> None:
    """Remove lists of links, which lead elsewhere: menus, other stories. A list that tells something has more text."""
    for listed in tree.xpath("//ul[count(li) > 2]|//ol[count(li) > 2]"):
        text = "".join(listed.text_content().split())
        linked = sum(len("".join(link.text_content().split())) for link in listed.iter("a"))
        if linked > _LINKED * len(text) and listed.getparent() is not None:
            listed.drop_tree()


def _unfold_layout(tree: HtmlElement) -> None:
    """Turn tables that only lay out the page, as they hold tables or prose, into plain blocks."""
    for table in tree.xpath("//table"):
        cells = table.xpath(".//td")
        if table.find(".//table") is not None or any(_is_prose_cell(cell) for cell in cells):
            for node in table.iter("table", "tbody", "tr", "td", "th"):
                node.tag = "div"


def _is_prose_cell(cell: HtmlElement) -> bool:
    return len(fold(cell.text_content()[:5_000])) > _CELL_CHARS


def _lead(text: str, title: str) -> tuple[list[str], str]:
    """The subtitles above a story, and the story without them, its title and menus."""
    lines = [_cells(line) for line in text.split("\n")]
    story = next((at for at, line in enumerate(lines) if len(line) > 120 or ends_sentence(line)), 0)
    titles = [at for at in range(story) if clean_title(lines[at]) == title]
    lead, kept = list[str](), list[str]()
    for line in lines[titles[-1] + 1 if titles else 0 : story]:
        if boilerplate_rule(line) or MARK.match(line):
            kept.append(line)
        elif line and "|" not in line:
            lead.append(line)
    menu = [line for line in kept if boilerplate_rule(line) in ("menu", "section")]
    if len(menu) > 1:  # one alone may be the story's section
        kept = [line for line in kept if line not in menu]
    if len(lead) > _LEAD_LINES:  # not subtitles, but a story in verses or a list
        return [], "\n".join(lines)
    return lead, "\n".join([*kept, *lines[story:]])


def _cells(line: str) -> str:
    """A line without the bars that trafilatura puts around a row of a table."""
    if not line.startswith("|"):
        return line
    return "" if re.fullmatch(r"[|\s-]*", line) else line.strip("| ").replace("\\|", "|")


def _extract(tree: HtmlElement) -> str:
    import trafilatura

    # The default mode: favor_precision lost half of some bodies, fast and deduplicate parts.
    try:
        return trafilatura.extract(tree, include_comments=False) or ""
    except (ValueError, RecursionError, AttributeError, TypeError):
        return ""
