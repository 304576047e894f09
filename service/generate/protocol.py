"""The seam to whatever writes the prose. Its contract suite: tests/contracts/llm_contract.py."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from service.generate.prompt import Prompt


class LLMBackend(Protocol):
    """Composes an answer.

    ``generate`` yields text in pieces of any size; joined, they are sentences that end with markers
    ``[n]`` naming sources of the prompt, or nothing at all when the sources hold no answer. An empty
    piece says that the backend is alive, no more. What it says is checked by the caller, never trusted.
    Closing the generator ends the request. Raises LLMError and its kinds; what was said before
    that counts, but for the sentence that was left unfinished.
    """

    @property
    def name(self) -> str: ...
    def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]: ...
