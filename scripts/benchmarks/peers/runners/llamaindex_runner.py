"""LlamaIndex's reciprocal rank fusion of its vector index and its BM25, both as they come."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core import VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever
from protocol import COUNT, Task, serve


class LlamaIndex:
    """See ``protocol.System``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.model = HuggingFaceEmbedding(
            task.model, query_instruction="query: ", text_instruction="passage: "
        )

    def index(self) -> None:
        """See ``protocol.System``."""
        texts, articles = self.task.texts_and_articles()
        nodes = [
            TextNode(text=text, metadata={"article": article})
            for text, article in zip(texts, articles, strict=True)
        ]
        for node in nodes:  # or the article's id would be embedded too
            node.excluded_embed_metadata_keys = ["article"]
        vectors = self.task.given_vectors()
        if vectors is not None:
            for node, vector in zip(nodes, vectors.tolist(), strict=True):
                node.embedding = vector
        dense = VectorStoreIndex(nodes, embed_model=self.model)
        lexical = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=COUNT)
        self.fusion = QueryFusionRetriever(
            [dense.as_retriever(similarity_top_k=COUNT), lexical],
            llm=MockLLM(),  # asked for further wordings of a question, of which there are none
            mode="reciprocal_rerank",
            num_queries=1,
            similarity_top_k=COUNT,
            use_async=False,
        )

    def search(self, question: str) -> Sequence[str]:
        """See ``protocol.System``."""
        return [found.node.metadata["article"] for found in self.fusion.retrieve(question)]

    def server(self, port: int) -> None:
        """LlamaIndex brings none."""


if __name__ == "__main__":
    serve(LlamaIndex)
