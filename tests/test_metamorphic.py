"""However a question is put, it stays answered: the same questions in many ways, over the sample corpus and the model.

The ways are templates by people who had not seen the code (``corpus/forms.jsonl``), and a grammar of courtesy that is
made here. Whole figures: ``scripts/benchmark.py forms``.
"""

from __future__ import annotations

import asyncio
import json
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_engine import MemoryEngine, Store
from small_index import analyser

from index import SEOUL, Article, Embedder, Index, read_articles
from index.build import ingest
from service.answer import Answerer
from service.evaluation.datasets import GoldQuestion, articles_of_files
from service.evaluation.formats import read_questions
from service.evaluation.metrics import score_answer
from service.generate.extractive import ExtractiveBackend
from service.schema import Answer, Question, QuestionFilters

CORPUS = Path(__file__).resolve().parent / "corpus"
NOW = datetime(2026, 11, 28, 9, tzinfo=SEOUL)
POOL = 12
"""Questions that are answered rightly when put plainly, from all over the file."""

EVERY_FORM, OF_EACH = 4, 3
"""Every fourth template of a group, with three questions."""

GROUPS = {
    "courtesy": "greeting thanks greeting+thanks politeness apology letter",
    "who and what for": "persona purpose urgency disclaimer hedge address_bot",
    "wishes": "format language length_wish source_wish request",
    "talk": "chat smalltalk followon long_context redundant quoting",
    "places": "slack call_centre library_desk voice label emoji_punct",
}
KEPT = dict.fromkeys(GROUPS, 0.9) | {"wishes": 0.8}
"""The least share of answers kept. Measured: wishes 21 of 24, the other groups above .9."""


def answerer_over(index: Index) -> Answerer:
    backend = ExtractiveBackend(index.analyser, index.idf)
    return Answerer(index, {backend.name: backend}, default_backend=backend.name)


def lines(name: str) -> list[dict[str, str]]:
    with (CORPUS / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Asked:
    """The service, and questions that it answers rightly as they stand."""

    def __init__(self, index: Index, questions: Sequence[GoldQuestion]) -> None:
        self._answerer = answerer_over(index)
        self.index = index
        right = (q for q in questions if self.is_right(q, q.question))
        self.pool = [question for question, _ in zip(right, range(POOL), strict=False)]

    def __call__(self, question: str, **fields: object) -> Answer:
        asked = Question(question=question, **({"now": NOW} | fields))  # type: ignore[arg-type]
        return asyncio.run(self._answerer.answer(asked))

    def is_right(self, gold: GoldQuestion, question: str, **fields: object) -> bool:
        """Whether the question, put in some way, gets an answer with the gold answer in it."""
        if gold.now:
            fields.setdefault("now", gold.now)
        answer = self(question, **fields)
        return bool(score_answer(answer, gold.answers or ())["contains"][0])

    def day_of(self, gold: GoldQuestion) -> datetime:
        """When the article that answers it was published."""
        article = self.index.article(gold.article_ids[0])
        assert article is not None
        assert article.published_at is not None
        return article.published_at


def sampled() -> tuple[list[GoldQuestion], list[Article]]:
    """Answerable questions from all over the file, and a part of the corpus with the articles that answer them."""
    everything = {article.id: article for article in read_articles(CORPUS / "articles")}
    dataset = read_questions(CORPUS / "questions.jsonl", CORPUS / "articles")
    named = {id for question in dataset.questions for id in question.article_ids}
    dataset = dataset.renaming(articles_of_files(CORPUS / "articles", named - everything.keys()))
    questions = [q for q in dataset.questions[::2] if q.answers][::3]
    kept = {id for question in questions for id in question.article_ids}
    kept |= set(list(everything)[::6])
    return questions, [article for id, article in everything.items() if id in kept]


@pytest.fixture(scope="module")
def asked(embedder: Embedder) -> Iterator[Asked]:
    questions, articles = sampled()
    with over(articles, embedder) as index:
        yield Asked(index, questions)


def test_enough_questions_are_answered_when_put_plainly(asked: Asked) -> None:
    assert len(asked.pool) == POOL


@pytest.mark.parametrize("group", GROUPS)
def test_templates_keep_answers(asked: Asked, group: str) -> None:
    kinds = GROUPS[group].split()
    forms = [form for form in lines("forms") if form["kind"] in kinds][::EVERY_FORM]
    kept = [
        asked.is_right(gold, form["template"].replace("{q}", gold.question))
        for place, form in enumerate(forms)
        for gold in [asked.pool[(3 * place + n) % POOL] for n in range(OF_EACH)]
    ]
    assert sum(kept) / len(kept) >= KEPT[group], f"{sum(kept)} of {len(kept)}"


def test_every_template_is_of_a_group() -> None:
    grouped = {kind for kinds in GROUPS.values() for kind in kinds.split()}
    assert {form["kind"] for form in lines("forms")} == grouped


# -- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["{0.year}년 ", "{0.year}년 {0.month}월 ", "{0.year}년 {0.month}월 {0.day}일 "]
)
def test_the_true_time_of_publication_costs_no_answer(asked: Asked, said: str) -> None:
    for gold in without_time(asked):
        question = said.format(asked.day_of(gold)) + gold.question
        assert asked(question).status == "answered", question


@pytest.mark.parametrize(
    ("word", "later"), [("어제", 1), ("그저께", 2), ("지난주에", 7), ("며칠 전", 4), ("방금", 0)]
)
def test_a_word_for_its_time_costs_no_answer(asked: Asked, word: str, later: int) -> None:
    for gold in without_time(asked):
        now = asked.day_of(gold) + timedelta(days=later)
        assert asked(f"{word} {gold.question}", now=now).status == "answered", gold.question


def without_time(asked: Asked) -> list[GoldQuestion]:
    return [gold for gold in asked.pool if asked(gold.question).interpreted.time_range is None]


# -- fewer sources ---------------------------------------------------------------------------


def test_a_filter_that_leaves_the_article_costs_no_answer(asked: Asked) -> None:
    for gold in asked.pool:
        day = asked.day_of(gold).date()
        only = QuestionFilters(published_from=day, published_to=day)
        assert asked.is_right(gold, gold.question, filters=only), gold.question


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("place", [0, 7])
def test_a_small_index_with_the_article_answers(
    asked: Asked, embedder: Embedder, place: int, others: int
) -> None:
    gold = asked.pool[place]
    articles = list(read_articles(CORPUS / "articles"))
    few = [a for a in articles if a.id in gold.article_ids]
    few += [a for a in articles[::17] if a.id not in gold.article_ids][:others]
    with over(few, embedder) as index:
        answer = asyncio.run(
            answerer_over(index).answer(Question(question=gold.question, now=gold.now or NOW))
        )
    assert answer.status == "answered", gold.question


def over(articles: Sequence[Article], embedder: Embedder) -> Index:
    store = Store()
    with closing(MemoryEngine(store)) as writer:
        ingest(articles, writer, embedder=embedder, analyser=analyser())
    return Index(MemoryEngine(store), embedder, analyser())


# -- courtesy, of a grammar made here --------------------------------------------------------

GREETINGS = [
    "안녕하세요",
    "안녕하십니까",
    "좋은 아침입니다",
    "반갑습니다",
    "실례합니다",
    "고생 많으십니다",
]
SPEAKERS = [
    "구청 민원실 직원",
    "대학원에 다니는 사람",
    "동네 빵집 주인",
    "라디오 작가",
    "초등학교 교사",
]
REASONS = ["발표 준비를 하고", "아이 숙제를 봐 주고", "회의 자료를 만들고", "독서 모임을 준비하고"]
ENDINGS = [
    "감사합니다.", "미리 고맙습니다!", "답변 기다리겠습니다.", "바쁘신데 죄송합니다.",
    "되도록 빨리 알려 주시면 좋겠습니다.", "좋은 하루 보내세요 :)", "확인 부탁드려요.", "수고하세요~",
]  # fmt: skip
prefixes = st.one_of(
    st.just(""),
    st.sampled_from(GREETINGS).map("{}. ".format),
    st.sampled_from(SPEAKERS).map("저는 {}입니다. ".format),
    st.sampled_from(SPEAKERS).map("{}인데요, ".format),
    st.sampled_from(REASONS).map("지금 {} 있습니다. ".format),
    st.tuples(st.sampled_from(GREETINGS), st.sampled_from(REASONS)).map(
        lambda said: f"{said[0]}! {said[1]} 있는데요, "
    ),
)
suffixes = st.lists(st.sampled_from(ENDINGS), max_size=2, unique=True).map(
    lambda said: "".join(f" {ending}" for ending in said)
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(prefix=prefixes, suffix=suffixes, place=st.integers(0, POOL - 1))
def test_courtesy_never_turns_an_answer_into_silence(
    asked: Asked, prefix: str, suffix: str, place: int
) -> None:
    gold = asked.pool[place]
    answer = asked(f"{prefix}{gold.question}{suffix}", now=gold.now or NOW)
    assert answer.status != "no_evidence"


# -- how it is typed -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        lambda text: f"  {text}\n",
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(" ", "\u3000"),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: text.rstrip("?!."),
        lambda text: text.rstrip("?!.") + "?",
        lambda text: text.rstrip("?!.") + "??",
        lambda text: text.rstrip("?!.") + " ?!",
        lambda text: text.rstrip("?!.") + "？",
        lambda text: f"{text} …",
    ],
    ids="blanks double nbsp ideographic NFD unmarked ? ?? ?! full-width dots".split(),
)
def test_blanks_marks_and_unicode_forms_change_nothing(asked: Asked, typed: object) -> None:
    assert callable(typed)
    for gold in asked.pool[::3]:
        plain, other = (
            asked(text, now=gold.now or NOW) for text in (gold.question, typed(gold.question))
        )
        assert other.status == plain.status, typed(gold.question)
        assert [c.article_id for c in other.citations] == [c.article_id for c in plain.citations]


# -- what the archive does not know ----------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    ["화성 탐사선 발사 비용은?", "남극 펭귄은 몇 마리인가?", "파스타 면은 몇 분 삶아야 해?"],
)
@pytest.mark.parametrize("form", ["{}", "안녕하세요. {} 감사합니다.", "어제 {}"])
def test_what_is_far_away_stays_unanswered(asked: Asked, question: str, form: str) -> None:
    answer = asked(form.format(question))
    assert answer.status != "answered"
    assert not answer.sentences
