"""What a question asks for: by itself, of which articles, of which time.

How it is put is set apart first (``service.query.utterance``). What it names beside its topic, a time, an outlet,
a section, a reporter, is a *preference*: articles that fit rise, none is excluded, since the day of publication is
not the day of the event, and people remember wrongly where they read something. It is a *demand* only where news of
a period is what is asked for. ``Interpreted`` shows all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from re import Pattern
from typing import Literal

from index import SEOUL, Filters, Index, Preferences, Query
from service.korean.lexicon import LEXICON
from service.query import timeframe, utterance
from service.query.asked import Asked, AskedTime
from service.query.course import asks_for_course
from service.query.followup import FollowUps
from service.query.utterance import Utterance
from service.schema import FoundFilters, Interpreted, Question, QuestionFilters, TimeRange, Turn

Role = Literal["preference", "demand"]

WRITTEN_IN_ONE = 14
"""Characters without a blank that hardly any Korean word has with its particles."""


@dataclass(frozen=True)
class Understood:
    """A question as it was understood.

    ``query`` is what is searched for, with what is preferred; ``filters`` hold what is demanded, ``given`` those of
    them that the caller demands. ``utterance`` tells how it was put.
    """

    interpreted: Interpreted
    utterance: Utterance
    query: Query
    asked: Asked
    filters: Filters
    given: Filters
    is_possible: bool = True
    """Whether the caller's filters and the question's demand can both be met."""
    asks_for_course: bool = False
    """Whether its words ask for the course of events."""


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
        put = utterance.read(self._spaced(rewritten or question.question), self._index.analyser)
        standalone = rewritten or self._standalone(put, question, now)
        given = question.filters.to_filters()
        found, topic = self._names(standalone, put.context, question.filters)
        asked = self._time(standalone, now)
        beside = None if asked else self._time(put.context, now)
        for_news = _asks_for_news(standalone, asked) or _requests_news(put.request, asked)
        role: Role = "demand" if for_news else "preference"
        conditions = _conditions(asked or beside, found)
        wanted, possible = given, True
        if role == "demand":
            both = given.narrowed(conditions)
            wanted, possible = (given, False) if both is None else (both, True)
        fresh_on = None
        if asked is None and self._is_dated and timeframe.asks_for_recent(standalone):
            fresh_on = now.astimezone(SEOUL).date()
        text = _without(topic, asked)
        time = _asked_time(asked) if asked else None
        preferences = Preferences(
            filters=conditions if role == "preference" else Filters(),
            names_time=time.named_in if time and role == "preference" else None,
            fresh_on=fresh_on,
        )
        named_time = asked or beside
        interpreted = Interpreted(
            standalone_question=topic,
            time_range=named_time.model_copy(update={"role": role}) if named_time else None,
            filters=found.model_copy(update={"role": role}) if found else None,
            prefers_recent=fresh_on is not None,
        )
        query = Query(text, beside=_without(put.context, beside), preferences=preferences)
        index = self._index
        parsed = Asked.of(
            text,
            index.analyser,
            index.idf,
            time=time,
            spellings=index.spellings(query),
            request=put.request,
        )
        by_course = asks_for_course(put.request, index.analyser, beside=put.context)
        return Understood(interpreted, put, query, parsed, wanted, given, possible, by_course)

    def _spaced(self, text: str) -> str:
        """The text, with blanks where it was written in one."""
        longest = max(map(len, text.split()), default=0)
        return self._index.analyser.spaced(text) if longest >= WRITTEN_IN_ONE else text

    def _standalone(self, put: Utterance, question: Question, now: datetime) -> str:
        """The core with what it lacks: from what was said beside it, else from the conversation."""
        beside = [Turn(role="user", content=put.context)] if put.context else []
        alone = self.follow_ups.standalone(put.core, beside, now=now)
        if alone != put.core:
            return alone
        return self.follow_ups.standalone(put.core, question.conversation, now=now)

    @property
    def _is_dated(self) -> bool:
        return self._index.coverage != (None, None)

    def _time(self, text: str, now: datetime) -> TimeRange | None:
        # In a corpus without dates a time expression can only be part of the subject.
        return timeframe.resolve(text, now=now) if self._is_dated else None

    def _names(self, core: str, context: str, given: QuestionFilters) -> tuple[FoundFilters, str]:
        """The outlets, sections and reporters that are named as where something was read, and the core without them.

        What the caller filters by explicitly is not looked for.
        """
        found: dict[str, tuple[str, ...]] = {}
        topic = core
        for field, names in (
            ("press", () if given.press else self._index.presses),
            ("section", () if given.section else self._index.sections),
            ("reporters", () if given.reporters else None),
        ):
            phrase = _PHRASES[field]
            both = f"{core}\n{context}"
            known = self._reporters(both) if names is None else _named(both, names, phrase)
            found[field] = tuple(dict.fromkeys(known))
            for name in found[field]:
                topic = _pattern(name, phrase).sub("", topic, count=1).strip()
        if topic != core and not self._is_topic(topic):
            topic = core
        return FoundFilters(**found), topic  # type: ignore[arg-type]

    def _reporters(self, text: str) -> list[str]:
        names = [match[1] for match in _REPORTER.finditer(text)]
        return [name for name in names if self._index.has_reporter(name)]

    def _is_topic(self, text: str) -> bool:
        """Whether enough is left to search for."""
        words = set(self._index.analyser.morphemes(text)) - LEXICON["wording.requesting"].words
        return bool(words - _ABOUT_ARTICLES)


_SAID = r"(?:보도|취재|작성|게재|소개)(?:한|했던|된)|다룬|전한|쓴|썼던|실은|실린|나온|낸|본|읽은"
_ARTICLES = (
    r"(?:기사|보도|뉴스)(?:(?:들?\s?(?:중|가운데)(?:에서?)?)|에서는?|에는?|의|를|는|로|만)?(?![가-힣])"
    rf"(?:\s(?:{_SAID})(?![가-힣]))?[,\s]*"
)
_SAID_IN = rf"\s?(?:{_SAID})(?![가-힣])\s?(?:{_ARTICLES})?"
_SEEN_IN = (
    r"(?:에서|에|를|을)?\s?(?:봤|보았|읽었|읽은|본|보니|보다|봐|났|실렸|나왔|나온)[가-힣]*[,\s]*"
)
_ACCORDING = r"에\s?(?:따르면|의하면)[,\s]*"
_OF_PRESS = rf"(?:(?:이|가|에서|에){_SAID_IN}|{_ACCORDING}|{_SEEN_IN}|의?\s?{_ARTICLES}|(?:이?었나|였나|인지|였는지|이었는지)[,\s]*)"
# 경제 면에서 is "in terms of the economy", 경제면에서 the page of the paper.
_OF_SECTION = rf"(?:면(?:에서는?|에|의|을|이)?(?![가-힣])(?:{_SAID_IN})?[,\s]*(?:{_ARTICLES})?(?:{_SEEN_IN})?|(?:\s?(?:섹션|분야))?의?\s?{_ARTICLES})"
_BY_REPORTER = rf"\s?기자(?:(?:가|이)?{_SAID_IN}|{_ACCORDING}|의?\s?{_ARTICLES}|의?\s?기사[가-힣]*\s?|(?:가|이)\s?[가-힣\s]{{0,20}}쓴\s?)"
_PHRASES = {"press": _OF_PRESS, "section": _OF_SECTION, "reporters": _BY_REPORTER}
_REPORTER = re.compile(rf"(?<![가-힣])([가-힣]{{2,5}}|[A-Z][A-Za-z. ]{{1,30}}){_BY_REPORTER}")
_ABOUT_ARTICLES = frozenset("최근 뭐 무엇 나오".split())


def _named(text: str, names: Iterable[str], phrase: str) -> list[str]:
    """The names that occur in the question as something that articles come from."""
    return [name for name in names if name in text and _pattern(name, phrase).search(text)]


def _pattern(name: str, phrase: str) -> Pattern[str]:
    return re.compile(rf"(?<![가-힣\w]){re.escape(name)}{phrase}")


# -- time ------------------------------------------------------------------------------------

_NEWS = r"(?:뉴스|소식|기사|보도)(?:들)?"
_OF_A_PERIOD = re.compile(
    rf"\s?(?:에|의|자|날짜)?\s?(?:(?:나온|나간|난|실린|보도된|발행된|쓴)\s)?(?:[가-힣]+\s){{0,2}}{_NEWS}"
    r"(?=\s|$|[?.!,]|을|를|은|는|이\s|가\s|만|좀|\s?(?:중|가운데|에서))"
)
_REQUESTS_NEWS = re.compile(
    rf"{_NEWS}(?:을|를|은|는|이|가|엔|에는|좀|만)?(?:\s[가-힣]{{1,2}})?\s*(?:요약|정리|알려|찾|보여|뭐|무엇|있|어떤|말해|추려|모아|목록|없|$|[?.!])"
)
_ASKS_FOR_NEWS = re.compile(rf"{_REQUESTS_NEWS.pattern}|무슨\s?일|요약해|정리해")
_SPECIFIC = re.compile(r"누구|누가|언제|며칠|어디|왜|이유|얼마|몇|어떻게|어느")


def _asks_for_news(text: str, asked: TimeRange | None) -> bool:
    """Whether news of a period is what is asked for: «어제 뉴스 요약해줘», «9월 보도 가운데 …»."""
    if asked is None:
        return False
    behind = (
        text[text.find(asked.expression) + len(asked.expression) :]
        if asked.expression in text
        else ""
    )
    of_period = _OF_A_PERIOD.match(behind)
    if of_period and re.match(r"\s?(?:들)?\s?(?:중|가운데|에서)", behind[of_period.end() :]):
        return True
    return bool(
        asked.expression in text and _ASKS_FOR_NEWS.search(text) and not _SPECIFIC.search(text)
    )


def _requests_news(request: str, asked: TimeRange | None) -> bool:
    """The same of the frame of a request, in which 정리해 may mean an answer: «지난주 나온 트램 기사 정리해줘»."""
    return bool(
        asked
        and asked.expression in request
        and _REQUESTS_NEWS.search(request)
        and not _SPECIFIC.search(request)
    )


def is_outside(asked: TimeRange, first: date | None, last: date | None) -> bool:
    """Whether the range lies wholly before or after the days from ``first`` to ``last``."""
    return bool(
        (asked.end and first and asked.end < first) or (asked.start and last and asked.start > last)
    )


def _conditions(asked: TimeRange | None, named: FoundFilters) -> Filters:
    """What the question names, as conditions on articles."""
    filters = named.to_filters()
    return (
        replace(filters, published_from=asked.start, published_to=asked.end) if asked else filters
    )


def _without(text: str, asked: TimeRange | None) -> str:
    """The text without the expression of time that was understood; as it is if nothing else is left."""
    if asked is None or asked.expression not in text:
        return text
    rest = re.sub(
        rf"\s?{re.escape(asked.expression)}(?:에는|에도|에|의|부터|까지|엔|자|쯤|경)?(?=\s|$|[,?.])\s?",
        " ",
        text,
        count=1,
    )
    return rest.strip() if re.search(r"\w", rest) else text


def _asked_time(asked: TimeRange) -> AskedTime:
    start, end = asked.start, asked.end

    def named_in(text: str, published_on: date | None) -> bool:
        if start is None or end is None:
            return False
        return bool(names_of(start, end, published_on or end).search(text))

    return AskedTime(start, end + _delay(asked) if end else None, named_in)


def _delay(asked: TimeRange) -> timedelta:
    """How much later reports of a time appear: days after a day, weeks after a year."""
    if not (asked.start and asked.end):
        return timedelta()
    return min(max(2 * (asked.end - asked.start), timedelta(days=7)), timedelta(days=60))


@lru_cache(maxsize=1_024)
def names_of(start: date, end: date, seen_from: date) -> Pattern[str]:
    """How an article of the day ``seen_from`` names an earlier time: its years, its months, or its days
    if they are at most seven, without what a reader of that day knows anyway."""
    days = [start + timedelta(days=n) for n in range(min((end - start).days + 1, 4000))]
    if (start.month, start.day, end.month, end.day) == (1, 1, 12, 31):
        years = [f"{year}년" for year in range(start.year, end.year + 1)]
        years += ["지난해", "작년"] if end.year == seen_from.year - 1 else []
        return _any_of(years + (["올해", "올 "] if end.year == seen_from.year else []))
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
