"""Other spellings of a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_index import analyser, index_over

from index import Article, CorpusStatistics
from index.corpus import FieldStatistics, NameTable
from index.letters import spelt_in_hangul, spelt_in_latin
from index.variants import MAX_VARIANTS, alias_key, bracketed_names, one_jamo_away, variants


def corpus(words: str = "", names: Mapping[str, Sequence[str]] | None = None) -> CorpusStatistics:
    """One of some words and names."""
    fields = {"morphemes": FieldStatistics.of([words.split()])}
    pairs = ((key, other, 1) for key, others in (names or {}).items() for other in others)
    return CorpusStatistics(passages=1, fields=fields, names=NameTable.of(pairs))


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("광주과학기술원(GIST)은", ("광주과학기술원", "GIST")),
        ("한국은행(한은)이", ("한국은행", "한은")),
        ("한은(한국은행) 총재", ("한은", "한국은행")),
        ("엔비디아(NVIDIA)의", ("엔비디아", "NVIDIA")),
        ("한국은행(韓國銀行)", ("한국은행", "韓國銀行")),
        ("업무협약(MOU)을", ("업무협약", "MOU")),
        ("GIST(광주과학기술원)", ("GIST", "광주과학기술원")),
        ("암(ARM)은", ("암", "ARM")),
        ("테슬라(Tesla)가", ("테슬라", "Tesla")),
        ("한국은행(이하 한은)은", ("한국은행", "한은")),
    ],
)
def test_names_in_brackets(text: str, pair: tuple[str, str]) -> None:
    assert bracketed_names(text) == {pair, pair[::-1]}


def test_several_names_in_one_bracket() -> None:
    pairs = bracketed_names("한국과학기술원(KAIST·카이스트)은")
    assert ("한국과학기술원", "KAIST") in pairs
    assert len(pairs) == 2  # 카이스트 is no part of 한국과학기술원


@pytest.mark.parametrize(
    ("latin", "hangul"),
    [("SKT", "에스케이티"), ("LG전자", "엘지전자"), ("ARM", "에이알엠"), ("KCC", "케이씨씨"), ("CJ", "씨제이"), ("BMW", "비엠더블유")],
)  # fmt: skip
def test_letters_by_their_names(latin: str, hangul: str) -> None:
    assert hangul in spelt_in_hangul(latin)
    assert latin in spelt_in_latin(hangul)


@pytest.mark.parametrize("word", ["오지", "시티", "트램", "이", "", "전자", "Tesla", "A4", "5G"])
def test_words_that_are_no_letters(word: str) -> None:
    assert not [*spelt_in_latin(word), *spelt_in_hangul(word)]


@pytest.mark.parametrize(
    "text",
    [
        "김철수(45) 씨", "노선(11.6㎞)은", "시장(오른쪽)이", "박물관(관장 이정하)", "도서관(은솔구)", "길이(m)", "3분기(Q3)", "군(軍)", "장(Mr)", "본부(서울, 부산)",
        "해담시(시장 한서율)", "선수(해담)", "윤슬천(하천)", "", "()", "괄호(",
    ],
)  # fmt: skip
def test_other_things_in_brackets(text: str) -> None:
    assert bracketed_names(text) == set()


NAMES = {
    "한은": ["한국은행"],
    "한국은행": ["한은"],
    "gist": ["광주과학기술원"],
    "광주과학기술원": ["GIST"],
}


@pytest.mark.parametrize(
    ("question", "variant"),
    [
        ("한은 금리는?", "한국은행 금리는?"),
        ("한국은행 금리는?", "한은 금리는?"),
        ("한국 은행 금리는?", "한은 금리는?"),
        ("GIST 총장은?", "광주과학기술원 총장은?"),
        ("광주과학기술원 총장은?", "GIST 총장은?"),
        ("해담바다축제는", "해담 바다축제는"),
        ("엘지전자 실적은?", "LG전자 실적은?"),
        ("SKT 해킹은?", "에스케이티 해킹은?"),
        ("에이알엠 반도체", "ARM 반도체"),
        ("한결마을 아퍄트 화재", "한결마을 아파트 화재"),
    ],
)
def test_spellings(question: str, variant: str) -> None:
    known = corpus("해담 바다축제 아파트 화재 한결마을 금리 lg전자 에스케이티 arm", NAMES)
    assert variant in variants(question, analyser(), known)


def test_words_that_the_corpus_has_are_joined() -> None:
    assert "한국은행 금리는?" in variants("한국 은행 금리는?", analyser(), corpus("한국은행 금리"))


@pytest.mark.parametrize("question", ["트램 사업비는?", "우주발사장 길이는?", "암 진단", "", "?"])
def test_a_question_without_other_spellings(question: str) -> None:
    assert variants(question, analyser(), corpus("트램 사업비 길이 암 진단", NAMES)) == []


def test_there_are_never_many() -> None:
    question = "한은 GIST 한국 은행 美 中 日 아퍄트 해담바다축제 광주과학기술원"
    found = variants(question, analyser(), corpus("한국은행 아파트 해담 바다축제", NAMES))
    assert 1 < len(found) <= MAX_VARIANTS
    assert question not in found


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=6))
def test_one_jamo_away(word: str) -> None:
    near = list(one_jamo_away(word))
    assert word not in near
    assert len(near) == len(set(near)) == len(word) * (18 + 20 + 27)
    assert all(sum(a != b for a, b in zip(word, other, strict=True)) == 1 for other in near)


def test_names_that_differ_in_spaces_and_case_are_one() -> None:
    assert alias_key("한국 은행") == alias_key("한국은행")
    assert alias_key("Gist") == alias_key("GIST")


def test_a_short_name_finds_the_long_one(engine: str, tmp_path: Path) -> None:
    articles = (
        Article(id="intro", title="연구", body="광주과학기술원(GIST)이 문을 열었다."),
        Article(id="long", title="총장", body="광주과학기술원 총장에 이정하 교수가 뽑혔다."),
        Article(id="other", title="날씨", body="해담에는 총장 소식 대신 비가 내렸다."),
    )
    with index_over(engine, tmp_path, articles) as index:
        found = {hit.article.id: hit.lexical["morphemes"] for hit in index.search("GIST 총장")}
    assert found["long"] > 0.4
    assert found["long"] > 2 * found["other"]
