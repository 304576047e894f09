"""Whether a sentence is put in the words of its evidence. Pure functions.

A sentence is nearly verbatim if its words, with their particles and endings, are an order-preserving selection from
neighbouring sentences. Only the politeness of the last ending may differ, and the spelling of a figure or date. What
is left out may not be who acts, a denial, a condition, or what a word that stays depends on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index import Mention, Quantity, Token
from service.verify.statement import Statement, ends_clause

Piece = tuple[object, ...]

_ASIDE = re.compile(r"\([^()]*\)")
_MARKS = frozenset({"SF", "SP", "SS", "SSO", "SSC", "SE", "SO"})
_PLAIN_ENDINGS = ("다", "요")
_COORDINATE = frozenset({"고", "며", "으며", "지만", "으나", "나", "는데", "은데", "ᆫ데"})
_NEGATIONS = frozenset({"않", "못하", "못", "안", "말", "없", "아니"})
_SUBJECTS = frozenset({"은", "는", "이", "가"})
_WHO = frozenset({"은", "는", "이", "가", "께서", "만"})


@dataclass(frozen=True)
class Word:
    """A word as it is written between blanks, and what leaving it out would mean.

    ``end``: the sentence or coordinate ending that it lost, empty where the clause goes on, ``-`` where a clause
    ends that another depends on. ``may_end``: a sentence may end here in the tense that the word has.
    """

    pieces: tuple[Piece, ...]
    end: str = ""
    may_end: bool = False
    is_who: bool = False
    is_denial: bool = False
    depends: bool = False
    narrows: bool = False
    is_conjunction: bool = False
    is_clause: bool = False

    def is_like(self, other: Word) -> bool:
        """Whether it says the same in the same form; of the article's clause the claim may make a sentence."""
        if self.pieces != other.pieces:
            return False
        if self.end == other.end:
            return True
        ends = {self.end, other.end}
        return "-" not in ends and "" not in ends and (self.may_end or "EF" not in ends)


def is_nearly_verbatim(claim: Statement, window: Sequence[Statement]) -> bool:
    """Whether the claim is such a selection from the sentences of a window."""
    mine = words(claim)
    theirs = [word for sentence in window for word in words(sentence)]
    if not mine or mine[-1].end != "EF":
        return False
    reached = [n for n, word in enumerate(theirs) if word.is_like(mine[0]) and _may_open(theirs, n)]
    for word in mine[1:]:
        reached = [
            n
            for n, other in enumerate(theirs)
            if other.is_like(word) and any(_may_skip(theirs, last, n) for last in reached)
        ]
    return bool(reached)


def _may_open(words: Sequence[Word], first: int) -> bool:
    """Whether what stands before the first word may be left out."""
    start = _clause_start(words, first)
    if start and words[start - 1].end == "-":
        return False
    return _may_drop(words[start:first])


def _may_skip(words: Sequence[Word], last: int, following: int) -> bool:
    """Whether the words between two that are kept may be left out."""
    if following <= last:
        return False
    dropped = words[last + 1 : following]
    if not dropped:
        return True
    start = max(_clause_start(words, following), last + 1)
    if words[last].depends or not _may_drop(words[start:following]):
        return False
    clauses = words[last + 1 : start]
    return not clauses or _may_drop_clauses(words, words[last], clauses, following)


def _may_drop_clauses(
    words: Sequence[Word], last: Word, clauses: Sequence[Word], following: int
) -> bool:
    """Whether whole clauses may go: what comes next must not depend on them, nor have their subject."""
    if last.end in {"", "-"} or clauses[-1].end == "-":
        return False
    end = next((n for n in range(following, len(words)) if words[n].end), len(words))
    has_own = any(word.is_who for word in words[following : end + 1])
    return has_own or not any(word.is_who or word.is_denial for word in clauses)


def _may_drop(dropped: Sequence[Word]) -> bool:
    if any(word.is_denial for word in dropped):
        return False
    if dropped and dropped[-1].is_clause:  # who acts in it acts there alone
        return True
    if any(word.is_who for word in dropped):
        return False
    return not dropped or dropped[-1].is_conjunction or not dropped[-1].narrows


def _clause_start(words: Sequence[Word], n: int) -> int:
    while n and not words[n - 1].end:
        n -= 1
    return n


def words(statement: Statement) -> list[Word]:
    """The words of a sentence without those in brackets; blanks within a figure or a date divide nothing."""
    values = statement.values
    asides = [m.span() for m in _ASIDE.finditer(statement.text)]
    groups: list[list[int]] = []
    for n, token in enumerate(statement.tokens):
        is_mark = token.tag in _MARKS and not _inside(token, values)
        if is_mark or any(a < token.start < b for a, b in asides):
            continue
        if groups and _belongs(statement, groups[-1][-1], n, values):
            groups[-1].append(n)
        else:
            groups.append([n])
    is_present = all(t.tag != "EP" for t in statement.tokens[groups[-1][0] :]) if groups else False
    return [_word(statement, group, values, is_present) for group in groups]


Value = Quantity | Mention


def _inside(token: Token, values: Sequence[Value]) -> Value | None:
    return next((v for v in values if v.start <= token.start < v.end), None)


def _belongs(statement: Statement, last: int, n: int, values: Sequence[Value]) -> bool:
    one, other = statement.tokens[last], statement.tokens[n]
    between = _ASIDE.sub("", statement.text[one.end : other.start])
    if not any(c.isspace() for c in between):
        return True
    value = _inside(one, values)
    return value is not None and other.start < value.end


def _word(
    statement: Statement, group: Sequence[int], values: Sequence[Value], is_present: bool
) -> Word:
    tokens = [statement.tokens[n] for n in group]
    last = tokens[-1]
    end = _end(statement.tokens, group[-1])
    kept = tokens[:-1] if end not in {"", "-"} and last.tag in {"EF", "EC"} else tokens
    tag = last.tag.split("-")[0]
    return Word(
        tuple(_pieces(kept, values)),
        end,
        may_end=is_present or any(t.tag == "EP" for t in tokens),
        is_who=tag in {"JKS", "JX"} and last.form in _WHO,
        is_denial=any(t.form in _NEGATIONS and t.tag[0] in "VM" for t in tokens),
        depends=tag in {"ETM", "JKG", "JC", "MM"}
        or tag.startswith(("NN", "XSN", "XR", "SN", "SW", "SL")),
        narrows=tag in {"MM", "MAG", "EC"} or tag.startswith(("NN", "XSN", "SN", "SW", "SL")),
        is_conjunction=tag == "MAJ",
        is_clause=tag == "ETM",
    )


def _end(tokens: Sequence[Token], n: int) -> str:
    """How a clause ends with this word: EF, EC where it is coordinate, - where it is not; empty: it goes on."""
    token = tokens[n]
    if token.tag == "EF":
        return "EF" if token.form.endswith(_PLAIN_ENDINGS) else "-"
    if token.tag == "EC" and ends_clause(tokens, n):
        return "EC" if token.form in _COORDINATE else "-"
    return ""


def _pieces(tokens: Sequence[Token], values: Sequence[Value]) -> Iterator[Piece]:
    last: Value | None = None
    for token in tokens:
        value = _inside(token, values)
        tag = token.tag.split("-")[0]
        if token.form == "이" and tag == "VV":  # 11.6㎞입니다
            tag = "VCP"
        if value is None and tag in {"JX", "JKS"} and token.form in _SUBJECTS:
            yield "이", "JKS"  # 매출은, 매출이
        elif value is None:
            yield token.form.lower(), tag
        elif value is not last:
            yield _key(value)
        last = value


def _key(value: Value) -> Piece:
    if isinstance(value, Quantity):
        return value.value.normalize(), value.unit
    return value.readings, value.minutes, value.stated if not value.readings else ()
