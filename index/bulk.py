"""Adding articles with the help of many machines: a Ray cluster prepares what this process reads and stores.

What costs is cutting, analysing and embedding, and that is done by actors of Ray Data, each with an
encoder and an analyser of its own. Everything that must see the whole stays here, as in a run without Ray:
reading (so that paths need to be readable on this machine only, and ids in conflict are noticed), asking
the store what it knows, linking near-duplicates, and storing in the order of the input. So the index
that comes of it is the same by construction.

Ray Data takes a data set, not a stream that grows, so the input goes to it in windows: while the batches of
one are prepared and stored, the next is read. The pool of actors is made anew for each, from the CPUs that
the cluster then has. A batch whose node dies is prepared again elsewhere; it reaches the store once, as
nothing but this process writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from index.chunking import ChunkSettings
from index.errors import ClusterUnavailable
from index.korean import KoreanAnalyser
from index.preparation import Batch, Preparation, PrepareAll
from index.protocols import Embedder, IndexedArticle, Recipe

BATCHES_PER_WORKER = 32
"""Batches in a window for each worker: 2,048 articles take minutes to embed, a worker seconds to start."""

_FIRST_PER_WORKER = 4  # so that the cluster has work soon; windows double from here


@dataclass(frozen=True)
class Parts:
    """What each worker makes for itself, once. It must come to the recipe that the index was given."""

    embedder: Callable[[], Embedder]
    analyser: Callable[[], KoreanAnalyser]
    chunking: ChunkSettings
    recipe: Recipe


@contextmanager
def on_cluster(address: str, parts: Parts) -> Iterator[PrepareAll]:
    """Prepares on the Ray cluster at ``address`` (``HOST:PORT``, ``auto`` or ``ray://HOST:PORT``).

    gisa must be installed on every node, and ``parts`` must make the same there as here. Raises
    ClusterUnavailable, also while batches are prepared.
    """
    import ray

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells operators of its plans
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterUnavailable(address, str(error)) from error
    try:
        with _told_plainly(address):
            yield lambda batches: _in_windows(batches, parts)
    finally:
        ray.shutdown()


@contextmanager
def _told_plainly(address: str) -> Iterator[None]:
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        cause = getattr(error, "cause", None) or error
        raise ClusterUnavailable(address, str(cause).strip().splitlines()[-1]) from error


def _in_windows(batches: Iterator[Batch], parts: Parts) -> Iterator[Sequence[IndexedArticle]]:
    window = list(islice(batches, _FIRST_PER_WORKER * _workers()))
    while window:
        longest, following = BATCHES_PER_WORKER * _workers(), list[Batch]()
        for prepared in _in_order(window, parts):
            yield prepared
            following += islice(batches, min(2, longest - len(following)))
        window = following


def _in_order(window: Sequence[Batch], parts: Parts) -> Iterator[Sequence[IndexedArticle]]:
    """Every batch of a window; those without articles don't travel."""
    results = _prepared([batch for batch in window if batch.articles], parts)
    for batch in window:
        yield next(results) if batch.articles else []


def _prepared(batches: Sequence[Batch], parts: Parts) -> Iterator[Sequence[IndexedArticle]]:
    if not batches:
        return
    from ray.data import ActorPoolStrategy, DataContext, from_items

    context = DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    rows = from_items([{"batch": batch} for batch in batches], override_num_blocks=len(batches))
    prepared = rows.map_batches(
        _Worker,
        fn_constructor_args=(parts,),
        batch_size=1,
        batch_format="numpy",
        compute=ActorPoolStrategy(min_size=1, max_size=min(_workers(), len(batches))),
        scheduling_strategy="SPREAD",
        max_restarts=-1,
        max_task_retries=-1,
    )
    yield from (row["prepared"].articles for row in prepared.iter_rows())


def _workers() -> int:
    """One for each CPU that the cluster has now."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


@dataclass(frozen=True)
class _Prepared:
    """The articles of a batch, as one value of a row."""

    articles: Sequence[IndexedArticle]


class _Worker:
    """An actor. Its batch is a row; the encoder makes its own batches of it, by tokens."""

    def __init__(self, parts: Parts) -> None:
        self._prepare = Preparation(parts.embedder(), parts.analyser(), parts.chunking)
        self._expected = parts.recipe

    def __call__(self, rows: Mapping[str, Any]) -> dict[str, list[_Prepared]]:
        if self._prepare.recipe != self._expected:
            raise ValueError(f"a worker has {self._prepare.recipe}, but here is {self._expected}")
        return {
            "prepared": [
                _Prepared(self._prepare(one.articles, one.before)) for one in rows["batch"]
            ]
        }
