"""Backends that compose answers from numbered sources."""

from service.generate.protocol import LLMBackend

__all__ = ["LLMBackend"]
