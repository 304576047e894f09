"""Which articles a notice of correction names, by their quoted titles.

Every article is labelled with its plain title, every notice with those that it names; so either may
come first, or change, and the pairs that it takes part in are found when it is written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from index.documents import Article, ArticleHeader
from index.protocols import EngineWriter, Links

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


def own_label(plain: str) -> str:
    """The label of articles that have this plain title."""
    return f"title:{plain}"


def named_label(plain: str) -> str:
    """The label of notices that name this plain title."""
    return f"names:{plain}"


def title_labels(article: Article) -> frozenset[str]:
    """What an article is labelled with: its own title, and those that it names."""
    named = titles_corrected(article.title, article.body)
    return frozenset({own_label(plain_title(article.title)), *map(named_label, named)})


def corrections_with(articles: Sequence[Article], writer: EngineWriter) -> dict[str, Links]:
    """What each of the articles corrects, and what corrects it, once they are put."""
    titles = {article.key: plain_title(article.title) for article in articles}
    named = {article.key: titles_corrected(article.title, article.body) for article in articles}
    wanted = {named_label(title) for title in titles.values()}
    wanted |= {own_label(plain) for plains in named.values() for plain in plains}
    known = _Known(articles, writer.labelled(wanted) if wanted else {})
    return {
        article.key: Links(
            corrects=_ids(
                wrong
                for plain in named[article.key]
                for wrong in known.labelled(own_label(plain))
                if _corrects(article, wrong)
            ),
            corrected_by=_ids(
                notice
                for notice in known.labelled(named_label(titles[article.key]))
                if _corrects(notice, article)
            ),
        )
        for article in articles
    }


class _Known:
    """The articles of a batch, and beside them those of the store."""

    def __init__(
        self, batch: Sequence[Article], stored: Mapping[str, Sequence[ArticleHeader]]
    ) -> None:
        self._stored, self._ids = stored, {article.key for article in batch}
        self._batch: defaultdict[str, list[ArticleHeader]] = defaultdict(list)
        for article in batch:
            for label in title_labels(article):
                self._batch[label].append(article)

    def labelled(self, label: str) -> Iterable[ArticleHeader]:
        yield from (h for h in self._stored.get(label, ()) if h.key not in self._ids)
        yield from self._batch.get(label, ())


def _corrects(notice: ArticleHeader, wrong: ArticleHeader) -> bool:
    """Whether a notice that names an article's title means this one."""
    if notice.key == wrong.key or notice.press != wrong.press:
        return False
    if notice.published_at is None or wrong.published_at is None:
        return False
    return timedelta(0) <= notice.published_at - wrong.published_at <= timedelta(days=MAX_DAYS)


def _ids(articles: Iterable[ArticleHeader]) -> tuple[str, ...]:
    return tuple(sorted({article.key for article in articles}))
