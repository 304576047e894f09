"""Near-duplicates: fingerprints, stories whatever the order, the sample corpus, corrections."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from contracts.engine_contract import OTHER, RECIPE, THIRD, WIRE, indexed
from datasketch import MinHashLSH
from hash_embedder import HashEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_engine import MemoryEngine
from small_index import analyser, index_over, open_small

from index import SEOUL, ArticleHeader, Filters, Index, build_index, read_articles
from index.build import put, remove
from index.corrections import plain_title, titles_corrected
from index.duplicates import BANDS, MIN_CHARS, PERMUTATIONS, ROWS, fingerprint, same_story
from index.protocols import StoredArticle
from index.ranking import CANDIDATES
from service.cli.terminal import show_hits
from service.evaluation.judge import Judge

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "tests" / "corpus" / "articles"

WIRE_GROUPS = [
    {"a-01", "a-13"}, {"a-15", "a-22"}, {"a-04", "a-16", "a-24"}, {"b-02", "b-22"},
    {"b-06", "b-17"}, {"b-18", "b-26"}, {"b-21", "b-29"}, {"c-01", "c-13"},
    {"c-04", "c-16", "c-26"}, {"c-07", "c-24"},
]  # fmt: skip
"""What the sample corpus was written with, by file stem (the records of 해담일보: by id)."""


# -- fingerprints


def test_the_bands_are_those_that_datasketch_chooses() -> None:
    lsh = MinHashLSH(threshold=0.4, num_perm=PERMUTATIONS)
    assert (lsh.b, lsh.r) == (BANDS, ROWS)


def test_stored_bands_stay_valid() -> None:
    """Another value means: stored bands match no new ones, so the index format must change."""
    found = fingerprint(WIRE)
    assert found is not None
    assert found.bands[:2] == (1526550526470408549, 6682938943607438516)


@given(st.text(min_size=MIN_CHARS, max_size=400), st.data())
def test_whitespace_does_not_count(text: str, data: st.DataObject) -> None:
    at = data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    pieces = [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]
    one, other = fingerprint(text), fingerprint("\n \u3000".join(pieces))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.bands == other.bands
        assert np.array_equal(one.shingles, other.shingles)


@given(st.text("가나다라마", min_size=MIN_CHARS, max_size=300), st.text("나다라마바", min_size=MIN_CHARS, max_size=300))  # fmt: skip
def test_the_exact_comparison_is_that_of_sets(one: str, other: str) -> None:
    def shingles(text: str) -> set[str]:
        return {text[i : i + 5] for i in range(len(text) - 4)}

    a, b = shingles(one), shingles(other)
    expected = len(a & b) >= 0.6 * len(a | b) or len(a & b) >= 0.8 * min(len(a), len(b))
    x, y = fingerprint(one), fingerprint(other)
    assert x is not None
    assert y is not None
    assert len(x.shingles) == len(a)
    assert same_story(x, y) == same_story(y, x) == expected


REPORT = (
    "해담시는 {0}월 {1}일 공공자전거 {2}대를 더 들여 모두 {3}대로 늘렸다고 밝혔다. 대여소는 {4}곳이고 한 해 "
    "이용은 {5}건이다. 시는 {6}억 원을 들여 낡은 자전거도 바꾸기로 했다. 고장 신고는 앱으로 받고, 회원 가입은 "
    "구청과 주민센터에서도 할 수 있다."
)
REWORDED = (
    "해담시는 {0}월 {1}일 공공자전거 {2}대를 새로 사서 모두 {3}대로 늘렸다고 알렸다. 빌리는 곳은 {4}곳이고 한 해 "
    "이용은 {5}건이다. 시청은 {6}억 원을 들여 헌 자전거도 바꾸기로 했다. 고장 신고는 앱으로 받고, 회원 가입은 "
    "구청과 주민센터에서도 할 수 있다."
)


@pytest.mark.parametrize(
    ("figures", "copy"),
    [
        ((3, 4, 150, 1200, 84, 31_000, 12), True),
        ((3, 4, 150, 1290, 91, 33_000, 7), False),  # the next report of its kind
    ],
)
def test_a_reworded_copy_keeps_the_figures(figures: tuple[int, ...], copy: bool) -> None:
    one = fingerprint(REPORT.format(3, 4, 150, 1200, 84, 31_000, 12))
    other = fingerprint(REWORDED.format(*figures))
    assert one is not None
    assert other is not None
    assert same_story(one, other) == copy


@pytest.mark.parametrize(("body", "told"), [("가" * 99 + " ", False), ("가" * 100, True)])
def test_short_bodies_have_none(body: str, told: bool) -> None:
    assert (fingerprint(body) is not None) == told


# -- stories

SENTENCES = re.findall(r"[^.]+\.", WIRE + OTHER)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5, unique=True).map(" ".join),
        min_size=2,
        max_size=8,
    ),
    st.data(),
)
def test_who_leads_does_not_depend_on_the_order(bodies: list[str], data: st.DataObject) -> None:
    """Nor on articles that were there for a while: added at once, or added, changed and removed."""
    numbers = range(len(bodies))
    at_once, by_turns = memory_engine(), memory_engine()
    put([indexed(f"a{n}", bodies[n]) for n in numbers], at_once)
    for n in data.draw(st.permutations(numbers)):
        put([indexed(f"a{n}", data.draw(st.sampled_from(bodies)))], by_turns)
        put([indexed(f"gone{n}", data.draw(st.sampled_from(bodies)))], by_turns)
    for n in data.draw(st.permutations(numbers)):
        put([indexed(f"a{n}", bodies[n])], by_turns)
        remove(by_turns, [f"gone{n}"])
    stories = [engine.stories([f"a{n}" for n in numbers]) for engine in (at_once, by_turns)]
    leaders = [{story[0] for story in found.values()} for found in stories]
    assert leaders[0] == leaders[1]
    for engine, found in zip((at_once, by_turns), stories, strict=True):
        for article_id, story in found.items():
            _check_story(engine, story, article_id)


def memory_engine() -> MemoryEngine:
    engine = MemoryEngine()
    engine.adopt(RECIPE)
    return engine


def _check_story(engine: MemoryEngine, story: tuple[str, ...], article_id: str) -> None:
    """Every article is in one story, and says the same as its leader, which is no shorter."""
    leader, *copies = story
    assert article_id in story
    assert engine.stories([leader])[leader] == story
    best = engine.article(leader)
    for copy in map(engine.article, copies):
        assert best is not None
        assert copy is not None
        one, other = fingerprint(best.body), fingerprint(copy.body)
        assert one is not None
        assert other is not None
        assert same_story(one, other)
        assert len("".join(best.body.split())) >= len("".join(copy.body.split()))


def test_the_earliest_of_equals_leads() -> None:
    engine = memory_engine()
    put([indexed("late", WIRE, day="2026-03-05"), indexed("early", WIRE)], engine)
    assert engine.stories(["late"])["late"] == ("early", "late")


class Counting(MemoryEngine):
    """Counts the calls of each verb that reads."""

    def __init__(self) -> None:
        super().__init__()
        self.adopt(RECIPE)
        self.calls: Counter[str] = Counter()

    def stored(
        self, article_ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, StoredArticle]:
        self.calls["stored"] += 1
        return super().stored(article_ids, vectors=vectors)

    def labelled(self, labels: Collection[str]) -> dict[str, list[ArticleHeader]]:
        self.calls["labelled"] += 1
        return super().labelled(labels)

    def stories(self, article_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        self.calls["stories"] += 1
        return super().stories(article_ids)


def test_a_batch_is_looked_up_at_once() -> None:
    """However many articles, and copies of what is there, it holds."""
    engine = Counting()
    put([indexed(f"a{n}", SENTENCES[n] * 9) for n in range(6)], engine)
    engine.calls.clear()
    batch = [indexed(f"b{n}", SENTENCES[n % 6] * 9) for n in range(12)]
    put([*batch, indexed("c", THIRD)], engine)
    # Versions before, and leaders alike; bands, and titles; no leader went.
    assert engine.calls == {"stored": 2, "labelled": 2}
    assert engine.stories(["b0", "c"]) == {"b0": ("a0", "b0", "b6"), "c": ("c",)}


def test_an_article_put_again_unchanged_keeps_its_story() -> None:
    engine = memory_engine()
    batch = [indexed(f"a{n}", WIRE + OTHER[: n * 9]) for n in range(4)]
    put(batch, engine)
    before = {i: sorted(story) for i, story in engine.stories([f"a{n}" for n in range(4)]).items()}
    for n in (3, 0):
        put([batch[n]], engine)
        put(batch[: n + 1], engine)
        found = engine.stories(list(before))
        assert {i: sorted(story) for i, story in found.items()} == before
        assert {story[0] for story in found.values()} == {"a3"}


# -- the sample corpus


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Index:
    path = tmp_path_factory.mktemp("sample")
    summary = build_index([SAMPLE], path, embedder=HashEmbedder(), analyser=analyser())
    assert summary.duplicates == 12
    again = build_index([SAMPLE], path, embedder=HashEmbedder(), analyser=analyser())
    assert (again.unchanged, again.duplicates) == (90, 0)
    return open_small(path)


def stems() -> dict[str, str]:
    """Article id to the file stem, for articles that are files of their own."""
    pages = [path for path in SAMPLE.rglob("*") if path.suffix in {".html", ".txt"}]
    return {article.id: page.stem for page in pages for article in read_articles(page)}


def test_the_wire_groups_of_the_sample_and_no_others(sample: Index) -> None:
    names = stems()
    stories = set(sample.stories([article.id for article in read_articles(SAMPLE)]).values())
    found = [{names.get(id, id) for id in story} for story in stories if len(story) > 1]
    assert sorted(found, key=sorted) == sorted(WIRE_GROUPS, key=sorted)


def test_a_search_shows_a_story_once_and_names_the_outlets(sample: Index) -> None:
    hits = sample.search("해담 시내버스 요금 인상", k=10)
    stories = sample.stories([hit.article.id for hit in hits])
    assert all(not set(a) & set(b) for a, b in combinations(stories.values(), 2))
    (fare,) = [hit for hit in hits if "a-04" in stories[hit.article.id]]
    outlets = {"해담일보", "동람경제", "해담시민뉴스"}
    assert {fare.article.press, *fare.also_reported_by} == outlets


def test_a_crowd_of_copies_leaves_room_for_other_stories(engine: str, tmp_path: Path) -> None:
    """More copies of what fits best than there are candidates."""
    crowd = [indexed(f"copy{n}", WIRE, press=f"신문 {n}").article for n in range(CANDIDATES + 20)]
    others = [indexed(f"other{n}", text).article for n, text in enumerate(SENTENCES[-3:])]
    with index_over(engine, tmp_path, [*crowd, *others]) as index:
        hits = index.search(WIRE, k=4)
    assert len(hits) == 4
    assert len(hits[0].also_reported_by) == len(crowd) - 1


def test_evaluation_counts_a_copy_as_the_original(sample: Index) -> None:
    leader, copy = sample.stories(["a-01"])["a-01"]
    assert Judge.of(sample, datetime.now(SEOUL)).stories([copy, "a-02", leader, "unknown"]) == (
        leader,
        "a-02",
        "unknown",
    )


def test_hits_say_what_corrects_them(sample: Index, capsys: pytest.CaptureFixture[str]) -> None:
    show_hits(sample.search("갯들수산시장", filters=Filters(article_ids=("b-03",))))
    show_hits(sample.search("갯들수산시장", filters=Filters(article_ids=("b-04",))))
    shown = capsys.readouterr().out
    assert "이 기사를 바로잡은 기사: b-04" in shown
    assert "이 기사가 바로잡은 기사: b-03" in shown


def test_corrections_of_the_sample(sample: Index) -> None:
    links = {
        (article.id, wrong)
        for article in map(sample.article, {a.id for a in read_articles(SAMPLE)})
        if article is not None
        for wrong in article.corrects
    }
    assert links == {("a-06", "a-05"), ("b-04", "b-03"), ("c-09", "c-08")}


def test_perturbed_copies_are_found() -> None:
    """Pair F1 by kind of change; figures of one run, see ``scripts/benchmark.py duplicates``."""
    command = [sys.executable, "scripts/benchmark.py", "duplicates", "--json"]
    result = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    f1 = {kind: figures["f1"] for kind, figures in result["kinds"].items()}
    for kind in ("tail", "wrapped", "first_70", "plus_60"):
        assert f1[kind] >= 0.98
    assert f1["words_20"] >= 0.7  # the bands meet two of three such pairs
    assert all(figures["precision"] == 1.0 for figures in result["kinds"].values())


# -- corrections


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        (
            "[바로잡습니다]",
            "본지 10월 2일 자 「트램 1호선 '첫 삽' 뜬다」 기사 …",
            "트램1호선첫삽뜬다",
        ),
        ("[정정보도] ‘버스 요금 150원 인상’ 관련", "사실과 다릅니다.", "버스요금150원인상"),
        ("알립니다", "<갯들시장 새로 짓는다> 기사의 금액을 정정합니다.", "갯들시장새로짓는다"),
    ],
)
def test_titles_that_a_notice_names(title: str, body: str, expected: str) -> None:
    assert expected in titles_corrected(title, body)


def test_other_articles_correct_nothing() -> None:
    body = "한 시장은 “흩어진 행정을 한곳에 모으는 일”이라며 ‘해담시 새 청사 확정’ 보도를 반겼다."
    assert titles_corrected("해담시 새 청사", body) == frozenset()


def test_plain_titles_ignore_marks_and_spaces() -> None:
    assert plain_title("트램 1호선, ‘첫 삽’… OK") == plain_title("트램1호선 '첫삽' ok")
