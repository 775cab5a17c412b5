"""What the tests of the program need from outside."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def package_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where pip reaches no package index to install from."""
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary=:all:", "--retries", "1", "--timeout", "20"),
            *("--dest", str(tmp_path_factory.mktemp("index")), "hatchling"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        said = asked.stderr.strip().splitlines() or ["it does not say why"]
        pytest.skip(f"pip reaches no package index: {said[-1]}")
