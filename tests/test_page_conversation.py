"""Going on from an answer on the page: follow-ups, related questions, the course of events."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from page_browser import (
    QUESTION,
    answer,
    ask,
    asked,
    complaints,
    opened,
    whole_answer,
)
from small_citation import citation

from service.events import SentenceEvent
from service.schema import Sentence
from service.serving.feedback import FeedbackStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

LIBRARY_TOO = "도서관은 언제 열었나?"
DONE = "[data-part=actions]:visible"


def follow(page: Page, question: str = LIBRARY_TOO) -> None:
    """Ask after what is there, and wait for the whole answer."""
    before = page.locator(DONE).count()
    page.fill("#follow-up", question)
    page.press("#follow-up", "Enter")
    page.wait_for_selector(f"{DONE} >> nth={before}")


def questions(page: Page) -> list[str]:
    return page.locator("[data-part=asked]").all_inner_texts()


def requests(page: Page) -> list[dict[str, Any]]:
    """What is asked from now on; the service answers it."""
    taken: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        taken.append(route.request.post_data_json)
        route.continue_()

    page.route("**/v1/ask", take)
    return taken


# -- follow-ups -----------------------------------------------------------------------------------


def test_a_follow_up_is_asked_below_with_what_was_said(page: Page) -> None:
    taken = requests(page)
    asked(page)
    first = page.inner_text(".sentence .words >> nth=0")
    follow(page)
    assert questions(page) == [QUESTION, LIBRARY_TOO]
    assert first in page.inner_text(".turn >> nth=0")
    said = taken[1]["conversation"]
    assert [turn["role"] for turn in said] == ["user", "assistant"]
    assert said[0]["content"] == QUESTION
    assert first in said[1]["content"]
    assert page.input_value("#follow-up") == ""
    assert not page.is_visible("[data-part=mode] >> nth=0")  # the second rests on the first
    assert page.is_visible("[data-part=mode] >> nth=1")
    assert page.evaluate("document.activeElement.dataset.part") == "asked"


def test_each_turn_has_its_own_address(page: Page) -> None:
    asked(page)
    follow(page)
    page.click("[data-part=link] >> nth=0")
    page.wait_for_selector("text=복사했습니다")
    assert page.evaluate("navigator.clipboard.readText()").endswith(f"/#q={quote_plus(QUESTION)}")
    page.click("[data-part=link] >> nth=1")
    page.locator("[data-part=done]").nth(1).filter(has_text="복사했습니다").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith(f"#q={quote_plus(QUESTION)}&q={quote_plus(LIBRARY_TOO)}")
    taken = requests(page)
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector(f"{DONE} >> nth=1")
    assert questions(page) == [QUESTION, LIBRARY_TOO]
    assert "conversation" not in taken[0]
    assert taken[1]["conversation"][0]["content"] == QUESTION


def test_back_takes_the_last_turn_away_and_asks_nothing(page: Page) -> None:
    asked(page)
    follow(page)
    taken = requests(page)
    page.go_back()
    page.locator(".turn").nth(1).wait_for(state="detached")
    assert taken == []
    page.go_forward()
    page.wait_for_selector(f"{DONE} >> nth=1")
    assert [request["question"] for request in taken] == [LIBRARY_TOO]


def test_a_long_conversation_keeps_its_last_questions_in_the_address(page: Page) -> None:
    said = Sentence(text="총사업비는 4,820억 원이다.", citations=(1,), support="reworded")
    taken = answer(page, whole_answer((said,), (citation(),)))
    asked(page, "물음 0")
    for number in range(1, 8):
        follow(page, f"물음 {number}")
    assert page.locator(".turn").count() == 8
    kept = re.findall(r"q=[^&]*\+(\d)|q=[^&]*%20(\d)", page.evaluate("location.hash"))
    assert ["".join(pair) for pair in kept] == list("234567")
    assert len(taken[-1]["conversation"]) == 12


def test_a_new_question_starts_over(page: Page) -> None:
    asked(page)
    follow(page)
    page.click("#renew")
    assert page.locator(".turn").count() == 0
    assert page.evaluate("location.hash") == ""
    assert page.input_value("#question") == ""
    assert page.evaluate("document.activeElement.id") == "question"
    taken = requests(page)
    asked(page)
    assert "conversation" not in taken[0]
    follow(page)
    asked(page, LIBRARY_TOO)  # and so does the box above
    assert questions(page) == [LIBRARY_TOO]


def test_what_failed_within_a_conversation_is_asked_again_with_what_follows(page: Page) -> None:
    asked(page)
    follow(page)
    page.route("**/v1/ask", lambda route: route.abort())
    page.reload()
    page.wait_for_selector("text=서버에 연결하지 못했습니다")
    assert questions(page) == [QUESTION]
    page.unroute("**/v1/ask")
    page.click("[data-part=again]")
    page.wait_for_selector(f"{DONE} >> nth=1")
    assert questions(page) == [QUESTION, LIBRARY_TOO]


def test_a_follow_up_can_be_stopped(page: Page) -> None:
    asked(page)
    page.fill("#follow-up", "느린 트램의 총사업비는?")
    page.press("#follow-up", "Enter")
    page.wait_for_selector(".turn:nth-child(2) .sentence")
    assert not page.is_visible("#next")
    page.keyboard.press("Escape")
    page.wait_for_selector("text=멈추었습니다.")
    follow(page)
    assert len(questions(page)) == 3


# -- related questions ----------------------------------------------------------------------------


def test_related_questions_are_asked_by_a_button(page: Page) -> None:
    wanted: list[dict[str, Any]] = []

    def relate(route: Route) -> None:
        wanted.append(route.request.post_data_json)
        near = [{"question": QUESTION}, {"question": LIBRARY_TOO}]
        route.fulfill(json={"questions": near})

    page.route("**/v1/related", relate)
    asked(page)
    page.wait_for_selector("#related:visible")
    assert page.locator("#related li").all_inner_texts() == [LIBRARY_TOO]  # the other was asked
    assert wanted[0]["question"] == QUESTION
    assert "해담일보/haedam/tram-1" in wanted[0]["articles"]
    page.click("#related button")
    page.wait_for_selector(f"{DONE} >> nth=1")
    assert questions(page) == [QUESTION, LIBRARY_TOO]


@pytest.mark.parametrize("reply", [{"status": 404}, {"status": 503, "json": {}}, {"body": "{"}])
def test_without_related_questions_nothing_is_missing(page: Page, reply: dict[str, Any]) -> None:
    page.route("**/v1/related", lambda route: route.fulfill(**reply))
    asked(page)
    page.wait_for_timeout(100)
    assert page.is_visible("#follow-up")
    assert not page.is_visible("#related")


def test_related_questions_that_come_late_are_not_those_of_another_answer(page: Page) -> None:
    held: list[Route] = []
    page.route("**/v1/related", lambda route: held.append(route))
    asked(page)
    page.wait_for_timeout(100)
    follow(page)
    page.wait_for_timeout(100)
    held[0].fulfill(json={"questions": [{"question": "늦은 물음?"}]})
    page.wait_for_timeout(100)
    assert not page.is_visible("#related")


# -- the course of events -------------------------------------------------------------------------

COURSE = (
    ("2025년 5월 14일", "총사업비는 4,820억 원으로", 1),
    ("2026년 3월(예정)", "2026년 3월 착공한다.", 2),
    ("바로잡음", "착공은 9월이다.", 3),
)


def course() -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """An answer that tells a course of events, and what comes before it."""
    cited = tuple(
        citation(number, quote=text, end=len(text), title=f"기사 {number}")
        for _, text, number in COURSE
    )
    said = tuple(Sentence(text=text, citations=(n,), support="quoted") for _, text, n in COURSE)
    told = whole_answer(said, cited)
    for sentence, (label, *_) in zip(told["sentences"], COURSE, strict=True):
        sentence["label"] = label
    told["interpreted"]["mode"] = "timeline"
    events = [
        (
            "sentence",
            {
                "index": n,
                "sentence": told["sentences"][n],
                "citations": [cited[n]],
                "pending": False,
            },
        )
        for n in range(len(said))
    ]
    return told, events


def plain() -> dict[str, Any]:
    """An answer of a service that can tell courses of events."""
    said = Sentence(text="총사업비는 4,820억 원이다.", citations=(1,), support="quoted")
    told = whole_answer((said,), (citation(),))
    told["interpreted"]["mode"] = "answer"
    return told


def test_a_course_of_events_is_told_by_its_dates(page: Page) -> None:
    said = Sentence(text="총사업비는 4,820억 원으로", citations=(1,), support="quoted")
    taken = answer(page, plain(), ("sentence", SentenceEvent(0, said, [citation()])))
    asked(page)
    page.unroute("**/v1/ask")
    taken = answer(page, course()[0], *course()[1])
    page.click("[data-part=mode]:has-text('경과로 보기')")
    page.wait_for_selector(".label")
    page.wait_for_selector(DONE)
    assert taken[0]["mode"] == "timeline"
    assert page.evaluate("location.hash").endswith("&mode=timeline")
    blocks = page.locator(".block").all()
    assert [block.locator(".label").inner_text() for block in blocks] == [c[0] for c in COURSE]
    for block, (_, text, number) in zip(blocks, COURSE, strict=True):
        assert text in block.inner_text()
        assert f"기사 {number}" in block.locator(".source").inner_text()
    page.click("[data-part=copy]")
    page.wait_for_selector("text=복사했습니다")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"- {COURSE[1][0]}: {COURSE[1][1]}[2]\n- 바로잡음: {COURSE[2][1]}[3]\n" in copied
    page.click("[data-part=mode]:has-text('답으로 보기')")
    page.wait_for_url(re.compile("mode=answer$"))
    page.go_back()
    page.wait_for_url(re.compile("mode=timeline$"))


def test_a_service_that_tells_no_course_offers_none(page: Page) -> None:
    said = Sentence(text="총사업비는 4,820억 원으로", citations=(1,), support="quoted")
    whole = whole_answer((said,), (citation(),))
    whole["interpreted"].pop("mode", None)  # one without it
    answer(page, whole, ("sentence", SentenceEvent(0, said, [citation()])))
    asked(page)
    assert not page.is_visible("[data-part=mode]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_nothing_to_complain_of_in_a_conversation(
    browser: Browser, served: tuple[str, FeedbackStore], scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "bypass_csp": True}
    viewport = {"width": width, "height": 800}
    with opened(browser, served[0], viewport=viewport, **options) as page:
        near = json.dumps({"questions": [{"question": LIBRARY_TOO}]})
        page.route("**/v1/related", lambda route: route.fulfill(body=near))
        answer(page, course()[0], *course()[1])
        ask(page)
        page.wait_for_selector("#related:visible")
        page.unroute("**/v1/ask")
        follow(page)
        page.click(".marker >> nth=-1")
        page.wait_for_selector("#article mark")
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
