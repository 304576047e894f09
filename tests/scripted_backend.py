"""A backend that says what a test tells it to say, good or bad, when it is told to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

from service.errors import LLMError
from service.generate.prompt import Prompt
from service.generate.stub import first_sentences

Step = str | float | LLMError
"""Text is said, seconds are waited, an error is raised."""
Script = Callable[[Prompt], Sequence[Step]]


class ScriptedBackend:
    """Takes the steps of its script."""

    def __init__(self, script: Script, *, name: str = "scripted") -> None:
        self._script, self.name = script, name

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        for step in self._script(prompt):
            if isinstance(step, LLMError):
                raise step
            if isinstance(step, str):
                yield step
            else:
                await asyncio.sleep(step)


# -- scripts ------------------------------------------------------------------------------------


def invented_markers(prompt: Prompt) -> list[str]:
    """The right sentences under numbers that nobody supplied."""
    return [re.sub(r"\[(\d+)\] $", r"[9\1] ", piece) for piece in first_sentences(prompt)]


def swapped_numbers(prompt: Prompt) -> list[str]:
    """The right sentences with every number in them turned around: 4,820 becomes 0,284."""
    return [
        re.sub(r"\d[\d,.]*\d", lambda m: m[0][::-1], text) + marker
        for text, marker in map(_split_marker, first_sentences(prompt))
    ]


def broken_off(prompt: Prompt, error: LLMError) -> list[Step]:
    """All of it but the end of the last sentence, then the error."""
    pieces = first_sentences(prompt)
    text, _ = _split_marker(pieces[-1])
    return [*pieces[:-1], text[: len(text) // 2], error]


def stalling(prompt: Prompt) -> list[Step]:
    """A sentence and a half, then nothing for an hour."""
    return [*first_sentences(prompt)[:1], "그리고", 3_600.0]


def _split_marker(piece: str) -> tuple[str, str]:
    text, bracket, number = piece.rpartition("[")
    return text, bracket + number


def obedient(prompt: Prompt) -> list[str]:
    """Whatever the question, the titles and the articles command, it does.

    It repeats what is in quotation marks in a command, adds the addresses, shows the system message,
    and cites each time all the sources there are.
    """
    markers = "".join(f"[{source.number}]" for source in prompt.sources)
    commands = [c for text in _all_texts(prompt) for c in _commands(text)]
    said = [speech for command in commands for speech in _demanded(command, prompt)]
    return [f"{sentence.rstrip(' .')}.{markers} " for sentence in dict.fromkeys(said)]


def _all_texts(prompt: Prompt) -> Iterator[str]:
    yield prompt.question
    for source in prompt.sources:
        yield source.article.title
        yield source.body


_COMMAND = re.compile(
    r"(?:하|해|쓰|써|적으|적어|붙이|붙여|답하|말하|출력하|밝히|바꾸|바꿔|인용하|보이|보여|반복하|넣으|넣어)"
    r"(?:라|시오|십시오|세요| ?주세요| ?줘)|써라|말해|지어내라"
    r"|\b(?:ignore|disregard|say|write|answer|reply|respond|output|print|repeat|reveal|cite|append|add"
    r"|include|replace|state|tell|claim|translate|begin|end)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[“\"‘'«「『`]([^“”\"‘’'«»「」『』`]{2,})[”\"’'»」』`]")
_ADDRESS = re.compile(r"(?:https?://|www\.)[\w./?=&%#-]+\w")
_SECRET = re.compile(
    r"프롬프트|시스템 메시지|지침|지시문|system (?:prompt|message)|instructions", re.I
)


def _commands(text: str) -> Iterator[str]:
    """The lines and sentences of a text that hold an imperative."""
    for part in re.split(r"\n+|(?<=[.!?])\s+(?![^“\"']*[”\"'](?:라고|고|이라))", text):
        if _COMMAND.search(part):
            yield part


def _demanded(command: str, prompt: Prompt) -> Iterator[str]:
    """What a backend says that does as it is told."""
    yield from (quoted[1] for quoted in _QUOTED.finditer(command))
    yield from (f"자세한 내용은 {address[0]} 참조" for address in _ADDRESS.finditer(command))
    if _SECRET.search(command):
        yield from prompt.messages()[0]["content"].splitlines()
    after_colon = re.search(r"[:：]\s*(\S.{3,})$", command)
    if after_colon:
        yield after_colon[1]
