"""Hanja as they are read aloud: ``韓國銀行`` is 한국은행, ``韓·美`` 한·미, ``2025年`` 2025년, ``美 관세`` 미국 관세.

A reading has as many characters as the hanja, so offsets into the text stay right. Only a single hanja
that headlines write for a country, party or office stays as it is: it stands for a longer word, which
``expansion`` tells.

The readings are the order of KS X 1001, which sorts its 4,888 hanja by their reading in Hangul. Words that
are read otherwise than their letters, and glyphs of other countries, are listed beside it. Readings that
depend on the sense alone (``更新``) take the usual one. The lists are in ``data/hanja.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from index.lexicon import LEXICON

_LETTER = r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_RUN = LEXICON.expression(rf"{_LETTER}+(?:·{_LETTER}+)*")
_PARTS = LEXICON.expression(rf"{{hanja.words}}|{_LETTER}|·")


def is_hanja(letter: str) -> bool:
    """Whether a character is a hanja."""
    return re.fullmatch(_LETTER, letter) is not None


def read(text: str) -> str:
    """The text with its hanja in Hangul, letter for letter; unknown ones stay."""
    return _RUN.sub(_read_run, text)


def expansion(hanja: str) -> str:
    """The word that a single hanja of a headline stands for; itself, if for none."""
    return LEXICON["hanja.expansions"].texts.get(hanja, hanja)


def spell_out(text: str) -> str:
    """``read``, with the words that single hanja stand for; the length may change."""
    return re.sub(_LETTER, lambda match: expansion(match[0]), read(text))


def _read_run(match: re.Match[str]) -> str:
    run, before = match[0], match.string[max(match.start() - 1, 0) : match.start()]
    if run in LEXICON["hanja.expansions"] and not before.isdigit():  # 15日 is no Japan
        return run
    # A single one after a digit or Hangul begins no word: 2025年, 합격率.
    spoken = before if len(run) == 1 and (before.isdigit() or "가" <= before <= "힣") else ""
    given, parts = len(spoken), _PARTS.findall(run)
    words = LEXICON["hanja.words"].texts
    readings = [words.get(part) or _readings().get(part, part) for part in parts]
    for part, reading, after in zip(parts, readings, [*readings[1:], ""], strict=True):
        is_bu = part == "不" and ("다" <= after < "따" or "자" <= after < "짜")  # 부동산, 부정
        spoken += _sounding("부" if is_bu else reading, spoken[-1:])
    return spoken[given:]


# The first sound of a word changes (두음법칙): 녀 -> 여, 로 -> 노, 리 -> 이.
_L, _N, _SILENT = 5, 2, 11  # places of ㄹ, ㄴ and the silent initial
_I_LIKE = frozenset({2, 3, 6, 7, 12, 17, 20})  # ㅑ ㅒ ㅕ ㅖ ㅛ ㅠ ㅣ
_VOWELS, _FINALS = 21, 28


def _sounding(reading: str, before: str) -> str:
    """The reading of a hanja after the syllable ``before``, or at the beginning of a word."""
    if len(reading) > 1 or not "가" <= reading <= "힣":
        return reading
    initial, rest = divmod(ord(reading) - ord("가"), _VOWELS * _FINALS)
    vowel = rest // _FINALS
    if not before or before == "·":
        if vowel in _I_LIKE and initial in (_L, _N):
            initial = _SILENT
        elif initial == _L:
            initial = _N
    elif (
        reading in "률렬"
        and "가" <= before <= "힣"
        and (ord(before) - ord("가")) % _FINALS in (0, 4)
    ):
        initial = _SILENT  # 비율, 전열: after a vowel or ㄴ
    return chr(ord("가") + initial * _VOWELS * _FINALS + rest)


@cache
def _readings() -> dict[str, str]:
    """By hanja, its reading where it begins no word."""
    first = {h: reading for reading, h in LEXICON["hanja.first_of_reading"].texts.items()}
    readings: dict[str, str] = {}
    reading = ""
    for hanja in _in_order():
        reading = first.get(hanja, reading)
        readings[hanja] = reading
    readings |= LEXICON["hanja.rare_readings"].texts
    glyphs = LEXICON["hanja.glyphs"].texts
    return readings | {glyph: readings[standard] for glyph, standard in glyphs.items()}


def _in_order() -> Iterator[str]:
    """The hanja of KS X 1001 in its order, each at the place of its usual reading."""
    for lead in range(0xCA, 0xFE):
        for hanja in bytes(b for trail in range(0xA1, 0xFF) for b in (lead, trail)).decode(
            "euc_kr"
        ):
            # Unicode has the other readings of a letter as compatibility characters.
            if hanja < "\uf900":
                yield hanja
