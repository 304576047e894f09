"""What is wrong with a request, field by field, in Korean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_DATES = "날짜는 2026-03-31, 시각은 2026-03-31T09:00:00+09:00처럼 적어 주세요."
_OBJECT = "JSON 객체여야 합니다."
_INTEGER = "정수여야 합니다."

# By the type of pydantic's error (pydantic.dev/errors); braces take its context.
_MESSAGES: Mapping[str, str] = {
    "missing": "필요한 항목인데 빠져 있습니다.",
    "extra_forbidden": "알 수 없는 항목입니다.",
    "string_type": "글자여야 합니다.",
    "string_unicode": "글자로 읽을 수 없는 값이 들어 있습니다.",
    "string_too_long": "{max_length}자까지 쓸 수 있습니다.",
    "too_long": "{max_length}개까지 쓸 수 있습니다.",
    "greater_than_equal": "{ge} 이상이어야 합니다.",
    "less_than_equal": "{le} 이하여야 합니다.",
    "literal_error": "쓸 수 있는 값: {expected}",
    "tuple_type": "목록이어야 합니다.",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
}


class FieldError(BaseModel):
    """One error. ``field`` is a path such as ``filters.published_from``, or ``""`` for the whole request."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def describe_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors (``ValidationError.errors()``) in Korean, for the person who made the request."""
    return [FieldError(field=_field(error["loc"]), message=_message(error)) for error in errors]


def _field(loc: Sequence[str | int]) -> str:
    return ".".join(map(str, loc[1:] if loc[:1] == ("body",) else loc))


def _message(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":  # raised by our own validators, in Korean
        return str(context["error"])
    if kind.startswith(("date", "timezone")):
        return _DATES
    return _MESSAGES.get(kind, "값이 올바르지 않습니다.").format(**context)
