"""Questions drafted from articles: what they ask, what they leave out, how they are drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_index import analyser
from typer.testing import CliRunner

from index import Article
from service.cli import app
from service.evaluation.datasets import GoldQuestion
from service.evaluation.draft import LIMITS, draft
from service.evaluation.formats import read_questions


def article(name: str, *sentences: str, title: str = "") -> Article:
    return Article(id=name, title=title or f"제목 {name}", body=" ".join(sentences))


LEAD = "해담시가 트램 노선을 새로 놓기로 했다."


def only(made: Article) -> GoldQuestion:
    [question] = draft([made], analyser(), count=1)
    return question


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("사업비로는 모두 4,820억 원을 들이기로 뜻을 모았다.", "사업비로는 모두 얼마를 들이기로 뜻을 모았다?", "4,820억 원"),
        ("새로 생기는 정거장은 노선을 따라 모두 15곳이 놓인다.", "새로 생기는 정거장은 노선을 따라 모두 몇 곳이 놓인다?", "15곳"),
    ],
)  # fmt: skip
def test_a_number_is_asked_for(sentence: str, question: str, answer: str) -> None:
    made = only(article("1", LEAD, sentence))
    assert (made.type, made.question, made.answers) == ("number", question, (answer,))
    assert made.article_ids == ("1",)


@pytest.mark.parametrize(
    "sentence",
    [
        "지난달에 새로 생긴 정거장은 노선을 따라 모두 15곳이었다.",  # the time would be a filter
        "그러나 새로 생기는 정거장은 노선을 따라 모두 15곳이 놓인다.",  # leans on what comes before
        "시장은 “정거장은 노선을 따라 모두 15곳이 놓인다”고 말했다.",
        "정거장 15곳을 노선 두 개에 나눠 놓는 방안을 검토하고 있다.",  # two numbers
        "모두 15곳이 놓인다.",  # too short to be found
    ],
)
def test_what_is_asked_for_stands_alone(sentence: str) -> None:
    assert only(article("1", LEAD, sentence)).type != "number"


def test_kinds_take_turns_and_columns_have_no_title() -> None:
    towns = ("버들", "새터", "은솔", "윤슬", "미루", "바람")
    sentence = "{}마을에 새로 생기는 정거장은 노선을 따라 모두 15곳이 놓인다."
    archive = [article(town, LEAD, sentence.format(town)) for town in towns]
    made = draft(archive, analyser(), count=6)
    assert [q.type for q in made] == ["number", "title", "sentence"] * 2
    assert made[1].answers is None
    column = [article(str(n), LEAD, title="[인사]") for n in range(3)]
    assert draft(column, analyser(), count=3) == []


def test_copies_of_a_story_ask_nothing_twice() -> None:
    copies = [article(str(n), LEAD, "새로 생기는 정거장은 노선을 따라 모두 15곳이 놓인다.", title="[사회]") for n in range(3)]  # fmt: skip
    made = [question.question for question in draft(copies, analyser(), count=3)]
    assert len(made) == len(set(made)) == 2  # the number and the sentence; all three have one title


def test_a_sample_is_a_function_of_the_seed() -> None:
    archive = [article(str(n), LEAD) for n in range(200)]
    first, again, other = (draft(archive, analyser(), count=9, seed=s) for s in (1, 1, 2))
    assert first == again != other
    assert len({q.article_ids for q in first}) == 9


def test_the_command_writes_what_the_evaluation_reads(tmp_path: Path) -> None:
    articles, questions = tmp_path / "articles.jsonl", tmp_path / "questions.jsonl"
    record = {
        "id": "1",
        "title": "트램",
        "body": f"{LEAD} 정거장은 노선을 따라 모두 15곳이 놓일 예정이다.",
    }
    articles.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
    done = CliRunner().invoke(app, ["eval", "make", str(articles)])
    assert done.exit_code == 0
    questions.write_text(done.stdout, "utf-8")
    [question] = read_questions(questions, articles).questions
    assert question.answers == ("15곳",)
    assert all(limit in done.stderr for limit in LIMITS)

    notices = [{"id": str(n), "title": "[인사]", "body": "짧다."} for n in range(2)]
    articles.write_text("\n".join(map(json.dumps, notices)), "utf-8")
    done = CliRunner().invoke(app, ["eval", "make", str(articles)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no question can be drafted" in done.stderr
