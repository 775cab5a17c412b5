"""A STORED generated column on an existing table rewrites the whole table.

## What it does

`ALTER TABLE … ADD COLUMN … GENERATED ALWAYS AS (…) STORED` (in Alembic: `sa.Computed(…, persisted=True)`) computes
the expression for every row at once and writes the table and all its indexes anew.

## Why it hurts

The rewrite runs under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the last row is
written. A table of a million rows is away for seconds to minutes, and it needs its own size again as free disk space.

## Instead

Add an ordinary nullable column, keep it up to date for new and changed rows with a trigger, and fill the old rows in
batches with a backfill, outside the deploy. Where the expression only serves a search, an expression index built
concurrently needs no column at all.

## When it is fine

On a table that the same revision creates, and on a table known to be small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.alembic_types import plain_name
from sluicegate.rules.kit.operations import add_column, table_sql
from sluicegate.rules.kit.remedy import Revision, execute, instead, outside_transaction, phased
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import expression_sql, identifier
from sluicegate.rules.kit.triggers import fill_by_trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.commands import AddedColumn
    from sluicegate.rules.kit.context import Context
    from sluicegate.rules.kit.remedy import Remedy

RULE = Rule(name="stored-generated-column", level=Level.ERROR, explains_work=True)

SETUP = "CREATE TABLE events (id bigint PRIMARY KEY, payload_text text NOT NULL);"

BAD = """
op.add_column(
    "events",
    sa.Column("search", postgresql.TSVECTOR(), sa.Computed("to_tsvector('english', payload_text)", persisted=True)),
)
"""

GOOD = """
op.add_column("events", sa.Column("search", postgresql.TSVECTOR()))
op.execute(
    '''
    CREATE FUNCTION events_search_fill() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.search := to_tsvector('english', NEW.payload_text);
        RETURN NEW;
    END
    $$
    '''
)
op.execute(
    "CREATE TRIGGER events_search_fill BEFORE INSERT OR UPDATE OF payload_text ON events"
    " FOR EACH ROW EXECUTE FUNCTION events_search_fill()"
)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each generated column that is added to a table in use."""
    for column in context.added_columns():
        if column.generated is not None:
            for table in context.rewritten(column):
                yield Problem(
                    f"Adding the stored generated column {identifier(column.name)} rewrites {context.described(table)} "
                    f"{context.waiting(table)} until the last row is written.",
                    _remedy(column, context),
                )


def _remedy(column: AddedColumn, context: Context) -> Remedy:
    table, name, value = table_sql(column.table), identifier(column.name), expression_sql(column.generated)
    if context.is_append_only(column.table):
        method = "gin" if plain_name(column.type_name) in {"tsvector", "jsonb"} else "btree"
        index = identifier(f"ix_{column.table.name}_{column.name}")
        return instead(
            outside_transaction(execute(f"CREATE INDEX CONCURRENTLY {index} ON {table} USING {method} (({value}))")),
            advice=f"{table} is append-only, so {name} does not become a column of it. Index the expression, or keep "
            f"{name} in a table beside it, filled by a backfill.",
        )
    return phased(
        Revision(
            "this revision: a plain column, kept up to date from now on",
            (
                add_column(column.table, column.name, column.type_name),
                *fill_by_trigger(column.table, column.name, column.generated),
            ),
        ),
        Revision(f"then, outside the deploy, a backfill that sets {name} = {value} where {name} IS NULL", ()),
    )
