"""The report as one self-contained HTML page, for readers who don't know the code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from importlib.resources import files

from service.evaluation import ablation, slices
from service.evaluation.charts import Axis, Line, chart, share_axis, time_axis
from service.evaluation.comparison import TEST, Comparison, compare
from service.evaluation.metrics import COUNTS, MEANINGS, METRICS, Estimate
from service.evaluation.report import (
    Estimates,
    Group,
    QuestionResult,
    Report,
    named,
    shown,
    warn_absent,
    worst,
)

SHOWN_WORST, SHOWN_FOUND = 30, 5


def render(report: Report, changes: Comparison | None = None) -> str:
    """The page: summary, plots, tables by type and slice, what changed, worst questions, configuration."""
    style = files("service.evaluation").joinpath("page.css").read_text("utf-8")
    sections = [
        _summary(report),
        _plots(report),
        _side_by_side(report),
        _changed("Compared with the earlier report", changes),
        *(_group(report, name) for name in METRICS),
        _latency(report),
        _ablation(report),
        _worst(report),
        _configuration(report),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation: {escape(_data_name(report))}</title><style>{style}</style></head><body>"
        + "".join(sections)
        + "</body></html>\n"
    )


# ---- summary


def _summary(report: Report) -> str:
    asked, when = len(report.questions), str(report.config.get("started_at", ""))[:16]
    count = f"{asked:,} question{'' if asked == 1 else 's'}"
    facts = [_data_name(report), count, report.backend, when.replace("T", " ")]
    return (
        f'<header><h1>Evaluation</h1><p class="facts">{escape(" · ".join(filter(None, facts)))}</p>'
        f'<p class="lead">{escape(" ".join(_sentences(report)))}</p>'
        + (f'<p class="warning">{escape(warn_absent(report.absent))}</p>' if report.absent else "")
        + "</header>"
        f'<div class="tiles">{"".join(_tiles(report))}</div>{_funnel(report)}'
        '<p class="note">Ranges are 95 % bootstrap intervals over the questions: had others of the '
        "same kind been asked, the value would likely have lain there. A dash: no question to measure it on.</p>"
    )


def _data_name(report: Report) -> str:
    paths = [file["path"] for file in report.config.get("dataset", {}).get("files", ())]
    return str(paths[0]).rsplit("/", 1)[-1] if paths else "questions"


def _sentences(report: Report) -> Iterator[str]:
    values = {name: estimate.value for name, estimate in report.overall()}
    if (found := values["retrieval.recall@10"]) is not None:
        yield f"The ten articles found hold {_percent(found)} of the right ones."
    if (right := values["answers.contains"]) is not None:
        yield f"Of the questions that the articles answer, {_percent(right)} got the right answer."
    if (exact := values["citations.exact_quote"]) is not None:
        yield f"{_percent(exact)} of the quotations stand letter by letter in their articles."
    if (refused := values["abstention.recall"]) is not None:
        yield f"Of the questions that they don't answer, {_percent(refused)} were refused."


_TILES = {
    "retrieval.recall@5": "right article in the first five",
    "answers.contains": "right answer in the reply",
    "citations.support_recall": "sentences supported",
    "citations.exact_quote": "quotations exact",
    "abstention.recall": "refused where there is no answer",
}


def _tiles(report: Report) -> Iterator[str]:
    estimates = dict(report.overall())
    for name, text in _TILES.items():
        if estimates[name].value is not None:
            yield f"<div><b>{_percent(estimates[name].value)}</b><span>{text}</span>{_range(estimates[name])}</div>"
    answer = report.latency_ms.answer
    taken, what = (answer, "an answer") if answer.p50 else (report.latency_ms.retrieval, "a search")
    if taken.p50 is not None:
        yield (
            f"<div><b>{taken.p50:.0f} ms</b><span>{what} takes, half of the time</span>"
            f"<small>19 of 20 in {taken.p95:.0f} ms</small></div>"
        )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}".replace(".0%", "%").replace("%", " %")


def _range(estimate: Estimate) -> str:
    low, high = estimate.ci95
    return "" if low is None else f"<small>{_percent(low)} to {_percent(high)}</small>"


_STEPS: Mapping[str, Callable[[QuestionResult], bool]] = {
    "… and it is among the ten found": lambda r: r.scores["retrieval.recall@10"] > 0,
    "… and the reply is no refusal": lambda r: r.status == "answered",
    "… and cites a right article": lambda r: r.scores["citations.article_recall"] > 0,
    "… and has the right answer": lambda r: r.scores["answers.contains"] > 0,
}


def _funnel(report: Report) -> str:
    """How many of the questions with an answer get as far as each step towards it."""
    asked = [r for r in report.questions if "abstention.false_refusals" in r.parts]
    asked = [r for r in asked if "answers.contains" in r.parts and r.gold_articles]
    if not asked:
        return ""
    kept = [("have an article that answers", len(asked))]
    for text, passes in _STEPS.items():
        asked = [r for r in asked if passes(r)]
        kept.append((text, len(asked)))
    rows = (
        f'<li><span>{text}</span><i style="--share:{count / kept[0][1]:.4f}"></i><b>{count:,}</b></li>'
        for text, count in kept
    )
    return f'<h2>Where answers are lost</h2><ol class="funnel">{"".join(rows)}</ol>'


# ---- plots


def _plots(report: Report) -> str:
    plots = [
        ("Finding the article", _recall_plot(report), _RECALL_NOTE),
        ("Answering only when sure", _risk_plot(report), _RISK_NOTE),
        ("Time", _time_plot(report), _TIME_NOTE),
    ]
    figures = "".join(
        f"<figure><h2>{title}</h2>{plot}<figcaption>{note}</figcaption></figure>"
        for title, plot, note in plots
        if plot
    )
    return f'<section class="plots">{figures}</section>'


_RECALL_NOTE = (
    "How many of the right articles are among the first k found. The band is the interval."
)
_RISK_NOTE = (
    "If only the questions with the strongest evidence were answered: how many that would be, and which "
    "share of those answers wrong. The dot is where the product stands; left of it, it answers less."
)
_TIME_NOTE = "Share of the questions that were through after so many milliseconds, one at a time."


def _recall_plot(report: Report) -> str:
    curve = [(k, e) for k, e in enumerate(report.recall_curve, start=1) if e.value is not None]
    if not curve:
        return ""
    points = [(float(k), e.value or 0.0) for k, e in curve]
    band = [
        (float(k), low, high or 0.0) for k, e in curve for low, high in [e.ci95] if low is not None
    ]
    marks = [(k, value, _percent(value)) for k, value in points if k in (1, 5, 10)]
    x = Axis("first k articles", 0.7, 10.3, range(1, 11), lambda k: f"{k:.0f}")
    drawn = [*(value for _, value in points), *(end for _, *ends in band for end in ends)]
    y = share_axis("", drawn)
    return chart("Recall of articles at k", x, y, [Line("recall@k", points, band, marks)])


def _risk_plot(report: Report) -> str:
    lines = []
    for measured in report.all_backends:
        if curve := measured.risk_coverage:
            points = [(point.coverage, point.risk) for point in curve.points]
            here = (
                [] if curve.risk is None else [(curve.coverage, curve.risk, _percent(curve.risk))]
            )
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


# ---- tables


def _group(report: Report, name: str) -> str:
    group: Group = getattr(report, name)
    metrics = [m for m in METRICS[name] if group.overall[m].value is not None]
    if not metrics:
        return ""
    measured = [r for r in report.questions if any(p.startswith(f"{name}.") for p in r.parts)]
    cells = partial(_group_cells, name, metrics)
    rows = [_row("all", len(measured), cells(group.overall), kind="all")]
    for label, estimates in group.by_type.items():
        if count := sum(r.type == label for r in measured):
            rows.append(_row(label, count, cells(estimates)))
    for number, (label, estimates) in enumerate(group.by_slice.items()):
        count = sum(label in r.slices for r in measured)
        rows.append(_row(f"… {label}", count, cells(estimates), kind="" if number else "first"))
    meanings = "".join(_meaning(m, MEANINGS[f"{name}.{m}"]) for m in metrics)
    if name == "retrieval":  # once is enough
        meanings += "".join(_meaning(f"… {s}", slices.MEANINGS[s]) for s in group.by_slice)
    table = _table(["questions", "", *metrics], rows)
    return f"<section><h2>{name.capitalize()}</h2>{table}<dl>{meanings}</dl></section>"


def _meaning(term: str, meaning: str) -> str:
    return f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>"


def _group_cells(group: str, metrics: Sequence[str], estimates: Estimates) -> str:
    return "".join(f"<td>{_estimate(f'{group}.{m}', estimates[m])}</td>" for m in metrics)


def _row(label: str, count: int, cells: str, *, kind: str = "") -> str:
    line = f' class="{kind}"' if kind else ""
    return f'<tr{line}><th scope="row">{escape(label)}</th><td class="n">{count:,}</td>{cells}</tr>'


def _estimate(metric: str, estimate: Estimate) -> str:
    low, high = estimate.ci95
    interval = "" if low is None else f"<small>{_value(metric, low)}–{_value(metric, high)}</small>"
    return _value(metric, estimate.value) + interval


def _value(metric: str, value: float | None) -> str:
    """Shares with as many digits each, so that a column can be read down."""
    if value is None:
        return "–"
    return f"{value:g}" if metric in COUNTS else f"{value:.3f}"


def _table(headings: Iterable[str], rows: Iterable[str]) -> str:
    """``rows`` are rows of HTML already escaped. The table scrolls by itself where it is too wide."""
    head = "".join(
        f'<th scope="col">{escape(heading.replace("_", " "))}</th>' for heading in headings
    )
    body = "".join(rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(*cells: str) -> str:
    first, *rest = cells
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'


def _latency(report: Report) -> str:
    rows = []
    for measured in report.all_backends:
        latency = measured.latency_ms
        of = f" ({escape(measured.backend)})" if report.others else ""
        stages = {"search alone": latency.retrieval, f"whole answer{of}": latency.answer}
        stages |= {f"… {name}{of}": taken for name, taken in latency.stages.items()}
        rows += [
            _cells(name, *map(shown, (taken.p50, taken.p95, taken.p99)))
            for name, taken in stages.items()
            if taken.p50 is not None
        ]
    note = "<p class='note'>Milliseconds, one question at a time, each as if it had never been asked.</p>"
    table = _table(["", "half (p50)", "19 of 20 (p95)", "99 of 100 (p99)"], rows)
    return f"<section><h2>Latency</h2>{table}{note}</section>"


def _side_by_side(report: Report) -> str:
    if not report.others:
        return ""
    columns = [dict(measured.overall()) for measured in report.all_backends]
    rows = [
        _cells(name, *(_estimate(name, column[name]) for column in columns))
        for name in columns[0]
        if not name.startswith("retrieval.")
        and any(column[name].value is not None for column in columns)
    ]
    table = _table(["", *(measured.backend for measured in report.all_backends)], rows)
    tests = "".join(
        _changed(f"{other.backend} compared with {report.backend}", compare(report, other))
        for other in report.others
    )
    return f"<section><h2>Backends side by side</h2>{table}</section>{tests}"


def _changed(title: str, changes: Comparison | None) -> str:
    if changes is None:
        return ""
    rows = [
        _cells(
            d.metric,
            _value(d.metric, d.old),
            _value(d.metric, d.new),
            f"{d.change:+.3f}<small>{d.ci95[0]:+.3f} to {d.ci95[1]:+.3f}</small>",
            f"{d.p:.4f}" if d.p >= 0.05 else f"<b>{d.p:.4f}</b>",
            _names(d.better),
            _names(d.worse),
        )
        for d in changes.differences
    ]
    sides = ("before", "now") if changes.old == changes.new else (changes.old, changes.new)
    headings = ["", *sides, "change", "p", "better questions", "worse questions"]
    left_out = f" {changes.left_out} are in one report only." if changes.left_out else ""
    note = (
        f"Over the {changes.questions:,} questions of both reports.{left_out} p: {TEST}. "
        "Of twenty metrics without any change one falls below .05 by chance."
    )
    table = _table(headings, rows) if rows else "<p>Nothing changed.</p>"
    return f"<section><h2>{escape(title)}</h2>{table}<p class='note'>{escape(note)}</p></section>"


def _names(questions: Sequence[str]) -> str:
    return f'<small class="names">{escape(named(questions)) or "–"}</small>'


def _ablation(report: Report) -> str:
    tables = []
    for kind, measured in report.ablation.items():
        rows = [
            _cells(
                escape(ablation.MEANINGS[method]),
                *(_estimate(f"retrieval.{m}", e) for m, e in estimates.items()),
            )
            for method, estimates in measured.methods.items()
        ]
        label = f"{kind}, {measured.questions:,} questions"
        tables.append(_table([label, *METRICS["retrieval"]], rows))
    first, *others = tables or [""]
    more = f"<details><summary>By type</summary>{''.join(others)}</details>" if others else ""
    return (
        f"<section><h2>What the parts of retrieval are worth</h2>{first}{more}</section>"
        if first
        else ""
    )


# ---- questions


def _worst(report: Report) -> str:
    cards = "".join(_card(result, report.titles) for result in worst(report, SHOWN_WORST))
    return f"<section><h2>Worst questions</h2>{cards}</section>" if cards else ""


def _card(result: QuestionResult, titles: dict[str, str]) -> str:
    labels = dict.fromkeys(filter(None, (result.id, result.type, *result.slices)))
    right = " / ".join(result.gold_answers or ()) or (
        "not written down" if result.gold_answers is None else "The articles have no answer."
    )
    said = "" if result.text is None else f'<dt>reply</dt><dd lang="ko">{escape(result.text)}</dd>'
    cited = "".join(
        f'<li lang="ko"><q>{escape(c.quote)}</q> <small>{_article(c.article_id, titles)}</small></li>'
        for c in result.cited
    )
    return (
        f'<article><h3 lang="ko">{escape(result.question)}</h3>'
        f'<p class="verdict">{escape(verdict(result))}<small>{escape(" · ".join(labels))}</small></p>'
        f'<dl><dt>right answer</dt><dd lang="ko">{escape(right)}</dd>{said}'
        + (f"<dt>cited</dt><dd><ul>{cited}</ul></dd>" if cited else "")
        + f"<dt>found</dt><dd><ol>{_found(result, titles)}</ol></dd></dl></article>"
    )


def verdict(result: QuestionResult) -> str:
    """What went wrong, in words."""
    scores, place = result.scores, _place(result)
    if result.gold_answers == ():
        return "Answered, though the articles have no answer."
    if "retrieval.recall@10" in scores and place is None:
        return "A right article was not among the ten found."
    if result.status is None:
        return f"The first right article is number {place} of those found."
    if result.status != "answered":
        return f"Refused, though a right article was found (number {place})."
    if scores.get("citations.article_recall") == 0:
        return "The reply cites another article."
    if scores.get("answers.contains") == 0:
        return "The right article is cited, but the reply lacks the right answer."
    if scores.get("citations.support_recall", 1) < 1:
        return "A sentence is not supported by what it cites."
    return f"Right, but the first right article is only number {place} of those found."


def _place(result: QuestionResult) -> int | None:
    """The place of the first right article among those found, from 1."""
    reciprocal = result.scores.get("retrieval.mrr@10", 0.0)
    return round(1 / reciprocal) if reciprocal else None


def _found(result: QuestionResult, titles: dict[str, str]) -> str:
    place = _place(result)
    items = []
    for number, article_id in enumerate(result.retrieved, start=1):
        right = article_id in result.gold_articles or number == place
        if number <= SHOWN_FOUND or right:
            mark = ' class="right"' if right else ""
            items.append(f'<li value="{number}"{mark}>{_article(article_id, titles)}</li>')
    missing = (
        [a for a in result.gold_articles if a not in result.retrieved] if place is None else []
    )
    items += [f'<li class="missing">{_article(a, titles)}</li>' for a in missing[:3]]
    return "".join(items)


def _article(article_id: str, titles: dict[str, str]) -> str:
    title = titles.get(article_id)
    return (
        f'<span lang="ko">{escape(title)}</span> <code>{escape(article_id)}</code>'
        if title
        else f"<code>{escape(article_id)}</code>"
    )


# ---- configuration


def _configuration(report: Report) -> str:
    config, data = report.config, report.config.get("dataset", {})
    index = config.get("index", {})
    facts = {
        "command": config.get("command"),
        "questions": f"{data.get('questions', len(report.questions))}, of which the articles answer {data.get('answerable', '?')}",
        "files": ", ".join(str(file["path"]) for file in data.get("files", ())),
        "index": f"{index.get('articles', '?')} articles, {index.get('passages', '?')} passages, generation {config.get('generation', '?')}",
        "embedder": config.get("embedder"),
        "backend": ", ".join(measured.backend for measured in report.all_backends),
        "clock, seed": f"{config.get('now', '?')}, {config.get('seed', '?')}",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(str(v))}</dd>" for name, v in facts.items() if v)
    everything = escape(json.dumps(config, ensure_ascii=False, indent=2, default=str))
    return (
        f'<section><h2>Configuration</h2><dl class="facts">{rows}</dl>'
        f"<details><summary>Everything</summary><pre>{everything}</pre></details></section>"
    )
