"""The question page in a real browser: Debian's chromium, headless, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from live_server import open_answerer, serving
from small_index import ARTICLES

from index import SEOUL, Article
from service import create_app
from service.api.streams import frame
from service.schema import Answer, Citation, Interpreted, Sentence
from service.serving.feedback import FeedbackStore
from service.settings import load_settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

QUESTION = "트램 1호선 총사업비는 얼마인가요?"
NEAR = "트램 1호선 총사업비에 없는 것은 얼마인가요?"
"""The backend finds no answer to it, but the articles are near."""
MARKET = Article(
    id="haedam/market",
    title="갯들시장 새 건물 10월 문 연다",
    press="해담일보",
    published_at=datetime(2026, 9, 1, 9, tzinfo=SEOUL),
    body="해담시 갯들구 갯들시장이 낡은 건물을 헐고 지은 새 건물에서 오는 10월 12일 문을 연다.\n\n"
    "지하 1층과 지상 3층에 점포 184곳이 들어서고, 옥상에는 어린이 놀이터와 텃밭을 둔다. "
    "공사에는 2년 4개월이 걸렸고 국비와 시비를 합해 312억 원이 들었다.\n\n"
    "상인회는 임시 시장에서 장사하던 상인 모두가 새 건물로 돌아온다고 밝혔다. "
    "주차장은 예전의 세 배인 220면이며, 장을 본 손님은 두 시간 동안 무료로 세울 수 있다.",
)
MORE = (
    MARKET,
    replace(MARKET, id="dongnam/market", press="동람경제", published_at=None),
    Article(
        id="haedam/bridge",
        title="윤슬대교 난간 보수 공사 시작",
        press="해담일보",
        published_at=datetime(2026, 4, 1, 9, tzinfo=SEOUL),
        body="윤슬대교 난간과 바닥판을 고치는 공사가 시작됐다. 시는 공사가 두 달 걸린다고 했다.",
    ),
    Article(
        id="haedam/correction",
        title="[바로잡습니다] 윤슬대교 공사 기간",
        press="해담일보",
        published_at=datetime(2026, 4, 2, 9, tzinfo=SEOUL),
        body="4월 1일 자 ‘윤슬대교 난간 보수 공사 시작’ 기사의 공사 기간은 석 달이기에 바로잡습니다.",
    ),
)


@contextmanager
def serving_page(path: Path) -> Iterator[tuple[str, FeedbackStore]]:
    """The service over ``ARTICLES`` and ``MORE``: its address, and the ratings that it has."""
    settings = load_settings(index=path / "index", feedback=path / "feedback.sqlite")
    answerer = open_answerer(settings.index, (*ARTICLES, *MORE))
    app = create_app(settings, answerer=answerer)
    with serving(app) as address:
        yield address, app.state.feedback


@contextmanager
def launched() -> Iterator[Browser]:
    """The browser; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class opened:  # noqa: N801 - used like a function
    """A page in a context of its own. Errors of its scripts and breaches of its policy fail the test."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        options = {
            "locale": "ko-KR",
            "permissions": ["clipboard-read", "clipboard-write"],
        } | options
        self._context = browser.new_context(**options)
        self._address = address
        self._faults: list[str] = []

    def __enter__(self) -> Page:
        page = self._context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self._faults.append(str(error)))
        page.on("console", self._note)
        page.on("request", self._note_foreign)
        page.goto(self._address)
        page.wait_for_selector("#coverage:not(:empty)")
        return page

    def _note(self, message: Any) -> None:
        if message.type == "error" and "Failed to load" not in message.text:
            self._faults.append(message.text)

    def _note_foreign(self, request: Any) -> None:
        if not request.url.startswith((self._address, "data:")):
            self._faults.append(f"asked another host: {request.url}")

    def __exit__(self, *error: object) -> None:
        self._context.close()
        if error[0] is None:
            assert self._faults == []


def ask(page: Page, question: str = QUESTION) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")


def asked(page: Page, question: str = QUESTION) -> None:
    """Ask, and wait for the whole answer."""
    ask(page, question)
    page.wait_for_selector("[data-part=actions]:visible")


def answer(page: Page, whole: Mapping[str, Any], *events: tuple[str, Any]) -> list[dict[str, Any]]:
    """Have every question answered by these events and ``done``; what is asked."""
    taken: list[dict[str, Any]] = []
    body = b"".join(frame(name, data) for name, data in (*events, ("done", whole)))

    def reply(route: Route) -> None:
        taken.append(route.request.post_data_json)
        route.fulfill(body=body, content_type="text/event-stream")

    page.route("**/v1/ask", reply)
    return taken


def whole_answer(
    said: tuple[Sentence, ...], cited: tuple[Citation, ...], **fields: Any
) -> dict[str, Any]:
    """An answer as JSON; ``fields`` are added, also such as a later service has."""
    whole = Answer(
        id="made-up",
        question=QUESTION,
        status="answered",
        text=" ".join(sentence.marked for sentence in said),
        sentences=said,
        citations=cited,
        interpreted=Interpreted(standalone_question=QUESTION),
        backend="stub",
        generation=1,
        timings_ms={},
    )
    return whole.model_dump(mode="json") | fields


def complaints(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds wrong with the page as it is."""
    axe_module = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    page.wait_for_timeout(400)  # what fades in has no contrast yet
    found = axe_module.Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]
