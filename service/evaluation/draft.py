"""Drafting questions from articles, to evaluate on an archive for which nobody has written any."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from index import SEOUL, Article, KoreanAnalyser, quantities_in
from service.evaluation.datasets import GoldQuestion
from service.query.timeframe import resolve
from service.schema import MAX_QUESTION_CHARS

LIMITS = (
    "They use the articles' own words, so finding by words looks better than it is, and paraphrases are not tested.",
    "Only one article and its copies count as right, though others may answer as well, so recall looks worse than it is.",
    'All of them have an answer, so refusals are not measured. Add some that your articles can\'t answer, with "answers": [].',
    "No reader asked them. What your readers do ask is in 'gisa feedback export'.",
    "So compare two configurations with them; don't quote their figures as the quality of the service.",
)
"""What drafted questions can't tell, for whoever drafts them."""

SENTENCE_CHARS = range(25, 160)
_DATED = {"년", "월", "일", "시", "분", "초"}
_MONEY = {"원", "달러", "유로", "엔", "위안"}
_PARTICLES = {"을": "를", "은": "는", "이": "가", "과": "와", "으로": "로"}
_PARTICLE = re.compile(rf"^(?:{'|'.join(_PARTICLES)})(?=\s|$)")
_LEANING = re.compile(
    r"^(?:그[가-힣]{0,3}|이[는를에날들]|이어|다만|또|또한|하지만|반면|따라서|한편)\s"
)
_SPEECH = re.compile(r"[\"“”‘’]")


def draft(
    articles: Iterable[Article], analyser: KoreanAnalyser, *, count: int, seed: int = 0
) -> list[GoldQuestion]:
    """At most ``count`` questions, each about another article, drawn at random.

    The types take turns: ``number``, a sentence that asks for its own number (the answer); ``title``
    and ``sentence``, which should find their article and have no answer written down.
    """
    drawn, titles = _draw(articles, count, random.Random(seed))  # noqa: S311 - a sample
    makers: Sequence[Callable[[Article], GoldQuestion | None]] = (
        lambda article: _number(article, analyser),
        lambda article: _title(article, titles),
        lambda article: _sentence(article, analyser),
    )
    drafted: dict[str, GoldQuestion] = {}  # By text, as copies of a story would ask the same twice.
    for place, article in enumerate(drawn):
        turn = place % len(makers)
        made = (make(article) for make in (*makers[turn:], *makers[:turn]))
        if question := next((q for q in made if q and q.question not in drafted), None):
            drafted[question.question] = question
    return list(drafted.values())


def _draw(
    articles: Iterable[Article], count: int, rng: random.Random
) -> tuple[list[Article], Counter[str]]:
    """A random sample from a stream of articles, and how often each title occurs in the stream.

    Source: Vitter, Random Sampling with a Reservoir (1985), algorithm R.
    """
    drawn: list[Article] = []
    titles: Counter[str] = Counter()
    for seen, article in enumerate(articles):
        titles[article.title] += 1
        if seen < count:
            drawn.append(article)
        elif (place := rng.randint(0, seen)) < count:
            drawn[place] = article
    return drawn, titles


def _title(article: Article, titles: Counter[str]) -> GoldQuestion | None:
    """The title, unless several articles share it, as those of a column do."""
    title = article.title.strip()[:MAX_QUESTION_CHARS]
    if not title or titles[article.title] > 1 or _names_a_time(title):
        return None
    return _question(article, "title", title, None)


def _sentence(article: Article, analyser: KoreanAnalyser) -> GoldQuestion | None:
    """A sentence from within the article, as its first ones resemble the title."""
    sentences = list(_sentences(article, analyser))
    chosen = sentences[len(sentences) // 2] if sentences else None
    return _question(article, "sentence", chosen, None) if chosen else None


def _number(article: Article, analyser: KoreanAnalyser) -> GoldQuestion | None:
    """A sentence with a question word in place of its only number, which is the answer."""
    for sentence in _sentences(article, analyser):
        told = quantities_in(sentence)
        if len(told) != 1 or told[0].unit is None or told[0].unit in _DATED:
            continue
        number = told[0]
        asks, rest = f"몇 {number.unit}", sentence[number.end :].rstrip(" .!?")
        if number.unit in _MONEY:  # 300원을 -> 얼마를
            asks, rest = "얼마", _PARTICLE.sub(lambda particle: _PARTICLES[particle[0]], rest)
        return _question(article, "number", f"{sentence[: number.start]}{asks}{rest}?", number.text)
    return None


def _sentences(article: Article, analyser: KoreanAnalyser) -> Iterator[str]:
    """Sentences after the first that can stand alone: of medium length, no quotations, no times."""
    for sentence in analyser.sentences(article.body)[1:]:
        text = " ".join(article.body[sentence.start : sentence.end].split())
        alone = not (_LEANING.match(text) or _SPEECH.search(text) or _names_a_time(text))
        if len(text) in SENTENCE_CHARS and alone:
            yield text


def _names_a_time(text: str) -> bool:
    """Whether the service would search only articles of a time, which is seldom this article's."""
    return resolve(text, now=datetime.now(SEOUL)) is not None


def _question(article: Article, kind: str, text: str, answer: str | None) -> GoldQuestion:
    return GoldQuestion(
        id=f"{kind}-{article.id}",
        question=text,
        answers=(answer,) if answer else None,
        article_ids=(article.id,),
        type=kind,
    )
