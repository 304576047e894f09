"""Other spellings of a question: short and long names, letters, spacing, slips of the hand.

Each is the whole question written another way. The engine scores a passage by the spelling that fits it
best, as if the question had been asked so; nothing is added up. Short names are learned from the
articles themselves, which introduce them in brackets: ``광주과학기술원(GIST)``, ``한은(한국은행)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise, permutations

from index.corpus import CorpusStatistics
from index.korean import KoreanAnalyser
from index.letters import spelt_in_hangul, spelt_in_latin
from index.sentences import Token

MAX_VARIANTS = 5

_BRACKETED = re.compile(r"([가-힣A-Za-z][가-힣A-Za-z0-9·&.-]{0,29})\s?\(([^()]{1,40})\)")
_NAMES_WITHIN = re.compile(r"\s?[·,/=]\s?|\s?(?:이하|약칭|옛)\s")  # (KAIST·카이스트), (이하 한은)
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9&.-]{1,15}")
_HANGUL = re.compile(r"[가-힣]{1,15}")
_HANJA = re.compile(r"[\u4e00-\u9fff\uf900-\ufaff]{2,15}")
_MIN_TYPO_LETTERS = 3  # shorter words have too many neighbours


def alias_key(name: str) -> str:
    """Names that differ in case and spaces alone are one."""
    return "".join(name.split()).casefold()


def bracketed_names(text: str) -> set[tuple[str, str]]:
    """Pairs of a name and its other name, both ways round, that brackets introduce."""
    pairs: set[tuple[str, str]] = set()
    for match in _BRACKETED.finditer(text):
        one, inside = match.groups()
        names = [one, *(n for n in _NAMES_WITHIN.split(inside) if _are_names_of_one(one, n))]
        pairs |= set(permutations(names, 2))
    return pairs


def names_introduced(text: str) -> frozenset[tuple[str, str]]:
    """The same pairs, the first of each as ``alias_key``: what statistics count names by."""
    return frozenset((alias_key(name), other) for name, other in bracketed_names(text))


def _are_names_of_one(one: str, other: str) -> bool:
    if _HANGUL.fullmatch(one) and _LATIN.fullmatch(other):
        return _is_latin_name(other, one)
    if _LATIN.fullmatch(one) and _HANGUL.fullmatch(other):
        return _is_latin_name(one, other)
    if _HANGUL.fullmatch(one) and _HANJA.fullmatch(other):
        return len(one) == len(other)
    if _HANGUL.fullmatch(one) and _HANGUL.fullmatch(other):
        short, long = sorted((one, other), key=len)
        return 2 <= len(short) < len(long) - 1 and short[0] == long[0] and _abbreviates(short, long)
    return False


def _is_latin_name(latin: str, hangul: str) -> bool:
    """``GIST``, ``Nvidia``, and for a Hangul name of one syllable an abbreviation (``암(ARM)``).

    Not 3분기(Q3), 길이(m), 본부(HQ).
    """
    capitals = sum(map(str.isupper, latin))
    if len(hangul) == 1:
        return capitals == len(latin) >= 3
    return capitals >= 2 or (latin[0].isupper() and len(latin) >= 4)


def _abbreviates(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


def variants(question: str, analyser: KoreanAnalyser, corpus: CorpusStatistics) -> list[str]:
    """Other spellings of the question that the corpus knows, at most ``MAX_VARIANTS``."""
    tokens = analyser.tokens(question)
    known = _Known(corpus)
    found: dict[str, None] = {}
    for ways in (
        _other_names(question, tokens, corpus),
        _letter_by_letter(question, tokens, known),
        _joined(question, tokens, known),
        _repaired(question, tokens, known),
        _respelt(question, tokens, corpus),
    ):
        found |= dict.fromkeys(ways)
    found.pop(question, None)
    return list(found)[:MAX_VARIANTS]


class _Known:
    """Which words occur in the corpus."""

    def __init__(self, corpus: CorpusStatistics) -> None:
        self._corpus = corpus

    def __contains__(self, word: str) -> bool:
        return bool(self.among([word]))

    def among(self, words: Iterable[str]) -> dict[str, float]:
        """The known ones of the words with their idf, in their order."""
        return self._corpus.known("morphemes", words)


_NAMES = ("NNG", "NNP", "SL", "SH", "SN", "XSN", "XPN", "NNB", "W_SERIAL")
_MAX_NAME_TOKENS = 6


def _other_names(question: str, tokens: Sequence[Token], corpus: CorpusStatistics) -> Iterator[str]:
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


def _letter_by_letter(question: str, tokens: Sequence[Token], known: _Known) -> Iterator[str]:
    """``엘지전자`` as ``LG전자``, ``SKT`` as ``에스케이티``, if the corpus writes it so."""
    for token in tokens:
        if token.tag in {"NNG", "NNP", "SL"}:
            for word in (*spelt_in_latin(token.form), *spelt_in_hangul(token.form)):
                if word.lower() in known:
                    yield question[: token.start] + word + question[token.end :]


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


_HANGUL_WORD = re.compile(r"[가-힣]{3,}")


def _respelt(question: str, tokens: Sequence[Token], corpus: CorpusStatistics) -> Iterator[str]:
    """Words with one jamo changed, where only so all pairs of neighbouring letters occur in the corpus.

    Names that the analyser does not know come apart in unforeseeable ways; their letters stay (벡가온, 백가온).
    """
    words = list(_HANGUL_WORD.finditer(question))
    known = corpus.known("bigrams", {pair for match in words for pair in _pairs(match[0])})
    for match in words:
        word = match[0]
        unknown = [n for n, pair in enumerate(_pairs(word)) if pair not in known]
        if not unknown or unknown[-1] - unknown[0] > 1:
            continue  # nothing is wrong with it, or more than one letter
        wrong = sorted({unknown[-1], unknown[0] + 1})
        if any(t.tag[0] in "EJ" and t.start <= match.start() + min(wrong) < t.end for t in tokens):
            continue  # news hardly knows the endings of speech
        ways = {way: _pairs(way) for way in one_jamo_away(word, wrong)}
        pairs = corpus.known("bigrams", set(chain.from_iterable(ways.values())))
        fitting = [way for way, own in ways.items() if all(map(pairs.__contains__, own))]
        if fitting:
            best = min(fitting, key=lambda way: sum(map(pairs.__getitem__, ways[way])))
            yield question[: match.start()] + best + question[match.end() :]


def _pairs(word: str) -> list[str]:
    return [word[n : n + 2] for n in range(len(word) - 1)]


def _taken_apart(word: str, known: _Known) -> str | None:
    """The word in two parts that the corpus knows, each of two letters or more."""
    for at in range(len(word) - 2, 1, -1):
        if word[:at] in known and word[at:] in known:
            return f"{word[:at]} {word[at:]}"
    return None


_INITIALS, _VOWELS, _FINALS = 19, 21, 28


def one_jamo_away(word: str, places: Iterable[int] | None = None) -> Iterator[str]:
    """Every Hangul word that differs in one initial, vowel or final of one syllable, at ``places`` if they are given."""
    for place in range(len(word)) if places is None else places:
        code = ord(word[place]) - ord("가")
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
