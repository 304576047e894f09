"""An index in its place, a folder or a Milvus server: the front door of the package.

Only this module and the engines themselves know where an index is. What is the same for all engines is
told over their protocols in ``index.build`` and ``index.retrieve``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from index.analysers import shared_analyser
from index.build import BuildSummary, Progress, Quarantine, ingest, rebuild, remove
from index.chunking import ChunkSettings
from index.copying import CopySummary, copy_articles
from index.documents import Article
from index.engines.local import LocalEngine
from index.engines.local.archive import export_index, import_index
from index.engines.local.verify import Check, verify_index
from index.engines.milvus import MilvusEngine, MilvusPlace
from index.errors import IndexNotWritable, MalformedArticle
from index.korean import KoreanAnalyser
from index.protocols import Embedder, EngineReader, EngineWriter, IndexInfo, Reranker
from index.readers import ReadOptions
from index.retrieve import Index, open_over

__all__ = [
    "QUARANTINE_FILE",
    "Check",
    "Place",
    "build_index",
    "copy_index",
    "export_index",
    "import_index",
    "index_info",
    "open_index",
    "open_reader",
    "open_writer",
    "quarantine_in",
    "rebuild_index",
    "remove_articles",
    "verify_index",
]

QUARANTINE_FILE = "quarantine.jsonl"

Place = Path | str | MilvusPlace
"""Where an index is: a folder, or on a Milvus server."""


def build_index(
    sources: Iterable[Path | str | Article],
    path: Path | str,
    *,
    embedder: Embedder | None = None,
    analyser: KoreanAnalyser | None = None,
    chunking: ChunkSettings = ChunkSettings(),
    options: ReadOptions | None = None,
    progress: Progress = lambda summary: None,
    wait_s: float = 0.0,
) -> BuildSummary:
    """Add or update articles of files and folders in the index at ``path``, and publish it.

    Work is kept batch by batch: input that is known is skipped, so an interrupted run resumes.
    ``progress`` is called after every batch. Another writer is waited for ``wait_s`` seconds.
    Raises SourceUnreadable, IndexLocked, IndexNotWritable, EmbedderMismatch, RebuildUnfinished.
    """
    embedder = embedder or default_embedder()
    analyser = analyser or shared_analyser()
    with closing(open_writer(path, create=True, wait_s=wait_s)) as writer:
        return ingest(
            sources,
            writer,
            embedder=embedder,
            analyser=analyser,
            chunking=chunking,
            options=options,
            quarantine=quarantine_in(path),
            progress=progress,
        )


def rebuild_index(
    path: Path | str,
    *,
    embedder: Embedder | None = None,
    analyser: KoreanAnalyser | None = None,
    chunking: ChunkSettings = ChunkSettings(),
    progress: Progress = lambda summary: None,
    wait_s: float = 0.0,
) -> BuildSummary:
    """Prepare every stored article by the given embedder, analyser and chunking, and publish afresh.

    Until then the old generation answers. What is prepared already is left alone, so an interrupted
    rebuild resumes; where only the analyser or the chunking is new, passages that stay the same
    keep their vectors. Raises IndexNotFound, IndexLocked, IndexNotWritable.
    """
    with closing(open_writer(path, wait_s=wait_s)) as writer:
        return rebuild(
            writer,
            embedder=embedder or default_embedder(),
            analyser=analyser or shared_analyser(),
            chunking=chunking,
            progress=progress,
        )


def remove_articles(
    path: Path | str, article_ids: Iterable[str], *, wait_s: float = 0.0
) -> tuple[list[str], int]:
    """Take articles out of the answers at once, then out of the files.

    Returns the ids of those that there were, and the generation without them. Raises IndexNotFound, IndexLocked,
    IndexNotWritable, RebuildUnfinished (then they are out of the answers all the same).
    """
    with closing(open_writer(path, wait_s=wait_s)) as writer:
        return remove(writer, article_ids)


def open_index(
    path: Path | str,
    *,
    embedder: Embedder | Callable[[], Embedder] | None = None,
    dictionary: Path | None = None,
    reranker: Reranker | None = None,
) -> Index:
    """Open an index for searching, with the embedder that it was built with.

    ``embedder`` is one, or makes one; it defaults to the bundled model. ``dictionary`` is that of
    ``KoreanAnalyser``. ``reranker`` has the last word on the best passages, if there is one. Raises IndexNotFound, IndexEmpty, IndexCorrupt,
    IndexFormatUnknown, EmbedderMismatch, or DictionaryUnusable.
    """
    return open_over(
        open_reader(path),
        embedder=embedder or default_embedder,
        analyser=partial(shared_analyser, dictionary),
        reranker=reranker,
        place=path,
    )


def index_info(place: Place) -> IndexInfo:
    """What the index holds; loads no model and no index file but the manifest.

    Raises IndexNotFound, IndexCorrupt, IndexFormatUnknown or EngineUnavailable.
    """
    if isinstance(place, MilvusPlace):
        with closing(MilvusEngine.open(place)) as engine:
            return engine.info()
    with closing(LocalEngine(Path(place))) as local:
        return local.info()


def open_reader(place: Place) -> EngineReader:
    """The engine of the index, for searching.

    Raises IndexNotFound, IndexCorrupt, IndexFormatUnknown or EngineUnavailable.
    """
    return _open_reader(place)


def _open_reader(place: Place) -> LocalEngine | MilvusEngine:
    if isinstance(place, MilvusPlace):
        return MilvusEngine.open(place)
    return LocalEngine.open(Path(place))


def open_writer(place: Place, *, create: bool = False, wait_s: float = 0.0) -> EngineWriter:
    """The engine of the index, for writing; ``create`` makes what is missing.

    An index of an older format is brought up to this one. Another writer is waited for ``wait_s``
    seconds. Raises IndexNotFound, IndexLocked, IndexNotWritable, IndexFormatUnknown, EngineUnavailable.
    """
    if isinstance(place, MilvusPlace):
        on_server = MilvusEngine.create if create else MilvusEngine.update
        return on_server(place, wait_s=wait_s)
    in_folder = LocalEngine.create if create else LocalEngine.update
    return in_folder(Path(place), wait_s=wait_s)


def copy_index(
    source: Place,
    target: Place,
    *,
    wait_s: float = 0.0,
    progress: Callable[[CopySummary], None] = lambda summary: None,
) -> CopySummary:
    """Copy the articles of an index into another, of whatever engine, with their vectors.

    Another writer of the target is waited for ``wait_s`` seconds. Raises IndexNotFound, IndexCorrupt,
    IndexLocked, EmbedderMismatch, RebuildUnfinished, EngineUnavailable.
    """
    with (
        closing(_open_reader(source)) as opened,
        closing(open_writer(target, create=True, wait_s=wait_s)) as writer,
    ):
        return copy_articles(opened, writer, place=source, progress=progress)


def quarantine_in(path: Path | str) -> Quarantine:
    """Keeps what can't become an article in the folder of an index, a line each.

    It raises IndexNotWritable.
    """
    file = Path(path) / QUARANTINE_FILE

    def keep(malformed: Sequence[MalformedArticle]) -> None:
        records = ({"path": m.path, "line": m.line, "reason": m.reason} for m in malformed)
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as opened:
                opened.writelines(lines)
        except OSError as error:
            raise IndexNotWritable(file, error) from error

    return keep


def default_embedder() -> Embedder:
    """The bundled model. Raises ModelUnavailable."""
    from index.embedding import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder()
