"""What Korean newsrooms call things: papers, sections, datelines and the people who sign.

Pure functions over short texts, all of them bounded: a credit is at most ``MAX_CREDIT_CHARS``
long, so nothing here depends on the length of an article.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

MAX_CREDIT_CHARS = 120

MAIL = re.compile(r"[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4})?")
"""Also the cut-off form ``jmlee@`` that some papers print."""

_PRESS = frozenset(
    """연합 연합뉴스 연합뉴스TV 연합인포맥스 뉴시스 뉴스1 뉴스핌 조선일보 중앙일보 동아일보 한겨레 한겨레21
    경향신문 한국일보 국민일보 서울신문 세계일보 문화일보 매일경제 한국경제 머니투데이 서울경제 파이낸셜뉴스
    헤럴드경제 아시아경제 이데일리 아주경제 전자신문 디지털타임스 지디넷코리아 블로터 오마이뉴스 프레시안 노컷뉴스
    미디어오늘 시사인 시사IN 시사저널 주간조선 주간경향 동아사이언스 헬스조선 조선비즈 IT조선 OSEN 스타뉴스
    스포츠조선 스포츠동아 스포츠서울 스포츠경향 일간스포츠 엑스포츠뉴스 마이데일리 텐아시아 데일리안 더팩트 이투데이
    뉴데일리 쿠키뉴스 뉴스타파 뉴스톱 머니S 비즈워치 딜사이트 위키트리 국제신문 매일신문 KBS MBC SBS
    EBS YTN JTBC MBN OBS KNN TBC TJB KBC G1 KTV tbs CBS BBS TV조선
    채널A MTN 코메디닷컴 동아닷컴 조선닷컴 중앙SUNDAY 코리아헤럴드 코리아타임스 정책브리핑 AP AFP
    로이터 EPA UPI 신화 교도""".split()
)
_PRESS_SUFFIX = re.compile(
    r"[가-힣A-Za-z0-9&]{1,12}(?:신문|신문사|일보|뉴스|뉴스통신|타임스|타임즈|경제|방송|통신|저널|투데이|데일리"
    r"|매거진|미디어|헤럴드|포스트|TV|프레스|시보|닷컴|매일|오늘|위클리|이코노미|리포트|인터넷신문|언론|시민의소리)"
    r"(?:\d{1,2})?"
)
_NOT_PRESS = frozenset(
    """주요뉴스 인기뉴스 관련뉴스 최신뉴스 많이본뉴스 오늘의뉴스 포토뉴스 영상뉴스 지역뉴스 전체뉴스 실시간뉴스 연예뉴스
    정치뉴스 경제뉴스 사회뉴스 문화뉴스 스포츠뉴스 국제뉴스 속보뉴스 동영상뉴스 카드뉴스 가짜뉴스 네이버뉴스 다음뉴스
    카카오뉴스 국제경제 세계경제 거시경제 지역경제 시장경제 공유경제 생활경제 글로벌경제 국내경제 디지털경제 산업경제
    부동산경제 정보통신 이동통신 생방송 지상파방송 공영방송 종편방송 인터넷방송 라이브방송 소셜미디어 뉴미디어
    글로벌이코노미 베스트뉴스 추천뉴스 뉴스투데이 오늘 매일 내일 정치경제 사회경제""".split()
)
_SECTIONS = (
    "정치|경제|사회|국제|세계|문화|스포츠|연예|연예가화제|생활|과학|기술|테크|IT|ICT|오피니언|칼럼|사설|기고|시론|논설"
    "|만평|독자투고|지역|전국|수도권|지방|종합|산업|재계|금융|증권|증시|부동산|건설|유통|소비자|자동차|바이오|제약|게임|모바일"
    "|교육|대학|환경|기후|복지|건강|의료|의학|여행|레저|음식|맛집|패션|뷰티|라이프|라이프스타일|리빙|가족|노동|법조|사건"
    "|사건사고|사건·사고|국방|외교|안보|통일|북한|청와대|대통령실|국회|정당|국회·정당|행정|자치|지방자치|의회|선거|인물|사람들|사람|동정"
    "|부고|인사|인터뷰|기획|기획특집|특집|탐사|심층|이슈|포커스|포토|화보|영상|동영상|종교|농업|농수산|해양|수산|축산|산림"
    "|방송|영화|음악|가요|도서|책|출판|미술|공연|전시|문학|역사|학술|날씨|글로벌|미국|중국|일본|아시아|유럽|중동|아프리카"
    "|축구|해외축구|야구|해외야구|농구|배구|골프|e스포츠|바둑|창업|벤처|중소기업|기업|경영|에너지|반도체|통신|인터넷|보안|우주"
    "|서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|충청|호남|영남"
)
_SECTION = re.compile(rf"(?:{_SECTIONS})(?:\s?[·/ㆍ&]\s?(?:{_SECTIONS}))*(?:\s?(?:일반|면))?")
_BREADCRUMB = re.compile(r"(?:홈|HOME|Home|메인|뉴스홈|뉴스)\s?[>›»/]\s?(.{1,40})")

_PLACES = frozenset(
    """서울 부산 대구 인천 광주 대전 울산 세종 수원 성남 용인 고양 부천 안산 안양 남양주 화성 평택 의정부 시흥
    파주 김포 광명 군포 하남 오산 이천 안성 구리 포천 양주 동두천 과천 여주 양평 가평 연천 의왕 춘천 원주
    강릉 동해 태백 속초 삼척 홍천 철원 청주 충주 제천 음성 진천 옥천 영동 단양 천안 공주 보령 아산 서산 논산
    계룡 당진 금산 부여 서천 홍성 예산 태안 내포 전주 군산 익산 정읍 남원 김제 완주 무주 고창 부안 목포 여수
    순천 나주 광양 담양 곡성 구례 고흥 보성 화순 장흥 강진 해남 영암 무안 함평 영광 장성 완도 진도 신안 포항
    경주 김천 안동 구미 영주 영천 상주 문경 경산 의성 청송 영양 영덕 청도 고령 성주 칠곡 예천 봉화 울진 울릉
    창원 진주 통영 사천 김해 밀양 거제 양산 의령 함안 창녕 남해 하동 산청 함양 거창 합천 제주 서귀포 과천
    판교 여의도 용산 잠실 광화문 경기 강원 충북 충남 전북 전남 경북 경남 평양 워싱턴 뉴욕 로스앤젤레스
    샌프란시스코 시카고 런던 파리 베를린 프랑크푸르트 제네바 브뤼셀 로마 밀라노 마드리드 빈 모스크바 키이우
    이스탄불 카이로 두바이 테헤란 예루살렘 도쿄 오사카 베이징 상하이 선양 홍콩 타이베이 타이완 대만 하노이 호찌민
    방콕 자카르타 싱가포르 마닐라 쿠알라룸푸르 뉴델리 시드니 멕시코시티 상파울루 부에노스아이레스 요하네스버그
    나이로비 다보스 밴쿠버 토론토 애틀랜타 라스베이거스 미국 일본 중국""".split()
)

_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진나지엄채원천방공현함변염여추도소석선설"
    "마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부가복태목형피두감음빈동온호범좌팽승간상시갈단견당화창"
)
NAME = re.compile(rf"(?:남궁|황보|제갈|사공|선우|서문|독고|동방|망절|[{_SURNAMES}])[가-힣]{{1,3}}")
_NOT_NAMES = frozenset(
    """기사입력 입력 오전 오후 이날 오늘 전문 기사 기자 사진 인턴 방송 신문 정치 경제 사회 문화
    국제 연예 유통 금융 공유 구독 추천 이전 다음 국내 해외 현지 최근 전국 지역 한국 미국 조회
    소속 편집 제공 제보""".split()
)
_ROLE_WORD = "기자|특파원|통신원|논설위원|논설실장|편집위원|편집장|편집국장|에디터|리포터|캐스터|아나운서|PD|본부장|지국장|주재기자"
_ROLE = re.compile(
    r"(?:선임|수석|전문|인턴|수습|객원|시민|명예|취재|사진|영상|촬영|대학생|본지|총괄|대표|의학|과학|경제|정치|사회|문화|체육"
    r"|스포츠|국제|외교|군사|법조|노동|환경|여행|음식|종교|기상|증권|산업|금융|데이터|팩트체크|온라인|디지털|뉴스|연예|교육"
    rf"|IT|AI|전담|지역|주재|순회)*(?:{_ROLE_WORD})"
)
_SIGNED = re.compile(rf"({NAME.pattern})({_ROLE.pattern})")
_DESK_WORD = re.compile(
    r"(?:온라인|디지털|인터넷)?뉴스(?:부|팀|국)?|온라인|디지털|(?:IT|의학|경제)?전문|취재|엔터|이슈|인턴|객원"
)
_DESK = re.compile(
    r"[가-힣A-Za-z0-9]{0,12}(?:부|팀|국|데스크|본부|센터|연구소|총국|뉴스룸|취재단|취재반)"
)
_LABEL = frozenset(
    """기자명 글 글쓴이 작성자 작성 취재 편집 사진 촬영 정리 담당 by By BY 외 명 및""".split()
)
_SPLIT = re.compile(r"[\s/·ㆍ,;:=|ㅣ│()<>〈〉\[\]{}【】〔〕*@]+")
_ROLE_HINT = re.compile(_ROLE_WORD)

_BRACKET = re.compile(
    r"\s*[(\[【〔<〈]\s*((?:[^()\[\]【】〔〕<>〈〉\n]|\([^()\n]{1,20}\)){2,60})\s*[)\]】〕>〉]\s*"
)
_SEPARATOR = re.compile(r"\s*[=|ㅣ│]\s*")
_WHO_MAIL = re.compile(rf"([^@\n.?!“”\"]{{2,40}}?)[\s(\[]*({MAIL.pattern})[)\]]*\s+")
_POSITION = re.compile(
    r"\S{0,8}(?:교수|변호사|작가|의원|평론가|소장|대표|위원|위원장|연구원|연구위원|시인|소설가|의사|원장|박사|회장|이사장|이사|센터장|국장"
    r"|관장|감독|총장|교사|활동가|칼럼니스트|전문의|사무총장|대사|장관|신부|목사|스님|건축가|셰프|번역가|학예사|대학원생)"
)
_TEAM = re.compile(r"[가-힣A-Za-z\s]{0,12}(?:취재팀|취재반|취재단|보도팀|공동취재)")


@dataclass(frozen=True)
class Credit:
    """Who signs a story, for whom and from where."""

    press: str | None = None
    place: str | None = None
    reporters: tuple[str, ...] = ()

    def __or__(self, other: Credit) -> Credit:
        """Both together; on a conflict the left one holds."""
        names = dict.fromkeys((*self.reporters, *other.reporters))
        return Credit(self.press or other.press, self.place or other.place, tuple(names))


def is_press(text: str) -> bool:
    """Whether a short text is the name of a paper, an agency or a station."""
    word = text.strip()
    if word.replace(" ", "") in _NOT_PRESS:
        return False
    return word in _PRESS or bool(_PRESS_SUFFIX.fullmatch(word))


def section_name(line: str) -> str | None:
    """The section that a line names: ``국제``, ``홈 > 사회`` (its last step), else None."""
    text = line.strip().strip("[]<>【】")
    if crumb := _BREADCRUMB.fullmatch(text):
        text = re.split(r"[>›»/]", crumb[1])[-1].strip()
    return text if len(text) <= 20 and _SECTION.fullmatch(text) else None


def is_place(text: str) -> bool:
    """Whether a word is a place that stories are filed from."""
    parts = [part for part in re.split(r"[·ㆍ/,\s]+", text) if part]
    return bool(parts) and all(
        _is_place_word(part) or re.fullmatch(r"[가-힣]{1,5}[구도]", part) for part in parts
    )


def _is_place_word(word: str) -> bool:
    # 구 and 도 end given names too (이윤구, 김기도), 시 and 군 hardly ever
    return word in _PLACES or bool(re.fullmatch(r"[가-힣]{2,5}[시군]", word))


def reporter_names(text: str) -> tuple[str, ...]:
    """The people in an author field: ``김소연 기자 nicksy@mt.co.kr`` gives 김소연."""
    bare = MAIL.sub(" ", text)
    names = []
    for piece in re.split(r"[,;/·ㆍ|&\n]+|\s및\s", bare):
        piece = re.sub(rf"\s*(?:{_ROLE.pattern})\s*(?:=|$)", " ", piece).strip(" ()[]<>=-:")
        piece = re.sub(r"^(?:기자명|글쓴이|작성자|글|취재|By|by)\s+", "", piece).strip()
        words = piece.split()
        named = [
            word
            for word in words
            if NAME.fullmatch(word) and not is_press(word) and not is_place(word)
        ]
        if len(words) > 1 and _POSITION.fullmatch(words[-1]):  # 금나래 해담대 조경학과 교수
            named = words[:1] if words[0] in named else named[-1:]
        # "김철수 이영희" are two people, "John Smith" and "서울 특별취재팀" one signature each
        names.extend(named if words and len(named) == len(words) else named[-1:] or [piece])
    return tuple(dict.fromkeys(name for name in names if name))


def credit_line(text: str) -> Credit | None:
    """Read a text that is nothing but a signature; None if it is anything else.

    ``도쿄/정수진 특파원``, ``[조은별 디지털뉴스부 인턴기자 a@b.kr]``, ``시민일보 이정하 기자``.
    """
    if not 2 <= len(text) <= MAX_CREDIT_CHARS:
        return None
    bare, mails = MAIL.subn(" ", text)
    if not mails and not _ROLE_HINT.search(bare):
        return None
    return _credit_of([token for token in _SPLIT.split(bare) if token], mails > 0)


def _credit_of(tokens: list[str], has_mail: bool) -> Credit | None:
    press: str | None = None
    place: str | None = None
    names: list[str] = []
    signed = has_mail
    for position, token in enumerate(tokens):
        if _ROLE.fullmatch(token):
            signed = True
        elif _DESK_WORD.fullmatch(token):
            continue
        elif both := _SIGNED.fullmatch(token):
            names.append(both[1])
            signed = True
        elif is_press(token):
            press = press or token
        elif token in _LABEL or re.fullmatch(r"[\d.]+", token):
            continue
        elif _is_place_word(token) and _is_dateline(tokens, position):
            place = place or token
        elif NAME.fullmatch(token) and token not in _NOT_NAMES:
            names.append(token)
        elif position == 0 and _signed_next(tokens):
            press = token  # an unknown paper before its reporter
        elif not _DESK.fullmatch(token):
            return None
    if not signed or len(names) > 6:
        return None
    return Credit(press, place, tuple(dict.fromkeys(names)))


def _is_dateline(tokens: list[str], position: int) -> bool:
    """A word such as 고양 or 이천 is a place unless the role follows it at once."""
    following = tokens[position + 1 : position + 2]
    return not following or not _ROLE.fullmatch(following[0])


def _signed_next(tokens: list[str]) -> bool:
    return len(tokens) > 2 and bool(NAME.fullmatch(tokens[1]) and _ROLE.fullmatch(tokens[2]))


def leading_credit(paragraph: str) -> tuple[Credit, str] | None:
    """Split a dateline or byline off the front of a paragraph, else None.

    ``(제네바=연합뉴스) 임은진 특파원 = …``, ``[머니투데이 김소연 기자] …``, ``시민일보 이정하 기자 | …``.
    """
    found, rest = Credit(), paragraph
    bracket = _BRACKET.match(rest)
    inside = _bracketed(bracket[1]) if bracket else None
    if bracket and inside:
        found, rest = inside, rest[bracket.end() :]
    for separator in islice(_SEPARATOR.finditer(rest, 0, MAX_CREDIT_CHARS), 3):
        if signer := _signer(rest[: separator.start()], after_bracket=inside is not None):
            return found | signer, rest[separator.end() :]
    who = _WHO_MAIL.match(rest)
    if who and (signer := _signer(who[1], after_bracket=False)):
        return found | signer, rest[who.end() :]
    glued = bracket is not None and not bracket[0][-1].isspace() and rest[:1].isalpha()
    if inside is None or (glued and not inside.reporters and not is_press(inside.press or "")):
        return None
    return found, rest


def _signer(text: str, *, after_bracket: bool) -> Credit | None:
    text = text.strip()
    if _TEAM.fullmatch(text):
        return Credit() if after_bracket else None
    return credit_line(text) if _ROLE_HINT.search(text) else None


def _bracketed(text: str) -> Credit | None:
    """The credit inside brackets, else None: ``서울=뉴시스``, ``헤럴드경제(수원)=홍길동 기자``."""
    text = re.sub(r"\(([^()]*)\)", r" \1 ", text)
    left, equals, right = (part.strip() for part in text.partition("="))
    signed = credit_line(text) if _ROLE_HINT.search(text) else None
    if signed and equals and not signed.press:
        return signed | (Credit(place=left) if is_place(left) else Credit(press=left))
    if signed:
        return signed
    if equals:
        if is_press(right) or (is_place(left) and len(right) <= 12 and right):
            return Credit(press=right, place=left)
        return Credit(press=left) if is_press(left) else None
    return Credit(press=text.strip()) if is_press(text) else None


_PAUSE = re.compile(r"[.?!”’\"'\])…](?!\d)\s*")


def trailing_credit(paragraph: str) -> tuple[Credit, int] | None:
    """Find a signature glued after the last sentence: its credit and where it starts."""
    window = max(0, len(paragraph) - MAX_CREDIT_CHARS)
    if "@" not in paragraph[window:] and not _ROLE_HINT.search(paragraph, window):
        return None
    for pause in _PAUSE.finditer(paragraph, window):
        credit = credit_line(paragraph[pause.end() :].strip())
        if credit and paragraph[pause.end() :].strip():
            return credit, pause.end()
    return None
