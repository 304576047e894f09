"""What a backend writes, cut into sentences with the numbers that each cites."""

from __future__ import annotations

import re
from dataclasses import dataclass

from index import KoreanAnalyser

_MARKER = re.compile(r"\s*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_MARKERS = re.compile(r"(?:\s*\[[\d,\s]+\])+\s*[.!?。]?")
_COMPLETE_MARKERS = re.compile(r"(?:\s*\[[\d,\s]+\])+[.!?。]?(?=\s*[^\s\[.!?。])")
# Without a closing mark or the syllable of a final ending before a blank it is one sentence: no analysis is needed.
_MAY_END = re.compile(r"[.!?。…다요죠까네라자][\"'”’)\]]*\s")


@dataclass(frozen=True)
class Draft:
    """A sentence as the backend wrote it, without its markers, and the numbers it cites."""

    text: str
    markers: tuple[int, ...]


class DraftParser:
    """Cuts a stream of text into drafts as soon as their markers are complete."""

    def __init__(self, analyser: KoreanAnalyser) -> None:
        self._analyser = analyser
        self._pending = ""

    def feed(self, piece: str) -> list[Draft]:
        """The drafts that ``piece`` completes."""
        self._pending += piece
        # What follows the last marker may still grow; so may the marker itself: "[1][2]".
        end = 0
        for match in _COMPLETE_MARKERS.finditer(self._pending):
            end = match.end()
        done, self._pending = self._pending[:end], self._pending[end:]
        return self._drafts(done)

    def close(self) -> list[Draft]:
        """The drafts that remain at the end of the stream."""
        rest, self._pending = self._pending, ""
        return self._drafts(rest)

    def _drafts(self, text: str) -> list[Draft]:
        drafts: list[Draft] = []
        position = 0
        for match in _MARKERS.finditer(text):
            numbers = tuple(
                int(n) for m in _MARKER.finditer(match[0]) for n in m[1].replace(" ", "").split(",")
            )
            drafts += self._sentences(text[position : match.start()], numbers)
            position = match.end()
        return drafts + self._sentences(text[position:], ())

    def _sentences(self, text: str, markers: tuple[int, ...]) -> list[Draft]:
        """The sentences of a stretch; the markers belong to the last of them."""
        text = re.sub(r"\s+", " ", text).strip()
        if not re.search(r"\w", text):
            return []
        if not _MAY_END.search(text):
            return [Draft(text, markers)]
        spans = self._analyser.sentences(text)
        texts = [text[s.start : s.end] for s in spans]
        return [Draft(t, ()) for t in texts[:-1]] + [Draft(texts[-1], markers)]
