"""The embedded engine: a SQLite catalog, FAISS vectors and BM25, published in generations."""

from index.local.catalog import Recipe
from index.local.engine import LocalEngine

__all__ = ["LocalEngine", "Recipe"]
