"""The Model Context Protocol interface: the archive as tools for language models."""

from service.mcp.over_http import PATH, HttpTools
from service.mcp.server import build, serve_stdio

__all__ = ["PATH", "HttpTools", "build", "serve_stdio"]
