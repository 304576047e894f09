"""The Slack bot, over real HTTP and WebSocket on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import fake_slack
import pytest
from fake_slack import BOT, CHANNEL, DIRECT, FakeSlack, buttons

from service.answer import DoneEvent, SentenceEvent
from service.schema import ABSTENTIONS, Answer, Citation, Interpreted, Question, Sentence, Status
from service.settings import Settings, load_settings
from service.slack import blocks, bot, conversation, delivery, memory, messenger
from service.slack.desk import Events, NoAnswer
from service.slack.memory import Kept, Rating


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clock that runs ten times as fast, and no settings of the developer's."""
    monkeypatch.setattr(delivery, "UPDATE_S", 0.1)
    monkeypatch.setattr(delivery, "GATHER_S", 0.03)
    monkeypatch.setattr(memory, "LEASE_S", 1.5)
    monkeypatch.setattr(conversation, "LEASE_S", 0.3)
    monkeypatch.setattr(conversation, "SHUTDOWN_S", 0.1)
    monkeypatch.setattr(messenger, "BACKOFF_S", 0.05)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def of(slack: FakeSlack, **more: Any) -> Settings:
        return load_settings(
            slack_bot_token=fake_slack.BOT_TOKEN,
            slack_app_token=fake_slack.APP_TOKEN,
            slack_signing_secret=fake_slack.SIGNING_SECRET,
            slack_api_url=f"{slack.url}/api/",
            slack_state=tmp_path / "slack.sqlite",
            slack_rate_limit_per_minute=0,
            **more,
        )

    return of


MakeSettings = Callable[..., Settings]


def citation(number: int = 1, **fields: Any) -> Citation:
    return Citation(
        **{
            "number": number,
            "article_id": f"a{number}",
            "title": f"기사 {number}",
            "press": "해담일보",
            "published_at": "2025-05-14T09:00:00+09:00",
            "url": f"https://haedam.example/{number}",
            "quote": "총사업비는 4,820억 원으로",
            "start": 0,
            "end": 15,
        }
        | fields
    )


class ScriptedDesk:
    """Answers with the sentences that it was given; ``gate`` holds back all after the first."""

    def __init__(self, *sentences: str, status: Status = "answered") -> None:
        self.sentences, self.status = sentences or ("총사업비는 4,820억 원입니다.",), status
        self.questions: list[Question] = []
        self.ratings: list[tuple[str, Rating]] = []
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.cancelled = 0
        self.citation = citation()

    async def events(self, question: Question) -> Events:
        self.questions.append(question)
        self.started.set()
        if self.failures:
            raise self.failures.pop(0)
        answer = self.answer(question)
        try:
            for number, sentence in enumerate(answer.sentences):
                if number == 1:
                    await self.gate.wait()
                yield SentenceEvent(sentence, [self.citation])
            if len(answer.sentences) < 2:
                await self.gate.wait()
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
        yield DoneEvent(answer)

    def answer(self, question: Question) -> Answer:
        answered = self.status == "answered"
        sentences = [Sentence(text=s, citations=(1,), support="supported") for s in self.sentences]
        text = " ".join(sentence.marked for sentence in sentences)
        return Answer(
            id=f"answer-{len(self.questions)}",
            question=question.question,
            status=self.status,
            text=text if answered else ABSTENTIONS[self.status],
            sentences=tuple(sentences) if answered else (),
            citations=(self.citation,) if answered else (),
            interpreted=Interpreted(standalone_question=question.question),
            backend="stub",
            generation=1,
            timings_ms={},
        )

    async def bodies(self, answer: Answer) -> dict[str, str]:
        return {c.article_id: c.quote + " 국비와 도비로 나눈다.\n\n다음 문단" for c in answer.citations}

    async def rate(self, kept: Kept, rating: Rating) -> None:
        self.ratings.append((kept.answer.id, rating))


@asynccontextmanager
async def at_work(settings: Settings, desk: Any, slack: FakeSlack) -> AsyncIterator[bot.Bot]:
    """The bot over Socket Mode."""
    async with bot.open_bot(settings, desk) as running, bot.listening(settings, running):
        await slack.connected()
        yield running


async def until(condition: Callable[[], Any], *, within_s: float = 5) -> Any:
    """Wait for something to come about, and what it is."""
    async with asyncio.timeout(within_s):
        while not (found := condition()):
            await asyncio.sleep(0.01)
    return found


async def settled(running: bot.Bot) -> None:
    """Everything that was taken in is done."""
    talk = running.conversation
    await until(lambda: not talk._running and not talk._errands)


Scenario = Callable[[FakeSlack, ScriptedDesk, bot.Bot], Awaitable[None]]


def play(settings: MakeSettings, scenario: Scenario, *sentences: str, **more: Any) -> None:
    """Run a scenario with a workspace, a scripted desk and the bot over Socket Mode."""

    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            desk = ScriptedDesk(*sentences, status=more.pop("status", "answered"))
            async with at_work(settings(slack, **more), desk, slack) as running:
                await scenario(slack, desk, running)

    asyncio.run(run())


def said(message: dict[str, Any]) -> str:
    """All that a message shows."""
    return "\n".join(fake_slack._texts(message["blocks"]))


# -- answering ----------------------------------------------------------------------------------


def test_a_mention_is_answered_once_in_its_thread(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, desk: ScriptedDesk, running: bot.Bot) -> None:
        desk.gate.clear()
        asked = slack.mention("트램 총사업비는?")
        await slack.send_event(asked)
        await until(lambda: slack.reactions[CHANNEL, asked["ts"]] == {"eyes"})
        desk.gate.set()
        await settled(running)
        assert slack.reactions[CHANNEL, asked["ts"]] == set()
        [reply] = slack.replies(asked["ts"])
        assert "총사업비는 4,820억 원입니다.<https://haedam.example/1|[1]>" in said(reply)
        assert "[1] <https://haedam.example/1|기사 1> · 해담일보 · 2025-05-14" in said(reply)
        assert reply["unfurl_links"] is False
        assert desk.questions[0].question == "트램 총사업비는?"

    play(settings, scenario)
