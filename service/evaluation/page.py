"""The report as one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from service.evaluation.metrics import METRICS, Estimate
from service.evaluation.report import Difference, Group, QuestionResult, Report, shown, worst

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
th, td { border-bottom: 1px solid #ccc; padding: 0.25rem 0.7rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
td small { color: #666; display: block; }
table.questions td { text-align: left; vertical-align: top; }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; }
@media (prefers-color-scheme: dark) {
  body { background: #16181c; color: #e6e6e6; } th, td { border-color: #444; }
  pre { background: #22252b; } td small { color: #aaa; } }
"""


def render(report: Report, differences: Sequence[Difference] = ()) -> str:
    """The page: metrics by group and type, latency, differences, worst questions, configuration."""
    sections = [
        *(_group(name, getattr(report, name)) for name in METRICS),
        _latency(report),
        _differences(differences),
        _worst(worst(report)),
        f"<h2>Configuration</h2><pre>{escape(_pretty(report.config))}</pre>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation</title><style>{_STYLE}</style></head><body><h1>Evaluation</h1>"
        "<p>Each value with its 95 % bootstrap interval; – where no question takes part.</p>"
        + "".join(sections)
        + "</body></html>\n"
    )


def _group(name: str, group: Group) -> str:
    rows = {"all": group.overall, **group.by_type}
    cells = [
        [escape(kind), *(_estimate(estimates[metric]) for metric in METRICS[name])]
        for kind, estimates in rows.items()
    ]
    return f"<h2>{name.capitalize()}</h2>" + _table(["questions", *METRICS[name]], cells)


def _estimate(estimate: Estimate) -> str:
    low, high = estimate.ci95
    interval = "" if low is None else f"<small>{shown(low)} – {shown(high)}</small>"
    return shown(estimate.value) + interval


def _latency(report: Report) -> str:
    cells = [
        [name, *(shown(value) for value in percentiles.model_dump().values())]
        for name, percentiles in report.latency_ms
    ]
    return "<h2>Latency</h2>" + _table(["milliseconds", "p50", "p95", "p99"], cells)


def _differences(differences: Sequence[Difference]) -> str:
    if not differences:
        return ""
    cells = [
        [d.metric, shown(d.old), shown(d.new), shown(d.change), escape(named(d.questions))]
        for d in differences
    ]
    headings = ["metric", "before", "now", "change", "questions that changed"]
    return "<h2>Compared with the earlier report</h2>" + _table(headings, cells)


def named(questions: Sequence[str], limit: int = 20) -> str:
    """The first names of a list, and how many more there are."""
    rest = len(questions) - limit
    return ", ".join(questions[:limit]) + (f" and {rest} more" if rest > 0 else "")


def _worst(results: Sequence[QuestionResult]) -> str:
    cells = [
        [
            f"{escape(r.question)}<small>{escape(r.id)} {escape(r.type or '')}</small>",
            escape(" / ".join(r.gold_answers) or "(no answer in the corpus)"),
            f"{escape(r.text or '')}<small>{escape(r.status or '')}</small>",
            escape(", ".join(r.gold_articles)),
            escape(", ".join(r.cited or r.retrieved[:3])),
        ]
        for r in results
    ]
    headings = ["question", "right", "answer", "right articles", "cited (or found)"]
    return "<h2>Worst questions</h2>" + _table(headings, cells, name="questions")


def _table(headings: Iterable[str], rows: Iterable[Sequence[str]], name: str = "metrics") -> str:
    """``rows`` are cells of HTML already escaped."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="{name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
