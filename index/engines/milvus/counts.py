"""What is counted over all articles that a generation shows, kept so that a publication counts only changes."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from index.corpus import CorpusStatistics, FieldStatistics, NameTable, hash_term, hashes
from index.documents import ArticleHeader
from index.engines.milvus.versions import Content
from index.korean import FIELDS, passage_terms
from index.protocols import Terms, Vectors

_T = TypeVar("_T")
_KINDS = ("presses", "sections", "reporters", "days")


@dataclass(frozen=True)
class FieldCounts:
    """Of a lexical field: hashes of terms, rising, in how many passages each is, and all lengths together."""

    terms: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    passages: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    length: int = 0

    @classmethod
    def of(cls, passages: Iterable[Sequence[str]]) -> FieldCounts:
        """Counted over passages given by their terms."""
        counts: Counter[str] = Counter()
        length = 0
        for terms in passages:
            length += len(terms)
            counts.update(set(terms))
        found = hashes(counts)
        order = np.argsort(found)
        values = np.fromiter(counts.values(), np.int64, len(counts))
        return cls(found[order], values[order], length)

    def plus(self, other: FieldCounts, sign: int) -> FieldCounts:
        """Both together; with the sign -1 without the other."""
        both = np.concatenate([self.terms, other.terms])
        terms, places = np.unique(both, return_inverse=True)
        passages = np.zeros(len(terms), np.int64)
        np.add.at(passages, places, np.concatenate([self.passages, sign * other.passages]))
        kept = passages > 0
        return FieldCounts(terms[kept], passages[kept], self.length + sign * other.length)

    def statistics(self, passages: int) -> FieldStatistics:
        """As ranking needs it."""
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.passages)])
        average = max(self.length / passages, 1.0) if passages else 1.0
        return FieldStatistics(self.terms, starts, average)


@dataclass(frozen=True)
class Counts:
    """How many articles there are of each kind. Days are ordinals, reporters hashes."""

    articles: int = 0
    passages: int = 0
    fields: Mapping[str, FieldCounts] = field(
        default_factory=lambda: {name: FieldCounts() for name in FIELDS}
    )
    kinds: Mapping[str, Counter[str]] = field(
        default_factory=lambda: {kind: Counter() for kind in _KINDS}
    )
    names: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, articles: Sequence[tuple[ArticleHeader, Content]]) -> Counts:
        """Counted over some articles."""
        terms = [each for header, content in articles for each in terms_of(header, content)]
        headers = [header for header, _ in articles]
        return cls(
            articles=len(articles),
            passages=len(terms),
            fields={name: FieldCounts.of(each[name] for each in terms) for name in FIELDS},
            kinds={
                "presses": Counter(one.press for one in headers if one.press),
                "sections": Counter(one.section for one in headers if one.section),
                "reporters": Counter(
                    str(hash_term(name)) for one in headers for name in set(one.reporters)
                ),
                "days": Counter(str(d.toordinal()) for one in headers if (d := one.published_on)),
            },
            names=Counter(pair for _, content in articles for pair in content.names),
        )

    def plus(self, other: Counts, sign: int = 1) -> Counts:
        """Both together; with the sign -1 without the other."""
        return Counts(
            self.articles + sign * other.articles,
            self.passages + sign * other.passages,
            {name: self.fields[name].plus(other.fields[name], sign) for name in FIELDS},
            {kind: _sum(self.kinds[kind], other.kinds[kind], sign) for kind in _KINDS},
            _sum(self.names, other.names, sign),
        )

    def statistics(self, generation: int, spread: float, centroid: Vectors) -> CorpusStatistics:
        """As ranking needs it; ``spread`` and ``centroid`` as in ``CorpusStatistics``."""
        days = [date.fromordinal(int(day)) for day in self.kinds["days"]]
        reporters = np.fromiter(map(int, self.kinds["reporters"]), np.uint64)
        return CorpusStatistics(
            generation=generation,
            passages=self.passages,
            fields={name: one.statistics(self.passages) for name, one in self.fields.items()},
            cosine_spread=spread,
            centroid=centroid,
            first_day=min(days, default=None),
            last_day=max(days, default=None),
            presses=tuple(self.kinds["presses"]),
            sections=tuple(self.kinds["sections"]),
            reporters=np.sort(reporters),
            names=NameTable.of((*pair, count) for pair, count in self.names.items()),
        )

    def to_bytes(self) -> bytes:
        """A document that ``from_bytes`` reads."""
        facts = {
            "articles": self.articles,
            "passages": self.passages,
            "lengths": {name: one.length for name, one in self.fields.items()},
            "kinds": self.kinds,
            "names": [(*pair, count) for pair, count in self.names.items()],
        }
        arrays = {f"{name}.terms": one.terms for name, one in self.fields.items()}
        counted = {f"{name}.passages": one.passages for name, one in self.fields.items()}
        text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, facts=text, **arrays, **counted)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, document: bytes) -> Counts:
        """What ``to_bytes`` wrote."""
        with np.load(io.BytesIO(document), allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            fields = {
                name: FieldCounts(arrays[f"{name}.terms"], arrays[f"{name}.passages"], length)
                for name, length in facts["lengths"].items()
            }
        return cls(
            facts["articles"],
            facts["passages"],
            fields,
            {kind: Counter(facts["kinds"][kind]) for kind in _KINDS},
            Counter({(key, other): count for key, other, count in facts["names"]}),
        )


def terms_of(header: ArticleHeader, content: Content) -> list[Terms]:
    """The terms of each passage of an article."""
    return [passage_terms(header.title, content.text, *span) for span in content.spans]


def _sum(one: Counter[_T], other: Counter[_T], sign: int) -> Counter[_T]:
    total = Counter(one)
    for name, count in other.items():
        total[name] += sign * count
    return Counter({name: count for name, count in total.items() if count > 0})
