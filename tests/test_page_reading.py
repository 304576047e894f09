"""Reading an answer on the page: its words, their grades, its sources, the article beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graded_answers
import pytest
from graded_answers import FALSE, QUOTED, TRUE, UNSURE, PatientJudge, graded_answerer
from live_server import open_answerer, serving
from page_browser import (
    NEAR,
    QUESTION,
    answer,
    ask,
    asked,
    complaints,
    opened,
    whole_answer,
)
from scripted_judge import AbsentJudge
from small_citation import citation
from small_index import LIBRARY, TRAM, UNDATED, build, open_small

from service import create_app
from service.events import SentenceEvent
from service.schema import ABSTENTIONS, Quote, Sentence, Span
from service.serving.feedback import FeedbackStore
from service.settings import load_settings
from service.verify.judge import EntailmentJudge
from service.wording import LEADS_TITLE, NO_ANSWER, REWORDED, SEE_THE_ARTICLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_an_answer_leads_to_the_very_words(page: Page) -> None:
    asked(page)
    assert page.inner_text("[data-part=asked]") == QUESTION
    page.locator(".source .title", has_text="트램").first.click()
    page.wait_for_selector("#article mark")
    marked = "".join(page.locator("#article mark").all_inner_texts())
    assert marked in TRAM.body
    assert marked in page.inner_text(".sentence .words >> nth=0")
    page.keyboard.press("Escape")
    assert not page.is_visible("#article")


def test_sources_with_the_same_ids_lead_each_to_its_own(browser: Browser, tmp_path: Path) -> None:
    """From the sources of an answer, and from the articles that were read for it."""
    answerer = open_answerer(tmp_path, (TRAM, replace(LIBRARY, id=TRAM.id)))
    app = create_app(load_settings(), answerer=answerer)
    with serving(app) as address, opened(browser, address) as page:
        asked(page)
        page.locator(".source .title", has_text="트램").first.click()
        page.wait_for_selector("#article mark")
        assert "".join(page.locator("#article mark").all_inner_texts()) in TRAM.body
        page.keyboard.press("Escape")
        for title, words in (("트램", "정거장은 15곳"), ("새 도서관", "책 12만 권")):
            looked = page.locator("[data-part=looked] .title", has_text=title)
            looked.evaluate("title => title.click()")
            page.wait_for_selector(f"#article-content >> text={words}")
            page.keyboard.press("Escape")


def test_it_works_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.type(QUESTION)  # the box has the focus from the start
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-part=actions]:visible")
    page.focus(".marker >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#article mark")
    assert page.evaluate("document.activeElement.id") == "article-content"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "marker"
    page.focus("[data-part=copy]")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "question"


def test_other_outlets_and_corrections_are_shown(page: Page) -> None:
    asked(page, "갯들시장 새 건물은 언제 문을 여나?")
    page.click("text=다른 매체 1곳")
    assert page.inner_text(".others .note >> nth=0") in ("동람경제", "해담일보")
    asked(page, "해담일보에 나온 윤슬대교 난간 보수 공사 기간은?")
    assert "바로잡힌 기사" in page.inner_text("[data-part=text]")
    page.locator(".source .title", has_text="공사 시작").click()
    page.click("#article-content .warning .title")
    page.wait_for_selector("#article-title:has-text('[바로잡습니다]')")
    page.wait_for_selector("#article-content >> text=이 기사가 바로잡은 기사")


def test_leads_are_shown_as_near_articles_and_not_as_an_answer(
    page: Page, served: tuple[str, FeedbackStore]
) -> None:
    asked(page, NEAR)
    assert page.inner_text("[data-part=text]") == ABSTENTIONS["related"]
    assert not page.is_visible(".source")
    assert page.locator(".marker, [data-part=leads] .number").count() == 0
    leads = page.get_by_role("region", name=LEADS_TITLE)
    assert NO_ANSWER in leads.inner_text()
    assert leads.locator("h3 svg").is_visible()
    first = leads.locator("li").first
    assert first.locator("blockquote").inner_text() in TRAM.body
    assert first.get_by_role("link", name="원문").get_attribute("href") == TRAM.url
    first.locator(".title").click()
    page.wait_for_selector("#article mark")
    page.keyboard.press("Escape")
    page.click(".rating [value=down]")
    page.wait_for_selector(".rating [aria-pressed=true]")
    assert NEAR in {record["question"] for record in served[1].rated("down")}
    page.click("[data-part=copy]")
    page.wait_for_selector("text=복사했습니다")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{LEADS_TITLE}: {NO_ANSWER}\n- {TRAM.title}" in copied
    assert "출처" not in copied
    asked(page)
    assert not page.is_visible("[data-part=leads]")
    assert page.is_visible(".source")


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
    told = ("sentence", SentenceEvent(0, said, [cited]))
    answer(page, whole_answer((said,), (cited,)), told)
    asked(page)
    assert page.inner_text(".original mark") == answers
    assert page.inner_text(".original blockquote") == quote


def test_a_sentence_that_is_the_quotation_is_marked_and_not_shown_twice(page: Page) -> None:
    first, second, answers = "🚋 노선은 11.6㎞이다.", "개통은 2030년 6월이다.", "2030년 6월"
    quote = f"{first} {second}"
    start = quote.index(answers)
    spans = (Span(start=start, end=start + len(answers)),)
    begun = citation(quote=first, start=7, end=7 + len(first))
    whole = citation(quote=quote, start=7, end=7 + len(quote), answer_spans=spans)
    said = [Sentence(text=text, citations=(1,), support="quoted") for text in (first, second)]
    told = [
        ("sentence", SentenceEvent(0, said[0], [begun])),
        ("sentence", SentenceEvent(1, said[1], [whole])),
    ]
    answer(page, whole_answer(tuple(said), (whole,)), *told)
    asked(page)
    assert page.locator("[data-part=text] mark").all_inner_texts() == [answers]
    assert page.locator(".block").count() == page.locator(".source").count() == 1
    assert page.locator(".sentence").count() == 2
    assert page.locator("[data-part=text] blockquote").count() == 0
    assert page.inner_text("[data-part=text]").count(second) == 1
    assert page.locator(".source").inner_text().startswith("1")


def test_an_article_stands_beside_the_text_where_there_is_room(page: Page) -> None:
    page.set_viewport_size({"width": 1400, "height": 800})
    asked(page)
    page.click(".marker >> nth=0")
    page.wait_for_selector("#article mark")
    text, panel = (
        page.locator(place).bounding_box() or {} for place in ("[data-part=text]", "#article")
    )
    assert text["x"] + text["width"] < panel["x"]
    assert panel["x"] + panel["width"] <= 1400
    page.fill("#follow-up", "그 도서관은?")  # the page can be used meanwhile
    page.set_viewport_size({"width": 700, "height": 800})
    page.wait_for_selector("#article:modal")
    page.set_viewport_size({"width": 1400, "height": 800})
    page.wait_for_selector("#article:not(:modal)")
    page.keyboard.press("Escape")
    page.wait_for_selector("body:not(.beside)")
    assert not page.is_visible("#article")


def test_the_article_opens_at_the_sentence_of_the_number(page: Page) -> None:
    page.set_viewport_size({"width": 1400, "height": 300})
    body = TRAM.body
    texts = ("노선은 11.6㎞이고 정거장은 15곳이다.", "시비로 나눠 부담한다.")
    quotes = tuple(
        Quote(text=text, start=(at := body.index(text)), end=at + len(text)) for text in texts
    )
    start, end = quotes[0].start, quotes[1].end
    fields = {"article_id": TRAM.id, "quote": body[start:end], "start": start, "end": end}
    cited = citation(quotes=quotes, **fields)
    said = tuple(Sentence(text=text, citations=(1,), support="quoted") for text in texts)
    told = [("sentence", SentenceEvent(n, one, [cited])) for n, one in enumerate(said)]
    answer(page, whole_answer(said, (cited,)), *told)
    asked(page)
    page.click(".marker >> nth=1")
    page.wait_for_selector("#article mark")
    place = page.locator("#article mark >> nth=1").bounding_box() or {}
    assert 60 < place["y"] < 260


def test_an_article_that_cannot_be_read_is_told(page: Page) -> None:
    asked(page)
    page.route("**/v1/articles/**", lambda route: route.abort())
    page.click(".marker >> nth=0")
    page.wait_for_selector("#article >> text=서버에 연결하지 못했습니다")
    page.unroute("**/v1/articles/**")
    cut = {"body": '{"body": "cut', "content_type": "application/json"}
    page.route("**/v1/articles/**", lambda route: route.fulfill(**cut))
    page.keyboard.press("Escape")
    page.click(".marker >> nth=0")
    page.wait_for_selector("#article >> text=도중에 끊겼습니다")


def test_the_sources_are_footnotes_on_paper(page: Page) -> None:
    asked(page)
    assert not page.is_visible(".footnotes")
    page.emulate_media(media="print")
    notes = page.locator(".footnotes li").all_inner_texts()
    assert len(notes) == page.locator(".source").count()
    [tram] = [note for note in notes if TRAM.title in note]
    assert re.match(r"\[\d\] ", tram)
    assert f"{TRAM.title}. 해담일보 · 2025년 5월 14일 · 여운찬 기자. “" in tram
    assert str(TRAM.url) in tram
    for hidden in ("#ask", "#next", "[data-part=actions]", ".source", ".pin", "footer"):
        assert not page.is_visible(f"{hidden} >> nth=0")


# -- grades


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
        (node.evaluate("node => node.firstChild.textContent"), node.locator(".grade").inner_text())
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
        assert page.locator(".original[data-grade=reworded]").count() == 0
        before = places(page)
        judge.gate.set()
        page.wait_for_selector("[data-part=actions]:visible")
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
        left = page.locator(".source", has_text=str(LIBRARY.press))
        assert not left.locator(".number, .pin").first.is_visible()
        assert LIBRARY.press not in page.locator(".footnotes").text_content()


def test_what_is_in_other_words_stands_beside_the_article(browser: Browser, tmp_path: Path) -> None:
    with graded_page(browser, tmp_path, PatientJudge()) as page:
        asked(page, graded_answers.QUESTION)
        [one] = page.get_by_role("figure", name=SEE_THE_ARTICLE).all()
        assert one.locator("blockquote p").first.inner_text() in UNDATED.body
        above = page.locator(".block", has=page.locator(".original[data-grade=reworded]"))
        assert UNSURE in above.locator(".sentence").inner_text()
        assert all(node.is_visible() for node in page.locator(".grade svg").all())
        assert page.get_attribute("[data-part=text]", "aria-live") == "polite"
        page.click("[data-part=copy]")
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
        assert page.locator(".original[data-grade=reworded]").count() == 3


def test_a_strict_service_shows_what_is_supported_in_its_order(
    browser: Browser, tmp_path: Path
) -> None:
    with graded_page(browser, tmp_path, PatientJudge(), is_strict=True) as page:
        asked(page, graded_answers.QUESTION)
        assert graded(page) == [(QUOTED, "기사 그대로"), (TRUE, "기사와 일치")]
        assert not page.is_visible("#reworded")
        assert not page.is_visible("[data-part=withdrawn]")


def test_an_answer_that_is_stopped_waits_for_no_verdict(browser: Browser, tmp_path: Path) -> None:
    judge = PatientJudge()
    judge.gate.clear()
    with graded_page(browser, tmp_path, judge) as page:
        ask(page, graded_answers.QUESTION)
        page.wait_for_selector(f".sentence >> text={UNSURE}")
        page.keyboard.press("Escape")
        page.wait_for_selector("text=멈추었습니다.")
        assert [grade for _, grade in graded(page)] == ["기사 그대로", *["표현이 다름"] * 3]
        page.click("[data-part=copy]")
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
        page.wait_for_selector("[data-part=actions]:visible")
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
