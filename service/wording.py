"""What the doors say alike: Slack and the terminal here, the page in ``service/web/wording.js``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from service.schema import Answer, Citation, Interpreted, Role, Sentence

UNKNOWN_PRESS = "언론사 모름"

LEADS_TITLE = "가까운 기사"
"""Heads the leads of an answer whose status is ``related``."""

NO_ANSWER = "답이 아니라, 찾아보실 만한 기사와 그 한 대목입니다."
"""Stands below that heading, so that nobody takes a lead for an answer."""

NO_QUESTION = "기사에 묻는 질문이 아니어서 답하지 않았습니다. 기사에서 찾고 싶은 것을 한 문장으로 물어 주세요."
"""Answers a message that asks nothing of the archive: a greeting, a task such as a title for a conversation."""

REWORDED = "기사와 표현이 다름"
"""Marks a sentence whose facts are the article's, but of whose wording nobody judged whether it says the same."""

SEE_THE_ARTICLE = "기사와 표현이 다릅니다. 원문을 보세요."
"""Heads the cited words that such sentences are to be compared with."""

_SEARCHED: dict[Role, str] = {"preference": "을 우선해 찾았습니다", "demand": " 안에서 찾았습니다"}


def understanding(interpreted: Interpreted) -> Iterator[str]:
    """How the question was understood: its time, and its outlets, sections and reporters.

    Each says whether such articles were merely preferred, or others left out.
    """
    if asked := interpreted.time_range:
        days = f"{asked.start or ''} ~ {asked.end or ''}".strip()
        yield f"기간: {days} (‘{asked.expression}’), 이 기간{_SEARCHED[asked.role]}"
    if named := interpreted.filters:
        names = ", ".join(named.names())
        yield f"조건: {names}, 이 조건{_SEARCHED[named.role]}"


def mark(sentence: Sentence) -> str:
    """What stands behind a sentence and its markers: nothing, or that its wording is not the article's."""
    return f" ({REWORDED})" if sentence.support == "reworded" else ""


def joined(sentences: Sequence[Sentence], behind: Callable[[Sentence], str] = lambda _: "") -> str:
    """Sentences with their markers and what stands ``behind`` each: the events of a timeline a line each."""
    text = "".join(s.separator + s.marked + behind(s) for s in sentences)
    return text[1:]


def marked(answer: Answer) -> str:
    """The text of the answer, with the marks of its sentences."""
    if answer.status != "answered":
        return answer.text
    return joined(answer.sentences, mark)


def unmarked(text: str) -> str:
    """An earlier answer without the marks, which are no part of what it says."""
    return text.replace(f" ({REWORDED})", "")


def extent(citation: Citation) -> Iterator[str]:
    """What there is of a cited article, where that is not a whole article without pages."""
    if citation.page is not None:
        yield f"{citation.page}쪽"
    if citation.excerpt:
        yield "일부만 수록"


def remarks(answer: Answer) -> Iterator[str]:
    """What a reader should know beside the answer itself."""
    if answer.dropped_sentences:
        yield f"기사에서 근거를 찾지 못한 문장 {answer.dropped_sentences}개를 뺐습니다."
    if answer.fallback_from:
        yield f"{answer.fallback_from} 모델이 답하지 못해 기사 문장으로 답했습니다."
    if answer.incomplete:
        yield "답변 모델이 도중에 끊겨 답이 다 나오지 않았을 수 있습니다."
