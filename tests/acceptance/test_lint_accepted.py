"""Living with a legacy history: a baseline, waivers with an owner, and only what a branch brings."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sluicegate.cli import run

REVISIONS = 300
FEW = 9


def write(versions: Path, number: int, body: str, name: str = "") -> Path:
    path = versions / (name or f"{number:04}_change.py")
    path.write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision = "{number:04}"\ndown_revision = {f"{number - 1:04}" if number > 1 else None!r}\n\n\n'
        f"def upgrade():\n    {body}\n\n\ndef downgrade():\n    pass\n"
    )
    return path


def history(root: Path, count: int) -> None:
    """Write a history, one in three revisions of which drops a column that the one before it added."""
    versions = root / "migrations" / "versions"
    versions.mkdir(parents=True)
    (root / "migrations" / "env.py").write_text("")
    (root / "safety").mkdir()
    (root / "safety" / "policy.toml").write_text('[session]\nlock_timeout = "2s"\n[rules]\nmissing-downgrade = "off"\n')
    (root / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    write(versions, 1, 'op.create_table("events", sa.Column("id", sa.BigInteger, primary_key=True))')
    for number in range(2, count + 1):
        add = f'op.add_column("events", sa.Column("c{number}", sa.Text))'
        write(versions, number, f'op.drop_column("events", "c{number - 1}")' if number % 3 == 0 else add)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A short history in the working directory."""
    history(tmp_path, FEW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def legacy(tmp_path, monkeypatch) -> Path:
    """A history of 300 revisions in the working directory."""
    history(tmp_path, REVISIONS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(capsys, *arguments: str) -> tuple[int, dict]:
    code = run(["lint", "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_after_a_baseline_only_a_new_revision_is_found(legacy, capsys):
    versions = legacy / "migrations" / "versions"
    assert run(["lint", "--write-baseline"]) == 0
    assert capsys.readouterr().out == (
        "300 revisions, 300 statements judged for PostgreSQL 16: nothing found, 100 in the baseline.\n"
    )
    # Old files get other names, other layout and other lines.
    for number in (3, 6, 9):
        path = versions / f"{number:04}_change.py"
        text = path.read_text().replace('op.drop_column("events",', "op.drop_column(\n        'events',")
        (versions / f"{number:04}_renamed.py").write_text("# A comment\n\n" + text)
        path.unlink()
    write(versions, REVISIONS + 1, 'op.drop_table("events")')
    code, report = lint(capsys)
    assert code == 1
    assert [(f["rule"], f["revision"]) for f in report["findings"]] == [("drop-table", "0301")]
    assert (report["summary"]["known"], report["gone"]) == (100, [])


def test_a_finding_that_was_corrected_is_reported_as_gone_until_it_is_taken_out(project, capsys):
    versions = project / "migrations" / "versions"
    run(["lint", "--write-baseline"])
    write(versions, 3, "pass")
    capsys.readouterr()
    assert run(["lint"]) == 0
    assert capsys.readouterr().out == (
        "9 revisions, 8 statements judged for PostgreSQL 16: nothing found, 2 in the baseline.\n"
        "Gone since the baseline was written: 1 finding.\n"
        "  drop-column in revision 0003\n"
        "  Take them out, so that they fail if they come back: sluicegate lint --write-baseline\n"
    )
    run(["lint", "--write-baseline"])
    capsys.readouterr()
    assert lint(capsys)[1]["gone"] == []


def test_a_part_of_the_history_leaves_the_rest_of_the_baseline_alone(project, capsys):
    run(["lint", "--write-baseline"])
    path = project / "safety" / "baseline.json"
    before = path.read_text()
    write(project / "migrations" / "versions", FEW + 1, 'op.drop_table("events")')
    assert run(["lint", "--rev", "heads", "--write-baseline"]) == 0
    assert len(path.read_text().splitlines()) == len(before.splitlines()) + 1
    capsys.readouterr()
    assert lint(capsys, "--rev", "heads")[1]["gone"] == []


def test_a_revision_that_cannot_be_read_is_accepted_by_the_baseline_and_by_nothing_else(project, capsys):
    versions = project / "migrations" / "versions"
    write(versions, FEW + 1, 'raise RuntimeError("ask Ada")')
    assert lint(capsys)[0] == 3
    assert run(["lint", "--write-baseline"]) == 0
    capsys.readouterr()
    assert lint(capsys)[0] == 0
    write(versions, FEW + 2, 'raise RuntimeError("ask Bob")')
    code, report = lint(capsys)
    assert code == 3
    assert [(f["rule"], f["revision"]) for f in report["findings"]] == [("unreadable-revision", "0011")]


def test_without_the_baseline_everything_is_shown(project, capsys):
    run(["lint", "--write-baseline"])
    capsys.readouterr()
    code, report = lint(capsys, "--no-baseline")
    assert (code, len(report["findings"])) == (1, 3)


def test_a_waiver_holds_until_its_day_and_then_fails_with_its_owner(project, capsys):
    waivers = project / "safety" / "waivers.toml"
    entry = (
        '[[waiver]]\nrule = "drop-column"\nrevision = "0003"\nowner = "ada@example.org"\nreason = "unread"\n'
        "expires = {}\n"
    )
    waivers.write_text(entry.format("2999-01-31"))
    code, report = lint(capsys, "--rev", "0003")
    assert (code, report["findings"], report["summary"]["waived"]) == (0, [], 1)
    waivers.write_text(entry.format("2020-01-31"))
    code, report = lint(capsys, "--rev", "0003")
    assert code == 1
    assert [(f["rule"], Path(f["file"]).name, f["line"]) for f in report["findings"]] == [
        ("expired-waiver", "waivers.toml", 1),
        ("drop-column", "0003_change.py", 9),
    ]
    assert "ada@example.org answers for it" in report["findings"][0]["message"]


def test_a_waiver_that_is_not_needed_is_a_warning_and_one_about_other_revisions_is_not(project, capsys):
    (project / "safety" / "waivers.toml").write_text(
        '[[waiver]]\nrule = "drop-table"\nrevision = "0002"\nowner = "ada"\nreason = "x"\nexpires = 2999-01-31\n'
    )
    code, report = lint(capsys, "--rev", "0002")
    assert (code, [(f["rule"], f["level"]) for f in report["findings"]]) == (0, [("unused-waiver", "warn")])
    assert lint(capsys, "--rev", "0004")[1]["findings"] == []


def test_a_waived_finding_stays_out_of_the_baseline(project, capsys):
    (project / "safety" / "waivers.toml").write_text(
        '[[waiver]]\nrule = "drop-column"\nrevision = "0003"\nowner = "ada"\nreason = "x"\nexpires = 2999-01-31\n'
    )
    run(["lint", "--write-baseline"])
    assert '"0003"' not in (project / "safety" / "baseline.json").read_text()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_since_judges_what_the_branch_brings_against_the_whole_history(project, capsys):
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "legacy")
    code, report = lint(capsys, "--since", "main")
    assert (code, report["revisions"]) == (0, [])
    change = 'op.alter_column("events", "c4", type_=sa.Integer, postgresql_using="c4::integer")'
    write(project / "migrations" / "versions", FEW + 1, change)
    code, report = lint(capsys, "--since", "main")
    assert code == 1
    assert {f["revision"] for f in report["findings"]} == {"0010"}
    assert [f["rule"] for f in report["findings"]] == ["rewriting-type-change"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no-baseline", "--write-baseline"], "--no-baseline takes neither --baseline nor --write-baseline."),
        (["--all", "--since", "main"], "--all judges every revision, so it takes neither --rev, --since nor files."),
        (["-", "--since", "main"], "git does not know standard input"),
        (["--baseline", "nowhere.json"], "There is no baseline at nowhere.json."),
    ],
)
def test_what_makes_no_sense_leaves_with_2(project, capsys, arguments, message):
    assert run(["lint", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_baselines_of_upgrades_and_downgrades_stand_beside_each_other(project, capsys):
    path = project / "migrations" / "versions" / "0003_change.py"
    path.write_text(
        path.read_text().replace("def downgrade():\n    pass", 'def downgrade():\n    op.drop_table("events")')
    )
    run(["lint", "--write-baseline"])
    run(["lint", "--downgrade", "--write-baseline"])
    written = [
        json.loads(line.rstrip(",")) for line in (project / "safety" / "baseline.json").read_text().splitlines()[3:-2]
    ]
    assert sorted((one["rule"], one["revision"], one.get("direction", "upgrade")) for one in written) == [
        ("drop-column", "0003", "upgrade"),
        ("drop-column", "0006", "upgrade"),
        ("drop-column", "0009", "upgrade"),
        ("drop-table", "0003", "downgrade"),
    ]
    capsys.readouterr()
    for arguments in ([], ["--downgrade"]):
        code, report = lint(capsys, *arguments)
        assert (code, report["findings"], report["gone"]) == (0, [], [])
