"""Names and quotations of a sentence that its evidence does not have. Pure functions.

The analyser knows few names, so a name is told by what stands around it: a title behind it, the ending of an
organisation or a place, Latin letters. It is known if the evidence writes it, or what it is short for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from service.korean.lexicon import LEXICON, TITLE
from service.verify.statement import Noun, Statement, squeeze

_PERSON = LEXICON.expression(
    rf"(?<![가-힣])(?P<name>[가-힣]{{2,4}})\s(?:전\s|신임\s)?(?P<office>[가-힣]{{0,8}}?{TITLE})(?![가-힣]{{3}})"
)
_TITLED = LEXICON.expression(
    rf"(?<![가-힣])(?P<office>[가-힣]{{0,8}}?{TITLE})\s(?P<name>[가-힣]{{2,4}}?)(?:[은는이가을를의와과도]|에게|께서)(?![가-힣])"
)
_FAMILY = LEXICON.expression(
    rf"(?<![가-힣\d])(?P<name>{{names.surnames|names.double_surnames}})\s?(?P<office>{TITLE})(?![가-힣]{{3}})"
)
_ENDING = LEXICON.expression("{names.organisation_endings|evidence.place_endings}$")
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
        return frozenset(p for noun in runs for p in (noun.form, *noun.parts))

    @cached_property
    def offices(self) -> frozenset[tuple[str, str]]:
        """Persons with the offices beside their names."""
        return frozenset(_persons(self.text))

    def has(self, name: str) -> bool:
        """Whether it writes the name, or one that the name shortens: 공정위 for 공정거래위원회."""
        if squeeze(name) in self.squeezed:
            return True
        return len(name) > 2 and any(_shortens(name, noun) for noun in self.nouns)


def unknown_name(claim: Statement, known: Known) -> str | None:
    """A name, a code or a weekday of the claim that the evidence lacks; None: it has them all."""
    for code in [*_CODE.findall(claim.text), *_WEEKDAY.findall(claim.text)]:
        if not known.has(code) and f"({code[0]})" not in known.text:
            return str(code)
    for noun in claim.nouns:
        if (name := _name(noun, claim)) and not _is_known(name, noun, known):
            return name
    for person, office in _persons(claim.text):
        if _is_person(person, claim) and not _holds(person, office, known):
            return f"{person} {office}"
    return None


def unknown_quotation(claim: Statement, known: Known) -> str | None:
    """Words between quotation marks that nobody says in the evidence."""
    plain = re.sub(r"\W", "", known.squeezed)
    for quotation in claim.quotations:
        if re.sub(r"\W", "", quotation) not in plain:
            return quotation
    return None


def _persons(text: str) -> Iterator[tuple[str, str]]:
    for pattern in (_PERSON, _TITLED):
        for match in pattern.finditer(text):
            yield match["name"], match["office"]


def _is_person(name: str, claim: Statement) -> bool:
    """Whether what stands beside a title is a name, not an ordinary noun: 신임 in 신임 대표 is none."""
    has_surname = name[:1] in LEXICON["names.surnames"] or name[:2] in LEXICON["names.double_surnames"]
    ordinary = any(noun.form == name and len(noun.parts) == 1 and not noun.is_name for noun in claim.nouns)
    return has_surname and not ordinary


def _holds(person: str, office: str, known: Known) -> bool:
    """Whether the evidence has the person, and doesn't give the office to another or the person another."""
    if not known.has(person):
        return False
    theirs = {title for name, title in known.offices if name == person}
    others = {name for name, title in known.offices if title == office and name != person}
    return office in theirs or not (theirs and others)


def _name(noun: Noun, claim: Statement) -> str | None:
    """The part of a run of nouns that is a name: it ends like one, or the analyser says so."""
    if re.search(r"[A-Za-z]{2,}", noun.form):
        return noun.form
    ending = _ENDING.search(noun.form)
    if ending and len(noun.form) - len(ending[0]) >= 2 and len(noun.parts) > 1:
        return noun.form
    return noun.form if noun.is_name and len(noun.form) > 1 else None


def _is_known(name: str, noun: Noun, known: Known) -> bool:
    if known.has(name):
        return True
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
