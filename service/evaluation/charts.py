"""Plots as inline SVG: lines over two axes, styled by the page around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 20, 14, 44
XY = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high``; ``text`` labels its ``ticks``."""

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    text: Callable[[float], str]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value lies between both ends, from 0 to 1."""
        scale = math.log10 if self.logarithmic else float
        low, high = scale(self.low), scale(self.high)
        return (scale(value) - low) / (high - low)


@dataclass(frozen=True)
class Line:
    """Points by rising x, with a band around them, and marks: points with a label."""

    name: str
    points: Sequence[XY]
    band: Sequence[tuple[float, float, float]] = ()  # x, low, high
    marks: Sequence[tuple[float, float, str]] = field(default=())


def chart(title: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """The plot as markup, its texts escaped; a legend names the lines if there are several."""
    drawn = "".join(_line(number, line, x, y) for number, line in enumerate(lines, start=1))
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_axes(x, y)}{drawn}</svg>"
    )
    names = "".join(
        f'<li class="s{number}">{escape(line.name)}</li>' for number, line in enumerate(lines, 1)
    )
    return svg + (f'<ul class="legend">{names}</ul>' if len(lines) > 1 else "")


def _axes(x: Axis, y: Axis) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in y.ticks:
        at = _down(y, value)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>')
        parts.append(_text(LEFT - 8, at + 4, y.text(value), "end"))
    parts += [_text(_across(x, value), bottom + 18, x.text(value), "middle") for value in x.ticks]
    parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>')
    parts.append(_text((LEFT + right) / 2, HEIGHT - 6, x.label, "middle", "name"))
    return "".join(parts)


def _line(number: int, line: Line, x: Axis, y: Axis) -> str:
    parts = []
    if line.band:
        edge = [(at, high) for at, _, high in line.band]
        edge += [(at, low) for at, low, _ in reversed(line.band)]
        parts.append(f'<path class="band s{number}" d="M{_path(edge, x, y)}Z"/>')
    parts.append(f'<path class="line s{number}" d="M{_path(line.points, x, y)}"/>')
    for at, value, label in line.marks:
        across, down = _across(x, at), _down(y, value)
        anchor = "end" if across > WIDTH * 0.8 else "middle" if across > LEFT + 30 else "start"
        lift = down - 10 if down > TOP + 18 else down + 20
        across_text = across + (9 if anchor == "start" else 0)
        parts.append(f'<circle class="mark s{number}" cx="{across:.1f}" cy="{down:.1f}" r="4"/>')
        parts.append(_text(across_text, lift, label, anchor, "value"))
    return "".join(parts)


def _path(points: Sequence[XY], x: Axis, y: Axis) -> str:
    return "L".join(f"{_across(x, at):.1f} {_down(y, value):.1f}" for at, value in points)


def _across(axis: Axis, value: float) -> float:
    return LEFT + axis.place(value) * (WIDTH - RIGHT - LEFT)


def _down(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - BOTTOM - TOP)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def share_axis(label: str, values: Sequence[float], *, low: float | None = None) -> Axis:
    """An axis of shares that covers ``values``, or starts at ``low``, with ticks at whole per cents."""
    least = min(values, default=0.0) if low is None else low
    most = max(values, default=1.0)
    step = next(
        s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if (most - least) / s <= 5 or s == 0.25
    )
    bottom = math.floor(least / step + 1e-9) * step if low is None else low
    top = min(1.0, math.ceil(most / step - 1e-9) * step)
    if top - bottom < step:
        bottom, top = (max(0.0, top - step), top) if top >= step else (bottom, bottom + step)
    count = round((top - bottom) / step)
    ticks = [bottom + i * step for i in range(count + 1)]
    return Axis(label, bottom, top, ticks, lambda value: f"{value:.0%}")


def time_axis(label: str, milliseconds: Sequence[float]) -> Axis:
    """A logarithmic axis with ticks at powers of ten, and 2 and 5 times them where there is room."""
    low, high = max(min(milliseconds), 0.1), max(max(milliseconds), 0.2)
    marks = [m * 10.0**e for e in range(-1, 7) for m in (1, 2, 5)]
    bottom = max(m for m in marks if m <= low)
    top = min(m for m in marks if m >= high and m > bottom)
    ticks = [m for m in marks if bottom <= m <= top]
    return Axis(label, bottom, top, ticks[:: 1 + len(ticks) // 9], lambda v: f"{v:g}", True)
