"""What happens while a question is answered, in the order in which a reader is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from index import Hit
from service.schema import Answer, Citation, Interpreted, Sentence, Support, TimelineEntry


@dataclass(frozen=True)
class InterpretedEvent:
    """How the question was understood; again at the end, if there is a note."""

    interpreted: Interpreted


@dataclass(frozen=True)
class PassagesEvent:
    """What was found, best first."""

    hits: Sequence[Hit]


@dataclass(frozen=True)
class TimelineEvent:
    """The course of events, oldest first, with all citations of the answer, ahead of the sentences that tell it.

    ``left_out``: how many further events were found.
    """

    entries: Sequence[TimelineEntry]
    citations: Sequence[Citation]
    left_out: int = 0


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
SettledEvent = InterpretedEvent | PassagesEvent | TimelineEvent | SentenceEvent | DoneEvent
Event = SettledEvent | Verdict


async def settled(events: AsyncGenerator[Event, None]) -> AsyncGenerator[SettledEvent, None]:
    """The events for a reader to whom nothing can be unsaid: sentences in order, with their last grades and numbers.

    A sentence that a judge is still to read, and whatever follows it, waits for the whole answer. Closes ``events``.
    """
    said, waits = 0, False
    async with aclosing(events):
        async for event in events:
            match event:
                case SentenceEvent():
                    # A gap in the places is a sentence withheld until it is judged.
                    waits = waits or event.pending or event.index != said
                    if not waits:
                        said += 1
                        yield event
                case GradedEvent() | WithdrawnEvent():
                    pass
                case DoneEvent():
                    for index in range(said, len(event.answer.sentences)):
                        yield _sentence_of(event.answer, index)
                    yield event
                case _:
                    yield event


def _sentence_of(answer: Answer, index: int) -> SentenceEvent:
    sentence = answer.sentences[index]
    cited = [c for c in answer.citations if c.number in sentence.citations]
    return SentenceEvent(index, sentence, cited)
