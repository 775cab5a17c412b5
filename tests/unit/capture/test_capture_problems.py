"""Revisions that cannot be read, or not wholly: each says why, and the rest is still read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from capture_reading import source_at, statements

from sluicegate.capture.model import CapturedRevision, CaptureMode
from sluicegate.capture.revisions import capture_history
from sluicegate.errors import UsageError

Project = Callable[..., Path]

FINE = "op.execute('SELECT 1')"


def by_id(history: list[CapturedRevision]) -> dict[str | None, CapturedRevision]:
    return {revision.revision: revision for revision in history}


def test_each_broken_file_has_its_own_reason_and_the_rest_is_read(project: Project) -> None:
    where = project(
        fine=FINE,
        broken="revision = 'broken'\ndown_revision = 'fine'\n\ndef upgrade():\n    op.execute(\n",
        nameless="revision = None\n\ndef upgrade():\n    pass\n",
        rootless="revision = 'rootless'\n\ndef upgrade():\n    pass\n",
        number="revision = 5\ndown_revision = None\n\ndef upgrade():\n    pass\n",
        empty="revision = 'empty'\ndown_revision = 'broken'\n",
        imports="from os import nothing_like_this\nrevision = 'imports'\ndown_revision = 'empty'\n",
        after="revision = 'after'\ndown_revision = 'imports'\nfrom alembic import op\n\ndef upgrade():\n    " + FINE,
    )
    found = by_id(capture_history(where, version=16))
    assert {name: (revision.mode, revision.reason) for name, revision in found.items()} == {
        "fine": (CaptureMode.RECORDED, None),
        "broken": (CaptureMode.UNREADABLE, "it is not valid Python: '(' was never closed"),
        "(nameless.py)": (CaptureMode.UNREADABLE, "it declares no revision, so Alembic refuses to load the folder"),
        "rootless": (CaptureMode.UNREADABLE, "it declares no down_revision, so Alembic refuses to load the folder"),
        "(number.py)": (CaptureMode.UNREADABLE, "its revision is 5, which is no text"),
        "empty": (CaptureMode.UNREADABLE, "it has no upgrade()"),
        "imports": (
            CaptureMode.UNREADABLE,
            f"importing it fails with ImportError: cannot import name 'nothing_like_this' from 'os' ({os_file()})",
        ),
        "after": (CaptureMode.RECORDED, None),
    }
    assert (found["broken"].reason_location.line, found["broken"].reason_location.column) == (5, 15)
    assert found["imports"].reason_location.line == 1


def os_file() -> str:
    import os

    return os.__file__


def test_twins_circles_and_missing_parents_are_named(project: Project) -> None:
    def body(revision: str, down: str) -> str:
        return (
            f"from alembic import op\nrevision = {revision!r}\ndown_revision = {down!r}\n\ndef upgrade():\n    {FINE}\n"
        )

    where = project(
        one=FINE,
        twin=body("one", "nobody"),
        round=body("round", "about"),
        about=body("about", "round"),
        after_circle=body("after_circle", "round"),
        orphan=body("orphan", "gone"),
    )
    history = capture_history(where, version=16)
    assert {Path(r.file).stem: (r.mode, r.reason, len(r.statements)) for r in history} == {
        "one": (CaptureMode.RECORDED, None, 1),
        "twin": (CaptureMode.UNREADABLE, f"revision one is declared by {where}/versions/one.py too", 0),
        "round": (CaptureMode.UNREADABLE, "it is part of a circle of revisions (about, round)", 0),
        "about": (CaptureMode.UNREADABLE, "it is part of a circle of revisions (about, round)", 0),
        "after_circle": (CaptureMode.RECORDED, None, 1),
        "orphan": (CaptureMode.PARTIAL, "it follows revision gone, which no file declares", 1),
    }


def test_a_revision_that_does_not_end_is_stopped_and_the_rest_is_read(project: Project) -> None:
    where = project(
        before="op.execute('CREATE TABLE t (id int)')",
        forever="op.execute('ALTER TABLE t ADD COLUMN a int')\nwhile True:\n    pass",
        flood="while True:\n    op.execute('SELECT 1')",
        after="for c in sa.inspect(op.get_bind()).get_columns('t'):\n    op.drop_column('t', c['name'])",
    )
    started = time.monotonic()
    found = by_id(capture_history(where, version=16, timeout=2))
    assert time.monotonic() - started < 30
    forever, flood = found["forever"], found["flood"]
    assert (forever.mode, forever.reason) == (
        CaptureMode.PARTIAL,
        "upgrade() takes longer than 2 s and was stopped",
    )
    assert statements(forever) == ["ALTER TABLE t ADD COLUMN a int"]
    assert flood.mode is CaptureMode.PARTIAL
    # What the ended process recorded is part of the schema that the next one continues with.
    assert statements(found["after"]) == ["ALTER TABLE t DROP COLUMN id", "ALTER TABLE t DROP COLUMN a"]


def test_an_import_that_does_not_end_is_given_up(project: Project) -> None:
    where = project(
        stuck="import itertools\nrevision = 'stuck'\ndown_revision = None\nfor _ in itertools.count():\n    pass\n",
        after=FINE,
    )
    found = by_id(capture_history(where, version=16, timeout=1.5))
    assert (found["stuck"].mode, found["stuck"].reason) == (
        CaptureMode.UNREADABLE,
        "importing it takes longer than 1.5 s and was stopped",
    )
    assert found["after"].mode is CaptureMode.RECORDED


def test_a_revision_that_kills_its_process_kills_nothing_else(project: Project) -> None:
    where = project(
        dies="import os\nop.execute('SELECT 1')\nos._exit(3)",
        crashes="import os\nos.abort()",
        after=FINE,
    )
    found = by_id(capture_history(where, version=16))
    assert (found["dies"].mode, found["dies"].reason) == (
        CaptureMode.PARTIAL,
        "upgrade() ends the process with exit code 3",
    )
    assert found["crashes"].mode is CaptureMode.UNREADABLE
    assert found["crashes"].reason.startswith("upgrade() ends the process with SIGABRT")
    assert found["after"].mode is CaptureMode.RECORDED


def test_exit_and_interrupts_are_exceptions_like_others(project: Project) -> None:
    where = project(leaves="import sys\nsys.exit('enough')", after=FINE)
    found = by_id(capture_history(where, version=16))
    assert found["leaves"].reason == "upgrade() stops with SystemExit: enough"
    assert found["after"].mode is CaptureMode.RECORDED


def test_the_environment_of_a_revision_holds_no_secrets(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "PGPASSWORD", "API_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_DSN"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("CACHE_LOCATION", "redis://user:hush@cache/0")
    monkeypatch.setenv("GREETING", "hello")
    where = project(
        one="import os\nfor name, value in sorted(os.environ.items()):\n    if value == 'hello' or 'hush' in value:\n"
        "        op.execute(f\"COMMENT ON TABLE {name} IS 'seen'\")"
    )
    assert statements(capture_history(where, version=16)[0]) == ["COMMENT ON TABLE GREETING IS 'seen'"]


def test_what_a_revision_prints_stays_out_of_our_output(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    where = project(one="import sys, os\nprint('loud')\nprint('louder', file=sys.stderr)\nos.write(1, b'loudest')")
    capture_history(where, version=16)
    assert capfd.readouterr() == ("", "")


def test_sources_in_any_encoding_and_line_end_are_placed_in_characters(project: Project) -> None:
    where = project(one=FINE)
    head = "revision = {0!r}\ndown_revision = {1!r}\nfrom alembic import op\n\ndef upgrade():\n"
    body = "    x = 'ärger'; op.execute('COMMENT ON TABLE t IS ' + repr(x))\n"
    versions = where / "versions"
    latin = ("# -*- coding: latin-1 -*-\n" + head.format("latin", "one") + body).encode("latin-1")
    (versions / "latin.py").write_bytes(latin)
    windows = (head.format("windows", "latin") + body).replace("\n", "\r\n").encode()
    (versions / "windows.py").write_bytes(windows)
    marked = b"\xef\xbb\xbf" + (head.format("marked", "windows") + body).encode()
    (versions / "marked.py").write_bytes(marked)
    wrong = (head.format("wrong", "marked") + body).encode("latin-1")
    (versions / "wrong.py").write_bytes(wrong)
    found = by_id(capture_history(where, version=16))
    for name in ("latin", "windows", "marked"):
        (statement,) = found[name].statements
        assert statement.sql == "COMMENT ON TABLE t IS 'ärger'"
        assert source_at(found[name], statement.location).strip() == "op.execute('COMMENT ON TABLE t IS ' + repr(x))"
    assert found["wrong"].mode is CaptureMode.UNREADABLE
    assert "utf-8" in found["wrong"].reason


def test_an_import_with_another_way_takes_it_and_says_so(project: Project) -> None:
    where = project(
        one="""
            revision = "one"
            down_revision = None
            from alembic import op

            try:
                from shop.types import Money
            except ImportError:
                Money = "numeric"


            def upgrade():
                op.execute(f"CREATE TABLE t (price {Money})")
        """
    )
    (revision,) = capture_history(where, version=16)
    assert statements(revision) == ["CREATE TABLE t (price numeric)"]
    assert revision.reason == "it goes another way because shop cannot be imported here"
    assert revision.reason_location.line == 7


def test_an_application_that_cannot_start_is_stood_in_for(project: Project) -> None:
    where = project(
        ini="script_location = %(here)s\nprepend_sys_path = %(here)s\n",
        one="""
            revision = "one"
            down_revision = None
            from alembic import op
            import sqlalchemy as sa
            from shop.names import TABLE
            from shop.models import Money


            def upgrade():
                op.create_table(TABLE, sa.Column("price", Money()))
        """,
    )
    (where / "shop").mkdir()
    (where / "shop" / "__init__.py").write_text("import os\nURL = os.environ['SHOP_DATABASE_URL']\n")
    (where / "shop" / "names.py").write_text("TABLE = 'orders'\n")
    (where / "shop" / "models.py").write_text(
        "import sqlalchemy as sa\nimport flask\n\nclass Money(sa.types.TypeDecorator):\n    impl = sa.Numeric\n"
    )
    (revision,) = capture_history(where, version=16)
    assert (revision.mode, revision.reason) == (CaptureMode.RECORDED, None)
    assert statements(revision) == ["CREATE TABLE orders ( price NUMERIC )"]


def test_a_function_that_is_not_here_and_may_have_done_something_is_a_reason(project: Project) -> None:
    where = project(one="from shop.ddl import add_audit_columns\nadd_audit_columns(op, 'items')\n" + FINE)
    (revision,) = capture_history(where, version=16)
    assert (revision.mode, revision.reason) == (
        CaptureMode.PARTIAL,
        "it calls shop.ddl.add_audit_columns(), which cannot be imported here",
    )


def test_a_table_that_no_revision_made_is_taken_for_one_without_columns(project: Project) -> None:
    where = project(
        one="names = [c['name'] for c in sa.inspect(op.get_bind()).get_columns('elsewhere')]\n"
        "if 'x' not in names:\n    op.add_column('elsewhere', sa.Column('x', sa.Text))",
        two="try:\n    sa.inspect(op.get_bind()).get_columns('nowhere')\nexcept sa.exc.NoSuchTableError:\n"
        "    op.execute('CREATE TABLE nowhere ()')",
    )
    found = by_id(capture_history(where, version=16))
    assert found["one"].reason == "it asks for table elsewhere, which no revision before it creates"
    assert statements(found["one"]) == ["ALTER TABLE elsewhere ADD COLUMN x TEXT"]
    assert found["two"].mode is CaptureMode.RECORDED
    assert statements(found["two"]) == ["CREATE TABLE nowhere ()"]


def test_a_revision_that_does_not_exist_is_refused(project: Project) -> None:
    where = project(aaa1=FINE, aaa2=FINE)
    with pytest.raises(UsageError, match="There is no revision 'zzz' in 2 revision files"):
        capture_history(where, version=16, revisions=["zzz"])
    with pytest.raises(UsageError, match="'aaa' begins several revisions: aaa1, aaa2"):
        capture_history(where, version=16, revisions=["aaa"])


def test_what_the_application_makes_of_a_missing_modules_items_is_no_fact(project: Project) -> None:
    where = project(
        ini="script_location = %(here)s/scripts\nversion_locations = %(here)s/versions\n",
        one="from alembic import op\nfrom shop import Status\nrevision = 'one'\ndown_revision = None\n\n\n"
        "def upgrade():\n"
        "    op.execute(f\"ALTER TABLE t ADD CHECK (status IN ('{Status.names[-1]}'))\")\n",
    )
    (where / "scripts").mkdir()
    (where / "shop.py").write_text(
        "from protos_that_are_not_here import Proto\n\n\nclass Status:\n    names = list(Proto.keys())\n"
    )
    (revision,) = capture_history(where, version=16)
    assert revision.mode is CaptureMode.PARTIAL
    assert str(revision.reason) == "it uses protos_that_are_not_here.Proto.keys()[0], which cannot be imported here"
