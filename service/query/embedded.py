"""The question within a message that a program has put together.

Programs that retrieve by themselves send a template with their own passages around what somebody asked, and chat
front ends send tasks about the conversation: a title for it, tags, searches. Passages and conversations stand in
tags or behind labels; what stands outside is read as a person's message is (``service.query.utterance``), and
the last that asks is the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from re import Pattern

from index import KoreanAnalyser
from service.query import utterance
from service.query.speech_acts import Asks

PIECES_READ = 40
"""Pieces of a long message that are read for a question, from its end: bounds the work."""

_TAG = re.compile(r"<(?P<closes>/?)(?P<name>[A-Za-z][\w-]{0,40})(?:\s[^<>]{0,200})?>")
_QUESTION_TAG = re.compile(r"question|query", re.IGNORECASE)
_TRANSCRIPT_TAG = re.compile(r"history|conversation|chat|transcript|messages", re.IGNORECASE)
_CONVERSATION = re.compile(r"\b(?:conversation|chat|dialog(?:ue)?)\b", re.IGNORECASE)
_LABEL = re.compile(
    r"^[^\w\n]*(?:user[ _]|사용자 ?)?(?:question|query|질문|물음)[^\w\n]*(?:[:：\]]|\n)[^\w\n]*(?P<asked>\S[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKERS = tuple(
    re.compile(rf"^[^\w\n]*(?:{names})[^\w\n]{{0,3}}[:：]", re.IGNORECASE | re.MULTILINE)
    for names in ("user|human|사용자", "assistant|ai|bot|response|챗봇|비서|어시스턴트")
)
_HANGUL = re.compile(r"[가-힣]")
_BORDERS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.?!])\s+"))
"""Of paragraphs, lines and sentences: what is short enough is not cut further."""


def question_in(text: str, analyser: KoreanAnalyser, *, limit: int) -> str | None:
    """The question that a message asks; None if it asks nothing of the archive, but a title for the conversation.

    A message of at most ``limit`` characters without tags or a transcript in it is its own question.
    """
    blocks = [(name, part) for name, part in _blocks(text) if part.strip()]
    outside = "\n\n".join(part for name, part in blocks if not name)
    holds_transcript = _holds_transcript([name for name, _ in blocks], outside)
    if len(text.strip()) <= limit and not holds_transcript and not any(name for name, _ in blocks):
        return None if _is_about_conversation(text, analyser) else text
    if marked := _marked_question(blocks, outside):
        return marked[:limit]
    if holds_transcript:
        return None
    is_all_tagged = not re.search(r"\w", outside)
    whole = "\n\n".join(part for _, part in blocks) if is_all_tagged else outside
    return _last_question(whole, analyser, limit)


def _is_about_conversation(text: str, analyser: KoreanAnalyser) -> bool:
    """Whether it is a task about the conversation, as front ends send it, often in English."""
    if _HANGUL.search(text):
        return utterance.is_about_conversation(text, analyser)
    return bool(_CONVERSATION.search(text))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The message in order, as the name of the tag around a part (``""`` outside of all) and the part."""
    tags = list(_TAG.finditer(text))
    closed = {tag["name"]: tag.start() for tag in tags if tag["closes"]}
    around, start = "", 0
    for tag in tags:
        name = tag["name"]
        opens = not (around or tag["closes"]) and closed.get(name, -1) > tag.start()
        closes = bool(tag["closes"]) and around == name
        if opens or closes:
            yield around, text[start : tag.start()]
            around, start = ("" if closes else name), tag.end()
    yield around, text[start:]


def _holds_transcript(names: Sequence[str], outside: str) -> bool:
    """Whether a conversation is quoted, so that what is asked in it was asked earlier."""
    is_tagged = any(_TRANSCRIPT_TAG.search(name) for name in names)
    return is_tagged or all(speaker.search(outside) for speaker in _SPEAKERS)


def _marked_question(blocks: Sequence[tuple[str, str]], outside: str) -> str | None:
    """The last part that a tag or a label calls the question."""
    tagged = [part.strip() for name, part in blocks if _QUESTION_TAG.search(name)]
    found = (label["asked"].strip() for label in _LABEL.finditer(outside))
    labelled = [asked for asked in found if not asked.endswith((":", "："))]
    return next(reversed(tagged or labelled), None)


def _last_question(text: str, analyser: KoreanAnalyser, limit: int) -> str | None:
    """The last piece that asks; the last that names something, if none asks outright."""
    pieces = [piece for piece in _pieces(text, limit, _BORDERS) if _HANGUL.search(piece)]
    named = None
    for piece in islice(reversed(pieces), PIECES_READ):
        asks = utterance.asks(piece, analyser)
        if asks >= Asks.WHETHER:
            return piece.strip()
        if asks == Asks.NAMES:
            named = named or piece.strip()
    return named


def _pieces(text: str, limit: int, borders: Sequence[Pattern[str]]) -> Iterator[str]:
    for piece in borders[0].split(text):
        if len(piece) <= limit:
            yield piece
        elif borders[1:]:
            yield from _pieces(piece, limit, borders[1:])
