"""The verified sentences of an answer and their citations."""

from __future__ import annotations

from collections.abc import Sequence

from index import AnalysedSentence
from service.events import SentenceEvent
from service.generate.spans import answer_span
from service.query.asked import Asked
from service.schema import Citation, Quote, Sentence, Span
from service.sources import Source
from service.verify.citations import Evidence, Verifier
from service.verify.drafts import Draft


class Reply:
    """The verified sentences so far. One story has one number, in order of first appearance."""

    def __init__(self, verifier: Verifier | None = None, asked: Asked | None = None) -> None:
        """Without a verifier nothing can be added; without what is ``asked`` no words are marked as the answer."""
        self._verifier, self._asked = verifier, asked
        self._cited: dict[str, list[Evidence]] = {}  # by article id, in order of number
        self.sentences: list[Sentence] = []
        self.dropped = 0

    def add(self, draft: Draft) -> SentenceEvent | None:
        """Verify a draft; None if nothing supports it (then it is dropped and counted)."""
        verified = self._verifier.verify(draft) if self._verifier else None
        if verified is None:
            self.dropped += 1
            return None
        numbers = [self._number(evidence) for evidence in verified.evidence]
        sentence = Sentence(
            text=verified.text, citations=tuple(dict.fromkeys(numbers)), support=verified.support
        )
        self.sentences.append(sentence)
        return SentenceEvent(sentence, [self.citations[n - 1] for n in sentence.citations])

    def _number(self, evidence: Evidence) -> int:
        article_id = evidence.source.article.id
        self._cited.setdefault(article_id, []).append(evidence)
        return list(self._cited).index(article_id) + 1

    @property
    def text(self) -> str:
        """The sentences with their markers."""
        return " ".join(
            sentence.text + "".join(f"[{number}]" for number in sentence.citations)
            for sentence in self.sentences
        )

    @property
    def citations(self) -> tuple[Citation, ...]:
        """One for each article, with the shortest words that answer."""
        said = " ".join(sentence.text for sentence in self.sentences)
        return tuple(
            cite(number, evidence, self._answers(evidence, said))
            for number, evidence in enumerate(self._cited.values(), start=1)
        )

    def _answers(self, evidence: Sequence[Evidence], said: str) -> tuple[int, int] | None:
        source = evidence[0].source
        cited = [
            s
            for s in source.supplied_sentences()
            if any(e.start <= s.start and s.end <= e.end for e in evidence)
        ]
        return answer_span(self._asked, source, cited, said) if self._asked else None


def evidence_of(source: Source, sentence: AnalysedSentence) -> list[Evidence]:
    """A sentence of a source as evidence: of a row of a table with what stands above it."""
    return [Evidence(source, s.start, s.end) for s in source.quoted_with(sentence)]


def cite(
    number: int, evidence: Sequence[Evidence], answer: tuple[int, int] | None = None
) -> Citation:
    """One citation for all that is cited from an article: the shortest text that holds it.

    ``answer`` are the offsets, in the body, of the words that answer.
    """
    source = evidence[0].source
    quotes = _quotes(evidence)
    start, end = quotes[0].start, quotes[-1].end
    return Citation(
        number=number,
        article_id=source.article.id,
        title=source.article.title,
        press=source.article.press,
        reporters=source.article.reporters,
        published_at=source.article.published_at,
        url=source.article.url,
        quote=source.body[start:end],
        start=start,
        end=end,
        quotes=quotes,
        answer_spans=(Span(start=answer[0] - start, end=answer[1] - start),) if answer else (),
        also_reported_by=source.also_reported_by,
    )


def _quotes(evidence: Sequence[Evidence]) -> tuple[Quote, ...]:
    """What is cited from an article, in reading order; what touches or overlaps is one."""
    body = evidence[0].source.body
    spans: list[tuple[int, int]] = []
    for start, end in sorted((e.start, e.end) for e in evidence):
        if spans and (start <= spans[-1][1] or not body[spans[-1][1] : start].strip()):
            spans[-1] = spans[-1][0], max(spans[-1][1], end)
        else:
            spans.append((start, end))
    return tuple(Quote(text=body[start:end], start=start, end=end) for start, end in spans)
