"""The shared analyser: what counts as a term, and where sentences end."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_index import analyser

from index.errors import DictionaryUnusable
from index.korean import KoreanAnalyser, _number, bigrams, shared_bigrams


@given(st.text("가나 .1,2aB_美", max_size=12), st.text("가나 .1,2aB_美", max_size=30))
def test_shared_bigrams_are_those_of_both(question: str, text: str) -> None:
    wanted = frozenset(bigrams(question))
    assert shared_bigrams(wanted, text) == len(wanted.intersection(bigrams(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("해담시는 트램 착공을 미뤘다.", {"트램", "착공", "미루"}),
        ("ARM과 MOU를 맺었다", {"arm", "mou", "맺"}),
        ("1,400여 명을 양성한다", {"1400", "양성"}),
        ("그것은 할 수 있는 것이다", set()),
        ("", set()),
    ],
)
def test_content_morphemes(text: str, expected: set[str]) -> None:
    found = set(analyser().morphemes(text))
    assert expected <= found
    assert not found & {"는", "을", "다", "과", "것", "수", "명", "하", "있"}


@pytest.mark.parametrize(
    ("spellings", "number"),
    [
        (("3만5천원", "3만 5,000원", "35,000원"), "35000"),
        (("4,820억 원", "4820억원"), "482000000000"),
        (("2조 1,340억 원",), "2134000000000"),
        (("1만 2,600여 명", "12,600명"), "12600"),
        (("5천만 달러", "50,000,000달러"), "50000000"),
        (("12.5만 명", "12만 5천 명"), "125000"),
        (("12.5㎞",), "12.5"),
    ],
)
def test_a_number_is_one_term_however_it_is_written(
    spellings: tuple[str, ...], number: str
) -> None:
    for spelling in spellings:
        assert number in analyser().morphemes(f"모두 {spelling}")


@pytest.mark.parametrize(
    ("spellings", "terms"),
    [
        (("3.5㎞ 구간", "3.5km 구간", "3.5킬로미터 구간"), {"3.5", "km", "구간"}),
        (("30% 인상", "30퍼센트 인상", "30프로 인상"), {"30", "%", "인상"}),
        (("5천㎡ 부지", "5,000제곱미터 부지"), {"5000", "㎡", "부지"}),
        (("韓國銀行 금리", "한국은행 금리"), {"한국은행", "금리"}),
        (("韓·美 회담", "韓美 회담", "한·미 회담", "한미 회담"), {"한미", "회담"}),
        (("美 관세", "미국 관세"), {"미국", "관세"}),
        (("與野 합의", "여야 합의"), {"여야", "합의"}),
    ],
)
def test_one_thing_has_one_term_however_it_is_written(
    spellings: tuple[str, ...], terms: set[str]
) -> None:
    for spelling in spellings:
        assert set(analyser().morphemes(spelling)) == terms


def test_words_that_only_ask_are_no_terms() -> None:
    terms = analyser().terms("트램 착공이 왜 얼마나 늦어졌나요?")
    assert terms["morphemes"] == ("트램", "착공", "늦어지")
    assert terms["bigrams"] == bigrams("트램 착공이 왜 얼마나 늦어졌나요?")
    assert analyser().terms("왜?")["morphemes"] == ("왜",)


def test_hanja_leave_the_offsets_alone() -> None:
    text = "韓國銀行이 美 관세를 걱정했다. 與野는 不動産 대책에 합의했다."
    first, second = analyser().sentences(text)
    assert text[first.start : first.end] == "韓國銀行이 美 관세를 걱정했다."
    assert {"한국은행", "미국"} <= set(first.morphemes)
    assert {"여야", "부동산"} <= set(second.morphemes)
    assert bigrams("美 관세") == bigrams("미국 관세")


def test_dates_and_lists_of_numbers_stay_apart() -> None:
    assert analyser().morphemes("2025년 7월 3일")[:3] == ("2025", "7", "3")
    assert {"3", "4", "5"} <= set(analyser().morphemes("3, 4, 5번"))


@given(st.integers(min_value=1, max_value=10**15))
def test_numbers_with_scales_keep_their_value(value: int) -> None:
    units = [(10**12, "조"), (10**8, "억"), (10**4, "만"), (1, "")]
    parts, rest = [], value
    for scale, name in units:
        if digits := rest // scale:
            parts += [str(digits), name] if name else [str(digits)]
        rest %= scale
    assert _number(parts) == str(value)


def test_a_dictionary_teaches_words(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("갯들펌프장\tNNP\n", "utf-8")
    taught = KoreanAnalyser(dictionary=path)
    assert "갯들펌프장" in taught.morphemes("갯들펌프장에서 불이 났다")
    assert taught.fingerprint != analyser().fingerprint


def test_a_dictionary_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DictionaryUnusable, match="missing"):
        KoreanAnalyser(dictionary=tmp_path / "missing.txt")


def test_particles_and_endings_do_not_matter() -> None:
    questions = ["트램 착공이 미뤄졌나요?", "트램의 착공은 미뤄졌습니까", "트램 착공 미뤄짐"]
    first, *others = [set(analyser().morphemes(question)) for question in questions]
    assert {"트램", "착공"} <= first
    assert all({"트램", "착공"} <= other for other in others)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("트램착공", ("트램", "램착", "착공")),
        ("9월 첫 삽", ("9월", "첫", "삽")),
        ("1,400명", ("14", "40", "00", "0명")),
        ("ARM-스쿨", ("ar", "rm", "스쿨")),
        ("", ()),
    ],
)
def test_bigrams(text: str, expected: tuple[str, ...]) -> None:
    assert bigrams(text) == expected


def test_sentences_have_exact_offsets_and_stay_in_their_paragraph() -> None:
    text = (
        "시장은 “걱정 마세요. 곧 엽니다.”라고 말했다. 착공은 9월이다.\n\n비용은 4,820억 원이다 🚋."
    )
    sentences = analyser().sentences(text)
    assert [text[s.start : s.end] for s in sentences] == [
        "시장은 “걱정 마세요. 곧 엽니다.”라고 말했다.",
        "착공은 9월이다.",
        "비용은 4,820억 원이다 🚋.",
    ]
    assert sentences[2].morphemes == ("비용", "482000000000")


@pytest.mark.parametrize(
    "sentences",
    [
        ["늘었다.", "‘큰고니’ 412마리가 왔다.", "떠났다."],
        ["매출이 늘었다.", "'소금밭에서 온 배' 특별전이 열렸다."],
        ["시는 세 가지를 내놨다.", '"만원 주택"을 늘린다.', "교통을 편다."],
        ["주민들은 반대했다.", "“안 돼”라고 외쳤다.", "시장은 나갔다."],
        ["시는 내놨다.", "▲ 주택을 늘린다.", "▲ 세제를 손본다.", "- 교통을 편다."],
        ["이름이 바뀐다.", "「새터」라는 이름이 붙는다.", "『물때표』는 팔렸다.", "<봄>이 떴다."],
        ["시장은 “걱정 마세요. ‘트램’이 옵니다”라고 말했다.", "착공은 9월이다."],
        ["그는 \"간다. '꼭' 간다\"고 했다.", "그리고 갔다."],
        ["길이는 1.5㎞다.", "“안 된다.”", "주민들은 반대했다."],
    ],
)
def test_what_opens_a_sentence_belongs_to_it(sentences: list[str]) -> None:
    text = " ".join(sentences)
    found = analyser().sentences(text)
    assert [text[s.start : s.end] for s in found] == sentences
    assert [m for s in found for m in s.morphemes] == list(analyser().morphemes(text))
    assert all(set(s.morphemes) <= set(analyser().morphemes(text[s.start : s.end])) for s in found)


_FOLLOWING = "정부가 다음 달 관세를 올린다."
_OPENERS = st.one_of(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
    st.characters(categories=["So", "Sm", "Sc", "No", "Nl"], max_codepoint=0xFFFF),
    st.sampled_from(
        [
            "(주)",
            "【속보】",
            "[단독]",
            "<표>",
            "『별』",
            "‘해’",
            "(1)",
            "1.",
            "나.",
            "ⅱ)",
            "- ",
            "#1",
        ]
    ),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(_OPENERS, min_size=1, max_size=2),
    st.sampled_from(["열었다.", "열었나?", "개최.", "열었다…"]),
)
@example(["夭"], "열었다…")  # read aloud it is 요, an ending
def test_whatever_follows_a_closed_sentence_opens_the_next(openers: list[str], told: str) -> None:
    first, second = f"시장은 회의를 {told}", f"{' '.join(openers)} {_FOLLOWING}"
    text = f"{first} {second}"
    found = [text[s.start : s.end] for s in analyser().sentences(text)]
    assert found[0] == first
    assert found[-1].endswith(_FOLLOWING)
    assert "".join(found[1:]).replace(" ", "") == second.replace(" ", "")


@pytest.mark.parametrize(
    "sentences",
    [
        ["대책 회의를 열었다.", "日 기업은 남았다.", "中 업체는 값을 내렸다.", "李 시장도 왔다."],
        ["비용이 늘었다.", "$3억이 더 든다.", "+5%가 올랐다."],
        ["“안 된다.”", "前 시장은 떠났다."],
        ["매출 15% 증가.", "新 공장이 섰다."],
        ["정말 그런가?!", "☎ 051-123-4567로 물으면 된다."],
        ["그는 말했다…", "北 대표는 침묵했다."],
        ["올해는 '25년이다.", "美 정부는 갔다."],
        ["값이 올랐다.", "(끝)"],
        ["한쪽이 크다.", "> 다른 쪽은 작다."],
    ],
)
def test_a_sentence_keeps_its_first_token(sentences: list[str]) -> None:
    text = " ".join(sentences)
    assert [text[s.start : s.end] for s in analyser().sentences(text)] == sentences


@pytest.mark.parametrize(
    "sentence",
    [
        "길이는 3.5㎞에서 4.25㎞로 늘었다.",
        "Dr. Kim은 No. 3 문을 지나 St. John 성당에 갔다.",
        "그는 2025. 3. 11. 시청에서 발표했다.",
        "1. 예산을 늘린다.",
        "그는… 아니, 우리는 침묵했다.",
        "시장은 “걱정 마세요. 곧 엽니다. 美 관세도 봅니다.”라고 말했다.",
        "시장은 (다리가 무너졌다. 사람은 없었다.)라는 글을 남겼다.",
        "“안 된다.” 하고 말했다.",
        "“간다.” 며 손을 저었다.",
        "그는 ‘왜?’ 라며 물었다.",
        "金 씨는 “中 업체는 간다”고 했다.",
        "누리집은 www.example.com이다.",
    ],
)
def test_what_closes_no_sentence(sentence: str) -> None:
    assert [(s.start, s.end) for s in analyser().sentences(sentence)] == [(0, len(sentence))]
    two = f"{sentence} {_FOLLOWING}"
    assert [two[s.start : s.end] for s in analyser().sentences(two)] == [sentence, _FOLLOWING]


def test_a_form_of_address_at_the_end_closes_a_sentence() -> None:
    text = "상을 받은 사람은 김민수 씨. 그는 웃었다. 김 모 씨는 갔다."
    assert [text[s.start : s.end] for s in analyser().sentences(text)] == [
        "상을 받은 사람은 김민수 씨.",
        "그는 웃었다.",
        "김 모 씨는 갔다.",
    ]


def test_many_texts_at_once_equal_one_at_a_time() -> None:
    texts = ["착공은 9월이다. 개통은 12월이다.", "", "축제가 열렸다.\n\n관객이 늘었다."]
    assert analyser().sentences_of(texts) == [analyser().sentences(text) for text in texts]


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.sampled_from("가나다라 트램착공은이.?!…“”‘’()[]'\"\n12,억원A🚋★美日-·"), max_size=120
    )
    | st.text(max_size=60)
)
def test_sentences_cover_a_text_but_for_blanks(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    position = 0
    for sentence in analyser().sentences(text):
        assert position <= sentence.start < sentence.end <= len(text)
        assert not text[position : sentence.start].strip()
        assert not re.search(r"\n\s*\n", text[sentence.start : sentence.end].strip())
        position = sentence.end
    assert not text[position:].strip()
