"""The words that the service knows beside those of the index: one table each, in ``data/*.toml``."""

from __future__ import annotations

import index
from index import Lexicon

LEXICON = Lexicon("service.korean", base=index.LEXICON)
"""The tables of the service, and behind them those of the index."""
