"""Numbers and units in the spellings that Korean papers use."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.korean.quantities import quantities


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
        ("두말할 것 없다", []),
        ("세계 한복판", []),
        ("", []),
    ],
)
def test_values_and_units(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(q.value, q.unit) for q in quantities(text)] == [(Decimal(v), u) for v, u in expected]


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
    ],
)
def test_agreement(one: str, other: str, agree: bool) -> None:
    (first,), (second,) = quantities(one), quantities(other)
    assert first.agrees_with(second) is agree


@given(st.integers(0, 10**13))
def test_separators_do_not_matter(number: int) -> None:
    (plain,), (separated,) = quantities(f"{number}원"), quantities(f"{number:,} 원")
    assert plain.value == separated.value == number
    assert plain.agrees_with(separated)


@given(st.text(max_size=300))
def test_never_fails_and_stays_within_the_text(text: str) -> None:
    for quantity in quantities(text):
        assert text[quantity.start :].startswith(quantity.text)
