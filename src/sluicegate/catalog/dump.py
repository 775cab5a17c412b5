"""A schema from SQL text: what ``pg_dump --schema-only`` prints, or any script that creates one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluicegate.catalog.model import Catalog
from sluicegate.catalog.session import Session
from sluicegate.catalog.timeline import Timeline
from sluicegate.statements.script import Unreadable, read_script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def load_script(sql: str, *, version: int) -> Catalog:
    """Return the schema that a script creates in an empty database, as a complete catalog.

    psql's meta-commands and COPY data are passed over. Nothing counts as new: row counts are not known, and whether a
    materialized view holds rows is not known either, as a schema dump never says.

    Args:
        sql: the script.
        version: the server's major version, which decides some names.

    Raises:
        ParseError: the script holds something that PostgreSQL's parser does not accept.
    """
    timeline = Timeline(Catalog(complete=True, version=version), Session())
    for statement in read_script(sql):
        if isinstance(statement, Unreadable):
            raise statement.error
        timeline.start()
        timeline.advance(statement)
    return settled(timeline.catalog)


def settled(catalog: Catalog) -> Catalog:
    """Return a schema as it stands later: nothing in it is new, and what its tables hold is not known."""

    def old(value: Any) -> Any:
        changes: dict[str, Any] = {"created_in": 0} if value.created_in else {}
        if getattr(value, "rows", None) is not None:
            changes["rows"] = None
        if getattr(value, "populated", True) is False:
            changes["populated"] = None
        if getattr(value, "added_in", None):
            changes["added_in"] = {}
        return replace(value, **changes) if changes else value

    def all_old(values: Mapping[Any, Any]) -> dict[Any, Any]:
        return {name: old(value) for name, value in values.items()}

    return replace(
        catalog,
        relations=all_old(catalog.relations),
        indexes=all_old(catalog.indexes),
        types=all_old(catalog.types),
        transaction=0,
    )
