"""What every database of the stores does: feedback, the bot's memory, shared rate limits. Inherit where there is a fixture ``place``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from small_citation import citation
from sqlalchemy import select

from service.errors import AnswerUnknown, TooManyRequests
from service.schema import Answer, Interpreted, Question, Status
from service.serving import feedback as feedback_module
from service.serving.feedback import Feedback, FeedbackStore
from service.serving.limits import SharedRateLimiter, _callers
from service.slack.memory import LEASE_S, Ask, Memory
from service.storage import Place


def answer(answer_id: str, status: Status = "no_evidence", **fields: Any) -> Answer:
    return Answer(
        id=answer_id,
        question=answer_id,
        status=status,
        text="기사에서 찾지 못했습니다.",
        interpreted=Interpreted(standalone_question=fields.pop("asked", answer_id)),
        backend="stub",
        generation=1,
        timings_ms={},
    ).model_copy(update=fields)


def rating(
    answer_id: str, which: feedback_module.Rating = "up", comment: str | None = None
) -> Feedback:
    return Feedback(answer_id=answer_id, rating=which, comment=comment)


def ask(key: str = "message 1", **fields: Any) -> Ask:
    return Ask(
        **{"key": key, "team": "T", "channel": "C", "user": "U", "text": "?", "at": 1.0}
        | {"ts": key, "thread": "1"}
        | fields
    )


class FeedbackStoreContract:
    @pytest.fixture
    def make_store(self, place: Place) -> Iterator[Callable[..., FeedbackStore]]:
        stores = []

        def make(*, keep_hours: int = 24, desk_days: int = 7) -> FeedbackStore:
            stores.append(FeedbackStore(place, keep_hours=keep_hours, desk_days=desk_days))
            return stores[-1]

        yield make
        for store in stores:
            store.close()

    def test_what_one_service_wrote_another_can_rate(
        self, make_store: Callable[..., FeedbackStore]
    ) -> None:
        one, other = make_store(), make_store()
        one.remember(Question(question="처음 질문"), answer("a1"))
        one.flush()
        other.rate(rating("a1", "down", "틀림 ‘★’ \U0001f600"))
        other.rate(rating("a1", "up", "맞음"))
        assert list(one.rated("down")) == []
        [record] = one.rated("up")
        assert (record["id"], record["comment"]) == ("a1", "맞음")

    def test_what_is_unknown_is_told(self, make_store: Callable[..., FeedbackStore]) -> None:
        with pytest.raises(AnswerUnknown):
            make_store().rate(rating("a1"))
        with pytest.raises(AnswerUnknown):
            make_store().rate(rating("nul \0 in it"))

    def test_a_comment_may_have_any_characters(
        self, make_store: Callable[..., FeedbackStore]
    ) -> None:
        store = make_store()
        store.remember(Question(question="?"), answer("a1"))
        store.rate(rating("a1", "up", "앞\0뒤 ';-- %s :x"))
        [record] = store.rated("up")
        assert record["comment"] == "앞뒤 ';-- %s :x"

    def test_only_rated_answers_stay(
        self, make_store: Callable[..., FeedbackStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = make_store()
        for name in ("a1", "a2"):
            store.remember(Question(question="?"), answer(name))
        store.rate(rating("a1"))
        later = time.time() + 25 * 3_600
        monkeypatch.setattr(feedback_module.time, "time", lambda: later)
        store.remember(Question(question="?"), answer("a3"))
        store.flush()
        with pytest.raises(AnswerUnknown):
            store.rate(rating("a2"))
        assert [record["id"] for record in store.rated("up")] == ["a1"]

    def test_questions_without_an_answer_add_up_over_services_and_days(
        self, make_store: Callable[..., FeedbackStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = make_store(), make_store()
        for store, leads in ((one, ()), (other, ())):
            store.remember(Question(question="?"), answer("달 기지?", citations=leads))
            store.remember(Question(question="?"), answer("새 다리?", "related"))
            store.flush()
        later = time.time() + 86_400
        monkeypatch.setattr(feedback_module.time, "time", lambda: later)
        one.remember(Question(question="?"), answer("달 기지?", citations=(citation(),)))
        missed = {m.question: m for m in other_after(one, other).missed(7)}
        assert (missed["달 기지?"].times, missed["새 다리?"].times) == (3, 2)
        assert missed["달 기지?"].citations == (citation(),)  # those of the last day
        assert missed["새 다리?"].status == "related"

    def test_the_oldest_go_first(
        self, make_store: Callable[..., FeedbackStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feedback_module, "MAX_UNANSWERED", 3)
        store = make_store()
        for name in "라가다나":
            store.remember(Question(question="?"), answer(name))
        assert [m.question for m in store.missed(7)] == ["가", "나", "다"]

    def test_the_longest_questions_can_be_kept(
        self, make_store: Callable[..., FeedbackStore]
    ) -> None:
        store = make_store()
        longest = "".join(chr(0xAC00 + n * 7 % 11_172) for n in range(1_000))
        store.remember(Question(question="?"), answer("a1", asked=longest))
        [one] = store.missed(1)
        assert longest.startswith(one.question)
        assert len(one.question) == 800

    def test_many_services_write_at_once(self, make_store: Callable[..., FeedbackStore]) -> None:
        def write(number: int) -> None:
            store = make_store()
            for n in range(20):
                store.remember(Question(question="?"), answer(f"a{number}-{n}", asked=f"질문 {n}"))
                store.flush()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        missed = make_store().missed(1)
        assert [m.times for m in missed] == [4] * 20


def other_after(one: FeedbackStore, other: FeedbackStore) -> FeedbackStore:
    one.flush()
    return other


class MemoryContract:
    @pytest.fixture
    def play(self, place: Place) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], None]:
        """Runs a story with two bots that share the place and a clock in a list."""

        def run(story: Callable[..., Coroutine[Any, Any, None]]) -> None:
            async def told() -> None:
                clock = [1_000.0]
                bots = [Memory(place, owner=name, clock=lambda: clock[0]) for name in ("1", "2")]
                for each in bots:
                    await each.open()
                try:
                    await story(*bots, clock)
                finally:
                    for each in bots:
                        await each.close()

            asyncio.run(asyncio.wait_for(told(), 60))

        return run

    def test_two_bots_claim_once(self, play: Callable[..., None]) -> None:
        async def story(one: Memory, two: Memory, clock: list[float]) -> None:
            for n in range(20):
                claims = (bot.claim(ask(f"m{n}")) for bot in (one, two) * 5)
                assert sum(await asyncio.gather(*claims)) == 1

        play(story)

    def test_a_lease_holds_and_ends(self, play: Callable[..., None]) -> None:
        async def story(one: Memory, two: Memory, clock: list[float]) -> None:
            assert await one.claim(ask())
            clock[0] += LEASE_S * 0.9
            assert await one.renew() == {"message 1"}
            clock[0] += LEASE_S * 0.9
            assert await two.take_over() == []
            clock[0] += LEASE_S
            assert await two.take_over() == [(ask(), True)]
            assert [await one.owns("message 1"), await two.owns("message 1")] == [False, True]
            assert await one.renew() == set()
            for wanted in (True, False):
                clock[0] += LEASE_S * 2
                assert await two.take_over() == [(ask(), wanted)]
            await two.finish("message 1")
            assert await two.is_done("message 1")
            assert not await one.claim(ask())

        play(story)

    def test_an_abandoned_request_has_one_heir(self, play: Callable[..., None]) -> None:
        async def story(one: Memory, two: Memory, clock: list[float]) -> None:
            keys = {f"m{n}" for n in range(20)}
            for key in keys:
                await one.claim(ask(key))
            clock[0] += LEASE_S * 2
            takes = await asyncio.gather(*(bot.take_over() for bot in (one, two) * 4))
            taken = [taken.key for take in takes for taken, _ in take]
            assert sorted(taken) == sorted(keys)

        play(story)

    def test_a_request_let_go_or_left_at_the_end_is_taken_over(
        self, play: Callable[..., None]
    ) -> None:
        async def story(one: Memory, two: Memory, clock: list[float]) -> None:
            await one.claim(ask("m1"))
            await one.amend(ask("m1", thread="new"))
            await one.let_go("m1")
            assert not await one.owns("m1")
            clock[0] += LEASE_S * 2
            assert await two.take_over() == [(ask("m1", thread="new"), True)]
            await one.claim(ask("m2"))
            await one._do(one._release)
            assert await two.take_over() == [(ask("m2"), True)]

        play(story)

    def test_who_stops_stops_what_is_meant(self, play: Callable[..., None]) -> None:
        async def story(one: Memory, two: Memory, clock: list[float]) -> None:
            for key, fields in {
                "mine": {},
                "theirs": {"user": "V"},
                "elsewhere": {"channel": "D"},
                "in another thread": {"thread": "2"},
                "without a thread": {"thread": None},
            }.items():
                await one.claim(ask(key, **fields))
            assert await two.stop("C", thread="1", user="U", but=["x"]) == 1
            assert await two.is_done("mine")
            assert await two.stop("C", thread="1") == 1
            assert await two.stop("C", user="U", but=["without a thread"]) == 1
            assert await two.stop("C") == 1
            assert await one.renew() == {"elsewhere"}

        play(story)

    def test_a_signature_is_new_once(self, play: Callable[..., None]) -> None:
        async def story(one: Memory, two: Memory, clock: list[float]) -> None:
            checks = (bot.is_new_signature("v0=1", 600) for bot in (one, two))
            assert sum(await asyncio.gather(*checks)) == 1
            clock[0] += 601
            assert await one.is_new_signature("v0=1", 600)

        play(story)

    def test_messages_answers_votes_and_threads(self, play: Callable[..., None]) -> None:
        async def story(one: Memory, two: Memory, clock: list[float]) -> None:
            question = Question(question="총사업비는?")
            for part, ts in ((-1, "0.5"), (0, "1.0"), (1, "2.0")):
                await one.posted("m1", part, "C", ts)
            await one.posted("m1", 0, "C", "1.0")
            await one.keep("m1", question, answer("first"))
            await two.keep("m1", question, answer("second"))
            assert await one.kept("first") is None
            kept = await one.kept("second")
            assert kept is not None
            assert (kept.key, kept.question) == ("m1", question)
            assert await two.posts("m1") == {-1: "0.5", 0: "1.0", 1: "2.0"}
            turns = await two.turns("C", ["0.5", "1.0", "2.0", "9.0"])
            assert {ts: turn and turn.role for ts, turn in turns.items()} == {
                "0.5": "user",
                "1.0": "assistant",
                "2.0": None,
            }
            assert [a.id for a in await two.answers("C", ["1.0", "2.0"])] == ["second"]
            assert await two.turns("C", []) == {}
            await one.vote("second", "U", "down")
            await one.vote("second", "U", "up")
            tally = await two.vote("second", "V", "down")
            assert (tally.up, tally.down) == (1, 1)
            await one.follow("C", "1")
            await two.follow("C", "1")
            assert await two.follows("C", "1")
            assert [await one.unfollow("C", "1"), await two.unfollow("C", "1")] == [True, False]
            clock[0] += 91 * 86_400
            await two.tidy()
            assert await one.kept("second") is None
            assert await one.posts("m1") == {}

        play(story)

    def test_the_clock_is_that_of_the_database(self, place: Place) -> None:
        async def story() -> None:
            bots = [Memory(place, owner=name) for name in ("1", "2")]
            for each in bots:
                await each.open()
            assert await bots[0].claim(ask())
            assert await bots[1].take_over() == []
            assert await bots[0].renew() == {"message 1"}
            await bots[0].close()  # ends its leases
            assert await bots[1].take_over() == [(ask(), True)]
            await bots[1].close()

        asyncio.run(asyncio.wait_for(story(), 60))


class SharedRateLimiterContract:
    def test_processes_count_together(self, place: Place) -> None:
        async def story() -> None:
            with (
                closing(SharedRateLimiter("api", 10, place)) as one,
                closing(SharedRateLimiter("api", 10, place)) as two,
                closing(SharedRateLimiter("slack", 10, place)) as another,
            ):
                asked = (limiter.admit("reader") for limiter in (one, two) * 10)
                told = await asyncio.gather(*asked, return_exceptions=True)
                refused = [error for error in told if isinstance(error, TooManyRequests)]
                # Ten at once; a slow machine may have earned one more meanwhile.
                assert 8 <= len(refused) <= 10
                assert len(refused) + told.count(None) == 20
                assert all(0 < error.retry_after_s <= 60 for error in refused)
                await one.admit("somebody else")
                await another.admit("reader")

        asyncio.run(story())

    def test_who_has_been_silent_is_forgotten(self, place: Place) -> None:
        async def story() -> None:
            with closing(SharedRateLimiter("api", 100_000, place)) as limiter:
                await limiter.admit("quick")
                await asyncio.sleep(0.01)
                limiter._tidy_at = 0.0
                await limiter.admit("another")
                assert limiter._database is not None
                with limiter._database.transaction() as db:
                    callers = db.execute(select(_callers.c.caller)).scalars().all()
                assert callers == ["api another"]

        asyncio.run(story())
