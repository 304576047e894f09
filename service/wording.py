"""Words that newspapers use for one another, and words that turn a sentence into its opposite.

Forms are those of Kiwi's morphemes: nouns as they are, verbs and adjectives by their stems. The tables are small on
purpose: what they lack costs a sentence that could have been shown, not one that is wrong.
"""

from __future__ import annotations

# One line, one meaning.
_SAME = """
숨지 사망 죽 별세
다치 부상 중경상
피하 대피
잠기 침수
꺼지 끄 진화 진압
구성 꾸리
만들 제작 조성
짓 건립 건설
뽑 선발 선출 채용 선정
내 제출
밝히 말 말하 전하 설명 발표 덧붙이 이야기 언급 강조 지적 답하 답 알리 전 공개
찾 방문
모으 모집
쓰 사용 이용 활용
받 수령
사 구입 구매 매입
팔 판매 매각
맺 체결
마치 끝내 끝나 종료 완료 마무리
돌아가 돌아오 복귀 귀가
옮기 이전 이송
바꾸 변경 전환 바뀌 변함 변동 변화 변하
나누 나뉘 구성
고치 수정
살피 점검
모두 전부 전액 모든
이유 까닭 때문 원인
내다보 전망 예상 보 예측
요구 요청 주문 촉구
벌어지 발생 일어나 나 생기
시작 착수 들어가 돌입 나서 개시
열 개최 치르 열리
떠나 출발 이륙
이끌 지휘
개최지 장소
그치 불과
매년 해마다 연간
매달 매월 다달이
가장 최고
더하 추가
새 신규 새로 신임
뜻 의사
값 가격
돈 금액
해 년
처음 첫
달하 이르
바라 희망 기대
넘 넘어서 돌파 웃돌 초과
걸리 소요
가운데 중
기록 거두 내
잇 연결
얻 득표 획득
꺾 이기 누르 제치 따돌리 승리
두 양
"""

# One line, two opposites and, if there is one, what lies between.
_OPPOSITE = """
오르 올라가 상승 인상 늘 늘리 늘어나 증가 증액 증원 증설 높 높이 높아지 확대 커지 뛰 상향 넓히 넓어지 불어나 급등 급증 많 많이 크 길어지 개선 확충 | 내리 내려가 하락 인하 줄 줄이 줄어들 감소 감액 감원 낮 낮추 낮아지 축소 작아지 떨어지 하향 좁히 좁아지 급락 급감 적 작 단축 삭감 악화 깎 감면 할인 면제 싸지 | 동결 유지 그대로 묶 묶이 제자리
찬성 동의 지지 환영 | 반대 반발 항의
인정 시인 | 부인 반박
꺾 이기 승리 누르 제치 따돌리 우승 | 지 패하 패배 뒤지
성공 통과 성사 가결 | 실패 무산 부결 탈락
허용 허가 승인 허락 수용 | 금지 불허 거부 반려 기각
추진 진행 강행 계속 지속 재개 이어지 | 중단 멈추 멎 접 철회 취소 포기 백지화
앞당기 당기 앞당겨지 조기 | 늦추 늦 미루 미뤄지 늦춰지 연기 지연 늦어지
개장 개관 개막 개원 개통 | 폐장 폐관 폐막 폐쇄 휴관 폐업
유료 | 무료
유죄 | 무죄
이익 흑자 | 손실 적자
영상 | 영하
이상 초과 | 이하 미만
최고 최다 | 최저
빠르 빨리 | 느리 천천히
강하 강화 질기 튼튼 단단 | 약하 약화 완화
쉽 | 어렵
무겁 | 가볍
앞서 | 뒤처지 뒤지
가깝 | 멀
채용 선임 임명 위촉 | 해임 경질 해고 해지
체포 구속 | 석방
더 | 덜
상반기 | 하반기
더위 폭염 | 추위 한파
국내 | 해외 국외
수출 | 수입
왼쪽 | 오른쪽
동쪽 | 서쪽
남쪽 | 북쪽
선두 | 최하위 꼴찌
전입 | 전출
맑 | 흐리
"""

# Without one of the same sense in the source, such a word is an invention.
DECISIVE = frozenset(
    "거부 부인 무산 철회 취소 포기 실패 반박 부결 기각 무죄 유죄 폐지 불허 삭감 금지 중단 반대 "
    "확정 확인 완료 통과 승인 성공 인정 합의 체포 구속 사망 숨지".split()
)

# Words that a report of a report adds, and nouns that stand for what the source says in other words.
GENERIC = frozenset(
    "기사 보도 내용 사실 이번 해당 당시 현재 최근 앞서 이후 이날 총 모두 전체 가운데 중 경우 관련 결과 이유 때문 "
    "수 약 것 점 측 바 데 등 및 각각 각 또한 또 한편 다만 특히 이 그 위해 통해 따르 의하 대하 관하 "
    "규모 기준 기간 과정 예정 계획 방침 전망 목표 예상 조치 방안 내용 상황 사람 말 일 시점 오늘 "
    "있 없 되 하 이 보 지 주 가 오 같 위하 통하 나타나 나오 밝히 알리 알려지 보이 이르 달하 "
    "차지 기록 포함 가능 필요 실시 진행 이뤄지 이루어지 의하 대해 여 만큼 최소 적어도 최장 이내 "
    "수준 정도 해 달 날 시간 때 동안 만 연속 연 월 매년 매달 뒤 전 후 처음 비율 수치 르 간 여 씩 노선 이동 인원 금액 비용 총액 행사 작업 활동 업무 분야 사항 지역 현장 뜻 의사 입장 의견 생각".split()
)

_SENSES: dict[str, str] = {}
for _line in _SAME.strip().splitlines():
    for _word in _line.split():
        _SENSES.setdefault(_word, _line.split()[0])

_SIDES: dict[str, tuple[int, int]] = {}
for _axis, _line in enumerate(_OPPOSITE.strip().splitlines()):
    for _sign, _half in zip((1, -1, 0), _line.split("|"), strict=False):
        for _word in _half.split():
            _SIDES.setdefault(_word, (_axis, _sign))


def sense(form: str) -> str:
    """The word that stands for all of one meaning."""
    if side := _SIDES.get(form):
        return f"±{side[0]}{side[1]:+}"
    return _SENSES.get(form, form)


def side(form: str) -> tuple[int, int] | None:
    """The axis of meaning on which a word lies, and its side: 1, -1 or between them 0."""
    return _SIDES.get(form)
