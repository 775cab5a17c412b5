"""``sluicegate lint --downgrade``: the way back is judged on the schema that the way forward leaves."""

from __future__ import annotations

from pathlib import Path

from sluicegate.capture.model import CaptureMode
from sluicegate.errors import ExitCode
from sluicegate.findings import Direction
from sluicegate.lint.run import LintRequest, run_lint
from sluicegate.render.text import render_text

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "first"
down_revision = None


def upgrade():
    op.create_table("events", sa.Column("id", sa.BigInteger, primary_key=True))


def downgrade():
    op.drop_table("events")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "second"
down_revision = "first"


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("events", sa.Column("language", sa.Text()))


def downgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("events", "language", type_=sa.String(10))  # sluicegate: allow[table-rewrite] never matches
    op.drop_column("events", "language")
"""
REFUSES = """
revision = "refuses"
down_revision = "second"


def upgrade():
    pass


def downgrade():
    raise NotImplementedError("restore a backup instead")
"""


def project(folder: Path) -> Path:
    """Write the project and return its configuration."""
    (folder / "versions").mkdir()
    for name, text in (("first", FIRST), ("second", SECOND), ("refuses", REFUSES)):
        (folder / "versions" / f"{name}.py").write_text(text)
    config = folder / "alembic.ini"
    config.write_text("[alembic]\nscript_location = %(here)s\n")
    return config


def test_a_downgrade_meets_the_columns_that_its_upgrade_made(tmp_path: Path) -> None:
    report = run_lint(LintRequest(config=project(tmp_path), revs=("second",), downgrade=True))
    assert [(f.rule, f.revision, f.direction, f.location.line) for f in report.findings] == [
        ("rewriting-type-change", "second", Direction.DOWNGRADE, 16),
        ("unused-suppression", "second", Direction.DOWNGRADE, 16),
        ("drop-column", "second", Direction.DOWNGRADE, 17),
    ]
    assert "(revision second, downgrade)" in render_text(report)
    assert [(revision.revision, revision.statements) for revision in report.revisions] == [("second", 3)]


def test_the_way_forward_says_nothing_of_the_way_back(tmp_path: Path) -> None:
    report = run_lint(LintRequest(config=project(tmp_path), revs=("second",)))
    assert report.findings == (), "a comment in downgrade() is not unused because upgrade() is judged"


def test_a_downgrade_that_refuses_is_said_and_is_not_unreadable(tmp_path: Path) -> None:
    report = run_lint(LintRequest(config=project(tmp_path), revs=("refuses",), downgrade=True))
    (finding,) = report.findings
    assert finding.rule == "partial-revision"
    assert finding.message == (
        "The revision was read in part: there is no way back: downgrade() stops with NotImplementedError: restore a"
        " backup instead."
    )
    assert report.revisions[0].capture is CaptureMode.PARTIAL
    assert report.exit_code is ExitCode.CLEAN


def test_every_downgrade_is_judged_when_none_is_named(tmp_path: Path) -> None:
    report = run_lint(LintRequest(config=project(tmp_path), downgrade=True))
    assert [revision.revision for revision in report.revisions] == ["first", "second", "refuses"]
    assert {f.rule for f in report.findings if f.revision == "first"} == {"drop-table", "lock-timeout-missing"}
