"""The words that the service knows beside those of the index: one table each, in ``data/*.toml``."""

from __future__ import annotations

import index
from index import Lexicon

LEXICON = Lexicon("service.korean", base=index.LEXICON)
"""The tables of the service, and behind them those of the index."""

TITLE = "{names.titles|names.honorifics}"
"""For expressions: what stands behind the name of a person."""


def is_title(word: str) -> bool:
    """Whether a word is an office, an occupation or an honorific."""
    return word in LEXICON["names.titles"] or word in LEXICON["names.honorifics"]
