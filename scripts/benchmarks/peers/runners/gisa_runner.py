"""gisa itself, as ``benchmark.py peers`` compares it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from protocol import Server, System, Task, serve

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT))

NOW = datetime(2026, 11, 28, 9, tzinfo=timezone(timedelta(hours=9)))
"""The clock for expressions of time: the sample corpora end before it."""
ARTICLES = 10


def _load(task: Task) -> System:
    from index import Article, shared_analyser
    from index.embedding import SentenceTransformerEmbedder

    class Given(SentenceTransformerEmbedder):
        """Knows the vectors of passages, whatever their length; embeds questions."""

        max_tokens = 1_000_000

        def __init__(self) -> None:
            super().__init__(task.model)
            self.known = dict(zip(task.texts_and_articles()[0], task.given_vectors(), strict=True))

        def embed_passages_and_spans(self, texts: Any, spans: Any) -> Any:
            import numpy as np

            rows = np.array([self.known[text] for text in texts])
            return rows, [np.tile(row, (len(own), 1)) for row, own in zip(rows, spans, strict=True)]

    class Gisa:
        def __init__(self) -> None:
            self.embedder = Given() if task.vectors else SentenceTransformerEmbedder(task.model)
            self.analyser = shared_analyser()

        def index(self) -> Mapping[str, Any]:
            from index import ChunkSettings, build_index, open_index
            from service.query.understand import Understander

            with Path(task.articles).open(encoding="utf-8") as lines:
                articles = [_article(Article, json.loads(line)) for line in lines]
            ids = [article.id for article in articles]
            build_index(
                articles,
                f"{task.folder}/index",
                embedder=self.embedder,
                analyser=self.analyser,
                # An article of given vectors is one passage.
                chunking=ChunkSettings(10_000, 10_000) if task.vectors else ChunkSettings(),
            )
            self.opened = open_index(f"{task.folder}/index", embedder=self.embedder)
            self.understand = Understander(self.opened)
            return {"stories": {name: min(of) for name, of in self.opened.stories(ids).items()}}

        def search(self, question: str) -> Sequence[str]:
            from service.schema import Question

            understood = self.understand(Question(question=question, now=NOW))
            if not understood.is_possible:
                return []
            hits = self.opened.search(understood.query, filters=understood.filters, k=ARTICLES)
            return [hit.article.id for hit in hits]

        def server(self, port: int) -> Server:
            settings = {
                "GISA_INDEX": f"{task.folder}/index",
                "GISA_EMBEDDING_MODEL": task.model,
                "GISA_PORT": str(port),
                "GISA_FEEDBACK": f"{task.folder}/feedback.sqlite",
                "GISA_MAX_CONCURRENT": "1000",
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            }
            command = [sys.executable, "-m", "service.cli", "serve"]
            return Server(command, settings, port, "/readyz", "/v1/search", posts=True)

    return Gisa()


def _article(kind: Any, fields: dict[str, Any]) -> Any:
    at = fields.pop("published_at")
    return kind(**fields, published_at=at and datetime.fromisoformat(at))


if __name__ == "__main__":
    serve(_load)
