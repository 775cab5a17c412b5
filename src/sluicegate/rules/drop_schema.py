"""Dropping a schema or a database destroys everything in it.

## What it does

`DROP SCHEMA` or `DROP DATABASE`.

## Why it hurts

Every table, view and function in it goes, under ACCESS EXCLUSIVE on each, and comes back only from a backup.

## Instead

Drop its tables one by one in revisions of their own, each after the release that stopped using it, and the empty
schema last.

## When it is fine

For a schema that is empty: without CASCADE the server refuses any other. That is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier, listed
from sluicegate.statements.nodes import string

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="drop-schema", level=Level.ERROR)

SETUP = """
CREATE SCHEMA archive;
CREATE TABLE archive.events (id bigint PRIMARY KEY);
"""

BAD = """
op.execute("DROP SCHEMA archive CASCADE")
"""

GOOD = """
op.execute("CREATE SCHEMA reporting")
op.execute("DROP SCHEMA reporting")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each schema that is dropped with what is in it, and each database."""
    if context.kind == "dropdb_stmt":
        yield Problem(f"Dropping the database {identifier(context.node.dbname)} destroys everything in it.")
    if context.kind != "drop_stmt" or context.node.remove_type != pg.OBJECT_SCHEMA or not context.cascades:
        return
    for node in context.node.objects:
        schema = string(node)
        tables = [name for name in context.before.relations if name.schema == schema and context.in_use(name)]
        if tables or not context.before.complete:
            holds = listed(sorted(identifier(name.name) for name in tables)) or "everything in it"
            yield Problem(
                f"Dropping the schema {identifier(schema)} destroys {holds}.",
                advice(
                    "Drop its tables by name, each after the release that stopped using it, and the empty schema last."
                ),
            )
