"""The statement reads a whole table, or builds an index, while others wait.

## What it does

It reads every row of a table in use, or writes an index of it, under a lock that writers wait for, and no other rule
names it: a CHECK of a domain that columns have as their type, a foreign key checked from the other side, a constraint
that is enforced again.

## Why it hurts

Queries on the table wait until the last row is read.

## Instead

Split the statement so that the reading happens by itself, under a weak lock: constraints NOT VALID and validated
later, indexes built concurrently before they are attached.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="scan-under-lock", level=Level.ERROR, last_resort=True)

SETUP = """
CREATE DOMAIN language_code AS text;
CREATE TABLE events (id bigint PRIMARY KEY, language language_code);
"""

BAD = """
op.execute("ALTER DOMAIN language_code ADD CONSTRAINT language_code_check CHECK (VALUE <> '')")
"""

GOOD = """
op.execute("ALTER DOMAIN language_code ADD CONSTRAINT language_code_check CHECK (VALUE <> '') NOT VALID")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each scan or index build under a blocking lock that no other rule has an answer to."""
    built = context.indexed()
    for table in dict.fromkeys((*built, *context.scanned_rows())):
        if context.is_uncertain and context.relation(table) is None:
            continue  # of a table that nobody showed us; could-not-judge says what is missing
        if not context.blocks_itself(table) or table in context.rewritten():
            continue
        doing = "builds an index on" if table in built else "reads every row of"
        why = context.effects.reasons.get(str(table), "")
        yield Problem(
            f"The statement {doing} {context.described(table)} {context.waiting(table)} until that is done"
            + (f" ({why})." if why else "."),
        )
