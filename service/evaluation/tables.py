"""The tables of a report as plain values: headings, rows, and cells of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from service.evaluation import ablation, slices
from service.evaluation.comparison import TEST, Comparison, Difference, compare, warn_judges
from service.evaluation.metrics import COUNTS, MEANINGS, METRICS, Estimate
from service.evaluation.report import Estimates, Group, Report, judging, named, shown


@dataclass(frozen=True)
class Cell:
    """A text and, below it, another in small print, such as an interval."""

    text: str
    small: str = ""
    style: Literal["", "count", "strong", "names"] = ""


@dataclass(frozen=True)
class Row:
    """Cells behind a label. ``all`` sums up the others, ``first`` begins another kind of rows."""

    label: str
    cells: Sequence[Cell]
    kind: Literal["", "all", "first"] = ""


@dataclass(frozen=True)
class Table:
    """``headings`` has one for the labels, then one per column."""

    headings: Sequence[str]
    rows: Sequence[Row]


@dataclass(frozen=True)
class MetricGroup:
    """A group's metrics by type and slice, and what its terms mean."""

    title: str
    table: Table
    meanings: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Changes:
    """What differs between two reports; a table without rows where nothing does."""

    title: str
    table: Table
    note: str


def percent(value: float) -> str:
    """A share for readers: 0.375 is ``37.5 %``."""
    return f"{value:.1%}".replace(".0%", "%").replace("%", " %")


# ---- metrics


def groups(report: Report) -> list[MetricGroup]:
    """Each group of metrics of which something could be measured."""
    found = (_group(report, name) for name in METRICS)
    return [group for group in found if group is not None]


def _group(report: Report, name: str) -> MetricGroup | None:
    group: Group = getattr(report, name)
    metrics = [m for m in METRICS[name] if group.overall[m].value is not None]
    if not metrics:
        return None
    headings = ["questions", "", *(metric.replace("_", " ") for metric in metrics)]
    meanings = [(metric, MEANINGS[f"{name}.{metric}"]) for metric in metrics]
    if name == "retrieval":  # once is enough
        meanings += [(f"… {label}", slices.MEANINGS[label]) for label in group.by_slice]
    if name == "citations":
        meanings.append(("support", judging(report)))
    rows = _group_rows(report, name, group, metrics)
    return MetricGroup(name.capitalize(), Table(headings, rows), meanings)


def _group_rows(report: Report, name: str, group: Group, metrics: Sequence[str]) -> list[Row]:
    def cells(count: int, estimates: Estimates) -> list[Cell]:
        values = [_estimate(f"{name}.{metric}", estimates[metric]) for metric in metrics]
        return [Cell(f"{count:,}", style="count"), *values]

    measured = [r for r in report.questions if any(p.startswith(f"{name}.") for p in r.parts)]
    rows = [Row("all", cells(len(measured), group.overall), "all")]
    for label, estimates in group.by_type.items():
        if count := sum(r.type == label for r in measured):
            rows.append(Row(label, cells(count, estimates)))
    for number, (label, estimates) in enumerate(group.by_slice.items()):
        count = sum(label in r.slices for r in measured)
        rows.append(Row(f"… {label}", cells(count, estimates), "" if number else "first"))
    return rows


def _estimate(metric: str, estimate: Estimate) -> Cell:
    low, high = estimate.ci95
    interval = "" if low is None else f"{_value(metric, low)}–{_value(metric, high)}"
    return Cell(_value(metric, estimate.value), interval)


def _value(metric: str, value: float | None) -> str:
    """Shares with as many digits each, so that a column can be read down."""
    if value is None:
        return "–"
    return f"{value:g}" if metric in COUNTS else f"{value:.3f}"


def side_by_side(report: Report) -> Table | None:
    """The metrics of all backends, those of retrieval apart; None where there is one backend."""
    if not report.others:
        return None
    columns = [dict(measured.overall()) for measured in report.all_backends]
    rows = [
        Row(name, [_estimate(name, column[name]) for column in columns])
        for name in columns[0]
        if not name.startswith("retrieval.")
        and any(column[name].value is not None for column in columns)
    ]
    return Table(["", *(measured.backend for measured in report.all_backends)], rows)


def ablations(report: Report) -> list[Table]:
    """What parts of retrieval are worth: over all questions first, then by type."""
    return [
        Table(
            [f"{kind.replace('_', ' ')}, {measured.questions:,} questions", *METRICS["retrieval"]],
            [
                Row(
                    ablation.MEANINGS[method],
                    [_estimate(f"retrieval.{m}", e) for m, e in estimates.items()],
                )
                for method, estimates in measured.methods.items()
            ],
        )
        for kind, measured in report.ablation.items()
    ]


# ---- time


def latency(report: Report) -> Table:
    """Percentiles of the search, of the whole answer and of its stages, in milliseconds."""
    rows = []
    for measured in report.all_backends:
        taken_by = measured.latency_ms
        of = f" ({measured.backend})" if report.others else ""
        stages = {"search alone": taken_by.retrieval, f"whole answer{of}": taken_by.answer}
        stages |= {f"… {name}{of}": taken for name, taken in taken_by.stages.items()}
        rows += [
            Row(name, [Cell(shown(value)) for value in (taken.p50, taken.p95, taken.p99)])
            for name, taken in stages.items()
            if taken.p50 is not None
        ]
    return Table(["", "half (p50)", "19 of 20 (p95)", "99 of 100 (p99)"], rows)


# ---- changes


def all_changes(report: Report, earlier: Comparison | None) -> list[Changes]:
    """Each further backend against the first one, then the report against an earlier one."""
    compared = [
        (f"{other.backend} compared with {report.backend}", compare(report, other))
        for other in report.others
    ]
    if earlier is not None:
        compared.append(("Compared with the earlier report", earlier))
    return [_changes(title, comparison) for title, comparison in compared]


def _changes(title: str, changes: Comparison) -> Changes:
    sides = ("before", "now") if changes.old == changes.new else (changes.old, changes.new)
    headings = ["", *sides, "change", "p", "better questions", "worse questions"]
    left_out = f" {changes.left_out} are in one report only." if changes.left_out else ""
    note = (
        f"Over the {changes.questions:,} questions of both reports.{left_out} p: {TEST}. "
        "Of twenty metrics without any change one falls below .05 by chance."
    )
    note = " ".join(filter(None, (warn_judges(changes), note)))
    rows = [Row(d.metric, list(_difference(d))) for d in changes.differences]
    return Changes(title, Table(headings, rows), note)


def _difference(d: Difference) -> Iterable[Cell]:
    yield Cell(_value(d.metric, d.old))
    yield Cell(_value(d.metric, d.new))
    yield Cell(f"{d.change:+.3f}", f"{d.ci95[0]:+.3f} to {d.ci95[1]:+.3f}")
    yield Cell(f"{d.p:.4f}", style="" if d.p >= 0.05 else "strong")
    for questions in (d.better, d.worse):
        yield Cell(named(questions) or "–", style="names")
