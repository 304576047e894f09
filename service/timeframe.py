"""Where other programs import ``resolve`` from, whatever the layout (see ``service.query.timeframe``)."""

from service.query.timeframe import resolve

__all__ = ["resolve"]
