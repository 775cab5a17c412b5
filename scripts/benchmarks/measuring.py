"""What every bench shares: a durable server, alternating rounds, ratios against bars, one table and one JSON form."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from sluicegate.backfill.definition import Backfill, LoadedBackfill
from sluicegate.backfill.session import Surroundings
from sluicegate.pg.embedded import EmbeddedServer, temporary_server
from sluicegate.store.schema import install_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "min_wal_size": "4GB",  # keep WAL files for reuse, as a server does that has been up for long
    "checkpoint_timeout": "30min",
    "autovacuum": "off",  # one that runs in one round and not in another would be measured as a difference
}

WAL_FILES = 96
"""Files of 16 MB that a server has at hand when a bench begins."""


@dataclass(frozen=True)
class Bar:
    """A ratio that should hold: the rate of one case over the rate of another, at least ``least``."""

    case: str
    over: str
    least: float


@dataclass
class Result:
    """What a bench measured.

    Attributes:
        name: the bench.
        rows: rows in each case.
        rates: case → rows per second, one figure for each round.
        bars: the ratios that should hold.
        notes: what else was found, in words.
        unit: what the rates count.
    """

    name: str
    rows: int
    rates: dict[str, list[float]] = field(default_factory=dict)
    bars: tuple[Bar, ...] = ()
    notes: list[str] = field(default_factory=list)
    unit: str = "rows/s"

    def rate(self, case: str) -> float:
        """The median rate of a case."""
        return statistics.median(self.rates[case])

    def ratios(self) -> list[dict[str, object]]:
        """Every bar with the ratio measured in this run, from medians and from the best round of each."""
        found: list[dict[str, object]] = []
        for bar in self.bars:
            median = self.rate(bar.case) / self.rate(bar.over)
            best = max(self.rates[bar.case]) / max(self.rates[bar.over])
            found.append({**dataclasses.asdict(bar), "median": round(median, 3), "best": round(best, 3)})
        return found

    def as_json(self) -> dict[str, object]:
        """The result as JSON-ready values."""
        return {
            "bench": self.name,
            "rows": self.rows,
            "unit": self.unit,
            "rates": {case: [round(rate) for rate in rates] for case, rates in self.rates.items()},
            "ratios": self.ratios(),
            "notes": self.notes,
            "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
        }


@dataclass(frozen=True)
class Bench:
    """A bench: a module beside this one defines one as ``BENCH``.

    Attributes:
        name: what is typed on the command line.
        rows: the size it is meant for.
        run: measures so many rows in so many rounds.
    """

    name: str
    rows: int
    run: Callable[[int, int], Result]


@contextlib.contextmanager
def durable_server(version: int = 18) -> Iterator[EmbeddedServer]:
    """Start a server that writes durably."""
    with temporary_server(version, settings=DURABLE) as server:
        with connected(server.url()) as connection:
            # Making a WAL file takes a commit some ten milliseconds: whichever case met it would look slow.
            for _ in range(WAL_FILES):
                connection.execute("SELECT pg_logical_emit_message(false, 'bench', '')")
                connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")
        yield server


def connected(url: str) -> psycopg.Connection:
    """Connect with autocommit."""
    return psycopg.connect(url, autocommit=True)


class Stopwatch:
    """A listener that notes when each chunk was done, to see whether the last ones are slower than the first."""

    def __init__(self) -> None:
        """Begin without chunks."""
        self.moments: list[tuple[float, int]] = []

    def chunk(self, rows: int, keys: object) -> None:  # noqa: ARG002 - the listener's signature
        """Note the moment."""
        self.moments.append((time.perf_counter(), rows))

    def parked(self, key: object, reason: str) -> None:
        """Nothing may fail here."""
        raise SystemExit(f"row {key} was parked: {reason}")

    def retrying(self, reason: str, wait: float) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Take whatever else a listener may be told."""
        return lambda *_arguments, **_named: None

    def tenths(self) -> tuple[float, float]:
        """Rows a second in the first and in the last tenth of the chunks, without those that begin them."""
        tenth = max(len(self.moments) // 10, 2)
        return _rate(self.moments[:tenth]), _rate(self.moments[-tenth:])


def _rate(moments: list[tuple[float, int]]) -> float:
    return sum(rows for _moment, rows in moments[1:]) / (moments[-1][0] - moments[0][0])


def around(listener: object | None = None) -> Surroundings:
    """Surroundings of a run in this process."""
    return Surroundings(time.sleep, random.random, lambda: False, listener or Stopwatch())  # type: ignore[arg-type]


def loaded(definition: Backfill, name: str = "0003_bench") -> LoadedBackfill:
    """A definition as if it came from a file."""
    return LoadedBackfill(name, name.split("_")[0], Path(f"{name}.py"), definition)


def install(connection: psycopg.Connection) -> None:
    """Create the state schema."""
    for statement in install_statements():
        connection.execute(statement)


def timed(result: Result, case: str, rows: int, work: Callable[[], object]) -> None:
    """Run a case once and note its rate."""
    began = time.perf_counter()
    work()
    result.rates.setdefault(case, []).append(rows / (time.perf_counter() - began))


def compiled(scratch: Path) -> dict[str, str]:
    """An environment in which Python keeps what it has compiled, as it does for an installed program."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": str(scratch / "compiled")}
