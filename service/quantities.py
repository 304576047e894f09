"""Numbers with their units in Korean text, in any usual spelling.

``1,400여 명`` = ``1400명``; ``2천900억 원`` = ``2,900억원`` = ``290,000,000,000원``; ``네 가지`` = ``4가지``;
``5퍼센트`` = ``5%``. Pure functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12, "경": 10**16}
_SMALL = {"십": 10, "백": 100, "천": 1000}
_NATIVE = {
    "한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9,
    "열": 10, "열한": 11, "열두": 12, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50,
}  # fmt: skip

# Longest first, so that 시간 is not read as 시, nor 개월 as 개.
_UNITS = (
    "%p 제곱미터 킬로미터 센티미터 밀리미터 킬로그램 퍼센트포인트 퍼센트 메가와트 기가와트 "
    "세제곱미터 헥타르 개월 개국 개사 개소 시간 달러 유로 가지 번째 가구 세대 마리 그루 켤레 "
    "자루 송이 포기 박스 상자 사람 학급 주년 주일 주차 차례 살배기 미터 리터 그램 위안 인분 "
    "갈래 명 원 엔 개 곳 건 대 채 년 월 일 시 분 초 주 회 차 위 배 톤 층 면 석 척 점 편 권 장 "
    "쪽 세 살 승 패 골 호 번 동 량 칸 종 팀 인 평 도 ㎞ ㎡ ㎥ ㎝ ㎜ ㎏ ℃ km² m² km cm mm kg "
    "MW GW kW TB GB m t g % ％ p"
).split()
_SAME_UNIT = {
    "퍼센트포인트": "%p", "퍼센트": "%", "％": "%", "프로": "%", "킬로미터": "km", "㎞": "km", "미터": "m", "센티미터": "cm",
    "㎝": "cm", "밀리미터": "mm", "㎜": "mm", "킬로그램": "kg", "㎏": "kg", "제곱미터": "㎡", "m²": "㎡",
    "메가와트": "MW", "기가와트": "GW", "톤": "t", "사람": "명", "인": "명", "살": "세", "도": "℃",
}  # fmt: skip
_UNIT = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_NUMBER = rf"(?:{_DIGITS})(?:[십백천만억조경]|(?<=[십백천만억조경])\s?(?:{_DIGITS}))*"
_QUANTITY = re.compile(
    rf"(?<![\d.,A-Za-z])(?P<number>{_NUMBER})"
    rf"(?:\s?(?:여|남짓))?\s?(?P<unit>{_UNIT})?"
)
_NATIVE_QUANTITY = re.compile(
    rf"(?<![가-힣])(?P<number>{'|'.join(sorted(_NATIVE, key=len, reverse=True))})\s?"
    r"(?P<unit>가지|명|개|곳|번째|번|차례|달|시간|시|살|마리|사람|배|군데|대|채|건|척|편|권|장|팀)"
)


@dataclass(frozen=True)
class Quantity:
    """A number with its unit (None: none recognised), as it stands at ``start``."""

    value: Decimal
    unit: str | None
    text: str
    start: int

    def agrees_with(self, other: Quantity) -> bool:
        """Same value; same unit, where both have one."""
        return self.value == other.value and (
            self.unit is None or other.unit is None or self.unit == other.unit
        )


def quantities(text: str) -> list[Quantity]:
    """The quantities of a text, in order."""
    found = [
        Quantity(_value(m["number"]), _unit(m["unit"]), m[0], m.start())
        for m in _QUANTITY.finditer(text)
    ]
    found += [
        Quantity(Decimal(_NATIVE[m["number"]]), _unit(m["unit"]), m[0], m.start())
        for m in _NATIVE_QUANTITY.finditer(text)
    ]
    return sorted(found, key=lambda quantity: quantity.start)


def _unit(unit: str | None) -> str | None:
    return None if unit is None else _SAME_UNIT.get(unit, unit)


def _value(text: str) -> Decimal:
    """``2천900억`` -> 290,000,000,000: small powers add up until a large one multiplies them."""
    total = section = Decimal(0)
    number: Decimal | None = None
    for digits, power in re.findall(rf"({_DIGITS})|([십백천만억조경])", text):
        if digits:
            number = Decimal(digits.replace(",", ""))
        elif power in _SMALL:
            section += (1 if number is None else number) * _SMALL[power]
            number = None
        else:
            section += number or 0
            total += (section or 1) * _LARGE[power]
            section, number = Decimal(0), None
    return total + section + (number or 0)
