"""Questions to cited answers. The names below are loaded when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.application import create_app
    from service.schema import Answer, Citation, Question
    from service.verify.alone import check_sentence

__all__ = ["Answer", "Answerer", "Citation", "Question", "check_sentence", "create_app"]

_HOMES = {
    "Answer": "service.schema",
    "Answerer": "service.answer",
    "Citation": "service.schema",
    "Question": "service.schema",
    "check_sentence": "service.verify.alone",
    "create_app": "service.application",
}


def __getattr__(name: str) -> Any:
    # FastAPI alone takes half a second to import; `gisa --help` needs none of it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
