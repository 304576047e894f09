"""From a data set to a service that answers over its articles."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import index as index_package
from index import BuildSummary, Embedder
from service.answer import Answerer
from service.evaluation.datasets import Dataset, fingerprint
from service.settings import Settings
from service.wiring import add_articles, build_embedder, chunk_settings, open_answerer


@contextmanager
def serving(
    dataset: Dataset,
    settings: Settings,
    cache: Path | None = None,
    progress: Callable[[BuildSummary], None] = lambda summary: None,
) -> Iterator[Answerer]:
    """The configured service over the corpus of a data set, or over the configured index without one.

    The index is built in a temporary folder or, with ``cache``, in one that is used again while
    corpus, embedder and the code that builds indexes stay the same.
    Raises IndexUnusable, ModelUnavailable, SourceUnreadable.
    """
    with _indexed(dataset, settings, cache, progress) as indexed:
        answerer = open_answerer(indexed)
        with answerer.index:
            yield answerer


@contextmanager
def _indexed(
    dataset: Dataset,
    settings: Settings,
    cache: Path | None,
    progress: Callable[[BuildSummary], None],
) -> Iterator[Settings]:
    """The settings with an index that holds the articles."""
    if dataset.corpus is None:
        yield settings
        return
    sources = [dataset.corpus] if isinstance(dataset.corpus, Path) else dataset.corpus
    embedder = build_embedder(settings)
    with _folder(dataset, embedder, settings, cache) as folder:
        into = settings.model_copy(update={"index": folder, "engine": "local"})
        add_articles(into, sources, embedder=embedder, progress=progress)
        yield into


@contextmanager
def _folder(
    dataset: Dataset, embedder: Embedder, settings: Settings, cache: Path | None
) -> Iterator[Path]:
    if cache is None:
        with tempfile.TemporaryDirectory(prefix="gisa-evaluation-") as folder:
            yield Path(folder)
    else:
        yield cache / _cache_key(dataset, embedder, settings)


def _cache_key(dataset: Dataset, embedder: Embedder, settings: Settings) -> str:
    """A key that changes with everything that decides what the index holds."""
    chunking = repr(chunk_settings(settings))
    parts = [embedder.name, chunking, _code_checksum(), _corpus_checksum(dataset)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _corpus_checksum(dataset: Dataset) -> str:
    if isinstance(dataset.corpus, Path):
        return fingerprint(dataset.corpus)
    digest = hashlib.sha256()
    for article in dataset.corpus or ():
        digest.update(repr((article.id, article.title, article.body)).encode())
    return digest.hexdigest()


def _code_checksum() -> str:
    """A checksum of the modules that build indexes; ``retrieve`` only reads what they store."""
    folder = Path(index_package.__file__).parent
    modules = sorted(path for path in folder.rglob("*.py") if path.name != "retrieve.py")
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()
