"""What happens while a question is answered, in the order in which a reader is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index import Hit
from service.schema import Answer, Citation, Interpreted, Sentence


@dataclass(frozen=True)
class InterpretedEvent:
    interpreted: Interpreted


@dataclass(frozen=True)
class PassagesEvent:
    hits: Sequence[Hit]


@dataclass(frozen=True)
class SentenceEvent:
    """A verified sentence and the citations it is the first to use."""

    sentence: Sentence
    citations: Sequence[Citation]


@dataclass(frozen=True)
class DoneEvent:
    answer: Answer


Event = InterpretedEvent | PassagesEvent | SentenceEvent | DoneEvent
