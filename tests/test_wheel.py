"""A wheel, installed in an environment of its own and used from outside the tree."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from index.model_cache import default_cache_dir

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("index", "service")
ARTICLES = ROOT / "tests/corpus/articles/haedam-ilbo-a.jsonl"
QUESTION = "한서율 재선 득표율은?"

Gisa = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree, so that the tree keeps clean."""
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    run_pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", copy / "dist", copy)
    (built,) = (copy / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel, and with the dependencies that are installed here.

    They are found by a .pth file. What such a file leads to is not searched for more of them, so
    the link to this tree that an editable installation leaves there is not followed.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=os.name != "nt")
    paths = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    here = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    (packages / "dependencies.pth").write_text("\n".join(sorted(here)) + "\n", "utf-8")
    run_pip("--python", home, "install", "--no-deps", "--no-index", "--ignore-installed", wheel)
    return home


@pytest.fixture(scope="module")
def elsewhere(bundled_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder; asking for the model here has it unpacked once for all tests."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def gisa(environment: Path, elsewhere: Path) -> Gisa:
    """Runs the installed command outside the tree, and waits for it."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command(environment), *words],
            cwd=elsewhere,
            env=outside(elsewhere),
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope="module")
def filled(gisa: Gisa, elsewhere: Path) -> Path:
    """The default place of the index, with a few articles."""
    done = gisa("index", "add", ARTICLES)
    assert done.returncode == 0, done.stderr
    return elsewhere / "var/index"


def command(environment: Path) -> Sequence[Path]:
    """The installed ``gisa``."""
    return [environment / ("Scripts" if os.name == "nt" else "bin") / "gisa"]


def outside(home: Path) -> dict[str, str]:
    """The variables of a user's shell: nothing in them leads to the tree, or sets gisa."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GISA_", "PYTHON", "VIRTUAL_ENV"))
    }
    return kept | {"HOME": str(home), "GISA_CACHE": str(default_cache_dir()), "PYTHONUTF8": "1"}


def run_pip(*words: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_every_file_of_the_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix not in (".md", ".pyc"):
                assert path.relative_to(ROOT).as_posix() in held
    assert {name.partition("/")[0] for name in held if ".dist-info/" not in name} == set(PACKAGES)


def test_it_is_not_the_tree_that_runs(environment: Path, elsewhere: Path) -> None:
    program = "import index, service, numpy; print(index.__file__, service.__file__, sep='\\n')"
    done = subprocess.run(
        [command(environment)[0].with_name("python"), "-c", program],
        cwd=elsewhere,
        env=outside(elsewhere),
        capture_output=True,
        text=True,
        check=True,
    )
    for path in done.stdout.split():
        assert Path(path).is_relative_to(environment)


def test_what_needs_no_index(gisa: Gisa) -> None:
    assert gisa("--version").stdout.startswith("gisa 0")
    for words in (["slack", "--help"], ["eval", "run", "--help"]):
        done = gisa(*words)
        assert done.returncode == 0, done.stderr
        assert "Usage: gisa" in done.stdout
    assert gisa("slack", "--manifest").stdout.startswith(("display_information:", "#", "_meta"))


def test_without_an_index_it_says_how_to_make_one(gisa: Gisa) -> None:
    done = gisa("ask", QUESTION, "--index", "nowhere")
    assert done.returncode == 3
    assert "gisa index add" in done.stderr


@pytest.mark.slow
def test_ask(gisa: Gisa, filled: Path) -> None:
    done = gisa("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    assert "54.2%" in done.stdout
    assert "해담일보" in done.stdout


@pytest.mark.slow
def test_eval_run(gisa: Gisa, filled: Path, elsewhere: Path) -> None:
    questions = elsewhere / "questions.jsonl"
    row = {"id": "q", "question": QUESTION, "answers": ["54.2%"], "article_ids": [first_id()]}
    questions.write_text(json.dumps(row) + "\n", "utf-8")
    done = gisa(
        *("eval", "run", "--index", filled, "--questions", questions),
        *("--json", "report.json", "--report", "report.html"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((elsewhere / "report.json").read_text("utf-8"))
    assert report["retrieval"]
    assert "<html" in (elsewhere / "report.html").read_text("utf-8")


def first_id() -> str:
    first: str = json.loads(ARTICLES.read_text("utf-8").splitlines()[0])["id"]
    return first


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_serve(environment: Path, elsewhere: Path, filled: Path) -> None:
    port = free_port()
    serve = [*command(environment), "serve", "--port", str(port)]
    with (
        (elsewhere / "log").open("wb") as log,
        subprocess.Popen(serve, cwd=elsewhere, env=outside(elsewhere), stderr=log) as server,
    ):
        try:
            wait_until_ready(server, port)
            assert fetch(port, "GET", "/healthz")[0] == 200
            assert b"<html" in fetch(port, "GET", "/")[1]
            status, body = fetch(port, "POST", "/v1/ask", {"question": QUESTION})
            assert status == 200
            assert "54.2%" in json.loads(body)["sentences"][0]["text"]
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(60) in (0, -signal.SIGTERM), (elsewhere / "log").read_text("utf-8")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(1200):
        assert server.poll() is None
        try:
            if fetch(port, "GET", "/readyz")[0] == 200:
                return
        except ConnectionError:
            pass
        time.sleep(0.1)
    pytest.fail("the server did not become ready")


def fetch(port: int, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
