"""The grammar of dates and times of day: what is one, where it stands, and which days it means."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import LEXICON, Days, Mention, Policy, mentions
from index.dates import moment_in

ANCHOR = date(2025, 12, 6)
"""A Saturday: the day on which the sentences below appeared."""


def found(text: str, anchor: date | None = ANCHOR) -> list[tuple[str, str, list[str]]]:
    """Text, grain and readings of each mention: a day as one date, other readings as two."""
    return [
        (m.text, m.grain, [_shown(days) for days in m.readings]) for m in mentions(text, anchor)
    ]


def _shown(days: Days) -> str:
    return f"{days.first}" if days.first == days.last else f"{days.first}/{days.last}"


def only(text: str, anchor: date | None = ANCHOR) -> Mention:
    (mention,) = mentions(text, anchor)
    return mention


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # whole dates, however they are written
        ("2025년 12월 8일", ("day", ["2025-12-08"])),
        ("2025.12.08.", ("day", ["2025-12-08"])),
        ("2025-12-08", ("day", ["2025-12-08"])),
        ("2025. 12. 8.", ("day", ["2025-12-08"])),
        ("'25.6.12", ("day", ["2025-06-12"])),
        ("12/08", ("day", ["2025-12-08"])),
        ("1868년 4월 11일", ("day", ["1868-04-11"])),
        # counted from the article's own day
        ("어제", ("day", ["2025-12-05"])),
        ("지난달", ("month", ["2025-11-01/2025-11-30"])),
        ("지난달 3일", ("day", ["2025-11-03"])),
        ("다음 달 3일", ("day", ["2026-01-03"])),
        ("내년 2월", ("month", ["2026-02-01/2026-02-28"])),
        ("지난해 추석", ("day", ["2024-09-17"])),
        ("지난주", ("week", ["2025-11-24/2025-11-30"])),
        ("3년 전", ("year", ["2022-01-01/2022-12-31"])),
        ("최근 석 달", ("other", ["2025-09-06/2025-12-06"])),
        # what recurs: the nearest, in the past after 지난, in the future after 오는
        ("5일", ("day", ["2025-12-05"])),
        ("8일", ("day", ["2025-12-08"])),
        ("지난 8일", ("day", ["2025-11-08"])),
        ("오는 5일", ("day", ["2026-01-05"])),
        ("8월", ("month", ["2025-08-01/2025-08-31"])),
        ("2월", ("month", ["2026-02-01/2026-02-28"])),
        ("지난 2월", ("month", ["2025-02-01/2025-02-28"])),
        ("올 3월", ("month", ["2025-03-01/2025-03-31"])),
        ("3분기", ("other", ["2025-07-01/2025-09-30"])),
        ("올해 상반기", ("other", ["2025-01-01/2025-06-30"])),
        ("금요일", ("day", ["2025-12-05"])),
        ("6월 6일", ("day", ["2025-06-06", "2026-06-06"])),  # nobody can tell
        ("20일", ("day", ["2025-11-20", "2025-12-20"])),
        ("2월 29일", ("day", ["2024-02-29"])),
        ("매년 5월", ("month", [])),
    ],
)  # fmt: skip
def test_what_an_article_means(text: str, expected: tuple[str, list[str]]) -> None:
    assert found(text) == [(text, *expected)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("오후 6시", {18 * 60}),
        ("18시", {18 * 60}),
        ("18:00", {18 * 60}),
        ("6시", {6 * 60, 18 * 60}),
        ("06:00", {6 * 60}),
        ("06시", {6 * 60}),
        ("오전 9시 반", {9 * 60 + 30}),
        ("새벽 2시 10분", {2 * 60 + 10}),
        ("밤 11시", {23 * 60}),
        ("밤 1시", {60}),
        ("낮 12시", {12 * 60}),
        ("낮 2시", {14 * 60}),
        ("정오", {12 * 60}),
        ("자정", {0, 24 * 60}),
        ("0시 25분", {25}),
        ("24시", {0, 24 * 60}),
        ("2:30 PM", set()),  # in text rather a verse; a stamp has it
    ],
)
def test_times_of_day(text: str, expected: set[int]) -> None:
    minutes = {minute for mention in mentions(text, None) for minute in mention.minutes}
    assert minutes == expected


@pytest.mark.parametrize(
    "text",
    [
        "5일간 열린다", "5일 만에", "5일째", "5일 동안", "3박 4일", "3년간", "2년 만에", "5일 이상",
        "오늘날의 도시", "그제야 알았다", "5·18 기념식", "3·1운동", "6월 항쟁", "국민의 2/3가", "1/3 수준",
        "3분기 연속", "12월 결산법인", "징역 3년 6월", "영업정지 15일", "취임 3년 전", "단수 사흘 전에",
        "2015년생", "무대에 설 때", "비가 올 때", "달러 환율", "이번 주택 공급", "차주는 화물차를 샀다",
        "3:10", "점수는 24:99", "갤럭시S25", "1.5.2 버전",
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert not [m for m in mentions(text, ANCHOR) if m.is_known]


def test_a_bare_day_belongs_to_the_month_named_last_or_is_near() -> None:
    text = "2024년 3월 2일 시작해 17일 끝났다"
    assert found(text) == [
        ("2024년 3월 2일", "day", ["2024-03-02"]),
        ("17일", "day", ["2024-03-17", "2025-12-17"]),
    ]
    assert found("지난해 12월 30일 눈이 왔고 이튿날 그쳤다")[-1] == (
        "이튿날", "day", ["2024-12-31", "2025-12-07"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("3월부터 5월까지", date(2026, 3, 1), date(2026, 5, 31)),
        ("5~6일", date(2025, 12, 5), date(2025, 12, 6)),
        ("8~10월", date(2025, 8, 1), date(2025, 10, 31)),
        ("지난달 26~28일", date(2025, 11, 26), date(2025, 11, 28)),
        ("10월부터 이듬해 2월까지", date(2025, 10, 1), date(2026, 2, 28)),
        ("2024년 12월 30일∼2025년 1월 2일", date(2024, 12, 30), date(2025, 1, 2)),
    ],
)
def test_a_range_reaches_from_one_end_to_the_other(text: str, first: date, last: date) -> None:
    (mention,) = mentions(text, ANCHOR)
    assert mention.readings == (Days(first, last),)
    assert mention.overlaps(first, first)
    assert mention.overlaps(last, last + timedelta(days=9))
    assert not mention.overlaps(last + timedelta(days=1), last + timedelta(days=9))
    assert [end.text in text for end in mention.ends] == [True, True]


def test_days_said_in_one_breath_are_two_mentions() -> None:
    assert found("지난달 15일과 16일") == [
        ("지난달 15일", "day", ["2025-11-15"]),
        ("16일", "day", ["2025-11-16"]),
    ]
    assert [m.readings[0].first.day for m in mentions("4, 5일 이틀 동안", ANCHOR)] == [4, 5]


@pytest.mark.parametrize(
    ("claim", "given", "agree"),
    [
        ("5일", "12월 5일", True),
        ("12월", "12월 5일", True),  # less precise
        ("12월 5일", "12월", False),  # more precise than it is known
        ("12월 5일", "12월 6일", False),
        ("전날", "5일", True),
        ("지난해", "2024년", True),
        ("3분기", "8월", True),
        ("6일", "5~6일", True),
        ("5~6일", "5일부터 6일까지", True),
        ("5~6일", "6일", False),
        ("오후 6시", "18:00", True),
        ("오후 6시", "오전 6시", False),
        ("오후 6시", "6일", False),
    ],
)
def test_agreement(claim: str, given: str, agree: bool) -> None:
    assert only(claim).agrees_with(only(given)) is agree


@pytest.mark.parametrize(
    ("claim", "given", "agree"),
    [
        ("9월 5일", "2024년 9월 5일", True),
        ("5일", "9월 5일", True),
        ("9월", "9월 5일", True),
        ("9월 6일", "2024년 9월 5일", False),
        ("9월 5일", "9월", False),
        ("2023년 9월", "2024년 9월", False),
    ],
)
def test_without_an_anchor_dates_agree_as_far_as_they_are_stated(
    claim: str, given: str, agree: bool
) -> None:
    assert only(claim, None).agrees_with(only(given, None)) is agree


def test_without_an_anchor_only_whole_dates_have_readings() -> None:
    assert found("2025년 12월 8일, 8월, 어제", None) == [
        ("2025년 12월 8일", "day", ["2025-12-08"]), ("8월", "month", []), ("어제", "day", []),
    ]  # fmt: skip


def test_the_policies_differ_in_what_recurs() -> None:
    for text, past, nearest in (("2월", 2025, 2026), ("20일", 2025, 2025)):
        asked, told = mentions(text, ANCHOR, Policy.PAST), mentions(text, ANCHOR, Policy.NEAREST)
        assert asked[0].readings[0].first.year == past
        assert told[-1].readings[-1].first.year == nearest
        assert asked[0].readings[0].first <= ANCHOR
    assert not mentions("오는 8일", ANCHOR, Policy.PAST)[0].readings


# ---- what always holds

WORDS = sorted(
    word for table in LEXICON.tables() if table.name.startswith("dates.") for word in table.words
)
texts = st.one_of(
    st.text(max_size=120),
    st.lists(
        st.sampled_from([*WORDS, *"0123456789년월일주시분/.,~-· '()부터까지과 "]), max_size=40
    ).map("".join),
)
days = st.dates(date(1900, 1, 1), date(2090, 12, 31))
policies = st.sampled_from(Policy)
FORMATS = (
    "{0.year}년 {0.month}월 {0.day}일", "{0.year}.{0.month:02}.{0.day:02}.", "{0.year}-{0.month:02}-{0.day:02}",
    "{0.year}. {0.month}. {0.day}.", "{0.year}/{0.month}/{0.day}",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(texts, st.none() | st.dates(), policies)
def test_any_text_gives_mentions_that_stand_in_it(
    text: str, anchor: date | None, policy: Policy
) -> None:
    end = 0
    for mention in mentions(text, anchor, policy):
        assert mention.start >= end
        assert text[mention.start : mention.end] == mention.text
        assert mention.text
        end = mention.end
        assert all(days.first <= days.last for days in mention.readings)
        assert list(mention.readings) == sorted(set(mention.readings))
        assert all(mention.start <= part.start < part.end <= mention.end for part in mention.ends)
        assert not mention.is_known or mention.ends or mention.agrees_with(mention)
        assert all(mention.overlaps(*days) for days in mention.readings)
        assert all(0 <= minute <= 24 * 60 for minute in mention.minutes)


@given(days, st.sampled_from(FORMATS), st.none() | days, policies, st.text("가나다 ,.", max_size=5))
def test_a_date_that_is_written_is_read_back(
    day: date, form: str, anchor: date | None, policy: Policy, after: str
) -> None:
    written = form.format(day)
    (mention, *_) = mentions(f"행사는 {written} {after}", anchor, policy)
    assert mention.readings == (Days(day, day),)
    assert mention.text.rstrip(".") == written.rstrip(".")
    assert mention.stated == (day.year, day.month, day.day)


@given(days, days)
def test_month_and_day_are_those_of_a_near_year(day: date, anchor: date) -> None:
    (mention,) = mentions(f"{day.month}월 {day.day}일", anchor)
    nearest = min(abs(reading.first - anchor) for reading in mention.readings)
    assert all(
        (r.first.month, r.first.day) == (day.month, day.day) and r.first == r.last
        for r in mention.readings
    )
    assert nearest <= timedelta(days=184) or (day.month, day.day) == (2, 29)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001
def test_a_stamp_is_read_back(moment: datetime) -> None:
    minute = moment.replace(second=0, microsecond=0)
    half, hour = ("오후" if moment.hour > 11 else "오전"), moment.hour % 12 or 12
    for stamp in (
        f"{moment:%Y-%m-%d %H:%M}",
        f"입력 {moment:%Y.%m.%d}. {half} {hour}:{moment:%M}",
        f"{moment.year}년 {moment.month}월 {moment.day}일 (월) {moment.hour}시 {moment.minute}분",
    ):
        assert moment_in(stamp) == minute
