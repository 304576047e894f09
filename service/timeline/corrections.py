"""What corrects an event as it is told: a notice of the paper, or a later article that says another figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index import AnalysedSentence, Quantity, quantities_in
from service.sources import Source
from service.timeline.tellings import Event, Telling

Correction = tuple[Source, AnalysedSentence]
"""The sentence that corrects, and the article in which it stands."""


def correction(event: Event, notices: Mapping[str, Source]) -> Correction | None:
    """What corrects an event; ``notices`` are by the ids by which articles name them."""
    for telling in (event.telling, *event.others):
        for name in telling.report.source.article.corrected_by:
            found = _of_notice(telling, notices[name]) if name in notices else None
            if found:
                return found
    return _of_later(event)


def _of_notice(telling: Telling, notice: Source) -> Correction | None:
    """The sentence of a notice that says what the article should have said, if the telling is what it is about.

    What an article is written for is; of what else it tells, that which has a figure of the sentence.
    """
    sentences = notice.supplied_sentences()
    if not sentences:
        return None
    printed = quantities_in(telling.report.source.body)
    right = max(sentences, key=lambda s: (len(_new(notice, s, printed)), -s.start))
    is_about = telling.is_lead or _share(_figures(notice, right), telling.figures)
    return (notice, right) if is_about else None


def _new(notice: Source, sentence: AnalysedSentence, printed: Sequence[Quantity]) -> list[Quantity]:
    """The figures of a notice that the article lacks."""
    figures = _figures(notice, sentence)
    return [q for q in figures if q.unit and not any(q.agrees_with(other) for other in printed)]


def _figures(notice: Source, sentence: AnalysedSentence) -> Sequence[Quantity]:
    return quantities_in(notice.body[sentence.start : sentence.end])


def _share(some: Sequence[Quantity], others: Sequence[Quantity]) -> bool:
    return any(one.unit and one.agrees_with(other) for one in some for other in others)


def _of_later(event: Event) -> Correction | None:
    """The latest telling that counts otherwise what this one counts."""
    for other in sorted(event.others, key=lambda t: t.published_on, reverse=True):
        is_later = other.published_on > event.telling.published_on
        if is_later and _contradicts(event.telling.figures, other.figures):
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
