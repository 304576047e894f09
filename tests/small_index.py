"""A handful of articles and an Answerer over them: small, quick, and without a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path

from hash_embedder import HashEmbedder
from memory_engine import MemoryEngine, Store

from index import (
    SEOUL,
    Article,
    BuildSummary,
    ChunkSettings,
    Embedder,
    EngineWriter,
    Index,
    KoreanAnalyser,
    MalformedArticle,
    build_index,
)
from index.build import Progress, ingest
from index.library import open_reader, open_writer
from service.answer import Answerer
from service.errors import LLMTimeout
from service.generate.prompt import Prompt
from service.generate.stub import StubBackend

ARTICLES = (
    Article(
        id="haedam/tram-1",
        title="트램 1호선 기본계획 승인",
        subtitles=("해담항~새터마을 11.6㎞",),
        press="해담일보",
        reporters=("여운찬",),
        section="정치",
        published_at=datetime(2025, 5, 14, 9, tzinfo=SEOUL),
        url="https://haedam.example/tram-1",
        body="🚋 해담시는 트램 1호선 기본계획이 정부 승인을 받았다고 14일 밝혔다. "
        "노선은 11.6㎞이고 정거장은 15곳이다.\n\n"
        "총사업비는 4,820억 원으로 국비와 도비, 시비로 나눠 부담한다.",
    ),
    Article(
        id="library",
        title="\x1b[31m새 도서관\x1b[0m 문 연다",
        press="동람경제",
        section="문화",
        published_at=datetime(2026, 3, 2, 9, tzinfo=SEOUL),
        body="은솔구 도서관이 3월 2일 문을 열었다. 책 12만 권을 갖췄고 자정까지 연다.\n\n"
        "개관 첫날 주민 1,400여 명이 찾았다.",
    ),
    Article(
        id="undated",
        title="윤슬대교 보수 공사",
        body="윤슬대교 난간을 고치는 공사가 시작됐다. 공사는 두 달 걸린다.",
    ),
)
TRAM, LIBRARY, UNDATED = ARTICLES


ENGINES = ("local", "memory")
"""What lies above an engine is tested over both: the embedded one, and the reference in memory."""


class BreakingBackend:
    """A backend that says half a sentence and then breaks off with the error it was given."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name, self._error = name, error

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        yield prompt.sources[0].passages[0].text.split(".")[0]
        raise self._error


@cache
def analyser() -> KoreanAnalyser:
    """The one of this process: it takes seconds to load."""
    return KoreanAnalyser()


def build(path: Path, articles: Sequence[Article] = ARTICLES) -> BuildSummary:
    """Index the articles at ``path``."""
    return build_index(articles, path, embedder=HashEmbedder(), analyser=analyser())


def open_small(path: Path, embedder: Embedder | None = None) -> Index:
    """The index at ``path``, opened without loading a model."""
    return Index(open_reader(path), embedder or HashEmbedder(), analyser())


class Corpus:
    """Articles in one of ``ENGINES``, to be added to and searched; ``path`` is for the embedded one."""

    def __init__(self, engine: str, path: Path) -> None:
        self._engine, self._path, self._store = engine, path, Store()
        self.quarantined: list[MalformedArticle] = []

    def writer(self) -> EngineWriter:
        in_memory = self._engine == "memory"
        return MemoryEngine(self._store) if in_memory else open_writer(self._path, create=True)

    def add(
        self,
        *sources: Article | Path,
        embedder: Embedder | None = None,
        chunking: ChunkSettings = ChunkSettings(),
        progress: Progress = lambda summary: None,
    ) -> BuildSummary:
        with closing(self.writer()) as writer:
            return ingest(
                sources,
                writer,
                embedder=embedder or HashEmbedder(),
                analyser=analyser(),
                chunking=chunking,
                quarantine=self.quarantined.extend,
                progress=progress,
            )

    def open(self) -> Index:
        reader = MemoryEngine(self._store) if self._engine == "memory" else open_reader(self._path)
        return Index(reader, HashEmbedder(), analyser())


def index_over(engine: str, path: Path, articles: Sequence[Article] = ARTICLES) -> Index:
    """The articles in an index over one of ``ENGINES``."""
    corpus = Corpus(engine, path)
    corpus.add(*articles)
    return corpus.open()


def open_answerer(path: Path) -> Answerer:
    """Answers from the index at ``path`` with what the stub says; ``slow`` and ``buggy`` break off."""
    backends = (
        StubBackend(),
        BreakingBackend("slow", LLMTimeout("no answer from 10.0.0.7 in 30 s")),
        BreakingBackend("buggy", KeyError("secret")),
    )
    index = open_small(path)
    return Answerer(index, {backend.name: backend for backend in backends}, default_backend="stub")
