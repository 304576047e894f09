#!/usr/bin/env python3
"""Fit the weights of sentence choice and of answerability, and write service/generate/weights.toml.

    scripts/fit.py --squad KorQuAD_v1.0_dev.json    # ask the questions anew, keep their features, fit
    scripts/fit.py                                  # fit to the features as they were kept

Data: the even half (places 0, 2, …) of the questions over the sample corpus and over tests/corpus/news-a, and a seeded
sample of KorQuAD; the odd halves and news-b report (``scripts/benchmark.py abstention``). Their features, numbers
without a text, are kept in tests/corpus/fit.npz, so that anybody can fit again, and a test does. Sentences: the
likelihood that a softmax over the scores puts on a sentence with the answer (listwise, as in Cao et al., ICML 2007).
Answerability: logistic regression on whether the sentences that would be quoted hold the answer, each question also
asked with the sentences that hold it taken out, with its articles taken out, and about another name.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # from a source folder too

from index import SEOUL, Index  # noqa: E402
from service.evaluation.datasets import GoldQuestion  # noqa: E402
from service.evaluation.metrics import contains  # noqa: E402
from service.generate.answerability import FEATURES as ANSWER  # noqa: E402
from service.generate.answerability import evidence  # noqa: E402
from service.generate.candidates import FEATURES as SENTENCE  # noqa: E402
from service.generate.candidates import Candidate, rank  # noqa: E402
from service.generate.extractive import choose  # noqa: E402
from service.generate.weights import BIAS, FILE  # noqa: E402
from service.query.asked import Asked  # noqa: E402
from service.query.understand import Understander  # noqa: E402
from service.sources import Source, sources_of  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"
QUESTIONS = ("questions", "paraphrases", "recent", "causes", "news-a/questions")
NOW = datetime(2026, 11, 28, 9, tzinfo=SEOUL)
SEED, PARAGRAPHS, SQUAD_QUESTIONS = 0, 240, 240
"""Of KorQuAD: paragraphs that are indexed, a third of them asked about without being there; questions."""

RIDGE = 0.005
"""Weight of the squared weights, per question, in units of each feature's own spread."""

CASES: Mapping[str, float] = {
    "as asked": 1.0,
    "without the answer": 0.35,
    "without its article": 0.25,
    "of another name": 0.5,
}
"""What a question counts for: most are answerable, as they are put to an archive."""

TOP_K, PER_STORY, KEPT = 8, 3, 40
TABLES = CORPUS / "fit.npz"

app = typer.Typer()


@dataclass(frozen=True)
class Example:
    """A question in one of ``CASES``: its candidates, and which of them hold its answer."""

    asked: Asked
    candidates: Sequence[Candidate]
    right: NDArray[np.float64]
    case: str


@dataclass(frozen=True)
class Tables:
    """What is fitted. ``sentences`` has a row of features for each candidate, ``groups`` the question of each, ``right``
    whether it holds the answer; ``answers`` has a row for each question in each of its cases, ``truth`` whether what would be
    quoted holds the answer, ``counts`` what the case counts for.
    """

    sentences: NDArray[np.float64]
    groups: NDArray[np.int64]
    right: NDArray[np.float64]
    answers: NDArray[np.float64]
    truth: NDArray[np.float64]
    counts: NDArray[np.float64]

    @classmethod
    def read(cls, path: Path = TABLES) -> Tables:
        """Those kept in a file."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(**{name: kept[name].astype(np.float64) for name in kept.files})

    def write(self, path: Path = TABLES) -> None:
        """Keep them, rounded as they were for fitting."""
        np.savez_compressed(
            path,
            **{
                n: v.astype(np.float16 if n != "groups" else np.int32)
                for n, v in vars(self).items()
            },
        )


@app.command()
def main(
    squad: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="KorQuAD's development file: ask anew."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = FILE,
) -> None:
    """Fit both models and write their weights."""
    if squad is not None:
        found = list(examples(squad))
        sentence = fit_sentences(*sentence_tables(found))
        tables(found, sentence).write()
    fitted = fit(Tables.read())
    out.write_text(as_toml(fitted), "utf-8")
    typer.echo(as_toml(fitted))


def fit(tables: Tables) -> dict[str, dict[str, float]]:
    """Both models' weights, rounded to what matters."""
    return {
        "sentence": fit_sentences(tables.sentences, tables.groups, tables.right),
        "answer": fit_answers(tables.answers, tables.truth, tables.counts),
    }


def fit_sentences(
    table: NDArray[np.float64], groups: NDArray[np.int64], right: NDArray[np.float64]
) -> dict[str, float]:
    """Weights under which sentences with the answer come first."""
    scale = table.std(axis=0) + 1e-9
    starts = np.flatnonzero(np.diff(groups)) + 1
    asked = list(zip(np.split(table / scale, starts), np.split(right, starts), strict=True))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = (
            RIDGE * len(asked) * float(weights @ weights),
            2 * RIDGE * len(asked) * weights,
        )
        for rows, holds in asked:
            scores = rows @ weights
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            hit = float(shares @ holds) + 1e-12
            total -= np.log(hit)
            slope -= rows.T @ (shares * holds / hit - shares)
        return total, slope

    return _named(SENTENCE, _minimum(loss, len(SENTENCE)) / scale)


def fit_answers(
    table: NDArray[np.float64], truth: NDArray[np.float64], counts: NDArray[np.float64]
) -> dict[str, float]:
    """Weights that tell whether what would be quoted holds the answer."""
    mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    standard = np.hstack([(table - mean) / scale, np.ones((len(table), 1))])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits, free = standard @ weights, np.append(weights[:-1], 0.0)
        total = float(counts @ (np.logaddexp(0, logits) - truth * logits)) + 0.5 * float(
            free @ free
        )
        return total, standard.T @ (counts * (1 / (1 + np.exp(-logits)) - truth)) + free

    found = _minimum(loss, len(ANSWER) + 1)
    slopes = found[:-1] / scale
    return {BIAS: round(float(found[-1] - slopes @ mean), 2)} | _named(ANSWER, slopes)


# -- tables ----------------------------------------------------------------------------------------


def sentence_tables(
    found: Sequence[Example],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """The candidates of the questions that some of them answer: features, question, whether it holds the answer."""
    telling = [example for example in found if 0 < example.right.sum() < len(example.right)]
    features = [c.features for example in telling for c in example.candidates]
    groups = np.repeat(np.arange(len(telling)), [len(example.candidates) for example in telling])
    return _table(features, SENTENCE), groups, np.concatenate([e.right for e in telling])


def tables(found: Sequence[Example], sentence: Mapping[str, float]) -> Tables:
    """All that is fitted; what would be quoted depends on the weights of the sentences."""
    rows, truth, counts = [], [], []
    for example in (_reranked(one, sentence) for one in found):
        chosen = choose(example.asked, example.candidates)
        rows.append(evidence(example.asked, example.candidates, chosen))
        places = [example.candidates.index(c) for c in chosen]
        truth.append(float(example.right[places].max()))
        counts.append(CASES[example.case])
    return Tables(*sentence_tables(found), _table(rows, ANSWER), np.array(truth), np.array(counts))


# -- examples --------------------------------------------------------------------------------------


def examples(squad: Path) -> Iterator[Example]:
    """Every question of the choosing halves in each of its cases."""
    from index import build_index, open_index
    from index.embedding import SentenceTransformerEmbedder

    embedder = SentenceTransformerEmbedder()
    with tempfile.TemporaryDirectory(prefix="gisa-fit-") as folder:
        news = [CORPUS / "articles", CORPUS / "news-a" / "articles.jsonl"]
        build_index(news, f"{folder}/news", embedder=embedder)
        with open_index(f"{folder}/news", embedder=embedder) as index:
            for name in QUESTIONS:
                yield from _asked(index, _questions(CORPUS / f"{name}.jsonl")[::2])
        articles, questions = _of_squad(squad)
        build_index(articles, f"{folder}/squad", embedder=embedder)
        with open_index(f"{folder}/squad", embedder=embedder) as index:
            yield from _asked(index, questions)


def _questions(path: Path) -> list[GoldQuestion]:
    return [GoldQuestion(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _of_squad(path: Path) -> tuple[list[Any], list[GoldQuestion]]:
    """Some paragraphs and questions; every third paragraph is left out, so its questions have no answer."""
    from service.evaluation.formats import read_squad

    dataset = read_squad(path)
    drawn = np.random.default_rng(SEED).permutation(len(dataset.corpus))[:PARAGRAPHS]  # type: ignore[arg-type]
    kept = {dataset.corpus[i].id: n % 3 > 0 for n, i in enumerate(drawn.tolist())}  # type: ignore[index,union-attr]
    about = [q for q in dataset.questions if q.article_ids[0] in kept]
    chosen = np.random.default_rng(SEED).permutation(len(about))[:SQUAD_QUESTIONS]
    questions = [
        q if kept[q.article_ids[0]] else q.model_copy(update={"answers": (), "article_ids": ()})
        for q in (about[i] for i in chosen.tolist())
    ]
    return [a for a in dataset.corpus or () if kept.get(a.id)], questions  # type: ignore[union-attr]


def _asked(index: Index, questions: Sequence[GoldQuestion]) -> Iterator[Example]:
    understand = Understander(index)
    names = sorted({n for q in questions for n in understand(q.ask(now=NOW)).asked.names})
    draw = np.random.default_rng(SEED)
    for question in questions:
        answers = question.answers or ()
        gold = {member for ids in index.stories(question.article_ids).values() for member in ids}
        asked, found = _found(index, understand, question)
        yield from _example(asked, found[:TOP_K], answers, gold, "as asked")
        if not answers:
            continue
        without = [_without(source, answers) for source in found[:TOP_K]]
        yield from _example(asked, without, (), gold, "without the answer")
        far = [source for source in found if source.article.id not in gold][:TOP_K]
        yield from _example(asked, far, (), gold, "without its article")
        if asked.names and (other := str(draw.choice(names))) not in asked.names:
            named = max(asked.names, key=lambda name: asked.weights[name])
            put = re.sub(re.escape(named), other, question.question, flags=re.IGNORECASE)
            asked, found = _found(index, understand, question.model_copy(update={"question": put}))
            yield from _example(asked, found[:TOP_K], (), gold, "of another name")


def _found(
    index: Index, understand: Understander, question: GoldQuestion
) -> tuple[Asked, list[Source]]:
    understood = understand(question.ask(now=NOW))
    hits = index.search(
        understood.query, filters=understood.filters, k=2 * TOP_K, per_story=PER_STORY
    )
    return understood.asked, sources_of(index, hits, understood.query.text)


def _example(
    asked: Asked, sources: Sequence[Source], answers: Sequence[str], gold: set[str], case: str
) -> Iterator[Example]:
    candidates = rank(asked, sources)[:KEPT]
    if candidates:
        right = [
            float(c.source.article.id in gold and any(contains(c.text, a) for a in answers))
            for c in candidates
        ]
        yield Example(asked, candidates, np.array(right), case)


def _without(source: Source, answers: Sequence[str]) -> Source:
    """The source without the sentences that hold an answer."""
    kept = [
        n
        for n, s in enumerate(source.sentences)
        if not any(contains(source.body[s.start : s.end], answer) for answer in answers)
    ]
    similarities = source.similarities
    return replace(
        source,
        sentences=[source.sentences[n] for n in kept],
        similarities=None if similarities is None else [similarities[n] for n in kept],
    )


def _reranked(example: Example, weights: Mapping[str, float]) -> Example:
    """The same with the candidates scored, and ordered, by other weights."""
    scores = _table([c.features for c in example.candidates], SENTENCE) @ np.array(
        list(weights.values())
    )
    order = np.argsort(-scores, kind="stable").tolist()
    candidates = [replace(example.candidates[i], score=float(scores[i])) for i in order]
    return replace(example, candidates=candidates, right=example.right[order])


# -- arithmetic ------------------------------------------------------------------------------------

_Loss = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


def _minimum(loss: _Loss, size: int) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    found: NDArray[np.float64] = minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B").x
    return found


def _table(rows: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> NDArray[np.float64]:
    return np.array([[row[name] for name in names] for row in rows], dtype=np.float64)


def _named(names: Mapping[str, str], values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(v), 2) for name, v in zip(names, values, strict=True)}


def as_toml(fitted: Mapping[str, Mapping[str, float]]) -> str:
    """The weights as the file that ``service.generate.weights`` reads."""
    lines = ["# Written by scripts/fit.py, which says from what. Not to be edited by hand."]
    for model, weights in fitted.items():
        lines += ["", f"[{model}]", *(f"{name} = {value}" for name, value in weights.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    app()
