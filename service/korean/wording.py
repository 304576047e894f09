"""Words that say the same, and words that turn a sentence into its opposite: ``data/wording.toml``.

Forms are those of Kiwi's morphemes. Two words are synonyms if they stand in one *synonym set*; sets are not
joined, so 사용 and 집필 are not synonyms for being both 쓰다. Those of an *antonym pair* are synonyms only of
the words on their own side.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from service.korean.lexicon import LEXICON


def sense(form: str) -> str:
    """The word that stands for the commonest meaning of a word: the first of its first synonym set."""
    if found := side(form):
        pair, sign = found
        return f"±{pair}{sign:+}"
    sets = LEXICON["wording.synonym_sets"].sets
    return sets[min(meanings(form))][0] if meanings(form) else form


def meanings(form: str) -> frozenset[int]:
    """Numbers of the synonym sets that a word belongs to."""
    return _sets_of_words().get(form, frozenset())


def alike(form: str) -> frozenset[str]:
    """A word and its synonyms."""
    sets = LEXICON["wording.synonym_sets"].sets
    return frozenset({form}).union(*(sets[number] for number in meanings(form)))


def side(form: str) -> tuple[int, int] | None:
    """The antonym pair to which a word belongs, and its side: 1, -1 or between them 0."""
    return _sides().get(form)


@cache
def _sets_of_words() -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, words in enumerate(LEXICON["wording.synonym_sets"].sets):
        for word in words:
            found.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


@cache
def _sides() -> Mapping[str, tuple[int, int]]:
    return {
        word: (number, sign)
        for number, sides in enumerate(LEXICON["wording.antonym_pairs"].pairs)
        for sign, words in zip((1, -1, 0), sides, strict=False)
        for word in words
    }
