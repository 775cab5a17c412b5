"""The schema of a running server as values: what its catalogs say, read in one transaction."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from psycopg import sql

from sluicegate.pg.connect import translated
from sluicegate.snapshot.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Connection

    from sluicegate.catalog.model import Catalog

_HEAD = re.compile(r"^-- name: (?P<name>\w+)\n", re.MULTILINE)
_SCHEMA_PUBLICATIONS = 150_000  # FOR TABLES IN SCHEMA came with PostgreSQL 15


def load_catalog(connection: Connection[Any]) -> Catalog:
    """Read a database's schema.

    The reads share one snapshot, so that the values fit together; a transaction that is open is used as it is.

    Args:
        connection: an open connection; nothing is written.

    Raises:
        ServerError: the server refuses a read.
    """
    version = connection.info.server_version
    with translated("reading the schema"), connection.transaction():
        connection.execute("SET LOCAL search_path TO ''")
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for name, statement in statements().items():
            if name == "publication_schemas" and version < _SCHEMA_PUBLICATIONS:
                rows[name] = []
                continue
            rows[name] = connection.execute(statement).fetchall()
    return Rows(rows).catalog(version // 10_000)


@functools.cache
def statements() -> Mapping[str, sql.SQL]:
    """Return the statements of ``catalog.sql`` by name."""
    return named_statements("catalog.sql")


def named_statements(file: str) -> Mapping[str, sql.SQL]:
    """Return the statements of an SQL file of this package by name."""
    text = resources.files("sluicegate.snapshot").joinpath(file).read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    return {
        head["name"]: sql.SQL(text[head.end() : following.start() if following else len(text)].strip().rstrip(";"))
        for head, following in zip(heads, [*heads[1:], None], strict=True)
    }
