"""The boilerplate of Korean news pages, as one table.

``RULES`` says what goes: each rule finds spans in a line (or paragraph), and its action says what
becomes of them. No rule drops a line that ends as a sentence, unless it is marked
``even_sentences``. Lines are bounded by ``MAX_LINE_CHARS`` and no pattern nests repeats, so the
time taken is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from enum import Enum
from itertools import islice

from index.dates import CLOCK
from index.datewords import DATE
from index.lexicon import LEXICON, Expression
from index.newsroom import (
    MAIL,
    MAX_CREDIT_CHARS,
    NAME_TEMPLATE,
    credit_line,
    is_press,
    section_name,
    trailing_credit,
)

Span = tuple[int, int]

MAX_LINE_CHARS = 400
"""Longer lines are prose: no rule looks at them as a line."""


class Action(Enum):
    """What becomes of a span that a rule finds."""

    DROP = "the whole line goes"
    ERASE = "the span goes, its line stays"
    CUT = "the text ends before it"


@dataclass(frozen=True)
class Rule:
    """One kind of boilerplate.

    ``edges``: only before the first and after the last line of prose. ``insets``: a CUT that is
    also met in mid-story, where it may not take more sentences than it leaves. ``signs``: words, one
    of which stands wherever the rule applies; most text is passed over by looking for them.
    """

    name: str
    action: Action
    find: Callable[[str], Iterable[Span]]
    why: str
    edges: bool = False
    even_sentences: bool = False
    insets: bool = False
    signs: InitVar[str] = ""
    _signs: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self, signs: str) -> None:
        object.__setattr__(self, "_signs", tuple(signs.split()))

    def spans(self, text: str) -> Iterable[Span]:
        """Where the rule applies in a text, in order."""
        if self._signs and not any(sign in text for sign in self._signs):
            return ()
        return self.find(text)


# --- sentences -------------------------------------------------------------------------------

_KOREAN_END = LEXICON.expression(r"[가-힣][”’\"')]*[.?!…]+[”’\"')\]]*$")
_ANY_END = LEXICON.expression(r"[가-힣A-Za-z0-9%)”’\"'][.?!…]+[”’\"')\]]*$")
_INNER_END = LEXICON.expression(r"[가-힣][”’\"')]?[.?!](?=[\s”’\"')\]]|$)")


def ends_sentence(line: str) -> bool:
    """Whether a line ends as a Korean sentence does."""
    return bool(_KOREAN_END.search(line[-12:]))


def last_sentence_end(text: str) -> int:
    """Where the last Korean sentence of a text ends; 0 if none does."""
    return max((end.end() for end in _INNER_END.finditer(text)), default=0)


def is_prose(line: str) -> bool:
    """Whether a line is the story itself rather than something around it."""
    return len(line) >= 80 or (len(line) >= 20 and ends_sentence(line))


# --- what the rules look for -----------------------------------------------------------------

_WHEN = (
    rf"{DATE} ?(?:일|\.)?(?: ?[(\[]{{dates.weekdays}}(?:요일)?[)\]]| {{dates.weekdays}}요일)?"
    rf"(?:[T ]? ?\(?{CLOCK}\)?(?: ?(?:AM|PM|KST))?)?"
)
_LABEL = (
    r"(?:(?:기사|뉴스)? ?(?P<first>(?:최초 ?)?{boilerplate.published_labels})"
    r"|(?:기사)? ?(?P<again>(?:최종|마지막)? ?{boilerplate.modified_labels})){boilerplate.label_endings}?"
)
STAMP = LEXICON.expression(rf"{_LABEL} ?[:：|]? ?(?P<moment>{_WHEN})")
DATE_LINE = LEXICON.expression(rf"[<\[(]?(?P<moment>{_WHEN})[>\])]?")
SENT = LEXICON.expression(rf"(?P<moment>{_WHEN}) ?(?:송고|입력|수정)")

_BARE_LABEL = LEXICON.expression(rf"{_LABEL} ?[:：|]?")


def joined_stamps(lines: list[str]) -> list[str]:
    """Lines with a label such as ``등록일`` joined to the moment that stands below it."""
    joined: list[str] = []
    label = False  # whether the last line with text is a label alone
    for line in lines:
        if label and line and DATE_LINE.fullmatch(line):
            while not joined[-1]:
                joined.pop()
            joined[-1] += f" {line}"
            label = False
            continue
        joined.append(line)
        label = bool(_BARE_LABEL.fullmatch(line)) if line else label
    return joined


_WEATHER = (
    r"[•·*\-]? ?{boilerplate.weather_states}? ?(?:현재 ?기온|최저|최고)? ?[가-힣0-9]{0,10} ?"
    r"-?\d{1,2}(?:\.\d)? ?(?:℃|°C)(?: ?[가-힣]{1,6})?"
    r"|{boilerplate.weather_sources} ?제공|오늘의 날씨|날씨|(?:초?미세먼지 ?{boilerplate.air_quality} ?)+"
)
_MENU_GAPS = LEXICON.expression(r"[\s|,/·ㆍ>:•()\[\]]+")
_NEIGHBOURS = (
    r"(?:홈|HOME|Home|메인)(?: ?[>›»] ?[^>›».]{1,20}){1,5}"
    r"|[-·<>◀▶ ]{0,3}(?:이전|다음) ?(?:글|기사)(?![가-힣]) ?.{0,80}"
)


def _is_menu(line: str) -> bool:
    words = [word for word in _MENU_GAPS.split(line) if word]
    known = all(
        word in LEXICON["boilerplate.menu"] or word.isdigit() or section_name(word) is not None
        for word in words
    )
    return known and any(map(str.isalpha, line)) and section_name(line) is None


def stamp_parts(line: str) -> list[str]:
    """What stands between the stamps of a line."""
    parts = re.split(r"[\n|·ㅣ│]", SENT.sub("\n", STAMP.sub("\n", line)))
    return [part for part in (part.strip(" /,[]()<>") for part in parts) if part]


def _is_stamp(line: str) -> bool:
    if not (STAMP.search(line) or SENT.search(line)):
        return False
    return all(_is_menu(part) or credit_line(part) or is_press(part) for part in stamp_parts(line))


_GIVER = r"[^\s.]{0,18}{names.organisation_endings|boilerplate.caption_givers}"
_CAPTION_END = LEXICON.expression(
    r"[(\[<【] ?(?:{boilerplate.pictures}|자료|출처|캡처|영상 ?캡처)[^()\[\]<>【】]{0,60}[)\]>】]\.?$"
    r"|(?:^|[ /|.”\"])(?:{boilerplate.pictures}|자료|출처) ?(?:제공|출처|캡처)? ?[=:ㅣ|] ?[^=:]{1,40}$"
    r"|\[[^\[\]]{1,40}(?:자료 ?사진|제공|캡처|DB ?금지|촬영)[^\[\]]{0,8}\]$|자료 ?사진[)\]]?$"
    rf"|(?:^|[.”\"] ?|[./] ?){_GIVER} 제공[)\]]?$|(?:[.”\"])(?: ?[^\s.]{{1,16}}){{1,3}} 제공$"
    r"|(?:^|[\s./=(\[]){newsroom.agencies}(?: ?(?:제공|DB))?[)\]]?$"
    r"|[.”\"] ?/ ?[가-힣A-Za-z0-9]{2,12}(?: ?DB)?$| /[가-힣A-Za-z0-9]{2,10}$"
    r"|[ⓒ©] ?[^\n.]{1,30}$"
)
_DATED_CAPTION = LEXICON.expression(
    rf".{{5,250}}(?:있다|모습|장면|한다|했다)\.? ?\d{{4}}\. ?\d{{1,2}}\. ?\d{{1,2}}\.?(?: ?{MAIL.pattern}| ?/\S{{1,20}})?"
)
_PHOTO_SIGNS = "사진 이미지 그래픽 일러스트 캡처 DB"
_PHOTO = LEXICON.expression(
    r"[(\[<【] ?(?:자료 ?)?(?:{boilerplate.pictures}|영상 ?캡처)(?: ?[=:ㅣ|/] ?| ?제공| ?출처)[^()\[\]<>【】]{0,60}[)\]>】]"
    r"|\[[^\[\]]{0,40}(?:자료 ?사진|재판매 ?및 ?DB ?금지)[^\[\]]{0,10}\]"
    r"|(?:(?<=[.”\"] )|/|^)사진 ?= ?[^\s()\[\],]{1,16}(?: ?(?:제공|DB|캡처|자료사진))?"
)


def is_caption(line: str) -> bool:
    """Whether a line is a picture's text: it ends in a source, or as agencies date pictures."""
    if len(line) > 260 or re.search(r"무단|저작권|[Cc]opyright|[Rr]eserved", line):
        return False
    credit = _CAPTION_END.search(line, max(0, len(line) - 90)) if not ends_sentence(line) else None
    if credit is None:
        return bool(_DATED_CAPTION.fullmatch(line)) or _signed_picture(line)
    told = line[: credit.start() + 1].rstrip(" /[(<【|")
    # A paragraph may end in a picture's credit, too: it tells more, and what has happened.
    if len(_INNER_END.findall(told)) > 1:
        return False
    past = ends_sentence(told) and not re.search(r"있다[.]?$|습[.]?$", told)
    return not past or len(told) <= 60 or line[0] in "▲△▼◀▶"


def _signed_picture(line: str) -> bool:
    """``미루구의 한 서점. 오가을 기자 a@b.kr``: no sentence, and the photographer."""
    signed = trailing_credit(line) if len(line) <= 160 else None
    return bool(signed and signed[1] > 4 and re.search(r"[^다요까죠]\.\s*$", line[: signed[1]]))


PHOTO_LINE = LEXICON.expression(
    r"[(\[<【][^()\[\]<>【】]{0,50}(?:사진|제공|DB ?금지|캡처|촬영)[^()\[\]<>【】]{0,20}[)\]>】]"
)
"""A source alone: the line above it is the picture's text, as agencies lay it out."""


_LOCAL_STATION = r"[A-Z][A-Z0-9]{1,4}(?= ?(?:뉴스|NEWS))|[가-힣A-Z]{1,8}(?:방송|TV)"
SIGN_OFF = LEXICON.expression(
    r"(?:^|(?<=[.?!”\"\]] ))"
    rf"(?:지금까지 )?(?:[가-힣]{{2,8}}에서,? )?(?P<press>{{newsroom.stations}}|{_LOCAL_STATION}) ?(?:뉴스|NEWS)? ?(?!기자입니다)(?P<name>{NAME_TEMPLATE})"
    rf" ?(?:[\[(]{MAIL.pattern}[\])])? ?(?:기자)?(?:입니다|이었습니다|였습니다)\."
    rf"|지금까지 (?:[가-힣A-Z0-9]{{2,12}}(?:에서|부|팀)?,? )?(?P<reporter>{NAME_TEMPLATE}) ?(?:기자|특파원|리포터) ?(?:이었|였)습니다\."
)
MARK = LEXICON.expression(r"[\[<【◀] ?{boilerplate.broadcast_marks} ?[\]>】▶]")
_CREW_LINE = r"[(\[<]? ?(?:{boilerplate.crew}|[ACV][DGJ]) ?[:：=/ㅣ|].{1,150}"
_CREW_NOTE = LEXICON.expression(r"[(\[] ?영상 ?(?:편집|취재|촬영)[^()\[\]]{0,120}[)\]]")
_CREW_TAIL = LEXICON.expression(r"(?:촬영 ?기자|영상 ?편집|영상 ?취재) ?[:：/=] ?(?=\S)")

_AD = LEXICON.expression(
    r"\$\$[A-Za-z_]{2,20}\$\$|// ?flash 오류를 우회하기 위한 함수 추가|function _?flash_removeCallback\(\) ?\{ ?\}"
    r"|<!--.{0,200}?-->"
)
_SCRIPT = r"(?:var |function ?\w{0,40}\(|window\.|document\.|googletag|\(adsbygoogle|jQuery|\$\()[^가-힣]{0,380}"
TAG_LINE = LEXICON.expression(
    r"(?:(?:관련 ?)?(?:태그|키워드|해시태그)|TAGS?|Tags?)? ?[:：]? ?#[^\s#]{1,30}(?:[\s,]{0,2}#[^\s#]{1,30})*"
    r"|(?:관련 ?)?(?:태그|키워드) ?[:：] ?(?P<list>[^.]{1,120})"
)
_TAG_TAIL = LEXICON.expression(
    r"(?:(?<=\s)|(?<=\.))(?:#[가-힣A-Za-z][^\s#]{0,29} ){1,20}#[가-힣A-Za-z][^\s#]{0,29}$"
)

_END_MARK = LEXICON.expression(r"[(<\[〈] ?끝 ?[)>\]〉](?![”’\"'가-힣])|^[-=. ]*끝[-=. ]*$")
_RELATED_LINE = LEXICON.expression(
    r"[\[<(【■▶☞◆●▷#*▣ ]{0,3}{boilerplate.related_headings}[\]>)】:☞ ]{0,3}(?:더보기|\d{1,2}면)?"
    r"|(?:[\[<【☞▶▣■ ]{1,3}관련 ?(?:기사|뉴스)|관련 ?기사 ?[☞▶:]).*"
)
_RELATED_MARK = LEXICON.expression(
    r"\[관련 ?(?:기사|뉴스)\]|[☞▶] ?관련 ?기사|▣ ?\S{1,8} 기사 원문보기"
)
_LINK_LINE = r"(?:출처|원문|링크|URL)? ?[:：]? ?https?://\S+"
_POINTER = r"[☞👉].{0,200}|▶▶.{0,120}"
_SUBSCRIBE = (
    r"[▶▷►☞◎※★]{1,2}(?!.*다\.$).{0,120}{boilerplate.promoted}.{0,120}"
    r"|.{0,80}{boilerplate.subscribing}.{0,14}(?:세요|십시오|시기 바랍니다)[.!]?"
    r"|{boilerplate.platforms}(?: ?[가-힣A-Z]{0,6})(?:에서|으로|로) .{0,40}(?:구독|받아보기|친구 ?추가|채널 ?추가)(?:하기)?"
)
_SUBSCRIBE_TAIL = LEXICON.expression(
    r"[▶▷►☞] ?{boilerplate.platforms}[^▶▷►☞.]{0,50}(?:구독하|구독 ?$|받아보|친구 ?추가|만나보|선호|클릭)"
    r"|[▶▷►☞][^▶▷►☞.]{0,60}(?:구독하(?:기|세요)|바로가기|받아보(?:기|세요))"
)
_TIP = LEXICON.expression("{boilerplate.tips}")
_TIP_SIGNS = "제보 ▷ [카카오톡] [전화] [메일] 공감언론"
_DESK = LEXICON.expression(
    r"[\[(<] ?(?:[A-Za-z가-힣]{1,8} )?{newsroom.desk_kinds}[가-힣 ]{0,8}(?:국|부|팀|센터|데스크) ?[\])>](?! ?[가-힣])"
    r"|^(?:[A-Za-z가-힣]{1,8} )?(?:디지털|온라인|인터넷|모바일) ?(?:뉴스|이슈|콘텐츠)? ?(?:편집)?(?:국|부|팀|센터|데스크)$"
)
_DESK_SIGNS = "디지털 온라인 인터넷 모바일 뉴스 이슈 콘텐츠"
_HELP = LEXICON.expression("{boilerplate.suicide_help}")
_HELP_NUMBER = LEXICON.expression("{boilerplate.help_numbers}")


def _is_help(line: str) -> bool:
    # A story about the hotline names it, too: the notice is marked, or speaks to the reader.
    if not (_HELP.search(line) and _HELP_NUMBER.search(line)) or len(_INNER_END.findall(line)) > 3:
        return False
    return line[0] in "※＊*■◇☎" or not re.search(r"[^니]다[.]?$", line)


_RELEASE = r"{boilerplate.release_labels}[ |:：].{1,100}|\[?보도 ?자료\]?"
_OFFICE = LEXICON.expression(
    r"[|(<\[ ]{0,3}담당 ?(?:부서|자|과)[ |:：)>\]].{0,120}(?:책임자|담당자|과장|팀장|주무관|사무관|\d{3,4}-\d{4}).{0,120}"
)
_ANNEX = LEXICON.expression(
    r"[□○※ ]{0,2}[<(\[]?붙임[>)\]]?(?: ?\d)?[ :：.].{1,150}\d ?(?:부|매|장|개)\.(?: ?끝\.?)?"
)
_NOTE = LEXICON.expression(r"\[ ?이 기사는 [^\[\]]{0,150}\]")
_COPYRIGHT_SIGNS = "ⓒ © (c) (C) 무단 저작권 opyright OPYRIGHT eserved"
_COPYRIGHT = LEXICON.expression("{boilerplate.copyright}")
_BRACKETS = dict(zip("<[(〈【“", ">])〉】”", strict=True))
_BEFORE_MARK = LEXICON.expression(r"[다요까죠음함임됨][”’\"']?[.?!]\s?")
OWNER = LEXICON.expression(
    r"(?:[ⓒ©]|\([cC]\)|저작권자|[Cc]opyrights?) ?[ⓒ©:]? ?(?:\([cC]\))? ?([가-힣A-Za-z0-9]{2,20})"
)


_PARTICLE = LEXICON.expression(
    r"[)\]>]{0,2}(?:으?로|에게?|에서|을|를|이|가|은|는|와|과|및|또는|이나)(?![가-힣])|[)\]>]{0,2} ?으?로 "
)


def _copyright(text: str) -> Iterator[Span]:
    """Copyright marks, each from its opening bracket or the end of the sentence before it."""
    for mark in _COPYRIGHT.finditer(text):
        low = max(0, mark.start() - MAX_CREDIT_CHARS)
        before = text[low : mark.start()]
        told = max((end.end() for end in _BEFORE_MARK.finditer(before)), default=0)
        opened = _open_bracket(before[told:])
        far = not told and low > 0
        yield (mark.start() if far and opened is None else low + told + (opened or 0)), mark.end()


def _open_bracket(text: str) -> int | None:
    """Where the outermost bracket that is still open at the end of a text opens; None if none."""
    stack: list[tuple[str, int]] = []
    for at, char in enumerate(text):
        if char in _BRACKETS:
            stack.append((_BRACKETS[char], at))
        elif stack and char == stack[-1][0]:
            stack.pop()
    return stack[0][1] if stack else None


def _related(text: str) -> Iterable[Span]:
    """A heading of other stories: a short line, or a mark inside a long one."""
    if len(text) <= 120:
        return [(0, len(text))] if _RELATED_LINE.fullmatch(text) else []
    if "관련" not in text and "원문보기" not in text:
        return []
    return (mark.span() for mark in _RELATED_MARK.finditer(text))


def _is_office(line: str) -> bool:
    if len(line) > MAX_LINE_CHARS:
        return False
    return bool(_ANNEX.fullmatch(line) or (not ends_sentence(line) and _OFFICE.fullmatch(line)))


def _tag_tails(text: str) -> Iterable[Span]:
    # a line of tags alone is the rule "tags", which keeps their order
    if len(text) <= MAX_LINE_CHARS and TAG_LINE.fullmatch(text):
        return ()
    return (match.span() for match in _TAG_TAIL.finditer(text))


def _signatures(text: str) -> Iterator[Span]:
    """Mail addresses that sign a story, with the byline before them; not those in sentences."""
    if "@" not in text:
        return
    # no story carries fifty: text that does is not worth more time
    for mail in islice(MAIL.finditer(text), 50):
        if not _PARTICLE.match(text, mail.end()):
            start = _signature_start(text, max(0, mail.start() - MAX_CREDIT_CHARS), mail)
            if start is not None:
                yield start, mail.end()


def _signature_start(text: str, low: int, mail: re.Match[str]) -> int | None:
    before = text[low : mail.start()]
    if signed := trailing_credit(before + mail[0]):
        return low + signed[1]
    if low == 0 and credit_line(before + mail[0]):
        return 0
    bare = before.rstrip(" ([<")
    return low + len(bare) if not bare or _ANY_END.search(bare[-12:]) else None


# --- the table -------------------------------------------------------------------------------


def _line(pattern: str | Expression) -> Callable[[str], Iterable[Span]]:
    whole = LEXICON.expression(pattern) if isinstance(pattern, str) else pattern
    return lambda line: [(0, len(line))] if whole.fullmatch(line) else []


def _line_if(test: Callable[[str], object]) -> Callable[[str], Iterable[Span]]:
    return lambda line: [(0, len(line))] if test(line) else []


def _spans(expression: Expression) -> Callable[[str], Iterable[Span]]:
    return lambda text: (match.span() for match in expression.finditer(text))


def _is_press_line(line: str) -> bool:
    return is_press(line.strip(" []<>()【】〈〉"))


_DROP, _ERASE, _CUT = Action.DROP, Action.ERASE, Action.CUT

RULES: tuple[Rule, ...] = (
    # Captions before all: they carry credits, datelines and mails of their own. Then fragments:
    # what they leave may be a line that another rule knows.
    Rule("caption", _DROP, _line_if(is_caption), "a picture's text", even_sentences=True),
    Rule("ad_mark", _ERASE, _spans(_AD), "slots of the page's script", signs="$$ // <!-- flash"),
    Rule("photo_credit", _ERASE, _spans(_PHOTO), "inside a paragraph", signs=_PHOTO_SIGNS),
    Rule("broadcast_mark", _ERASE, _spans(MARK), "who speaks next", signs="[ < 【 ◀"),
    Rule("sign_off", _ERASE, _spans(SIGN_OFF), "names the station", signs="입니다. 습니다."),
    Rule("tag_tail", _ERASE, _tag_tails, "glued to the last sentence", signs="#"),
    Rule("note", _ERASE, _spans(_NOTE), "how the text was made", signs="기사는"),
    Rule("crew_note", _ERASE, _spans(_CREW_NOTE), "camera and editing", signs="영상"),
    Rule("crew", _DROP, _line(_CREW_LINE), "camera and editing of a broadcast"),
    Rule("weather", _DROP, _line(_WEATHER), "the strip above a page", edges=True),
    Rule("menu", _DROP, _line_if(_is_menu), "menus, sharing, font size, reactions"),
    Rule(
        "phrase",
        _DROP,
        _line("{boilerplate.page_phrases}"),
        "fixed words of a page",
        even_sentences=True,
    ),
    Rule("stamp", _DROP, _line_if(_is_stamp), "when it was entered, approved, changed"),
    Rule("date", _DROP, _line(DATE_LINE), "the page's or the story's, alone", edges=True),
    Rule("byline", _DROP, _line_if(credit_line), "a line that only says who signs"),
    Rule("count", _DROP, _line(r"\d{1,6}"), "of comments or reactions", edges=True),
    Rule("press", _DROP, _line_if(_is_press_line), "a paper's name, alone", edges=True),
    Rule("section", _DROP, _line_if(section_name), "a section's name, alone", edges=True),
    Rule("tags", _DROP, _line(TAG_LINE), "subjects as hashtags"),
    Rule("neighbours", _DROP, _line(_NEIGHBOURS), "the page's place among others", edges=True),
    Rule("release", _DROP, _line(_RELEASE), "when a press release may be used", edges=True),
    Rule(
        "advert",
        _DROP,
        _line(rf"{{boilerplate.advertisements}}|{_SCRIPT}"),
        "advertisements and script",
    ),
    Rule("pointer", _DROP, _line(_POINTER), "a hand that points at another story"),
    Rule("link", _DROP, _line(_LINK_LINE), "an address, alone", edges=True),
    Rule("photographer", _DROP, _line(r"[ⓒ©] ?(?!.*무단).{1,40}"), "whose picture, whose paper"),
    Rule("subscribe", _DROP, _line(_SUBSCRIBE), "follow us elsewhere", even_sentences=True),
    Rule("suicide_help", _DROP, _line_if(_is_help), "required by law", even_sentences=True),
    Rule(
        "notice",
        _DROP,
        _line("{boilerplate.notices}"),
        "how the text was made",
        even_sentences=True,
    ),
    # The tail: the first mark ends the story.
    Rule("end_mark", _CUT, _spans(_END_MARK), "agencies end a story with (끝)", signs="끝"),
    Rule("copyright", _CUT, _copyright, "no story goes on after it", signs=_COPYRIGHT_SIGNS),
    Rule("signature", _CUT, _signatures, "byline and mail close a story", insets=True, signs="@"),
    Rule("desk", _CUT, _spans(_DESK), "a desk signs, not a person", insets=True, signs=_DESK_SIGNS),
    Rule("related", _CUT, _related, "other stories follow", insets=True),
    Rule("tips", _CUT, _spans(_TIP), "how to reach the newsroom", insets=True, signs=_TIP_SIGNS),
    Rule("office", _CUT, _line_if(_is_office), "whom to ask", insets=True, signs="담당 붙임"),
    Rule("promotion", _CUT, _spans(_SUBSCRIBE_TAIL), "follow us", insets=True, signs="▶ ▷ ► ☞"),
    Rule(
        "crew_tail", _CUT, _spans(_CREW_TAIL), "camera and editing", insets=True, signs="촬영 영상"
    ),
)
"""What goes, in this order within a round (captions, then all ERASE, then DROP, then CUT)."""
