"""Follow-up questions made to stand alone, by rule: ``그럼 인원은?``, ``거기는 언제 열어?``, ``왜?``.

A question depends on the one before it if it points back (``거기``, ``그 사람``) before it has named
anything, if it names nothing but an attribute (``인원은?``, ``언제 열어?``), or if it is a bare topic to
put in the place of the earlier one (``부산은?``, ``작년에는?``). What it lacks is carried over: the
names and nouns of the last question, those of the last answer where it is meant, and the time. A question
that stands alone is returned as it is; the rules are measured in ``tests/followup_table.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from index import KoreanAnalyser, Token
from service.korean.lexicon import LEXICON
from service.query import timeframe
from service.schema import Turn

MAX_TURNS = 8
"""Turns looked back on; what lies further back is not meant any more."""

MAX_FROM_ANSWER = 3

_OPENING = LEXICON.expression(r"^(?:{questions.fillers}[,\s]+)?(?:{questions.openings}[,\s]+)+")
_ANAPHOR = LEXICON.expression(
    r"(?<![가-힣])(?:{questions.places_meant}(?:에서는|에서|에는|에|는|은|도|가|의|로)?|"
    r"{questions.things_meant}(?:은|는|이|가|을|를|의|도|에|에게|께서)?(?=[\s?,.]|$)|"
    r"{questions.pointers}\s(?=[가-힣])|그(?:때|날|해|달|중)(?:에는|에|는|도|의)?|그(?:는|가|의|를|도)(?=\s))\s*"
)
_THING = LEXICON.expression(
    r"^{questions.kinds_of_things}(?:은|는|이|가|을|를|의|도|에서|에게|에)?(?=[\s?,.]|$)\s*"
)
_ASKS_WHICH = LEXICON.expression(
    r"누구|누가|어디|무엇|뭐|뭘|뭔|무슨|어느|어떤|이름|{questions.named_kinds}(?:은|는)?\s?\??$"
)
_INTERROGATIVE = LEXICON.expression("^{questions.interrogatives}")
_REQUEST = LEXICON.expression(r"(?:^|\s){questions.requests}\S*")
_BARE_TOPIC = re.compile(r"^\S+(?:\s\S+){0,2}?(?:은|는|도|에는|에서는|엔)(?:요)?\s?\??$")
_SUBJECT = re.compile(r"([가-힣]{2,})(?:이|가|은|는)\s")
_MARKER = re.compile(r"\[\d+\]")
_SENTENCE_END = re.compile(r"(?<=[.!?다요])\s|\n")
_NOUNS = frozenset({"NNG", "NNP", "SL", "SH", "ETN"})
_VERBS = frozenset({"XSV", "XSA", "VV", "VA"})
_NOUN_PARTS = _NOUNS | {"ETN", "NNB", "NR", "SN", "XSN", "XR", "W_SERIAL"}


class FollowUps:
    """Makes questions stand alone. Needs the analyser that the index has."""

    def __init__(self, analyser: KoreanAnalyser) -> None:
        self._analyser = analyser

    def standalone(self, question: str, conversation: Sequence[Turn], *, now: datetime) -> str:
        """The question with what it takes from the conversation; itself if that is nothing."""
        before: _Sentence | None = None
        answer: str | None = None
        for turn in conversation[-MAX_TURNS:]:
            if turn.role == "user":
                before, answer = self._read(self._resolved(turn.content, before, answer, now)), None
            else:
                answer = _SENTENCE_END.split(_MARKER.sub("", turn.content).strip(), maxsplit=1)[0]
        return self._resolved(question, before, answer, now)

    def accepts(self, rewritten: str, question: str, conversation: Sequence[Turn]) -> bool:
        """Whether a model's rewriting says nothing new: every noun and number of it was said before, and
        those of the question, but for what points back, are still there."""
        said = " ".join([question, *(turn.content for turn in conversation)])
        new = {
            noun for noun in self._nouns(rewritten) - self._nouns(said) if not _is_attribute(noun)
        }
        asked = _OPENING.sub("", question).strip()
        rest = self._read(_without(asked, _ANAPHOR.search(asked)))
        return not new and all(word.text in rewritten for word in rest.words())

    def _nouns(self, text: str) -> set[str]:
        return {t.form for t in self._analyser.tokens(text) if t.tag in _NOUNS | {"SN", "NR"}}

    def _read(self, text: str) -> _Sentence:
        return _Sentence(text, tuple(self._analyser.tokens(text)))

    def _resolved(
        self, text: str, before: _Sentence | None, answer: str | None, now: datetime
    ) -> str:
        if before is None or not before.text.strip():
            return text
        asked = self._read(_OPENING.sub("", text).strip())
        time = _expression(asked.text, now)
        anaphor = _ANAPHOR.search(asked.text)
        named = [word for word in asked.words() if word.is_name and word.text not in (time or "")]
        if anaphor and any(word.start < anaphor.start() for word in named):
            anaphor = None  # it points back within the question
        if not anaphor and _BARE_TOPIC.match(asked.text) and not asked.asks and len(named) <= 1:
            if named and not any(word.is_attribute for word in asked.words()):
                return _in_place_of(before, named[0])
            if time and not named and len(asked.words()) <= len(time.split()):
                return _at_time(before, time, now)
        if named and not anaphor:
            return text
        return self._joined(asked, before, answer, anaphor, now)

    def _joined(
        self,
        asked: _Sentence,
        before: _Sentence,
        answer: str | None,
        anaphor: re.Match[str] | None,
        now: datetime,
    ) -> str:
        """What is asked, after what it takes from the question before and its answer."""
        carried = self._carried(before, asked)
        if answer and (anaphor or _ASKS_WHICH.search(before.text)):
            carried += self._from_answer(answer, before)
        earlier = _expression(before.text, now)
        parts = [earlier] if earlier and not _expression(asked.text, now) else []
        parts += [word for word in carried if word not in (earlier or "")]
        return " ".join([*dict.fromkeys(parts), _without(asked.text, anaphor)]).strip()

    def _carried(self, before: _Sentence, asked: _Sentence) -> list[str]:
        """Names of the question before; its attribute too, unless the new question has another."""
        attribute = any(word.is_attribute for word in asked.words())
        if asked.words() or asked.has_predicate:
            words = [word for word in before.words() if not (word.is_attribute and attribute)]
            if words:
                return [word.text for word in words]
        return before.statement()  # a bare 왜? is about all that was said

    def _from_answer(self, answer: str, before: _Sentence) -> list[str]:
        said = self._read(answer)
        new = [w for w in said.words() if w.is_name and w.text not in before.text]
        words = [w.text for w in new if w.is_proper or w.is_subject or w is new[0]]
        # Names are sometimes taken for verbs: 우주한이.
        if (subject := _SUBJECT.match(answer)) and subject[1] not in before.text:
            words.insert(0, subject[1])
        return list(dict.fromkeys(words))[:MAX_FROM_ANSWER]


@dataclass(frozen=True)
class _Word:
    """The noun at the head of a blank-separated word: ``text[start:end]`` of its sentence."""

    text: str
    start: int
    end: int
    is_attribute: bool
    is_proper: bool
    is_subject: bool

    @property
    def is_name(self) -> bool:
        return not self.is_attribute


@dataclass(frozen=True)
class _Sentence:
    text: str
    tokens: tuple[Token, ...]

    def words(self) -> list[_Word]:
        """The nouns, one for each blank-separated word; a noun that 하다 makes a verb is none."""
        found = (_word(self.text, group) for group in self._groups())
        return [word for word in found if word is not None]

    @property
    def asks(self) -> bool:
        return any(_INTERROGATIVE.match(word) for word in self.text.split())

    @property
    def has_predicate(self) -> bool:
        return any(token.tag.split("-")[0] in {"VV", "VA", "XSV", "XSA"} for token in self.tokens)

    def statement(self) -> list[str]:
        """Its words, but those that make it a question."""
        words = _REQUEST.sub("", self.text).rstrip("?. ").split()
        return [word for word in words if not _INTERROGATIVE.match(word)]

    def _groups(self) -> list[list[Token]]:
        """The tokens of each blank-separated word."""
        spans = [match.span() for match in re.finditer(r"\S+", self.text)]
        return [[t for t in self.tokens if start <= t.start < end] for start, end in spans]


def _word(text: str, group: Sequence[Token]) -> _Word | None:
    """The last noun of the group and all that stands before it; None if a verb follows or none is there."""
    last = max((n for n, token in enumerate(group) if token.tag in _NOUN_PARTS), default=-1)
    head, rest = group[: last + 1], group[last + 1 :]
    nouns: Sequence[Token] = [token for token in head if token.tag in _NOUNS]
    if not nouns and head and head[0].tag == "SN" and len(head) > 1:  # 1호선
        nouns = head[:1]
    if not nouns or (rest and rest[0].tag.split("-")[0] in _VERBS):
        return None
    start, end = head[0].start, head[-1].end
    whole = text[start:end]
    if _INTERROGATIVE.match(whole):
        return None
    attribute = _is_attribute(whole) or all(_is_attribute(token.form) for token in nouns)
    return _Word(
        text=whole,
        start=start,
        end=end,
        is_attribute=attribute,
        is_proper=any(token.tag in {"NNP", "SL"} for token in nouns),
        is_subject=bool(rest) and (rest[0].tag == "JKS" or rest[0].form in {"은", "는"}),
    )


def _is_attribute(word: str) -> bool:
    """Whether a word says what is asked of a thing, or of whom: attributes, events, titles."""
    return word in LEXICON["questions.attributes"] or word in LEXICON["names.titles"]


def _expression(text: str, now: datetime) -> str | None:
    found = timeframe.resolve(text, now=now)
    return found.expression if found else None


def _in_place_of(before: _Sentence, topic: _Word) -> str:
    """The question before, asked of another topic."""
    names = [word for word in before.words() if word.is_name]
    same_kind = [word for word in names if word.is_proper == topic.is_proper]
    replaced = next(iter(same_kind or names), None)
    if replaced is None:
        return f"{topic.text} {before.text}"
    rest = before.text[replaced.end :]
    return before.text[: replaced.start] + topic.text + _agreeing(rest, topic.text)


_PARTICLES = ("은는", "이가", "을를", "과와")


def _agreeing(rest: str, word: str) -> str:
    """What follows a word, with the particle that its last syllable takes."""
    closed = (ord(word[-1]) - ord("가")) % 28 > 0
    for pair in _PARTICLES:
        if "가" <= word[-1] <= "힣" and rest[:1] in set(pair) and not rest[1:2].isalpha():
            return pair[0 if closed else 1] + rest[1:]
    return rest


def _at_time(before: _Sentence, time: str, now: datetime) -> str:
    """The question before, asked of another time."""
    earlier = _expression(before.text, now)
    return before.text.replace(earlier, time, 1) if earlier else f"{time} {before.text}"


def _without(text: str, anaphor: re.Match[str] | None) -> str:
    """The question without the word that points back, and the thing that it points to."""
    if anaphor is None:
        return text
    rest = text[anaphor.end() :]
    if anaphor[0].strip() in LEXICON["questions.pointers"]:
        rest = _THING.sub("", rest)
    return f"{text[: anaphor.start()]}{rest}".strip()
