"""``sluicegate backfill``: one module per verb, each imported only when it is called."""

from __future__ import annotations

import click

from sluicegate.cli.lazy import LazyCommands

VERBS = {
    "cancel": "sluicegate.cli.backfill.cancel:cancel",
    "check": "sluicegate.cli.backfill.check:check",
    "health": "sluicegate.cli.backfill.health:health",
    "history": "sluicegate.cli.backfill.history:history",
    "list": "sluicegate.cli.backfill.list:list_",
    "pause": "sluicegate.cli.backfill.pause:pause",
    "resume": "sluicegate.cli.backfill.resume:resume",
    "retry-parked": "sluicegate.cli.backfill.retry_parked:retry_parked",
    "run": "sluicegate.cli.backfill.run:run",
    "status": "sluicegate.cli.backfill.status:status",
    "tick": "sluicegate.cli.backfill.tick:tick",
    "tune": "sluicegate.cli.backfill.tune:tune",
    "verify": "sluicegate.cli.backfill.verify:verify",
}
"""Verb → where its command lives. A new verb is a module and a line here."""


@click.group(cls=LazyCommands, places=VERBS)
def backfill() -> None:
    """Move data in chunks outside the deploy, and prove that nothing is missing.

    A backfill is a file in backfills/, named by its number (0003), its name or its path.

    Exit codes: 0 done; 1 rows are missing or parked; 2 usage or configuration; 3 nothing can be proved while somebody
    writes; 4 the server or the run failed; 130 stopped on request, by Ctrl-C, pause or
    cancel.
    """
