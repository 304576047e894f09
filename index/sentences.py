"""Where the sentences of a paragraph lie: as Kiwi finds them, mended by the grammar that Kiwi tells.

Kiwi ends a sentence only before a word. Hanja, symbols, brackets and short quotes that open a sentence stay
with the one before (``회의를 열었다. 美`` + ``정부가 …``), and at times it leaves two sentences in one. What
follows a closed sentence belongs to the next, whatever it is. The tags of the morphemes tell whether a
sentence is closed, so that decimals, abbreviations and the numbers of a list close none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from index.hanja import is_hanja

Span = tuple[int, int]
"""Half-open character offsets."""


class Token(Protocol):
    """A morpheme as Kiwi gives it: form, tag (Sejong tag set), place in the text."""

    @property
    def form(self) -> str: ...
    @property
    def tag(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Sentence(Protocol):
    """A sentence as Kiwi gives it, with its morphemes."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def tokens(self) -> Sequence[Token]: ...


# Sejong tags: . ? ! are SF, … is SE, opening and closing quotes and brackets SSO and SSC, EF ends a sentence.
_FULL_STOP, _ELLIPSIS, _OPENS, _CLOSES, _ENDING = "SF", "SE", "SSO", "SSC", "EF"
# A particle, an ending, a copula or a suffix leans on what stands before it: “안 된다.” 라고
_LEANING = ("J", "E", "VC", "XS")
_WORD = re.compile(r"[^\W_]")


def mended(text: str, sentences: Sequence[Sentence]) -> list[Span]:
    """The spans of a paragraph's sentences: in order, disjoint, all of the text but blanks between them.

    ``text`` is the paragraph as it is written, of the same length as what Kiwi was given.
    """
    inside = list(_quotations([token for sentence in sentences for token in sentence.tokens]))
    spans: list[Span] = []
    begin: int | None = None  # where a sentence begins that Kiwi cut after what opens it
    for number, sentence in enumerate(sentences):
        start = sentence.start if begin is None else begin
        rest: Sequence[Token] = sentence.tokens
        for closed, after in _borders(text, sentence, inside):
            spans.append((start, closed))
            start, rest = after[0].start, after
        is_last = number + 1 == len(sentences)
        opens = start != sentence.start and not _is_told(rest)
        begin = (
            start if not is_last and (opens or _is_wordless(text, start, sentence.end)) else None
        )
        if begin is None:
            spans.append((start, sentence.end))
    return _joined(text, spans)


def _borders(
    text: str, sentence: Sentence, inside: Sequence[Span]
) -> Iterator[tuple[int, Sequence[Token]]]:
    """Where a sentence of Kiwi's closes before its end, each with the morphemes after it."""
    tokens = sentence.tokens
    for number, token in enumerate(tokens):
        if token.tag not in (_FULL_STOP, _ELLIPSIS):
            continue
        is_told = number > 0 and tokens[number - 1].tag == _ENDING
        after, quoted = _after_mark(tokens, number)
        if not after or _leans(text, after[0]) or not (is_told or token.tag == _FULL_STOP):
            continue
        if quoted and not after[0].tag.startswith("S"):  # “안 된다.” 하고 말했다
            continue
        closed = tokens[len(tokens) - len(after) - 1].end
        is_apart = is_told and after[0].start > closed and not _is_within(closed, inside)
        if is_apart or not _is_told(after):
            yield closed, after


def _leans(text: str, token: Token) -> bool:
    """Whether a morpheme belongs to what stands before it. Hanja never do, though Kiwi is told how they sound."""
    return token.tag.startswith(_LEANING) and not is_hanja(text[token.start])


def _after_mark(tokens: Sequence[Token], number: int) -> tuple[Sequence[Token], bool]:
    """The morphemes after a mark and what closes with it; and whether that is a quote or a bracket."""
    last, quoted = number, False
    for token in tokens[number + 1 :]:
        if token.start > tokens[last].end or token.tag not in (_FULL_STOP, _ELLIPSIS, _CLOSES):
            break
        last, quoted = last + 1, quoted or token.tag == _CLOSES
    return tokens[last + 1 :], quoted


def _is_told(tokens: Sequence[Token]) -> bool:
    """Whether some morphemes are a sentence, or hold one, rather than what opens one."""
    return any(token.tag in (_ENDING, _FULL_STOP) for token in tokens)


def _quotations(tokens: Sequence[Token]) -> Iterator[Span]:
    """Where quotes and brackets lie that are opened and closed again."""
    opened: list[int] = []
    for token in tokens:
        if token.tag == _OPENS:
            opened.append(token.start)
        elif token.tag == _CLOSES and opened:
            yield opened.pop(), token.end


def _is_within(place: int, spans: Sequence[Span]) -> bool:
    return any(start < place < end for start, end in spans)


def _is_wordless(text: str, start: int, end: int) -> bool:
    return _WORD.search(text, start, end) is None


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """The spans, with marks at the end of a paragraph joined to the sentence that they follow."""
    *others, last = spans
    if others and _is_wordless(text, *last):
        return [*others[:-1], (others[-1][0], last[1])]
    return list(spans)
