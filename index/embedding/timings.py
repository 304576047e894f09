"""How long a question takes on this processor, by how a model is compiled: measured once, and remembered."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.model_cache import write_json

MEASURED_S = 0.2
"""For how long each way is measured."""
NEVER = 1e9
"""Milliseconds of a way that can't be taken."""
LEAST_COSINE = 0.99
"""Between the vectors of a question by two ways; less means that something is wrong."""

LENGTHS = (20, 24, 16, 29, 22, 31, 26, 18)
"""Tokens of questions, as they come: a length that changes takes time of its own."""
_WARM_UPS = 3

logger = logging.getLogger(__name__)


class Timings:
    """Milliseconds by way, of the converted model in ``folder``. They lie beside it, by processor."""

    def __init__(self, folder: Path, core: Any) -> None:
        self._notes = folder.with_name(f"{folder.name}.{_processor(core)}.json")

    def of(
        self, ways: Sequence[str], measure: Callable[[], Mapping[str, float]]
    ) -> Mapping[str, float]:
        """Those of some ways that are compared; ``measure`` is called for what isn't known.

        Where nothing can be written, it is measured each time.
        """
        known = self._noted()
        if not known.keys() >= set(ways):
            measured = measure()
            logger.info("milliseconds of a question on this processor: %s", measured)
            known |= measured
            with suppress(OSError):
                write_json(self._notes, known)
        return {way: known[way] for way in ways}

    def _noted(self) -> dict[str, float]:
        """What was measured before, as far as that can be read."""
        try:
            known = json.loads(self._notes.read_text(encoding="utf-8"))
            return {str(way): float(milliseconds) for way, milliseconds in known.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _processor(core: Any) -> str:
    """A name for the kind of processor; virtual machines give different ones the same name, so what it can counts."""
    told = [core.get_property("CPU", "FULL_DEVICE_NAME")]
    told += core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
        told += [line for line in file if line.startswith("flags")][:1]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def timed(
    compiled: Any,
    inputs: Callable[[list[NDArray[np.int64]]], Any] = list,
    *,
    lengths: Sequence[int] = LENGTHS,
) -> tuple[float, NDArray[np.float32]]:
    """Milliseconds of a question of one of the ``lengths``, and the vector of the last.

    ``inputs`` makes of token ids and mask what the model takes.
    """
    request = compiled.create_infer_request()
    questions = [inputs(_question(length)) for length in lengths]
    for question in questions[-_WARM_UPS:]:
        request.infer(question)
    rounds: list[float] = []
    while sum(rounds) < MEASURED_S:
        started = time.perf_counter()
        for question in questions:
            vector = request.infer(question)[0][0]
        rounds.append(time.perf_counter() - started)
    return round(median(rounds) / len(questions) * 1_000, 2), np.array(vector)


def _question(length: int) -> list[NDArray[np.int64]]:
    tokens = np.arange(1_000, 1_000 + length, dtype=np.int64)[None]
    return [tokens, np.ones_like(tokens)]


def agree(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two ways give a question nearly the same vector."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) >= LEAST_COSINE * lengths > 0
