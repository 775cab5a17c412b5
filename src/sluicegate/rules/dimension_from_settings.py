"""A dimension that comes from settings makes the same revision mean another schema on each deployment.

## What it does

The revision writes `Vector(…)`, `HALFVEC(…)` or `SPARSEVEC(…)` with something else than a number: a setting, an
environment variable, an imported constant.

## Why it hurts

Two databases at the same revision have columns of different dimensions. When the setting changes, old revisions
change their meaning after the fact, and later ones cannot know what they meet.

## Instead

The literal number of the model at the time of the revision.

## When it is fine

For a name that is assigned a number in the same file, which is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.dimensions import computed_dimensions
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.revision import RevisionContext

RULE = Rule(name="dimension-from-settings", level=Level.WARN, subject=Subject.REVISION)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
import os

op.add_column("workflow_insights", sa.Column("title_embedding", Vector(int(os.environ.get("EMBEDDING_SIZE", "3")))))
"""

GOOD = """
op.add_column("workflow_insights", sa.Column("title_embedding", Vector(1536)))
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge each dimension that is no number."""
    for place in computed_dimensions(revision.captured.file, revision.captured.source):
        yield Problem(
            f"The dimension {place.expression} comes from outside the revision: the same revision makes different "
            "columns on "
            "different deployments.",
            advice("Write the number of the model's dimensions."),
            location=place.location,
        )
