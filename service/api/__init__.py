"""The HTTP interface: questions, search, articles, health, and the question page."""

from service.api.app import create_app

__all__ = ["create_app"]
