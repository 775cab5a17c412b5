"""What capture_history is told: order, selection, transactions, settings, drivers, conventions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from capture_reading import statements

from sluicegate.capture.location import find_script_location
from sluicegate.capture.revisions import capture_history

Project = Callable[..., Path]


def whole_file(revision: str, down: object, *, more: str = "", body: str = "op.execute('SELECT 1')") -> str:
    head = f"from alembic import op\nrevision = {revision!r}\ndown_revision = {down!r}\n{more}\n\n"
    return f"{head}def upgrade():\n    {body}\n"


@pytest.fixture
def branching(project: Project) -> Path:
    where = project(
        ini="script_location = %(here)s\npath_separator = space\n"
        "version_locations = %(here)s/versions %(here)s/extra/versions\n",
        root=whole_file("root", None),
        left1=whole_file("left1", "root", more="branch_labels = ('left',)"),
        left2=whole_file("left2", "left1"),
        right1=whole_file("right1", "root", more="depends_on = 'other1'"),
        right2=whole_file("right2", "right1"),
        merge=whole_file("merge", ("left2", "right2")),
        after=whole_file("after", "merge"),
    )
    (where / "extra" / "versions").mkdir(parents=True)
    (where / "extra" / "versions" / "other1.py").write_text(whole_file("other1", None, more="branch_labels = 'other'"))
    (where / "extra" / "versions" / "other2.py").write_text(whole_file("other2", "other1", more="depends_on = 'left'"))
    return where


def test_revisions_come_in_alembics_order(branching: Path) -> None:
    script = ScriptDirectory.from_config(Config(str(branching / "alembic.ini")))
    upwards = script.revision_map.iterate_revisions("heads", (), implicit_base=True)
    expected = [revision.revision for revision in upwards][::-1]
    history = capture_history(branching, version=16)
    assert [revision.revision for revision in history] == expected
    found = {revision.revision: revision for revision in history}
    assert found["merge"].down_revisions == ("left2", "right2")
    assert found["right1"].depends_on == ("other1",)
    assert found["left1"].branch_labels == ("left",)


def test_a_selection_runs_what_must_precede_it_and_returns_only_itself(branching: Path) -> None:
    assert [r.revision for r in capture_history(branching, version=16, revisions=["right2"])] == ["right2"]


def test_what_is_deployed_is_not_run_and_its_schema_is_given(project: Project) -> None:
    where = project(
        one="raise RuntimeError('deployed long ago')",
        two="for column in sa.inspect(op.get_bind()).get_columns('old'):\n    op.drop_column('old', column['name'])",
    )
    history = capture_history(
        where, version=16, deployed=["one"], schema="CREATE TABLE public.old (a integer, b text);"
    )
    assert [revision.revision for revision in history] == ["two"]
    assert statements(history[0]) == ['ALTER TABLE "old" DROP COLUMN a', 'ALTER TABLE "old" DROP COLUMN b']


@pytest.mark.parametrize("each", [False, True])
def test_transactions_end_with_the_revision_only_when_told(project: Project, each: bool) -> None:
    where = project(one="op.execute('SELECT 1')", two="op.execute('SELECT 2')")
    first, second = capture_history(where, version=16, transaction_per_migration=each)
    assert (first.statements[0].transaction == second.statements[0].transaction) is not each


def test_settings_of_the_connection_are_in_force_until_the_revision_changes_them(project: Project) -> None:
    where = project(
        one="for sql in ('SELECT 1', 'SET lock_timeout = 0', 'RESET ALL', 'SELECT 2'):\n    op.execute(sql)"
    )
    (revision,) = capture_history(where, version=16, settings={"lock_timeout": "5s"})
    assert [s.settings["lock_timeout"] for s in revision.statements] == ["5s", "5s", "0", "5s"]


@pytest.mark.parametrize(
    ("ini", "driver", "autocommit"),
    [
        ("sqlalchemy.url = postgresql+psycopg://localhost/shop", None, False),
        ("sqlalchemy.url = postgresql+asyncpg://localhost/shop", None, True),
        ("sqlalchemy.url = postgresql+psycopg://localhost/shop", "psycopg2", True),
        ("", None, True),
    ],
)
def test_what_a_commit_as_text_leaves_behind_depends_on_the_driver(
    project: Project, ini: str, driver: str | None, autocommit: bool
) -> None:
    where = project(
        ini=f"script_location = %(here)s\n{ini}\n",
        one="op.execute('COMMIT')\nop.execute('VACUUM')\nop.execute('BEGIN')\nop.execute('SELECT 1')",
    )
    (revision,) = capture_history(where, version=16, driver=driver)
    assert [s.autocommit for s in revision.statements] == [False, autocommit, False, False]


def test_the_server_version_decides_what_computed_renders(project: Project) -> None:
    where = project(one="op.add_column('t', sa.Column('c', sa.Integer, sa.Computed('a + 1')))")
    texts = [statements(capture_history(where, version=version)[0])[0] for version in (16, 18)]
    assert texts[0] == "ALTER TABLE t ADD COLUMN c INTEGER GENERATED ALWAYS AS (a + 1) STORED"
    # SQLAlchemy 2.1 leaves the choice to PostgreSQL 18, whose default is VIRTUAL; 2.0 writes STORED.
    assert texts[1] in ("ALTER TABLE t ADD COLUMN c INTEGER GENERATED ALWAYS AS (a + 1)", texts[0])


def test_constraints_without_a_name_get_the_convention(project: Project) -> None:
    where = project(one="op.create_unique_constraint(None, 't', ['a'])")
    (revision,) = capture_history(where, version=16, naming_convention={"uq": "uq_%(table_name)s_%(column_0_name)s"})
    assert statements(revision) == ["ALTER TABLE t ADD CONSTRAINT uq_t_a UNIQUE (a)"]


def test_downgrades_run_on_the_schema_of_their_own_revision(project: Project) -> None:
    where = project(
        one=whole_file("one", None, body="op.execute('CREATE TABLE t (a int)')")
        + "\n\ndef downgrade():\n    op.execute('DROP TABLE t')\n",
        two=whole_file("two", "one", body="op.execute('ALTER TABLE t ADD COLUMN b int')")
        + "\n\ndef downgrade():\n    import sqlalchemy as sa\n"
        "    for column in sa.inspect(op.get_bind()).get_columns('t'):\n"
        "        op.execute(f\"COMMENT ON COLUMN t.{column['name']} IS NULL\")\n",
        three=whole_file("three", "two"),
    )
    found = {r.revision: r for r in capture_history(where, version=16, downgrade=True)}
    assert statements(found["one"]) == ["DROP TABLE t"]
    assert statements(found["two"]) == ["COMMENT ON COLUMN t.a IS NULL", "COMMENT ON COLUMN t.b IS NULL"]
    assert found["three"].reason == "it has no downgrade()"


def test_a_downgrade_that_hangs_leaves_the_others_readable(project: Project) -> None:
    hanging = (
        whole_file("one", None, body="op.execute('CREATE TABLE t ()')") + "\n\ndef downgrade():\n    while True: pass\n"
    )
    where = project(
        one=hanging, two=whole_file("two", "one") + "\n\ndef downgrade():\n    op.execute('DROP TABLE t')\n"
    )
    found = {r.revision: r for r in capture_history(where, version=16, downgrade=True, timeout=1.5)}
    assert found["one"].reason == "downgrade() takes longer than 1.5 s and was stopped"
    assert statements(found["two"]) == ["DROP TABLE t"]


def test_modules_with_operations_of_their_own_are_imported_first(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    library = tmp_path_factory.mktemp("library")
    where = project(
        ini=f"script_location = %(here)s\nprepend_sys_path = {library}\npath_separator = os\n",
        one="op.add_note('t', 'kept')",
    )
    (library / "notes.py").write_text(
        "from alembic.operations import MigrateOperation, Operations\n\n\n"
        "@Operations.register_operation('add_note')\nclass AddNoteOp(MigrateOperation):\n"
        "    def __init__(self, table, text):\n        self.table, self.text = table, text\n\n"
        "    @classmethod\n    def add_note(cls, operations, table, text):\n"
        "        return operations.invoke(cls(table, text))\n\n\n"
        "@Operations.implementation_for(AddNoteOp)\ndef run(operations, operation):\n"
        "    operations.execute(f\"COMMENT ON TABLE {operation.table} IS '{operation.text}'\")\n"
    )
    (revision,) = capture_history(where, version=16, operation_modules=("notes",))
    assert statements(revision) == ["COMMENT ON TABLE t IS 'kept'"]
    assert (revision.statements[0].origin, revision.statements[0].operation) == ("op", "add_note")


def test_the_template_for_several_databases_runs_every_upgrade(project: Project) -> None:
    where = project(
        one="from alembic import op\nrevision = 'one'\ndown_revision = None\n\n\n"
        "def upgrade(engine_name):\n    globals()[f'upgrade_{engine_name}']()\n\n\n"
        "def upgrade_first():\n    op.execute('SELECT 1')\n\n\ndef upgrade_second():\n    op.execute('SELECT 2')\n"
    )
    (revision,) = capture_history(where, version=16)
    assert statements(revision) == ["SELECT 1", "SELECT 2"]


def test_revisions_may_ask_the_context(project: Project) -> None:
    where = project(
        one="""
            revision = "one"
            down_revision = None
            from alembic import context, op

            x = context.get_x_argument(as_dictionary=True)


            def upgrade():
                assert not context.is_offline_mode()
                assert context.config.get_main_option("script_location")
                assert context.script.get_revision("one").revision == "one"
                assert op.get_context().dialect.server_version_info == (17, 0)
                assert x == {}
                op.execute("SELECT 1")
        """
    )
    (revision,) = capture_history(find_script_location(where), version=17)
    assert (revision.reason, statements(revision)) == (None, ["SELECT 1"])


def test_nothing_of_psycopg_is_loaded(project: Project) -> None:
    where = project(one="import sys\nop.execute(f\"COMMENT ON TABLE t IS '{'psycopg' in sys.modules}'\")")
    assert statements(capture_history(where, version=16)[0]) == ["COMMENT ON TABLE t IS 'False'"]


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ("psycopg2", "UPDATE t SET n='0', doc='{\"a\": 1}' WHERE t.n = '1' AND t.id IN (2, 3)"),
        (
            "psycopg",
            (
                "UPDATE t SET n='0'::VARCHAR, doc='{\"a\": 1}'::JSON WHERE t.n = '1'::VARCHAR"
                " AND t.id IN (2::INTEGER, 3::INTEGER)"
            ),
        ),
    ],
)
def test_parameters_are_typed_as_the_driver_of_the_project_sends_them(
    project: Project, driver: str, expected: str
) -> None:
    where = project(
        one="""
        t = sa.table("t", sa.column("id", sa.Integer), sa.column("n", sa.String), sa.column("doc", sa.JSON))
        op.execute(t.update().values(n="0", doc={"a": 1}).where(t.c.n == "1", t.c.id.in_([2, 3])))
        """
    )
    (revision,) = capture_history(where, version=16, driver=driver)
    assert statements(revision) == [expected]
