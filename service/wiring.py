"""The composition root: the only module that names concrete parts: engine, embedder, backends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from index import (
    Article,
    BuildSummary,
    ChunkSettings,
    Embedder,
    EngineReader,
    EngineWriter,
    Index,
    KoreanAnalyser,
    build,
    bulk,
    library,
    processors,
    shared_analyser,
    trial,
)
from index.build import Progress, Quarantine
from index.bundled_model import bundled_model, prepare_bundled_model
from index.embedding import SentenceTransformerEmbedder
from index.engines.milvus import MilvusPlace, parse_place
from index.library import Place
from index.preparation import Preparation, Workers
from index.protocols import Recipe, Reranker
from index.readers import ReadOptions
from index.rerank import CrossEncoderReranker
from index.retrieve import open_over
from index.sources import Sources, load_sources
from index.trial import Finding
from service.answer import Answerer
from service.errors import SettingsInvalid
from service.generate.anthropic_messages import AnthropicBackend
from service.generate.extractive import ExtractiveBackend
from service.generate.guard import GuardedBackend, Patience
from service.generate.openai_compatible import OpenAICompatibleBackend
from service.generate.protocol import LLMBackend
from service.generate.remote import RemoteModel
from service.generate.stub import StubBackend
from service.serving.batching import BatchingEmbedder
from service.settings import Settings
from service.sources import Idf
from service.verify.judge import EntailmentJudge
from service.verify.judge_guard import GuardedJudge, JudgeWatch
from service.verify.model_judge import ModelJudge
from service.verify.nli_judge import CrossEncoderJudge


def build_embedder(settings: Settings) -> Embedder:
    """The configured embedder. Raises ModelUnavailable."""
    return SentenceTransformerEmbedder(
        settings.embedding_model,
        runtime=settings.embedding_runtime,
        threads=settings.threads,
        precision=settings.embedding_precision,
    )


def build_analyser(settings: Settings) -> KoreanAnalyser:
    """The shared analyser, with the words of the configured dictionary. Raises DictionaryUnusable."""
    return shared_analyser(settings.dictionary)


def build_reranker(settings: Settings) -> Reranker | None:
    """The configured cross-encoder, or None. Raises ModelUnavailable."""
    return CrossEncoderReranker(settings.rerank_model) if settings.rerank_model else None


def model_place(settings: Settings) -> str:
    """Where the configured model is: a folder, or its name on the hub."""
    bundled = settings.embedding_model == "bundled"
    return str(bundled_model()) if bundled else settings.embedding_model


def prepare_model(settings: Settings, *, force: bool = False) -> None:
    """Unpack the bundled model, or check every file of it; nothing is done for any other model.

    ``force`` unpacks it even if it is intact. Raises ModelUnavailable.
    """
    if settings.embedding_model == "bundled":
        prepare_bundled_model(force=force)


def index_place(settings: Settings) -> Place:
    """Where the index is: a folder, or on a Milvus server. Raises SettingsInvalid without the extra 'milvus'."""
    return settings.index if settings.engine == "local" else milvus_place(settings)


def milvus_place(settings: Settings) -> MilvusPlace:
    """The place on the Milvus server of the settings. Raises SettingsInvalid without the extra 'milvus'."""
    if find_spec("pymilvus") is None:
        raise SettingsInvalid(
            "the package 'pymilvus' is not installed",
            remedy="Install the extra: pip install 'gisa[milvus]'",
        )
    return MilvusPlace(
        settings.milvus_uri,
        settings.milvus_alias,
        token=settings.milvus_token.get_secret_value(),
        database=settings.milvus_database,
        shards=settings.milvus_shards,
        replicas=settings.milvus_replicas,
        consistency="Strong" if settings.milvus_consistency == "strong" else "Bounded",
        index_type=settings.milvus_index,
    )


def try_server(settings: Settings) -> Iterator[Finding]:
    """As ``index.trial.try_server``, of the Milvus server of the settings. Raises SettingsInvalid."""
    return trial.try_server(milvus_place(settings))


def named_place(settings: Settings, text: str) -> Place:
    """The place that an argument names: a folder, or ``milvus+http://HOST:PORT/ALIAS``.

    What the address does not say of a server is as in the settings. Raises SettingsInvalid.
    """
    try:
        named = parse_place(text)
    except ValueError as error:
        raise SettingsInvalid(str(error)) from None
    if named is None:
        return Path(text)
    return replace(milvus_place(settings), uri=named.uri, alias=named.alias)


def open_reader(settings: Settings) -> EngineReader:
    """The engine that is searched. Raises IndexUnusable and its kinds, SettingsInvalid."""
    return library.open_reader(index_place(settings))


def open_words(settings: Settings) -> tuple[KoreanAnalyser, Idf]:
    """What tells the words of a text and how rare each is in the index, without a model. Raises IndexUnusable and its kinds."""
    with closing(open_reader(settings)) as reader:
        statistics = reader.statistics()
    return build_analyser(settings), lambda words: statistics.idf("morphemes", words)


def open_writer(settings: Settings, *, create: bool = False, wait_s: float = 0.0) -> EngineWriter:
    """The engine that articles are stored in; ``create`` makes what is missing.

    Another writer is waited for ``wait_s`` seconds. Raises IndexLocked, IndexNotWritable, EngineUnavailable,
    SettingsInvalid, and without ``create`` IndexNotFound.
    """
    return library.open_writer(index_place(settings), create=create, wait_s=wait_s)


def quarantine(settings: Settings) -> Quarantine:
    """Where input is kept that can't become an article: in the folder GISA_INDEX, whatever the engine."""
    return library.quarantine_in(settings.index)


def add_articles(
    settings: Settings,
    sources: Iterable[Path | str | Article],
    *,
    embedder: Embedder | None = None,
    analyser: KoreanAnalyser | None = None,
    progress: Progress = lambda summary: None,
    wait_s: float = 0.0,
    ray: str | None = None,
) -> BuildSummary:
    """Add or update articles as the settings say, and publish them.

    ``embedder`` and ``analyser`` are given where they are loaded already. ``ray`` is the address of a Ray
    cluster that prepares the articles. Raises what ``open_writer``, ``index.build.ingest`` and
    ``index.bulk.on_cluster`` raise, ModelUnavailable, SettingsInvalid, SourcesInvalid.
    """
    options = read_options(settings)
    embedder = embedder or build_embedder(settings)
    analyser = analyser or build_analyser(settings)
    recipe = Preparation(embedder, analyser, chunk_settings(settings)).recipe
    with (
        closing(open_writer(settings, create=True, wait_s=wait_s)) as writer,
        _on_cluster(settings, ray, recipe) if ray else nullcontext() as workers,
    ):
        return build.ingest(
            sources,
            writer,
            embedder=embedder,
            analyser=analyser,
            chunking=chunk_settings(settings),
            options=options,
            quarantine=quarantine(settings),
            progress=progress,
            workers=workers,
        )


def _on_cluster(
    settings: Settings, address: str, recipe: Recipe
) -> AbstractContextManager[Workers]:
    """Each worker has one CPU, and is sent no more of the settings than it needs. Raises SettingsInvalid."""
    if find_spec("ray") is None:
        raise SettingsInvalid(
            "the package 'ray' is not installed",
            remedy="Install the extra, here and on every node: pip install 'gisa[ray]'",
        )
    embedder = partial(
        SentenceTransformerEmbedder,
        settings.embedding_model,
        runtime=settings.embedding_runtime,
        threads=settings.threads or 1,
    )
    analyser = partial(KoreanAnalyser, workers=1, dictionary=settings.dictionary)
    parts = bulk.Parts(embedder, analyser, chunk_settings(settings), recipe)
    return bulk.on_cluster(address, parts)


def rebuild_articles(
    settings: Settings, *, progress: Progress = lambda summary: None, wait_s: float = 0.0
) -> BuildSummary:
    """Prepare all stored articles as the settings say. Raises as ``open_writer``, ModelUnavailable."""
    with closing(open_writer(settings, wait_s=wait_s)) as writer:
        return build.rebuild(
            writer,
            embedder=build_embedder(settings),
            analyser=build_analyser(settings),
            chunking=chunk_settings(settings),
            progress=progress,
        )


def remove_articles(
    settings: Settings, article_ids: Iterable[str], *, wait_s: float = 0.0
) -> tuple[list[str], int]:
    """As ``index.remove_articles``, from the engine of the settings."""
    with closing(open_writer(settings, wait_s=wait_s)) as writer:
        return build.remove(writer, article_ids)


def chunk_settings(settings: Settings) -> ChunkSettings:
    """How articles are cut into passages."""
    return ChunkSettings(
        target_chars=settings.chunk_chars,
        max_chars=settings.chunk_max_chars,
        min_last_chars=settings.chunk_min_last_chars,
        overlap_sentences=settings.chunk_overlap_sentences,
    )


def open_answerer(
    settings: Settings,
    *,
    watch: JudgeWatch | None = None,
) -> Answerer:
    """Everything that answering needs; ``watch`` is told of the judge's calls.

    Raises IndexUnusable and its kinds, ModelUnavailable, SettingsInvalid.
    """
    index = open_over(
        open_reader(settings),
        embedder=lambda: BatchingEmbedder(
            build_embedder(settings), passes=settings.threads or processors()
        ),
        analyser=lambda: build_analyser(settings),
        reranker=build_reranker(settings),
        place=str(index_place(settings)),
    )
    by_name = {backend.name: backend for backend in _backends(settings, index)}
    if settings.backend not in by_name:
        known = ", ".join(sorted({*by_name, StubBackend.name}))
        needed = _MODEL_SETTINGS.get(settings.backend)
        hint = f"it needs {needed}" if needed else f"there are {known}"
        raise SettingsInvalid(f"GISA_BACKEND = {settings.backend!r}: {hint}")
    return Answerer(
        index,
        by_name,
        default_backend=settings.backend,
        top_k=settings.top_k,
        judge=build_judge(settings, watch=watch),
        is_strict=settings.strict,
    )


def build_judge(settings: Settings, *, watch: JudgeWatch | None = None) -> GuardedJudge | None:
    """The configured judge of entailment, or None. Raises ModelUnavailable, SettingsInvalid."""
    judge = _judge(settings)
    if judge is None:
        return None
    return GuardedJudge(judge, timeout_s=settings.judge_timeout_s, watch=watch)


def _judge(settings: Settings) -> EntailmentJudge | None:
    wanted, nli = settings.judge, settings.nli_model
    if wanted == "nli" and not nli:
        raise SettingsInvalid("GISA_JUDGE = 'nli': it needs GISA_NLI_MODEL")
    if wanted == "none":
        return None
    if nli and wanted != "model":
        return CrossEncoderJudge(nli)
    models = {model.name: model for model in _language_models(settings)}
    model = models.get(settings.backend) or next(iter(models.values()), None)
    if model is not None:
        return ModelJudge(model, max_tokens=settings.judge_max_tokens)
    if wanted == "model":
        needed = " or ".join(_MODEL_SETTINGS.values())
        raise SettingsInvalid(f"GISA_JUDGE = 'model': it needs {needed}")
    return None


_MODEL_SETTINGS = {"openai": "GISA_LLM_MODEL", "anthropic": "GISA_ANTHROPIC_MODEL"}


def _backends(settings: Settings, index: Index) -> Iterator[LLMBackend]:
    """The one that needs no model, the language models that are configured, and the stub on demand."""
    yield ExtractiveBackend(index.analyser, index.idf)
    if settings.backend == StubBackend.name:
        yield StubBackend()
    patience = Patience(
        first_token_s=settings.llm_first_token_timeout_s, total_s=settings.llm_timeout_s
    )
    for backend in _language_models(settings):
        yield GuardedBackend(backend, patience=patience)


def _language_models(settings: Settings) -> Iterator[LLMBackend]:
    """Raises SettingsInvalid if the package of a configured one is not installed, or its key is missing."""
    budget = (settings.llm_max_input_chars, settings.llm_max_output_tokens)
    try:
        if name := settings.llm_model:
            url, key = settings.llm_base_url, settings.llm_api_key
            yield OpenAICompatibleBackend(RemoteModel(url, name, key, *budget))
        if name := settings.anthropic_model:
            url, key = settings.anthropic_base_url, settings.anthropic_api_key
            if not key.get_secret_value():
                raise SettingsInvalid("GISA_ANTHROPIC_MODEL needs GISA_ANTHROPIC_API_KEY")
            yield AnthropicBackend(RemoteModel(url, name, key, *budget))
    except ImportError as error:
        raise SettingsInvalid(
            f"the package {error.name!r} is not installed",
            remedy="Install the extra: pip install 'gisa[openai]' or 'gisa[anthropic]'.",
        ) from error


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
        source_timezone=zone,
        max_file_bytes=settings.max_file_mb * 1_000_000,
        date_order=settings.date_order,
        sources=sources,
    )
