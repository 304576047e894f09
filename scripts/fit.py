#!/usr/bin/env python3
"""Fit the weights of sentence choice and of answerability, and write service/generate/weights.toml.

    scripts/fit.py --squad KorQuAD_v1.0_dev.json

Data: the even half (places 0, 2, …) of the questions over the sample corpus and over tests/corpus/news-a, and a seeded
sample of KorQuAD; the odd halves and news-b report (``scripts/benchmark.py abstention``). Sentences: the likelihood
that a softmax over the scores puts on a sentence with the answer (listwise, as in Cao et al., ICML 2007). Answerability:
logistic regression on whether the sentences that would be quoted hold the answer, each question also asked with the
sentences that hold it taken out, and with its articles taken out. Deterministic but for the rounding of vectors.
"""

from __future__ import annotations

import json
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
}
"""What a question counts for: most are answerable, as they are put to an archive."""

TOP_K, PER_STORY, KEPT = 8, 3, 60

app = typer.Typer()


@dataclass(frozen=True)
class Example:
    """A question in one of ``CASES``: its candidates, and which of them hold its answer."""

    asked: Asked
    candidates: Sequence[Candidate]
    right: NDArray[np.float64]
    case: str


@app.command()
def main(
    squad: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="KorQuAD's development file.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = FILE,
) -> None:
    """Fit both models and write their weights."""
    fitted = fit(list(examples(squad)))
    out.write_text(as_toml(fitted), "utf-8")
    typer.echo(as_toml(fitted))


def fit(found: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Both models' weights, rounded to what matters."""
    sentence = fit_sentences([e for e in found if 0 < e.right.sum() < len(e.right)])
    ranked = [_reranked(example, sentence) for example in found]
    return {"sentence": sentence, "answer": fit_answers(ranked)}


def fit_sentences(found: Sequence[Example]) -> dict[str, float]:
    """Weights under which sentences with the answer come first."""
    tables = [_table([c.features for c in example.candidates], SENTENCE) for example in found]
    scale = np.vstack(tables).std(axis=0) + 1e-9
    groups = [(t / scale, example.right) for t, example in zip(tables, found, strict=True)]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = (
            RIDGE * len(groups) * float(weights @ weights),
            2 * RIDGE * len(groups) * weights,
        )
        for table, right in groups:
            scores = table @ weights
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            hit = float(shares @ right) + 1e-12
            total -= np.log(hit)
            slope -= table.T @ (shares * right / hit - shares)
        return total, slope

    return _named(SENTENCE, _minimum(loss, len(SENTENCE)) / scale)


def fit_answers(found: Sequence[Example]) -> dict[str, float]:
    """Weights that tell whether what would be quoted holds the answer."""
    rows, labels, counts = [], [], []
    for example in found:
        chosen = choose(example.asked, example.candidates)
        rows.append(evidence(example.asked, example.candidates, chosen))
        places = [example.candidates.index(c) for c in chosen]
        labels.append(float(example.right[places].max()))
        counts.append(CASES[example.case])
    table, truth, weight = _table(rows, ANSWER), np.array(labels), np.array(counts)
    mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    standard = np.hstack([(table - mean) / scale, np.ones((len(table), 1))])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits, free = standard @ weights, np.append(weights[:-1], 0.0)
        total = float(weight @ (np.logaddexp(0, logits) - truth * logits)) + 0.5 * float(
            free @ free
        )
        return total, standard.T @ (weight * (1 / (1 + np.exp(-logits)) - truth)) + free

    found_weights = _minimum(loss, len(ANSWER) + 1)
    slopes = found_weights[:-1] / scale
    return {BIAS: round(float(found_weights[-1] - slopes @ mean), 3)} | _named(ANSWER, slopes)


# -- examples --------------------------------------------------------------------------------------


def examples(squad: Path | None) -> Iterator[Example]:
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
        if squad is not None:
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
    for question in questions:
        understood = understand(question.ask(now=NOW))
        gold = {member for ids in index.stories(question.article_ids).values() for member in ids}
        hits = index.search(
            understood.query, filters=understood.filters, k=2 * TOP_K, per_story=PER_STORY
        )
        found = sources_of(index, hits, understood.query.text)
        answers = question.answers or ()
        yield from _example(understood.asked, found[:TOP_K], answers, gold, "as asked")
        if answers:
            without = [_without(source, answers) for source in found[:TOP_K]]
            yield from _example(understood.asked, without, (), gold, "without the answer")
            far = [source for source in found if source.article.id not in gold][:TOP_K]
            yield from _example(understood.asked, far, (), gold, "without its article")


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
    return {name: round(float(v), 3) for name, v in zip(names, values, strict=True)}


def as_toml(fitted: Mapping[str, Mapping[str, float]]) -> str:
    """The weights as the file that ``service.generate.weights`` reads."""
    lines = ["# Written by scripts/fit.py, which says from what. Not to be edited by hand."]
    for model, weights in fitted.items():
        lines += ["", f"[{model}]", *(f"{name} = {value}" for name, value in weights.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    app()
