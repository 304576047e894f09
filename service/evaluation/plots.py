"""The plots of a report: recall by depth, risk by coverage, time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.evaluation.charts import Axis, Line, chart, share_axis, time_axis
from service.evaluation.report import Report
from service.evaluation.tables import percent

_RECALL_NOTE = (
    "How many of the right articles are among the first k found. The band is the interval."
)
_RISK_NOTE = (
    "If only the questions with the strongest evidence were answered: how many that would be, and which "
    "share of those answers wrong. The dot is where the product stands; left of it, it answers less."
)
_TIME_NOTE = "Share of the questions done after so many milliseconds, asked one at a time."


@dataclass(frozen=True)
class Plot:
    """A plot with what it shows in words. ``svg`` is markup; its texts are escaped."""

    title: str
    svg: str
    note: str


def plots(report: Report) -> list[Plot]:
    """Those plots for which the report has values."""
    drawn = [
        Plot("Finding the article", _recall_plot(report), _RECALL_NOTE),
        Plot("Answering only when sure", _risk_plot(report), _RISK_NOTE),
        Plot("Time", _time_plot(report), _TIME_NOTE),
    ]
    return [plot for plot in drawn if plot.svg]


def _recall_plot(report: Report) -> str:
    curve = [(k, e) for k, e in enumerate(report.recall_curve, start=1) if e.value is not None]
    if not curve:
        return ""
    points = [(float(k), e.value or 0.0) for k, e in curve]
    band = [
        (float(k), low, high or 0.0) for k, e in curve for low, high in [e.ci95] if low is not None
    ]
    marks = [(k, value, percent(value)) for k, value in points if k in (1, 5, 10)]
    x = Axis("first k articles", 0.7, 10.3, range(1, 11), lambda k: f"{k:.0f}")
    drawn = [*(value for _, value in points), *(end for _, *ends in band for end in ends)]
    y = share_axis("", drawn)
    return chart("Recall of articles at k", x, y, [Line("recall@k", points, band, marks)])


def _risk_plot(report: Report) -> str:
    lines = []
    for measured in report.all_backends:
        if curve := measured.risk_coverage:
            points = [(point.coverage, point.risk) for point in curve.points]
            here = [] if curve.risk is None else [(curve.coverage, curve.risk, percent(curve.risk))]
            lines.append(Line(measured.backend, points, marks=here))
    if not lines:
        return ""
    x = Axis("questions answered", 0, 1, (0, 0.25, 0.5, 0.75, 1), lambda v: f"{v:.0%}")
    y = share_axis("", [risk for line in lines for _, risk in line.points], low=0)
    return chart("Risk of a wrong answer by share of questions answered", x, y, lines)


def _time_plot(report: Report) -> str:
    def cumulative(name: str, times: Iterable[float]) -> Line:
        ordered = sorted(max(time, 0.1) for time in times)
        steps = range(max(1, len(ordered) // 100), len(ordered) + 1, max(1, len(ordered) // 100))
        return Line(name, [(ordered[0], 0.0), *((ordered[n - 1], n / len(ordered)) for n in steps)])

    lines = []
    wanted = [(f"answer of {r.backend}", "answer", r) for r in report.all_backends]
    for label, stage, measured in (*wanted, ("search alone", "retrieval", report)):
        times = [r.timings_ms[stage] for r in measured.questions if stage in r.timings_ms]
        lines += [cumulative(label, times)] if times else []
    x = time_axis("milliseconds", [at for line in lines for at, _ in line.points])
    y = Axis("", 0, 1, (0, 0.25, 0.5, 0.75, 1), lambda v: f"{v:.0%}")
    return chart("Share of questions done after so many milliseconds", x, y, lines)
