"""The shared analyser: what counts as a term, and where sentences end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import analyser

from index.korean import bigrams


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
    assert sentences[2].morphemes == ("비용", "4820", "억")


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
