"""A real server that is told to stop while it answers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import small_index

TESTS = Path(__file__).resolve().parent

SERVER = """
import sys
from contextlib import closing
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
import uvicorn
from live_server import MoodyBackend
from small_index import open_small
from service.answer import Answerer
from service import create_app
from service.settings import load_settings

index = open_small(Path({index!r}))
answerer = Answerer(index, {{"moody": MoodyBackend()}}, default_backend="moody")
app = create_app(load_settings(), answerer=answerer)
app.state.shutdown.grace_s = 0.2

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)

Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=10)).run()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_a_stream_under_way_ends_with_a_word(tmp_path: Path) -> None:
    small_index.build(tmp_path / "index")
    script = SERVER.format(root=str(TESTS.parent), tests=str(TESTS), index=str(tmp_path / "index"))
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        body = json.dumps({"question": "느린 트램의 총사업비는?"})
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("POST", "/v1/ask", body, headers)
            with connection.getresponse() as reply:
                while b"event: sentence" not in reply.readline():
                    pass
                os.kill(server.pid, signal.SIGTERM)
                rest = reply.read().decode()  # to the end, which is a proper one
        assert server.wait(30) in (0, -signal.SIGTERM)
    assert rest.count("event: error") == 1
    assert '"code":"shutting_down"' in rest
    assert rest.endswith("\n\n")
