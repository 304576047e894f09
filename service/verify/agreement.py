"""Whether sentences of a source support a claim. Pure functions over ``service.verify.claims``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

from index import Mention, Quantity, mentions
from service.korean.lexicon import LEXICON, TITLE, is_title
from service.korean.wording import meanings, sense
from service.verify.agents import misattributed
from service.verify.claims import Fact, Name, Side, Statement, Word, squeeze

MIN_COVERAGE = 0.5
MIN_BOND = 0.03  # least bond of a number to the claim's words, as a share of the greatest possible
RIVALRY = 1.0  # a rival fact may be bound to the claim's words this many times as closely
_NUMBER_WEIGHT = 2.0
_LONGEST_TITLE = 12
_IDENTIFIERS = frozenset(
    {"호", "회", "차", "단", "심", "분기", "상", "단계"}
)  # of names: 트램 1호선, 제9호 태풍

_LEFT_OPEN = re.compile(r"여부|지 않|[을할될]지|는지|검토|미정|결정|정하")
_ASKING = re.compile(
    r"요구|촉구|제안|제의|건의|주문|요청|검토|청구|당부|호소|강조|지시|권고|명령|주장|바라|원하|희망|목소리|야 한다"
)
_PERSONS = (
    LEXICON.expression(
        rf"(?<![가-힣])(?P<name>[가-힣]{{2,4}})\s(?:전\s)?(?:[가-힣]{{0,8}}?){TITLE}(?![가-힣]{{3}})"
    ),
    LEXICON.expression(
        rf"(?<![가-힣]){TITLE}\s(?P<name>[가-힣]{{2,4}}?)(?:[은는이가을를의와과도]|에게|께서)(?![가-힣])"
    ),
)


@dataclass(frozen=True)
class Window:
    """Neighbouring sentences, and what comes before them: it may complete names, but adds no fact."""

    sentences: Sequence[Statement]
    context: Sequence[Statement] = ()

    @cached_property
    def squeezed(self) -> str:
        return "".join(s.squeezed for s in self.sentences)

    @cached_property
    def facts(self) -> Sequence[Fact]:
        return [fact for s in self.sentences for fact in s.facts]

    @cached_property
    def senses(self) -> frozenset[str]:
        return frozenset[str]().union(*(s.senses for s in self.sentences))

    @cached_property
    def meanings(self) -> frozenset[int]:
        return frozenset[int]().union(*(meanings(w.form) for s in self.sentences for w in s.words))

    @cached_property
    def context_senses(self) -> frozenset[str]:
        return frozenset[str]().union(*(s.senses for s in self.context))

    @cached_property
    def compounds(self) -> frozenset[str]:
        return frozenset[str]().union(*(s.compounds for s in (*self.sentences, *self.context)))

    @cached_property
    def parts(self) -> frozenset[tuple[str, ...]]:
        return frozenset[tuple[str, ...]]().union(
            *(s.compositions for s in (*self.sentences, *self.context))
        )

    @cached_property
    def squeezed_text(self) -> str:
        return squeeze(self.text)

    @cached_property
    def codes(self) -> frozenset[str]:
        return frozenset[str]().union(*(s.codes for s in (*self.sentences, *self.context)))

    @cached_property
    def text(self) -> str:
        return "\n".join(s.text for s in (*self.context, *self.sentences))


def failure(claim: Statement, window: Window, weights: Mapping[str, float]) -> str | None:
    """The first condition that the window fails; None: it supports the claim."""
    if claim.squeezed and claim.squeezed in window.squeezed:
        return None
    for quotation in claim.quotations:
        is_title = len(quotation) <= _LONGEST_TITLE  # ‘파도의 문장’
        if quotation not in window.squeezed + (window.squeezed_text if is_title else ""):
            return "quotation"
    if unknown := unknown_name(claim, window):
        return f"name {unknown}"
    by_sense = {w.sense: weights.get(w.form, 1.0) for w in claim.words if w.form}
    for fact in claim.facts:
        if _fails(fact, claim, window, by_sense):
            return f"fact {fact.value}"
    if word := _planned(claim, window):
        return f"tense {word}"
    if word := _undecided(claim, window):
        return f"undecided {word}"
    if word := _reversed(claim, window):
        return f"roles {word}"
    acts = [s.acts for s in (*window.context, *window.sentences)]
    if agent := misattributed(claim.acts, acts, weights):
        return f"agent {agent}"
    new = [w for w in claim.words if w.form and not _is_known(w, claim, window)]
    if word := _invented(new, claim, window):
        return f"word {word}"
    coverage = _coverage(claim, new, window, weights)
    return None if coverage >= MIN_COVERAGE else f"coverage {coverage:.2f}"


def _invented(new: Sequence[Word], claim: Statement, window: Window) -> str | None:
    """A word that only the claim has. Beside a number that agrees, verbs and one noun may be put otherwise."""
    is_measured = any(isinstance(fact.value, Quantity | Mention) for fact in claim.facts)
    nouns = [word for word in new if word.is_argument]
    for word in nouns if is_measured else new:
        is_free = not (word.is_name or word.is_predicate or is_title(word.form))
        may_be_other = is_measured and len(nouns) == 1 and is_free
        if not may_be_other or _replaces(word, claim, window):
            return word.form
    return None


def unknown_name(claim: Statement, window: Window) -> str | None:
    """A name of the claim that neither the window nor its context knows."""
    for code in claim.codes - window.codes:
        return code
    for weekday in claim.weekdays:
        if weekday not in window.text and f"({weekday[0]})" not in window.text:
            return weekday
    for name in claim.glued:
        if name not in window.squeezed_text:
            return name
    for place, kind in claim.places_named:
        if place not in window.squeezed_text and re.search(rf"[가-힣]{kind}", window.squeezed_text):
            return place
    for name in _persons(claim):
        rest = "[가-힣]{1,2}" if name in LEXICON["names.double_surnames"] else ""
        person = rf"(?<![가-힣]){name}{rest}(?=[^가-힣]|[은는이가을를의와과도씨]|에게|께서)"
        if not re.search(person, window.text):
            return name
    for name, title in claim.family_names.items():
        person = rf"(?<![가-힣]){name}(?:[가-힣]{{1,3}})?(?:\([^)]*\))?\s[가-힣\s]{{0,12}}"
        titles = {title, "씨"} if title in window.text else {title}
        if not any(re.search(person + known, window.text) for known in titles):
            return f"{name} {title}"
    return None


def _persons(claim: Statement) -> Iterator[str]:
    """Words beside a title that are no ordinary nouns: the analyser knows few names."""
    nouns = {word.form for word in claim.words if not word.is_name}
    for pattern in _PERSONS:
        for match in pattern.finditer(claim.text):
            name = match["name"]
            is_date = any(date.text == name for date in mentions(name, None))
            if (
                name in claim.compounds - nouns
                and not is_date
                and sense(name) not in LEXICON["wording.generic"]
            ):
                yield name


def _fails(fact: Fact, claim: Statement, window: Window, weights: Mapping[str, float]) -> bool:
    """Whether the window lacks the fact, or binds another of its kind more closely to the claim."""
    equal = [given for given in window.facts if fact.states(given)]
    if not equal and not _may_be_added(fact, window):
        return True
    bonds = [(fact.bond_with(given, weights), given) for given in equal]
    best, bound = max(bonds, key=lambda pair: pair[0], default=(0.0, None))
    measured = isinstance(fact.value, Quantity | Mention) and bound
    if measured and best < MIN_BOND * fact.bond_with(fact, weights):
        return True
    if (
        bound
        and isinstance(fact.value, Mention)
        and fact.role == "from" != bound.role
        and _is_elsewhere(fact, window)
    ):
        return True
    for rival in window.facts:
        directed = bound and fact.role == bound.role and rival.role not in {"", fact.role}
        if (
            fact.may_rival(rival)
            and not fact.states(rival)
            and not directed
            and fact.bond_with(rival, weights) > RIVALRY * best + 1e-9
            and not _settled(fact, bound, rival, claim, weights, best)
        ):
            return True
    return False


def _is_elsewhere(fact: Fact, window: Window) -> bool:
    """Whether what the fact is said of has another value there: 25일부터, where it is 6일부터."""
    others = (g for g in window.facts if fact.may_rival(g) and not fact.states(g))
    return any(other.role == fact.role for other in others)


def _settled(
    fact: Fact,
    bound: Fact | None,
    rival: Fact,
    claim: Statement,
    weights: Mapping[str, float],
    best: float,
) -> bool:
    """Whether the claim has a place of its own for the rival, and both fit better so than exchanged."""
    for other in claim.facts:
        if other is not fact and bound and other.states(rival):
            kept = best + other.bond_with(rival, weights)
            exchanged = fact.bond_with(rival, weights) + other.bond_with(bound, weights)
            if kept >= exchanged:
                return True
    return False


def _may_be_added(fact: Fact, window: Window) -> bool:
    """Whether a fact that the window lacks may come from the title, or needs no proof here."""
    value = fact.value
    if isinstance(value, Name):
        return True  # whether it is known is another condition
    if isinstance(value, Side):
        around = [*window.facts, *(given for s in window.context for given in s.facts)]
        if any(fact.may_rival(given) and not fact.states(given) for given in around):
            return False
        known = (
            value.word in LEXICON["wording.decisive"] and sense(value.word) in window.context_senses
        )
        return known or value.word not in LEXICON["wording.decisive"]
    is_day = isinstance(value, Mention) and value.grain == "day"
    if is_day and any(fact.may_rival(given) for given in window.facts):
        return False
    named = isinstance(value, Mention) or value.unit in _IDENTIFIERS
    return named and any(fact.states(given) for s in window.context for given in s.facts)


def _planned(claim: Statement, window: Window) -> str | None:
    """What the claim reports as done and the window only as planned, or as asked for."""
    for word in claim.words:
        tenses = {w.tense for s in window.sentences for w in s.words if w.sense == word.sense}
        if word.tense == "past" and tenses == {"future"}:
            return word.form
        if word.tense != "asked" and tenses == {"asked"} and not _ASKING.search(claim.text):
            return word.form
    return None


def _undecided(claim: Statement, window: Window) -> str | None:
    """What the claim reports and the window leaves open."""
    if _LEFT_OPEN.search(claim.text):
        return None
    for sentence in window.sentences:
        for word in claim.words:
            if word.sense in sentence.undecided and not any(
                word.sense in other.senses for other in window.sentences if other is not sentence
            ):
                return word.form
    return None


def _reversed(claim: Statement, window: Window) -> str | None:
    """A pair of nouns whose roles the claim exchanges."""
    for role in ("object", "receiver", "standard", "owner"):
        subjects, others = claim.in_role("subject"), claim.in_role(role)
        for sentence in window.sentences:
            crossed = subjects & sentence.in_role(role) - sentence.in_role("subject")
            back = others & sentence.in_role("subject") - sentence.in_role(role)
            if crossed and back:
                return f"{crossed} {back}"
    deeds = {(w.sense, *w.deed) for s in window.sentences for w in s.words if w.deed}
    for word in claim.words:
        if word.deed and (word.sense, *word.deed) not in deeds:
            verb, part = word.deed
            if (word.sense, verb, "object" if part == "subject" else "subject") in deeds:
                return f"{word.form} {part}"
    for sentence in window.sentences:
        for (one, some), (other, more) in permutations(claim.places.items(), 2):
            there, elsewhere = (sentence.places.get(p, frozenset()) for p in (one, other))
            if (some & elsewhere) - there and (more & there) - elsewhere:
                return f"{one} {other}"
    return None


def _is_known(word: Word, claim: Statement, window: Window) -> bool:
    if (
        word.sense in window.senses
        or word.form in LEXICON["wording.generic"]
        or word.sense in LEXICON["wording.generic"]
    ):
        return True
    if meanings(word.form) & window.meanings or _is_written(word, window):
        return True
    if not word.is_argument:
        return False
    form = word.form
    return (
        word.sense in window.context_senses
        or form in window.compounds
        or form in claim.family_names
        or (len(word.run) > 1 and word.run in window.squeezed_text)
        or (len(form) == 1 and any(c.endswith(form) for c in window.compounds))
        or (len(form) > 1 and any(_abbreviates(form, parts) for parts in window.parts))
        or (len(form) > 2 and _extends(form, window))
        or _is_joined(form, window)
    )


def _is_written(word: Word, window: Window) -> bool:
    """Whether the window has the very letters: the analyser takes unknown names apart in many ways."""
    written = squeeze(word.written).rstrip(".,")
    stems = (written[: len(written) - n] for n in range(3))
    return any(len(stem) > 2 and stem in window.squeezed for stem in stems)


def _replaces(word: Word, claim: Statement, window: Window) -> bool:
    """Whether the noun stands where the window has another that the claim lacks: 화재로 for 홍수로."""
    before, behind = _neighbours(word, claim)
    for sentence in window.sentences:
        for given in sentence.words:
            if (
                not given.is_argument
                or given.sense in claim.senses
                or given.form in LEXICON["wording.generic"]
            ):
                continue
            there = _neighbours(given, sentence)
            if behind and behind == there[1]:
                return True
            if before and before == there[0] and word.particle and word.particle == given.particle:
                return True
    return False


def _neighbours(word: Word, statement: Statement) -> tuple[str, str]:
    """The senses of the words before and behind one, those that say little left out."""
    words = [w for w in statement.words if w is word or w.form not in LEXICON["wording.generic"]]
    place = next(n for n, w in enumerate(words) if w is word)
    before = words[place - 1].sense if place else ""
    return before, words[place + 1].sense if place + 1 < len(words) else ""


def _extends(form: str, window: Window) -> bool:
    """협의회장 of 협의회, 도지사 of 지사: a known noun with one syllable more."""
    known = window.compounds | window.senses
    return any(
        part in known or any(c.endswith(part) for c in known) for part in (form[:-1], form[1:])
    )


def _is_joined(form: str, window: Window) -> bool:
    """갯들구청장 of 갯들구 and 구청장, 해담시선관위 of 해담시 and 선거관리위원회: known nouns written in one."""
    known = window.compounds | window.senses
    return any(
        form[:n] in known
        and (
            {form[n:], form[n - 1 :]} & known
            or any(_abbreviates(form[n:], parts) for parts in window.parts)
        )
        for n in range(2, len(form) - 1)
    )


def _abbreviates(form: str, parts: Sequence[str]) -> bool:
    """Whether a form is made of the beginnings of some of the parts: 선관위 of 선거·관리·위원회."""
    if not form:
        return True
    for n, part in enumerate(parts):
        for length in range(1, min(len(part), len(form)) + 1):
            if part[:length] != form[:length]:
                break
            if _abbreviates(form[length:], parts[n + 1 :]):
                return True
    return False


def _coverage(
    claim: Statement, unknown: Sequence[Word], window: Window, weights: Mapping[str, float]
) -> float:
    """The weighted share of words that the window holds; those of the context count neither way."""
    missing = {w.sense for w in unknown}
    words = {
        w.sense: weights.get(w.form, 1.0)
        for w in claim.words
        if w.form and (w.sense in window.senses or w.sense in missing)
    }
    numbers = {
        w.sense for w in claim.words if not w.form
    }  # each is stated, or the claim has failed
    words |= dict.fromkeys(numbers, _NUMBER_WEIGHT)
    total = sum(words.values())
    return 1 - sum(words[s] for s in missing) / total if total else 0.0
