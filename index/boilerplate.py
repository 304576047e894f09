"""The boilerplate of Korean news pages, as one table.

``RULES`` says what goes: each rule finds spans in a line (or paragraph), and its action says what
becomes of them. No rule drops a line that ends as a sentence, unless it is marked
``even_sentences``. Lines are bounded by ``MAX_LINE_CHARS`` and no pattern nests repeats, so the
time taken is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from enum import Enum
from itertools import islice

from index.newsroom import (
    MAIL,
    MAX_CREDIT_CHARS,
    NAME,
    credit_line,
    is_press,
    section_name,
    trailing_credit,
)

Span = tuple[int, int]

MAX_LINE_CHARS = 400
"""Longer lines are prose: no rule looks at them as a line."""


class Action(Enum):
    """What becomes of a span that a rule finds."""

    DROP = "the whole line goes"
    ERASE = "the span goes, its line stays"
    CUT = "the text ends before it"


@dataclass(frozen=True)
class Rule:
    """One kind of boilerplate.

    ``edges``: only before the first and after the last line of prose. ``insets``: a CUT that is
    also met in mid-story, where it may not take more sentences than it leaves. ``signs``: words, one
    of which stands wherever the rule applies; most text is passed over by looking for them.
    """

    name: str
    action: Action
    find: Callable[[str], Iterable[Span]]
    why: str
    edges: bool = False
    even_sentences: bool = False
    insets: bool = False
    signs: InitVar[str] = ""
    _signs: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self, signs: str) -> None:
        object.__setattr__(self, "_signs", tuple(signs.split()))

    def spans(self, text: str) -> Iterable[Span]:
        """Where the rule applies in a text, in order."""
        if self._signs and not any(sign in text for sign in self._signs):
            return ()
        return self.find(text)


# --- sentences -------------------------------------------------------------------------------

_KOREAN_END = re.compile(r"[가-힣][”’\"')]*[.?!…]+[”’\"')\]]*$")
_ANY_END = re.compile(r"[가-힣A-Za-z0-9%)”’\"'][.?!…]+[”’\"')\]]*$")
_INNER_END = re.compile(r"[가-힣][”’\"')]?[.?!](?=[\s”’\"')\]]|$)")


def ends_sentence(line: str) -> bool:
    """Whether a line ends as a Korean sentence does."""
    return bool(_KOREAN_END.search(line[-12:]))


def last_sentence_end(text: str) -> int:
    """Where the last Korean sentence of a text ends; 0 if none does."""
    return max((end.end() for end in _INNER_END.finditer(text)), default=0)


def is_prose(line: str) -> bool:
    """Whether a line is the story itself rather than something around it."""
    return len(line) >= 80 or (len(line) >= 20 and ends_sentence(line))


# --- what the rules look for -----------------------------------------------------------------

_DATE = (
    r"(?:19|20)\d{2} ?(?:[.\-/]|년) ?\d{1,2} ?(?:[.\-/]|월) ?\d{1,2} ?(?:일|\.)?"
    r"(?: ?[(\[][월화수목금토일](?:요일)?[)\]]| [월화수목금토일]요일)?"
)
_TIME = (
    r"[T ]? ?\(?(?:오전|오후|AM|PM|am|pm)? ?\d{1,2} ?(?::|시) ?\d{1,2} ?분?(?::\d{2})?\)?"
    r"(?: ?(?:AM|PM|KST))?"
)
_LABEL = (
    r"(?:(?:기사|뉴스)? ?(?P<first>(?:최초 ?)?(?:입력|등록|작성|발행|게재|승인|게시|송고|보도|출고)|데스크 ?승인|Published)"
    r"|(?:기사)? ?(?P<again>(?:최종|마지막)? ?(?:수정|업데이트|변경|편집)|Updated))(?:일시|일자|시간|날짜|일|됨)?"
)
STAMP = re.compile(rf"{_LABEL} ?[:：|]? ?(?P<moment>{_DATE}(?:{_TIME})?)")
DATE_LINE = re.compile(rf"[<\[(]?(?P<moment>{_DATE}(?:{_TIME})?)[>\])]?")
SENT = re.compile(rf"(?P<moment>{_DATE}(?:{_TIME})?) ?(?:송고|입력|수정)")

_BARE_LABEL = re.compile(rf"{_LABEL} ?[:：|]?")


def joined_stamps(lines: list[str]) -> list[str]:
    """Lines with a label such as ``등록일`` joined to the moment that stands below it."""
    joined: list[str] = []
    label = False  # whether the last line with text is a label alone
    for line in lines:
        if label and line and DATE_LINE.fullmatch(line):
            while not joined[-1]:
                joined.pop()
            joined[-1] += f" {line}"
            label = False
            continue
        joined.append(line)
        label = bool(_BARE_LABEL.fullmatch(line)) if line else label
    return joined


_WEATHER = (
    r"[•·*\-]? ?(?:맑음|구름조금|구름많음|구름|흐림|흐리고|비|눈|비/눈|소나기|안개|박무|연무|황사|뇌우)? ?"
    r"(?:현재 ?기온|최저|최고)? ?[가-힣0-9]{0,10} ?-?\d{1,2}(?:\.\d)? ?(?:℃|°C)(?: ?[가-힣]{1,6})?"
    r"|(?:기상청|웨더아이|케이웨더) ?제공|오늘의 날씨|날씨|(?:초?미세먼지 ?(?:좋음|보통|나쁨|매우 ?나쁨) ?)+"
)

_MENU_WORDS = frozenset(
    (
        "본문 글씨 글자 글꼴 폰트 크기 키우기 줄이기 크게 작게 변경 변경하기 보통 가 가+ 가- 가가 "
        "기사 뉴스 기사보내기 보내기 공유 공유하기 이 기사를 공유합니다 SNS 으로 페이스북 "
        "페이스북으로 Facebook 트위터 트위터로 Twitter 엑스 엑스로 X 카카오톡 카카오톡으로 카톡 "
        "카카오스토리 카카오스토리로 카스 네이버 네이버밴드 밴드 밴드로 블로그 네이버블로그 "
        "네이버블로그로 라인 텔레그램 핀터레스트 핀터레스트로 인스타그램 링크드인 링크 링크복사 "
        "복사 복사하기 URL URL복사 url 주소 주소복사 스크랩 스크랩하기 인쇄 인쇄하기 프린트 메일 "
        "메일보내기 이메일 이메일로 다른 찾기 기사찾기 댓글 댓글쓰기 댓글보기 로그인 로그아웃 "
        "회원가입 마이페이지 검색 통합검색 검색어 전체 전체메뉴 전체기사 메뉴 메뉴보기 사이트맵 "
        "홈 HOME Home home 바로가기 건너뛰기 닫기 열기 더보기 목록 목록보기 이전 이전글 다음 "
        "다음글 다음기사 이전기사 맨위로 위로 TOP Top 북마크 저장 기사저장 다크모드 듣기 본문듣기 "
        "음성 음성으로 텍스트 변환 서비스 사용하기 번역 요약 요약봇 요약보기 요약문 AI요약 구독 "
        "구독하기 구독신청 구독중 기자구독 기자페이지 언론사 언론사별 추천 추천해요 좋아요 "
        "훈훈해요 슬퍼요 화나요 화나요 후속기사 후속 원해요 응원해요 응원 기대해요 놀랐어요 "
        "쏠쏠정보 흥미진진 공감백배 분석탁월 공감 비공감 관심 조회 조회수 추천수 신고 신고하기 "
        "수정 삭제 답글 등록 확인 취소 기사원문 원문 원문보기 기사듣기 프린트하기 스토리 알림 "
        "알림설정 앱 앱에서 PDF 지면 지면보기 신문보기 호외 독자투고 회사소개 이용약관 "
        "개인정보처리방침 청소년보호정책 제휴문의 광고문의 고충처리 저작권규약 오시는길 모바일 "
        "PC버전 PC화면 SNS공유 기사공유 글자크기 글자크기조절 글씨크기 조절 조절하기 설정 설정하기 폰트크기 상세검색 뉴스홈 기사제보 "
        "제보 기사제보하기 구독문의 English 한국어 日本語 中文 ENG KOR RSS Link Copy Print Share"
    ).split()
)
_MENU_GAPS = re.compile(r"[\s|,/·ㆍ>:•()\[\]]+")
_PHRASES = re.compile(
    r"(?:본문|메뉴|검색|기사 본문) ?(?:바로 ?가기|영역|내용)|읽어주기 기능은 크롬기반의|브라우저에서만 사용하실 수 있습니다\.?"
    r"|이 기사가 좋으셨다면|이 기사를 공유합니다\.?|(?:AI )?(?:세 줄|3줄|한 줄|핵심) ?요약|AI 해설 기사|Key Points|NAVER|Daum|네이트 뉴스"
    r"|기사 ?(?:원문|목록)(?: ?(?:입력|보기))?|당신을 위한|맞춤 뉴스 ?(?:by .{1,12})?|소셜 댓글|.{0,12}(?:다른 ?기사|기사 더) ?보기"
    r"|.{0,10}(?:으로|에) 공유(?:하기)?|검색어를 입력하세요|.{2,16}은? 네이버에서 제공하는 기능입니다\.?|잠시만 기다려 ?주세요\.?"
    r"|다양한 언어로 기사를 읽어보세요\.?|콘텐츠 사용과 관련해 궁금한 점이 있으면.{0,100}|가장 먼저 .{0,10}댓글.{0,10}요[.!]?"
    r"|이미지(?:를)? ?(?:확대(?: ?보기)?|크게 ?보기|더보기)|사진 ?(?:확대|크게) ?보기|.{0,10}클릭하(?:시)?면 .{0,20}(?:크게|원본).{0,20}"
    r"|본 저작물은 .{0,80}공공누리.{0,100}|원본 ?(?:사진|이미지) ?보기|동영상 ?(?:뉴스|보기|기사)|\[?(?:동)?영상\]?"
)


_NEIGHBOURS = (
    r"(?:홈|HOME|Home|메인)(?: ?[>›»] ?[^>›».]{1,20}){1,5}"
    r"|[-·<>◀▶ ]{0,3}(?:이전|다음) ?(?:글|기사)(?![가-힣]) ?.{0,80}"
)


def _is_menu(line: str) -> bool:
    words = [word for word in _MENU_GAPS.split(line) if word]
    known = all(
        word in _MENU_WORDS or word.isdigit() or section_name(word) is not None for word in words
    )
    return known and any(map(str.isalpha, line)) and section_name(line) is None


def stamp_parts(line: str) -> list[str]:
    """What stands between the stamps of a line."""
    parts = re.split(r"[\n|·ㅣ│]", SENT.sub("\n", STAMP.sub("\n", line)))
    return [part for part in (part.strip(" /,[]()<>") for part in parts) if part]


def _is_stamp(line: str) -> bool:
    if not (STAMP.search(line) or SENT.search(line)):
        return False
    return all(_is_menu(part) or credit_line(part) or is_press(part) for part in stamp_parts(line))


_AGENCY = r"뉴시스|연합뉴스(?:TV)?|뉴스1|News1|NEWSIS|AP|AFP|로이터|EPA|UPI|신화|게티이미지(?:코리아|뱅크)?|Getty ?Images|셔터스톡|픽사베이"
_GIVER = r"[^\s.]{0,18}(?:시|군|구|도|청|부|실|처|원|회|사|소|인|자|측|대|교|단|당|본부|그룹|은행|병원|공사|협회|센터|뉴스|일보|신문|전자|코리아)"
_CAPTION_END = re.compile(
    r"[(\[<【] ?(?:사진|자료|이미지|그래픽|일러스트|출처|캡처|영상 ?캡처)[^()\[\]<>【】]{0,60}[)\]>】]\.?$"
    r"|(?:^|[ /|.”\"])(?:사진|이미지|그래픽|일러스트|자료|출처) ?(?:제공|출처|캡처)? ?[=:ㅣ|] ?[^=:]{1,40}$"
    r"|\[[^\[\]]{1,40}(?:자료 ?사진|제공|캡처|DB ?금지|촬영)[^\[\]]{0,8}\]$|자료 ?사진[)\]]?$"
    rf"|(?:^|[.”\"] ?|[./] ?){_GIVER} 제공[)\]]?$|(?:[.”\"])(?: ?[^\s.]{{1,16}}){{1,3}} 제공$"
    rf"|(?:^|[\s./=(\[])(?:{_AGENCY})(?: ?(?:제공|DB))?[)\]]?$"
    r"|[.”\"] ?/ ?[가-힣A-Za-z0-9]{2,12}(?: ?DB)?$| /[가-힣A-Za-z0-9]{2,10}$"
    r"|[ⓒ©] ?[^\n.]{1,30}$"
)
_DATED_CAPTION = re.compile(
    rf".{{5,250}}(?:있다|모습|장면|한다|했다)\.? ?\d{{4}}\. ?\d{{1,2}}\. ?\d{{1,2}}\.?(?: ?{MAIL.pattern}| ?/\S{{1,20}})?"
)
_PHOTO_SIGNS = "사진 이미지 그래픽 일러스트 캡처 DB"
_PHOTO = re.compile(
    r"[(\[<【] ?(?:자료 ?)?(?:사진|이미지|그래픽|일러스트|영상 ?캡처)(?: ?[=:ㅣ|/] ?| ?제공| ?출처)[^()\[\]<>【】]{0,60}[)\]>】]"
    r"|\[[^\[\]]{0,40}(?:자료 ?사진|재판매 ?및 ?DB ?금지)[^\[\]]{0,10}\]"
    r"|(?:(?<=[.”\"] )|/|^)사진 ?= ?[^\s()\[\],]{1,16}(?: ?(?:제공|DB|캡처|자료사진))?"
)


def is_caption(line: str) -> bool:
    """Whether a line is a picture's text: it ends in a source, or as agencies date pictures."""
    if len(line) > 260 or re.search(r"무단|저작권|[Cc]opyright|[Rr]eserved", line):
        return False
    credit = _CAPTION_END.search(line, max(0, len(line) - 90)) if not ends_sentence(line) else None
    if credit is None:
        return bool(_DATED_CAPTION.fullmatch(line)) or _signed_picture(line)
    told = line[: credit.start() + 1].rstrip(" /[(<【|")
    # A paragraph may end in a picture's credit, too: it tells more, and what has happened.
    if len(_INNER_END.findall(told)) > 1:
        return False
    past = ends_sentence(told) and not re.search(r"있다[.]?$|습[.]?$", told)
    return not past or len(told) <= 60 or line[0] in "▲△▼◀▶"


def _signed_picture(line: str) -> bool:
    """``미루구의 한 서점. 오가을 기자 a@b.kr``: no sentence, and the photographer."""
    signed = trailing_credit(line) if len(line) <= 160 else None
    return bool(signed and signed[1] > 4 and re.search(r"[^다요까죠]\.\s*$", line[: signed[1]]))


PHOTO_LINE = re.compile(
    r"[(\[<【][^()\[\]<>【】]{0,50}(?:사진|제공|DB ?금지|캡처|촬영)[^()\[\]<>【】]{0,20}[)\]>】]"
)
"""A source alone: the line above it is the picture's text, as agencies lay it out."""


_STATION = r"(?:KBS|MBC|SBS|YTN|JTBC|MBN|OBS|KNN|KTV|KBC|TBC|TJB|G1|CJB|JIBS|EBS|tbs|TV조선|채널A|연합뉴스TV|MTN)"
_LOCAL_STATION = r"[A-Z][A-Z0-9]{1,4}(?= ?(?:뉴스|NEWS))|[가-힣A-Z]{1,8}(?:방송|TV)"
SIGN_OFF = re.compile(
    r"(?:^|(?<=[.?!”\"\]] ))"
    rf"(?:지금까지 )?(?:[가-힣]{{2,8}}에서,? )?(?P<press>{_STATION}|{_LOCAL_STATION}) ?(?:뉴스|NEWS)? ?(?!기자입니다)(?P<name>{NAME.pattern})"
    rf" ?(?:[\[(]{MAIL.pattern}[\])])? ?(?:기자)?(?:입니다|이었습니다|였습니다)\."
    rf"|지금까지 (?:[가-힣A-Z0-9]{{2,12}}(?:에서|부|팀)?,? )?(?P<reporter>{NAME.pattern}) ?(?:기자|특파원|리포터) ?(?:이었|였)습니다\."
)
MARK = re.compile(
    r"[\[<【◀] ?(?:앵커(?: ?(?:멘트|브리핑))?|기자|리포트|리포터|아나운서|캐스터|인터뷰|VCR|현장음|녹취|스튜디오|답변|질문) ?[\]>】▶]"
)
_CREW = r"(?:영상 ?(?:편집|취재|촬영|그래픽|디자인|구성)|촬영 ?기자|자막 ?뉴스|그래픽|취재 ?기자|편집|촬영|작가|리서처|[ACV][DGJ]|PD)"
_CREW_LINE = re.compile(rf"[(\[<]? ?{_CREW} ?[:：=/ㅣ|].{{1,150}}")
_CREW_NOTE = re.compile(r"[(\[] ?영상 ?(?:편집|취재|촬영)[^()\[\]]{0,120}[)\]]")
_CREW_TAIL = re.compile(r"(?:촬영 ?기자|영상 ?편집|영상 ?취재) ?[:：/=] ?(?=\S)")

_AD = re.compile(
    r"\$\$[A-Za-z_]{2,20}\$\$|// ?flash 오류를 우회하기 위한 함수 추가|function _?flash_removeCallback\(\) ?\{ ?\}"
    r"|<!--.{0,200}?-->"
)
_SCRIPT = r"(?:var |function ?\w{0,40}\(|window\.|document\.|googletag|\(adsbygoogle|jQuery|\$\()[^가-힣]{0,380}"
_AD_LINE = r"\[?AD\]?|\(?광고\)?|ADVERTISEMENT|Advertisement|스폰서 ?링크|[Pp]owered by .{1,20}"

TAG_LINE = re.compile(
    r"(?:(?:관련 ?)?(?:태그|키워드|해시태그)|TAGS?|Tags?)? ?[:：]? ?#[^\s#]{1,30}(?:[\s,]{0,2}#[^\s#]{1,30})*"
    r"|(?:관련 ?)?(?:태그|키워드) ?[:：] ?(?P<list>[^.]{1,120})"
)
_TAG_TAIL = re.compile(
    r"(?:(?<=\s)|(?<=\.))(?:#[가-힣A-Za-z][^\s#]{0,29} ){1,20}#[가-힣A-Za-z][^\s#]{0,29}$"
)

_END_MARK = re.compile(r"[(<\[〈] ?끝 ?[)>\]〉](?![”’\"'가-힣])|^[-=. ]*끝[-=. ]*$")
_RELATED_WORDS = (
    r"관련 ?(?:기사|뉴스|글)|이 ?시각 ?(?:주요|인기|많이|헤드라인|추천).{0,12}|(?:가장 ?)?많이 ?본 ?(?:뉴스|기사)|주요 ?(?:뉴스|기사)|인기 ?(?:기사|뉴스)"
    r"|추천 ?(?:기사|뉴스)|실시간 ?(?:뜨거운|인기|주요|핫).{0,18}|오늘의 ?(?:핫 ?클릭|주요뉴스|추천|핫이슈)|핫 ?클릭|최신 ?(?:기사|뉴스)"
    r"|이런 ?기사 ?어때요\??|함께 ?(?:본|볼만한) ?(?:뉴스|기사)|.{0,12}베스트 ?(?:기사|뉴스|클릭)|.{2,10} ?헤드라인|연재 ?더보기|시리즈 ?더보기"
)
_RELATED_LINE = re.compile(
    rf"[\[<(【■▶☞◆●▷#*▣ ]{{0,3}}(?:{_RELATED_WORDS})[\]>)】:☞ ]{{0,3}}(?:더보기|\d{{1,2}}면)?"
    r"|(?:[\[<【☞▶▣■ ]{1,3}관련 ?(?:기사|뉴스)|관련 ?기사 ?[☞▶:]).*"
)
_RELATED_MARK = re.compile(r"\[관련 ?(?:기사|뉴스)\]|[☞▶] ?관련 ?기사|▣ ?\S{1,8} 기사 원문보기")
_LINK_LINE = r"(?:출처|원문|링크|URL)? ?[:：]? ?https?://\S+"
_POINTER = r"[☞👉].{0,200}|▶▶.{0,120}"
_ELSEWHERE = r"(?:네이버|Naver|NAVER|다음|Daum|카카오톡?|유튜브|구글|포털|텔레그램|뉴스레터)"
_SUBSCRIBE = (
    r"[▶▷►☞◎※★]{1,2}(?!.*다\.$).{0,120}(?:구독|바로 ?가기|받아보|클릭|채널|앱 ?다운|다운로드|제보|유튜브|페이스북|텔레그램|이벤트|https?:|네이버|Daum|Naver).{0,120}"
    r"|.{0,80}(?:구독|받아보|친구 ?추가|채널 ?추가|만나보|선호 ?(?:언론사|매체)).{0,14}(?:세요|십시오|시기 바랍니다)[.!]?"
    rf"|{_ELSEWHERE}(?: ?[가-힣A-Z]{{0,6}})(?:에서|으로|로) .{{0,40}}(?:구독|받아보기|친구 ?추가|채널 ?추가)(?:하기)?"
)
_SUBSCRIBE_TAIL = re.compile(
    rf"[▶▷►☞] ?{_ELSEWHERE}[^▶▷►☞.]{{0,50}}(?:구독하|구독 ?$|받아보|친구 ?추가|만나보|선호|클릭)"
    r"|[▶▷►☞][^▶▷►☞.]{0,60}(?:구독하(?:기|세요)|바로가기|받아보(?:기|세요))"
)
_TIP_SIGNS = "제보 ▷ [카카오톡] [전화] [메일] 공감언론"
_TIP = re.compile(
    r"[■▶▣◇] ?제보 ?(?:하기|:|는|$)|▷ ?(?:카카오톡|전화|이메일|뉴스홈페이지|유튜브|제보) ?[:：,]|(?:기사 ?문의나 )?제보는 ?카카오톡|기사 ?제보 ?및 ?보도 ?자료"
    r"|(?:^|(?<=[.”\"] ))(?:기사|독자)? ?제보 ?(?:전화|메일|이메일|문의)? ?[:：]? ?(?:[A-Za-z0-9_.+-]{1,40}@|0\d{1,2}-\d{3})"
    r"|[※'‘\"“ ]{0,3}당신의 제보가 뉴스가|\[카카오톡\] ?\S|\[전화\] ?\d|\[메일\] ?\S|◎? ?공감언론 뉴시스|독자 여러분의 (?:소중한 )?제보를|여러분의 제보를 기다"
)
_DESK = re.compile(
    r"[\[(<] ?(?:[A-Za-z가-힣]{1,8} )?(?:디지털|온라인|인터넷|모바일|뉴스|이슈|콘텐츠)[가-힣 ]{0,8}(?:국|부|팀|센터|데스크) ?[\])>](?! ?[가-힣])"
    r"|^(?:[A-Za-z가-힣]{1,8} )?(?:디지털|온라인|인터넷|모바일) ?(?:뉴스|이슈|콘텐츠)? ?(?:편집)?(?:국|부|팀|센터|데스크)$"
)
_DESK_SIGNS = "디지털 온라인 인터넷 모바일 뉴스 이슈 콘텐츠"
_HELP = re.compile(
    r"고민이 있거나 주변에 이런 어려움|자살 ?예방 ?(?:상담|핫라인|SNS)|정신건강 ?(?:위기)? ?상담 ?전화|생명의 ?전화"
)
_HELP_NUMBER = re.compile(r"☎|1393|1577-?0199|1588-?9191|(?<!\d)109(?!\d)|핫라인")


def _is_help(line: str) -> bool:
    # A story about the hotline names it, too: the notice is marked, or speaks to the reader.
    if not (_HELP.search(line) and _HELP_NUMBER.search(line)) or len(_INNER_END.findall(line)) > 3:
        return False
    return line[0] in "※＊*■◇☎" or not re.search(r"[^니]다[.]?$", line)


_NOTICE = (
    r"[※＊*] ?(?:이|본|해당) ?(?:기사|콘텐츠|보도자료)(?:는|의) .{0,240}|[※＊*] ?(?:우울감|자살).{0,300}"
    r"|[\"“]?(?:이|본) ?(?:기사|콘텐츠)는 .{0,120}(?:작성|번역|생성|제공|검토|게재|투자 ?참고|실렸|실린|수록).{0,30}(?:습니다|입니다)\.?.{0,100}"
    r"|[※＊*]? ?(?:외부 ?)?(?:필자|필진|기고|칼럼|본 ?칼럼)[^.]{0,60}(?:본지|본보|본 ?매체|편집 ?방향|입장)[^.]{0,30}(?:다를 수|일치하지|무관)[^.]{0,20}\.?"
    r"|\*? ?면책 ?조항 ?[:：].{0,300}|AI 해설은 뉴스의 풍부한 이해를.{0,200}|기사의 원 데이터인.{0,120}"
)
_RELEASE = (
    r"(?:보도 ?(?:시점|일시|일자)|배포 ?(?:일시|일자)|엠바고)[ |:：].{1,100}|\[?보도 ?자료\]?"
)
_OFFICE = re.compile(
    r"[|(<\[ ]{0,3}담당 ?(?:부서|자|과)[ |:：)>\]].{0,120}(?:책임자|담당자|과장|팀장|주무관|사무관|\d{3,4}-\d{4}).{0,120}"
)
_ANNEX = re.compile(
    r"[□○※ ]{0,2}[<(\[]?붙임[>)\]]?(?: ?\d)?[ :：.].{1,150}\d ?(?:부|매|장|개)\.(?: ?끝\.?)?"
)
_NOTE = re.compile(r"\[ ?이 기사는 [^\[\]]{0,150}\]")
_COPYRIGHT_SIGNS = "ⓒ © (c) (C) 무단 저작권 opyright OPYRIGHT eserved"
_COPYRIGHT = re.compile(
    r"(?:저작권자?|[Cc]opyrights?|COPYRIGHT) ?(?:[ⓒ©]|\([cC]\)|\(Copyright\))|저작권자 ?: ?\S"
    r"|[ⓒ©][^\n]{0,60}?(?:무단|[Aa]ll [Rr]ights)|[Aa]ll [Rr]ights [Rr]eserved"
    r"|무단 ?(?:전재|복제|배포)[^다요\n]{0,30}?(?:금지|불허|금합니다)(?![”’\"']? ?[가-힣])"
)
_BRACKETS = dict(zip("<[(〈【“", ">])〉】”", strict=True))
_BEFORE_MARK = re.compile(r"[다요까죠음함임됨][”’\"']?[.?!]\s?")
OWNER = re.compile(
    r"(?:[ⓒ©]|\([cC]\)|저작권자|[Cc]opyrights?) ?[ⓒ©:]? ?(?:\([cC]\))? ?([가-힣A-Za-z0-9]{2,20})"
)


_PARTICLE = re.compile(
    r"[)\]>]{0,2}(?:으?로|에게?|에서|을|를|이|가|은|는|와|과|및|또는|이나)(?![가-힣])|[)\]>]{0,2} ?으?로 "
)


def _copyright(text: str) -> Iterator[Span]:
    """Copyright marks, each from its opening bracket or the end of the sentence before it."""
    for mark in _COPYRIGHT.finditer(text):
        low = max(0, mark.start() - MAX_CREDIT_CHARS)
        before = text[low : mark.start()]
        told = max((end.end() for end in _BEFORE_MARK.finditer(before)), default=0)
        opened = _open_bracket(before[told:])
        far = not told and low > 0
        yield (mark.start() if far and opened is None else low + told + (opened or 0)), mark.end()


def _open_bracket(text: str) -> int | None:
    """Where the outermost bracket that is still open at the end of a text opens; None if none."""
    stack: list[tuple[str, int]] = []
    for at, char in enumerate(text):
        if char in _BRACKETS:
            stack.append((_BRACKETS[char], at))
        elif stack and char == stack[-1][0]:
            stack.pop()
    return stack[0][1] if stack else None


def _related(text: str) -> Iterable[Span]:
    """A heading of other stories: a short line, or a mark inside a long one."""
    if len(text) <= 120:
        return [(0, len(text))] if _RELATED_LINE.fullmatch(text) else []
    if "관련" not in text and "원문보기" not in text:
        return []
    return (mark.span() for mark in _RELATED_MARK.finditer(text))


def _is_office(line: str) -> bool:
    if len(line) > MAX_LINE_CHARS:
        return False
    return bool(_ANNEX.fullmatch(line) or (not ends_sentence(line) and _OFFICE.fullmatch(line)))


def _tag_tails(text: str) -> Iterable[Span]:
    # a line of tags alone is the rule "tags", which keeps their order
    if len(text) <= MAX_LINE_CHARS and TAG_LINE.fullmatch(text):
        return ()
    return (match.span() for match in _TAG_TAIL.finditer(text))


def _signatures(text: str) -> Iterator[Span]:
    """Mail addresses that sign a story, with the byline before them; not those in sentences."""
    if "@" not in text:
        return
    # no story carries fifty: text that does is not worth more time
    for mail in islice(MAIL.finditer(text), 50):
        if not _PARTICLE.match(text, mail.end()):
            start = _signature_start(text, max(0, mail.start() - MAX_CREDIT_CHARS), mail)
            if start is not None:
                yield start, mail.end()


def _signature_start(text: str, low: int, mail: re.Match[str]) -> int | None:
    before = text[low : mail.start()]
    if signed := trailing_credit(before + mail[0]):
        return low + signed[1]
    if low == 0 and credit_line(before + mail[0]):
        return 0
    bare = before.rstrip(" ([<")
    return low + len(bare) if not bare or _ANY_END.search(bare[-12:]) else None


# --- the table -------------------------------------------------------------------------------


def _line(pattern: str | re.Pattern[str]) -> Callable[[str], Iterable[Span]]:
    whole = re.compile(pattern).fullmatch
    return lambda line: [(0, len(line))] if whole(line) else []


def _line_if(test: Callable[[str], object]) -> Callable[[str], Iterable[Span]]:
    return lambda line: [(0, len(line))] if test(line) else []


def _spans(pattern: str | re.Pattern[str]) -> Callable[[str], Iterable[Span]]:
    find = re.compile(pattern).finditer
    return lambda text: (match.span() for match in find(text))


def _is_press_line(line: str) -> bool:
    return is_press(line.strip(" []<>()【】〈〉"))


_DROP, _ERASE, _CUT = Action.DROP, Action.ERASE, Action.CUT

RULES: tuple[Rule, ...] = (
    # Captions before all: they carry credits, datelines and mails of their own. Then fragments:
    # what they leave may be a line that another rule knows.
    Rule("caption", _DROP, _line_if(is_caption), "a picture's text", even_sentences=True),
    Rule("ad_mark", _ERASE, _spans(_AD), "slots of the page's script", signs="$$ // <!-- flash"),
    Rule("photo_credit", _ERASE, _spans(_PHOTO), "inside a paragraph", signs=_PHOTO_SIGNS),
    Rule("broadcast_mark", _ERASE, _spans(MARK), "who speaks next", signs="[ < 【 ◀"),
    Rule("sign_off", _ERASE, _spans(SIGN_OFF), "names the station", signs="입니다. 습니다."),
    Rule("tag_tail", _ERASE, _tag_tails, "glued to the last sentence", signs="#"),
    Rule("note", _ERASE, _spans(_NOTE), "how the text was made", signs="기사는"),
    Rule("crew_note", _ERASE, _spans(_CREW_NOTE), "camera and editing", signs="영상"),
    Rule("crew", _DROP, _line(_CREW_LINE), "camera and editing of a broadcast"),
    Rule("weather", _DROP, _line(_WEATHER), "the strip above a page", edges=True),
    Rule("menu", _DROP, _line_if(_is_menu), "menus, sharing, font size, reactions"),
    Rule("phrase", _DROP, _line(_PHRASES), "fixed words of a page", even_sentences=True),
    Rule("stamp", _DROP, _line_if(_is_stamp), "when it was entered, approved, changed"),
    Rule("date", _DROP, _line(DATE_LINE), "the page's or the story's, alone", edges=True),
    Rule("byline", _DROP, _line_if(credit_line), "a line that only says who signs"),
    Rule("count", _DROP, _line(r"\d{1,6}"), "of comments or reactions", edges=True),
    Rule("press", _DROP, _line_if(_is_press_line), "a paper's name, alone", edges=True),
    Rule("section", _DROP, _line_if(section_name), "a section's name, alone", edges=True),
    Rule("tags", _DROP, _line(TAG_LINE), "subjects as hashtags"),
    Rule("neighbours", _DROP, _line(_NEIGHBOURS), "the page's place among others", edges=True),
    Rule("release", _DROP, _line(_RELEASE), "when a press release may be used", edges=True),
    Rule("advert", _DROP, _line(f"{_AD_LINE}|{_SCRIPT}"), "advertisements and script"),
    Rule("pointer", _DROP, _line(_POINTER), "a hand that points at another story"),
    Rule("link", _DROP, _line(_LINK_LINE), "an address, alone", edges=True),
    Rule("photographer", _DROP, _line(r"[ⓒ©] ?(?!.*무단).{1,40}"), "whose picture, whose paper"),
    Rule("subscribe", _DROP, _line(_SUBSCRIBE), "follow us elsewhere", even_sentences=True),
    Rule("suicide_help", _DROP, _line_if(_is_help), "required by law", even_sentences=True),
    Rule("notice", _DROP, _line(_NOTICE), "how the text was made", even_sentences=True),
    # The tail: the first mark ends the story.
    Rule("end_mark", _CUT, _spans(_END_MARK), "agencies end a story with (끝)", signs="끝"),
    Rule("copyright", _CUT, _copyright, "no story goes on after it", signs=_COPYRIGHT_SIGNS),
    Rule("signature", _CUT, _signatures, "byline and mail close a story", insets=True, signs="@"),
    Rule("desk", _CUT, _spans(_DESK), "a desk signs, not a person", insets=True, signs=_DESK_SIGNS),
    Rule("related", _CUT, _related, "other stories follow", insets=True),
    Rule("tips", _CUT, _spans(_TIP), "how to reach the newsroom", insets=True, signs=_TIP_SIGNS),
    Rule("office", _CUT, _line_if(_is_office), "whom to ask", insets=True, signs="담당 붙임"),
    Rule("promotion", _CUT, _spans(_SUBSCRIBE_TAIL), "follow us", insets=True, signs="▶ ▷ ► ☞"),
    Rule(
        "crew_tail", _CUT, _spans(_CREW_TAIL), "camera and editing", insets=True, signs="촬영 영상"
    ),
)
"""What goes, in this order within a round (captions, then all ERASE, then DROP, then CUT)."""
