"""A PostgreSQL server of Debian's on a free port of loopback, with its data in a folder of the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from service.storage import PostgresUrl

UNPRIVILEGED = ("postgres", "nobody")
"""Who may run it in place of root, which it refuses."""

INITDB = (
    *("--pgdata", "data", "--username", "gisa", "--auth", "scram-sha-256", "--pwfile", "password"),
    *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
)


def missing() -> str | None:
    """Why there can be no server here; None if there can."""
    if _program("initdb") is None or _program("postgres") is None:
        return "PostgreSQL's server is not installed"
    if os.geteuid() == 0 and _account() is None:
        return "PostgreSQL can't be run as root, and there is no other account"
    return None


def _program(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))


def _account() -> str | None:
    """Who runs it in place of root; None: this process's own account."""
    known = {entry.pw_name for entry in pwd.getpwall()} if os.geteuid() == 0 else set()
    return next((name for name in UNPRIVILEGED if name in known), None)


class PostgresServer:
    """``start`` and ``stop`` as often as wanted; the data and the port stay. The password has odd characters."""

    password = "p@ss/w:rd?#%"

    def __init__(self, folder: Path) -> None:
        """Make the data in ``folder``, to which the account that runs the server needs a way."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "password").write_text(self.password + "\n", "utf-8")
        if account := _account():
            shutil.chown(folder, account)
            shutil.chown(folder / "password", account)
        subprocess.run(
            [str(_program("initdb")), *INITDB],
            user=_account(),
            cwd=folder,
            check=True,
            capture_output=True,
        )
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            self.port: int = listening.getsockname()[1]

    @property
    def url(self) -> str:
        """Its address, as a setting has it."""
        return f"postgresql://gisa:p%40ss%2Fw%3Ard%3F%23%25@127.0.0.1:{self.port}/postgres"

    @property
    def place(self) -> PostgresUrl:
        """Its address, as a store takes it."""
        return PostgresUrl.parse(self.url)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_program("postgres")), "-D", "data", "-p", str(self.port), *settings],
                user=_account(),
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        while not self._is_ready():
            assert self._process.poll() is None, (self._folder / "log").read_text("utf-8")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
        except OSError:
            return False
        return (self._folder / "data/postmaster.pid").read_text("utf-8").split()[-1] == "ready"

    def stop(self) -> None:
        """Stop it; clients lose their connections."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # a fast shutdown
        self._process.wait(30)
        self._process = None

    @property
    def pid(self) -> int:
        """The id of the server's first process."""
        assert self._process is not None
        return self._process.pid
