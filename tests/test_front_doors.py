"""The names that other programs import, and how light it is to import them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import index
import service

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("package", [index, service], ids=["index", "service"])
def test_all_names_exist_and_are_sorted(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    kinds = [(0 if n.isupper() else 1 if n[0].isupper() else 2, n) for n in names]
    assert kinds == sorted(kinds)  # constants, classes, functions
    assert all(getattr(package, name) is not None for name in names)


def test_promised_names() -> None:
    promised = {
        "read_articles",
        "open_index",
        "build_index",
        "Article",
        "Passage",
        "Filters",
        "Hit",
    }
    assert promised <= set(index.__all__)
    promised = {"create_app", "Answerer", "Question", "Answer", "Citation", "check_sentence"}
    assert promised <= set(service.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'quux'"):
        _ = service.quux


@pytest.mark.parametrize("module", ["index", "service", "service.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    heavy = "torch transformers sentence_transformers faiss openvino kiwipiepy bm25s trafilatura fastapi"
    code = f"import sys, {module}; print(*sorted(set({heavy.split()!r}) & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""
