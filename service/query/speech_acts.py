"""The speech act of a stretch of an utterance, by what Korean grammar shows of it (Searle, 1969)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property

from index import Token
from service.korean.lexicon import LEXICON


class Asks(IntEnum):
    """How surely a segment asks something of the archive."""

    NOTHING = 0  # greetings, labels, emoji
    READER = 1  # of the reader: «점심은 드셨어요?», or something of the answer: «표로 정리해 줘»
    STATES = 2
    NAMES = 3  # a noun phrase, or a request with an object
    WHETHER = 4
    WHICH = 5  # with an interrogative, but no topic of its own, or as part of a statement
    WHAT = 6  # with an interrogative and a topic


_ASKING_ENDING = LEXICON.expression("{speech.asking_endings}(?:요|용|여)?")
_EMBEDDED_ENDING = LEXICON.expression("{speech.embedded_endings}")
_IMPERATIVE = LEXICON.expression("{speech.imperative_endings}")
_PROMISE = re.compile(r"(?:ᆯ|을)게(?:요)?")
_STATING_ENDING = LEXICON.expression("{speech.stating_endings}")
_CONCESSIVE = LEXICON.expression("{speech.concessive_endings}")
_REPORTED_REQUEST = re.compile(r"대|래")
_TOPICS = frozenset({"은", "는", "ᆫ", "도", "만"})
_ENDS = ("E", "JX", "S", "W_EMOJI", "Z_")
_NOUN_TAGS = frozenset({"NNG", "NNP", "SL", "SH", "XR", "NR", "W_SERIAL", "W_HASHTAG"})
_NOMINAL_TAGS = _NOUN_TAGS | frozenset("SN NNB XSN ETN JX JKO JKG JKS JKB SW NP".split())


class Segment:
    """A stretch of an utterance: its morphemes, and what grammar shows of its speech act."""

    def __init__(self, tokens: Sequence[Token], *, is_unsure: bool = False) -> None:
        """``is_unsure``: what follows says that the speaker does not know: «어디서 봤는지 | 모르겠는데»."""
        self.tokens, self.is_unsure = tokens, is_unsure

    @property
    def start(self) -> int:
        """Where it begins, in characters."""
        return self.tokens[0].start

    @property
    def end(self) -> int:
        """Where it ends, in characters."""
        return self.tokens[-1].end

    @cached_property
    def asks(self) -> Asks:
        """How surely it asks something of the archive."""
        if not any(t.tag.split("-")[0] in _NOUN_TAGS for t in self.tokens) and not self._asking:
            return Asks.NOTHING
        if self._asking and self.is_unsure:
            return Asks.STATES
        if self._asking and not self._is_indefinite:
            is_whole = self._topics and not self._is_embedded
            return Asks.WHAT if is_whole else Asks.WHICH
        if self._is_to_the_reader:
            return Asks.READER
        if self._requests:
            return Asks.NAMES if self._topics else Asks.READER
        if self._has_asking_ending:
            return Asks.WHETHER if self._topics else Asks.READER
        if self._is_noun_phrase:
            return Asks.NAMES if self._topics else Asks.NOTHING
        return Asks.STATES

    @cached_property
    def expects_reply(self) -> bool:
        """Whether who says it among others expects an answer: not who promises, reports, thanks or exclaims."""
        if self._requests and not self._asking:
            return self._is_directive
        if self.asks == Asks.NAMES:
            return not (self._states_by_a_noun or self._is_exclamation)
        return self.asks >= Asks.NAMES or self._is_elliptic or self._asks_a_favour

    @cached_property
    def end_of_question(self) -> int:
        """Where the frame of a request begins: «요금을 | 알려 주세요», «요금 | 영어로 답해 줘»."""
        if self._asking or self.asks != Asks.NAMES:
            return self.end
        place = self._predicate if self._requests else len(self.tokens)
        while place > 1 and self._is_frame(self.tokens[place - 1]):
            place -= 1
        if place < len(self.tokens) and self.tokens[place].tag.startswith(("J", "X")):
            place += 1  # the particle of what is asked for
        kept = self.tokens[:place]
        return kept[-1].end if kept and Segment(kept)._topics else self.end

    def _is_frame(self, token: Token) -> bool:
        """Adverbs, marks, counts, and nouns about asking with their particles."""
        if token.tag.split("-")[0] in _NOUN_TAGS:
            return token.form in LEXICON["speech.about_asking"]
        return token.tag.startswith(("MA", "MM", "J", "S")) and token.tag not in {"SL", "SH"}

    @cached_property
    def has_other_subject(self) -> bool:
        """Whether somebody or something other than speaker and reader is its subject or topic."""
        for before, token in zip(self.tokens, self.tokens[1:], strict=False):
            marks = token.tag == "JKS" or (token.tag == "JX" and token.form in _TOPICS)
            names = before.tag.split("-")[0] in _NOUN_TAGS | {"XSN", "SN"}
            if marks and names and before.form not in LEXICON["speech.about_asking"]:
                return True
        return False

    @property
    def names_something(self) -> bool:
        """Whether it has an interrogative, or a topic other than questions and answers: greetings have neither."""
        return self._asking or self._topics

    # -- grammar

    @cached_property
    def _asking(self) -> bool:
        """Whether it has an interrogative."""
        asking = False
        for token in self.tokens:
            if token.tag == "EC" and _CONCESSIVE.fullmatch(token.form):
                asking = (
                    False  # 누가 뭐라 해도, 어디를 가든: an interrogative before it is indefinite
                )
            elif token.form in LEXICON["speech.interrogatives"] and token.tag[0] in "NMVX":
                asking = True
        return asking

    @cached_property
    def _topics(self) -> bool:
        """Whether it names anything but questions and answers."""
        return any(
            t.tag.split("-")[0] in _NOUN_TAGS
            and t.form not in LEXICON["speech.about_asking"]
            and t.form not in LEXICON["speech.interrogatives"]
            for t in self.tokens
        )

    @cached_property
    def _ending(self) -> Token | None:
        said = [
            t
            for t in self.tokens
            if not t.tag.startswith(("SF", "SP", "SS", "SE", "SW", "SO", "W_E", "Z_"))
        ]
        while said and said[-1].tag in {"JX", "MM"} and said[-1].form in {"요", "용", "욤"}:
            said.pop()
        return said[-1] if said else None

    @cached_property
    def _is_marked(self) -> bool:
        return any("?" in t.form or "？" in t.form for t in self.tokens if t.tag[0] == "S")

    @cached_property
    def _has_asking_ending(self) -> bool:
        ending = self._ending
        if self._is_marked:
            return True
        is_ending = ending is not None and ending.tag in {"EF", "EC"}
        return bool(is_ending and ending and _ASKING_ENDING.fullmatch(ending.form))

    @cached_property
    def _is_embedded(self) -> bool:
        ending = self._ending
        return (
            bool(ending and ending.tag == "EC" and _EMBEDDED_ENDING.fullmatch(ending.form))
            and not self._is_marked
        )

    @cached_property
    def _is_indefinite(self) -> bool:
        """Whether its interrogative is none: «어디서 얼핏 들은 것 같아서요»."""
        ending = self._ending
        if ending is None or self._has_asking_ending or ending.tag not in {"EF", "EC"}:
            return False
        return ending.tag == "EC" or bool(_STATING_ENDING.fullmatch(ending.form))

    @cached_property
    def _is_noun_phrase(self) -> bool:
        ending = self._ending
        return ending is not None and ending.tag.split("-")[0] in _NOMINAL_TAGS

    @cached_property
    def _predicate(self) -> int:
        """The place of its last predicate, from the main verb on; the end if it has none."""
        place = len(self.tokens)
        while place and self.tokens[place - 1].tag.startswith((*_ENDS, "VX")):
            place -= 1
        if place and self.tokens[place - 1].tag.split("-")[0] in {"VV", "VA", "XSV", "XSA", "VCP"}:
            place -= 1
            derived = (
                self.tokens[place].tag.startswith("XS")
                or self.tokens[place].form in LEXICON["speech.request_verbs"]
            )
            if derived and place and self.tokens[place - 1].tag in {"NNG", "XR"}:
                place -= 1
            if place and self.tokens[place - 1].tag == "ETN":  # 알려 주시기 바랍니다
                return Segment(self.tokens[: place - 1])._predicate
            return place
        return len(self.tokens)

    @cached_property
    def _requests(self) -> bool:
        """Whether the speaker asks the reader to do something, or says that they ask."""
        tail = self.tokens[self._predicate :]
        if not tail:
            return False
        verbs = {t.form for t in tail if t.tag.split("-")[0] in {"VV", "VX"}}
        ending = self._ending
        form = ending.form if ending else ""
        if verbs & LEXICON["speech.request_verbs"].words:
            return not _REPORTED_REQUEST.search(form)
        wants = "싶" in verbs or any(t.form in {"궁금하", "궁금"} for t in tail)
        orders = bool(
            ending
            and ending.tag == "EF"
            and (_IMPERATIVE.fullmatch(form) or _PROMISE.fullmatch(form))
        )
        return wants or orders

    @cached_property
    def _is_directive(self) -> bool:
        """Whether a request is one: «찾아 주세요», «확인 부탁드려요», not «드릴게요», «보고드렸어요», «감사드립니다»."""
        tail = self.tokens[max(0, self._predicate - 1) :]
        forms = {t.form for t in tail}
        if forms & LEXICON["speech.performatives"].words or self._has_asking_ending:
            return True
        ending = self._ending
        is_own = any(t.tag == "EP" and t.form in {"겠", "었", "았", "였"} for t in tail)
        if is_own or (ending and _PROMISE.fullmatch(ending.form)):
            return any(t.tag == "EP" and t.form in {"시", "으시"} for t in tail)
        # Other orders are wishes and advice among people: 복 많이 받으세요.
        orders = self._topics and not forms.isdisjoint(LEXICON["speech.about_asking"].words)
        return orders or not forms.isdisjoint({"주", "달"})

    @cached_property
    def _states_by_a_noun(self) -> bool:
        """«1면감은 아닌 듯», «출고 완료», «누가 뭐래도 특종»: a noun is its predicate."""
        grants = any(t.tag == "EC" and _CONCESSIVE.fullmatch(t.form) for t in self.tokens)
        ending = self._ending
        return grants or bool(ending and ending.form in LEXICON["speech.stating_nouns"])

    @cached_property
    def _is_exclamation(self) -> bool:
        """«굿굿», «넹», «땡큐»: the analyser takes a lone syllable, or a foreign word that it doesn't know, for a noun."""
        forms = {t.form for t in self.tokens if t.tag[0] not in "SWZ"}
        is_name = all(t.tag == "NNP" for t in self.tokens if t.tag[0] not in "SWZ")
        return len(forms) == 1 and (is_name or all(len(form) == 1 for form in forms))

    @cached_property
    def _is_elliptic(self) -> bool:
        """«2024년에는요», «기사 링크 좀»: a topic of which to tell, a thing to hand over."""
        ending = self._ending
        if ending is None or ending is self.tokens[0]:
            return False
        is_topic = ending.tag == "JX" and ending.form in {"은", "는", "ᆫ"}
        return is_topic or (ending.tag == "MAG" and ending.form == "좀")

    @cached_property
    def _asks_a_favour(self) -> bool:
        """«찾아 주실 수 있을까요», «표로 정리해 봐»."""
        helps = any(t.tag == "VX" and t.form == "주" for t in self.tokens)
        last = [(t.form, t.tag[:2]) for t in self.tokens if t.tag[0] in "EV"][-2:]
        return (helps and self._has_asking_ending) or (
            len(last) == 2 and last[0] == ("보", "VX") and last[1][0] in {"어", "아"}
        )

    @cached_property
    def _is_to_the_reader(self) -> bool:
        """Whether it asks after the reader: «점심은 드셨어요?», «너 뉴스 잘 찾는다며?»."""
        if any(t.tag == "NP" and t.form in LEXICON["speech.readers"] for t in self.tokens):
            return True
        honoured = any(t.tag == "EP" and t.form in {"시", "으시", "셨"} for t in self.tokens[-5:])
        return honoured and not self._requests and self._has_asking_ending
