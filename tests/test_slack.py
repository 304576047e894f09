"""The Slack bot, over real HTTP and WebSocket on loopback."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import fake_slack
import graded_answers
import pytest
from fake_slack import BOT, CHANNEL, DIRECT, FakeSlack, buttons
from graded_answers import FALSE, QUOTED, TRUE, UNSURE, PatientJudge, graded_answerer
from scripted_judge import AbsentJudge
from small_citation import citation
from small_index import UNDATED
from sqlalchemy import text

from service import create_app
from service.answer import Answerer
from service.events import DoneEvent, SentenceEvent
from service.schema import ABSTENTIONS, Answer, Interpreted, Question, Sentence, Status
from service.settings import Settings, load_settings
from service.slack import answering, blocks, bot, delivery, memory, messenger, phrases
from service.slack.clients import Events, LocalClient, NoAnswer
from service.slack.conversation import Heard
from service.slack.memory import Kept, Rating
from service.storage import Place
from service.verify.judge import EntailmentJudge
from service.wording import LEADS_TITLE, REWORDED, SEE_THE_ARTICLE


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clock that runs ten times as fast, and no settings of the developer's."""
    monkeypatch.setattr(delivery, "UPDATE_S", 0.1)
    monkeypatch.setattr(delivery, "GATHER_S", 0.03)
    monkeypatch.setattr(memory, "LEASE_S", 1.5)
    monkeypatch.setattr(answering, "LEASE_S", 0.3)
    monkeypatch.setattr(answering, "SHUTDOWN_S", 0.1)
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


class ScriptedClient:
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
                yield SentenceEvent(number, sentence, [self.citation])
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
            citations=(self.citation,) if self.status in ("answered", "related") else (),
            interpreted=Interpreted(standalone_question=question.question),
            backend="stub",
            generation=1,
            timings_ms={},
        )

    async def bodies(self, answer: Answer) -> dict[str, str]:
        return {
            c.article_id: c.quote + " 국비와 도비로 나눈다.\n\n다음 문단" for c in answer.citations
        }

    async def rate(self, kept: Kept, rating: Rating) -> None:
        self.ratings.append((kept.answer.id, rating))


@asynccontextmanager
async def at_work(settings: Settings, client: Any, slack: FakeSlack) -> AsyncIterator[bot.Bot]:
    """The bot over Socket Mode."""
    async with bot.open_bot(settings, client) as running, bot.listening(settings, running):
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
    await until(lambda: not talk._answering._running and not talk._background.tasks)


async def answered(slack: FakeSlack, running: bot.Bot, asked: dict[str, Any]) -> dict[str, Any]:
    """The one message with which the bot answers."""
    await slack.send_event(asked)
    await settled(running)
    [reply] = slack.replies(asked["ts"])
    return reply


Scenario = Callable[[FakeSlack, ScriptedClient, bot.Bot], Awaitable[None]]


def play(settings: MakeSettings, scenario: Scenario, *sentences: str, **more: Any) -> None:
    """Run a scenario with a workspace, a scripted client and the bot over Socket Mode."""

    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            client = ScriptedClient(*sentences, status=more.pop("status", "answered"))
            async with at_work(settings(slack, **more), client, slack) as running:
                await scenario(slack, client, running)

    asyncio.run(asyncio.wait_for(run(), 30))


def said(message: dict[str, Any]) -> str:
    """All that a message shows."""
    return "\n".join(fake_slack._texts(message["blocks"]))


# -- answering ----------------------------------------------------------------------------------


def test_a_mention_is_answered_once_in_its_thread(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        asked = slack.mention("트램 총사업비는?")
        await slack.send_event(asked)
        await until(lambda: slack.reactions[CHANNEL, asked["ts"]] == {"eyes"})
        client.gate.set()
        await settled(running)
        assert slack.reactions[CHANNEL, asked["ts"]] == set()
        [reply] = slack.replies(asked["ts"])
        assert "총사업비는 4,820억 원입니다.<https://haedam.example/1|[1]>" in said(reply)
        assert "[1] <https://haedam.example/1|기사 1> · 해담일보 · 2025-05-14" in said(reply)
        assert reply["unfurl_links"] is False
        assert client.questions[0].question == "트램 총사업비는?"

    play(settings, scenario)


def test_a_direct_message_needs_no_mention_and_is_answered_in_its_thread(
    settings: MakeSettings,
) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.say("트램 총사업비는?", channel=DIRECT)
        await slack.send_event(asked)
        await settled(running)
        [reply] = slack.replies(asked["ts"], DIRECT)
        assert {b["action_id"] for b in buttons(reply)} == {
            blocks.UP,
            blocks.DOWN,
            blocks.EVIDENCE,
            blocks.REWRITE,
        }

    play(settings, scenario)


@pytest.mark.parametrize(
    "change",
    [
        {"user": BOT},
        {"bot_id": "B0OTHER"},
        {"subtype": "bot_message", "user": None},
        {"subtype": "channel_join"},
        {"subtype": "message_changed"},
        {"edited": {"user": "U0ANNA", "ts": "1.0"}},
        {"user": "USLACKBOT"},
        {"text": f"<@{BOT}>"},
        {"text": f"<@{BOT}>  👋!!"},
        {"text": f"<@{BOT}> 안녕하세요~ 반갑습니다 ㅎㅎ"},
        {"text": f"<@{BOT}> :wave: hi"},
        {"text": "멘션이 없는 말", "type": "message"},
        {"text": "<@U0BORA> 트램 총사업비는?", "type": "message"},
    ],
    ids=str,
)
def test_what_is_no_question_is_left_alone(settings: MakeSettings, change: dict[str, Any]) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        acknowledged = await slack.send_event(slack.mention("트램 총사업비는?") | change)
        assert acknowledged.keys() == {"envelope_id"}
        await settled(running)
        assert not client.questions
        assert not slack.made("chat.postMessage")

    play(settings, scenario)


@pytest.mark.parametrize("greeting", ["안녕", "감사합니다!", "ok", "네네~", "", "...", "ㅋㅋㅋ"])
def test_small_talk_is_told_from_questions(greeting: str) -> None:
    assert phrases.is_small_talk(greeting)
    assert not phrases.is_small_talk(f"{greeting} 트램 총사업비는?")


def test_the_text_grows_in_place_and_not_too_often(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        asked = slack.mention("노선을 알려 줘")
        await slack.send_event(asked)
        [begun] = await until(lambda: slack.replies(asked["ts"]))
        assert "첫 문장." in said(begun)
        assert phrases.MOMENT_PLEASE in said(begun)
        assert "9째 문장." not in said(begun)
        client.gate.set()
        await settled(running)
        [whole] = slack.replies(asked["ts"])
        assert "9째 문장." in said(whole)
        assert phrases.MOMENT_PLEASE not in said(whole)
        calls = [call.at for call in slack.calls if call.method.startswith("chat.")]
        assert len(calls) == 2
        assert calls[1] - calls[0] >= delivery.UPDATE_S * 0.9

    sentences = ["첫 문장.", *(f"{n}째 문장." for n in range(2, 10))]
    play(settings, scenario, *sentences)


def play_graded(
    settings: MakeSettings, answerer: Answerer, scenario: Callable[[FakeSlack, bot.Bot], Any]
) -> None:
    """Run a scenario in which the bot has an answerer of its own."""

    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            state = create_app(load_settings(), answerer=answerer).state
            client = LocalClient(state.gateway, state.feedback)
            async with at_work(settings(slack), client, slack) as running:
                await scenario(slack, running)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_draft_has_no_sentence_that_a_judge_is_still_to_read(
    settings: MakeSettings, answerer: Answerer
) -> None:
    judge = PatientJudge()
    judge.gate.clear()

    async def scenario(slack: FakeSlack, running: bot.Bot) -> None:
        asked = slack.mention(graded_answers.QUESTION)
        await slack.send_event(asked)
        [begun] = await until(lambda: slack.replies(asked["ts"]))
        await asyncio.sleep(0.3)  # no update follows
        [begun] = slack.replies(asked["ts"])
        assert QUOTED in said(begun)
        assert not [text for text in (FALSE, TRUE, UNSURE) if text in said(begun)]
        judge.gate.set()
        await settled(running)
        [whole] = slack.replies(asked["ts"])
        text, compared = said(whole).split("⚠️")
        assert REWORDED not in text.partition(UNSURE)[0]
        assert text.rstrip().endswith(f"{UNSURE}[2] ({REWORDED})")
        assert SEE_THE_ARTICLE in compared
        assert UNDATED.body.partition(". ")[0] in compared.partition("출처")[0]
        assert not [message for message in slack.replies(asked["ts"]) if FALSE in said(message)]

    play_graded(settings, graded_answerer(answerer.index, judge), scenario)


@pytest.mark.parametrize(
    ("judge", "is_strict", "marks"),
    [(None, False, 3), (AbsentJudge(), False, 3), (None, True, 0), (PatientJudge(), True, 0)],
    ids=["no judge", "judge away", "strict without a judge", "judged strictly"],
)
def test_what_nobody_judged_is_marked_or_not_shown(
    settings: MakeSettings,
    answerer: Answerer,
    judge: EntailmentJudge | None,
    is_strict: bool,
    marks: int,
) -> None:
    async def scenario(slack: FakeSlack, running: bot.Bot) -> None:
        reply = await answered(slack, running, slack.mention(graded_answers.QUESTION))
        assert QUOTED in said(reply)
        assert said(reply).count(f"({REWORDED})") == marks
        assert (SEE_THE_ARTICLE in said(reply)) == bool(marks)

    play_graded(settings, graded_answerer(answerer.index, judge, is_strict=is_strict), scenario)


def test_an_answer_of_20_000_characters_keeps_to_slacks_limits(settings: MakeSettings) -> None:
    sentences = [
        f"{n}째 문장은 예산과 노선과 정거장을 다룬다&<*{'가' * 170}*>." for n in range(100)
    ]
    sentences[50] = "끝없이이어지는말" * 500

    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("모두 알려 줘")
        await slack.send_event(asked)
        await settled(running)
        replies = slack.replies(asked["ts"])
        assert len(replies) >= 2  # the fake refuses what Slack would
        shown = "".join(said(reply) for reply in replies).replace("\n", "").replace(" ", "")
        for sentence in sentences:
            text = sentence.replace("&<", "&amp;&lt;").replace(">.", "&gt;.").replace(" ", "")
            assert text in shown
        assert buttons(replies[-1])
        assert not any(buttons(reply) for reply in replies[:-1])

    assert sum(map(len, sentences)) > 20_000
    play(settings, scenario, *sentences)


@pytest.mark.parametrize("status", ["no_evidence", "out_of_coverage", "no_match"])
def test_an_absent_answer_offers_a_search(settings: MakeSettings, status: Status) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("화성 날씨는?")
        reply = await answered(slack, running, asked)
        assert ABSTENTIONS[status] in said(reply)
        assert "query=%ED%99%94%EC%84%B1%20" in said(reply)
        assert blocks.EVIDENCE not in {b["action_id"] for b in buttons(reply)}

    play(settings, scenario, status=status)


def test_leads_are_voted_on_looked_at_and_asked_about(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("트램은 언제 착공하나?")
        reply = await answered(slack, running, asked)
        assert ABSTENTIONS["related"] in said(reply)
        assert LEADS_TITLE in said(reply)
        assert client.citation.quote in said(reply)
        assert "출처" not in said(reply)
        assert "query=%ED%8A%B8%EB%9E%A8" in said(reply)
        await slack.send("interactive", slack.press(reply, blocks.UP))
        await settled(running)
        assert client.ratings == [("answer-1", "up")]
        await slack.send("interactive", slack.press(reply, blocks.EVIDENCE))
        await settled(running)
        assert slack.views[0]["title"]["text"] == LEADS_TITLE
        again = slack.mention("그럼 총사업비는?", thread=asked["ts"])
        await slack.send_event(again)
        await settled(running)
        turns = client.questions[-1].conversation
        assert [turn.role for turn in turns] == ["user", "assistant"]
        assert turns[1].content == ABSTENTIONS["related"]

    play(settings, scenario, status="related")


def test_text_of_others_is_shown_and_not_obeyed(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.citation = citation(
            title="<!here> <https://evil.example|웃긴> & 제목", url='https://ok.example/?a=1&b=<>"|'
        )
        asked = slack.mention("<!channel> 다 <https://evil.example|누르세요>")
        reply = await answered(slack, running, asked)
        whole = said(reply) + reply["text"]
        assert "<!" not in whole
        assert "&lt;!channel&gt; 모두 보세요" in whole
        assert "&lt;!here&gt; &lt;https://evil.example|웃긴&gt; &amp; 제목" in whole
        assert "<https://ok.example/?a=1&amp;b=%3C%3E%22%7C|" in whole
        assert all(b["text"]["verbatim"] for b in reply["blocks"] if b["type"] == "section")
        assert client.questions[0].question == "다 누르세요"

    play(settings, scenario, "<!channel> 모두 보세요 <@U0ANNA>.")


# -- delivered more than once -------------------------------------------------------------------


def test_a_message_is_answered_once_however_often_it_is_delivered(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("트램 총사업비는?")
        as_message = asked | {"type": "message"}
        acknowledgements = [slack.send_event(asked), slack.send_event(as_message)]
        acknowledgements += [slack.send_event(asked, retry=n) for n in (1, 2, 3)]
        await asyncio.gather(*acknowledgements)
        await settled(running)
        await slack.send_event(as_message, retry=1)
        await settled(running)
        assert len(slack.replies(asked["ts"])) == 1
        assert len(client.questions) == 1

    play(settings, scenario)


def test_two_bots_on_one_state_answer_once(settings: MakeSettings) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            client, of = ScriptedClient(), settings(slack)
            async with at_work(of, client, slack) as one, at_work(of, client, slack) as other:
                asked = [slack.mention(f"질문 {n}은 무엇인가?") for n in range(10)]
                await asyncio.gather(*(slack.send_event(event) for event in asked))
                slack.sockets.reverse()
                await asyncio.gather(*(slack.send_event(event, retry=1) for event in asked))
                await settled(one)
                await settled(other)
            for event in asked:
                assert len(slack.replies(event["ts"])) == 1

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize("moment", ["thinking", "writing", "posting"])
def test_a_restart_in_the_middle_loses_and_doubles_nothing(
    settings: MakeSettings, moment: str
) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            client, of = ScriptedClient("첫 문장.", "둘째 문장."), settings(slack)
            client.gate.clear()
            if moment == "thinking":
                client.failures = [NoAnswer("나중에", retry_after_s=60)]
            if moment == "posting":
                slack.troubles["chat.postMessage"] = ["done_then_drop"]
                slack.troubles["conversations.replies"] = ["hang"]
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(at_work(of, client, slack))
                asked = slack.mention("노선을 알려 줘")
                await slack.send_event(asked)
                await client.started.wait()
                if moment != "thinking":
                    await until(lambda: slack.replies(asked["ts"]))
            slack.troubles.clear()
            client.gate.set()
            async with at_work(of, client, slack) as restarted:
                await until(lambda: len(client.questions) == 2)
                await settled(restarted)
                await slack.send_event(asked, retry=1)
                await settled(restarted)
            [reply] = slack.replies(asked["ts"])
            assert "둘째 문장." in said(reply)
            assert buttons(reply)
            assert slack.reactions[CHANNEL, asked["ts"]] == set()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_request_of_a_dead_process_is_taken_over_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    ask = memory.Ask(
        key="message 1", team="T", channel="C", user="U", text="?", at=now, ts="1", thread="1"
    )

    async def run() -> None:
        nonlocal now
        first = memory.Memory(tmp_path / "s", owner="one", clock=lambda: now)
        second = memory.Memory(tmp_path / "s", owner="two", clock=lambda: now)
        await first.open()
        await second.open()
        assert await first.claim(ask)
        assert not await second.claim(ask)
        assert await second.take_over() == []
        now += memory.LEASE_S / 2
        assert await first.renew() == {"message 1"}
        now += memory.LEASE_S * 0.9
        assert await second.take_over() == []  # renewed in time
        now += memory.LEASE_S
        assert await second.take_over() == [(ask, True)]
        assert not await first.owns("message 1")
        assert await first.renew() == set()
        for wanted in (True, False):
            now += memory.LEASE_S * 2
            assert await second.take_over() == [(ask, wanted)]
        await second.finish("message 1")
        assert not await first.claim(ask)
        await first.close()
        await second.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_two_bots_answer_once(settings: MakeSettings, place: Place) -> None:
    """Each of 20 questions comes three times to both; they share nothing but the place of their memory."""

    async def run() -> None:
        async with fake_slack.fake_slack() as slack, AsyncExitStack() as stack:
            of = settings(slack).model_copy(update={"slack_state": place})
            clients = [ScriptedClient(), ScriptedClient()]
            bots = [await stack.enter_async_context(bot.open_bot(of, c)) for c in clients]
            asked = [slack.mention(f"질문 {n}") for n in range(20)]
            await asyncio.gather(
                *(
                    each.conversation.hear(
                        Heard(
                            team="T",
                            channel=CHANNEL,
                            user="U0ANNA",
                            text=m["text"],
                            ts=m["ts"],
                            mentioned=True,
                        )
                    )
                    for m in asked * 3
                    for each in bots
                )
            )
            # On a busy machine the store may refuse one; whoever looks next takes that over.
            await until(lambda: all(slack.replies(m["ts"]) for m in asked), within_s=50)
            for each in bots:
                await settled(each)
            assert [len(slack.replies(m["ts"])) for m in asked] == [1] * 20
            assert sum(len(client.questions) for client in clients) == 20

    asyncio.run(asyncio.wait_for(run(), 60))


def test_what_is_old_is_forgotten_and_nothing_else(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("총사업비는?")
        reply = await answered(slack, running, asked)
        kept = running.memory
        await kept.vote("answer-1", "U0ANNA", "up")
        await kept.tidy()
        assert await kept.kept("answer-1")
        assert (await kept.turns(CHANNEL, [reply["ts"]]))[reply["ts"]]
        later = time.time() + 91 * 86_400
        monkeypatch.setattr(kept, "_clock", lambda: later)
        await kept.tidy()
        assert await kept.kept("answer-1") is None
        for table in ("requests", "posts", "votes"):
            assert await kept._do(kept._rows, text(f"SELECT * FROM {table}")) == []  # noqa: S608
        await slack.send("interactive", slack.press(reply, blocks.UP))
        await settled(running)
        assert slack.whispers[-1]["text"] == phrases.ANSWER_GONE

    play(settings, scenario)


# -- trouble with Slack -------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["429", "500", "drop", "done_then_drop"])
@pytest.mark.parametrize(
    "method",
    ["chat.postMessage", "chat.update", "reactions.add", "reactions.remove", "auth.test"],
)
def test_a_call_that_fails_once_is_made_good(
    settings: MakeSettings, method: str, trouble: fake_slack.Trouble
) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            slack.retry_after = "0"
            slack.troubles[method] = [trouble]
            client = ScriptedClient("첫 문장.", "둘째 문장.")
            client.gate.clear()
            async with at_work(settings(slack), client, slack) as running:
                asked = slack.mention("노선을 알려 줘")
                await slack.send_event(asked)
                await until(lambda: slack.replies(asked["ts"]))
                client.gate.set()
                await settled(running)
            [reply] = slack.replies(asked["ts"])
            assert "둘째 문장." in said(reply)
            assert buttons(reply)
            assert slack.reactions[CHANNEL, asked["ts"]] == set()
            assert not slack.troubles[method]

    asyncio.run(asyncio.wait_for(run(), 30))


def test_retry_after_holds_back_every_call_of_the_method(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        slack.troubles["chat.postMessage"] = ["429"]
        asked = [slack.mention(f"질문 {n}은 무엇인가?") for n in range(3)]
        await slack.send_event(asked[0])
        [refused] = await until(lambda: slack.made("chat.postMessage"))
        await asyncio.gather(*(slack.send_event(event) for event in asked[1:]))
        await settled(running)
        later = slack.made("chat.postMessage")[1:]
        assert len(later) == 3
        assert all(call.at - refused.at >= 1.0 for call in later)

    play(settings, scenario)


def test_what_is_outdated_when_slack_lets_it_through_is_never_sent(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        slack.troubles["chat.update"] = ["429"]
        asked = slack.mention("노선을 알려 줘")
        await slack.send_event(asked)
        await until(lambda: slack.replies(asked["ts"]))
        client.gate.set()
        await settled(running)
        refused, update = slack.made("chat.update")
        assert "다섯째" in said({"blocks": update.arguments["blocks"]})
        assert update.at - refused.at >= 1.0

    play(settings, scenario, "첫째.", "둘째.", "셋째.", "넷째.", "다섯째.")


def test_a_channel_that_the_bot_can_not_write_to_is_no_trouble_for_others(
    settings: MakeSettings,
) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("트램은?")
        await slack.send_event(asked | {"channel": "C0GONE", "ts": "1.000001"})
        await slack.send_event(asked)
        await settled(running)
        assert len(slack.replies(asked["ts"])) == 1

    play(settings, scenario)


def test_an_answer_that_slack_refuses_is_regretted(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        slack.troubles["chat.postMessage"] = ["missing_scope"]
        asked = slack.mention("트램은?")
        await slack.send_event(asked)
        await settled(running)
        [told] = slack.whispers
        assert (told["user"], told["text"]) == ("U0ANNA", phrases.UNEXPECTED)
        assert slack.reactions[CHANNEL, asked["ts"]] == set()

    play(settings, scenario)


def test_an_answer_that_waits_for_slack_leaves_room_for_others(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        slack.troubles["chat.postMessage"] = ["hang"]
        await slack.send_event(slack.mention("트램은?"))
        other = slack.mention("도서관은?")
        await slack.send_event(other)
        await until(lambda: slack.replies(other["ts"]))

    play(settings, scenario, slack_max_concurrent=1)


# -- trouble with the answer --------------------------------------------------------------------


def test_trouble_is_one_plain_sentence(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        for failure, told in (
            (NoAnswer("답변 모델이 거절했습니다."), "답변 모델이 거절했습니다."),
            (KeyError("xoxb-secret"), phrases.UNEXPECTED),
        ):
            client.failures = [failure]
            asked = slack.mention("트램은?")
            reply = await answered(slack, running, asked)
            assert said(reply) == told
            assert slack.reactions[CHANNEL, asked["ts"]] == set()

    play(settings, scenario)


def test_an_overloaded_service_is_asked_again(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.failures = [NoAnswer("붐빕니다.", retry_after_s=0.01)] * 2
        asked = slack.mention("트램은?")
        reply = await answered(slack, running, asked)
        assert "4,820억" in said(reply)

    play(settings, scenario)


def test_a_slow_model_is_given_up_and_what_it_wrote_stays(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        asked = slack.mention("노선을 알려 줘")
        reply = await answered(slack, running, asked)
        assert "첫 문장." in said(reply)
        assert phrases.TOO_SLOW in said(reply)
        assert client.cancelled == 1

    play(settings, scenario, "첫 문장.", "둘째 문장.", slack_answer_timeout_s=0.3)


@pytest.mark.parametrize(
    ("text", "told"), [("가" * 1_001, "질문이 너무 깁니다"), ("트램\x07은?", "제어 문자")]
)
def test_a_question_that_can_not_be_is_explained(
    settings: MakeSettings, text: str, told: str
) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention(text)
        reply = await answered(slack, running, asked)
        assert told in said(reply)

    play(settings, scenario)


# -- threads ------------------------------------------------------------------------------------


def test_the_whole_thread_is_the_conversation(settings: MakeSettings) -> None:
    sentences = [f"{n}째 문장은 {'가' * 180}." for n in range(80)]

    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        root = slack.mention("노선을 알려 줘")
        await slack.send_event(root)
        await settled(running)
        assert len(slack.replies(root["ts"])) > 1  # one answer in several messages
        slack.say("안녕하세요", thread=root["ts"])
        other = slack.say("다른 봇의 말", thread=root["ts"])
        slack.messages[CHANNEL][other["ts"]]["bot_id"] = "B0OTHER"
        slack.say(f"<@{BOT}> &lt;b&gt; <https://x.example|링크>는?", thread=root["ts"])
        await slack.send_event(slack.mention("그럼 인원은?", thread=root["ts"]))
        slack.say("나중에 한 말", thread=root["ts"])
        await settled(running)
        turns = [(turn.role, turn.content) for turn in client.questions[1].conversation]
        whole = " ".join(f"{sentence}[1]" for sentence in sentences)
        assert turns == [
            ("user", "노선을 알려 줘"),
            ("assistant", whole),
            ("user", "<b> 링크는?"),
        ]

    play(settings, scenario, *sentences)


def test_a_thread_of_250_messages_is_read_to_its_end(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        root = slack.say("처음 말")
        for n in range(250):
            slack.say(f"{n}째 말", thread=root["ts"])
        await slack.send_event(slack.mention("요약해 줘", thread=root["ts"]))
        await settled(running)
        assert len(slack.made("conversations.replies")) == 2
        turns = client.questions[0].conversation
        assert [turn.content for turn in turns] == [f"{n}째 말" for n in range(200, 250)]

    play(settings, scenario)


def test_a_follow_up_is_not_guessed_at_if_the_thread_can_not_be_read(
    settings: MakeSettings,
) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        slack.troubles["conversations.replies"] = ["missing_scope"]
        root = slack.say("트램 총사업비가 올랐대요")
        await slack.send_event(slack.mention("얼마로?", thread=root["ts"]))
        await settled(running)
        [reply] = slack.replies(root["ts"])
        assert said(reply) == phrases.UNREADABLE
        assert not client.questions

    play(settings, scenario)


def test_answers_are_recovered_from_the_thread_if_the_state_is_lost(
    settings: MakeSettings, tmp_path: Path
) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            client = ScriptedClient()
            async with at_work(settings(slack), client, slack) as running:
                root = slack.mention("총사업비는?")
                await slack.send_event(root)
                await settled(running)
            for file in tmp_path.glob("slack.sqlite*"):
                file.unlink()
            async with at_work(settings(slack), client, slack) as running:
                await slack.send_event(slack.mention("그럼 인원은?", thread=root["ts"]))
                await settled(running)
        assert [turn.content for turn in client.questions[1].conversation] == [
            "총사업비는?",
            "총사업비는 4,820억 원입니다.[1]",
        ]

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_thread_is_followed_only_when_asked_and_until_told_to_stop(
    settings: MakeSettings,
) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        async def says(text: str, *, mention: bool = False) -> None:
            say = slack.mention if mention else slack.say
            event = say(text, thread=root["ts"])
            await slack.send_event(event)
            await settled(running)

        root = slack.mention("총사업비는?")
        await slack.send_event(root)
        await settled(running)
        await says("그럼 인원은?")
        assert len(client.questions) == 1
        await says("계속", mention=True)
        assert slack.whispers[-1]["text"] == phrases.FOLLOWING
        await says("그럼 인원은?")
        assert len(client.questions) == 2
        await says("<@U0BORA> 어떻게 생각해?")
        for remark in ("네 알겠습니다", "ㅇㅋ", "굿굿", "오 좋네요", "제가 확인할게요"):
            await says(remark)
        assert len(client.questions) == 2
        last = slack.replies(root["ts"])[-1]
        await says("오 좋네요", mention=True)
        assert len(client.questions) == 3
        assert blocks.FOLLOW not in {b["action_id"] for b in buttons(last)}
        await says("그만")
        assert said(slack.replies(root["ts"])[-1]) == phrases.NOT_FOLLOWING
        await says("그럼 위치는?")
        assert len(client.questions) == 3

    play(settings, scenario)


@pytest.mark.parametrize("begun", [True, False])
def test_stop_ends_an_answer_under_way(settings: MakeSettings, begun: bool) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        client.failures = [] if begun else [NoAnswer("붐빕니다.", retry_after_s=60)]
        asked = slack.mention("노선을 알려 줘")
        await slack.send_event(asked)
        await client.started.wait()
        if begun:
            await until(lambda: slack.replies(asked["ts"]))
        await slack.send_event(slack.mention("그만", thread=asked["ts"]))
        await settled(running)
        assert slack.reactions[CHANNEL, asked["ts"]] == set()
        texts = [said(reply) for reply in slack.replies(asked["ts"])]
        assert len(texts) == 1 + begun
        assert phrases.NOT_FOLLOWING in texts
        assert any(phrases.STOPPED in text and "첫 문장." in text for text in texts) == begun
        await asyncio.sleep(answering.LEASE_S)  # the upkeep doesn't take it up again
        await settled(running)
        assert len(client.questions) == 1

    play(settings, scenario, "첫 문장.", "둘째 문장.")


def test_stop_reaches_an_answer_in_another_process(settings: MakeSettings) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            client, of = ScriptedClient("첫 문장.", "둘째 문장."), settings(slack)
            client.gate.clear()
            async with at_work(of, client, slack) as one, at_work(of, client, slack) as other:
                asked = slack.mention("노선을 알려 줘")
                await slack.send_event(asked)
                await until(lambda: slack.replies(asked["ts"]))
                slack.sockets.reverse()
                await slack.send_event(slack.mention("그만", thread=asked["ts"]))
                await settled(other)
                await settled(one)
            assert phrases.STOPPED in said(slack.replies(asked["ts"])[0])

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_deleted_question_is_not_answered(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        asked = slack.mention("노선을 알려 줘")
        await slack.send_event(asked)
        await client.started.wait()
        deleted = {"type": "message", "subtype": "message_deleted", "channel": CHANNEL}
        await slack.send_event(deleted | {"deleted_ts": asked["ts"], "ts": slack.now()})
        await settled(running)
        assert not slack.replies(asked["ts"])

    play(settings, scenario)


def test_a_question_deleted_elsewhere_is_not_answered(settings: MakeSettings) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            client, of = ScriptedClient(), settings(slack)
            client.gate.clear()
            async with at_work(of, client, slack) as one, at_work(of, client, slack):
                asked = slack.mention("노선을 알려 줘")
                await slack.send_event(asked)
                await client.started.wait()
                slack.sockets.reverse()
                deleted = {"type": "message", "subtype": "message_deleted", "channel": CHANNEL}
                await slack.send_event(deleted | {"deleted_ts": asked["ts"], "ts": slack.now()})
                await settled(one)
            assert not slack.replies(asked["ts"])
            assert client.cancelled == 1

    asyncio.run(asyncio.wait_for(run(), 30))


# -- commands, buttons, forms -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["/기사", "/gisa"])
def test_a_command_is_announced_and_answered_in_a_thread(settings: MakeSettings, name: str) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        given = slack.command(name, "트램 <총사업비>는?")
        acknowledged = await slack.send("slash_commands", given)
        assert "payload" not in acknowledged
        await slack.send("slash_commands", given)
        await settled(running)
        [root] = [m for m in slack.messages[CHANNEL].values() if "thread_ts" not in m]
        assert "<@U0ANNA> 님의 질문: 트램 총사업비는?" in said(root)
        assert len(slack.replies(root["ts"])) == 1
        await slack.send_event(slack.mention("그럼 인원은?", thread=root["ts"]))
        await settled(running)
        assert [turn.role for turn in client.questions[1].conversation] == ["user", "assistant"]

    play(settings, scenario)


def test_a_command_without_a_question_explains_the_bot(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        acknowledged = await slack.send("slash_commands", slack.command("/gisa", " "))
        assert acknowledged["payload"]["text"] == blocks.HELP
        acknowledged = await slack.send("slash_commands", slack.command("/gisa", "그만"))
        assert acknowledged["payload"]["text"] == phrases.IDLE
        asked = slack.mention("도움말")
        await slack.send_event(asked)
        await settled(running)
        assert said(slack.replies(asked["ts"])[0]) == blocks.HELP

    play(settings, scenario)


@pytest.mark.parametrize(
    ("order", "shown"),
    [
        ("출처 모아줘", "“총사업비는 4,820억 원으로”\n— 기사 1, 해담일보"),
        ("출처를 BibTeX로 모아 주세요", "@article{news20250514-1,"),
        ("이 스레드의 인용 모두 마크다운으로 정리해 줘", "> “총사업비는 4,820억 원으로”"),
    ],
)
def test_the_citations_of_a_thread_are_collected_once_each(
    settings: MakeSettings, order: str, shown: str
) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("트램 총사업비는?")
        await answered(slack, running, asked)
        await slack.send_event(slack.mention("언제 짓나?", thread=asked["ts"]))
        await settled(running)
        ordered = slack.mention(order, thread=asked["ts"])
        for _ in range(2):  # Slack repeats deliveries
            await slack.send_event(ordered)
        await settled(running)
        *_, collected = slack.replies(asked["ts"])
        assert said(collected).startswith(phrases.COLLECTED)
        assert said(collected).count(shown) == 1
        assert len(client.questions) == 2
        assert len(slack.replies(asked["ts"])) == 3

    play(settings, scenario)


def test_where_nothing_was_cited_nothing_is_collected(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.status = "related"
        asked = slack.mention("트램 총사업비는?")
        await answered(slack, running, asked)
        await slack.send_event(slack.mention("출처 모아줘", thread=asked["ts"]))
        await settled(running)
        assert said(slack.replies(asked["ts"])[-1]) == phrases.NOTHING_TO_COLLECT

    play(settings, scenario)


@pytest.mark.parametrize(
    "question", ["예산 출처는 어디인가?", "인용한 기사를 모아 책을 낸 사람은?"]
)
def test_a_question_about_sources_is_no_order(question: str) -> None:
    assert not phrases.is_order(question)


def test_a_command_where_the_bot_is_no_member_says_so_to_its_user(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        await slack.send("slash_commands", slack.command("/gisa", "트램은?", channel="C0GONE"))
        await settled(running)
        [told] = slack.responses
        assert told == {"text": phrases.NOT_INVITED, "response_type": "ephemeral"}

    play(settings, scenario)


def test_each_users_last_vote_counts(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("총사업비는?")
        await slack.send_event(asked)
        await settled(running)

        async def votes(user: str, action: str) -> list[str]:
            [reply] = slack.replies(asked["ts"])
            await slack.send("interactive", slack.press(reply, action, user=user))
            await settled(running)
            [reply] = slack.replies(asked["ts"])
            return [b["text"]["text"] for b in buttons(reply)][:2]

        assert await votes("U0ANNA", blocks.UP) == ["👍 1", "👎"]
        assert await votes("U0ANNA", blocks.UP) == ["👍 1", "👎"]
        assert await votes("U0BORA", blocks.DOWN) == ["👍 1", "👎 1"]
        assert await votes("U0CHOI", blocks.UP) == ["👍 2", "👎 1"]
        assert await votes("U0ANNA", blocks.DOWN) == ["👍 1", "👎 2"]
        assert [rating for _, rating in client.ratings] == ["up", "up", "down", "up", "down"]

    play(settings, scenario)


def test_a_vote_is_shown_although_a_longer_draft_is_gone(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("총사업비는?")
        reply = await answered(slack, running, asked)
        key = (await running.memory.kept("answer-1")).key  # type: ignore[union-attr]
        await running.memory.posted(key, 1, CHANNEL, "1.000001")
        await slack.send("interactive", slack.press(reply, blocks.UP))
        await settled(running)
        [reply] = slack.replies(asked["ts"])
        assert buttons(reply)[0]["text"]["text"] == "👍 1"

    play(settings, scenario)


def test_evidence_shows_quotes_in_place(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("총사업비는?")
        reply = await answered(slack, running, asked)
        await slack.send("interactive", slack.press(reply, blocks.EVIDENCE))
        await settled(running)
        [view] = slack.views
        [quotation] = [b for b in view["blocks"] if b["type"] == "rich_text"]
        assert quotation["elements"][0]["elements"] == [
            {"type": "text", "text": "총사업비는 4,820억 원으로", "style": {"bold": True}},
            {"type": "text", "text": " 국비와 도비로 나눈다."},
        ]

    play(settings, scenario)


def test_a_question_can_be_put_in_other_words(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("총사업비는?")
        reply = await answered(slack, running, asked)
        await slack.send("interactive", slack.press(reply, blocks.REWRITE))
        await settled(running)
        [view] = slack.views
        assert view["blocks"][0]["element"]["initial_value"] == "총사업비는?"
        refused = await slack.send("interactive", slack.submit(view, " "))
        assert refused["payload"]["response_action"] == "errors"
        submission = slack.submit(view, "트램 2호선 총사업비는?", user="U0BORA")
        for _ in range(3):
            await slack.send("interactive", submission)
        await settled(running)
        _, announced, answer = slack.replies(asked["ts"])
        assert said(announced) == "<@U0BORA> 님의 질문: 트램 2호선 총사업비는?"
        assert "4,820억" in said(answer)
        assert client.questions[1].question == "트램 2호선 총사업비는?"

    play(settings, scenario)


def test_the_button_opts_a_thread_in(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        asked = slack.mention("총사업비는?")
        reply = await answered(slack, running, asked)
        await slack.send("interactive", slack.press(reply, blocks.FOLLOW))
        await settled(running)
        await slack.send_event(slack.say("그럼 인원은?", thread=asked["ts"]))
        await settled(running)
        assert len(client.questions) == 2

    play(settings, scenario)


# -- who may ask, and how much ------------------------------------------------------------------


def test_channels_have_rules(settings: MakeSettings, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[default]\nallowed = false\n[channels.C0NEWS]\nmention_only = true\nsection = ["경제"]\n'
        "[direct]\n",
        "utf-8",
    )

    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        slack.messages["C0OTHER"] = {}
        elsewhere = slack.mention("트램은?", channel="C0OTHER")
        await slack.send_event(elsewhere)
        refused = await slack.send(
            "slash_commands", slack.command("/gisa", "트램은?", channel="C0OTHER")
        )
        await settled(running)
        assert slack.whispers[0]["text"] == phrases.NOT_HERE
        assert refused["payload"]["text"] == phrases.NOT_HERE
        assert not client.questions
        asked = slack.mention("트램은?")
        await slack.send_event(asked)
        await settled(running)
        assert client.questions[0].filters.section == ("경제",)
        assert blocks.FOLLOW not in {b["action_id"] for b in buttons(slack.replies(asked["ts"])[0])}
        await slack.send_event(slack.mention("계속", thread=asked["ts"]))
        await settled(running)
        assert slack.whispers[-1]["text"] == phrases.MENTION_ONLY

    play(settings, scenario, slack_rules=rules)


def test_a_user_who_asks_too_often_is_told_alone(settings: MakeSettings) -> None:
    async def run() -> None:
        async with fake_slack.fake_slack() as slack:
            client = ScriptedClient()
            of = settings(slack).model_copy(update={"slack_rate_limit_per_minute": 2})
            async with at_work(of, client, slack) as running:
                for n in range(3):
                    await slack.send_event(slack.mention(f"질문 {n}은?"))
                await slack.send_event(slack.mention("내 질문은?", user="U0BORA"))
                await settled(running)
            assert len(client.questions) == 3
            [told] = slack.whispers
            assert told["user"] == "U0ANNA"
            assert "너무 잦습니다" in told["text"]

    asyncio.run(asyncio.wait_for(run(), 30))


def test_only_people_of_allowed_workspaces_are_answered(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        await slack.send_event(slack.mention("트램은?") | {"user_team": "T0GUEST"})
        foreign = slack.command("/gisa", "트램은?") | {"team_id": "T0GUEST"}
        await slack.send("slash_commands", foreign)
        await settled(running)
        assert not client.questions
        await slack.send_event(slack.mention("트램은?"))
        await settled(running)
        assert len(client.questions) == 1

    play(settings, scenario, slack_workspaces=f"{fake_slack.TEAM} T0ELSE")


def test_users_do_not_wait_for_one_another(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        first = slack.mention("노선을 알려 줘")
        second = slack.mention("노선을 알려 줘", user="U0BORA")
        await asyncio.gather(slack.send_event(first), slack.send_event(second))
        await until(lambda: slack.replies(first["ts"]) and slack.replies(second["ts"]))
        client.gate.set()
        await settled(running)
        assert len(slack.replies(first["ts"])) == len(slack.replies(second["ts"])) == 1

    play(settings, scenario, "첫 문장.", "둘째 문장.")


def test_acknowledgements_come_while_every_worker_is_busy(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        client.gate.clear()
        stuck = threading.Event()
        loop = asyncio.get_running_loop()
        workers = [loop.run_in_executor(None, stuck.wait) for _ in range(64)]
        asked = [slack.mention(f"질문 {n}은?") for n in range(20)]
        acknowledgements = [slack.send_event(event) for event in asked]
        await asyncio.wait_for(asyncio.gather(*acknowledgements), 3)
        assert len(client.questions) <= 2  # of slack_max_concurrent; nothing is done yet
        assert not any(worker.done() for worker in workers)
        stuck.set()
        await asyncio.gather(*workers)
        client.gate.set()
        await until(lambda: all(slack.replies(event["ts"]) for event in asked))
        await settled(running)

    play(settings, scenario, slack_max_concurrent=2)


def test_nobody_else_can_read_the_state(settings: MakeSettings, tmp_path: Path) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        await answered(slack, running, slack.mention("총사업비는?"))
        files = list(tmp_path.glob("slack.sqlite*"))
        assert len(files) == 3  # the write-ahead log holds questions too
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}

    play(settings, scenario)


def test_nothing_is_acknowledged_that_can_not_be_remembered(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        await running.memory._do(running.memory._write, text("DROP TABLE requests"))
        acknowledgement = slack.send_event(slack.mention("트램은?"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(acknowledgement), 0.3)
        await settled(running)
        assert not slack.made("chat.postMessage")

    play(settings, scenario)


def test_the_link_is_made_anew_when_slack_closes_it(settings: MakeSettings) -> None:
    async def scenario(slack: FakeSlack, client: ScriptedClient, running: bot.Bot) -> None:
        [before] = slack.sockets
        await before.send_json({"type": "disconnect", "reason": "refresh_requested"})
        await until(lambda: slack.sockets and slack.sockets[-1] is not before)
        asked = slack.mention("트램은?")
        await slack.send_event(asked)
        await settled(running)
        assert len(slack.replies(asked["ts"])) == 1

    play(settings, scenario)
