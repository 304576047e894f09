"""txtai's hybrid search: as it comes, and with its BM25 over bigrams of characters, which suit Korean better."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from protocol import COUNT, Server, Task, serve
from txtai import Embeddings

_HYBRID = {"hybrid": True, "instructions": {"query": "query: ", "data": "passage: "}}
_BIGRAMS = {
    "scoring": {"method": "bm25", "terms": True, "normalize": True, "tokenizer": {"ngrams": 2}}
}


class Txtai:
    """See ``protocol.System``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.given = task.given_vectors()
        own = _BIGRAMS if task.variant == "bigrams" else {}
        self.embeddings = Embeddings({"path": task.model, **_HYBRID, **own})

    def index(self) -> None:
        """See ``protocol.System``."""
        texts, self.articles = self.task.texts_and_articles()
        if self.given is not None:
            self._give(texts)
        self.embeddings.index(enumerate(texts))

    def _give(self, texts: Sequence[str]) -> None:
        """Let the model know the vectors of these texts."""
        import numpy as np

        model, known = self.embeddings.model, dict(zip(texts, self.given, strict=True))
        encode, prompt = model.encode, _HYBRID["instructions"]["data"]

        def given_or_encoded(data: Any, category: str | None = None) -> Any:
            if category == "data":
                return np.array([known[text.removeprefix(prompt)] for text in data])
            return encode(data, category)

        model.encode = given_or_encoded

    def search(self, question: str) -> Sequence[str]:
        """See ``protocol.System``."""
        return [self.articles[number] for number, _ in self.embeddings.search(question, COUNT)]

    def server(self, port: int) -> Server:
        """See ``protocol.System``; it loads the index that is saved here."""
        folder = Path(self.task.folder)
        self.embeddings.save(str(folder / "index"))
        settings = folder / "txtai.yml"
        # Without a section "embeddings" its routes are missing; what is at "path" is loaded all the same.
        told = {"path": str(folder / "index"), "embeddings": {"path": self.task.model}}
        settings.write_text(json.dumps(told), "utf-8")  # JSON is YAML
        command = [sys.executable, "-m", "uvicorn", "txtai.api:app"]
        command += ["--port", str(port), "--log-level", "warning"]
        path = f"/search?limit={COUNT}&query="
        return Server(command, {"CONFIG": str(settings)}, port, "/count", path)


if __name__ == "__main__":
    serve(Txtai)
