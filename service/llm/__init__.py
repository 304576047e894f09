"""Backends that compose answers from numbered sources."""

from service.llm.protocol import LLMBackend

__all__ = ["LLMBackend"]
