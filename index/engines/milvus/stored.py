"""What a writer, and whoever copies an index, asks of what is stored: recipes, articles, vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from index.documents import Article
from index.engines.milvus.generation import Store, Target
from index.engines.milvus.schema import CURRENT, read_fact, read_facts
from index.protocols import Digest, IndexedArticle, Recipe, StoredArticle, StoredVectors, Vectors

ADOPTED, RECIPE, TARGET = "adopted", "recipe-", "target"
"""Facts: the number of the recipe in use, a recipe by its number, and where passages are put."""

_PAGE = 64


class Stored:
    """Reads the current versions whole. Whatever it gives was committed."""

    def __init__(self, store: Store) -> None:
        self._store, self._versions = store, store.versions

    def recipes(self) -> dict[int, Recipe]:
        """All that articles were ever put by, by number."""
        found = read_facts(self._store.connection, self._store.names, RECIPE)
        return {int(name.removeprefix(RECIPE)): Recipe(**fields) for name, fields in found}

    def recipe(self) -> Recipe | None:
        """The one that articles are put by now; None: nobody ever said."""
        number = read_fact(self._store.connection, self._store.names, ADOPTED)
        return None if number is None else self.recipes()[number]

    def target(self) -> Target | None:
        """Where passages are put; None: none was ever put."""
        fields = read_fact(self._store.connection, self._store.names, TARGET)
        return None if fields is None else Target(**fields)

    def collections(self) -> list[str]:
        """Those that current passages may be in, the one that they are put into first."""
        known = self._store.connection.call("list_collections")
        ours = [name for name in known if self._store.names.number(name) is not None]
        target = self.target()
        first = self._store.names.passages(target.number) if target else ""
        return sorted(ours, key=lambda name: (name != first, name))

    def digests(self, article_ids: Sequence[str]) -> Mapping[str, Digest]:
        """As ``EngineWriter.digests``."""
        recipes, current = self.recipes(), self._versions.current(article_ids)
        return {key: Digest(one.told.digest, recipes[one.recipe]) for key, one in current.items()}

    def stored(
        self, article_ids: Sequence[str], *, vectors: bool = False
    ) -> Mapping[str, StoredArticle]:
        """As ``EngineWriter.stored``."""
        recipes, current = self.recipes(), self._versions.current(article_ids, headers=True)
        texts = [one.id for one in current.values()]
        contents = self._versions.contents(texts, vectors=vectors)
        dense = self.dense_of(texts) if vectors else {}
        found = {}
        for key, one in current.items():
            content, of_it = contents[one.id], None
            if content.text.vectors is not None:
                spans = [(s.start, s.end) for s in content.text.sentences]
                of_it = StoredVectors(content.spans, dense[one.id], spans, content.text.vectors)
            article = Article(**vars(one.header), body=content.text.body)
            found[key] = StoredArticle(
                article, one.told.leader, recipes[one.recipe].embedder, of_it
            )
        return found

    def dense_of(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """By text the vectors of its passages, in their order."""
        found: dict[str, dict[int, Any]] = {}
        for collection in self.collections():
            missing = [text for text in texts if text not in found]
            columns = ["text", "ordinal", "dense"]
            for row in self._store.connection.among(
                collection, "text", missing, columns, batch=_PAGE
            ):
                found.setdefault(row["text"], {})[int(row["ordinal"])] = row["dense"]
        return {
            text: np.array([rows[n] for n in sorted(rows)], np.float32)
            for text, rows in found.items()
        }

    def prepared(self) -> Iterator[tuple[Recipe, IndexedArticle]]:
        """Every current article as it was put, with its recipe, in the order in which they were."""
        recipes = self.recipes()
        for page in self._versions.pages(f"state == {CURRENT}", _PAGE):
            texts = [one.id for one in page]
            contents, dense = self._versions.contents(texts, vectors=True), self.dense_of(texts)
            for one in page:
                recipe = recipes[one.recipe]
                vectors = dense.get(one.id, np.zeros((0, recipe.dimension), np.float32))
                yield recipe, contents[one.id].indexed(one.header, one.told.digest, vectors)
