"""The engine on a Milvus server: the contract, and what is its own, against milvus-lite over gRPC."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.engine_contract import (
    AXES,
    RECIPE,
    WIRE,
    EngineContract,
    fill,
    found_ids,
    indexed,
    loaded,
    look_up,
)
from hash_embedder import HashEmbedder
from milvus_server import MilvusServer

from index import (
    CorpusStatistics,
    EngineUnavailable,
    Filters,
    Index,
    IndexLocked,
    KoreanAnalyser,
    Passage,
    build_index,
)
from index.build import put, remove
from index.corpus import length_norms
from index.engines.local import LocalEngine
from index.engines.milvus import MilvusEngine, MilvusPlace, drop_index, parse_place, sparse
from index.engines.milvus.connection import Connection
from index.engines.milvus.schema import MAX_BYTES, MAX_NAMES, read_fact, write_fact
from index.errors import ArticleTooLarge
from index.library import copy_index
from index.protocols import Weights

pytest.importorskip("pymilvus")

CORPUS = Path(__file__).parent / "corpus"
ROUNDING = 1e-4

_numbers = count(1)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    yield server
    server.stop()


@pytest.fixture
def place(server: MilvusServer) -> MilvusPlace:
    return MilvusPlace(server.uri, f"t{next(_numbers)}", index_type="FLAT")


class TestMilvusEngine(EngineContract):
    @pytest.fixture
    def open_engine(self, place: MilvusPlace) -> Iterator[Callable[[], MilvusEngine]]:
        opened: list[MilvusEngine] = []

        def open_engine() -> MilvusEngine:
            opened.append(MilvusEngine.create(place))
            return opened[-1]

        yield open_engine
        for engine in opened:
            engine.close()


# -- the same ranking ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analyser() -> KoreanAnalyser:
    return KoreanAnalyser()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, analyser: KoreanAnalyser) -> Path:
    """The sample corpus in a folder, embedded without a model."""
    folder = tmp_path_factory.mktemp("sample") / "index"
    sources = sorted((CORPUS / "articles").iterdir())
    build_index(sources, folder, embedder=HashEmbedder(), analyser=analyser)
    return folder


@pytest.fixture(scope="module")
def copied(sample: Path, server: MilvusServer) -> MilvusPlace:
    """The same on the server."""
    place = MilvusPlace(server.uri, "copied", index_type="FLAT")
    summary = copy_index(sample, place)
    assert summary.copied > 80
    return place


def test_both_engines_rank_the_sample_corpus_alike(
    sample: Path, copied: MilvusPlace, analyser: KoreanAnalyser
) -> None:
    lines = (CORPUS / "questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines][::12]
    assert len(questions) > 10
    with closing(LocalEngine.open(sample)) as local, closing(MilvusEngine.open(copied)) as milvus:
        known, ours = local.statistics(), milvus.statistics()
        assert ours.passages == known.passages
        assert ours.cosine_spread == pytest.approx(known.cosine_spread, abs=1e-4)
        for field, statistics in known.fields.items():
            assert ours.fields[field].terms.tolist() == statistics.terms.tolist()
            assert ours.fields[field].starts.tolist() == statistics.starts.tolist()
        one, other = (Index(engine, HashEmbedder(), analyser) for engine in (local, milvus))
        for question in questions:
            expected = {h.passage.id: h.score for h in one.search(question, k=10)}
            found = {h.passage.id: h.score for h in other.search(question, k=10)}
            # Vectors in the folder have 16 bits: scores differ by less than that, and so may places.
            assert found.keys() == expected.keys(), question
            assert [expected[id] for id in found] == pytest.approx(
                list(expected.values()), abs=ROUNDING
            )
            assert [found[id] for id in expected] == pytest.approx(
                list(expected.values()), abs=ROUNDING
            )


def test_a_copy_goes_on_and_goes_back(sample: Path, copied: MilvusPlace, tmp_path: Path) -> None:
    again = copy_index(sample, copied)
    assert (again.copied, again.passages) == (0, 0)
    assert again.unchanged > 80
    back = tmp_path / "back"
    assert copy_index(copied, back).copied == again.unchanged
    with closing(LocalEngine.open(sample)) as one, closing(LocalEngine.open(back)) as other:
        before = {item.article.key: item for _, item in one.prepared()}
        after = {item.article.key: item for _, item in other.prepared()}
        assert before.keys() == after.keys()
        for key, item in before.items():
            copy = after[key]
            assert (copy.article, copy.digest, list(copy.passages)) == (
                item.article,
                item.digest,
                list(item.passages),
            )
            assert np.array_equal(copy.vectors, item.vectors)
            assert sorted(copy.names) == sorted(item.names)
        assert one.stories(list(before)) == other.stories(list(before))


# -- writers that die ----------------------------------------------------------------------------


KILLED_EVERY = 6
"""Calls between one death and the next: 1 tries all, and takes six times as long."""

CHANGING = frozenset(
    "upsert delete create_collection create_index load_collection drop_collection alter_alias".split()
)


class Killed(BaseException):
    """Stands for a kill -9: nothing catches it."""


def dying(engine: MilvusEngine, after: int) -> None:
    """Let a writer die at its n-th call that changes something, before it is made."""
    connection, left = engine.store.connection, count(1)
    call = connection.call

    def counted(verb: str, **options: Any) -> Any:
        if verb in CHANGING and next(left) >= after:
            raise Killed
        return call(verb, **options)

    connection.call = counted  # type: ignore[method-assign]


def contents(engine: MilvusEngine) -> dict[str, Any]:
    """All that readers are told."""
    found = look_up(engine, "트램 착공", depth=50)
    told = {p.passage.id: p for p in loaded(engine, found)}
    keys = [passage.article.key for passage in told.values()]
    statistics = engine.statistics()
    return {
        "passages": {id: (p.passage, p.article, p.also_reported_by) for id, p in told.items()},
        "articles": {key: engine.article(key) for key in keys},
        "stories": {key: sorted(story) for key, story in engine.stories(keys).items()},
        "terms": statistics.fields["bigrams"].terms.tolist(),
        "starts": statistics.fields["bigrams"].starts.tolist(),
        "presses": statistics.presses,
        "tally": replace(engine.tally(Filters()), generation=0),
    }


def base(engine: MilvusEngine) -> None:
    engine.adopt(RECIPE)
    fill(
        engine,
        indexed("a", "트램 착공", press="동람경제"),
        indexed("b", WIRE),
        indexed("c", f"{WIRE} 시는 주민 설명회를 연다."),
    )


def change(engine: MilvusEngine) -> None:
    notice = "‘제목 b’ 기사를 바로잡습니다."
    put([indexed("a", "트램 연기 소식"), indexed("d", notice, day="2026-03-04")], engine)
    remove(engine, ["c"])


def test_a_writer_killed_at_any_call_leaves_nothing_half_done(server: MilvusServer) -> None:
    undisturbed = MilvusPlace(server.uri, f"t{next(_numbers)}", index_type="FLAT")
    with closing(MilvusEngine.create(undisturbed)) as engine:
        base(engine)
        change(engine)
        expected = contents(engine)
    deaths = 0
    for after in count(1, KILLED_EVERY):
        place = MilvusPlace(server.uri, f"t{next(_numbers)}", index_type="FLAT")
        with closing(MilvusEngine.create(place)) as engine:
            base(engine)
        writer = MilvusEngine.create(place)
        try:
            dying(writer, after)
            change(writer)
            break
        except Killed:
            deaths += 1
        finally:
            del writer.store.connection.call
            writer.close()
        with closing(MilvusEngine.open(place)) as reader:
            assert reader.info().articles >= 3 - (reader.info().generation > 1)
        with closing(MilvusEngine.create(place)) as again:
            change(again)
            assert contents(again) == expected, after
        drop_index(place)
    assert deaths > 4


@pytest.mark.parametrize("after", [2, 3, 8])
def test_what_was_not_made_whole_is_made_by_the_next(
    place: MilvusPlace, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, call = count(1), Connection.call

    def dying(self: Connection, verb: str, **options: Any) -> Any:
        if verb in CHANGING and next(calls) >= after:
            raise Killed
        return call(self, verb, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "call", dying)
        with pytest.raises(Killed):
            MilvusEngine.create(place)
    with closing(MilvusEngine.create(place)) as engine:
        base(engine)
        assert found_ids(engine, look_up(engine)) == {"a", "b", "c"}
        for name in (engine.store.names.articles, engine.store.names.texts):
            assert len(engine.store.connection.call("list_indexes", collection_name=name)) > 1


@pytest.mark.parametrize("failing", range(1, 8))
def test_a_living_writer_puts_right_what_failed(place: MilvusPlace, failing: int) -> None:
    """A call fails, once before and once after the server did what it says."""
    with closing(MilvusEngine.create(place)) as engine:
        base(engine)
        connection, calls = engine.store.connection, count(1)
        call = connection.call

        def unlucky(verb: str, **options: Any) -> Any:
            number = next(calls) if verb in CHANGING else 0
            if number == failing:
                raise EngineUnavailable(place, "before")
            done = call(verb, **options)
            if number == failing + 2:
                raise EngineUnavailable(place, "after")
            return done

        connection.call = unlucky  # type: ignore[method-assign]
        items = [indexed("a", "트램 연기 소식"), indexed("d", "바다 축제")]
        for attempt in range(3):
            try:
                put(items, engine)
                engine.publish()
                break
            except EngineUnavailable:
                assert attempt < 2
        assert found_ids(engine, look_up(engine, depth=50)) == {"a", "b", "c", "d"}
        told = {one.passage.text for one in loaded(engine, look_up(engine, "트램", depth=50))}
        assert "트램 연기 소식" in told
        assert "트램 착공" not in told
        assert engine.statistics().passages == 4


def test_one_writer_at_a_time(place: MilvusPlace) -> None:
    first = MilvusEngine.create(place)
    with pytest.raises(IndexLocked, match=str(os.getpid())):
        MilvusEngine.create(place)
    first.close()
    MilvusEngine.create(place).close()


def test_the_lease_of_a_dead_process_is_free(place: MilvusPlace) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with closing(MilvusEngine.create(place)) as engine:
        held = read_fact(engine.store.connection, engine.store.names, "lease")
        held |= {"id": "another", "pid": gone.pid, "until": time.time() + 60}
        write_fact(engine.store.connection, engine.store.names, "lease", held)
        with pytest.raises(IndexLocked, match="another"):
            engine.adopt(RECIPE)
    MilvusEngine.create(place).close()


# -- a server that goes away ---------------------------------------------------------------------


def test_a_server_that_goes_away_is_told_and_comes_back(tmp_path: Path) -> None:
    server = MilvusServer(tmp_path / "data")
    place = MilvusPlace(server.uri, "away", index_type="FLAT")
    try:
        with closing(MilvusEngine.create(place)) as writer:
            base(writer)
        with closing(MilvusEngine.open(place)) as reader:
            assert len(look_up(reader, "트램").passages) == 3
            server.stop(signal.SIGKILL)
            with pytest.raises(EngineUnavailable, match="can't be used"):
                look_up(reader, "트램")
            with pytest.raises(EngineUnavailable):
                MilvusEngine.open(place)
            wait_until(lambda: reader.problem() is not None)
            with pytest.raises(EngineUnavailable):
                reader.info()
            assert reader.statistics().passages == 3  # held in memory
            server.start()
            wait_until(lambda: reader.problem() is None)
            assert len(look_up(reader, "트램").passages) == 3
            assert reader.info().articles == 3
    finally:
        server.stop()


def test_a_publication_and_a_removal_elsewhere_are_seen(place: MilvusPlace) -> None:
    with closing(MilvusEngine.create(place)) as writer:
        base(writer)
        with closing(MilvusEngine.open(place)) as reader:
            found = look_up(reader, "트램")
            writer.remove(["a"], {})
            assert "a" not in found_ids(reader, look_up(reader, "트램"))
            assert "a" not in found_ids(reader, found)
            fill(writer, indexed("new", "트램 개통"))
            generation = writer.statistics().generation
            wait_until(lambda: reader.statistics().generation == generation)
            assert "new" in found_ids(reader, look_up(reader, "트램"))


# -- limits and hostile input --------------------------------------------------------------------

HOSTILE = (
    '" or id != "',
    "'] or true or ['",
    "\\",
    '\\"',
    "%",
    "_",
    "한'글\"",
    "a" * 300,
    "\u2028",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_never_part_of_an_expression(place: MilvusPlace, name: str) -> None:
    with closing(MilvusEngine.create(place)) as engine:
        engine.adopt(RECIPE)
        of_it = indexed(name, "트램 착공", press=name, section=name, reporters=(name,))
        fill(engine, of_it, indexed("other", "트램 연기"))
        for filters in (
            Filters(press=(name,)),
            Filters(section=(name,)),
            Filters(reporters=(name,)),
            Filters(article_ids=(name,)),
        ):
            assert found_ids(engine, look_up(engine, "트램", filters=filters)) == {name}
            assert engine.newest(filters, 5) == [name]
        assert engine.article(name) == of_it.article
        assert engine.tally(Filters()).presses[name] == 1
        assert engine.remove([name], {}) == [name]
        assert found_ids(engine, look_up(engine, "트램")) == {"other"}


def test_texts_of_any_length_are_kept(place: MilvusPlace) -> None:
    rng = np.random.default_rng(0)
    words = ["".join(map(chr, rng.integers(0xAC00, 0xD7A4, 6))) for _ in range(40_000)]
    body = " ".join(words)
    long = indexed("long", body)
    assert len(zlib.compress(body.encode())) > 3 * MAX_BYTES
    start = replace(long, passages=[Passage("long", 0, body[:500], 0, 500)])
    wordy = replace(start, article=replace(start.article, tags=tuple(words[:3_300])))
    with closing(MilvusEngine.create(place)) as engine:
        engine.adopt(RECIPE)
        fill(engine, wordy)
        assert engine.article("long") == wordy.article
        found = look_up(engine)
        text = engine.texts(found.texts, found.token)[found.texts[0]]
        assert (text.body, text.sentences) == (body, long.sentences)


def test_what_is_too_large_is_refused_in_bytes_and_nothing_is_stored(place: MilvusPlace) -> None:
    at_limit, beyond = "한" * (MAX_BYTES // 3), "한" * (MAX_BYTES // 3 + 1)
    crowd = tuple(f"기자{n}" for n in range(MAX_NAMES + 1))
    with closing(MilvusEngine.create(place)) as engine:
        engine.adopt(RECIPE)
        fill(engine, indexed("fits", at_limit))
        for too_large in (indexed("b", beyond), indexed("b", "트램", reporters=crowd)):
            with pytest.raises(ArticleTooLarge):
                put([indexed("a", "트램 착공"), too_large], engine)
        assert engine.keys(["a", "b", "fits"]) == {"fits": ("fits",)}


# -- arithmetic ----------------------------------------------------------------------------------


def test_terms_share_a_place_as_rarely_as_is_said() -> None:
    terms = [f"낱말{n}" for n in range(200_000)]
    shared = len(terms) - len({sparse.place("morphemes", term) for term in terms})
    assert shared <= 15  # n² / 2 / 2³² is 5
    assert sparse.place("morphemes", "금리") != sparse.place("bigrams", "금리")


@pytest.mark.parametrize("average", [1.0, 40.0, 900.0])
def test_counts_are_recovered_whatever_the_average_was(average: float) -> None:
    """The vector was made against another average; the score is that of the one that holds now."""
    counts = {"가": 1, "나": 7, "다": 255, "라": 4_000}
    terms = {"morphemes": [t for t, n in counts.items() for _ in range(n)], "bigrams": ["가나"]}
    written = {"morphemes": average, "bigrams": 1.0}
    vector = {k: float(np.float32(v)) for k, v in sparse.passage_side(terms, written).items()}
    corpus = CorpusStatistics.of(1, [], [], [terms], AXES[[0]])
    norm = float(length_norms(np.array([4_263], np.uint32), 4_263.0)[0])
    for term, n in counts.items():
        query: list[Weights] = [{"morphemes": {term: 1.0}}]
        scored = sparse.scores([vector], [sparse.lengths(terms)], query, written, corpus)
        assert scored["morphemes"][0] == pytest.approx(n / (n + norm), rel=1e-6)


def test_passages_without_terms_are_stored(place: MilvusPlace) -> None:
    bare = indexed("bare", "?!")
    item = replace(bare, article=replace(bare.article, title="…"), sentences=[])
    with closing(MilvusEngine.create(place)) as engine:
        engine.adopt(RECIPE)
        fill(engine, item)
        assert found_ids(engine, look_up(engine, "트램")) == {"bare"}


def test_a_rebuild_fills_another_collection_and_moves_the_alias(place: MilvusPlace) -> None:
    with closing(MilvusEngine.create(place)) as engine:
        base(engine)
        before, found = contents(engine), look_up(engine, "트램")
        engine.publish(afresh=True)
        assert contents(engine) == before
        alias = engine.store.connection.call("describe_alias", alias=place.alias)
        assert alias["collection_name"] == f"{place.alias}_passages_000002"
        assert len(loaded(engine, found)) == 3  # found before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("milvus+http://host:19530/alias", "milvus+http://host:19530/alias"),
        ("milvus+https://host", "milvus+https://host/gisa"),
        ("milvus+http://user:secret@host:1/a", "milvus+http://host:1/a"),
    ],
)
def test_places_are_written_as_addresses(text: str, told: str) -> None:
    assert str(parse_place(text)) == told
    assert "secret" not in repr(MilvusPlace("http://h", token="secret"))


@pytest.mark.parametrize("text", ["milvus+ftp://host", "milvus+http:///a", "milvus+http://h/a-b"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        parse_place(text)


def test_a_folder_is_no_address() -> None:
    assert parse_place("var/index") is None
