"""Latin letters by their Korean names: ``SKT`` and 에스케이티, ``LG전자`` and 엘지전자, ``ARM`` and 에이알엠."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, product

from index.lexicon import LEXICON

_ABBREVIATION = re.compile(r"[A-Z]{2,6}(?![A-Za-z])")
_MAX_SPELLINGS = 4
_MIN_SYLLABLES = 3  # 오지, 시티, 유지 are words


def spelt_in_hangul(word: str) -> Iterator[str]:
    """``LG전자`` -> 엘지전자; nothing for a word that begins with no abbreviation."""
    if abbreviation := _ABBREVIATION.match(word):
        names = (_names()[letter] for letter in abbreviation[0])
        for spelling in islice(product(*names), _MAX_SPELLINGS):
            yield "".join(spelling) + word[abbreviation.end() :]


def spelt_in_latin(word: str) -> Iterator[str]:
    """``엘지전자`` -> LG전자: each way to read the beginning of the word as two letters or more."""
    letters, at = "", 0
    while name := _spelt().match(word, at):
        letters, at = letters + _letters()[name[0]], name.end()
        if len(letters) > 1 and len(word) >= _MIN_SYLLABLES:
            yield letters + word[at:]


@cache
def _names() -> Mapping[str, Sequence[str]]:
    return {letter: names for letter, *names in LEXICON["korean.letters"].sets}


@cache
def _letters() -> Mapping[str, str]:
    """By name its letter, the first of the alphabet: 지 is G, as it is also, more rarely, Z."""
    pairs = ((name, letter) for letter, names in _names().items() for name in names)
    return dict(reversed(list(pairs)))


@cache
def _spelt() -> re.Pattern[str]:
    return re.compile("|".join(sorted(_letters(), key=len, reverse=True)))
