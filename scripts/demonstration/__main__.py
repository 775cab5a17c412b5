"""Show the main job on a real PostgreSQL 18: judge, try, roll out, backfill, verify, with a table of what happened."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from steps import Demonstration, UnexpectedOutcomeError

from sluicegate.pg.embedded import SCRATCH_SETTINGS, temporary_server

BYTES_PER_ROW = 9_500  # measured: events, embeddings of 1,536 dimensions, indexes, sidecar

# The demonstration loads its vectors in the transaction that creates their file: without a standby to feed,
# PostgreSQL then writes them once instead of twice.
SERVER_SETTINGS = {
    **SCRATCH_SETTINGS,
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
}


def scratch_folder(chosen: Path | None) -> Path:
    """Return the folder for the data; /var/tmp before /tmp, which may live in memory."""
    if chosen is not None:
        return chosen
    return Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())


def refuse_without_room(folder: Path, rows: int) -> None:
    """Stop before the disk is full, not after."""
    needed, free = rows * BYTES_PER_ROW, shutil.disk_usage(folder).free
    if needed > free:
        raise click.UsageError(
            f"{rows:,} events with their embeddings need {needed / 1e9:.1f} GB; {folder} has {free / 1e9:.1f} GB free. "
            "Choose fewer with --rows, or another disk with --directory."
        )


def leave_on_terminate(_signal: int, _frame: object) -> None:
    """Turn SIGTERM into the same orderly end as Ctrl-C."""
    raise KeyboardInterrupt


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", type=click.IntRange(1_000, 20_000_000), default=200_000, show_default=True, help="Events.")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Where the server keeps its data meanwhile.  [default: /var/tmp]",
)
def demonstrate(rows: int, directory: Path | None) -> None:
    """Run the main job end to end on an embedded PostgreSQL 18, which is gone afterwards."""
    console = Console()
    folder = scratch_folder(directory)
    refuse_without_room(folder, rows)
    signal.signal(signal.SIGTERM, leave_on_terminate)
    try:
        with temporary_server(18, settings=SERVER_SETTINGS, folder=folder) as server:
            demonstration = Demonstration(server, console, rows)
            try:
                demonstration.run()
            finally:
                demonstration.summarize()
    except UnexpectedOutcomeError as error:
        console.print(f"[red]{error}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped; the server and its data are gone.")
        sys.exit(130)


demonstrate()
