"""Citations for other programs: plain text, Markdown, BibTeX, CSL-JSON and CSV.

Whatever the form, an entry gives the exact words, the title, outlet, reporters, day, address, and how the article is
named here. BibTeX and CSL-JSON, which describe works rather than passages, have one entry an article and its words
as a note. https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from index import SEOUL
from service.schema import Citation
from service.wording import UNKNOWN_PRESS

Form = Literal["text", "markdown", "bibtex", "csl-json", "csv"]

FILE_STEM = "citations"
_MARKDOWN_SIGNS = re.compile(r"[\\`*_{}\[\]<>#|~]")
_BIBTEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "{}%&$#_"},
}
_BIBTEX_SIGN = re.compile("|".join(map(re.escape, _BIBTEX_SIGNS)))
_FORMULA = re.compile(r"\s*[=+\-@|%]")
"""What spreadsheets take for a formula at the beginning of a cell. https://owasp.org/www-community/attacks/CSV_Injection"""


@dataclass(frozen=True)
class Exported:
    """A file: its text, the name to save it under, and its media type."""

    text: str
    filename: str
    media_type: str


def export(citations: Sequence[Citation], form: Form) -> Exported:
    """The citations in a form, in their order."""
    write, ending, media_type = _FORMS[form]
    return Exported(write(citations), f"{FILE_STEM}.{ending}", media_type)


# -- for readers -----------------------------------------------------------------------------------


def _text(citations: Sequence[Citation]) -> str:
    entries = (f"“{_words(c)}”\n— {', '.join([c.title, *_facts(c)])}\n" for c in citations)
    return "\n".join(entries)


def _markdown(citations: Sequence[Citation]) -> str:
    return "\n".join(map(_markdown_entry, citations))


def _markdown_entry(citation: Citation) -> str:
    title = _plain_markdown(citation.title)
    address = _address(citation)
    # Within < > an address may hold brackets and spaces, but no angle brackets.
    named = f"[{title}](<{re.sub(r'[<>]', '', address)}>)" if address else title
    told = [_plain_markdown(fact) for fact in _facts(citation) if fact != address]
    return f"> “{_plain_markdown(_words(citation))}”\n>\n> — {', '.join([named, *told])}\n"


def _plain_markdown(text: str) -> str:
    return _MARKDOWN_SIGNS.sub(lambda sign: f"\\{sign[0]}", text)


def _facts(citation: Citation) -> Iterator[str]:
    """Outlet, day, reporters, page and address, as far as they are known."""
    yield citation.press or UNKNOWN_PRESS
    if day := _day(citation):
        yield day
    if citation.reporters:
        yield f"{' · '.join(citation.reporters)} 기자"
    if citation.page is not None:
        yield f"{citation.page}쪽"
    if address := _address(citation):
        yield address


# -- for programs ----------------------------------------------------------------------------------


def _csv(citations: Sequence[Citation]) -> str:
    """With a byte order mark, by which Excel knows UTF-8."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(
        [
            "quote",
            "title",
            "press",
            "published",
            "reporters",
            "url",
            "page",
            "article",
            "start",
            "end",
        ]
    )
    for c in citations:
        told = [_words(c), c.title, c.press or "", _day(c), "; ".join(c.reporters), _address(c)]
        place = ["" if c.page is None else str(c.page), c.reference, str(c.start), str(c.end)]
        rows.writerow(map(_cell, [*told, *place]))
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + written.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _csl_json(citations: Sequence[Citation]) -> str:
    works = [_csl(key, cited) for key, cited in _works(citations)]
    return json.dumps(works, ensure_ascii=False, indent=2) + "\n"


def _csl(key: str, cited: Sequence[Citation]) -> dict[str, Any]:
    first, published = cited[0], _published(cited[0])
    told = {
        "id": key,
        "type": "article-newspaper",
        "title": first.title,
        "container-title": first.press,
        "author": [{"literal": name} for name in first.reporters],
        "issued": {"date-parts": [[published.year, published.month, published.day]]}
        if published
        else None,
        "URL": _address(first),
        "page": ", ".join(_pages(cited)),
        "language": "ko",
        "note": _note(cited),
    }
    return {name: value for name, value in told.items() if value}


def _bibtex(citations: Sequence[Citation]) -> str:
    return "\n".join(_bibtex_entry(key, cited) for key, cited in _works(citations))


def _bibtex_entry(key: str, cited: Sequence[Citation]) -> str:
    first, published = cited[0], _published(cited[0])
    # Braces around a name keep it whole: it is no «first name, last name» in Korean.
    authors = " and ".join(f"{{{_tex(name)}}}" for name in first.reporters)
    fields = {
        "author": authors,
        "title": f"{{{_tex(first.title)}}}",
        "journal": _tex(first.press or ""),
        "year": str(published.year) if published else "",
        "month": str(published.month) if published else "",
        "date": _day(first),
        "url": _address(first).translate({ord(sign): f"%{ord(sign):02X}" for sign in "{}\\ "}),
        "pages": ", ".join(_pages(cited)),
        "note": _tex(_note(cited)),
        "langid": "korean",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@article{{{key},", *lines, "}", ""])


def _tex(text: str) -> str:
    return _BIBTEX_SIGN.sub(lambda sign: _BIBTEX_SIGNS[sign[0]], " ".join(text.split()))


def _works(citations: Sequence[Citation]) -> Iterator[tuple[str, list[Citation]]]:
    """Each article once, under a key of plain letters and digits, with what is cited from it."""
    by_article: dict[str, list[Citation]] = {}
    for citation in citations:
        by_article.setdefault(citation.key, []).append(citation)
    for number, cited in enumerate(by_article.values(), 1):
        day = _day(cited[0]).replace("-", "") or "undated"
        yield f"news{day}-{number}", cited


def _note(cited: Sequence[Citation]) -> str:
    return " ".join(f"“{_words(citation)}”" for citation in cited)


def _pages(cited: Sequence[Citation]) -> list[str]:
    return [str(page) for page in sorted({c.page for c in cited if c.page is not None})]


# -- what a citation says --------------------------------------------------------------------------


def _words(citation: Citation) -> str:
    return " … ".join(" ".join(quote.text.split()) for quote in citation.quotes)


def _published(citation: Citation) -> datetime | None:
    return citation.published_at.astimezone(SEOUL) if citation.published_at else None


def _day(citation: Citation) -> str:
    published = _published(citation)
    return f"{published:%Y-%m-%d}" if published else ""


def _address(citation: Citation) -> str:
    """The article's own address, if it is one of the web."""
    url = citation.url or ""
    return url if re.match(r"https?://\S+$", url, re.IGNORECASE) else ""


_FORMS: dict[Form, tuple[Callable[[Sequence[Citation]], str], str, str]] = {
    "text": (_text, "txt", "text/plain"),
    "markdown": (_markdown, "md", "text/markdown"),
    "bibtex": (_bibtex, "bib", "application/x-bibtex"),
    "csl-json": (_csl_json, "json", "application/vnd.citationstyles.csl+json"),
    "csv": (_csv, "csv", "text/csv"),
}
