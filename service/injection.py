"""Article text that tries to command a language model: made harmless in prompts, never used as evidence.

This catches the crude attempts. Whatever gets past it must still pass the verifier, so that a hostile
article can do no more than state falsehoods under its own name.
"""

from __future__ import annotations

import re
from functools import lru_cache

RECENT_SENTENCES = 4_096
"""Sentences for which the verdict is kept, as some articles are asked about again and again."""

_DELIMITERS = str.maketrans("<>＜＞[]", "〈〉〈〉［］")
# Control and format characters except line breaks and tabs, and the tag characters that can carry
# text which no reader sees.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)

_PART_END = re.compile(r"\n+|[:：.!?]\s+|<[^>]*>|\[[^\]]*\]|[”\"’'»」](?=\s)")
_IMPERATIVES = ("라", "시오", "세요", "줘", "줘요", "말 것", "할 것")
_TRAILING = " \t.!?…,;:~-–—*`_#|/\\(){}\"'“”‘’«»「」『』〉>"
_TO_THE_MODEL = re.compile(
    r"지시|지침|명령|규칙|프롬프트|시스템|답변|대답|응답|출력|인용|출처|각주|질문|문장|요약|번역|링크|주소|표기"
    r"|\b답|(?:라고|다고)\s?(?:만\s?)?(?:답|말|쓰|써|적|전|밝)"
    r"|\bAI\b|인공지능|언어 ?모델|챗봇|어시스턴트|비서|\b(?:LLM|GPT)"
)
_LATIN = re.compile(r"[A-Za-z]{3}")
_ENGLISH_COMMAND = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}"
    r"\b(?:instructions?|prompts?|rules?|passages?|articles?|above|previous|prior|everything)\b"
    r"|\bsystem (?:prompt|message)|\byou are now\b|\bnew instructions?\b"
    r"|^\W*(?:\w+:\s*)?(?:(?:please|now|then|instead|always|you must|only),?\s+)*"
    r"(?:answer|reply|respond|say|output|print|repeat|reveal|cite|write|append|add|include|replace"
    r"|state|tell|claim|translate|summari[sz]e|begin|end)\s",
    re.IGNORECASE,
)


def inert(text: str) -> str:
    """The text without the characters that give a prompt its structure.

    Angle and square brackets become look-alikes, so that no article can close its own section or imitate
    another article's number or a chat template's tokens. Invisible characters are removed.
    """
    return _INVISIBLE.sub("", text).translate(_DELIMITERS)


@lru_cache(maxsize=RECENT_SENTENCES)
def is_command(sentence: str) -> bool:
    """Whether a sentence tells a model what to say. Sentences of news end differently, even in quotations."""
    # An attacker leaves out the full stop, so that the next sentence of the news runs on.
    return any(_commands(part) for part in _PART_END.split(_INVISIBLE.sub("", sentence)))


def _commands(part: str) -> bool:
    # This is asked of every sentence of every source: the cheapest test comes first.
    if part.rstrip(_TRAILING).endswith(_IMPERATIVES) and _TO_THE_MODEL.search(part):
        return True
    return "시스템 프롬프트" in part or bool(_LATIN.search(part) and _ENGLISH_COMMAND.search(part))
