"""Slack's markup and Block Kit: within the limits whatever an answer holds, and as documented."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import fake_slack
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from small_citation import citation

from service.schema import (
    ABSTENTIONS,
    Answer,
    FoundFilters,
    Interpreted,
    Question,
    Sentence,
    Span,
    Support,
    TimeRange,
)
from service.settings import Settings
from service.slack import blocks, bot, mrkdwn
from service.slack.blocks import Draft, Tally, answer_messages
from service.slack.rules import Rules
from service.wording import LEADS_TITLE, NO_ANSWER

ROOT = Path(__file__).resolve().parent.parent
SEARCH = "https://search.example/?q={query}"


def answer(*sentences: Sentence, **fields: Any) -> Answer:
    return Answer(
        **{
            "id": "answer",
            "question": "트램 총사업비는?",
            "status": "answered",
            "text": " ".join(sentence.marked for sentence in sentences),
            "sentences": sentences,
            "interpreted": Interpreted(standalone_question="트램 총사업비는?"),
            "backend": "stub",
            "generation": 1,
            "timings_ms": {},
        }
        | fields
    )


# -- markup -------------------------------------------------------------------------------------


@given(st.text())
def test_escaped_text_reads_as_it_is(text: str) -> None:
    escaped = mrkdwn.escape(text)
    assert not set("<>") & set(escaped)
    spaced = re.sub(r"[ \t]+", " ", text.replace("\u200b", "")).strip()
    assert mrkdwn.plain(escaped) == spaced


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"<@{fake_slack.BOT}> 트램은?", "트램은?"),
        ("<@U1|anna>에게 <#C1|news>에서", "@anna에게 #news에서"),
        ("<!channel> <!subteam^S1|@client> 여러분", "@client 여러분"),
        ("<https://a.example|기사>와 <https://b.example>", "기사와 https://b.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2 &amp;lt;", "1 < 2 && 3 > 2 &lt;"),
    ],
)
def test_what_people_write_becomes_plain(written: str, read: str) -> None:
    assert mrkdwn.plain(written) == read


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        (":eyes: 트램은? :pray::skin-tone-2: :+1:", "트램은?"),
        ("*트램 1호선*의 _총사업비_는 `얼마`인가요?", "트램 1호선의 총사업비는 얼마인가요?"),
        ("<https://a.example/b|https://a.example/b> 이 <https://c.example|기사> 요약", "이 기사 요약"),
        ("10:30:45에 2 * 3 * 4, 5월~6월, 7월~8월, a_b_c", "10:30:45에 2 * 3 * 4, 5월~6월, 7월~8월, a_b_c"),
        ("<https://a.example> :eyes:", ""),
    ],
)  # fmt: skip
def test_a_question_is_its_words(written: str, asked: str) -> None:
    assert mrkdwn.words(written) == asked


def test_bold_type_works_next_to_hangul() -> None:
    assert mrkdwn.formatted("**4,820억 원**으로 <b>") == "\u200b*4,820억 원*\u200b으로 &lt;b&gt;"
    assert mrkdwn.formatted("2 ** 3 ** 4") == "2 ** 3 ** 4"


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "//x.example", "https://", "https://x/" + "a" * 800]
)
def test_an_address_that_slack_should_not_open_is_no_link(url: str | None) -> None:
    assert mrkdwn.link(url, "[1]") == "[1]"


@given(st.text(alphabet="가a&<>* \n", max_size=400), st.integers(min_value=10, max_value=80))
def test_pieces_are_the_text_and_short_enough(text: str, limit: int) -> None:
    pieces = list(mrkdwn.pieces(text, limit))
    assert all(len(mrkdwn.formatted(piece)) <= limit for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


# -- limits -------------------------------------------------------------------------------------

TEXTS = st.text(alphabet="가나다 .&<>*한국은행1", min_size=1, max_size=30).flatmap(
    lambda text: st.integers(1, 200).map(lambda times: text * times)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=25), st.text(max_size=600), st.integers(0, 40))
def test_any_answer_fits_into_messages_that_slack_takes(
    texts: list[str], title: str, sources: int
) -> None:
    urls = [f"https://x.example/{n}?{'&' * 150}" for n in range(sources + 1)]
    citations = [citation(n, title=title, url=url) for n, url in enumerate(urls, start=1)]
    numbers = tuple(range(1, sources + 2))
    grades = itertools.cycle(get_args(Support))
    sentences = [
        Sentence(text=text, citations=numbers, support=grade)
        for text, grade in zip(texts, grades, strict=False)
    ]
    whole = answer(*sentences, citations=tuple(citations))
    messages = answer_messages(whole, tally=Tally(), search_url=SEARCH, offers_to_follow=True)
    draft = Draft(sentences, dict(enumerate(citations, start=1)))
    for message in [*messages, *draft.messages("…")]:
        shown = {"text": message.text.strip() or "…", "blocks": list(message.blocks)}
        fake_slack._check(shown)  # refuses what Slack would
    text = "".join(t for m in messages for t in fake_slack._texts(list(m.blocks)))
    bare = re.sub(r"\s|\u200b|\*", "", text)
    for sentence in texts:
        for piece in mrkdwn.pieces(sentence, 200):
            assert re.sub(r"\s|\*", "", mrkdwn.escape(piece)) in bare


def test_many_small_blocks_take_several_messages() -> None:
    messages = blocks._messages("글", [blocks._section(str(n)) for n in range(120)])
    assert [len(message.blocks) for message in messages] == [50, 50, 20]
    shown = [block["text"]["text"] for message in messages for block in message.blocks]
    assert shown == [str(n) for n in range(120)]


def test_modals_keep_their_limits() -> None:
    citations = tuple(
        citation(n, quote="가" * 9_000, start=0, end=9_000, title="제목" * 300)
        for n in range(1, 60)
    )
    modal = blocks.evidence_modal(answer(citations=citations), {"a1": "다른 글"})
    fake_slack.check_view(modal)  # refuses what Slack would
    long = Interpreted(standalone_question="가" * 1_200)
    form = blocks.rewrite_modal(Question(question="?"), answer(interpreted=long), "C1 1.0")
    fake_slack.check_view(form)


def test_leads_are_no_sources() -> None:
    """A heading of their own, no numbers, and the button and the modal that say what they are."""
    near = answer(
        status="related",
        text=ABSTENTIONS["related"],
        citations=(citation(1, answer_spans=(Span(start=6, end=14),)),),
    )
    [message] = answer_messages(near, tally=Tally(), search_url=SEARCH, offers_to_follow=False)
    shown = "\n".join(fake_slack._texts(list(message.blocks)))
    assert ABSTENTIONS["related"] in shown
    assert LEADS_TITLE in shown
    assert NO_ANSWER in shown
    assert "<https://haedam.example/1|기사 1>" in shown
    assert "출처" not in shown
    assert "[1]" not in shown
    [quoted] = [block for block in message.blocks if block["type"] == "rich_text"]
    assert quoted["elements"][0]["elements"] == [
        {"type": "text", "text": "총사업비는 "},
        {"type": "text", "text": "4,820억 원", "style": {"bold": True}},
        {"type": "text", "text": "으로"},
    ]
    labels = [b["text"]["text"] for b in fake_slack.buttons({"blocks": list(message.blocks)})]
    assert labels == ["👍", "👎", f"{LEADS_TITLE} 보기", "질문 다시 쓰기"]
    modal = blocks.evidence_modal(near, {})
    fake_slack.check_view(modal)
    assert modal["title"]["text"] == LEADS_TITLE
    assert "[1]" not in modal["blocks"][0]["text"]["text"]


@pytest.mark.parametrize("spans", [(), (Span(start=0, end=8_000),)])
def test_long_leads_fit_into_messages_that_slack_takes(spans: tuple[Span, ...]) -> None:
    quote = "가&<" * 3_000
    leads = tuple(
        citation(n, quote=quote, start=0, end=9_000, title="&" * 900, answer_spans=spans)
        for n in range(1, 4)
    )
    near = answer(status="related", text=ABSTENTIONS["related"], citations=leads)
    for message in answer_messages(near, tally=Tally(), search_url="", offers_to_follow=False):
        fake_slack._check({"text": message.text, "blocks": list(message.blocks)})


def test_what_answers_stands_out_in_the_evidence() -> None:
    span = Span(start=6, end=14)
    modal = blocks.evidence_modal(answer(citations=(citation(1, answer_spans=(span,)),)), {})
    [quoted] = modal["blocks"][1]["elements"]
    styles = {part["text"]: part["style"] for part in quoted["elements"]}
    assert styles == {
        "총사업비는 ": {"bold": True},
        "4,820억 원": {"bold": True, "italic": True},
        "으로": {"bold": True},
    }


def test_it_is_told_whether_a_time_was_preferred_or_demanded() -> None:
    for role, told in (("preference", "우선해 찾았습니다"), ("demand", "안에서 찾았습니다")):
        asked = Interpreted(
            standalone_question="?",
            time_range=TimeRange(start="2025-05-12", end=None, expression="지난주", role=role),
            filters=FoundFilters(press=("해담일보",), role=role),
            note="그렇습니다.",
        )
        [message] = answer_messages(
            answer(interpreted=asked), tally=Tally(), search_url="", offers_to_follow=False
        )
        [context] = [block for block in message.blocks if block["type"] == "context"]
        text = context["elements"][0]["text"]
        assert re.search(rf"2025-05-12 ~ \(‘지난주’\), 이 기간\S* {told}", text)
        assert re.search(rf"조건: 해담일보, 이 조건\S* {told} · 그렇습니다\.", text)


# -- manifest and documents ---------------------------------------------------------------------


def test_the_manifest_has_the_scopes_and_events_that_the_bot_needs() -> None:
    manifest = bot.MANIFEST.read_text("utf-8")
    listed = re.findall(r"- ([a-z_]+[:.][a-z]+|app_mention|chat:write|commands)$", manifest, re.M)
    for readme in ("README.md", "README.ko.md"):
        text = (bot.MANIFEST.parent / readme).read_text("utf-8")
        told = set(re.findall(r"^\| `([a-z_:.]+)` \|", text, re.M))
        assert told == set(listed)
    for command in ("/기사", "/gisa"):
        assert f"command: {command}\n" in manifest


def test_the_manifest_keeps_to_slacks_limits() -> None:
    manifest = yaml.safe_load(bot.MANIFEST.read_text("utf-8"))
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert manifest["settings"]["socket_mode_enabled"]
    for command in manifest["features"]["slash_commands"]:
        assert len(command["command"]) <= 32
        assert "url" not in command  # which Socket Mode has none of


def test_compose_runs_the_bot_beside_the_service() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    slack = services["slack"]
    assert slack["profiles"] == ["slack"]  # only when asked for
    assert slack["command"] == ["gisa", "slack"]
    told = slack["environment"]
    assert {name.removeprefix("GISA_").lower() for name in told} <= set(Settings.model_fields)
    defaults = {name: value.partition(":-")[2].rstrip("}") for name, value in told.items()}
    assert defaults["GISA_API_URL"] == "http://gisa:8000"  # another with other profiles
    assert services["gisa"]["ports"] == ["127.0.0.1:8000:8000"]
    [volume] = slack["volumes"]
    assert defaults["GISA_SLACK_STATE"].startswith(volume.partition(":")[2])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    [extras] = re.findall("^ARG EXTRAS=(.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.M)
    assert "slack" in extras.split(",")
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_rules_of_the_documents_can_be_read(readme: str) -> None:
    text = (bot.MANIFEST.parent / readme).read_text("utf-8")
    [rules] = re.findall(r"```toml\n(.*?)```", text, re.S)
    assert Rules.model_validate(tomllib.loads(rules)).channels


EXAMPLES = {
    "answered": answer_messages(
        answer(
            Sentence(
                text="**트램 1호선**의 총사업비는 4,820억 원이다.",
                citations=(1,),
                support="supported",
            ),
            Sentence(
                text="국비와 도비, 시비로 나눠 부담한다.", citations=(1, 2), support="supported"
            ),
            citations=(
                citation(
                    1,
                    title="트램 1호선 기본계획 승인",
                    also_reported_by=("동람경제", "시민행정신문"),
                ),
                citation(2, title="트램 예산 <확정> & 착공", press="동람경제"),
            ),
            dropped_sentences=1,
            interpreted=Interpreted(
                standalone_question="지난주 트램 1호선 총사업비는?",
                time_range=TimeRange(start="2025-05-12", end="2025-05-18", expression="지난주"),
                filters=FoundFilters(section=("정치",)),
            ),
        ),
        tally=Tally(2, 1),
        search_url=SEARCH,
        offers_to_follow=True,
    ),
    "writing": Draft(
        [Sentence(text="총사업비는 4,820억 원이다.", citations=(1,), support="supported")],
        {1: citation(1, title="트램 1호선 기본계획 승인")},
    ).messages("답을 쓰고 있습니다…"),
    "leads": answer_messages(
        answer(
            status="related",
            text=ABSTENTIONS["related"],
            citations=(
                citation(
                    1,
                    title="트램 1호선 기본계획 승인",
                    also_reported_by=("동람경제", "시민행정신문"),
                ),
                citation(2, title="트램 예산 <확정> & 착공", press="동람경제"),
            ),
        ),
        tally=Tally(),
        search_url=SEARCH,
        offers_to_follow=False,
    ),
    "reworded": answer_messages(
        answer(
            Sentence(text="총사업비는 4,820억 원이다.", citations=(1,), support="supported"),
            Sentence(text="나라와 지방이 돈을 나눠 댄다.", citations=(1,), support="reworded"),
            citations=(citation(1, title="트램 1호선 기본계획 승인"),),
        ),
        tally=Tally(),
        search_url=SEARCH,
        offers_to_follow=False,
    ),
    "no evidence": answer_messages(
        answer(status="no_evidence", text="기사에서 찾지 못했습니다."),
        tally=Tally(),
        search_url=SEARCH,
        offers_to_follow=False,
    ),
}


def rendered(message: blocks.Message) -> str:
    """A message as text: links as label (address), buttons in brackets, a rule above small print."""
    lines = []
    for block in message.blocks:
        if block["type"] == "section":
            lines.append(_readable(block["text"]["text"]))
        elif block["type"] == "context":
            lines.append("· " + _readable(block["elements"][0]["text"]))
        elif block["type"] == "rich_text":
            [quoted] = block["elements"]
            lines.append("> " + "".join(part["text"] for part in quoted["elements"]))
        else:
            lines.append(" ".join(f"[ {e['text']['text']} ]" for e in block["elements"]))
    return "\n\n".join(lines)


def _readable(text: str) -> str:
    text = re.sub(r"<(https?:[^|>]+)\|([^>]+)>", r"\2(\1)", text)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("\u200b", "")):
        text = text.replace(entity, char)
    return text


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_messages_look_as_documented(name: str, readme: str) -> None:
    shown = "\n---\n".join(map(rendered, EXAMPLES[name]))
    assert f"```text\n{shown}\n```" in (bot.MANIFEST.parent / readme).read_text("utf-8")
