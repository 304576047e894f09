"""What people export and save: spreadsheets, JSON of any shape, live blogs, tables, documents of offices."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from contracts.reader_contract import ARTICLE, ReaderContract
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_index import LIBRARY, TRAM, build, open_small

from index import Article, Filters, MalformedArticle
from index.preparation import article_digest
from index.readers import READERS, ReadOptions, read
from index.readers.json_records import _Objects
from index.readers.moments import Clock, parse_moment
from index.sources import Sources, load_sources
from service.schema import Citation
from service.wording import extent

HEADER = (
    "뉴스 식별자,일자,언론사,기고자,제목,통합 분류1,통합 분류2,인물,키워드,"
    "특성추출(가중치순 상위 50개),본문,URL,분석제외 여부"
)
ROWS = (
    "0110.1,20260311,해담일보,한가람,버스 요금 오른다,지역>해담,경제>물가,,버스,요금,"
    '"해담시가 요금을 올린다. \n성인은 1,600원이다.",https://haedam.example/1,',
    "0110.2,20260312,동람경제,,조선소 새 도크,경제 > 산업,,,조선,도크,조선소가 도크를 새로 짓는다. 공사는 2년...,,",
)


def articles(path: Path, **options: object) -> list[Article]:
    items = list(read(path, options=ReadOptions(**options)))  # type: ignore[arg-type]
    assert all(isinstance(item, Article) for item in items), [*map(str, items)]
    return [item for item in items if isinstance(item, Article)]


def reasons(path: Path) -> list[str]:
    return [item.reason for item in read(path) if isinstance(item, MalformedArticle)]


def saved(path: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def workbook(rows: Sequence[Sequence[object]], *, wrong_size: bool = False) -> bytes:
    import openpyxl

    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(list(row))
    book.save(file)
    if not wrong_size:
        return file.getvalue()
    changed = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            part = old.read(name).decode()
            head, mark, tail = part.partition('<dimension ref="')
            new.writestr(name, f"{head}{mark}A1{tail[tail.index(chr(34)) :]}" if mark else part)
    return changed.getvalue()


def pdf(*pages: Sequence[str]) -> bytes:
    """A PDF whose pages show these lines, in a font that maps each character to itself."""
    chars = sorted({char for page in pages for line in page for char in line})
    codes = {char: number + 1 for number, char in enumerate(chars)}
    mapping = "".join(f"<{n:04x}> <{ord(c):04x}>\n" for c, n in codes.items() if ord(c) < 0x10000)
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{mapping}endbfchar endcmap end end"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{6 + 2 * n} 0 R' for n in range(len(pages)))}] >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F /CIDSystemInfo << /Registry (A) /Ordering (I) /Supplement 0 >> /DW 1000 >>",
        f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream",
    ]
    for n, page in enumerate(pages):
        shown = "".join(
            f"<{''.join(f'{codes[c]:04x}' for c in line)}> Tj 0 -20 Td\n" for line in page
        )
        content = f"BT /F 10 Tf 50 800 Td\n{shown}ET"
        resources = "<< /Font << /F 3 0 R >> >>"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 2000 900] /Resources {resources} /Contents {7 + 2 * n} 0 R >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        ]
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(places) + 1} /Root 1 0 R >>\n"
    return out + f"{trailer}startxref\n{len(out)}\n%%EOF".encode()


def hwpx(section: str) -> bytes:
    file = io.BytesIO()
    space = "http://www.hancom.co.kr/hwpml/2011"
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("mimetype", "application/hwp+zip")
        package.writestr(
            "Contents/section0.xml",
            f'<hs:sec xmlns:hs="{space}/section" xmlns:hp="{space}/paragraph">{section}</hs:sec>',
        )
    return file.getvalue()


def paragraph(*texts: str, inside: str = "") -> str:
    runs = "".join(f"<hp:run><hp:t>{text}</hp:t></hp:run>" for text in texts)
    return f"<hp:p>{runs}<hp:run>{inside}</hp:run></hp:p>"


def docx(*paragraphs: str, table: Sequence[Sequence[str]] = ()) -> bytes:
    import docx as library

    document, file = library.Document(), io.BytesIO()
    document.sections[0].header.paragraphs[0].text = "해담시 보도자료"
    for text in paragraphs:
        document.add_paragraph(text)
    if table:
        made = document.add_table(len(table), len(table[0]))
        for row, cells in zip(made.rows, table, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    document.save(file)
    return file.getvalue()


# --- the contract, for each kind -------------------------------------------------------------


class TestXlsx(ReaderContract):
    kind = ".xlsx"
    articles = 2

    def good(self) -> bytes:
        return workbook(
            [("id", "title", "body"), (1, "제목 하나", ARTICLE), (2, "제목 둘", ARTICLE)]
        )

    def broken(self) -> bytes:
        return workbook([("id", "title", "body"), (1, "제목 하나", None), (2, "제목 둘", ARTICLE)])


class TestJson(ReaderContract):
    kind = ".json"
    articles = 2

    def good(self) -> bytes:
        items = [{"id": n, "title": "제목", "body": ARTICLE} for n in (1, 2)]
        return json.dumps({"total": 2, "items": items}, ensure_ascii=False, indent=1).encode()

    def broken(self) -> bytes:
        return json.dumps([{"id": 1, "body": ""}, {"id": 2, "body": ARTICLE}], indent=1).encode()


class TestPdf(ReaderContract):
    kind = ".pdf"

    @pytest.fixture(autouse=True)
    def _needs_pypdf(self) -> None:
        pytest.importorskip("pypdf", reason="the optional extra for documents is not installed")

    def good(self) -> bytes:
        return pdf(["버스 요금 150원 오른다", *ARTICLE.split("\n\n")])

    def broken(self) -> bytes:
        return pdf([])

    def test_reports_what_is_broken_and_goes_on(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        (report,) = self.through_front_door(self.broken(), tmp_path_factory)
        assert isinstance(report, MalformedArticle)
        assert "no text layer" in report.reason


class TestDocx(ReaderContract):
    kind = ".docx"

    @pytest.fixture(autouse=True)
    def _needs_docx(self) -> None:
        pytest.importorskip("docx", reason="the optional extra for documents is not installed")

    def good(self) -> bytes:
        return docx("버스 요금 150원 오른다", *ARTICLE.split("\n\n"))

    def broken(self) -> bytes:
        return docx("")

    test_reports_what_is_broken_and_goes_on = None  # type: ignore[assignment]


class TestHwpx(ReaderContract):
    kind = ".hwpx"

    def good(self) -> bytes:
        return hwpx("".join(map(paragraph, ["버스 요금 150원 오른다", *ARTICLE.split("\n\n")])))

    def broken(self) -> bytes:
        return hwpx("")

    test_reports_what_is_broken_and_goes_on = None  # type: ignore[assignment]


SAMPLES: dict[str, Callable[[], bytes]] = {
    ".xlsx": TestXlsx().good,
    ".json": TestJson().good,
    ".csv": lambda: "\n".join((HEADER, *ROWS)).encode(),
    ".txt": lambda: "\n".join((HEADER, *ROWS)).replace(",", "\t").encode("utf-16"),
    ".pdf": TestPdf().good,
    ".docx": TestDocx().good,
    ".hwpx": TestHwpx().good,
    ".html": lambda: (
        '<script>self.__next_f.push([1,"1:T9,가나다\\n2:[\\"$\\",\\"p\\",null,{\\"children\\":\\"$1\\"}]\\n"])</script>'
        '<table><tr><th colspan=2>가<tr><td rowspan=9>1<td>2</table><ul><li><time datetime="2026-01-01">1</time>가</ul>'
    ).encode(),
}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(sorted(SAMPLES)),
    at=st.floats(0, 1),
    junk=st.binary(max_size=40),
    length=st.integers(0, 200),
)
def test_damage_anywhere_is_reported_and_never_raised(
    kind: str, at: float, junk: bytes, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = SAMPLES[kind]()
    place = int(at * len(data))
    path = tmp_path_factory.mktemp("damaged") / f"a{kind}"
    path.write_bytes(data[:place] + junk + data[place + length :])
    for item in read(path):
        assert isinstance(item, Article | MalformedArticle)
        assert "the reader failed" not in str(item)


@pytest.mark.parametrize("kind", [".json", ".jsonl", ".csv", ".xlsx", ".pdf", ".docx", ".hwpx"])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.binary(max_size=400) | st.text(alphabet='[]{},:"\\1가 \n', max_size=200).map(str.encode)
)
def test_no_input_makes_a_reader_fail(
    kind: str, data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a{kind}"
    path.write_bytes(data)
    assert all("the reader failed" not in str(item) for item in read(path))


# --- tables ----------------------------------------------------------------------------------


def check_rows(found: list[Article]) -> None:
    first, second = found
    assert (first.id, first.title, first.press) == ("0110.1", "버스 요금 오른다", "해담일보")
    assert first.body == "해담시가 요금을 올린다.\n\n성인은 1,600원이다."
    assert first.published_at is not None
    assert first.published_at.isoformat() == "2026-03-11T00:00:00+09:00"
    assert (first.reporters, first.section, first.excerpt) == (("한가람",), "지역>해담", False)
    assert (second.reporters, second.section, second.excerpt) == ((), "경제>산업", True)


CSV = "\n".join((HEADER, *ROWS)) + "\n"


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.csv", CSV, "utf-8-sig"),
        ("a.csv", CSV, "cp949"),
        ("a.csv", CSV.replace("\n", "\r"), "utf-8"),
        ("a.csv", f"sep=,\r\n{CSV}", "utf-8-sig"),
        ("a.csv", f"검색 결과\n\n{CSV}", "utf-8"),
        ("a.csv", CSV.replace("/1,\n", "/1\n").replace("...,,\n", "...\n"), "utf-8"),
        ("a.csv", CSV.replace("/1,\n", "/1,,,\n").replace("...,,\n", "...,,,,\n"), "utf-8"),
        ("a.csv", CSV.replace("20260311", "20260311.0").replace("20260312", " 2026.03.12 "), "utf-8"),
        ("a.csv", CSV.replace("20260311", "46092"), "utf-8"),
        ("a.csv", CSV.replace("20260311", "26.03.11"), "utf-8"),
        ("a.txt", CSV.replace("1,600", "1;600").replace(",", "\t").replace(";", ","), "utf-16"),
    ],
)  # fmt: skip
def test_exports_as_spreadsheets_save_them(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    check_rows(articles(saved(tmp_path / name, text, encoding)))


@pytest.mark.parametrize("wrong_size", [False, True])
def test_a_workbook(tmp_path: Path, wrong_size: bool) -> None:
    rows: list[list[object]] = [["검색 결과"], [], HEADER.split(",")]
    rows.append(["0110.1", 20260311, "해담일보", "한가람", "버스 요금 오른다", "지역>해담"])
    rows[-1] += [None, None, "버스", "요금", "해담시가 요금을 올린다. _x000D_\n성인은 1,600원이다."]
    rows.append(["0110.2", 20260312.0, "동람경제", None, "조선소 새 도크", "경제 > 산업"])
    rows[-1] += [None, None, "조선", "도크", "조선소가 도크를 새로 짓는다. 공사는 2년..."]
    check_rows(articles(saved(tmp_path / "a.xlsx", workbook(rows, wrong_size=wrong_size))))


def test_whole_numbers_of_a_workbook_are_ids_without_a_fraction(tmp_path: Path) -> None:
    data = workbook([("id", "title", "body"), (17.0, "제목", ARTICLE)])
    assert articles(saved(tmp_path / "a.xlsx", data))[0].id == "17"


def test_a_workbook_that_expands_too_far_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO(workbook([("id", "title", "body"), (1, "제목", ARTICLE)]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/media/image1.bmp", b"\0" * 30_000_000)
    (reason,) = reasons(saved(tmp_path / "a.xlsx", file.getvalue()))
    assert "expands to" in reason


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_table_without_bodies_is_said_once(tmp_path: Path, name: str) -> None:
    rows = [("번호", "제목", "비고"), *((n, f"제목 {n}", "-") for n in range(50))]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (reason,) = reasons(saved(tmp_path / name, workbook(rows) if name.endswith("xlsx") else text))
    assert "no column is known to hold an article's body" in reason
    assert "'비고'" in reason


def test_a_short_row_that_lacks_a_separator_in_front_is_refused(tmp_path: Path) -> None:
    text = "id,press,published_at,title,body,url\n1,해담일보,제목이 여기에,본문이 여기 있다.,x\n"
    assert reasons(saved(tmp_path / "a.csv", text)) == ["5 fields where the header names 6"]


@pytest.mark.parametrize(
    ("order", "text", "expected"),
    [
        ("ymd", "25.06.12 01:30", "2025-06-12T01:30:00+09:00"),
        ("ymd", "06/12/2025", None),
        ("mdy", "06/12/2025", "2025-06-12T00:00:00+09:00"),
        ("dmy", "06/12/2025 3:05 PM", "2025-12-06T15:05:00+09:00"),
        ("mdy", "2025.06.12", "2025-06-12T00:00:00+09:00"),
        ("ymd", "12-Jun-2025", "2025-06-12T00:00:00+09:00"),
        ("ymd", "45820.5", "2025-06-12T12:00:00+09:00"),
        ("ymd", 45820, "2025-06-12T00:00:00+09:00"),
        ("ymd", 20250612.0, "2025-06-12T00:00:00+09:00"),
        ("mdy", "13/40/2025", None),
        ("ymd", "12345", None),
    ],
)
def test_days_in_figures(order: str, text: object, expected: str | None) -> None:
    found = parse_moment(text, Clock(order=order))  # type: ignore[arg-type]
    assert (found and found.isoformat()) == expected


def test_the_order_of_figures_is_a_setting_of_the_source(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = json.dumps({"id": 1, "press": "해담일보", "body": ARTICLE, "date": "06/12/2025"})
    path = saved(tmp_path / "a.jsonl", line)
    with caplog.at_level(logging.WARNING):
        assert articles(path)[0].published_at is None
    assert "GISA_DATE_ORDER" in caplog.text
    rules = saved(tmp_path / "s.toml", '[a]\nmatch.press = "해담일보"\ndate_order = "mdy"')
    sources: Sources = load_sources(rules)
    assert str(articles(path, sources=sources)[0].published_on) == "2025-06-12"
    assert str(articles(path, date_order="dmy")[0].published_on) == "2025-12-06"


# --- JSON ------------------------------------------------------------------------------------

ONE, TWO = (
    {"id": f"a{n}", "title": f"제목 {n}", "body": f"해담시가 {n}번째 회의를 열었다."}
    for n in (1, 2)
)


@pytest.mark.parametrize("kind", [".json", ".jsonl", ".ndjson"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ONE, TWO]),
        json.dumps([ONE, TWO], indent=2),
        json.dumps({"data": {"total": 2, "rows": [ONE, TWO]}}, indent=2),
        json.dumps({"content": [ONE, TWO], "page": 1}),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n",
        f"{json.dumps(ONE)},\n{json.dumps(TWO)},\n",
        f"[\n{json.dumps(ONE)},\n{json.dumps(TWO)}\n]\n",
        f"[{json.dumps(ONE)}]\n[{json.dumps(TWO)}]\n",
        f"{json.dumps(ONE, indent=2)}\n{json.dumps(TWO, indent=2)}\n",
    ],
)
def test_json_of_any_shape(tmp_path: Path, kind: str, text: str) -> None:
    assert [a.id for a in articles(saved(tmp_path / f"a{kind}", text))] == ["a1", "a2"]


def test_a_document_larger_than_memory_may_hold_is_read_in_pieces(tmp_path: Path) -> None:
    items = [ONE | {"id": f"b{n}", "tags": [{"name": "[{"}]} for n in range(40)]
    text = json.dumps({"about": {"x": [1]}, "rows": items}, ensure_ascii=False, indent=1)
    found = articles(saved(tmp_path / "a.json", text), max_file_bytes=2_000)
    assert [a.id for a in found] == [f"b{n}" for n in range(40)]


@given(
    values=st.lists(st.dictionaries(st.text(), st.text() | st.lists(st.integers()), max_size=3)),
    size=st.integers(1, 9),
)
def test_objects_are_found_wherever_the_text_is_cut(
    values: list[dict[str, object]], size: int
) -> None:
    text, objects = json.dumps({"a": {"b": values}}), _Objects(10_000)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert [json.loads(t) for piece in pieces for _, t in objects.feed(piece)] == values


def test_the_newspaper_corpus_of_the_national_institute(tmp_path: Path) -> None:
    about = {
        "title": "해담일보 2026년 기사",
        "author": "한가람",
        "publisher": "해담일보",
        "date": "20260311",
    }
    paragraphs = ["시내버스 요금 오른다", "해담시가 요금을 올린다고 밝혔다."]
    document = {
        "id": "N1.1",
        "metadata": about | {"topic": "사회"},
        "paragraph": [{"id": f"N1.1.{n}", "form": text} for n, text in enumerate(paragraphs)],
    }
    corpus = {"id": "N1", "metadata": {"title": "신문"}, "document": [document]}
    (article,) = articles(saved(tmp_path / "a.json", json.dumps(corpus)))
    assert (article.id, article.title, article.press) == ("N1.1", paragraphs[0], "해담일보")
    assert (article.section, article.reporters, article.body) == (
        "사회",
        ("한가람",),
        paragraphs[1],
    )


def test_items_of_a_search_are_excerpts(tmp_path: Path) -> None:
    item = {
        "title": "<b>해담시</b> &quot;요금&quot; 인상",
        "link": "https://portal.example/1",
        "originallink": "https://haedam.example/1",
        "description": "<b>해담시</b>가 요금을 올린다고 밝혔다. 성인은...",
        "pubDate": "Wed, 11 Mar 2026 09:10:00 +0900",
    }
    response = {"lastBuildDate": "-", "total": 1, "items": [item]}
    (article,) = articles(saved(tmp_path / "a.json", json.dumps(response)))
    assert article.title == '해담시 "요금" 인상'
    assert (article.body, article.excerpt) == ("해담시가 요금을 올린다고 밝혔다. 성인은...", True)
    assert article.url == "https://haedam.example/1"


def test_values_with_their_types_are_the_values(tmp_path: Path) -> None:
    """As MongoDB exports them."""
    moments = ("2026-03-11T00:10:00Z", {"$numberLong": "1773187800000"}, 1773187800000)
    records = [
        ONE | {"id": {"$oid": f"65f{n}"}, "published_at": {"$date": moment}}
        for n, moment in enumerate(moments)
    ]
    found = articles(saved(tmp_path / "a.jsonl", "\n".join(map(json.dumps, records))))
    assert [a.id for a in found] == ["65f0", "65f1", "65f2"]
    assert {str(a.published_at) for a in found} == {"2026-03-11 09:10:00+09:00"}


def test_a_moment_of_another_shape_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = [ONE | {"published_at": ["2026-03-11"]}, TWO | {"published_at": {"year": 2026}}]
    found = articles(saved(tmp_path / "a.json", json.dumps(records)))
    assert [str(a.published_at)[:10] for a in found] == ["2026-03-11", "None"]
    assert "not a moment, ignored: {'year': 2026}" in caplog.text


def test_a_picture_with_a_description_is_no_article(tmp_path: Path) -> None:
    record = {"title": "제목", "images": [{"description": "회의 모습"}]}
    assert reasons(saved(tmp_path / "a.jsonl", json.dumps(record))) == ["no body"]


def test_what_is_no_json_is_said_once(tmp_path: Path) -> None:
    (reason,) = reasons(saved(tmp_path / "a.jsonl", "이것은 JSON이 아니다.\n" * 500))
    assert "no line of it is JSON" in reason


def test_what_no_reader_takes_says_what_would(tmp_path: Path) -> None:
    assert reasons(saved(tmp_path / "a.hwp", "x")) == [
        "unsupported kind of file: .hwp; save it as .hwpx or .pdf"
    ]
    (reason,) = reasons(saved(tmp_path / "a.xyz", "x"))
    assert all(kind in reason for kind in READERS)


# --- pages -----------------------------------------------------------------------------------


def page(body: str, head: str = "") -> str:
    return (
        f"<html><head><title>버스 요금 오른다 - 해담일보</title>{head}</head><body>"
        f"<nav><a href='/'>홈</a><a href='/p'>정치</a></nav><article><h1>버스 요금 오른다</h1>{body}</article></body></html>"
    )


def body_of(tmp_path: Path, html: str) -> Article:
    (article,) = articles(saved(tmp_path / "a.html", html))
    return article


STORY = "".join(f"<p>{line}</p>" for line in ARTICLE.split("\n\n"))


@pytest.mark.parametrize(
    "tag",
    [
        '<a href="#" data-name="header""  data-label="로그인">',
        "<a href='#' title='그가 '직접' 말했다'>",
        '<img alt="시장이 "무료"라고 말한다" src="a.jpg">',
        "<a href=it's>",
    ],
)
def test_a_stray_quote_costs_nothing(tmp_path: Path, tag: str) -> None:
    menu = "<ul>" + '<li><a href="/m" class="btn strong">메뉴 항목</a></li>' * 6_000 + "</ul>"
    article = body_of(tmp_path, page(f"{tag}</a>{STORY}") + menu)
    assert article.body == ARTICLE


def test_a_section_named_by_a_menu_alone_is_none(tmp_path: Path) -> None:
    assert body_of(tmp_path, page(STORY)).section is None
    loose = f"<div>홈</div><div>정치</div><div>경제</div>{STORY}"
    assert body_of(tmp_path, page(loose)).section is None


def test_who_signs_with_others(tmp_path: Path) -> None:
    beside = (
        "<div class='article-subtitle'><span>한가람 기자 외 2명</span><p>성인 1,600원</p></div>"
    )
    article = body_of(tmp_path, page(beside + STORY))
    assert (article.reporters, article.subtitles) == (("한가람",), ("성인 1,600원",))


@pytest.mark.parametrize(
    "notice",
    [
        "기사 URL이 복사되었습니다.",
        "링크가 복사되었습니다",
        "스크랩이 완료되었습니다.",
        "글자크기 설정",
    ],
)
def test_what_a_page_says_of_itself_is_no_text(tmp_path: Path, notice: str) -> None:
    assert body_of(tmp_path, page(f"{STORY}<div>{notice}</div>")).body == ARTICLE


def flight(*rows: str) -> str:
    pushes = (f"self.__next_f.push([1,{json.dumps(row, ensure_ascii=False)}])" for row in rows)
    scripts = "".join(f"<script>{push}</script>" for push in pushes)
    return f"<html><head><title>버스 요금 오른다</title></head><body><main></main>{scripts}</body></html>"


def test_the_story_in_text_rows_of_the_app_router(tmp_path: Path) -> None:
    size = f"{len(STORY.encode()):x}"
    item = {"articleId": "A", "title": "버스 요금 오른다", "content": "$2a"}
    whole = f'1:"$Sreact.fragment"\n2a:T{size},{STORY}2b:{json.dumps(["$", "$L9", None, {"article": item}])}\n'
    cut = len(whole) // 2
    for rows in ((whole,), (whole[:cut], whole[cut:])):
        assert body_of(tmp_path, flight(*rows)).body == ARTICLE


def test_the_story_in_elements_of_the_app_router(tmp_path: Path) -> None:
    elements = [
        ["$", "p", None, {"className": "b", "children": line}] for line in ARTICLE.split("\n\n")
    ]
    row = "5:" + json.dumps(["$", "div", None, {"children": elements}]) + "\n"
    assert body_of(tmp_path, flight(row)).body == ARTICLE


def test_rows_that_refer_to_each_other_end(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.html", flight('1:["$2","$2"]\n2:["$1","$1"]\n'))
    assert len(reasons(path)) == 1


UPDATES = (("2026-03-11T14:20:00+09:00", "공장에서 불", "북구 공장에서 불이 났다."),
           ("2026-03-11T15:00:00+09:00", "부상 3명", "직원 3명이 다쳤다고 소방당국이 밝혔다."))  # fmt: skip
TOLD = (
    "3월 11일 14:20 공장에서 불 — 북구 공장에서 불이 났다.\n\n"
    "3월 11일 15:00 부상 3명 — 직원 3명이 다쳤다고 소방당국이 밝혔다."
)


def test_a_live_blog_in_json_ld(tmp_path: Path) -> None:
    updates = [
        dict(zip(("datePublished", "headline", "articleBody"), one, strict=True)) for one in UPDATES
    ]
    data = {"@type": "LiveBlogPosting", "headline": "공장 불", "liveBlogUpdate": updates}
    script = f"<script type='application/ld+json'>{json.dumps(data)}</script>"
    assert body_of(tmp_path, page("", script)).body == TOLD


@pytest.mark.parametrize("tags", [("ul", "li"), ("div", "section"), ("div", "article")])
def test_a_live_blog_in_the_page(tmp_path: Path, tags: tuple[str, str]) -> None:
    outer, inner = tags
    blocks = "".join(
        f"<{inner}><div><time datetime='{when}'>시각</time></div><h3>{head}</h3><p>{text}</p></{inner}>"
        for when, head, text in UPDATES
    )
    article = body_of(
        tmp_path, page(f"<p>화재 소식을 실시간으로 전합니다.</p><{outer}>{blocks}</{outer}>")
    )
    assert article.body == f"화재 소식을 실시간으로 전합니다.\n\n{TOLD}"


def test_teasers_with_times_are_no_live_blog(tmp_path: Path) -> None:
    teasers = "".join(
        f"<li><a href='/{n}'>다른 기사의 제목이 여기에 있다 {n}</a><time datetime='2026-03-1{n}'>어제</time></li>"
        for n in range(4)
    )
    assert "월" not in body_of(tmp_path, page(f"{STORY}<ul>{teasers}</ul>")).body


def test_every_row_of_a_table_has_all_its_cells(tmp_path: Path) -> None:
    table = (
        "<table><caption>구별 인구(명)</caption><tr><th rowspan=2></th><th colspan=2>2025년</th><th>2026년</th></tr>"
        "<tr><th>남</th><th>여</th><th>남</th></tr><tr><th>남구</th><td>1,100</td><td>1,200</td><td></td></tr>"
        "<tr><td>북구</td><td colspan=2>2,000</td><td>900</td></tr></table>"
    )
    lines = body_of(tmp_path, page(STORY + table)).body.split("\n\n")
    assert lines[-4:] == [
        "구별 인구(명)",
        "구분 | 2025년 남 | 2025년 여 | 2026년 남",
        "남구 | 1,100 | 1,200 | -",
        "북구 | 2,000 | 2,000 | 900",
    ]


def test_a_table_without_column_names_keeps_its_rows(tmp_path: Path) -> None:
    table = "<table><tr><td rowspan=2>가군</td><td>1일</td><td>3승</td></tr><tr><td>2일</td><td>4승</td></tr></table>"
    lines = body_of(tmp_path, page(STORY + table)).body.split("\n\n")
    assert lines[-2:] == ["가군 | 1일 | 3승", "가군 | 2일 | 4승"]


# --- documents -------------------------------------------------------------------------------


def test_a_printed_release_keeps_its_pages(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="the optional extra for documents is not installed")
    first = [
        "해담시 보도자료 2026-3",
        "버스 요금 150원 오른다",
        "해담시는 시내버스 요금을 150원 올린다고 11일 밝혔다.",
        "- 1 -",
    ]
    second = ["해담시 보도자료 2026-3", "청소년 요금은 지금처럼 1,050원으로 묶기로 했다.", "- 2 -"]
    (article,) = articles(saved(tmp_path / "a.pdf", pdf(first, second)))
    assert article.title == first[1]
    assert article.body == f"{first[2]}\n\n{second[1]}"
    assert article.pages == (0, article.body.index("청소년"))
    assert article.page_of(3) == 1
    assert article.page_of(article.body.index("1,050")) == 2


def test_an_article_without_pages_has_none(tmp_path: Path) -> None:
    article = body_of(tmp_path, page(STORY))
    assert (article.pages, article.page_of(5)) == ((), None)


def test_a_word_document_with_a_table(tmp_path: Path) -> None:
    pytest.importorskip("docx", reason="the optional extra for documents is not installed")
    table = [["구", "2025년"], ["남구", "1,100"]]
    data = docx("버스 요금 오른다", *ARTICLE.split("\n\n"), table=table)
    (article,) = articles(saved(tmp_path / "a.docx", data))
    assert article.title == "버스 요금 오른다"
    assert article.body == f"{ARTICLE}\n\n구 | 2025년\n\n남구 | 1,100"


def test_a_hancom_document(tmp_path: Path) -> None:
    cells = (("구", "2025년"), ("남구", "1,100"))
    table = "<hp:tbl>" + "".join(
        "<hp:tr>" + "".join(f"<hp:tc><hp:subList>{paragraph(c)}</hp:subList></hp:tc>" for c in row) + "</hp:tr>"
        for row in cells
    ) + "</hp:tbl>"  # fmt: skip
    running = f"<hp:ctrl><hp:header><hp:subList>{paragraph('해담시 보도자료')}</hp:subList></hp:header></hp:ctrl>"
    one, two = ARTICLE.split("\n\n")
    text = paragraph("버스 요금 ", "오른다", inside=running) + paragraph(one) + paragraph(two)
    (article,) = articles(saved(tmp_path / "a.hwpx", hwpx(text + paragraph(inside=table))))
    assert article.title == "버스 요금 오른다"
    assert article.body == f"{ARTICLE}\n\n구 | 2025년\n\n남구 | 1,100"


@pytest.mark.parametrize("kind", [".docx", ".hwpx"])
def test_packages_that_expand_too_far_are_refused(tmp_path: Path, kind: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("Contents/section0.xml", b"<a>" + b" " * 30_000_000)
    (reason,) = reasons(saved(tmp_path / f"a{kind}", file.getvalue()))
    assert "expands to" in reason


# --- what of it reaches the reader -----------------------------------------------------------


def test_a_section_is_found_by_what_stands_above_it(tmp_path: Path) -> None:
    chips = replace(TRAM, id="chips", section="경제>반도체")
    others = [replace(TRAM, id=name, section=name) for name in ("경제학", "정치")]
    build(tmp_path, [chips, *others])
    with closing(open_small(tmp_path)) as index:
        found = {
            name: {hit.article.id for hit in index.search("트램", filters=Filters(section=(name,)))}
            for name in ("경제", "경제>반도체", "반도체", "정치")
        }
        assert set(index.sections) == {"경제", "경제>반도체", "경제학", "정치"}
    assert found == {"경제": {"chips"}, "경제>반도체": {"chips"}, "반도체": set(), "정치": {"정치"}}


def test_excerpts_are_counted_and_kept(tmp_path: Path) -> None:
    summary = build(tmp_path, [TRAM, replace(LIBRARY, excerpt=True, pages=(0, 30))])
    assert summary.excerpts == 1
    with closing(open_small(tmp_path)) as index:
        kept = index.article(LIBRARY.id)
    assert kept is not None
    assert (kept.excerpt, kept.pages, kept.page_of(31)) == (True, (0, 30), 2)


def test_known_articles_do_not_look_changed_for_what_they_lack() -> None:
    assert article_digest(TRAM) == article_digest(replace(TRAM, excerpt=False, pages=()))
    assert article_digest(TRAM) != article_digest(replace(TRAM, excerpt=True))


def test_a_citation_says_what_there_is_of_its_article() -> None:
    words = {"text": "가", "start": 0, "end": 1}
    about = {"number": 1, "article_id": "a", "title": "가", "press": None, "published_at": None}
    given = about | {"url": None, "quote": "가", "start": 0, "end": 1, "quotes": (words,)}
    assert list(extent(Citation(**given))) == []  # type: ignore[arg-type]
    told = extent(Citation(**given, excerpt=True, page=3))  # type: ignore[arg-type]
    assert list(told) == ["3쪽", "일부만 수록"]
