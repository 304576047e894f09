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
