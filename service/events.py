"""What happens while a question is answered, in the order in which a reader is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index import Hit
from service.schema import Answer, Citation, Interpreted, Sentence, Support


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
    """A sentence whose facts hold, and the citations it is the first to use.

    ``index`` is its place among those sent, from 0. ``pending``: a judge is still to read it, and GradedEvent or
    WithdrawnEvent will follow.
    """

    index: int
    sentence: Sentence
    citations: Sequence[Citation]
    pending: bool = False


@dataclass(frozen=True)
class GradedEvent:
    """The grade of a pending sentence."""

    index: int
    support: Support


@dataclass(frozen=True)
class WithdrawnEvent:
    """A pending sentence that a judge found not to be what the article says. It is not in the answer."""

    index: int


@dataclass(frozen=True)
class DoneEvent:
    """The whole answer, as it would be without streaming."""

    answer: Answer


Verdict = GradedEvent | WithdrawnEvent
Event = InterpretedEvent | PassagesEvent | SentenceEvent | Verdict | DoneEvent
