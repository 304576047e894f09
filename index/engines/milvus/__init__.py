"""The engine for many hosts: vectors, terms and texts on a Milvus server."""

from index.engines.milvus.connection import MilvusPlace, parse_place
from index.engines.milvus.engine import MilvusEngine

__all__ = ["MilvusEngine", "MilvusPlace", "parse_place"]
