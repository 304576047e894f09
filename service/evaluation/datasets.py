"""Questions with known answers, and the articles that answer them. ``formats`` reads them from files."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from index import Article, GisaError, read_articles
from service.schema import Question, QuestionFilters


class DatasetUnusable(GisaError):
    """A file of questions or answers can't be used for an evaluation."""


class GoldQuestion(BaseModel):
    """A question, and what a right answer says and cites.

    ``answers`` are alternatives; an empty list means that the corpus has no answer, null that nobody
    wrote one down. ``article_ids`` are all the articles that support the answer; an article that is
    alone in a file of the corpus may be named by that file, without its suffix. ``grades`` has the
    relevance of articles that are more than just relevant (1). ``evidence`` are texts of those articles
    that prove the answer. ``now`` is the moment to which time expressions refer. Unknown fields are ignored, since exports have more than an evaluation needs.
    """

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(min_length=1)]
    question: str
    answers: tuple[str, ...] | None
    article_ids: tuple[str, ...]
    grades: Mapping[str, int] = {}
    type: str | None = None
    now: datetime | None = None
    filters: QuestionFilters = QuestionFilters()
    evidence: tuple[str, ...] = ()

    @property
    def gold_texts(self) -> tuple[str, ...]:
        """The right answers and the evidence: what a supported sentence can be recognised by."""
        return (*(self.answers or ()), *self.evidence)

    @property
    def answerable(self) -> bool | None:
        """Whether the corpus has an answer; None if that is unknown."""
        if self.answers is None:
            return True if self.article_ids else None
        return bool(self.answers)

    @property
    def has_gold_articles(self) -> bool:
        """Whether the question counts in metrics over articles."""
        return bool(self.answerable and self.article_ids)

    def ask(self, backend: str | None = None, now: datetime | None = None) -> Question:
        """The question as the service takes it; ``now`` is used unless it has a moment of its own."""
        return Question(
            question=self.question, backend=backend, now=self.now or now, filters=self.filters
        )


@dataclass(frozen=True)
class Dataset:
    """What is evaluated: questions, and the articles or the path that holds them.

    ``corpus`` is None where an index already built is used. ``files`` are the files it was read
    from; ``merged_paragraphs`` counts paragraphs that were an exact copy of an earlier one. ``unknown`` are the articles
    and queries that rows of the gold name and the data lack: those rows are left out.
    """

    questions: tuple[GoldQuestion, ...]
    corpus: Sequence[Article] | Path | None
    files: tuple[Path, ...] = ()
    merged_paragraphs: int = field(default=0)
    unknown: tuple[str, ...] = ()

    def of_types(self, types: Collection[str]) -> Dataset:
        """Only the questions of these types, or all if there are none; the corpus stays whole."""
        known = {question.type for question in self.questions if question.type}
        if unknown := sorted(set(types) - known):
            raise DatasetUnusable(
                f"no question has the type {', '.join(unknown)}",
                remedy=f"Types in this file: {', '.join(sorted(known)) or 'none'}.",
            )
        chosen = tuple(q for q in self.questions if not types or q.type in types)
        return replace(self, questions=chosen)

    def sample(self, limit: int | None, seed: int) -> Dataset:
        """At most ``limit`` questions drawn at random, in their original order; the corpus stays whole."""
        if limit is None or limit >= len(self.questions):
            return self
        drawn = np.random.default_rng(seed).choice(len(self.questions), limit, replace=False)
        return replace(self, questions=tuple(self.questions[i] for i in sorted(drawn)))

    def renaming(self, articles: Mapping[str, str]) -> Dataset:
        """The same with some of the articles in ``article_ids`` renamed: old id to new."""
        questions = (
            question.model_copy(
                update={
                    "article_ids": tuple(articles.get(a, a) for a in question.article_ids),
                    "grades": {articles.get(a, a): grade for a, grade in question.grades.items()},
                }
            )
            for question in self.questions
        )
        return replace(self, questions=tuple(questions))

    def without(self, articles: Collection[str]) -> Dataset:
        """The same with no question naming these articles; one that names no others is left out."""
        gone = frozenset(articles)
        questions = (
            question.model_copy(
                update={
                    "article_ids": tuple(a for a in question.article_ids if a not in gone),
                    "grades": {a: g for a, g in question.grades.items() if a not in gone},
                }
            )
            for question in self.questions
            if not question.article_ids or not gone.issuperset(question.article_ids)
        )
        return replace(self, questions=tuple(questions), unknown=(*self.unknown, *articles))

    def without_titles(self) -> Dataset:
        """The same over articles without titles. Raises DatasetUnusable for an index already built."""
        if self.corpus is None:
            raise DatasetUnusable(
                "articles can't lose their titles in an index already built",
                remedy="Evaluate over the corpus itself: without --index.",
            )
        articles = read_articles(self.corpus) if isinstance(self.corpus, Path) else self.corpus
        return replace(self, corpus=[replace(article, title="") for article in articles])


def articles_of_files(corpus: Path, names: Collection[str]) -> dict[str, str]:
    """Article id by name, for names of files (without suffix) that hold a single article.

    Pages have no id, so that questions about them can only name their files.
    """
    found: dict[str, list[str]] = {name: [] for name in names}
    for file in files_of(corpus):
        if file.stem in found:
            found[file.stem] += [article.id for article in read_articles(file)]
    return {name: ids[0] for name, ids in found.items() if len(ids) == 1}


def files_of(path: Path) -> Iterator[Path]:
    """The file itself, or all files of a folder."""
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def fingerprint(path: Path) -> str:
    """SHA-256 over a file, or over the names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for file in files_of(path):
        if path.is_dir():
            digest.update(json.dumps(str(file.relative_to(path))).encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def describe(dataset: Dataset) -> dict[str, Any]:
    """What the report says about the data: files with checksums, and counts."""
    paths = [*dataset.files, *([dataset.corpus] if isinstance(dataset.corpus, Path) else [])]
    counts = Counter(question.answerable for question in dataset.questions)
    return {
        "files": [{"path": str(path), "sha256": fingerprint(path)} for path in paths],
        "questions": len(dataset.questions),
        "answerable": counts[True],
        "unanswerable": counts[False],
        "without_known_answer": sum(q.answers is None for q in dataset.questions),
        "types": dict(Counter(q.type for q in dataset.questions if q.type)),
        "merged_paragraphs": dataset.merged_paragraphs,
    }
