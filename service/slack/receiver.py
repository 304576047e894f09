"""``POST /slack/events``: Slack's deliveries over HTTP, in the same application as the API.

Slack signs what it sends: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from starlette.requests import Request
from starlette.responses import Response

from index import GisaError
from service.settings import Settings
from service.slack import bot
from service.slack.clients import AnswerClient

PATH = "/slack/events"
TOLERANCE_S = 300
"""How old a signed request may be, in seconds; Slack's own advice."""

FIRST_TRY_S = 20.0
"""Longest wait at the start, in seconds, until connecting to Slack has worked or failed; loading takes some."""

CONNECT_AGAIN_S = 5.0

logger = logging.getLogger(__name__)


class EventReceiver:
    """Accepts requests that Slack has signed, each signature once."""

    def __init__(self, secret: str) -> None:
        from slack_sdk.signature import SignatureVerifier

        self._verifier = SignatureVerifier(secret)
        self.bot: bot.Bot | None = None
        self.tried = asyncio.Event()
        """Set once connecting to Slack has worked or failed."""

    async def receive(self, request: Request) -> Response:
        """Pass a signed request on to Bolt; 401 for others, 503 while Slack can't be reached."""
        from slack_bolt.adapter.starlette.async_handler import (
            to_async_bolt_request,
            to_starlette_response,
        )

        body = await request.body()
        signature = request.headers.get("x-slack-signature", "")
        if not self._is_signed(
            body, request.headers.get("x-slack-request-timestamp", ""), signature
        ):
            return _refused("a bad signature or an old timestamp")
        if self.bot is None:  # Slack can't be reached yet, and will deliver this again
            return Response(status_code=503, headers={"Retry-After": "5"})
        if not await self.bot.memory.is_new_signature(signature, 2 * TOLERANCE_S):
            return _refused("a replay")
        asked = to_async_bolt_request(request, body)
        return to_starlette_response(await self.bot.app.async_dispatch(asked))

    def _is_signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        # The verifier raises for a timestamp that is not a number, and for anything not ASCII.
        if not (timestamp.isascii() and timestamp.isdecimal() and signature.isascii()):
            return False
        with suppress(UnicodeDecodeError):
            return self._verifier.is_valid(body, timestamp, signature)
        return False


def _refused(reason: str) -> Response:
    logger.warning("a request to %s was refused: %s", PATH, reason)
    return Response(status_code=401)


@asynccontextmanager
async def running(
    receiver: EventReceiver, settings: Settings, client: AnswerClient
) -> AsyncIterator[None]:
    """Run the bot, connected to Slack as soon as that is possible."""
    closing = asyncio.Event()
    working = asyncio.create_task(_work(receiver, settings, client, closing))
    with suppress(TimeoutError):  # the bot should be working when the first events come
        await asyncio.wait_for(receiver.tried.wait(), FIRST_TRY_S)
    try:
        yield
    finally:
        closing.set()
        await working


async def _work(
    receiver: EventReceiver, settings: Settings, client: AnswerClient, closing: asyncio.Event
) -> None:
    while not closing.is_set():
        async with AsyncExitStack() as stack:
            try:
                receiver.bot = await stack.enter_async_context(bot.open_bot(settings, client))
            except GisaError as error:
                receiver.tried.set()
                logger.warning("the bot can't start yet: %s. %s", error, error.remedy)
                with suppress(TimeoutError):
                    await asyncio.wait_for(closing.wait(), CONNECT_AGAIN_S)
                continue
            receiver.tried.set()
            await closing.wait()
            receiver.bot = None
