"""Sentence-transformers models as embedders, computed by OpenVINO or by PyTorch.

Any sentence-transformers model will do. OpenVINO is several times faster on a CPU: the first use
of a model converts it, pooling and all, into a folder of the cache that holds whatever is needed
from then on. So PyTorch is imported once in the life of a model, and not on later starts.
"""

from index.embedding.embedder import Runtime, SentenceTransformerEmbedder

__all__ = ["Runtime", "SentenceTransformerEmbedder"]
