"""Where a model comes from: the product itself, a folder, or the Hugging Face hub."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from index.bundled_model import BUNDLED_NAME, SOURCE_SHA256, bundled_model
from index.errors import ModelUnavailable
from index.model_cache import sha256_of, write_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSource:
    """A model before it is loaded.

    ``fingerprint`` is a SHA-256 in hexadecimal, of what decides the model's vectors. ``folder``
    gives the model's files, and may have to unpack them first. Raises ModelUnavailable.
    """

    name: str
    fingerprint: str
    folder: Callable[[], Path]

    @property
    def label(self) -> str:
        """Name and start of the fingerprint: what an index remembers its embedder by."""
        return f"{self.name}@{self.fingerprint[:12]}"

    @property
    def is_bundled(self) -> bool:
        """Whether it is the model that comes with the product."""
        return self.fingerprint == SOURCE_SHA256


def find_source(model: str | Path | None, cache: Path) -> ModelSource:
    """The model that is called ``model``; see ``SentenceTransformerEmbedder``.

    A hub model that is not in the hub's cache is downloaded. Raises ModelUnavailable.
    """
    if model is None or str(model) == "bundled":
        return ModelSource(BUNDLED_NAME, SOURCE_SHA256, partial(bundled_model, cache))
    path = Path(model).expanduser()
    folder = path.resolve() if path.is_dir() else _from_hub(str(model))
    # A folder is named by its last part: an index must not depend on where a model lies.
    name = folder.name if path.is_dir() else str(model)
    return ModelSource(name, _fingerprint(folder, cache), lambda: folder)


def _from_hub(name: str) -> Path:
    """Folder of a hub model in the hub's own cache, downloaded if it is not there."""
    from huggingface_hub import snapshot_download

    repository = name if "/" in name else f"sentence-transformers/{name}"
    problem: Exception = FileNotFoundError(f"{repository} holds no weights")
    for local_only in (True, False):
        # The pickled weights come second, for models that have no others.
        for weights in ("*.safetensors", "pytorch_model*.bin"):
            try:
                folder = snapshot_download(
                    repository,
                    local_files_only=local_only,
                    allow_patterns=["*.json", "*.txt", "*.model", weights],
                    ignore_patterns=["onnx/*", "openvino/*"],
                )
            except Exception as error:
                # Broad: the hub's client raises two dozen kinds that have no common base.
                problem = error
                break
            if any(Path(folder).rglob(weights)):
                return Path(folder)
    raise ModelUnavailable(
        f"no model folder and no reachable hub model is called {name!r}: {problem}",
        remedy="Set GISA_EMBEDDING_MODEL to a model folder, or to 'bundled'.",
    ) from problem


def _fingerprint(folder: Path, cache: Path) -> str:
    """SHA-256 over the files that decide the vectors; remembered while they stay as they are."""
    patterns = ("*.safetensors", "pytorch_model*.bin", "*.json", "*.txt", "*.model")
    files = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    facts = [(path, path.relative_to(folder).as_posix(), path.stat()) for path in files]
    stamp = [[name, stat.st_size, stat.st_mtime_ns] for _, name, stat in facts]
    key = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    note = cache / "fingerprints" / f"{key}.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return str(known["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never hashed, or the note is damaged
    listing = "".join(f"{name}\0{sha256_of(path)}\n" for path, name, _ in facts)
    fingerprint = hashlib.sha256(listing.encode()).hexdigest()
    try:
        write_json(note, {"folder": str(folder), "stamp": stamp, "fingerprint": fingerprint})
    except OSError as error:
        logger.warning("can't remember the model's hash in %s: %s", note, error)
    return fingerprint
