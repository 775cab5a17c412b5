"""Ask the server, before the first chunk, everything that would make a backfill wrong, endless or slow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import namedtuple_row

from sluicegate.backfill.definition import CHUNK, Backfill, Sidecar, TableName
from sluicegate.backfill.implied import CHUNK_NAME, in_condition, in_statement
from sluicegate.backfill.statements import KeyColumn, Statements
from sluicegate.errors import UsageError
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from sluicegate.backfill.implied import Implied
    from sluicegate.store.runs import Connection

_IMPLYING = frozenset(
    {
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
    [server] = _ask(connection, "server_facts")
    if server.standby:
        raise PreflightError("This server is a standby: it only reads.", hint="Name the primary with --database-url.")
    schema, name = definition.relation
    table = next(iter(_ask(connection, "table_facts", schema=schema, name=name)), None)
    if table is None or table.kind not in ("r", "p"):
        raise PreflightError(
            f"There is no table {schema}.{name} in database {server.database}.",
            hint="Check the database's name and whether the expand revision has run: alembic current.",
        )
    if table.hidden:
        raise PreflightError(
            f"Row security hides rows of {schema}.{name} from {server.role}, so they would be left out silently.",
            hint="Connect as the table's owner, or as a user with BYPASSRLS.",
        )
    columns = _key(connection, definition, table.oid)
    if isinstance(definition.tracking, Sidecar):
        _check_sidecar(connection, definition, columns)
    implied = frozenset(one for one in _implied(definition) if _confirmed(connection, one, columns[0]))
    statements = Statements(definition, columns, implied)
    if len(columns) == 1 and columns[0].type in _WHOLE and table.estimate > 0:
        spread = connection.execute(statements.spread()).fetchone()
        dense = spread is not None and spread[0] is not None and spread[0] * _DENSE <= table.estimate
        statements = replace(statements, dense=dense)
    return Preflight(statements, table.estimate, table.analysed, server.database, server.role)


def _ask(connection: Connection, query: str, **parameters: Any) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(statement(query), parameters))


def _key(connection: Connection, definition: Backfill, oid: int) -> tuple[KeyColumn, ...]:
    keys = definition.keys
    columns = _ask(connection, "column_facts", columns=list(keys), oid=oid)
    indexes = _ask(connection, "index_facts", oid=oid)
    shown = ", ".join(keys)
    for column in columns:
        if column.type is None:
            raise PreflightError(
                f"{definition.table} has no column {column.name!r}, which the key names.", hint="Correct key=…"
            )
        if not column.not_null:
            raise PreflightError(
                f"Key column {column.name} of {definition.table} may be NULL, and a range walk never meets such rows.",
                hint="Take a NOT NULL column as key, such as the primary key.",
            )
    if not any(index.is_unique and set(index.columns) <= set(keys) for index in indexes):
        raise PreflightError(
            f"Nothing makes ({shown}) unique in {definition.table}: rows that share a key at a chunk's edge would be "
            "left out or taken twice.",
            hint="Add the primary key as the last key column: key=(…, 'id').",
        )
    count = len(keys)
    if not any(tuple(index.columns[:count]) == keys and all(index.usable[:count]) for index in indexes):
        raise PreflightError(
            f"No index of {definition.table} begins with ({shown}), so every chunk would read the whole table.",
            hint=f"Create one in a revision: CREATE INDEX CONCURRENTLY ON {definition.table} ({shown}).",
        )
    return tuple(
        KeyColumn(
            column.name, column.type, f" collation version {column.collation_version}" if column.collatable else ""
        )
        for column in columns
    )


def _check_sidecar(connection: Connection, definition: Backfill, key: tuple[KeyColumn, ...]) -> None:
    tracking = definition.tracking
    if not isinstance(tracking, Sidecar):
        return
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
    hint = f"Create it in the expand revision: {create};"
    row = next(iter(_ask(connection, "table_facts", schema=table.schema, name=table.name)), None)
    if row is None:
        raise PreflightError(f"There is no sidecar table {tracking.table}.", hint=hint)
    for column in _ask(connection, "column_facts", columns=list(wanted), oid=row.oid):
        if column.type != wanted[column.name]:
            what = f"is {column.type}, not {wanted[column.name]}" if column.type else "is missing"
            raise PreflightError(f"Column {column.name} of sidecar {tracking.table} {what}.", hint=hint)
    indexes = _ask(connection, "index_facts", oid=row.oid)
    if not any(index.is_unique and set(index.columns) == set(definition.sidecar_keys) for index in indexes):
        raise PreflightError(f"Sidecar {tracking.table} has no unique index on ({shown}).", hint=hint)


_EXTRA = {"reason": "", "source_hash": ""}


def _implied(definition: Backfill) -> tuple[Implied, ...]:
    first = definition.keys[0]
    shown = definition.apply.replace(CHUNK, CHUNK_NAME)
    return (*in_condition(definition.done, first), *in_statement(shown, first))


def _confirmed(connection: Connection, one: Implied, key: KeyColumn) -> bool:
    """Ask the server whether the column's type lets the conclusion hold."""
    if key.type not in _IMPLYING:
        return False
    relation = sql.Identifier(*([one.schema] if one.schema else []), one.table).as_string(connection)
    parameters = {"relation": relation, "column": one.column, "type": key.type}
    return connection.execute(statement("same_type"), parameters).fetchone() is not None
