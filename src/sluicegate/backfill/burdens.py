"""What else happens in the database when a backfill writes to a table: triggers, keys, indexes, publications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import namedtuple_row

from sluicegate.backfill.checks import Check
from sluicegate.backfill.touched import Touched, Verb
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.store.runs import Connection

_TRIGGER_BITS = {Verb.INSERT: 4, Verb.DELETE: 8, Verb.UPDATE: 16}
"""Bits of pg_trigger.tgtype (PostgreSQL 18 source, catalog/pg_trigger.h)."""

_VECTOR_METHODS = ("hnsw", "ivfflat")


def burdens(connection: Connection, table: Touched, oid: int, shown: str) -> Iterator[Check]:
    """Yield what writing to one table sets off.

    Args:
        connection: the target database.
        table: what the backfill does to it.
        oid: the table.
        shown: its name for people.
    """
    yield from _triggers(connection, table, oid, shown)
    yield from _foreign_keys(connection, table, oid, shown)
    yield from _indexes(connection, table, oid, shown)
    yield from _publications(connection, table, oid, shown)


def _ask(connection: Connection, query: str, **parameters: Any) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(statement(query), parameters))


def _triggers(connection: Connection, table: Touched, oid: int, shown: str) -> Iterator[Check]:
    events = sum(_TRIGGER_BITS[verb] for verb in table.writes)
    found = _ask(connection, "trigger_facts", oid=oid, events=events, columns=sorted(table.columns) or None)
    if not found:
        yield Check.ok("triggers", f"No trigger fires when the backfill writes to {shown}.")
    for one in found:
        how = "for each row" if one.each_row else "for each chunk"
        yield Check.warning(
            "triggers",
            f"Trigger {one.name} of {shown} fires {how} and calls {one.function}; a trigger that fires for each row "
            "makes writing several times slower, and what it sends or logs is sent and logged for every old row.",
            "Let its function return early for the backfill's rows, or accept it; never disable it for everybody.",
        )


def _foreign_keys(connection: Connection, table: Touched, oid: int, shown: str) -> Iterator[Check]:
    for one in _ask(connection, "foreign_key_facts", oid=oid):
        columns = ", ".join(one.columns)
        adds = Verb.INSERT in table.verbs or (Verb.UPDATE in table.verbs and table.columns & set(one.columns))
        if one.outgoing and adds:
            yield Check.warning(
                "foreign keys",
                f"Foreign key {one.name} ({columns}) of {shown} locks a row of {one.other} for every row that is "
                "written: about a third of the speed and twice the WAL.",
                "Add the key after the backfill: NOT VALID, then VALIDATE CONSTRAINT in a revision of its own.",
            )
        if one.incoming and Verb.DELETE in table.verbs:
            if one.supported:
                cost = f"every deleted row is looked up in {one.referencing}"
            else:
                cost = f"no index serves it, so every deleted row reads the whole of {one.referencing}"
            yield Check.warning(
                "foreign keys",
                f"Foreign key {one.name} of {one.referencing} points to {shown}: {cost}.",
                "Accept it." if one.supported else f"Create an index on {one.referencing} ({columns}) first.",
            )


def _indexes(connection: Connection, table: Touched, oid: int, shown: str) -> Iterator[Check]:
    if not table.writes & {Verb.INSERT, Verb.UPDATE}:
        return
    indexes = _ask(connection, "index_costs", oid=oid)
    vectors = [one for one in indexes if one.method in _VECTOR_METHODS]
    for one in vectors:
        yield Check.warning(
            "vector indexes",
            f"Index {one.name} ({one.method}, {one.size}) of {shown} gets an entry for every row that is written, "
            "changed or only moved: measured 100 times slower for rows of which the vector stays the same.",
            "Fill first and build the index afterwards, concurrently; or write to a sidecar table.",
        )
    if not vectors:
        yield Check.ok("vector indexes", f"No vector index of {shown} has to be kept up to date.")
    for one in indexes:
        changed = sorted(table.columns & set(one.columns)) if Verb.UPDATE in table.verbs else []
        if changed and one.method not in (*_VECTOR_METHODS, "brin"):
            yield Check.warning(
                "indexes",
                f"UPDATE sets {', '.join(changed)}, which index {one.name} of {shown} holds: no row can stay on its "
                "page (no HOT update), so every index of the table gets an entry for every row.",
                "Build that index after the backfill, concurrently, where nothing needs it before.",
            )


def _publications(connection: Connection, table: Touched, oid: int, shown: str) -> Iterator[Check]:
    found = [
        one
        for one in _ask(connection, "publication_facts", oid=oid)
        if any(getattr(one, f"{verb.lower()}s") for verb in table.writes)
    ]
    if not found:
        yield Check.ok("publications", f"No publication sends what is written to {shown}.")
        return
    names = ", ".join(one.name for one in found)
    if table.writes & {Verb.UPDATE, Verb.DELETE} and not found[0].identified:
        yield Check.refused(
            "publications",
            f"{shown} is published by {names} and has no replica identity, so the server refuses UPDATE and DELETE.",
            f"Give it a primary key, or: ALTER TABLE {shown} REPLICA IDENTITY USING INDEX …",
        )
        return
    yield Check.warning(
        "publications",
        f"Publication {names} sends every row that is written to {shown}; subscribers that fall behind keep WAL on "
        "this server's disk.",
        "Watch pg_replication_slots, use a pause (--sleep), and set max_slot_wal_keep_size.",
    )
