"""Ask the server, before the first chunk, everything that would make a backfill wrong, endless or slow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import namedtuple_row

from sluicegate.backfill.checks import Check, Verdict
from sluicegate.backfill.definition import CHUNK, Backfill, Sidecar, TableName
from sluicegate.backfill.implied import CHUNK_NAME, in_condition, in_statement
from sluicegate.backfill.pages import PLACE, TYPE, Pages
from sluicegate.backfill.statements import KeyColumn, Statements
from sluicegate.errors import UsageError
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from sluicegate.backfill.implied import Implied
    from sluicegate.store.runs import Connection

_IMPLYING = frozenset(
    {
        "tid",
        *("smallint", "integer", "bigint", "numeric", "oid", "uuid", "date"),
        *("timestamp without time zone", "timestamp with time zone"),
    }
)
"""Types whose equality and order agree in every index and every column, so that a = b and b > x imply a > x."""


class PreflightError(UsageError):
    """The database is not as this backfill needs it."""


_WHOLE = ("smallint", "integer", "bigint")

_DENSE = Decimal("0.8")
"""From this share of used numbers on, chunks that are counted instead of walked are full enough."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the server said.

    Attributes:
        statements: the backfill's SQL, fitted to the key's types.
        estimate: the planner's guess of the table's rows; -1 when it has none.
        analysed: whether the table has statistics.
        database: the database's name.
        role: the user we are.
    """

    statements: Statements
    estimate: int
    analysed: bool
    database: str
    role: str

    @property
    def key_types(self) -> list[str]:
        """The key as it is recorded, so that a changed type or collation is noticed before a resumed run."""
        return [f"{column.name} {column.type}{column.version}" for column in self.statements.key]


def inspect(connection: Connection, definition: Backfill) -> Preflight:
    """Check the server and the table, and return the statements that fit them.

    Raises:
        PreflightError: something would make the backfill wrong; the message says what and what to do.
    """
    checks, found = foundations(connection, definition)
    if found is None:
        first = next(check for check in checks if check.verdict is Verdict.REFUSED)
        raise PreflightError(first.found, hint=first.cure)
    return found


def foundations(connection: Connection, definition: Backfill) -> tuple[list[Check], Preflight | None]:
    """Ask what no backfill can do without; the second value is None when any of it is refused.

    Every question is asked whose answer does not depend on one that was refused.
    """
    [server] = _ask(connection, "server_facts")
    checks = [_primary(server)]
    schema, name = definition.relation
    table = next(iter(_ask(connection, "table_facts", schema=schema, name=name)), None)
    if table is None or table.kind not in ("r", "p"):
        checks.append(
            Check.refused(
                "table",
                f"There is no table {schema}.{name} in database {server.database}.",
                "Check the database's name and whether the expand revision has run: alembic current.",
            )
        )
        return checks, None
    checks.append(Check.ok("table", f"{schema}.{name} is in database {server.database}."))
    checks.append(_visible(f"{schema}.{name}", server.role, hidden=table.hidden))
    by_page = definition.keys == (PLACE,)
    columns = _pages(definition, table, checks) if by_page else _key(connection, definition, table.oid, checks)
    if isinstance(definition.tracking, Sidecar) and columns is not None:
        checks.append(_sidecar(connection, definition, definition.tracking, columns))
    if columns is None or any(check.verdict is Verdict.REFUSED for check in checks):
        return checks, None
    implied = frozenset(one for one in _implied(definition) if _confirmed(connection, one, columns[0]))
    if by_page:
        pages = Pages(definition, columns, implied, dense=True)
        return checks, Preflight(pages, table.estimate, table.analysed, server.database, server.role)
    statements = Statements(definition, columns, implied)
    if len(columns) == 1 and columns[0].type in _WHOLE and table.estimate > 0:
        spread = connection.execute(statements.spread()).fetchone()
        dense = spread is not None and spread[0] is not None and spread[0] * _DENSE <= table.estimate
        statements = replace(statements, dense=dense)
    return checks, Preflight(statements, table.estimate, table.analysed, server.database, server.role)


def _primary(server: Any) -> Check:
    if server.standby:
        return Check.refused(
            "server", "This server is a standby: it only reads.", "Name the primary with --database-url."
        )
    return Check.ok("server", f"A primary; database {server.database}, user {server.role}.")


def _visible(table: str, role: str, *, hidden: bool) -> Check:
    if hidden:
        return Check.refused(
            "row security",
            f"Row security hides rows of {table} from {role}, so they would be left out silently.",
            "Connect as the table's owner, or as a user with BYPASSRLS.",
        )
    return Check.ok("row security", f"{role} sees every row of {table}.")


def _ask(connection: Connection, query: str, **parameters: Any) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(statement(query), parameters))


def _pages(definition: Backfill, table: Any, checks: list[Check]) -> tuple[KeyColumn, ...] | None:
    """Check a table that is walked by its pages; its file is part of the key, since a rewrite moves every row."""
    if table.kind != "r" or table.file is None:
        checks.append(
            Check.refused(
                "key",
                f"{definition.table} is partitioned, and each partition has pages of its own.",
                "Write a backfill for each partition, or walk it by its primary key.",
            )
        )
        return None
    checks.append(
        Check.ok("key", f"Walked by page (file {table.file}); VACUUM FULL or CLUSTER meanwhile would stop the run.")
    )
    return (KeyColumn(PLACE, TYPE, f" of file {table.file}"),)


def _key(connection: Connection, definition: Backfill, oid: int, checks: list[Check]) -> tuple[KeyColumn, ...] | None:
    """Add what the server says about the key to the checks; return its columns unless it cannot be walked."""
    keys, table = definition.keys, definition.table
    columns = _ask(connection, "column_facts", columns=list(keys), oid=oid)
    indexes = _ask(connection, "index_facts", oid=oid)
    shown = ", ".join(keys)
    refused: list[Check] = []
    for column in columns:
        if column.type is None:
            refused.append(
                Check.refused("key", f"{table} has no column {column.name!r}, which the key names.", "Correct key=…")
            )
        elif not column.not_null:
            refused.append(
                Check.refused(
                    "key",
                    f"Key column {column.name} of {table} may be NULL, and a range walk never meets such rows.",
                    "Take a NOT NULL column as key, such as the primary key.",
                )
            )
        elif column.recorded_version not in (None, column.collation_version):
            refused.append(
                Check.refused(
                    "key",
                    f"The collation of key column {column.name} of {table} had version {column.recorded_version} when "
                    f"its index was built and has version {column.collation_version} now, so the index may be out of "
                    "order and keys may be left out.",
                    "REINDEX the indexes on text, then ALTER COLLATION … (or ALTER DATABASE …) REFRESH VERSION.",
                )
            )
    if any(column.type is None for column in columns):
        checks += refused
        return None
    if not any(index.is_unique and set(index.columns) <= set(keys) for index in indexes):
        refused.append(
            Check.refused(
                "key",
                f"Nothing makes ({shown}) unique in {table}: rows that share a key at a chunk's edge would be "
                "left out or taken twice.",
                "Add the primary key as the last key column: key=(…, 'id').",
            )
        )
    count = len(keys)
    walked = (index for index in indexes if tuple(index.columns[:count]) == keys and all(index.usable[:count]))
    index = next(walked, None)
    if index is None:
        refused.append(
            Check.refused(
                "key index",
                f"No index of {table} begins with ({shown}), so every chunk would read the whole table.",
                f"Create one in a revision: CREATE INDEX CONCURRENTLY ON {table} ({shown}).",
            )
        )
    if not any(check.subject == "key" for check in refused):
        refused.insert(0, Check.ok("key", f"({shown}) is unique and never NULL."))
    if index is not None:
        refused.append(Check.ok("key index", f"{index.name} is valid and serves the walk."))
    checks += refused
    return tuple(
        KeyColumn(
            column.name, column.type, f" collation version {column.collation_version}" if column.collatable else ""
        )
        for column in columns
    )


def _sidecar(connection: Connection, definition: Backfill, tracking: Sidecar, key: tuple[KeyColumn, ...]) -> Check:
    table = TableName.read(tracking.table, "tracking")
    wanted = {
        **{name: column.type for name, column in zip(definition.sidecar_keys, key, strict=True)},
        "state": "text",
        "attempts": "integer",
        "reason": "text",
        "source_hash": "text",
        "updated_at": "timestamp with time zone",
    }
    shown = ", ".join(definition.sidecar_keys)
    create = (
        f"CREATE TABLE {tracking.table} ("
        + ", ".join(f"{name} {kind}{_EXTRA.get(name, ' NOT NULL')}" for name, kind in wanted.items())
        + f", PRIMARY KEY ({shown})); CREATE INDEX ON {tracking.table} ({shown}) WHERE state = 'pending'"
    )
    cure = f"Create it in the expand revision: {create};"
    row = next(iter(_ask(connection, "table_facts", schema=table.schema, name=table.name)), None)
    if row is None:
        return Check.refused("sidecar", f"There is no sidecar table {tracking.table}.", cure)
    for column in _ask(connection, "column_facts", columns=list(wanted), oid=row.oid):
        if column.type != wanted[column.name]:
            what = f"is {column.type}, not {wanted[column.name]}" if column.type else "is missing"
            return Check.refused("sidecar", f"Column {column.name} of sidecar {tracking.table} {what}.", cure)
    indexes = _ask(connection, "index_facts", oid=row.oid)
    if not any(index.is_unique and set(index.columns) == set(definition.sidecar_keys) for index in indexes):
        return Check.refused("sidecar", f"Sidecar {tracking.table} has no unique index on ({shown}).", cure)
    return Check.ok("sidecar", f"{tracking.table} has its columns and its unique index.")


_EXTRA = {"reason": "", "source_hash": ""}


def _implied(definition: Backfill) -> tuple[Implied, ...]:
    first = definition.keys[0]
    found = in_condition(definition.done, first)
    if isinstance(definition.apply, str):
        found += in_statement(definition.apply.replace(CHUNK, CHUNK_NAME), first)
    return found


def _confirmed(connection: Connection, one: Implied, key: KeyColumn) -> bool:
    """Ask the server whether the column's type lets the conclusion hold."""
    if key.type not in _IMPLYING:
        return False
    relation = sql.Identifier(*([one.schema] if one.schema else []), one.table).as_string(connection)
    parameters = {"relation": relation, "column": one.column, "type": key.type}
    return connection.execute(statement("same_type"), parameters).fetchone() is not None
