"""haiku.rag's own store and hybrid search, over passages that are cut already and vectors made here.

Its reader and chunker (docling) are left out: nothing is read or cut here, and with them come vision
libraries, and a vocabulary loaded from the network on import. It embeds through a server of its own
(Ollama) or a hosted one; in their place the same model as everybody's is called within the process.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import MagicMock

import pysqlite3
from protocol import COUNT, Task, serve
from sentence_transformers import SentenceTransformer

_LEFT_OUT = (
    "docling",
    "docling.document_converter",
    "docling_core",
    "docling_core.types.doc.document",
    "docling_core.types.io",
    "haiku.rag.chunker",
)


class HaikuRag:
    """See ``protocol.System``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.model = SentenceTransformer(task.model)
        dimension = self.model.get_embedding_dimension()
        os.environ["EMBEDDINGS_VECTOR_DIM"] = str(dimension)
        sys.modules.update({name: MagicMock() for name in _LEFT_OUT})
        sys.modules["sqlite3"] = pysqlite3  # many a Python's own can't load sqlite-vec
        from haiku.rag.store.engine import Store
        from haiku.rag.store.repositories.chunk import ChunkRepository
        from haiku.rag.store.repositories.document import DocumentRepository

        self.store = Store(Path(task.folder) / "haiku.sqlite")
        self.chunks = ChunkRepository(self.store)
        self.chunks.embedder = self  # type: ignore[assignment]
        self.documents = DocumentRepository(self.store, self.chunks)
        self.loop = asyncio.new_event_loop()

    async def embed(self, text: str) -> list[float]:
        """The vector of a question: what haiku.rag asks its embedder for."""
        vector: list[float] = self.model.encode(text, prompt_name="query").tolist()
        return vector

    def index(self) -> None:
        """See ``protocol.System``."""
        self.loop.run_until_complete(self._index())

    async def _index(self) -> None:
        from haiku.rag.store.models.chunk import Chunk
        from haiku.rag.store.models.document import Document

        texts, articles = self.task.texts_and_articles()
        vectors = self.task.given_vectors()
        if vectors is None:
            vectors = self.model.encode(texts, prompt_name="passage", show_progress_bar=False)
        of_article: dict[str, list[Chunk]] = {}
        for text, article, vector in zip(texts, articles, vectors.tolist(), strict=True):
            of_article.setdefault(article, []).append(Chunk(content=text, embedding=vector))
        for article, chunks in of_article.items():
            document = Document(content="\n".join(c.content for c in chunks), uri=article)
            await self.documents._create_with_docling(document, None, chunks)

    def search(self, question: str) -> Sequence[str]:
        """See ``protocol.System``."""
        searching = self.chunks.search_chunks_hybrid(question, COUNT)
        found = self.loop.run_until_complete(searching)
        return [chunk.document_uri for chunk, _ in found]

    def server(self, port: int) -> None:
        """haiku.rag brings one for MCP only."""


if __name__ == "__main__":
    serve(HaikuRag)
