"""Latin letters by their Korean names: ``SKT`` and 에스케이티, ``LG전자`` and 엘지전자, ``ARM`` and 에이알엠."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product

# By letter its names, the standard one (외래어 표기법) first, then those that companies use.
_NAMES = {
    "A": "에이", "B": "비", "C": "시 씨", "D": "디", "E": "이", "F": "에프", "G": "지", "H": "에이치", "I": "아이", "J": "제이",
    "K": "케이", "L": "엘", "M": "엠", "N": "엔", "O": "오", "P": "피", "Q": "큐", "R": "아르 알", "S": "에스", "T": "티", "U": "유",
    "V": "브이", "W": "더블유", "X": "엑스", "Y": "와이", "Z": "제트 지",
}  # fmt: skip
_LETTERS = {name: letter for letter, names in _NAMES.items() for name in reversed(names.split())}
_LETTERS["지"] = "G"  # also a name of Z, which is rarer
_SPELT = re.compile("|".join(sorted(_LETTERS, key=len, reverse=True)))
_ABBREVIATION = re.compile(r"[A-Z]{2,6}(?![A-Za-z])")
_MAX_SPELLINGS = 4
_MIN_SYLLABLES = 3  # 오지, 시티, 유지 are words


def spelt_in_hangul(word: str) -> Iterator[str]:
    """``LG전자`` -> 엘지전자; nothing for a word that begins with no abbreviation."""
    if abbreviation := _ABBREVIATION.match(word):
        names = (_NAMES[letter].split() for letter in abbreviation[0])
        for spelling in islice(product(*names), _MAX_SPELLINGS):
            yield "".join(spelling) + word[abbreviation.end() :]


def spelt_in_latin(word: str) -> Iterator[str]:
    """``엘지전자`` -> LG전자: each way to read the beginning of the word as two letters or more."""
    letters, at = "", 0
    while name := _SPELT.match(word, at):
        letters, at = letters + _LETTERS[name[0]], name.end()
        if len(letters) > 1 and len(word) >= _MIN_SYLLABLES:
            yield letters + word[at:]
