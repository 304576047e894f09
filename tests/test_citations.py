"""What the verifier lets through, repairs and refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import analyser

from index import SEOUL, AnalysedText, ArticleHeader, KoreanAnalyser, Passage
from service.schema import Support
from service.sources import Source
from service.verify.citations import Verified, Verifier, graded, supports
from service.verify.drafts import Draft, DraftParser
from service.verify.judge import Judgement, Verdict

TRAM = (
    "해담시는 트램 1호선 착공을 9월로 미룬다고 26일 밝혔다. 총사업비는 5,130억 원으로 변동이 없다. "
    "도해윤 부시장은 “예산과는 관계가 없다”고 말했다.\n\n"
    "발굴 조사에서 조선 후기 석축 64m가 나왔다. 시는 상인 44명에게 월 90만 원을 여섯 달 지원한다."
)
FERRY = "해담항 여객선 운임이 4월부터 12% 오른다. 선사는 유가가 올랐기 때문이라고 설명했다."


def idf(morphemes: Iterable[str]) -> Mapping[str, float]:
    return dict.fromkeys(morphemes, 1.0)


def source(number: int, body: str, title: str) -> Source:
    header = ArticleHeader(
        id=f"article-{number}",
        title=title,
        press="해담일보",
        published_at=datetime(2026, 2, 26, 9, tzinfo=SEOUL),
    )
    passage = Passage(header.id, 0, body, 0, len(body))
    text = AnalysedText(body, analyser().sentences(body))
    return Source(number, header, text, [passage], score=1.0, dense=0.8)


SOURCES = [source(1, TRAM, "트램 첫 삽 6개월 뒤로"), source(2, FERRY, "여객선 운임 인상")]


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(SOURCES, analyser(), idf)


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("총사업비는 5,130억 원으로 변동이 없다.", "quoted"),
        ("총사업비는 5130억원으로 변동이 없다.", "supported"),
        ("총사업비는 5,130억 원으로 변동이 없습니다.", "supported"),
        ("트램 1호선 착공은 9월로 미뤄진다.", "reworded"),
        ("발굴 조사에서 석축 64m가 나왔다.", "reworded"),
        ("시는 상인 44명에게 월 90만 원씩 여섯 달 지원한다.", "reworded"),
        ("도해윤 부시장은 “예산과는 관계가 없다”고 했다.", "reworded"),
        ("해담시는 2월 26일 트램 1호선 착공을 9월로 미룬다고 밝혔다.", "reworded"),
    ],
)
def test_graded(verifier: Verifier, text: str, grade: str) -> None:
    verified = verifier.verify(Draft(text, (1,)))
    assert verified is not None
    assert (verified.support, verified.repaired) == (grade, False)
    assert all(e.source.number == 1 and e.text in TRAM for e in verified.evidence)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("총사업비는 5,310억 원으로 변동이 없다.", "number"),
        ("발굴 조사에서 석축 64㎞가 나왔다.", "unit"),
        ("해담시는 트램 1호선 착공을 10월로 미룬다고 26일 밝혔다.", "month"),
        ("한서율 부시장은 “예산과는 관계가 없다”고 말했다.", "person"),
        ("도해윤 부시장은 “예산이 모자란다”고 말했다.", "quotation"),
        ("프로야구 개막전이 매진됐다.", "topic"),
        ("ARM은 트램 1호선 착공을 9월로 미룬다고 26일 밝혔다.", "organisation"),
    ],
)
def test_refused(verifier: Verifier, text: str, why: str) -> None:
    assert verifier.verify(Draft(text, (1,))) is None, why


def test_a_reversal_is_never_vouched_for(verifier: Verifier) -> None:
    for text in (
        "총사업비는 5,130억 원으로 변동이 있다.",
        "해담시는 트램 1호선 착공을 9월로 미루지 않는다고 26일 밝혔다.",
    ):
        verified = verifier.verify(Draft(text, (1,)))
        assert verified is None or verified.support == "reworded"


@pytest.mark.parametrize(
    ("verdict", "probability", "grades"),
    [
        ("supported", 0.9, ["quoted", "supported", "supported"]),
        ("unknown", 0.9, ["quoted", "reworded", None]),
        ("unknown", 0.1, ["quoted", "supported", "reworded"]),  # says nothing, so nothing changes
        ("unknown", 0.0, ["quoted", "supported", "reworded"]),
        ("contradicted", 0.9, ["quoted", None, None]),
    ],
)
def test_a_judge_lifts_and_lowers(
    verdict: Verdict, probability: float, grades: list[str | None]
) -> None:
    before: tuple[Support, ...] = ("quoted", "supported", "reworded")
    after = [graded(Verified("문장", (), g), Judgement(verdict, probability)) for g in before]
    assert [v and v.support for v in after] == grades


def test_a_quotation_is_its_own_evidence() -> None:
    """Also where an earlier sentence says the same; to find it no sentence is taken apart."""
    body = "총사업비는 5,130억 원이다. 시의회가 반대했다. 총사업비는 5130억원이다."
    quoted = "총사업비는 5130억원이다."

    class Untouched(KoreanAnalyser):
        def __init__(self) -> None:
            pass

        def tokens(self, text: str) -> NoReturn:
            raise AssertionError(f"{text!r} was taken apart")

    verifier = Verifier([source(1, body, "트램")], Untouched(), idf)
    for text in (quoted, f"해담일보에 따르면 {quoted}"):
        verified = verifier.verify(Draft(text, (1,)))
        assert verified is not None
        assert [(e.start, e.text) for e in verified.evidence] == [(body.rindex("총"), quoted)]


def test_a_wrong_marker_is_repaired(verifier: Verifier) -> None:
    verified = verifier.verify(Draft("여객선 운임이 4월부터 12% 오른다.", (1,)))
    assert verified is not None
    assert (verified.support, verified.repaired) == ("reworded", True)
    assert [e.source.number for e in verified.evidence] == [2]


@pytest.mark.parametrize("markers", [(), (9,), (9, 1)])
def test_missing_and_invented_markers(verifier: Verifier, markers: tuple[int, ...]) -> None:
    verified = verifier.verify(Draft("총사업비는 5,130억 원으로 변동이 없다.", markers))
    assert verified is not None
    assert [e.source.number for e in verified.evidence] == [1]
    assert verified.support == "quoted"
    assert verified.repaired == (1 not in markers)


def test_a_window_does_not_jump_over_what_was_not_supplied() -> None:
    first, third = (0, TRAM.index(" 총사업비")), (TRAM.index("도해윤"), TRAM.index("\n\n"))
    passages = [
        Passage("article-1", n, TRAM[start:end], start, end)
        for n, (start, end) in enumerate((first, third))
    ]
    whole = SOURCES[0]
    partial = Source(1, whole.article, whole.text, passages, 1.0, 0.8)
    verifier = Verifier([partial], analyser(), idf)
    assert verifier.verify(Draft("총사업비는 5,130억 원으로 변동이 없다.", (1,))) is None
    joined = "해담시는 트램 1호선 착공을 9월로 미룬다고 26일 밝혔고 도해윤 부시장은 예산과는 관계가 없다고 했다."
    verified = verifier.verify(Draft(joined, (1,)))
    assert verified is None or all("총사업비" not in e.text for e in verified.evidence)


def drafts(*pieces: str) -> list[Draft]:
    parser = DraftParser(analyser())
    return [draft for piece in pieces for draft in parser.feed(piece)] + parser.close()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["착공은 9월이다.[1]"], [("착공은 9월이다.", (1,))]),
        (["착공은 9월이다 [1]."], [("착공은 9월이다", (1,))]),
        (["착공은 9월이다.[1, 2] 비용은 크다.[3]"], [("착공은 9월이다.", (1, 2)), ("비용은 크다.", (3,))]),
        (["착공은 9월이다.[1][2]\n\n비용은 크다."], [("착공은 9월이다.", (1, 2)), ("비용은 크다.", ())]),
        (["비용은 크다. 착공은 9월이다.[1]"], [("비용은 크다.", ()), ("착공은 9월이다.", (1,))]),
        (["[1]"], []),
        ([""], []),
        (["[abc] 착공은 9월이다."], [("[abc] 착공은 9월이다.", ())]),
    ],
)  # fmt: skip
def test_parsing(pieces: list[str], expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(d.text, d.markers) for d in drafts(*pieces)] == expected


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_pieces_of_any_size_parse_alike(data: st.DataObject) -> None:
    text = "착공은 9월이다.[1][2] 비용은 5,130억 원이다. [3] 축제가 열렸다."
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert drafts(*pieces) == drafts(text)


def test_a_sentence_leaves_as_soon_as_the_next_begins() -> None:
    parser = DraftParser(analyser())
    assert parser.feed("착공은 9월이다.[1") == []
    assert parser.feed("] ") == []
    assert parser.feed("비") == [Draft("착공은 9월이다.", (1,))]


def test_supports_judges_a_text_alone() -> None:
    assert supports("총사업비는 5130억 원이다.", TRAM, analyser(), idf)
    assert not supports("총사업비는 5131억 원이다.", TRAM, analyser(), idf)


@pytest.mark.parametrize(
    ("passage", "true", "false"),
    [
        ("미술관은 월요일에 쉰다.", "월요일은 미술관이 쉬는 날이다.", "미술관은 화요일에 쉰다."),
        ("공단은 안전요원 12명을 배치한다.", "안전요원 12명이 배치된다.", "안전요원 21명이 배치된다."),
        ("미루호수에 조류 경보가 내려졌다.", "조류 경보가 미루호수에 내려졌다.", "새물호수에 조류 경보가 내려졌다."),
        ("화물선이 어선을 구조했다.", "어선을 화물선이 구조했다.", "어선이 화물선을 구조했다."),
        ("한 달에 충전할 수 있는 돈은 50만 원이다.", "충전할 수 있는 돈은 한 달에 50만 원이다.", "하루에 충전할 수 있는 돈은 50만 원이다."),
        ("발전 용량은 500㎿다.", "발전 용량은 500메가와트다.", "발전 용량은 500㎾다."),
    ],
)  # fmt: skip
def test_what_a_sentence_turns_on(passage: str, true: str, false: str) -> None:
    verifier = Verifier([source(1, passage, "기사")], analyser(), idf)
    assert verifier.verify(Draft(true, (1,)))
    assert not verifier.verify(Draft(false, (1,)))
