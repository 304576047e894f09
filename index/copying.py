"""From one engine to another: articles with their passages and vectors, nothing read or embedded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from index.build import BATCH_ARTICLES, put
from index.errors import IndexNotFound, RebuildUnfinished
from index.protocols import Digest, EngineWriter, IndexedArticle, Recipe


class CopySource(Protocol):
    """An engine that gives its current articles as they were put, each with its recipe."""

    def recipe(self) -> Recipe | None: ...
    def prepared(self) -> Iterator[tuple[Recipe, IndexedArticle]]: ...


@dataclass
class CopySummary:
    """Articles that were ``copied``, and those that were there already: ``unchanged``."""

    copied: int = 0
    unchanged: int = 0
    passages: int = 0
    generation: int = 0


def copy_articles(
    source: CopySource,
    target: EngineWriter,
    *,
    place: object,
    progress: Callable[[CopySummary], None] = lambda summary: None,
) -> CopySummary:
    """Put every article of the source into the target, and publish them there.

    Work is kept batch by batch, and what is there already is skipped: a copy that was interrupted goes
    on. Articles that the target has besides stay. Which articles tell one story follows from the articles
    alone, so it is worked out again. ``place`` of the source is told to the operator. Raises IndexNotFound,
    EmbedderMismatch, RebuildUnfinished.
    """
    recipe, summary = source.recipe(), CopySummary()
    if recipe is None:
        raise IndexNotFound(str(place))
    target.adopt(recipe)
    articles = source.prepared()
    while batch := list(islice(articles, BATCH_ARTICLES)):
        if any(made.embedder != recipe.embedder for made, _ in batch):
            raise RebuildUnfinished(str(place))
        _copy(batch, target, summary)
        progress(summary)
    target.adopt(recipe)
    summary.generation = target.publish().generation
    return summary


def _copy(
    batch: list[tuple[Recipe, IndexedArticle]], target: EngineWriter, summary: CopySummary
) -> None:
    known = target.digests([item.article.key for _, item in batch])
    by_recipe: dict[str, list[tuple[Recipe, IndexedArticle]]] = {}
    for recipe, item in batch:
        if known.get(item.article.key) == Digest(item.digest, recipe):
            summary.unchanged += 1
        else:
            by_recipe.setdefault(repr(recipe), []).append((recipe, item))
    for group in by_recipe.values():
        recipe = group[0][0]
        if target.recipe() != recipe:  # cut otherwise than articles are now: it stays outdated
            target.adopt(recipe, rebuild=True)
        put([item for _, item in group], target)
        summary.copied += len(group)
        summary.passages += sum(len(item.passages) for _, item in group)
