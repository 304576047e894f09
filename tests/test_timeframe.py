"""The table of expressions, and what holds for every text and every day."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import SEOUL
from service.query.timeframe import asks_for_recent, resolve, unresolved_anchor
from service.schema import TimeRange
from tests.timeframe_table import PARTS, Row

NOON = datetime(2026, 3, 20, 12, tzinfo=SEOUL)


def days(question: str, now: datetime = NOON) -> tuple[date | None, date | None] | None:
    found = resolve(question, now=now)
    return (found.start, found.end) if found else None


ROWS = [row for rows in PARTS.values() for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.now:%y%m%d} {row.question}")
def test_the_table(row: Row) -> None:
    expected = row.expression and TimeRange(start=row.start, end=row.end, expression=row.expression)
    assert resolve(row.question, now=row.now) == expected


def test_the_table_has_no_line_twice() -> None:
    lines = [(row.now, row.question) for row in ROWS]
    assert len(set(lines)) == len(lines) >= 350


# ---- the clock


def test_days_are_those_of_seoul() -> None:
    late_in_london = datetime(2026, 3, 19, 15, 30, tzinfo=UTC)  # half past midnight in Seoul
    assert days("오늘 뉴스", late_in_london) == (date(2026, 3, 20), date(2026, 3, 20))


def test_a_clock_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        resolve("어제 뉴스", now=datetime(2026, 3, 20))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("year", "seol", "chuseok"),
    [  # the government's yearly calendar (월력요항); in 2027 and 2028 China's new year is a day earlier
        (2015, date(2015, 2, 19), date(2015, 9, 27)),
        (2017, date(2017, 1, 28), date(2017, 10, 4)),
        (2020, date(2020, 1, 25), date(2020, 10, 1)),
        (2023, date(2023, 1, 22), date(2023, 9, 29)),
        (2025, date(2025, 1, 29), date(2025, 10, 6)),
        (2026, date(2026, 2, 17), date(2026, 9, 25)),
        (2027, date(2027, 2, 7), date(2027, 9, 15)),
        (2028, date(2028, 1, 27), date(2028, 10, 3)),
    ],
)
def test_feasts_of_the_korean_lunar_calendar(year: int, seol: date, chuseok: date) -> None:
    later = datetime(2030, 1, 1, tzinfo=SEOUL)
    assert days(f"{year}년 설날 날씨", later) == (seol, seol)
    assert days(f"{year}년 추석 날씨", later) == (chuseok, chuseok)


# ---- what is no date


@pytest.mark.parametrize(
    ("question", "anchor"),
    [
        ("지난 대선 이후 지지율은?", "지난 대선 이후"),
        ("취임 이후 첫 순방지는?", "취임 이후"),
        ("12·3 비상계엄 이후 환율은?", "12·3 비상계엄 이후"),
        ("작년 대선 이후 바뀐 정책은?", "작년 대선 이후"),
        ("코로나19 이후 줄어든 것은?", "코로나19 이후"),
        ("5·18 이후 제정된 법은?", "5·18 이후"),
        ("사고가 난 이후 통제된 곳은?", "사고가 난 이후"),
        ("시장이 바뀐 이후 달라진 점은?", "시장이 바뀐 이후"),
        ("어제 사고 이후 통제된 도로는?", "사고 이후"),
        ("계엄 직후 열린 회의는?", "계엄 직후"),
        ("개통 전 시험 운행은 몇 번 했나?", "개통 전"),
    ],
)
def test_an_event_is_named_and_no_filter(question: str, anchor: str) -> None:
    assert unresolved_anchor(question) == anchor
    assert resolve(question, now=NOON) is None


@pytest.mark.parametrize(
    "question",
    [
        "8월 이후 물가는?", "내년 이후 전망은?", "지난달 이후 확진자는?", "설 연휴 이후 물가는?", "공장은 이후 어떻게 됐나?",
        "그 이후 상황은?", "65세 이후 받는 연금은?", "밤 10시 이후 통행은?", "퇴근 후 하는 운동은?", "개통한 다리는?", "",
    ],
)  # fmt: skip
def test_dates_ages_and_adverbs_are_no_event(question: str) -> None:
    assert unresolved_anchor(question) is None


@pytest.mark.parametrize(
    ("question", "recent"),
    [
        ("요즘 금값은?", True),
        ("최근 화재 원인은?", True),
        ("현재 시장은 누구?", True),
        ("최근 3개월 화재는 몇 건?", False),  # a period of its own
        ("작년 화재는 몇 건?", False),
    ],
)
def test_a_wish_for_fresh_news(question: str, recent: bool) -> None:
    assert asks_for_recent(question) is recent


# ---- what always holds

WORDS = (
    "작년 올해 올 지난 지난주 이번 주 달 3월 8~10월 5일 30일 2025년 25년 1868년 9999년 2025.08.03 2025-13-45 8/3 1/3 금요일 주말 "
    "설 추석 연휴 광복절 초 말 중순 상반기 4분기 여름 겨울 최근 3개월 사흘 전 999년 전 부터 까지 ~ 과 이후 이전 대선 취임 매년 내년 "
    "다음 그해 2월 29일 첫째 주 마지막 0월 0일 · / . - ' ( ) ? 코스피 5000 에 보다 로 의 ２０２５년"
).split()
questions = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*WORDS, " "]), max_size=60).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join),
    st.sampled_from(WORDS).map(lambda word: f"{word} " * (1_000 // (len(word) + 1))),
)
clocks = st.dates(date(1990, 1, 1), date(2060, 1, 1)).map(
    lambda day: datetime.combine(day, time(23, 59), SEOUL)
)


@settings(max_examples=400, deadline=None)
@given(questions, clocks)
def test_any_text_gives_a_range_that_makes_sense_or_none(question: str, now: datetime) -> None:
    found, today = resolve(question, now=now), now.date()
    unresolved_anchor(question), asks_for_recent(question)
    if found is None:
        return
    assert found.start or found.end
    assert not found.start or found.start <= today
    assert not (found.start and found.end) or found.start <= found.end
    assert found.expression
    assert found.expression in unicodedata.normalize("NFC", question)


@settings(max_examples=100, deadline=None)
@given(questions, clocks)
def test_decomposed_text_means_the_same(question: str, now: datetime) -> None:
    composed, decomposed = (unicodedata.normalize(form, question) for form in ("NFC", "NFD"))
    found = resolve(question, now=now)
    assert found == resolve(composed, now=now) == resolve(decomposed, now=now)


@given(clocks, st.integers(1, 12))
def test_a_month_without_a_year_is_the_latest_that_has_begun(now: datetime, month: int) -> None:
    found = days(f"{month}월 물가", now)
    assert found
    start, end = found
    assert start
    assert end
    assert start.month == month
    assert start <= now.date() < start.replace(year=start.year + 1)
    assert (end + timedelta(days=1)).day == 1


@given(clocks)
def test_last_week_is_the_seven_days_before_this_monday(now: datetime) -> None:
    found = days("지난주 날씨", now)
    assert found
    start, end = found
    assert start
    assert end
    assert (start.weekday(), end - start) == (0, timedelta(days=6))
    assert timedelta(days=1) <= now.date() - end <= timedelta(days=7)
    this_week = days("이번 주 날씨", now)
    assert this_week
    assert this_week[0] == end + timedelta(days=1)


@given(clocks, st.sampled_from("월화수목금토일"))
def test_a_weekday_is_at_most_a_week_ago(now: datetime, weekday: str) -> None:
    latest, over = days(f"{weekday}요일 경기", now), days(f"지난 {weekday}요일 경기", now)
    assert latest
    assert over
    assert latest[0]
    assert over[0]
    assert 0 <= (now.date() - latest[0]).days <= 6
    assert 1 <= (now.date() - over[0]).days <= 7
