"""What people say to the bot besides questions, and what it says to them besides answers."""

from __future__ import annotations

import re

from service.exports import Form
from service.korean.lexicon import LEXICON

STOP = LEXICON.expression(r"{talk.stop}[.!~\s]*", re.IGNORECASE)
FOLLOW_ON = LEXICON.expression(r"{talk.follow_on}[.!~\s]*")
ASKS_FOR_HELP = LEXICON.expression(r"{talk.help}[.!~\s]*", re.IGNORECASE)
_FORMS: dict[Form, str] = {
    "markdown": "markdown|마크다운",
    "bibtex": "bibtex|비브텍|빕텍",
    "csl-json": r"csl(?:-?json)?",
    "csv": "csv|엑셀",
}
_AS = rf"(?:(?:{'|'.join(_FORMS.values())})(?:\s*형식)?(?:으로|로)?\s*)?"
COLLECT = LEXICON.expression(
    rf"{_AS}{{talk.collected}}\s*{_AS}{{talk.collecting}}[.!~\s]*", re.IGNORECASE
)
SMALL_TALK = LEXICON.expression(
    r"(?:(?:{talk.small_talk}|ㅋ+|ㅎ+|:[\w+-]+:)[\s.!?~^,ㅎㅋ]*)+", re.IGNORECASE
)
NO_CONTENT = re.compile(r"[\W_]*")

MOMENT_PLEASE = "답을 쓰고 있습니다…"
STOPPED = "말씀하신 대로 여기서 멈추었습니다."
TOO_SLOW = "답을 만드는 데 너무 오래 걸려 그만두었습니다. 질문을 좁혀서 다시 물어봐 주세요."
BROKEN_OFF = "답을 쓰다가 문제가 생겨 여기까지만 적습니다."
UNEXPECTED = "예기치 못한 문제가 생겨 답하지 못했습니다. 잠시 뒤에 다시 물어봐 주세요."
NOT_HERE = "이 채널에서는 질문에 답하지 않도록 설정되어 있습니다."
NOT_INVITED = "이 채널에 글을 쓸 수 없습니다. 저를 채널에 초대하신 뒤에 다시 물어봐 주세요."
FOLLOWING = (
    "이제 이 스레드에서는 멘션 없이 물으셔도 답하겠습니다. 그만두려면 `그만`이라고 적어 주세요."
)
MENTION_ONLY = "이 채널에서는 저를 멘션하실 때만 답하도록 설정되어 있습니다."
NOT_FOLLOWING = "네, 그만하겠습니다. 필요하시면 저를 멘션해 주세요."
COLLECTED = "이 스레드의 답에서 인용한 기사 문장입니다."
NOTHING_TO_COLLECT = (
    "이 스레드에는 모을 출처가 없습니다. 답을 받은 스레드에서 `출처 모아줘`라고 해 주세요."
)
IDLE = "지금 답하고 있는 질문이 없습니다."
ANSWER_GONE = "이 답변은 오래되어 더는 남아 있지 않습니다. 다시 물어봐 주세요."
UNREADABLE = (
    "이 스레드의 앞선 대화를 읽을 수 없어 답하지 못했습니다. 스레드 밖에서 새로 물어봐 주세요."
)


def is_small_talk(text: str) -> bool:
    """Whether a message says nothing that could be answered."""
    return bool(NO_CONTENT.fullmatch(text) or SMALL_TALK.fullmatch(text))


def form_of(order: str) -> Form:
    """The form in which an order wants citations, plain text where it names none."""
    named = (form for form, names in _FORMS.items() if re.search(names, order, re.IGNORECASE))
    return next(named, "text")


def is_order(text: str) -> bool:
    """Whether a message is an order to the bot (stop, continue, help, collect), not a question."""
    return any(order.fullmatch(text) for order in (STOP, FOLLOW_ON, ASKS_FOR_HELP, COLLECT))
