"""The composition root: the only module that names concrete backends."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from index import Embedder, KoreanAnalyser, open_index
from index.embed import SentenceTransformerEmbedder
from index.model import bundled_model, prepare_bundled_model
from index.readers import ReadOptions
from index.sources import Sources, load_sources
from service.answer import Answerer
from service.errors import SettingsInvalid
from service.llm.extractive import ExtractiveBackend
from service.llm.stub import StubBackend
from service.settings import Settings


def build_embedder(settings: Settings) -> Embedder:
    """The configured embedder. Raises ModelUnavailable."""
    return SentenceTransformerEmbedder(
        settings.embedding_model, runtime=settings.embedding_runtime, threads=settings.threads
    )


def build_analyser(settings: Settings) -> KoreanAnalyser:
    """The analyser with the user's own words. Raises DictionaryUnusable."""
    return KoreanAnalyser(dictionary=settings.dictionary)


def model_place(settings: Settings) -> str:
    """Where the configured model is: a folder, or the name it has on the hub."""
    bundled = settings.embedding_model == "bundled"
    return str(bundled_model()) if bundled else settings.embedding_model


def prepare_model(settings: Settings, *, force: bool = False) -> None:
    """Unpack the bundled model, or check every file of it; another model is none of our business.

    Raises ModelUnavailable.
    """
    if settings.embedding_model == "bundled":
        prepare_bundled_model(force=force)


def open_answerer(settings: Settings) -> Answerer:
    """Everything that answering needs. Raises IndexUnusable and its kinds, ModelUnavailable."""
    index = open_index(
        settings.index,
        embedder=lambda: build_embedder(settings),
        dictionary=settings.dictionary,
    )
    backends = (ExtractiveBackend(index.analyser, index.idf), StubBackend())
    by_name = {backend.name: backend for backend in backends}
    if settings.backend not in by_name:
        known = ", ".join(sorted(by_name))
        raise SettingsInvalid(f"GISA_BACKEND = {settings.backend!r}: there are {known}")
    return Answerer(index, by_name, default_backend=settings.backend, top_k=settings.top_k)


def read_options(settings: Settings) -> ReadOptions:
    """How articles are read. Raises SettingsInvalid for an unknown zone, SourcesInvalid."""
    try:
        zone = ZoneInfo(settings.source_timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsInvalid(
            f"GISA_SOURCE_TIMEZONE = {settings.source_timezone!r}: there is no such time zone"
        ) from None
    sources = load_sources(settings.sources) if settings.sources else Sources()
    return ReadOptions(
        source_timezone=zone, max_file_bytes=settings.max_file_mb * 1_000_000, sources=sources
    )
