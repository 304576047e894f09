"""LangChain's ensemble of FAISS and BM25, the words made by Kiwi, as its Korean users put it together."""

from __future__ import annotations

from collections.abc import Sequence

from kiwipiepy import Kiwi
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings
from protocol import COUNT, Task, serve


class LangChain:
    """See ``protocol.System``."""

    def __init__(self, task: Task) -> None:
        self.task, self.kiwi = task, Kiwi()
        self.model = HuggingFaceEmbeddings(
            model_name=task.model,
            encode_kwargs={"prompt_name": "passage", "normalize_embeddings": True},
            query_encode_kwargs={"prompt_name": "query", "normalize_embeddings": True},
        )

    def index(self) -> None:
        """See ``protocol.System``."""
        texts, articles = self.task.texts_and_articles()
        named = [{"article": article} for article in articles]
        vectors = self.task.given_vectors()
        if vectors is None:
            dense = FAISS.from_texts(texts, self.model, named)
        else:
            pairs = zip(texts, vectors.tolist(), strict=True)
            dense = FAISS.from_embeddings(pairs, self.model, named)
        lexical = BM25Retriever.from_texts(texts, named, preprocess_func=self._words, k=COUNT)
        nearest = dense.as_retriever(search_kwargs={"k": COUNT})
        self.ensemble = EnsembleRetriever(retrievers=[lexical, nearest], weights=[0.5, 0.5])

    def search(self, question: str) -> Sequence[str]:
        """See ``protocol.System``."""
        return [found.metadata["article"] for found in self.ensemble.invoke(question)]

    def server(self, port: int) -> None:
        """LangChain brings none."""

    def _words(self, text: str) -> list[str]:
        return [token.form for token in self.kiwi.tokenize(text)]


if __name__ == "__main__":
    serve(LangChain)
