"""Numbers and units in the spellings that Korean papers use."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import LEXICON, Quantity, quantities_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,400여 명", [("1400", "명")]),
        ("1400명", [("1400", "명")]),
        ("2천900억 원", [("290000000000", "원")]),
        ("2,900억원", [("290000000000", "원")]),
        ("1조 2000억 원", [("1200000000000", "원")]),
        ("1,282억 5천만 원", [("128250000000", "원")]),
        ("3만5천 명", [("35000", "명")]),
        ("13만 7천 명", [("137000", "명")]),
        ("12.5퍼센트", [("12.5", "%")]),
        ("0.3%p", [("0.3", "%p")]),
        ("0.3퍼센트포인트", [("0.3", "%p")]),
        ("오전 10시 30분", [("10", "시"), ("30", "분")]),
        ("1시간 10분간", [("1", "시간"), ("10", "분")]),
        ("2026년 3월 2일", [("2026", "년"), ("3", "월"), ("2", "일")]),
        ("네 가지", [("4", "가지")]),
        ("세 건", [("3", "건")]),
        ("11.6㎞", [("11.6", "km")]),
        ("1,450원에서 1,600원으로", [("1450", "원"), ("1600", "원")]),
        ("3개월", [("3", "개월")]),
        ("F-35와 ARM64", [("35", None)]),
        ("7th", [("7", None)]),
        ("5,000 mAh", [("5000", None)]),
        ("11만 2,411표", [("112411", "표")]),
        ("1조2천억", [("1200000000000", None)]),
        ("330여억원", [("33000000000", "원")]),
        ("14억 달러", [("1400000000", "달러")]),
        ("3.7%p", [("3.7", "%p")]),
        ("5프로", [("5", "%")]),
        ("9.4 대 1", [("9.4", "대 1")]),
        ("경쟁률은 9.4대1이었다", [("9.4", "대 1")]),
        ("9.4:1", [("9.4", "대 1")]),
        ("2관왕에 올랐다", [("2", "관왕")]),  # counters that no table has
        ("300규빗", [("300", "규빗")]),
        ("6자회담", [("6", "자회담")]),
        ("0.94였으나", [("0.94", None)]),  # particles and the copula are none
        ("1부터 8까지의 수", [("1", None), ("8", None)]),
        ("2.0이라는 판", [("2.0", None)]),
        ("2026 서울국제도서전", [("2026", None)]),
        ("두말할 것 없다", []),
        ("세계 한복판", []),
        ("", []),
    ],
)
def test_values_and_units(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(q.value, q.unit) for q in quantities_in(text)] == [
        (Decimal(v), u) for v, u in expected
    ]


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("1,400여 명", "1400명", True),
        ("2천900억 원", "2,900억원", True),
        ("20명", "20사람", True),
        ("5%", "5퍼센트", True),
        ("5명", "5개", False),
        ("1,400명", "1,500명", False),
        ("5%", "5%p", False),
        ("1.5km", "1,500m", True),
        ("1.5km", "1,500㎡", False),
        ("2t", "2,000kg", True),
        ("1㏊", "10,000㎡", True),
        ("2시간", "120분", True),
        ("2년", "24개월", True),
        ("2주", "14일", True),
        ("보름", "15일", True),
        ("1.2GW", "1,200MW", True),
        ("500㎿", "500메가와트", True),
        ("500㎿", "500㎾", False),
        ("30℃", "30도", True),
        ("3만5천 명", "35,000명", True),
        ("2천900억 원", "290,000,000,000원", True),
        ("14억 달러", "14억 원", False),
        ("9.4 대 1", "9.4대1", True),
        ("100평", "330.58㎡", False),  # 평 is converted by rounding alone
        ("2관왕", "2연패", False),
        ("3안타", "3개", True),  # what no table has may be the thing counted
        ("2실점", "2점", True),
        ("2실점", "2승", False),
    ],
)
def test_agreement(one: str, other: str, agree: bool) -> None:
    (first,), (second,) = quantities_in(one), quantities_in(other)
    assert first.agrees_with(second) is agree


@given(st.integers(0, 10**13))
def test_separators_do_not_matter(number: int) -> None:
    (plain,), (separated,) = quantities_in(f"{number}원"), quantities_in(f"{number:,} 원")
    assert plain.value == separated.value == number
    assert plain.agrees_with(separated)


@given(st.text(max_size=300))
def test_never_fails_and_stays_within_the_text(text: str) -> None:
    end = 0
    for quantity in quantities_in(text):
        assert quantity.start >= end
        assert text[quantity.start :].startswith(quantity.text)
        assert quantity.text == quantity.text.strip()
        end = quantity.end


@given(st.integers(1, 10**9), st.sampled_from(sorted(LEXICON["units.conversions"].lists)))
def test_conversion_is_exact(number: int, unit: str) -> None:
    common, factor = LEXICON["units.conversions"].lists[unit]
    converted = Quantity(number * Decimal(factor), common, "", 0)
    assert Quantity(Decimal(number), unit, "", 0).agrees_with(converted)
