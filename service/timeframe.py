"""The stable place from which other programs import ``resolve``; see ``service.query.timeframe``."""

from service.query.timeframe import resolve

__all__ = ["resolve"]
