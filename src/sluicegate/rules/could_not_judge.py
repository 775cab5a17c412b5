"""What this statement does depends on something that is not known.

## What it does

The schema, the function or the type that decides the answer is not in the history that was read: a function that an
extension brings, SQL built at run time inside a DO block, a table made outside the migrations.

## Why it hurts

Silence would look like "safe". It is not known to be.

## Instead

Give what is missing: `--schema` with the output of `pg_dump --schema-only`, a snapshot of production, or a line in
the policy such as `[server] timezone`. Or try the revision with `sluicegate dry-run`.

## When it is fine

When you know what the statement does; allow it with a comment that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="could-not-judge", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute(
    '''
    DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('ALTER TABLE %I ADD COLUMN language text', name);
        END LOOP;
    END
    $$
    '''
)
"""

GOOD = """
op.add_column("events", sa.Column("language", sa.Text()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Say what could not be told, whatever else was found."""
    silent = context.is_gate or context.lacks_only_columns or context.at_most_waits or context.read_in_part
    if context.is_uncertain and not silent:
        what = listed(context.effects.unknowns) or "something that decides it"
        yield Problem(
            f"What this statement does could not be told: {what}.",
            advice("Give the schema with --schema, or try the revision with: sluicegate dry-run"),
        )
