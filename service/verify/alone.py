"""The verifier by itself: one sentence against the text that it cites."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time

from index import SEOUL, AnalysedText, ArticleHeader, Passage, shared_analyser
from service.schema import Support
from service.sources import Source
from service.verify.citations import Verifier, graded
from service.verify.drafts import Draft
from service.verify.judge import EntailmentJudge, Judgement


def check_sentence(
    sentence: str,
    passage: str,
    *,
    title: str = "",
    press: str | None = None,
    published_on: date | None = None,
    judge: EntailmentJudge | None = None,
) -> Support | None:
    """The grade of a sentence that cites ``passage``; None: a fact is not there, or the judge says contradicted.

    Dates count from ``published_on``, a calendar day in Seoul. The morpheme analyser is loaded once a process, which
    takes two seconds. A judge is waited for; raises JudgeError when it is away.
    """
    source = _source(passage, title, press, published_on)
    verified = Verifier([source], shared_analyser(), _evenly).verify(Draft(sentence, (1,)))
    if verified and judge and verified.support != "quoted":
        (judgement,) = _waited(judge.judge([verified.pair]))
        verified = graded(verified, judgement)
    return verified.support if verified else None


def _waited(judgements: Awaitable[Sequence[Judgement]]) -> Sequence[Judgement]:
    """What a judge says, waited for in a thread of its own: the caller's may have an event loop."""

    async def wait() -> Sequence[Judgement]:
        return await judgements

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, wait()).result()


def _source(passage: str, title: str, press: str | None, day: date | None) -> Source:
    published = datetime.combine(day, time(), SEOUL) if day else None
    header = ArticleHeader(id="passage", title=title, press=press, published_at=published)
    passages = [Passage(header.id, 0, passage, 0, len(passage))]
    text = AnalysedText(passage, shared_analyser().sentences(passage))
    return Source(1, header, text, passages, score=1.0, dense=1.0)


def _evenly(morphemes: Iterable[str]) -> Mapping[str, float]:
    """Without a corpus no morpheme is rarer than another."""
    return dict.fromkeys(morphemes, 1.0)
