"""Making the bot from the settings, and running it over Socket Mode; the HTTP service uses it, too."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from index import shared_analyser
from service import wiring
from service.errors import SettingsInvalid
from service.query.utterance import asks_something
from service.serving.feedback import FeedbackStore
from service.serving.gateway import Gateway
from service.serving.limits import Capacity, SharedRateLimiter
from service.serving.metrics import Metrics
from service.serving.readiness import Readiness
from service.serving.shutdown import Shutdown
from service.settings import Settings
from service.slack.answering import Limits
from service.slack.clients import AnswerClient, HttpClient, LocalClient
from service.slack.conversation import Conversation
from service.slack.events import build_app
from service.slack.memory import Memory
from service.slack.messenger import SETUP, Messenger, error_of, quiet_logger
from service.slack.rules import load_rules

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

MANIFEST = Path(__file__).parent / "manifest.yaml"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bot:
    """A running bot: the Bolt app that takes Slack's deliveries, and what it works with."""

    app: AsyncApp
    memory: Memory
    conversation: Conversation


def check(settings: Settings) -> None:
    """Raise SettingsInvalid for everything that can be seen to be wrong without Slack."""
    try:
        import slack_bolt  # noqa: F401 - whether it is there
    except ImportError as error:
        raise SettingsInvalid(
            f"the package {error.name!r} is not installed",
            remedy="Install the extra: pip install 'gisa[slack]'",
        ) from error
    if not settings.slack_bot_token.get_secret_value():
        raise SettingsInvalid("GISA_SLACK_BOT_TOKEN is empty", remedy=SETUP)
    load_rules(settings.slack_rules)


@asynccontextmanager
async def open_bot(settings: Settings, client: AnswerClient) -> AsyncIterator[Bot]:
    """The bot, connected to Slack and working. Raises SlackRefused, SlackUnreachable, StoreUnavailable."""
    # The owner's name is unique, so that other processes can tell when this one is gone.
    memory = Memory(settings.slack_state, owner=f"{socket.gethostname()} {uuid.uuid4().hex}")
    limiter = SharedRateLimiter(
        "slack", settings.slack_rate_limit_per_minute, settings.rate_limit_store
    )
    token = settings.slack_bot_token.get_secret_value()
    messenger = Messenger(token, base_url=settings.slack_api_url)
    conversation = Conversation(
        messenger,
        client,
        memory,
        rules=load_rules(settings.slack_rules),
        limits=Limits(settings.slack_max_concurrent, settings.slack_answer_timeout_s),
        limiter=limiter,
        search_url=settings.slack_search_url,
        # Loaded with the first message of a followed thread: a bot that asks a service has no index.
        asks=lambda text: asks_something(text, shared_analyser(settings.dictionary)),
    )
    async with AsyncExitStack() as stack:
        stack.callback(limiter.close)
        await memory.open()
        stack.push_async_callback(memory.close)
        await messenger.open()
        stack.push_async_callback(messenger.close)
        await stack.enter_async_context(conversation.running())
        app = build_app(conversation, messenger, workspaces=settings.slack_workspaces.split())
        yield Bot(app, memory, conversation)


def serve(settings: Settings) -> None:
    """Listen over Socket Mode until told to stop.

    Raises SettingsInvalid, SlackRefused, SlackUnreachable, IndexUnusable and its kinds.
    """
    check(settings)
    if not settings.slack_app_token.get_secret_value():
        raise SettingsInvalid("GISA_SLACK_APP_TOKEN is empty", remedy=SETUP)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        open_client(settings) as client,
        open_bot(settings, client) as bot,
        listening(settings, bot),
    ):
        logger.info("listening to Slack")
        await stop.wait()


@asynccontextmanager
async def listening(settings: Settings, bot: Bot) -> AsyncIterator[None]:
    """Receive Slack's events by Socket Mode: over a WebSocket that this side opens.

    Raises SlackRefused if Slack does not let the app in, SlackUnreachable.
    """
    from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
    from slack_sdk.errors import SlackApiError

    token = settings.slack_app_token.get_secret_value()
    handler = AsyncSocketModeHandler(bot.app, token, logger=quiet_logger())
    try:
        # The client itself would try for ever; a wrong token should be reported at once.
        handler.client.wss_uri = await handler.client.issue_new_wss_url()
        await handler.client.connect()
        yield
    except SlackApiError as error:
        raise error_of("apps.connections.open", error) from None
    finally:
        await handler.client.close()


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncIterator[AnswerClient]:
    """What answers questions: the API at ``settings.api_url``, or an Answerer in this process."""
    if settings.api_url:
        remote = HttpClient(settings.api_url, settings.api_key.get_secret_value())
        async with AsyncExitStack() as stack:
            stack.push_async_callback(remote.close)
            yield remote
        return
    answerer = await asyncio.to_thread(wiring.open_answerer, settings)
    ratings = FeedbackStore(
        settings.feedback, keep_hours=settings.feedback_hours, desk_days=settings.desk_days
    )
    keeps_none = FeedbackStore(settings.feedback, keep_hours=0)  # rated answers are kept for good
    with answerer.index, closing(ratings), closing(keeps_none):
        gateway = Gateway(
            Readiness(lambda: answerer),
            capacity=Capacity(settings.max_concurrent),
            shutdown=Shutdown(),
            metrics=Metrics(),
            feedback=keeps_none,
        )
        yield LocalClient(gateway, ratings)
