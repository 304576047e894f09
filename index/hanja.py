"""Hanja as they are read aloud: ``韓國銀行`` is 한국은행, ``韓·美`` 한·미, ``2025年`` 2025년, ``美 관세`` 미국 관세.

A reading has as many characters as the hanja, so offsets into the text stay right. Only a single hanja
that headlines write for a country, party or office stays as it is: it stands for a longer word, which
``expansion`` tells.

The readings are the order of KS X 1001, which sorts its 4,888 hanja by their reading in Hangul. Words that
are read otherwise than their letters, and glyphs of other countries, are listed beside it. Readings that
depend on the sense alone (``更新``) take the usual one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

# By reading, the first hanja that KS X 1001 has of it; those up to the next one are read alike.
_FIRST = (
    "가伽각刻간侃갈乫감勘갑匣강剛개介객喀갱坑갹醵거倨건乾걸乞검儉겁劫게偈격擊견堅결抉겸兼경京계係고古곡哭곤困골汨공供과寡곽槨관冠괄刮광侊괘卦괴乖굉宏교交구丘국國군君굴堀궁宮권倦궐厥"
    "궤机귀晷규叫균勻귤橘극克근僅금今급伋긍亘기企긴緊길佶끽喫나儺난暖날捏남南납納낭囊내乃녀女년年념念녕寗노努농濃뇌惱뇨尿눈嫩눌訥뉴杻능能니尼닉匿다多단丹달撻담啖답沓당唐대代덕德도倒"
    "독毒돈墩돌乭동仝두兜둔屯득得등嶝라喇락洛란亂랄剌람嵐랍拉랑廊래來랭冷략掠량亮려侶력力련憐렬冽렴廉렵獵령令례例로勞록碌론論롱壟뢰儡료了룡龍루壘류劉륙六륜侖률律륭隆륵勒름凜릉凌리俚"
    "린吝림林립砬마摩막寞만万말唜망亡매埋맥脈맹孟멱冪면免멸滅명冥몌袂모侮목木몰歿몽夢묘卯무務묵墨문們물勿미味민岷밀密박剝반伴발勃방倣배倍백伯번幡벌伐범凡법法벽僻변卞별別병丙보保복伏"
    "본本볼乶봉俸부付북北분分불佛붕崩비丕빈嚬빙憑사乍삭削산傘살乷삼三삽揷상上새塞색嗇생牲서墅석夕선仙설卨섬剡섭攝성城세世소召속俗손孫솔率송宋쇄刷쇠衰수修숙叔순巡술戌숭崇슬瑟습濕승丞"
    "시侍식埴신伸실失심審십什쌍雙씨氏아亞악堊안安알斡암唵압壓앙仰애厓액厄앵櫻야也약弱양佯어圄억億언偃얼孼엄俺업嶪엔円여予역亦연嚥열悅염厭엽曄영塋예乂오五옥屋온溫올兀옹壅와渦완婉왈曰"
    "왕往왜倭외外요僥욕慾용俑우于욱勖운云울蔚웅熊원元월月위位유乳육堉윤允율聿융戎은垠을乙음吟읍揖응凝의依이二익瀷인人일一임任입入잉仍자仔작作잔孱잠岑잡雜장丈재再쟁爭저佇적勣전佃절切"
    "점占접接정丁제制조俎족族존存졸卒종倧좌佐죄罪주主죽竹준俊줄茁중中즉卽즐櫛즙楫증增지之직直진唇질侄짐斟집執징徵차且착捉찬撰찰刹참僭창倉채債책冊처凄척倜천仟철凸첨僉첩堞청廳체剃초初"
    "촉促촌寸총叢촬撮최催추墜축丑춘春출出충充췌悴취取측側층層치侈칙則친親칠七침侵칩蟄칭秤쾌快타他탁倬탄呑탈奪탐探탑塔탕宕태兌택擇탱撑터攄토兎통慟퇴堆투偸특慝틈闖파坡판判팔八패佩팽彭"
    "퍅愎편便폄貶평坪폐吠포佈폭幅표俵품品풍楓피彼필匹핍乏하下학壑한寒할割함函합合항亢해亥핵劾행倖향享허噓헌憲헐歇험險혁奕현俔혈孑혐嫌협俠형亨혜兮호乎혹惑혼婚홀忽홍哄화化확擴환丸활活"
    "황凰회匯획劃횡宖효哮후侯훈勛훙薨훤喧훼卉휘彙휴休휼恤흉兇흑黑흔昕흘吃흠欠흡吸흥興희僖힐詰"
)
_RARE_FIRST = dict(zip("金宅不率諾串廓寧怒泌", "금택불률낙관곽녕노비", strict=True))
"""What the standard sorts by a reading rarer than this one."""

_GLYPHS = "青靑 清淸 教敎 真眞 内內 温溫 説說 黄黃 戸戶 户戶 產産 強强 為爲 絕絶 税稅 鋭銳 録錄 緑綠 歩步 毎每 研硏 眾衆 郷鄕 既旣 国國 学學 会會 体體 経經 済濟 対對 権權 両兩 独獨 仏佛 辺邊 広廣 関關 鉄鐵 発發 売賣 断斷 変變 号號 区區 処處 医醫"
_WORDS = dict(
    word.split("=")
    for word in "一切=일체 數字=숫자 十月=시월 六月=유월 自轉車=자전거 停車場=정거장 便所=변소 更新=갱신 降伏=항복 投降=투항 "
    "殺到=쇄도 相殺=상쇄 容易=용이 簡易=간이 安易=안이 憎惡=증오 嫌惡=혐오 暴惡=포악 娛樂=오락 快樂=쾌락 樂園=낙원 樂觀=낙관 "
    "茶禮=차례 綠茶=녹차 金浦=김포 金海=김해 金泉=김천 洞察=통찰 省略=생략 復活=부활 復興=부흥 敗北=패배 令狀=영장 賞狀=상장 "
    "率直=솔직 率先=솔선 統率=통솔 雪糖=설탕 五六月=오뉴월 勞動=노동 勞組=노조 女性=여성 年金=연금 年度=연도 論難=논란 聯盟=연맹 "
    "聯合=연합 旅行=여행 旅券=여권 料金=요금 歷史=역사 領土=영토 陸軍=육군 履歷=이력 兩國=양국 老人=노인 利益=이익 臨時=임시".split()
)
"""Not read letter by letter, or as a word of its own within a longer one (``韓國勞動組合``)."""

_EXPANSIONS = dict(
    word.split("=")
    for word in "美=미국 中=중국 日=일본 北=북한 韓=한국 英=영국 佛=프랑스 獨=독일 露=러시아 印=인도 臺=대만 伊=이탈리아 濠=호주 "
    "與=여당 野=야당 靑=청와대 檢=검찰 警=경찰 軍=군 銀=은행 株=주식 外=외국 前=전 故=고 新=신 李=이 尹=윤 文=문 朴=박 金=김 "
    "沈=심 安=안 洪=홍".split()
)
_LETTER = r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_RUN = re.compile(rf"{_LETTER}+(?:·{_LETTER}+)*")
_PARTS = re.compile(rf"{'|'.join(_WORDS)}|{_LETTER}|·")


def read(text: str) -> str:
    """The text with its hanja in Hangul, letter for letter; unknown ones stay."""
    return _RUN.sub(_read_run, text)


def expansion(hanja: str) -> str:
    """The word that a single hanja of a headline stands for; itself, if for none."""
    return _EXPANSIONS.get(hanja, hanja)


def spell_out(text: str) -> str:
    """``read``, with the words that single hanja stand for; the length may change."""
    return re.sub(_LETTER, lambda match: expansion(match[0]), read(text))


def _read_run(match: re.Match[str]) -> str:
    run, before = match[0], match.string[max(match.start() - 1, 0) : match.start()]
    if run in _EXPANSIONS and not before.isdigit():  # 15日 is no Japan
        return run
    # A single one after a digit or Hangul begins no word: 2025年, 합격率.
    spoken = before if len(run) == 1 and (before.isdigit() or "가" <= before <= "힣") else ""
    given, parts = len(spoken), _PARTS.findall(run)
    readings = [_WORDS.get(part) or _readings().get(part, part) for part in parts]
    for part, reading, after in zip(parts, readings, [*readings[1:], ""], strict=True):
        is_bu = part == "不" and ("다" <= after < "따" or "자" <= after < "짜")  # 부동산, 부정
        spoken += _sounding("부" if is_bu else reading, spoken[-1:])
    return spoken[given:]


# The first sound of a word changes (두음법칙): 녀 -> 여, 로 -> 노, 리 -> 이.
_L, _N, _SILENT = 5, 2, 11  # places of ㄹ, ㄴ and the silent initial
_I_LIKE = frozenset({2, 3, 6, 7, 12, 17, 20})  # ㅑ ㅒ ㅕ ㅖ ㅛ ㅠ ㅣ
_VOWELS, _FINALS = 21, 28


def _sounding(reading: str, before: str) -> str:
    """The reading of a hanja after the syllable ``before``, or at the beginning of a word."""
    if len(reading) > 1 or not "가" <= reading <= "힣":
        return reading
    initial, rest = divmod(ord(reading) - ord("가"), _VOWELS * _FINALS)
    vowel = rest // _FINALS
    if not before or before == "·":
        if vowel in _I_LIKE and initial in (_L, _N):
            initial = _SILENT
        elif initial == _L:
            initial = _N
    elif (
        reading in "률렬"
        and "가" <= before <= "힣"
        and (ord(before) - ord("가")) % _FINALS in (0, 4)
    ):
        initial = _SILENT  # 비율, 전열: after a vowel or ㄴ
    return chr(ord("가") + initial * _VOWELS * _FINALS + rest)


@cache
def _readings() -> dict[str, str]:
    """By hanja, its reading where it begins no word."""
    first = {hanja: reading for reading, hanja in zip(_FIRST[::2], _FIRST[1::2], strict=True)}
    readings: dict[str, str] = {}
    reading = ""
    for hanja in _in_order():
        reading = first.get(hanja, reading)
        readings[hanja] = reading
    readings |= _RARE_FIRST
    return readings | {pair[0]: readings[pair[1]] for pair in _GLYPHS.split()}


def _in_order() -> Iterator[str]:
    """The hanja of KS X 1001 in its order, each at the place of its usual reading."""
    for lead in range(0xCA, 0xFE):
        for hanja in bytes(b for trail in range(0xA1, 0xFF) for b in (lead, trail)).decode(
            "euc_kr"
        ):
            # Unicode has the other readings of a letter as compatibility characters.
            if hanja < "\uf900":
                yield hanja
