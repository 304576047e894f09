"""Articles to searchable passages. Knows nothing of the service that asks.

``build_index`` makes or updates an index, ``open_index`` opens it for searching,
``read_articles`` reads a file or folder of articles without indexing it.
"""

from index.build import BuildSummary, build_index
from index.documents import (
    SEOUL,
    AnalysedSentence,
    Article,
    ArticleHeader,
    Explanation,
    FieldScore,
    Filters,
    Hit,
    Passage,
    to_json,
)
from index.errors import (
    EmbedderMismatch,
    GisaError,
    IndexCorrupt,
    IndexEmpty,
    IndexFormatUnknown,
    IndexLocked,
    IndexNotFound,
    IndexUnusable,
    MalformedArticle,
    ModelUnavailable,
    SourcesInvalid,
    SourceUnreadable,
)
from index.korean import KoreanAnalyser, Token, bigrams
from index.protocols import AnalysedText, Embedder, Engine, IndexInfo
from index.readers import read_articles
from index.retrieve import Index, index_info, open_index

__all__ = [
    "SEOUL",
    "AnalysedSentence",
    "AnalysedText",
    "Article",
    "ArticleHeader",
    "BuildSummary",
    "Embedder",
    "EmbedderMismatch",
    "Engine",
    "Explanation",
    "FieldScore",
    "Filters",
    "GisaError",
    "Hit",
    "Index",
    "IndexCorrupt",
    "IndexEmpty",
    "IndexFormatUnknown",
    "IndexInfo",
    "IndexLocked",
    "IndexNotFound",
    "IndexUnusable",
    "KoreanAnalyser",
    "MalformedArticle",
    "ModelUnavailable",
    "Passage",
    "SourceUnreadable",
    "SourcesInvalid",
    "Token",
    "bigrams",
    "build_index",
    "index_info",
    "open_index",
    "read_articles",
    "to_json",
]
