"""The question page: what a browser is given, and the parts of it that compute something.

The modules that touch no document run in Node, where there is one.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from small_citation import citation

import service
from service import create_app, wording
from service.answer import Answerer
from service.schema import Quote, Sentence, Span, Support
from service.settings import load_settings

WEB = Path(service.__file__ or "").parent / "web"
FILES = sorted(path.name for path in WEB.iterdir())

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids += filter(None, [attributes.get("id")])


@pytest.fixture(scope="module")
def page() -> _Tags:
    tags = _Tags()
    tags.feed((WEB / "index.html").read_text(encoding="utf-8"))
    return tags


def test_what_the_page_loads_is_there(page: _Tags) -> None:
    wanted = [attrs.get("src") or attrs.get("href") for _, attrs in page.tags]
    for url in filter(None, wanted):
        if url == "." or url.removeprefix("#") in page.ids:
            continue
        folder, name = url.split("/")
        assert folder == "static"
        assert name in FILES


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_asked_of_other_hosts(name: str) -> None:
    text = (WEB / name).read_text(encoding="utf-8")
    addresses = re.findall(r"""["'(](?:https?:)?//\w[^\s"')]*""", text)
    assert [a for a in addresses if "www.w3.org/2000/svg" not in a] == []
    assert "@import" not in text


def test_the_policy_lets_everything_of_the_page_through(page: _Tags) -> None:
    # Inline scripts, styles and handlers are what the Content-Security-Policy refuses.
    for tag, attributes in page.tags:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "script":
            assert attributes.get("src")


def test_texts_of_articles_never_become_markup() -> None:
    for script in WEB.glob("*.js"):
        code = script.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", code)


def _imported(name: str, pattern: str = r'import\b.*"\./([\w-]+\.js)"') -> set[str]:
    """A module and all that it imports, directly or not."""
    found, left = {name}, [name]
    while left:
        code = (WEB / left.pop()).read_text(encoding="utf-8")
        fresh = set(re.findall(pattern, code, re.MULTILINE)) - found
        found |= fresh
        left += fresh
    return found


def test_elements_that_the_script_looks_for_exist(page: _Tags) -> None:
    assert len(page.ids) == len(set(page.ids))
    parts = {attrs.get("data-part") for _, attrs in page.tags}
    for name in _imported("page.js"):
        code = (WEB / name).read_text(encoding="utf-8")
        for wanted in re.findall(r"\$\(\"#([\w-]+)", code):
            assert wanted in page.ids, wanted
        for wanted in re.findall(r"#part\(\"([\w-]+)", code):
            assert wanted in parts, wanted


def test_every_module_that_an_answer_needs_is_fetched_at_once(page: _Tags) -> None:
    """Otherwise one would wait for another that imports it."""
    links = {attrs.get("href") for _, attrs in page.tags if attrs.get("rel") == "modulepreload"}
    needed = _imported("page.js", r'^import .*"\./([\w-]+\.js)";$')
    assert links == {f"static/{name}" for name in needed - {"page.js"}}


def test_it_is_marked_up_for_readers_of_all_kinds(page: _Tags) -> None:
    tags = dict(page.tags)
    assert tags["html"]["lang"] == "ko"
    labelled = {attrs.get("for") for tag, attrs in page.tags if tag == "label"}
    assert "question" in labelled
    live = [
        attrs for _, attrs in page.tags if "aria-live" in attrs or attrs.get("role") == "status"
    ]
    assert len(live) == 5


# -- the modules ------------------------------------------------------------------------------


def _run(tmp_path: Path, script: str) -> Any:
    """The JSON that a module script prints; it imports the page's modules as ``./name.js``."""
    for source in WEB.glob("*.js"):
        shutil.copy(source, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "main.js").write_text(script, encoding="utf-8")
    done = subprocess.run(
        ["node", "main.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _paragraphs(body: str) -> list[dict[str, Any]]:
    found = [(m.start(), m.end()) for m in re.finditer(r"[^\n]+", body)]
    return [{"text": body[start:end], "start": start, "end": end} for start, end in found]


# The train is one code point and two UTF-16 units.
BODY = "해담시 트램 🚋 1호선이 승인됐다.\n\n총사업비는 4,820억 원🪙이다. 개통은 2030년이다.\n\n끝으로 덧붙였다."
QUOTES = [
    "해담시 트램 🚋 1호선이 승인됐다.",
    "총사업비는 4,820억 원🪙이다.",
    "개통은 2030년이다.\n\n끝으로",
    "승인됐다.\n\n총사업비는 4,820억 원🪙이다. 개통은 2030년이다.\n\n끝으로 덧붙였다.",
]


@needs_node
def test_the_cited_words_are_highlighted_and_no_others(tmp_path: Path) -> None:
    citations = [
        {"text": quote, "start": BODY.index(quote), "end": BODY.index(quote) + len(quote)}
        for quote in QUOTES
    ]
    script = f"""
    import {{ locate, parts }} from "./highlight.js";
    const body = {json.dumps(BODY)}, paragraphs = {json.dumps(_paragraphs(BODY))};
    const shown = {json.dumps(citations)}.map((citation) =>
      paragraphs.map((paragraph) => parts(paragraph, [locate(body, citation)])));
    console.log(JSON.stringify(shown));
    """
    for quote, paragraphs in zip(QUOTES, _run(tmp_path, script), strict=True):
        whole = "\n\n".join("".join(part["text"] for part in parts) for parts in paragraphs)
        assert whole == BODY
        marked = [part["text"] for parts in paragraphs for part in parts if part["cited"]]
        assert "\n\n".join(marked) == quote


@needs_node
def test_several_quotes_are_highlighted_and_not_what_stands_between(tmp_path: Path) -> None:
    ends = [QUOTES[0], QUOTES[2]]
    spans = [{"start": BODY.index(q), "end": BODY.index(q) + len(q)} for q in ends]
    script = f"""
    import {{ parts }} from "./highlight.js";
    const paragraphs = {json.dumps(_paragraphs(BODY))}, spans = {json.dumps(spans)};
    console.log(JSON.stringify(paragraphs.flatMap((paragraph) => parts(paragraph, spans))));
    """
    found = _run(tmp_path, script)
    assert "\n\n".join(p["text"] for p in found if p["cited"]) == "\n\n".join(ends)
    assert any("원🪙이다" in p["text"] and not p["cited"] for p in found)


@needs_node
def test_a_quote_that_moved_is_found_again_and_one_that_went_is_not(tmp_path: Path) -> None:
    moved = "🚋 " + BODY
    script = f"""
    import {{ locate, parts }} from "./highlight.js";
    const text = {json.dumps(QUOTES[1])}, start = {BODY.index(QUOTES[1])};
    const citation = {{ text, start, end: start + {len(QUOTES[1])} }};
    const gone = locate("고친 기사다.", citation);
    const [part] = parts({{ text: "고친 기사다.", start: 0, end: 7 }}, []);
    console.log(JSON.stringify([locate({json.dumps(moved)}, citation), gone, part]));
    """
    found, gone, part = _run(tmp_path, script)
    assert moved[found["start"] : found["end"]] == QUOTES[1]
    assert gone is None
    assert part == {"text": "고친 기사다.", "cited": False}


EVENTS = (
    ": ping\n\n"
    'event: interpreted\ndata: {"standalone_question": "누구?"}\n\n'
    'event: sentence\r\ndata: {"text":\r\ndata: "트램 🚋"}\r\n\r\n'
    'data: {"plain": true}\n\n'
    'event: done\ndata: {"cut": "off"'
)


@needs_node
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_events_are_read_however_the_network_cuts_them(tmp_path: Path, size: int) -> None:
    script = f"""
    import {{ serverSentEvents }} from "./events.js";
    const bytes = new TextEncoder().encode({json.dumps(EVENTS)});
    const body = new ReadableStream({{ start(controller) {{
      for (let at = 0; at < bytes.length; at += {size})
        controller.enqueue(bytes.slice(at, at + {size}));
      controller.close();
    }} }});
    const events = [];
    for await (const event of serverSentEvents(body)) events.push(event);
    console.log(JSON.stringify(events));
    """
    assert _run(tmp_path, script) == [
        {"name": "interpreted", "data": {"standalone_question": "누구?"}},
        {"name": "sentence", "data": {"text": "트램 🚋"}},
        {"name": "message", "data": {"plain": True}},
    ]


_ASK = """
import { ask, Problem } from "./events.js";
const headers = { get: () => "r-1" };
const stream = (text) => ({ ok: true, headers, body: new Blob([text]).stream() });
const replies = {
  unready: { ok: false, status: 503, headers, json: async () => ({ detail: "준비 중", code: "c" }) },
  garbled: { ok: false, status: 502, headers, json: async () => { throw new SyntaxError(); } },
  broken: stream('event: passages\\ndata: {}\\n\\n'),
  failed: stream('event: error\\ndata: {"detail": "늦음", "code": "llm_timeout"}\\n\\n'),
};
const told = {};
for (const [name, reply] of Object.entries({ ...replies, offline: null })) {
  globalThis.fetch = async () => { if (reply) return reply; throw new TypeError("no network"); };
  try {
    for await (const event of ask({ question: "?" })) void event;
  } catch (error) {
    told[name] = [error instanceof Problem, error.message, error.status ?? null];
  }
}
console.log(JSON.stringify(told));
"""


@needs_node
def test_every_failure_is_told_in_korean(tmp_path: Path) -> None:
    assert _run(tmp_path, _ASK) == {
        "unready": [True, "준비 중", 503],
        "garbled": [True, "서버가 요청을 처리하지 못했습니다.", 502],
        "broken": [True, "답이 도중에 끊겼습니다. 다시 물어 주세요.", None],
        "failed": [True, "늦음", None],
        "offline": [True, "서버에 연결하지 못했습니다. 잠시 뒤 다시 시도해 주세요.", None],
    }


ASKED = {
    "question": "총사업비 & 예산=?",
    "from": "2026-03-01",
    "to": "",
    "press": "해담일보",
    "section": "",
    "mode": "",
}
FOLLOWING = dict.fromkeys(ASKED, "") | {"question": "왜?", "mode": "timeline"}


@needs_node
def test_a_link_holds_the_questions_and_their_conditions(tmp_path: Path) -> None:
    script = f"""
    import {{ fromHash, toHash, toRequest }} from "./link.js";
    const asked = {json.dumps([ASKED, FOLLOWING])}, hash = toHash(asked);
    const said = [{{ role: "user", content: "?" }}];
    console.log(JSON.stringify([
      fromHash(hash), hash.includes("section"), toRequest(asked[0]), toRequest(asked[1], said),
      fromHash(""), fromHash("#q=+&q="), fromHash("#press=A&q=%3F&mode=dance&x=1"),
    ]));
    """
    back, keeps_empty, first, second, *nothing, [odd] = _run(tmp_path, script)
    assert back == [ASKED, FOLLOWING]
    assert not keeps_empty
    filters = {"published_from": "2026-03-01", "press": ["해담일보"]}
    assert first == {"question": ASKED["question"], "filters": filters}
    said = [{"role": "user", "content": "?"}]
    assert second == {"question": "왜?", "filters": {}, "conversation": said, "mode": "timeline"}
    assert nothing == [[], []]
    assert (odd["press"], odd["question"], odd["mode"]) == ("A", "?", "")


@needs_node
def test_a_link_keeps_the_last_questions_of_a_long_conversation(tmp_path: Path) -> None:
    script = """
    import { fromHash, MAX_TURNS, toHash } from "./link.js";
    const many = Array.from({ length: 9 }, (_, n) => ({ question: `${n}` }));
    const long = "#" + many.map(({ question }) => `q=${question}`).join("&");
    console.log(JSON.stringify([MAX_TURNS, toHash(many), fromHash(long).map((one) => one.question)]));
    """
    most, address, read = _run(tmp_path, script)
    last = [str(n) for n in range(9 - most, 9)]
    assert address == "#" + "&".join(f"q={n}" for n in last)
    assert read == last


_PINS = """
import { MAX_PINS, Pins } from "./pins.js";
class Shelf {
  constructor(text) { this.text = text; }
  getItem() { return this.text; }
  setItem(_, text) { this.text = text; }
}
const broken = { getItem() { throw new Error("no"); }, setItem() { throw new Error("full"); } };
const pin = (start) => ({ article_id: "a", source: "s", title: "t", start, end: start + 2, quotes: [{ text: "말" }] });
const told = {};
const shelf = new Shelf(null), pins = new Pins(() => shelf);
pins.toggle(pin(1)); pins.toggle(pin(2)); pins.toggle(pin(1));
told.kept = new Pins(() => shelf).all.map(({ start }) => start);
told.has = [pins.has(pin(2)), pins.has(pin(1))];
for (const text of ["{", "[1, null, {}]", '{"a": 1}', '[{"article_id": "a"}]']) {
  told[text] = new Pins(() => new Shelf(text)).all;
}
for (const [name, storage] of Object.entries({ broken: () => broken, none: () => { throw new Error("private"); } })) {
  const passing = new Pins(storage);
  passing.toggle(pin(1));
  told[name] = passing.all.length;
}
const full = new Pins(() => new Shelf(null));
let refused = 0;
full.addEventListener("full", () => (refused += 1));
for (let n = 0; n <= MAX_PINS; n += 1) full.toggle(pin(n));
told.full = [full.all.length - MAX_PINS, refused];
console.log(JSON.stringify(told));
"""


@needs_node
def test_pins_survive_and_a_broken_storage_breaks_nothing(tmp_path: Path) -> None:
    told = _run(tmp_path, _PINS)
    assert told.pop("kept") == [2]
    assert told.pop("has") == [True, False]
    assert (told.pop("broken"), told.pop("none"), told.pop("full")) == (1, 1, [0, 1])
    assert set(map(str, told.values())) == {"[]"}


@needs_node
def test_what_of_quotes_was_not_read_is_told_in_code_points(tmp_path: Path) -> None:
    body = "🚋가나다라마"
    script = f"""
    import {{ unread }} from "./highlight.js";
    const quote = {{ text: {json.dumps(body)}, start: 10, end: 16 }};
    const read = (...spans) => unread([quote], spans.map(([start, end]) => ({{ start, end }})));
    console.log(JSON.stringify([read(), read([12, 14]), read([0, 99]), read([0, 11], [15, 20])]));
    """
    found = [[(p["text"], p["start"]) for p in pieces] for pieces in _run(tmp_path, script)]
    assert found == [[(body, 10)], [("🚋가", 10), ("라마", 14)], [], [("가나다라", 11)]]


@needs_node
def test_the_sentences_of_a_paragraph_are_all_of_it(tmp_path: Path) -> None:
    text = "🚋 1호선이다. 4.8㎞를 달린다. “언제?”라고 물었다."
    script = f"""
    import {{ sentencesOf, slice }} from "./highlight.js";
    const found = sentencesOf({{ text: {json.dumps(text)}, start: 5 }});
    const cut = found.map(({{ start, end }}) => slice({json.dumps(text)}, start - 5, end - 5));
    console.log(JSON.stringify([found.map(({{ text }}) => text), cut]));
    """
    found, cut = _run(tmp_path, script)
    assert found == cut
    assert "".join(found) == text
    assert found[:2] == ["🚋 1호선이다. ", "4.8㎞를 달린다. "]


@needs_node
@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2026-03-02", "2026-03-08", "2026년 3월 2일부터 8일까지"),
        ("2026-02-28", "2026-03-01", "2026년 2월 28일부터 3월 1일까지"),
        ("2025-12-31", "2026-01-01", "2025년 12월 31일부터 2026년 1월 1일까지"),
        ("2026-03-02", "2026-03-02", "2026년 3월 2일"),
        ("2026-03-02", None, "2026년 3월 2일부터"),
        (None, "2026-03-02", "2026년 3월 2일까지"),
    ],
)
def test_a_period_is_told_without_repeating_itself(
    tmp_path: Path, first: str | None, last: str | None, told: str
) -> None:
    span = json.dumps({"from": first, "to": last})
    script = f"""
    import {{ period }} from "./wording.js";
    console.log(JSON.stringify(period({span})));
    """
    assert _run(tmp_path, script) == told


@needs_node
@pytest.mark.parametrize(
    ("status", "below"),
    [
        ("answered", "출처\n[1]"),
        ("related", "가까운 기사: 답이 아니라, 찾아보실 만한 기사와 그 한 대목입니다.\n-"),
    ],
)
def test_what_is_copied_stands_on_its_own(tmp_path: Path, status: str, below: str) -> None:
    cited = {
        "number": 1,
        "title": "트램 승인",
        "press": None,
        "published_at": None,
        "reporters": [],
        "quotes": [{"text": "총사업비는 4,820억 원이다.", "start": 0, "end": 17}],
        "url": "https://haedam.example/1",
    }
    answer = {
        "question": "총사업비는?",
        "status": status,
        "text": "4,820억 원이다.[1]",
        "sentences": [{"text": "4,820억 원이다.", "citations": [1], "support": "quoted"}],
        "citations": [cited],
    }
    script = f"""
    import {{ plainText }} from "./wording.js";
    console.log(JSON.stringify(plainText({json.dumps(answer)}, "http://x/#q=1")));
    """
    assert _run(tmp_path, script) == (
        f"총사업비는?\n\n4,820억 원이다.[1]\n\n{below} 트램 승인 (언론사 모름 · 날짜 모름)\n"
        "    “총사업비는 4,820억 원이다.”\n"
        "    https://haedam.example/1\n\nhttp://x/#q=1"
    )


@needs_node
def test_every_door_has_the_same_words_for_leads_and_grades(tmp_path: Path) -> None:
    said = [Sentence(text="긴 글.", citations=(1, 2), support=grade) for grade in get_args(Support)]
    sentences = json.dumps([sentence.model_dump() for sentence in said])
    script = f"""
    import {{ GRADES, LEADS_TITLE, NO_ANSWER, SEE_THE_ARTICLE, sentenceText }} from "./wording.js";
    const texts = {sentences}.map(sentenceText);
    console.log(JSON.stringify([LEADS_TITLE, NO_ANSWER, SEE_THE_ARTICLE, texts, Object.keys(GRADES)]));
    """
    *words, texts, grades = _run(tmp_path, script)
    assert words == [wording.LEADS_TITLE, wording.NO_ANSWER, wording.SEE_THE_ARTICLE]
    assert texts == [sentence.marked + wording.mark(sentence) for sentence in said]
    assert grades == [*get_args(Support), "pending", "withdrawn"]


@needs_node
def test_what_answers_is_marked_as_python_marks_it(tmp_path: Path) -> None:
    """In two quotes, behind a character of two UTF-16 units, with a span that reaches beyond its quote."""
    first, second = "🚋 가나다라.", "마바사."
    cited = citation(
        quote=f"{first} 아 {second}",
        start=3,
        end=3 + len(f"{first} 아 {second}"),
        quotes=(
            Quote(text=first, start=3, end=3 + len(first)),
            Quote(text=second, start=3 + len(first) + 3, end=3 + len(first) + 3 + len(second)),
        ),
        answer_spans=(Span(start=2, end=4), Span(start=5, end=len(first) + 4)),
    )
    script = f"""
    import {{ marked }} from "./highlight.js";
    console.log(JSON.stringify(marked({cited.model_dump_json()})));
    """
    shown = [[(part["text"], part["cited"]) for part in quote] for quote in _run(tmp_path, script)]
    assert shown == [list(parts) for parts in cited.marked_quotes()]
    assert shown[0] == [("🚋 ", False), ("가나", True), ("다", False), ("라.", True)]
    assert shown[1] == [("마", True), ("바사.", False)]


def test_the_files_of_the_page_come_compressed_and_answers_as_they_are(
    answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = TestClient(create_app(load_settings(), answerer=answerer))
    accepted = {"Accept-Encoding": "gzip"}
    style = client.get("/static/page.css", headers=accepted)
    assert style.headers["content-encoding"] == "gzip"
    assert style.text == (WEB / "page.css").read_text("utf-8")
    asked = {"question": "트램 1호선 총사업비는 얼마인가요?"}
    stream = {"Accept": "text/event-stream"}
    answer = client.post("/v1/ask", json=asked, headers=accepted | stream)
    assert "content-encoding" not in answer.headers
