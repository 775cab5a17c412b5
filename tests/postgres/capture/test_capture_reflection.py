"""The inspector over the replayed catalog says what the inspector over a server says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from sluicegate.capture.dialect import RecordingServer
from sluicegate.capture.places import Places
from sluicegate.capture.recorder import Recorder
from sluicegate.catalog.dump import load_script

# SQLAlchemy says so of composite and range types, over a server and over the catalog.
pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type")

REFLECTS_CLASSES = not sa.__version__.startswith("2.0.")  # operator classes are reflected since 2.1
SCHEMA = (Path(__file__).parents[2] / "data" / "schema.sql").read_text()


def recording_engine(sql: str, version: int) -> sa.Engine:
    recorder = Recorder(
        places=Places([], working_directory=Path()),
        version=version,
        catalog=load_script(sql, version=version),
        settings={},
        keeps_transaction_after_commit=False,
        emit=lambda _: None,
    )
    return RecordingServer(recorder).engine


@pytest.fixture
def inspectors(server, database: str) -> tuple[Any, Any]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP EXTENSION vector")
        connection.execute(SCHEMA)
    engine = sa.create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    recorded = recording_engine(SCHEMA, server.version)
    with engine.connect() as connection, recorded.connect() as recording:
        yield sa.inspect(connection), sa.inspect(recording)
    engine.dispose()


def by_name(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in entries}


def column(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return what of a column two true descriptions must share."""
    unknown = isinstance(entry["type"], sa.types.NullType)
    kind = "unknown" if unknown else entry["type"].compile(dialect=sa.dialects.postgresql.dialect())
    computed = entry.get("computed")
    return (
        entry["name"],
        kind,
        entry["nullable"],
        entry["default"] is None,
        entry["autoincrement"],
        computed and computed["persisted"],
        "identity" in entry,
    )


def index(entry: dict[str, Any]) -> dict[str, Any]:
    options = {key: value for key, value in entry.get("dialect_options", {}).items() if key != "postgresql_where"}
    options.pop("postgresql_with", None)  # the server gives the values as text in another order
    # The server prints expressions its own way, so only the operator classes themselves are compared.
    options["postgresql_ops"] = list(options.get("postgresql_ops", {}).values()) if REFLECTS_CLASSES else None
    sorting = list((entry.get("column_sorting") or {}).values())
    return {
        "columns": entry["column_names"],
        "unique": entry["unique"],
        "sorting": sorting,
        "constraint": entry.get("duplicates_constraint"),
        "partial": "postgresql_where" in entry.get("dialect_options", {}),
        "options": {key: value for key, value in options.items() if value},
    }


def test_names_agree(inspectors: tuple[Any, Any]) -> None:
    real, ours = inspectors
    assert ours.get_schema_names() == sorted(real.get_schema_names())
    assert ours.default_schema_name == real.default_schema_name
    for schema in real.get_schema_names():
        if schema == "information_schema":
            continue
        for question in (
            "get_table_names",
            "get_view_names",
            "get_materialized_view_names",
            "get_sequence_names",
            "get_foreign_table_names",
        ):
            assert sorted(getattr(ours, question)(schema)) == sorted(getattr(real, question)(schema)), question


def each_table(inspector: Any) -> list[tuple[str, str]]:
    schemas = [name for name in inspector.get_schema_names() if name != "information_schema"]
    return [(table, schema) for schema in schemas for table in inspector.get_table_names(schema)]


@pytest.mark.parametrize(
    ("question", "essence"),
    [
        ("get_columns", lambda found: [column(entry) for entry in found]),
        ("get_pk_constraint", lambda found: (found["name"], found["constrained_columns"])),
        ("get_indexes", lambda found: {name: index(entry) for name, entry in by_name(found).items()}),
        (
            "get_foreign_keys",
            lambda found: {
                name: (
                    entry["constrained_columns"],
                    entry["referred_schema"],
                    entry["referred_table"],
                    entry["referred_columns"],
                    {key: value for key, value in entry["options"].items() if key != "initially"},
                )
                for name, entry in by_name(found).items()
            },
        ),
        (
            "get_unique_constraints",
            lambda found: {name: entry["column_names"] for name, entry in by_name(found).items()},
        ),
        ("get_check_constraints", lambda found: sorted(by_name(found))),
    ],
)
def test_every_table_is_described_alike(
    inspectors: tuple[Any, Any], question: str, essence: Callable[[Any], Any]
) -> None:
    real, ours = inspectors
    tables = each_table(real)
    assert len(tables) > 20
    differing = {}
    for table, schema in tables:
        theirs, mine = (essence(getattr(i, question)(table, schema)) for i in (real, ours))
        if theirs != mine:
            differing[schema, table] = (theirs, mine)
    assert differing == {}


def test_enums_and_domains_agree(inspectors: tuple[Any, Any]) -> None:
    real, ours = inspectors
    assert ours.get_enums("*") == real.get_enums("*")
    theirs = [domain for domain in real.get_domains("*") if domain["schema"] != "information_schema"]
    assert sorted(by_name(ours.get_domains("*"))) == sorted(by_name(theirs))


@pytest.mark.filterwarnings("ignore:Can't validate argument 'dialect_options'")  # as over a real server
def test_a_table_can_be_loaded_whole(inspectors: tuple[Any, Any]) -> None:
    for table, schema in each_table(inspectors[1]):
        loaded = [
            sa.Table(table, sa.MetaData(), schema=schema, autoload_with=inspector.bind) for inspector in inspectors
        ]
        assert [c.name for c in loaded[0].columns] == [c.name for c in loaded[1].columns]
        assert {c.name for c in loaded[0].constraints} == {c.name for c in loaded[1].constraints}
