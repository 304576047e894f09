"""The verified sentences of an answer and their citations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from index import AnalysedSentence, ArticleHeader
from service.events import GradedEvent, SentenceEvent, Verdict, WithdrawnEvent
from service.generate.spans import answer_span
from service.query.asked import Asked
from service.schema import Citation, Quote, Sentence, Span
from service.sources import Source
from service.verify.citations import Evidence, Verified, Verifier, graded
from service.verify.drafts import Draft
from service.verify.judge import Judgement, Pair
from service.wording import joined


class Reply:
    """The verified sentences of an answer. One story has one number, in order of first appearance."""

    def __init__(
        self,
        verifier: Verifier | None = None,
        asked: Asked | None = None,
        *,
        is_judged: bool = False,
        is_strict: bool = False,
    ) -> None:
        """Without a verifier nothing can be added; without what is ``asked`` no words are marked as the answer.

        ``is_judged``: a judge reads what is not quoted, before the answer is done. ``is_strict``: what is reworded
        is not shown.
        """
        self._verifier, self._asked = verifier, asked
        self._is_judged, self._is_strict = is_judged, is_strict
        self._kept: dict[int, Verified] = {}  # by place among all that passed, in order
        self._labels: dict[int, str | None] = {}
        self._passed = 0
        self._sent: set[int] = set()
        self.dropped = 0

    def add(self, draft: Draft, label: str | None = None) -> SentenceEvent | None:
        """Verify a draft; None if it is not to be shown: dropped and counted, or withheld until it is judged."""
        verified = self._verifier.verify(draft) if self._verifier else None
        withheld = bool(verified and verified.support == "reworded" and self._is_strict)
        if verified is None or (withheld and not self._is_judged):
            self.dropped += 1
            return None
        place, self._passed = self._passed, self._passed + 1
        self._kept[place], self._labels[place] = verified, label
        return None if withheld else self._shown(place)

    @property
    def pending(self) -> tuple[Pair, ...]:
        """What a judge is to read: the sentences that are not the articles' own words."""
        return tuple(self._kept[place].pair for place in self._open)

    def grade(self, judgements: Sequence[Judgement]) -> Iterator[SentenceEvent | Verdict]:
        """Take the verdicts on what is pending, in its order; nothing is pending from then on."""
        is_open, self._is_judged = self._open, False
        for place, judgement in zip(is_open, judgements, strict=True):
            verified = graded(self._kept.pop(place), judgement)
            if verified is None or (verified.support == "reworded" and self._is_strict):
                self.dropped += 1
                if place in self._sent:
                    yield WithdrawnEvent(place)
                continue
            self._kept[place] = verified
            if place in self._sent:
                yield GradedEvent(place, verified.support)
            else:
                yield self._shown(place)

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences of the answer, in the order of the backend."""
        return tuple(self._sentence(place) for place in sorted(self._kept))

    @property
    def text(self) -> str:
        """The sentences with their markers."""
        return joined(self.sentences)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """One for each article, with the shortest words that answer."""
        said = " ".join(verified.text for verified in self._kept.values())
        return tuple(
            cite(number, evidence, self._answers(evidence, said))
            for number, evidence in enumerate(self._cited().values(), start=1)
        )

    @property
    def _open(self) -> list[int]:
        if not self._is_judged:
            return []
        return [place for place in sorted(self._kept) if self._kept[place].support != "quoted"]

    def _shown(self, place: int) -> SentenceEvent:
        self._sent.add(place)
        sentence, citations = self._sentence(place), self.citations
        cited = [citations[number - 1] for number in sentence.citations]
        return SentenceEvent(place, sentence, cited, pending=place in self._open)

    def _sentence(self, place: int) -> Sentence:
        verified, numbers = self._kept[place], list(self._cited())
        cited = (numbers.index(e.source.article.key) + 1 for e in verified.evidence)
        return Sentence(
            text=verified.text,
            citations=tuple(dict.fromkeys(cited)),
            support=verified.support,
            label=self._labels[place],
        )

    def _cited(self) -> dict[str, list[Evidence]]:
        """What is cited from each article, by its id, in order of number."""
        cited: dict[str, list[Evidence]] = {}
        for place in sorted(self._kept):
            for evidence in self._kept[place].evidence:
                cited.setdefault(evidence.source.article.key, []).append(evidence)
        return cited

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
    return citation_of(
        number,
        source.article,
        source.body,
        _quotes(evidence),
        answer=answer,
        also_reported_by=source.also_reported_by,
    )


def citation_of(
    number: int,
    article: ArticleHeader,
    body: str,
    quotes: tuple[Quote, ...],
    *,
    answer: tuple[int, int] | None = None,
    also_reported_by: tuple[str, ...] = (),
) -> Citation:
    """The citation of what is quoted from an article, in reading order; ``answer`` as in ``cite``."""
    start, end = quotes[0].start, quotes[-1].end
    return Citation(
        number=number,
        article_id=article.id,
        source=article.source,
        title=article.title,
        press=article.press,
        reporters=article.reporters,
        published_at=article.published_at,
        url=article.url,
        quote=body[start:end],
        start=start,
        end=end,
        quotes=quotes,
        answer_spans=(Span(start=answer[0] - start, end=answer[1] - start),) if answer else (),
        also_reported_by=also_reported_by,
        excerpt=article.excerpt,
        page=article.page_of(start),
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
