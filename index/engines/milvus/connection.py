"""The connection to a Milvus server: deadlines, retries, and the errors of ours that its errors become.

Only this module calls pymilvus. Every call has a deadline; while the server can't be reached it is
repeated with growing pauses until then, and raises EngineUnavailable at last. A collection that lost
its place in memory (the server was restarted) is loaded again on the way.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from index.errors import EngineUnavailable

READ_S, WRITE_S = 10.0, 60.0
"""Deadlines of a call that reads and of one that writes, repetitions included, in seconds."""

PATIENCE = 0.2
"""For which part of its deadline a call is repeated while nothing listens: a question should hear soon."""

BATCH = 1_000
"""Ids in one condition, and rows read at a time, at most: Milvus allows 16,384."""

BATCH_BYTES = 8_000_000
"""Rows written in one call, about; servers refuse messages of 64 MB."""

SCHEME = "milvus+"

_T = TypeVar("_T")
Row = dict[str, Any]
Consistency = Literal["Strong", "Bounded"]


@dataclass(frozen=True)
class MilvusPlace:
    """Where an index is on a Milvus server, and how its collections are laid out there.

    ``alias`` begins the names of all its collections, and is Milvus's alias of the passages that are
    searched. ``consistency`` is that of searches alone (see the setting). ``index_type`` is that of the
    dense vectors. ``shards`` and ``replicas`` are those of collections that are made from now on.
    """

    uri: str = field(repr=False)
    alias: str = "gisa"
    token: str = field(default="", repr=False)
    database: str = ""
    shards: int = 1
    replicas: int = 1
    consistency: Consistency = "Bounded"
    index_type: str = "AUTOINDEX"

    def __str__(self) -> str:
        address = urlsplit(self.uri)
        bare = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
        return f"{SCHEME}{bare.rstrip('/')}/{self.alias}"


def parse_place(text: str) -> MilvusPlace | None:
    """The place that ``milvus+http://HOST:PORT/ALIAS`` names; None: it is no such address.

    Raises ValueError where the address lacks its host, or the alias is no name that Milvus takes.
    """
    if not text.startswith(SCHEME):
        return None
    address = urlsplit(text.removeprefix(SCHEME))
    alias = address.path.strip("/") or "gisa"
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(f"{text!r} is not of the form milvus+http://HOST:PORT/ALIAS")
    if not alias.isascii() or not alias.isidentifier():
        raise ValueError(f"the alias {alias!r} may have letters, digits and underscores alone")
    return MilvusPlace(f"{address.scheme}://{address.netloc}", alias)


class Connection:
    """A client of one server; any thread may call it.

    Raises EngineUnavailable, also on construction, and ImportError without the extra 'milvus'.
    """

    def __init__(self, place: MilvusPlace) -> None:
        from pymilvus import MilvusClient

        # What goes wrong is raised, and told once; pymilvus logs each attempt with a traceback.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self.place = place
        options = {"uri": place.uri, "token": place.token, "dedicated": True}
        self._client: Any = self._attempt(READ_S, lambda s: MilvusClient(**options, timeout=s))
        if place.database:
            if place.database not in self.call("list_databases"):
                self.call("create_database", db_name=place.database)
            self.call("use_database", db_name=place.database)

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def call(self, verb: str, *, within_s: float = READ_S, **options: Any) -> Any:
        """One call of pymilvus's client by name. Raises EngineUnavailable."""
        method = getattr(self._client, verb)
        return self._attempt(within_s, lambda s: method(**options, timeout=s), options)

    @cached_property
    def is_lite(self) -> bool:
        """Whether the server is the small stand-in, which has no indexes of lists."""
        return "lite" in str(self.call("get_server_version")).lower()

    # -- rows ------------------------------------------------------------------------------

    def rows(
        self,
        collection: str,
        condition: str,
        fields: Sequence[str],
        *,
        consistency: Consistency = "Strong",
    ) -> list[Row]:
        """The rows that meet a condition, all at once: for conditions that few rows meet."""
        found = self.call(
            "query",
            collection_name=collection,
            filter=condition,
            output_fields=list(fields),
            consistency_level=consistency,
        )
        return list(found)

    def among(
        self,
        collection: str,
        column: str,
        values: Sequence[str] | Sequence[int],
        fields: Sequence[str],
        *,
        also: str = "",
        consistency: Consistency = "Strong",
        batch: int = BATCH,
    ) -> list[Row]:
        """The rows whose column has one of the values, asked for in batches."""
        return [
            row
            for condition in conditions(column, values, also, batch)
            for row in self.rows(collection, condition, fields, consistency=consistency)
        ]

    def scan(
        self, collection: str, condition: str, fields: Sequence[str], batch: int = BATCH
    ) -> Iterator[list[Row]]:
        """All rows that meet a condition, in batches."""
        pages = self.call(
            "query_iterator",
            within_s=WRITE_S,
            collection_name=collection,
            filter=condition,
            output_fields=list({"id", *fields}),
            batch_size=batch,
            consistency_level="Strong",
        )
        try:
            while page := self._attempt(WRITE_S, lambda _: pages.next()):
                yield list(page)
        finally:
            pages.close()

    def count(self, collection: str, condition: str) -> int:
        """How many rows meet a condition."""
        (row,) = self.rows(collection, condition, ["count(*)"])
        return int(row["count(*)"])

    def write(self, collection: str, rows: Sequence[Row], *, partly: bool = False) -> None:
        """Insert rows or replace those of the same ids; ``partly``: only the columns that are given."""
        for batch in _writable(rows):
            self.call(
                "upsert",
                within_s=WRITE_S,
                collection_name=collection,
                data=batch,
                partial_update=partly,
            )

    def delete(self, collection: str, column: str, values: Sequence[str] | Sequence[int]) -> None:
        """Delete the rows whose column has one of the values."""
        for condition in conditions(column, values):
            self.delete_where(collection, condition)

    def delete_where(self, collection: str, condition: str) -> None:
        """Delete the rows that meet a condition."""
        self.call("delete", within_s=WRITE_S, collection_name=collection, filter=condition)

    def search(
        self,
        collection: str,
        column: str,
        vector: Any,
        condition: str,
        limit: int,
        consistency: Consistency,
    ) -> dict[str, float]:
        """By id, the inner products of the ``limit`` rows for which they are highest."""
        (hits,) = self.call(
            "search",
            collection_name=collection,
            data=[vector],
            anns_field=column,
            filter=condition,
            limit=limit,
            search_params={"metric_type": "IP"},
            output_fields=["id"],
            consistency_level=consistency,
        )
        return {str(hit["id"]): float(hit["distance"]) for hit in hits}

    # -- attempts --------------------------------------------------------------------------

    def _attempt(self, within_s: float, call: Any, options: Mapping[str, Any] = {}) -> Any:
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        started, pause_s = time.monotonic(), 0.05
        while True:
            try:
                return call(max(started + within_s - time.monotonic(), 0.1))
            except (MilvusException, RpcError, OSError) as error:
                passed_s = time.monotonic() - started
                if _is_not_loaded(error) and passed_s < within_s and "collection_name" in options:
                    self._load(options["collection_name"], within_s - passed_s)
                elif not _may_pass(error) or passed_s + pause_s > PATIENCE * within_s:
                    raise self._told(error) from error
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - so that clients spread
            pause_s = min(2 * pause_s, 1.0)

    def _load(self, collection: str, within_s: float) -> None:
        try:
            self._client.load_collection(collection_name=collection, timeout=within_s)
        except Exception as error:
            if not _may_pass(error):
                raise self._told(error) from error

    def _told(self, error: Exception) -> EngineUnavailable:
        return EngineUnavailable(self.place, " ".join(str(error).split())[:300])


def batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """The items in their order, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def conditions(
    column: str, values: Sequence[str] | Sequence[int], also: str = "", batch: int = BATCH
) -> Iterator[str]:
    """Conditions that a column has one of the values, for so many values each.

    Values are numbers, or ids that this package made: nothing that a user wrote comes into a condition.
    """
    for some in batches(list(dict.fromkeys(values)), batch):
        listed = ", ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in some)
        yield f"{column} in [{listed}]" + (f" and {also}" if also else "")


def _writable(rows: Sequence[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        weight = 200 + sum(map(_bytes, row.values()))
        if batch and (size + weight > BATCH_BYTES or len(batch) == BATCH):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch


def _bytes(value: object) -> int:
    if isinstance(value, str):
        return 3 * len(value)
    return 8 * len(value) if hasattr(value, "__len__") else 8


def _is_not_loaded(error: Exception) -> bool:
    return "not loaded" in str(error) or getattr(error, "code", None) == 101


def _may_pass(error: Exception) -> bool:
    """Whether the same call may work a little later: nothing listens, or the server is busy."""
    from grpc import StatusCode
    from pymilvus.exceptions import ErrorCode

    code = getattr(error, "code", None)
    code = code() if callable(code) else code
    busy = (StatusCode.UNAVAILABLE, 2, ErrorCode.RATE_LIMIT)
    return isinstance(error, OSError) or code in busy or "UNAVAILABLE" in str(error)
