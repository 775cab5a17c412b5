"""Projects and servers for dry runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sluicegate.capture.location import find_script_location
from sluicegate.dryrun.report import DryRun
from sluicegate.dryrun.request import Request, Server
from sluicegate.dryrun.scripts import Scripts
from sluicegate.dryrun.upgrade import Environment
from sluicegate.pg.embedded import EmbeddedServer
from sluicegate.render.dryrun import render_text
from sluicegate.snapshot.load import load_catalog

PROJECTS = Path(__file__).resolve().parents[2] / "projects"

MakeRequest = Callable[..., Request]


@pytest.fixture
def make_request(tmp_path: Path) -> MakeRequest:
    """Ask for a dry run of a project below tests/projects, copied first."""

    def make(
        project: str,
        *revs: str,
        at: tuple[str, ...] = (),
        environment: Environment | None = None,
        predict: bool = True,
        driver: str | None = None,
    ) -> Request:
        folder = tmp_path / project
        shutil.copytree(PROJECTS / project, folder, dirs_exist_ok=True)
        if driver is not None:
            (folder / "env.py").write_text(f'URL = "postgresql+{driver}://"\n')
        scripts = Scripts(find_script_location(migrations=folder), working_directory=tmp_path)
        return Request(scripts, environment or Environment(), at, revs, load_catalog if predict else None)

    return make


@pytest.fixture
def place(server: EmbeddedServer) -> Server:
    """Where clones are made, on both versions."""
    return Server(server.url(), server.version, ours=True, described="the test's server")


@pytest.fixture
def place18(server18: EmbeddedServer) -> Server:
    """Where clones are made, on PostgreSQL 18."""
    return Server(server18.url(), 18, ours=True, described="the test's server")


@pytest.fixture
def shown() -> Callable[[DryRun], str]:
    """Render a dry run as plain text with its durations blanked: they are never the same twice."""

    def show(run: DryRun) -> str:
        return re.sub(r" *\d+\.\d ms", lambda match: "…".rjust(len(match[0])), render_text(run))

    return show
