"""What travels between a command and its workers, as bytes: MessagePack, and our own values as extensions of it.

Nothing but the classes named here comes out of ``unpack``, whatever the bytes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

import numpy as np

from index.documents import AnalysedSentence, Article, Passage
from index.duplicates import Fingerprint
from index.errors import MalformedArticle
from index.preparation import Batch
from index.protocols import IndexedArticle, StoredArticle, StoredVectors
from index.readers import Found, RawFile, RawRecord
from index.readers.draft import Draft


def pack(value: object) -> bytes:
    """One of our values as bytes, or what JSON knows, or a list or mapping of these.

    Raises TypeError, ValueError or OverflowError for anything else, and for numbers of more than 64 bits.
    """
    import msgpack

    packed: bytes = msgpack.packb(
        value, default=_extension, strict_types=True, unicode_errors="surrogatepass"
    )
    return packed


def unpack(data: bytes) -> Any:
    """What ``pack`` packed. Moments keep their offset, not the name of their zone."""
    import msgpack

    return msgpack.unpackb(
        data, ext_hook=_value, strict_map_key=False, unicode_errors="surrogatepass"
    )


def pack_indexed(items: Iterable[IndexedArticle]) -> bytes:
    """Prepared articles without what their receiver has: the articles themselves."""
    return pack([_parts(item) for item in items])


def unpack_indexed(data: bytes, articles: Sequence[Article]) -> list[IndexedArticle]:
    """What ``pack_indexed`` packed, of these articles."""
    return [_indexed(*pair) for pair in zip(articles, unpack(data), strict=True)]


def _parts(item: IndexedArticle) -> list[Any]:
    found = item.fingerprint
    return [
        [[passage.start, passage.end] for passage in item.passages],
        item.vectors,
        [[one.start, one.end, list(one.morphemes)] for one in item.sentences],
        item.digest,
        list(item.title_morphemes),
        item.sentence_vectors,
        [list(pair) for pair in item.names],
        found and [found.shingles, list(found.figures), list(found.bands)],
    ]


def _indexed(article: Article, parts: Sequence[Any]) -> IndexedArticle:
    spans, vectors, sentences, digest, title, of_sentences, names, marks = parts
    return IndexedArticle(
        article,
        [
            Passage(article.id, ordinal, article.body[start:end], start, end)
            for ordinal, (start, end) in enumerate(spans)
        ],
        vectors,
        [AnalysedSentence(start, end, tuple(found)) for start, end, found in sentences],
        digest,
        tuple(title),
        of_sentences,
        [(key, other) for key, other in names],
        Fingerprint(marks[0], frozenset(marks[1]), tuple(marks[2])) if marks else None,
    )


# --- values of our own -----------------------------------------------------------------------

_CLASSES: Sequence[type[Any]] = (
    Article, Batch, Draft, Found, RawFile, RawRecord, StoredArticle, StoredVectors,
)  # fmt: skip


def _extension(value: Any) -> Any:
    from msgpack import ExtType

    kind = type(value)
    if kind in _FORMS:
        to_parts, _ = _FORMS[kind]
        return ExtType(_CODES[kind], pack(to_parts(value)))
    if isinstance(value, str):  # lxml gives texts that know their element
        return str(value)
    raise TypeError(f"{kind.__name__} does not travel")


def _value(code: int, data: bytes) -> Any:
    _, from_parts = _FORMS[_KINDS[code]]
    return from_parts(unpack(data))


def _array(parts: Sequence[Any]) -> np.ndarray[Any, Any]:
    kind, shape, content = parts
    return np.frombuffer(content, dtype=kind).reshape(shape)


def _report(parts: Sequence[Any]) -> MalformedArticle:
    reason, path, line = parts
    return MalformedArticle(reason, path=path, line=line)


def _form_of(kind: type[Any]) -> _Form:
    names = [field.name for field in fields(kind)]
    return (
        lambda value: [getattr(value, name) for name in names],
        lambda parts: kind(**dict(zip(names, parts, strict=True))),
    )


_Form = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""To what is packed, and back from it."""

_FORMS: Mapping[type[Any], _Form] = {
    tuple: (list, tuple),
    np.ndarray: (lambda array: [array.dtype.str, list(array.shape), array.tobytes()], _array),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
    MalformedArticle: (lambda one: [one.reason, one.path, one.line], _report),
    **{kind: _form_of(kind) for kind in _CLASSES},
}
_KINDS = list(_FORMS)
_CODES = {kind: code for code, kind in enumerate(_KINDS)}
