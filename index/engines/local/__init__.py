"""The embedded engine: a SQLite catalog, FAISS vectors and BM25, published in generations."""

from index.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
