"""Articles to passages: whole sentences, about 500 characters, exact offsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from index.documents import AnalysedSentence, Article, Passage
from index.korean import KoreanAnalyser

if TYPE_CHECKING:
    from langchain_text_splitters import RecursiveCharacterTextSplitter


@dataclass(frozen=True)
class ChunkSettings:
    """How long passages are, in characters, and how far they overlap.

    Passages grow up to ``target_chars`` and never exceed ``max_chars`` (but for a single longer
    sentence that was not bounded before). A last passage with less than ``min_last_chars`` of new
    text joins the one before. Each passage repeats the last ``overlap_sentences`` sentences of the
    one before. Raises ValueError unless 0 < min_last_chars <= target_chars <= max_chars.
    """

    target_chars: int = 500
    max_chars: int = 800
    min_last_chars: int = 120
    overlap_sentences: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.min_last_chars <= self.target_chars <= self.max_chars:
            raise ValueError("chunk lengths must satisfy 0 < min_last <= target <= max")


def bounded_sentences(
    body: str, sentences: Sequence[AnalysedSentence], analyser: KoreanAnalyser, max_chars: int
) -> list[AnalysedSentence]:
    """The sentences, with those over ``max_chars`` cut at the borders of clauses, commas or spaces."""
    bounded: list[AnalysedSentence] = []
    for sentence in sentences:
        if sentence.end - sentence.start <= max_chars:
            bounded.append(sentence)
            continue
        text = body[sentence.start : sentence.end]
        for piece in _long_sentence_splitter(max_chars).create_documents([text]):
            start = sentence.start + piece.metadata["start_index"]
            morphemes = analyser.morphemes(piece.page_content)
            bounded.append(AnalysedSentence(start, start + len(piece.page_content), morphemes))
    return bounded


def chunk(
    article: Article,
    sentences: Sequence[AnalysedSentence],
    settings: ChunkSettings,
    fits: Callable[[str], bool] = lambda text: True,
) -> list[Passage]:
    """Cut an article into passages on the borders of its sentences.

    No sentence may be longer than ``settings.max_chars`` (see ``bounded_sentences``). ``fits`` says
    whether a text is within the embedder's limit; a passage that does not fit is halved at a sentence
    until it does, or is a single sentence.
    """
    spans: list[tuple[int, int]] = []  # first and last+1 sentence of each passage
    first = 0
    while first < len(sentences):
        last = _fill(sentences, first, settings)
        spans.append((first, last))
        if last == len(sentences):
            break
        # Overlap must leave room for progress: never repeat the whole passage.
        first = max(last - settings.overlap_sentences, first + 1)
    spans = _merge_short_tail(spans, sentences, settings)
    spans = [part for span in spans for part in _fitting(span, sentences, article.body, fits)]
    return [
        _passage(article, ordinal, sentences[first].start, sentences[last - 1].end)
        for ordinal, (first, last) in enumerate(spans)
    ]


def _fill(sentences: Sequence[AnalysedSentence], first: int, settings: ChunkSettings) -> int:
    """The end of the longest run from ``first`` within the target (and at least one sentence)."""
    last, start = first + 1, sentences[first].start
    while last < len(sentences) and sentences[last].end - start <= settings.target_chars:
        last += 1
    # The overlap alone may fill the target; take one new sentence if the maximum allows it.
    if last - first <= settings.overlap_sentences < len(sentences) - first:
        reach = first + settings.overlap_sentences
        if sentences[reach].end - start <= settings.max_chars:
            last = max(last, reach + 1)
    return last


def _merge_short_tail(
    spans: list[tuple[int, int]], sentences: Sequence[AnalysedSentence], settings: ChunkSettings
) -> list[tuple[int, int]]:
    if len(spans) < 2:
        return spans
    (before, _), (_, last) = spans[-2], spans[-1]
    new_chars = sentences[last - 1].end - sentences[spans[-2][1]].start
    whole_chars = sentences[last - 1].end - sentences[before].start
    if new_chars < settings.min_last_chars and whole_chars <= settings.max_chars:
        return [*spans[:-2], (before, last)]
    return spans


def _fitting(
    span: tuple[int, int],
    sentences: Sequence[AnalysedSentence],
    body: str,
    fits: Callable[[str], bool],
) -> list[tuple[int, int]]:
    first, last = span
    if last - first == 1 or fits(body[sentences[first].start : sentences[last - 1].end]):
        return [span]
    middle = (first + last) // 2
    return [
        *_fitting((first, middle), sentences, body, fits),
        *_fitting((middle, last), sentences, body, fits),
    ]


def _passage(article: Article, ordinal: int, start: int, end: int) -> Passage:
    return Passage(article.id, ordinal, article.body[start:end], start, end)


@cache
def _long_sentence_splitter(max_chars: int) -> RecursiveCharacterTextSplitter:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    # keep_separator="end": with True the library starts 46 % of Korean chunks with the full stop
    # that belongs to the sentence before.
    return RecursiveCharacterTextSplitter(
        separators=["\n", ". ", "? ", "! ", "… ", "; ", ", ", " ", ""],
        keep_separator="end",
        chunk_size=max_chars,
        chunk_overlap=0,
        add_start_index=True,
        strip_whitespace=True,
    )
