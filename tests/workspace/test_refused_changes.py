"""This repository's own changes pass its own policy, and the five bad ones are refused at the right line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFUSED = sorted((ROOT / "tests" / "projects").glob("refused_*"))

# project → the finding it must get: rule, the source text of the line, a part of the remedy.
EXPECTED = {
    "refused_stored_generated_column": ("stored-generated-column", "op.add_column(", "op."),
    "refused_non_null_default": ("non-null-default", 'op.add_column("events", sa.Column("has_embedding"', "op."),
    "refused_append_only_triggers": (
        "append-only-violation",
        'op.add_column("events", sa.Column("has_embedding"',
        "op.",
    ),
    "refused_drop_vector_column": ("drop-vector-column", 'op.drop_column("workflow_insights", "embedding")', "op."),
    "refused_data_change": ("data-change-in-revision", 'op.execute("UPDATE workflow_insights', "backfill"),
}


def lint(*arguments: str, cwd: Path = ROOT) -> tuple[int, dict]:
    """Run `sluicegate lint` as CI would."""
    result = subprocess.run(
        [sys.executable, "-m", "sluicegate", "lint", "--format", "json", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    return result.returncode, json.loads(result.stdout)


def test_every_refused_project_has_its_expected_finding_here() -> None:
    assert [project.name for project in REFUSED] == sorted(EXPECTED)


def test_our_own_migrations_are_clean() -> None:
    code, report = lint()
    assert (code, report["findings"]) == (0, [])
    assert {revision["capture"] for revision in report["revisions"]} == {"recorded"}


@pytest.mark.parametrize("project", REFUSED, ids=lambda project: project.name)
def test_a_bad_change_is_refused_at_its_line_with_a_remedy(project: Path) -> None:
    code, report = lint("--config", str(project / "alembic.ini"))
    rule, source, remedy = EXPECTED[project.name]
    assert code == 1
    errors = [finding for finding in report["findings"] if finding["level"] == "error"]
    found = [finding for finding in errors if finding["rule"] == rule]
    assert found, [finding["rule"] for finding in errors]
    finding = found[0]
    assert finding["revision"] == "0005"
    lines = (ROOT / finding["file"]).read_text().splitlines()
    assert source in lines[finding["line"] - 1]
    assert remedy in finding["remedy"]
    assert {finding["revision"] for finding in errors} == {"0005"}


def test_revision_files_carry_their_number_and_phase() -> None:
    names = [path.name for path in sorted((ROOT / "migrations" / "versions").glob("*.py"))]
    assert [name for name in names if not re.fullmatch(r"\d{4}_(expand|contract)_[a-z0-9_]+\.py", name)] == []


def test_each_backfill_serves_an_expand_revision() -> None:
    expands = {path.name.split("_")[0] for path in (ROOT / "migrations" / "versions").glob("*_expand_*.py")}
    backfills = {path.name.split("_")[0] for path in (ROOT / "backfills").glob("[0-9]*.py")}
    assert backfills - expands == set()
