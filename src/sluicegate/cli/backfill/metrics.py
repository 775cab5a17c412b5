"""``--prometheus-textfile``: a file for node_exporter, replaced as a whole so that nobody reads half of it."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.errors import SluicegateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sluicegate.backfill.standing import Standing
    from sluicegate.render.prometheus import Sample

_EVERY = 5.0  # seconds between two files


def samples(found: Iterable[Standing], now: float) -> Iterator[Sample]:
    """Return the samples of some backfills."""
    from sluicegate.backfill.states import RunState

    for one in found:
        row, labels = one.row, {"backfill": one.row.name}
        for state in RunState:
            yield "sluicegate_backfill_state", {**labels, "state": str(state)}, float(row.state == state)
        yield "sluicegate_backfill_rows_written_total", labels, float(row.rows_written)
        yield "sluicegate_backfill_rows_parked", labels, float(row.rows_parked)
        if row.rows_owed is not None and one.done is not None:
            yield "sluicegate_backfill_rows_owed", labels, float(row.rows_owed)
            yield "sluicegate_backfill_rows_done", labels, float(one.done)
        yield "sluicegate_backfill_workers", labels, float(len(one.living))
        held = [lease for lease in one.living if lease.held_since is not None]
        yield "sluicegate_backfill_workers_held", labels, float(len(held))
        if row.verified_at is not None:
            yield "sluicegate_backfill_verified_timestamp_seconds", labels, row.verified_at.timestamp()
        yield "sluicegate_backfill_read_timestamp_seconds", labels, now


def write(path: Path, found: Iterable[Standing], now: float) -> None:
    """Replace the file.

    Raises:
        UsageError: it cannot be written.
    """
    from sluicegate.render.prometheus import exposition

    text = exposition(samples(found, now))
    try:
        # The name must not end in .prom before it is complete: node_exporter reads every such file.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"The metrics file {path} cannot be written: {error.strerror}.", hint="Correct --prometheus-textfile."
        ) from error


class Metrics:
    """Keeps the file of one backfill up to date while it runs."""

    def __init__(self, path: Path | None, url: str, name: str) -> None:
        """Prepare; None writes nothing."""
        self._path, self._url, self._name = path, url, name
        self._written = -_EVERY

    def update(self, *, last: bool = False) -> None:
        """Write the file, unless it was written a moment ago; what hinders it does not hinder the run."""
        if self._path is None or (not last and time.monotonic() - self._written < _EVERY):
            return
        from sluicegate.backfill import standing
        from sluicegate.pg.connect import connect, translated

        self._written = time.monotonic()
        try:
            with connect(self._url) as connection, translated("reading the figures"):
                found = standing.read(connection, self._name)
        except SluicegateError:
            return
        write(self._path, [found] if found else [], time.time())
