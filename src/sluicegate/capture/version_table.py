"""The schema that a first revision finds: nothing but Alembic's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.dump import load_script

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog

VERSION_TABLE = "alembic_version"


def starting_catalog(version: int, *, table: str = VERSION_TABLE, schema: str | None = None) -> Catalog:
    """Return an empty database in which Alembic has made its version table, as it does before the first revision.

    Args:
        version: the server's major version.
        table: ``version_table`` of the environment.
        schema: ``version_table_schema`` of the environment.
    """
    name = f"{_quoted(schema or 'public')}.{_quoted(table)}"
    script = f"CREATE SCHEMA {_quoted(schema)};" if schema not in (None, "public") else ""
    script += (
        f"CREATE TABLE {name} (version_num VARCHAR(32) NOT NULL,"
        f" CONSTRAINT {_quoted(f'{table}_pkc')} PRIMARY KEY (version_num))"
    )
    return load_script(script, version=version)


def _quoted(name: str | None) -> str:
    return '"' + (name or "").replace('"', '""') + '"'
