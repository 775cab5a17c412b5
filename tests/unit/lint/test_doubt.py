"""What a revision that was read in part may have changed is no ground for an error afterwards."""

from __future__ import annotations

from pathlib import Path

from sluicegate.lint.run import LintRequest, run_lint

HEAD = "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {!r}\ndown_revision = {!r}\n\n\ndef upgrade():\n"
BODIES = {
    "one": "op.execute('CREATE TABLE t (id bigint PRIMARY KEY)')",
    "two": "for r in op.get_bind().execute(sa.text('SELECT id FROM t')): op.execute('ALTER TABLE t ADD COLUMN a int')",
    "three": "op.execute('SELECT a FROM t')",
    "four": "op.execute('ALTER TABLE t ALTER COLUMN id TYPE varchar(99999999)')",
    "five": "op.execute('CREATE TABLE later (id bigint PRIMARY KEY)')",
    "six": "op.execute('SELECT a FROM later')",
}


def test_an_error_needs_a_schema_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    before = None
    for name, body in BODIES.items():
        (tmp_path / "versions" / f"{name}.py").write_text(HEAD.format(name, before) + f"    {body}\n")
        before = name
    report = run_lint(LintRequest(config=tmp_path / "alembic.ini"))
    found = {f.revision: f.message for f in report.findings if f.rule in ("server-rejects", "could-not-judge")}
    assert found == {
        "three": (
            'What this statement does could not be told: whether PostgreSQL rejects it (column "a" does not exist):'
            " revision two before it was read in part."
        ),
        "four": "PostgreSQL 16 will reject this: length for type varchar cannot exceed 10485760 (22023).",
        "six": 'PostgreSQL 16 will reject this: column "a" does not exist (42703).',
    }
