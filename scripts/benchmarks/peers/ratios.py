"""What is measured of each system, and how it compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A figure of the report: its name in JSON, the head of its column, and which way is good."""

    name: str
    title: str
    more_is_better: bool = False


MEASURES: Sequence[Measure] = (
    Measure("index_s", "index, s"),
    Measure("index_cpu_s", "CPU, s"),
    Measure("p50_ms", "hits p50, ms"),
    Measure("p95_ms", "p95, ms"),
    Measure("cpu_ms", "CPU, ms"),
    Measure("http_per_s", "HTTP, per s", more_is_better=True),
    Measure("http_cpu_ms", "CPU, ms"),
    Measure("peak_mb", "peak, MB"),
    Measure("ndcg@10", "nDCG@10", more_is_better=True),
    Measure("recall@1", "recall@1", more_is_better=True),
)
"""In the order of the columns: each CPU is the processor time of the wall time before it."""


def ratios(figures: Mapping[str, Mapping[str, float]], ours: str) -> dict[str, dict[str, float]]:
    """By system and measure, how many times as good as the best peer: 2 is half the time, or twice the rate.

    ``figures`` are those of each system, ``ours`` among them, which is no peer. What no peer has has no ratio;
    nor has what is 0 and can't be divided by.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in figures}
    for measure in MEASURES:
        of_peers = [
            own[measure.name]
            for name, own in figures.items()
            if name != ours and measure.name in own
        ]
        if not of_peers:
            continue
        best = max(of_peers) if measure.more_is_better else min(of_peers)
        for name, own in figures.items():
            if own.get(measure.name) and best:
                value = own[measure.name]
                ratio = value / best if measure.more_is_better else best / value
                found[name][measure.name] = ratio
    return found
