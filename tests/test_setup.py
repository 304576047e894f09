"""What scripts/setup decides, and what it says it will load. Nothing is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread

import pytest
from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import download_size

ROOT = Path(__file__).resolve().parent.parent
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PLATFORM = str(next(sys_tags()))
PINS = download_size.read_pins((ROOT / "constraints.txt").read_text("utf-8"))
TORCH = next(pin for pin in PINS if pin.name == "torch")


class TestWherePyTorchComesFrom:
    def installations(
        self, system: str, *, setting: str | None = None, reachable: bool = True
    ) -> tuple[list[str], str]:
        """The arguments of each call of pip, and what is said."""
        script = f"""
            set -euo pipefail
            . {ROOT}/scripts/setup
            uname() {{ echo {system}; }}
            pip_install() {{ echo "$@"; [[ "$*" != *--index-url* ]] || {str(reachable).lower()}; }}
            install_torch
        """
        others = {name: value for name, value in os.environ.items() if name != "GISA_TORCH_INDEX"}
        chosen = {} if setting is None else {"GISA_TORCH_INDEX": setting}
        done = subprocess.run(
            ["bash", "-c", script], env=others | chosen, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines(), done.stderr

    def test_linux_takes_the_builds_without_gpu_libraries(self) -> None:
        (call,), said = self.installations("Linux")
        assert f"--index-url {CPU_INDEX} torch=={TORCH.version}" in call
        assert "--no-deps" in call  # that index has the pinned version of nothing else
        assert said == ""

    def test_elsewhere_pips_own_index_has_them(self) -> None:
        assert self.installations("Darwin") == ([f"torch=={TORCH.version}"], "")

    def test_the_setting_overrides(self) -> None:
        assert self.installations("Linux", setting="") == ([f"torch=={TORCH.version}"], "")
        for system in ("Linux", "Darwin"):
            (call,), _ = self.installations(system, setting="https://mirror.example/cu126")
            assert "--index-url https://mirror.example/cu126 torch==" in call

    def test_without_that_index_pips_own_is_taken_with_a_warning(self) -> None:
        calls, said = self.installations(
            "Linux", setting="https://me:secret@mirror.example/cpu", reachable=False
        )
        assert calls[1:] == [f"torch=={TORCH.version}"]
        assert "can't be had from mirror.example/cpu" in said
        assert "GB of GPU libraries" in said
        assert "secret" not in said


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """An index with the pages of three packages, the last in HTML without sizes."""
    files = {
        "plain": [
            {"url": "../../f/plain-1.0.tar.gz", "size": 9_000_000},
            {"url": "../../f/plain-1.0-py3-none-any.whl", "size": 2_000_000},
            {"url": "../../f/plain-1.1-py3-none-any.whl", "size": 5_000_000},
        ],
        "native": [
            {"url": "../../f/native-2.0-cp31-cp31-plan9_pdp11.whl", "size": 7_000_000},
            {"url": f"../../f/native-2.0-{PLATFORM}.whl", "size": 30_000_000},
            {"url": "../../f/native-2.0-py3-none-any.whl", "size": 1_000_000},
        ],
    }
    torch = f"torch-{TORCH.version}%2Bcpu-{PLATFORM}.whl#sha256=00"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/simple/").strip("/")
            if name in files:
                body, kind = json.dumps({"files": files[name]}), download_size.ACCEPT.split(",")[0]
            elif name == "torch":
                body, kind = f'<a href="/f/{torch}">torch</a><a href="/x.txt">x</a>', "text/html"
            else:
                self.send_error(404)
                return
            self.reply(len(body), kind)
            self.wfile.write(body.encode())

        def do_HEAD(self) -> None:
            assert self.path.startswith("/f/torch-")
            self.reply(190_000_000, "application/octet-stream")

        def reply(self, length: int, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
        server.shutdown()


class TestHowMuchIsLoaded:
    @pytest.mark.parametrize(
        ("name", "version", "size"),
        [
            ("plain", "1.0", 2_000_000),  # a wheel before the source, and the pinned version
            ("native", "2.0", 30_000_000),  # the wheel for this platform before that for any
            ("native", "3.0", None),
            ("absent", "1.0", None),
            ("torch", TORCH.version, 190_000_000),  # a local version is a build of the pinned one
        ],
    )
    def test_the_file_that_pip_would_take(
        self, index: str, name: str, version: str, size: int | None
    ) -> None:
        pin = download_size.Pin(name, version)
        assert download_size.Index(index).size(pin, download_size.Platform()) == size

    def test_an_index_without_a_connection_is_asked_once(self) -> None:
        index = download_size.Index("http://127.0.0.1:1/simple")
        assert index.size(TORCH, download_size.Platform()) is None
        assert not index.reachable

    def test_what_is_said(self) -> None:
        sizes: dict[str, int | None] = {"torch": 190_400_000, "numpy": 16_000_000}
        assert download_size.describe(sizes) == ("at most 206 MB to load (PyTorch: 190 MB)")
        assert download_size.describe({"numpy": 16_000_000, "torch": None}) == (
            "at most 16 MB to load; not counted, size unknown: torch"
        )
        many: dict[str, int | None] = {f"package-{n}": None for n in range(9)}
        assert download_size.describe(many | {"numpy": 1}).endswith("package-5 and 3 more")
        assert "can't be told" in download_size.describe({"torch": None})
        assert download_size.describe({}) == "nothing is to be loaded"

    def test_only_what_is_missing_counts(
        self, index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:  # fmt: skip
        pins = tmp_path / "constraints.txt"
        pins.write_text(
            f"pytest=={metadata.version('pytest')}\nplain==1.0\nnative==2.0  # dev\n", "utf-8"
        )
        monkeypatch.setattr(download_size, "CONSTRAINTS", pins)
        for extras, said in (((), "at most 2 MB"), (("dev",), "at most 32 MB")):
            download_size.main(index, "", *extras)
            assert capsys.readouterr().out.startswith(said)


def test_the_marks_of_the_pins_tell_which_extra_needs_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    base = needed(project["dependencies"], extras)
    dev = needed(extras["dev"], extras) - base
    for pin in PINS:
        if pin.name in base | dev:
            assert pin.part == ("" if pin.name in base else "dev"), pin.name


def needed(requirements: Iterable[str], extras: dict[str, list[str]]) -> set[str]:
    """Names of what is installed for ``requirements``, with all that these need in turn."""
    seen: set[tuple[str, str]] = set()
    left = [Requirement(text) for text in requirements]
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {e for known, e in seen if known == name}:
            seen.add((name, extra))
            texts = extras.get(extra, []) if name == "gisa" else requires(name)
            left += [
                each
                for each in map(Requirement, texts)
                if each.marker is None or each.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in seen} - {"gisa"}


def requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # not for this platform
        return []
