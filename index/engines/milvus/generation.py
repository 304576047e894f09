"""A generation as it was published: which collection holds its passages, and its statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from index.corpus import CorpusStatistics
from index.engines.milvus.connection import Connection
from index.engines.milvus.counts import Counts
from index.engines.milvus.schema import Names, read_fact, read_pieces, write_fact
from index.engines.milvus.versions import Versions
from index.errors import IndexCorrupt

KEPT_S = 120.0
"""How long what a former generation shows is kept, in seconds: longer than an answer takes."""

_FACT = "generation"


@dataclass(frozen=True)
class Store:
    """The server, what the collections of one index are called there, and its versions."""

    connection: Connection
    names: Names
    versions: Versions

    @classmethod
    def of(cls, connection: Connection) -> Store:
        """That of the connection's place."""
        names = Names(connection.place.alias)
        return cls(connection, names, Versions(connection, names))


@dataclass(frozen=True)
class Target:
    """A collection of passages: its number, what embedded them, the averages they were written with."""

    number: int
    embedder: str
    dimension: int
    averages: Mapping[str, float]


@dataclass(frozen=True)
class Manifest:
    """What a generation shows. ``former`` are the generations before that may still be read, the newest last:
    number, collection, and when they were replaced (Unix time, in seconds)."""

    generation: int
    passages_in: Target
    analyser: str
    articles: int
    former: tuple[tuple[int, int, float], ...] = ()

    @property
    def token(self) -> str:
        """Names the generation in reads that follow a search."""
        return f"{self.generation}-{self.passages_in.number}"


def collection_of(token: str) -> int:
    """The number of the collection that the passages found under a token are in."""
    return int(token.partition("-")[2])


def read_manifest(store: Store) -> Manifest | None:
    """That of the newest generation; None: nothing was published yet."""
    fields = read_fact(store.connection, store.names, _FACT)
    return None if fields is None else _manifest(fields)


def _manifest(fields: dict[str, Any]) -> Manifest:
    former = tuple((number, found_in, at) for number, found_in, at in fields.pop("former"))
    return Manifest(passages_in=Target(**fields.pop("passages_in")), former=former, **fields)


def write_manifest(store: Store, manifest: Manifest) -> None:
    """From now on the generation is the newest: the one write that publishes it."""
    write_fact(store.connection, store.names, _FACT, asdict(manifest))


def statistics_owner(generation: int) -> str:
    """Whose pieces are the statistics of a generation."""
    return f"statistics-{generation}"


def counts_owner(generation: int) -> str:
    """Whose pieces are the counts of a generation."""
    return f"counts-{generation}"


def read_statistics(store: Store, manifest: Manifest) -> CorpusStatistics:
    """Raises IndexCorrupt."""
    try:
        return CorpusStatistics.from_bytes(_document(store, statistics_owner(manifest.generation)))
    except (KeyError, ValueError) as error:
        raise _corrupt(store, manifest, error) from error


def read_counts(store: Store, manifest: Manifest) -> Counts:
    """Raises IndexCorrupt."""
    try:
        return Counts.from_bytes(_document(store, counts_owner(manifest.generation)))
    except (KeyError, ValueError) as error:
        raise _corrupt(store, manifest, error) from error


def _document(store: Store, owner: str) -> bytes:
    return read_pieces(store.connection, store.names, [owner])[owner]


def _corrupt(store: Store, manifest: Manifest, error: Exception) -> IndexCorrupt:
    told = f"the statistics of generation {manifest.generation} can't be read: {error!r}"
    return IndexCorrupt(told, path=str(store.connection.place))
