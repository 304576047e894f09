"""The whole service as one ASGI application: the HTTP interface, with MCP and Slack beside it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from importlib.util import find_spec

from fastapi import FastAPI
from starlette.routing import Route

from service import api, mcp
from service.answer import Answerer
from service.settings import Settings
from service.slack import bot, receiver
from service.slack.clients import LocalClient


def create_app(settings: Settings, *, answerer: Answerer | None = None) -> FastAPI:
    """The application. It opens its Answerer at start, unless one is given.

    ``/mcp`` needs the extra 'mcp', ``/slack/events`` needs GISA_SLACK_SIGNING_SECRET.
    Raises SettingsInvalid.
    """
    return api.create_app(settings, answerer=answerer, extensions=[_tools, _slack])


def _tools(app: FastAPI) -> AbstractAsyncContextManager[None]:
    if find_spec("mcp") is None:
        return nullcontext()
    tools = mcp.HttpTools(app.state.gateway, app.state.settings)
    app.router.routes.append(Route(mcp.PATH, tools))
    return tools.running()


def _slack(app: FastAPI) -> AbstractAsyncContextManager[None]:
    settings: Settings = app.state.settings
    secret = settings.slack_signing_secret.get_secret_value()
    if not secret:
        return nullcontext()
    bot.check(settings)
    events = receiver.EventReceiver(secret)
    app.post(receiver.PATH, include_in_schema=False)(events.receive)
    client = LocalClient(app.state.gateway, app.state.feedback)
    return receiver.running(events, settings, client)
