"""Which articles a notice of correction names, by their quoted titles."""

from __future__ import annotations

import re

MAX_DAYS = 60
"""A notice corrects an article of its own paper published at most so many days before it."""

_MIN_TITLE_CHARS = 8  # shorter quotations are words that were wrong, not titles

_NOTICE_TITLE = re.compile(r"바로\s?잡습니다|바로\s?잡음|정정\s?보도|정정합니다|\[\s*(?:정정|알림)")
_NOTICE_BODY = re.compile(r"바로\s?잡습니다|정정\s?보도\s?(?:문|합니다|를 게재)|정정합니다")
_QUOTED = [
    re.compile(f"{opening}([^{opening}{closing}\n]+){closing}")
    for opening, closing in ("‘’", "“”", "「」", "『』", "〈〉", "《》", "<>", "''", '""')
]


def plain_title(title: str) -> str:
    """A title as it is compared: letters and digits alone, small."""
    return "".join(filter(str.isalnum, title)).lower()


def titles_corrected(title: str, body: str) -> frozenset[str]:
    """What could be titles, plain, in a notice of correction; empty for any other article."""
    if not (_NOTICE_TITLE.search(title) or _NOTICE_BODY.search(body)):
        return frozenset()
    text = f"{title}\n{body}"
    quoted = {plain_title(found) for pattern in _QUOTED for found in pattern.findall(text)}
    return frozenset(plain for plain in quoted if len(plain) >= _MIN_TITLE_CHARS)
