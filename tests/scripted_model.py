"""A language model over HTTP that writes like a good one: known answers to known questions, true and false.

As a writer it cites the articles of its sentences by the numbers that its prompt gives them, and leaves out what
is in none of them. As a judge it knows which of its sentences are true: the perfect judge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from fake_llm_server import FakeServer, Reply, Request
from scripted_judging import knowing, pairs_in

from index import Index
from service.injection import inert
from service.verify.judge import Verdict

FILE = Path(__file__).resolve().parent / "corpus" / "scripted_answers.jsonl"


@dataclass(frozen=True)
class WrittenSentence:
    """A sentence as a good model writes it, with the articles that it cites.

    ``kind`` of a true one: ``near`` the wording, ``free``, ``converted`` (numbers, dates), ``summary``; of a false
    one what is wrong: ``number``, ``unit``, ``date``, ``name``, ``role``, ``polarity``, ``modality``, ``antonym``,
    ``addition`` (the articles say nothing of it).
    """

    text: str
    article_ids: tuple[str, ...]
    label: Literal["true", "false"]
    kind: str

    @property
    def verdict(self) -> Verdict:
        """What the perfect judge says of it."""
        if self.label == "true":
            return "supported"
        return "unknown" if self.kind == "addition" else "contradicted"


@dataclass(frozen=True)
class ScriptedAnswer:
    id: str
    question: str
    sentences: tuple[WrittenSentence, ...]
    now: str | None = None


def scripted_answers() -> list[ScriptedAnswer]:
    """All of them; those at even places (the first, the third, …) choose, those at odd places report."""
    return [_read(json.loads(line)) for line in FILE.read_text("utf-8").splitlines()]


def _read(row: dict[str, object]) -> ScriptedAnswer:
    rows: list[dict[str, object]] = row.pop("sentences")  # type: ignore[assignment]
    sentences = [
        WrittenSentence(**{**sentence, "article_ids": tuple(sentence["article_ids"])})  # type: ignore[arg-type]
        for sentence in rows
    ]
    return ScriptedAnswer(**row, sentences=tuple(sentences))  # type: ignore[arg-type]


class ScriptedModel:
    """The script of a FakeServer. ``written`` has the sentences of each answer that it gave, by the answer's id.

    ``headings`` maps article ids to what a prompt calls the articles, ``stories`` to all articles of their story.
    """

    def __init__(
        self,
        answers: Sequence[ScriptedAnswer],
        headings: Mapping[str, str],
        stories: Mapping[str, Sequence[str]],
    ) -> None:
        self._answers, self._headings, self._stories = answers, headings, stories
        self._judge = knowing({s.text: s.verdict for a in answers for s in a.sentences})
        self.written: dict[str, list[WrittenSentence]] = {}

    @classmethod
    def over(cls, index: Index, answers: Sequence[ScriptedAnswer]) -> ScriptedModel:
        """The model for an index that holds the articles."""
        cited = sorted({a for answer in answers for s in answer.sentences for a in s.article_ids})
        stories = index.stories(cited)
        ids = sorted({*cited, *(other for story in stories.values() for other in story)})
        return cls(answers, {i: _heading(index, i) for i in ids}, stories)

    def __call__(self, request: Request) -> Reply:
        return self._judge(request) if pairs_in(request) else self._write(request)

    def answer_to(self, question: str) -> ScriptedAnswer:
        """The answer to the question that is most like the given one, which may lack greeting and courtesy."""
        grams = _bigrams(question)

        def likeness(answer: ScriptedAnswer) -> float:
            own = self._grams[answer.id]
            return len(own & grams) / len(own | grams)

        return max(self._answers, key=likeness)

    @cached_property
    def _grams(self) -> Mapping[str, frozenset[str]]:
        return {answer.id: _bigrams(answer.question) for answer in self._answers}

    def _write(self, request: Request) -> Reply:
        text = str(request.body["messages"][-1]["content"])
        question = re.findall(r"<질문>(.*?)</질문>", text, re.DOTALL)[-1]
        numbers = {heading: int(n) for n, heading in re.findall(r"(?m)^\[(\d+)\] (.+)$", text)}
        answer = self.answer_to(question)
        self.written[answer.id] = []
        pieces = []
        for sentence in answer.sentences:
            cited = [n for a in sentence.article_ids if (n := self._number(a, numbers))]
            if cited:
                self.written[answer.id].append(sentence)
                markers = "".join(f"[{n}]" for n in dict.fromkeys(cited))
                pieces.append(f"{sentence.text}{markers} ")
        return Reply(tuple(pieces))

    def _number(self, article_id: str, numbers: Mapping[str, int]) -> int | None:
        """The number of an article in a prompt, or of another article of its story."""
        same = [article_id, *self._stories.get(article_id, ())]
        return next((n for a in same if (n := numbers.get(self._headings.get(a, "")))), None)


def _heading(index: Index, article_id: str) -> str:
    article = index.article(article_id)
    if article is None:
        return ""
    day = article.published_on.isoformat() if article.published_on else "날짜 모름"
    return " ".join(inert(f"{article.press or '언론사 모름'}, {day}, {article.title}").split())


def _bigrams(text: str) -> frozenset[str]:
    squeezed = "".join(inert(text).split())
    return frozenset(squeezed[n : n + 2] for n in range(len(squeezed) - 1))


@contextmanager
def serving() -> Iterator[FakeServer]:
    """A server without a script yet."""
    with FakeServer().running() as server:
        yield server


# -- what of it reaches the reader ----------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What became of a sentence: its grade in the answer, or None if the reader does not see it."""

    answer_id: str
    sentence: WrittenSentence
    support: str | None


def outcomes(
    answer_id: str, written: Sequence[WrittenSentence], reply: Mapping[str, object]
) -> list[Outcome]:
    """Of the sentences that were written for an answer, by the JSON of the reply."""
    shown: list[dict[str, str]] = reply["sentences"]  # type: ignore[assignment]
    return [Outcome(answer_id, sentence, _support(sentence.text, shown)) for sentence in written]


def _support(text: str, shown: Sequence[Mapping[str, str]]) -> str | None:
    """The grade of a sentence; of one that was cut in two, the grade of its last part."""
    whole = "".join(text.split())
    parts = [(p, s["support"]) for s in shown if (p := "".join(s["text"].split())) in whole]
    return parts[-1][1] if sum(len(part) for part, _ in parts) >= len(whole) else None
