"""What the archive could not tell its readers, by topic: which articles are missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from pydantic import BaseModel, ConfigDict

from index import KoreanAnalyser
from service.korean.lexicon import LEXICON
from service.schema import Status
from service.serving.feedback import FeedbackStore, Missed
from service.sources import Idf

NOUN_TAGS = frozenset({"NNG", "NNP", "XR", "SL", "SH"})
"""Kiwi's tags of what a topic may be named after."""

SAME_TOPIC = 0.35
"""Cosine of a question's words with those of a topic, weighted by rarity, from which it belongs there."""

LABEL_TERMS = 3
MOST_TOPICS, MOST_QUESTIONS, MOST_ARTICLES = 100, 20, 3
"""What is told at most: topics, questions of each, and articles near each question."""

Words = Mapping[str, float]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class NearArticle(_Value):
    """An article that the answer cited, or that stood in its place."""

    article_id: str
    source: str
    title: str
    press: str | None


class MissedQuestion(_Value):
    """A question of a topic. ``status`` is that of its answer, ``rated_down`` whether a reader disapproved of it."""

    question: str
    status: Status
    rated_down: bool
    times: int
    last_day: date
    comment: str | None
    nearest: tuple[NearArticle, ...]


class Topic(_Value):
    """Questions with the same rare words, most often put first; ``label`` joins the words that most of them share."""

    label: str
    times: int
    questions: tuple[MissedQuestion, ...]


class Desk(_Value):
    """The topics of the last ``days``, today included, largest first.

    ``keeps_unanswered`` tells whether questions without an answer are kept at all (GISA_DESK_DAYS); ``rated_down`` and
    ``unanswered`` count all of them, those of topics that are not listed too.
    """

    days: int
    keeps_unanswered: bool
    rated_down: int
    unanswered: int
    topics: tuple[Topic, ...]


def desk_of(store: FeedbackStore, days: int, analyser: KoreanAnalyser, idf: Idf) -> Desk:
    """What was missed in the last ``days``, by topic. Raises FeedbackUnavailable."""
    missed = store.missed(days)
    return Desk(
        days=days,
        keeps_unanswered=store.desk_days > 0,
        rated_down=sum(one.times for one in missed if one.is_rated_down),
        unanswered=sum(one.times for one in missed if not one.is_rated_down),
        topics=tuple(topics(missed, analyser, idf)[:MOST_TOPICS]),
    )


@dataclass
class _Group:
    """Questions of one topic, and the sum of their words' weights."""

    members: list[Missed] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)

    def add(self, one: Missed, words: Words) -> None:
        self.members.append(one)
        for word, weight in words.items():
            self.words[word] += weight  # type: ignore[assignment]  # a Counter adds fractions as well


def topics(missed: Sequence[Missed], analyser: KoreanAnalyser, idf: Idf) -> list[Topic]:
    """Each question joins the topic that its words are nearest to, or opens one; the largest first.

    Leader clustering: one pass, those put most often first, so that equal input gives equal topics.
    """
    groups: list[_Group] = []
    for one in sorted(missed, key=lambda m: (-m.times, m.question)):
        words = _words(one.question, analyser, idf)
        best = max(groups, key=lambda group: _cosine(words, group.words), default=None)
        if best is None or _cosine(words, best.words) < SAME_TOPIC:
            best = _Group()
            groups.append(best)
        best.add(one, words)
    told = map(_topic, groups)
    return sorted(told, key=lambda topic: (-topic.times, topic.label))


def _words(question: str, analyser: KoreanAnalyser, idf: Idf) -> Words:
    """The nouns that a question is about, with their rarity."""
    nouns = {t.form.lower() for t in analyser.tokens(question) if t.tag in NOUN_TAGS}
    told = (
        m
        for m in analyser.morphemes(question)
        if m in nouns and m not in LEXICON["questions.not_topics"]
    )
    return idf(list(told))


def _cosine(one: Words, other: Words) -> float:
    shared = sum(weight * other[word] for word, weight in one.items() if word in other)
    lengths = math.sqrt(sum(w * w for w in one.values()) * sum(w * w for w in other.values()))
    return shared / lengths if lengths else 0.0


def _topic(group: _Group) -> Topic:
    label = " ".join(word for word, _ in group.words.most_common(LABEL_TERMS))
    return Topic(
        label=label or group.members[0].question,
        times=sum(one.times for one in group.members),
        questions=tuple(map(_question, group.members[:MOST_QUESTIONS])),
    )


def _question(one: Missed) -> MissedQuestion:
    articles = {
        c.key: NearArticle(article_id=c.article_id, source=c.source, title=c.title, press=c.press)
        for c in one.citations
    }
    return MissedQuestion(
        question=one.question,
        status=one.status,
        rated_down=one.is_rated_down,
        times=one.times,
        last_day=one.day,
        comment=one.comment,
        nearest=tuple(articles.values())[:MOST_ARTICLES],
    )
