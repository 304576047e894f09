"""The versions of articles as the server has them: rows of ``ALIAS_articles``, and the texts they have.

All reads are strong: a version that was removed is gone for everybody at once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from index.documents import (
    Article,
    ArticleHeader,
    Passage,
    keys_meant,
    reference_of,
    to_json,
)
from index.engines.milvus.connection import BATCH, Connection, Consistency, Row, batches, conditions
from index.engines.milvus.schema import (
    CURRENT,
    NEVER,
    NO_VECTOR,
    REMOVED,
    Names,
    from_column,
    number_of,
    numbers_of,
    read_pieces,
    to_column,
    to_pieces,
)
from index.engines.records import (
    header_fields,
    pack_sentences,
    pack_vectors,
    unpack_sentences,
    unpack_vectors,
)
from index.protocols import AnalysedText, IndexedArticle, Span

_COLUMNS = ("id", "state", "since", "until", "sequence", "recipe", "passages", "labels", "links")
_LABELS = 256  # in one condition


@dataclass(frozen=True)
class Told:
    """What a row says of its article beside what it is found by; ``moment`` is ISO 8601."""

    key: str
    public: str
    digest: str
    press: str | None
    moment: str | None
    leader: str
    leader_before: str
    leader_since: int
    corrects: tuple[str, ...] = ()
    corrected_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """A version of an article. ``id`` is that of its text; ``recipe`` the number of its recipe.

    Its story is ``told.leader`` from the generation ``told.leader_since`` on, ``told.leader_before`` until then.
    ``header_text`` is there if it was asked for.
    """

    id: str
    sequence: int
    since: int
    recipe: int
    passages: int
    told: Told
    until: int = NEVER
    state: int = CURRENT
    labels: tuple[int, ...] = ()
    header_text: str = ""

    @cached_property
    def header(self) -> ArticleHeader:
        """As it was stored: without corrections."""
        return ArticleHeader(**header_fields(from_column(self.header_text)))

    def leader_in(self, generation: int) -> str:
        """The key of the article that leads its story in a generation."""
        told = self.told
        return told.leader if told.leader_since <= generation else told.leader_before

    def is_shown_in(self, generation: int) -> bool:
        """Whether its passages may be shown in answers of a generation."""
        return self.state != REMOVED and self.since <= generation < self.until

    def changes(self) -> Row:
        """The columns that may change while the version stays."""
        told, findable = self.told, self.state == CURRENT
        links = {name: value for name, value in asdict(told).items() if value not in (None, ())}
        return {
            "id": self.id,
            "state": self.state,
            "until": self.until,
            "key": number_of(told.key),
            "public": number_of(told.public) if findable else 0,
            "leader": number_of(told.leader) if findable else 0,
            "labels": list(self.labels) if findable else [],
            "links": to_column(links, f"the links of {reference_of(told.key)}"),
        }

    def row(self) -> Row:
        """All columns. Raises ArticleTooLarge."""
        header, fixed = self.header, {"since", "sequence", "recipe", "passages"}
        return {
            **self.changes(),
            **{name: getattr(self, name) for name in fixed},
            **filter_columns(header),
            "header": self.header_text,
            "dense": NO_VECTOR,
        }


def header_column(header: ArticleHeader) -> str:
    """A header as its column has it. Raises ArticleTooLarge."""
    return to_column(to_json(header), f"the header of {header.reference}")


def filter_columns(header: ArticleHeader) -> Row:
    """What filters ask for, of an article or of a passage. Raises ArticleTooLarge."""
    day = header.published_on
    return {
        "day": day.toordinal() if day else 0,
        "press": number_of(header.press),
        "section": number_of(header.section),
        "reporters": numbers_of(header.reporters, f"the reporters of {header.reference}"),
    }


def _version(row: Row) -> Version:
    links: dict[str, Any] = {"press": None, "moment": None, **json.loads(from_column(row["links"]))}
    links |= {name: tuple(links.get(name, ())) for name in ("corrects", "corrected_by")}
    numbers = {name: int(row[name]) for name in ("sequence", "since", "recipe", "passages")}
    return Version(
        id=row["id"],
        told=Told(**links),
        until=int(row["until"]),
        state=int(row["state"]),
        labels=tuple(map(int, row["labels"])),
        header_text=row.get("header", ""),
        **numbers,
    )


class Versions:
    """Reads versions by what they are found by."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection, self._names = connection, names

    def where(self, condition: str, *, headers: bool = False) -> list[Version]:
        """Those that meet a condition, in the order in which they were stored."""
        columns = [*_COLUMNS, "header"] if headers else _COLUMNS
        rows = self._connection.rows(self._names.articles, condition, columns)
        return sorted(map(_version, rows), key=lambda version: version.sequence)

    def _among(
        self,
        column: str,
        values: Sequence[str] | Sequence[int],
        also: str,
        headers: bool = False,
    ) -> list[Version]:
        batch = BATCH if not headers else 200
        found = (
            version
            for condition in conditions(column, values, also, batch)
            for version in self.where(condition, headers=headers)
        )
        return sorted(found, key=lambda version: version.sequence)

    def pages(self, condition: str, size: int) -> Iterator[list[Version]]:
        """All that meet a condition with their headers, in the order in which they were stored."""
        rows = self._connection.scan(self._names.articles, condition, ["id"])
        texts = sorted(row["id"] for page in rows for row in page)
        for batch in batches(texts, size):
            yield self._among("id", batch, condition, headers=True)

    def of_texts(self, texts: Sequence[str], *, headers: bool = False) -> dict[str, Version]:
        """Those that were not removed, by the ids of their texts."""
        found = self._among("id", texts, f"state != {REMOVED}", headers)
        return {version.id: version for version in found}

    def current(self, keys: Collection[str], *, headers: bool = False) -> dict[str, Version]:
        """The current versions, by the keys of their articles."""
        found = self._among("key", [*map(number_of, keys)], f"state == {CURRENT}", headers)
        return {one.told.key: one for one in found if one.told.key in set(keys)}

    def all_of(self, keys: Collection[str]) -> list[Version]:
        """Every version of the articles but those that were removed."""
        found = self._among("key", [*map(number_of, keys)], f"state != {REMOVED}")
        return [one for one in found if one.told.key in set(keys)]

    def keys(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """As ``EngineReader.keys``."""
        meant = {name: keys_meant(name) for name in names if name}
        exact = self.current([key for keys in meant.values() for key in keys])
        open_names = [name for name, keys in meant.items() if not exact.keys() & set(keys)]
        shared: dict[str, list[str]] = {}
        for one in self._public(open_names):
            shared.setdefault(one.told.public, []).append(one.told.key)
        found = {
            name: tuple(key for key in keys if key in exact)[:1] or tuple(shared.get(name, ()))
            for name, keys in meant.items()
        }
        return {name: keys for name, keys in found.items() if keys}

    def _public(self, ids: Collection[str]) -> list[Version]:
        found = self._among("public", [*map(number_of, ids)], f"state == {CURRENT}")
        return [one for one in found if one.told.public in ids]

    def led_by(self, leaders: Collection[str]) -> dict[str, list[Version]]:
        """By the key of a leader the current versions of its story, itself first."""
        found: dict[str, list[Version]] = {}
        for one in self._among("leader", [*map(number_of, leaders)], f"state == {CURRENT}"):
            found.setdefault(one.told.leader, []).append(one)
        for leader, story in found.items():
            story.sort(key=lambda one: one.told.key != leader)
        return {leader: found[leader] for leader in leaders if leader in found}

    def stories(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """As ``EngineReader.stories``."""
        current = self.current(keys)
        told = self.led_by({one.told.leader for one in current.values()})
        return {
            key: tuple(one.told.key for one in told.get(current[key].told.leader, ()))
            for key in keys
            if key in current
        }

    def labelled(self, labels: Collection[str]) -> dict[str, Sequence[ArticleHeader]]:
        """As ``EngineWriter.labelled``."""
        by_number = {number_of(label): label for label in labels}
        carriers: dict[str, Version] = {}
        for batch in batches(list(by_number), _LABELS):
            listed = ", ".join(map(str, batch))
            condition = f"state == {CURRENT} and array_contains_any(labels, [{listed}])"
            carriers |= {one.id: one for one in self.where(condition, headers=True)}
        found: dict[str, list[ArticleHeader]] = {}
        for one in sorted(carriers.values(), key=lambda one: one.sequence):
            for number in by_number.keys() & set(one.labels):
                found.setdefault(by_number[number], []).append(one.header)
        return dict(found)

    def headers(self, versions: Iterable[Version]) -> dict[str, ArticleHeader]:
        """By text the headers, with the corrections that are known by now."""
        told = {one.id: one for one in versions}
        keys = {
            key for one in told.values() for key in (*one.told.corrects, *one.told.corrected_by)
        }
        shown = self._shown_as(keys) if keys else {}

        def named(keys: Sequence[str]) -> tuple[str, ...]:
            return tuple(shown[key] for key in sorted(keys) if key in shown)

        return {
            text: replace(
                one.header,
                corrects=named(one.told.corrects),
                corrected_by=named(one.told.corrected_by),
            )
            for text, one in told.items()
        }

    def _shown_as(self, keys: Collection[str]) -> dict[str, str]:
        """By key the public id, or the reference where several articles share that."""
        current = self.current(keys)
        shared: dict[str, int] = {}
        for one in self._public({one.told.public for one in current.values()}):
            shared[one.told.public] = shared.get(one.told.public, 0) + 1
        return {
            key: one.told.public if shared.get(one.told.public, 1) == 1 else reference_of(key)
            for key, one in current.items()
        }

    # -- texts -----------------------------------------------------------------------------

    def contents(
        self, texts: Sequence[str], *, vectors: bool = False, consistency: Consistency = "Strong"
    ) -> dict[str, Content]:
        """What was stored with the versions; ``vectors``: those of the sentences too."""
        owners = [*texts, *(_vectors_of(text) for text in texts)] if vectors else texts
        found = read_pieces(self._connection, self._names, owners, consistency)
        return {
            text: Content(found[text], found.get(_vectors_of(text)))
            for text in texts
            if text in found
        }

    def articles(self, versions: Sequence[Version]) -> dict[str, Article]:
        """By text the whole articles as they were stored, without corrections."""
        contents = self.contents([one.id for one in versions])
        return {
            one.id: Article(**vars(one.header), body=contents[one.id].text.body)
            for one in versions
            if one.id in contents
        }


class Content:
    """The text of a version, what was found in it, and on demand the vectors of its sentences."""

    def __init__(self, packed: bytes, vectors: bytes | None) -> None:
        size = int.from_bytes(packed[:4], "big")
        self._facts: Mapping[str, Any] = json.loads(zlib.decompress(packed[4 : 4 + size]))
        sentences = unpack_sentences(packed[4 + size :])
        of_sentences = None if vectors is None else unpack_vectors(vectors, len(sentences))
        titles = tuple(self._facts["title_morphemes"])
        self.text = AnalysedText(self._facts["body"], sentences, of_sentences, titles)

    @property
    def spans(self) -> list[Span]:
        """Those of the passages."""
        return [(start, end) for start, end in self._facts["passages"]]

    @property
    def names(self) -> list[tuple[str, str]]:
        """Pairs as in ``IndexedArticle.names``."""
        return [(key, other) for key, other in self._facts["names"]]

    def indexed(
        self, header: ArticleHeader, digest: str, vectors: np.ndarray[Any, np.dtype[np.float32]]
    ) -> IndexedArticle:
        """The article as it was put; ``vectors`` are those of its passages, in their order."""
        article = Article(**vars(header), body=self.text.body)
        return IndexedArticle(
            article,
            [
                Passage(article.id, number, article.body[start:end], start, end)
                for number, (start, end) in enumerate(self.spans)
            ],
            vectors,
            self.text.sentences,
            digest,
            self.text.title_morphemes,
            self.text.vectors,
            self.names,
        )


def content_pieces(text: str, item: IndexedArticle) -> list[Row]:
    """The rows of ``texts`` for a version."""
    facts = {
        "body": item.article.body,
        "title_morphemes": list(item.title_morphemes),
        "passages": [(passage.start, passage.end) for passage in item.passages],
        "names": sorted(set(item.names)),
    }
    packed = zlib.compress(json.dumps(facts, ensure_ascii=False).encode())
    content = len(packed).to_bytes(4, "big") + packed + pack_sentences(item.sentences)
    pieces = to_pieces(text, content)
    if item.sentence_vectors is not None:
        pieces += to_pieces(_vectors_of(text), pack_vectors(item.sentence_vectors))
    return pieces


def owners_of(texts: Iterable[str]) -> list[str]:
    """The owners of all pieces that versions have."""
    return [owner for text in texts for owner in (text, _vectors_of(text))]


def _vectors_of(text: str) -> str:
    return f"{text}v"
