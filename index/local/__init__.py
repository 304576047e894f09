"""The embedded engine: a SQLite catalog, FAISS vectors and BM25, published in generations."""

from index.local.engine import LocalEngine
from index.local.records import Recipe

__all__ = ["LocalEngine", "Recipe"]
