"""What ranking must know of the corpus as a whole, and the arithmetic of BM25 that rests on it.

An engine computes a ``CorpusStatistics`` with each generation; readers hold it, so that no question waits
for it. Terms and names are known by 64-bit hashes (of three million terms, two share one with a
probability of 1 in 4 million), in sorted arrays that may be memory-mapped: no dictionary grows with the
corpus.

BM25 is an inner product: the question's side of a term is its idf, divided here by what the question
could reach at most (Lucene's BM25 saturates at idf · 1), the passage's side is tf / (tf + norm), with the
``length_norms`` of its field. A term that the corpus does not know counts with the highest idf, so a
question whose words are not in the corpus gets a small lexical score by itself.
"""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from index.documents import ArticleHeader

NAMES_PER_KEY = 2
"""Other names that are kept of a name: those that the most articles give."""

BESIDE = 0.25
"""What a word that was said beside the question weighs of one within it."""

_K1, _B = 1.2, 0.75  # Lucene's defaults; chosen no further

Hashes = NDArray[np.uint64]
Starts = NDArray[np.int64]


def hash_term(term: str) -> int:
    """64 bits, unsigned; the same on every machine."""
    return int.from_bytes(_digest(term))


def hashes(terms: Iterable[str]) -> Hashes:
    """The hashes of some terms, in their order."""
    return np.frombuffer(b"".join(map(_digest, terms)), dtype=">u8").astype(np.uint64)


def _digest(term: str) -> bytes:
    return blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def length_norms(lengths: NDArray[np.uint32], average_length: float) -> NDArray[np.float32]:
    """What BM25 adds to a term's count in passages of so many terms: count / (count + norm) is scored."""
    of_average = np.float32(_B / average_length) * lengths.astype(np.float32)
    norms: NDArray[np.float32] = np.float32(_K1) * (np.float32(1 - _B) + of_average)
    return norms


def cosine_spread(vectors: NDArray[np.float32]) -> float:
    """Standard deviation of the cosines between unit vectors: the unit of an embedder's scores."""
    if len(vectors) < 3:
        return 0.0
    cosines = vectors @ vectors.T
    return float(np.std(cosines[np.triu_indices(len(vectors), k=1)]))


def centroid(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of some vectors; empty if there are none."""
    if not len(vectors):
        return np.zeros(0, dtype=np.float32)
    mean: NDArray[np.float32] = vectors.mean(axis=0, dtype=np.float32)
    return mean


def _no_hashes() -> Hashes:
    return np.zeros(0, dtype=np.uint64)


def _no_starts() -> Starts:
    return np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class FieldStatistics:
    """In how many passages each term of a lexical field occurs.

    ``terms`` are hashes, rising; ``starts`` are running sums: term t is in ``starts[t + 1] - starts[t]``
    passages (so inverted lists need no second array). ``average_length``, in terms, is at least 1.
    """

    terms: Hashes = field(default_factory=_no_hashes)
    starts: Starts = field(default_factory=_no_starts)
    average_length: float = 1.0

    def __post_init__(self) -> None:
        _check_starts(self.terms, self.starts)

    @classmethod
    def of(cls, passages: Iterable[Sequence[str]]) -> FieldStatistics:
        """Counted over passages given by their terms."""
        counts: Counter[str] = Counter()
        number = total = 0
        for terms in passages:
            number, total = number + 1, total + len(terms)
            counts.update(set(terms))
        found = hashes(counts)
        order = np.argsort(found)
        frequencies = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))[order]
        starts = np.concatenate([_no_starts(), np.cumsum(frequencies)])
        return cls(found[order], starts, max(total / number, 1.0) if number else 1.0)

    def places(self, terms: Sequence[str]) -> list[int | None]:
        """Where each term is in ``terms``; None: no passage has it. Looked up all at once."""
        return _places(self.terms, terms)

    def frequencies(self, terms: Sequence[str]) -> list[int]:
        """In how many passages each term occurs."""
        return [
            0 if place is None else int(self.starts[place + 1] - self.starts[place])
            for place in self.places(terms)
        ]


def _check_starts(keys: Hashes, starts: Starts) -> None:
    if len(starts) != len(keys) + 1:
        raise ValueError(f"{len(keys)} keys have {len(starts)} starts, not one more")


def _places(known: Hashes, terms: Sequence[str]) -> list[int | None]:
    if not len(known):
        return [None] * len(terms)
    wanted = hashes(terms)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    there = known[at] == wanted
    found = zip(at.tolist(), there.tolist(), strict=True)
    return [place if is_there else None for place, is_there in found]


@dataclass(frozen=True, eq=False)
class NameTable:
    """The other names of names that articles introduce in brackets.

    ``keys`` are hashes of ``index.variants.alias_key``, rising; the names of key k are
    ``text[starts[k]:starts[k + 1]]``, UTF-8, separated by line breaks.
    """

    keys: Hashes = field(default_factory=_no_hashes)
    starts: Starts = field(default_factory=_no_starts)
    text: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))

    def __post_init__(self) -> None:
        _check_starts(self.keys, self.starts)

    @classmethod
    def of(cls, counts: Iterable[tuple[str, str, int]]) -> NameTable:
        """From keys, other names, and how many articles give the one for the other."""
        by_key: dict[str, list[tuple[int, str]]] = {}
        for key, other, articles in counts:
            by_key.setdefault(key, []).append((-articles, other))
        found = hashes(by_key)
        order = np.argsort(found)
        all_texts = [_most_given(others).encode() for others in by_key.values()]
        texts = [all_texts[i] for i in order.tolist()]
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        starts = np.concatenate([_no_starts(), np.cumsum(lengths)])
        return cls(found[order], starts, np.frombuffer(b"".join(texts), dtype=np.uint8))

    def names(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """By key, the other names; keys without any are left out."""
        found = {}
        for key, place in zip(keys, _places(self.keys, keys), strict=True):
            if place is not None:
                piece = self.text[self.starts[place] : self.starts[place + 1]]
                found[key] = piece.tobytes().decode().split("\n")
        return found


def _most_given(others: list[tuple[int, str]]) -> str:
    if len(others) == 1:  # as nearly all
        return others[0][1]
    return "\n".join(name for _, name in sorted(others)[:NAMES_PER_KEY])


@dataclass(frozen=True, eq=False)
class CorpusStatistics:
    """One generation of a corpus, as far as ranking and understanding a question must know it.

    ``cosine_spread`` is the standard deviation of the cosine between two passages, ``centroid`` the mean of their
    vectors, so that a vector's product with it is its mean cosine with them (empty: there are none); days are those of
    publication in Seoul, None where no article has one; ``reporters`` are hashes, rising.
    """

    generation: int = 0
    passages: int = 0
    fields: Mapping[str, FieldStatistics] = field(default_factory=dict)
    cosine_spread: float = 0.0
    centroid: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    first_day: date | None = None
    last_day: date | None = None
    presses: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    reporters: Hashes = field(default_factory=_no_hashes)
    names: NameTable = field(default_factory=NameTable)

    @classmethod
    def of(
        cls,
        generation: int,
        articles: Sequence[ArticleHeader],
        names: Iterable[tuple[str, str]],
        passages: Sequence[Mapping[str, Sequence[str]]],
        vectors: NDArray[np.float32],
    ) -> CorpusStatistics:
        """Counted over a whole corpus: an engine that keeps its own counts gives these instead.

        ``names`` are the pairs of ``index.variants.names_introduced``, once for each article;
        ``passages`` are given by their terms, ``vectors`` has a row for each.
        """
        days = [article.published_on for article in articles if article.published_on]
        fields = {name for terms in passages for name in terms}
        reporters = {reporter for article in articles for reporter in article.reporters}
        return cls(
            generation=generation,
            passages=len(passages),
            fields={name: FieldStatistics.of(terms[name] for terms in passages) for name in fields},
            cosine_spread=cosine_spread(vectors),
            centroid=centroid(vectors),
            first_day=min(days, default=None),
            last_day=max(days, default=None),
            presses=_distinct(article.press for article in articles),
            sections=_distinct(article.section for article in articles),
            reporters=np.sort(hashes(reporters)),
            names=NameTable.of((*pair, articles) for pair, articles in Counter(names).items()),
        )

    def idf(self, field: str, terms: Iterable[str]) -> dict[str, float]:
        """How rare each term is; those that no passage has, have the highest value."""
        return {term: self._idf(count) for term, count in self._frequencies(field, terms).items()}

    def known(self, field: str, terms: Iterable[str]) -> dict[str, float]:
        """Those of the terms that some passage has, with their idf, in their order."""
        found = self._frequencies(field, terms).items()
        return {term: self._idf(frequency) for term, frequency in found if frequency}

    def weights(
        self, field: str, terms: Iterable[str], beside: Iterable[str] = ()
    ) -> dict[str, float]:
        """The share of each known term in the score that the terms could reach together.

        Terms ``beside`` the question weigh less. Shares of unknown terms are missing, so the sum tells how much of
        a question the corpus knows.
        """
        factors = dict.fromkeys(beside, BESIDE) | dict.fromkeys(terms, 1.0)
        found = self._frequencies(field, factors)
        idf = {term: factors[term] * self._idf(count) for term, count in found.items()}
        attainable = sum(idf.values())
        return {term: idf[term] / attainable for term, frequency in found.items() if frequency}

    def aliases(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """By ``index.variants.alias_key``, the other names that articles introduce in brackets."""
        return self.names.names(keys)

    def has_reporter(self, name: str) -> bool:
        """Whether an article names this reporter."""
        return _places(self.reporters, [name]) != [None]

    def _frequencies(self, field: str, terms: Iterable[str]) -> dict[str, int]:
        distinct = list(dict.fromkeys(terms))
        found = self.fields.get(field, _NO_FIELD).frequencies(distinct)
        return dict(zip(distinct, found, strict=True))

    def _idf(self, frequency: int) -> float:
        return math.log1p((self.passages - frequency + 0.5) / (frequency + 0.5))

    def to_bytes(self) -> bytes:
        """A document that ``from_bytes`` reads, on any machine."""
        facts: dict[str, Any] = {
            "generation": self.generation,
            "passages": self.passages,
            "average_lengths": {name: f.average_length for name, f in self.fields.items()},
            "cosine_spread": self.cosine_spread,
            "first_day": self.first_day.isoformat() if self.first_day else None,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "presses": self.presses,
            "sections": self.sections,
        }
        arrays: dict[str, NDArray[Any]] = {
            "reporters": self.reporters,
            "centroid": self.centroid,
            "names/keys": self.names.keys,
        }
        arrays |= {"names/starts": self.names.starts, "names/text": self.names.text}
        for name, found in self.fields.items():
            arrays |= {f"{name}.terms": found.terms, f"{name}.starts": found.starts}
        file = io.BytesIO()
        facts_text = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
        np.savez_compressed(file, allow_pickle=False, facts=facts_text, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, document: bytes) -> CorpusStatistics:
        """Raises ValueError for what ``to_bytes`` did not write."""
        try:
            with np.load(io.BytesIO(document), allow_pickle=False) as arrays:
                return cls._from_arrays(arrays)
        except _BROKEN as error:
            raise ValueError(f"these are no statistics of a corpus: {error}") from error

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> CorpusStatistics:
        facts: dict[str, Any] = json.loads(arrays["facts"].tobytes())
        averages: dict[str, float] = facts.pop("average_lengths")
        for name in ("first_day", "last_day"):
            facts[name] = date.fromisoformat(facts[name]) if facts[name] else None
        for name in ("presses", "sections"):
            facts[name] = tuple(facts[name])
        names = NameTable(*(arrays[f"names/{part}"] for part in ("keys", "starts", "text")))
        fields = {
            name: FieldStatistics(arrays[f"{name}.terms"], arrays[f"{name}.starts"], average)
            for name, average in averages.items()
        }
        reporters, mean = arrays["reporters"], arrays["centroid"]
        return cls(**facts, fields=fields, reporters=reporters, names=names, centroid=mean)


def _distinct(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


_NO_FIELD = FieldStatistics()
_BROKEN = (KeyError, TypeError, AttributeError, OSError, EOFError, BadZipFile)
