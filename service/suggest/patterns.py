"""What a clause can be asked: its time, a number, a place, a reason. Each pattern is strict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

from index import Mention, Quantity, mentions, quantities_in
from service.korean.lexicon import LEXICON
from service.suggest.clauses import Clause, Piece

Kind = Literal["who", "when", "where", "how_many", "why", "what"]
"""What a question asks for."""

Asked = tuple[Kind, str, str]
"""What is asked for, the question, and the words that answer it."""

Change = tuple[int, int, str]
"""Half-open offsets in a clause and what stands there instead."""


def asked_of(clause: Clause, day: date | None) -> Iterator[Asked]:
    """The questions for the words of a clause that stands in an article of a day."""
    times = [m for m in mentions(clause.text, day) if not m.minutes]
    if any(time.start < clause.subject for time in times) or _is_loose(clause):
        return
    yield from _when(clause, times)
    settled = _dated(clause, times, day)
    if settled is not None:
        for make in (_how_many, _where, _why):
            yield from make(clause, settled)


def _is_loose(clause: Clause) -> bool:
    """Whether a clause has a second topic, or parts that a comma sets off."""
    behind = [p for p in clause.pieces if p.start >= clause.subject]
    return any(p.tag == "SP" or (p.tag == "JX" and p.form in {"은", "는"}) for p in behind)


def leans(piece: Piece) -> bool:
    """Whether a morpheme's meaning lies in the text around it."""
    return piece.tag == "NP" or (
        piece.tag in {"MM", "NNG", "MAG", "MAJ", "NNB", "NR"}
        and piece.form in LEXICON["suggest.leaning"]
    )


def _dated(clause: Clause, times: Sequence[Mention], day: date | None) -> list[Change] | None:
    """The times of a clause in figures that hold on any day, as replacements; None: one can't be told."""
    changes = []
    for time in times:
        told = _in_figures(time, day, is_past=clause.is_past)
        if told is None:
            return None
        changes.append((time.start, time.end, told))
    return changes


def _in_figures(time: Mention, day: date | None, *, is_past: bool) -> str | None:
    """``2026년 3월 2일`` for ``다음 달 2일``; None where nobody can be sure, as of ``2일`` in the wrong tense."""
    if len(time.readings) != 1 or time.ends:
        return None
    first = time.readings[0].first
    if _BARE_DAY.fullmatch(time.text) and (day is None or (first <= day) is not is_past):
        return None
    match time.grain:
        case "day":
            return f"{first.year}년 {first.month}월 {first.day}일"
        case "month":
            return f"{first.year}년 {first.month}월"
        case "year":
            return f"{first.year}년"
        case _:
            return None


_BARE_DAY = re.compile(r"\d{1,2}일")


def _put(clause: Clause, changes: Sequence[Change]) -> str | None:
    """The question with some of the clause's words replaced; None if what is left leans on its surroundings."""
    kept = [p for p in clause.pieces if not _is_within(p.start, changes)]
    if any(leans(p) for p in kept):
        return None
    text = clause.text
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return " ".join(text.split()) + clause.asked + "?"


def _is_open(clause: Clause, place: int) -> bool:
    """Whether what stands at a place belongs to the clause's own predicate, not to an attribute within it."""
    behind = [p for p in clause.pieces if p.start >= place]
    for n, piece in enumerate(behind):
        if piece.tag == "ETM":
            noun = behind[n + 1].form if n + 1 < len(behind) else ""
            if noun not in LEXICON["suggest.frames"]:
                return False
    return True


def _when(clause: Clause, times: Sequence[Mention]) -> Iterator[Asked]:
    if len(times) != 1 or len(times[0].readings) != 1 or times[0].ends:
        return
    time = times[0]
    behind = _AFTER_TIME.match(clause.text, time.end)
    if time.grain not in {"day", "month"} or not behind or not _is_open(clause, time.end):
        return
    if clause.text[time.end :].split()[0] in LEXICON["suggest.parts_of_day"]:
        return
    if time.grain == "month" and not behind["particle"]:  # 3월 추가경정예산안: an attribute
        return
    after = behind["particle"] if behind["particle"] in {"부터", "까지"} else ""
    change = (time.start, behind.end("rest"), f"언제{after}")
    hour = next((m for m in mentions(clause.text, None) if m.minutes), None)
    if hour is None and (question := _put(clause, [change])):
        yield "when", question, time.text


_AFTER_TIME = re.compile(r"(?P<rest>(?:\s자로|(?P<particle>에|부터|까지))?)(?=\s)")


def _how_many(clause: Clause, dated: Sequence[Change]) -> Iterator[Asked]:
    told = [q for q in quantities_in(clause.text) if not _is_within(q.start, dated)]
    if told and told[-1].start > clause.subject and not _is_listed(clause, told):
        yield from _number(clause, told[-1], dated)
    if told and (first := told[0]).unit and _AS_ATTRIBUTE.match(clause.text, clause.subject):
        # 관중은 2,870명으로 지난해보다 19% 늘었다
        asks = "얼마" if first.unit in _MONEY else f"몇 {_unit(first)}"
        question = _put(
            Clause(clause.text, clause.subject, "인가요", clause.pieces),
            [(first.start, len(clause.text), asks)],
        )
        if question and first.start == clause.subject + 1 and _unit(first) not in _DATED:
            yield "how_many", question, first.text


def _is_listed(clause: Clause, told: Sequence[Quantity]) -> bool:
    """Whether the last number is one of several that belong together, or is described by a clause of its own."""
    last = told[-1]
    before = [p for p in clause.pieces if p.end <= last.start]
    if before and before[-1].tag == "ETM":
        return True
    others = told[:-1]
    if len(others) > 1 or last.unit in {q.unit for q in others}:
        return True
    between = [p for p in before if others and p.start >= others[0].end]
    return bool(others) and not any(p.tag in {"JKO", "JKB"} for p in between)


_AS_ATTRIBUTE = re.compile(
    r"\s\S+(?:\s\S+)?(?:[명곳대개%표점㎡㎞마리원])(?:으로|로)[,\s][^,]*(?:보다|비해|대비)\s"
)


def _unit(number: Quantity) -> str:
    return _FIGURES.sub("", number.text)


def _number(clause: Clause, number: Quantity, dated: Sequence[Change]) -> Iterator[Asked]:
    unit, behind = _unit(number), clause.text[number.end :]
    if not unit or unit in _DATED or not _is_open(clause, number.end):
        return
    if not _DIGITS.match(number.text) or (behind.strip() and not _PARTICLE.match(behind)):
        return
    asks = f"몇 {unit}"
    if number.unit in _MONEY:
        asks, behind = "얼마", _light(behind)
    before = clause.text[: number.start].rstrip()
    word = before.rpartition(" ")[2]
    start = len(before) - len(word) if word in LEXICON["suggest.approximate"] else number.start
    if word in _WIDE:
        return
    left = [c for c in dated if c[0] < start]
    if len(left) < len(dated):
        return
    if question := _put(clause, [*left, (start, len(clause.text), asks + behind)]):
        yield "how_many", question, number.text


_WIDE = {"최대", "최소", "최고", "최저", "총"}
_DATED = {"년", "월", "일", "시", "분", "초"}
_MONEY = {"원", "달러", "유로", "엔", "위안"}
_FIGURES = re.compile(r"^[\d.,\s천백십만억조여]+")
_DIGITS = re.compile(r"\d")
_PARTICLE = re.compile(r"(?:을|를|이|가|은|는|로|으로|에|만|까지|이나|에서|보다|씩|$)(?=\s|$)")


def _light(behind: str) -> str:
    """What follows ``원`` as it follows ``얼마``: 원을, 얼마를."""
    for heavy, light in (("으로", "로"), ("을", "를"), ("은", "는"), ("이", "가"), ("과", "와")):
        if behind.startswith(f"{heavy} "):
            return light + behind[len(heavy) :]
    return "나" + behind if behind.startswith(" ") else behind


def _is_within(place: int, changes: Sequence[Change]) -> bool:
    return any(start <= place < end for start, end, _ in changes)


def _where(clause: Clause, dated: Sequence[Change]) -> Iterator[Asked]:
    for n, piece in enumerate(clause.pieces):
        if (piece.form, piece.tag) != ("에서", "JKB") or piece.start < clause.subject:
            continue
        first = n
        while first and clause.pieces[first - 1].tag.startswith(("NN", "SL")):
            first -= 1
        before = clause.pieces[first - 1].tag if first else ""
        start, end = clause.pieces[first].start, piece.start
        place = clause.text[start:end]
        is_place = _PLACE.search(place) and start >= clause.subject
        if before in {"ETM", "JKG", "JC", "SN", "MM", "SP"} or not is_place:
            continue
        if _is_open(clause, end) and (question := _put(clause, [*dated, (start, end, "어디")])):
            yield "where", question, place


_PLACE = LEXICON.expression("{evidence.place_endings}$")


def _why(clause: Clause, dated: Sequence[Change]) -> Iterator[Asked]:
    found = _REASON.match(clause.text, clause.subject)
    if not found or not any(
        p.tag.startswith("JK") for p in clause.pieces if p.start >= found.end()
    ):
        return
    change = (found.start("why"), found.end("why"), "왜")
    inside = [c for c in dated if not found.start("why") <= c[0] < found.end("why")]
    if question := _put(clause, [*inside, change]):
        yield "why", question, found["why"]


_REASON = re.compile(r"\s(?P<why>[^,]{4,40}?(?:\s때문에|\s탓에|\s덕분에|기\s위해서?))(?=\s)")
