"""Printing a report of an evaluation on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from service.cli.terminal import err, out, say
from service.evaluation.comparison import TEST, Comparison, warn_judges
from service.evaluation.metrics import METRICS, Estimate
from service.evaluation.report import Ablation, Report, judging, named, shown, warn_absent


def show_report(report: Report) -> None:
    """Print the metrics over all questions for each backend, and the times."""
    if absent := report.absent:
        say(warn_absent(absent), to=err)
    reports = report.all_backends
    metrics = Table("metric", *(r.backend for r in reports))
    columns = [dict(r.overall()) for r in reports]
    for name in columns[0]:
        if any(column[name].value is not None for column in columns):
            metrics.add_row(name, *(_with_interval(column[name]) for column in columns))
    out.print(metrics)
    if told := judging(report):
        say(told)
    out.print(_latency(reports))
    _show_curve(report)
    if report.ablation:
        show_ablation({"all": report.ablation["all"]})


def _with_interval(estimate: Estimate) -> str:
    low, high = estimate.ci95
    return shown(estimate.value) + ("" if low is None else f"  ({shown(low)} – {shown(high)})")


def _latency(reports: Sequence[Report]) -> Table:
    table = Table("milliseconds", "p50", "p95", "p99")
    for report in reports:
        latency = report.latency_ms
        stages = {f"  {name}": values for name, values in latency.stages.items()}
        rows = {"retrieval": latency.retrieval, "answer": latency.answer, **stages}
        for name, taken in rows.items():
            if taken.p50 is not None:
                label = f"{name} ({report.backend})" if len(reports) > 1 else name
                table.add_row(label, shown(taken.p50), shown(taken.p95), shown(taken.p99))
    return table


def _show_curve(report: Report) -> None:
    if curve := report.risk_coverage:
        say(
            f"Answered {curve.coverage:.0%} of the questions, {curve.risk or 0:.1%} of them wrongly; "
            f"area under the risk–coverage curve {curve.aurc:.4f}."
        )


def show_ablation(ablation: Mapping[str, Ablation]) -> None:
    """Print a table for each type of question, with a row for each method."""
    for kind, measured in ablation.items():
        title = f"{kind}: {measured.questions:,} questions (95 % interval)"
        table = Table("", *METRICS["retrieval"], title=title)
        for method, estimates in measured.methods.items():
            table.add_row(method, *map(_briefly, estimates.values()))
        out.print(table)


def _briefly(estimate: Estimate) -> str:
    low, high = estimate.ci95
    value = "–" if estimate.value is None else f"{estimate.value:.3f}"
    return value if low is None else f"{value}\n{low:.3f}–{high:.3f}"


def show_changes(changes: Comparison) -> None:
    """Print what changed since an earlier report, how certainly, and for which questions."""
    if changes.left_out:
        say(
            f"{changes.questions} questions are compared; "
            f"{changes.left_out} are in one of the reports only and left out.",
            to=err,
        )
    if warning := warn_judges(changes):
        say(warning, to=err)
    if not changes.differences:
        say("Nothing changed.")
        return
    table = Table("metric", "before", "now", "change", "95 % interval", "p")
    for d in changes.differences:
        interval = f"{d.ci95[0]:+.4f} – {d.ci95[1]:+.4f}"
        table.add_row(
            d.metric, shown(d.old), shown(d.new), f"{d.change:+.4f}", interval, f"{d.p:.4f}"
        )
    out.print(table)
    say(f"p: {TEST}.")
    for d in changes.differences:
        sides = (("better", d.better), ("worse", d.worse))
        told = "; ".join(f"{side}: {named(questions)}" for side, questions in sides if questions)
        if told:
            say(f"{d.metric}  {told}")
