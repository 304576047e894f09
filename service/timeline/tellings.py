"""The events that reports tell, one for each day of each report, and those of several reports brought together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from index import AnalysedSentence, KoreanAnalyser, Mention, Quantity, mentions, quantities_in
from service.sources import Idf
from service.timeline.dating import Dated, dated, published
from service.timeline.topic import MENTIONS, Report

SAME_EVENT = 0.3
"""The share of their words, by rarity, that two tellings of an event at about the same time have in common."""
SAME_DAY = 0.1
"""The same where both state the same one day."""
SAME_PAST = 0.12
"""The same where a later article names a longer time, in which the other lies: it looks back."""
ABOUT = timedelta(days=2)
"""How far a day of publication may lie from that of the event."""
NEWS = timedelta(days=3)
"""How old news is at most when it is reported."""
MIN_CHARS = 15
"""Shorter sentences are headings and bylines."""


@dataclass(frozen=True)
class Telling:
    """A sentence that tells an event, and the day on which its article appeared.

    ``share``: how much of the topic it has. ``is_lead``: it tells what its article is written for.
    """

    report: Report
    sentence: AnalysedSentence
    dated: Dated
    published_on: date
    share: float
    is_lead: bool = False

    @property
    def text(self) -> str:
        """The article's own words."""
        return self.report.source.body[self.sentence.start : self.sentence.end]

    @cached_property
    def figures(self) -> tuple[Quantity, ...]:
        """What it counts; dates are none."""
        dates = mentions(self.text, self.published_on)
        return tuple(
            q
            for q in quantities_in(self.text)
            if q.unit and not any(m.start < q.end and q.start < m.end for m in dates)
        )

    @property
    def is_news(self) -> bool:
        """Whether it says that it happened on one of the days before its article appeared."""
        age = self.published_on - self.dated.days.first
        return _is_one_day(self) and not self.dated.planned and age <= NEWS

    @property
    def preference(self) -> tuple[object, ...]:
        """Before which others it stands for their event: what happened before what is planned, the lead, the most
        exact, the first to tell."""
        return (
            self.dated.planned,
            not self.is_lead,
            self.dated.width,
            self.published_on,
            self.report.source.article.key,
            self.sentence.start,
        )


@dataclass(frozen=True)
class Event:
    """What happened once: the telling that stands for it, and the others."""

    telling: Telling
    others: tuple[Telling, ...] = ()


def tellings(report: Report, analyser: KoreanAnalyser) -> list[Telling]:
    """The events of a report: of an article about the topic its news, and one for each other time that it names;
    of another article the one sentence that says most of the topic."""
    day = report.source.article.published_on
    if day is None:
        return []
    told = list(_told(report, day, analyser))
    if not report.is_central:
        speaking = [t for t in told if t.dated.is_stated or t.figures]
        return sorted(
            speaking,
            key=lambda t: (not t.is_news, -t.share, not t.dated.is_stated, t.sentence.start),
        )[:1]
    by_days: dict[object, Telling] = {}
    for telling in _with_lead(told):
        by_days.setdefault(telling.dated.days, telling)
    return list(by_days.values())


def _told(report: Report, day: date, analyser: KoreanAnalyser) -> Iterator[Telling]:
    """The sentences of a report that may tell an event of the topic, with their dates."""
    source = report.source
    named = mentions(source.body, day)
    that_day = None
    for sentence in report.sentences:
        text = source.body[sentence.start : sentence.end]
        share = report.share(sentence)
        if not _is_sentence(text) or not (report.is_central or share >= MENTIONS):
            continue
        own = [_shifted(m, sentence.start) for m in named if _is_within(m, sentence)]
        when = dated(text, own, analyser.tokens(text), day, that_day)
        telling = Telling(report, sentence, when or published(day), day, share)
        if telling.is_news:
            that_day = that_day or telling.dated
        yield telling


def _with_lead(told: Sequence[Telling]) -> list[Telling]:
    """What an article is written for, then what else it dates.

    It is the first sentence, or where that names no day, the first that names one of the days before publication:
    papers begin with a picture, and tell what happened in the sentence behind it.
    """
    if not told:
        return []
    first = told[0]
    lead = first if _is_one_day(first) else next((t for t in told if t.is_news), None)
    if lead is None:
        is_plan = first.dated.planned
        lead = first if is_plan else replace(first, dated=published(first.published_on))
    lead = replace(lead, is_lead=True)
    return [lead, *(t for t in told[1:] if t.sentence != lead.sentence and _is_dated(t))]


def _is_dated(telling: Telling) -> bool:
    """Whether a sentence in passing dates an event: by a day that was, or else near to the question."""
    if not telling.dated.is_stated:
        return False
    is_past_day = _is_one_day(telling) and not telling.dated.planned
    return is_past_day or telling.report.is_near(telling.sentence)


def _is_sentence(text: str) -> bool:
    return len(text) >= MIN_CHARS and text.rstrip("”’\"' ").endswith((".", "다", "요"))


def _is_within(mention: Mention, sentence: AnalysedSentence) -> bool:
    return sentence.start <= mention.start and mention.end <= sentence.end


def _shifted(mention: Mention, by: int) -> Mention:
    return Mention(mention.text, mention.start - by, mention.grain, mention.readings)


# -- one per event ---------------------------------------------------------------------------


def events(told: Sequence[Telling], idf: Idf) -> list[Event]:
    """One for each event, in the order in which they took place."""
    weights = idf({m for telling in told for m in telling.sentence.morphemes})
    groups: list[list[Telling]] = []
    for telling in sorted(told, key=lambda t: t.preference):
        alike = (g for g in groups if _is_same(g[0], telling, weights))
        if (group := next(alike, None)) is not None:
            group.append(telling)
        else:
            groups.append([telling])
    found = [Event(group[0], tuple(group[1:])) for group in groups]
    return sorted(found, key=_place)


def _place(event: Event) -> tuple[object, ...]:
    days = event.telling.dated.days
    return days.first, days.last, event.telling.preference


def _is_same(one: Telling, other: Telling, weights: Mapping[str, float]) -> bool:
    if one.report is other.report:
        return False
    common = likeness(one, other, weights)
    if _is_one_day(one) and one.dated.days == other.dated.days:
        return common >= SAME_DAY
    if _looks_back(one, other) or _looks_back(other, one):
        return common >= SAME_PAST
    return _is_about(one, other) and common >= SAME_EVENT


def _looks_back(later: Telling, other: Telling) -> bool:
    """Whether a later article names the time, longer than a day, in which the other's event lies."""
    a, b = later.dated.days, other.dated.days
    is_later = later.published_on > other.published_on and not later.dated.planned
    return is_later and later.dated.is_stated and a.first < a.last and a.first <= b.first <= a.last


def _is_one_day(telling: Telling) -> bool:
    return telling.dated.is_stated and not telling.dated.width


def _is_about(one: Telling, other: Telling) -> bool:
    """Whether both may be of one time; a day of publication may be some days late."""
    slack = timedelta() if one.dated.is_stated and other.dated.is_stated else ABOUT
    a, b = one.dated.days, other.dated.days
    return a.first - slack <= b.last and b.first - slack <= a.last


def likeness(one: Telling, other: Telling, weights: Mapping[str, float]) -> float:
    """The weight of the words that two tellings share, beside their topic, of the one that has less."""
    topic = one.report.topic.weights.keys()
    mine, its = set(one.sentence.morphemes) - topic, set(other.sentence.morphemes) - topic
    least = min(_weight(mine, weights), _weight(its, weights))
    return _weight(mine & its, weights) / least if least else 0.0


def _weight(words: set[str], weights: Mapping[str, float]) -> float:
    return sum(weights.get(word, 0.0) for word in words)
