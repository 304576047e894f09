"""Everything that can go wrong between reading articles and finding passages.

GisaError
├── MalformedArticle        one record or file can't become an article; the rest is still read
├── SourceUnreadable        a path given by the user can't be read at all
├── SourcesInvalid          the file of rules for sources has a fault
├── LexiconInvalid          a table of words that comes with the program is missing or broken
├── ModelUnavailable        a model can't be prepared or loaded
├── IndexUnusable           the folder can't serve questions …
│   ├── IndexNotFound       … nothing was ever built there
│   ├── IndexEmpty          … it holds no article
│   ├── IndexCorrupt        … a file is missing or fails its checksum
│   ├── IndexFormatUnknown  … it was written by another version of the format
│   ├── EmbedderMismatch    … its vectors come from another embedder
│   └── EngineUnavailable   … the server that holds it is away, or refuses
├── ClusterUnavailable      the Ray cluster that prepares articles is away, or can't prepare them
├── ArticleAmbiguous         several sources have an article with this id
├── IndexLocked             another process is writing to it
├── IndexNotWritable        no space, no permission
├── ArticleTooLarge         an article is more than the engine can store
├── IndexExists             something would have to be overwritten
├── RebuildUnfinished       some of its articles are embedded anew, some not yet
├── DictionaryUnusable      the file of the user's own words can't be read
└── ArchiveRefused          a file to import is not an archive of an index, or is damaged

Each carries a ``remedy``: what the operator does next. Finding no answer is never an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from index.documents import reference_of


def _option(path: Path | str) -> str:
    """How a command is told of the folder; a server is in the settings already."""
    return "" if str(path).startswith("milvus+") else f" --index {path}"


class GisaError(Exception):
    """Root of the project's errors: a message for the operator, and what to do next."""

    remedy: str = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy


class MalformedArticle(GisaError):
    """A record or file from which no article can be made. Reported, then skipped."""

    def __init__(self, reason: str, *, path: Path | str, line: int | None = None) -> None:
        self.reason, self.path, self.line = reason, str(path), line
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {reason}")


class SourceUnreadable(GisaError):
    """A path named by the user does not exist or can't be opened."""


class SourcesInvalid(GisaError):
    """The file of rules for single sources (GISA_SOURCES) can't be read, or has a fault."""

    remedy = "Correct the file; index/sources.py describes every key."


class LexiconInvalid(GisaError):
    """A table of words that comes with the program is missing, or has a fault."""

    remedy = "Install gisa anew; index/lexicon.py describes the files in data/."


class ModelUnavailable(GisaError):
    """A model is not installed, does not match its checksum, or can't be loaded."""

    remedy = "Run 'gisa model prepare', or set GISA_EMBEDDING_MODEL to a model folder."


class IndexUnusable(GisaError):
    """An index folder that can't answer questions as it is."""


class IndexNotFound(IndexUnusable):
    """There is no index in the folder."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"there is no index in {path}",
            remedy=f"Build one: gisa index add PATH…{_option(path)}",
        )


class IndexEmpty(IndexUnusable):
    """The index holds no article, so nothing can be asked of it."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"the index in {path} holds no article",
            remedy=f"Add some: gisa index add PATH…{_option(path)}",
        )


class IndexCorrupt(IndexUnusable):
    """A file of the index is missing, cut short, or fails its checksum."""

    def __init__(self, message: str, *, path: Path | str) -> None:
        super().__init__(
            message, remedy=f"Derive it again from the catalog: gisa index rebuild{_option(path)}"
        )


class IndexFormatUnknown(IndexUnusable):
    """The index was written in a format version that this program does not know."""


class EmbedderMismatch(IndexUnusable):
    """The index was built with another embedder than the one that is configured."""

    def __init__(self, *, path: Path | str, built_with: str, configured: str) -> None:
        super().__init__(
            f"the index in {path} was built with the embedder {built_with}, "
            f"but {configured} is configured",
            remedy=f"Either set GISA_EMBEDDING_MODEL back, or embed again: "
            f"gisa index rebuild{_option(path)}",
        )


class EngineUnavailable(IndexUnusable):
    """The server that holds the index can't be reached, does not answer in time, or refuses."""

    remedy = (
        "See that the server runs and lets this program in (GISA_MILVUS_URI, GISA_MILVUS_TOKEN)."
    )

    def __init__(self, place: object, cause: str) -> None:
        super().__init__(f"the index {place} can't be used: {cause}")


class ClusterUnavailable(GisaError):
    """The Ray cluster can't be reached, or its workers can't prepare articles. What was stored is kept."""

    remedy = (
        "See that the cluster runs (ray status), with the same gisa, model and dictionary on every "
        "node; then run the same command again to continue."
    )

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(f"the Ray cluster {address} can't prepare articles: {cause}")


class ArticleAmbiguous(GisaError):
    """Several sources have an article with this id. ``references`` name each of them (``SOURCE/ID``)."""

    def __init__(self, article_id: str, references: Sequence[str]) -> None:
        self.references = tuple(references)
        super().__init__(
            f"several sources have an article {article_id!r}: {', '.join(references)}",
            remedy="Name the one that is meant: SOURCE/ID.",
        )


def the_one(name: str, keys: Sequence[str]) -> str:
    """The key that a public id means. Raises ArticleAmbiguous where there are several."""
    if len(keys) > 1:
        raise ArticleAmbiguous(name, [reference_of(key) for key in keys])
    return keys[0]


class IndexLocked(GisaError):
    """Another process is writing to the index; there is one writer at a time."""


class IndexNotWritable(GisaError):
    """The disk is full, or the files may not be written. What was finished before is kept."""

    remedy = "Free some space or grant the permission, then run the same command again to continue."

    def __init__(self, path: Path | str, cause: Exception) -> None:
        super().__init__(f"can't write to {path}: {cause}")


class ArticleTooLarge(GisaError):
    """Something of an article is more than the engine can store; nothing of its batch was stored."""

    remedy = "Take the article out of the input, or make it smaller."


class IndexExists(GisaError):
    """The folder to import into already holds something; an import never overwrites."""


class RebuildUnfinished(GisaError):
    """A rebuild was interrupted; until it is finished, nothing can be added or published."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"a rebuild of {path} was interrupted",
            remedy=f"Finish it (it continues where it stopped): gisa index rebuild{_option(path)}",
        )


class ArchiveRefused(GisaError):
    """The file was not written by ``gisa index export``, is damaged, or is too large."""


class DictionaryUnusable(GisaError):
    """The file of the user's own words can't be read."""

    remedy = "One word a line: the word, a tab, NNP or NNG. The setting is GISA_DICTIONARY."
