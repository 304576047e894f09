"""Two replicas behind Debian's nginx over Debian's PostgreSQL, as plain processes; one is killed under load."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import small_index
from postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parent.parent
QUESTION = {"question": "트램 1호선 총사업비는 얼마인가요?"}
CALLERS, QUESTIONS, KILL_AFTER = 4, 120, 40
LEFT_ALONE_S = 5
"""How long the proxy passes by a replica that failed: ``fail_timeout`` of scripts/deploy/nginx.conf."""
EVENTS = {"accept": "text/event-stream"}


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        bound = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in bound]


@dataclass
class Deployment:
    """The proxy's address, and the replicas with theirs."""

    url: str
    ports: list[int]
    environment: dict[str, str]
    replicas: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, port: int) -> None:
        command = [sys.executable, str(Path(__file__).with_name("replica.py")), str(port)]
        self.replicas[port] = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait_for(self, url: str) -> None:
        until = time.monotonic() + 240  # a busy machine takes a minute for two
        while time.monotonic() < until:
            assert all(each.poll() is None for each in self.replicas.values())
            try:
                if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(f"{url} is not ready")


@pytest.fixture(scope="module")
def deployment(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("replicas")
    small_index.build(folder / "index")
    proxy, *ports = free_ports(3)
    others = {name: v for name, v in os.environ.items() if not name.startswith("GISA_")}
    environment = others | {
        "GISA_INDEX": str(folder / "index"),
        "GISA_FEEDBACK": postgres_server.url,
        "GISA_RATE_LIMIT_STORE": postgres_server.url,
        "GISA_RATE_LIMIT_PER_MINUTE": "100000",
        "GISA_DESK_DAYS": "7",
        "FORWARDED_ALLOW_IPS": "*",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    }
    deployed = Deployment(f"http://127.0.0.1:{proxy}", ports, environment)
    config = (ROOT / "scripts/deploy/nginx.conf").read_text("utf-8")
    config = config.replace("listen 8080", f"listen 127.0.0.1:{proxy}")
    config = re.sub(r"/tmp/", f"{folder}/", config)  # noqa: S108
    for number, port in enumerate(ports, 1):
        config = config.replace(f"api-{number}:8000", f"127.0.0.1:{port}")
    (folder / "nginx.conf").write_text(f"daemon off;\n{config}", "utf-8")
    for port in ports:
        deployed.start(port)
    started = subprocess.Popen([nginx, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        for port in ports:
            deployed.wait_for(f"http://127.0.0.1:{port}")
        deployed.wait_for(deployed.url)
        yield deployed
    finally:
        for process in (started, *deployed.replicas.values()):
            process.terminate()
            process.wait(20)


@pytest.mark.usefixtures("postgres")
def test_what_one_replica_answered_the_other_takes_a_rating_for(deployment: Deployment) -> None:
    one, other = (f"http://127.0.0.1:{port}" for port in deployment.ports)
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.post(f"{one}/v1/ask", json=QUESTION).json()
        rating = {"answer_id": answer["id"], "rating": "up"}
        until = time.monotonic() + 20  # the first writes once a second
        while client.post(f"{other}/v1/feedback", json=rating).status_code != 204:
            assert time.monotonic() < until
            time.sleep(0.2)


def test_events_come_through_the_proxy_as_they_happen(deployment: Deployment) -> None:
    slow = {"question": "느린 트램 1호선 총사업비는 얼마인가요?"}
    with (
        httpx.Client(trust_env=False, timeout=30) as client,
        client.stream("POST", f"{deployment.url}/v1/ask", json=slow, headers=EVENTS) as reply,
    ):
        for line in reply.iter_lines():  # the answer itself would take a minute
            if line == "event: sentence":
                break
            assert line != "event: done"
        else:
            raise AssertionError("the stream ended")


def test_figures_are_not_told_through_the_proxy(deployment: Deployment) -> None:
    assert httpx.get(f"{deployment.url}/metrics", trust_env=False).status_code == 404
    assert httpx.get(f"{deployment.url}/healthz", trust_env=False).status_code == 200


def test_no_question_is_lost_when_a_replica_is_killed(deployment: Deployment) -> None:
    outcomes: Counter[str] = Counter()
    victim = deployment.replicas[deployment.ports[0]]

    def ask(number: int) -> None:
        if number == KILL_AFTER:
            victim.kill()
        try:
            with httpx.Client(trust_env=False, timeout=60) as client:
                reply = client.post(f"{deployment.url}/v1/ask", json=QUESTION)
            outcomes[f"status {reply.status_code}"] += 1
        except httpx.HTTPError as error:
            outcomes[type(error).__name__] += 1

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(ask, range(QUESTIONS)))
    assert outcomes == {"status 200": QUESTIONS}
    failed_at = time.monotonic()
    victim.wait(20)
    deployment.start(deployment.ports[0])
    deployment.wait_for(f"http://127.0.0.1:{deployment.ports[0]}")
    time.sleep(max(0, failed_at + LEFT_ALONE_S + 1 - time.monotonic()))


def test_no_stream_ends_without_saying_so(deployment: Deployment) -> None:
    """What had begun can't be put again: the caller sees that the stream broke off, and others go on."""
    ended: Counter[str] = Counter()
    victim = deployment.replicas[deployment.ports[1]]

    def stream(number: int) -> None:
        if number == KILL_AFTER:
            victim.kill()
        try:
            with (
                httpx.Client(trust_env=False, timeout=60) as client,
                client.stream(
                    "POST", f"{deployment.url}/v1/ask", json=QUESTION, headers=EVENTS
                ) as reply,
            ):
                lines = list(reply.iter_lines())
            ended["done" if "event: done" in lines else "cut without an error"] += 1
        except httpx.RemoteProtocolError:
            ended["broken off"] += 1

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(stream, range(QUESTIONS)))
    assert ended["done"] >= QUESTIONS - CALLERS
    assert ended["done"] + ended["broken off"] == QUESTIONS
