"""Adding articles with the help of many machines: a Ray cluster does what concerns one article at a time.

Workers of Ray Data clean the input and make articles of it; then actors, each with an encoder and an
analyser of its own, cut, analyse, embed and fingerprint those that are new. Everything that must see the
whole stays here, as in a run without Ray: opening files and taking records out of them (so that paths need
to be readable on this machine only), noticing ids in conflict, asking the store what it knows, linking
near-duplicates, and storing in the order of the input. So the index that comes of it is the same by
construction.

Ray Data takes a data set, not a stream that grows, so what is to be done goes to it in windows: while one is
worked on and stored, the next is read. The pool of actors is made anew for each, from the CPUs that the
cluster then has. What a dying node was doing is done again elsewhere; it reaches the store once, as nothing but
this process writes. All that travels is columns of bytes (``index.wire``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np

from index.chunking import ChunkSettings
from index.duplicates import fingerprint
from index.errors import ClusterUnavailable
from index.korean import KoreanAnalyser
from index.preparation import Batch, Preparation, Workers
from index.protocols import Embedder, IndexedArticle, Recipe
from index.readers import Found, Piece, ReadOptions, finished
from index.wire import pack, pack_indexed, unpack, unpack_indexed

BATCHES_PER_WORKER = 32
"""Batches in a window for each worker: 2,048 articles take minutes to embed, a worker seconds to start."""

_FIRST_PER_WORKER = 4  # so that the cluster has work soon; windows double from here
_PARCEL_PIECES, _PARCEL_BYTES = 64, 1 << 20

_T = TypeVar("_T")
_Answer = TypeVar("_Answer")
_Parcel = Sequence[bytes]
"""Pieces of the input, each packed."""


@dataclass(frozen=True)
class Parts:
    """What each worker makes for itself, once. It must come to the recipe that the index was given."""

    embedder: Callable[[], Embedder]
    analyser: Callable[[], KoreanAnalyser]
    chunking: ChunkSettings
    recipe: Recipe


@contextmanager
def on_cluster(address: str, parts: Parts) -> Iterator[Workers]:
    """The workers of the Ray cluster at ``address`` (``HOST:PORT``, ``auto`` or ``ray://HOST:PORT``).

    gisa must be installed on every node, and ``parts`` must make the same there as here. Raises
    ClusterUnavailable, also while they work.
    """
    import ray.data

    # It tells operators of its plans, and sets the level itself when it is imported.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterUnavailable(address, str(error)) from error
    try:
        with _told_plainly(address):
            yield _RayWorkers(parts)
    finally:
        ray.shutdown()


@contextmanager
def _told_plainly(address: str) -> Iterator[None]:
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        cause = getattr(error, "cause", None) or error
        raise ClusterUnavailable(address, str(cause).strip().splitlines()[-1]) from error


class _RayWorkers:
    raw = True

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def finish_all(
        self, pieces: Iterator[Piece], options: ReadOptions
    ) -> Iterator[Sequence[Found]]:
        """See ``Workers``."""
        return chain.from_iterable(
            _told_here(answer, options)
            for answer in _in_windows(_parcels(pieces, options), partial(_finished, options))
        )

    def prepare_all(self, batches: Iterator[Batch]) -> Iterator[Sequence[IndexedArticle]]:
        """See ``Workers``."""
        return _in_windows(batches, partial(_prepared, self._parts))


def _in_windows(
    items: Iterator[_T], work: Callable[[Sequence[_T]], Iterator[_Answer]]
) -> Iterator[_Answer]:
    window = list(islice(items, _FIRST_PER_WORKER * _workers()))
    while window:
        longest, following = BATCHES_PER_WORKER * _workers(), list[_T]()
        for answer in work(window):
            yield answer
            following += islice(items, min(2, longest - len(following)))
        window = following


def _workers() -> int:
    """One for each CPU that the cluster has now."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _mapped(rows: Sequence[bytes], task: Any, **how: Any) -> Iterator[bytes]:
    """What a task makes of each row, in their order."""
    from ray.data import DataContext, from_items

    context = DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    data = from_items([{"row": row} for row in rows], override_num_blocks=len(rows))
    done = data.map_batches(
        task, batch_size=1, batch_format="numpy", scheduling_strategy="SPREAD", **how
    )
    yield from (row["row"] for row in done.iter_rows())


# --- from input to articles ------------------------------------------------------------------


def _parcels(pieces: Iterator[Piece], options: ReadOptions) -> Iterator[_Parcel]:
    parcel, size = list[bytes](), 0
    for piece in pieces:
        parcel.append(_packed(piece, options))
        size += len(parcel[-1])
        if len(parcel) == _PARCEL_PIECES or size >= _PARCEL_BYTES:
            yield parcel
            parcel, size = [], 0
    if parcel:
        yield parcel


def _packed(piece: Piece, options: ReadOptions) -> bytes:
    """A piece as a list of one; where a record holds what can't travel, what is found in it."""
    try:
        return pack([piece])
    except (TypeError, ValueError, OverflowError):
        return pack(list(finished(piece, options)))


def _finished(options: ReadOptions, parcels: Sequence[_Parcel]) -> Iterator[bytes]:
    from ray.data import TaskPoolStrategy

    # The encoders hold all CPUs, and may wait for what is cleaned: this must never wait for them.
    return _mapped(
        [pack(list(parcel)) for parcel in parcels],
        _finish,
        fn_args=(replace(options, on_utc=_told_nobody), _version()),
        compute=TaskPoolStrategy(_workers()),
        num_cpus=0,
        max_retries=-1,
    )


def _told_nobody(source: str, moment: object) -> None:
    """Stands for the caller's ``on_utc`` on the way to a worker."""


def _version() -> str:
    """Of the program: another one may clean otherwise."""
    try:
        return version("gisa")
    except PackageNotFoundError:
        return "that is not installed"


def _finish(rows: Mapping[str, Any], options: ReadOptions, expected: str) -> dict[str, Any]:
    """A task: what is found in each piece of a parcel, and what its caller is to be told."""
    if _version() != expected:
        raise ValueError(f"a worker has gisa {_version()}, but here is {expected}")
    marks, messages = list[tuple[str, Any]](), _Messages()
    options = replace(options, on_utc=lambda source, moment: marks.append((source, moment)))
    with messages.collected():
        found = [
            [one for piece in unpack(packed) for one in finished(piece, options)]
            for packed in unpack(rows["row"][0])
        ]
    return _row(pack([found, marks, messages.told]))


def _told_here(answer: bytes, options: ReadOptions) -> Sequence[Sequence[Found]]:
    """What is found in each piece; what the worker had to say is said here."""
    found: Sequence[Sequence[Found]]
    found, marks, messages = unpack(answer)
    for source, moment in marks:
        options.on_utc(source, moment)
    for name, level, text in messages:
        logging.getLogger(name).log(level, "%s", text)
    return found


class _Messages(logging.Handler):
    """Keeps what the readers log: logger, level and text."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append((record.name, record.levelno, self.format(record)))

    @contextmanager
    def collected(self) -> Iterator[None]:
        readers = logging.getLogger("index")
        readers.addHandler(self)
        try:
            yield
        finally:
            readers.removeHandler(self)


# --- from articles to what is stored ---------------------------------------------------------


def _prepared(parts: Parts, window: Sequence[Batch]) -> Iterator[Sequence[IndexedArticle]]:
    """Every batch of a window; those without articles don't travel."""
    from ray.data import ActorPoolStrategy

    rows = [pack(batch) for batch in window if batch.articles]
    pool = ActorPoolStrategy(min_size=1, max_size=max(1, min(_workers(), len(rows))))
    again = {"max_restarts": -1, "max_task_retries": -1}
    answers: Iterator[bytes] = iter(())
    if rows:
        answers = _mapped(rows, _Preparer, fn_constructor_args=(parts,), compute=pool, **again)
    for batch in window:
        yield unpack_indexed(next(answers), batch.articles) if batch.articles else []


class _Preparer:
    """An actor. Its batch is a row; the encoder makes its own batches of it, by tokens."""

    def __init__(self, parts: Parts) -> None:
        self._prepare = Preparation(parts.embedder(), parts.analyser(), parts.chunking)
        self._expected = parts.recipe

    def __call__(self, rows: Mapping[str, Any]) -> dict[str, Any]:
        if self._prepare.recipe != self._expected:
            raise ValueError(f"a worker has {self._prepare.recipe}, but here is {self._expected}")
        batch: Batch = unpack(rows["row"][0])
        prepared = self._prepare(batch)
        return _row(pack_indexed(_fingerprinted(prepared)))


def _fingerprinted(items: Iterable[IndexedArticle]) -> Iterator[IndexedArticle]:
    return (replace(item, fingerprint=fingerprint(item.article.body)) for item in items)


def _row(content: bytes) -> dict[str, Any]:
    """A batch of one row, of a type that needs no pickling."""
    row = np.empty(1, dtype=object)
    row[0] = content
    return {"row": row}
