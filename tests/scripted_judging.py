"""A language model that plays the judge on a fake server: reads the pairs of a request and replies as told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from fake_llm_server import Reply, Request
from scripted_judge import demanded

from service.verify.judge import Verdict

_PAIR = re.compile(r'<쌍 id="(\d+)">\n<근거>(.*?)</근거>\n<문장>(.*?)</문장>\n</쌍>', re.DOTALL)


def pairs_in(request: Request) -> dict[int, tuple[str, str]]:
    """Evidence and sentence by number, as the judge's prompt shows them; nothing for another request."""
    text = str(request.body["messages"][-1]["content"])
    return {int(number): (evidence, said) for number, evidence, said in _PAIR.findall(text)}


def item(number: int, verdict: str, span: str, probability: float = 0.9) -> dict[str, Any]:
    return {"id": number, "verdict": verdict, "span": span, "probability": probability}


def reply_of(*items: Mapping[str, Any]) -> Reply:
    """The reply as good models give it, in pieces."""
    text = json.dumps({"judgements": items}, ensure_ascii=False)
    return Reply(tuple(text[n : n + 50] for n in range(0, len(text), 50)))


def knowing(verdicts: Mapping[str, Verdict]) -> Callable[[Request], Reply]:
    """A model that knows the verdicts of sentences, and names as span the first words of the evidence."""
    known = {"".join(text.split()): verdict for text, verdict in verdicts.items()}

    def script(request: Request) -> Reply:
        items = []
        for number, (evidence, sentence) in pairs_in(request).items():
            verdict = known.get("".join(sentence.split()), "unknown")
            items.append(item(number, verdict, "" if verdict == "unknown" else evidence[:60]))
        return reply_of(*items)

    return script


def without_schema(script: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    """A server that refuses the parameters of structured output, and a model that wraps its JSON in prose."""

    def refusing(request: Request) -> Reply:
        if {"response_format", "output_config"} & request.body.keys():
            return Reply(status=400, code="invalid_request_error")
        reply = script(request)
        return Reply(("판정 결과입니다.\n```json\n", *reply.pieces, "\n```\n이상입니다."))

    return refusing


def obeying(request: Request) -> Reply:
    """A model that does as any text it is shown commands, and names the command itself as the span."""
    whole = str(request.body["messages"][-1]["content"])
    verdict = demanded(whole) or "contradicted"
    return reply_of(
        *(
            item(number, verdict, _command_in(whole) or evidence[:60], 1.0)
            for number, (evidence, _) in pairs_in(request).items()
        )
    )


def _command_in(text: str) -> str:
    found = re.search(r"[^.\n<>]*(?:supported|contradicted)[^.\n<>]*", text)
    return found[0].strip() if found else ""
