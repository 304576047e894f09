"""Words that say the same: ``data/wording.toml``.

Forms are those of Kiwi's morphemes. Two words are synonyms if they stand in one *synonym set*; sets are not
joined, so 사용 and 집필 are not synonyms for being both 쓰다.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from service.korean.lexicon import LEXICON


def meanings(form: str) -> frozenset[int]:
    """Numbers of the synonym sets that a word belongs to."""
    return _sets_of_words().get(form, frozenset())


def alike(form: str) -> frozenset[str]:
    """A word and its synonyms."""
    sets = LEXICON["wording.synonym_sets"].sets
    return frozenset({form}).union(*(sets[number] for number in meanings(form)))


@cache
def _sets_of_words() -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, words in enumerate(LEXICON["wording.synonym_sets"].sets):
        for word in words:
            found.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}
