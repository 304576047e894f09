"""Questions with known answers, and the articles that they are asked of.

Two kinds of input: a SQuAD or KorQuAD file, whose paragraphs become the corpus, and a JSONL file
of questions beside a corpus in any form that ``index.read_articles`` takes.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from index import Article, GisaError, read_articles
from service.schema import Question

_Model = TypeVar("_Model", bound=BaseModel)


class DatasetUnusable(GisaError):
    """A file of questions or answers that can't be evaluated as it is."""


class GoldQuestion(BaseModel):
    """A question and what a right answer says and cites.

    ``answers`` are alternatives, any one is right; none means that the corpus has no answer.
    ``article_ids`` are all the articles that support the answer; an article that stands alone in a
    file of the corpus may be named by that file, without its suffix. ``now`` is the clock for time
    expressions. Unknown fields are ignored: exports carry more than an evaluation needs.
    """

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(min_length=1)]
    question: str
    answers: tuple[str, ...]
    article_ids: tuple[str, ...]
    type: str | None = None
    now: datetime | None = None

    @property
    def answerable(self) -> bool:
        return bool(self.answers)

    @property
    def has_gold_articles(self) -> bool:
        """Whether it takes part in measures over articles."""
        return self.answerable and bool(self.article_ids)

    def ask(self, backend: str | None = None, now: datetime | None = None) -> Question:
        """The question as the service takes it; ``now`` is used where it names no moment itself."""
        return Question(question=self.question, backend=backend, now=self.now or now)


@dataclass(frozen=True)
class Dataset:
    """What is evaluated: questions, and the articles or the path that holds them.

    ``corpus`` is None where an index already built is used. ``files`` are the files it was read
    from; ``merged_paragraphs`` counts paragraphs that were an exact copy of an earlier one.
    """

    questions: tuple[GoldQuestion, ...]
    corpus: Sequence[Article] | Path | None
    files: tuple[Path, ...] = ()
    merged_paragraphs: int = field(default=0)

    def of_types(self, types: Collection[str]) -> Dataset:
        """Only the questions of these types (all, if none is named); the corpus stays whole."""
        known = {question.type for question in self.questions if question.type}
        if unknown := sorted(set(types) - known):
            raise DatasetUnusable(
                f"no question has the type {', '.join(unknown)}",
                remedy=f"Types in this file: {', '.join(sorted(known)) or 'none'}.",
            )
        chosen = tuple(q for q in self.questions if not types or q.type in types)
        return replace(self, questions=chosen)

    def sample(self, limit: int | None, seed: int) -> Dataset:
        """At most ``limit`` questions drawn at random, in their order; the corpus stays whole."""
        if limit is None or limit >= len(self.questions):
            return self
        drawn = np.random.default_rng(seed).choice(len(self.questions), limit, replace=False)
        return replace(self, questions=tuple(self.questions[i] for i in sorted(drawn)))

    def renaming(self, articles: Mapping[str, str]) -> Dataset:
        """With other ids for some of the articles that questions name."""
        questions = (
            question.model_copy(
                update={"article_ids": tuple(articles.get(a, a) for a in question.article_ids)}
            )
            for question in self.questions
        )
        return replace(self, questions=tuple(questions))


class _SquadAnswer(BaseModel):
    text: Annotated[str, Field(min_length=1)]


class _SquadQuestion(BaseModel):
    id: str
    question: str
    answers: list[_SquadAnswer]
    is_impossible: bool = False


class _SquadParagraph(BaseModel):
    context: Annotated[str, Field(pattern=r"\S")]
    qas: list[_SquadQuestion]


class _SquadArticle(BaseModel):
    title: str = ""
    paragraphs: list[_SquadParagraph]


class _SquadFile(BaseModel):
    data: list[_SquadArticle]


def read_squad(path: Path, *, with_corpus: bool = True) -> Dataset:
    """Read a SQuAD (1.1, 2.0) or KorQuAD 1.0 file; each distinct paragraph becomes an article.

    Ids of articles count the paragraphs from 1. A paragraph that occurs twice is one article,
    for else a right hit on its copy would count as wrong. Questions keep their ids.
    ``with_corpus=False`` leaves the articles out: an index that holds them is asked instead.

    Raises DatasetUnusable when the file can't be read or is not of this form.
    """
    squad = _parse(_SquadFile, _read_text(path), path)
    articles: dict[str, Article] = {}
    questions: list[GoldQuestion] = []
    seen = 0
    for group in squad.data:
        for paragraph in group.paragraphs:
            seen += 1
            body = unicodedata.normalize("NFC", paragraph.context)
            article = articles.setdefault(body, Article(id=str(seen), title=group.title, body=body))
            questions += [_from_squad(question, article.id) for question in paragraph.qas]
    return Dataset(
        questions=_checked(questions, path),
        corpus=list(articles.values()) if with_corpus else None,
        files=(path,),
        merged_paragraphs=seen - len(articles),
    )


def _from_squad(question: _SquadQuestion, article_id: str) -> GoldQuestion:
    answers = () if question.is_impossible else tuple(a.text for a in question.answers)
    return GoldQuestion(
        id=question.id,
        question=question.question,
        answers=tuple(dict.fromkeys(answers)),
        article_ids=(article_id,) if answers else (),
    )


def read_questions(path: Path, corpus: Path | None) -> Dataset:
    """Read questions, one JSON object a line, to be asked of ``corpus`` (None: an index).

    Raises DatasetUnusable, naming file and line, for the first line that is no question.
    """
    if corpus is not None and not corpus.exists():
        raise DatasetUnusable(f"{corpus}: there is no such file or folder")
    # Not splitlines(): it also breaks at U+2028 and the like, which JSON allows inside a string.
    lines = enumerate(_read_text(path).split("\n"), start=1)
    questions = [_parse(GoldQuestion, line, f"{path}:{n}") for n, line in lines if line.strip()]
    return Dataset(questions=_checked(questions, path), corpus=corpus, files=(path,))


def articles_of_files(corpus: Path, names: Collection[str]) -> dict[str, str]:
    """Name to article id, for names of files (without suffix) that hold a single article.

    Pages carry no id, so that who writes questions about them can name only their files.
    """
    found: dict[str, list[str]] = {name: [] for name in names}
    for file in _files(corpus):
        if file.stem in found:
            found[file.stem] += [article.id for article in read_articles(file)]
    return {name: ids[0] for name, ids in found.items() if len(ids) == 1}


def _checked(questions: Sequence[GoldQuestion], path: Path) -> tuple[GoldQuestion, ...]:
    if not questions:
        raise DatasetUnusable(f"{path}: there is no question in it")
    ids = Counter(question.id for question in questions)
    if repeated := [name for name, count in ids.items() if count > 1]:
        raise DatasetUnusable(f"{path}: the question id {repeated[0]} occurs more than once")
    for question in questions:
        try:
            question.ask()
        except ValidationError as error:
            raise DatasetUnusable(f"{path}: question {question.id}: {_first(error)}") from error
    return tuple(questions)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetUnusable(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetUnusable(f"{path}: not UTF-8 text (byte {error.start})") from error


def _parse(model: type[_Model], text: str, where: Path | str) -> _Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise DatasetUnusable(f"{where}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """The first of the reasons, with the field it concerns."""
    reason = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in reason["loc"])
    return f"{place}: {reason['msg']}" if place else reason["msg"]


def fingerprint(path: Path) -> str:
    """SHA-256 over a file, or over the names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(json.dumps(str(file.relative_to(path))).encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def describe(dataset: Dataset) -> dict[str, Any]:
    """What the report says of the data: files with checksums, and counts."""
    paths = [*dataset.files, *([dataset.corpus] if isinstance(dataset.corpus, Path) else [])]
    answerable = sum(question.answerable for question in dataset.questions)
    return {
        "files": [{"path": str(path), "sha256": fingerprint(path)} for path in paths],
        "questions": len(dataset.questions),
        "answerable": answerable,
        "unanswerable": len(dataset.questions) - answerable,
        "types": dict(Counter(q.type for q in dataset.questions if q.type)),
        "merged_paragraphs": dataset.merged_paragraphs,
    }
