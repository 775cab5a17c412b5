"""What a backfill looks like on a terminal, in a log and in a table."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from sluicegate.backfill import progress as figures
from sluicegate.backfill.states import RunState

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Task

    from sluicegate.backfill.chunks import Bound
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.standing import Standing
    from sluicegate.cli.backfill.log import Log
    from sluicegate.store.runs import RunRow

_LINE_EVERY = 2.0  # seconds between two lines of progress where nobody looks at a bar


def results() -> Console:
    """Return a console for results on stdout; what is read by programs is not cut to a screen's width."""
    return Console(width=None if sys.stdout.isatty() else 200)


def duration(seconds: float) -> str:
    """Return a time span as people say it: ``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: float) -> str:
    """Return a number of bytes as people say it: ``512 bytes``, ``1.5 MB``."""
    if count < 1024:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1024
        if count < 1024 or unit == "TB":
            break
    return f"{count:,.1f} {unit}"


class _Pace(ProgressColumn):
    """Rate and remaining time, as ``Progress`` works them out."""

    def __init__(self, tally: figures.Progress) -> None:
        self._tally = tally
        super().__init__()

    def render(self, task: Task) -> Text:  # noqa: ARG002 - rich's signature
        return Text(pace_of(self._tally))


def pace_of(tally: figures.Progress) -> str:
    """Return rate and remaining time in words, as far as they are known."""
    parts = []
    if tally.rate is not None:
        parts.append(f"{tally.rate:,.0f} rows/s")
    if tally.remaining is not None:
        parts.append(f"{duration(tally.remaining)} left")
    return ", ".join(parts)


PARKED_SHOWN = 20
"""Parked rows that a run names one by one; thousands would hide everything else."""


class View:
    """Shows a run on stderr: a bar on a terminal, now and then a line elsewhere."""

    def __init__(self, name: str, total: int | None, log: Log | None = None) -> None:
        """Prepare to show a backfill that owes ``total`` rows, None when nobody counted.

        Args:
            name: the backfill.
            total: the rows.
            log: told what happens; where it writes to stderr, nothing else does.
        """
        self._log = log
        self._console = Console(stderr=True)
        self._name, self._total = name, total
        self._tally = figures.Progress(total, time.monotonic)
        self._last_line = 0.0
        self._parked = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}" + (f" of {total:,}" if total is not None else "") + " rows"),
            _Pace(self._tally),
            console=self._console,
            disable=not self._console.is_terminal or (log is not None and log.shown),
        )
        self._task = self._bar.add_task(name, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def chunk(self, rows: int, keys: Bound | None) -> None:
        """Count a chunk."""
        self._tally.add(rows)
        self._bar.update(self._task, completed=self._tally.rows)
        now = time.monotonic()
        quiet = self._console.is_terminal or (self._log is not None and self._log.shown)
        if not quiet and now - self._last_line >= _LINE_EVERY:
            self._last_line = now
            of = f" of {self._total:,}" if self._total is not None else ""
            at = f", at key {', '.join(keys)}" if keys else ""
            self._say(f"{self._tally.rows:,}{of} rows written{at}; {pace_of(self._tally) or 'just begun'}")

    def parked(self, key: Bound, reason: str) -> None:
        """Say which row was set aside, and why; after many, only that there are more."""
        self._parked += 1
        if self._parked <= PARKED_SHOWN:
            self.note(f"row {', '.join(key)} is parked: {reason}")
        elif self._parked == PARKED_SHOWN + 1:
            self.note(f"more rows are parked; see: sluicegate backfill status {self._name}")

    def retrying(self, reason: str, wait: float) -> None:
        """Say what is waited for."""
        self.note(f"{reason}; trying again in {wait:.1f} s")

    def note(self, text: str) -> None:
        """Show a line."""
        if self._log is not None:
            self._log.note(text)
            if self._log.shown:
                return
        self._say(text)

    def _say(self, text: str) -> None:
        self._console.print(f"{self._name}: {text}", markup=False, highlight=False, soft_wrap=True)


def overview(loaded: list[LoadedBackfill], rows: dict[str, RunRow] | None) -> Table:
    """Return the table of all backfills; ``rows`` is what the database knows, None when it was not asked."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Backfill", "Revision", "Table", "State"):
        table.add_column(title, overflow="fold")
    if rows is not None:
        for title in ("Written", "Parked", "Verified"):
            table.add_column(title, justify="right")
    for one in loaded:
        row = rows.get(one.name) if rows is not None else None
        cells = [one.name, one.definition.revision, one.definition.table]
        if rows is None:
            table.add_row(*cells, "unknown (no database was asked)")
        elif row is None:
            table.add_row(*cells, RunState.PLANNED.meaning, "", "", "")
        else:
            verified = f"{row.verified_at:%Y-%m-%d %H:%M}" if row.verified_at else ""
            state = RunState(row.state).meaning
            table.add_row(*cells, state, f"{row.rows_written:,}", f"{row.rows_parked:,}", verified)
    return table


def detail(found: Standing) -> Table:
    """Return everything the database knows about one backfill."""
    row = found.row
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("Backfill", row.name)
    table.add_row("Revision", row.revision)
    table.add_row("State", found.meaning)
    if row.error:
        table.add_row("Error", row.error)
    table.add_row("Rows written", f"{row.rows_written:,}")
    if row.rows_owed is not None:
        later = row.rows_written - (row.written_at_count or 0)
        more = f", {later:,} more since" if later > 0 else ""
        table.add_row("Last count", f"{row.rows_done}/{row.rows_owed} rows written{more}")
        if row.state == RunState.RUNNING:
            table.add_row("Now", f"{found.done:,} of {row.rows_owed:,} rows")
    if found.rate is not None and row.state == RunState.RUNNING:
        table.add_row("Rate", _speed(found))
    table.add_row("Rows parked", f"{row.rows_parked:,}")
    table.add_row("Mark", _key(row.mark))
    table.add_row("Upper bound", _key(row.upper_bound))
    at_most = "" if row.workers is None else f", at most {row.workers} workers"
    table.add_row("Settings", f"{row.batch_size:,} keys a chunk, {row.sleep:g} s between chunks{at_most}")
    for kind, chunk_state, chunks, rows in found.ledger:
        label = {"range": "Chunks", "requeue": "Requeued chunks", "keys": "Key sets"}[kind]
        table.add_row(f"{label} {chunk_state}", f"{chunks:,} ({rows:,} rows)")
    for lease in found.leases:
        since = f"{lease.renewed_at:%Y-%m-%d %H:%M:%S}"
        held = f"; held since {lease.held_since:%H:%M:%S}: {lease.held_reason}" if lease.held_since else ""
        alive = "silent" if lease.silent else "alive"
        table.add_row("Worker", f"{lease.owner}, {alive}, last heard of {since}{held}")
    for label, moment in (("Started", row.started_at), ("Finished", row.finished_at), ("Verified", row.verified_at)):
        table.add_row(label, f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else "-")
    return table


def line(found: Standing) -> str:
    """Return how a backfill stands in one line."""
    row = found.row
    of = f" of {row.rows_owed:,}" if row.rows_owed is not None else ""
    written = found.done if found.done is not None else row.rows_written
    parts = [f"{written:,}{of} rows", f"{row.rows_parked:,} parked", f"{len(found.living)} workers"]
    if found.rate is not None and row.state == RunState.RUNNING:
        parts.append(_speed(found))
    return f"{row.name}: {found.meaning}; {', '.join(parts)}"


def _speed(found: Standing) -> str:
    left = f", {duration(found.remaining)} left" if found.remaining is not None else ""
    return f"{found.rate:,.0f} rows/s{left}"


def _key(bound: list[str] | None) -> str:
    return "-" if bound is None else ", ".join(bound)
