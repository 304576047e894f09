"""The engine for many hosts: vectors, terms and texts on a Milvus server."""

from index.engines.milvus.connection import MilvusPlace, parse_place
from index.engines.milvus.engine import MilvusEngine, drop_index

__all__ = ["MilvusEngine", "MilvusPlace", "drop_index", "parse_place"]
