"""A cross-encoder as the judge: a model that reads evidence and sentence together and names their relation."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping, Sequence

import numpy as np

from index import ModelUnavailable, Vectors, load_cross_encoder
from service.errors import JudgeError
from service.verify.judge import Judgement, Pair, Verdict

BATCH = 16
"""Pairs a pass; between two passes a call that was cancelled ends."""

_VERDICTS: Mapping[str, Verdict] = {
    "entailment": "supported",
    "contradiction": "contradicted",
    "neutral": "unknown",
    "not_entailment": "unknown",
}
"""What the labels of models for natural language inference mean; one of two labels tells no contradiction apart."""


class CrossEncoderJudge:
    """Any cross-encoder with entailment labels that sentence-transformers loads; meets ``EntailmentJudge``.

    The probability is the softmax over the labels. The model says nothing of spans. Evidence that is longer than
    the model's window is cut at its end. It computes in a thread, one call at a time.
    """

    name = "nli"

    def __init__(self, model: str) -> None:
        """Load a model by name or folder. Raises ModelUnavailable, also for one with other labels."""
        self._model = load_cross_encoder(model, setting="GISA_NLI_MODEL")
        self._verdicts = _verdicts(model, self._model.config.id2label)
        self._busy = threading.Lock()

    async def judge(self, pairs: Sequence[Pair]) -> Sequence[Judgement]:
        """See ``EntailmentJudge``."""
        cancelled = threading.Event()
        try:
            return await asyncio.to_thread(self._judge, pairs, cancelled)
        except RuntimeError as error:  # PyTorch's for whatever goes wrong, memory among it
            raise JudgeError(f"{self.name}: {error}", reason="failed") from error
        finally:
            cancelled.set()

    def _judge(self, pairs: Sequence[Pair], cancelled: threading.Event) -> list[Judgement]:
        judged: list[Judgement] = []
        for start in range(0, len(pairs), BATCH):
            with self._busy:
                if cancelled.is_set():
                    break
                rows = self._probabilities(pairs[start : start + BATCH])
            best = rows.argmax(axis=1)
            judged += [
                Judgement(self._verdicts[n], float(row[n]))
                for n, row in zip(best, rows, strict=True)
            ]
        return judged

    def _probabilities(self, pairs: Sequence[Pair]) -> Vectors:
        """Float32 (len(pairs), number of labels); each row adds up to 1."""
        texts = [(pair.evidence, pair.sentence) for pair in pairs]
        rows = self._model.predict(
            texts, batch_size=BATCH, show_progress_bar=False, apply_softmax=True
        )
        return np.asarray(rows, dtype=np.float32)


def _verdicts(model: str, labels: Mapping[int, str]) -> list[Verdict]:
    """What each of a model's outputs means. Raises ModelUnavailable for labels of another kind."""
    known = [re.sub(r"[\W_]+", "_", labels[n].strip().lower()) for n in sorted(labels)]
    if "entailment" in known and len(set(known)) == len(known) > 1 and _VERDICTS.keys() >= {*known}:
        return [_VERDICTS[label] for label in known]
    raise ModelUnavailable(
        f"the labels of {model} are {', '.join(map(str, labels.values()))}, "
        "not entailment and contradiction, neutral or not_entailment",
        remedy="Set GISA_NLI_MODEL to a model for natural language inference; if it is one, name its labels under "
        "id2label in its config.json.",
    )
