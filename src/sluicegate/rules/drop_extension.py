"""Dropping an extension takes its types with it, and with CASCADE every column of those types.

## What it does

`DROP EXTENSION`. Without CASCADE the server refuses while a column or index uses it.

## Why it hurts

`DROP EXTENSION vector CASCADE` destroys every vector column of the database in a moment, without naming one.

## Instead

Drop the columns and indexes by name first, each with its own review, and the extension without CASCADE last.

## When it is fine

When nothing uses it and no other schema or application in the database does.
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

RULE = Rule(name="drop-extension", level=Level.ERROR)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("DROP EXTENSION vector")
"""

GOOD = """
op.execute("CREATE EXTENSION IF NOT EXISTS vector")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each extension that goes."""
    if context.kind != "drop_stmt" or context.node.remove_type != pg.OBJECT_EXTENSION:
        return
    for node in context.node.objects:
        name = string(node)
        if context.before.complete and name not in context.before.extensions:
            continue
        columns = [
            f"{loss.relation.removeprefix('public.')}.{loss.name}" for loss in context.effects.losses if loss.name
        ]
        yield Problem(
            f"Dropping the extension {identifier(name)} removes its types and functions for everybody in the database"
            + (f", and with them {listed(columns)}." if columns else "."),
            advice("Drop the columns and indexes that use it by name first, and leave CASCADE out."),
        )
