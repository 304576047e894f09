"""What can go wrong between a question and its answer, besides the index's own errors.

GisaError (index.errors)
├── SettingsInvalid     a setting is unknown or out of bounds
├── QuestionInvalid     the question can't be answered as it was put (the caller's fault)
├── ModelUnknown        the OpenAI-compatible route has no model of this name
├── NotSupported        the OpenAI-compatible route can't do what a field asks of it
├── KeyUnknown          no API key was given, or an unknown one
├── NotAllowed          the key may ask, but not change the index
├── TooManyRequests     the caller asks more often than it may
├── Overloaded          as many questions as allowed are already being answered
├── ShuttingDown        the service stops before the answer is ready
├── AnswerUnknown       feedback on an answer that is unknown, or not kept any more
├── StoreUnavailable    the database of a store can't be read or written
├── FeedbackUnavailable feedback can't be stored or read
├── JudgeError          the judge of entailment is away; sentences go out without its verdict
└── LLMError            a backend failed; the answer falls back to 'extractive'
    ├── LLMUnavailable  it can't be reached, or is overloaded
    ├── LLMTimeout      it did not answer in time
    ├── LLMTruncated    it stopped at its limit of output
    └── LLMRefused      it declined (policy, authentication, budget, an unknown model)

Finding no answer is a result (``Answer.status``), never an error.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from index import GisaError
from service.schema import Failure


class SettingsInvalid(GisaError):
    """A setting is unknown or out of bounds."""

    remedy = "List the settings: gisa settings"


class QuestionInvalid(GisaError):
    """The caller's question, filter or backend name is not acceptable. The message is Korean."""


class ModelUnknown(GisaError):
    """The OpenAI-compatible route has no model of this name. The message is Korean."""


class NotSupported(GisaError):
    """The OpenAI-compatible route can't do what the field ``param`` asks of it. The message is Korean."""

    def __init__(self, message: str, *, param: str) -> None:
        super().__init__(message)
        self.param = param


class KeyUnknown(GisaError):
    """The request has no API key, or an unknown one."""


class NotAllowed(GisaError):
    """The caller's key allows questions, but not this."""


class TooManyRequests(GisaError):
    """The caller asks more often than allowed; it may ask again after ``retry_after_s`` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(GisaError):
    """As many questions as GISA_MAX_CONCURRENT allows are already being answered."""

    remedy = "Raise GISA_MAX_CONCURRENT, or GISA_WORKERS if there are more processors."


class ShuttingDown(GisaError):
    """The service stops before the answer is ready."""


class AnswerUnknown(GisaError):
    """There is no answer with this id, or it is not kept any more."""


class StoreUnavailable(GisaError):
    """The database of a store can't be read or written; nothing was changed."""

    remedy = "See whether the file can be written, or the database server be reached."


class FeedbackUnavailable(GisaError):
    """Feedback can't be stored or read."""

    remedy = "Name a file that can be written, or a database that can be reached: GISA_FEEDBACK=…"


JudgeFault = Literal["timeout", "breaker_open", "unavailable", "refused", "failed"]
"""Why a judge gave no verdicts; stable, and a label of metrics."""


class JudgeError(GisaError):
    """The judge of entailment gave no verdicts; ``reason`` says why, for programs."""

    def __init__(self, message: str, *, reason: JudgeFault, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.reason: JudgeFault = reason


class LLMError(GisaError):
    """A backend failed. ``code`` says how, for programs; it is stable."""

    code: ClassVar[Failure] = "llm_failed"


class LLMUnavailable(LLMError):
    """The backend can't be reached, broke off or is overloaded: the same request may work later.

    ``retry_after_s`` is how long the backend asked to wait, in seconds, or None.
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
    """The backend reached its limit of output in the middle of a sentence."""

    code = "llm_truncated"
    remedy = "Raise GISA_LLM_MAX_OUTPUT_TOKENS."


class LLMRefused(LLMError):
    """The backend declined to answer."""

    code = "llm_refused"
