"""Collecting on the page: cited words are kept in the browser, and taken along in several forms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from page_browser import NEAR, asked, complaints, opened
from small_index import TRAM

from service.serving.feedback import FeedbackStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

MADE = {"media_type": "text/plain", "filename": "citations.txt", "text": "“말” 🚋", "missing": []}
PINNED = "#collection ol > li"


def exporting(page: Page, reply: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """A service that exports; what is asked of it."""
    wanted: list[dict[str, Any]] = []

    def export(route: Route) -> None:
        wanted.append(route.request.post_data_json)
        route.fulfill(**(reply or {"json": MADE}))

    page.route("**/v1/citations/export", export)
    return wanted


def collect(page: Page) -> None:
    """Keep a source and a sentence of its article, and look at the list."""
    asked(page)
    page.locator(".source", has_text=TRAM.title).locator(".pin").click()
    page.locator(".source .title", has_text=TRAM.title).click()
    line = page.locator(".line", has_text="노선은 11.6㎞")
    line.hover()
    line.locator(".pin").click()
    page.keyboard.press("Escape")
    page.click("#collected")
    page.wait_for_selector("#collection:visible")


def test_what_is_kept_survives_and_is_shown_where_it_stands(page: Page) -> None:
    collect(page)
    assert page.locator(PINNED).count() == 2
    assert page.inner_text("#collected").split() == ["모은", "인용", "2"]
    words = page.locator(f"{PINNED} blockquote").all_inner_texts()
    assert words[1].startswith("노선은 11.6㎞이고 정거장은 15곳이다.")
    assert all(text in TRAM.body for text in words)
    page.reload()
    page.wait_for_selector(".source")
    pin = page.locator(".source", has_text=TRAM.title).locator(".pin")
    assert pin.get_attribute("aria-pressed") == "true"
    page.click("#collected")
    page.click(f"{PINNED} .title >> nth=1")
    page.wait_for_selector("#article mark")
    assert page.inner_text("#article mark").startswith("노선은 11.6㎞")


def test_what_is_kept_can_be_let_go_of_and_brought_back(page: Page) -> None:
    collect(page)
    page.click(f"{PINNED} .remove >> nth=0")
    assert page.locator(PINNED).count() == 1
    assert page.evaluate("document.activeElement.className") == "remove"
    pin = page.locator(".source", has_text=TRAM.title).locator(".pin")
    assert pin.get_attribute("aria-pressed") == "false"
    page.click("#collection-clear")
    assert page.locator(PINNED).count() == 0
    assert page.is_visible("#collection-empty")
    assert not page.is_visible("#collected")
    page.click("#collection-clear:has-text('되돌리기')")
    assert page.locator(PINNED).count() == 1


@pytest.mark.parametrize("form", ["text", "markdown", "bibtex", "csl-json", "csv"])
def test_what_is_kept_is_taken_along(page: Page, tmp_path: Path, form: str) -> None:
    wanted = exporting(page)
    collect(page)
    page.select_option("#format", form)
    page.click("#collection-copy")
    page.wait_for_selector("text=복사했습니다.")
    assert page.evaluate("navigator.clipboard.readText()") == MADE["text"]
    with page.expect_download() as download:
        page.click("#collection-save")
    download.value.save_as(tmp_path / "saved")
    assert download.value.suggested_filename == MADE["filename"]
    assert (tmp_path / "saved").read_text(encoding="utf-8") == MADE["text"]
    assert [request["format"] for request in wanted] == [form] * 2
    for place in wanted[0]["citations"]:
        assert place["article"] == "해담일보/haedam/tram-1"
        assert TRAM.body[place["start"] : place["end"]] == place["quote"]


def test_what_the_archive_has_no_more_is_told(page: Page) -> None:
    exporting(page, {"json": MADE | {"missing": ["해담일보/gone"]}})
    collect(page)
    page.click("#collection-copy")
    page.wait_for_selector("text=기사 1건")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({"status": 404, "json": {"detail": "없음"}}, "내보내지 못합니다"),
        ({"status": 429, "json": {"detail": "잠시 뒤에 하세요.", "code": "x"}}, "잠시 뒤에"),
        ({"body": "{"}, "도중에 끊겼습니다"),
    ],
)
def test_an_export_that_fails_is_told(page: Page, reply: dict[str, Any], told: str) -> None:
    exporting(page, reply)
    collect(page)
    page.click("#collection-save")
    page.wait_for_selector(f"#collection-done:has-text('{told}')")


def test_a_lead_can_be_kept(page: Page) -> None:
    asked(page, NEAR)
    page.click("[data-part=leads] .pin >> nth=0")
    page.click("#collected")
    assert page.locator(PINNED).count() == 1


BROKEN = {
    "forbidden": "Object.defineProperty(window, 'localStorage', { get() { throw new Error(); } })",
    "full": "Storage.prototype.setItem = () => { throw new Error(); }",
    "garbled": "localStorage.setItem('gisa-pins', '[{\"title\": 3}, null')",
    "half": """localStorage.setItem('gisa-pins', JSON.stringify([
      { article_id: 'x', title: 'y', start: 1, end: 2, quotes: [], reporters: 'z' }]))""",
    "foreign": 'localStorage.setItem(\'gisa-pins\', \'[null, {"article_id": "x", "start": 1}]\')',
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
def test_a_broken_storage_breaks_nothing(page: Page, script: str) -> None:
    page.add_init_script(script)
    page.reload()
    collect(page)
    assert page.locator(PINNED).count() == 2


def test_two_windows_share_what_is_kept(page: Page) -> None:
    collect(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#collected:visible")
    other.click("#collected")
    other.click("#collection-clear")
    page.wait_for_selector("#collection-empty:visible")


def test_as_many_as_can_be_kept(page: Page) -> None:
    code = """async () => {
      const { pins, MAX_PINS } = await import("/static/pins.js");
      const pin = (start) => ({ article_id: "a", title: "t", start, end: start + 1, quotes: [] });
      pins.replace(Array.from({ length: MAX_PINS }, (_, n) => pin(n)));
    }"""
    asked(page)
    page.evaluate(code)
    page.click(".source .pin >> nth=0")
    page.wait_for_selector("#collection-done:has-text('200개까지')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_nothing_to_complain_of_in_the_list(
    browser: Browser, served: tuple[str, FeedbackStore], scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "bypass_csp": True}
    viewport = {"width": width, "height": 800}
    with opened(browser, served[0], viewport=viewport, **options) as page:
        collect(page)
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("#collection-clear")
        assert complaints(page) == []
