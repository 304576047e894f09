"""The clauses of a sentence that can stand as a question of their own, and how each is asked.

Only what is sure is taken: a clause has its own subject, names no person, place or time that only the text around
it explains, and ends in a form whose question form is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index import KoreanAnalyser

MAX_CHARS = 70
"""A longer clause makes a question that nobody would put."""

_BREAKS = {"고", "으며", "며", "지만", "으나", "는데", "은데"}
_TOLD = re.compile(r"(?:ᆫ|는)?다고")
_NOUN = ("NN", "SL", "SN", "NR", "SH", "XPN", "XSN", "SW", "SO", "MM")
_HANJA = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Clause:
    """A clause as it stands in a sentence: ``text`` up to its ending, and its question form.

    ``subject`` is the offset behind the particle of its subject; ``asked`` is the ending of the question that the
    text takes (``받았`` + ``나요``). ``pieces`` have offsets in ``text``.
    """

    text: str
    subject: int
    asked: str
    pieces: Sequence[Piece]

    @property
    def is_past(self) -> bool:
        """Whether it tells of what has been."""
        return bool(self.pieces) and self.pieces[-1].tag == "EP"

    @property
    def subject_pieces(self) -> Sequence[Piece]:
        """The morphemes of its subject, the particle included."""
        return [p for p in self.pieces if p.end <= self.subject]


@dataclass(frozen=True)
class Piece:
    """A morpheme with its place in the clause."""

    form: str
    tag: str
    start: int
    end: int


def clauses(sentence: str, analyser: KoreanAnalyser) -> Iterator[Clause]:
    """The clauses of one sentence without quotation marks around speech, each as one that stands alone."""
    if _HANJA.search(sentence):
        return
    tokens = [Piece(t.form, t.tag, t.start, t.end) for t in analyser.tokens(sentence)]
    begin, topic = 0, None
    for n, token in enumerate(tokens):
        is_told = _is_told(tokens, n)
        if not (is_told or token.tag == "EF" or _is_border(tokens, n)):
            continue
        part = tokens[begin:n]
        subject = _subject(part)
        if is_told:  # what is told has a subject behind that of the one who tells it
            part = part[subject + 1 :] if subject is not None else part
            subject = _subject(part)
        clause = None
        if subject is not None:
            clause = _clause(sentence, part, subject, token)
            topic = part[: subject + 1] if part[subject].tag == "JX" else topic
        elif topic and not is_told:
            clause = _clause(sentence, part, None, token, topic=topic)
        if clause:
            yield clause
        if is_told:
            return
        begin = n + 1
        while begin < len(tokens) and tokens[begin].tag in {"SP", "SF"}:
            begin += 1


def _is_told(tokens: Sequence[Piece], n: int) -> bool:
    """Whether a clause ends that somebody tells: 받았다고."""
    token, after = tokens[n], tokens[n + 1] if n + 1 < len(tokens) else None
    if token.tag == "EC":
        return _TOLD.fullmatch(token.form) is not None
    return token.tag == "EF" and after is not None and after.tag == "JKQ"


def _is_border(tokens: Sequence[Piece], n: int) -> bool:
    follows = tokens[n + 1].tag if n + 1 < len(tokens) else ""
    return tokens[n].tag == "EC" and tokens[n].form in _BREAKS and follows != "VX"


def _subject(tokens: Sequence[Piece]) -> int | None:
    """The place of the particle of the subject, if the clause begins with a plain subject."""
    for n, token in enumerate(tokens):
        if token.tag in {"JKS", "JX"} and n and token.form in {"은", "는", "이", "가"}:
            return n
        if not token.tag.startswith((*_NOUN, "JKG", "JC", "SS")):
            return None
    return None


def _clause(
    sentence: str,
    part: Sequence[Piece],
    subject: int | None,
    ending: Piece,
    topic: Sequence[Piece] = (),
) -> Clause | None:
    if not part:
        return None
    told = _question_form(sentence, part, ending)
    if told is None:
        return None
    end, stem, asked = told
    prefix = sentence[topic[0].start : topic[-1].end] + " " if topic else ""
    text = prefix + sentence[part[0].start : end] + stem
    if len(text) > MAX_CHARS:
        return None
    shift = part[0].start - len(prefix)
    pieces = [Piece(t.form, t.tag, t.start - topic[0].start, t.end - topic[0].start) for t in topic]
    pieces += [Piece(t.form, t.tag, t.start - shift, t.end - shift) for t in part]
    at = pieces[len(topic) - 1].end if subject is None else pieces[subject].end
    return Clause(text, at, asked, pieces)


def _question_form(
    sentence: str, part: Sequence[Piece], ending: Piece
) -> tuple[int, str, str] | None:
    """Where the stem of a clause ends, what it ends with, and the ending of its question."""
    last = part[-1]
    if last.tag == "EP":
        return last.end, "", "나요"
    if last.tag == "VCP":
        return last.start if sentence[last.start : last.end] == "이" else ending.start, "", "인가요"
    if last.form in {"있", "없"}:
        return last.end, "", "나요"
    if not last.tag.startswith(("VV", "XSV", "VX")) or ending.tag != "EF":
        return None
    if ending.form == "는다":
        return ending.start, "", "나요"
    if ending.form == "ᆫ다":
        at = ending.start
        syllable = ord(sentence[at]) - 0xAC00
        if 0 <= syllable < 11172 and syllable % 28 == 4:
            return at, chr(0xAC00 + syllable - 4), "나요"
    return None


def attributive(told: str, analyser: KoreanAnalyser) -> str | None:
    """A verb in the past, without its last syllable, as it stands before a noun: ``밝혔``: ``밝힌``; else None."""
    tokens = analyser.tokens(f"{told}다")
    if len(tokens) < 3 or tokens[-2].tag != "EP" or tokens[-3].tag not in {"VV", "XSV"}:
        return None
    stem = tokens[:-2]
    written = "".join(token.form for token in stem)
    last = ord(written[-1]) - 0xAC00
    return written[:-1] + chr(0xAC00 + last + 4) if 0 <= last < 11172 and last % 28 == 0 else None
