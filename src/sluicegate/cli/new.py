"""``sluicegate new``: write the files of something new into a repository."""

from __future__ import annotations

import click

from sluicegate.cli.lazy import LazyCommands

KINDS = {"backfill": "sluicegate.cli.new_backfill:backfill"}
"""Kind → where its command lives."""


@click.group(cls=LazyCommands, places=KINDS)
def new() -> None:
    """Write the files of a new change; nothing that is there is overwritten."""
