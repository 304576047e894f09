"""A real gRPC server for tests: milvus-lite as a process of its own, on 127.0.0.1."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


class MilvusServer:
    """Runs from construction to ``stop``; ``start`` runs it again over the same data, at the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        options = [
            "--data-dir",
            str(self._folder),
            "--host",
            "127.0.0.1",
            "--port",
            str(self._port),
        ]
        program = str(Path(sys.executable).with_name("milvus-lite"))
        self._process = subprocess.Popen(
            [program, "server", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not self._listens():
            assert self._process.poll() is None, "milvus-lite ended by itself"
            assert time.monotonic() < deadline, "milvus-lite does not listen"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)
        self._process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=0.5).close()
        except OSError:
            return False
        return True
