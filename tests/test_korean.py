"""The shared analyser: what counts as a term, and where sentences end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import analyser

from index.errors import DictionaryUnusable
from index.korean import KoreanAnalyser, _number, bigrams, shared_bigrams


@given(st.text("가나 .1,2aB_美", max_size=12), st.text("가나 .1,2aB_美", max_size=30))
def test_shared_bigrams_are_those_of_both(question: str, text: str) -> None:
    wanted = set(bigrams(question))
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


def test_many_texts_at_once_equal_one_at_a_time() -> None:
    texts = ["착공은 9월이다. 개통은 12월이다.", "", "축제가 열렸다.\n\n관객이 늘었다."]
    assert analyser().sentences_of(texts) == [analyser().sentences(text) for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("가나다라 트램착공은이.?!“”‘’\n12,억원A🚋"), max_size=120))
def test_sentences_hold_every_letter_in_order(text: str) -> None:
    sentences = analyser().sentences(text)
    position, kept = 0, ""
    for sentence in sentences:
        assert position <= sentence.start < sentence.end <= len(text)
        position = sentence.end
        kept += text[sentence.start : sentence.end]
    assert [c for c in kept if c.isalnum()] == [c for c in text if c.isalnum()]
