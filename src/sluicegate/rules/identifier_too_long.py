"""A name longer than 63 bytes is cut off without a word.

## What it does

The revision creates something whose name has more than 63 bytes.

## Why it hurts

PostgreSQL keeps the first 63 and says NOTICE. A later revision that drops it by its full name is cut the same way and
works by luck; two long names with the same beginning collide; whatever reads the catalog looks for a name that is not
there.

## Instead

A shorter name.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.context import NAME_BYTES
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="identifier-too-long", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
with op.get_context().autocommit_block():
    op.execute(
        "CREATE INDEX CONCURRENTLY ix_events_organization_id_and_kind_for_the_dashboard_of_the_organization"
        " ON events (organization_id, kind)"
    )
"""

GOOD = """
with op.get_context().autocommit_block():
    op.execute("CREATE INDEX CONCURRENTLY ix_events_organization_id_kind ON events (organization_id, kind)")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each name that PostgreSQL cuts off."""
    for name in dict.fromkeys(context.long_names()):
        kept = name.encode()[:NAME_BYTES].decode(errors="ignore")
        yield Problem(
            f"The name {name} has {len(name.encode())} bytes; PostgreSQL keeps {NAME_BYTES} and calls it {kept}.",
            advice(f"Give it a name of at most {NAME_BYTES} bytes."),
        )
