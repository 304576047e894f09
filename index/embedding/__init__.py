"""Sentence-transformers models as embedders, computed by OpenVINO or by PyTorch."""

from index.embedding.embedder import Runtime, SentenceTransformerEmbedder

__all__ = ["Runtime", "SentenceTransformerEmbedder"]
