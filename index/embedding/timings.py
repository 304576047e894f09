"""How long a question takes on this processor, by how a model is compiled: measured once, and remembered."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.model_cache import write_json

MEASURED_S = 0.2
"""For how long each way is measured, in turns with the other: what else runs meanwhile disturbs both."""
WORTH = 0.9
"""A way is taken if it needs at most this share of the time of a plainer one: it costs some exactness or memory."""
LEAST_COSINE = 0.99
"""Between the vectors of a question by two ways; less means that something is wrong."""

LENGTHS = (20, 24, 16, 29, 22, 31, 26, 18)
"""Tokens of questions, as they come: a length that changes takes time of its own."""
_NEVER = 1e9  # milliseconds of a way that can't be taken

logger = logging.getLogger(__name__)


class Timings:
    """Milliseconds by way, of the converted model in ``folder``. They lie beside it, by processor."""

    def __init__(self, folder: Path, core: Any) -> None:
        self._notes = folder.with_name(f"{folder.name}.{_processor(core)}.json")

    def prefer(
        self,
        way: str,
        to: str,
        way_on_trial: Callable[[], Trial],
        plainer_on_trial: Callable[[], Trial],
    ) -> bool:
        """Whether a way is ``WORTH`` taking instead of a plainer one. A way that fails or gives other vectors is not.

        What isn't known is measured; where nothing can be written, each time.
        """
        known = self._noted()
        if not known.keys() >= {way, to}:
            measured = _compared(way, to, way_on_trial, plainer_on_trial)
            logger.info("milliseconds of a question on this processor: %s", measured)
            known |= measured
            with suppress(OSError):
                write_json(self._notes, known)
        return known[way] <= WORTH * known[to]

    def _noted(self) -> dict[str, float]:
        """What was measured before, as far as that can be read."""
        try:
            known = json.loads(self._notes.read_text(encoding="utf-8"))
            return {str(way): float(milliseconds) for way, milliseconds in known.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _compared(
    way: str, plainer: str, way_on_trial: Callable[[], Trial], plainer_on_trial: Callable[[], Trial]
) -> dict[str, float]:
    plain = plainer_on_trial()
    milliseconds, expected = plain.run()
    try:
        other = way_on_trial()
        _, vector = other.run()
        rounds: list[tuple[float, float]] = []
        started = time.perf_counter()
        while time.perf_counter() - started < 2 * MEASURED_S:
            rounds.append((plain.run()[0], other.run()[0]))
    except Exception as error:
        # Broad: OpenVINO raises plain Exception. The plainer way does, whatever is wrong with this one.
        logger.warning("no question is computed by the way %r on this processor: %s", way, error)
        return {plainer: milliseconds, way: _NEVER}
    milliseconds, of_way = (round(median(taken), 2) for taken in zip(*rounds, strict=True))
    return {plainer: milliseconds, way: of_way if _agree(expected, vector) else _NEVER}


def _processor(core: Any) -> str:
    """A name for the kind of processor; virtual machines give different ones the same name, so what it can counts."""
    told = [core.get_property("CPU", "FULL_DEVICE_NAME")]
    told += core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
        told += [line for line in file if line.startswith("flags")][:1]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


class Trial:
    """A way of computing questions, and questions of some lengths to try it with."""

    def __init__(
        self,
        compiled: Any,
        inputs: Callable[[list[NDArray[np.int64]]], Any] = list,
        *,
        lengths: Sequence[int] = LENGTHS,
    ) -> None:
        """``inputs`` makes of token ids and mask what the model takes."""
        self._request = compiled.create_infer_request()
        self._questions = [inputs(_question(length)) for length in lengths]

    def run(self) -> tuple[float, NDArray[np.float32]]:
        """Milliseconds of a question, and the vector of the last."""
        started = time.perf_counter()
        for question in self._questions:
            vector = self._request.infer(question)[0][0]
        seconds = time.perf_counter() - started
        return round(seconds / len(self._questions) * 1_000, 2), np.array(vector)


def _question(length: int) -> list[NDArray[np.int64]]:
    tokens = np.arange(1_000, 1_000 + length, dtype=np.int64)[None]
    return [tokens, np.ones_like(tokens)]


def _agree(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two ways give a question nearly the same vector."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) >= LEAST_COSINE * lengths > 0
