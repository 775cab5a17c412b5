"""How a backfill stands, read from the database at one moment: for a screen, for programs and for monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.backfill.states import RunState
from sluicegate.store import runs
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from sluicegate.store.runs import Connection, LeaseRow, ParkedRow, RunRow

WINDOW = 60.0
"""The rate is what was written in so many seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One backfill's row, workers, ledger and parked rows.

    Attributes:
        row: what the database knows about it.
        leases: its workers, living or silent.
        ledger: kind, state, chunks and rows, of each kind and state of chunk.
        parked: the first parked rows.
        rate: rows a second of late; None when nothing was written.
    """

    row: RunRow
    leases: list[LeaseRow]
    ledger: list[tuple[str, str, int, int]]
    parked: list[ParkedRow]
    rate: float | None

    @property
    def done(self) -> int | None:
        """Rows that have what they are owed: of the last count and written since; None without a count."""
        row = self.row
        if row.rows_done is None or row.rows_owed is None:
            return None
        return min(row.rows_done + row.rows_written - (row.written_at_count or 0), row.rows_owed)

    @property
    def remaining(self) -> float | None:
        """Seconds until all rows of the last count are written, at the present rate; None when that cannot be told."""
        if self.rate is None or self.done is None or self.row.rows_owed is None or self.row.state != RunState.RUNNING:
            return None
        return (self.row.rows_owed - self.done) / self.rate

    @property
    def living(self) -> list[LeaseRow]:
        """Workers within their lease."""
        return [lease for lease in self.leases if not lease.silent]

    @property
    def orphaned(self) -> bool:
        """Whether it should be running, and nobody works on it."""
        return self.row.state == RunState.RUNNING and not self.living

    @property
    def meaning(self) -> str:
        """The state in words."""
        return "stopped: no worker has given a sign of life" if self.orphaned else RunState(self.row.state).meaning

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON's types; times in ISO 8601, None for what is not known."""
        row = self.row
        moments = {"started": row.started_at, "finished": row.finished_at, "verified": row.verified_at}
        return {
            "backfill": row.name,
            "revision": row.revision,
            "state": row.state,
            "orphaned": self.orphaned,
            "error": row.error,
            "rows": {
                "written": row.rows_written,
                "parked": row.rows_parked,
                "owed": row.rows_owed,
                "done": self.done,
                "rate": self.rate,
            },
            "seconds_left": self.remaining,
            "mark": row.mark,
            "upper_bound": row.upper_bound,
            "settings": {"batch_size": row.batch_size, "sleep": row.sleep, "workers": row.workers},
            "chunks": [
                {"kind": kind, "state": state, "chunks": chunks, "rows": rows}
                for kind, state, chunks, rows in self.ledger
            ],
            "workers": [
                {
                    "worker": lease.owner,
                    "alive": not lease.silent,
                    "renewed": lease.renewed_at.isoformat(),
                    "held_since": lease.held_since.isoformat() if lease.held_since else None,
                    "held_reason": lease.held_reason,
                }
                for lease in self.leases
            ],
            **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        }


def read(connection: Connection, name: str, *, parked: int = 20) -> Standing | None:
    """Return how a backfill stands; None when it never ran here."""
    with connection.transaction():
        row = runs.get(connection, name)
        if row is None:
            return None
        figures = connection.execute(statement("chunk_figures"), {"name": name}).fetchall()
        ledger = [(kind, state, chunks, rows) for kind, state, chunks, rows, _latest in figures]
        # The ranges of a sidecar only put keys on its list; what counts are the keys that were worked off.
        kinds = ["keys"] if any(kind == "keys" for kind, *_ in ledger) else ["range", "requeue"]
        late = connection.execute(
            statement("chunk_rate"), {"name": name, "window": WINDOW, "kinds": kinds}
        ).fetchone() or (0, 0.0)
        rate = late[0] / late[1] if late[0] and late[1] > 0 else None
        return Standing(row, runs.leases(connection, name), ledger, runs.parked(connection, name, parked), rate)
