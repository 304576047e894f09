"""What corrects an event as it is told: a notice of the paper, or a later article that says another figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index import AnalysedSentence, Quantity, quantities_in, shared_bigrams, bigrams
from service.sources import Source
from service.timeline.tellings import Event, Telling

Correction = tuple[Source, AnalysedSentence]
"""The sentence that corrects, and the article in which it stands."""


def correction(event: Event, notices: Mapping[str, Source]) -> Correction | None:
    """What corrects the telling that stands for an event; ``notices`` are by the id that articles name them by."""
    named = [
        notices[id]
        for telling in (event.telling, *event.others)
        for id in telling.report.source.article.corrected_by
        if id in notices
    ]
    found = (_of_notice(event.telling, notice) for notice in named)
    return next((c for c in found if c), None) or _of_later(event)


def _of_notice(telling: Telling, notice: Source) -> Correction | None:
    """The sentence of a notice that speaks of a figure of the telling.

    One that speaks of no figure of its article may correct any of it.
    """
    figures = quantities_in(notice.body)
    article = quantities_in(telling.report.source.body)
    if not _shares(figures, article):
        return notice, _nearest(notice, telling.text)
    if not _shares(figures, telling.figures):
        return None
    naming = [s for s in _sentences(notice) if _shares(_figures(notice, s), telling.figures)]
    return (notice, naming[0]) if naming else None


def _of_later(event: Event) -> Correction | None:
    """The latest telling that counts otherwise what this one counts."""
    for other in sorted(event.others, key=lambda t: t.published_on, reverse=True):
        later = other.published_on > event.telling.published_on
        if later and _contradicts(event.telling.figures, other.figures):
            return other.report.source, other.sentence
    return None


def _contradicts(figures: Sequence[Quantity], later: Sequence[Quantity]) -> bool:
    """Whether both count one thing of a kind, and differ in it."""
    for figure in figures:
        mine = [q for q in figures if q.may_rival(figure)]
        its = [q for q in later if q.may_rival(figure)]
        if len(mine) == len(its) == 1 and not its[0].agrees_with(figure):
            return True
    return False


def _shares(some: Sequence[Quantity], others: Sequence[Quantity]) -> bool:
    return any(one.unit and one.agrees_with(other) for one in some for other in others)


def _sentences(notice: Source) -> Sequence[AnalysedSentence]:
    return notice.supplied_sentences()


def _figures(notice: Source, sentence: AnalysedSentence) -> Sequence[Quantity]:
    return quantities_in(notice.body[sentence.start : sentence.end])


def _nearest(notice: Source, text: str) -> AnalysedSentence:
    wanted = bigrams(text)
    return max(
        _sentences(notice),
        key=lambda s: shared_bigrams(wanted, notice.body[s.start : s.end]),
    )
