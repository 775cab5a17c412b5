"""Ask the server everything before a backfill starts, in one pass, and say for each answer what to do about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from sluicegate.backfill import preflight
from sluicegate.backfill.append_only import changed_tables
from sluicegate.backfill.burdens import burdens
from sluicegate.backfill.checks import Check, Verdict
from sluicegate.backfill.chunks import Range
from sluicegate.backfill.definition import Apply
from sluicegate.backfill.staged import Staged
from sluicegate.backfill.statements import bound_parameters
from sluicegate.backfill.touched import Touched, touched_tables
from sluicegate.pg.errors import sqlstate_of, words_of
from sluicegate.store import schema
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.preflight import Preflight
    from sluicegate.backfill.statements import Statements
    from sluicegate.store.runs import Connection

_STALE_ROWS, _STALE_SHARE = 50_000, 0.2
"""Statistics are called stale when more rows than both have changed since they were collected."""

_LARGE_PAGES = 1024
"""A table of so many pages (8 MB) is too large to be read in full for every chunk."""

_LAST_IDS = 2_147_483_648 - 3_000_000
"""Where the server stops handing out transaction ids (PostgreSQL 18 source, varsup.c: xidStopLimit)."""


def examine(
    connection: Connection,
    loaded: LoadedBackfill,
    *,
    batch_size: int,
    expected: Mapping[str, str],
    append_only: Iterable[str],
) -> list[Check]:
    """Return every check with its verdict; nothing is changed, and no question keeps another from being asked.

    Args:
        connection: the target database, not in autocommit.
        loaded: the backfill.
        batch_size: keys in a chunk, for the plan.
        expected: what the policy says about the target: ``database`` and ``cluster`` (the system identifier).
        append_only: ``schema.table`` names of which no row may change.
    """
    definition = loaded.definition
    checks, found = preflight.foundations(connection, definition)
    checks += _where(connection, expected)
    checks += _state_schema(connection)
    checks += _append_only(loaded, append_only)
    tables = touched_tables(definition)
    oids: dict[int, Touched] = {}
    for table, fact in zip(tables, _relations(connection, tables), strict=True):
        checks += _relation(table, fact)
        if fact.oid is not None and table.writes:
            oids[fact.oid] = table
            checks += burdens(connection, table, fact.oid, str(fact.shown))
    checks += _transaction_ids(connection)
    if found is not None:
        checks += _statistics(connection, loaded, found)
        checks += _plan(connection, found, batch_size)
        checks += _room(connection, loaded, tuple(oids))
    connection.rollback()
    return checks


def refused(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that keep the backfill from starting."""
    return [check for check in checks if check.verdict is Verdict.REFUSED]


def _ask(connection: Connection, query: str, **parameters: Any) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(statement(query), parameters))


def _where(connection: Connection, expected: Mapping[str, str]) -> Iterator[Check]:
    """Compare the database with the one that the policy names."""
    database = connection.info.dbname
    if "database" in expected and expected["database"] != database:
        yield Check.refused(
            "database",
            f"This is database {database}; the policy says that backfills run in {expected['database']}.",
            "Correct --database-url, or [target] database in the policy file.",
        )
    elif "database" in expected:
        yield Check.ok("database", f"{database}, as the policy says.")
    if "cluster" not in expected:
        return
    try:
        with connection.transaction():
            [fact] = _ask(connection, "cluster_facts")
    except psycopg.errors.InsufficientPrivilege as error:
        yield Check.unknown(
            "cluster", f"The server's identity may not be read: {words_of(error)}.", "GRANT EXECUTE on that function."
        )
        return
    if str(fact.identifier) != expected["cluster"]:
        yield Check.refused(
            "cluster",
            f"This server is cluster {fact.identifier}; the policy says {expected['cluster']}.",
            "Correct --database-url, or [target] cluster in the policy file.",
        )
    else:
        yield Check.ok("cluster", f"{fact.identifier}, as the policy says.")


def _state_schema(connection: Connection) -> Iterator[Check]:
    try:
        schema.require(connection)
    except schema.StateSchemaError as error:
        yield Check.refused("state schema", error.message, error.hint or "")
        return
    except psycopg.errors.InsufficientPrivilege as error:
        connection.rollback()
        yield Check.refused("state schema", f"{words_of(error)}.", _grant_all(connection))
        return
    lacking = [str(one.name) for one in _ask(connection, "state_privileges")]
    if lacking:
        yield Check.refused(
            "state schema",
            f"{connection.info.user} may not read and write {', '.join(lacking)} in schema sluicegate.",
            _grant_all(connection),
        )
    else:
        yield Check.ok("state schema", f"Schema sluicegate has version {schema.VERSION} and may be written.")


def _grant_all(connection: Connection) -> str:
    role = sql.Identifier(connection.info.user).as_string(connection)
    return (
        f"GRANT USAGE ON SCHEMA sluicegate TO {role}; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sluicegate TO {role};"
    )


def _append_only(loaded: LoadedBackfill, append_only: Iterable[str]) -> Iterator[Check]:
    declared = tuple(append_only)
    changes = list(changed_tables(loaded, declared))
    for verb, table in changes:
        yield Check.refused(
            "append-only",
            f"apply does {verb} on {table}, which the policy declares append-only.",
            "Write to a sidecar table beside it, keyed like it, and leave its rows alone.",
        )
    if not changes and declared:
        yield Check.ok("append-only", "No row of an append-only table is changed.")


def _relations(connection: Connection, tables: tuple[Touched, ...]) -> list[Any]:
    names = [sql.Identifier(*table.parts).as_string(connection) for table in tables]
    return _ask(connection, "relation_facts", names=names)


def _relation(table: Touched, fact: Any) -> Iterator[Check]:
    name = ".".join(table.parts)
    if fact.oid is None:
        yield Check.refused(
            "tables",
            f"The SQL names {name}, and there is no such table on the search path.",
            "Run the expand revision first (alembic current), or correct the name.",
        )
        return
    if fact.hidden:
        yield Check.refused(
            "row security",
            f"Row security hides rows of {fact.shown} from {fact.role}: done rows would look missing.",
            "Connect as the table's owner, or as a user with BYPASSRLS.",
        )
    lacking = sorted(verb for verb in table.verbs if not getattr(fact, f"may_{verb.lower()}"))
    if lacking:
        yield Check.refused(
            "privileges",
            f"{fact.role} lacks {', '.join(lacking)} on {fact.shown}.",
            f"GRANT {', '.join(lacking)} ON {fact.shown} TO {fact.role};",
        )
    else:
        yield Check.ok("privileges", f"{fact.role} has {', '.join(sorted(table.verbs))} on {fact.shown}.")


def _statistics(connection: Connection, loaded: LoadedBackfill, found: Preflight) -> Iterator[Check]:
    table = loaded.definition.table
    cure = f"ANALYZE {table}; or: sluicegate backfill run {loaded.name} --analyze"
    if not found.analysed:
        yield Check.warning("statistics", f"{table} has no statistics, so the server may plan chunks badly.", cure)
        return
    schema_name, name = loaded.definition.relation
    [fact] = _ask(connection, "statistics_facts", schema=schema_name, name=name)
    if fact.changed > max(_STALE_ROWS, _STALE_SHARE * max(found.estimate, 0)):
        yield Check.warning(
            "statistics", f"{fact.changed:,} rows of {table} changed since its statistics were collected.", cure
        )
    else:
        yield Check.ok("statistics", f"About {found.estimate:,} rows, by statistics that are fresh.")


def _plan(connection: Connection, found: Preflight, size: int) -> Iterator[Check]:
    """Have the server plan the second chunk, and look for tables that it would read in full each time."""
    client = psycopg.ClientCursor(connection)
    statements = found.statements
    try:
        with connection.transaction(force_rollback=True):
            client.execute(statement("by_index").decode())
            top = client.execute(statements.upper()).fetchone()
            everything = Range(None, tuple(top) if top else None)
            ahead = statements.strides if statements.dense and top else statements.bounds
            ends = client.execute(
                ahead(everything), {**bound_parameters(everything), "size": size, "window": 2}
            ).fetchall()
        keys = Range(tuple(ends[0]), tuple(ends[1])) if len(ends) == 2 else everything
        with connection.transaction(force_rollback=True):
            plans = [
                client.execute(
                    sql.SQL("EXPLAIN (FORMAT JSON, VERBOSE) {}").format(one), bound_parameters(keys)
                ).fetchone()
                for one in _of_a_chunk(client, statements, keys)
            ]
    except psycopg.Error as error:
        if sqlstate_of(error) is None or connection.closed:
            raise
        yield Check.refused(
            "statement",
            f"The server refuses a chunk's statement: {words_of(error)} (SQLSTATE {error.sqlstate}).",
            "Grant what is missing." if error.sqlstate == "42501" else "Correct the definition, or the schema.",
        )
        return
    yield Check.ok("statement", "The server accepts a chunk's statement.")
    if len(ends) < 2:
        yield Check.ok("plan", "The table holds fewer than two chunks; any plan will do.")
        return
    read = sorted({name for plan in plans for name in _read_in_full(plan[0] if plan else [])})
    large = [fact for fact in _ask(connection, "relation_facts", names=read) if fact.pages >= _LARGE_PAGES]
    for fact in large:
        yield Check.warning(
            "plan",
            f"Every chunk would read the whole of {fact.shown} ({fact.size}), so the run slows down as it grows.",
            f"ANALYZE {fact.shown}; if it stays so, join it by an indexed column that equals the key.",
        )
    if not large:
        yield Check.ok("plan", "A chunk reads a range of an index, and no large table in full.")


def _of_a_chunk(client: psycopg.ClientCursor[Any], statements: Statements, keys: Range) -> list[sql.Composed]:
    """Return what is run for a chunk; what it needs is there until the transaction is rolled back."""
    if not isinstance(statements.definition.apply, Apply):
        return [statements.apply(keys)]
    staged = Staged.of(statements)
    client.execute(staged.stage())
    return [staged.read(keys), staged.write(keys)]


def _read_in_full(plan: Any) -> Iterator[str]:
    """Yield the quoted names of the tables that sequential scans of a plan read."""
    pending = list(plan)
    while pending:
        node = pending.pop()
        if "Plan" in node:
            pending.append(node["Plan"])
        pending += node.get("Plans", [])
        if node.get("Node Type") == "Seq Scan" and "Relation Name" in node:
            yield ".".join('"{}"'.format(node[part].replace('"', '""')) for part in ("Schema", "Relation Name"))


def _transaction_ids(connection: Connection) -> Iterator[Check]:
    [fact] = _ask(connection, "transaction_ids")
    left = max(_LAST_IDS - max(fact.xids, fact.multixacts), 0)
    if fact.failsafe:
        yield Check.refused(
            "transaction ids",
            f"Only {left:,} transaction ids are left before the server stops writing.",
            "Find what holds vacuum back (old transactions, slots, prepared transactions), then VACUUM (FREEZE) the "
            "oldest tables.",
        )
    elif fact.due:
        yield Check.warning(
            "transaction ids",
            f"Vacuums against wraparound are due now ({left:,} ids are left) and compete with the backfill.",
            "Let them finish first: SELECT relid::regclass, phase FROM pg_stat_progress_vacuum;",
        )
    else:
        yield Check.ok("transaction ids", f"{left:,} are left; a backfill takes one for each chunk.")


def _room(connection: Connection, loaded: LoadedBackfill, written: tuple[int, ...]) -> Iterator[Check]:
    """Compare what the backfill may add with the free space, where the server runs on this machine."""
    schema_name, name = loaded.definition.relation
    [fact] = _ask(connection, "room_facts", schema=schema_name, name=name)
    updated = fact.oid in written
    need = int(fact.table_bytes * (2 if updated else 1))
    words = f"It may take {_size(need)}, WAL included, if " + (
        "every row is written anew." if updated else "what is written is as large as the table."
    )
    folder = Path(fact.directory) if fact.directory else None
    # A path means something here only if the server is reached by a socket of this machine.
    if folder is None or not connection.info.host.startswith("/") or not os.access(folder, os.R_OK):
        yield Check.unknown(
            "disk space", f"The server does not tell how much space is free. {words}", "Look there: df -h."
        )
        return
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free < need:
        yield Check.warning("disk space", f"{_size(free)} are free. {words}", "Free space first, or run it in parts.")
    else:
        yield Check.ok("disk space", f"{_size(free)} are free. {words}")


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} TB"
