"""The HTTP service as a process: uvicorn, and logs as JSON lines on stderr."""

from __future__ import annotations

import gc
import json
import logging
import logging.config
import multiprocessing
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from index import GisaError, begin_loading, processors
from service.errors import SettingsInvalid
from service.serving.keys import keys_of
from service.serving.metrics import MULTIPROCESS_DIR
from service.settings import Settings, load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

GRACEFUL_SHUTDOWN_S = 10
GARBAGE_AFTER = 10_000
"""Objects made and kept before the youngest are looked through; an answer makes that many and frees them itself."""

WORKER_SILENCE_S = 60
"""Seconds that a worker may be silent before it is replaced. On a busy machine starting or answering
takes more than uvicorn's 5 seconds, and workers were killed in the middle of their requests."""


class JsonLines(logging.Formatter):
    """One JSON object per log record; the members of ``extra={"facts": {…}}`` become its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON: time (UTC), level, logger, message, facts, exception."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {name: {"level": "INFO"} for name in ("service", "index", "uvicorn")},
}


def log_as_json() -> None:
    """Make this process log like the HTTP service, for the Slack bot and the MCP server."""
    logging.config.dictConfig(_LOGGING)


def serve(settings: Settings) -> None:
    """Serve until told to stop.

    Raises SettingsInvalid if others could reach it without a key, GisaError if the address is taken.
    """
    refuse_public_address(settings)
    keys_of(settings)  # raises for a wrong one here, not in every worker
    # Each worker is a process that reads the settings itself, so options of the command line are passed on.
    os.environ["GISA_INDEX"], os.environ["GISA_ENGINE"] = str(settings.index), settings.engine
    os.environ["GISA_BACKEND"] = settings.backend
    if settings.embedding_runtime != "torch":
        # Searches already run side by side; a team of OpenMP threads for each would only slow them down.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ExitStack() as stack:
        if settings.workers > 1:  # they add up their figures in files, and share the processors
            os.environ[MULTIPROCESS_DIR] = stack.enter_context(TemporaryDirectory())
            threads = settings.threads or max(1, processors() // settings.workers)
            os.environ["GISA_THREADS"] = str(threads)
            _fork_workers()
        else:
            begin_loading(settings.dictionary)  # beside the modules, which take as long
        _run(settings)


def _fork_workers() -> None:
    """Have uvicorn fork its workers from a process that has loaded what they share, where a system can.

    They are made anew otherwise, as by uvicorn itself: with more memory and a longer start.
    """
    import uvicorn._subprocess

    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["service.preload"])
        vars(uvicorn._subprocess)["spawn"] = context


def _run(settings: Settings) -> None:
    import uvicorn

    try:
        uvicorn.run(
            f"{__name__}:app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            log_config=_LOGGING,
            access_log=False,  # RequestContext writes a line per request
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
            timeout_worker_healthcheck=WORKER_SILENCE_S,
        )
    except SystemExit as stopped:  # uvicorn's statuses are not those of the command
        if stopped.code:
            raise GisaError(
                f"the service could not start on {settings.host}:{settings.port}",
                remedy="The log above says why. To use another port: gisa serve --port PORT",
            ) from None


def app() -> FastAPI:
    """The application of one worker; its settings come from the environment."""
    from service.application import create_app

    made = create_app(load_settings())
    made.state.running.append(_settled())
    return made


@asynccontextmanager
async def _settled() -> AsyncIterator[None]:
    """What is loaded by now stays: with it set apart, looking for garbage no longer holds up answers for a tenth of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    yield


def refuse_public_address(settings: Settings) -> None:
    """Raise SettingsInvalid if other machines could reach the service without keys, unless allowed."""
    if not (settings.is_loopback or settings.auth == "keys" or settings.allow_public):
        raise SettingsInvalid(
            f"GISA_HOST = {settings.host!r} can be reached from other machines, "
            "and there is no authentication",
            remedy="Ask for API keys (GISA_AUTH=keys, gisa key), serve on 127.0.0.1 behind a proxy "
            "that authenticates, or set GISA_ALLOW_PUBLIC=true if everyone may ask.",
        )
