"""Hanja and their readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.hanja import _in_order, _readings, expansion, read, spell_out


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        line.split()
        for line in """
        韓國銀行 한국은행
        金融 금융
        李明博 이명박
        盧武鉉 노무현
        文在寅 문재인
        與野 여야
        北核 북핵
        韓·美 한·미
        韓·美·日 한·미·일
        女性 여성
        子女 자녀
        論議 논의
        言論 언론
        勤勞 근로
        韓國勞動組合 한국노동조합
        比率 비율
        確率 확률
        系列 계열
        隊列 대열
        不動産 부동산
        不正 부정
        不法 불법
        靑瓦臺 청와대
        青瓦臺 청와대
        経済 경제
        國民年金 국민연금
        今年 금년
        宅配 택배
        合格率 합격률
        合格율 합격율
        합격率 합격률
        임대料 임대료
        2025年 2025년
        15日 15일
        """.strip().splitlines()
    ],
)
def test_readings(written: str, spoken: str) -> None:
    assert read(written) == spoken


def test_a_single_hanja_of_a_headline_stands_for_a_word() -> None:
    assert read("美 관세") == "美 관세"
    assert expansion("美") == "미국"
    assert spell_out("美 관세, 韓國銀行") == "미국 관세, 한국은행"
    assert expansion("水") == "水"


def test_all_hanja_of_the_standard_have_a_reading() -> None:
    letters = list(_in_order())
    assert len(set(letters)) == len(letters) == 4_620
    assert all("가" <= _readings()[letter] <= "힣" for letter in letters)


@given(
    st.text(alphabet=st.sampled_from("韓國銀行·美日年率不動 가나률a1,\n\U00020000鷄"), max_size=40)
)
def test_offsets_stay_right(text: str) -> None:
    spoken = read(text)
    assert len(spoken) == len(text)
    assert all(a == b for a, b in zip(text, spoken, strict=True) if a < "\u3400" or a > "\uffff")
    assert read(spoken) == spoken
