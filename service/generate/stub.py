"""The backend ``stub``: for trying clients without a language model.

It is registered only where ``GISA_BACKEND=stub`` says so, since it looks at no question: it quotes
what was found, right or not.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from service.generate.prompt import Prompt

QUOTED_SOURCES = 2


class StubBackend:
    """Quotes ``first_sentences``, one a piece; the same prompt always gives the same answer."""

    name = "stub"

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See ``LLMBackend``; nothing is ever raised."""
        for sentence in first_sentences(prompt):
            yield sentence


def first_sentences(prompt: Prompt) -> list[str]:
    """The first sentence of the first passage of each of the first two sources, cited."""
    pieces = []
    for source in prompt.sources[:QUOTED_SOURCES]:
        sentences = source.supplied_sentences()
        if sentences:
            text = source.body[sentences[0].start : sentences[0].end]
            pieces.append(f"{text}[{source.number}] ")
    return pieces
