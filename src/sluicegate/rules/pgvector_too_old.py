"""The statement needs a newer pgvector than production has.

## What it does

It uses HNSW (pgvector 0.5.0), `halfvec`, `sparsevec` or bit distances (0.7.0), and `[server] pgvector` in the policy
names an older version.

## Why it hurts

"access method hnsw does not exist", in production only, and often after the old index has been dropped.

## Instead

Update the extension first, in a revision of its own: `ALTER EXTENSION vector UPDATE`. The package on the server must
have it.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.vector_needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="pgvector-too-old", level=Level.ERROR, rejected=True)

POLICY = """
[server]
pgvector = "0.6.0"
"""

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
op.add_column("workflow_insights", sa.Column("embedding_half", HALFVEC(3)))
"""

GOOD = """
op.add_column("workflow_insights", sa.Column("embedding_copy", Vector(3)))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge what the configured pgvector does not have."""
    for what, since in needs(context):
        if context.policy.pgvector_version < since:
            wanted = ".".join(map(str, since))
            yield Problem(
                f"{what} came with pgvector {wanted}, and production has {context.policy.pgvector}: the server "
                "refuses this.",
                instead(
                    execute("ALTER EXTENSION vector UPDATE"),
                    advice=f"Update the package to {wanted} or later, then the extension, in a revision before "
                    "this one:",
                ),
            )
            return
