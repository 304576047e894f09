"""Boilerplate out, metadata up: from the text of a page to the text of a story.

Pure functions over text. What goes is in the table ``index.boilerplate.RULES``; what it says of
the story (who, for whom, from where, when) comes back as ``Found``. Cleaning a clean text changes
nothing, and no sentence of a story is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import accumulate, chain, islice

from index.boilerplate import (
    MAX_LINE_CHARS,
    OWNER,
    PHOTO_LINE,
    RULES,
    SENT,
    SIGN_OFF,
    STAMP,
    TAG_LINE,
    Action,
    Rule,
    Span,
    ends_sentence,
    is_prose,
    joined_stamps,
    last_sentence_end,
    stamp_parts,
)
from index.lexicon import LEXICON
from index.newsroom import (
    MAIL,
    Credit,
    credit_line,
    is_press,
    leading_credit,
    section_name,
    trailing_credit,
)

_ROUNDS = 8
"""What one round leaves may bring another mark to an edge; real articles settle after two."""

_PIECES_READ = 200
"""Pieces asked for what they say of the story; a page has a dozen or two."""

TAIL_SHARE, TAIL_CHARS = 0.35, 120
"""A mark ends the story only past this share of the text, or past its first line and so many
characters: bylines and copyright marks stand above stories, too."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What stood in the text beside the story. Moments are text as printed, not parsed."""

    press: str | None = None
    place: str | None = None
    reporters: tuple[str, ...] = ()
    section: str | None = None
    published: str | None = None
    modified: str | None = None
    page_date: str | None = None
    mails: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __or__(self, other: Found) -> Found:
        """Both together; on a conflict the left one holds."""
        return Found(
            press=self.press or other.press,
            place=self.place or other.place,
            reporters=_union(self.reporters, other.reporters),
            section=self.section or other.section,
            published=self.published or other.published,
            modified=self.modified or other.modified,
            page_date=self.page_date or other.page_date,
            mails=_union(self.mails, other.mails),
            tags=_union(self.tags, other.tags),
        )


def _union(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain(*groups)))


@dataclass(frozen=True)
class Removed:
    """A piece of text that a rule took out."""

    rule: str
    text: str


@dataclass(frozen=True)
class Cleaned:
    """A story (NFC, paragraphs separated by one blank line) and what was taken out of it."""

    body: str
    found: Found = Found()
    removed: tuple[Removed, ...] = ()


# --- text ------------------------------------------------------------------------------------

_BREAKS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_BLANKS = re.compile("[^\\S\n]+|[\u115f\u1160\u2800\u3164]+")
_AMPERSANDS = re.compile(r"&(?:(?:amp|#38|#x26);)+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")


def normalise(text: str) -> str:
    """NFC, no control characters, line ends as ``\\n``, blanks (NBSP too) folded, lines stripped."""
    if "&" in text:
        text = _ENTITY.sub(lambda entity: unescape(entity[0]), _AMPERSANDS.sub("&", text))
    text = _CONTROL.sub("", _BREAKS.sub("\n", text))
    text = _BLANKS.sub(" ", unicodedata.normalize("NFC", text))
    return "\n".join(line.strip() for line in text.split("\n"))


def fold(text: str) -> str:
    """A text on one line: normalised, line ends and blanks as one space."""
    return " ".join(normalise(text).split())


def paragraphs_of(text: str) -> list[str]:
    """The lines of a text, normalised, without empty ones; hard-wrapped lines are joined."""
    blocks = re.split(r"\n{2,}", normalise(text).strip("\n"))
    return [line for block in blocks for line in _unwrap(block.split("\n")) if line]


def _unwrap(lines: list[str]) -> list[str]:
    # Lines of one width that break off in mid-sentence were wrapped by a mail program.
    widths = [len(line) for line in lines[:-1]]
    if len(lines) < 3 or min(widths) < 25 or max(widths) > 120 or max(widths) > 1.35 * min(widths):
        return lines
    broken = sum(not ends_sentence(line) for line in lines[:-1])
    listed = any(re.match(r"[-•·▲△○●◇◆■□▶*①-⑳]|\(?\d{1,2}[.)]", line) for line in lines[1:])
    return lines if listed or 2 * broken <= len(widths) else [" ".join(lines)]


_TITLE_CHARS = 1_000
_TITLE_TAIL = re.compile(r"(.*\S)(\s*[|<>ㅣ│]\s*|\s[-–—:·]\s)(\S.{0,40})")
_TITLE_HEAD = re.compile(r"(\S.{0,20}?)\s*(::|[|>ㅣ│]|\s[-–—:])\s+(\S.*)")


def clean_title(text: str, *, press: str | None = None) -> str:
    """A headline on one line, NFC, without what a site puts around it.

    `` | 한국일보``, `` < 사회 < 기사본문`` behind it; ``해담신문 :: `` before it.
    """
    title = fold(text[:_TITLE_CHARS])
    while tail := _TITLE_TAIL.fullmatch(title):
        name = tail[3]
        known = _is_site(name.replace(" ", "")) or name == press or is_press(name)
        if not known and not (section_name(name) and "<" in tail[2]):
            break
        title = tail[1]
    head = _TITLE_HEAD.fullmatch(title)
    # a headline may open with a paper's name and a dash or colon, hardly with "::" or "|"
    named = head and (head[1] == press or (is_press(head[1]) and head[2].strip() not in ("-", ":")))
    return head[3] if head and named else title


def _is_site(name: str) -> bool:
    return name in LEXICON["newsroom.portals"] or name in LEXICON["boilerplate.site_words"]


# --- the story -------------------------------------------------------------------------------


def clean(text: str) -> Cleaned:
    """Keep the story of a text and say what else stood in it.

    Time is linear in the length of the text. Never gives an empty body for a text that has a
    line: where nothing but a caption is left, the caption is the story (a photo article).
    """
    paragraphs = joined_stamps(paragraphs_of(text))
    cleaned = _clean(paragraphs, RULES)
    if cleaned.body:
        return cleaned
    cleaned = _clean(paragraphs, [rule for rule in RULES if rule.name != "caption"])
    rest = _clean(joined_stamps(paragraphs_of(cleaned.body)), RULES)
    if not rest.body:
        return cleaned
    # Without what is gone now, some lines are seen to be no captions.
    return Cleaned(rest.body, cleaned.found | rest.found, cleaned.removed + rest.removed)


_SENTENCE = re.compile(r"(?<=[다요까죠]\.) +|\n+")


def lost_sentences(body: str) -> tuple[list[str], int]:
    """The sentences of a clean text that cleaning takes away (none, it is hoped), and how many it has.

    Cleaned twice: in its paragraphs, and with each sentence as a line of its own, where the rules for
    lines see it.
    """
    sentences = [sentence for sentence in _SENTENCE.split(normalise(body)) if len(sentence) > 1]
    lost = []
    for text in (body, "\n\n".join(sentences)):
        kept = "".join(clean(text).body.split())
        lost += [sentence for sentence in sentences if "".join(sentence.split()) not in kept]
    return list(dict.fromkeys(lost)), len(sentences)


def _clean(paragraphs: list[str], rules: Sequence[Rule]) -> Cleaned:
    found, removed = Found(), list[Removed]()
    for _ in range(_ROUNDS):
        paragraphs, taken = _round(paragraphs, rules)
        if not taken:
            break
        removed += taken
        paragraphs = [unicodedata.normalize("NFC", paragraph) for paragraph in paragraphs]
    order = sorted(removed, key=lambda piece: piece.rule != "dateline")
    for piece in order[:_PIECES_READ]:
        found = found | _harvest(piece)
    return Cleaned("\n\n".join(paragraphs), found, tuple(removed))


def _round(paragraphs: list[str], rules: Sequence[Rule]) -> tuple[list[str], list[Removed]]:
    taken: list[Removed] = []
    paragraphs = _drop_captions(paragraphs, [r for r in rules if r.name == "caption"], taken)
    paragraphs = _erase(paragraphs, [r for r in rules if r.action is Action.ERASE], taken)
    paragraphs = _drop(paragraphs, [r for r in rules if r.action is Action.DROP], taken)
    paragraphs = _strip_datelines(paragraphs, taken)
    paragraphs = _cut(paragraphs, [r for r in rules if r.action is Action.CUT], taken)
    return _strip_signature(paragraphs, taken), taken


_UNTOLD = re.compile(r"[^◇◆■□▲●○•·-].{0,98}[^.?!”\"]")
"""A line short of a sentence, as captions above their source are; not a heading."""


def _drop_captions(paragraphs: list[str], rules: list[Rule], taken: list[Removed]) -> list[str]:
    kept: list[str] = []
    for text in paragraphs:
        if _rule_for(text, rules, at_edge=True) is None:
            kept.append(text)
            continue
        taken.append(Removed("caption", text))
        above = kept[-1] if kept else ""
        if PHOTO_LINE.fullmatch(text) and _UNTOLD.fullmatch(above):
            taken.append(Removed("caption", kept.pop()))
    return kept


def _erase(paragraphs: list[str], rules: list[Rule], taken: list[Removed]) -> list[str]:
    for rule in rules:
        paragraphs = [_without(text, rule, rule.spans(text), taken) for text in paragraphs]
    return [text for text in paragraphs if text]


def _without(text: str, rule: Rule, spans: Iterable[Span], taken: list[Removed]) -> str:
    kept, position = [], 0
    for start, end in spans:
        taken.append(Removed(rule.name, text[start:end]))
        kept.append(text[position:start].strip())
        position = end
    if not position:
        return text
    kept.append(text[position:].strip())
    return re.sub(r" (?=[.,?!”’)](?:\s|$))", "", " ".join(part for part in kept if part))


def _drop(paragraphs: list[str], rules: list[Rule], taken: list[Removed]) -> list[str]:
    prose = [at for at, text in enumerate(paragraphs) if is_prose(text)]
    first, last = (prose[0], prose[-1]) if prose else (len(paragraphs), -1)
    kept = []
    for at, text in enumerate(paragraphs):
        rule = _rule_for(text, rules, at_edge=at < first or at > last)
        if rule is None:
            kept.append(text)
        else:
            taken.append(Removed(rule.name, text))
    return kept


def _rule_for(line: str, rules: list[Rule], *, at_edge: bool) -> Rule | None:
    """The first rule that drops a line, or None."""
    if len(line) > MAX_LINE_CHARS:
        return None
    sentence = ends_sentence(line)
    for rule in rules:
        applies = (at_edge or not rule.edges) and (rule.even_sentences or not sentence)
        if applies and any(True for _ in rule.spans(line)):
            return rule
    return None


def boilerplate_rule(line: str) -> str | None:
    """The name of the rule that drops this line at the edge of a page, or None for text."""
    rule = _rule_for(line, [r for r in RULES if r.action is Action.DROP], at_edge=True)
    return rule.name if rule else None


def _strip_datelines(paragraphs: list[str], taken: list[Removed]) -> list[str]:
    stripped = []
    for at, text in enumerate(paragraphs):
        for _ in range(3):
            split = leading_credit(text)
            # deep in a story, a paper's name in brackets may be a heading
            if split is None or (at > 2 and not split[0].reporters and not split[0].place):
                break
            taken.append(Removed("dateline", text[: len(text) - len(split[1])]))
            text = split[1]
        stripped.append(text)
    return [text for text in stripped if text]


def _strip_signature(paragraphs: list[str], taken: list[Removed]) -> list[str]:
    signed = trailing_credit(paragraphs[-1]) if paragraphs else None
    if signed is None:
        return paragraphs
    taken.append(Removed("signature", paragraphs[-1][signed[1] :]))
    return [*paragraphs[:-1], paragraphs[-1][: signed[1]].rstrip(_LEAD_IN)]


_LEAD_IN = " /|([<☞▶▷►◎※■◇"
"""What stands before a mark and belongs to it."""


# --- the tail --------------------------------------------------------------------------------


def _cut(paragraphs: list[str], rules: list[Rule], taken: list[Removed]) -> list[str]:
    """End the text at the first mark that ends a story; take other whole-line marks out."""
    lengths = [0, *accumulate(map(len, paragraphs))]
    told = [0, *accumulate(last_sentence_end(text) for text in paragraphs)]
    kept: list[str] = []
    for at, text in enumerate(paragraphs):
        line = text
        for start, end, rule in _marks(text, rules):
            place = lengths[at] + start
            past = place >= TAIL_SHARE * lengths[-1] or (at > 0 and place >= TAIL_CHARS)
            following = told[-1] - told[at + 1] + max(0, told[at + 1] - told[at] - end)
            if past and (not rule.insets or following <= told[at] + start):
                taken.append(Removed(rule.name, "\n".join([text[start:], *paragraphs[at + 1 :]])))
                return [part for part in (*kept, text[:start].rstrip(_LEAD_IN)) if part]
            if end - start >= len(text) - 2 or rule.name == "signature":
                line = _without(text, rule, [(start, end)], taken)
                break
        if line:
            kept.append(line)
    return kept


def _marks(text: str, rules: list[Rule]) -> list[tuple[int, int, Rule]]:
    # No story carries fifty marks of a kind: text that does is not worth more time.
    marks = [(start, end, rule) for rule in rules for start, end in islice(rule.spans(text), 50)]
    return sorted(marks, key=lambda mark: mark[:2])


# --- what the removed says -------------------------------------------------------------------


def _harvest(piece: Removed) -> Found:
    """What a removed piece says of its story. Captions and other stories say nothing of it."""
    lines = piece.text.split("\n")
    match piece.rule:
        case "dateline":
            split = leading_credit(piece.text + " ")
            return _of_credit(split[0]) if split else Found()
        case "byline" | "signature":
            return _signed(lines[0]) | _tail(lines)
        case "stamp":
            found = read_stamps(piece.text)
            for part in stamp_parts(piece.text):
                found = found | _signed(part)
            return found
        case "date":
            return Found(page_date=piece.text)
        case "section":
            return Found(section=section_name(piece.text))
        case "sign_off":
            return _signed_off(piece.text)
        case "tags" | "tag_tail" | "end_mark" | "copyright" | "desk" | "tips":
            return _tail(lines)
    return Found()


def _tail(lines: list[str]) -> Found:
    """Tags, stamps and the owner named by a copyright mark; nothing else below a story is its own."""
    found = Found()
    for line in lines[:40]:
        found = found | Found(tags=_tags(line), press=_owner(line)) | read_stamps(line[:200])
    return found


def _tags(line: str) -> tuple[str, ...]:
    named = TAG_LINE.fullmatch(line.strip()) if len(line) <= MAX_LINE_CHARS else None
    if named and named["list"]:
        return tuple(tag for tag in re.split(r"[\s,#]+", named["list"]) if tag)
    return tuple(re.findall(r"#([^\s#,]{1,30})", line)) if named else ()


def _owner(line: str) -> str | None:
    owner = OWNER.search(line[:200])
    return owner[1] if owner else None


def read_stamps(text: str) -> Found:
    """When a line says that its story was published and changed, as printed."""
    published = modified = None
    for stamp in STAMP.finditer(text):
        if stamp["first"]:
            published = published or stamp["moment"].strip()
        else:
            modified = modified or stamp["moment"].strip()
    sent = SENT.search(text)
    return Found(
        published=published or (sent["moment"].strip() if sent else None), modified=modified
    )


def _signed(text: str) -> Found:
    mails = tuple(MAIL.findall(text[:MAX_LINE_CHARS]))
    last = text.rfind(mails[-1]) + len(mails[-1]) if mails else len(text)
    credit = credit_line(text[:last].strip()) or credit_line(text.strip())
    photographer = re.match(r"[\[(<]?\s?(?:사진|촬영|영상|그래픽|편집)", text)
    return (_of_credit(credit) if credit and not photographer else Found()) | Found(mails=mails)


def _signed_off(text: str) -> Found:
    words = SIGN_OFF.search(text)
    name = words and (words["name"] or words["reporter"])
    return Found(press=words["press"], reporters=(name,)) if words and name else Found()


def _of_credit(credit: Credit) -> Found:
    return Found(press=credit.press, place=credit.place, reporters=credit.reporters)
