"""Every kind of input becomes articles; what can't is reported with file and line."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import os
import re
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from contracts.reader_contract import ARTICLE, ReaderContract
from hypothesis import given
from hypothesis import strategies as st

from index import SEOUL, Article, MalformedArticle, SourceUnreadable, read_articles
from index.readers import ReadOptions, canonical_url, read
from index.readers.draft import MAX_TEXT_CHARS
from index.readers.moments import parse_moment
from index.readers.page_text import page_draft

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
CORPUS = Path(__file__).parent / "corpus" / "articles"


def only(path: Path | str, **options: object) -> Article:
    items = list(read(path, options=ReadOptions(**options)))  # type: ignore[arg-type]
    assert len(items) == 1
    assert isinstance(items[0], Article), str(items[0])
    return items[0]


def reports(path: Path | str, **options: object) -> list[MalformedArticle]:
    items = read(path, options=ReadOptions(**options))  # type: ignore[arg-type]
    return [item for item in items if isinstance(item, MalformedArticle)]


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def record(**fields: object) -> str:
    return json.dumps({"title": "버스 요금 인상", "body": ARTICLE} | fields, ensure_ascii=False)


def page(body: str = "", head: str = "", title: str = "버스 요금 150원 오른다 - 해담일보") -> str:
    paragraphs = "".join(f"<p>{line}</p>" for line in (body or ARTICLE).split("\n\n"))
    return (
        f"<!DOCTYPE html><html lang='ko'><head><meta charset='utf-8'><title>{title}</title>{head}"
        f"</head><body><main><h1>버스 요금 150원 오른다</h1><article>{paragraphs}</article></main>"
        "</body></html>"
    )


# --- the contract, for each kind -------------------------------------------------------------


class TestPageText(ReaderContract):
    kind = ".txt"

    def good(self) -> bytes:
        return f"2025.12.18 (목)\n\n사회\n버스 요금 오른다\n\n해담일보 한가람 기자 | {ARTICLE}".encode()

    def broken(self) -> bytes:
        return "정치\n경제\n사회\n로그인\n회원가입".encode()


class TestWebPage(ReaderContract):
    kind = ".html"

    def good(self) -> bytes:
        return page().encode()

    def broken(self) -> bytes:
        return b"<html><body><nav><a href='/'>home</a></nav></body></html>"


class TestJsonLines(ReaderContract):
    kind = ".jsonl"
    articles = 2

    def good(self) -> bytes:
        return f"{record(id='1')}\n\n{record(id='2')}\n".encode()

    def broken(self) -> bytes:
        return f"{record(id='1')}\n{{broken\n[]\n{record(id='3', body='')}\n".encode()


class TestCsv(ReaderContract):
    kind = ".csv"
    articles = 2

    def good(self) -> bytes:
        body = ARTICLE.replace('"', '""')
        return f'id,title,body\n1,제목 하나,"{body}"\n2,제목 둘,"{body}"\n'.encode()

    def broken(self) -> bytes:
        return f'id,title,body\n1,제목\n2,제목,"{ARTICLE}"\n'.encode()


class TestParquet(ReaderContract):
    kind = ".parquet"
    articles = 2

    @pytest.fixture(autouse=True)
    def _needs_pyarrow(self) -> None:
        pytest.importorskip("pyarrow", reason="the optional extra for Parquet is not installed")

    def table(self, bodies: list[str | None]) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        published = [datetime(2025, 12, 18, 9, 30, tzinfo=UTC)] * len(bodies)
        titles = [f"제목 {number}" for number in range(len(bodies))]
        columns = {"title": titles, "body": bodies, "published_at": published}
        stream = io.BytesIO()
        pq.write_table(pa.table(columns), stream)
        return stream.getvalue()

    def good(self) -> bytes:
        return self.table([ARTICLE, ARTICLE])

    def broken(self) -> bytes:
        return self.table([ARTICLE, None])

    def test_inside_an_archive(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", {"a.parquet": self.good()})
        assert [article.body for article in read_articles(path)] == [ARTICLE, ARTICLE]


class TestRss(ReaderContract):
    kind = ".xml"
    articles = 2

    item = "<item><title>제목 {0}</title><link>https://a.example/{0}</link><pubDate>Thu, 18 Dec 2025 09:30:00 +0900</pubDate><dc:creator>한가람 기자</dc:creator><description><![CDATA[{1}]]></description></item>"

    def feed(self, *bodies: str) -> bytes:
        items = "".join(self.item.format(n, body) for n, body in enumerate(bodies))
        return (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/'
            f'elements/1.1/"><channel><title>해담일보 - 전체기사</title>{items}</channel></rss>'
        ).encode()

    def good(self) -> bytes:
        body = "".join(f"<p>{line}</p>" for line in ARTICLE.split("\n\n"))
        return self.feed(body, body)

    def broken(self) -> bytes:
        return self.feed(ARTICLE, "")

    def test_metadata_of_an_entry(self, tmp_path: Path) -> None:
        article = next(read_articles(write(tmp_path / "feed.rss", self.good())))
        assert (article.press, article.reporters) == ("해담일보", ("한가람",))
        assert article.published_at == datetime(2025, 12, 18, 9, 30, tzinfo=SEOUL)
        assert article.published_at_source == "record"
        assert article.url == "https://a.example/0"


class TestNewsXml(ReaderContract):
    kind = ".newsml"

    def good(self) -> bytes:
        paragraphs = "".join(f"<p>{line}</p>" for line in ARTICLE.split("\n\n"))
        return (
            '<?xml version="1.0" encoding="UTF-8"?><NewsML><NewsItem><Identification>'
            "<NewsIdentifier><NewsItemId>AKR20251218</NewsItemId></NewsIdentifier></Identification>"
            "<NewsManagement><FirstCreated>20251218T093000+0900</FirstCreated></NewsManagement>"
            "<NewsComponent><NewsLines><HeadLine>버스 요금 오른다</HeadLine><SubHeadLine>2월부터</SubHeadLine>"
            "<ByLine>한가람 기자</ByLine></NewsLines><ContentItem><DataContent><nitf><body><body.content>"
            f"{paragraphs}</body.content></body></nitf></DataContent></ContentItem></NewsComponent>"
            "</NewsItem></NewsML>"
        ).encode()

    def broken(self) -> bytes:
        return b"<NewsML><NewsItem><HeadLine>only</HeadLine></NewsItem></NewsML>"

    def test_metadata_of_an_item(self, tmp_path: Path) -> None:
        article = only(write(tmp_path / "wire.xml", self.good()))
        assert (article.id, article.title) == ("AKR20251218", "버스 요금 오른다")
        assert (article.subtitles, article.reporters) == (("2월부터",), ("한가람",))
        assert article.published_at == datetime(2025, 12, 18, 9, 30, tzinfo=SEOUL)


# --- the seed --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seed() -> Path:
    if not (SHARED / "seed_article.txt").is_file():
        pytest.skip("../shared/data is not beside the repository: the seed article is not shipped")
    return SHARED / "seed_article.txt"


def test_every_field_of_the_seed(seed: Path) -> None:
    expected = json.loads((SHARED / "seed_expected.json").read_text("utf-8"))
    article = only(seed)
    for name in ("title", "section", "press", "published_at_source"):
        assert getattr(article, name) == expected[name]
    assert list(article.subtitles) == expected["subtitles"]
    assert list(article.reporters) == expected["reporters"]
    assert article.published_on is not None
    assert article.published_on.isoformat() == expected["published_at"] == expected["page_date"]
    assert len(article.paragraphs) == expected["body_paragraphs"]
    # body_characters counts the paragraphs alone: 2,111 without the blank lines between the nine
    assert sum(map(len, article.paragraphs)) == expected["body_characters"]
    assert article.body.startswith(expected["body_starts_with"])
    assert article.body.endswith(expected["body_ends_with"])
    for boilerplate in expected["must_not_contain"]:
        assert boilerplate not in article.body
        assert boilerplate not in article.title


# --- page text -------------------------------------------------------------------------------

PORTAL = """본문 바로가기
NAVER
뉴스
연예
언론사별
정치
경제
사회
랭킹
연합뉴스
언론사 구독
해담시, 내년부터 시내버스 요금 150원 올린다
입력 2025.12.18. 오전 9:31  수정 2025.12.18. 오전 10:02
기사원문
한가람 기자
댓글 12
본문 요약봇
글자 크기 변경하기
SNS 보내기
해담역 환승센터
해담역 환승센터
[해담시 제공. 재판매 및 DB 금지]

(해담=연합뉴스) 한가람 기자 = 해담시는 내년 2월 1일부터 시내버스 요금을 150원 올린다고 18일 밝혔다.

시 관계자는 "버스 회사의 적자를 더 버틸 수 없는 상황"이라고 말했다.

garam@yna.example

▶제보는 카카오톡 okjebo

Copyright ⓒ 연합뉴스. All rights reserved. 무단 전재 및 재배포, AI학습 및 활용 금지
이 기사는 언론사에서 사회 섹션으로 분류했습니다.
많이 본 뉴스
1 어떤 뉴스 제목"""

LOCAL_PAPER = """UPDATED. 2025-12-08 17:20 (월)
로그인
회원가입
전체기사
정치
경제
사회
문화
버들마을 저류지 내년 3월 착공… 침수 걱정 던다
바로가기 복사하기 본문 글씨 줄이기 본문 글씨 키우기
현재위치
홈
사회
버들마을 저류지 내년 3월 착공… 침수 걱정 던다
기자명 이도현 기자   입력 2025.12.08 14:21  수정 2025.12.08 15:00  댓글 0
SNS 기사보내기
페이스북(으로) 기사보내기
188억 원 들여 2만 톤 규모
주민 설명회 17일 열어
버들마을 저류지 조감도. 사진=해담시 제공
해담시가 해마다 물난리를 겪는 은솔구 버들마을에 빗물 저류지를 만든다.

시는 8일 "국비 등 188억 원을 들여 내년 3월 저류지 공사를 시작한다"고 밝혔다. 저류지는 빗물 2만 톤을 가둘 수 있다.

이도현 기자  dohyun@haedamnews.example
다른기사 보기
저작권자 © 해담신문 무단전재 및 재배포 금지
관련기사
해담시 하수도 요금 동결"""

BROADCAST = """KBS 뉴스
윤슬대교 12중 추돌…1명 숨져
입력 2025.11.07 (21:10)
수정 2025.11.07 (22:03)
뉴스 9
읽어주기 기능은 크롬기반의
브라우저에서만 사용하실 수 있습니다.
[앵커]
오늘 아침 짙은 안개가 낀 다리 위에서 차량 12대가 잇따라 부딪혔습니다.

서하늘 기자가 보도합니다.

[리포트]
앞이 거의 보이지 않는 다리 위.

[김모 씨/운전자 : "브레이크를 밟았는데도 멈추지 않았어요."]

경찰은 과속 여부를 조사하고 있습니다.

KBS 뉴스 서하늘입니다.

촬영기자:김촬영/영상편집:이편집

■ 제보하기
▷ 카카오톡 : 'KBS제보' 검색, 채널 추가
▷ 이메일 : kbs1234@kbs.example"""


def test_a_portal_page(tmp_path: Path) -> None:
    article = only(write(tmp_path / "portal.txt", PORTAL))
    assert article.title == "해담시, 내년부터 시내버스 요금 150원 올린다"
    assert (article.press, article.reporters, article.place) == ("연합뉴스", ("한가람",), "해담")
    assert article.subtitles == ()
    assert article.published_at == datetime(2025, 12, 18, 9, 31, tzinfo=SEOUL)
    assert article.modified_at == datetime(2025, 12, 18, 10, 2, tzinfo=SEOUL)
    assert article.published_at_source == "text"
    assert article.body.startswith("해담시는 내년 2월 1일부터")
    assert article.body.endswith('상황"이라고 말했다.')
    assert len(article.paragraphs) == 2


def test_a_page_of_a_local_papers_cms(tmp_path: Path) -> None:
    article = only(write(tmp_path / "local.txt", LOCAL_PAPER))
    assert article.title == "버들마을 저류지 내년 3월 착공… 침수 걱정 던다"
    assert article.subtitles == ("188억 원 들여 2만 톤 규모", "주민 설명회 17일 열어")
    assert (article.press, article.reporters) == ("해담신문", ("이도현",))
    assert article.section == "사회"
    assert article.published_at == datetime(2025, 12, 8, 14, 21, tzinfo=SEOUL)
    assert article.body.startswith("해담시가 해마다")
    assert article.body.endswith("2만 톤을 가둘 수 있다.")


def test_a_broadcast_transcript(tmp_path: Path) -> None:
    article = only(write(tmp_path / "tv.txt", BROADCAST))
    assert article.title == "윤슬대교 12중 추돌…1명 숨져"
    assert (article.press, article.reporters) == ("KBS", ("서하늘",))
    assert article.published_at == datetime(2025, 11, 7, 21, 10, tzinfo=SEOUL)
    assert article.paragraphs[0].startswith("오늘 아침 짙은 안개가")
    assert article.paragraphs[-1] == "경찰은 과속 여부를 조사하고 있습니다."
    assert '[김모 씨/운전자 : "브레이크를 밟았는데도 멈추지 않았어요."]' in article.paragraphs


def test_a_wire_story_on_one_line(tmp_path: Path) -> None:
    article = only(
        write(
            tmp_path / "wire.txt",
            "손정의 회장 방한\n(서울=연합뉴스) 한가람 기자 = 손정의 회장이 5일 한국을 찾았다. 그는 대통령과 만났다. "
            "garam@yna.example (끝) <저작권자(c) 연합뉴스, 무단 전재-재배포 금지> 2025/12/05 14:20 송고",
        )
    )
    assert article.title == "손정의 회장 방한"
    assert article.body == "손정의 회장이 5일 한국을 찾았다. 그는 대통령과 만났다."
    assert (article.press, article.place, article.reporters) == ("연합뉴스", "서울", ("한가람",))
    assert article.published_at == datetime(2025, 12, 5, 14, 20, tzinfo=SEOUL)


def test_a_page_with_labels(tmp_path: Path) -> None:
    text = f"제목: 버스 요금 오른다\n언론사: 해담타임스\n기자: 백나린 기자\n날짜: 2025-11-03 09:12\n섹션: 사회\n\n{ARTICLE}"
    article = only(write(tmp_path / "labels.txt", text))
    assert (article.title, article.press) == ("버스 요금 오른다", "해담타임스")
    assert (article.reporters, article.section) == (("백나린",), "사회")
    assert article.published_at == datetime(2025, 11, 3, 9, 12, tzinfo=SEOUL)
    assert article.body == ARTICLE


def test_a_page_without_a_headline_is_named_by_its_first_sentence(tmp_path: Path) -> None:
    article = only(write(tmp_path / "plain.txt", ARTICLE))
    assert article.title == "해담시가 시내버스 요금을 150원 올린다고 18일 밝혔다"
    assert article.body == ARTICLE
    assert article.published_at is None


def test_a_headline_may_ask() -> None:
    draft = page_draft(
        f"경제\n내년 전기요금 또 오르나… “월 3천 원 부담” 전망?\n- 적자 34조 원\n{ARTICLE}"
    )
    assert draft.title == "내년 전기요금 또 오르나… “월 3천 원 부담” 전망?"
    assert list(draft.subtitles) == ["- 적자 34조 원"]
    assert draft.section == "경제"


def test_the_line_below_the_section_is_the_title() -> None:
    draft = page_draft(
        f"정치\n트램 첫 삽 6개월 뒤로 미뤄\n페이스북 카카오톡\n해담의 오늘을 전하는 신문\n{ARTICLE}"
    )
    assert draft.title == "트램 첫 삽 6개월 뒤로 미뤄"


def test_a_body_does_not_repeat_its_headings(tmp_path: Path) -> None:
    body = f"버스 요금 인상\n2월부터 1,600원\n{ARTICLE}"
    path = write(tmp_path / "a.jsonl", record(body=body, subtitles=["- 2월부터 1,600원"]))
    assert only(path).body == ARTICLE


def test_the_last_line_of_a_menu_is_no_section() -> None:
    draft = page_draft(f"정치\n경제\n사회\n문화\n버스 요금 오른다는데 시민은\n{ARTICLE}")
    assert draft.section is None


# --- HTML ------------------------------------------------------------------------------------

LINKED = json.dumps(
    {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": "해담일보"},
            {
                "@type": "NewsArticle",
                "headline": "버스 요금 150원 오른다",
                "datePublished": "2025-12-18T09:30:00Z",
                "dateModified": "2025-12-18T11:00:00+09:00",
                "author": [{"@type": "Person", "name": "한가람 기자"}, {"name": "해담일보"}],
                "publisher": {"name": "해담일보"},
                "articleSection": "사회",
            },
        ],
    },
    ensure_ascii=False,
)


def test_json_ld_comes_first(tmp_path: Path) -> None:
    head = (
        f'<script type="application/ld+json">{LINKED}</script>'
        '<meta property="article:published_time" content="2020-01-01T00:00:00+09:00">'
        '<link rel="canonical" href="https://www.haedam.example/1?utm_source=x#top">'
    )
    article = only(write(tmp_path / "a.html", page(head=head)))
    assert (article.title, article.press) == ("버스 요금 150원 오른다", "해담일보")
    # an author that is the paper is nobody
    assert (article.reporters, article.section) == (("한가람",), "사회")
    # Z is put on Korean time by Korean systems, an offset is believed
    assert article.published_at == datetime(2025, 12, 18, 18, 30, tzinfo=SEOUL)
    assert article.modified_at == datetime(2025, 12, 18, 11, 0, tzinfo=SEOUL)
    assert article.published_at_source == "json_ld"
    assert article.body == ARTICLE


def test_meta_tags_come_second(tmp_path: Path) -> None:
    head = (
        '<meta property="article:published_time" content="2025-12-18T09:30:00+09:00">'
        '<meta property="article:section" content="경제"><meta name="dable:author" content="한가람">'
        '<meta property="og:site_name" content="해담일보">'
        '<meta property="og:title" content="버스 요금 150원 오른다 | 해담일보">'
    )
    article = only(write(tmp_path / "a.html", page(head=head)))
    assert (article.title, article.press) == ("버스 요금 150원 오른다", "해담일보")
    assert (article.reporters, article.section) == (("한가람",), "경제")
    assert article.published_at_source == "meta"


def test_the_pages_text_comes_third(tmp_path: Path) -> None:
    html = page().replace(
        "<article>",
        "<p>홈 &gt; 사회</p><p>기사입력 2020.07.13. 오후 5:04</p><p>한가람 기자</p><article>",
    )
    article = only(write(tmp_path / "a.html", html))
    assert article.published_at == datetime(2020, 7, 13, 17, 4, tzinfo=SEOUL)
    assert (article.published_at_source, article.section) == ("text", "사회")
    assert (article.reporters, article.press) == (("한가람",), "해담일보")


def test_captions_do_not_glue_onto_sentences(tmp_path: Path) -> None:
    first, second = ARTICLE.split("\n\n")
    html = page(f"{first}\n\nX").replace(
        "<p>X</p>",
        "<figure><img src='a.jpg'><figcaption>시내버스가 달린다</figcaption></figure>"
        f"<span class='end_photo_org'><em class='img_desc'>환승센터의 승객</em></span><p>{second}</p>",
    )
    assert only(write(tmp_path / "a.html", html)).body == ARTICLE


def test_subtitles_above_the_story(tmp_path: Path) -> None:
    html = page().replace("<article>", "<h2 class='sub_title'>내년 2월 1일부터</h2><article>")
    assert only(write(tmp_path / "a.html", html)).subtitles == ("내년 2월 1일부터",)


def test_an_empty_page_may_carry_its_story_in_data(tmp_path: Path) -> None:
    data = json.dumps({"props": {"article": {"contentHtml": f"<p>{ARTICLE}</p>"}}})
    html = (
        "<html><head><title>버스 요금 150원 오른다</title></head><body><div id='root'></div>"
        f"<script id='__NEXT_DATA__' type='application/json'>{data}</script></body></html>"
    )
    article = only(write(tmp_path / "a.html", html))
    assert article.body == ARTICLE.replace("\n\n", "\n\n")


def test_the_story_of_a_page_is_chosen_among_its_data(tmp_path: Path) -> None:
    long = "<p>다른 기사다. 훨씬 더 길다.</p>" * 40
    state = {
        "best": [{"title": "다른 기사", "content": long}],
        "view": {
            "newsTitle": "-",
            "title": "버스 요금 150원 오른다",
            "content": [{"type": "text", "content": line} for line in ARTICLE.split("\n\n")],
            "reporterName": "한가람 기자",
            "regDate": "-",
            "published_at": "2025-12-18 09:30",
            "category": {"name": "사회"},
        },
    }
    html = (
        "<html><head><title>버스 요금 150원 오른다 - 해담일보</title></head><body><div id='app'></div>"
        f"<script>var a = {{b: 1}}; window.__STATE__ = {json.dumps(state)}; run(function(){{}});</script>"
        "</body></html>"
    )
    article = only(write(tmp_path / "a.html", html))
    assert article.body == ARTICLE
    assert (article.section, article.reporters) == ("사회", ("한가람",))
    assert article.published_at == datetime(2025, 12, 18, 9, 30, tzinfo=SEOUL)


def test_a_story_in_parsed_text(tmp_path: Path) -> None:
    data = json.dumps(json.dumps({"article": {"articleBody": ARTICLE}}))
    html = f"<html><title>버스 요금</title><script>window.x = JSON.parse({data})</script></html>"
    assert only(write(tmp_path / "a.html", html)).body == ARTICLE


def test_the_section_that_the_address_names_in_the_menu(tmp_path: Path) -> None:
    head = "<link rel='canonical' href='https://h.example/industry/2025/1'>"
    menu = "<nav><a href='/finance'>금융</a><a href='/industry'>산업</a></nav><main>"
    html = page(head=head).replace("<main>", menu)
    assert only(write(tmp_path / "a.html", html)).section == "산업"


def test_a_page_in_cp949(tmp_path: Path) -> None:
    html = page().replace("charset='utf-8'", "charset='euc-kr'").encode("cp949")
    assert only(write(tmp_path / "a.htm", html)).body == ARTICLE


def test_a_portal_is_neither_paper_nor_author(tmp_path: Path) -> None:
    head = (
        '<meta property="og:site_name" content="네이버 뉴스"><meta name="author" content="네이버">'
        '<meta property="og:article:author" content="해담일보 | 네이버">'
    )
    article = only(write(tmp_path / "a.html", page(head=head, title="버스 요금 : 네이버 뉴스")))
    assert (article.press, article.reporters) == ("해담일보", ())


def test_a_page_named_like_its_station(tmp_path: Path) -> None:
    head = '<meta property="og:site_name" content="KBS 뉴스"><meta property="og:title" content="KBS 뉴스">'
    article = only(write(tmp_path / "a.html", page(head=head)))
    assert (article.press, article.title) == ("KBS", "버스 요금 150원 오른다")


# --- records ---------------------------------------------------------------------------------


def test_lines_are_named(tmp_path: Path) -> None:
    lines = [
        record(id="1"),
        '{"title": "잘린',
        '["no object"]',
        record(id="4", body=None),
        record(id="5", body={"text": 1}),
        "[" * 100_000,
        record(id="7"),
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    items = list(read(path))
    assert [item.id for item in items if isinstance(item, Article)] == ["1", "7"]
    assert [item.line for item in items if isinstance(item, MalformedArticle)] == [2, 3, 4, 5, 6]
    assert reports(path)[0].path == str(path)


def test_an_invalid_byte_costs_one_line(tmp_path: Path) -> None:
    data = b"\n".join(
        [record(id="1").encode(), b'{"body": "\xff\xfe\xed"}', record(id="3").encode()]
    )
    path = write(tmp_path / "a.jsonl", data)
    assert [article.id for article in read_articles(path)] == ["1", "3"]
    assert reports(path)[0].line == 2


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".txt"])
def test_cp949_is_detected(tmp_path: Path, suffix: str) -> None:
    text = {
        ".jsonl": record(),
        ".csv": f'제목,본문\n버스,"{ARTICLE}"\n',
        ".txt": f"버스\n{ARTICLE}",
    }
    path = write(tmp_path / f"a{suffix}", text[suffix].encode("cp949"))
    assert only(path).body == ARTICLE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    text = f'title\tbody\n버스 요금\t"{ARTICLE}"\n'.encode(encoding)
    article = only(write(tmp_path / "a.tsv", text))
    assert (article.title, article.body) == ("버스 요금", ARTICLE)


@pytest.mark.parametrize("encoding", ["gb18030", "euc_jp", "shift_jis", "big5"])
def test_other_encodings_are_refused_not_garbled(tmp_path: Path, encoding: str) -> None:
    text = "大統領は会談した。東京の会場で経済の協力について話し合った。記者会見は午後に開かれる。"
    if encoding in {"gb18030", "big5"}:
        text = "總統會見了記者。會議在下午舉行，雙方討論了經濟合作。"
    assert "CP949" in reports(write(tmp_path / "a.txt", text.encode(encoding)))[0].reason


def test_columns_of_common_exports(tmp_path: Path) -> None:
    row = {
        "뉴스 식별자": "01100101.2025",
        "일자": 20251218,
        "언론사": "해담일보",
        "기고자": "한가람, 오가을",
        "제목": "버스 요금",
        "통합 분류1": "사회>교통",
        "본문": ARTICLE,
        "URL": "https://a.example/1",
    }
    article = only(write(tmp_path / "a.jsonl", json.dumps(row, ensure_ascii=False)))
    assert (article.id, article.press) == ("01100101.2025", "해담일보")
    assert article.reporters == ("한가람", "오가을")
    assert article.published_at == datetime(2025, 12, 18, tzinfo=SEOUL)


def test_a_mapping_names_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps({"h": "제목", "t": ARTICLE, "who": ["한가람"]}))
    article = only(path, columns={"title": "h", "body": "t", "reporters": "who"})
    assert (article.title, article.body, article.reporters) == ("제목", ARTICLE, ("한가람",))


def test_unknown_columns_are_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.jsonl", "\n".join(record(id=str(n), 색인=n) for n in range(5)))
    with caplog.at_level(logging.WARNING):
        assert len(list(read_articles(path))) == 5
    assert [message for message in caplog.messages if "색인" in message] == [
        f"{path}: columns ignored: 색인"
    ]


def test_a_quote_that_never_closes_costs_its_own_record(tmp_path: Path) -> None:
    rows = [f'{n},제목 {n},"{ARTICLE}"' for n in (1, 2, 3)]
    path = write(
        tmp_path / "a.csv", "\n".join(["id,title,body", rows[0], '9,"열린,본문', *rows[1:]])
    )
    assert [article.id for article in read_articles(path)] == ["1", "2", "3"]
    assert reports(path)[0].line == 5  # line 1 is the header, the first record has three


def test_html_in_records_becomes_text(tmp_path: Path) -> None:
    body = ARTICLE.replace("\n\n", "<br/><br/>") + "<figure><figcaption>사진</figcaption></figure>"
    assert only(write(tmp_path / "a.jsonl", record(body=f"<div>{body}</div>"))).body == ARTICLE


def test_half_characters_do_not_survive(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", '{"title": "\\ud800제목", "body": "본문이다. \\udfff끝났다."}'
    )
    article = only(path)
    assert (article.title, article.body) == ("제목", "본문이다. 끝났다.")


def test_ids_with_other_content_are_reported(tmp_path: Path) -> None:
    known = {"id": "1", "press": "해담일보"}
    lines = [record(**known), record(**known), record(**known, body="다른 본문이 여기에 있다.")]
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    items = list(read(path))
    assert [type(item) for item in items] == [Article, Article, MalformedArticle]
    assert reports(path)[0].line == 3
    ledger: dict[str, bytes] = {}
    list(read(path, ledger=ledger))
    other = write(tmp_path / "b.jsonl", lines[2])
    assert isinstance(next(iter(read(other, ledger=ledger))), MalformedArticle)


def test_ids() -> None:
    key = "//a.example/news"
    assert canonical_url("https://www.a.example/news/?utm_source=x&b=2&a=1#c") == f"{key}?a=1&b=2"
    assert canonical_url("http://A.example/news") == canonical_url("https://a.example/news/") == key


def test_an_id_comes_from_the_url_else_from_press_title_and_day(tmp_path: Path) -> None:
    url = "https://a.example/1"
    article = only(write(tmp_path / "a.jsonl", record(url=url)))
    assert article.id == hashlib.sha256(b"//a.example/1").hexdigest()[:16]
    fields = {"press": "해담일보", "published_at": "2025-12-18T09:30:00+09:00"}
    first = only(write(tmp_path / "b.jsonl", record(**fields)))
    again = only(write(tmp_path / "c.jsonl", record(**fields, body=f"{ARTICLE} 고쳤다.")))
    other = only(write(tmp_path / "d.jsonl", record(**fields | {"published_at": "2025-12-19"})))
    assert first.id == again.id != other.id


# --- moments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-12-18T09:30:00+09:00", "2025-12-18T09:30:00+09:00"),
        ("2025-12-18T09:30:00Z", "2025-12-18T18:30:00+09:00"),
        ("2025-12-18T00:30:00+00:00", "2025-12-18T09:30:00+09:00"),
        ("Thu, 18 Dec 2025 09:30:00 +0900", "2025-12-18T09:30:00+09:00"),
        ("Thu, 18 Dec 2025 00:30:00 GMT", "2025-12-18T09:30:00+09:00"),
        ("2020.07.13. 오후 5:04", "2020-07-13T17:04:00+09:00"),
        ("2020.07.13. 오전 12:04", "2020-07-13T00:04:00+09:00"),
        ("2025년 12월 8일 (월) 14시 5분", "2025-12-08T14:05:00+09:00"),
        ("2025.12.08 (월)", "2025-12-08T00:00:00+09:00"),
        ("2025-11-07 (21:10)", "2025-11-07T21:10:00+09:00"),
        ("20251208", "2025-12-08T00:00:00+09:00"),
        (20251208, "2025-12-08T00:00:00+09:00"),
        ("20251208143000", "2025-12-08T14:30:00+09:00"),
        ("20251218T093000+0900", "2025-12-18T09:30:00+09:00"),
        (1766017800, "2025-12-18T09:30:00+09:00"),
        (1766017800000, "2025-12-18T09:30:00+09:00"),
        ("2025.12.31 24:00", "2026-01-01T00:00:00+09:00"),
    ],
)
def test_moments(text: object, expected: str) -> None:
    moment = parse_moment(text)
    assert moment is not None
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "어제", "2025-13-45", "0000-00-00", None, True, "9" * 80, 1e300]
)
def test_no_moments(text: object) -> None:
    assert parse_moment(text) is None


def test_the_zone_is_the_sources(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", record(published_at="2025-12-18T09:30:00"))
    article = only(path, source_timezone=ZoneInfo("UTC"))
    assert article.published_at is not None
    assert article.published_at.isoformat() == "2025-12-18T18:30:00+09:00"


@given(st.text(max_size=80) | st.integers() | st.floats())
def test_reading_a_moment_never_fails(value: object) -> None:
    moment = parse_moment(value)
    assert moment is None or moment.utcoffset() is not None


def test_an_unreadable_date_does_not_cost_the_article(tmp_path: Path) -> None:
    article = only(write(tmp_path / "a.jsonl", record(published_at="언젠가")))
    assert (article.published_at, article.published_at_source) == (None, None)


# --- files, folders, archives ----------------------------------------------------------------


def test_a_folder_is_walked_in_order(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.jsonl", "a/y.jsonl", "c.jsonl"):
        write(tmp_path / name, record(id=name))
    write(tmp_path / ".hidden.jsonl", "broken")
    write(tmp_path / ".git/x.jsonl", "broken")
    write(tmp_path / "README.md", "# 읽어 두기")
    write(tmp_path / "a/style.css", "p {}")
    write(tmp_path / "a/report.hwp", b"HWP")
    items = list(read(tmp_path))
    assert [item.id for item in items if isinstance(item, Article)] == [
        "a/y.jsonl", "a/z.jsonl", "b.jsonl", "c.jsonl",
    ]  # fmt: skip
    malformed = [item for item in items if isinstance(item, MalformedArticle)]
    assert [(Path(item.path).name, item.reason) for item in malformed] == [
        ("report.hwp", "unsupported kind of file: .hwp; save it as .hwpx or .pdf")
    ]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", record(id="1"))
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert [article.id for article in read_articles(tmp_path)] == ["1"]


def test_what_is_no_file_is_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert [report.reason for report in reports(tmp_path)] == ["not a regular file"]
    reason = reports(write(tmp_path / "a.xyz", "?"))[0].reason
    assert reason.startswith("unsupported kind of file: .xyz; what can be read: .txt ")


def test_a_path_that_is_not_there_raises_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="nowhere"):
        read(tmp_path / "nowhere.jsonl")
    with pytest.raises(SourceUnreadable):
        read_articles(tmp_path / "nowhere")


def test_malformed_ones_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.jsonl", f"{{\n{record()}")
    with caplog.at_level(logging.WARNING):
        assert len(list(read_articles(path))) == 1
    assert f"{path}:1" in caplog.text


def test_gzip(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl.gz", gzip.compress(record(id="1").encode()))
    write(tmp_path / "b.html.gz", gzip.compress(page().encode()))
    assert [article.body for article in read_articles(tmp_path)] == [ARTICLE, ARTICLE]


def test_a_truncated_gzip_gives_what_is_whole(tmp_path: Path) -> None:
    lines = "\n".join(record(id=str(n), 소금=os.urandom(40).hex()) for n in range(2000))
    packed = gzip.compress(lines.encode())
    items = list(read(write(tmp_path / "a.jsonl.gz", packed[: len(packed) // 2])))
    assert len([item for item in items if isinstance(item, Article)]) > 500
    assert isinstance(items[-1], MalformedArticle)
    assert "can't be read to its end" in items[-1].reason


def zipped(path: Path, members: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_zip(tmp_path: Path) -> None:
    members = {
        "기사/b.jsonl": record(id="1"),
        "a.jsonl.gz": gzip.compress(record(id="2").encode()),
        "__MACOSX/._a.jsonl": b"\x00",
        "notes.md": "-",
        "inner.zip": b"PK",
        "old.xls": b"XLS",
    }
    path = zipped(tmp_path / "a.zip", members)
    assert [article.id for article in read_articles(path)] == ["2", "1"]
    assert [(report.path, report.reason) for report in reports(path)] == [
        (f"{path}!inner.zip", "an archive inside an archive"),
        (f"{path}!old.xls", "unsupported kind of file: .xls; save it as .xlsx or .csv"),
    ]


def test_names_that_climb_out_are_only_names(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    path = zipped(
        folder / "a.zip", {"../../evil.jsonl": record(id="1"), "/etc/x.jsonl": record(id="2")}
    )
    before = sorted(tmp_path.rglob("*"))
    assert {article.id for article in read_articles(path)} == {"1", "2"}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["bomb.txt", "bomb.jsonl", "bomb.html", "bomb.csv"])
def test_bombs_are_refused(tmp_path: Path, name: str) -> None:
    """60 MB of blanks in 60 KB: neither held in memory nor read to the end."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb") as packed:
        for _ in range(60):
            packed.write(b"a" * 1_000_000)
    write(tmp_path / f"{name}.gz", stream.getvalue())
    zipped(tmp_path / "bomb.zip", {name: b"a" * 60_000_000})
    reasons = [report.reason for report in reports(tmp_path, max_file_bytes=1_000_000)]
    assert len(reasons) == 2
    assert all("larger than" in reason or "expands" in reason for reason in reasons)


def test_members_share_one_budget(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{n}.txt": b"a" * 900_000 for n in range(40)})
    found = reports(path, max_file_bytes=1_000_000)
    assert any("expands to more than" in report.reason for report in found)


def test_a_damaged_zip_is_reported(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": record(id="1"), "b.jsonl": record(id="2")})
    write(tmp_path / "cut.zip", path.read_bytes()[:-30])
    data = bytearray(path.read_bytes())
    data[60:80] = b"\xff" * 20
    write(tmp_path / "flipped.zip", bytes(data))
    found = reports(tmp_path)
    assert {Path(report.path.split("!")[0]).name for report in found} == {"cut.zip", "flipped.zip"}
    assert "2" in {article.id for article in read_articles(tmp_path)}


def test_an_encrypted_member_is_reported(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": record(id="1")})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at : at + 2] = struct.pack("<H", 1)
    assert "encrypted" in reports(write(path, bytes(data)))[0].reason


def test_enormous_files(tmp_path: Path) -> None:
    small = {"max_file_bytes": 10_000}
    for suffix in (".txt", ".html", ".xml", ".rss"):
        path = write(tmp_path / f"a{suffix}", "가" * 10_000)
        assert reports(path, **small)[0].reason == "larger than 10,000 bytes"
    # records are read one by one: their file may be of any size, a record may not
    lines = [
        record(id="1"),
        record(id="2", body="가" * 10_000),
        *(record(id=str(n)) for n in range(3, 40)),
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    assert path.stat().st_size > 10_000
    assert [report.line for report in reports(path, **small)] == [2]
    assert len(list(read_articles(path, options=ReadOptions(max_file_bytes=10_000)))) == 38


def test_a_book_is_no_article(tmp_path: Path) -> None:
    assert "no article has" in reports(write(tmp_path / "a.txt", "가 " * MAX_TEXT_CHARS))[0].reason
    assert "no article has" in reports(write(tmp_path / "b.txt", "a\n" * 500_000))[0].reason


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 2_000_000,
        "<p>가" * 400_000,
        "<p " + " ".join(f"a{n}" for n in range(400_000)) + ">가",
        "<table><tr><td>" * 300_000 + "가",
        "<a href='" * 300_000,
        "<!--" * 500_000,
        "<ul><li>" * 5_000 + "본문이다. " * 100,
        '<script type="application/ld+json">' + "[" * 1_000_000 + "</script>",
        "<script>" + "x = {" * 500_000 + "</script>",
        "<script>x = [" + '"가",' * 500_000 + "</script>" + "<script>x=[1,{}];</script>" * 3_000,
        "<dl><dt>가" * 30_000,
    ],
    ids="deep many attributes tables quotes comments lists json states strings facts".split(),
)
def test_hostile_html_costs_little(tmp_path: Path, html: str) -> None:
    for item in read(write(tmp_path / "a.html", f"<html><body>{html}")):
        assert isinstance(item, Article | MalformedArticle)


@pytest.mark.parametrize("name", ["a.xml", "a.rss", "a.newsml"])
def test_entities_are_not_expanded(tmp_path: Path, name: str) -> None:
    levels = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10)
    )
    secret = write(tmp_path / "secret", "비밀")
    for entity in (
        f"<!DOCTYPE rss [{levels}]>",
        f'<!DOCTYPE rss [<!ENTITY l9 SYSTEM "{secret}">]>',
    ):
        body = "<rss><channel><item><title>제목</title><description>&l9;</description></item></channel></rss>"
        found = list(read(write(tmp_path / name, f'<?xml version="1.0"?>{entity}{body}')))
        assert [type(item) for item in found] == [MalformedArticle]
        assert "entities" in str(found[0])


# --- the sample corpus -----------------------------------------------------------------------


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not there")
def test_the_whole_sample_corpus_can_be_read() -> None:
    items = list(read(CORPUS))
    assert items
    assert [str(item) for item in items if isinstance(item, MalformedArticle)] == []
    for article in items:
        assert isinstance(article, Article)
        assert article.title
        assert article.press
        assert article.reporters
        assert article.published_at is not None
        assert article.published_at - datetime.now(UTC) < timedelta(days=3650)
        for boilerplate in ("℃\n", "무단", "기상청", "관련기사", "@", "많이 본", "☞", "카카오톡 "):
            assert boilerplate not in article.body.replace("right@", ""), article.id


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not there")
def test_records_come_through_unchanged_but_for_their_tails() -> None:
    for path in sorted(CORPUS.glob("*.jsonl")):
        for line, article in zip(path.read_text("utf-8").splitlines(), read(path), strict=True):
            given = json.loads(line)
            assert isinstance(article, Article)
            assert given["body"].startswith(article.body)
            assert article.id == given["id"]
            assert article.title == given["title"]
            assert list(article.reporters) == given["reporters"]
            assert list(article.subtitles) == given.get("subtitles", [])
            assert article.published_at == datetime.fromisoformat(given["published_at"])


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not there")
@pytest.mark.parametrize("path", sorted(CORPUS.glob("citizen-news/*.txt")), ids=lambda p: p.stem)
def test_every_field_of_the_corpus_page_text(path: Path) -> None:
    """Read a second way, knowing the one layout: day, weather, section, title, subtitles, body."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    story = next(at for at, line in enumerate(lines) if " 기자 |" in line)
    head = [line for line in lines[1:story] if not line.startswith("•") and line != "기상청 제공"]
    article = only(path)
    assert article.section == head[0]
    assert article.title == head[1]
    assert [f"- {line}" for line in article.subtitles] == head[2:]
    assert f"해담시민뉴스 {article.reporters[0]} 기자 |" in lines[story]
    assert (article.press, len(article.reporters)) == ("해담시민뉴스", 1)
    assert article.published_at is not None
    assert f"{article.published_at:%Y.%m.%d}" == lines[0][:10]
    assert (article.published_at_source, article.place, article.url) == ("page_header", None, None)
    tags = [word for line in lines if line.startswith("#") for word in line[1:].split(" #")]
    assert list(article.tags) == tags
    first = lines[story].split(" |", 1)[1].strip()
    assert article.paragraphs[0] == first


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not there")
@pytest.mark.parametrize(
    "path", sorted(CORPUS.glob("dongnam-economy/*.html")), ids=lambda p: p.stem
)
def test_every_field_of_the_corpus_pages(path: Path) -> None:
    """Read a second way, by patterns over the source."""
    page = path.read_text("utf-8")
    article = only(path)
    named = re.search(r'article:section" content="([^"]+)"', page) or re.search(
        r'"articleSection": ?"([^"]+)"', page
    )
    crumb = re.search(r"홈 &gt; ([가-힣]+)", page)
    folder = re.search(r"\.example(/[a-z]+)/", article.url or "")
    menu = folder and re.search(rf'href="{folder[1]}">([가-힣]+)<', page)
    sections = [match[1] for match in (named, crumb, menu) if match]
    assert article.section == next(iter(sections), None)
    assert article.press == "동람경제"
    bylines = re.findall(r"[가-힣]{2,4}(?=[·, ]+[가-힣]{2,4} 기자| 기자)", page.split("<p>", 1)[0])
    assert set(article.reporters) <= set(re.findall(r"[가-힣]{3}", page))
    assert not bylines or set(article.reporters) & set(bylines)
    assert article.title in page
    assert article.published_at is not None
    moment = article.published_at
    spellings = (f"{moment:%Y-%m-%dT%H:%M}", f"{moment:%Y.%m.%d %H:%M}", f"{moment:%Y-%m-%d %H:%M}")
    korean = (
        f"{moment:%Y.%m.%d}. {'오전' if moment.hour < 12 else '오후'} {(moment.hour - 1) % 12 + 1}:"
    )
    assert any(spelling in page for spelling in (*spellings, korean))
    assert all(paragraph[:40] in re.sub(r"<[^>]+>", "", page) for paragraph in article.paragraphs)
