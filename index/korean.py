"""The one morpheme analyser that indexing and querying share.

Kiwi (kiwipiepy) finds sentences and morphemes. A text is analysed once, when it is indexed; its
terms are kept in the catalog. Loading Kiwi takes about a second and 300 MB, so a process has one
``KoreanAnalyser`` (see ``index.analysers``); it may be used from several threads.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from index.documents import AnalysedSentence
from index.errors import DictionaryUnusable
from index.hanja import expansion, read, spell_out
from index.lexicon import LEXICON
from index.protocols import AnalysedText, Terms
from index.quantities import value_of
from index.sentences import Token, mended

FIELDS = ("morphemes", "bigrams")
"""The lexical fields of a passage. Morphemes match words whatever their particles and endings;
character bigrams catch names and compounds that the analyser cuts differently in two contexts."""

RECENT_TEXTS = 256
"""Analyses that are remembered: those of the questions and sentences being worked on."""

RECENT_SENTENCES = 4_096
"""Sentences whose spelling is remembered: those that sources of several questions share."""

# Nouns, numerals, verbs, adjectives, adverbs, roots, foreign words, hanja, numbers, web addresses.
# Dependent nouns (것, 수, 명, 원 …), pronouns, particles and endings carry no topic.
_CONTENT_TAGS = frozenset(
    {"NNG", "NNP", "NR", "VV", "VA", "MAG", "XR", "SL", "SH", "SN"}
    | {"W_URL", "W_EMAIL", "W_HASHTAG", "W_MENTION", "W_SERIAL"}
)
_UNIT_TAGS = frozenset({"SW", "SL", "NNB"})
_WORD = re.compile(r"[^\W_]+")
_LETTER_ALONE = re.compile(r"(?<![^\W_])[^\W_](?![^\W_])")
_DIGIT_SEPARATOR = re.compile(r"(?<=\d),(?=\d{3})")


class KoreanAnalyser:
    """Sentences, morphemes and character bigrams of Korean text."""

    def __init__(self, *, workers: int | None = None, dictionary: Path | None = None) -> None:
        """``dictionary``: words of the user's own, in Kiwi's format (``낱말<tab>NNP`` a line).

        ``workers``: threads that share many texts; None: one per processor, 0: none but the caller's, which
        also a process that is forked from this one has. Raises DictionaryUnusable.
        """
        from kiwipiepy import Kiwi

        # Without Kiwi's names of many words, from Wikipedia: they take 180 MB and most of the start, and
        # join names that an archive also writes in part. In KorQuAD nDCG@10 is the same without them.
        self._kiwi = Kiwi(num_workers=1 if workers == 0 else workers, load_multi_dict=False)
        self._has_workers = workers != 0
        # On its way to an answer a question is looked at by many, each for its own reasons.
        self._tokens = lru_cache(maxsize=RECENT_TEXTS)(self._kiwi.tokenize)
        self._words = _add_words(self._kiwi, dictionary) if dictionary else ""
        self._tokens(
            "가"
        )  # Kiwi builds its tables with the first text: here, where others load beside it

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same text might give other terms or sentences; kept in the index's manifest."""
        model = f"{version('kiwipiepy')}/{version('kiwipiepy_model')}"
        return f"kiwi-{model}/content-4+bigrams-2+sentences-3{self._words}"

    def terms(self, text: str) -> Terms:
        """The terms of a query, by field. Words that only ask (``얼마``, ``왜``, ``이유``) are none."""
        morphemes = self.morphemes(text)
        telling = tuple(
            morpheme for morpheme in morphemes if morpheme not in LEXICON["korean.asking"]
        )
        return {"morphemes": telling or morphemes, "bigrams": bigrams(text)}

    def morphemes(self, text: str) -> tuple[str, ...]:
        """The content morphemes of a text in order, with repeats; the words that only ask included."""
        return content_morphemes(self.tokens(text))

    def tokens(self, text: str) -> Sequence[Token]:
        """All morphemes of a text with tags and offsets, for questions and for verification.

        Their forms are those of the text as it is read: hanja in Hangul.
        """
        tokens: Sequence[Token] = self._tokens(read(text))
        return tokens

    def spaced(self, text: str) -> str:
        """The text with blanks between its words, as Kiwi sees them; those that are there stay."""
        spaced: str = self._kiwi.space(text)
        return spaced

    def sentences(self, text: str) -> list[AnalysedSentence]:
        """The sentences of one text: all of it but blanks. They never span a paragraph break."""
        return self.sentences_of([text])[0]

    def sentences_of(self, texts: Sequence[str]) -> list[list[AnalysedSentence]]:
        """The sentences of many texts, analysed in parallel; one list per text, in order."""
        paragraphs = [
            (n, m.start(), m[0]) for n, text in enumerate(texts) for m in _paragraphs(text)
        ]
        results: list[list[AnalysedSentence]] = [[] for _ in texts]
        split = self._split([read(paragraph) for _, _, paragraph in paragraphs])
        for (number, offset, text), sentences in zip(paragraphs, split, strict=True):
            tokens = [token for sentence in sentences for token in sentence.tokens]
            starts = [token.start for token in tokens]
            for start, end in mended(text, sentences):
                inside = slice(bisect_left(starts, start), bisect_left(starts, end))
                held = content_morphemes(tokens[inside])
                results[number].append(AnalysedSentence(offset + start, offset + end, held))
        return results

    def _split(self, paragraphs: list[str]) -> Iterator[Any]:
        if self._has_workers and len(paragraphs) > 1:
            return iter(self._kiwi.split_into_sents(paragraphs, return_tokens=True))
        return (self._kiwi.split_into_sents(p, return_tokens=True) for p in paragraphs)


def bigrams(text: str) -> tuple[str, ...]:
    """Character bigrams within the words of a text, lower case; one-letter words whole."""
    grams: list[str] = []
    for match in _WORD.finditer(_spelt_plainly(text)):
        word = match[0]
        grams += [word] if len(word) == 1 else [word[i : i + 2] for i in range(len(word) - 1)]
    return tuple(grams)


def shared_bigrams(wanted: frozenset[str], text: str) -> int:
    """How many of the wanted character bigrams a text has, found without listing all of its own."""
    pairs, letters = _by_length(wanted)
    spelt, alone = _letters(text)
    return sum(map(spelt.__contains__, pairs)) + len(letters & alone)


@lru_cache(maxsize=RECENT_TEXTS)
def _by_length(grams: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Those of two letters, and those of one."""
    return tuple(g for g in grams if len(g) > 1), frozenset(g for g in grams if len(g) == 1)


@lru_cache(maxsize=RECENT_SENTENCES)
def _letters(text: str) -> tuple[str, frozenset[str]]:
    """A text in plain spelling, and its words of one letter. Sentences of an archive are read again and again."""
    spelt = _spelt_plainly(text)
    return spelt, frozenset(match[0] for match in _LETTER_ALONE.finditer(spelt))


def _spelt_plainly(text: str) -> str:
    return _DIGIT_SEPARATOR.sub("", spell_out(text)).lower()


def passage_terms(title: str, text: AnalysedText, start: int, end: int) -> Terms:
    """What a passage is found by: the terms of its sentences and of its article's title.

    The title tells what a later passage is about; in KorQuAD it gains .006 nDCG@10 (both halves of the
    paragraphs), in the sample corpus nothing is lost. In the vectors it costs recall@1 there.
    """
    inside = (s for s in text.sentences if start <= s.start and s.end <= end)
    morphemes = [morpheme for sentence in inside for morpheme in sentence.morphemes]
    return {
        "morphemes": [*text.title_morphemes, *morphemes],
        "bigrams": [*bigrams(title), *bigrams(text.body[start:end])],
    }


def _paragraphs(text: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"\S[^\n]*(?:\n(?!\s*\n)[^\n]*)*", text)


def _add_words(kiwi: Any, dictionary: Path) -> str:
    """Teach Kiwi the words of a file; returns what tells this file's words from another's."""
    try:
        content = dictionary.read_bytes()
        kiwi.load_user_dictionary(str(dictionary))
    except (OSError, ValueError) as error:
        raise DictionaryUnusable(f"the dictionary {dictionary} can't be used: {error}") from error
    return f"+words-{hashlib.sha256(content).hexdigest()[:12]}"


_BETWEEN_SYLLABLES = re.compile(r"(?<=[가-힣])·(?=[가-힣])")


def content_morphemes(tokens: Iterable[Token]) -> tuple[str, ...]:
    """The content morphemes among some tokens in order, with repeats; ``3만 5,000`` and ``3만5천`` are the one ``35000``."""
    terms: list[str] = []
    number: list[str] = []  # the parts of one that may go on
    for token in tokens:
        tag = token.tag
        part = _part_of_number(token.form, tag, number) if tag in {"SN", "NR"} else None
        if number and (part is None or part.begins):
            terms.append(_number(number))
            number = []
        if part is not None:
            number += part.parts
        elif term := _term(token.form, tag):
            terms.append(term)
    if number:
        terms.append(_number(number))
    return tuple(terms)


class _Part(NamedTuple):
    """What a token adds to a number, and whether that is another one than the one before."""

    parts: Sequence[str]
    begins: bool


def _part_of_number(form: str, tag: str, before: Sequence[str]) -> _Part | None:
    """``before`` are the parts of the number so far. None: the token is part of none."""
    form = _DIGIT_SEPARATOR.sub("", form)
    if tag == "SN" and _DIGITS.fullmatch(form):
        return _Part([form], begins=not (before and _SCALES.fullmatch(before[-1])))
    if tag == "NR" and before and _SCALES.fullmatch(form):  # 만, 천만
        return _Part(form, begins=False)
    return None


def _term(form: str, tag: str) -> str | None:
    """What a morpheme is indexed by; None: by nothing."""
    kind = _kind(tag)
    if kind is None:  # half of all: particles, endings, marks
        return None
    form = form.lower()
    if kind in _UNIT_TAGS and form in _units():
        return _units()[form]
    if kind not in _CONTENT_TAGS or (
        kind in {"VV", "VA"} and form in LEXICON["korean.light_verbs"]
    ):
        return None
    if kind == "SH":
        return expansion(form)
    return _BETWEEN_SYLLABLES.sub("", form) if kind == "NNP" else form  # 한·미, 한미


@cache
def _kind(tag: str) -> str | None:
    """A tag without what Kiwi adds to it (``VV-I``); None for one whose morphemes are never a term."""
    kind = tag.split("-")[0]
    return kind if kind in _CONTENT_TAGS or kind in _UNIT_TAGS else None


@cache
def _units() -> Mapping[str, str]:
    """By spelling the term of a unit: one, however it is written."""
    sets = LEXICON["units.measures"].sets
    return {spelling.lower(): names[0].lower() for names in sets for spelling in names}


_SCALES = re.compile("[십백천만억조]+")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def _number(parts: Sequence[str]) -> str:
    """``3 만 5 천`` -> ``35000``; ``12.5`` as it is."""
    if len(parts) == 1:
        return parts[0]
    return format(value_of("".join(parts)).normalize(), "f")
