"""What can go wrong between a question and its answer, beside the index's own errors.

GisaError (index.errors)
├── SettingsInvalid     a setting is unknown or out of bounds
├── QuestionInvalid     the question can't be answered as it was put (the caller's fault)
└── LLMError            a backend failed; the answer falls back to 'extractive'
    ├── LLMUnavailable  it can't be reached, or is overloaded
    ├── LLMTimeout      it did not answer in time
    └── LLMRefused      it declined (policy, authentication, budget)

An absent answer is a result (``Answer.status``), never an error.
"""

from __future__ import annotations

from index import GisaError


class SettingsInvalid(GisaError):
    """A setting is unknown or out of bounds."""

    remedy = "List the settings: gisa settings"


class QuestionInvalid(GisaError):
    """The caller's question, filter or backend name is not acceptable. The message is Korean."""


class LLMError(GisaError):
    """A backend failed."""


class LLMUnavailable(LLMError):
    """The backend can't be reached, or is overloaded."""


class LLMTimeout(LLMError):
    """The backend did not answer in time."""


class LLMRefused(LLMError):
    """The backend declined to answer."""
