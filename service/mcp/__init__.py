"""The archive as tools of the Model Context Protocol."""

from service.mcp.server import build, serve_http, serve_stdio

__all__ = ["build", "serve_http", "serve_stdio"]
