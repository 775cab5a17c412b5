"""Options that the verbs of ``sluicegate backfill`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sluicegate.settings.operational import BATCH_SIZE, LEASE, SLEEP, WAIT_FOR_WRITERS, WORKERS
from sluicegate.settings.throttle import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable


def _together(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


place = _together(
    click.option("--dir", "folder", default="backfills", show_default=True, help="Folder that holds the backfills."),
    click.option("--policy", "policy_path", help="Policy file; safety/policy.toml here or above unless named."),
    click.option(
        "--database-url",
        envvar=["SLUICEGATE_DATABASE_URL", "DATABASE_URL"],
        help="Target database; SLUICEGATE_DATABASE_URL or DATABASE_URL unless given.",
    ),
)
"""Where the backfills, the policy and the database are: ``folder``, ``policy_path``, ``database_url``."""

workers = click.option("--workers", type=WORKERS, metavar="COUNT", help=f"{WORKERS.doc} Accepted: {WORKERS.accepted}.")

pace = _together(
    click.option(
        "--batch-size", type=BATCH_SIZE, metavar="KEYS", help=f"{BATCH_SIZE.doc} Accepted: {BATCH_SIZE.accepted}."
    ),
    click.option("--sleep", type=SLEEP, metavar="SECONDS", help=f"{SLEEP.doc} Accepted: {SLEEP.accepted}."),
    click.option("--lease", type=LEASE, metavar="SECONDS", help=f"{LEASE.doc} Accepted: {LEASE.accepted}."),
)
"""How fast: ``batch_size``, ``sleep``, ``lease``."""

throttle = click.option(
    "--throttle-off",
    multiple=True,
    metavar="SIGNAL",
    type=click.Choice(SIGNALS),
    help=f"Do not ask this signal of the throttle; may be given several times. One of {', '.join(SIGNALS)}.",
)

wait = click.option(
    WAIT_FOR_WRITERS.flag,
    type=WAIT_FOR_WRITERS,
    metavar="SECONDS",
    help=f"{WAIT_FOR_WRITERS.doc} Accepted: {WAIT_FOR_WRITERS.accepted}.",
)

patience = _together(
    click.option(
        "--wait",
        type=click.FloatRange(0, 3600),
        default=10.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait until all workers have left.",
    ),
    click.option("--now", is_flag=True, help="Have the chunks in hand rolled back instead of finished."),
)
"""How long to wait for workers: ``wait``, ``now``."""

form = click.option(
    "--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="For whom."
)

textfile = click.option(
    "--prometheus-textfile",
    "textfile",
    metavar="PATH",
    help="Write the figures to this file too, for node_exporter's textfile collector; name it *.prom.",
)

log = _together(
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        help="Write a line for each chunk: on stderr, instead of the bar, unless --log-file is given.",
    ),
    click.option("--log-file", metavar="PATH", help="Add the lines to this file; text unless --log-format says json."),
)
"""A line for each chunk: ``log_format``, ``log_file``."""
