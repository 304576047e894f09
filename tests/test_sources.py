"""Rules for single sources: whom they meet, what they do, and which files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from contracts.reader_contract import ARTICLE

from index import Article, MalformedArticle, SourcesInvalid
from index.readers import ReadOptions, read
from index.sources import NO_RULES, Sources, load_sources
from service.settings import load_settings
from service.wiring import read_options

FIRST, SECOND = ARTICLE.split("\n\n")


def rules(folder: Path, text: str) -> Sources:
    path = folder / "sources.toml"
    path.write_text(text, "utf-8")
    return load_sources(path)


def read_one(path: Path, sources: Sources) -> Article:
    (item,) = read(path, options=ReadOptions(sources=sources))
    assert isinstance(item, Article), str(item)
    return item


def record(path: Path, **fields: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"title": "버스 요금 인상", "body": ARTICLE} | fields
    path.write_text(json.dumps(values, ensure_ascii=False), "utf-8")
    return path


def test_the_zone_of_a_source(tmp_path: Path) -> None:
    sources = rules(tmp_path, "[korean]\nmatch.press = '해담일보'\ntimezone = 'Asia/Seoul'")
    moment = {"published_at": "2025-12-18T09:30:00Z", "modified_at": "2025-12-18T10:30:00"}
    ours = read_one(record(tmp_path / "a.jsonl", press="해담일보", **moment), sources)
    other = read_one(record(tmp_path / "b.jsonl", press="동람경제", **moment), sources)
    assert ours.published_at is not None
    assert ours.modified_at is not None
    assert ours.published_at.isoformat() == "2025-12-18T09:30:00+09:00"
    assert ours.modified_at.isoformat() == "2025-12-18T10:30:00+09:00"
    assert other.published_at is not None
    assert other.published_at.isoformat() == "2025-12-18T18:30:00+09:00"


def test_lines_that_go_and_where_a_story_ends(tmp_path: Path) -> None:
    sources = rules(
        tmp_path,
        "[haedam]\nmatch.host = ['haedam.example']\ndrop_lines = ['^◇ 해담랩']\ncut_at = '^오늘의 한 줄$'",
    )
    body = f"{FIRST}\n\n◇ 해담랩 소식이다.\n\n{SECOND}\n\n오늘의 한 줄\n\n날씨가 좋다."
    for host, expected in (("www.haedam.example", ARTICLE), ("nothaedam.example", body)):
        path = record(tmp_path / "a.jsonl", body=body, url=f"https://{host}/1")
        assert read_one(path, sources).body == expected


def test_prose_is_too_long_for_a_line_pattern(tmp_path: Path) -> None:
    sources = rules(tmp_path, "[a]\nmatch.press = '해담일보'\ndrop_lines = ['버스']")
    long = "버스 요금을 올린다는 소식이 전해졌다. " * 30
    assert read_one(record(tmp_path / "a.jsonl", press="해담일보", body=long), sources).body


def test_a_press_that_only_the_text_names(tmp_path: Path) -> None:
    sources = rules(
        tmp_path, "[a]\nmatch.press = '해담통신'\ndrop_lines = ['^◇']\ndefaults.section = '사회'"
    )
    body = f"(해담=해담통신) 한가람 기자 = {ARTICLE}\n\n◇ 알림이다."
    article = read_one(record(tmp_path / "a.jsonl", body=body), sources)
    assert (article.body, article.press, article.section) == (ARTICLE, "해담통신", "사회")


def test_defaults_fill_gaps_alone(tmp_path: Path) -> None:
    sources = rules(
        tmp_path, "[a]\nmatch.path = 'in/*'\ndefaults = {press = '동람경제', section = '경제'}"
    )
    bare = read_one(record(tmp_path / "in" / "a.jsonl"), sources)
    assert (bare.press, bare.section) == ("동람경제", "경제")
    said = read_one(record(tmp_path / "in" / "b.jsonl", press="해담일보", section="사회"), sources)
    assert (said.press, said.section) == ("해담일보", "사회")
    outside = read_one(record(tmp_path / "out" / "a.jsonl"), sources)
    assert (outside.press, outside.section) == (None, None)


def test_columns_of_a_path(tmp_path: Path) -> None:
    sources = rules(tmp_path, "[a]\nmatch.path = '*.csv'\ncolumns = {title = 'T1', body = 'T2'}")
    path = tmp_path / "a.csv"
    path.write_text(f'T1,T2\n버스 요금,"{ARTICLE}"\n', "utf-8")
    article = read_one(path, sources)
    assert (article.title, article.body) == ("버스 요금", ARTICLE)


def test_nodes_go_before_the_text_is_taken(tmp_path: Path) -> None:
    sources = rules(
        tmp_path, "[a]\nmatch.host = 'haedam.example'\ndrop_nodes = ['.promo > p', '#box']"
    )
    page = (
        "<html><head><title>버스 요금 오른다</title><link rel='canonical' href='https://{0}/1'></head><body>"
        "<article><h1>버스 요금 오른다</h1><p>{1}</p><div class='promo'><p>해담시의 축제에 오시면 선물을 드립니다.</p></div>"
        "<p>{2}</p><div id='box'><p>이 글은 해담의 독자가 함께 만드는 신문에 실렸다.</p></div></article></body></html>"
    )
    path = tmp_path / "a.html"
    path.write_text(page.format("haedam.example", FIRST, SECOND), "utf-8")
    assert read_one(path, sources).body == ARTICLE
    path.write_text(page.format("other.example", FIRST, SECOND), "utf-8")
    assert "선물을" in read_one(path, sources).body


def test_the_first_that_matches_in_everything_counts(tmp_path: Path) -> None:
    sources = rules(
        tmp_path,
        "[one]\nmatch = {press = '가', host = 'a.example'}\n[two]\nmatch.press = ['가', '나']",
    )
    assert sources.find("가", "https://a.example/1").name == "one"
    assert sources.find("가", "https://b.example/1").name == "two"
    assert sources.find("나", None).name == "two"
    assert sources.find("다", "https://a.example/1") is NO_RULES
    assert sources.find("다", "https://[broken") is NO_RULES


def test_rules_that_leave_nothing_are_named(tmp_path: Path) -> None:
    sources = rules(tmp_path, "[haste]\nmatch.press = '해담일보'\ncut_at = '해담시'")
    path = record(tmp_path / "a.jsonl", press="해담일보")
    (item,) = read(path, options=ReadOptions(sources=sources))
    assert isinstance(item, MalformedArticle)
    assert item.reason == "no body; the rules of source 'haste' left none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "is not TOML"),
        ("a = 1", r"\[a\]: is not a table"),
        ("[a]\ndrop_lines = ['x']", "names no press, host or path"),
        ("[a]\nmatch.press = '가'\ndrop_line = 'x'", "'drop_line'; did you mean drop_lines"),
        ("[a]\nmatch.pres = '가'", "match: there is no key 'pres'; did you mean press"),
        ("[a]\nmatch.press = 1", "match.press: 1 is neither a string nor a list of strings"),
        ("[a]\nmatch.press = '가'\ndefaults.title = 'x'", "there are press, section"),
        ("[a]\nmatch.press = '가'\ndefaults.section = 1", "defaults.section: 1 is not a string"),
        ("[a]\nmatch.press = '가'\ntimezone = 'Asia/Seul'", "no time zone 'Asia/Seul'"),
        ("[a]\nmatch.press = '가'\ntimezone = '/etc'", "no time zone"),
        ("[a]\nmatch.press = '가'\ndrop_lines = ['(']", "not a regular expression"),
        ("[a]\nmatch.press = '가'\ncut_at = ['x*']", "matches every line"),
        ("[a]\nmatch.press = '가'\ndrop_nodes = ['p >']", "not a CSS selector"),
        ("[a]\nmatch.press = '가'\ncolumns.body = 'x'", "may only go with match.path"),
        ("[a]\nmatch.path = '*'\ncolumns.bodi = 'x'", "did you mean body"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourcesInvalid, match=message):
        rules(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourcesInvalid, match="can't read"):
        load_sources(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(가|가)*나",
        "(x+x+)+y",
        r"(\w+\s?)*$x",
        r"^(\d+)*#",
        ".*.*.*.*다$",
        "([가-힣]+ ?)+끝",
    ],
)
def test_patterns_that_explode_are_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SourcesInvalid, match="takes too long"):
        rules(tmp_path, f"[a]\nmatch.press = '가'\ndrop_lines = ['''{pattern}''']")


@pytest.mark.parametrize(
    "pattern",
    [
        "^광고$",
        r"^\[광고\].*$",
        "오늘의 .{1,20} 소식",
        "(?i)advert",
        r"^\s*▶.*구독",
        "^.{2,10} 기자의 다른 기사",
    ],
)
def test_ordinary_patterns_pass(tmp_path: Path, pattern: str) -> None:
    assert rules(tmp_path, f"[a]\nmatch.press = '가'\ndrop_lines = ['''{pattern}''']").rules


def test_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_options(load_settings()).sources == Sources()
    path = tmp_path / "mine.toml"
    path.write_text("[a]\nmatch.press = '가'", "utf-8")
    monkeypatch.setenv("GISA_SOURCES", str(path))
    assert [source.name for source in read_options(load_settings()).sources.rules] == ["a"]
