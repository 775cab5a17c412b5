"""A definition that makes no sense is refused with its file, its line, what is wrong and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

import sluicegate
from sluicegate import Backfill, HighWatermark, Sidecar
from sluicegate.backfill.append_only import AppendOnlyError, refuse_changes
from sluicegate.backfill.definition import TableName
from sluicegate.backfill.loader import find, load, load_all, select
from sluicegate.errors import UsageError

GOOD = '''"""What it is for."""

from sluicegate import Backfill, HighWatermark, Sidecar

backfill = Backfill(
    revision="0003",
    table="public.events",
    key="id",
    where="payload <> '' -- all but the empty ones",
    done="EXISTS (SELECT 1 FROM s WHERE s.event_id = row.id)",
    apply="""
        INSERT INTO s SELECT row.id FROM {chunk} AS row
    """,
    tracking=HighWatermark(),
)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good backfill, named as people name it."""
    (tmp_path / "backfills").mkdir()
    (tmp_path / "backfills" / "0003_status.py").write_text(GOOD)
    return tmp_path / "backfills"


def refused(folder: Path, before: str, after: str) -> tuple[str, str | None]:
    """Change the good definition and return the refusal, without the folder's path."""
    path = folder / "0003_status.py"
    assert before in GOOD
    path.write_text(GOOD.replace(before, after))
    with pytest.raises(UsageError) as caught:
        load(path)
    assert caught.value.exit_code == 2
    return caught.value.message.replace(f"{folder}/", ""), caught.value.hint


def test_a_backfill_is_loaded_by_path_and_named_after_its_file(folder: Path) -> None:
    loaded = load(folder / "0003_status.py")
    assert (loaded.name, loaded.number) == ("0003_status", "0003")
    assert loaded.definition.relation == TableName("public", "events")
    assert loaded.definition.keys == ("id",)


@pytest.mark.parametrize(
    ("before", "after", "message", "hint"),
    [
        (
            'table="public.events"',
            'table="events"',
            "0003_status.py:7: table='events' is no qualified table name.",
            (
                'Write schema and table, such as "public.events": what an unqualified name means depends on who is '
                "connected."
            ),
        ),
        (
            "{chunk}",
            "events",
            "0003_status.py:11: apply does not say {chunk}, so it would touch the whole table at once.",
            "Read the rows from the chunk: … FROM {chunk} AS row.",
        ),
        (
            "INSERT INTO s SELECT",
            "INSERT INTO s SELEC",
            (
                "0003_status.py:11: apply is not valid SQL near 'SELEC row.id FROM {chunk} AS r': syntax error at or "
                'near "SELEC"'
            ),
            "Correct the SQL of this argument.",
        ),
        (
            "INSERT INTO s SELECT row.id FROM {chunk} AS row",
            "CREATE TABLE s AS SELECT row.id FROM {chunk} AS row",
            "0003_status.py:11: apply is not an INSERT, UPDATE, DELETE, MERGE or SELECT.",
            "DDL belongs into a revision; transactions are the engine's.",
        ),
        (
            "payload <> ''",
            "payload <>",
            "0003_status.py:9: where is not valid SQL near ')': syntax error at or near \")\"",
            "Correct the SQL of this argument.",
        ),
        (
            "where=\"payload <> '' -- all but the empty ones\"",
            'where=""',
            "0003_status.py:9: where is empty.",
            'Write SQL; "true" stands for every row.',
        ),
        (
            'key="id"',
            'key=("id", "id")',
            "0003_status.py:8: key=('id', 'id') names a column twice.",
            "Name each column once.",
        ),
        (
            "tracking=HighWatermark()",
            'tracking=Sidecar(table="public.work", key=("a", "b"))',
            "0003_status.py:14: The sidecar has 2 key columns, the backfill has 1.",
            "Name them in the same order, or leave them out when they are called the same.",
        ),
        (
            "tracking=HighWatermark()",
            'after="0002"',
            "0003_status.py:14: after='0002' is no tuple of names.",
            'Write after=("0002",).',
        ),
        (
            "tracking=HighWatermark()",
            "batch_size=True",
            (
                "BATCH_SIZE=True (from 0003_status.py:14) is refused: it must be a whole number from 1 to 100,000, "
                "in digits only."
            ),
            None,
        ),
        (
            'revision="0003"',
            "revision=1 / 0",
            "0003_status.py:6: running the file raised ZeroDivisionError: division by zero",
            "A backfill's file only defines `backfill = Backfill(...)`; correct that line.",
        ),
        (
            "key=",
            "keys=",
            (
                "0003_status.py:5: running the file raised TypeError: Backfill.__init__() got an unexpected keyword "
                "argument 'keys'"
            ),
            "A backfill's file only defines `backfill = Backfill(...)`; correct that line.",
        ),
        (
            "backfill = Backfill",
            "backfill = = Backfill",
            "0003_status.py:5: not valid Python: invalid syntax.",
            "Correct that line.",
        ),
        (
            "backfill = Backfill",
            "other = Backfill",
            "0003_status.py defines no `backfill`.",
            "Write: from sluicegate import Backfill, HighWatermark; backfill = Backfill(...).",
        ),
    ],
)
def test_a_bad_definition_names_file_and_line(folder: Path, before: str, after: str, message: str, hint: str) -> None:
    said, advice = refused(folder, before, after)
    assert (said, advice) == (message, hint)


def test_a_backfill_is_chosen_by_number_name_file_or_path(folder: Path) -> None:
    path = folder / "0003_status.py"
    for name in ("0003", "0003_status", "0003_status.py", "backfills/0003_status.py"):
        assert select(folder, name) == path
    with pytest.raises(UsageError, match=r"There is no backfill '0004' in .*"):
        select(folder, "0004")
    (folder / "0003_other.py").write_text(GOOD)
    with pytest.raises(UsageError, match="2 backfills have the number 0003"):
        select(folder, "0003")
    assert [loaded.name for loaded in load_all(folder)] == ["0003_other", "0003_status"]


def test_a_file_that_is_not_called_like_a_backfill_is_not_passed_over(folder: Path) -> None:
    (folder / "__init__.py").write_text("")
    (folder / "notes.txt").write_text("")
    assert len(find(folder)) == 1
    (folder / "event_status.py").write_text(GOOD)
    with pytest.raises(UsageError, match=r"event_status\.py is not called like a backfill"):
        find(folder)


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(tmp_path / "backfills")
    assert caught.value.hint == "Create it with: sluicegate init; or name it with --dir."


@pytest.mark.parametrize(
    ("text", "schema", "name"),
    [("public.Events", "public", "events"), ('"My Schema"."a""b.c"', "My Schema", 'a"b.c'), ("a.b$1", "a", "b$1")],
)
def test_table_names_are_read_as_sql_reads_them(text: str, schema: str, name: str) -> None:
    assert TableName.read(text, "table") == (schema, name)


def make(**changes: object) -> Backfill:
    """A definition with changes."""
    given = {
        "revision": "1",
        "table": "public.t",
        "key": "id",
        "where": "true",
        "done": "row.x",
        "apply": "INSERT INTO s SELECT row.id FROM {chunk} AS row",
    }
    return Backfill(**{**given, **changes})  # type: ignore[arg-type]


def test_the_fingerprint_covers_what_is_written_and_not_how_fast() -> None:
    one = make()
    assert one.fingerprint == make(batch_size=5, sleep=3, after=("x",), revision="2").fingerprint
    changed = [make(where="false"), make(done="row.y"), make(apply="SELECT 1 FROM {chunk}"), make(key=("id", "x"))]
    changed += [make(tracking=Sidecar(table="public.w")), make(tracking=Sidecar(table="public.w", source="row.x"))]
    assert len({one.fingerprint, *(other.fingerprint for other in changed)}) == len(changed) + 1


@pytest.mark.parametrize(
    ("apply", "verb"),
    [
        ("UPDATE public.events SET x = 1 FROM {chunk} AS row WHERE events.id = row.id", "UPDATE"),
        ("UPDATE events SET x = 1 FROM {chunk} AS row WHERE events.id = row.id", "UPDATE"),
        ("DELETE FROM public.events USING {chunk} AS row WHERE events.id = row.id", "DELETE"),
        ("WITH u AS (UPDATE events SET x = 1 RETURNING id) SELECT 1 FROM {chunk} AS row, u", "UPDATE"),
        ("MERGE INTO events USING {chunk} AS row ON events.id = row.id WHEN MATCHED THEN DELETE", "MERGE"),
        (
            "INSERT INTO events SELECT row.* FROM {chunk} AS row ON CONFLICT (id) DO UPDATE SET x = 1",
            "INSERT … ON CONFLICT DO UPDATE",
        ),
    ],
)
def test_a_backfill_that_changes_an_append_only_table_is_refused(folder: Path, apply: str, verb: str) -> None:
    path = folder / "0003_status.py"
    path.write_text(GOOD.replace("INSERT INTO s SELECT row.id FROM {chunk} AS row", apply))
    with pytest.raises(AppendOnlyError) as caught:
        refuse_changes(load(path), ("public.events",), "safety/policy.toml")
    assert caught.value.message == (
        f"{path}: apply does {verb} on public.events, which safety/policy.toml declares append-only."
    )


def test_reading_an_append_only_table_is_fine(folder: Path) -> None:
    refuse_changes(load(folder / "0003_status.py"), ("public.events",), "safety/policy.toml")


def test_the_public_names_are_the_definitions_and_nothing_else_is_offered() -> None:
    assert sluicegate.HighWatermark is HighWatermark
    assert set(sluicegate.__all__) <= set(dir(sluicegate))
    with pytest.raises(AttributeError):
        _ = sluicegate.Nonsense
