"""Facts of a sentence against its evidence: what agrees, what follows, what contradicts; and near-verbatim wording."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service import check_sentence

DAY = date(2025, 12, 8)


def grade(sentence: str, passage: str, title: str = "") -> str | None:
    return check_sentence(sentence, passage, title=title, published_on=DAY)


AGREEING = [
    ("주민 1400명이 찾았다.", "개관 첫날 주민 1,400여 명이 찾았다."),
    ("사업비는 2,900억원이다.", "시는 사업비 2천900억 원을 들인다."),
    ("행사는 12월 5일 열렸다.", "행사는 지난 5일 열렸다."),
    ("첫 토론은 저녁 8시에 열린다.", "첫 토론은 20시에 열린다."),
    ("두 후보의 차이는 2만 7천 표가 넘는다.", "한 후보가 38만4400표, 문 후보가 35만6509표를 얻었다."),
    ("전체의 절반이 반대했다.", "주민의 50%가 반대했다."),
    ("펌프 용량은 1,150t 늘었다.", "펌프 용량은 1,200t에서 2,350t으로 커졌다."),
    ("회의는 417분 이어졌다.", "회의는 6시간 57분 동안 이어졌다."),
    ("용적률은 9%p 높아졌다.", "용적률이 299%에서 308%로 완화됐다."),
    ("매출은 두 배 넘게 불었다.", "매출은 2만 원에서 5만 원으로 늘었다."),
    ("실업률은 3.0%에서 2.8%로 낮아졌다.", "실업률은 2.8%로 0.2%p 내렸다."),
    ("착공을 석 달 늦췄다.", "착공을 7월에서 10월로 옮겼다."),
    ("임차료는 모두 1억6천만 원이다.", "건물을 5년간 빌린다. 임차료는 연 3천200만 원이다."),
    ("공정위는 과징금을 매겼다.", "공정거래위원회는 과징금을 매겼다."),
]  # fmt: skip

CONTRADICTING = [
    ("주민 4100명이 찾았다.", "개관 첫날 주민 1,400여 명이 찾았다."),
    ("금리는 0.5% 높다.", "금리는 0.5%p 높다."),
    ("행사는 12월 6일 열렸다.", "행사는 지난 5일 열렸다."),
    ("첫 토론은 오전 8시에 열린다.", "첫 토론은 20시에 열린다."),
    ("매출은 6.3% 줄었다.", "매출은 6.3% 늘었다."),
    ("인력을 40명에서 14명으로 바꾼다.", "인력을 14명에서 40명으로 바꾼다."),
    ("하루 3,100명이 드나든다.", "한 달 3,100명이 드나든다."),
    ("문가람 후보가 41.8%, 한서율 후보가 39.1%를 얻었다.", "한서율 후보가 41.8%, 문가람 후보가 39.1%를 얻었다."),
    ("매출은 870억 원, 영업이익은 3조6천억 원이다.", "영업이익은 870억 원, 매출은 3조6천억 원이다."),
    ("채이든 교육국장은 예산을 밝혔다.", "명도윤 교육국장은 예산을 밝혔다."),
    ("시장은 “사퇴하겠다”고 말했다.", "시장은 “끝까지 가겠다”고 말했다."),
    ("정부는 대책을 요청하지 않았다.", "정부는 대책을 요청했다."),
    ("회의는 수요일에 열린다.", "회의는 화요일에 열린다."),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "passage"), AGREEING)
def test_facts_that_agree_or_follow(sentence: str, passage: str) -> None:
    assert grade(sentence, passage) is not None


@pytest.mark.parametrize(("sentence", "passage"), CONTRADICTING)
def test_facts_that_do_not(sentence: str, passage: str) -> None:
    assert grade(sentence, passage) is None


FIGURES = (
    "해담시는 상인 44명에게 월 90만 원을 지원한다고 26일 밝혔다.",
    "총사업비는 5,130억 원으로 지난해보다 6.4% 늘었다.",
    "여객선 운임이 4월부터 12% 올라 1만 2,400원이 된다.",
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FIGURES), st.data())
def test_a_changed_digit_is_noticed(true: str, data: st.DataObject) -> None:
    places = [m.start() for m in re.finditer(r"\d", true)]
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from("123456789"))
    assume(digit != true[place])
    changed = true[:place] + digit + true[place + 1 :]
    assert grade(true, true) == "quoted"
    assert grade(changed, true) is None


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([("밝혔다", "밝혔습니다"), ("늘었다", "늘었어요"), ("이다", "입니다")]))
def test_politeness_changes_nothing(endings: tuple[str, str]) -> None:
    plain, polite = endings
    passage = (
        f"시는 사업비를 모두 {plain}. 주민이 반겼다." if plain != "이다" else "노선은 11.6㎞이다."
    )
    sentence = passage.split(". ")[0].rstrip(".").removesuffix(plain)
    assert grade(f"{sentence}{polite}.", passage) == "supported"


@pytest.mark.parametrize(
    ("sentence", "passage", "expected"),
    [
        ("다리는 두 시간 막혔다.", "다리는 두 시간 막혔다. 사람들은 돌아갔다.", "quoted"),
        ("다리는 두 시간 막혔습니다.", "다리는 두 시간 막혔다.", "supported"),
        ("다리는 막혔다.", "다리는 사고로 막혔다.", "supported"),
        ("회사는 다리를 막았다.", "회사는 다리를 막았지만 시는 열었다.", "supported"),
        ("시는 명단을 공개했다.", "시는 명단을 공개하지 않았다.", None),
        ("시는 다리를 연다.", "시는 다리를 열 계획이다.", "reworded"),
        ("회사는 다리를 열었다.", "회사는 다리를 막았고 시는 다리를 열었다.", "reworded"),
        ("회사가 임금을 올렸다.", "노조는 회사가 임금을 올렸다고 주장했다.", "reworded"),
        ("조건이 맞으면 다리를 연다.", "조건이 맞으면 시가 검토해 다리를 연다.", "reworded"),
    ],
)
def test_what_may_be_left_out(sentence: str, passage: str, expected: str | None) -> None:
    assert grade(sentence, passage) == expected


@pytest.mark.parametrize(
    ("passage", "sentence"),
    [
        ("윤도하 시장은 3일 협의회에 나와 설명했다.", "윤도하 시장은 3일 협의회에 불참했다."),
        ("출판사는 건물을 5년간 빌려 쓴다.", "출판사는 건물을 5년간 임대한다."),
        ("검찰은 조합장을 20일 재판에 넘겼다.", "검찰은 조합장을 20일 불기소 처분했다."),
        ("배우 서이룸이 12일 병원을 나섰다.", "배우 서이룸이 12일 입원했다."),
        ("시장은 3일 협의회에 참석했다.", "시장은 3일 협의회에 불참했다."),
        ("검찰은 그를 기소했다.", "검찰은 그를 불기소했다."),
    ],
)
def test_opposites_are_never_vouched_for(passage: str, sentence: str) -> None:
    assert grade(sentence, passage) in {None, "reworded"}


def test_a_prefix_that_denies_is_seen() -> None:
    assert grade("검찰은 그를 20일 불기소했다.", "검찰은 그를 20일 기소했다.") is None
