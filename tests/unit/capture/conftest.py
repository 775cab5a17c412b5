"""Tiny Alembic projects, copied before use, and what capturing them gives."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from sluicegate.capture.model import CapturedRevision
from sluicegate.capture.revisions import capture_history

PROJECTS = Path(__file__).parents[2] / "projects"


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CapturedRevision]:
    """Every revision of the project ``capture_history``, by its id."""
    project = tmp_path_factory.mktemp("history")
    shutil.copytree(PROJECTS / "capture_history", project, dirs_exist_ok=True)
    captured = {str(revision.revision): revision for revision in capture_history(project, version=16)}
    assert not (project / "left_behind.txt").exists()
    return captured


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Write an Alembic project: ``project(one="…", two="…")`` chains revisions ``one`` and ``two``.

    A body is the inside of ``upgrade()``; with a line ``revision = …`` in it, it is the whole file.
    """

    def write(*, ini: str = "script_location = %(here)s\n", **bodies: str) -> Path:
        (tmp_path / "alembic.ini").write_text(f"[alembic]\n{ini}")
        versions = tmp_path / "versions"
        versions.mkdir(exist_ok=True)
        before: str | None = None
        for name, body in bodies.items():
            text = textwrap.dedent(body)
            if "revision = " not in text:
                text = (
                    "import sqlalchemy as sa\nfrom alembic import op\n\n"
                    f"revision = {name!r}\ndown_revision = {before!r}\n\n\n"
                    f"def upgrade():\n{textwrap.indent(text, '    ')}"
                )
            (versions / f"{name}.py").write_text(text)
            before = name
        return tmp_path

    return write
