"""Sentence-transformers models as embedders, computed by OpenVINO or by PyTorch.

Any sentence-transformers model will do. OpenVINO is several times faster on a CPU: the first use
of a model converts it, including its pooling, into a folder of the cache that has all that later
starts need. So PyTorch is imported only for the conversion.
"""

from index.embedding.embedder import Runtime, SentenceTransformerEmbedder
from index.embedding.openvino_runtime import processors

__all__ = ["Runtime", "SentenceTransformerEmbedder", "processors"]
