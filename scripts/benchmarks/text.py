"""Text to measure with."""

from __future__ import annotations

import random
from collections.abc import Iterator


def sentences() -> Iterator[str]:
    """Korean of no meaning but of ordinary words, the same in each run."""
    choice = random.Random(1).choice  # noqa: S311
    who = "정부는 국회는 한국은행은 서울시는 업계는 전문가들은 야당은 삼성전자는 주민들은 검찰은".split()
    when = "지난주 23일 올해 내년부터 오는 3월 최근 2025년까지 어제 이달 말 상반기에".split()
    what = "기준금리를 예산안을 반도체 공장을 새 아파트를 수출 계획을 개정안을 대책을 수사를 조사 결과를".split()
    how = "발표했다. 검토하고 있다. 연기하기로 했다. 늘릴 방침이다. 반대했다. 통과시켰다. 지적했다.".split(
        ". "
    )
    for _ in range(4000):
        yield f"{choice(who)} {choice(when)} {choice(what)} {choice(how).rstrip('.')}."
