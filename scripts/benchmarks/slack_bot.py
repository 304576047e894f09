"""The command ``slack`` of benchmark.py."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # whose Slack keeps Slack's limits

if TYPE_CHECKING:
    from fake_slack import FakeSlack

START_S, ANSWER_S = 300.0, 300.0
REDELIVERIES = 10
"""Times that each message is delivered again, as itself or as an event of the other kind."""

app = typer.Typer()
messages = Console(stderr=True)


@app.command("slack")
def measure_slack(
    index: Annotated[Path, typer.Option(help="An index of the sample corpus.")] = Path("var/index"),
    api_url: Annotated[
        str, typer.Option(help="A running service to ask instead of an index of the bot's own.")
    ] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of mentions.")] = 10,
    at_once: Annotated[int, typer.Option(min=1, help="Mentions of a round.")] = 20,
    redelivered: Annotated[
        int, typer.Option(min=1, help="Messages that are delivered again and again.")
    ] = 60,
    restarts: Annotated[
        int, typer.Option(min=0, help="Times that the bot is killed meanwhile.")
    ] = 3,
    slack_ms: Annotated[int, typer.Option(min=0, help="Time of Slack's Web API for a call.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """The Slack bot: acknowledgements and answers under load, and what is answered twice.

    ``gisa slack`` runs as a process of its own against a Slack on loopback; it is killed with SIGKILL
    while messages are being delivered, and started again.
    """
    source = {"GISA_API_URL": api_url} if api_url else {"GISA_INDEX": str(index.absolute())}
    figures = asyncio.run(_measure(source, rounds, at_once, redelivered, restarts, slack_ms))
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
    else:
        _show(figures)


async def _measure(
    source: dict[str, str],
    rounds: int,
    at_once: int,
    redelivered: int,
    restarts: int,
    slack_ms: int,
) -> dict[str, Any]:
    from fake_slack import fake_slack

    questions = itertools.cycle(_questions())
    with tempfile.TemporaryDirectory() as folder:
        async with fake_slack() as slack:
            slack.delay_s = slack_ms / 1_000
            bot = Bot(slack, source, Path(folder))
            async with bot.running():
                timings = [
                    await _ask_at_once(slack, list(itertools.islice(questions, at_once)))
                    for _ in range(rounds)
                ]
            figures = _latencies(timings) | {"slack_ms": slack_ms, "concurrent": at_once}
            messages.print(figures)
            asked = list(itertools.islice(questions, redelivered))
            return figures | await _redeliver(slack, bot, asked, restarts)


def _questions() -> list[str]:
    lines = (ROOT / "tests/corpus/questions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


class Bot:
    """``gisa slack`` in a process of its own; the state outlives it."""

    def __init__(self, slack: FakeSlack, source: dict[str, str], folder: Path) -> None:
        from fake_slack import APP_TOKEN, BOT_TOKEN

        self._slack, self._folder = slack, folder
        self._environment = (
            os.environ
            | source
            | {
                "GISA_SLACK_API_URL": f"{slack.url}/api/",
                "GISA_SLACK_BOT_TOKEN": BOT_TOKEN,
                "GISA_SLACK_APP_TOKEN": APP_TOKEN,
                "GISA_SLACK_STATE": str(folder / "slack.sqlite"),
                "GISA_SLACK_RATE_LIMIT_PER_MINUTE": "0",
                "PYTHONPATH": str(ROOT),
            }
        )

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "service.cli", "slack",
                cwd=self._folder, env=self._environment, stderr=log,
            )  # fmt: skip
        async with asyncio.timeout(START_S):
            while not self._slack.sockets:
                if self._process.returncode is not None:
                    messages.print((self._folder / "log").read_text("utf-8"))
                    raise typer.Exit(1)
                await asyncio.sleep(0.01)

    async def end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        await self._process.wait()
        while self._slack.sockets:
            await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.end(signal.SIGTERM)


async def _ask_at_once(slack: FakeSlack, questions: Sequence[str]) -> list[tuple[float, float]]:
    """Seconds to the acknowledgement, and to the whole answer, of each."""
    return await asyncio.gather(*(_ask(slack, question) for question in questions))


async def _ask(slack: FakeSlack, question: str) -> tuple[float, float]:
    event = slack.mention(question)
    started = time.perf_counter()
    await slack.send_event(event)
    acknowledged = time.perf_counter() - started
    async with asyncio.timeout(ANSWER_S):
        while not _answers(slack, event["ts"]):
            await asyncio.sleep(0.005)
    return acknowledged, time.perf_counter() - started


def _answers(slack: FakeSlack, root: str) -> int:
    """Complete answers in a thread: each has one row of buttons."""
    from fake_slack import buttons

    return sum(bool(buttons(message)) for message in slack.replies(root))


def _latencies(rounds: list[list[tuple[float, float]]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"mentions": sum(map(len, rounds))}
    columns = zip(*itertools.chain.from_iterable(rounds), strict=True)
    for name, seconds in zip(("acknowledgement", "answer"), columns, strict=True):
        cuts = statistics.quantiles(seconds, n=100, method="inclusive")
        figures[f"{name}_p50_ms"] = round(cuts[49] * 1_000, 1)
        figures[f"{name}_p99_ms"] = round(cuts[98] * 1_000, 1)
    return figures


async def _redeliver(
    slack: FakeSlack, bot: Bot, questions: Sequence[str], restarts: int
) -> dict[str, Any]:
    """Deliver each message many times while the bot is killed and started again."""
    events = [slack.mention(question) for question in questions]
    copies = [
        (event | {"type": kind}, retry)
        for event in events
        for retry, kind in zip(
            range(REDELIVERIES + 1), itertools.cycle(("app_mention", "message")), strict=False
        )
    ]
    random.Random(0).shuffle(copies)  # noqa: S311 - an order, not a secret
    await bot.start()
    share = len(copies) // (restarts + 1) + 1
    for start in range(0, len(copies), share):
        if start:
            await bot.end(signal.SIGKILL)
            await bot.start()
        for event, retry in copies[start : start + share]:
            await _deliver(slack, event, retry)
            await asyncio.sleep(0.01)
    async with asyncio.timeout(ANSWER_S):
        while not all(_answers(slack, event["ts"]) for event in events):
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)  # what is answered twice would come now
    await bot.end(signal.SIGTERM)
    messages_of = [len(slack.replies(event["ts"])) for event in events]
    return {
        "redeliveries": len(copies) - len(events),
        "kills": restarts,
        "answered": sum(_answers(slack, event["ts"]) > 0 for event in events),
        "answered_twice": sum(_answers(slack, event["ts"]) > 1 for event in events),
        "messages_beyond_one": sum(count - 1 for count in messages_of),
        "eyes_left": sum(bool(slack.reactions[event["channel"], event["ts"]]) for event in events),
    }


async def _deliver(slack: FakeSlack, event: dict[str, Any], retry: int) -> None:
    """One delivery; its acknowledgement may be lost with the bot, which is not waited for."""
    while not slack.sockets:
        await asyncio.sleep(0.01)
    slack.send_event(event, retry=retry)


def _show(figures: dict[str, Any]) -> None:
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)
