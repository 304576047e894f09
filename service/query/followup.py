"""Follow-up questions made to stand alone, by rule: ``그럼 인원은?``, ``거기는 언제 열어?``, ``왜?``.

A question depends on the one before it if it points back (``거기``, ``그 사람``) before it has named
anything, if it names nothing but an attribute (``인원은?``, ``언제 열어?``), or if it is a bare topic to
put in the place of the earlier one (``부산은?``, ``작년에는?``). What it lacks is carried over: the
names and nouns of the last question, those of the last answer where it is meant, and the time. A question
that stands alone is returned as it is; the rules are measured in ``tests/followup_table.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from index import KoreanAnalyser, Token
from service.query import timeframe
from service.schema import Turn

MAX_TURNS = 8
"""Turns looked back on; what lies further back is not meant any more."""

MAX_FROM_ANSWER = 3

# Attributes, roles and events that say what is asked of a thing and not which thing.
_ATTRIBUTES = frozenset(
    (
        "인원 인원수 수 명수 숫자 규모 크기 면적 길이 높이 넓이 무게 거리 깊이 폭 비용 사업비 총사업비 공사비 예산 예산액 금액 "
        "액수 가격 값 요금 이용료 입장료 임대료 금리 이율 이자 매출 매출액 이익 영업이익 순이익 수익 투자비 투자액 투자 상금 보상 "
        "보상금 지원금 보조금 후원금 이적료 연봉 계약금 수주액 피해 피해액 피해자 사망자 부상자 사상자 환자 확진자 이유 원인 까닭 "
        "배경 목적 의미 경위 과정 방법 방식 절차 조건 자격 기준 대상 대상자 내용 결과 효과 영향 반응 입장 의견 주장 해명 반박 평가 전망 "
        "대책 계획 방안 대안 해결책 일정 날짜 시기 시간 시각 기간 때 언제 시작일 마감일 개통일 개막일 마감 장소 위치 주소 곳 데 노선 정거장 "
        "역 층수 층 이름 명칭 제목 작품 별명 사람 인물 누구 대표 대표자 책임자 담당자 관계자 주최 주최자 주관 후보 당선자 당선인 상대 "
        "참석자 참가자 참여자 관객 관객수 관람객 방문객 이용객 승객 신청자 지원자 응모자 가입자 우승 우승자 준우승 수상 수상자 감독 선수 작가 "
        "저자 시장 회장 사장 원장 단장 위원장 본부장 지휘자 후임 후임자 전임 전임자 소감 각오 나이 경력 출신 소속 직책 직함 학력 순위 등수 점수 "
        "성적 기록 득표 득표율 득표수 투표율 비율 경쟁률 확률 증가율 감소율 지지율 회수율 차이 최고 최저 평균 합계 총액 전체 나머지 "
        "착공 완공 준공 개통 개장 개관 개막 폐막 개최 시작 종료 발표 시행 도입 운영 재개 출시 판매 공급 체결 서명 "
        "처벌 형량 혐의 판결 선고 재판 수사 조사 신고 접수 신청 문의 예약 출처 기사 링크 근거 예 사례 종류 특징 장점 단점 문제 "
        "문제점 상태 상황 현황 현재 지금 이후 다음 다음번 이전 전 후 뒤 앞 처음 마지막 끝 최근 요즘 오늘 정도 경우 관련 설명 자세 "
        "부분 가지 얘기 이야기 말 것 점 중 쪽 몇 횟수 건수 개수 대수 척수 가구 가구수 세대수 첫날 재원 국비 시비 도비 부담 "
        "설계자 제작사 제조사 회사 업체 기관 단체 팀 구단 상대팀 주인공 배우 출연 출연자 줄거리 대응 조치 사과 운행 정원 좌석 주차 "
        "임기 책임 보험 예전 한도 전공 학위 가족 재산 수명 보증 보증금 수수료 할인 환불 벌금 과태료 세금 이자율 만기 상환 담보 연체율 배당 "
        "직원 고용 채용 부지 터 공정률 공법 소재 재료 성분 부작용 증상 치료 예방 속도 경로 온도 풍속 강수량 수량 물량 생산량 판매량 점유율 "
        "목표 실적 성과 수입 지출 손실 적자 흑자 빚 부채 협력사 소유주 주인 관리자 유족 피의자 용의자 가해자 목격자 증인 변호인 신원 국적 "
        "주차장 메뉴 프로그램 시간대 요일 사용 이용 연장 취소 변경 반대 찬성 동의 이견 논란 비판 쟁점"
    ).split()
)
_OPENING = re.compile(
    r"^(?:(?:아|음|네|예|응|오)[,\s]+)?(?:(?:그럼|그러면|그렇다면|그런데|근데|그리고|그래서|그러니까|그렇구나|그렇군요|또|아니|참|혹시)[,\s]+)+"
)
_ANAPHOR = re.compile(
    r"(?<![가-힣])(?:(?:거기|여기|그곳|그쪽|저기)(?:에서는|에서|에는|에|는|은|도|가|의|로)?|"
    r"(?:그분|걔|그들|그녀|그거|그것|그건|그게|그걸|이거|이것|이건|이게|이걸)(?:은|는|이|가|을|를|의|도|에|에게|께서)?(?=[\s?,.]|$)|"
    r"(?:그|이|해당|같은)\s(?=[가-힣])|그(?:때|날|해|달|중)(?:에는|에|는|도|의)?|그(?:는|가|의|를|도)(?=\s))\s*"
)
_THING = re.compile(
    r"^(?:사람|인물|분|회사|업체|기업|기관|단체|팀|학교|병원|건물|시설|도시|지역|동네|나라|사건|일|것|작품|영화|책|법|제도|사업|행사)"
    r"(?:은|는|이|가|을|를|의|도|에서|에게|에)?(?=[\s?,.]|$)\s*"
)
_ASKS_WHICH = re.compile(
    r"누구|누가|어디|무엇|뭐|뭘|뭔|무슨|어느|어떤|이름|(?:곳|사람|인물|회사|작품|선수|감독|팀)(?:은|는)?\s?\??$"
)
_INTERROGATIVE = re.compile(
    r"^(?:누구|누가|어디|무엇|뭐|뭘|뭔|무슨|어느|어떤|언제|왜|얼마|몇|어떻게|어때|며칠)"
)
_REQUEST = re.compile(r"(?:^|\s)(?:좀|알려|말해|설명|정리|요약|궁금)\S*")
_BARE_TOPIC = re.compile(r"^\S+(?:\s\S+){0,2}?(?:은|는|도|에는|에서는|엔)(?:요)?\s?\??$")
_SUBJECT = re.compile(r"([가-힣]{2,})(?:이|가|은|는)\s")
_MARKER = re.compile(r"\[\d+\]")
_SENTENCE_END = re.compile(r"(?<=[.!?다요])\s|\n")
_NOUNS = frozenset({"NNG", "NNP", "SL", "SH", "ETN"})
_VERBS = frozenset({"XSV", "XSA", "VV", "VA"})
_NOUN_PARTS = _NOUNS | {"ETN", "NNB", "NR", "SN", "XSN", "XR", "W_SERIAL"}


class FollowUps:
    """Makes questions stand alone. Needs the analyser that the index has."""

    def __init__(self, analyser: KoreanAnalyser) -> None:
        self._analyser = analyser

    def standalone(self, question: str, conversation: Sequence[Turn], *, now: datetime) -> str:
        """The question with what it takes from the conversation; itself if that is nothing."""
        before: _Sentence | None = None
        answer: str | None = None
        for turn in conversation[-MAX_TURNS:]:
            if turn.role == "user":
                before, answer = self._read(self._resolved(turn.content, before, answer, now)), None
            else:
                answer = _SENTENCE_END.split(_MARKER.sub("", turn.content).strip(), maxsplit=1)[0]
        return self._resolved(question, before, answer, now)

    def accepts(self, rewritten: str, question: str, conversation: Sequence[Turn]) -> bool:
        """Whether a model's rewriting says nothing new: every noun and number of it was said before, and
        those of the question, but for what points back, are still there."""
        said = " ".join([question, *(turn.content for turn in conversation)])
        new = self._nouns(rewritten) - self._nouns(said) - _ATTRIBUTES
        asked = _OPENING.sub("", question).strip()
        rest = self._read(_without(asked, _ANAPHOR.search(asked)))
        return not new and all(word.text in rewritten for word in rest.words())

    def _nouns(self, text: str) -> set[str]:
        return {t.form for t in self._analyser.tokens(text) if t.tag in _NOUNS | {"SN", "NR"}}

    def _read(self, text: str) -> _Sentence:
        return _Sentence(text, tuple(self._analyser.tokens(text)))

    def _resolved(
        self, text: str, before: _Sentence | None, answer: str | None, now: datetime
    ) -> str:
        if before is None or not before.text.strip():
            return text
        asked = self._read(_OPENING.sub("", text).strip())
        time = _expression(asked.text, now)
        anaphor = _ANAPHOR.search(asked.text)
        named = [word for word in asked.words() if word.is_name and word.text not in (time or "")]
        if anaphor and any(word.start < anaphor.start() for word in named):
            anaphor = None  # it points back within the question
        if not anaphor and _BARE_TOPIC.match(asked.text) and not asked.asks and len(named) <= 1:
            if named and not any(word.is_attribute for word in asked.words()):
                return _in_place_of(before, named[0])
            if time and not named and len(asked.words()) <= len(time.split()):
                return _at_time(before, time, now)
        if named and not anaphor:
            return text
        return self._joined(asked, before, answer, anaphor, now)

    def _joined(
        self,
        asked: _Sentence,
        before: _Sentence,
        answer: str | None,
        anaphor: re.Match[str] | None,
        now: datetime,
    ) -> str:
        """What is asked, after what it takes from the question before and its answer."""
        carried = self._carried(before, asked)
        if answer and (anaphor or _ASKS_WHICH.search(before.text)):
            carried += self._from_answer(answer, before)
        earlier = _expression(before.text, now)
        parts = [earlier] if earlier and not _expression(asked.text, now) else []
        parts += [word for word in carried if word not in (earlier or "")]
        return " ".join([*dict.fromkeys(parts), _without(asked.text, anaphor)]).strip()

    def _carried(self, before: _Sentence, asked: _Sentence) -> list[str]:
        """Names of the question before; its attribute too, unless the new question has another."""
        attribute = any(word.is_attribute for word in asked.words())
        if asked.words() or asked.has_predicate:
            words = [word for word in before.words() if not (word.is_attribute and attribute)]
            if words:
                return [word.text for word in words]
        return before.statement()  # a bare 왜? is about all that was said

    def _from_answer(self, answer: str, before: _Sentence) -> list[str]:
        said = self._read(answer)
        new = [w for w in said.words() if w.is_name and w.text not in before.text]
        words = [w.text for w in new if w.is_proper or w.is_subject or w is new[0]]
        # Names are sometimes taken for verbs: 우주한이.
        if (subject := _SUBJECT.match(answer)) and subject[1] not in before.text:
            words.insert(0, subject[1])
        return list(dict.fromkeys(words))[:MAX_FROM_ANSWER]


@dataclass(frozen=True)
class _Word:
    """The noun at the head of a blank-separated word: ``text[start:end]`` of its sentence."""

    text: str
    start: int
    end: int
    is_attribute: bool
    is_proper: bool
    is_subject: bool

    @property
    def is_name(self) -> bool:
        return not self.is_attribute


@dataclass(frozen=True)
class _Sentence:
    text: str
    tokens: tuple[Token, ...]

    def words(self) -> list[_Word]:
        """The nouns, one for each blank-separated word; a noun that 하다 makes a verb is none."""
        found = (_word(self.text, group) for group in self._groups())
        return [word for word in found if word is not None]

    @property
    def asks(self) -> bool:
        return any(_INTERROGATIVE.match(word) for word in self.text.split())

    @property
    def has_predicate(self) -> bool:
        return any(token.tag.split("-")[0] in {"VV", "VA", "XSV", "XSA"} for token in self.tokens)

    def statement(self) -> list[str]:
        """Its words, but those that make it a question."""
        words = _REQUEST.sub("", self.text).rstrip("?. ").split()
        return [word for word in words if not _INTERROGATIVE.match(word)]

    def _groups(self) -> list[list[Token]]:
        """The tokens of each blank-separated word."""
        spans = [match.span() for match in re.finditer(r"\S+", self.text)]
        return [[t for t in self.tokens if start <= t.start < end] for start, end in spans]


def _word(text: str, group: Sequence[Token]) -> _Word | None:
    """The last noun of the group and all that stands before it; None if a verb follows or none is there."""
    last = max((n for n, token in enumerate(group) if token.tag in _NOUN_PARTS), default=-1)
    head, rest = group[: last + 1], group[last + 1 :]
    nouns: Sequence[Token] = [token for token in head if token.tag in _NOUNS]
    if not nouns and head and head[0].tag == "SN" and len(head) > 1:  # 1호선
        nouns = head[:1]
    if not nouns or (rest and rest[0].tag.split("-")[0] in _VERBS):
        return None
    start, end = head[0].start, head[-1].end
    whole = text[start:end]
    if _INTERROGATIVE.match(whole):
        return None
    attribute = whole in _ATTRIBUTES or all(token.form in _ATTRIBUTES for token in nouns)
    return _Word(
        text=whole,
        start=start,
        end=end,
        is_attribute=attribute,
        is_proper=any(token.tag in {"NNP", "SL"} for token in nouns),
        is_subject=bool(rest) and (rest[0].tag == "JKS" or rest[0].form in {"은", "는"}),
    )


def _expression(text: str, now: datetime) -> str | None:
    found = timeframe.resolve(text, now=now)
    return found.expression if found else None


def _in_place_of(before: _Sentence, topic: _Word) -> str:
    """The question before, asked of another topic."""
    names = [word for word in before.words() if word.is_name]
    same_kind = [word for word in names if word.is_proper == topic.is_proper]
    replaced = next(iter(same_kind or names), None)
    if replaced is None:
        return f"{topic.text} {before.text}"
    rest = before.text[replaced.end :]
    return before.text[: replaced.start] + topic.text + _agreeing(rest, topic.text)


_PARTICLES = ("은는", "이가", "을를", "과와")


def _agreeing(rest: str, word: str) -> str:
    """What follows a word, with the particle that its last syllable takes."""
    closed = (ord(word[-1]) - ord("가")) % 28 > 0
    for pair in _PARTICLES:
        if "가" <= word[-1] <= "힣" and rest[:1] in set(pair) and not rest[1:2].isalpha():
            return pair[0 if closed else 1] + rest[1:]
    return rest


def _at_time(before: _Sentence, time: str, now: datetime) -> str:
    """The question before, asked of another time."""
    earlier = _expression(before.text, now)
    return before.text.replace(earlier, time, 1) if earlier else f"{time} {before.text}"


def _without(text: str, anaphor: re.Match[str] | None) -> str:
    """The question without the word that points back, and the thing that it points to."""
    if anaphor is None:
        return text
    rest = text[anaphor.end() :]
    if anaphor[0].strip() in {"그", "이", "해당", "같은"}:
        rest = _THING.sub("", rest)
    return f"{text[: anaphor.start()]}{rest}".strip()
