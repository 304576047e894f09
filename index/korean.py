"""The one morpheme analyser that indexing and querying share.

Kiwi (kiwipiepy) finds sentences and morphemes. A text is analysed once, when it is indexed; its
terms are kept in the catalog. Loading Kiwi takes about a second and 300 MB, so a process has one
``KoreanAnalyser`` (see ``index.analysers``); it may be used from several threads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

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
            for start, end in mended(text, sentences):
                held = content_morphemes(token for token in tokens if start <= token.start < end)
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
    """The content morphemes among some tokens in order, with repeats."""
    terms = (
        token if isinstance(token, str) else _term(token) for token in _with_whole_numbers(tokens)
    )
    return tuple(term for term in terms if term)


def _term(token: Token) -> str | None:
    """What a morpheme is indexed by; None: by nothing."""
    form, tag = token.form.lower(), token.tag.split("-")[0]
    if tag in {"SW", "SL", "NNB"} and form in _units():
        return _units()[form]
    if tag not in _CONTENT_TAGS or (tag in {"VV", "VA"} and form in LEXICON["korean.light_verbs"]):
        return None
    if tag == "SH":
        return expansion(form)
    return _BETWEEN_SYLLABLES.sub("", form) if tag == "NNP" else form  # 한·미, 한미


@cache
def _units() -> Mapping[str, str]:
    """By spelling the term of a unit: one, however it is written."""
    sets = LEXICON["units.measures"].sets
    return {spelling.lower(): names[0].lower() for names in sets for spelling in names}


_SCALES = re.compile("[십백천만억조]+")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def _with_whole_numbers(tokens: Iterable[Any]) -> Iterator[Any]:
    """The tokens, with ``3만 5,000`` and ``3만5천`` as the one text ``35000``."""
    parts: list[str] = []
    for token in tokens:
        form = _DIGIT_SEPARATOR.sub("", token.form)
        digits = token.tag == "SN" and _DIGITS.fullmatch(form)
        scale = token.tag == "NR" and _SCALES.fullmatch(form)  # 만, 천만
        if parts and not (scale or (digits and _SCALES.fullmatch(parts[-1]))):
            yield _number(parts)
            parts = []
        if digits or (scale and parts):
            parts += [form] if digits else form
        else:
            yield token
    if parts:
        yield _number(parts)


def _number(parts: Sequence[str]) -> str:
    """``3 만 5 천`` -> ``35000``; ``12.5`` as it is."""
    if len(parts) == 1:
        return parts[0]
    return format(value_of("".join(parts)).normalize(), "f")
