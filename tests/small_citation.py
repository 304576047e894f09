"""A citation for tests of what doors make of one."""

from __future__ import annotations

from typing import Any

from service.schema import Citation

QUOTE = "총사업비는 4,820억 원으로"


def citation(number: int = 1, **fields: Any) -> Citation:
    """A citation of ``QUOTE``, which is all of its article; ``fields`` replace others."""
    return Citation(
        **{
            "number": number,
            "article_id": f"a{number}",
            "title": f"기사 {number}",
            "press": "해담일보",
            "published_at": "2025-05-14T09:00:00+09:00",
            "url": f"https://haedam.example/{number}",
            "quote": QUOTE,
            "start": 0,
            "end": len(QUOTE),
        }
        | fields
    )
