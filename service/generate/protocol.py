"""The seam to whatever writes answers. Its contract suite is tests/contracts/llm_contract.py."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from service.generate.prompt import Prompt


class LLMBackend(Protocol):
    """Composes an answer.

    ``generate`` yields text in pieces of any size. Joined, they are sentences that end with markers
    ``[n]`` naming sources of the prompt, or nothing at all if the sources hold no answer. An empty
    piece only says that the backend is alive. The caller checks the text and never trusts it.
    Closing the generator ends the request. Raises LLMError and its kinds; text that came before the
    error counts, except for an unfinished sentence.
    """

    @property
    def name(self) -> str: ...
    def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]: ...
