"""Slack on 127.0.0.1: its Web API, its limits, its events signed over HTTP or through a WebSocket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

TEAM, BOT, BOT_ID = "T0WORK", "U0GISA", "B0GISA"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-1-secret-bot", "xapp-1-secret-app", "5ecret-5igning"
CHANNEL, DIRECT = "C0NEWS", "D0ANNA"

Trouble = Literal["429", "500", "drop", "done_then_drop", "hang", "missing_scope"]


class Refusal(Exception):
    """An error reply of the Web API."""


@dataclass(frozen=True)
class Call:
    method: str
    arguments: dict[str, Any]
    at: float


@dataclass
class FakeSlack:
    """A workspace with one app in it."""

    url: str = ""
    messages: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {CHANNEL: {}, DIRECT: {}}
    )
    reactions: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    calls: list[Call] = field(default_factory=list)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    troubles: dict[str, list[Trouble]] = field(default_factory=lambda: defaultdict(list))
    retry_after: str = "1"
    delay_s: float = 0.0
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    acknowledged: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _last_ts: float = 0.0

    # -- people ---------------------------------------------------------------------------------

    def say(
        self, text: str, *, user: str = "U0ANNA", channel: str = CHANNEL, thread: str | None = None
    ) -> dict[str, Any]:
        """Somebody writes a message; the event that tells of it."""
        message = {"type": "message", "user": user, "text": text, "ts": self.now()}
        message |= {"thread_ts": thread} if thread else {}
        self.messages[channel][message["ts"]] = message
        kind = "im" if channel.startswith("D") else "channel"
        return message | {"channel": channel, "channel_type": kind}

    def mention(self, text: str, **where: Any) -> dict[str, Any]:
        return self.say(f"<@{BOT}> {text}", **where) | {"type": "app_mention"}

    def now(self) -> str:
        self._last_ts = max(time.time(), self._last_ts + 0.000_002)
        return f"{self._last_ts:.6f}"

    def press(
        self, message: dict[str, Any], action: str, *, user: str = "U0ANNA"
    ) -> dict[str, Any]:
        """Somebody presses a button of a message of the bot."""
        [button] = [e for e in buttons(message) if e["action_id"] == action]
        return {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM},
            "channel": {"id": message["channel"]},
            "message": message,
            "container": {"type": "message", "message_ts": message["ts"]},
            "trigger_id": uuid.uuid4().hex,
            "actions": [{"type": "button", "block_id": "b", **button}],
        }

    def submit(self, view: dict[str, Any], text: str, *, user: str = "U0ANNA") -> dict[str, Any]:
        state = {"values": {"question": {"question": {"type": "plain_text_input", "value": text}}}}
        whole = view | {"id": "V" + uuid.uuid4().hex[:8], "state": state, "hash": "1"}
        return {
            "type": "view_submission",
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM},
            "view": whole,
        }

    def command(self, name: str, text: str, *, channel: str = CHANNEL) -> dict[str, Any]:
        return {
            "command": name,
            "text": text,
            "team_id": TEAM,
            "channel_id": channel,
            "user_id": "U0ANNA",
            "trigger_id": uuid.uuid4().hex,
            "response_url": f"{self.url}/respond",
        }

    # -- what can be seen -------------------------------------------------------------------------

    def replies(self, root: str, channel: str = CHANNEL) -> list[dict[str, Any]]:
        """The bot's messages in a thread, oldest first."""
        found = self.messages[channel].values()
        return [m for m in found if m.get("thread_ts") == root and m["user"] == BOT]

    def made(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    # -- the Web API --------------------------------------------------------------------------------

    async def serve_api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await _arguments(request)
        self.calls.append(Call(method, arguments, time.monotonic()))
        trouble = self.troubles[method].pop(0) if self.troubles[method] else None
        await asyncio.sleep(self.delay_s)
        if trouble == "429":
            return web.json_response(
                {"ok": False, "error": "ratelimited"},
                status=429,
                headers={"Retry-After": self.retry_after},
            )
        if trouble == "500":
            return web.Response(status=500, text="<html>")
        if trouble == "hang":
            await asyncio.sleep(30)
        try:
            if trouble == "missing_scope":
                raise Refusal(trouble)
            result = {} if trouble == "drop" else self._do(method, arguments, request)
            reply: dict[str, Any] = {"ok": True, **result}
        except Refusal as error:
            reply = {"ok": False, "error": str(error)}
        if trouble in ("drop", "done_then_drop"):
            assert request.transport
            request.transport.abort()
        return web.json_response(reply)

    def _do(self, method: str, arguments: dict[str, Any], request: web.Request) -> dict[str, Any]:
        token = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if request.headers.get("Authorization") != f"Bearer {token}":
            raise Refusal("invalid_auth")
        result: dict[str, Any] = getattr(self, "_" + method.replace(".", "_"))(arguments)
        return result

    def _auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"team_id": TEAM, "user_id": BOT, "bot_id": BOT_ID}

    def _apps_connections_open(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"url": self.url.replace("http", "ws") + "/link?ticket=secret-ticket"}

    def _chat_postMessage(self, given: dict[str, Any]) -> dict[str, Any]:
        messages = self._channel(given)
        _check(given)
        root = given.get("thread_ts")
        if root and root not in messages:
            raise Refusal("thread_not_found")
        ts = self.now()
        kept = {name: given.get(name) for name in ("text", "blocks", "metadata", "unfurl_links")}
        messages[ts] = kept | {"ts": ts, "user": BOT, "bot_id": BOT_ID, "type": "message"}
        messages[ts] |= {"channel": given["channel"]} | ({"thread_ts": root} if root else {})
        return {"ts": ts, "channel": given["channel"]}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        _check(given)
        message = self._message(given)
        if message["user"] != BOT:
            raise Refusal("cant_update_message")
        message |= {"text": given["text"], "blocks": given["blocks"]}
        return {"ts": given["ts"]}

    def _chat_delete(self, given: dict[str, Any]) -> dict[str, Any]:
        del self._channel(given)[self._message(given)["ts"]]
        return {}

    def _chat_postEphemeral(self, given: dict[str, Any]) -> dict[str, Any]:
        self._channel(given)
        self.whispers.append(given)
        return {}

    def _reactions_add(self, given: dict[str, Any]) -> dict[str, Any]:
        there = self.reactions[given["channel"], self._message(given)["ts"]]
        if given["name"] in there:
            raise Refusal("already_reacted")
        there.add(given["name"])
        return {}

    def _reactions_remove(self, given: dict[str, Any]) -> dict[str, Any]:
        there = self.reactions[given["channel"], self._message(given)["ts"]]
        if given["name"] not in there:
            raise Refusal("no_reaction")
        there.remove(given["name"])
        return {}

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        root = given["ts"]
        thread = [m for m in self._channel(given).values() if root in (m["ts"], m.get("thread_ts"))]
        if not thread:
            raise Refusal("thread_not_found")
        return _page(thread, given)

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        top = [m for m in self._channel(given).values() if "thread_ts" not in m]
        return _page(top[::-1], given)

    def _views_open(self, given: dict[str, Any]) -> dict[str, Any]:
        view = given["view"] if isinstance(given["view"], dict) else json.loads(given["view"])
        check_view(view)
        self.views.append(view)
        return {"view": {"id": "V1"}}

    def _channel(self, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
        if given["channel"] not in self.messages:
            raise Refusal("not_in_channel")
        return self.messages[given["channel"]]

    def _message(self, given: dict[str, Any]) -> dict[str, Any]:
        ts = given.get("timestamp") or given["ts"]
        try:
            return self._channel(given)[ts]
        except KeyError:
            raise Refusal("message_not_found") from None

    async def serve_response(self, request: web.Request) -> web.Response:
        self.responses.append(await request.json())
        return web.Response(text="ok")

    # -- Socket Mode --------------------------------------------------------------------------------

    async def serve_socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "hello", "num_connections": 1})
        async for frame in socket:
            if frame.type == WSMsgType.TEXT:
                told = json.loads(frame.data)
                self.acknowledged[told["envelope_id"]].set_result(told)
        self.sockets.remove(socket)
        return socket

    def send(self, kind: str, payload: dict[str, Any], *, retry: int = 0) -> asyncio.Future[Any]:
        """Deliver through the WebSocket; done with the acknowledgement."""
        envelope = {"envelope_id": uuid.uuid4().hex, "type": kind, "payload": payload}
        envelope |= {"retry_attempt": retry, "retry_reason": "timeout"} if retry else {}
        done = self.acknowledged[envelope["envelope_id"]] = asyncio.Future()
        asyncio.ensure_future(self.sockets[-1].send_json(envelope))  # noqa: RUF006
        return done

    def send_event(self, event: dict[str, Any], *, retry: int = 0) -> asyncio.Future[Any]:
        return self.send("events_api", event_body(event), retry=retry)

    async def connected(self) -> None:
        while not self.sockets:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def fake_slack() -> AsyncIterator[FakeSlack]:
    """A workspace at ``url`` (the Web API is below /api/)."""
    slack = FakeSlack()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.serve_api)
    app.router.add_get("/link", slack.serve_socket)
    app.router.add_post("/respond", slack.serve_response)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    try:
        yield slack
    finally:
        for socket in [*slack.sockets]:
            await socket.close()
        await runner.cleanup()


# -- what Slack sends over HTTP ---------------------------------------------------------------------


def event_body(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "event_callback",
        "token": "secret-verification-token",
        "team_id": TEAM,
        "api_app_id": "A1",
        "event_id": "Ev" + uuid.uuid4().hex[:8],
        "event": event,
        "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
    }


def signed(body: bytes, *, at: float | None = None, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """Headers of a request as Slack signs it."""
    timestamp = str(int(time.time() if at is None else at))
    base = b"v0:" + timestamp.encode() + b":" + body
    signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}


async def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a request to the bot; the status of its reply."""
    kind = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
    async with aiohttp.ClientSession() as session:
        whole = {"Content-Type": kind} | headers
        async with session.post(f"{url}/slack/events", data=body, headers=whole) as reply:
            return reply.status


async def deliver_event(url: str, event: dict[str, Any], *, retry: int = 0) -> int:
    body = json.dumps(event_body(event)).encode()
    again = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
    return await deliver(url, body, signed(body) | (again if retry else {}))


async def deliver_form(url: str, form: dict[str, Any], *, payload: bool) -> int:
    """A command, or the payload of something interactive."""
    body = urlencode({"payload": json.dumps(form)} if payload else form).encode()
    return await deliver(url, body, signed(body))


# -- Slack's limits ---------------------------------------------------------------------------------


def _check(given: dict[str, Any]) -> None:
    blocks = given.get("blocks") or []
    if not given.get("text"):
        raise Refusal("no_text")
    if len(blocks) > 50:
        raise Refusal("invalid_blocks")
    texts = list(_texts(blocks))
    if any(not text or len(text) > 3_000 for text in texts):
        raise Refusal("invalid_blocks")
    if len(given["text"]) + sum(map(len, texts)) >= 12_000:
        raise Refusal("msg_blocks_too_long")


def check_view(view: dict[str, Any]) -> None:
    """Raises Refusal for a modal that breaks the limits of Block Kit."""
    _limit(view["blocks"], 100)
    _limit(view.get("private_metadata", ""), 3_000)
    _limit(view.get("callback_id", ""), 255)
    for name in ("title", "close", "submit"):
        _limit(view.get(name, {"text": "-"})["text"], 24)
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            _limit(block["label"]["text"], 2_000)
            _limit(block["hint"]["text"], 2_000)
            _limit(element["initial_value"], element["max_length"])
            _limit(element["action_id"], 255)
        elif block["type"] == "rich_text":
            parts = [part for quoted in block["elements"] for part in quoted["elements"]]
            if not all(part["text"] for part in parts):
                raise Refusal("invalid_arguments")
        else:
            for text in _texts([block]):
                _limit(text, 3_000)


def _limit(found: Any, most: int) -> None:
    if len(found) > most:
        raise Refusal("invalid_arguments")


def _texts(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if block["type"] == "section":
            yield block["text"]["text"]
        elif block["type"] == "context":
            _limit(block["elements"], 10)
            yield from (element["text"] for element in block["elements"])
        elif block["type"] == "actions":
            _limit(block["elements"], 25)
            for element in block["elements"]:
                _limit(element["text"]["text"], 75)
                _limit(element["action_id"], 255)
                _limit(element["value"], 2_000)
        elif block["type"] == "rich_text":
            parts = [part for quoted in block["elements"] for part in quoted["elements"]]
            yield "".join(part["text"] for part in parts)
        else:
            raise Refusal("invalid_blocks")


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = message.get("blocks") or []
    return [e for block in blocks if block["type"] == "actions" for e in block["elements"]]


def _page(messages: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    start, limit = int(given.get("cursor") or 0), int(given.get("limit", 100))
    end = start + limit
    more = end < len(messages)
    whole = given.get("include_all_metadata") in (True, "true", "1")
    hidden = set() if whole else {"metadata"}
    return {
        "messages": [{k: m[k] for k in m.keys() - hidden} for m in messages[start:end]],
        "has_more": more,
        "response_metadata": {"next_cursor": str(end) if more else ""},
    }


async def _arguments(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        given: dict[str, Any] = await request.json()
        return given
    return {**request.query, **await request.post()}
