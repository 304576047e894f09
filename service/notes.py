"""What the reader is told of how an answer came about. Each sentence is said only where it holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from service.events import TimelineEvent
from service.query.understand import Understood
from service.sources import Source

_WISHES = {
    "table": "표로는 답하지 못합니다.",
    "language": "답은 한국어로만 드립니다.",
}


NO_COURSE = "날짜별로 엮을 만큼 사건을 찾지 못해, 경과 대신 답을 찾았습니다."
"""Said where the course of events was asked for, and the articles tell fewer than two events of it."""


def told(
    understood: Understood,
    cited: Sequence[str],
    sources: Sequence[Source],
    beyond: Collection[str],
    *,
    timeline: TimelineEvent | None = None,
    lacks_timeline: bool = False,
) -> str | None:
    """The notes for an answer, or for leads, that cite these articles; None: there is nothing to tell.

    ``beyond`` are the articles that lie outside what the question demands. ``lacks_timeline``: the course of events
    was asked for, and the archive tells none.
    """
    found = [
        note
        for note in (
            _outside(understood, cited, beyond),
            None if timeline else _of_another_time(understood, cited, sources),
            NO_COURSE if lacks_timeline else None,
            _left_out(timeline) if timeline else None,
        )
        if note
    ]
    found += [text for wish, text in _WISHES.items() if wish in understood.utterance.wishes]
    return " ".join(found) or None


def _left_out(timeline: TimelineEvent) -> str | None:
    count = timeline.left_out
    return (
        f"사건이 {count}건 더 있습니다. 기간이나 주제를 좁혀 물으시면 볼 수 있습니다."
        if count
        else None
    )


def _outside(understood: Understood, cited: Sequence[str], beyond: Collection[str]) -> str | None:
    shown = [article for article in cited if article in beyond]
    if not shown:
        return None
    asked, named = understood.interpreted.time_range, understood.interpreted.filters
    conditions = [f"‘{asked.expression}’"] if asked else []
    conditions += [f"‘{name}’" for name in named.names()] if named else []
    return f"{', '.join(conditions)} 조건에 맞는 기사에는 없어, 조건 밖의 기사를 보여 드립니다."


def _of_another_time(
    understood: Understood, cited: Sequence[str], sources: Sequence[Source]
) -> str | None:
    asked, time = understood.interpreted.time_range, understood.asked.time
    if asked is None or time is None or asked.role == "demand" or not cited:
        return None
    by_id = {source.article.key: source for source in sources}
    for article in cited:
        source = by_id.get(article)
        if source is None or source.article.published_on is None:
            return None  # nobody can tell
        if time.covers(source.article.published_on) or time.named_in(
            source.body, source.article.published_on
        ):
            return None
    return f"보여 드리는 기사는 ‘{asked.expression}’에 나온 것이 아니고, 그때를 말하지도 않습니다."
