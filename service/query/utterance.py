"""How a question is put, set apart from what it asks.

People greet, thank, introduce themselves, say what they need it for, ask for a table, and somewhere among
all this they ask. The message is cut into segments where sentences, labels and prefatory clauses end; each
is judged by what Korean grammar shows of its speech act (Searle, 1969): interrogative words, endings,
requests, who its subject is. Those that ask best are the *core*; the rest is *context*: it may help to find
an article, and what the articles don't say of it counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Literal

from index import KoreanAnalyser, Token

Wish = Literal["table", "list", "brief", "language"]


@dataclass(frozen=True)
class Utterance:
    """``core`` asks; ``context`` was said beside it, if anything was; ``wishes`` are for the answer's form.

    ``request`` is the core within the frame of its request: «지난주 나온 트램 기사 찾아줘».
    """

    core: str
    context: str = ""
    wishes: frozenset[Wish] = frozenset()
    request: str = ""


class Asks(IntEnum):
    """How surely a segment asks something of the archive."""

    NOTHING = 0  # greetings, labels, emoji
    READER = 1  # of the reader: «점심은 드셨어요?», or something of the answer: «표로 정리해 줘»
    STATES = 2
    NAMES = 3  # a noun phrase, or a request with an object
    WHETHER = 4
    WHICH = 5  # with an interrogative, but no topic of its own, or as part of a statement
    WHAT = 6  # with an interrogative and a topic


def read(text: str, analyser: KoreanAnalyser) -> Utterance:
    """The utterance taken apart. A text in which nothing asks is its own core."""
    heard = _MENTION.sub(lambda m: " " * len(m[0]), text)
    segments = _segments(text, analyser.tokens(heard))
    best = max((segment.asks for segment in segments), default=Asks.NOTHING)
    if best <= Asks.STATES:
        return Utterance(text, wishes=_wishes(text), request=text)
    core, aside, whole = [], [], []
    for segment in segments:
        if segment.asks != best:
            aside.append(text[segment.start : segment.end])
            continue
        end = segment.end_of_question
        whole.append(text[segment.start : segment.end])
        core.append(text[segment.start : end])
        aside.append(text[end : segment.end])
    context = " ".join(part.strip() for part in aside if re.search(r"\w", part))
    request = " ".join(map(str.strip, whole))
    return Utterance(" ".join(map(str.strip, core)), context, _wishes(context or text), request)


# -- closed classes of Korean grammar: nothing here is a topic -------------------------------------

_INTERROGATIVES = frozenset(
    "누구 누 언제 어디 무엇 뭐 무어 왜 얼마 얼마나 몇 며칠 어떻 어떠 어떡하 어찌 어느 어떤 무슨 웬".split()
)
_SPEAKER = frozenset("나 저 내 제 우리 저희".split())
_READER = frozenset("너 네 당신 여러분 그쪽".split())
_ASKING_ENDING = re.compile(
    r"(?:.*까|나|.*ᆫ가|은가|는가|던가|.*냐|.*니|.*ᆯ래|을래|지|죠|래|.*대|담|.*ᆫ지|은지|는지|던지|.*다며|.*다면서|더라|게)(?:요|용|여)?"
)
_EMBEDDED_ENDING = re.compile(r"나|.*ᆫ가|은가|는가|던가|.*ᆫ지|은지|는지|던지|ᆯ지|을지")
_PREFATORY_ENDING = re.compile(
    r"(?:ᆫ|은|는|던|ᆫ다는|다는|라는|자는)데|지만|ᆸ니다만|습니다만|다만|거든"
)
_POLITE_CONNECTIVE = re.compile(r".+요")  # 는데요, 어서요, 거든요: spoken, they end a sentence
_IMPERATIVE = re.compile(r"(?:으)?(?:시어요|세요|셔요|십시오|시오|어라|아라|려무나)|라")
_PROMISE = re.compile(r"(?:ᆯ|을)게(?:요)?")
_REQUEST_VERBS = frozenset("주 드리 바라 달 부탁드리 여쭙 여쭈 청하".split())
_TOPICS = frozenset({"은", "는", "ᆫ", "도", "만"})
_ENDS = ("E", "JX", "S", "W_EMOJI", "Z_")
_NOUN_TAGS = frozenset({"NNG", "NNP", "SL", "SH", "XR", "NR", "W_SERIAL", "W_HASHTAG"})
_NOMINAL_TAGS = _NOUN_TAGS | {
    "SN",
    "NNB",
    "XSN",
    "ETN",
    "JX",
    "JKO",
    "JKG",
    "JKS",
    "JKB",
    "SW",
    "NP",
}

# What people do with questions and answers. A segment that names nothing else asks nothing of the archive;
# what is missing here is taken for a topic, and as such only competes with the question proper.
_ABOUT_ASKING = frozenset(
    "질문 문의 물음 궁금 답 답변 대답 답장 회신 확인 체크 설명 안내 정리 요약 검색 조회 공유 출처 근거 링크 기사 뉴스 보도 내용 말 말씀 "
    "부탁 요청 감사 인사 안녕 수고 죄송 실례 도움 친절 정보 자료 참고 글 문장 줄 표 목록 번호 불릿 리스트 형식 형태 영어 한국어 일본어 "
    "중국어 우리말 한글 결론 핵심 간단 간략 자세 상세 정확 추측 제목 본문 끝 이상 스레드 챗봇 봇 담당자 선생 분 사람 하나 가지 번 점 게 거 "
    "것 건 데 때 필요 기억 사실 오케이 다음".split()
)


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
            return token.form in _ABOUT_ASKING
        return token.tag.startswith(("MA", "MM", "J", "S")) and token.tag not in {"SL", "SH"}

    @cached_property
    def has_other_subject(self) -> bool:
        """Whether somebody or something other than speaker and reader is its subject or topic."""
        for before, token in zip(self.tokens, self.tokens[1:], strict=False):
            marks = token.tag == "JKS" or (token.tag == "JX" and token.form in _TOPICS)
            names = before.tag.split("-")[0] in _NOUN_TAGS | {"XSN", "SN"}
            if marks and names and before.form not in _ABOUT_ASKING:
                return True
        return False

    # -- grammar

    @cached_property
    def _asking(self) -> bool:
        """Whether it has an interrogative."""
        return any(t.form in _INTERROGATIVES and t.tag[0] in "NMVX" for t in self.tokens)

    @cached_property
    def _topics(self) -> bool:
        """Whether it names anything but questions and answers."""
        return any(
            t.tag.split("-")[0] in _NOUN_TAGS
            and t.form not in _ABOUT_ASKING
            and t.form not in _INTERROGATIVES
            for t in self.tokens
        )

    @cached_property
    def _ending(self) -> Token | None:
        said = [
            t
            for t in self.tokens
            if not t.tag.startswith(("SF", "SP", "SS", "SE", "SW", "SO", "W_E", "Z_"))
        ]
        while said and said[-1].tag == "JX" and said[-1].form in {"요", "용", "욤"}:
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
        return ending.tag == "EC" or bool(
            re.fullmatch(
                r".*(?:다|네|네요|서요|데요|든요|까요|게|게요|고요|만요|군요|구나|잖아|잖아요)",
                ending.form,
            )
        )

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
                self.tokens[place].tag.startswith("XS") or self.tokens[place].form in _REQUEST_VERBS
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
        if verbs & _REQUEST_VERBS:
            return not re.search(r"대|래", form)
        wants = "싶" in verbs or any(t.form in {"궁금하", "궁금"} for t in tail)
        orders = bool(
            ending
            and ending.tag == "EF"
            and (_IMPERATIVE.fullmatch(form) or _PROMISE.fullmatch(form))
        )
        return wants or orders

    @cached_property
    def _is_to_the_reader(self) -> bool:
        """Whether it asks after the reader: «점심은 드셨어요?», «너 뉴스 잘 찾는다며?»."""
        if any(t.tag == "NP" and t.form in _READER for t in self.tokens):
            return True
        honoured = any(t.tag == "EP" and t.form in {"시", "으시", "셨"} for t in self.tokens[-5:])
        return honoured and not self._requests and self._has_asking_ending


_MENTION = re.compile(r"(?<!\S)@[\w.-]+")


# -- segments --------------------------------------------------------------------------------------

_SIGNS = re.compile(r"[:：/|→⇒>—–=-]+")
_QUOTES = re.compile(r"[\"“”‘’'「」『』«»]")


def _segments(text: str, tokens: Sequence[Token]) -> list[Segment]:
    """The utterance at its borders, with a quotation that asks something as a segment of its own."""
    runs: list[list[Token]] = [[]]
    ended = False
    for n, token in enumerate(tokens):
        if ended and not _closes(token):
            runs.append([])
            ended = False
        elif n and "\n" in text[tokens[n - 1].end : token.start]:
            runs.append([])
        if token.tag in {"W_EMOJI", "W_MENTION", "SB"} or _is_sign(text, token):
            runs.append([])
            continue
        runs[-1].append(token)
        ended = ended or token.tag in {"EF", "SF"} or _ends_clause(runs[-1], tokens[n + 1 :])
    found = [run for run in _quoted(map(_without_calls, runs)) if run]
    following = [*found[1:], []]
    return [
        Segment(run, is_unsure=_is_doubt(after))
        for run, after in zip(found, following, strict=True)
    ]


def _is_doubt(run: Sequence[Token]) -> bool:
    """모르겠는데, 기억이 안 나는데: a clause that goes on."""
    doubts = any(t.form in {"모르", "기억"} for t in run[:2])
    return doubts and any(t.tag == "EC" for t in run[-3:])


def _closes(token: Token) -> bool:
    """What still belongs to what an ending has closed: 요, marks, quotation marks that close."""
    return token.tag.startswith(("SF", "SP", "SE", "SSC")) or (
        token.tag == "JX" and token.form in {"요", "용", "욤"}
    )


def _is_sign(text: str, token: Token) -> bool:
    """A sign between words that separates a label, not one within a word or number: 1/4, 3:2, A-B."""
    if not token.tag.startswith("S") or not _SIGNS.fullmatch(token.form):
        return False
    before, after = text[token.start - 1 : token.start], text[token.end : token.end + 1]
    return not (before.strip() and after.strip())


def _ends_clause(run: Sequence[Token], rest: Sequence[Token]) -> bool:
    """Whether a prefatory clause, or a question within a sentence, ends with the run's last token."""
    last = run[-1]
    if last.form == "만" and last.tag == "JX" and len(run) > 1 and run[-2].tag in {"EC", "EF"}:
        return not Segment(run).has_other_subject  # 같습니다만
    if last.form == "데" and last.tag == "NNB":  # as the analyser often reads 그러는데, 궁금한데
        is_connective = len(run) > 1 and run[-2].tag in {"ETM", "MM"} and run[-2].end == last.start
        return (
            is_connective
            and bool(rest)
            and rest[0].tag[0] != "J"
            and (_is_pro_verb(run[-3:-1]) or not Segment(run).has_other_subject)
        )
    if last.tag == "MAJ":  # 내기해서 그런데 …
        return len(run) > 1 and run[-2].tag == "EC"
    if last.tag != "EC" or not rest or rest[0].tag.startswith("VX"):
        return False
    if _POLITE_CONNECTIVE.fullmatch(last.form) or (rest[0].form == "요" and rest[0].tag == "JX"):
        return True
    if len(run) > 1 and run[-2].tag == "VCN":  # 다름이 아니라
        return True
    segment = Segment(run)
    if rest[0].form == "만" and rest[0].tag == "JX":
        return False
    if _EMBEDDED_ENDING.fullmatch(last.form):
        return segment.asks >= Asks.WHICH
    if _PREFATORY_ENDING.fullmatch(last.form):
        return _is_pro_verb(run[-2:-1]) or not segment.has_other_subject
    return False


def _is_pro_verb(tokens: Sequence[Token]) -> bool:
    """그러는데, 그런데: it stands for asking."""
    return any(token.form in {"그러", "그렇", "그런"} for token in tokens)


def _without_calls(run: list[Token]) -> list[Token]:
    """The run without whom it calls: AI님, 챗봇아, 님들, 야."""
    place = 0
    for n, token in enumerate(run[:3]):
        following = run[n + 1].tag if n + 1 < len(run) else ""
        calls = token.tag in {"JKV", "IC"} or (n > 0 and token.tag == "XSN" and token.form == "님")
        calls = calls or (token.form == "들" and n > 0 and run[n - 1].form == "님")
        if calls and not following.startswith(("J", "X", "VCP")):
            place = n + 1
    return run[place:]


def _quoted(runs: Iterable[list[Token]]) -> list[list[Token]]:
    found: list[list[Token]] = []
    for run in runs:
        marks = [n for n, t in enumerate(run) if t.tag.startswith("SS") and _QUOTES.match(t.form)]
        if len(marks) >= 2 and marks[-1] - marks[0] > max(2, len(run) / 2):
            first, last = marks[0], marks[-1]
            if Segment(run[first + 1 : last]).asks >= Asks.WHETHER:
                found += [run[:first], run[first + 1 : last], run[last + 1 :]]
                continue
        found.append(run)
    return found


# -- wishes ----------------------------------------------------------------------------------------

_WISHES: Sequence[tuple[Wish, re.Pattern[str]]] = (
    ("table", re.compile(r"(?<![가-힣])표(?:로|\s?형(?:식|태)으?로)")),
    ("list", re.compile(r"불릿|불렛|글머리|목록으로|리스트로|번호\s?(?:를\s?)?(?:매|붙)")),
    (
        "brief",
        re.compile(
            r"(?<![가-힣])(?:한|두|세|[1-3])\s?(?:줄|문장|마디)|짧게|간단[히하]|간략|요점만|핵심만|답만|결론만"
        ),
    ),
    (
        "language",
        re.compile(
            r"[가-힣]{1,5}어(?:로|로도|로만)\s?(?:된|답|써|적|번역|말|설명|알려|부탁|정리|바꿔)|영문으로|\bin\s+(?:English|Japanese|Chinese|French|German|Spanish)\b",
            re.IGNORECASE,
        ),
    ),
)


def _wishes(text: str) -> frozenset[Wish]:
    return frozenset(wish for wish, pattern in _WISHES if pattern.search(text))
