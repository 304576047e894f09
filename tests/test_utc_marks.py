"""Moments marked Z that can hardly be in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from index.readers.utc_marks import UtcMarks

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_moments_after_they_were_collected_are_told() -> None:
    marks = UtcMarks(NOW)
    marks.note("가람일보", NOW + timedelta(hours=5))
    marks.note("나래신문", NOW - timedelta(hours=5))
    (warning,) = marks.warnings()
    assert warning.startswith("가람일보: 1 of 1 articles would be published in the future")
    assert "GISA_SOURCES" in warning


def test_days_that_were_given_the_mark_are_told() -> None:
    marks = UtcMarks(NOW)
    for day in range(3):
        marks.note("가람일보", datetime(2026, 2, 1 + day, tzinfo=UTC))
        marks.note("나래신문", datetime(2026, 2, 1 + day, day, tzinfo=UTC))
    (warning,) = marks.warnings()
    assert warning.startswith("가람일보: all 3 articles are dated 00:00Z")
