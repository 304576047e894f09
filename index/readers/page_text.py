"""Pages copied as text: menu and weather lines, section, title, subtitles, byline, body.

Blank lines only separate. The body starts at the byline prefix, otherwise at the first line of
prose; the title stands above it, the section directly above the title, subtitles below the title.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from index.boilerplate import PHOTO_LINE, ends_sentence, is_caption, joined_stamps
from index.clean import Found, boilerplate_rule, clean_title, normalise, read_stamps
from index.documents import Article
from index.errors import MalformedArticle
from index.lexicon import LEXICON
from index.newsroom import credit_line, is_press, leading_credit, section_name
from index.readers.draft import Draft, ReadOptions, Unusable, assemble, check_length
from index.readers.files import Source

_DASHED = LEXICON.expression(r"[-–—▶]\s+\S")
_MARK_LINE = LEXICON.expression(r"[\[<【◀]\s?(?:앵커(?:\s?멘트)?|리포트|기자)\s?[\]>】▶]")
_PLAIN_END = LEXICON.expression(r"[가-힣]\.[”’\"')\]]*$")
_LEAD_CHARS = 200
"""Prose above a byline prefix belongs to the page, not to the body, up to this length."""


class PageTextReader:
    """A page of text as one article."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options

    def read(self) -> Iterator[Article | MalformedArticle]:
        """See ``ArticleReader``."""
        try:
            yield assemble(page_draft(self._source.text()), self._options)
        except Unusable as error:
            yield MalformedArticle(str(error), path=self._source.name)


def page_draft(text: str) -> Draft:
    """Sort the lines of a page into fields. Raises Unusable for a page without a body."""
    lines = joined_stamps(normalise(check_length(text)).split("\n"))
    labelled = _labelled(lines)
    if labelled is not None:
        return labelled
    start = _body_start(lines)
    if start is None:
        raise Unusable("no body: nothing on the page reads like a story")
    header = _Header([line for line in lines[:start] if line])
    return header.draft("\n".join(lines[start:]))


# --- where the body starts -------------------------------------------------------------------


def _body_start(lines: list[str]) -> int | None:
    prose = next((at for at, line in enumerate(lines) if _opens_body(line)), None)
    signed = next((at for at, line in enumerate(lines) if _opens_signed(line)), None)
    if signed is None:
        return prose if prose is not None else _longest(lines)
    if prose is None or prose >= signed:
        return signed
    above = sum(len(line) for line in lines[prose:signed] if _opens_body(line))
    return signed if above <= _LEAD_CHARS else prose


def _opens_signed(line: str) -> bool:
    """``(제네바=연합뉴스) 임은진 특파원 = …``: a byline prefix and a sentence; or ``[앵커]``."""
    if _MARK_LINE.match(line):
        return True
    split = leading_credit(line)
    if split is None or is_caption(line):
        return False
    return len(split[1]) >= 40 or ends_sentence(split[1])


def _opens_body(line: str) -> bool:
    if len(line) < 25 or _DASHED.match(line) or is_caption(line):
        return False
    # Headlines end in "?" and "…", too, but hardly ever in a full stop.
    return (len(line) >= 90 or bool(_PLAIN_END.search(line[-8:]))) and not boilerplate_rule(line)


def _longest(lines: list[str]) -> int | None:
    """For a body written like headlines: the longest line below the first that is not boilerplate."""
    texts = [at for at, line in enumerate(lines) if line and not boilerplate_rule(line)]
    below = [at for at in texts[1:] if len(lines[at]) >= 20 and not _DASHED.match(lines[at])]
    return min(below, key=lambda at: (-len(lines[at]), at), default=None)


# --- what stands above it --------------------------------------------------------------------


@dataclass
class _Header:
    """The lines above a body and what kind each is."""

    lines: list[str]
    kinds: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = [_kind(line) for line in self.lines]
        for at, line in enumerate(self.lines):
            # Agencies print a picture's caption above its source.
            if PHOTO_LINE.fullmatch(line) and at > 1 and len(self.lines[at - 1]) <= 60:
                text = self.lines[at - 1]
                for above in range(max(0, at - 2), at):
                    if self.lines[above] == text and self.kinds[above] == "text":
                        self.kinds[above] = "caption"

    def draft(self, body: str) -> Draft:
        title = self._title_at()
        above, below = range(title), range(title + 1, len(self.lines))
        stamps = self._stamps()
        dates = [self.lines[at] for at in below if self.kinds[at] == "date"]
        split = leading_credit(body.split("\n", 1)[0])
        signed = [credit_line(self.lines[at]) for at in range(len(self.lines))]
        credits_ = [credit for credit in (split and split[0], *signed) if credit]
        presses = [credit.press for credit in credits_] + [
            line for line, kind in zip(self.lines, self.kinds, strict=True) if kind == "press"
        ]
        return Draft(
            body=body,
            title=self.lines[title] if title >= 0 else None,
            subtitles=self._subtitles(below) if title >= 0 else (),
            press=next((press.strip(" []<>()") for press in presses if press), None),
            reporters=[name for credit in credits_ for name in credit.reporters],
            section=self._section(title),
            moments=[(stamps.published, "text"), *((line, "text") for line in dates)],
            modified=stamps.modified,
            page_date=next((self.lines[at] for at in above if self.kinds[at] == "date"), None),
            url=next((line for line in self.lines if re.fullmatch(r"https?://\S+", line)), None),
        )

    def _stamps(self) -> Found:
        found = Found()
        for line, kind in zip(self.lines, self.kinds, strict=True):
            found = found | read_stamps(line) if kind == "stamp" else found
        return found

    def _title_at(self) -> int:
        """The line that is the title, chosen by what stands around it, or -1."""
        texts = [at for at, kind in enumerate(self.kinds) if kind == "text"]
        return max(texts, key=self._title_score, default=-1)

    def _title_score(self, at: int) -> tuple[float, int]:
        line, kinds = clean_title(self.lines[at]), self.kinds
        starts_run = at == 0 or kinds[at - 1] != "text"
        after = next((kind for kind in kinds[at + 1 :] if kind not in ("text", "subtitle")), "")
        twins = [
            other
            for other, text in enumerate(self.lines)
            if other != at and clean_title(text) == line
        ]
        score = 4.0 * (at > 0 and kinds[at - 1] == "section")
        score += 3.0 * (kinds[at + 1 : at + 2] == ["subtitle"])
        score += 2.0 * (after in ("stamp", "byline") or (after == "date" and at > 0))
        score += 2.0 * bool(twins) + 1.0 * starts_run + 1.5 * (10 <= len(line) <= 90)
        score -= 3.0 * (len(line) < 6) + 2.0 * bool(_PLAIN_END.search(line))
        return score, at

    def _subtitles(self, below: range) -> list[str]:
        title = clean_title(self.lines[below.start - 1])
        dashed = [self.lines[at] for at in below if self.kinds[at] == "subtitle"]
        plain = [
            self.lines[at]
            for at in below
            if self.kinds[at] == "text" and 8 <= len(self.lines[at]) <= 120
        ]
        return [line for line in dashed or plain if clean_title(line) != title][:5]

    def _section(self, title: int) -> str | None:
        """The section above the title, unless that line is only the last of a menu."""
        at = title - 1
        while at >= 0 and self.kinds[at] == "section":
            at -= 1
        run = self.lines[at + 1 : title] if title > 0 else []
        if run and (len(run) < 3 or run[-1] in run[:-1]):
            return section_name(run[-1])
        crumbs = [line for line in self.lines if re.search(r"[>›»]", line) and section_name(line)]
        alone = [
            self.lines[at]
            for at in range(max(0, title - 3), min(len(self.lines), title + 4))
            if self.kinds[at] == "section"
            and "section" not in (*self.kinds[max(0, at - 1) : at], *self.kinds[at + 1 : at + 2])
        ]
        return next((section_name(line) for line in (*crumbs, *alone)), None)


def _kind(line: str) -> str:
    if _DASHED.match(line):
        return "subtitle"
    if section_name(line):
        return "section"
    rule = boilerplate_rule(line)
    if rule == "caption" and not re.search(r"사진|있다|자료|[ⓒ©\[@]", line):
        return "text"
    if rule is None and is_press(line.strip(" []<>()")):
        return "press"
    return rule or "text"


# --- pages with labels -----------------------------------------------------------------------

_LABELLED = LEXICON.expression(r"[\[<■◆○*]?\s?([가-힣A-Za-z]{1,6})\s?[\]>]?\s?[:：]\s?(.*)")


@cache
def _labels() -> Mapping[str, str]:
    """By label the field that it names."""
    return {label: names[0] for names in LEXICON["fields.page_labels"].sets for label in names}


def _labelled(lines: list[str]) -> Draft | None:
    """The draft of a page whose lines are labelled (``제목: …``, ``기자: …``); None for any other."""
    fields: dict[str, str] = {}
    start = 0
    for at, line in enumerate(lines):
        match = _LABELLED.fullmatch(line) if line else None
        name = _labels().get(match[1]) if match else None
        if line and name is None:
            break
        if match and name:
            fields.setdefault(name, match[2])
        start = at + 1
        if name == "body":
            break
    body = "\n".join([fields.get("body", ""), *lines[start:]])
    if "title" not in fields or not body.strip():
        return None
    return Draft(
        body=body,
        title=fields["title"],
        subtitles=[part for part in re.split(r"\s[/|]\s", fields.get("subtitles", "")) if part],
        press=fields.get("press"),
        reporters=[fields["reporters"]] if "reporters" in fields else [],
        section=fields.get("section"),
        moments=[(fields.get("published"), "text")],
        modified=fields.get("modified"),
        url=fields.get("url"),
        tags=re.split(r"[\s,#]+", fields.get("tags", "")),
    )
