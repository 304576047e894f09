"""Slack's Web API as the bot uses it, through the official SDK.

A post that may have gone through is never simply repeated: each message carries a key in its metadata,
by which it is looked for before it is posted again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from index import GisaError
from service.slack.blocks import Block, Message

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT_S = 10.0
PATIENCE_S = 180.0
"""Seconds; a call that Slack delays for longer (429) is given up."""
ATTEMPTS = 4
BACKOFF_S = 0.5
PAGE = 200
METADATA = "gisa_message"
EYES = "eyes"
WRITTEN = {None, "thread_broadcast", "file_share", "me_message"}
"""Subtypes of messages that somebody wrote; other subtypes are joins, edits, pins and the like."""

SETUP = "How to create the app and its tokens: service/slack/README.md"
BAD_TOKENS = {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"}

Call = Callable[..., Awaitable[Any]]

logger = logging.getLogger(__name__)


class SlackRefused(GisaError):
    """Slack refused a call; ``code`` is its own code for the reason."""

    remedy = "https://docs.slack.dev/reference/methods explains each code."

    def __init__(self, method: str, code: str, *, remedy: str | None = None) -> None:
        super().__init__(f"Slack refused {method}: {code}", remedy=remedy)
        self.code = code


class SlackUnreachable(GisaError):
    """A call got no proper reply; it may have gone through all the same."""

    remedy = "Is https://slack.com reachable from here? See https://slack-status.com."


@dataclass(frozen=True)
class Identity:
    """Who the bot is in its workspace."""

    team: str
    user: str
    bot: str


@dataclass(frozen=True)
class ThreadMessage:
    """A message of a thread as Slack has it. ``own``: the bot wrote it."""

    ts: str
    text: str
    own: bool
    by_bot: bool
    key: str | None


class Messenger:
    """Posts, updates and reads messages. Methods raise SlackRefused and SlackUnreachable.

    ``open`` comes first; ``identity`` is known from then on.
    """

    identity: Identity

    def __init__(self, token: str, *, base_url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._token, self._base_url, self._timeout_s = token, base_url, timeout_s
        self._allowed_at: dict[str, float] = {}  # by method, after a 429
        self.client: AsyncWebClient

    async def open(self) -> None:
        """Connect to Slack, and find out who the bot is."""
        import aiohttp
        from slack_sdk.web.async_client import AsyncWebClient

        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(self._timeout_s))
        self.client = AsyncWebClient(
            self._token,
            self._base_url,
            session=self._session,
            logger=quiet_logger(),
            retry_handlers=[],  # what may be repeated, and how, is decided here
        )
        async with AsyncExitStack() as on_failure:
            on_failure.push_async_callback(self.close)
            told = await self._repeat("auth.test", self.client.auth_test, dict)
            self.identity = Identity(told["team_id"], told["user_id"], told.get("bot_id", ""))
            on_failure.pop_all()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    # -- messages -----------------------------------------------------------------------------------

    async def post(
        self, channel: str, thread: str | None, message: Message, *, key: str, again: bool = False
    ) -> tuple[str, bool]:
        """Post a message once; return its ts, and whether it was there already.

        ``key`` identifies the message. ``again``: an earlier attempt may have gone through.
        """
        arguments: dict[str, Any] = {
            "channel": channel,
            "thread_ts": thread,
            "text": message.text,
            "blocks": list(message.blocks),
            "metadata": {"event_type": METADATA, "event_payload": {"key": key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        for attempt in range(ATTEMPTS):
            if again and (ts := await self._find(channel, thread, key)):
                return ts, True
            try:
                posting = self.client.chat_postMessage
                told = await self._call("chat.postMessage", posting, lambda: arguments)
                return told["ts"], False
            except SlackUnreachable:
                again = True
                await asyncio.sleep(BACKOFF_S * 2**attempt)
        raise SlackUnreachable("chat.postMessage got no reply")

    async def update(self, channel: str, ts: str, message: Callable[[], Message]) -> None:
        """Change a message to what ``message`` returns at the moment Slack accepts the call."""

        def arguments() -> dict[str, Any]:
            now = message()
            return {"channel": channel, "ts": ts, "text": now.text, "blocks": list(now.blocks)}

        await self._repeat("chat.update", self.client.chat_update, arguments)

    async def delete(self, channel: str, ts: str) -> None:
        """Delete one of the bot's messages."""
        await self._repeat("chat.delete", self.client.chat_delete, lambda: _at(channel, ts))

    async def whisper(self, channel: str, user: str, thread: str | None, text: str) -> None:
        """Tell one user something that the others don't see."""
        arguments = {"channel": channel, "user": user, "thread_ts": thread, "text": text}
        await self._call("chat.postEphemeral", self.client.chat_postEphemeral, lambda: arguments)

    async def watch(self, channel: str, ts: str) -> None:
        """Put 👀 on a message."""
        await self._react("reactions.add", self.client.reactions_add, channel, ts)

    async def unwatch(self, channel: str, ts: str) -> None:
        """Take 👀 off a message."""
        await self._react("reactions.remove", self.client.reactions_remove, channel, ts)

    async def _react(self, method: str, call: Call, channel: str, ts: str) -> None:
        arguments = {"channel": channel, "timestamp": ts, "name": EYES}
        try:
            await self._repeat(method, call, lambda: arguments)
        except SlackRefused as error:
            if error.code not in {"already_reacted", "no_reaction", "message_not_found"}:
                raise

    async def thread(self, channel: str, root: str) -> list[ThreadMessage]:
        """Every message of a thread, oldest first."""
        # Slack may repeat the root on every page.
        found = {message.ts: message async for message in self._pages(channel, root)}
        return [found[ts] for ts in sorted(found)]

    async def respond(self, response_url: str, text: str) -> None:
        """Answer a command for its user alone, even where the bot is not a member."""
        from slack_sdk.webhook.async_client import AsyncWebhookClient

        webhook = AsyncWebhookClient(response_url, session=self._session, logger=quiet_logger())
        await webhook.send(text=text, response_type="ephemeral")

    # -- modals -------------------------------------------------------------------------------------

    async def open_modal(self, trigger_id: str, view: Block) -> None:
        """Show a modal to the user who pressed a button within the last 3 seconds."""
        arguments = {"trigger_id": trigger_id, "view": view}
        await self._call("views.open", self.client.views_open, lambda: arguments)

    # -- calls --------------------------------------------------------------------------------------

    async def _pages(self, channel: str, root: str | None) -> AsyncIterator[ThreadMessage]:
        """The messages of a thread from its root; without a thread, a channel's newest messages."""
        read = self.client.conversations_replies if root else self.client.conversations_history
        asked: dict[str, Any] = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
        asked |= {"ts": root} if root else {}
        while True:
            method = "conversations.replies" if root else "conversations.history"
            page = await self._repeat(method, read, lambda: dict(asked))
            for message in page["messages"]:
                yield self._message(message)
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor or not root:
                return
            asked["cursor"] = cursor

    def _message(self, message: dict[str, Any]) -> ThreadMessage:
        metadata = message.get("metadata") or {}
        ours = metadata.get("event_type") == METADATA
        own = message.get("user") == self.identity.user
        text = message.get("text", "")
        if own and (blocks := message.get("blocks")):
            text = "\n".join(b["text"]["text"] for b in blocks if b["type"] == "section")
        return ThreadMessage(
            message["ts"],
            text,
            own,
            by_bot=bool(message.get("bot_id")) or message.get("subtype") not in WRITTEN,
            key=metadata.get("event_payload", {}).get("key") if ours else None,
        )

    async def _find(self, channel: str, thread: str | None, key: str) -> str | None:
        async for message in self._pages(channel, thread):
            if message.own and message.key == key:
                return message.ts
        return None

    async def _repeat(self, method: str, call: Call, arguments: Callable[[], Any]) -> Any:
        """Make a call that does no harm if it is made twice, up to ``ATTEMPTS`` times."""
        for attempt in range(ATTEMPTS - 1):
            try:
                return await self._call(method, call, arguments)
            except SlackUnreachable:
                await asyncio.sleep(BACKOFF_S * 2**attempt)
        return await self._call(method, call, arguments)

    async def _call(self, method: str, call: Call, arguments: Callable[[], Any]) -> Any:
        """Make a call as soon as Slack accepts calls of this method."""
        from aiohttp import ClientError
        from slack_sdk.errors import SlackApiError

        patient_until = time.monotonic() + PATIENCE_S
        while True:
            await self._wait_until_allowed(method, patient_until)
            try:
                return (await call(**arguments())).data
            except SlackApiError as error:
                if getattr(error.response, "status_code", 0) != 429:
                    raise error_of(method, error) from None
                self._hold(method, error)
            # AttributeError: the SDK takes any text/plain for JSON, even a proxy's error page.
            except (ClientError, TimeoutError, OSError, AttributeError) as error:
                raise SlackUnreachable(f"{method}: {type(error).__name__}") from None

    async def _wait_until_allowed(self, method: str, patient_until: float) -> None:
        # Slack counts per method and workspace, so calls made meanwhile would prolong everyone's wait.
        while (wait_s := self._allowed_at.get(method, 0) - time.monotonic()) > 0:
            if time.monotonic() + wait_s > patient_until:
                raise SlackRefused(method, "ratelimited")
            await asyncio.sleep(wait_s)

    def _hold(self, method: str, error: SlackApiError) -> None:
        told = str(error.response.headers.get("Retry-After", "1"))
        wait_s = float(told) if told.isdecimal() else 1.0
        logger.info("%s: Slack asks to wait for %g s", method, wait_s)
        self._allowed_at[method] = time.monotonic() + max(wait_s, 0.05)


def _at(channel: str, ts: str) -> dict[str, Any]:
    return {"channel": channel, "ts": ts}


def error_of(method: str, error: SlackApiError) -> GisaError:
    """What a failed call means: SlackRefused, or SlackUnreachable if it may have gone through."""
    response = error.response
    status = getattr(response, "status_code", 500)  # a response without one is not JSON
    if status >= 500 or not isinstance(response.data, dict):
        return SlackUnreachable(f"{method}: HTTP {status}")
    code = str(response.data.get("error", "unknown"))
    remedy = SETUP if code in BAD_TOKENS else None
    if needed := response.data.get("needed"):
        remedy = f"Give the app the scope {needed}."
    return SlackRefused(method, code, remedy=remedy)


def quiet_logger() -> logging.Logger:
    """A logger for the SDK and Bolt, never below INFO: at DEBUG they log messages and parts of requests."""
    found = logging.getLogger("service.slack.sdk")
    found.setLevel(max(found.getEffectiveLevel(), logging.INFO))
    return found
