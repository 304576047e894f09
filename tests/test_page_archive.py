"""The page before a question: what the archive holds, what narrows a question, examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from page_browser import QUESTION, asked, complaints, opened

from service.serving.feedback import FeedbackStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

MONTHS = [
    {"from": "2025-05-01", "to": "2025-05-31", "articles": 1},
    {"from": "2025-06-01", "to": "2025-06-30", "articles": 0},
    {"from": "2025-07-01", "to": "2025-07-31", "articles": 1_204},
    {"from": "2025-08-01", "to": "2025-08-31", "articles": 3},
]
HELD: dict[str, Any] = {
    "articles": 1_208,
    "published_from": "2025-05-14",
    "published_to": "2025-08-09",
    "presses": [{"name": "해담일보", "articles": 1_200}, {"name": "동람경제", "articles": 8}],
    "sections": [{"name": "경제", "articles": 9}, {"name": "경제>반도체", "articles": 2}],
    "days": {"unit": "month", "buckets": MONTHS},
}
EXAMPLES = {"examples": [{"question": QUESTION}, {"question": "도서관은 언제 열었나?"}]}


def holding(page: Page, archive: dict[str, Any] | None = None) -> list[str]:
    """The page of an archive that holds this; the addresses by which it was asked for."""
    wanted: list[str] = []

    def tell(route: Route) -> None:
        wanted.append(route.request.url)
        route.fulfill(json=(archive or HELD) | ({"articles": 3} if "?" in wanted[-1] else {}))

    page.route("**/v1/archive**", tell)
    page.route("**/v1/examples", lambda route: route.fulfill(json=EXAMPLES))
    page.reload()
    page.wait_for_selector("#archive:visible")
    return wanted


def conditions(page: Page) -> list[str]:
    return [page.input_value(f"[name={name}]") for name in ("from", "to", "press", "section")]


def test_an_example_is_asked_without_conditions(page: Page) -> None:
    holding(page)
    page.click("#outlets .chip >> text=동람경제")
    page.click(f"#examples >> text={QUESTION}")
    page.wait_for_selector("[data-part=actions]:visible")
    assert page.inner_text("[data-part=asked]") == QUESTION
    assert conditions(page) == [""] * 4
    assert not page.is_visible("#archive")
    page.click("#renew")
    assert page.is_visible("#archive")


def test_outlets_and_sections_narrow_the_question(page: Page) -> None:
    wanted = holding(page)
    chips = page.locator("#outlets .chip, #sections .chip").all_inner_texts()
    assert chips == ["해담일보 1,200", "동람경제 8", "경제 9", "경제 › 반도체 2"]
    page.click("#outlets .chip >> nth=1")
    page.click("#sections .chip >> nth=1")
    assert conditions(page) == ["", "", "동람경제", "경제>반도체"]
    assert page.get_attribute("#outlets .chip >> nth=1", "aria-pressed") == "true"
    assert page.inner_text("#conditions summary") == "조건 2개"
    page.wait_for_selector("#days-told:has-text('기사 3건')")
    assert "press=" in wanted[-1]
    assert "section=" in wanted[-1]
    page.click("#outlets .chip >> nth=1")
    assert conditions(page)[2] == ""


def test_the_days_are_brushed_with_the_mouse(page: Page) -> None:
    holding(page)
    bars = page.locator("#days .bars").bounding_box() or {}
    middle, width = bars["y"] + 10, bars["width"] / len(MONTHS)
    page.mouse.move(bars["x"] + 1.5 * width, middle)
    page.mouse.down()
    page.mouse.move(bars["x"] + 2.5 * width, middle, steps=3)
    page.mouse.up()
    assert conditions(page)[:2] == ["2025-06-01", "2025-07-31"]
    page.wait_for_selector("#days-told:has-text('2025년 6월 1일부터 7월 31일까지 · 기사 3건')")
    marks = page.locator("#days .bars span").evaluate_all("nodes => nodes.map(n => n.className)")
    assert marks == ["", "in", "in", ""]
    page.mouse.click(bars["x"] + 3.5 * width, middle)
    assert conditions(page)[:2] == ["2025-08-01", "2025-08-31"]
    page.mouse.click(bars["x"] + 3.5 * width, middle)  # once more: all days
    assert conditions(page)[:2] == ["", ""]


def test_the_days_are_chosen_by_the_keyboard(page: Page) -> None:
    holding(page)
    page.focus("#days-from")
    assert page.get_attribute("#days-from", "aria-valuetext") == "2025년 5월 1일"
    page.keyboard.press("ArrowRight")
    assert conditions(page)[:2] == ["2025-06-01", "2025-08-31"]
    assert page.get_attribute("#days-from", "aria-valuetext") == "2025년 6월 1일"
    page.keyboard.press("Tab")
    page.keyboard.press("Home")  # the other end is pushed
    assert conditions(page)[:2] == ["2025-05-01", "2025-05-31"]
    page.keyboard.press("End")
    assert conditions(page)[:2] == ["", ""]


def test_days_written_into_the_form_are_shown(page: Page) -> None:
    holding(page)
    page.click("#conditions summary")
    page.fill("[name=from]", "2025-07-15")
    assert page.input_value("#days-from") == "2"
    assert page.input_value("[name=from]") == "2025-07-15"
    page.fill("[name=from]", "2031-01-01")
    page.click("#clear")
    assert page.input_value("#days-from") == "0"


@pytest.mark.parametrize(
    "archive",
    [
        {},
        {"presses": [], "sections": [], "days": {"unit": "day", "buckets": []}},
        HELD | {"days": {"unit": "day", "buckets": MONTHS[:1]}},
    ],
    ids=["nothing", "empty", "one day"],
)
def test_an_archive_of_little_shows_no_histogram(page: Page, archive: dict[str, Any]) -> None:
    holding(page, archive or {"articles": 0})
    assert not page.is_visible("#days")
    asked(page)


@pytest.mark.parametrize("reply", [{"status": 404}, {"status": 503, "json": {}}, {"body": "{"}])
def test_without_its_routes_the_page_is_as_good(page: Page, reply: dict[str, Any]) -> None:
    for address in ("**/v1/archive", "**/v1/examples"):
        page.route(address, lambda route: route.fulfill(**reply))
    page.reload()
    page.wait_for_selector("#coverage:not(:empty)")
    assert not page.is_visible("#archive")
    asked(page)


def test_a_slow_archive_does_not_keep_from_asking(page: Page) -> None:
    page.route("**/v1/archive", lambda route: None)  # never answered
    page.reload()
    asked(page)
    assert page.is_visible(".source >> nth=0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_nothing_to_complain_of_in_the_archive(
    browser: Browser, served: tuple[str, FeedbackStore], scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "bypass_csp": True}
    viewport = {"width": width, "height": 800}
    with opened(browser, served[0], viewport=viewport, **options) as page:
        holding(page)
        page.focus("#days-from")
        page.keyboard.press("ArrowRight")
        page.click("#outlets .chip >> nth=1")
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
