"""The default backend: no model, no network; it quotes the sentences that answer the question.

Each sentence of the supplied passages gets features (how much of the question it and its surroundings
cover, whether it holds the kind of thing that is asked for, how well its passage was ranked, where it
stands). One linear model over them ranks sentences, another one decides whether the best evidence
answers the question at all. Both were fitted on one half of the data and are reported on the other
(see the documentation of the evaluation).
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from index import (
    AnalysedSentence,
    Expression,
    KoreanAnalyser,
    Quantity,
    bigrams,
    quantities_in,
    shared_bigrams,
)
from service.generate.prompt import Prompt
from service.korean.lexicon import LEXICON, TITLE
from service.korean.wording import alike, meanings, sense
from service.sources import Idf, Source, attribution

MAX_SENTENCES = 3


class ExtractiveBackend:
    """Chooses one to three sentences of one article and cites it, or says nothing.

    Where another outlet gives another number for what is asked, that is said too, each with its press.
    """

    name = "extractive"

    def __init__(self, analyser: KoreanAnalyser, idf: Idf) -> None:
        self._analyser, self._idf = analyser, idf

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        confidence, sentences = self.weigh(prompt)
        if confidence >= MIN_ANSWERABILITY:
            for sentence in sentences:
                yield sentence

    def weigh(self, prompt: Prompt) -> tuple[float, list[str]]:
        """How surely the sources answer the question, 0 to 1, and the sentences that would say it."""
        asked = Asked.of(prompt.question, self._analyser, self._idf)
        candidates = rank(asked, prompt.sources)
        if not candidates:
            return 0.0, []
        chosen = choose(asked, candidates)
        other = dissent(asked, chosen, candidates)
        sentences = []
        for candidate in [*chosen, *([other] if other else [])]:
            said_by = attribution(candidate.source.article.press) if other else ""
            sentences.append(f"{said_by}{candidate.text}[{candidate.source.number}] ")
        return answerability(asked, candidates, chosen), sentences


@dataclass(frozen=True)
class Asked:
    """A question taken apart: its content morphemes with their weights, and what it asks for."""

    text: str
    weights: Mapping[str, float]
    verbs: frozenset[str]
    synonyms: Mapping[str, frozenset[str]]
    patterns: Mapping[str, re.Pattern[str]]
    bigrams: frozenset[str]
    names: tuple[str, ...]
    kind: str
    units: frozenset[str]
    deed: str
    numbered: tuple[str, ...]

    @classmethod
    def of(cls, question: str, analyser: KoreanAnalyser, idf: Idf) -> Asked:
        morphemes = [
            m
            for m in analyser.morphemes(question)
            if m not in LEXICON["questions.not_topics"] and m not in LEXICON["wording.requesting"]
        ]
        tokens = analyser.tokens(question)
        names = tuple(t.form for t in tokens if t.tag.split("-")[0] in {"NNP", "SL", "SH"})
        kind, units = _kind(question)
        words = _INTERROGATIVE.sub(" ", question)
        grams = frozenset(bigrams(words))
        weights = {word: PRIOR + weight for word, weight in idf(morphemes).items()}
        verbs = frozenset(t.form for t in tokens if t.tag.startswith(("VV", "VA", "MA", "XR")))
        return cls(
            question,
            weights,
            verbs,
            {word: alike(word) for word in weights},
            {word: _written(word, is_verb=word in verbs) for word in weights},
            grams,
            names,
            kind,
            units,
            next((m for m in reversed(morphemes) if m in weights), ""),
            tuple("".join(m[0].split()) for m in _NUMBERED.finditer(question)),
        )

    def held(self, words: frozenset[str], text: str) -> frozenset[str]:
        """Those of the question's words that a text has: as they are, as a part, or by a synonym."""
        return frozenset(
            word
            for word, same in self.synonyms.items()
            if not same.isdisjoint(words) or (len(word) > 1 and self.patterns[word].search(text))
        )

    def share(self, words: frozenset[str]) -> float:
        """The weight of some of the question's words, of all."""
        total = sum(self.weights.values())
        return sum(self.weights[word] for word in words) / total if total else 0.0


@dataclass(frozen=True)
class Candidate:
    """A sentence of a source with its features (see ``FEATURES``) and its rank score."""

    source: Source
    sentence: AnalysedSentence
    position: int
    features: tuple[float, ...]
    score: float

    @property
    def text(self) -> str:
        return self.source.body[self.sentence.start : self.sentence.end].strip()


FEATURES: Mapping[str, float] = {
    "coverage": 2.5,  # of the question's morphemes, weighted by idf, in the sentence
    "context": 6.3,  # … in the sentence, its neighbours or the title
    "title": 1.5,  # … in the title: the article is about it
    "bigrams": 3.5,  # of the question's character bigrams, in the sentence
    "kind": 1.6,  # the sentence holds the kind of thing that is asked for
    "bound": 2.0,  # … with the question's words near it
    "deed": 1.0,  # the question's last word, mostly its verb, in the sentence; half: near it
    "passage": 2.5,  # score of the article's best passage, less that of the best of all
    "meaning": 1.5,  # cosine with the question less that of the best, in spreads of the corpus
    "lead": -0.5,  # first sentence of the article: names the topic, seldom the detail
}
"""Features of a candidate and their weights."""


def rank(asked: Asked, sources: Sequence[Source]) -> list[Candidate]:
    """The sentences of the sources' passages, best first."""
    best = max((source.score for source in sources), default=0.0)
    nearest = max((max(source.similarities or [0.0]) for source in sources), default=0.0)
    candidates = [
        candidate for source in sources for candidate in _candidates(asked, source, best, nearest)
    ]
    return sorted(candidates, key=lambda candidate: -candidate.score)


def _candidates(asked: Asked, source: Source, best: float, nearest: float) -> list[Candidate]:
    sentences = source.supplied_sentences()
    texts = [source.body[s.start : s.end] for s in sentences]
    held = [asked.held(frozenset(s.morphemes), t) for s, t in zip(sentences, texts, strict=True)]
    title = asked.held(frozenset(source.title_morphemes), source.article.title)
    found = []
    for position, (sentence, text) in enumerate(zip(sentences, texts, strict=True)):
        context = title.union(*held[max(position - 1, 0) : position + 2])
        features = (
            asked.share(held[position]),
            asked.share(context),
            asked.share(title),
            _overlap(asked.bigrams, text),
            _holds(asked, text),
            _bound(asked, text),
            (float(asked.deed in held[position]) + float(asked.deed in context)) / 2,
            source.score - best,
            max(source.similarity(sentence) - nearest, -MAX_SALIENCE),
            float(sentence.start == 0),
        )
        score = sum(w * x for w, x in zip(FEATURES.values(), features, strict=True))
        found.append(Candidate(source, sentence, position, features, score))
    return found


def answerability(
    asked: Asked, candidates: Sequence[Candidate], chosen: Sequence[Candidate]
) -> float:
    """How surely those ``chosen`` of the candidates answer the question, 0 to 1."""
    features = evidence_features(asked, candidates, chosen)
    logit = EVIDENCE_BIAS + sum(EVIDENCE[name] * value for name, value in features.items())
    return 1 / (1 + math.exp(-logit))


def evidence_features(
    asked: Asked, candidates: Sequence[Candidate], chosen: Sequence[Candidate]
) -> dict[str, float]:
    """What the best candidate and its surroundings say of the question (see ``EVIDENCE``)."""
    best = candidates[0]
    near = _Surroundings.of(best)
    missing = {word: weight for word, weight in asked.weights.items() if not near.knows(word)}
    total = sum(asked.weights.values())
    untold = sum(weight for word, weight in missing.items() if word in asked.verbs)
    similarities = [c.source.similarity(c.sentence) for c in candidates]
    fits = max(c.features[_KIND] for c in chosen)
    return {
        "names": float(all(name.lower() in near.text for name in asked.names)),
        "missing": (sum(missing.values()) - untold) / total
        if total
        else float(asked.kind != "news"),
        "untold": untold / total if total else 0.0,
        "numbered": float(any(n not in near.text for n in asked.numbered)),
        "premise": float(not LEXICON["wording.decisive"].words.isdisjoint(missing)),
        "unit": float(bool(asked.units) and not fits),
        "salience": min(max(similarities) - sum(similarities) / len(similarities), MAX_SALIENCE),
    }


_KIND = list(FEATURES).index("kind")
EVIDENCE_BIAS = -0.77
EVIDENCE: Mapping[str, float] = {
    "names": 0.8,  # every name and foreign word of the question is near the best sentence
    "numbered": -4.0,  # what has a number in the question has another near it: 2호선
    "missing": -4.78,  # share of the question's nouns, by weight of all words, that are not near it, nor synonyms
    "untold": -2.54,  # the same of its verbs and adverbs: these are put otherwise more often
    "premise": -2.0,  # the question takes for done what is not said near it: 취소, 사망
    "unit": -1.46,  # the question asks for a number, and none has such a unit
    "salience": 0.97,  # by how many spreads the sentence nearest in meaning stands out
}
"""A logistic model of whether the quoted sentences hold the answer. Fitted on one half of the questions of the
sample corpus and of KorQuAD, a third of these asked without their paragraph; reported on the other half
(``scripts/benchmark.py abstention``); ``premise`` and ``numbered``, too rare to be fitted, are set by
hand, and ``names`` is raised from 0.67: the fare of another city is worse than none."""
MIN_ANSWERABILITY = 0.35
MAX_SALIENCE = 2.5  # beyond that it says more of the model or of a tiny corpus than of the sentence


@dataclass(frozen=True)
class _Surroundings:
    """A candidate with its neighbours, the lead and the title: words, their meanings, and the text."""

    words: frozenset[str]
    meanings: frozenset[int]
    text: str

    @classmethod
    def of(cls, candidate: Candidate) -> _Surroundings:
        source = candidate.source
        around = source.supplied_sentences()[
            max(candidate.position - 1, 0) : candidate.position + 2
        ]
        near = [*source.sentences[:1], *around]  # the lead names the topic
        words = frozenset(source.title_morphemes).union(*(s.morphemes for s in near))
        texts = (source.article.title, *(source.body[s.start : s.end] for s in near))
        groups = frozenset(group for word in words for group in meanings(word))
        text = "".join("".join(texts).split()).lower()
        return cls(words | {sense(word) for word in words}, groups, text)

    def knows(self, word: str) -> bool:
        """Whether it holds the word, a synonym, or a compound with it."""
        is_same = word in self.words or sense(word) in self.words or word in self.text
        return is_same or bool(meanings(word) & self.meanings)


def choose(asked: Asked, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The sentences that make the answer, in the order of reading."""
    return headlines(candidates) if asked.kind == "news" else join(asked, candidates)


def headlines(candidates: Sequence[Candidate]) -> list[Candidate]:
    """For who asks what is new: the leads of the articles that tell most of it, the newest first."""
    leads = [c for c in candidates if c.sentence.start == 0] or candidates[:1]
    most = max(_about(c) for c in leads)
    told = [c for c in leads if _about(c) >= SAME_TOPIC * most]
    best = sorted(told, key=lambda c: c.source.number)[:MAX_SENTENCES]
    return sorted(best, key=lambda c: str(c.source.article.published_on or ""), reverse=True)


def _about(lead: Candidate) -> float:
    """How much of the question's words the lead of an article or its title has."""
    return max(lead.features[_COVERAGE], lead.features[_TITLE])


def join(asked: Asked, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best sentence and those close behind it in the same article, in reading order.

    A reason or a way of doing seldom stands in the sentence that names what is asked about.
    """
    best = candidates[0]
    gap = MAX_SCORE_GAP + (1.0 if asked.kind in _SPREAD_OUT else 0.0)
    of_source = [c for c in candidates if c.source.number == best.source.number]
    close = [c for c in of_source if c.score >= best.score - gap][:MAX_SENTENCES]
    if _REFERS_BACK.match(best.text):
        close += [c for c in of_source if _stands_before(c, best)]
    if asked.kind == "reason" and not any(c.features[_KIND] for c in close):
        close += [c for c in of_source if _stands_before(best, c) and c.features[_KIND]]
    places = dict.fromkeys(candidate.position for candidate in close)
    joined = {c.position: c for c in of_source if c.position in list(places)[:MAX_SENTENCES]}
    return [joined[position] for position in sorted(joined)]


def _stands_before(one: Candidate, other: Candidate) -> bool:
    gap = one.source.body[one.sentence.end : other.sentence.start]
    return one.position == other.position - 1 and not gap.strip()


_REFERS_BACK = re.compile(
    r"(?:이는|이를|이에|이로|이들|이\s|그는|그가|그의|그녀|그\s|여기|이곳|거기|해당|같은|이 가운데|이 중|이날)"
)
"""Such a sentence says of whom or what it speaks in the one before, which is quoted with it."""
MAX_SCORE_GAP = 2.0
"""On the choosing halves this finds .63 (sample corpus) and .90 (KorQuAD) of the answers with 2.0 and
1.4 sentences; 0.8 finds .53 and .85 with 1.4 and 1.1."""
_SPREAD_OUT = frozenset({"reason", "manner"})


def dissent(
    asked: Asked, chosen: Sequence[Candidate], candidates: Sequence[Candidate]
) -> Candidate | None:
    """A sentence of another outlet, of about the same day, that answers with another number."""
    said = next((c for c in chosen if _numbers(asked, c)), None)
    if asked.kind != "number" or said is None:
        return None
    for other in candidates:
        if other.score < said.score - MAX_DISSENT_GAP:
            break
        if _may_dissent(said, other) and (given := _numbers(asked, other)):
            agree = any(one.agrees_with(two) for one in _numbers(asked, said) for two in given)
            return None if agree else other
    return None


def _may_dissent(said: Candidate, other: Candidate) -> bool:
    """Whether another outlet tells of the same: in about as many of the question's words, on about the same day."""
    one, two = said.source.article, other.source.article
    if not (one.press and two.press and one.published_on and two.published_on):
        return False
    is_near = abs(one.published_on - two.published_on) <= SAME_NEWS
    covers = other.features[_COVERAGE] >= SAME_TOPIC * said.features[_COVERAGE]
    return one.press != two.press and is_near and covers


def _numbers(asked: Asked, candidate: Candidate) -> list[Quantity]:
    """The numbers of a sentence that may be the one asked for."""
    return _numbers_in(asked, candidate.text) if asked.units else []


MAX_DISSENT_GAP = 3.0
SAME_TOPIC = 0.7
SAME_NEWS = timedelta(days=3)
"""Later numbers are news, not contradictions."""
_COVERAGE = list(FEATURES).index("coverage")
_TITLE = list(FEATURES).index("title")


# -- what a question asks for ----------------------------------------------------------------

_INTERROGATIVE = re.compile(
    r"무엇\w*|뭐\w*|뭘\w*|어디\w*|누구\w*|누가|언제\w*|왜|얼마\w*|몇\s?\w*|어떻게\w*|어떤|어느|무슨|며칠\w*|알려\s?\w*|이유\w*|까닭\w*"
)
_KINDS: Sequence[tuple[str, Expression]] = tuple(
    (kind, LEXICON.expression(template))
    for kind, template in (
        (
            "news",
            r"^(?!.*(?:누구|누가|언제|며칠|어디|왜|이유|얼마|몇|어떻게|어느))"
            r".*(?:(?:뉴스|소식|기사|보도)(?:들?(?:을|를|이|가|은|는|엔|에는|좀)?)?(?:\s.*)?$|요약|정리해|무슨\s?일)",
        ),
        ("person", r"누구|누가|{questions.persons|names.titles}(?:은|는|의 이름은)?\s?\??$"),
        (
            "date",
            r"언제|며칠|몇\s?(?:월|일|년도?)(?![가-힣]*간)|어느\s?(?:해|날|달)|{questions.dates}(?:은|는)?\s?\??$",
        ),
        (
            "place",
            r"어디|어느\s?(?:곳|나라|도시|지역|동네|구)|{questions.places}(?:은|는)?\s?\??$",
        ),
        ("reason", "{questions.reasons}"),
        ("number", r"몇|얼마|{questions.numbers}(?:는|은)?\??$"),
        ("manner", "{questions.manners}"),
        ("thing", r"무엇|뭐|뭘|무슨|어떤|어느"),
    )
)
_UNIT_ASKED = re.compile(r"몇\s?(?P<unit>[가-힣A-Za-z%㎡]+)")
_UNITS_BY_CUE: Sequence[tuple[Expression, frozenset[str]]] = (
    (LEXICON.expression("{questions.money}"), frozenset({"원", "달러", "%"})),
    (LEXICON.expression("{questions.shares}"), frozenset({"%", "%p"})),
    (LEXICON.expression("{questions.people}"), frozenset({"명"})),
    (
        LEXICON.expression("{questions.times}"),
        frozenset({"시간", "분", "일", "개월", "년", "주", "초"}),
    ),
    (LEXICON.expression("{questions.areas}"), frozenset({"㎡", "평", "ha"})),
    (LEXICON.expression("{questions.distances}"), frozenset({"m", "km", "cm"})),
)
_PERSON = LEXICON.expression(
    rf"[가-힣]{{2,4}}\s?\(\d\d\)|[가-힣·]{{2,10}}\s(?:[가-힣]+\s)?[가-힣]*{TITLE}"
    r"(?=[은는이가을를의도과와,.”\"’'( ]|에게|께서|으로|로\s)"
)
_DATE = frozenset({"년", "월", "일", "시"})
_DATE_WORDS = LEXICON.expression("{evidence.date_words}")
_PLACE = LEXICON.expression(
    r"[가-힣]{1,10}{evidence.place_endings}(?:[에을를이가은는의로과와,. ]|에서)"
)
_REASON = LEXICON.expression("{evidence.reason_words}")
_MANNER = LEXICON.expression("{evidence.manner_words}")
_NUMBERED = LEXICON.expression(r"\d+\s?{evidence.numbered}(?![가-힣]{2})")


def _kind(question: str) -> tuple[str, frozenset[str]]:
    """The kind of answer that a question asks for, and the units that a number should have."""
    kind = next((kind for kind, cue in _KINDS if cue.search(question)), "other")
    units: frozenset[str] = frozenset()
    if kind == "number":
        units = next((units for cue, units in _UNITS_BY_CUE if cue.search(question)), frozenset())
        if asked := _UNIT_ASKED.search(question):
            named = quantities_in(f"1{asked['unit']}")
            units |= {q.unit for q in named if q.unit}
    return kind, units


def _new(asked: Asked, text: str) -> list[Quantity]:
    """The quantities of a text that the question lacks."""
    return [q for q in quantities_in(text) if q.text not in asked.text]


def _numbers_in(asked: Asked, text: str) -> list[Quantity]:
    """Those that may be the number asked for."""
    return [q for q in _new(asked, text) if not asked.units or q.unit in asked.units]


def _holds(asked: Asked, text: str) -> float:
    """Whether a sentence holds what is asked for: 1 yes, 0 no, 0.5 can't tell."""
    match asked.kind:
        case "number":
            return float(bool(_numbers_in(asked, text)))
        case "date":
            dated = any(q.unit in _DATE for q in _new(asked, text))
            return 1.0 if dated else 0.5 * bool(_DATE_WORDS.search(text))
        case "person":
            return float(bool(_PERSON.search(text)))
        case "place":
            return float(bool(_PLACE.search(text)))
        case "reason":
            return float(bool(_REASON.search(text)))
        case "manner":
            return float(bool(_MANNER.search(text)))
        case _:
            return 0.5


def _bound(asked: Asked, text: str) -> float:
    """How near the question's words stand to what may be its answer, 0 to 1."""
    spots = _spots(asked, text)
    total = sum(asked.weights.values())
    if not spots or not total:
        return 0.0
    places = {
        word: found
        for word, pattern in asked.patterns.items()
        if (found := [m.span() for m in pattern.finditer(text)])
    }
    return (
        max(
            sum(
                asked.weights[word] * NEARNESS ** min(_gap(spot, place) for place in found)
                for word, found in places.items()
            )
            for spot in spots
        )
        / total
    )


def _spots(asked: Asked, text: str) -> list[tuple[int, int]]:
    """Where a text holds what may be the answer."""
    match asked.kind:
        case "number":
            return [(q.start, q.end) for q in _numbers_in(asked, text)]
        case "date":
            days = [(q.start, q.end) for q in _new(asked, text) if q.unit in _DATE]
            return days + [m.span() for m in _DATE_WORDS.finditer(text)]
        case "person":
            return [m.span() for m in _PERSON.finditer(text)]
        case "place":
            return [m.span() for m in _PLACE.finditer(text)]
        case _:
            return []


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Characters between two spans."""
    return max(0, max(one[0], other[0]) - min(one[1], other[1]))


def _written(word: str, *, is_verb: bool) -> re.Pattern[str]:
    """A word as it may be written: of a stem that ends in a vowel the last syllable changes (다치, 다쳤)."""
    last = ord(word[-1]) - 0xAC00
    if not is_verb or len(word) < 2 or not 0 <= last < 11172 or last % 28:
        return re.compile(re.escape(word), re.IGNORECASE)
    first = 0xAC00 + last // 588 * 588  # of the syllables with the same initial
    return re.compile(f"{re.escape(word[:-1])}[{chr(first)}-{chr(first + 587)}]")


PRIOR = 1.0
"""Added to a word's rarity: in an index of a few articles rarity says little."""
NEARNESS = 0.95
"""What a word counts for each character between it and the answer."""


def _overlap(grams: frozenset[str], text: str) -> float:
    return shared_bigrams(grams, text) / len(grams) if grams else 0.0
