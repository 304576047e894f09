"""Errors as callers see them: one table from exception to problem (with the members of RFC 9457).

``type`` and ``code`` are stable, for programs; ``title`` and ``detail`` are Korean, for people.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from index import (
    ArticleAmbiguous,
    ArticleTooLarge,
    EngineUnavailable,
    GisaError,
    IndexLocked,
    IndexNotWritable,
    IndexUnusable,
    ModelUnavailable,
    RebuildUnfinished,
)
from service.errors import (
    AnswerUnknown,
    FeedbackUnavailable,
    KeyUnknown,
    LLMError,
    LLMRefused,
    LLMTimeout,
    LLMUnavailable,
    ModelUnknown,
    NotAllowed,
    NotSupported,
    Overloaded,
    QuestionInvalid,
    ShuttingDown,
    StoreUnavailable,
    TooManyRequests,
)
from service.validation import FieldError

RETRY_AFTER_S = 2

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """What a caller is told about an error."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None


class ArticleNotFound(GisaError):
    """The index has no article with the id that was asked for."""


@dataclass(frozen=True)
class Kind:
    """A kind of problem. Without ``detail`` the exception's own message is shown, which must be Korean."""

    status: int
    code: str
    title: str
    detail: str | None = None
    retry_after_s: int | None = None

    def problem(self, error: Exception, *, detail: str | None = None) -> Problem:
        """The problem for the caller, with ``detail`` in place of the kind's own."""
        return Problem(
            type=f"urn:gisa:problem:{self.code}",
            title=self.title,
            status=self.status,
            detail=detail or self.detail or str(error),
            code=self.code,
        )


_LATER = "잠시 뒤 다시 시도해 주세요."

KINDS: Mapping[type[Exception], Kind] = {
    QuestionInvalid: Kind(422, "question_invalid", "질문을 처리할 수 없습니다"),
    ArticleNotFound: Kind(
        404,
        "article_not_found",
        "기사가 없습니다",
        "찾으시는 기사가 없습니다. 삭제되었을 수 있습니다.",
    ),
    ArticleAmbiguous: Kind(
        409,
        "article_ambiguous",
        "기사가 여럿입니다",
        "여러 출처에 같은 번호의 기사가 있습니다. ‘출처/번호’로 적어 주세요.",
    ),
    ArticleTooLarge: Kind(
        422,
        "article_too_large",
        "기사가 너무 큽니다",
        "한 기사의 본문이나 딸린 정보가 저장소가 받을 수 있는 크기를 넘어, 함께 보낸 기사까지 저장하지 않았습니다. "
        "큰 기사를 빼거나 줄여서 다시 보내 주세요.",
    ),
    IndexUnusable: Kind(
        503,
        "index_not_ready",
        "기사 색인을 쓸 수 없습니다",
        f"기사 색인이 아직 준비되지 않았습니다. {_LATER}",
        RETRY_AFTER_S,
    ),
    EngineUnavailable: Kind(
        503,
        "index_unavailable",
        "기사 색인에 닿지 않습니다",
        f"기사 색인이 있는 서버가 응답하지 않습니다. {_LATER}",
        5,
    ),
    ModelUnavailable: Kind(
        503,
        "model_unavailable",
        "검색 모델을 쓸 수 없습니다",
        f"검색 모델이 아직 준비되지 않았습니다. {_LATER}",
        RETRY_AFTER_S,
    ),
    ModelUnknown: Kind(404, "model_not_found", "모델이 없습니다"),
    NotSupported: Kind(400, "unsupported_parameter", "쓸 수 없는 기능입니다"),
    KeyUnknown: Kind(
        401,
        "key_unknown",
        "접근 키가 필요합니다",
        "접근 키가 없거나 맞지 않습니다. 관리자에게 받은 키를 Authorization: Bearer 뒤에 적어 주세요.",
    ),
    NotAllowed: Kind(
        403, "not_allowed", "권한이 없습니다", "관리자 권한(admin)이 있는 키가 필요합니다."
    ),
    TooManyRequests: Kind(
        429, "too_many_requests", "요청이 너무 잦습니다", f"요청이 너무 잦습니다. {_LATER}"
    ),
    Overloaded: Kind(
        503,
        "overloaded",
        "지금은 붐빕니다",
        f"지금 답하고 있는 질문이 많습니다. {_LATER}",
        RETRY_AFTER_S,
    ),
    ShuttingDown: Kind(
        503,
        "shutting_down",
        "서비스를 다시 시작합니다",
        f"서비스를 다시 시작하고 있습니다. {_LATER}",
        5,
    ),
    AnswerUnknown: Kind(
        404, "answer_unknown", "답을 찾을 수 없습니다", "평가하려는 답이 남아 있지 않습니다."
    ),
    FeedbackUnavailable: Kind(
        503,
        "feedback_unavailable",
        "평가를 남길 수 없습니다",
        f"평가를 남기지 못했습니다. {_LATER}",
        5,
    ),
    StoreUnavailable: Kind(
        503,
        "store_unavailable",
        "기록을 남길 수 없습니다",
        f"서비스의 기록 저장소에 연결할 수 없습니다. {_LATER}",
        5,
    ),
    IndexLocked: Kind(
        409,
        "index_busy",
        "색인을 고치는 중입니다",
        f"다른 작업이 색인을 고치고 있습니다. {_LATER}",
        5,
    ),
    RebuildUnfinished: Kind(
        409,
        "index_busy",
        "색인을 다시 만드는 중입니다",
        "색인을 다시 만드는 작업이 아직 끝나지 않았습니다.",
        60,
    ),
    IndexNotWritable: Kind(
        503, "index_not_writable", "색인에 쓸 수 없습니다", "색인을 저장할 수 없습니다.", 60
    ),
    LLMUnavailable: Kind(
        503,
        "llm_unavailable",
        "답변 모델을 쓸 수 없습니다",
        f"답변 모델이 응답하지 않습니다. {_LATER}",
        5,
    ),
    LLMTimeout: Kind(
        503,
        "llm_timeout",
        "답변 모델이 늦습니다",
        f"답변 모델이 제때 답하지 않았습니다. {_LATER}",
        5,
    ),
    LLMRefused: Kind(
        502,
        "llm_refused",
        "답변 모델이 거절했습니다",
        "답변 모델이 이 질문에 답하기를 거절했습니다.",
    ),
    LLMError: Kind(
        503, "llm_failed", "답변 모델에 문제가 있습니다", f"답변을 만들지 못했습니다. {_LATER}", 5
    ),
    Exception: Kind(
        500, "internal_error", "처리하지 못했습니다", f"예기치 못한 문제가 생겼습니다. {_LATER}"
    ),
}
"""Kind of problem by exception; the nearest base class decides."""


def kind_of(error: Exception) -> Kind:
    """The kind of problem that an exception is; any that is not in the table is an internal error."""
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def problem_of(error: Exception) -> Problem:
    """The problem to tell the caller for an exception."""
    return kind_of(error).problem(error)


def log_problem(error: Exception, kind: Kind | None = None) -> None:
    """Log an error that is not the caller's: in one line if it is a known kind, else with traceback."""
    kind = kind or kind_of(error)
    if kind is KINDS[Exception]:
        logger.error("unexpected error: %r", error, exc_info=error)
    elif kind.status >= 500:
        logger.warning("%s: %s. %s", kind.code, error, getattr(error, "remedy", ""))
