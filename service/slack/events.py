"""Passing Slack's deliveries, parsed by Bolt, on to the conversation.

Listeners only record what comes, which is quick, before Slack gets its acknowledgement. If it can't be
recorded, there is no acknowledgement either, and Slack delivers it again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from service.slack import blocks
from service.slack.conversation import Commanded, Conversation, Heard, Pressed
from service.slack.messenger import WRITTEN, Identity, Messenger, quiet_logger
from service.slack.mrkdwn import mentions, words

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp

COMMANDS = ("/기사", "/gisa")
EMPTY_QUESTION = "질문을 적어 주세요."

Body = Mapping[str, Any]

logger = logging.getLogger(__name__)


def build_app(
    conversation: Conversation, messenger: Messenger, *, workspaces: Collection[str]
) -> AsyncApp:
    """The Bolt app over an open messenger; it serves people of ``workspaces``, or of all if that is empty."""
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.authorization import AuthorizeResult
    from slack_bolt.error import BoltUnhandledRequestError
    from slack_bolt.response import BoltResponse
    from slack_sdk.web.async_client import AsyncWebClient

    identity = messenger.identity
    known = AuthorizeResult(
        enterprise_id=None, team_id=identity.team, bot_user_id=identity.user, bot_id=identity.bot
    )

    async def authorize() -> AuthorizeResult:
        return known  # Bolt itself would ask Slack, and delay the acknowledgement until the reply

    app = AsyncApp(
        name="gisa",
        logger=quiet_logger(),
        client=AsyncWebClient(base_url=messenger.client.base_url, logger=quiet_logger()),
        authorize=authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        request_verification_enabled=False,  # see service.slack.receiver
    )

    @app.error
    async def failed(error: Exception) -> BoltResponse:
        if isinstance(error, BoltUnhandledRequestError):
            return BoltResponse(status=200)  # nothing to do, but no failure
        logger.error("Slack will have to deliver again: %r", error, exc_info=error)
        return BoltResponse(status=503)

    @app.middleware
    async def admit(body: Body, next: Any) -> BoltResponse | None:
        if workspaces and not _teams(body) <= set(workspaces):
            logger.warning("ignored: from a workspace that is not allowed")
            return BoltResponse(status=200)
        await next()
        return None

    _listen(app, conversation, identity)
    return app


def _listen(app: AsyncApp, conversation: Conversation, identity: Identity) -> None:
    async def message(body: Body, event: Body) -> None:
        if event.get("subtype") == "message_deleted":
            await conversation.forget(body["team_id"], event["channel"], event["deleted_ts"])
        elif heard := heard_in(body["team_id"], event, identity):
            await conversation.hear(heard)

    async def command(body: Body, ack: AsyncAck) -> None:
        refusal = await conversation.command(_commanded(body))
        await (ack(refusal) if refusal else ack())

    async def rewritten(body: Body, ack: AsyncAck) -> None:
        given = _rewritten(body)
        refusal = await conversation.command(given) if given.text.strip() else EMPTY_QUESTION
        if refusal:
            await ack(response_action="errors", errors={blocks.QUESTION_INPUT: refusal})
        else:
            await ack()

    async def pressed(body: Body, ack: AsyncAck) -> None:
        await ack()
        press = _pressed(body)
        match body["actions"][0]["action_id"]:
            case blocks.UP:
                await conversation.vote(press, "up")
            case blocks.DOWN:
                await conversation.vote(press, "down")
            case blocks.EVIDENCE:
                await conversation.show_evidence(press)
            case blocks.REWRITE:
                await conversation.offer_rewriting(press)
            case blocks.FOLLOW:
                await conversation.follow(press)

    app.event("app_mention")(message)
    app.event("message")(message)
    for name in COMMANDS:
        app.command(name)(command)
    app.view(blocks.REWRITTEN)(rewritten)
    for button in (blocks.UP, blocks.DOWN, blocks.EVIDENCE, blocks.REWRITE, blocks.FOLLOW):
        app.action(button)(pressed)


def heard_in(team: str, event: Body, identity: Identity) -> Heard | None:
    """The message of an event; None unless a person wrote it (edits, joins, bots, empty ones)."""
    user, text = event.get("user"), event.get("text") or ""
    if not user or user in ("USLACKBOT", identity.user) or event.get("bot_id"):
        return None
    if event.get("subtype") not in WRITTEN or "edited" in event or event.get("hidden"):
        return None
    addressed = mentions(text)
    return Heard(
        team=team,
        channel=event["channel"],
        user=user,
        text=words(text),
        ts=event["ts"],
        thread=event.get("thread_ts"),
        direct=event.get("channel_type") == "im" or event["channel"].startswith("D"),
        mentioned=identity.user in addressed,
        others=bool(addressed - {identity.user}),
    )


def _commanded(body: Body) -> Commanded:
    return Commanded(
        key=f"command {body['team_id']} {body['trigger_id']}",
        team=body["team_id"],
        channel=body["channel_id"],
        user=body["user_id"],
        text=words(body.get("text", "")),
        direct=body["channel_id"].startswith("D"),
        response_url=body.get("response_url", ""),
    )


def _rewritten(body: Body) -> Commanded:
    view = body["view"]
    channel, _, thread = view["private_metadata"].partition(" ")
    field = view["state"]["values"][blocks.QUESTION_INPUT][blocks.QUESTION_INPUT]
    return Commanded(
        key=f"view {body['team']['id']} {view['id']}",
        team=body["team"]["id"],
        channel=channel,
        user=body["user"]["id"],
        text=field.get("value") or "",
        thread=thread,
        direct=channel.startswith("D"),
    )


def _pressed(body: Body) -> Pressed:
    message = body["message"]
    return Pressed(
        team=body["team"]["id"],
        channel=body["channel"]["id"],
        thread=message.get("thread_ts") or message["ts"],
        user=body["user"]["id"],
        answer_id=body["actions"][0]["value"],
        trigger_id=body["trigger_id"],
    )


def _teams(body: Body) -> set[str]:
    """The workspaces that a request comes from; in a shared channel there may be several."""
    event, user, team = body.get("event", {}), body.get("user", {}), body.get("team") or {}
    found = {body.get("team_id"), team.get("id"), event.get("user_team"), event.get("source_team")}
    found |= {user.get("team_id")} if isinstance(user, dict) else set()
    return {name for name in found if name}
