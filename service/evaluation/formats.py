"""Reading questions with known answers from the formats in use.

``read_squad`` reads SQuAD and KorQuAD files, ``read_beir`` folders of BEIR and of MTEB's retrieval tasks,
``read_autorag`` AutoRAG's pairs of Parquet files, ``read_questions`` one JSON object per line, written
for the purpose or exported from readers' feedback. All raise DatasetUnusable, naming file and line.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from index import Article
from service.evaluation.datasets import Dataset, DatasetUnusable, GoldQuestion

_Model = TypeVar("_Model", bound=BaseModel)


# ---- one JSON object a line


def read_questions(path: Path, corpus: Path | None) -> Dataset:
    """Read questions with the fields of ``GoldQuestion``; ``corpus`` None means an index already built."""
    if corpus is not None and not corpus.exists():
        raise DatasetUnusable(f"{corpus}: there is no such file or folder")
    questions = list(_lines(path, GoldQuestion))
    return Dataset(questions=_checked(questions, path), corpus=corpus, files=(path,))


def _lines(path: Path, model: type[_Model]) -> Iterator[_Model]:
    # Not splitlines(): it also breaks at U+2028 and the like, which JSON allows inside a string.
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if line.strip():
            yield _parse(model, line, f"{path}:{number}")


# ---- SQuAD


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

    Ids of articles count the paragraphs from 1. A paragraph that occurs twice is one article, or
    finding its copy would count as wrong. Questions keep their ids. ``with_corpus=False`` leaves the
    articles out, for an index that already holds them.
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


# ---- BEIR


class _BeirDocument(BaseModel):
    id: Annotated[str, Field(min_length=1, alias="_id")]
    title: str = ""
    text: str


class _BeirQuery(BaseModel):
    id: Annotated[str, Field(min_length=1, alias="_id")]
    text: str


def read_beir(folder: Path, split: str | None = None, *, with_corpus: bool = True) -> Dataset:
    """Read ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv`` of a folder.

    ``split`` is ``test`` by default, or the only one there is. Queries without a judgement are left out, and so are
    judgements of queries that are not there.
    BEIR has no answers, so that only retrieval and citations are measured.
    """
    corpus, queries = folder / "corpus.jsonl", folder / "queries.jsonl"
    qrels = _beir_split(folder / "qrels", split)
    relevant = _beir_qrels(qrels)
    asked = [query for query in _lines(queries, _BeirQuery) if query.id in relevant]
    missing = relevant.keys() - {query.id for query in asked}
    if not asked:
        raise DatasetUnusable(f"{qrels}: {queries.name} has none of its {len(relevant)} queries")
    questions = [
        GoldQuestion(
            id=query.id,
            question=query.text,
            answers=None,
            article_ids=tuple(relevant[query.id]),
            grades=relevant[query.id],
        )
        for query in asked
    ]
    articles = None
    if with_corpus:
        found = (document for document in _lines(corpus, _BeirDocument))
        articles = _articles(((d.id, d.title, d.text or d.title) for d in found), corpus)
    return Dataset(
        questions=_checked(questions, queries),
        corpus=articles,
        files=(corpus, queries, qrels),
        unknown=tuple(sorted(missing)),
    )


def _beir_split(folder: Path, split: str | None) -> Path:
    splits = {path.stem: path for path in sorted(folder.glob("*.tsv"))}
    wanted = split or ("test" if len(splits) != 1 else next(iter(splits)))
    if wanted not in splits:
        known = f"There are {', '.join(splits)}: name one with --split." if splits else ""
        raise DatasetUnusable(f"{folder / wanted}.tsv: there is no such file", remedy=known)
    return splits[wanted]


def _beir_qrels(path: Path) -> dict[str, dict[str, int]]:
    """By query and document, the grade, without irrelevant ones (0); the first line may be a header."""
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if not line.strip() or (number == 1 and not line.rsplit("\t", 1)[-1].strip().isdigit()):
            continue
        try:
            query, document, grade = line.split("\t")
            if int(grade) > 0:
                relevant[query][document] = int(grade)
        except ValueError as error:
            raise DatasetUnusable(
                f"{path}:{number}: not query, document and a whole number, with tabs between"
            ) from error
    return relevant


# ---- AutoRAG


def read_autorag(folder: Path, *, with_corpus: bool = True) -> Dataset:
    """Read ``qa.parquet`` (qid, query, retrieval_gt, generation_gt) and ``corpus.parquet`` (doc_id, contents).

    Each document becomes an article. All documents of ``retrieval_gt`` count as right, even those
    that AutoRAG treats as alternatives; a question without any has no answer in the corpus.
    """
    qa, corpus = folder / "qa.parquet", folder / "corpus.parquet"
    columns = ("qid", "query", "retrieval_gt", "generation_gt")
    questions = [_from_autorag(row, qa) for row in _rows(qa, columns)]
    articles = None
    if with_corpus:
        found = _rows(corpus, ("doc_id", "contents"))
        articles = _articles(((r["doc_id"], "", r["contents"]) for r in found), corpus)
    return Dataset(questions=_checked(questions, qa), corpus=articles, files=(qa, corpus))


def _from_autorag(row: Mapping[str, Any], path: Path) -> GoldQuestion:
    groups = row["retrieval_gt"] or []
    ids = (i for group in groups for i in ([group] if isinstance(group, str) else group))
    articles, answers = tuple(dict.fromkeys(filter(None, ids))), row["generation_gt"]
    answers = [answers] if isinstance(answers, str) else answers
    fields = {"id": row["qid"], "question": row["query"], "article_ids": articles}
    fields["answers"] = (answers or None) if articles else ()
    try:
        return GoldQuestion.model_validate(fields)
    except ValidationError as error:
        raise DatasetUnusable(f"{path}: question {row['qid']}: {_first(error)}") from error


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise DatasetUnusable(
            f"{path}: Parquet needs pyarrow", remedy="pip install 'gisa[parquet]'"
        ) from error
    try:
        with path.open("rb") as stream:
            file = parquet.ParquetFile(stream)
            if missing := [name for name in columns if name not in file.schema_arrow.names]:
                raise DatasetUnusable(f"{path}: there is no column {missing[0]!r}")
            rows: list[dict[str, Any]] = file.read(list(columns)).to_pylist()
    except OSError as error:
        raise DatasetUnusable(f"{path}: {error.strerror or error}") from error
    except ArrowException as error:
        raise DatasetUnusable(f"{path}: {error}") from error
    return rows


# ---- what all have in common


def _articles(documents: Iterator[tuple[str, str, str]], path: Path) -> list[Article]:
    """Articles from id, title and text, without documents that have no text and can't be found."""
    found: dict[str, Article] = {}
    for name, title, text in documents:
        if name in found:
            raise DatasetUnusable(f"{path}: the document id {name} occurs more than once")
        if (text or "").strip():
            body = unicodedata.normalize("NFC", text)
            found[name] = Article(id=name, title=title, body=body)
    if not found:
        raise DatasetUnusable(f"{path}: there is no document in it")
    return list(found.values())


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
    """The first error of a validation, with its field."""
    reason = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in reason["loc"])
    return f"{place}: {reason['msg']}" if place else reason["msg"]
