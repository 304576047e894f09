"""The question page in a real browser: Debian's chromium, headless, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import graded_answers
import pytest
from graded_answers import FALSE, QUOTED, TRUE, UNSURE, PatientJudge, graded_answerer
from live_server import open_answerer, serving
from scripted_judge import AbsentJudge
from small_citation import citation
from small_index import ARTICLES, LIBRARY, TRAM, UNDATED, build, open_small

from index import SEOUL, Article
from service import create_app
from service.api.streams import frame
from service.events import SentenceEvent
from service.schema import ABSTENTIONS, Answer, Interpreted, Sentence, Span
from service.serving.feedback import FeedbackStore
from service.serving.keys import new_key
from service.settings import load_settings
from service.verify.judge import EntailmentJudge
from service.wording import LEADS_TITLE, NO_ANSWER, REWORDED, SEE_THE_ARTICLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")

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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FeedbackStore]]:
    path = tmp_path_factory.mktemp("page")
    settings = load_settings(index=path / "index", feedback=path / "feedback.sqlite")
    answerer = open_answerer(settings.index, (*ARTICLES, *MORE))
    app = create_app(settings, answerer=answerer)
    with serving(app) as address:
        yield address, app.state.feedback


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, served: tuple[str, FeedbackStore]) -> Iterator[Page]:
    """The page, open. Errors of its scripts and breaches of its policy fail the test."""
    with opened(browser, served[0]) as page:
        yield page


class opened:  # noqa: N801 - used like a function
    """A page in a context of its own."""

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
    page.wait_for_selector("#actions:visible")


# -- an answer, and the way back to its article ---------------------------------------------------


def test_an_answer_leads_to_the_very_words(page: Page) -> None:
    asked(page)
    assert page.inner_text("#asked") == QUESTION
    page.locator("#sources .title", has_text="트램").first.click()
    page.wait_for_selector("#article mark")
    marked = "".join(page.locator("#article mark").all_inner_texts())
    assert marked in TRAM.body
    assert marked in page.inner_text("blockquote >> nth=0")
    page.keyboard.press("Escape")
    assert not page.is_visible("#article")


def test_sources_with_the_same_ids_lead_each_to_its_own(browser: Browser, tmp_path: Path) -> None:
    """From the sources below an answer, and from the articles that were read for it."""
    answerer = open_answerer(tmp_path, (TRAM, replace(LIBRARY, id=TRAM.id)))
    app = create_app(load_settings(), answerer=answerer)
    with serving(app) as address, opened(browser, address) as page:
        asked(page)
        page.locator("#sources .title", has_text="트램").first.click()
        page.wait_for_selector("#article mark")
        assert "".join(page.locator("#article mark").all_inner_texts()) in TRAM.body
        page.keyboard.press("Escape")
        for title, words in (("트램", "정거장은 15곳"), ("새 도서관", "책 12만 권")):
            page.locator("#looked .title", has_text=title).evaluate("title => title.click()")
            page.wait_for_selector(f"#article-content >> text={words}")
            page.keyboard.press("Escape")


def test_pointing_at_a_number_shows_the_quote(page: Page) -> None:
    asked(page)
    page.hover(".marker >> nth=0")
    assert page.inner_text("#quote .words") in page.inner_text("blockquote >> nth=0")
    page.mouse.move(0, 0)
    assert not page.is_visible("#quote")


def test_a_finger_sees_the_quote_first_then_the_article(
    browser: Browser, served: tuple[str, FeedbackStore]
) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with opened(browser, served[0], **phone) as page:
        asked(page)
        page.tap(".marker >> nth=0")
        assert page.is_visible("#quote")
        assert not page.is_visible("#article")
        page.tap(".marker >> nth=0")
        assert page.is_visible("#article")
        page.wait_for_selector("#article mark")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360


def test_it_works_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.type(QUESTION)  # the box has the focus from the start
    page.keyboard.press("Enter")
    page.wait_for_selector("#actions:visible")
    page.focus(".marker >> nth=0")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert page.is_visible("#quote")
    described = page.get_attribute(".marker >> nth=0", "aria-describedby")
    assert described == "quote"
    page.keyboard.press("Enter")
    page.wait_for_selector("#article mark")
    page.keyboard.press("Escape")
    page.focus("#copy")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "question"


def test_other_outlets_and_corrections_are_shown(page: Page) -> None:
    asked(page, "갯들시장 새 건물은 언제 문을 여나?")
    page.click("text=다른 매체 1곳")
    assert page.inner_text(".others .note >> nth=0") in ("동람경제", "해담일보")
    asked(page, "해담일보에 나온 윤슬대교 난간 보수 공사 기간은?")
    assert "바로잡힌 기사" in page.inner_text("#sources")
    page.locator("#sources .title", has_text="공사 시작").click()
    page.click("#article-content .warning .title")
    page.wait_for_selector("#article-title:has-text('[바로잡습니다]')")
    page.wait_for_selector("#article-content >> text=이 기사가 바로잡은 기사")


def test_time_and_names_understood_are_told(page: Page) -> None:
    asked(page, "2025년 5월 해담일보 기사에서 트램 총사업비는?")
    chips = page.locator("#understood li").all_inner_texts()
    assert chips == [
        "‘2025년 5월’ → 2025년 5월 1일부터 31일까지 · 이 안에서 찾았습니다",
        "해담일보 · 이 안에서 찾았습니다",
    ]
    asked(page, "2025년 5월에 해담일보에서 본 트램 1호선의 총사업비는?")
    chips = page.locator("#understood li").all_inner_texts()
    assert chips == [
        "‘2025년 5월’ → 2025년 5월 1일부터 31일까지 · 우선해 찾았습니다",
        "해담일보 · 우선해 찾았습니다",
    ]


def test_conditions_narrow_the_answer(page: Page) -> None:
    page.click("#conditions summary")
    page.select_option("[name=press]", "동람경제")
    asked(page)
    assert page.inner_text("#conditions summary") == "조건 1개"
    assert "해담일보 ·" not in page.inner_text("#sources")
    page.click("#clear")
    assert page.input_value("[name=press]") == ""


# -- grades ---------------------------------------------------------------------------------------


@contextmanager
def graded_page(
    browser: Browser,
    path: Path,
    judge: EntailmentJudge | None,
    *,
    is_strict: bool = False,
    **options: Any,
) -> Iterator[Page]:
    """The page of a service that writes sentences of every grade."""
    build(path / "index")
    settings = load_settings(index=path / "index", feedback=path / "f.sqlite")
    with open_small(settings.index) as index:
        answerer = graded_answerer(index, judge, is_strict=is_strict)
        app = create_app(settings, answerer=answerer)
        with serving(app) as address, opened(browser, address, **options) as page:
            yield page


def graded(page: Page) -> list[tuple[str, str]]:
    """What the sentences on show say, and the words of their grades."""
    return [
        (node.evaluate("node => node.firstChild.data"), node.locator(".grade").inner_text())
        for node in page.locator(".sentence").all()
    ]


def places(page: Page) -> list[Any]:
    code = "nodes => nodes.map(node => node.getBoundingClientRect().toJSON())"
    return list(page.locator(".sentence").evaluate_all(code))


@pytest.mark.parametrize("width", [390, 1200])
def test_verdicts_change_sentences_where_they_stand(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    judge = PatientJudge()
    judge.gate.clear()
    viewport = {"width": width, "height": 900}
    with graded_page(browser, tmp_path, judge, viewport=viewport) as page:
        ask(page, graded_answers.QUESTION)
        page.wait_for_selector(f".sentence >> text={UNSURE}")
        waiting = [(QUOTED, "기사 그대로"), *((text, "확인 중") for text in (FALSE, TRUE, UNSURE))]
        assert graded(page) == waiting
        assert not page.is_visible("#reworded")
        before = places(page)
        judge.gate.set()
        page.wait_for_selector("#actions:visible")
        assert graded(page) == [
            (QUOTED, "기사 그대로"),
            (FALSE, "뺀 문장"),
            (TRUE, "기사와 일치"),
            (UNSURE, "표현이 다름"),
        ]
        assert places(page) == before
        struck = page.locator(".sentence", has_text=FALSE)
        assert "line-through" in struck.evaluate(
            "node => getComputedStyle(node).textDecorationLine"
        )
        assert not struck.locator(".marker").is_visible()
        assert page.is_visible("text=줄을 그은 문장은 기사와 맞지 않아 뺐습니다.")
        # Its article is no source any more, so the one behind it has its number.
        assert page.locator(".sentence", has_text=UNSURE).locator(".marker").inner_text() == "2"
        assert LIBRARY.press not in page.inner_text("#sources")


def test_what_is_in_other_words_stands_beside_the_article(browser: Browser, tmp_path: Path) -> None:
    with graded_page(browser, tmp_path, PatientJudge()) as page:
        asked(page, graded_answers.QUESTION)
        beside = page.get_by_role("region", name=SEE_THE_ARTICLE)
        assert beside.locator("h3 svg").is_visible()
        [one] = beside.locator("li").all()
        assert UNSURE in one.inner_text()
        assert one.locator("blockquote p").first.inner_text() in UNDATED.body
        assert all(node.is_visible() for node in page.locator(".grade svg").all())
        assert page.get_attribute("#text", "aria-live") == "polite"
        page.click("#copy")
        page.wait_for_selector("text=복사했습니다")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert f"{QUOTED}[1] {TRUE}[1] {UNSURE}[2] ({REWORDED})\n" in copied
        assert FALSE not in copied


@pytest.mark.parametrize("judge", [None, AbsentJudge()], ids=["no judge", "judge away"])
def test_without_a_judge_other_words_stay_marked(
    browser: Browser, tmp_path: Path, judge: EntailmentJudge | None
) -> None:
    with graded_page(browser, tmp_path, judge) as page:
        asked(page, graded_answers.QUESTION)
        told = [(QUOTED, "기사 그대로"), *((t, "표현이 다름") for t in (FALSE, TRUE, UNSURE))]
        assert graded(page) == told
        assert page.locator("#reworded li").count() == 3


def test_a_strict_service_shows_what_is_supported_in_its_order(
    browser: Browser, tmp_path: Path
) -> None:
    with graded_page(browser, tmp_path, PatientJudge(), is_strict=True) as page:
        asked(page, graded_answers.QUESTION)
        assert graded(page) == [(QUOTED, "기사 그대로"), (TRUE, "기사와 일치")]
        assert not page.is_visible("#reworded")
        assert not page.is_visible("#withdrawn")


def test_an_answer_that_is_stopped_waits_for_no_verdict(browser: Browser, tmp_path: Path) -> None:
    judge = PatientJudge()
    judge.gate.clear()
    with graded_page(browser, tmp_path, judge) as page:
        ask(page, graded_answers.QUESTION)
        page.wait_for_selector(f".sentence >> text={UNSURE}")
        page.keyboard.press("Escape")
        page.wait_for_selector("text=멈추었습니다.")
        assert [grade for _, grade in graded(page)] == ["기사 그대로", *["표현이 다름"] * 3]
        page.click("#copy")
        page.wait_for_selector("text=복사했습니다")
        assert f"{TRUE}[1] ({REWORDED})" in page.evaluate("navigator.clipboard.readText()")
        judge.gate.set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of_in_grades(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    judge = PatientJudge()
    judge.gate.clear()
    options = {
        "color_scheme": scheme,
        "bypass_csp": True,
        "viewport": {"width": 390, "height": 800},
    }
    with graded_page(browser, tmp_path, judge, **options) as page:
        ask(page, graded_answers.QUESTION)
        page.wait_for_selector(f".sentence >> text={UNSURE}")
        assert complaints(page) == []
        judge.gate.set()
        page.wait_for_selector("#actions:visible")
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


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
    assert not page.is_visible("#result")


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
    page.wait_for_selector("#result:visible")
    page.wait_for_timeout(100)
    assert sent == [QUESTION]
    assert page.input_value("#question") == QUESTION


def test_escape_that_gives_up_a_syllable_stops_no_answer(page: Page, sent: list[str]) -> None:
    page.evaluate(COMPOSING, ["enter", QUESTION])
    page.wait_for_selector("#result:visible")
    escape = """(keyCode) => document.querySelector("#question").dispatchEvent(
      new KeyboardEvent("keydown", { key: "Escape", keyCode, bubbles: true }))"""
    page.evaluate(escape, 229)
    assert page.inner_text("#send") == "멈춤"
    page.evaluate(escape, 27)
    page.wait_for_selector("text=멈추었습니다.")


# -- when things do not go well -------------------------------------------------------------------


def test_an_abstention_shows_what_was_read_and_no_source(page: Page) -> None:
    asked(page, "트램에 없는 것은?")
    assert page.inner_text("#text") == "기사에서 찾지 못했습니다."
    assert not page.is_visible("#sources")
    page.click("#looked summary")
    page.locator("#looked .title").first.click()
    page.wait_for_selector("#article-content p:not([class])")


def test_leads_are_shown_as_near_articles_and_not_as_an_answer(
    page: Page, served: tuple[str, FeedbackStore]
) -> None:
    asked(page, NEAR)
    assert page.inner_text("#text") == ABSTENTIONS["related"]
    assert not page.is_visible("#sources")
    assert page.locator(".marker, #leads .number").count() == 0
    leads = page.get_by_role("region", name=LEADS_TITLE)
    assert NO_ANSWER in leads.inner_text()
    assert leads.locator("h2 svg").is_visible()
    first = leads.locator("li").first
    assert first.locator("blockquote").inner_text() in TRAM.body
    assert first.get_by_role("link", name="원문").get_attribute("href") == TRAM.url
    first.locator(".title").click()
    page.wait_for_selector("#article mark")
    page.keyboard.press("Escape")
    page.click("#rating [value=down]")
    page.wait_for_selector("#rating [aria-pressed=true]")
    assert NEAR in {record["question"] for record in served[1].rated("down")}
    page.click("#copy")
    page.wait_for_selector("text=복사했습니다")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{LEADS_TITLE}: {NO_ANSWER}\n- {TRAM.title}" in copied
    assert "출처" not in copied
    asked(page)
    assert not page.is_visible("#leads")
    assert page.is_visible("#sources")


def test_the_words_that_answer_are_marked_in_the_quote(page: Page) -> None:
    """Offsets are code points, also behind a character that UTF-16 counts twice."""
    quote, answers = "🚋 총사업비는 4,820억 원이다.", "4,820억 원"
    start = quote.index(answers)
    cited = citation(
        quote=quote,
        start=10,
        end=10 + len(quote),
        answer_spans=(Span(start=start, end=start + len(answers)),),
    )
    said = Sentence(text="총사업비는 4,820억 원이다.", citations=(1,), support="supported")
    whole = Answer(
        id="marked",
        question=QUESTION,
        status="answered",
        text=said.marked,
        sentences=(said,),
        citations=(cited,),
        interpreted=Interpreted(standalone_question=QUESTION),
        backend="stub",
        generation=1,
        timings_ms={},
    )
    told = {"sentence": SentenceEvent(0, said, [cited]), "done": whole}
    body = b"".join(frame(name, data) for name, data in told.items())
    page.route(
        "**/v1/ask", lambda route: route.fulfill(body=body, content_type="text/event-stream")
    )
    asked(page)
    assert page.inner_text("blockquote mark") == answers
    assert page.inner_text("blockquote") == quote
    page.hover(".marker >> nth=0")
    assert page.inner_text("#quote mark") == answers


def test_a_slow_answer_shows_what_it_has_and_can_be_stopped(page: Page) -> None:
    ask(page, "느린 트램의 총사업비는?")
    page.wait_for_selector(".sentence")
    assert "읽고 있습니다" in page.inner_text("#status")
    assert page.inner_text("#send") == "멈춤"
    page.keyboard.press("Escape")
    page.wait_for_selector("text=멈추었습니다.")
    assert page.inner_text("#send") == "묻기"
    assert page.is_visible(".sentence")
    assert page.is_visible("#again")


def test_a_broken_answer_keeps_what_was_verified(page: Page) -> None:
    asked(page, "끊긴 트램의 총사업비는?")
    assert page.locator(".sentence").count() == 1
    assert "도중에 끊겨" in page.inner_text("#remark")
    assert page.is_visible("#sources")


def test_a_broken_line_is_told_and_can_be_tried_again(page: Page) -> None:
    page.route("**/v1/ask", lambda route: route.abort())
    ask(page)
    page.wait_for_selector("text=서버에 연결하지 못했습니다")
    page.unroute("**/v1/ask")
    page.click("#again")
    page.wait_for_selector("#sources:visible")


# -- what can be done with an answer -----------------------------------------------------------------


def test_a_link_asks_the_question_again(page: Page, served: tuple[str, FeedbackStore]) -> None:
    asked(page)
    page.click("#link")
    page.wait_for_selector("text=복사했습니다")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{served[0]}/#q={quote(QUESTION, safe='').replace('%20', '+')}"
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("#sources:visible")
    assert page.input_value("#question") == QUESTION


def test_back_leads_to_the_question_before(page: Page) -> None:
    asked(page)
    asked(page, "도서관은 언제 열었나?")
    page.go_back()
    page.wait_for_selector("#asked:has-text('트램')")
    page.wait_for_selector("#sources:visible")
    page.click("#home")
    assert not page.is_visible("#result")


def test_the_copy_has_its_sources(page: Page) -> None:
    asked(page)
    page.click("#copy")
    page.wait_for_selector("text=복사했습니다")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(f"{QUESTION}\n\n")
    assert "[1]" in text
    assert page.inner_text("blockquote >> nth=0").split("\n")[0] in text
    assert "#q=" in text


def test_a_rating_reaches_the_store(page: Page, served: tuple[str, FeedbackStore]) -> None:
    asked(page)
    page.click("#rating [value=up]")
    page.wait_for_selector("#rating [aria-pressed=true]")
    page.click("#rating [value=down]")
    page.fill("#why", "틀린 숫자")
    page.click("#comment button")
    page.wait_for_selector("#comment", state="hidden")
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
        page.wait_for_selector("#sources:visible")
        page.reload()
        page.wait_for_selector("#sources:visible")


def complaints(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds wrong with the page as it is."""
    axe_module = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    page.wait_for_timeout(400)  # what fades in has no contrast yet
    found = axe_module.Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


# -- for everybody --------------------------------------------------------------------------------


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
        page.focus(".marker >> nth=0")
        page.click("#sources .title >> nth=0")
        page.wait_for_selector("#article mark")
        check("article")
        page.keyboard.press("Escape")
        asked(page, "트램에 없는 것은?")
        page.click("#looked summary")
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
