"""From articles to searchable passages; it knows nothing of the service that uses it.

``build_index`` makes or updates an index, ``open_index`` opens it for searching,
``read_articles`` reads a file or folder of articles without indexing it.
"""

from index.analysers import begin_loading, shared_analyser
from index.build import BuildSummary
from index.chunking import ChunkSettings
from index.corpus import CorpusStatistics
from index.dates import mentions
from index.days import Days
from index.documents import (
    KEY_SEPARATOR,
    SEOUL,
    AnalysedSentence,
    Article,
    ArticleHeader,
    Explanation,
    FieldScore,
    Filters,
    Hit,
    Passage,
    Preferences,
    reference_of,
    to_json,
)
from index.embedding import processors
from index.errors import (
    ArchiveRefused,
    ArticleAmbiguous,
    ArticleTooLarge,
    DictionaryUnusable,
    EmbedderMismatch,
    EngineUnavailable,
    GisaError,
    IndexCorrupt,
    IndexEmpty,
    IndexExists,
    IndexFormatUnknown,
    IndexLocked,
    IndexNotFound,
    IndexNotWritable,
    IndexUnusable,
    LexiconInvalid,
    MalformedArticle,
    ModelUnavailable,
    RebuildUnfinished,
    SourcesInvalid,
    SourceUnreadable,
)
from index.korean import KoreanAnalyser, bigrams, shared_bigrams
from index.lexicon import LEXICON, Expression, Lexicon
from index.library import (
    Check,
    build_index,
    copy_index,
    export_index,
    import_index,
    index_info,
    open_index,
    rebuild_index,
    remove_articles,
    verify_index,
)
from index.mention import Mention, Policy
from index.protocols import (
    AnalysedText,
    Candidates,
    Embedder,
    EngineReader,
    EngineWriter,
    IndexInfo,
    Tally,
    Vectors,
)
from index.quantities import Quantity, quantities_in
from index.readers import read_articles
from index.rerank import load_cross_encoder
from index.retrieve import Index, Query
from index.sentences import Token

__all__ = [
    "KEY_SEPARATOR",
    "LEXICON",
    "SEOUL",
    "AnalysedSentence",
    "AnalysedText",
    "ArchiveRefused",
    "Article",
    "ArticleAmbiguous",
    "ArticleHeader",
    "ArticleTooLarge",
    "BuildSummary",
    "Candidates",
    "Check",
    "ChunkSettings",
    "CorpusStatistics",
    "Days",
    "DictionaryUnusable",
    "Embedder",
    "EmbedderMismatch",
    "EngineReader",
    "EngineUnavailable",
    "EngineWriter",
    "Explanation",
    "Expression",
    "FieldScore",
    "Filters",
    "GisaError",
    "Hit",
    "Index",
    "IndexCorrupt",
    "IndexEmpty",
    "IndexExists",
    "IndexFormatUnknown",
    "IndexInfo",
    "IndexLocked",
    "IndexNotFound",
    "IndexNotWritable",
    "IndexUnusable",
    "KoreanAnalyser",
    "Lexicon",
    "LexiconInvalid",
    "MalformedArticle",
    "Mention",
    "ModelUnavailable",
    "Passage",
    "Policy",
    "Preferences",
    "Quantity",
    "Query",
    "RebuildUnfinished",
    "SourceUnreadable",
    "SourcesInvalid",
    "Tally",
    "Token",
    "Vectors",
    "begin_loading",
    "bigrams",
    "build_index",
    "copy_index",
    "export_index",
    "import_index",
    "index_info",
    "load_cross_encoder",
    "mentions",
    "open_index",
    "processors",
    "quantities_in",
    "read_articles",
    "rebuild_index",
    "reference_of",
    "remove_articles",
    "shared_analyser",
    "shared_bigrams",
    "to_json",
    "verify_index",
]
