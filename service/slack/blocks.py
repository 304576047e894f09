"""Answers as Slack messages: Block Kit within Slack's limits.

https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from service.schema import Answer, Citation, Question, Sentence
from service.slack.mrkdwn import bold, escape, formatted, link, pieces, plain
from service.wording import (
    LEADS_TITLE,
    NO_ANSWER,
    REWORDED,
    SEE_THE_ARTICLE,
    UNKNOWN_PRESS,
    extent,
    mark,
    remarks,
    understanding,
)

MAX_SECTION_CHARS = 3_000
MAX_BLOCKS = 50
MAX_MESSAGE_CHARS = 11_900
"""Limit for all text of a message; Slack refuses 12,000 characters and more."""

MAX_MARKERS_CHARS = 1_000
MAX_LABEL_CHARS = 50
"""Of the date of an event with its markup."""
MAX_MARK_CHARS = len(f" ({REWORDED})")
MAX_TITLE_CHARS = 200
MAX_MODAL_BLOCKS = 100
MAX_NOTIFICATION_CHARS = 150
CONTEXT_CHARS = 300
"""Text shown before and after a quote, on either side."""

UP, DOWN, EVIDENCE, REWRITE, FOLLOW = (
    "gisa_up",
    "gisa_down",
    "gisa_evidence",
    "gisa_rewrite",
    "gisa_follow",
)
"""Ids of the buttons; the value of each is the id of the answer."""
REWRITTEN = "gisa_rewritten"
QUESTION_INPUT = "question"

SOURCES = bold("출처")
"""Heads the list of articles."""

LEADS = f"🔍 {bold(LEADS_TITLE)}"
"""Heads the near articles in the place of an answer."""
MAX_LEAD_CHARS = 500

COMPARE = f"⚠️ {bold(SEE_THE_ARTICLE)}"
"""Heads the words that sentences in other words than the article's are to be compared with."""

Block = dict[str, Any]

HELP = (
    "기사에서 답을 찾아 출처와 함께 알려 드립니다.\n"
    "• 채널에서는 저를 멘션하고, 다이렉트 메시지에서는 그냥 물어보세요.\n"
    "• `/기사 질문` 또는 `/gisa 질문`으로도 물을 수 있습니다.\n"
    "• 스레드에서 이어 물으면 앞의 대화를 함께 읽습니다. `계속`이라고 하시면 그 스레드에서는 멘션 없이도 답합니다.\n"
    "• 스레드에서 `출처 모아줘`라고 하시면 인용한 문장을 모아 드립니다. `출처를 BibTeX로 모아줘`처럼 마크다운, BibTeX, CSL-JSON, CSV도 됩니다.\n"
    "• ‘트램 사업 경과 알려 줘’, ‘그동안 어떻게 돼 왔나’처럼 물으시면 있었던 일을 날짜순으로 보여 드립니다.\n"
    "• `그만`이라고 하시면 멈춥니다."
)


@dataclass(frozen=True)
class Message:
    """What is posted: blocks, and the text that notifications show instead."""

    text: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Tally:
    """How many users voted for an answer, and against it."""

    up: int = 0
    down: int = 0


@dataclass
class Draft:
    """An answer that is still being written: its sentences so far and their citations by number."""

    sentences: list[Sentence] = field(default_factory=list)
    citations: dict[int, Citation] = field(default_factory=dict)

    def add(self, sentence: Sentence, citations: Iterable[Citation]) -> None:
        """Append a verified sentence, with the citations that it is the first to use."""
        self.sentences.append(sentence)
        self.citations |= {citation.number: citation for citation in citations}

    def messages(self, remark: str) -> list[Message]:
        """The answer so far, with a remark on why there is no more yet."""
        text = " ".join(sentence.text for sentence in self.sentences)
        tail = [*_sources(self.citations.values()), _context([remark])]
        return _messages(text, [*_told(self.sentences, self.citations), *tail])


def answer_messages(
    answer: Answer, *, tally: Tally, search_url: str, offers_to_follow: bool
) -> list[Message]:
    """The whole answer: text, sources, remarks, buttons; as many messages as it takes."""
    if answer.status == "answered":
        cited = {citation.number: citation for citation in answer.citations}
        body = [*_told(answer.sentences, cited), *_compared(answer), *_sources(answer.citations)]
    else:
        body = [*_sections([_abstention(answer, search_url)]), *_leads(answer.citations)]
    note = [answer.interpreted.note] if answer.interpreted.note else []
    told = [*understanding(answer.interpreted), *note, *remarks(answer)]
    context = [_context(told)] if told else []
    buttons = _buttons(answer, tally, offers_to_follow)
    return _messages(answer.text, [*body, *context, buttons])


def notice(text: str) -> Message:
    """A short message of the bot's own; ``text`` is mrkdwn."""
    return Message(plain(text), [_section(text)])


def announcement(user: str, question: str) -> Message:
    """A message that shows everyone a question which was not asked in a message."""
    shown = formatted(next(pieces(question, MAX_SECTION_CHARS - 100)))
    return Message(shown, [_section(f"<@{user}> 님의 질문: {shown}")])


def preformatted(heading: str, text: str) -> list[Message]:
    """A text to be copied, character for character, below a heading; in as many messages as it needs."""
    room = MAX_SECTION_CHARS // len("&amp;")  # Slack may count what it escapes
    bodies = (text[at : at + room] for at in range(0, len(text), room))
    return _messages(heading, [_section(heading), *map(_preformatted, bodies)])


def _preformatted(text: str) -> Block:
    element = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [element]}


# -- packing ------------------------------------------------------------------------------------


def _messages(notification: str, blocks: Iterable[Block]) -> list[Message]:
    """The blocks in order, in as few messages as Slack's limits allow."""
    text = escape(notification[:MAX_NOTIFICATION_CHARS])
    packed: list[list[Block]] = [[]]
    for block in blocks:
        size = len(text) + sum(map(text_chars, packed[-1])) + text_chars(block)
        if packed[-1] and (len(packed[-1]) == MAX_BLOCKS or size > MAX_MESSAGE_CHARS):
            packed.append([])
        packed[-1].append(block)
    return [Message(text, part) for part in packed]


def text_chars(block: Block) -> int:
    """Characters of text in a block, as Slack counts them: markup included."""
    if block["type"] == "section":
        return len(block["text"]["text"])
    elements = block.get("elements", [])
    if block["type"] == "rich_text":
        return sum(len(word["text"]) for element in elements for word in element["elements"])
    return sum(
        len(e["text"] if block["type"] == "context" else e["text"]["text"]) for e in elements
    )


def _sections(units: Iterable[str], joint: str = " ") -> Iterator[Block]:
    """The units in as few sections as possible; none is split."""
    text = ""
    for unit in units:
        joined = f"{text}{joint}{unit}" if text else unit
        if len(joined) > MAX_SECTION_CHARS:
            yield _section(text)
            joined = unit
        text = joined
    if text:
        yield _section(text)


def _told(sentences: Sequence[Sentence], citations: Mapping[int, Citation]) -> Iterator[Block]:
    """The sentences as running text; those of a timeline a line each."""
    is_timeline = any(sentence.label for sentence in sentences)
    yield from _sections(_units(sentences, citations), joint="\n" if is_timeline else " ")


def _units(sentences: Iterable[Sentence], citations: Mapping[int, Citation]) -> Iterator[str]:
    """Sentences with their markers and marks; one too long for a section comes in pieces."""
    room = MAX_SECTION_CHARS - MAX_MARKERS_CHARS - MAX_MARK_CHARS - MAX_LABEL_CHARS
    for sentence in sentences:
        markers = _markers(sentence, citations)
        label = f"• {bold(sentence.label)} " if sentence.label else ""
        first, *others = map(formatted, pieces(sentence.text, room))
        *heads, last = [label + first, *others]
        yield from heads
        yield last + markers + mark(sentence)


def _markers(sentence: Sentence, citations: Mapping[int, Citation]) -> str:
    """The numbers of a sentence, each a link to its article."""
    urls = {number: citations[number].url for number in sentence.citations if number in citations}
    linked = "".join(link(urls.get(number), f"[{number}]") for number in sentence.citations)
    if len(linked) <= MAX_MARKERS_CHARS:
        return linked
    return "".join(f"[{number}]" for number in sentence.citations)[:MAX_MARKERS_CHARS]


def _section(text: str) -> Block:
    # Verbatim, or Slack would make links of names and addresses in the text of articles.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(texts: Iterable[str]) -> Block:
    text = formatted(next(pieces(" · ".join(texts), MAX_SECTION_CHARS)))
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


# -- parts of an answer -------------------------------------------------------------------------


def _sources(citations: Iterable[Citation]) -> Iterator[Block]:
    lines = [_source(citation) for citation in citations]
    yield from _sections([SOURCES, *lines] if lines else [], joint="\n")


def _source(citation: Citation) -> str:
    return f"[{citation.number}] {_article(citation)}"


def _article(citation: Citation) -> str:
    title = link(citation.url, " ".join(citation.title.split())[:MAX_TITLE_CHARS])
    day = citation.published_at.date().isoformat() if citation.published_at else "날짜 모름"
    others = len(citation.also_reported_by)
    more = [f"외 {others}개 매체"] if others else []
    facts = [citation.press or UNKNOWN_PRESS, day, *extent(citation), *more]
    return f"{title} · {escape(' · '.join(facts)[:MAX_TITLE_CHARS])}"


def _compared(answer: Answer) -> Iterator[Block]:
    """What the articles say where sentences are in other words, below the sentences."""
    numbers = {n for sentence in answer.sentences if mark(sentence) for n in sentence.citations}
    if numbers:
        yield _section(COMPARE)
    for citation in answer.citations:
        if citation.number in numbers:
            words = [part for parts in _shortened(citation, MAX_LEAD_CHARS) for part in parts]
            styled = [(text, {"bold": True} if answers else {}) for text, answers in words]
            yield _rich_quote([(f"[{citation.number}] ", {}), *styled])


def _abstention(answer: Answer, search_url: str) -> str:
    hint = "이름이나 날짜를 더 자세히 적어 다시 물어보세요."
    if search_url:
        asked = quote(answer.interpreted.standalone_question[:60])
        found = link(search_url.replace("{query}", asked), "뉴스에서 직접 찾아보기")
        hint = f"{hint} 또는 {found}"
    return f"{escape(answer.text)}\n{hint}"


def _leads(citations: Sequence[Citation]) -> Iterator[Block]:
    """Near articles with what they say, below a heading of their own and without numbers."""
    if citations:
        yield _section(f"{LEADS}\n{NO_ANSWER}")
    for citation in citations:
        yield _section(f"• {_article(citation)}")
        words = [part for parts in _shortened(citation, MAX_LEAD_CHARS) for part in parts]
        yield _rich_quote((text, {"bold": True} if answers else {}) for text, answers in words)


def _buttons(answer: Answer, tally: Tally, offers_to_follow: bool) -> Block:
    labels = {
        UP: f"👍 {tally.up or ''}".strip(),
        DOWN: f"👎 {tally.down or ''}".strip(),
        EVIDENCE: _evidence_label(answer) if answer.citations else None,
        REWRITE: "질문 다시 쓰기",
        FOLLOW: "멘션 없이 이어 묻기" if offers_to_follow else None,
    }
    elements = [
        {
            "type": "button",
            "action_id": action,
            "value": answer.id,
            "text": {"type": "plain_text", "text": label, "emoji": True},
        }
        for action, label in labels.items()
        if label
    ]
    return {"type": "actions", "elements": elements}


def _evidence_label(answer: Answer) -> str:
    return "근거 보기" if answer.status == "answered" else f"{LEADS_TITLE} 보기"


# -- modals -------------------------------------------------------------------------------------


def evidence_modal(answer: Answer, bodies: Mapping[str, str]) -> Block:
    """A modal with the quotes of an answer, each in its context; ``bodies`` is by reference.

    Where an article is missing, or has changed since, only its quote is shown.
    """
    is_answer = answer.status == "answered"
    blocks = [
        block
        for citation in answer.citations
        for block in (
            _section(_source(citation) if is_answer else f"• {_article(citation)}"),
            _quotation(citation, bodies.get(citation.reference, "")),
        )
    ]
    title = "근거" if is_answer else LEADS_TITLE
    return _modal(title, {"blocks": blocks[: MAX_MODAL_BLOCKS - 1]})


def _quotation(citation: Citation, body: str) -> Block:
    """A quote in its context: the quote in bold, what answers also in italics."""
    start, end = citation.start, citation.end
    before = after = ""
    if body[start:end] == citation.quote:  # no further than the paragraph
        before = body[max(start - CONTEXT_CHARS, 0) : start].rpartition("\n\n")[2]
        after = body[end : end + CONTEXT_CHARS].partition("\n\n")[0]
    quoted = [
        (text, {"bold": True, "italic": True} if answers else {"bold": True})
        for number, parts in enumerate(_shortened(citation, MAX_SECTION_CHARS - 700))
        for text, answers in [(" … " if number else "", False), *parts]
    ]
    return _rich_quote([(before, {}), *quoted, (after, {})])


def _shortened(citation: Citation, room: int) -> Iterator[list[tuple[str, bool]]]:
    """The cited words, each quote in pieces that answer or don't; all of them at most ``room`` characters."""
    for parts in citation.marked_quotes():
        shown = []
        for text, answers in parts:
            shown.append((text[:room], answers))
            room = max(room - len(text), 0)
        yield shown


def _rich_quote(parts: Iterable[tuple[str, dict[str, bool]]]) -> Block:
    """A block quotation as rich text, in which Slack interprets no markup."""
    elements = [
        {"type": "text", "text": text} | ({"style": style} if style else {})
        for text, style in parts
        if text
    ]
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": elements}]}


def rewrite_modal(question: Question, answer: Answer, metadata: str) -> Block:
    """A form with the question as it was understood, to be changed."""
    text = {
        "type": "plain_text_input",
        "action_id": QUESTION_INPUT,
        "initial_value": (answer.interpreted.standalone_question or question.question)[:1_000],
        "multiline": True,
        "max_length": 1_000,
    }
    block = {
        "type": "input",
        "block_id": QUESTION_INPUT,
        "label": {"type": "plain_text", "text": "질문"},
        "hint": {"type": "plain_text", "text": "이름, 날짜, 언론사를 적으면 더 잘 찾습니다."},
        "element": text,
    }
    fields = {"blocks": [block], "callback_id": REWRITTEN, "private_metadata": metadata}
    return _modal("질문 다시 쓰기", fields | {"submit": {"type": "plain_text", "text": "묻기"}})


def _modal(title: str, fields: Block) -> Block:
    head = {"type": "modal", "title": {"type": "plain_text", "text": title}}
    return head | {"close": {"type": "plain_text", "text": "닫기"}} | fields
