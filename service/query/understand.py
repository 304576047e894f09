"""What a question asks for: by itself, of which articles, of which time.

Names of outlets, sections and reporters that the index has, and expressions of time, become filters.
Nothing of this is silent: ``Interpreted`` shows it all, and a note says where an answer was looked for
beyond what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from re import Pattern

from index import SEOUL, Filters, Hit, Index, Query
from service.korean.lexicon import LEXICON
from service.query import timeframe
from service.query.followup import FollowUps
from service.schema import FoundFilters, Interpreted, Question, QuestionFilters, TimeRange

LATER_DEPTH = 4
"""How many times more stories are fetched where only those that name the time are kept."""

WEAK = 4.0
"""Hits are weak if without the question's conditions there is one that scores so much more, in standard
deviations of the cosine between two passages. Of 37 questions over the sample corpus whose answer meets
their conditions the largest lead is 2.9; of 22 whose answer does not, 14 lead by 4.3 and more."""


@dataclass(frozen=True)
class Scope:
    """Where an answer is looked for.

    ``about``: only in articles that appeared in this time, or that name it. ``fresh_on`` as in
    ``Index.search``. ``note`` tells the reader that this is not what was asked for.
    """

    filters: Filters
    about: TimeRange | None = None
    fresh_on: date | None = None
    note: str | None = None

    def search(self, index: Index, question: str | Query, *, k: int, per_story: int) -> list[Hit]:
        """The best passages of ``k`` stories."""
        if self.about is None:
            return index.search(
                question,
                filters=self.filters,
                k=k,
                per_story=per_story,
                fresh_on=self.fresh_on,
            )
        deep = index.search(question, filters=self.filters, k=k * LATER_DEPTH, per_story=per_story)
        naming = {hit.rank: names for hit in deep if (names := _reports_later(self.about, hit))}
        texts = index.texts([hit for hit in deep if hit.rank in naming])
        hits = [
            hit
            for hit in deep
            if hit.rank not in naming
            or ((text := texts.get(hit.version)) and naming[hit.rank].search(text.body))
        ]
        stories = set(list(dict.fromkeys(hit.article.id for hit in hits))[:k])
        kept = [hit for hit in hits if hit.article.id in stories]
        return [replace(hit, rank=rank) for rank, hit in enumerate(kept, start=1)]


@dataclass(frozen=True)
class Understood:
    """A question as it was understood.

    ``scopes`` are tried in order until one gives an answer. ``beyond``, if there is one, is what the
    question's own conditions leave out: it gives no answer, only the note that there is one. ``query``
    knows what was found already.
    """

    interpreted: Interpreted
    query: Query
    scopes: tuple[Scope, ...]
    beyond: Scope | None = None


class Understander:
    """Understands questions to one index. Safe to use from several threads."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.follow_ups = FollowUps(index.analyser)

    def __call__(
        self, question: Question, *, now: datetime | None = None, rewritten: str | None = None
    ) -> Understood:
        """``now``: the clock for expressions of time; default: that of the question, or the present.

        ``rewritten`` is the question as it stands alone, if somebody else found that out.
        """
        now = now or question.now or datetime.now(SEOUL)
        standalone = rewritten or self.follow_ups.standalone(
            question.question, question.conversation, now=now
        )
        found, topic = self._names(standalone, question.filters)
        # In a corpus without dates a time expression can only be part of the subject.
        dated = self._index.coverage != (None, None)
        asked = timeframe.resolve(standalone, now=now) if dated else None
        fresh_on = None
        if dated and not asked and timeframe.asks_for_recent(standalone):
            fresh_on = now.astimezone(SEOUL).date()
        interpreted = Interpreted(
            standalone_question=topic,
            time_range=asked,
            filters=found if found else None,
            prefers_recent=fresh_on is not None,
        )
        query, given = Query(topic), question.filters.to_filters()
        wanted = found.added_to(given)
        within = _within(wanted, asked, fresh_on)
        if not (asked or found):
            return Understood(interpreted, query, (within,) if within else ())
        beyond = Scope(given, note=_exists_beyond(interpreted))
        later = _later(wanted, asked) if asked and not self._uncovered(asked) else None
        scopes = self._in_order(query, within, later, beyond)
        return Understood(interpreted, query, scopes, beyond)

    def _in_order(
        self, query: Query, within: Scope | None, later: Scope | None, beyond: Scope
    ) -> tuple[Scope, ...]:
        """What meets the conditions first, unless that is weak and what was reported later is not.

        What became of something is reported later, so a question for that looks there at once.
        """
        if within is None or (later and _OUTCOME.search(query.text)):
            return (later,) if later else ()
        enough = self._best(query, beyond) - WEAK * self._index.cosine_spread
        if self._best(query, within) >= enough:
            return (within, later) if later else (within,)
        if later and self._best(query, later) >= enough:
            return (later,)  # has what lies within too
        return (replace(within, note=_WEAK_NOTE), *((later,) if later else ()))

    def _best(self, query: Query, scope: Scope) -> float:
        hits = scope.search(self._index, query, k=1, per_story=1)
        return hits[0].score if hits else float("-inf")

    def _uncovered(self, asked: TimeRange) -> bool:
        """Whether the time lies wholly before or after that of the articles."""
        return is_outside(asked, *self._index.coverage)

    def _names(self, text: str, given: QuestionFilters) -> tuple[FoundFilters, str]:
        """The outlets, sections and reporters that the question limits itself to, and the rest of it.

        What the caller filters by explicitly is not looked for.
        """
        wanted: Mapping[str, Iterable[str]] = {
            "press": () if given.press else _named(text, self._index.presses, _OF_PRESS),
            "section": () if given.section else _named(text, self._index.sections, _OF_SECTION),
            "reporters": () if given.reporters else self._reporters(text),
        }
        found = {field: tuple(dict.fromkeys(names)) for field, names in wanted.items()}
        topic = text
        for field, names in found.items():
            for name in names:
                topic = _pattern(name, _PHRASES[field]).sub("", topic, count=1).strip()
        if topic != text and not self._is_topic(topic):
            topic = text
        return FoundFilters(**found), topic

    def _reporters(self, text: str) -> list[str]:
        names = [match[1] for match in _REPORTER.finditer(text)]
        return [name for name in names if self._index.has_reporter(name)]

    def _is_topic(self, text: str) -> bool:
        """Whether enough is left to search for."""
        words = set(self._index.analyser.morphemes(text)) - LEXICON["wording.requesting"].words
        return bool(words - {"최근", "뭐", "무엇", "나오"})


_SAID = r"(?:보도|취재|작성|게재|소개)(?:한|했던|된)|다룬|전한|쓴|썼던|실은|실린|나온|낸"
_ARTICLES = (
    r"(?:기사|보도|뉴스)(?:(?:들?\s?(?:중|가운데)(?:에서?)?)|에서는?|에는?|의|를|는|로|만)?(?![가-힣])"
    rf"(?:\s(?:{_SAID})(?![가-힣]))?[,\s]*"
)
_SAID_IN = rf"\s?(?:{_SAID})(?![가-힣])\s?(?:{_ARTICLES})?"
_ACCORDING = r"에\s?(?:따르면|의하면)[,\s]*"
_OF_PRESS = rf"(?:(?:이|가|에서|에){_SAID_IN}|{_ACCORDING}|의?\s?{_ARTICLES})"
# 경제 면에서 is "in terms of the economy", 경제면에서 the page of the paper.
_OF_SECTION = rf"(?:면(?:에서는?|에|의)?(?![가-힣])(?:{_SAID_IN})?[,\s]*(?:{_ARTICLES})?|(?:\s?(?:섹션|분야))?의?\s?{_ARTICLES})"
_BY_REPORTER = rf"\s?기자(?:(?:가|이)?{_SAID_IN}|{_ACCORDING}|의?\s?{_ARTICLES})"
_PHRASES = {"press": _OF_PRESS, "section": _OF_SECTION, "reporters": _BY_REPORTER}
_REPORTER = re.compile(rf"(?<![가-힣])([가-힣]{{2,5}}|[A-Z][A-Za-z. ]{{1,30}}){_BY_REPORTER}")


def _named(text: str, names: Iterable[str], phrase: str) -> list[str]:
    """The names that occur in the question as something that articles come from."""
    return [name for name in names if name in text and _pattern(name, phrase).search(text)]


def _pattern(name: str, phrase: str) -> Pattern[str]:
    return re.compile(rf"(?<![가-힣\w]){re.escape(name)}{phrase}")


# -- time ------------------------------------------------------------------------------------


def is_outside(asked: TimeRange, first: date | None, last: date | None) -> bool:
    """Whether the range lies wholly before or after the days from ``first`` to ``last``."""
    return bool(
        (asked.end and first and asked.end < first) or (asked.start and last and asked.start > last)
    )


def _within(filters: Filters, asked: TimeRange | None, fresh_on: date | None) -> Scope | None:
    """The filters, narrowed to the time that the question asks about; None: nothing is left."""
    if asked is None:
        return Scope(filters, fresh_on=fresh_on)
    first, last = _latest(filters.published_from, asked.start), filters.published_to
    last = min((day for day in (last, asked.end) if day), default=None)
    if first and last and first > last:
        return None
    return Scope(replace(filters, published_from=first, published_to=last))


def _later(filters: Filters, asked: TimeRange) -> Scope | None:
    """What was reported later of the time asked about: causes, sums, verdicts, Sunday's games."""
    if not (asked.start and asked.end):
        return None
    first = _latest(filters.published_from, asked.start)
    if first and filters.published_to and first > filters.published_to:
        return None
    note = f"‘{asked.expression}’에 나온 기사와, 그 뒤에 나온 기사 가운데 그때를 말하는 것에서 찾았습니다."
    return Scope(replace(filters, published_from=first), asked, note=note)


def names_of(start: date, end: date, seen_from: date) -> Pattern[str]:
    """How an article of the day ``seen_from`` names an earlier time: its years, its months, or its days
    if they are at most seven, without what a reader of that day knows anyway."""
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    if (start.month, start.day, end.month, end.day) == (1, 1, 12, 31):
        years = [f"{year}년" for year in range(start.year, end.year + 1)]
        return _any_of(years + (["지난해", "작년"] if end.year == seen_from.year - 1 else []))
    few = len(days) <= 7
    names = {
        f"{name} {day.day}일" if few else name
        for day in days
        for name in _names_of_month(day, seen_from)
    }
    if few and (seen_from - end).days < 10:
        names |= {f"{day.day}일" for day in days}
    return _any_of(sorted(names))


def _names_of_month(day: date, seen_from: date) -> list[str]:
    age = (seen_from.year - day.year) * 12 + seen_from.month - day.month
    names = [f"{day.year}년 {day.month}월"]
    names += [f"{day.month}월"] if age < 12 else []
    names += ["지난달"] if age == 1 else []
    names += (
        [f"지난해 {day.month}월", f"작년 {day.month}월"] if seen_from.year == day.year + 1 else []
    )
    return names


def _any_of(names: Iterable[str]) -> Pattern[str]:
    return re.compile(rf"(?<!\d)(?:{'|'.join(names)})")


def _reports_later(asked: TimeRange, hit: Hit) -> Pattern[str] | None:
    """How an article that appeared after a time would name it; None: it did not appear after it."""
    day = hit.article.published_on
    if day is None or asked.start is None or asked.end is None or day <= asked.end:
        return None
    return names_of(asked.start, asked.end, day)


def _latest(*days: date | None) -> date | None:
    return max((day for day in days if day), default=None)


_OUTCOME = re.compile(r"원인|이유|까닭|왜|밝혀|드러났|결론|판결|책임|처벌|결국|이후|그\s?뒤")
_WEAK_NOTE = "조건에 맞는 기사에는 질문에 꼭 맞는 내용이 드뭅니다. 조건 밖의 기사에 더 가까운 내용이 있습니다."


def _exists_beyond(interpreted: Interpreted) -> str:
    conditions = [f"‘{interpreted.time_range.expression}’"] if interpreted.time_range else []
    conditions += (
        [f"‘{name}’" for name in interpreted.filters.names()] if interpreted.filters else []
    )
    joined = ", ".join(conditions)
    return f"{joined} 조건에 맞는 기사에는 답이 없지만, 조건 밖의 기사에는 관련 내용이 있습니다."
