"""The Model Context Protocol interface: the archive as tools for language models."""

from service.mcp.server import build, serve_http, serve_stdio

__all__ = ["build", "serve_http", "serve_stdio"]
