"""What the ``gisa`` command shows to people. Results go to stdout, everything else to stderr.

Texts are not wrapped, so that quotes stay exact and commands can be copied; the terminal wraps them.
"""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    from index import BuildSummary, Explanation, Hit, IndexInfo
    from service.events import Event
    from service.schema import Citation, Interpreted
    from service.serving.desk import Desk

out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=True)

EXCERPT_CHARS = 160
MAX_REJECTED_SHOWN = 10
PROGRESS_LINE_S = 30.0
"""Seconds between two lines of progress where there is no terminal to draw on."""


def say_json(value: Any) -> None:
    """Print the one document that ``--json`` promises."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def say(*parts: tuple[str, str] | str, to: Console = out, end: str = "\n") -> None:
    """Print a line of parts, each a text or a text with its style."""
    pairs = [part if isinstance(part, tuple) else (part, "") for part in parts]
    to.print(Text.assemble(*((harmless(text), style) for text, style in pairs)), end=end)


def harmless(text: str) -> str:
    """The text without control characters, so that no article can control the reader's terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


# -- questions (Korean) ---------------------------------------------------------------------


async def show_answer(events: AsyncGenerator[Event, None]) -> None:
    """Print the answer, each sentence as soon as its grade is settled, then its sources."""
    from service.events import DoneEvent, InterpretedEvent, SentenceEvent, settled
    from service.wording import SEE_THE_ARTICLE, mark, remarks

    asked: Interpreted | None = None
    said = False
    async for event in settled(events):
        if isinstance(event, InterpretedEvent):
            _show_interpreted(event.interpreted, asked)
            asked = event.interpreted
        elif isinstance(event, SentenceEvent):
            sentence = event.sentence
            before = sentence.separator if said else ""
            styled = ((sentence.markers, "bold cyan"), (mark(sentence), "yellow"))
            say(before, (sentence.lead_in, "bold"), sentence.text, *styled, end="")
            said = True
        elif isinstance(event, DoneEvent):
            answer = event.answer
            say("" if answer.sentences else answer.text)
            _show_interpreted(answer.interpreted, asked)
            if any(map(mark, answer.sentences)):
                say((f"({SEE_THE_ARTICLE})", "yellow"))
            for remark in remarks(answer):
                say((f"({remark})", "dim"))
            if answer.status == "answered":
                _show_sources(answer.citations)
            else:
                _show_leads(answer.citations)


def _show_interpreted(interpreted: Interpreted, shown: Interpreted | None) -> None:
    """Print how the question was understood, as far as that was not shown before."""
    from service.wording import understanding

    lines = list(understanding(interpreted)) if shown is None else []
    if interpreted.note and (shown is None or shown.note != interpreted.note):
        lines.append(interpreted.note)
    for line in lines:
        say((line, "dim"))


def _show_sources(citations: Sequence[Citation]) -> None:
    if citations:
        say("\n출처:")
    for citation in citations:
        _show_citation(citation, f"[{citation.number}] ")


def _show_leads(citations: Sequence[Citation]) -> None:
    """Print near articles, without numbers: no sentence rests on them."""
    from service.wording import LEADS_TITLE, NO_ANSWER

    if citations:
        say(f"\n{LEADS_TITLE}: {NO_ANSWER}")
    for citation in citations:
        _show_citation(citation, "•   ")


def _show_citation(citation: Citation, mark: str) -> None:
    from service.wording import extent

    facts = _facts(citation.press, citation.published_at, citation.reporters, citation.url)
    facts = " · ".join((facts, *extent(citation)))
    say((mark, "bold cyan"), (citation.title, "bold"))
    say((f"    {facts}", "dim"))
    for parts in citation.marked_quotes():
        styled = [
            (text.replace("\n", "\n    "), "bold" if answers else "") for text, answers in parts
        ]
        say("    “", *styled, "”")
    if citation.also_reported_by:
        say((f"    같은 기사: {', '.join(citation.also_reported_by)}", "dim"))


def show_hits(hits: Sequence[Hit]) -> None:
    """Print one block per hit: rank, title, score, where it was published, an excerpt."""
    if not hits:
        say("조건에 맞는 기사가 없습니다.")
    for hit in hits:
        article = hit.article
        facts = _facts(article.press, article.published_at, article.reporters, article.url)
        say(f"{hit.rank:>2}. ", (article.title, "bold"), (f"  ({hit.score:.3f})", "dim"))
        say((f"    {facts}", "dim"))
        say(f"    {_excerpt(hit.passage.text)}")
        for note in _notes(hit):
            say((f"    {note}", "dim"))
        if hit.explanation:
            _show_explanation(hit.explanation)


def _notes(hit: Hit) -> Iterator[str]:
    if hit.also_reported_by:
        yield f"같은 기사: {', '.join(hit.also_reported_by)}"
    if hit.article.corrected_by:
        yield f"이 기사를 바로잡은 기사: {', '.join(hit.article.corrected_by)}"
    if hit.article.corrects:
        yield f"이 기사가 바로잡은 기사: {', '.join(hit.article.corrects)}"


_FIELD_NAMES = {"morphemes": "형태소", "bigrams": "두 글자"}


def _show_explanation(explanation: Explanation) -> None:
    """Print a line for each part of the score, with the question's terms that the passage has or lacks."""
    say(f"    {explanation.dense:7.4f}  의미 (코사인)")
    for name, field in explanation.lexical.items():
        label = f"{_FIELD_NAMES.get(name, name)} ({field.weight:.3f} × {field.score:.3f})"
        say(f"    {field.weight * field.score:7.4f}  {label}: {_weighted(field.matched)}")
        if field.missing:
            say((f"             없음: {_weighted(field.missing)}", "dim"))
    if explanation.freshness:
        say(f"    {explanation.freshness:7.4f}  최신성")
    if explanation.preferred:
        say(f"    {explanation.preferred:7.4f}  질문에 적힌 때나 매체")


def _weighted(terms: Mapping[str, float]) -> str:
    ordered = sorted(terms.items(), key=lambda item: -item[1])
    return ", ".join(f"{term} {idf:.1f}" for term, idf in ordered) or "-"


def _facts(
    press: str | None, published_at: datetime | None, reporters: Sequence[str], url: str | None
) -> str:
    from service.wording import UNKNOWN_PRESS

    day = f"{published_at:%Y-%m-%d}" if published_at else "날짜 모름"
    names = ", ".join(f"{name} 기자" for name in reporters)
    return " · ".join(filter(None, (press or UNKNOWN_PRESS, day, names, url)))


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_CHARS else line[:EXCERPT_CHARS].rstrip() + "…"


# -- the index (English) ----------------------------------------------------------------------


@contextmanager
def build_progress() -> Iterator[Callable[[BuildSummary], None]]:
    """Show the progress of reading articles: in place on a terminal, else line by line."""
    if not err.is_terminal:
        yield _progress_lines()
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        started = time.monotonic()
        task = progress.add_task("opening the model and the index", total=None)
        yield lambda summary: progress.update(
            task, description=progress_text(summary, time.monotonic() - started)
        )


def _progress_lines() -> Callable[[BuildSummary], None]:
    started = said = time.monotonic()

    def progress(summary: BuildSummary) -> None:
        nonlocal said
        if time.monotonic() - said >= PROGRESS_LINE_S:
            said = time.monotonic()
            say(progress_text(summary, time.monotonic() - started), to=err)

    return progress


def progress_text(summary: BuildSummary, seconds: float) -> str:
    """Articles read so far, their rate, and the time left, given the seconds elapsed."""
    seconds = max(seconds, 0.001)
    text = f"{summary.read:,} articles read, {summary.read / seconds:,.1f}/s"
    return f"{text}, {_time_left(seconds, summary.share)} left" if summary.share else text


def _time_left(seconds: float, share: float) -> str:
    """The time left, estimated from the bytes read so far: ``40 s``, ``12 min``, ``3 h 20 min``."""
    left = seconds * (1 - share) / share
    if left < 60:
        return f"{left:.0f} s"
    hours, minutes = divmod(round(left / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def show_summary(summary: BuildSummary, quarantine: Path) -> None:
    """Print what became of the input, and what could not be read."""
    counts = ("read", "added", "updated", "unchanged", "duplicates", "quarantined")
    show_fields({name: f"{getattr(summary, name):,}" for name in counts})
    if summary.excerpts:
        show_fields({"excerpts": f"{summary.excerpts:,} (their source has no more of the article)"})
    show_fields({"generation": str(summary.generation), "seconds": f"{summary.seconds:,.1f}"})
    for warning in summary.warnings:
        say(("warning ", "yellow"), warning, to=err)
    for rejected in summary.rejected[:MAX_REJECTED_SHOWN]:
        say(("quarantined ", "yellow"), str(rejected), to=err)
    if (more := summary.quarantined - MAX_REJECTED_SHOWN) > 0:
        say(f"… and {more:,} more", to=err)
    if summary.rejected:
        say(f"All of them are listed in {quarantine}", to=err)


def show_info(info: IndexInfo) -> None:
    """Print what an index holds."""
    days = f"{info.published_from or '?'} to {info.published_to or '?'}"
    fields = {
        "articles": f"{info.articles:,}",
        "passages": f"{info.passages:,}",
        "published": days,
        "generation": str(info.generation),
        "embedder": f"{info.embedder} ({info.dimension} dimensions)",
        "size": f"{info.bytes / 1e6:,.1f} MB",
        "press": ", ".join(info.presses),
        "sections": ", ".join(info.sections),
    }
    show_fields(fields)


def show_desk(desk: Desk) -> None:
    """Print by topic what readers rated down and what could not be answered."""
    show_fields({"days": str(desk.days), "rated down": f"{desk.rated_down:,}"})
    show_fields({"unanswered": f"{desk.unanswered:,}"})
    if not desk.keeps_unanswered:
        say(
            "Questions without an answer are not kept: set GISA_DESK_DAYS, to 30 for instance.",
            to=err,
        )
    for topic in desk.topics:
        say()
        say((f"{topic.times:,}  {topic.label}", "bold"))
        for one in topic.questions:
            times = f" ({one.times}×)" if one.times > 1 else ""
            say(f"   {one.question}{times}", (f"  {_MISSED[one.rated_down]}", "dim"))
            for article in one.nearest:
                say(("      " + " · ".join(filter(None, (article.press, article.title))), "dim"))


_MISSED = {True: "rated down", False: "not answered"}


def show_settings(rows: Sequence[Mapping[str, str]]) -> None:
    """Print each setting with its value, its default if that differs, and its meaning."""
    for row in rows:
        changed = "" if row["value"] == row["default"] else f"  (default: {row['default'] or '-'})"
        say((row["name"], "bold"), f" = {row['value'] or '-'}", (changed, "dim"))
        say(f"    {row['meaning']}")


def show_fields(fields: Mapping[str, str]) -> None:
    """Print names and values, aligned."""
    for name, value in fields.items():
        say((f"{name:<12}", "bold"), value)
