"""A deterministic backend for tests: it says what it was told to say, good or bad."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from service.prompt import Prompt

Script = Callable[[Prompt], Sequence[str]]


def first_sentences(prompt: Prompt) -> list[str]:
    """The first sentence of the first passage of each of the first two sources, cited."""
    pieces = []
    for source in prompt.sources[:2]:
        sentences = source.supplied_sentences()
        if sentences:
            text = source.body[sentences[0].start : sentences[0].end]
            pieces.append(f"{text}[{source.number}] ")
    return pieces


class StubBackend:
    """Yields the pieces of its script; without one, ``first_sentences``."""

    name = "stub"

    def __init__(self, script: Script = first_sentences) -> None:
        self._script = script

    async def generate(self, prompt: Prompt) -> AsyncIterator[str]:
        for piece in self._script(prompt):
            yield piece
