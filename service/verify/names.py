"""Names and quotations of a sentence that its evidence does not have. Pure functions.

The analyser knows few names, so a name is told by what stands around it: a title behind it, the ending of an
organisation or a place, Latin letters. It is known if the evidence writes it, or what it is short for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from service.korean.lexicon import LEXICON
from service.verify.statement import Noun, Statement, squeeze

_OFFICE = r"(?P<office>[가-힣]{0,8}?{names.titles|names.occupations}|{names.honorifics})"
_PERSON = LEXICON.expression(
    rf"(?<![가-힣])(?P<name>[가-힣]{{2,4}})\s(?:[가-힣A-Za-z·]+\s)?{_OFFICE}(?![가-힣]{{3}})"
)
_TITLED = LEXICON.expression(
    rf"(?<![가-힣]){_OFFICE}\s(?P<name>[가-힣]{{2,4}}?)(?:[은는이가을를의와과도]|에게|께서)(?![가-힣])"
)
_ENDING = LEXICON.expression("{names.organisation_endings|evidence.place_endings}$")
_LENGTH = 3  # of a name in full
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]+-?\d+(?![A-Za-z0-9])")
_WEEKDAY = re.compile(r"[월화수목금토일]요일")


@dataclass(frozen=True, eq=False)
class Known:
    """What the evidence and its heading call things."""

    statements: Sequence[Statement]
    heading: str

    @cached_property
    def text(self) -> str:
        """All of it, one statement a line."""
        return "\n".join((self.heading, *(s.text for s in self.statements)))

    @cached_property
    def squeezed(self) -> str:
        """The same without blanks and case."""
        return squeeze(self.text)

    @cached_property
    def nouns(self) -> frozenset[str]:
        """Its nouns, and what they are made of."""
        runs = [noun for s in self.statements for noun in s.nouns]
        return frozenset(p for noun in runs for p in (noun.form, noun.written, *noun.parts))

    @cached_property
    def weekdays(self) -> frozenset[str]:
        """The weekdays of its dates, by their first syllables, and those in brackets: (월)."""
        dates = [date for s in self.statements for date in s.dates if date.grain == "day"]
        days = [date.readings[0].first for date in dates if date.readings]
        named = re.findall(r"\(([월화수목금토일])\)", self.text)
        return frozenset(["월화수목금토일"[day.weekday()] for day in days] + named)

    @cached_property
    def offices(self) -> frozenset[tuple[str, str]]:
        """Persons with the offices beside their names."""
        return frozenset(
            (match["name"], match["office"])
            for statement in self.statements
            for match in _persons(statement.text)
            if _may_be_name(match, statement)
        )

    def has(self, name: str) -> bool:
        """Whether it writes the name, or one that the name shortens: 공정위 for 공정거래위원회."""
        if squeeze(name) in self.squeezed:
            return True
        return len(name) > 2 and any(_shortens(name, noun) for noun in self.nouns)


def unknown_name(claim: Statement, known: Known) -> str | None:
    """A name, a code or a weekday of the claim that the evidence lacks; None: it has them all."""
    for code in _CODE.findall(claim.text):
        if not known.has(code):
            return str(code)
    for weekday in _WEEKDAY.findall(claim.text):
        if weekday not in known.text and weekday[0] not in known.weekdays:
            return str(weekday)
    for noun in claim.nouns:
        if claim.is_value(noun.start):
            continue  # a unit: 30km
        if (name := _name(noun)) and not _is_known(name, noun, known):
            return name
    for match in _persons(claim.text):
        if _is_person(match, claim, known) and not _holds(match["name"], match["office"], known):
            return f"{match['name']} {match['office']}"
    return None


def exchanged_name(claim: Statement, known: Known) -> str | None:
    """A noun in the place of one of the same make in the evidence: 새물호수에 조류 경보, there 미루호수.

    Of the same make are words with the same last syllable, or three-syllable names of one family.
    """
    slots = {slot for statement in known.statements for slot in _slots(statement)}
    for word, particle, beside in _slots(claim):
        if word in known.squeezed:
            continue
        rivals = {its for its, *rest in slots if rest == [particle, beside]}
        if any(_is_of_one_make(word, its) and its not in claim.text for its in rivals):
            return word
    return None


def _slots(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Each noun of three syllables or more with its particle, and the word behind it."""
    for noun in statement.nouns:
        if len(noun.written) < _LENGTH or noun.is_verbal or statement.is_value(noun.start):
            continue
        words = re.findall(r"[\w.]+", statement.text[noun.end :])
        for beside in words[bool(noun.particle) :][:1]:
            yield noun.written, noun.particle, beside


def _is_of_one_make(one: str, other: str) -> bool:
    is_name = one[0] == other[0] and one[0] in LEXICON["names.surnames"]
    is_family = is_name and len(one) == len(other) == _LENGTH
    return other not in one and (one[-1] == other[-1] or is_family)


def unknown_quotation(claim: Statement, known: Known) -> str | None:
    """Words between quotation marks that nobody says in the evidence."""
    plain = re.sub(r"\W", "", known.squeezed)
    for quotation in claim.quotations:
        if re.sub(r"\W", "", quotation) not in plain:
            return quotation
    return None


def _persons(text: str) -> Iterator[re.Match[str]]:
    for pattern in (_PERSON, _TITLED):
        yield from pattern.finditer(text)


def _is_person(match: re.Match[str], claim: Statement, known: Known) -> bool:
    """Whether what stands beside a title is a name, not an ordinary noun: 신임 in 신임 대표 is none.

    The last syllable of a name may look like a particle; then it takes a rival in the evidence to tell.
    """
    if not _may_be_name(match, claim):
        return False
    return not _ends_in_particle(match, claim) or any(
        office == match["office"] and len(name) == len(match["name"]) == _LENGTH
        for name, office in known.offices
    )


def _may_be_name(match: re.Match[str], statement: Statement) -> bool:
    name, office = match["name"], match["office"]
    surnames = LEXICON["names.surnames"].words | LEXICON["names.double_surnames"].words
    is_word = any(n.form == name and len(n.parts) == 1 and not n.is_name for n in statement.nouns)
    beside = any(n.form.startswith(office) or n.form.endswith(office) for n in statement.nouns)
    return bool({name[:1], name[:2]} & surnames) and not is_word and beside


def _ends_in_particle(match: re.Match[str], statement: Statement) -> bool:
    inside = [t for t in statement.tokens if match.start("name") <= t.start < match.end("name")]
    return bool(inside) and inside[-1].tag.startswith(("J", "E"))


def _holds(person: str, office: str, known: Known) -> bool:
    """Whether the evidence has the person, and doesn't give the office to another or the person another."""
    if not known.has(person):
        return False
    theirs = {title for name, title in known.offices if name == person}
    others = {name for name, title in known.offices if title == office and name != person}
    return office in theirs or not (theirs and others)


def _name(noun: Noun) -> str | None:
    """The part of a run of nouns that is a name: it ends like one, or the analyser says so."""
    if re.search(r"[A-Za-z]{2,}", noun.form):
        return noun.form
    ending = _ENDING.search(noun.written)
    is_word = noun.written == noun.form and len(noun.parts) == 1
    if ending and len(ending[0]) > 1 and len(noun.written) - len(ending[0]) > 1 and not is_word:
        return noun.written
    return noun.form if noun.is_name and len(noun.form) > 1 else None


def _is_known(name: str, noun: Noun, known: Known) -> bool:
    if known.has(name):
        return True
    ending = _ENDING.search(name)
    if ending and len(name) - len(ending[0]) > 1 and name.removesuffix(ending[0]) in known.nouns:
        return True  # 푸른솔건설, there 푸른솔
    latin = re.findall(r"[a-z]{2,}", name)
    if latin:
        return all(word in known.squeezed for word in latin)
    return all(part in known.squeezed for part in noun.parts if len(part) > 1)


def _shortens(name: str, noun: str) -> bool:
    """Whether the letters of the name stand in a longer noun in their order, the first one first."""
    if len(noun) <= len(name) or noun[:1] != name[:1]:
        return False
    letters = iter(noun)
    return all(letter in letters for letter in name)
