"""What an engine must do, tried out on a server of the user's own, in an index made for it and deleted.

A condensed form of the contract that the engines of this project are tested with: it tells whether a
cluster, with its version, rights and limits, can hold an index. It measures nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from index.documents import SEOUL, AnalysedSentence, Article, Filters, Passage
from index.engines.milvus import MilvusEngine, MilvusPlace, drop_index
from index.errors import IndexUnusable
from index.preparation import article_digest
from index.protocols import Candidates, IndexedArticle, Links, Recipe

DIMENSION = 8
_AXES = np.eye(DIMENSION, dtype=np.float32)
_RECIPE = Recipe("trial", DIMENSION, "words", {})


@dataclass(frozen=True)
class Finding:
    """One thing that was tried; ``problem`` is None if it held."""

    name: str
    problem: str | None = None


def try_server(place: MilvusPlace) -> Iterator[Finding]:
    """Try out a server step by step, in an index of its own beside whatever it holds.

    The index is deleted at the end, come what may. Where the server can't even be reached, that is the
    only finding.
    """
    scratch = replace(place, alias=f"{place.alias[:60]}_trial_{uuid.uuid4().hex[:8]}")
    with ExitStack() as opened:
        try:
            opened.callback(_drop, scratch)
            writer = MilvusEngine.create(scratch)
            opened.callback(writer.close)
        except IndexUnusable as error:
            yield Finding("an index can be made", str(error))
            return
        yield Finding("an index can be made")
        for name, step in _STEPS.items():
            yield Finding(name, _problem(step, writer))


def _drop(place: MilvusPlace) -> None:
    try:
        drop_index(place)
    except IndexUnusable:
        return  # it went away; what could be made is told by its name


def _problem(step: Callable[[MilvusEngine], str | None], writer: MilvusEngine) -> str | None:
    try:
        return step(writer)
    except Exception as error:  # the boundary of a trial: whatever went wrong is its finding
        return f"{type(error).__name__}: {error}"


# -- the steps, each upon what those before it left ----------------------------------------------


def _stores(writer: MilvusEngine) -> str | None:
    writer.adopt(_RECIPE)
    articles = [
        _article("tram", "트램 착공 소식", 0, press="해담일보", day=1),
        _article("sea", "바다 축제 소식", 1, press="동람\"경제' or true", day=2),
        _article("game", "배구 경기 소식", 2, press="해담일보", day=3),
    ]
    writer.put(articles, {item.article.key: _own_links(item.article.key) for item in articles})
    if set(writer.digests(["tram", "sea", "game", "none"])) != {"tram", "sea", "game"}:
        return "articles that were acknowledged are not there"
    return None


def _publishes(writer: MilvusEngine) -> str | None:
    statistics = writer.publish()
    return None if statistics.passages == 3 else f"{statistics.passages} passages of 3 are counted"


def _finds_by_vector(writer: MilvusEngine) -> str | None:
    return _unlike({"game"}, _found(writer, _look(writer, axis=2, depth=1)))


def _finds_by_term(writer: MilvusEngine) -> str | None:
    found = _look(writer, "바다", axis=0, depth=1)
    return _unlike({"sea", "tram"}, _found(writer, found))


def _scores_exactly(writer: MilvusEngine) -> str | None:
    """All passages have the average length, so that the norm of BM25 is 1.2."""
    found = _look(writer, "바다", axis=1, depth=1)
    scored = max(found.lexical["morphemes"].tolist()), max(found.dense.tolist())
    expected = 1 / 2.2, 1.0
    return None if np.allclose(scored, expected, atol=1e-4) else f"{scored}, not {expected}"


def _filters(writer: MilvusEngine) -> str | None:
    wanted = {
        Filters(press=("해담일보",)): {"tram", "game"},
        Filters(press=("동람\"경제' or true",)): {"sea"},
        Filters(published_from=date(2026, 3, 2)): {"sea", "game"},
        Filters(reporters=("여운찬",), article_ids=("tram", "sea")): {"tram", "sea"},
        Filters(section=("정치>없음",)): set(),
    }
    for filters, expected in wanted.items():
        found = _found(writer, _look(writer, "소식", filters=filters))
        if told := _unlike(expected, found):
            return f"{filters}: {told}"
    return None


def _hides_until_published(writer: MilvusEngine) -> str | None:
    before = _look(writer, "트램")
    changed = _article("tram", "트램 연기 소식", 0, press="해담일보", day=1)
    writer.put([changed], {"tram": _own_links("tram")})
    if "트램 착공 소식" not in _texts(writer, _look(writer, "트램")):
        return "a version is seen before it is published"
    writer.publish()
    if "트램 연기 소식" not in _texts(writer, _look(writer, "트램")):
        return "a version is not seen after it was published"
    if "트램 착공 소식" not in _texts(writer, before):
        return "what was found before is not there any more"
    return None


def _shows_elsewhere(writer: MilvusEngine) -> str | None:
    reader = MilvusEngine.open(writer.store.connection.place)
    try:
        found = _look(reader, "배구", axis=2)
        writer.remove(["game"], {})
        if "game" in _found(reader, _look(reader, "배구", axis=2)) | _found(reader, found):
            return "another reader still sees what was removed"
    finally:
        reader.close()
    writer.publish()
    return _unlike({"tram", "sea"}, _found(writer, _look(writer, "소식")))


def _rebuilds(writer: MilvusEngine) -> str | None:
    writer.publish(afresh=True)
    return _unlike({"tram", "sea"}, _found(writer, _look(writer, "소식")))


def _keeps_long_texts(writer: MilvusEngine) -> str | None:
    rng = np.random.default_rng(0)
    body = "".join(map(chr, rng.integers(0xAC00, 0xD7A4, 100_000)))
    item = _article("long", body, 3, press=None, day=4)
    writer.put(
        [replace(item, passages=[Passage("long", 0, body[:500], 0, 500)])],
        {"long": _own_links("long")},
    )
    found = writer.article("long")
    return None if found == item.article else "a text of 300,000 bytes comes back changed"


_STEPS: dict[str, Callable[[MilvusEngine], str | None]] = {
    "articles are stored": _stores,
    "a generation is published": _publishes,
    "the nearest are found by vector": _finds_by_vector,
    "the best are found by terms": _finds_by_term,
    "scores are exact": _scores_exactly,
    "filters hold, whatever the names": _filters,
    "changes are seen once they are published": _hides_until_published,
    "removals act at once, for other readers too": _shows_elsewhere,
    "a rebuild moves to another collection": _rebuilds,
    "long texts are kept": _keeps_long_texts,
}


def _own_links(key: str) -> Links:
    return Links(key, frozenset(), (), ())


def _article(id: str, body: str, axis: int, *, press: str | None, day: int) -> IndexedArticle:
    article = Article(
        id=id,
        title="!",
        body=body,
        press=press,
        reporters=("여운찬",),
        section="정치",
        published_at=datetime(2026, 3, day, 9, tzinfo=SEOUL),
    )
    sentence = AnalysedSentence(0, len(body), tuple(body.split()))
    passage = Passage(id, 0, body, 0, len(body))
    return IndexedArticle(article, [passage], _AXES[[axis]], [sentence], article_digest(article))


def _look(
    engine: MilvusEngine,
    *words: str,
    axis: int = 0,
    filters: Filters = Filters(),
    depth: int = 10,
) -> Candidates:
    query = {"morphemes": dict.fromkeys(words, 1.0)}
    return engine.search(_AXES[axis], [query], filters, depth)


def _found(engine: MilvusEngine, found: Candidates) -> set[str]:
    told = engine.passages(found.passages, found.token)
    return {one.article.id for one in told.values()}


def _texts(engine: MilvusEngine, found: Candidates) -> Sequence[str]:
    return [one.passage.text for one in engine.passages(found.passages, found.token).values()]


def _unlike(expected: set[str], found: set[str]) -> str | None:
    return None if found == expected else f"found {sorted(found)}, not {sorted(expected)}"
