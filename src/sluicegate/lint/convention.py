"""The application's naming convention, read off what env.py imports: constraints without a name get theirs by it."""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_KEYS = frozenset({"ix", "uq", "ck", "fk", "pk"})
_MOST_MODULES = 300  # an application may be large; the metadata is near env.py
_LEVELS_UP = 6


def naming_convention(environment: Path, folders: Sequence[Path] = ()) -> Mapping[str, str]:
    """Return ``MetaData(naming_convention=…)`` of the module nearest to env.py, by imports; nothing is executed.

    Args:
        environment: env.py.
        folders: where the application's packages may lie, beside the folders above env.py.
    """
    roots = tuple(dict.fromkeys((*folders, *environment.resolve().parents[:_LEVELS_UP])))
    waiting, seen = deque([environment.resolve()]), {environment.resolve()}
    while waiting and len(seen) <= _MOST_MODULES:
        path = waiting.popleft()
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            continue
        for value in _conventions(tree):
            if (found := _read(value, tree)) or (found := _read(value, _origin(value, tree, path, roots))):
                return found
        for file in _imports(tree, path, roots):
            if file not in seen:
                seen.add(file)
                waiting.append(file)
    return {}


def _conventions(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what a module gives ``MetaData`` for its convention."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "MetaData":
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "naming_convention")
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Attribute) and target.attr == "naming_convention" for target in node.targets
        ):
            yield node.value


def _read(value: ast.expr, tree: ast.Module | None) -> dict[str, str]:
    """Read a dictionary, or the one that a module assigns to a name."""
    if isinstance(value, ast.Name) and tree is not None:
        assigned = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value is not None
            and any(
                isinstance(target, ast.Name) and target.id == value.id
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            )
        ]
        value = assigned[-1] if assigned else value
    if not isinstance(value, ast.Dict):
        return {}
    return {
        key.value: template.value
        for key, template in zip(value.keys, value.values, strict=True)
        if isinstance(key, ast.Constant)
        and key.value in _KEYS
        and isinstance(template, ast.Constant)
        and isinstance(template.value, str)
    }


def _origin(value: ast.expr, tree: ast.Module, path: Path, roots: Sequence[Path]) -> ast.Module | None:
    """Return the module that a name was imported from."""
    if isinstance(value, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and any((one.asname or one.name) == value.id for one in node.names):
                for file in _files(_absolute(node), roots, path):
                    try:
                        return ast.parse(file.read_text(encoding="utf-8"))
                    except (OSError, SyntaxError, ValueError):
                        continue
    return None


def _imports(tree: ast.Module, path: Path, roots: Sequence[Path]) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield from _files(one.name, roots, path)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node)
            for one in node.names:
                yield from _files(f"{module}.{one.name}", roots, path)
            yield from _files(module, roots, path)


def _absolute(node: ast.ImportFrom) -> str:
    """Return a module's name; a relative one begins with as many dots as Python wants."""
    return "." * node.level + (node.module or "")


def _files(module: str, roots: Sequence[Path], importer: Path) -> Iterator[Path]:
    name = module.lstrip(".")
    level = len(module) - len(name)
    starts = (importer.parents[level - 1],) if 0 < level <= len(importer.parents) else roots
    parts = [part for part in name.split(".") if part]
    for start in starts:
        for file in (start.joinpath(*parts).with_suffix(".py"), start.joinpath(*parts, "__init__.py")):
            if parts and file.is_file():
                yield file
                return
