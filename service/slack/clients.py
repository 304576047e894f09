"""Where the bot's answers come from: the Answerer of this process, or the API of another."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from index import GisaError
from service.events import DoneEvent, SentenceEvent
from service.schema import Answer, Question
from service.serving.feedback import Feedback, FeedbackStore
from service.serving.gateway import Gateway
from service.serving.problems import log_problem, problem_of
from service.slack.memory import Kept, Rating

if TYPE_CHECKING:
    import aiohttp

CONNECT_S = 5.0
SILENCE_S = 150.0
"""Longest silence of the API within a stream, in seconds; a model may think for long."""

RETRY_S = 2.0
_BODY = TypeAdapter(dict[str, Any])
_UNREACHABLE = "지금은 답변 서버에 연결할 수 없습니다. 잠시 뒤에 다시 물어봐 주세요."
_UNREADABLE = "답변 서버의 답을 읽을 수 없습니다. 잠시 뒤에 다시 물어봐 주세요."

Events = AsyncGenerator[SentenceEvent | DoneEvent, None]

logger = logging.getLogger(__name__)


class NoAnswer(GisaError):
    """There is no answer. The message is Korean; ``retry_after_s`` is None if asking again won't help."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AnswerClient(Protocol):
    """Gives answers and the articles behind them, and takes readers' ratings. All methods raise NoAnswer."""

    def events(self, question: Question) -> Events:
        """The answer as it comes; the last event is the whole."""

    async def bodies(self, answer: Answer) -> dict[str, str]:
        """Bodies of the cited articles by reference, without those that no longer exist."""

    async def rate(self, kept: Kept, rating: Rating) -> None:
        """Pass on the readers' rating of an answer."""


class LocalClient:
    """Answers in this process; meets ``AnswerClient``."""

    def __init__(self, gateway: Gateway, feedback: FeedbackStore) -> None:
        self._gateway, self._feedback = gateway, feedback

    async def events(self, question: Question) -> Events:
        """See ``AnswerClient``."""
        try:
            async with aclosing(self._gateway.events(question, {})) as events:
                async for event in events:
                    if isinstance(event, SentenceEvent | DoneEvent):
                        yield event
        except GisaError as error:
            raise _no_answer(error) from error

    async def bodies(self, answer: Answer) -> dict[str, str]:
        """See ``AnswerClient``."""
        try:
            names = dict.fromkeys(citation.reference for citation in answer.citations)
            found = {name: await self._gateway.article(name) for name in names}
        except GisaError as error:
            raise _no_answer(error) from error
        return {name: article.body for name, article in found.items() if article}

    async def rate(self, kept: Kept, rating: Rating) -> None:
        """See ``AnswerClient``."""

        def store() -> None:
            self._feedback.remember(kept.question, kept.answer)  # it may have been forgotten
            self._feedback.rate(Feedback(answer_id=kept.answer.id, rating=rating))

        try:
            await asyncio.to_thread(store)
        except GisaError as error:
            raise _no_answer(error) from error


def _no_answer(error: GisaError) -> NoAnswer:
    log_problem(error)
    problem = problem_of(error)
    retry_after_s = RETRY_S if _passes(problem.status) else None
    return NoAnswer(problem.detail, retry_after_s=retry_after_s)


def _passes(status: int) -> bool:
    return status in (429, 503)


class HttpClient:
    """Asks the gisa service at ``url``, with an API key if ``key`` is not empty; meets ``AnswerClient``."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url.rstrip("/"), key
        self._open: aiohttp.ClientSession | None = None

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._open is None:
            timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_S, sock_read=SILENCE_S)
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._open = aiohttp.ClientSession(timeout=timeout, headers=headers)
        return self._open

    async def close(self) -> None:
        """Close the connections."""
        if self._open:
            await self._open.close()

    async def events(self, question: Question) -> Events:
        """See ``AnswerClient``."""
        import aiohttp

        asked = question.model_dump(mode="json", exclude_defaults=True)
        headers = {"Accept": "text/event-stream"}
        try:
            posting = self._session().post(f"{self._url}/v1/ask", json=asked, headers=headers)
            async with posting as reply:
                await _raise_problem(reply)
                async for name, data in _server_sent(reply.content):
                    if event := _event(name, data):
                        yield event
                        if isinstance(event, DoneEvent):
                            return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            logger.warning("the API at %s: %s", self._url, type(error).__name__)
            raise NoAnswer(_UNREACHABLE, retry_after_s=RETRY_S) from None
        except (ValidationError, ValueError) as error:
            logger.warning("the API at %s is not gisa's: %s", self._url, type(error).__name__)
            raise NoAnswer(_UNREADABLE) from None
        raise NoAnswer(_UNREACHABLE, retry_after_s=RETRY_S)  # it broke off

    async def bodies(self, answer: Answer) -> dict[str, str]:
        """See ``AnswerClient``."""
        found = {}
        for name in dict.fromkeys(citation.reference for citation in answer.citations):
            address = f"/v1/articles/{quote(name)}"
            article = await self._request("GET", address)
            if article:
                found[name] = str(_BODY.validate_json(article).get("body", ""))
        return found

    async def rate(self, kept: Kept, rating: Rating) -> None:
        """See ``AnswerClient``."""
        document = {"answer_id": kept.answer.id, "rating": rating}
        if await self._request("POST", "/v1/feedback", json=document) is None:
            raise NoAnswer("답변이 오래되어 평가를 저장할 수 없습니다.")

    async def _request(self, method: str, address: str, **fields: Any) -> bytes | None:
        """The body of a reply; None for 404."""
        import aiohttp
        from yarl import URL

        try:
            url = URL(self._url + address, encoded=True)
            async with self._session().request(method, url, **fields) as reply:
                if reply.status == 404:
                    return None
                await _raise_problem(reply)
                return await reply.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            logger.warning("the API at %s: %s", self._url, type(error).__name__)
            raise NoAnswer(_UNREACHABLE) from None


async def _raise_problem(reply: aiohttp.ClientResponse) -> None:
    """Raise NoAnswer for an error reply, with the message of its problem+json for people."""
    if reply.status < 400:
        return
    try:
        told = _BODY.validate_json(await reply.read())
    except ValidationError:
        told = {}
    logger.warning("the API replied %d %s", reply.status, told.get("code", ""))
    wait = reply.headers.get("Retry-After", "")
    retry_after_s = float(wait) if wait.isdecimal() else RETRY_S
    raise NoAnswer(
        str(told.get("detail") or told.get("title") or _UNREACHABLE),
        retry_after_s=retry_after_s if _passes(reply.status) else None,
    )


async def _server_sent(lines: aiohttp.StreamReader) -> AsyncIterator[tuple[str, str]]:
    """Name and data of each event of a text/event-stream with one data line per event."""
    name, buffer = "", b""
    async for chunk in lines.iter_any():
        *whole, buffer = (buffer + chunk).split(b"\n")
        for line in whole:
            field, _, value = line.decode().partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, value


def _event(name: str, data: str) -> SentenceEvent | DoneEvent | None:
    """An event of ``POST /v1/ask``. Raises ValidationError, NoAnswer for its ``error``."""
    if name == "sentence":
        return _SENTENCE.validate_json(data)
    if name == "done":
        return DoneEvent(Answer.model_validate_json(data))
    if name == "error":
        problem = json.loads(data)
        retry_after_s = RETRY_S if _passes(problem.get("status", 0)) else None
        raise NoAnswer(str(problem.get("detail") or _UNREACHABLE), retry_after_s=retry_after_s)
    return None


_SENTENCE = TypeAdapter(SentenceEvent)
