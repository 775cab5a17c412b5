"""`sluicegate lint` as a person and as a pipeline meet it: what it prints, from anywhere, and how it leaves."""

from __future__ import annotations

import io
import json
import textwrap
from pathlib import Path

import pytest

from sluicegate.cli import run

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = ROOT / "tests" / "projects"


class Terminal:
    """Runs the program in a folder and keeps what it said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._capsys, self._monkeypatch = folder, capsys, monkeypatch

    def lint(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        self._monkeypatch.chdir(self.folder)
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run(["lint", *arguments])
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def terminal(tmp_path, capsys, monkeypatch) -> Terminal:
    return Terminal(tmp_path, capsys, monkeypatch)


ENV = "from alembic import context\ncontext.configure(transaction_per_migration=True)\n"


@pytest.fixture
def project(terminal) -> Path:
    """A small Alembic project in the working directory: two safe revisions and a policy."""
    versions = terminal.folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (terminal.folder / ".git").mkdir()
    (terminal.folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    (versions.parent / "env.py").write_text(ENV)
    (terminal.folder / "safety").mkdir()
    (terminal.folder / "safety" / "policy.toml").write_text('[session]\nlock_timeout = "2s"\n')
    write(
        versions,
        "a1",
        None,
        'op.create_table("events", sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False))',
    )
    write(versions, "b2", "a1", 'op.add_column("events", sa.Column("kind", sa.Text()))')
    return terminal.folder


def write(versions: Path, revision: str, down: str | None, body: str) -> Path:
    path = versions / f"{revision}_change.py"
    path.write_text(
        f'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{revision}"\ndown_revision = {down!r}\n\n\n'
        f"def upgrade():\n{textwrap.indent(body, '    ')}\n\n\ndef downgrade():\n    raise NotImplementedError\n"
    )
    return path


# -- the five changes that must be refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("project_name", "line", "rule"),
    [
        ("refused_stored_generated_column", 12, "stored-generated-column"),
        ("refused_non_null_default", 11, "non-null-default"),
        ("refused_append_only_triggers", 28, "append-only-violation"),
        ("refused_drop_vector_column", 12, "drop-vector-column"),
        ("refused_data_change", 12, "data-change-in-revision"),
    ],
)
def test_the_changes_of_the_incidents_are_refused_at_their_line(terminal, project_name, line, rule):
    code, out, _ = terminal.lint(
        "-c", str(PROJECTS / project_name / "alembic.ini"), "--rev", "0005", "--format", "json"
    )
    found = {(finding["rule"], finding["line"]) for finding in json.loads(out)["findings"]}
    assert code == 1
    assert (rule, line) in found


def test_this_repositorys_own_history_is_clean(terminal):
    code, out, _ = terminal.lint("-c", str(ROOT / "migrations" / "env.py"), "--migrations", str(ROOT / "migrations"))
    assert (code, out.splitlines()[-1].partition(":")[2]) == (0, " nothing found.")


# -- what it prints ----------------------------------------------------------------------------------------------


def test_a_clean_project_says_so(terminal, project):
    assert terminal.lint() == (0, "2 revisions, 2 statements judged for PostgreSQL 16: nothing found.\n", "")


def test_a_finding_in_whole(terminal, project):
    write(project / "migrations" / "versions", "c3", "b2", 'op.create_index("ix_events_kind", "events", ["kind"])')
    assert terminal.lint("--rev", "c3") == (
        1,
        textwrap.dedent(
            """\
            error[index-not-concurrent] migrations/versions/c3_change.py:9:5 (revision c3)
              9 │     op.create_index("ix_events_kind", "events", ["kind"])
                │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

              Building ix_events_kind reads all of events under SHARE: every INSERT, UPDATE and DELETE on events
              waits until the index is built.

              Instead:
                with op.get_context().autocommit_block():
                    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)

            1 revision, 1 statement judged for PostgreSQL 16: 1 error.
            """
        ),
        "",
    )


def test_json_is_a_contract(terminal, project):
    write(project / "migrations" / "versions", "c3", "b2", 'op.execute("DROP TABLE events")')
    code, out, _ = terminal.lint("--rev", "heads", "--format", "json", "--pg-version", "18")
    assert code == 1
    assert json.loads(out) == {
        "version": 1,
        "postgresql": 18,
        "notes": [],
        "revisions": [
            {
                "revision": "c3",
                "file": "migrations/versions/c3_change.py",
                "capture": "recorded",
                "statements": 1,
                "reason": None,
            }
        ],
        "findings": [
            {
                "rule": "drop-table",
                "level": "error",
                "file": "migrations/versions/c3_change.py",
                "line": 9,
                "column": 5,
                "end_line": 9,
                "end_column": 36,
                "revision": "c3",
                "direction": "upgrade",
                "message": "Dropping events destroys its rows, and code that still names it fails at once.",
                "remedy": (
                    "First release code that does not use the table, and drop its foreign keys one at a time. Then\n"
                    "say so where you drop it:\n\n"
                    'op.drop_table("events")  # sluicegate: allow[drop-table] unused since <release>'
                ),
                "sql": "DROP TABLE events",
                "evidence": "predicted",
                "estimate": None,
                "effects": {
                    "locks": [{"relation": "public.events", "mode": "AccessExclusiveLock"}],
                    "index_locks": [{"relation": "public.events_pkey", "mode": "AccessExclusiveLock"}],
                    "rewrites": [],
                    "scans": [],
                    "index_builds": [],
                    "in_transaction": "allowed",
                    "error": None,
                    "certainty": "certain",
                    "unknowns": [],
                    "depends_on_data": [],
                    "losses": [
                        {"kind": "table", "relation": "public.events", "name": "", "asked": True, "detail": "table"}
                    ],
                    "reasons": {},
                },
                "fingerprint": "c38ecba164b12b970ce26960f1e4eed5",
            }
        ],
        "gone": [],
        "summary": {
            "revisions": 1,
            "statements": 1,
            "error": 1,
            "warn": 0,
            "info": 0,
            "suppressed": 0,
            "waived": 0,
            "known": 0,
            "unread": 0,
            "unjudged": 0,
            "fail_on": "error",
            "exit_code": 1,
        },
    }


def test_no_colour_reaches_a_pipe(terminal, project, monkeypatch):
    write(project / "migrations" / "versions", "c3", "b2", 'op.drop_table("events")')
    _, out, _ = terminal.lint()
    assert "\x1b[" not in out


# -- what it judges ----------------------------------------------------------------------------------------------


def test_one_revision_file_means_that_revision(terminal, project):
    write(project / "migrations" / "versions", "c3", "b2", 'op.drop_table("events")')
    assert terminal.lint("migrations/versions/b2_change.py")[0] == 0
    assert terminal.lint("migrations/versions/c3_change.py")[0] == 1


def test_a_range_means_what_is_not_deployed(terminal, project):
    write(project / "migrations" / "versions", "c3", "b2", 'op.drop_table("events")')
    assert (
        terminal.lint("--rev", "c3:heads")[1] == "0 revisions, 0 statements judged for PostgreSQL 16: nothing found.\n"
    )
    assert terminal.lint("--rev", "b2:heads")[0] == 1


def test_it_works_from_anywhere(terminal, project, tmp_path_factory):
    write(project / "migrations" / "versions", "c3", "b2", 'op.drop_table("events")')
    terminal.folder = tmp_path_factory.mktemp("elsewhere")
    for option in (["-c", str(project / "alembic.ini")], ["--migrations", str(project / "migrations")]):
        code, out, _ = terminal.lint(*option)
        assert code == 1
        assert f"{project}/migrations/versions/c3_change.py:9:5" in out
        assert "lock-timeout-missing" not in out, "the policy of the project is in force"


def test_a_schema_stands_for_what_is_deployed(terminal, project):
    write(project / "migrations" / "versions", "c3", "b2", 'op.add_column("elsewhere", sa.Column("n", sa.Text()))')
    assert "server-rejects" in terminal.lint("--rev", "c3")[1]
    (project / "schema.sql").write_text("CREATE TABLE elsewhere (id bigint PRIMARY KEY);")
    assert terminal.lint("--rev", "c3", "--schema", "schema.sql")[0] == 0


def test_sql_files_are_judged_without_alembic(terminal):
    path = terminal.folder / "change.sql"
    path.write_text("CREATE INDEX i ON users (email);\n")
    code, out, _ = terminal.lint("change.sql")
    assert code == 1
    assert "error[index-not-concurrent] change.sql:1:1" in out
    (terminal.folder / "schema.sql").write_text("CREATE TABLE users (id bigint, email text);")
    assert terminal.lint("change.sql", "--schema", "schema.sql")[0] == 1


def test_standard_input_is_judged(terminal):
    code, out, _ = terminal.lint("-", stdin="DROP TABLE users;")
    assert code == 1
    assert "error[drop-table] -:1:1" in out


# -- how it leaves -----------------------------------------------------------------------------------------------


def test_the_failing_level_can_be_lowered(terminal, project):
    write(project / "migrations" / "versions", "c3", "b2", 'op.alter_column("events", "kind", new_column_name="sort")')
    assert terminal.lint("--rev", "c3")[0] == 0
    assert terminal.lint("--rev", "c3", "--fail-on", "warn")[0] == 1


def test_what_cannot_be_read_leaves_with_3_beside_any_finding(terminal, project):
    versions = project / "migrations" / "versions"
    write(versions, "c3", "b2", 'op.drop_table("events")')
    write(versions, "d4", "c3", "this is not Python")
    code, out, _ = terminal.lint()
    assert code == 3
    assert "error[drop-table]" in out
    assert "error[unreadable-revision]" in out
    assert out.endswith("Something could not be read, so this is no clean bill (exit code 3).\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--rev", "zz"],
            "Error: --rev zz means no revision.\n  `alembic history` lists them; a range is written a:b.\n",
        ),
        (
            ["--all", "--rev", "a1"],
            "Error: --all judges every revision, so it takes neither --rev, --since nor files.\n",
        ),
        (["x.sql", "--rev", "a1"], "Error: SQL files and revisions are judged apart.\n"),
        (["nowhere.sql"], "Error: There is no file nowhere.sql.\n"),
        (["--pg-version", "13"], "Error: Invalid value for '--pg-version': 13 is not in the range 14<=x<=18.\n"),
    ],
)
def test_a_command_that_makes_no_sense_leaves_with_2(terminal, project, arguments, message):
    code, out, err = terminal.lint(*arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_a_policy_that_makes_no_sense_leaves_with_2_and_its_line(terminal, project):
    (project / "safety" / "policy.toml").write_text("[rules]\n\ndrop-tables = 'off'\n")
    code, _, err = terminal.lint()
    assert code == 2
    assert "safety/policy.toml, line 3: there is no rule 'drop-tables'." in err


def test_no_alembic_environment_leaves_with_2(terminal):
    (terminal.folder / ".git").mkdir()
    code, _, err = terminal.lint()
    assert code == 2
    assert "--migrations" in err


# -- the rules themselves ------------------------------------------------------------------------------------------


def test_rules_and_rule_print_the_catalogue(capsys):
    assert run(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["error", "drop-table"] for line in lines)
    assert run(["rule", "drop-table"]) == 0
    assert capsys.readouterr().out.startswith("# drop-table\n\nDropping a table destroys its rows")
    assert run(["rule", "drop-tabel"]) == 2
    assert "Close to it: drop-table" in capsys.readouterr().err
