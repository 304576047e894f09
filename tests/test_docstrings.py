"""Every public name of the packages has a docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("index", "service")

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def missing(tree: ast.Module) -> Iterator[str]:
    """Public names of a module that have no docstring, the module itself as ``<module>``.

    The docstring of a Protocol describes its members, that of a class its fields. Nested functions,
    overloads and setters don't count as names.
    """
    if not ast.get_docstring(tree):
        yield "<module>"
    yield from _missing(tree.body, "")


def _missing(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from _missing(node.body + node.orelse, prefix)
        if not isinstance(node, DEFINITIONS) or node.name.startswith("_") or _repeats(node):
            continue
        if not ast.get_docstring(node):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef) and not _is_protocol(node):
            yield from _missing(node.body, f"{prefix}{node.name}.")


def _repeats(node: Definition) -> bool:
    names = [ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list]
    return bool({"overload", "setter", "deleter", "override"} & set(names))


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).split("[")[0] == "Protocol" for base in node.bases)


def _files() -> list[str]:
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def _missing_in(file: str) -> list[str]:
    return list(missing(ast.parse((ROOT / file).read_text("utf-8"))))


@pytest.mark.parametrize("file", _files())
def test_public_names_have_docstrings(file: str) -> None:
    assert _missing_in(file) == []


def test_what_is_missing_is_named() -> None:
    tree = ast.parse(
        "class A:\n  '''a'''\n  def b(self): ...\n  def _c(self): ...\n"
        "  @property\n  def d(self):\n    '''d'''\n"
        "class E(Protocol):\n  '''e'''\n  def f(self): ...\n"
        "def g():\n  def h(): ...\n"
    )
    assert list(missing(tree)) == ["<module>", "A.b", "g"]
