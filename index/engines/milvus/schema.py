"""The collections of an index on a Milvus server.

``ALIAS_meta``      one row a fact, JSON: the recipes, the generation that is shown, what a writer is doing
``ALIAS_articles``  one row per version of an article: all that finds it, and how it belongs with others
``ALIAS_texts``     what is large, in pieces: texts, vectors of sentences, statistics
``ALIAS_passages_NNNNNN``  one row per passage: vectors, text, and what filters ask for

A generation names the collection of its passages; a rebuild fills another. Numbers stand for names in
all that is asked for (``number_of``), so no text of an article or a question is ever part of an expression.

A version and its passages are shown in the generations from ``since`` on and before ``until``. So what is
written for the next generation is seen by nobody before that is published, all at once.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from index.corpus import hash_term
from index.engines.milvus.connection import WRITE_S, Connection, Consistency, Row, batches
from index.errors import ArticleTooLarge

MAX_BYTES: Final = 65_535
"""Of a VARCHAR. Milvus counts bytes, its small stand-in characters: so we count."""

MAX_NAMES: Final = 1_024
"""Of reporters, and of labels, that an article may have."""

NEVER: Final = 1 << 60
"""The generation before which something is shown that nothing has replaced."""

CURRENT, SUPERSEDED, REMOVED = 0, 1, 2
"""States of a version. One that was removed is kept, unread, until it is counted out of the statistics."""

_PIECE_BYTES = 60_000


class Names:
    """What the collections of an index are called."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.meta, self.articles, self.texts = (
            f"{alias}_{part}" for part in ("meta", "articles", "texts")
        )
        self._passages = f"{alias}_passages_"

    def passages(self, number: int) -> str:
        """The collection of passages of that number."""
        return f"{self._passages}{number:06d}"

    def number(self, collection: str) -> int | None:
        """The number of a collection of passages of this index; None: it is none."""
        rest = collection.removeprefix(self._passages)
        return int(rest) if rest != collection and rest.isdecimal() else None


def number_of(name: str | None) -> int:
    """63 bits that stand for a name: of a hundred million, two share one with a probability of 1 in 1,800.

    Where names are keys they are compared again after they were found.
    """
    return hash_term(name) >> 1 if name else 0


def create_collections(connection: Connection, names: Names) -> None:
    """Make those that don't depend on an embedder and are not there."""
    integers = dict.fromkeys(
        ("key", "public", "state", "since", "until", "sequence", "day", "press"), "INT64"
    )
    integers |= dict.fromkeys(("section", "leader", "recipe", "passages"), "INT64")
    lists = {"reporters": "ARRAY", "labels": "ARRAY"}
    texts = {"links": "VARCHAR", "header": "VARCHAR"}
    _create(connection, names.meta, {"value": "VARCHAR"})
    _create(connection, names.texts, {"owner": "VARCHAR", "number": "INT64", "data": "VARCHAR"})
    # Last: where it is, all are.
    _create(connection, names.articles, integers | lists | texts)


def create_passages(connection: Connection, collection: str, dimension: int) -> None:
    """Make a collection of passages, if it is not there."""
    integers = ("key", "ordinal", "start", "stop", "since", "until", "day", "press", "section")
    fields = dict.fromkeys((*integers, "lot"), "INT64")
    fields |= {"text": "VARCHAR", "content": "VARCHAR", "reporters": "ARRAY", "lengths": "ARRAY"}
    _create(connection, collection, fields, dimension=dimension)


def drop_collections(connection: Connection, names: Names) -> None:
    """Delete all collections of an index, and its alias."""
    if names.alias in connection.call("list_aliases", collection_name="")["aliases"]:
        connection.call("drop_alias", alias=names.alias)
    own = {names.meta, names.articles, names.texts}
    for collection in connection.call("list_collections"):
        if collection in own or names.number(collection) is not None:
            connection.call("drop_collection", within_s=WRITE_S, collection_name=collection)


_INDEXED = frozenset(
    "key public state until leader recipe day press section sequence labels reporters owner text lot".split()
)


def _create(
    connection: Connection, collection: str, fields: Mapping[str, str], *, dimension: int = 0
) -> None:
    """Make a collection, or what is missing of one whose maker was stopped.

    With a dimension, rows have the vectors ``dense`` and ``sparse``; else one that says nothing, since
    Milvus wants one in each collection.
    """
    indexes = _indexes(connection, fields, dimension)
    if not connection.call("has_collection", collection_name=collection):
        connection.call(
            "create_collection",
            within_s=WRITE_S,
            collection_name=collection,
            schema=_schema(fields, dimension),
            num_shards=connection.place.shards,
            consistency_level="Bounded",
        )
    elif len(connection.call("list_indexes", collection_name=collection)) == len(indexes):
        return
    # An index of no rows needs no waiting for; loading waits for it.
    connection.call(
        "create_index",
        within_s=WRITE_S,
        collection_name=collection,
        index_params=indexes,
        sync=False,
    )
    connection.call(
        "load_collection",
        within_s=WRITE_S,
        collection_name=collection,
        replica_number=connection.place.replicas,
    )


def _schema(fields: Mapping[str, str], dimension: int) -> Any:
    from pymilvus import DataType, MilvusClient

    schema: Any = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=128)
    for name, kind in fields.items():
        options = {"VARCHAR": {"max_length": MAX_BYTES}}
        options["ARRAY"] = {"element_type": DataType.INT64, "max_capacity": MAX_NAMES}
        schema.add_field(name, DataType[kind], **options.get(kind, {}))
    schema.add_field("dense", DataType.FLOAT_VECTOR, dim=dimension or len(NO_VECTOR))
    if dimension:
        schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    return schema


def _indexes(connection: Connection, fields: Mapping[str, str], dimension: int) -> Any:
    from pymilvus import MilvusClient

    indexes: Any = MilvusClient.prepare_index_params()
    kind = connection.place.index_type if dimension else "FLAT"
    built = {"M": 30, "efConstruction": 360} if kind == "HNSW" else {}
    indexes.add_index("dense", index_type=kind, metric_type="IP", params=built)
    if dimension:
        indexes.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    for name in sorted(_INDEXED & fields.keys()):
        if fields[name] != "ARRAY" or not connection.is_lite:
            indexes.add_index(name, index_type="INVERTED")
    return indexes


NO_VECTOR = [0.0, 0.0]
"""For the rows of collections whose vector says nothing."""

# -- large values, in pieces ---------------------------------------------------------------------


def to_pieces(owner: str, content: bytes) -> list[Row]:
    """Rows of ``texts`` that hold some bytes; ``from_pieces`` joins them."""
    text = b64encode(content).decode("ascii")
    parts = [text[i : i + _PIECE_BYTES] for i in range(0, len(text), _PIECE_BYTES)] or [""]
    return [
        {"id": f"{owner}/{n:06d}", "owner": owner, "number": n, "data": part, "dense": NO_VECTOR}
        for n, part in enumerate(parts)
    ]


def from_pieces(rows: Sequence[Row]) -> dict[str, bytes]:
    """By owner the bytes; owners of whom a piece is missing are left out."""
    parts: dict[str, dict[int, str]] = {}
    for row in rows:
        parts.setdefault(row["owner"], {})[row["number"]] = row["data"]
    return {
        owner: b64decode("".join(found[n] for n in range(len(found))))
        for owner, found in parts.items()
        if found.keys() == set(range(len(found)))
    }


def read_pieces(
    connection: Connection,
    names: Names,
    owners: Sequence[str],
    consistency: Consistency = "Strong",
) -> dict[str, bytes]:
    """What ``to_pieces`` made of several owners, without those that are not there."""
    rows: list[Row] = []
    for batch in batches(owners, _OWNERS):
        columns = ["owner", "number", "data"]
        rows += connection.among(names.texts, "owner", batch, columns, consistency=consistency)
    return from_pieces(rows)


_OWNERS = 64  # at a time: some ten megabytes


# -- texts in one column -------------------------------------------------------------------------


def to_column(value: Any, what: str) -> str:
    """JSON for a VARCHAR, compressed where it would not fit. Raises ArticleTooLarge."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text.encode()) > MAX_BYTES:
        text = _PACKED + b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
    return checked(text, what)


def from_column(text: str) -> str:
    """The JSON of what ``to_column`` was given."""
    return zlib.decompress(b64decode(text[1:])).decode() if text.startswith(_PACKED) else text


_PACKED = "z"  # no JSON begins with it


def checked(text: str, what: str) -> str:
    """The text, if a VARCHAR takes it. Raises ArticleTooLarge."""
    if (size := len(text.encode())) > MAX_BYTES:
        raise ArticleTooLarge(f"{what} has {size:,} bytes, more than the {MAX_BYTES:,} allowed")
    return text


def numbers_of(names: Sequence[str], what: str) -> list[int]:
    """The numbers that stand for some names. Raises ArticleTooLarge for too many."""
    if len(names) > MAX_NAMES:
        raise ArticleTooLarge(f"{what} are {len(names):,}, more than the {MAX_NAMES:,} allowed")
    return list(map(number_of, names))


# -- facts ---------------------------------------------------------------------------------------


def read_fact(connection: Connection, names: Names, name: str) -> Any:
    """A row of ``meta``; None: there is none."""
    found = connection.rows(names.meta, f'id == "{name}"', ["value"])
    return json.loads(found[0]["value"]) if found else None


def read_facts(connection: Connection, names: Names, prefix: str) -> Iterator[tuple[str, Any]]:
    """The rows of ``meta`` whose names begin with a prefix."""
    for row in connection.rows(names.meta, f'id like "{prefix}%"', ["id", "value"]):
        yield row["id"], json.loads(row["value"])


def write_fact(connection: Connection, names: Names, name: str, value: Any) -> None:
    """Set a row of ``meta``."""
    text = checked(json.dumps(value, ensure_ascii=False), name)
    connection.write(names.meta, [{"id": name, "value": text, "dense": NO_VECTOR}])
