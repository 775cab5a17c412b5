"""A chunked UPDATE of the base table against one UPDATE of all of it, also on a table that was never analysed."""

from __future__ import annotations

import random
import time
from pathlib import Path

from measuring import Bar, Bench, Result, connected, durable_server, timed

from sluicegate import Backfill
from sluicegate.backfill import engine
from sluicegate.backfill.definition import LoadedBackfill
from sluicegate.backfill.engine import Pace
from sluicegate.backfill.session import Surroundings
from sluicegate.store.schema import install_statements

DEFINITION = Backfill(
    revision="0005",
    table="public.documents",
    key="id",
    where="true",
    done="row.short IS NOT NULL",
    apply="UPDATE documents AS d SET short = left(row.body, 8) FROM {chunk} AS row WHERE d.id = row.id",
)
ONE = "UPDATE documents SET short = left(body, 8) WHERE short IS NULL"


class Stopwatch:
    """A listener that notes when each chunk was done, to see whether the last ones are slower than the first."""

    def __init__(self) -> None:
        """Begin without chunks."""
        self.moments: list[float] = []

    def chunk(self, rows: int, keys: object) -> None:  # noqa: ARG002 - the listener's signature
        """Note the moment."""
        self.moments.append(time.perf_counter())

    def parked(self, key: object, reason: str) -> None:
        """Nothing may fail here."""
        raise SystemExit(f"row {key} was parked: {reason}")

    def retrying(self, reason: str, wait: float) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def flatness(self) -> float:
        """The rate of the last tenth of the chunks over that of the first tenth."""
        tenth = max(len(self.moments) // 10, 2)
        first = self.moments[tenth - 1] - self.moments[0]
        return first / (self.moments[-1] - self.moments[-tenth])


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    result = Result("backfill-in-place", rows, bars=(Bar("chunked", "one statement", 0.95),))
    loaded = LoadedBackfill("0005_short", "0005", Path("0005_short.py"), DEFINITION)
    flatness: dict[str, list[float]] = {}
    with durable_server() as server, connected(server.url()) as connection:
        for statement in install_statements():
            connection.execute(statement)

        def fresh(*, analysed: bool) -> None:
            connection.execute("DROP TABLE IF EXISTS documents; TRUNCATE sluicegate.backfill CASCADE")
            connection.execute(
                "CREATE TABLE documents AS SELECT n::bigint AS id, repeat(md5(n::text), 4) AS body, NULL::text AS short"
                f" FROM generate_series(1, {rows}) AS n"
            )
            connection.execute("ALTER TABLE documents ADD PRIMARY KEY (id)")
            if analysed:
                connection.execute("VACUUM ANALYZE documents")
            connection.execute("CHECKPOINT")

        def chunked(watch: Stopwatch) -> None:
            around = Surroundings(sleep=time.sleep, random=random.random, stop=lambda: False, listener=watch)
            engine.run(loaded, server.url(), Pace(10_000, 0, 60), around)

        for _ in range(rounds):
            fresh(analysed=True)
            timed(result, "one statement", rows, lambda: connection.execute(ONE))
            for case, analysed in (("chunked", True), ("chunked, never analysed", False)):
                fresh(analysed=analysed)
                watch = Stopwatch()
                timed(result, case, rows, lambda watch=watch: chunked(watch))
                flatness.setdefault(case, []).append(watch.flatness())
    for case, figures in flatness.items():
        result.notes.append(f"{case}: the last tenth ran at {min(figures):.2f} of the first tenth's rate (bar 0.9).")
    return result


BENCH = Bench("backfill-in-place", 1_000_000, run)
