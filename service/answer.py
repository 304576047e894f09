"""The answer story: understand the question, retrieve, compose, verify citations, reply."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace

from index import Hit, Index
from service import notes
from service.errors import LLMError, QuestionInvalid
from service.events import (
    DoneEvent,
    Event,
    InterpretedEvent,
    PassagesEvent,
    SentenceEvent,
    TimelineEvent,
    Verdict,
)
from service.generate.candidates import Candidate
from service.generate.leads import LEADS, leads
from service.generate.prompt import Message, Prompt
from service.generate.protocol import LLMBackend
from service.generate.rewriting import rewrite
from service.query.understand import Understander, Understood, is_outside
from service.recounting import recount
from service.reply import Reply, cite, evidence_of
from service.schema import (
    ABSTENTIONS,
    Answer,
    Failure,
    Interpreted,
    Question,
    Status,
)
from service.sources import Source, sources_of
from service.timeline import Timeline, trace
from service.verify.citations import Verifier
from service.verify.drafts import DraftParser
from service.verify.judge import UNJUDGED, EntailmentJudge, JudgeError

PASSAGES_PER_STORY = 3
FALLBACK = "extractive"
"""The backend that answers in the place of one that failed: it needs no network."""

logger = logging.getLogger(__name__)


class Answerer:
    """Answers questions over one index. Safe to use for many questions at once."""

    def __init__(
        self,
        index: Index,
        backends: Mapping[str, LLMBackend],
        *,
        default_backend: str,
        top_k: int = 8,
        judge: EntailmentJudge | None = None,
        is_strict: bool = False,
    ) -> None:
        """``judge`` reads sentences in other words than the articles'; ``is_strict``: without its support none is shown."""
        self.index, self.backends, self.default_backend = index, backends, default_backend
        self.judge, self._is_strict = judge, is_strict
        self._top_k = top_k
        self._understand = Understander(index)

    async def answer(self, question: Question) -> Answer:
        """The whole answer. Raises QuestionInvalid for an unknown backend."""
        async for event in self.events(question):
            if isinstance(event, DoneEvent):
                return event.answer
        raise AssertionError("events() ends with DoneEvent")

    async def events(self, question: Question) -> AsyncGenerator[Event, None]:
        """The answer as it comes: how the question was understood, passages, sentences, the whole."""
        writer, timings = _Writer(self._backend(question.backend)), _Timings()
        with timings.measure("understand"):
            rewritten = await self._rewritten(question, writer.backend)
            understood = await asyncio.to_thread(self._understand, question, rewritten=rewritten)
        course = _Course(
            question, understood, understood.interpreted, self.index.generation, writer, timings
        )
        yield InterpretedEvent(course.interpreted)
        with timings.measure("retrieve"):
            hits, sources = await asyncio.to_thread(self._retrieve, course)
        if hits:
            # By the end a newer one may be in use; the answer comes from the one that was searched.
            course.generation = hits[0].generation
        course.sources = sources
        course.reply = Reply(
            Verifier(sources, self.index.analyser, self.index.idf),
            understood.asked,
            is_judged=self.judge is not None,
            is_strict=self._is_strict,
        )
        yield PassagesEvent(hits)
        for event in self._recounted(course):
            yield event
        async with aclosing(self._compose(course)) as sentences:
            async for sentence in sentences:
                yield sentence
        async for verdict in self._graded(course):
            yield verdict
        if note := self._note(course):
            course.interpreted = course.interpreted.model_copy(update={"note": note})
            yield InterpretedEvent(course.interpreted)
        yield DoneEvent(self._answer(course))

    async def _rewritten(self, question: Question, backend: LLMBackend) -> str | None:
        """A follow-up as a language model puts it; None where there is none, or nothing to resolve."""
        if not question.conversation or backend.name == FALLBACK:
            return None
        return await rewrite(question, _turns(question), backend, self._understand.follow_ups)

    def _backend(self, name: str | None) -> LLMBackend:
        name = name or self.default_backend
        if name not in self.backends:
            known = ", ".join(sorted(self.backends))
            raise QuestionInvalid(f"'{name}'라는 백엔드가 없습니다. 쓸 수 있는 것: {known}")
        return self.backends[name]

    def _retrieve(self, course: _Course) -> tuple[list[Hit], list[Source]]:
        """What is searched for, within what the question demands; too little there is filled up from beyond.

        A demand for news of a time before or after the archive's is not filled up.
        """
        if course.wants_timeline and (timeline := trace(self.index, course.understood)):
            course.timeline = timeline
            return list(timeline.hits), list(timeline.sources)
        understood, k = course.understood, course.question.top_k or self._top_k
        query = understood.query
        hits = []
        if understood.is_possible:
            hits = self.index.search(
                query, filters=understood.filters, k=k, per_story=PASSAGES_PER_STORY
            )
        stories = {hit.article.key for hit in hits}
        narrowed = understood.filters != understood.given
        if narrowed and len(stories) < LEADS and not self._is_out_of_coverage(course):
            beyond = self.index.search(
                query, filters=understood.given, k=k, per_story=PASSAGES_PER_STORY
            )
            course.beyond = frozenset(hit.article.key for hit in beyond) - stories
            hits += [
                replace(hit, rank=rank)
                for rank, hit in enumerate(
                    (hit for hit in beyond if hit.article.key in course.beyond), len(hits) + 1
                )
            ]
        return hits, sources_of(self.index, hits, query.text)

    def _recounted(self, course: _Course) -> Iterator[TimelineEvent | SentenceEvent]:
        """The course of events, if it was traced: quotations, whatever the backend."""
        if course.timeline is None:
            return
        with course.timings.measure("compose"):
            course.told, sentences = recount(course.timeline, course.reply)
        course.interpreted = course.interpreted.model_copy(update={"mode": "timeline"})
        course.writer.backend = self.backends.get(FALLBACK, course.writer.backend)
        yield course.told
        yield from sentences

    async def _compose(self, course: _Course) -> AsyncGenerator[SentenceEvent, None]:
        """Sentences of the backend; of the fallback, if it fails before one of them is verified."""
        if not course.sources or course.timeline:
            return
        writer, reply, understood = course.writer, course.reply, course.understood
        prompt = Prompt(
            course.interpreted.standalone_question,
            course.sources,
            _turns(course.question),
            asked=understood.asked,
            is_brief="brief" in understood.utterance.wishes,
        )
        try:
            async with aclosing(self._write(course, prompt)) as sentences:
                async for sentence in sentences:
                    yield sentence
            return
        except LLMError as error:
            substitute = self.backends.get(FALLBACK)
            if not reply.sentences and (substitute is None or substitute is writer.backend):
                raise
            logger.warning("%s: %s. %s", error.code, error, error.remedy)
            writer.failure = error.code
        if reply.sentences or substitute is None:
            writer.incomplete = True
            return
        reply.dropped, writer.fallback_from, writer.backend = 0, writer.backend.name, substitute
        async with aclosing(self._write(course, prompt)) as sentences:
            async for sentence in sentences:
                yield sentence

    async def _write(self, course: _Course, prompt: Prompt) -> AsyncGenerator[SentenceEvent, None]:
        """Sentences as the backend writes them; none leaves before it is verified."""
        parser, timings = DraftParser(self.index.analyser), course.timings
        async with aclosing(course.writer.backend.generate(prompt)) as pieces:
            piece: str | None = ""
            while piece is not None:
                with timings.measure("compose"):
                    piece = await anext(pieces, None)
                with timings.measure("verify"):
                    drafts = parser.close() if piece is None else parser.feed(piece)
                    events = [e for draft in drafts if (e := course.reply.add(draft))]
                for event in events:
                    yield event

    async def _graded(self, course: _Course) -> AsyncGenerator[SentenceEvent | Verdict, None]:
        """What a judge says of the sentences in other words than the articles'; all are read in one call."""
        pending = course.reply.pending
        if self.judge is None or not pending:
            return
        with course.timings.measure("judge"):
            try:
                judgements = await self.judge.judge(pending)
            except JudgeError as error:
                logger.warning("The judge is away, grades stay as they are: %s", error)
                judgements = [UNJUDGED] * len(pending)
        for event in course.reply.grade(judgements):
            yield event

    def _note(self, course: _Course) -> str | None:
        """What the reader should know of how the answer came about: each sentence of it holds."""
        cited = [c.key for c in course.reply.citations] or [
            lead.source.article.key for lead in self._leads(course)
        ]
        return notes.told(
            course.understood,
            cited,
            course.sources,
            course.beyond,
            timeline=course.told,
            lacks_timeline=course.wants_timeline and course.timeline is None,
        )

    def _leads(self, course: _Course) -> list[Candidate]:
        if course.reply.sentences:
            return []
        if course.leads is None:
            course.leads = leads(course.understood.asked, course.sources)
        return course.leads

    def _status(self, course: _Course) -> Status:
        if course.reply.sentences:
            return "answered"
        if self._leads(course):
            return "related"
        if course.sources:
            return "no_evidence"
        return "out_of_coverage" if self._is_out_of_coverage(course) else "no_match"

    def _is_out_of_coverage(self, course: _Course) -> bool:
        asked = course.interpreted.time_range
        demanded = asked is not None and asked.role == "demand"
        return bool(asked and demanded and is_outside(asked, *self.index.coverage))

    def _answer(self, course: _Course) -> Answer:
        status, reply, writer = self._status(course), course.reply, course.writer
        citations = reply.citations
        if status == "related":
            citations = tuple(
                cite(number, evidence_of(lead.source, lead.sentence))
                for number, lead in enumerate(self._leads(course), start=1)
            )
        return Answer(
            id=uuid.uuid4().hex,
            question=course.question.question,
            status=status,
            text=reply.text if status == "answered" else ABSTENTIONS[status],
            sentences=reply.sentences,
            citations=citations,
            interpreted=course.interpreted,
            dropped_sentences=reply.dropped,
            backend=writer.backend.name,
            fallback_from=writer.fallback_from,
            incomplete=writer.incomplete,
            failure=writer.failure,
            generation=course.generation,
            timings_ms=course.timings.rounded(),
            timeline=tuple(course.told.entries) if course.told else (),
            timeline_left_out=course.told.left_out if course.told else 0,
        )


@dataclass
class _Writer:
    """Who writes the answer, and what became of the one that was asked first."""

    backend: LLMBackend
    fallback_from: str | None = None
    failure: Failure | None = None
    incomplete: bool = False


@dataclass
class _Course:
    """What has become of a question so far.

    ``beyond`` are the articles that lie outside what the question demands; ``leads`` are near articles in the place
    of an answer, once they were looked for. ``timeline`` is the course of events, if it was asked for and there is one,
    ``told`` what was told of it.
    """

    question: Question
    understood: Understood
    interpreted: Interpreted
    generation: int
    writer: _Writer
    timings: _Timings
    sources: Sequence[Source] = ()
    reply: Reply = field(default_factory=Reply)
    beyond: frozenset[str] = frozenset()
    leads: list[Candidate] | None = None
    timeline: Timeline | None = None
    told: TimelineEvent | None = None

    @property
    def wants_timeline(self) -> bool:
        """Whether the course of events is asked for: by the caller, or else by the question's words."""
        if self.question.mode:
            return self.question.mode == "timeline"
        return self.understood.asks_for_course


class _Timings:
    """Milliseconds by stage; a stage that runs several times adds up."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - started
            self._seconds[stage] = self._seconds.get(stage, 0.0) + elapsed

    def rounded(self) -> dict[str, float]:
        return {stage: round(seconds * 1_000, 2) for stage, seconds in self._seconds.items()}


def _turns(question: Question) -> list[Message]:
    return [{"role": turn.role, "content": turn.content} for turn in question.conversation]
