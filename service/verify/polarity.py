"""Plain reversals: the same predicate denied, the same two parties with their particles exchanged. Pure functions.

Only what particles and morphemes show. Whether other words say the same or the opposite is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from index import Token
from service.verify.statement import Statement

NEGATING_PREFIXES = ("불", "미", "비", "무")
_NEGATIONS = frozenset({"않", "못하", "못", "안", "말", "없"})
_SUBJECTS = frozenset({"이", "가", "은", "는", "께서"})
_OBJECTS = frozenset({"을", "를", "에게", "한테"})


def reversed_predicate(claim: Statement, sentences: Sequence[Statement]) -> str | None:
    """A predicate that the claim denies and the evidence does not, or the other way round."""
    given: dict[str, set[bool]] = {}
    for sentence in sentences:
        for stem, denied in predicates(sentence.tokens):
            given.setdefault(stem, set()).add(denied)
    for stem, denied in predicates(claim.tokens):
        if len(stem) > 1 and given.get(stem, {denied}) == {not denied}:
            return stem
    return _negated_noun(claim, given)


def _negated_noun(claim: Statement, given: dict[str, set[bool]]) -> str | None:
    """불참 where the evidence has 참 alone, and 기소 where it has 불기소 alone."""
    nouns = {stem for stem in given if len(stem) > 1}
    for stem, _ in predicates(claim.tokens):
        for prefix in NEGATING_PREFIXES:
            plain = stem.removeprefix(prefix)
            if len(plain) > 1 and plain != stem and plain in nouns and stem not in nouns:
                return stem
            if len(stem) > 1 and prefix + stem in nouns and stem not in nouns:
                return stem
    return None


def predicates(tokens: Sequence[Token]) -> Iterator[tuple[str, bool]]:
    """The stems of verbs and of nouns with 하 or 되, prefix included, and whether each is denied."""
    for n, token in enumerate(tokens):
        tag = token.tag.split("-")[0]
        following = tokens[n + 1].tag.split("-")[0] if n + 1 < len(tokens) else ""
        if tag in {"VV", "VA"} or (tag in {"NNG", "XR"} and following in {"XSV", "XSA"}):
            prefix = tokens[n - 1].form if n and tokens[n - 1].tag == "XPN" else ""
            yield prefix + token.form, _is_denied(tokens, n, following)


def _is_denied(tokens: Sequence[Token], n: int, following: str) -> bool:
    """통과하지 않, 안 오르; 할 수 없 is of ability, and counts too."""
    if n and tokens[n - 1].form in {"안", "못"} and tokens[n - 1].tag == "MAG":
        return True
    rest = tokens[n + (2 if following in {"XSV", "XSA"} else 1) :][:4]
    forms = [t.form for t in rest]
    if forms[:1] == ["지"]:
        return any(form in _NEGATIONS for form in forms[1:3])
    return forms[1:3] == ["수", "없"] or (forms[1:2] == ["수"] and "없" in forms)


def swapped_roles(claim: Statement, sentences: Sequence[Statement]) -> str | None:
    """A predicate whose subject and object in the claim are object and subject in the evidence."""
    given = [role for sentence in sentences for role in _roles(sentence)]
    for stem, subject, target in _roles(claim):
        alike = [(s, o) for other, s, o in given if other == stem]
        if any((s, o) == (target, subject) for s, o in alike) and (subject, target) not in alike:
            return stem
    return None


def _roles(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Predicate, subject and object of each clause that has one of each."""
    start = 0
    for end in statement.ends:
        nouns = [n for n in statement.nouns if start <= n.start and n.end <= end]
        subjects = [n.parts[-1] for n in nouns if n.particle in _SUBJECTS]
        objects = [n.parts[-1] for n in nouns if n.particle in _OBJECTS]
        tokens = [t for t in statement.tokens if start <= t.start < end]
        stems = [stem for stem, _ in predicates(tokens)]
        if len(subjects) == 1 and len(objects) == 1 and stems:
            yield stems[-1], subjects[0], objects[0]
        start = end
