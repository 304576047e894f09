"""Follow-up questions rewritten by a language model to stand alone; the result is checked before use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from service.errors import LLMError
from service.generate.prompt import Message, Prompt
from service.generate.protocol import LLMBackend
from service.injection import inert
from service.query.followup import FollowUps
from service.schema import Question

TIMEOUT_S = 8.0
"""Seconds. Nothing is looked up before this is over, while the rules give a result at once."""

MAX_CHARS = 300

logger = logging.getLogger(__name__)

_INSTRUCTIONS = """\
대화의 마지막 질문을, 앞의 대화 없이도 뜻이 통하는 한 문장의 질문으로 고쳐 씁니다.
- 앞에서 말한 이름, 사건, 때를 나타내는 말을 채워 넣고, 가리키는 말(그, 거기, 그때)은 그것으로 바꿉니다.
- 대화에 없는 사실을 보태지 않고, 질문에 답하지 않습니다.
- 이미 뜻이 통하는 질문은 그대로 씁니다.
- 고쳐 쓴 질문 한 문장만 씁니다."""


@dataclass(frozen=True)
class Rewriting(Prompt):
    """A request to rewrite the question by its conversation; it has no sources."""

    def messages(self) -> list[Message]:
        """The instructions as the system message, and conversation and question in one of the user."""
        turns = [
            f"{_SPEAKERS[turn['role']]}: {inert(turn['content'])}" for turn in self.conversation
        ]
        said = "\n".join(turns)
        request = f"<대화>\n{said}\n</대화>\n\n<마지막 질문>{inert(self.question)}</마지막 질문>"
        return [
            Message(role="system", content=_INSTRUCTIONS),
            Message(role="user", content=request),
        ]


_SPEAKERS = {"user": "독자", "assistant": "답", "system": "답"}


async def rewrite(
    question: Question, conversation: Sequence[Message], backend: LLMBackend, follow_ups: FollowUps
) -> str | None:
    """The question rewritten to stand alone; None if the backend fails or its text can't be used."""
    prompt = Rewriting(question.question, (), conversation)
    try:
        async with asyncio.timeout(TIMEOUT_S), aclosing(backend.generate(prompt)) as pieces:
            text = "".join([piece async for piece in pieces]).strip().strip("\"'“”‘’")
    except (LLMError, TimeoutError) as error:
        logger.warning("the follow-up is resolved by rule: %s", error or "no answer in time")
        return None
    usable = 0 < len(text) <= MAX_CHARS and "\n" not in text
    if usable and await asyncio.to_thread(
        follow_ups.accepts, text, question.question, question.conversation
    ):
        return text
    return None
