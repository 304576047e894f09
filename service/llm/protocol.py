"""The seam to whatever writes the prose. Its contract suite: tests/contracts/llm_contract.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from service.prompt import Prompt


class LLMBackend(Protocol):
    """Composes an answer.

    ``generate`` yields text in pieces of any size; joined, they are sentences that end with markers
    ``[n]`` naming sources of the prompt, or nothing at all when the sources hold no answer. What it
    says is checked by the caller, never trusted. Raises LLMUnavailable, LLMTimeout or LLMRefused.
    """

    @property
    def name(self) -> str: ...
    def generate(self, prompt: Prompt) -> AsyncIterator[str]: ...
