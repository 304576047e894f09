"""What a sentence states: its words, names and facts, and how a fact is bound to the words around it.

A fact is a quantity, a date or a word with an opposite. It is bound to the words near it: in «국비는 214억 원, 시비는
180억 원» 214 goes with 국비. A text agrees with a claim on a fact if it states an equal one and no other of its
kind stands closer to the claim's words. So numbers and names that change places are noticed, by lexical
means alone: who does what to whom is seen only where particles show it. Pure functions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import islice, pairwise, takewhile

from index import KoreanAnalyser, Mention, Quantity, Token, mentions, quantities_in
from service.korean.lexicon import LEXICON, TITLE
from service.korean.wording import sense, side
from service.verify.agents import Part, is_passive, parts

DECAY = 0.8  # of the bond to a word, for each word between
BARRIER = 0.3  # the same, for each end of a clause between
CROSSING = 0.4  # what a word counts that stands before a fact here and behind it there
_NUMBER_LENGTH = 0.5  # numbers in a row stand nearly in one place
_NUMBER_WEIGHT = 2.0  # numbers near a fact count as a fairly rare word

_NAME_TAGS = frozenset({"NNP", "SL", "SH", "W_SERIAL"})
_NOUN_TAGS = frozenset({"NNG", "XR"}) | _NAME_TAGS
_VERB_TAGS = frozenset({"VV", "VA"})
_CONTENT_TAGS = _NOUN_TAGS | _VERB_TAGS | {"MAG", "NR", "SN"}
_SUFFIXES = frozenset({"XSV", "XSA"})
_CLAUSE_ENDS = frozenset(
    "고 며 면서 으며 으면서 지만 어 아 어서 아서 는데 ᆫ데 은데 나 으나 자 으니 니 므로 다가 라며 다며 라고 다고".split()
)
_ROLES = {
    **dict.fromkeys(("이", "가", "은", "는", "께서"), "subject"),
    **dict.fromkeys(("을", "를"), "object"),
    **dict.fromkeys(("에게", "한테", "께", "에"), "receiver"),
    "보다": "standard",
    "의": "owner",
}
_PARTICLES = {"가": "이", "는": "은", "를": "을", "ᆯ": "을", "ᆫ": "은", "으로": "로", "과": "와"}
_DIRECTIONS = {"에서": "from", "부터": "from", "로": "to", "으로": "to", "까지": "to"}
_DEEDLESS = frozenset({"VA", "XSA", "VCP", "VCN", "JKO"})
_PARTS = {"JKS": "subject", "JKO": "object"}
_PLACE_PARTICLES = frozenset({"에", "에서", "로", "까지", "부터"})
_PARTITIVE = re.compile(r"\s?(?:가운데|중(?:에서?)?)\s")  # 58 of 164: what follows is of the part
_DIRECTION = re.compile(r"(?:에서|부터|으로|로|까지)(?![가-힣]{3})")
_TITLED = LEXICON.expression(
    rf"\s?\(\d\d[^)]*\)|\s?(?:전\s)?[가-힣]{{0,4}}?{TITLE}(?![가-힣]{{3}})"
)
_AFTER_TITLE = LEXICON.expression(rf"{TITLE}\s$")
_ORGANISATION = LEXICON.expression("{names.organisation_endings}$")
_ORGANISATION_NAME = LEXICON.expression("[가-힣]{2,}{names.organisation_endings}")
_PAST = frozenset({"었", "았", "였", "ᆻ"})
_PLACE = re.compile(r"[가-힣]{2,}[시군구도동읍면리역항당천산]")
_NEGATIONS_AFTER = frozenset(
    {("않", "VX"), ("못하", "VX"), ("아니하", "VX"), ("아니", "VCN"), ("없", "VA"), ("없이", "MAG"), ("말", "VX")}
)  # fmt: skip
_NEGATIONS_BEFORE = frozenset({("안", "MAG"), ("못", "MAG")})
_QUOTATION = re.compile(r"[“\"‘']([^“”\"‘’']{2,})[”\"’']")
_PLACE_NAME = re.compile(
    r"(?<![가-힣])(?P<name>[가-힣]{2,6}?(?P<kind>호수|저수지|댐|천|(?<!건)강|(?<![생동재])산|섬|(?<![지구방무영])역|(?<![사조])항|대교|초등학교|초교|중학교|고등학교|대학교|공원|시장|병원"
    r"|공항|터널|해수욕장|마을|산단|산업단지|체육관|경기장|운동장|박물관|미술관|도서관|문화회관|복지관|연구원|은행|(?<![연요지])구|(?<![공해육])군|읍))"
    r"(?=[^가-힣]|(?:은|는|이|가|을|를|에|의|와|과|도|로|에서|으로|에는|에서는|까지|부터|에게)(?![가-힣]))"
)
_DEMANDS = frozenset(
    "라고 으라고 라며 으라며 자고 자며 달라고 달라며 라는 자는".split()
)  # 공개하라고
_DEMANDING = frozenset("요구 촉구 제안 제의 건의 주문 요청 검토 청구".split())  # 삭감을 요구
_WEEKDAY = re.compile(r"[월화수목금토일]요일")
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]+-?\d+(?![A-Za-z0-9])")
_ADVERBS = frozenset({("앞서", "MAG"), ("늦", "MAG")})
_FALLING = frozenset({"비", "눈", "폭우", "폭설", "우박"})
_FAMILY_NAME = LEXICON.expression(
    rf"(?<![가-힣\d])(?P<name>[가-힣])\s[가-힣]{{0,6}}?(?P<title>{TITLE})"
    r"(?![가-힣]{3})"
)
_RATE = re.compile(
    r"(?:(?P<year>매년|해마다|연간|연|1년에?|한\s해에?)|(?P<month>매달|매월|다달이|달마다|월|(?:한\s|1)달에?)"
    r"|(?P<day>매일|하루에?|날마다)|(?P<hour>시간당))"
    r"\s?(?:평균|최대|약)?\s*$"
)
_PERIOD = re.compile(
    r"(?:(?P<year>(?:1년|한\s해)에)|(?P<month>(?:한|1)\s?달에)|(?P<day>하루에))\s[^,.\d]{1,25}$"
)
_SIGNED = re.compile(r"(시속|초속|분속|영하|영상)\s?$")


@dataclass(frozen=True)
class Word:
    """A content morpheme. ``role`` is what its particle shows; ``argument``: a noun, not part of a verb."""

    form: str
    sense: str
    position: float
    clause: int
    is_name: bool = False
    is_argument: bool = False
    is_negated: bool = False
    role: str = ""
    particle: str = ""
    run: str = ""  # the nouns written in one with it
    written: str = ""  # what stands between the blanks around it
    is_predicate: bool = False  # 선두 in «선두다»
    deed: tuple[str, str] | None = None  # the verb behind it, and its part in that: subject …
    tense: str = ""


Bonds = Mapping[str, tuple[float, float]]
"""Sense of a word to the strength of its bond to a fact: standing before it, behind it."""


@dataclass(frozen=True)
class Side:
    """One of two opposites, as a word states it; or, of any other word, that it is negated or not."""

    axis: int | str
    sign: int
    word: str = field(default="", compare=False)


@dataclass(frozen=True)
class Name:
    """A name as it is written; names of one kind can be confused."""

    form: str
    kind: str


Value = Quantity | Mention | Side | Name


@dataclass(frozen=True)
class Fact:
    """A quantity, a date, a name, or a side of an axis of meaning, with the words it is bound to."""

    value: Value
    position: float
    clause: int
    bonds: Bonds
    role: str = ""
    rate: str = ""  # a year, a month, a day: 월 20만 원
    sign: str = ""  # 영하, 시속 …

    def states(self, other: Fact) -> bool:
        """Whether this fact of a claim is stated by ``other``."""
        mine, its = self.value, other.value
        if isinstance(mine, Quantity) and isinstance(its, Quantity):
            return mine.agrees_with(its) and self._qualified_like(other)
        if isinstance(mine, Mention) and isinstance(its, Mention):
            return mine.agrees_with(its) and self._directed_like(other)
        if isinstance(mine, Name) and isinstance(its, Name):
            return mine.form == its.form
        return mine == its

    def _qualified_like(self, other: Fact) -> bool:
        same_rate = not (self.rate and other.rate) or self.rate == other.rate
        return same_rate and self.sign == other.sign and self._directed_like(other)

    def _directed_like(self, other: Fact) -> bool:
        return {self.role, other.role} != {"from", "to"}

    def may_rival(self, other: Fact) -> bool:
        """Whether ``other`` could have been meant in the place of this."""
        mine, its = self.value, other.value
        if isinstance(mine, Quantity) and isinstance(its, Quantity):
            return mine.may_rival(its)
        if isinstance(mine, Mention) and isinstance(its, Mention):
            return mine.grain == its.grain
        if isinstance(mine, Side) and isinstance(its, Side):
            return mine.axis == its.axis
        return isinstance(mine, Name) and isinstance(its, Name) and mine.kind == its.kind

    def bond_with(self, other: Fact, weights: Mapping[str, float]) -> float:
        """How much the words around both facts have in common."""
        total = 0.0
        for word, (before, behind) in self.bonds.items():
            if there := other.bonds.get(word):
                straight = before * there[0] + behind * there[1]
                crossing = before * there[1] + behind * there[0]
                weight = weights.get(word, _NUMBER_WEIGHT)
                total += weight * (straight + CROSSING * crossing)
        return total


@dataclass(frozen=True)
class Statement:
    """A sentence taken apart."""

    text: str
    words: Sequence[Word]
    facts: Sequence[Fact]
    compounds: frozenset[str]
    compositions: frozenset[tuple[str, ...]] = frozenset()
    glued: frozenset[str] = frozenset()
    acts: Sequence[Part] = ()

    @classmethod
    def of(cls, text: str, analyser: KoreanAnalyser, published: date | None) -> Statement:
        return _Parser(text, analyser.tokens(text), published).statement()

    @cached_property
    def senses(self) -> frozenset[str]:
        return frozenset(word.sense for word in self.words)

    @cached_property
    def squeezed(self) -> str:
        return squeeze(self.text)

    @cached_property
    def quotations(self) -> Sequence[str]:
        return [squeeze(m[1]).rstrip(".,!?") for m in _QUOTATION.finditer(self.text)]

    @cached_property
    def undecided(self) -> frozenset[str]:
        """Senses of what is not certain to happen: 파업 in «파업 여부를 정한다»."""
        return frozenset(noun.sense for noun, word in pairwise(self.words) if word.form == "여부")

    @cached_property
    def codes(self) -> frozenset[str]:
        """Names with digits: KR318, HD-207."""
        return frozenset(m[0].lower() for m in _CODE.finditer(self.text))

    @cached_property
    def places_named(self) -> Sequence[tuple[str, str]]:
        """Words that end like the names of places, and the ending: 미루호수, 호수."""
        return [(m["name"], m["kind"]) for m in _PLACE_NAME.finditer(self.text)]

    @cached_property
    def weekdays(self) -> frozenset[str]:
        return frozenset(_WEEKDAY.findall(self.text))

    @cached_property
    def family_names(self) -> Mapping[str, str]:
        """Of persons named by it alone: 한 시장, 도 대표; with their titles."""
        return {m["name"]: m["title"] for m in _FAMILY_NAME.finditer(self.text)}

    def in_role(self, role: str) -> frozenset[str]:
        return frozenset(word.sense for word in self.words if word.role == role)

    @cached_property
    def places(self) -> Mapping[str, frozenset[str]]:
        """Particle to the nouns it marks, of those that say where, whence and whither."""
        marked: dict[str, set[str]] = {}
        for word in self.words:
            if word.particle in _PLACE_PARTICLES:
                marked.setdefault(word.particle, set()).add(word.sense)
        return {particle: frozenset(nouns) for particle, nouns in marked.items()}


class _Parser:
    """Takes one sentence apart in a single pass over its morphemes."""

    def __init__(self, text: str, tokens: Sequence[Token], published: date | None) -> None:
        self._text, self._tokens = text, tokens
        dates: list[Quantity | Mention] = list(_dates(text, published))
        numbers = [
            q
            for q in quantities_in(text)
            if all(q.end <= d.start or d.end <= q.start for d in dates)
        ]
        rates = [m.span() for v in numbers if (m := _RATE.search(text[: v.start]))]
        values = (v for v in [*dates, *numbers] if not any(a <= v.start < b for a, b in rates))
        self._values = sorted(values, key=lambda value: value.start)
        self._negated = _negated(tokens)

    def statement(self) -> Statement:
        words: list[Word] = []
        found: list[tuple[Value, float, int]] = []
        runs = _runs(self._text, self._tokens)
        names = {run.places[-1]: run.name for run in runs if run.name}
        self._run_at = {place: run.form for run in runs for place in run.places}
        self._run_ending = {run.places[-1]: run.form for run in runs}
        clause, position = 0, 0.0
        values = list(self._values)
        for n, token in enumerate(self._tokens):
            while values and values[0].start < token.end:
                position += _NUMBER_LENGTH
                found.append((values[0], position, clause))
                words.append(Word("", _number(values.pop(0)), position, clause))
            if any(v.start <= token.start < v.end for v in self._values):
                continue
            if _ends_clause(self._tokens, n):
                clause += 1
            elif word := self._word(n, position + 1, clause):
                position += 1
                words.append(word)
                axis, sign = self._side(n, word)
                found.append(
                    (Side(axis, -sign if word.is_negated else sign, word.form), position, clause)
                )
            if name := names.get(n):
                found.append((name, position, clause))
        facts = [self._fact(value, place, part, words) for value, place, part in found]
        return Statement(
            self._text,
            words,
            facts,
            frozenset(run.form for run in runs),
            frozenset(run.parts for run in runs),
            _glued(self._text, self._tokens),
            parts(self._tokens),
        )

    def _side(self, n: int, word: Word) -> tuple[int | str, int]:
        """The axis of a word and its side; a word without an opposite is an axis of its own."""
        token = self._tokens[n]
        is_rain = token.form == "내리" and any(t.form in _FALLING for t in self._tokens[:n][-2:])
        is_adverb = (
            self._text.startswith("적어도", token.start) or (token.form, token.tag) in _ADVERBS
        )
        if is_rain or is_adverb:
            return word.form, 1
        return side(word.form) or (word.sense, 1)

    def _word(self, n: int, position: float, clause: int) -> Word | None:
        token = self._tokens[n]
        tag = token.tag.split("-")[0]
        if tag not in _CONTENT_TAGS or (
            tag in _VERB_TAGS and token.form in LEXICON["korean.light_verbs"]
        ):
            return None
        whole = self._run_ending.get(n, "")
        form = whole if side(whole) else token.form.lower().replace(",", "")
        if n and (self._tokens[n - 1].form, self._tokens[n - 1].tag) == ("준", "XPN"):
            form = "준" + form  # 준우승 is no 우승
        particle = self._particle(n) if tag in _NOUN_TAGS else ""
        following = self._tokens[n + 1].tag if n + 1 < len(self._tokens) else ""
        return Word(
            form,
            sense(form),
            position,
            clause,
            is_name=tag in _NAME_TAGS
            or bool(_ORGANISATION_NAME.fullmatch(self._run_at.get(n, ""))),
            is_argument=tag in _NOUN_TAGS and following.split("-")[0] not in _SUFFIXES,
            is_negated=n in self._negated,
            role="" if following.startswith("NN") else _ROLES.get(particle, ""),
            particle=_PARTICLES.get(particle, particle),
            run=self._run_at.get(n, ""),
            written=self._written(token),
            is_predicate=following == "VCP",
            deed=self._deed(n) if tag in _NOUN_TAGS else None,
            tense=self._tense(n),
        )

    def _tense(self, n: int) -> str:
        rest = [t for t in self._tokens[n + 1 : n + 4] if t.tag not in _SUFFIXES]
        if not rest:
            return ""
        if rest[0].form in _DEMANDS and rest[0].tag == "EC":
            return "asked"
        if rest[0].tag == "JKO" and any(t.form in _DEMANDING for t in rest[1:2]):
            return "asked"
        if rest[0].tag == "EP":
            return "future" if rest[0].form == "겠" else "past" if rest[0].form in _PAST else ""
        return "future" if rest[0].tag == "ETM" and rest[0].form in {"ᆯ", "을"} else ""

    def _written(self, token: Token) -> str:
        start = self._text.rfind(" ", 0, token.start) + 1
        return self._text[start:].split(" ", 1)[0]

    def _deed(self, n: int) -> tuple[str, str] | None:
        """What the verb behind a noun does, and the noun's part in it, unless it is a passive."""
        place = self._end_of_run(n)
        particle = self._tokens[place].tag if place is not None else ""
        if place is None or particle not in _PARTS or self._tokens[n + 1].tag.startswith("NNG"):
            return None
        for verb in range(place + 1, len(self._tokens)):
            token, following = self._tokens[verb], self._tokens[verb + 1 : verb + 2]
            suffix = following[0].form if following and following[0].tag == "XSV" else ""
            if token.tag in _DEEDLESS | {particle} or _ends_clause(self._tokens, verb):
                return None
            if suffix or (token.tag == "VV" and token.form not in LEXICON["korean.light_verbs"]):
                return None if is_passive(suffix or token.form) else (token.form, _PARTS[particle])
        return None

    def _end_of_run(self, n: int) -> int | None:
        """The place of the particle behind a run of nouns and what counts them."""
        for place in range(n + 1, len(self._tokens)):
            tag = self._tokens[place].tag
            if tag.startswith("J"):
                return place
            if tag[:2] not in {"NN", "XS", "SL", "SN", "NR"} or tag in _SUFFIXES:
                return None
        return None

    def _particle(self, n: int) -> str:
        """The particle behind a run of nouns."""
        place = self._end_of_run(n)
        return "" if place is None else self._tokens[place].form

    def _fact(
        self,
        value: Value,
        position: float,
        clause: int,
        words: Sequence[Word],
    ) -> Fact:
        if isinstance(value, Side | Name):
            return Fact(value, position, clause, _bonds(position, clause, words))
        is_whole = bool(_PARTITIVE.match(self._text, value.end))
        bonds = _bonds(position, clause, words, behind=BARRIER if is_whole else 1.0)
        before = self._text[max(0, value.start - 30) : value.start]
        rate = _RATE.search(before) or _PERIOD.search(before)
        signed = _SIGNED.search(before)
        direction = _DIRECTION.match(self._text, value.end)
        return Fact(
            value,
            position,
            clause,
            bonds,
            role=_DIRECTIONS[direction[0]] if direction else "",
            rate=(rate.lastgroup or "") if rate else _per(before),
            sign=signed[1] if signed and signed[1] != "영상" else "",
        )


def _dates(text: str, published: date | None) -> Iterator[Mention]:
    """The dates and times that a text states; of a range, both ends."""
    for mention in mentions(text, published):
        for end in mention.ends or (mention,):
            if end.is_known:
                yield end


def _per(before: str) -> str:
    """What a number counts for one of: kwh in «㎾h당 347원»."""
    per = re.search(r"([가-힣A-Za-z㎾㎿㎡㎏㎞]+)당\s?(?:평균|최대|약)?\s?$", before)
    return unicodedata.normalize("NFKC", per[1]).lower() if per else ""


def _number(value: Quantity | Mention) -> str:
    if isinstance(value, Quantity):
        return f"#{value.value.normalize():f}{value.unit}"
    return f"#{value.readings or value.stated or sorted(value.minutes)}"


def _bonds(position: float, clause: int, words: Sequence[Word], behind: float = 1.0) -> Bonds:
    """The bonds to words around a place; ``behind`` weakens those that follow it."""
    bonds: dict[str, tuple[float, float]] = {}
    for word in words:
        distance = word.position - position
        if not distance:
            continue
        strength = DECAY ** max(0.0, abs(distance) - 1) * BARRIER ** abs(word.clause - clause)
        there = bonds.get(word.sense, (0.0, 0.0))
        if distance < 0:
            bonds[word.sense] = max(there[0], strength), there[1]
        else:
            bonds[word.sense] = there[0], max(there[1], behind * strength)
    return bonds


def _negated(tokens: Sequence[Token]) -> frozenset[int]:
    """Places of the content words that are negated: 미루 in «미루지 않았다», 변동 in «변동이 없다»."""
    negated = set()
    for place, token in enumerate(tokens):
        if (token.form, token.tag) in _NEGATIONS_AFTER:
            nearest = _nearest_content(tokens, range(place - 1, -1, -1))
            negated.update(nearest)
            if nearest and token.form == "없" and tokens[nearest[0] - 1].tag == "ETM":
                # 다친 사람은 없었다: nobody was hurt
                negated.update(_nearest_content(tokens, range(nearest[0] - 1, -1, -1)))
        elif (token.form, token.tag) in _NEGATIONS_BEFORE:
            if place and tokens[place - 1].form == "지":  # 통과하지 못했다
                negated |= set(_nearest_content(tokens, range(place - 1, -1, -1)))
                continue
            negated |= set(_nearest_content(tokens, range(place + 1, len(tokens))))
    return frozenset(negated)


def _nearest_content(tokens: Sequence[Token], places: Iterable[int]) -> list[int]:
    """The first content word, none beyond the end of a clause: 전화 is not negated in «전화하고 받지 않으면»."""
    content = (
        n
        for n in takewhile(lambda n: not _ends_clause(tokens, n), places)
        if (tag := tokens[n].tag.split("-")[0]) in _NOUN_TAGS
        or (tag in _VERB_TAGS and tokens[n].form not in LEXICON["korean.light_verbs"])
    )
    return list(islice(content, 1))


def _ends_clause(tokens: Sequence[Token], n: int) -> bool:
    token = tokens[n]
    if token.tag in {"SP", "SF", "EF"}:
        return True
    following = tokens[n + 1].tag if n + 1 < len(tokens) else ""
    return token.tag == "EC" and token.form in _CLAUSE_ENDS and not following.startswith("VX")


def _glued(text: str, tokens: Sequence[Token]) -> frozenset[str]:
    """What is written in one with a noun behind it: names made of an adjective and a noun, 푸른환경."""
    found = set()
    for before, token in pairwise(tokens):
        if before.tag == "ETM" and token.tag in _NOUN_TAGS and token.start == before.end:
            word = re.search(r"[가-힣]*$", text[: token.end])
            found.add(word[0] if word else "")
    return frozenset(found - {""})


@dataclass(frozen=True)
class _Run:
    """Nouns written together: 물가대책위원회, at these places among the tokens."""

    form: str
    parts: tuple[str, ...]
    places: Sequence[int]
    name: Name | None


def _runs(text: str, tokens: Sequence[Token]) -> list[_Run]:
    places: list[list[int]] = []
    for n, token in enumerate(tokens):
        if token.tag.split("-")[0] not in _RUN_TAGS:
            continue
        follows = places and places[-1][-1] == n - 1 and tokens[n - 1].end == token.start
        if follows:
            places[-1].append(n)
        else:
            places.append([n])
    runs: list[_Run] = []
    for place in places:
        start, end = tokens[place[0]].start, tokens[place[-1]].end
        parts = tuple(tokens[n].form.lower() for n in place)
        form = "".join(parts)
        is_name = any(tokens[n].tag in _NAME_TAGS for n in place) or _PLACE.fullmatch(form)
        titled = _TITLED.match(text, end) or _AFTER_TITLE.search(text[max(0, start - 8) : start])
        kind = "person" if titled and not _ORGANISATION.search(form) else form[-1]
        if form in LEXICON["names.countries"]:
            kind = "country"
        named = (
            (is_name or (titled and 2 <= len(form) <= 4 and len(place) > 1))
            and len(form) > 1
            and form[0].isalpha()
        )
        runs.append(_Run(form, parts, place, Name(form, kind) if named else None))
    return runs


_RUN_TAGS = _NOUN_TAGS | {"NNB", "XSN", "XPN", "NR", "MM", "SN"}


def squeeze(text: str) -> str:
    """Without blanks, markup of emphasis and differences between quotation marks."""
    return re.sub(r"[\s*_]+", "", text).translate(_QUOTES).lower()


_QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "＂": '"', "＇": "'"})
