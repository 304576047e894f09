"""Both READMEs say the same, and their commands work."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from index.embedding import SentenceTransformerEmbedder
from index.model_cache import default_cache_dir
from service.cli import app

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.ko.md")


def commands(readme: str) -> list[list[str]]:
    """The ``scripts/run …`` lines of a README's shell blocks, without comments."""
    text = (ROOT / readme).read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    ours = [line for line in lines if line.startswith("scripts/run")]
    return [shlex.split(line, comments=True)[1:] for line in ours]


@pytest.fixture(scope="module")
def loaded_once(embedder: SentenceTransformerEmbedder) -> Iterator[None]:
    """The commands run in one process and share what takes seconds to load."""
    from service import wiring

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "build_embedder", lambda _: embedder)
        yield


@pytest.fixture(scope="module")
def index(loaded_once: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a few articles of the sample corpus, with the bundled model."""
    path = tmp_path_factory.mktemp("readme")
    source = ROOT / "tests/corpus/articles/haedam-ilbo-a.jsonl"
    result = CliRunner().invoke(app, ["index", "add", str(source), "--index", str(path)])
    assert result.exit_code == 0, result.output
    return path


def test_both_have_the_same_commands_and_figures() -> None:
    english, korean = map(commands, READMES)
    assert english == korean
    assert len(english) >= 7
    figures = [
        re.findall(r"nDCG@10 \.\d+|`scripts/\S+\.py", (ROOT / name).read_text("utf-8"))
        for name in READMES
    ]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("words", commands("README.md"), ids=" ".join)
def test_commands_work(
    words: list[str], index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if words[:1] in ([], ["serve"]):
        words = ["serve", "--help"]
    monkeypatch.setenv("GISA_INDEX", str(index))
    # Told before the home changes, so that no command unpacks and converts the model anew.
    monkeypatch.setenv("GISA_CACHE", str(default_cache_dir()))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "articles").mkdir()
    if words[:2] == ["index", "add"]:
        words = [
            str(ROOT / "tests/corpus/articles/citizen-news/a-22.txt") if w == "~/articles" else w
            for w in words
        ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.output.strip()


def test_what_the_readmes_point_at_exists() -> None:
    for readme in READMES:
        text = (ROOT / readme).read_text("utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / target).exists(), target
        for script in re.findall(r"`?scripts/(\w+(?:\.py)?)", text):
            assert (ROOT / "scripts" / script).exists(), script
