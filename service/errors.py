"""What can go wrong between a question and its answer, beside the index's own errors.

GisaError (index.errors)
├── SettingsInvalid     a setting is unknown or out of bounds
├── QuestionInvalid     the question can't be answered as it was put (the caller's fault)
└── LLMError            a backend failed; the answer falls back to 'extractive'
    ├── LLMUnavailable  it can't be reached, or is overloaded
    ├── LLMTimeout      it did not answer in time
    ├── LLMTruncated    it stopped at its limit of output
    └── LLMRefused      it declined (policy, authentication, budget, an unknown model)

An absent answer is a result (``Answer.status``), never an error.
"""

from __future__ import annotations

from typing import ClassVar

from index import GisaError
from service.schema import Failure


class SettingsInvalid(GisaError):
    """A setting is unknown or out of bounds."""

    remedy = "List the settings: gisa settings"


class QuestionInvalid(GisaError):
    """The caller's question, filter or backend name is not acceptable. The message is Korean."""


class LLMError(GisaError):
    """A backend failed. ``code`` says how, for programs; it is stable."""

    code: ClassVar[Failure] = "llm_failed"


class LLMUnavailable(LLMError):
    """The backend can't be reached, broke off or is overloaded: the same request may work later.

    ``retry_after_s`` is what it asked to wait, if it did.
    """

    code = "llm_unavailable"

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class LLMTimeout(LLMError):
    """The backend did not answer in time."""

    code = "llm_timeout"


class LLMTruncated(LLMError):
    """The backend stopped at its limit of output, in the midst of a sentence."""

    code = "llm_truncated"
    remedy = "Raise GISA_LLM_MAX_OUTPUT_TOKENS."


class LLMRefused(LLMError):
    """The backend declined to answer."""

    code = "llm_refused"
