"""`sluicegate new backfill` writes files that lint clean, run up and down, and whose own test passes."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
from test_init import add_revision, files, initialized, run  # noqa: F401 - the fixture

import sluicegate.cli
from sluicegate.testing import rehearse

TABLES = '''op.execute("""
        CREATE TABLE public.documents (
            tenant uuid NOT NULL,
            id integer NOT NULL,
            title varchar(20) NOT NULL,
            body text,
            CONSTRAINT documents_pkey PRIMARY KEY (tenant, id)
        )
    """)
    op.execute("""
        CREATE TABLE public.events (
            id bigint GENERATED ALWAYS AS IDENTITY,
            author bigint NOT NULL,
            payload text NOT NULL,
            CONSTRAINT events_pkey PRIMARY KEY (id)
        )
    """)'''

FORMS = {
    "a column, trigger": ("--table", "public.documents", "--key", "tenant", "--key", "id", "--where", "row.body <> ''"),
    "a required column": ("--table", "public.documents", "--key", "tenant", "--key", "id"),
    "a table beside": ("--table", "public.documents", "--key", "tenant", "--key", "id", "--into", "public.sizes"),
    "append-only": (
        "--table",
        "public.events",
        "--key",
        "id",
        "--into",
        "public.sizes",
        "--where",
        "row.payload <> ''",
    ),
    "sidecar": (
        *("--table", "public.documents", "--key", "tenant", "--key", "id", "--into", "public.sizes"),
        *("--tracking", "sidecar", "--source", "row.body || 'x'"),
    ),
    "append-only, sidecar": (
        *("--table", "public.events", "--key", "id", "--into", "public.sizes", "--tracking", "sidecar"),
    ),
}
VALUES = {"public.documents": "length(row.body)", "public.events": "length(row.payload)"}


@pytest.fixture(scope="module")
def begun(initialized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A repository with two tables, of which one is append-only, and the state schema."""
    folder = shutil.copytree(initialized, tmp_path_factory.mktemp("begun"), dirs_exist_ok=True)
    add_revision(folder, "0001", TABLES, None)
    assert run("sluicegate", folder, "init").returncode == 0
    ini = folder / "alembic.ini"
    ini.write_text(re.sub(r"(?m)^(hooks|sluicegate\.\w+) *=.*$", "", ini.read_text()))
    policy = folder / "safety" / "policy.toml"
    policy.write_text('[tables]\nappend_only = ["public.events"]\n')
    return folder


@pytest.fixture
def repository(begun: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(begun, tmp_path, dirs_exist_ok=True)


def new(repository: Path, *arguments: str, name: str = "sizes") -> subprocess.CompletedProcess[str]:
    """Write a backfill."""
    return run("sluicegate", repository, *given(arguments, name))


def here(repository: Path, *arguments: str, name: str = "sizes") -> int:
    """Write a backfill in this process; return the exit code."""
    return sluicegate.cli.run([*given(arguments, name), "--dir", str(repository)])


def given(arguments: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The command line."""
    table = arguments[arguments.index("--table") + 1]
    fixed = ("new", "backfill", name, "--column", name, "--type", "integer", "--value", VALUES.get(table, "1"))
    return (*fixed, *arguments)


def test_what_is_written_lints_clean_and_its_own_test_passes(repository: Path, database18: str) -> None:
    before = files(repository)
    done = new(repository, *FORMS["sidecar"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "created  migrations/versions/0003_expand_sizes.py\n"
        "created  backfills/0003_sizes.py\n"
        "created  migrations/versions/0004_contract_sizes.py\n"
        "created  tests/test_backfill_0003_sizes.py\n"
        "\n"
        "Next: review them, then run: sluicegate lint; pytest tests/test_backfill_0003_sizes.py\n"
        "\n"
        "To deploy: alembic upgrade 0003\n"
        "Outside the deploy: sluicegate backfill run 0003_sizes; sluicegate backfill verify 0003_sizes\n"
        "With a later deploy: alembic upgrade 0004\n"
    )
    assert {name: text for name, text in files(repository).items() if name in before} == before
    judged = run("sluicegate", repository, "lint", "--rev", "0003", "--rev", "0004")
    assert (judged.returncode, ": nothing found." in judged.stdout or judged.stdout) == (0, True)

    tested = run("pytest", repository, "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "tests")
    assert tested.returncode == 0, tested.stdout
    assert "1 passed" in tested.stdout
    for direction in (("upgrade", "0003"), ("downgrade", "0002")):
        moved = run("alembic", repository, *direction, DATABASE_URL=database18)
        assert moved.returncode == 0, moved.stderr


def test_every_form_lints_clean_runs_proves_itself_and_can_be_taken_back(repository: Path) -> None:
    """One repository and one server for all of them: each form builds on the one before."""
    for number, (form, arguments) in enumerate(FORMS.items()):
        named = [word.replace("sizes", f"sizes_{number}") for word in arguments]
        assert (form, here(repository, *named, name=f"sizes_{number}")) == (form, 0)
    judged = run("sluicegate", repository, "lint", "--rev", "0002:")
    assert (judged.returncode, ": nothing found." in judged.stdout or judged.stdout) == (0, True)
    position = "0002"
    with rehearse(repository, 16) as database:
        for path in sorted((repository / "tests").glob("test_backfill_*.py")):
            rows = runpy.run_path(str(path))["ROWS"]
            table = "public.documents" if "public.documents" in rows else "public.events"
            expand, slug = path.stem.removeprefix("test_backfill_").split("_", 1)
            name = f"{expand}_{slug}"
            database.upgrade(position)
            database.execute(f"DELETE FROM {table}")
            database.execute(rows.format(first=1, last=40))
            database.upgrade(expand)
            database.run(name, batch_size=7)
            proof = database.verify(name)
            assert (name, proof.verified, proof.figures.owed) == (name, True, 40)
            database.execute(rows.format(first=41, last=50))
            assert database.tick(name).complete
            assert (name, database.verify(name).verified) == (name, True)
            position = str(int(expand) + 1).zfill(4)
            database.upgrade(position)


BESIDE = ("--table", "public.events", "--key", "id")
REFUSED = {
    "a column of an append-only table": (
        ("--table", "public.events", "--key", "id"),
        (
            "append-only, and a column of it would be written into rows that are there.\n"
            "  Name a table beside it with --into schema.table.\n"
        ),
    ),
    "a trigger on an append-only table": (
        ("--table", "public.events", "--key", "id", "--into", "public.sizes", "--trigger"),
        (
            "append-only: no trigger is put on it.\n"
            "  Leave --trigger out; later rows are found by: sluicegate backfill tick sizes\n"
        ),
    ),
    "a key that is not unique": (
        ("--table", "public.documents", "--key", "id"),
        (
            "No unique constraint of public.documents has exactly the columns (id), so they are no key.\n"
            "  Name the primary key's columns with --key.\n"
        ),
    ),
    "an unknown table": (
        ("--table", "public.nothing", "--key", "id"),
        (
            "The revisions create no table public.nothing.\n"
            "  Name it as schema.table; a table that no revision creates cannot be rehearsed.\n"
        ),
    ),
    "no SQL": (
        ("--table", "public.documents", "--key", "id", "--where", "row.body <>"),
        '  Write an expression over row, such as "length(row.body)".\n',
    ),
    "a type that does not exist": (
        (*BESIDE, "--into", "public.sizes", "--type", "intteger"),
        (
            'The server refuses --type: type "intteger" does not exist (SQLSTATE 42704).\n'
            "  public.events has the columns id, author, payload. Correct --type.\n"
        ),
    ),
    "a value of a column that does not exist": (
        (*BESIDE, "--into", "public.sizes", "--value", "length(row.body)"),
        (
            "The server refuses --value: column row.body does not exist (SQLSTATE 42703).\n"
            "  public.events has the columns id, author, payload. Correct --value.\n"
        ),
    ),
    "a value of another type": (
        (*BESIDE, "--into", "public.sizes", "--value", "row.payload || '{}'"),
        (
            'The server refuses --value: column "value" is of type integer but expression is of type text '
            "(SQLSTATE 42804).\n"
            "  public.events has the columns id, author, payload. Correct --value.\n"
        ),
    ),
    "a condition that is none": (
        (*BESIDE, "--into", "public.sizes", "--where", "row.id"),
        (
            "The server refuses --where: argument of WHERE must be type boolean, not type bigint (SQLSTATE 42804).\n"
            "  public.events has the columns id, author, payload. Correct --where.\n"
        ),
    ),
    "a table beside that is there": (
        (*BESIDE, "--into", "public.documents"),
        "The revisions create public.documents already.\n  Name a table that is new with --into.\n",
    ),
}


def test_what_cannot_work_is_refused_and_nothing_is_written(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(repository)
    for reason, (arguments, ending) in REFUSED.items():
        assert (reason, here(repository, *arguments)) == (reason, 2)
        said = capsys.readouterr().err
        assert said.endswith(ending), said
    assert files(repository) == before
    assert here(repository, *FORMS["append-only"]) == 0
    written = files(repository)
    (repository / "migrations" / "versions" / "0003_expand_sizes.py").unlink()
    (repository / "migrations" / "versions" / "0004_contract_sizes.py").unlink()
    assert here(repository, *FORMS["append-only"]) == 2
    assert capsys.readouterr().err.endswith("nothing was written.\n")
    assert {name for name in written if name not in before} - set(files(repository)) == {
        "migrations/versions/0003_expand_sizes.py",
        "migrations/versions/0004_contract_sizes.py",
    }


def test_a_trigger_that_works_the_value_out_is_said_to_fail_with_it(repository: Path) -> None:
    done = new(repository, *FORMS["a column, trigger"])
    assert (
        "\nThe trigger works --value out with every INSERT and UPDATE of public.documents: where that fails for a row, "
        "the application's write of the row fails with it.\n"
    ) in done.stdout
