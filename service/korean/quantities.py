"""Numbers with their units in Korean text, in any usual spelling.

``1,400여 명`` = ``1400명``; ``2천900억 원`` = ``2,900억원`` = ``290,000,000,000원``; ``네 가지`` = ``4가지``;
``삼천 명`` = ``3,000명``; ``5퍼센트`` = ``5%``; ``절반`` = ``50%``; ``1년`` = ``12개월`` as ``석 달`` = ``3개월``;
``사흘`` = ``3일``; ``3년 2개월`` = ``38개월``. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

RECENT_TEXTS = 4_096
"""Sentences whose quantities are remembered: those of articles that are asked about again and again."""

_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12, "경": 10**16}
_SMALL = {"십": 10, "백": 100, "천": 1000}
_SINO_DIGITS = {digit: value for value, digit in enumerate("일이삼사오육칠팔구", start=1)}
_ONES = "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉".split()
_TENS = "열 스물 서른 마흔 쉰 예순 일흔 여든 아흔".split()
_BEFORE_NOUNS = {"하나": "한", "둘": "두", "셋": "세", "넷": "네", "스물": "스무"}


def _native_numerals() -> dict[str, int]:
    """한 = 1, 두 = 2, …, 아흔아홉 = 99, as they stand before a noun."""
    ones = {word: value for value, word in enumerate(_ONES, start=1)}
    tens = {word: 10 * value for value, word in enumerate(_TENS, start=1)}
    compound = {
        ten + _BEFORE_NOUNS.get(one, one): tens[ten] + ones[one] for ten in tens for one in ones
    }
    simple = {_BEFORE_NOUNS.get(word, word): value for word, value in (ones | tens).items()}
    return simple | compound | {"석": 3, "넉": 4, "스물": 20}


_NATIVE = _native_numerals()

# Longest first, so that 시간 is not read as 시, nor 개월 as 개.
_UNITS = (
    "%p %포인트 제곱미터 킬로미터 센티미터 밀리미터 킬로그램 퍼센트포인트 퍼센트 메가와트 기가와트 킬로와트 "
    "세제곱미터 헥토파스칼 밀리리터 헥타르 개월 개국 개사 개소 시간 분기 달러 유로 가지 번째 가구 세대 마리 그루 "
    "켤레 자루 송이 포기 박스 상자 사람 학급 학년 주년 주일 주차 차례 살배기 미터 리터 그램 위안 인분 "
    "병상 갈래 등급 라운드 포인트 경기 이닝 연패 연승 메가줄 리터 ℓ 명 원 엔 개 곳 건 대 채 년 월 일 시 분 초 주 회 차 위 배 톤 층 면 석 척 "
    "점 강 편 권 장 쪽 심 세 살 승 패 무 골 호 번 동 량 칸 종 팀 인 평 도 표 기 단 단계 상 급 필지 ㎞ ㎡ "
    "㎥ ㎝ ㎜ ㎏ ㏊ ㎿ ㎾ ㎎ ㎍ ㏈ ㎐ ㎒ ㎓ ℃ km² m² km cm mm kg ha hPa mL ml ㎖ L MWh GWh kWh TWh MW GW kW TB GB MB GHz MHz kHz Hz mg dB m t g % ％ p"
).split()
_SAME_UNIT = {
    "퍼센트포인트": "%p", "%포인트": "%p", "％": "%", "퍼센트": "%", "프로": "%", "킬로미터": "km", "㎞": "km",
    "미터": "m", "센티미터": "cm", "㎝": "cm", "밀리미터": "mm", "㎜": "mm", "킬로그램": "kg",
    "㎏": "kg", "제곱미터": "㎡", "m²": "㎡", "메가와트": "MW", "㎿": "MW", "기가와트": "GW", "킬로와트": "kW", "㎾": "kW", "㎎": "mg", "㏈": "dB", "㎒": "MHz", "㎓": "GHz",
    "톤": "t",
    "사람": "명", "인": "명", "살": "세", "살배기": "세", "도": "℃", "헥타르": "ha", "㏊": "ha",
    "헥토파스칼": "hPa", "차례": "번", "회": "번", "㎖": "mL", "ml": "mL", "ℓ": "L", "리터": "L", "밀리리터": "mL", "달": "개월", "군데": "곳", "개소": "곳",
}  # fmt: skip
_UNIT = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_POWER = r"(?:[십백천만억조]|경(?=\s?[\d원]))"  # 경 in 7경기 is none
_NUMBER = rf"(?:{_DIGITS})(?:{_POWER}|(?<=[십백천만억조경])\s?(?:{_DIGITS}))*"
_QUANTITY = re.compile(
    rf"(?<![\d.,A-Za-z])(?P<number>{_NUMBER})"
    rf"(?:\s?(?:여|남짓))?\s?(?P<unit>{_UNIT})?"
)
_NATIVE_QUANTITY = re.compile(
    rf"(?<![가-힣])(?P<number>{'|'.join(sorted(_NATIVE, key=len, reverse=True))})\s?(?:여\s?)?"
    r"(?P<unit>가지|명|개월|개|곳|번째|번|차례|달|시간|시|살|마리|사람|배|군데|대|채|건|척|편|권|장|팀|가구|경기|"
    r"그루|점|골|칸|표|층|기|주|경기|이닝|량|종|석|통|쌍|벌|잔|송이|회|세대|집)(?=[^가-힣]|$|[이가은는을를의에로과와도쯤께까부만씩간째짜])"  # not 한 시장
)
_SINO_QUANTITY = re.compile(
    r"(?<![가-힣\d])(?P<number>[일이삼사오육칠팔구]?[십백천만억조][일이삼사오육칠팔구십백천만억조]*)\s?(?:여\s?)?"
    r"(?P<unit>명|원|개월|개|년|곳|건|가구|세대|달러|배|퍼센트|미터|킬로미터|톤|번|마리|권|표)(?![가-힣]{3})"
)
_SHARE = re.compile(r"절반|(?P<parts>\d+)분의\s?(?P<of>\d+)")
_DAYS = {
    "이틀": 2, "사흘": 3, "나흘": 4, "닷새": 5, "엿새": 6, "이레": 7, "여드레": 8, "아흐레": 9,
    "열흘": 10, "열하루": 11, "보름": 15,
}  # fmt: skip
_SPAN = re.compile(
    rf"(?<![가-힣])(?P<days>{'|'.join(sorted(_DAYS, key=len, reverse=True))})|(?<![가-힣])(?P<week>일주일)"
    r"|(?<![가-힣])(?P<half>반년)"
)
_LONG_SPAN = re.compile(r"(?<![\d.,])(?P<years>\d{1,2})년\s?(?P<months>\d{1,2})개월")
_SCORE = re.compile(
    rf"(?<![\w.,-])(\d{{1,3}})\s?(?:-|–|대)\s?(\d{{1,3}})(?![\d,.-]|\s?(?:[십백천만억조]|{_UNIT}))"
)


@dataclass(frozen=True)
class Quantity:
    """A number with its unit (None: none recognised), as it stands at ``start``."""

    value: Decimal
    unit: str | None
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def agrees_with(self, other: Quantity) -> bool:
        """Same value; same unit, where both have one, a year being twelve months and a week seven days."""
        one, two = self._in_common_unit(), other._in_common_unit()
        return one[0] == two[0] and (one[1] is None or two[1] is None or one[1] == two[1])

    def may_rival(self, other: Quantity) -> bool:
        """Whether one could stand in the place of the other: the units are comparable."""
        return self._in_common_unit()[1] == other._in_common_unit()[1]

    def _in_common_unit(self) -> tuple[Decimal, str | None]:
        factor, unit = _COMMON_UNIT.get(self.unit or "", (1, self.unit))
        return self.value * factor, unit


_COMMON_UNIT = {"년": (12, "개월"), "주": (7, "일"), "주일": (7, "일")}


@lru_cache(maxsize=RECENT_TEXTS)
def quantities(text: str) -> Sequence[Quantity]:
    """The quantities of a text, in order."""
    found: list[Quantity] = []
    for read in (_scores, _shares, _spans, _arabic, _sino, _native):
        taken = [(quantity.start, quantity.end) for quantity in found]
        found += [q for q in read(text) if all(q.end <= a or b <= q.start for a, b in taken)]
    return tuple(sorted(found, key=lambda quantity: quantity.start))


def _scores(text: str) -> Iterator[Quantity]:
    """``5-4``, ``2대2``: the sides are told apart, so that 5-4 is not 4-5."""
    for match in _SCORE.finditer(text):
        for side, unit in (1, "득점"), (2, "실점"):
            yield Quantity(Decimal(match[side]), unit, match[side], match.start(side))


def _shares(text: str) -> Iterator[Quantity]:
    for match in _SHARE.finditer(text):
        of, parts = (match["of"], match["parts"]) if match["parts"] else ("1", "2")
        if int(parts):
            yield Quantity(Decimal(100 * int(of)) / int(parts), "%", match[0], match.start())


def _spans(text: str) -> Iterator[Quantity]:
    for match in _LONG_SPAN.finditer(text):
        months = Decimal(12 * int(match["years"]) + int(match["months"]))
        yield Quantity(months, "개월", match[0], match.start())
    for match in _SPAN.finditer(text):
        days = _DAYS[match["days"]] if match["days"] else 7
        value, unit = (6, "개월") if match["half"] else (days, "일")
        yield Quantity(Decimal(value), unit, match[0], match.start())


def _arabic(text: str) -> Iterator[Quantity]:
    for match in _QUANTITY.finditer(text):
        yield Quantity(_value(match["number"]), _unit(match["unit"]), match[0], match.start())


def _native(text: str) -> Iterator[Quantity]:
    for match in _NATIVE_QUANTITY.finditer(text):
        value = Decimal(_NATIVE[match["number"]])
        yield Quantity(value, _unit(match["unit"]), match[0], match.start())


def _sino(text: str) -> Iterator[Quantity]:
    for match in _SINO_QUANTITY.finditer(text):
        digits = "".join(str(_SINO_DIGITS.get(c, c)) for c in match["number"])
        yield Quantity(_value(digits), _unit(match["unit"]), match[0], match.start())


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
