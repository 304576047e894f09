"""What Korean newsrooms call things: papers, sections, datelines and the people who sign.

Pure functions over short texts, all of them bounded: a credit is at most ``MAX_CREDIT_CHARS``
long, so nothing here depends on the length of an article.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from index.lexicon import LEXICON

MAX_CREDIT_CHARS = 120

MAIL = re.compile(r"[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4})?")
"""Also the cut-off form ``jmlee@`` that some papers print."""

NAME_TEMPLATE = r"{names.double_surnames|names.surnames}[가-힣]{1,3}"
_ROLE_TEMPLATE = r"{newsroom.role_qualifiers}*{newsroom.roles}"

NAME = LEXICON.expression(NAME_TEMPLATE)
_ROLE = LEXICON.expression(_ROLE_TEMPLATE)
_SIGNED = LEXICON.expression(f"({NAME_TEMPLATE})({_ROLE_TEMPLATE})")
_ROLE_HINT = LEXICON.expression("{newsroom.roles}")
_ROLE_BEFORE_NAME = LEXICON.expression(rf"\s*(?:{_ROLE_TEMPLATE})\s*(?:=|$)")
_LABEL_BEFORE_NAME = LEXICON.expression(r"^{newsroom.byline_labels}\s+")
_PRESS_NAME = LEXICON.expression(r"[가-힣A-Za-z0-9&]{1,12}{newsroom.press_endings}(?:\d{1,2})?")
_SECTION = LEXICON.expression(
    r"{newsroom.sections}(?:\s?[·/ㆍ&]\s?{newsroom.sections})*(?:\s?(?:일반|면))?"
)
_DESK = LEXICON.expression(r"[가-힣A-Za-z0-9]{0,12}{newsroom.desk_endings}")
_OTHERS = re.compile(r"\s*외\s?\d{1,2}\s?[명인](?![가-힣])")
"""Those who signed as well, uncounted: ``정다온 기자 외 1명``."""

_POSITION = LEXICON.expression(r"\S{0,8}{names.titles|names.occupations}")
_TEAM = LEXICON.expression(r"[가-힣A-Za-z\s]{0,12}{newsroom.teams}")
_BREADCRUMB = re.compile(r"(?:홈|HOME|Home|메인|뉴스홈|뉴스)\s?[>›»/]\s?(.{1,40})")
_SPLIT = re.compile(r"[\s/·ㆍ,;:=|ㅣ│()<>〈〉\[\]{}【】〔〕*@]+")

_BRACKET = re.compile(
    r"\s*[(\[【〔<〈]\s*((?:[^()\[\]【】〔〕<>〈〉\n]|\([^()\n]{1,20}\)){2,60})\s*[)\]】〕>〉]\s*"
)
_SEPARATOR = re.compile(r"\s*[=|ㅣ│]\s*")
_WHO_MAIL = re.compile(rf"([^@\n.?!“”\"]{{2,40}}?)[\s(\[]*({MAIL.pattern})[)\]]*\s+")


@dataclass(frozen=True)
class Credit:
    """Who signs a story, for whom and from where."""

    press: str | None = None
    place: str | None = None
    reporters: tuple[str, ...] = ()

    def __or__(self, other: Credit) -> Credit:
        """Both together; on a conflict the left one holds."""
        names = dict.fromkeys((*self.reporters, *other.reporters))
        return Credit(self.press or other.press, self.place or other.place, tuple(names))


def is_press(text: str) -> bool:
    """Whether a short text is the name of a paper, an agency or a station."""
    word = text.strip()
    if word.replace(" ", "") in LEXICON["newsroom.not_press"]:
        return False
    return word in LEXICON["newsroom.press"] or bool(_PRESS_NAME.fullmatch(word))


def section_name(line: str) -> str | None:
    """The section that a line names: ``국제``, ``홈 > 사회`` (its last step), else None."""
    text = line.strip().strip("[]<>【】")
    if crumb := _BREADCRUMB.fullmatch(text):
        text = re.split(r"[>›»/]", crumb[1])[-1].strip()
    return text if len(text) <= 20 and _SECTION.fullmatch(text) else None


def is_place(text: str) -> bool:
    """Whether a word is a place that stories are filed from."""
    parts = [part for part in re.split(r"[·ㆍ/,\s]+", text) if part]
    return bool(parts) and all(
        _is_place_word(part) or re.fullmatch(r"[가-힣]{1,5}[구도]", part) for part in parts
    )


def _is_place_word(word: str) -> bool:
    # 구 and 도 end given names too (이윤구, 김기도), 시 and 군 hardly ever
    return word in LEXICON["newsroom.places"] or bool(re.fullmatch(r"[가-힣]{2,5}[시군]", word))


def reporter_names(text: str) -> tuple[str, ...]:
    """The people in an author field: ``김소연 기자 nicksy@mt.co.kr`` gives 김소연."""
    bare = MAIL.sub(" ", _OTHERS.sub("", text))
    names = []
    for piece in re.split(r"[,;/·ㆍ|&\n]+|\s및\s", bare):
        piece = _ROLE_BEFORE_NAME.sub(" ", piece).strip(" ()[]<>=-:")
        piece = _LABEL_BEFORE_NAME.sub("", piece).strip()
        words = piece.split()
        named = [
            word
            for word in words
            if NAME.fullmatch(word) and not is_press(word) and not is_place(word)
        ]
        if len(words) > 1 and _POSITION.fullmatch(words[-1]):  # 금나래 해담대 조경학과 교수
            named = words[:1] if words[0] in named else named[-1:]
        # "김철수 이영희" are two people, "John Smith" and "서울 특별취재팀" one signature each
        names.extend(named if words and len(named) == len(words) else named[-1:] or [piece])
    return tuple(dict.fromkeys(name for name in names if name))


def credit_line(text: str) -> Credit | None:
    """Read a text that is nothing but a signature; None if it is anything else.

    ``도쿄/정수진 특파원``, ``[조은별 디지털뉴스부 인턴기자 a@b.kr]``, ``시민일보 이정하 기자``.
    """
    if not 2 <= len(text) <= MAX_CREDIT_CHARS:
        return None
    bare, mails = MAIL.subn(" ", _OTHERS.sub("", text))
    if not mails and not _ROLE_HINT.search(bare):
        return None
    return _credit_of([token for token in _SPLIT.split(bare) if token], mails > 0)


def _credit_of(tokens: list[str], has_mail: bool) -> Credit | None:
    press: str | None = None
    place: str | None = None
    names: list[str] = []
    signed = has_mail
    for position, token in enumerate(tokens):
        if _ROLE.fullmatch(token):
            signed = True
        elif token in LEXICON["newsroom.desks"]:
            continue
        elif both := _SIGNED.fullmatch(token):
            names.append(both[1])
            signed = True
        elif is_press(token):
            press = press or token
        elif token in LEXICON["newsroom.credit_labels"] or re.fullmatch(r"[\d.]+", token):
            continue
        elif _is_place_word(token) and _is_dateline(tokens, position):
            place = place or token
        elif NAME.fullmatch(token) and token not in LEXICON["newsroom.not_names"]:
            names.append(token)
        elif position == 0 and _signed_next(tokens):
            press = token  # an unknown paper before its reporter
        elif not _DESK.fullmatch(token):
            return None
    if not signed or len(names) > 6:
        return None
    return Credit(press, place, tuple(dict.fromkeys(names)))


def _is_dateline(tokens: list[str], position: int) -> bool:
    """A word such as 고양 or 이천 is a place unless the role follows it at once."""
    following = tokens[position + 1 : position + 2]
    return not following or not _ROLE.fullmatch(following[0])


def _signed_next(tokens: list[str]) -> bool:
    return len(tokens) > 2 and bool(NAME.fullmatch(tokens[1]) and _ROLE.fullmatch(tokens[2]))


def leading_credit(paragraph: str) -> tuple[Credit, str] | None:
    """Split a dateline or byline off the front of a paragraph, else None.

    ``(제네바=연합뉴스) 임은진 특파원 = …``, ``[머니투데이 김소연 기자] …``, ``시민일보 이정하 기자 | …``.
    """
    found, rest = Credit(), paragraph
    bracket = _BRACKET.match(rest)
    inside = _bracketed(bracket[1]) if bracket else None
    if bracket and inside:
        found, rest = inside, rest[bracket.end() :]
    for separator in islice(_SEPARATOR.finditer(rest, 0, MAX_CREDIT_CHARS), 3):
        if signer := _signer(rest[: separator.start()], after_bracket=inside is not None):
            return found | signer, rest[separator.end() :]
    who = _WHO_MAIL.match(rest)
    if who and (signer := _signer(who[1], after_bracket=False)):
        return found | signer, rest[who.end() :]
    glued = bracket is not None and not bracket[0][-1].isspace() and rest[:1].isalpha()
    if inside is None or (glued and not inside.reporters and not is_press(inside.press or "")):
        return None
    return found, rest


def _signer(text: str, *, after_bracket: bool) -> Credit | None:
    text = text.strip()
    if _TEAM.fullmatch(text):
        return Credit() if after_bracket else None
    return credit_line(text) if _ROLE_HINT.search(text) else None


def _bracketed(text: str) -> Credit | None:
    """The credit inside brackets, else None: ``서울=뉴시스``, ``헤럴드경제(수원)=홍길동 기자``."""
    text = re.sub(r"\(([^()]*)\)", r" \1 ", text)
    left, equals, right = (part.strip() for part in text.partition("="))
    signed = credit_line(text) if _ROLE_HINT.search(text) else None
    if signed and equals and not signed.press:
        return signed | (Credit(place=left) if is_place(left) else Credit(press=left))
    if signed:
        return signed
    if equals:
        if is_press(right) or (is_place(left) and len(right) <= 12 and right):
            return Credit(press=right, place=left)
        return Credit(press=left) if is_press(left) else None
    return Credit(press=text.strip()) if is_press(text) else None


_PAUSE = re.compile(r"[.?!”’\"'\])…](?!\d)\s*")


def trailing_credit(paragraph: str) -> tuple[Credit, int] | None:
    """Find a signature glued after the last sentence: its credit and where it starts."""
    window = max(0, len(paragraph) - MAX_CREDIT_CHARS)
    if "@" not in paragraph[window:] and not _ROLE_HINT.search(paragraph, window):
        return None
    for pause in _PAUSE.finditer(paragraph, window):
        credit = credit_line(paragraph[pause.end() :].strip())
        if credit and paragraph[pause.end() :].strip():
            return credit, pause.end()
    return None
