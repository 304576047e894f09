"""The analyser that all of a process share: loading Kiwi takes seconds and 300 MB, so it happens once, and early."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from index.korean import KoreanAnalyser

_Dictionary = tuple[Path, int, int] | None
"""A file in the state in which it was read: its path, nanoseconds of its last change, bytes."""

_lock = Lock()
_loaded: dict[_Dictionary, Future[KoreanAnalyser]] = {}


def begin_loading(dictionary: Path | None = None, *, workers: int | None = None) -> None:
    """Load the shared analyser beside what the caller does next, unless that has begun.

    ``dictionary`` and ``workers`` are those of ``KoreanAnalyser``; whoever begins chooses the workers.
    """
    _loading(dictionary, workers)


def shared_analyser(dictionary: Path | None = None) -> KoreanAnalyser:
    """The shared analyser with the words of this dictionary, once it is loaded.

    A dictionary that has changed since is read again, by an analyser of its own. Raises DictionaryUnusable.
    """
    return _loading(dictionary).result()


def _loading(dictionary: Path | None, workers: int | None = None) -> Future[KoreanAnalyser]:
    state = _state_of(dictionary)
    with _lock:
        known = _loaded.get(state)
        if known is None or (known.done() and known.exception()):
            _loaded.clear()  # one is enough to hold
            beside = ThreadPoolExecutor(1, thread_name_prefix="gisa-kiwi")
            _loaded[state] = beside.submit(KoreanAnalyser, workers=workers, dictionary=dictionary)
            beside.shutdown(wait=False)
        return _loaded[state]


def _state_of(dictionary: Path | None) -> _Dictionary:
    if dictionary is None:
        return None
    try:
        state = dictionary.stat()
    except OSError:  # loading it says so
        return dictionary, 0, 0
    return dictionary, state.st_mtime_ns, state.st_size
