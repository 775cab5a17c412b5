"""`sluicegate lint` with production's snapshot beside the policy, and its answer to what cannot be judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluicegate.cli import run
from sluicegate.snapshot.facts import Facts, Size
from sluicegate.snapshot.stored import store_snapshot

SCHEMA = """
CREATE TABLE public.events (id bigint NOT NULL, kind text, note varchar(20));
ALTER TABLE ONLY public.events ADD CONSTRAINT events_pkey PRIMARY KEY (id);
"""
CREATE = 'op.execute("CREATE TABLE events (id bigint PRIMARY KEY, kind text)")'
GUESS = (
    'op.execute("DO $$ DECLARE n text; BEGIN FOR n IN SELECT tablename FROM pg_tables LOOP EXECUTE '
    "format('ALTER TABLE %I ADD COLUMN x text', n); END LOOP; END $$\")"
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write an Alembic project of these bodies, one after the other: r1, r2, …"""
    monkeypatch.chdir(tmp_path)

    def make(*bodies: str) -> None:
        versions = Path("migrations/versions")
        versions.mkdir(parents=True)
        Path("alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
        Path("migrations/env.py").write_text("from alembic import context\n")
        Path("safety").mkdir()
        Path("safety/policy.toml").write_text('[session]\nlock_timeout = "2s"\n')
        for number, body in enumerate(bodies, start=1):
            down = f"r{number - 1}" if number > 1 else None
            head = f'from alembic import op\nrevision = "r{number}"\ndown_revision = {down!r}\n'
            text = f"{head}\n\ndef upgrade():\n    {body}\n"
            (versions / f"r{number}.py").write_text(text + "\n\ndef downgrade():\n    op.execute('SELECT 1')\n")

    return make


def snapshot(*heads: str, day: int = 19, version: str = "16.14") -> None:
    """Store what production is: events with a column that no revision made, and 1.15 million rows."""
    facts = Facts(
        datetime(2026, 11, day, tzinfo=UTC),
        version,
        {"public.events": Size(1_150_000, 8_100_000_000)},
        heads=heads,
    )
    store_snapshot(Path("safety/snapshot"), SCHEMA, facts)


def lint(capsys, *arguments: str) -> dict:
    """Return the report, with its exit code."""
    code = run(["lint", "--format", "json", *arguments])
    said = capsys.readouterr()
    assert said.out, said.err
    report = json.loads(said.out)
    assert report["summary"]["exit_code"] == code
    return report


def rules(report: dict) -> list[tuple[str, str]]:
    return [(f["revision"], f["rule"]) for f in report["findings"] if f["level"] != "info"]


NOTE = 'op.alter_column("events", "note", type_=__import__("sqlalchemy").String(10))'


def test_pending_revisions_are_judged_on_productions_schema_with_its_sizes(project, capsys):
    project(CREATE, NOTE)
    assert rules(lint(capsys))[0] == ("r2", "server-rejects")
    snapshot("r1")
    report = lint(capsys)
    assert rules(report) == [("r2", "rewriting-type-change")]
    assert report["findings"][0]["estimate"]["tables"] == {"public.events": {"rows": 1_150_000, "bytes": 8_100_000_000}}
    assert (
        "from varchar(20) to varchar(10) rewrites events (about 1,150,000 rows, 8.1 GB)"
        in (report["findings"][0]["message"])
    )
    assert len(report["revisions"]) == 2
    assert report["notes"] == []


def test_a_snapshot_may_be_left_out(project, capsys):
    project(CREATE, NOTE)
    snapshot("r1")
    assert rules(lint(capsys, "--no-snapshot"))[0] == ("r2", "server-rejects")


def test_a_revision_alone_is_judged_after_those_that_production_lacks(project, capsys):
    project(CREATE, 'op.execute("ALTER TABLE events ADD COLUMN more varchar(5)")', NOTE.replace("note", "more"))
    snapshot("r1")
    assert rules(lint(capsys, "--rev", "r3")) == []  # varchar(5) grows
    assert rules(lint(capsys, "--rev", "r1:r2")) == []


def test_a_snapshot_of_a_revision_that_is_not_here_gives_only_sizes(project, capsys):
    project(CREATE, 'op.execute("ALTER TABLE events ALTER COLUMN kind SET NOT NULL")')
    snapshot("r9")
    report = lint(capsys)
    (note,) = report["notes"]
    assert note == (
        "The history was replayed, and of the snapshot only sizes were used: the snapshot is at r9, which is no "
        "revision here."
    )
    assert report["findings"][0]["message"].endswith("At this size that takes about 8 to 32 s.")


def test_an_old_snapshot_is_noted_and_still_used(project, capsys):
    project(CREATE)
    snapshot("r1", day=1)
    Path("safety/policy.toml").write_text("[snapshot]\nmax_age_days = 0\n")
    assert [note.split(" is ")[0] for note in lint(capsys)["notes"]] == ["The snapshot in safety/snapshot"]


def test_sql_files_are_judged_on_the_snapshot_too(project, capsys):
    project(CREATE)
    snapshot("r1")
    Path("change.sql").write_text("SET lock_timeout = '2s';\nALTER TABLE events ALTER COLUMN note TYPE varchar(30);\n")
    assert rules(lint(capsys, "change.sql")) == []
    Path("change.sql").write_text("SET lock_timeout = '2s';\nALTER TABLE events ALTER COLUMN note TYPE varchar(10);\n")
    assert [rule for _, rule in rules(lint(capsys, "change.sql"))] == ["rewriting-type-change"]


def test_what_could_not_be_judged_in_the_newest_revision_is_no_clean_bill(project, capsys):
    project(CREATE, GUESS)
    report = lint(capsys)
    assert rules(report) == [("r2", "could-not-judge")]
    assert (report["summary"]["exit_code"], report["summary"]["unjudged"]) == (3, 1)


def test_what_could_not_be_judged_in_an_older_one_stays_a_warning(project, capsys):
    project(CREATE, GUESS, 'op.execute("ALTER TABLE events ADD COLUMN later text")')
    assert ("r2", "could-not-judge") in rules(lint(capsys))
    assert lint(capsys)["summary"]["exit_code"] == 0
    assert lint(capsys, "--rev", "r2")["summary"]["exit_code"] == 3


def test_with_a_snapshot_all_that_production_lacks_is_under_review(project, capsys):
    project(CREATE, GUESS, 'op.execute("ALTER TABLE events ADD COLUMN later text")')
    snapshot("r1")
    assert lint(capsys)["summary"]["exit_code"] == 3
    snapshot("r2")
    assert lint(capsys)["summary"]["exit_code"] == 0


def test_a_comment_or_a_level_of_info_says_that_somebody_looked(project, capsys):
    project(CREATE, f"{GUESS}  # sluicegate: allow[could-not-judge] tried with dry-run")
    assert lint(capsys)["summary"]["exit_code"] == 0
    Path("migrations/versions/r2.py").write_text(
        Path("migrations/versions/r2.py")
        .read_text()
        .replace("  # sluicegate: allow[could-not-judge] tried", "  # tried")
    )
    assert lint(capsys)["summary"]["exit_code"] == 3
    Path("safety/policy.toml").write_text("[rules]\ncould-not-judge = 'info'\n")
    assert lint(capsys)["summary"]["exit_code"] == 0


def test_the_text_says_why_it_is_no_clean_bill(project, capsys):
    project(CREATE, GUESS)
    assert run(["lint"]) == 3
    assert capsys.readouterr().out.endswith(
        ": 1 warning.\nSomething could not be judged, so this is no clean bill (exit code 3).\n"
    )


def test_a_dry_run_begins_at_the_snapshot(project, capsys):
    project(CREATE, NOTE)
    assert run(["dry-run", "--format", "json"]) == 1  # the history alone has no column note
    capsys.readouterr()
    snapshot("r1")
    assert run(["dry-run", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("On the snapshot of 2026-11-19, which is at r1.\n")
    assert run(["dry-run", "--no-snapshot", "--format", "json"]) == 1
