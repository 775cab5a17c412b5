"""The parts import downwards only, talk to the outside only where they may, and the wheel holds only the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "sluicegate"

# Lowest first; a part may import its own tier and every tier below it. Within a tier the order is free.
TIERS = (
    {"errors", "findings", "settings"},
    {"statements"},
    {"catalog"},
    {"effects", "capture"},
    {"rules", "rule_authoring", "embedding", "snapshot"},
    {"lint", "dryrun", "verify", "backfill"},
    {"rollout"},
    {"cli", "admin"},
    {"pytest_plugin"},
)
RANK = {part: rank for rank, tier in enumerate(TIERS) for part in tier}

# `pg` and `store` stand beside the tiers, for those who talk to a server; `render` shows what lint and dryrun found.
TALKS_TO_A_SERVER = {"pg", "store", "snapshot", "dryrun", "verify", "backfill", "rollout", "cli", "admin"}
BESIDE = {
    "pg": {"errors", "pg", "settings"},
    "store": {"errors", "pg", "store"},
    "render": {
        "errors",
        "findings",
        "settings",
        "statements",
        "effects",
        "capture",
        "catalog",
        "rules",
        "lint",
        "dryrun",
        "render",
    },
}
MAY_IMPORT = {
    "psycopg": {"pg", "store", "snapshot", "dryrun", "verify", "backfill", "rollout"},
    "alembic": {"capture", "rollout", "dryrun"},
    "sqlalchemy": {"capture", "rollout", "dryrun"},
}
# What initialises a user's repository reads its Alembic configuration.
EXCEPTIONS = {("cli/init.py", "alembic")}


def modules() -> Iterator[Path]:
    """Yield every module of the package."""
    yield from sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def part_of(path: Path) -> str:
    """Return the part a module belongs to: its folder below the package, or its own name."""
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def allowed(importer: str, imported: str) -> bool:
    """Tell whether one part may import another."""
    if imported in {"pg", "store"}:
        return importer in TALKS_TO_A_SERVER
    if importer in BESIDE:
        return imported in BESIDE[importer]
    if imported == "render":
        return importer in {"cli", "admin"}
    return RANK[imported] <= RANK[importer]


def test_parts_import_downwards_only() -> None:
    wrong = []
    for path in modules():
        importer = part_of(path)
        if importer in {"__init__", "__main__", "testing"}:
            continue
        for name in imports(path):
            if name.startswith("sluicegate."):
                imported = name.split(".")[1]
                if not allowed(importer, imported):
                    wrong.append(f"{path.relative_to(SOURCE)} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_outside_packages_are_imported_only_where_they_belong(package: str) -> None:
    wrong = [
        str(path.relative_to(SOURCE))
        for path in modules()
        if part_of(path) not in MAY_IMPORT[package]
        and (str(path.relative_to(SOURCE)), package) not in EXCEPTIONS
        and any(name.split(".")[0] == package for name in imports(path))
    ]
    assert wrong == []


def test_nothing_prints_below_the_command_line() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in modules()
        if part_of(path) not in {"cli", "render"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert wrong == []


def test_every_module_says_why_it_exists() -> None:
    silent = [
        str(path.relative_to(SOURCE))
        for path in modules()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) and path.stat().st_size
    ]
    assert silent == []


def test_no_module_is_longer_than_a_sitting_without_a_reason() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    long = [
        name
        for path in modules()
        if len(path.read_text(encoding="utf-8").splitlines()) > 400
        and (name := str(path.relative_to(ROOT / "src"))) not in architecture
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert [str(path) for path in modules() if path.stem in empty_words or path.parent.name in empty_words] == []


@pytest.mark.parametrize("arguments", [["--help"], ["lint", "--help"], ["lint", "-"], ["explain", "-c", "SELECT 1"]])
def test_judging_sql_loads_neither_sqlalchemy_nor_a_driver(arguments: list[str]) -> None:
    program = (
        "import sys; from sluicegate.cli import run; run(sys.argv[1:]);"
        "print(sorted({'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], input="SELECT 1;\n", capture_output=True, text=True, check=True
    )
    assert result.stderr.splitlines()[-1] == "[]"
