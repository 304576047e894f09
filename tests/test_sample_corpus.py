"""The corpora written for this project: every id exists, and every answer stands in a gold article."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from index import Article, read_articles
from service.evaluation.datasets import articles_of_files
from service.evaluation.metrics import contains

CORPUS = Path(__file__).resolve().parent / "corpus"
SETS = {
    "questions": "articles",
    "paraphrases": "articles",
    "recent": "articles",
    "causes": "articles",
    "news-a/questions": "news-a/articles.jsonl",
    "news-b/questions": "news-b/articles.jsonl",
}


def lines(name: str) -> list[dict[str, Any]]:
    with (CORPUS / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@cache
def articles(path: str) -> dict[str, Article]:
    return {article.id: article for article in read_articles(CORPUS / path)}


@cache
def articles_of(name: str) -> dict[str, Article]:
    """The articles that the questions of a set name, by the names that they use."""
    path = SETS[name]
    known = articles(path)
    named = {id for question in lines(name) for id in question["article_ids"]}
    absent = named - known.keys()
    files = articles_of_files(CORPUS / path, absent) if absent else {}
    return known | {name: known[id] for name, id in files.items()}


@pytest.mark.parametrize("name", SETS)
def test_questions_name_articles_that_exist(name: str) -> None:
    questions = lines(name)
    assert max(Counter(question["id"] for question in questions).values()) == 1
    for question in questions:
        assert set(question["article_ids"]) <= articles_of(name).keys(), question["id"]
        assert question["question"].strip()
        assert bool(question["answers"]) <= bool(question["article_ids"]), question["id"]


@pytest.mark.parametrize("name", SETS)
def test_answers_stand_in_their_articles(name: str) -> None:
    known = articles_of(name)
    for question in lines(name):
        texts = [f"{known[id].title}\n{known[id].body}" for id in question["article_ids"]]
        said = [any(contains(text, answer) for text in texts) for answer in question["answers"]]
        assert any(said) or not said, question["id"]  # of several, some are other ways to say it


@pytest.mark.parametrize("name", ["news-a", "news-b"])
def test_articles_of_news_are_whole(name: str) -> None:
    for article in articles(f"{name}/articles.jsonl").values():
        assert article.press
        assert len(article.body) > 200
    undated = [a.id for a in articles(f"{name}/articles.jsonl").values() if not a.published_at]
    assert len(undated) == 3  # some archives don't know


def test_templates_have_a_place_for_the_question() -> None:
    forms = lines("forms")
    assert len({form["id"] for form in forms}) == len({form["template"] for form in forms}) == 161
    assert all(form["template"].count("{q}") == 1 and form["kind"] for form in forms)
    for half in (forms[::2], forms[1::2]):
        assert len({form["kind"] for form in half}) >= 25


def test_rewritings_are_of_answerable_questions() -> None:
    answerable = {question["id"] for question in lines("questions") if question["answers"]}
    rewritings = lines("rewrites")
    assert {rewriting["question_id"] for rewriting in rewritings} <= answerable
    pairs = {(r["question_id"], r["kind"], r["question"]) for r in rewritings}
    assert len(pairs) == len(rewritings)
    dated = {"yesterday", "lastweek"}
    assert all(r.get("now") for r in rewritings if r["kind"] in dated)
