"""The Slack bot below the HTTP service, and as a client of it: real servers on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fake_slack
import pytest
import small_index
import uvicorn
from fake_slack import (
    DIRECT,
    FakeSlack,
    buttons,
    deliver,
    deliver_event,
    deliver_form,
    event_body,
    signed,
)
from pydantic import SecretStr

from service import create_app
from service.errors import SettingsInvalid
from service.schema import Question
from service.serving.feedback import FeedbackStore
from service.serving.limits import Capacity
from service.settings import Settings, load_settings
from service.slack import answering, blocks, bot, clients, delivery, receiver
from service.slack.messenger import SETUP, SlackRefused

QUESTION = "트램 1호선 총사업비는 얼마인가요?"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(delivery, "UPDATE_S", 0.1)
    monkeypatch.setattr(answering, "SHUTDOWN_S", 0.5)
    monkeypatch.setattr(receiver, "CONNECT_AGAIN_S", 0.1)
    monkeypatch.setattr(clients, "RETRY_S", 0.05)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(index_path: Path, tmp_path: Path) -> Callable[..., Settings]:
    def of(slack: FakeSlack, **more: Any) -> Settings:
        return load_settings(
            index=index_path,
            feedback=tmp_path / "feedback.sqlite",
            slack_bot_token=fake_slack.BOT_TOKEN,
            slack_app_token=fake_slack.APP_TOKEN,
            slack_signing_secret=fake_slack.SIGNING_SECRET,
            slack_api_url=f"{slack.url}/api/",
            slack_state=tmp_path / "slack.sqlite",
            **more,
        )

    return of


MakeSettings = Callable[..., Settings]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """The HTTP service over a small index; its address."""
    app = create_app(settings, answerer=small_index.open_answerer(settings.index))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server._serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def answered(slack: FakeSlack, root: str, channel: str = fake_slack.CHANNEL) -> Any:
    """The last message of a complete answer in a thread."""
    async with asyncio.timeout(15):
        while not (found := [m for m in slack.replies(root, channel) if buttons(m)]):
            await asyncio.sleep(0.01)
    return found[-1]


def play(scenario: Callable[[FakeSlack], Any]) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            await scenario(slack)

    asyncio.run(asyncio.wait_for(run(), 40))


def test_a_signed_event_is_answered_with_its_sources(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack) -> None:
        async with serving(settings(slack)) as url:
            asked = slack.mention(QUESTION)
            for retry in range(4):
                assert await deliver_event(url, asked, retry=retry) == 200
            reply = await answered(slack, asked["ts"])
            text = "\n".join(fake_slack._texts(reply["blocks"]))
            assert "해담시는 트램 1호선" in text
            assert "<https://haedam.example/tram-1|[1]>" in text
            assert len(slack.replies(asked["ts"])) == 1
            direct = slack.say("은솔구 도서관은 언제 문을 열었나요?", channel=DIRECT)
            assert await deliver_event(url, direct) == 200
            await answered(slack, direct["ts"], DIRECT)

    play(scenario)


def test_commands_and_buttons_come_as_forms(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack) -> None:
        of = settings(slack)
        async with serving(of) as url:
            command = slack.command("/기사", QUESTION)
            assert await deliver_form(url, command, payload=False) == 200
            async with asyncio.timeout(10):
                while not slack.messages[fake_slack.CHANNEL]:
                    await asyncio.sleep(0.01)
            root = next(iter(slack.messages[fake_slack.CHANNEL]))  # its answer may be there too
            reply = await answered(slack, root)
            assert await deliver_form(url, slack.press(reply, blocks.DOWN), payload=True) == 200
            assert await deliver_form(url, slack.press(reply, blocks.EVIDENCE), payload=True) == 200
            async with asyncio.timeout(10):
                while not (slack.views and "👎 1" in str(slack.replies(root))):
                    await asyncio.sleep(0.01)
            quoted = next(b for b in slack.views[0]["blocks"] if b["type"] == "rich_text")
            shown = "".join(e["text"] for e in quoted["elements"][0]["elements"])
            assert shown in small_index.TRAM.body
        store = FeedbackStore(of.feedback, keep_hours=24)
        [rated] = store.rated("down")
        assert rated["question"] == QUESTION

    play(scenario)


def test_what_slack_has_not_signed_is_refused(
    settings: MakeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(slack: FakeSlack) -> None:
        async with serving(settings(slack)) as url:
            body = json.dumps(event_body(slack.mention(QUESTION))).encode()
            now = time.time()
            good = signed(body)
            for headers in (
                {},
                signed(body, secret="another"),
                signed(body, at=now - 301),
                signed(body, at=now + 360),
                good | {"X-Slack-Signature": good["X-Slack-Signature"][:-1] + "é"},
                good | {"X-Slack-Request-Timestamp": "soon"},
                good | {"X-Slack-Request-Timestamp": str(int(now) - 1)},
            ):
                assert await deliver(url, body, headers) == 401
            assert await deliver(url, body + b" ", good) == 401
            assert await deliver(url, b"\xff", signed(b"x")) == 401
            assert not slack.made("chat.postMessage")
            assert await deliver(url, body, good) == 200
            assert await deliver(url, body, good) == 401  # a replay
            challenge = json.dumps({"type": "url_verification", "challenge": "c"}).encode()
            assert await deliver(url, challenge, signed(challenge)) == 200

    play(scenario)
    assert QUESTION not in caplog.text


def test_while_slack_is_away_events_are_left_to_its_retries(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack) -> None:
        slack.troubles["auth.test"] = ["500"] * 4
        async with serving(settings(slack)) as url:
            asked = slack.mention(QUESTION)
            async with asyncio.timeout(20):
                first = await deliver_event(url, asked)
                while (status := await deliver_event(url, asked, retry=1)) == 503:
                    await asyncio.sleep(0.05)
            assert (first, status) == (503, 200)
            await answered(slack, asked["ts"])

    play(scenario)


def test_secrets_and_questions_stay_out_of_the_log(
    settings: MakeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario(slack: FakeSlack) -> None:
        of = settings(slack)
        slack.troubles["chat.postMessage"] = ["500", "429", "drop"]
        slack.retry_after = "0"
        async with serving(of) as url:
            asked = slack.mention(QUESTION)
            await deliver_event(url, asked)
            await deliver_form(url, {"type": "shortcut", "token": "secret-t"}, payload=True)
            await answered(slack, asked["ts"])
        answerer = clients.HttpClient("http://127.0.0.1:9", "secret-api-key")
        async with bot.open_bot(of, answerer) as running, bot.listening(of, running):
            await slack.connected()
            await slack.send_event(slack.mention(QUESTION))
        await answerer.close()

    play(scenario)
    told = "\n".join(
        line.getMessage() + (line.exc_text or "")
        for line in caplog.records
        if line.name not in {"asyncio", "aiosqlite"}
    )
    assert told
    for secret in ("xoxb", "xapp", "secret", fake_slack.SIGNING_SECRET, QUESTION):
        assert secret not in told


# -- as a client of the API ---------------------------------------------------------------------


def test_a_bot_may_ask_a_running_service(settings: MakeSettings, tmp_path: Path) -> None:
    async def scenario(slack: FakeSlack) -> None:
        served = settings(slack).model_copy(update={"slack_signing_secret": SecretStr("")})
        async with serving(served) as url:
            of = settings(slack, api_url=url + "/")
            async with over_socket_mode(of):
                await slack.connected()
                asked = slack.mention(QUESTION)
                await slack.send_event(asked)
                reply = await answered(slack, asked["ts"])
                assert "해담시는 트램" in "".join(fake_slack._texts(reply["blocks"]))
                await slack.send("interactive", slack.press(reply, blocks.UP))
                await slack.send("interactive", slack.press(reply, blocks.EVIDENCE))
                async with asyncio.timeout(10):
                    while not (slack.views and "👍 1" in str(slack.replies(asked["ts"]))):
                        await asyncio.sleep(0.01)
                assert "정거장은 15곳이다" in str(slack.views[0])
        store = FeedbackStore(tmp_path / "feedback.sqlite", keep_hours=24)
        assert len(list(store.rated("up"))) == 1

    play(scenario)


@asynccontextmanager
async def over_socket_mode(settings: Settings) -> AsyncIterator[None]:
    """What ``gisa slack`` runs."""
    async with (
        bot.open_client(settings) as asked,
        bot.open_bot(settings, asked) as running,
        bot.listening(settings, running),
    ):
        yield


async def no_answer(client: clients.AnswerClient) -> clients.NoAnswer:
    with pytest.raises(clients.NoAnswer) as caught:
        async for _ in client.events(Question(question=QUESTION)):
            pass
    return caught.value


def test_a_dead_service_is_one_plain_sentence(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        of = settings(slack, api_url=nobody)
        async with over_socket_mode(of):
            await slack.connected()
            asked = slack.mention(QUESTION)
            await slack.send_event(asked)
            async with asyncio.timeout(10):
                while not (replies := slack.replies(asked["ts"])):
                    await asyncio.sleep(0.01)
            assert replies[0]["blocks"][0]["text"]["text"] == clients._UNREACHABLE

    play(scenario)


@pytest.mark.parametrize(
    ("reply", "again", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata: {}\n", True, "연결할 수 없습니다"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nevent: done\ndata: {}\n\n", False, "읽을 수"),
        (b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 18\r\n\r\n"
         b'{"detail": "busy"}', True, "busy"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno", False, "연결할 수 없습니다"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nevent: error\n"
         b'data: {"detail": "refused", "status": 502}\n\n', False, "refused"),
        (b"", True, "연결할 수 없습니다"),
    ],
)  # fmt: skip
def test_a_service_that_misbehaves_is_no_surprise(reply: bytes, again: bool, told: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            remote = clients.HttpClient(f"http://127.0.0.1:{port}", "")
            error = await no_answer(remote)
            await remote.close()
        assert told in str(error)
        assert (error.retry_after_s is not None) == again
        if b"Retry-After" in reply:
            assert error.retry_after_s == 7

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize("key", ["", "of-the-bot"])
def test_the_key_goes_to_the_service(key: str) -> None:
    async def run() -> bytes:
        asked = asyncio.Future[bytes]()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set_result(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            remote = clients.HttpClient(f"http://127.0.0.1:{port}", key)
            await no_answer(remote)
            await remote.close()
        return await asked

    head = asyncio.run(asyncio.wait_for(run(), 20))
    assert (f"Authorization: Bearer {key}\r\n".encode() in head) == bool(key)
    assert (b"Authorization" in head) == bool(key)


def test_an_overloaded_process_says_so(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack) -> None:
        async with bot.open_client(settings(slack)) as local:
            assert isinstance(local, clients.LocalClient)
            local._gateway._capacity = Capacity(0)
            error = await no_answer(local)
            assert error.retry_after_s == clients.RETRY_S

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "service.wiring.open_answerer", lambda s, **_: small_index.open_answerer(s.index)
        )
        play(scenario)


# -- starting -----------------------------------------------------------------------------------


@pytest.fixture
def bare() -> dict[str, Any]:
    return {"slack_bot_token": fake_slack.BOT_TOKEN, "slack_app_token": fake_slack.APP_TOKEN}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"slack_bot_token": ""}, "GISA_SLACK_BOT_TOKEN is empty"),
        ({"slack_app_token": ""}, "GISA_SLACK_APP_TOKEN is empty"),
        ({"api_url": "localhost:8000"}, "GISA_API_URL"),
        ({"slack_rules": Path("missing.toml")}, "missing.toml can't be read"),
    ],
)
def test_what_is_missing_is_told_at_start(
    bare: dict[str, Any], fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(SettingsInvalid, match=told):
        bot.serve(load_settings(**bare | fields))


def test_a_missing_extra_is_told(bare: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slack_bolt", None)
    with pytest.raises(SettingsInvalid, match="slack_bolt") as caught:
        bot.serve(load_settings(**bare))
    assert caught.value.remedy == "Install the extra: pip install 'gisa[slack]'"


def test_rules_that_can_not_be_are_told(tmp_path: Path, bare: dict[str, Any]) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[default]\nalowed = true\n", "utf-8")
    with pytest.raises(SettingsInvalid, match=r"default.alowed: Extra inputs"):
        bot.check(load_settings(**bare, slack_rules=rules))


def test_a_wrong_token_is_told_and_not_tried_for_ever(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack) -> None:
        secret = SecretStr("xoxb-wrong")
        wrong = settings(slack).model_copy(update={"slack_bot_token": secret})
        with pytest.raises(SlackRefused, match=r"auth.test: invalid_auth") as caught:
            async with bot.open_bot(wrong, clients.HttpClient("http://x.example", "")):
                pass
        assert caught.value.remedy == SETUP
        wrong = settings(slack).model_copy(update={"slack_app_token": secret})
        wrong = wrong.model_copy(update={"api_url": "http://127.0.0.1:9"})
        with pytest.raises(SlackRefused, match=r"connections.open: invalid_auth") as caught:
            await over_socket_mode(wrong).__aenter__()
        assert caught.value.remedy == SETUP

    play(scenario)
