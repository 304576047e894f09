"""The question page in a real browser: asking, what goes wrong, what can be done with an answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from live_server import open_answerer, serving
from page_browser import NEAR, QUESTION, ask, asked, complaints, opened
from small_index import ARTICLES

from service import create_app
from service.serving.feedback import FeedbackStore
from service.serving.keys import new_key
from service.settings import load_settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route


def test_time_and_names_understood_are_told(page: Page) -> None:
    asked(page, "2025년 5월 해담일보 기사에서 트램 총사업비는?")
    chips = page.locator("[data-part=understood] li").all_inner_texts()
    assert chips == [
        "‘2025년 5월’ → 2025년 5월 1일부터 31일까지 · 이 안에서 찾았습니다",
        "해담일보 · 이 안에서 찾았습니다",
    ]
    asked(page, "2025년 5월에 해담일보에서 본 트램 1호선의 총사업비는?")
    chips = page.locator("[data-part=understood] li").all_inner_texts()
    assert chips == [
        "‘2025년 5월’ → 2025년 5월 1일부터 31일까지 · 우선해 찾았습니다",
        "해담일보 · 우선해 찾았습니다",
    ]


def test_conditions_narrow_the_answer(page: Page) -> None:
    page.click("#conditions summary")
    page.select_option("[name=press]", "동람경제")
    asked(page)
    assert page.inner_text("#conditions summary") == "조건 1개"
    assert "해담일보 ·" not in page.inner_text("[data-part=text]")
    page.click("#clear")
    assert page.input_value("[name=press]") == ""


# -- composing Hangul ------------------------------------------------------------------------------

COMPOSING = """([steps, value]) => {
  const box = document.querySelector("#question");
  const events = {
    start: () => new CompositionEvent("compositionstart"),
    end: () => new CompositionEvent("compositionend"),
    enter: () => enter({ keyCode: 13 }),
    held: () => enter({ keyCode: 13, repeat: true }),
    process: () => enter({ keyCode: 229, isComposing: true, key: "Process" }),
    composing: () => enter({ keyCode: 229, isComposing: true }),
    trailing: () => enter({ keyCode: 229 }),
  };
  const enter = (properties) => new KeyboardEvent(
    "keydown", { key: "Enter", bubbles: true, cancelable: true, ...properties });
  box.focus();
  box.value = value;
  for (const step of steps.split(" ")) box.dispatchEvent(events[step]());
}"""
"""What browsers send while a syllable is composed. ``trailing`` is Safari's: the composition has ended already."""


@pytest.fixture
def sent(page: Page) -> list[str]:
    """The questions that the page sends; none is answered."""
    questions: list[str] = []

    def take(route: Route) -> None:
        questions.append(route.request.post_data_json["question"])

    page.route("**/v1/ask", take)
    return questions


@pytest.mark.parametrize(
    "steps",
    ["start composing", "start process end", "start composing end", "start end trailing"],
    ids=["first", "windows", "chromium", "safari"],
)
def test_enter_that_ends_a_syllable_sends_nothing(page: Page, sent: list[str], steps: str) -> None:
    page.evaluate(COMPOSING, [steps, QUESTION])
    page.wait_for_timeout(100)
    assert sent == []
    assert not page.is_visible(".turn")


@pytest.mark.parametrize(
    "steps",
    [
        "enter",
        "start process end enter",
        "start composing end enter",
        "start composing enter",
        "start end trailing enter",
        "start composing end enter held held",
        "start composing composing end enter enter",
    ],
)
def test_enter_after_the_syllable_sends_the_question_once(
    page: Page, sent: list[str], steps: str
) -> None:
    page.evaluate(COMPOSING, [steps, QUESTION])
    page.wait_for_selector(".turn")
    page.wait_for_timeout(100)
    assert sent == [QUESTION]
    assert page.input_value("#question") == QUESTION


def test_escape_that_gives_up_a_syllable_stops_no_answer(page: Page, sent: list[str]) -> None:
    page.evaluate(COMPOSING, ["enter", QUESTION])
    page.wait_for_selector(".turn")
    escape = """(keyCode) => document.querySelector("#question").dispatchEvent(
      new KeyboardEvent("keydown", { key: "Escape", keyCode, bubbles: true }))"""
    page.evaluate(escape, 229)
    assert page.inner_text("#send") == "멈춤"
    page.evaluate(escape, 27)
    page.wait_for_selector("text=멈추었습니다.")


# -- when things do not go well


def test_an_abstention_shows_what_was_read_and_no_source(page: Page) -> None:
    asked(page, "트램에 없는 것은?")
    assert page.inner_text("[data-part=text]") == "기사에서 찾지 못했습니다."
    assert not page.is_visible(".source")
    page.click("[data-part=looked] summary")
    page.locator("[data-part=looked] .title").first.click()
    page.wait_for_selector("#article-content .paragraph")


def test_a_slow_answer_shows_what_it_has_and_can_be_stopped(page: Page) -> None:
    ask(page, "느린 트램의 총사업비는?")
    page.wait_for_selector(".sentence")
    assert "읽고 있습니다" in page.inner_text("[data-part=status]")
    assert page.inner_text("#send") == "멈춤"
    page.keyboard.press("Escape")
    page.wait_for_selector("text=멈추었습니다.")
    assert page.inner_text("#send") == "묻기"
    assert page.is_visible(".sentence")
    assert page.is_visible("[data-part=again]")


def test_a_broken_answer_keeps_what_was_verified(page: Page) -> None:
    asked(page, "끊긴 트램의 총사업비는?")
    assert page.locator(".sentence").count() == 1
    assert "도중에 끊겨" in page.inner_text("[data-part=remark]")
    assert page.is_visible(".source")


def test_a_broken_line_is_told_and_can_be_tried_again(page: Page) -> None:
    page.route("**/v1/ask", lambda route: route.abort())
    ask(page)
    page.wait_for_selector("text=서버에 연결하지 못했습니다")
    page.unroute("**/v1/ask")
    page.click("[data-part=again]")
    page.wait_for_selector(".source")


# -- what can be done with an answer


def test_a_link_asks_the_question_again(page: Page, served: tuple[str, FeedbackStore]) -> None:
    asked(page)
    page.click("[data-part=link]")
    page.wait_for_selector("text=복사했습니다")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{served[0]}/#q={quote(QUESTION, safe='').replace('%20', '+')}"
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector(".source")
    assert page.input_value("#question") == QUESTION


def test_back_leads_to_the_question_before(page: Page) -> None:
    asked(page)
    asked(page, "도서관은 언제 열었나?")
    page.go_back()
    page.wait_for_selector("[data-part=asked]:has-text('트램')")
    page.wait_for_selector(".source")
    page.click("#home")
    assert not page.is_visible(".turn")


def test_the_copy_has_its_sources(page: Page) -> None:
    asked(page)
    page.click("[data-part=copy]")
    page.wait_for_selector("text=복사했습니다")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(f"{QUESTION}\n\n")
    assert "[1]" in text
    assert page.inner_text(".sentence .words >> nth=0") in text
    assert "#q=" in text


def test_a_rating_reaches_the_store(page: Page, served: tuple[str, FeedbackStore]) -> None:
    asked(page)
    page.click(".rating [value=up]")
    page.wait_for_selector(".rating [aria-pressed=true]")
    page.click(".rating [value=down]")
    page.fill("[data-part=why]", "틀린 숫자")
    page.click("[data-part=comment] button")
    page.wait_for_selector("[data-part=comment]", state="hidden")
    [record] = [one for one in served[1].rated("down") if one["question"] == QUESTION]
    assert record["comment"] == "틀린 숫자"


def test_a_service_with_keys_asks_for_one(browser: Browser, tmp_path: Path) -> None:
    key, entry = new_key("reader", "ask")
    settings = load_settings(
        index=tmp_path / "index",
        feedback=tmp_path / "f.sqlite",
        auth="keys",
        api_keys=entry,
    )
    app = create_app(settings, answerer=open_answerer(settings.index, ARTICLES))
    with serving(app) as address, opened(browser, address) as page:
        ask(page)
        page.wait_for_selector("#key:visible")
        page.fill("#key-value", key)
        page.press("#key-value", "Enter")
        page.wait_for_selector(".source")
        page.reload()
        page.wait_for_selector(".source")


# -- for everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of(
    browser: Browser, served: tuple[str, FeedbackStore], scheme: str
) -> None:
    # axe is put into the page as a script, which its policy rightly forbids.
    with opened(browser, served[0], color_scheme=scheme, bypass_csp=True) as page:

        def check(state: str) -> None:
            assert complaints(page) == [], state

        check("blank")
        page.click("#conditions summary")
        asked(page, "2025년 5월 트램 총사업비는?")
        check("answer")
        page.click(".source .title >> nth=0")
        page.wait_for_selector("#article mark")
        check("article")
        page.keyboard.press("Escape")
        asked(page, "트램에 없는 것은?")
        page.click("[data-part=looked] summary")
        check("abstention")
        asked(page, NEAR)
        check("leads")


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_nothing_sticks_out_sideways(
    browser: Browser, served: tuple[str, FeedbackStore], width: int
) -> None:
    viewport = {"width": width, "height": 800}
    with opened(browser, served[0], viewport=viewport) as page:
        page.click("#conditions summary")
        for question in (QUESTION, NEAR):
            asked(page, question)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
