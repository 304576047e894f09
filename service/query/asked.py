"""A question taken apart: its words with their weights, and the kind of answer that it wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate

from index import (
    Expression,
    KoreanAnalyser,
    Mention,
    Quantity,
    Token,
    bigrams,
    content_morphemes,
    mentions,
    quantities_in,
)
from service.korean.lexicon import LEXICON, TITLE
from service.korean.wording import alike
from service.sources import Idf


@dataclass(frozen=True)
class AskedTime:
    """The time that a question names: the days on which it is reported, inclusive, and whether a text names it.

    ``named_in`` is asked of a text and the day on which its article was published.
    """

    start: date | None
    end: date | None
    named_in: Callable[[str, date | None], bool]

    def covers(self, day: date | None) -> bool:
        """Whether a day lies within; an unknown one does not."""
        if day is None:
            return False
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


Span = tuple[int, int]
"""Half-open character offsets."""

Places = Mapping[str, Sequence[Span]]
"""Where a text has each of the words that it has."""

PRIOR = 1.0
"""Added to a word's rarity: in an index of a few articles rarity says little."""


@dataclass(frozen=True)
class Asked:
    """What a question asks.

    ``weights`` are the content words that its answer must be about, with their rarity. ``forms`` gives for each word the forms in which a text may have it:
    itself, synonyms, other spellings. ``kind`` is the kind of answer (``number``, ``person`` …), ``units`` those that a
    number should have; ``numbered`` what has a number in its name: 2호선; ``hours`` the times of day that it names.
    """

    text: str
    weights: Mapping[str, float]
    verbs: frozenset[str]
    forms: Mapping[str, frozenset[str]]
    patterns: Mapping[str, re.Pattern[str]]
    bigrams: frozenset[str]
    names: frozenset[str]
    kind: str
    units: frozenset[str]
    predicate: str
    numbered: tuple[str, ...]
    focus: frozenset[str] = frozenset()
    time: AskedTime | None = None
    hours: tuple[Mention, ...] = ()
    words_of_hours: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        question: str,
        analyser: KoreanAnalyser,
        idf: Idf,
        *,
        spellings: Sequence[str] = (),
        time: AskedTime | None = None,
        request: str = "",
    ) -> Asked:
        """``spellings`` are other spellings of the question (see ``index.variants``).

        ``request`` is the question within the frame of its request, which tells that news is wanted where
        the question itself asks for nothing in particular.
        """
        tokens = analyser.tokens(question)
        morphemes = [
            m
            for m in analyser.morphemes(question)
            if m not in LEXICON["questions.not_topics"] and m not in LEXICON["wording.requesting"]
        ]
        kind, units = _kind(question)
        if kind == "other" and _kind(request)[0] == "news":
            kind = "news"
        verbs = frozenset(t.form for t in tokens if t.tag.startswith(("VV", "VA", "MA", "XR")))
        weights = {word: PRIOR + weight for word, weight in idf(morphemes).items()}
        forms = {word: alike(word) for word in weights}
        hours = tuple(m for m in mentions(question, None) if m.minutes)
        for spelling in spellings:
            _note_spelling(forms, question, spelling, analyser)
        return cls(
            text=question,
            weights=weights,
            verbs=verbs,
            forms=forms,
            patterns={word: _written(word, is_verb=word in verbs) for word in weights},
            bigrams=frozenset(bigrams(_INTERROGATIVE.sub(" ", question))),
            names=frozenset(
                t.form.lower() for t in tokens if t.tag.split("-")[0] in {"NNP", "SL", "SH"}
            )
            & weights.keys(),
            kind=kind,
            units=units,
            predicate=next((m for m in reversed(morphemes) if m in weights), ""),
            numbered=tuple("".join(m[0].split()) for m in _NUMBERED.finditer(question)),
            focus=_focus(question, tokens, weights),
            time=time,
            hours=hours,
            words_of_hours=frozenset(m for h in hours for m in analyser.morphemes(h.text))
            & weights.keys(),
        )

    def places(self, texts: Sequence[str]) -> Sequence[Places]:
        """Where each of some texts has the question's words as they may be written.

        Each word is looked for in all texts at once: they are many and short.
        """
        joined, starts = "\n".join(texts), [0, *accumulate(len(text) + 1 for text in texts)]
        found: list[dict[str, list[Span]]] = [{} for _ in texts]
        for word, pattern in self.patterns.items():
            number = 0
            for match in pattern.finditer(joined):
                start, end = match.span()
                while start >= starts[number + 1]:
                    number += 1
                first = starts[number]
                found[number].setdefault(word, []).append((start - first, end - first))
        return found

    def held(self, words: frozenset[str], text: str, places: Places) -> frozenset[str]:
        """Those of the question's words that a text has: as they are, as a part, in another form.

        ``words`` are the text's morphemes, ``places`` where it has the question's (see ``places``). Those of a time
        of day are there where the text names the same time: 오후 6시 in 18:00, not in 06:00.
        """
        found = frozenset(
            [word for form in self._forms & words for word in self._words_by_form[form]]
            + [word for word in places if len(word) > 1]
        )
        if not self.words_of_hours:
            return found
        told = [m for m in mentions(text, None) if m.minutes]
        is_same = any(hour.agrees_with(m) for hour in self.hours for m in told)
        return found | self.words_of_hours if is_same else found - self.words_of_hours

    @cached_property
    def _forms(self) -> frozenset[str]:
        return frozenset(self._words_by_form)

    @cached_property
    def _words_by_form(self) -> Mapping[str, Sequence[str]]:
        by_form: dict[str, list[str]] = {}
        for word, forms in self.forms.items():
            for form in forms:
                by_form.setdefault(form, []).append(word)
        return by_form

    @cached_property
    def weight(self) -> float:
        """The weight of all its words."""
        return sum(self.weights.values())

    def share(self, words: frozenset[str]) -> float:
        """The weight of some of the question's words, of all."""
        if not words or not self.weight:
            return 0.0
        return sum([self.weights[word] for word in words]) / self.weight

    def numbers_in(self, text: str) -> list[Quantity]:
        """The quantities of a text that may be the number asked for: not the question's own."""
        new = [q for q in quantities_in(text) if q.text not in self.text]
        return [q for q in new if not self.units or q.unit in self.units]

    def spots(self, text: str) -> list[tuple[int, int]]:
        """Where a text holds what may be the answer; of some kinds nobody can tell."""
        match self.kind:
            case "number":
                return [(q.start, q.end) for q in self.numbers_in(text)]
            case "date":
                days = [
                    (q.start, q.end)
                    for q in quantities_in(text)
                    if q.unit in _DATE and q.text not in self.text
                ]
                return days + [m.span() for m in _DATE_WORDS.finditer(text)]
            case "hour":
                return [
                    (m.start, m.end)
                    for m in mentions(text, None)
                    if m.minutes and m.text not in self.text
                ]
            case "person":
                return [m.span() for m in _PERSON.finditer(text)]
            case "place":
                return [m.span() for m in _PLACE.finditer(text)]
            case "reason":
                return [m.span() for m in _REASON.finditer(text)]
            case "manner":
                return [m.span() for m in _MANNER.finditer(text)]
            case _:
                return []

    @property
    def is_recognisable(self) -> bool:
        """Whether ``spots`` can tell what may be the answer."""
        return self.kind in {"number", "date", "hour", "person", "place", "reason", "manner"}


def _focus(question: str, tokens: Sequence[Token], weights: Mapping[str, float]) -> frozenset[str]:
    """The words on either side of the interrogative, or the last one: what is asked of the topic."""
    asks = _INTERROGATIVE.search(question)
    start, end = asks.span() if asks else (len(question), len(question))
    before = content_morphemes(token for token in tokens if token.end <= start)
    after = content_morphemes(token for token in tokens if token.start >= end)
    near = [word for word in before if word in weights][-1:]
    return frozenset(near + [word for word in after if word in weights][:1])


def _note_spelling(
    forms: dict[str, frozenset[str]], question: str, spelling: str, analyser: KoreanAnalyser
) -> None:
    """Words that only the other spelling has stand for those that only the question has."""
    own, other = set(analyser.morphemes(question)), set(analyser.morphemes(spelling))
    for word in own - other:
        if word in forms:
            forms[word] |= frozenset(other - own)


_INTERROGATIVE = re.compile(
    r"무엇\w*|뭐\w*|뭘\w*|어디\w*|누구\w*|누가|언제\w*|왜|얼마\w*|몇\s?\w*|어떻게\w*|어떤|어느|무슨|며칠\w*|알려\s?\w*|이유\w*|까닭\w*"
)
_KINDS: Sequence[tuple[str, Expression]] = tuple(
    (kind, LEXICON.expression(template))
    for kind, template in (
        (
            "news",
            r"^(?!.*(?:누구|누가|언제|며칠|어디|왜|이유|얼마|몇|어떻게|어느|어떤|무엇을|뭘))"
            r".*(?:(?:뉴스|소식|기사|보도)(?:들?(?:을|를|이|가|은|는|엔|에는|만|좀)?)?(?:\s?(?:좀|다|모두|전부)?\s?(?:알려|찾아|보여|정리|요약|추려|모아|있|없|뭐|부탁|궁금|줘)\S*(?:\s\S+)?)?\s?[?.!~]*$|요약|정리해|무슨\s?일)",
        ),
        ("hour", r"몇\s?시(?=[에인이쯤경?\s]|부터|까지|$)"),
        ("person", r"누구|누가|{questions.persons|names.titles}(?:은|는|의 이름은)?\s?\??$"),
        (
            "date",
            r"언제|며칠(?!\s?(?:전|후|뒤|새|간|째|동안))|몇\s?(?:월|일|년도?)(?![가-힣]*간)|어느\s?(?:해|날|달)|{questions.dates}(?:은|는)?\s?\??$",
        ),
        (
            "place",
            r"어디|어느\s?(?:곳|나라|도시|지역|동네|구)|{questions.places}(?:은|는)?\s?\??$",
        ),
        ("reason", "{questions.reasons}"),
        ("number", r"몇|얼마|{questions.numbers}(?:는|은)?\??$"),
        ("manner", "{questions.manners}"),
        ("thing", r"무엇|뭐|뭘|무슨|어떤|어느"),
    )
)
_UNIT_ASKED = re.compile(r"몇\s?(?P<unit>[가-힣A-Za-z%㎡]+)")
_UNITS_BY_CUE: Sequence[tuple[Expression, frozenset[str]]] = (
    (LEXICON.expression("{questions.shares}"), frozenset({"%", "%p"})),
    (LEXICON.expression("{questions.people}"), frozenset({"명"})),
    (
        LEXICON.expression("{questions.times}"),
        frozenset({"시간", "분", "일", "개월", "년", "주", "초"}),
    ),
    (LEXICON.expression("{questions.areas}"), frozenset({"㎡", "평", "ha"})),
    (LEXICON.expression("{questions.distances}"), frozenset({"m", "km", "cm"})),
    (
        LEXICON.expression(r"{questions.money}|[가-힣][비액금료](?:[은는이가을를])?\s?\??$"),
        frozenset({"원", "달러", "엔", "유로", "위안", "%"}),
    ),
)
_PERSON = LEXICON.expression(
    rf"[가-힣]{{2,4}}\s?\(\d\d\)|[가-힣·]{{2,10}}\s(?:[가-힣]+\s)?[가-힣]*{TITLE}"
    r"(?=[은는이가을를의도과와,.”\"’'( ]|에게|께서|으로|로\s)"
)
_DATE = frozenset({"년", "월", "일", "시"})
_DATE_WORDS = LEXICON.expression("{evidence.date_words}")
_PLACE = LEXICON.expression(
    r"[가-힣]{1,10}{evidence.place_endings}(?:[에을를이가은는의로과와,. ]|에서)"
)
_REASON = LEXICON.expression("{evidence.reason_words}")
_MANNER = LEXICON.expression("{evidence.manner_words}")
_NUMBERED = LEXICON.expression(r"\d+\s?{evidence.numbered}(?![가-힣]{2})")


def _kind(question: str) -> tuple[str, frozenset[str]]:
    """The kind of answer that a question asks for, and the units that a number should have."""
    kind = next((kind for kind, cue in _KINDS if cue.search(question)), "other")
    units: frozenset[str] = frozenset()
    if kind == "number":
        units = next((units for cue, units in _UNITS_BY_CUE if cue.search(question)), frozenset())
        if asked := _UNIT_ASKED.search(question):
            named = quantities_in(f"1{asked['unit']}")
            units |= {q.unit for q in named if q.unit}
    return kind, units


def _written(word: str, *, is_verb: bool) -> re.Pattern[str]:
    """A word as it may be written: of a stem that ends in a vowel the last syllable changes (다치, 다쳤)."""
    last = ord(word[-1]) - 0xAC00
    if not is_verb or len(word) < 2 or not 0 <= last < 11172 or last % 28:
        return re.compile(re.escape(word), re.IGNORECASE)
    first = 0xAC00 + last // 588 * 588  # of the syllables with the same initial
    return re.compile(f"{re.escape(word[:-1])}[{chr(first)}-{chr(first + 587)}]")
