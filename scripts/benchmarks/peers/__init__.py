"""The command ``peers`` of benchmark.py: gisa beside what people would use instead."""

from benchmarks.peers.command import app

__all__ = ["app"]
