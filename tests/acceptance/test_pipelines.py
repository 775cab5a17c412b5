"""The files for pipelines are valid, and their steps run as they stand, installed from this checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "tests" / "data" / "schemas"
REFUSED = "tests/projects/refused_drop_vector_column"


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("action.yml", "github-action.json"),
        (".pre-commit-hooks.yaml", "pre-commit-hooks.json"),
        ("docs/pipelines/gitlab-ci.yml", "gitlab-ci.json"),
    ],
)
def test_files_for_pipelines_follow_their_published_schemas(file, schema):
    jsonschema.validate(read(file), json.loads((SCHEMAS / schema).read_text()))


class Runner:
    """Runs the steps of action.yml as GitHub does: expressions become environment variables, bash runs the rest."""

    def __init__(self, folder: Path, inputs: dict[str, str]) -> None:
        action = read("action.yml")
        self.steps = action["runs"]["steps"]
        self.values = {f"inputs.{name}": spec.get("default", "") for name, spec in action["inputs"].items()}
        self.values |= {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(ROOT)}
        self.summary, self.output = folder / "summary.md", folder / "output"
        self.folder = folder

    def run(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        given = {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda match: self.values[match[1]], text)
            for name, text in step["env"].items()
        }
        outside = {
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=ROOT,
            env={**os.environ, **given, **outside},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.network
def test_the_actions_steps_install_and_lint_and_report_where_github_looks(package_index, tmp_path):
    sarif = tmp_path / "lint.sarif"
    runner = Runner(tmp_path, {"folder": REFUSED, "sarif": str(sarif), "python": sys.executable})
    install, lint = runner.steps
    installed = runner.run(install)
    assert installed.returncode == 0, installed.stderr
    linted = runner.run(lint)
    assert linted.returncode == 1, linted.stderr
    assert re.search(rf"^::error file={REFUSED}/versions/0005\w+\.py,line=\d+,", linted.stdout, re.MULTILINE)
    assert json.loads(sarif.read_text())["runs"][0]["results"]
    assert runner.summary.read_text().startswith("<!-- sluicegate lint -->\n")
    assert runner.output.read_text() == "exit-code=1\n"


def test_what_an_input_says_is_never_run(tmp_path):
    planted = tmp_path / "planted"
    runner = Runner(tmp_path, {"since": f"$(touch {planted})", "arguments": f"; touch {planted} `touch {planted}`"})
    (tmp_path / "sluicegate" / "bin").mkdir(parents=True)
    (tmp_path / "sluicegate" / "bin" / "sluicegate").symlink_to(Path(sys.executable).parent / "sluicegate")
    done = runner.run(runner.steps[1])
    assert done.returncode == 2
    assert not planted.exists()


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="this is no git checkout")
@pytest.mark.network
def test_the_pre_commit_hooks_judge_what_is_committed(package_index, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(ROOT / "migrations", project / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "safety", project / "safety")
    shutil.copytree(ROOT / "backfills", project / "backfills", ignore=shutil.ignore_patterns("__pycache__"))
    (bad,) = (ROOT / REFUSED / "versions").glob("0005*.py")
    shutil.copy(bad, project / "migrations" / "versions")
    (project / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (project / "change.sql").write_text("CREATE TABLE IF NOT EXISTS fresh (id bigint PRIMARY KEY);\n")

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return subprocess.run(
            command,
            cwd=project,
            env={**inherited, "PRE_COMMIT_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )

    for command in (("init", "-q"), ("add", "-A")):
        assert run("git", *command).returncode == 0
    done = run(sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "--all-files", "--color=never")
    assert re.search(r"sluicegate lint \(Alembic revisions\)\.+Failed\n", done.stdout), done.stdout + done.stderr
    assert re.search(r"sluicegate lint \(SQL files\)\.+Passed\n", done.stdout), done.stdout
    assert "error[drop-vector-column] migrations/versions/0005" in done.stdout
