"""Other spellings of a question: short and long names, spacing, hanja, slips of the hand.

Each is the whole question written another way. The engine scores a passage by the spelling that fits it
best, as if the question had been asked so; nothing is added up. Short names are learned from the
articles themselves, which introduce them in brackets: ``광주과학기술원(GIST)``, ``한은(한국은행)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

from index.korean import KoreanAnalyser, Token

MAX_VARIANTS = 4

_BRACKETED = re.compile(r"([가-힣A-Za-z][가-힣A-Za-z0-9·&.-]{0,29})\s?\(([^()\s]{1,30})\)")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9&.-]{1,15}")
_HANGUL = re.compile(r"[가-힣]{1,15}")
_HANJA = re.compile(r"[\u4e00-\u9fff\uf900-\ufaff]{2,15}")
_MIN_TYPO_LETTERS = 3  # shorter words have too many neighbours


class Vocabulary(Protocol):
    """What variants need to know of the corpus (``index.protocols.Engine`` has it)."""

    def idf(self, field: str, terms: Iterable[str]) -> Mapping[str, float]: ...
    def aliases(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]: ...


def alias_key(name: str) -> str:
    """Names that differ in case and spaces alone are one."""
    return "".join(name.split()).casefold()


def bracketed_names(text: str) -> set[tuple[str, str]]:
    """Pairs of a name and its other name, both ways round, that brackets introduce."""
    pairs: set[tuple[str, str]] = set()
    for match in _BRACKETED.finditer(text):
        one, other = match.groups()
        if _are_names_of_one(one, other):
            pairs |= {(one, other), (other, one)}
    return pairs


def _are_names_of_one(one: str, other: str) -> bool:
    if _HANGUL.fullmatch(one) and _LATIN.fullmatch(other):
        # 3분기(Q3), 길이(m): what stands before an abbreviation is its name if it is long enough.
        return len(one) >= 2 and sum(map(str.isupper, other)) >= 2
    if _LATIN.fullmatch(one) and _HANGUL.fullmatch(other):
        return len(other) >= 2 and sum(map(str.isupper, one)) >= 2
    if _HANGUL.fullmatch(one) and _HANJA.fullmatch(other):
        return len(one) == len(other)
    if _HANGUL.fullmatch(one) and _HANGUL.fullmatch(other):
        short, long = sorted((one, other), key=len)
        return 2 <= len(short) < len(long) - 1 and short[0] == long[0] and _abbreviates(short, long)
    return False


def _abbreviates(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


# Single characters that headlines write for countries, parties and offices.
_HEADLINE_HANJA = {
    "美": "미국", "中": "중국", "日": "일본", "北": "북한", "韓": "한국", "英": "영국", "佛": "프랑스", "獨": "독일", "露": "러시아",
    "印": "인도", "臺": "대만", "與": "여당", "野": "야당", "靑": "청와대", "檢": "검찰", "警": "경찰", "軍": "군", "銀": "은행", "株": "주식",
    "外": "외국", "前": "전", "故": "고", "新": "신", "李": "이", "尹": "윤", "文": "문", "朴": "박", "金": "김", "安": "안", "洪": "홍",
}  # fmt: skip


def variants(question: str, analyser: KoreanAnalyser, corpus: Vocabulary) -> list[str]:
    """Other spellings of the question that the corpus knows, at most ``MAX_VARIANTS``."""
    tokens = analyser.tokens(question)
    known = _Known(corpus)
    found: dict[str, None] = {}
    for ways in (
        _other_names(question, tokens, corpus),
        _read_hanja(question, tokens),
        _joined(question, tokens, known),
        _repaired(question, tokens, known),
    ):
        found |= dict.fromkeys(ways)
    found.pop(question, None)
    return list(found)[:MAX_VARIANTS]


class _Known:
    """Which words occur in the corpus."""

    def __init__(self, corpus: Vocabulary) -> None:
        self._corpus = corpus
        (self._unknown,) = corpus.idf("morphemes", ["\0"]).values()

    def __contains__(self, word: str) -> bool:
        return bool(self.among([word]))

    def among(self, words: Iterable[str]) -> dict[str, float]:
        """The known ones of the words with their idf, in their order."""
        values = self._corpus.idf("morphemes", words)
        return {word: idf for word, idf in values.items() if idf < self._unknown - 1e-9}


_NAMES = ("NNG", "NNP", "SL", "SH", "SN", "XSN", "XPN", "NNB", "W_SERIAL")
_MAX_NAME_TOKENS = 6


def _other_names(question: str, tokens: Sequence[Token], corpus: Vocabulary) -> Iterator[str]:
    spans = list(_name_spans(tokens))
    if not spans:
        return
    keys = [alias_key(question[start:end]) for start, end in spans]
    aliases = corpus.aliases(keys)
    taken = 0
    for (start, end), key in zip(spans, keys, strict=True):
        if start >= taken and (others := aliases.get(key)):
            taken = end  # the longest name from here on; spans come longest first
            for other in others:
                yield question[:start] + other + question[end:]


def _name_spans(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Where names may lie: runs of nouns, from each start the longest first."""
    for first, token in enumerate(tokens):
        if token.tag not in _NAMES:
            continue
        last = first
        while last + 1 < len(tokens) and tokens[last + 1].tag in _NAMES:
            last += 1
        for end in range(min(last, first + _MAX_NAME_TOKENS - 1), first - 1, -1):
            yield token.start, tokens[end].end


def _read_hanja(question: str, tokens: Sequence[Token]) -> Iterator[str]:
    text = question
    for token in tokens:
        if token.tag == "SH" and token.form in _HEADLINE_HANJA:
            text = text.replace(token.form, _HEADLINE_HANJA[token.form], 1)
    if text != question:
        yield text


def _joined(question: str, tokens: Sequence[Token], known: _Known) -> Iterator[str]:
    """``한국 은행`` as ``한국은행``, if the corpus has that word."""
    for one, other in pairwise(tokens):
        apart = question[one.end : other.start]
        both_nouns = one.tag in {"NNG", "NNP"} and other.tag in {"NNG", "NNP"}
        if both_nouns and apart.isspace() and one.form + other.form in known:
            yield question[: one.end] + question[other.start :]


def _repaired(question: str, tokens: Sequence[Token], known: _Known) -> Iterator[str]:
    """Words that the corpus does not know: taken apart, or with one jamo changed."""
    for token in tokens:
        word = token.form
        if token.tag not in {"NNG", "NNP"} or len(word) < _MIN_TYPO_LETTERS or word in known:
            continue
        before, after = question[: token.start], question[token.end :]
        if parts := _taken_apart(word, known):
            yield f"{before}{parts}{after}"
        elif near := known.among(one_jamo_away(word)):
            yield before + min(near, key=near.__getitem__) + after


def _taken_apart(word: str, known: _Known) -> str | None:
    """The word in two parts that the corpus knows, each of two letters or more."""
    for at in range(len(word) - 2, 1, -1):
        if word[:at] in known and word[at:] in known:
            return f"{word[:at]} {word[at:]}"
    return None


_INITIALS, _VOWELS, _FINALS = 19, 21, 28


def one_jamo_away(word: str) -> Iterator[str]:
    """Every Hangul word that differs in one initial, vowel or final of one syllable."""
    for place, syllable in enumerate(word):
        code = ord(syllable) - ord("가")
        if not 0 <= code < _INITIALS * _VOWELS * _FINALS:
            continue
        initial, rest = divmod(code, _VOWELS * _FINALS)
        vowel, final = divmod(rest, _FINALS)
        near = [(other, vowel, final) for other in range(_INITIALS) if other != initial]
        near += [(initial, other, final) for other in range(_VOWELS) if other != vowel]
        near += [(initial, vowel, other) for other in range(_FINALS) if other != final]
        for i, v, f in near:
            letter = chr(ord("가") + (i * _VOWELS + v) * _FINALS + f)
            yield word[:place] + letter + word[place + 1 :]
