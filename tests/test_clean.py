"""Boilerplate goes, metadata comes up, and no sentence is lost."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index import read_articles
from index.boilerplate import RULES, Action, Rule
from index.clean import Found, clean, clean_title, lost_sentences, normalise
from index.newsroom import (
    Credit,
    credit_line,
    is_press,
    leading_credit,
    reporter_names,
    section_name,
    trailing_credit,
)

CORPUS = Path(__file__).parent / "corpus" / "articles"
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

STORY = (
    "해담시는 오늘 새로운 청년 지원 정책을 발표했다. "
    "이번 정책은 청년 주거 안정과 취업 지원을 핵심으로 한다."
)

TAILS = """
[ⓒ 해담일보 & haedam.example, 무단전재 및 재배포 금지]
\\nGoodNews paper ⓒ , 무단전재 및 수집, 재배포금지
Copyright © 뉴스1. All rights reserved. 무단 전재 및 재배포 금지.
<ⓒ투자가를 위한 경제콘텐츠 플랫폼, 해담경제(www.haedam.example) 무단전재 배포금지>
☞공감언론 뉴시스 plain@newsis.example <저작권자ⓒ 공감언론 뉴시스통신사. 무단전재-재배포 금지.>
“저작권ⓒ `건강을 위한 지식` 해담닷컴(https://h.example) / 무단전재-재배포 금지“
<저작권자(c) 연합뉴스, 무단 전재-재배포 금지>
 [해담금융신문(h.example), 무단전재 및 재배포 금지]
\\n<저작권자 (c) 연합인포맥스, 무단전재 및 재배포 금지, AI 학습 및 활용 금지>
\\n저작권자 © 해담신문 무단전재 및 재배포 금지\\n관련기사\\n홍길동 기자\\n다른기사 보기
\\n[연합뉴스]\\n<뉴시스>
\\n도쿄/정수진 특파원
\\n제주 최지훈 기자
\\n한소라 온라인 뉴스 기자 news1701@h.example
\\n[장미래 기자]
\\n[조은별 디지털뉴스부 인턴기자 intern@h.example]
\\n(SBS 디지털뉴스편집부)
동아닷컴 IT전문 윤서준 기자(tech@h.example)
 강민아 엔터뉴스팀 기자 kang@h.example (콘텐트비즈니스본부)
 1press@h.example[연예부 | ent@h.example]
 신동해 기자
 [이 기사는 증시분석 전문기자 뉴스봇(newsbot@h.example)이 실시간으로 작성했습니다.]
\\n[ 황보람 기자 / hbr712@h.example ]
\\ndesk79@h.example\\n\\n제보는 카카오톡 okjebo\\n\\n2023/06/23 10:12 송고
곽민정 기자 newsDesk@h.example\\n\\t\\t\\nGoodNews paper ⓒ , 무단전재 및 수집, 재배포금지
유진아기자 reporter@h.example
\\nMBN뉴스 설민아입니다.\\n[ news21@h.example ]\\n\\n영상취재 : 최지훈 기자\\n영상편집 : 장미래
\\nabc@h.example\\n※ 이 기사는 자연어처리기술을 이용해 자동 작성됐습니다.\\n광고\\n기사 문의나 제보는 카카오톡 okjebo
photo01@h.example사진영상기획부
 세종 한소라 기자
 윤서준 인턴기자·강민아 기자
 전주 신동해·봉화 임하늘 기자
 워싱턴 황보람 특파원·서울 곽민정 기자
 유진아 엔터뉴스팀 기자 yoo@h.example (콘텐트비즈니스본부) 사진=연합뉴스
\\n설민아 기자 seol@h.example, 사진=해담엔터테인먼트 제공
\\n김철수기자 news13@h.example\\n\\n▶관련기사 17면
\\n박민수 기자 5news@h.example, 정수진 기자 desk@h.example
 지금까지 김성기 기자였습니다.
 ■ 제보하기 ▷ 카카오톡 : 'KBS제보' 검색
 KBS 뉴스 공민경입니다. 촬영기자:안민식/영상편집:김선영 ▣ KBS 기사 원문보기 : http://n.example/1
 2022.11.23 pdj@h.example (끝) 〈저작권자(c) 연합뉴스, 무단 전재-재배포 금지〉
 박지혜 기자 sophia@h.example ▶Daum에서 [채널A 뉴스] 구독하기 (모바일)
 기사제보 및 보도자료 제공 tbs3@h.example / copyrightⓒ tbs. 무단전재 & 재배포 금지
 이종무기자 jmlee@ 〈ⓒ 해담경제신문(www.h.example), 무단전재 및 수집, 재배포금지〉
\\noak@h.example▶ [현장영상] 4살 꼬마 "벽에 머리가 끼었어요"<저작권자(c) 연합뉴스, 무단 전재-재배포 금지>
\\n관련기사\\n바다랑식품, 어묵 시장 진출
\\n이 기사가 좋으셨다면\\n좋아요\\n0\\n응원해요\\n0\\n오늘의 핫 클릭\\n실시간 뜨거운 관심을 받고 있는 뉴스
\\n#인공지능 #반도체 #AI
\\n※ 우울감 등 말하기 어려운 고민이 있거나 주변에 이런 어려움을 겪는 가족이 있을 경우 자살예방 상담전화 ☎109에서 도움을 받을 수 있습니다.
\\n▶네이버 메인에서 해담일보 뉴스 받아보세요
\\n좋아요 31 | 슬퍼요 0 | 후속기사 원해요 5
\\n당신을 위한\\n맞춤 뉴스by Dable\\n소셜 댓글
\\n[디지털뉴스국]
\\n공유 : 카카오톡 / 페이스북 / 밴드
(끝)
\\n$$ARTICLEAD$$
\\nHBS 뉴스 표다운입니다.
\\n자막뉴스 : 국보미
\\n☞ 해담항에 고래 떼 나타나
\\nhttps://haedam.example/1
\\n© haedam.example
\\n마음에 드셨다면 채널을 구독해 주세요.
\\n고민이 있거나 주변에 이런 어려움을 겪는 분이 있으면 자살예방 상담전화 ☎109에서 도움을 받을 수 있습니다.
 ▶네이버에서 해담일보 구독하기 ▶해담일보 바로가기
\\n붙임 사진 2부. 끝.\\n담당 부서 | 물순환과 | 책임자 | 과장 단유림 (000-120-4410)
\\n담당 부서 물순환과 담당자 주무관 갈한솔 (000-120-4412)
\\n이전글 골목 가로등 1,200개 교체\\n다음글 시립미술관 야간 개장
\\n본 저작물은 "공공누리 제1유형: 출처표시" 조건에 따라 이용할 수 있습니다.
\\n※ 외부 필자의 기고는 본지의 편집 방향과 다를 수 있습니다.
\\n이 기사는 월간 동람 2026년 2월호에 실렸습니다.
""".strip("\n").split("\n")

HEADS = """
(안성=뉴스1) 배지수 기자 = |
[서울=뉴시스]박민수 기자 = |
[머니투데이 김소연 기자] |
해담행정신문 이정하 기자 \\|  |
[앵커] |
【 앵커멘트 】\\n|
광주=이영희 기자\\n|
입력 2020.07.13. 오후 5:04 수정 2020.07.13. 오후 6:00\\n|
기자명 홍길동 기자   입력 2025.12.08 14:21  수정 2025.12.08 15:00  댓글 0\\n|
(서울=연합뉴스) 이정훈 기자 = 7일 국회에서 참석자들이 점등 버튼을 누르고 있다. 2022.12.7 uwg@yna.example\\n(서울=연합뉴스) 김철수 기자 = |
이미지 확대보기\\n사진=픽사베이\\n|
▲ 이재명 대통령이 발언하고 있다. [사진=대통령실]\\n|
해담역 환승센터\\n[해담시 제공. 재판매 및 DB 금지]\\n|
해담시 미루구의 한 서점. 오가을 기자 gaeul@h.example\\n|
트램 조감도. 해담시 제공\\n|
폐막 공연을 보는 시민들이 손을 흔들고 있다. /해담일보\\n|
해담일보\\n|
국제\\n|
SNS 기사보내기\\n페이스북(으로) 기사보내기\\nURL복사\\n본문 글씨 키우기\\n|
등록일\\n2026-03-23 09:00\\n|
홈 > 시정소식 > 보도자료\\n보도시점 | 배포 즉시 | 배포 | 2026. 3. 23.(월)\\n|
2025.12.08 (월)\\n• 구름조금제주 11.2℃\\n• 맑음동두천 -0.6℃\\n기상청 제공\\n|
""".strip("\n").split("\n")

SENTENCES = """
다음 달부터 구독료를 받는다고 회사는 설명했다.
이용자는 카카오톡 친구 추가를 하면 알림을 받는다.
시민은 네이버에서 해담시 채널을 구독하면 소식을 받아볼 수 있다.
안내문에는 ‘무단 사용 금지’라고 적혀 있었다.
협회는 “무단 전재 및 재배포 금지”라는 문구를 넣었다고 밝혔다.
정신건강 상담전화(☎1577-0199)를 24시간 운영한다고 시는 밝혔다.
시는 자살예방 상담전화 109번을 알리는 홍보물을 붙였다.
해당 기사는 허위로 작성된 것으로 드러났다고 재판부는 판단했다.
이 기사는 지난 3일 게재됐다가 하루 만에 삭제됐다.
가장 먼저 그 글에 댓글을 단 사람은 김 씨였다.
지금까지 그는 기자였습니다.
아버지(부)와 어머니(모)의 동의가 필요하다.
삼성전자(모바일사업부) 관계자는 판매가 늘었다고 말했다.
수상 기업은 ▶네이버 ▶카카오 ▶쿠팡 등 세 곳이다.
경찰은 제보 전화 02-123-4567로 연락해 달라고 당부했다.
문의는 시청 환경과(032-000-0000)나 전자우편 env@haedam.example으로 하면 된다.
신청서를 right@haedam.example으로 보내면 된다.
기사 제보를 받은 언론사는 확인에 나섰다.
그는 기자회견에서 “책임을 통감한다”고 말했다.
이날 회견에는 홍길동 기자와 김철수 특파원이 참석했다.
서울은 12.3℃, 부산은 15℃까지 오르겠다.
그는 사진 제공을 거부했다고 전했다.
정부는 2025.12.08 입력된 자료를 공개했다.
급식 재료는 농가가 무료로 제공한다.
영상편집 프로그램 사용자가 늘었다고 회사는 밝혔다.
저작권자가 누구인지 법원이 따졌다.
그는 “끝까지 간다(끝)”라고 적힌 옷을 입었다.
해시태그 #미투 운동이 다시 번지고 있다.
관련 기사를 읽은 시민들은 분노했다.
한국경제가 1.2% 성장했다고 한국은행이 발표했다.
(서울=수도)라는 표현이 논란이 됐다.
▲ 주택 공급을 늘리고 세제를 손본다.
1면에 실린 사진은 합성으로 확인됐다.
유튜브 채널을 운영하는 김 모 씨는 혐의를 부인했다.
조선일보는 이날 1면 머리기사로 이를 다뤘다.
연합뉴스에 따르면 부상자는 3명이다.
그는 MBC 뉴스를 진행했던 앵커입니다.
그는 MBC 기자입니다.
누나는 해담방송 기자였습니다.
그 자료는 KBS 뉴스 이용자 조사입니다.
이전 글은 어디로 갔나?
다음 기사에서는 절차를 다룬다.
담당자 김 과장은 “모른다”고 답했다.
담당 부서 팀장은 전화를 받지 않았다.
보도 시점을 두고 논란이 일었다.
붙임 서류를 세 부 냈다.
칼럼의 논지는 본지의 사설과 달랐다.
홈 > 사회로 가는 길이라는 노래가 떴다.
출처: 통계청이라고 적힌 표도 거짓이었다.
앱을 다운로드하면 할인 쿠폰을 받을 수 있다.
※ 표시가 있는 품목은 환불이 되지 않는다.
“몇 시에 오나요?” 아이가 물었다.
값은 1.5배가 됐다!
이재명 대통령은 5일 오전 10시 30분 손정의 회장과 만났다.
""".strip("\n").split("\n")


def text_of(line: str) -> str:
    return line.replace("\\n", "\n").replace("\\t", "\t").replace("\\|", "\x00")


# --- what goes -------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", TAILS)
def test_tails_go(tail: str) -> None:
    assert clean(STORY + text_of(tail)).body == STORY


@pytest.mark.parametrize("head", HEADS)
def test_heads_go(head: str) -> None:
    start = text_of(head).removesuffix("|").replace("\x00", "|")
    assert clean(start + STORY).body == STORY


def test_a_transcript_on_one_line() -> None:
    cleaned = clean(
        "[앵커] 정부가 청년 정책을 발표했습니다. 박민수 기자가 보도합니다. [리포트] 청년 주거 안정이 핵심입니다. "
        "KBS 뉴스 박민수입니다. 촬영기자:김철수/영상편집:이영희/그래픽:정수진"
    )
    assert cleaned.body == (
        "정부가 청년 정책을 발표했습니다. 박민수 기자가 보도합니다. 청년 주거 안정이 핵심입니다."
    )
    assert (cleaned.found.press, cleaned.found.reporters) == ("KBS", ("박민수",))


def test_credits_inside_a_paragraph() -> None:
    text = f"{STORY} (영상취재 : 최지훈, 영상편집 : 장미래)\n\n{STORY}"
    assert clean(text).body == f"{STORY}\n\n{STORY}"


def test_rules_are_named_and_explained() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert all(rule.why for rule in RULES)
    assert {rule.action for rule in RULES} == set(Action)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_signs_of_a_rule_hide_nothing(rule: Rule) -> None:
    """Signs only save time: wherever the rule applies, one of them stands."""
    texts = [
        line
        for text in map(text_of, [*TAILS, *HEADS])
        for line in normalise(STORY + text).split("\n")
    ]
    for text in [*texts, *SENTENCES]:
        assert list(rule.spans(text)) == list(rule.find(text))


def test_removed_pieces_name_their_rule() -> None:
    removed = clean(f"(서울=연합뉴스) 한가람 기자 = {STORY}\na@b.example\n(끝)").removed
    assert {piece.rule: piece.text for piece in removed} == {
        "byline": "a@b.example",
        "dateline": "(서울=연합뉴스) 한가람 기자 = ",
        "end_mark": "(끝)",
    }


# --- what stays ------------------------------------------------------------------------------


def test_no_sentence_is_lost() -> None:
    assert clean("\n".join(SENTENCES)).body == "\n\n".join(SENTENCES)


@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=12, unique=True))
def test_no_sentence_is_lost_in_any_company(sentences: list[str]) -> None:
    assert clean("\n\n".join(sentences)).body == "\n\n".join(sentences)
    # within one paragraph as well
    assert clean(f"{STORY} {' '.join(sentences)}").body == f"{STORY} {' '.join(sentences)}"


MAX_LOST = 0.001
"""Of clean sentences, the share that cleaning may cost (it costs none of these)."""


def share_lost(bodies: list[str]) -> tuple[float, int]:
    counts = [lost_sentences(body) for body in bodies]
    total = sum(count for _, count in counts)
    return sum(len(lost) for lost, _ in counts) / total, total


def test_the_sample_corpus_loses_nothing() -> None:
    share, total = share_lost([article.body for article in read_articles(CORPUS)])
    assert total > 1_000
    assert share <= MAX_LOST


def test_korquad_paragraphs_lose_nothing() -> None:
    """Sentences of 961 Wikipedia paragraphs, which nobody wrote with these rules in mind."""
    path = SHARED / "KorQuAD_v1.0_dev.json"
    if not path.is_file():
        pytest.skip("../shared/data is not beside the repository: KorQuAD is not shipped")
    data = json.loads(path.read_text("utf-8"))["data"]
    contexts = [paragraph["context"] for item in data for paragraph in item["paragraphs"]]
    share, total = share_lost(contexts)
    assert total > 2_000
    assert share <= MAX_LOST


def test_what_is_lost_is_noticed() -> None:
    text = f"{STORY} 다음 문장이다.\n\n본문 글씨 키우기\n\n{STORY}"
    assert lost_sentences(text) == (["본문 글씨 키우기"], 6)


def test_lists_and_headings_stay() -> None:
    text = f"{STORY}\n\n▲ 주택 공급 확대\n\n• 어린이집 급식비 전액 제공\n\n◇ 남은 과제\n\n{STORY}"
    assert clean(text).body == text


def test_an_inset_does_not_end_the_story() -> None:
    long = "\n\n".join([STORY] * 6)
    assert (
        clean(f"{STORY}\n\n{STORY}\n\n관련기사\n\n{long}").body == f"{STORY}\n\n{STORY}\n\n{long}"
    )


def test_a_mark_above_the_story_does_not_end_it() -> None:
    assert clean(f"해담일보\nⓒ 해담일보 무단 전재 금지\n{STORY}").body.endswith(STORY)


def test_a_photo_article_keeps_its_caption() -> None:
    caption = "(해담=연합뉴스) 한가람 기자 = 7일 시청 앞에서 시민들이 눈을 치우고 있다. 2025.12.7 garam@yna.example"
    assert clean(caption).body == "7일 시청 앞에서 시민들이 눈을 치우고 있다."


def test_hard_wrapped_lines_are_joined() -> None:
    wrapped = (
        "해담시는 오늘 새로운 청년 지원 정책을 발표하고 내년부터\n"
        "주거 안정과 취업 지원에 모두 188억 원을 들이기로 했으며\n"
        "대상은 시에 사는 열아홉 살부터 서른아홉 살까지의 청년\n"
        "2만 3천 명이다."
    )
    assert clean(wrapped).body == wrapped.replace("\n", " ")


# --- what comes up ---------------------------------------------------------------------------


def test_metadata_comes_up() -> None:
    cleaned = clean(
        "입력 2020.07.13. 오후 5:04 수정 2020.07.13. 오후 6:10\n"
        f"(제네바=연합뉴스) 임은진 특파원 = {STORY}\n\n{STORY}\nengine@yna.example\n"
        "#인공지능 #반도체"
    )
    assert cleaned.body == f"{STORY}\n\n{STORY}"
    assert cleaned.found == Found(
        press="연합뉴스",
        place="제네바",
        reporters=("임은진",),
        published="2020.07.13. 오후 5:04",
        modified="2020.07.13. 오후 6:10",
        mails=("engine@yna.example",),
        tags=("인공지능", "반도체"),
    )


def test_the_owner_of_a_copyright_mark_is_the_paper() -> None:
    assert clean(f"{STORY}\n저작권자 © 해담신문 무단전재 및 재배포 금지").found.press == "해담신문"


def test_a_caption_says_nothing_of_the_story() -> None:
    found = clean(f"트램 조감도. 사진=김사진 기자\n해담일보 한가람 기자 | {STORY}").found
    assert (found.press, found.reporters) == ("해담일보", ("한가람",))


@pytest.mark.parametrize(
    ("text", "credit"),
    [
        ("(제네바=연합뉴스) 임은진 특파원 = ", Credit("연합뉴스", "제네바", ("임은진",))),
        ("[머니투데이 김소연 기자] ", Credit("머니투데이", None, ("김소연",))),
        ("[헤럴드경제(수원)=홍길동 기자] ", Credit("헤럴드경제", "수원", ("홍길동",))),
        ("[세종=이데일리 홍길동 기자] ", Credit("이데일리", "세종", ("홍길동",))),
        ("[OSEN=잠실, 홍길동 기자] ", Credit("OSEN", "잠실", ("홍길동",))),
        ("[더팩트ㅣ서울=홍길동 기자] ", Credit("더팩트", "서울", ("홍길동",))),
        (
            "(서울=연합인포맥스) 이윤구 이수용 기자 = ",
            Credit("연합인포맥스", "서울", ("이윤구", "이수용")),
        ),
        ("(서울=연합뉴스) 특별취재팀 = ", Credit("연합뉴스", "서울")),
        ("[파이낸셜뉴스] ", Credit("파이낸셜뉴스")),
        ("시민행정신문 이정하 기자 | ", Credit("시민행정신문", None, ("이정하",))),
        ("김소연 기자 nicksy@mt.example ", Credit(None, None, ("김소연",))),
    ],
)
def test_datelines(text: str, credit: Credit) -> None:
    assert leading_credit(text + STORY) == (credit, STORY)


@pytest.mark.parametrize("text", ["[단독] 본문이다.", "(가칭) 본문이다.", "(A=B) 본문이다.", STORY])
def test_no_datelines(text: str) -> None:
    assert leading_credit(text) is None


@pytest.mark.parametrize(
    "line", ["이번 행사를 기획한 사람은 신동해 기자", "대통령 기자", "기자", "가격 1,000원"]
)
def test_no_signatures(line: str) -> None:
    assert credit_line(line) is None or credit_line(line) == Credit()
    assert not (credit_line(line) or Credit()).reporters


def test_names_of_reporters() -> None:
    assert reporter_names("김소연 기자 nicksy@mt.example") == ("김소연",)
    assert reporter_names("홍길동·김철수 기자") == ("홍길동", "김철수")
    assert reporter_names("시민일보 김철수 선임기자") == ("김철수",)
    assert reporter_names("금나래 해담대 조경학과 교수") == ("금나래",)
    assert reporter_names("해담대 금나래 교수") == ("금나래",)
    assert reporter_names("John Smith") == ("John Smith",)
    assert trailing_credit("발표했다. 세종 한소라 기자") == (Credit(None, "세종", ("한소라",)), 6)


def test_papers_and_sections() -> None:
    assert is_press("시민행정신문")
    assert is_press("뉴스1")
    assert not is_press("많이 본 뉴스")
    assert not is_press("국제경제")
    assert section_name("국제") == "국제"
    assert section_name("홈 > 사회") == "사회"
    assert section_name("생활/문화") == "생활/문화"
    assert section_name("국제 유가가 오른다") is None


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("버스 요금 오른다 | 한국일보", "버스 요금 오른다"),
        ("버스 요금 오른다 - 매일경제", "버스 요금 오른다"),
        ("버스 요금 오른다 < 사회 < 기사본문 - 강원도민일보", "버스 요금 오른다"),
        ("버스 요금 오른다 : 네이버 뉴스", "버스 요금 오른다"),
        ("한·일 정상 만난다 - 5년 만에", "한·일 정상 만난다 - 5년 만에"),
        ("코스피 4000 | 삼성전자 | 매일경제", "코스피 4000 | 삼성전자"),
        ("해담경제신문 :: 버스 요금 오른다", "버스 요금 오른다"),
        ("해담일보 - 그 백 년의 기록", "해담일보 - 그 백 년의 기록"),
        ("  버스\u00a0요금\n오른다 ", "버스 요금 오른다"),
    ],
)
def test_titles(title: str, expected: str) -> None:
    assert clean_title(title) == expected


# --- text ------------------------------------------------------------------------------------


def test_text_is_normalised() -> None:
    decomposed = unicodedata.normalize("NFD", "대통령")
    assert normalise(decomposed) == "대통령"
    assert normalise("\uf9e1대통령") == "李대통령"  # a compatibility form of the same character
    assert normalise("가\u00a0\u3000 나\t다") == "가 나 다"
    assert normalise("가\r\n나\r다\u2028라") == "가\n나\n다\n라"
    assert normalise("가\x00\x07\u200b\ufeff\u00ad나\ud800") == "가나"
    assert normalise("A&amp;B &quot;가&quot; &#39;나&#39; &amp;lt;") == "A&B \"가\" '나' <"
    assert normalise("a?x=1&copy=2") == "a?x=1&copy=2"


PIECES = st.sampled_from(
    [*SENTENCES, *map(text_of, TAILS), *(text_of(head).rstrip("|") for head in HEADS), STORY]
) | st.text("가나다 .\n[](=|)@#ⓒ▶기자\u00a0\u1100\u1161&;<>끝0129", max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=10).map("\n".join))
@example("\n설민아 기자 seol@h.example, 사진=해담엔터테인먼트 제공\n0ⓒ0")
def test_cleaning_a_clean_text_changes_nothing(text: str) -> None:
    body = clean(text).body
    assert clean(body).body == body
    assert unicodedata.is_normalized("NFC", body)


@given(st.text(max_size=300))
def test_any_text_can_be_cleaned(text: str) -> None:
    body = clean(text).body
    assert "\n\n\n" not in body
    assert body == body.strip()


@pytest.mark.parametrize(
    "unit",
    [
        "a", " ", "\n", "a\n", "@", "a@b.c ", "[", "((", "[사진=", "사진=", "ⓒ", "무단", "저작권자 ", "<", "#가 ",
        "2025.12.08 ", "입력 2025.12.08 14:00 ", "홍길동 기자 ", "홍길동 기자 = ", "(서울=연합뉴스) ", "[앵커] ",
        "다. ", "▶", "&amp;", "amp;", "KBS 뉴스 홍", "지금까지 ", "$$A", "<!--", "영상편집 ", "(영상편집 ", "제공 ", "/ ",
        "※ 이 기사는 ", "[이 기사는 ", "관련기사 ", "\u1100\u1161", "1.", "☞", "(끝)", "국제 > ", "구독 ", "☎109 자살예방 상담",
    ],
)  # fmt: skip
def test_hostile_text_costs_time_in_proportion(unit: str) -> None:
    """Each rule's favourite, 40,000 characters of it, on one line and on many: seconds if quadratic."""
    clean(unit * (40_000 // len(unit)))
    clean("\n".join([unit * (300 // len(unit))] * 130))
