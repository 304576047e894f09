"""What happens while a question is answered, in the order in which a reader is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index import Hit
from service.schema import Answer, Citation, Interpreted, Sentence


@dataclass(frozen=True)
class InterpretedEvent:
    """How the question was understood; again at the end, if there is a note."""

    interpreted: Interpreted


@dataclass(frozen=True)
class PassagesEvent:
    """What was found, best first."""

    hits: Sequence[Hit]


@dataclass(frozen=True)
class SentenceEvent:
    """A verified sentence and the citations it is the first to use."""

    sentence: Sentence
    citations: Sequence[Citation]


@dataclass(frozen=True)
class DoneEvent:
    """The whole answer, as it would be without streaming."""

    answer: Answer


Event = InterpretedEvent | PassagesEvent | SentenceEvent | DoneEvent
