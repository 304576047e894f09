"""A real server of the page and the API on a free port of loopback, for tests that need one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import small_index
import uvicorn
from fastapi import FastAPI

from service.answer import Answerer
from service.errors import LLMUnavailable
from service.generate.prompt import Prompt
from service.generate.stub import first_sentences


class MoodyBackend:
    """Answers as the question's words ask for: slowly (느린), in part (끊긴), not at all (없는)."""

    name = "moody"

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        if "없는" in prompt.question:
            return
        for piece in first_sentences(prompt):
            yield piece
            if "느린" in prompt.question or "끊긴" in prompt.question:
                yield "그리고 "  # only the next word shows that a sentence is over
            if "끊긴" in prompt.question:
                raise LLMUnavailable("the line went dead")
            if "느린" in prompt.question:
                await asyncio.sleep(60)


def open_answerer(path: Path, articles: tuple[small_index.Article, ...]) -> Answerer:
    small_index.build(path, articles)
    index = small_index.open_small(path)
    return Answerer(index, {"moody": MoodyBackend()}, default_backend="moody")


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a port of its own; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.02)
            assert thread.is_alive()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(15)
