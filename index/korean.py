"""The one morpheme analyser that indexing and querying share.

Kiwi (kiwipiepy) finds sentences and morphemes. A text is analysed once, when it is indexed; its
terms are kept in the catalog. Loading Kiwi takes about two seconds and 500 MB, so a process makes one
``KoreanAnalyser`` and passes it around; it may be used from several threads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Protocol

from index.documents import AnalysedSentence
from index.protocols import Terms

FIELDS = ("morphemes", "bigrams")
"""The lexical fields of a passage. Morphemes match words whatever their particles and endings;
character bigrams catch names and compounds that the analyser cuts differently in two contexts."""

# Nouns, numerals, verbs, adjectives, adverbs, roots, foreign words, hanja, numbers, web addresses.
# Dependent nouns (것, 수, 명, 원 …), pronouns, particles and endings carry no topic.
_CONTENT_TAGS = frozenset(
    {"NNG", "NNP", "NR", "VV", "VA", "MAG", "XR", "SL", "SH", "SN"}
    | {"W_URL", "W_EMAIL", "W_HASHTAG", "W_MENTION", "W_SERIAL"}
)
# Verbs so light that they match everything: 하다 되다 있다 없다 이다 않다 주다 받다.
_LIGHT_VERBS = frozenset({"하", "되", "있", "이", "않", "주", "받"})
_WORD = re.compile(r"[^\W_]+")
_DIGIT_SEPARATOR = re.compile(r"(?<=\d),(?=\d{3})")


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


class KoreanAnalyser:
    """Sentences, morphemes and character bigrams of Korean text."""

    def __init__(self, *, workers: int | None = None) -> None:
        from kiwipiepy import Kiwi

        self._kiwi = Kiwi(num_workers=workers)

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same text might give other terms; kept in the index's manifest."""
        return f"kiwi-{version('kiwipiepy')}/{version('kiwipiepy_model')}/content-1+bigrams-1"

    def terms(self, text: str) -> Terms:
        """The terms of a query, by field."""
        return {"morphemes": self.morphemes(text), "bigrams": bigrams(text)}

    def morphemes(self, text: str) -> tuple[str, ...]:
        return _content(self._kiwi.tokenize(text))

    def tokens(self, text: str) -> Sequence[Token]:
        """All morphemes of a text with tags and offsets, for questions and for verification."""
        tokens: Sequence[Token] = self._kiwi.tokenize(text)
        return tokens

    def sentences(self, text: str) -> list[AnalysedSentence]:
        """The sentences of one text; they never span a paragraph break."""
        return self.sentences_of([text])[0]

    def sentences_of(self, texts: Sequence[str]) -> list[list[AnalysedSentence]]:
        """The sentences of many texts, analysed in parallel; one list per text, in order."""
        paragraphs = [(n, m.start(), m[0]) for n, t in enumerate(texts) for m in _paragraphs(t)]
        results: list[list[AnalysedSentence]] = [[] for _ in texts]
        split = self._kiwi.split_into_sents([p for _, _, p in paragraphs], return_tokens=True)
        for (number, offset, text), sentences in zip(paragraphs, split, strict=True):
            tokens = [token for sentence in sentences for token in sentence.tokens]
            for start, end in _mended(text, [(s.start, s.end) for s in sentences]):
                if _WORD.search(text, start, end):
                    held = _content(token for token in tokens if start <= token.start < end)
                    results[number].append(AnalysedSentence(offset + start, offset + end, held))
                elif results[number]:  # a lone emoji or mark belongs to what it follows
                    before = results[number].pop()
                    results[number].append(replace(before, end=offset + end))
        return results


def bigrams(text: str) -> tuple[str, ...]:
    """Character bigrams within the words of a text, lower case; one-letter words whole."""
    grams: list[str] = []
    for match in _WORD.finditer(_DIGIT_SEPARATOR.sub("", text).lower()):
        word = match[0]
        grams += [word] if len(word) == 1 else [word[i : i + 2] for i in range(len(word) - 1)]
    return tuple(grams)


# Kiwi leaves what opens a sentence, a short quote or a bullet, with the sentence before:
# "늘었다. ‘큰고니’" + "412마리가 왔다." Such a tail goes to what follows, or stands alone if it is a
# sentence. Of 2,763 borders in the sample corpus and a quarter of KorQuAD it moved 16, all rightly.
_OPENING = re.compile(r"(?<=[가-힣])[.?!…]+\s+(?=[“‘\"'「『《〈<\[▲△▶▷□○◇◆■●•·※☞]|[-–—*](?:\s|$))")
_CLOSED = re.compile(r"[.?!…][”’\"')\]」』》〉>]*$")
_PAIRS = [tuple(pair) for pair in "“” ‘’ () [] 「」 『』 《》 〈〉 <>".split()]


def _mended(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of sentences, with what opens a sentence moved from the end of the one before."""
    mended: list[tuple[int, int]] = []
    opened: int | None = None  # where the next sentence begins, if that is before its span
    for number, (start, end) in enumerate(spans):
        begin, opened = opened if opened is not None else start, None
        for mark in _OPENING.finditer(text, begin, end):
            if _inside_marks(text[begin : mark.start()]):
                continue
            told = mark.start() + len(mark[0].rstrip())
            if _CLOSED.search(text, mark.end(), end):
                mended.append((begin, told))
                begin = mark.end()
            elif number + 1 < len(spans):
                mended.append((begin, told))
                opened = mark.end()
                break
        if opened is None:
            mended.append((begin, end))
    return mended


def _inside_marks(text: str) -> bool:
    """Whether a quotation or bracket is still open at the end of a text."""
    unpaired = any(text.count(left) != text.count(right) for left, right in _PAIRS)
    return unpaired or any(text.count(quote) % 2 for quote in "\"'")


def _paragraphs(text: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"\S[^\n]*(?:\n(?!\s*\n)[^\n]*)*", text)


def _content(tokens: Iterable[Any]) -> tuple[str, ...]:
    return tuple(
        _DIGIT_SEPARATOR.sub("", token.form).lower()
        for token in tokens
        if (tag := token.tag.split("-")[0]) in _CONTENT_TAGS
        and not (tag in {"VV", "VA"} and token.form in _LIGHT_VERBS)
    )
