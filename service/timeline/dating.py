"""When what a sentence tells took place: the day that it states, or that of its article's publication.

The grammar of dates is the index's; here stands which of a sentence's dates is that of what it tells. A report's
sentence has two: what was said to have happened, and when it was said («지난 12일 승인을 받았다고 14일 밝혔다»). What is
past within it is the event; of a plan the event is that it was announced. A plan that the article tells in its own
name («오는 13일 시작된다») is dated by what it plans.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from index import Days, Mention, Token

MAX_DAYS = 31
"""A stated time that is longer, a year or a season, says too little to date an event by."""

_PAST = frozenset({"었", "았", "였"})
_STEMS = frozenset({"VV", "VA", "VX", "VCP", "VCN", "XSV", "XSA"})
_INTENDS = frozenset({"겠"})
_QUOTING = re.compile(r".*[다라자냐]고")
_LIMIT = re.compile(r"\s?(?:까지|보다|대비|이후|이전)")
_THAT_DAY = re.compile(r"(?<![가-힣])이날")


@dataclass(frozen=True)
class Dated:
    """The days of an event, inclusive. ``is_stated``: its sentence says so; else its article appeared then.

    ``planned``: it lay ahead when the article appeared.
    """

    days: Days
    is_stated: bool = False
    planned: bool = False

    @property
    def width(self) -> timedelta:
        """How far the first day is from the last."""
        return self.days.last - self.days.first


def published(day: date) -> Dated:
    """An event of which nothing but the day of its article is known."""
    return Dated(Days(day, day))


def dated(
    text: str,
    mentions: Sequence[Mention],
    tokens: Sequence[Token],
    published_on: date,
    that_day: Dated | None = None,
) -> Dated | None:
    """The days of what a sentence tells; None: it states none.

    ``mentions`` are those of the sentence, ``tokens`` its morphemes; offsets are within ``text``. ``that_day`` is
    what 이날 means in its article.
    """
    own = [m for m in mentions if _is_of_the_article(m, text)]
    kept = [m for m in own if not _was_to_be(m, tokens)] or own
    said = [(m, days) for m in kept if (days := _meant(m, published_on))]
    past = [(m, days) for m, days in said if days.first <= published_on]
    ahead = [(m, days) for m, days in said if days.first > published_on]
    quoted_to = _end_of_quoted(tokens)
    if quoted_to is not None:
        return _of_a_report(past, quoted_to, happened=_is_past(tokens, quoted_to))
    if not _is_past(tokens) and ahead:
        return Dated(ahead[0][1], is_stated=True, planned=True)
    if that_day and _THAT_DAY.search(text):
        return that_day
    if not past or (past[-1][1].first != past[-1][1].last and _is_going_on(tokens)):
        return None  # «7월 화재로 드러난 만큼 전선을 옮긴다» tells what is done now
    return Dated(past[-1][1], is_stated=True)


def _of_a_report(
    past: Sequence[tuple[Mention, Days]], quoted_to: int, *, happened: bool
) -> Dated | None:
    """The date of what was said to have happened; of what was announced, that of its announcement."""
    within = [days for mention, days in past if mention.start < quoted_to]
    behind = [days for mention, days in past if mention.start >= quoted_to]
    told = within[-1:] or behind[:1] if happened else behind[:1] or within[:1]
    return Dated(told[0], is_stated=True) if told else None


def _meant(mention: Mention, published_on: date) -> Days | None:
    """The reading of a mention that lies nearest; None where it says too little.

    ``올해`` and ``이달``, said within them, date nothing.
    """
    if not mention.readings:
        return None
    days = min(mention.readings, key=lambda days: (abs(days.first - published_on), days))
    is_around = days.first <= published_on <= days.last and days.first != days.last
    too_long = (days.last - days.first).days >= MAX_DAYS
    return None if too_long or is_around else days


def _is_of_the_article(mention: Mention, text: str) -> bool:
    """Whether the article says when something was: not a person whom it quotes, nor a limit (9월까지)."""
    if _LIMIT.match(text, mention.end):
        return False
    before = text[: mention.start]
    return before.count("“") <= before.count("”")


def _was_to_be(mention: Mention, tokens: Sequence[Token]) -> bool:
    """«2월로 예정됐던 공사»: the sentence goes on to say what came instead."""
    behind = (t for t in tokens if t.start >= mention.end and t.tag in {"ETM", "EC", "EF"})
    ending = next(behind, None)
    return ending is not None and ending.form == "던"


def _end_of_quoted(tokens: Sequence[Token]) -> int | None:
    """Where what is reported ends: behind the last 다고, 라고 or 고 of speech; None: it reports nothing."""
    ends = [
        token.end
        for token in tokens
        if token.tag == "JKQ" or (token.tag == "EC" and _QUOTING.fullmatch(token.form))
    ]
    return ends[-1] if ends else None


def _is_past(tokens: Sequence[Token], end: int | None = None) -> bool:
    """Whether the last predicate up to ``end`` tells of something past."""
    tense = {t.form for t in _last_predicate(tokens, end)[1:] if t.tag == "EP"}
    return bool(tense & _PAST) and not tense & _INTENDS


def _is_going_on(tokens: Sequence[Token]) -> bool:
    """Whether the last predicate is a verb that tells of nothing past; a noun with 이다 may tell of either."""
    predicate = _last_predicate(tokens)
    return bool(predicate) and predicate[0].tag[:2] in {"VV", "VX", "XS"} and not _is_past(tokens)


def _last_predicate(tokens: Sequence[Token], end: int | None = None) -> Sequence[Token]:
    """The stem of the last predicate up to ``end``, and what follows it."""
    told = [t for t in tokens if end is None or t.end <= end]
    stems = [n for n, t in enumerate(told) if t.tag.split("-")[0] in _STEMS]
    return told[stems[-1] :] if stems else ()
