"""The files around a migration: backfills, paths that comments name, and what env.py sets without being run."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BACKFILLS = "backfills"
"""The folder of backfills, below the project's."""

_SKIPPED = frozenset({"node_modules", "site-packages", "venv", "__pycache__"})
_MOST_FILES = 200_000  # beyond this a folder is no project, and a path in a comment not worth the search

_BACKFILL_FILE = re.compile(r"(?P<revision>[^_.][^_]*)_.+\.py")
_SET = re.compile(
    r"(?P<name>lock_timeout|statement_timeout)\s*(?:=|\bto\b)\s*'?(?P<value>\d+\s*(?:ms|s|min|h)?)\b", re.I
)


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """A project on disk; ``folders`` are where relative paths in comments may start."""

    root: Path
    folders: tuple[Path, ...] = ()

    def backfills(self) -> Mapping[str, str]:
        """Return the backfills by the revision each one serves, with their files."""
        folder = self.root / BACKFILLS
        files = sorted(folder.glob("*.py")) if folder.is_dir() else []
        found = ((_BACKFILL_FILE.fullmatch(path.name), path) for path in files)
        return {match["revision"]: f"{BACKFILLS}/{path.name}" for match, path in found if match}

    def holds(self, path: str) -> bool:
        """Tell whether a path that a comment names exists below the project, or is the end of a path that does."""
        if any((start / path).exists() for start in (self.root, *self.folders)):
            return True
        ending = "/" + path.lstrip("./")
        return any(
            f"{start.resolve().as_posix()}/{found}".endswith(ending)
            for start in (self.root, *self.folders)
            for found in _files(start)
        )


@cache
def _files(root: Path) -> tuple[str, ...]:
    """Return the files below a folder, relative to it, without those that tools put there."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        relative = Path(folder).relative_to(root).as_posix()
        found += [name if relative == "." else f"{relative}/{name}" for name in files]
        if len(found) > _MOST_FILES:
            break
    return tuple(found)


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """What env.py says plainly; it is read, never run.

    Attributes:
        transaction_per_migration: whether it passes ``transaction_per_migration=True``.
        settings: the timeouts that its SQL or connection options set.
    """

    transaction_per_migration: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


def read_environment(path: Path) -> EnvironmentFile:
    """Read an env.py; one that cannot be read says nothing."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return EnvironmentFile()
    per_migration = any(
        keyword.arg == "transaction_per_migration"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    )
    return EnvironmentFile(per_migration, dict(_settings(tree)))


def _settings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            for match in _SET.finditer(node.value):
                yield match["name"].lower(), match["value"].strip()
