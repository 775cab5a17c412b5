"""What folders on the command line stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def expanded(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the paths with each folder replaced by the SQL files below it, or else by the Python files in it.

    Folders whose names begin with a dot are left out, and so is ``__init__.py``. SQL files come in the order of their
    paths, which is the order in which every layout of numbered files runs.

    Raises:
        UsageError: a folder holds neither.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        files = sorted(f for f in path.rglob("*.sql") if not _hidden(f.relative_to(path)) and f.is_file())
        files = files or sorted(f for f in path.glob("*.py") if f.name != "__init__.py")
        if not files:
            raise UsageError(
                f"The folder {path} holds no .sql file and no revision.",
                hint="To judge an Alembic environment, name it with --config or --migrations.",
            )
        found += files
    return tuple(found)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
