"""Public Alembic histories are read without their applications, and nothing in them is passed over silently.

Each history comes from its project's wheel on the package index, downloaded once into a cache folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from sluicegate.capture.location import find_script_location
from sluicegate.capture.model import CapturedRevision, CaptureMode
from sluicegate.capture.revisions import capture_history

pytestmark = pytest.mark.network

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluicegate-tests"


def unpacked(project: str) -> Path:
    """Return the folder of a project's wheel, downloaded and unpacked when it is not there yet."""
    target = CACHE / project
    if not (target / "complete").exists():
        target.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        download += ["--retries", "1", "--timeout", "60"]
        result = subprocess.run(
            [*download, "--disable-pip-version-check", "--dest", str(target), project],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = sorted(target.glob("*.whl"))
        if result.returncode != 0 or not wheels:
            pytest.skip(f"{project} cannot be downloaded from the package index: {result.stderr.strip()[-200:]}")
        with zipfile.ZipFile(wheels[-1]) as wheel:
            wheel.extractall(target, [name for name in wheel.namelist() if not name.endswith((".js", ".map", ".png"))])
        (target / "complete").touch()
    return target


@pytest.mark.parametrize(
    ("project", "migrations", "least"),
    [
        ("apache-airflow-core", "airflow/migrations", 120),
        ("langflow-base", "langflow/alembic", 160),
        ("arize-phoenix", "phoenix/db/migrations", 30),
        ("mlflow", "mlflow/store/db_migrations", 60),
    ],
)
def test_a_public_history_is_read(project: str, migrations: str, least: int) -> None:
    where = find_script_location(migrations=unpacked(project) / migrations)
    history = capture_history(where, version=16)
    assert len(history) >= least
    modes = Counter(revision.mode for revision in history)
    unreadable = [(revision.file, revision.reason) for revision in history if revision.mode is CaptureMode.UNREADABLE]
    assert modes[CaptureMode.RECORDED] / len(history) >= 0.7
    assert len(unreadable) / len(history) <= 0.01, unreadable
    for revision in history:
        assert_honest(revision)


def assert_honest(revision: CapturedRevision) -> None:
    """A revision that is not fully read says why; every statement of one that is has its place in the source."""
    if revision.mode is not CaptureMode.RECORDED:
        assert revision.reason
    for statement in revision.statements:
        assert statement.location.line >= 1
        if statement.location.file == revision.file:
            assert statement.location.end_line <= len(revision.source.splitlines())
        assert not re.search(r"%\(\w+\)s", statement.sql)
