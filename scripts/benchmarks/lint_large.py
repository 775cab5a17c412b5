"""Lint one large SQL file, some 6 MB of INSERTs: all of it is judged, in time that grows with its length."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Bar, Bench, Result, compiled

LONGEST = 60.0
"""Seconds that 90,000 statements may take; as many less for fewer."""

_START = 5.0  # seconds, on a busy machine


def run(statements: int, rounds: int) -> Result:
    """Measure whole programs, start-up included: the file, and a tenth of it."""
    whole, tenth = "all statements", "a tenth of them"
    result = Result("lint-large", statements, unit="statements/s", bars=(Bar(whole, tenth, 0.8),))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "files"
        folder.mkdir()
        (folder / ".git").mkdir()
        for _round in range(rounds):
            for case, count in ((tenth, max(statements // 10, 1)), (whole, statements)):
                rows = (f"INSERT INTO t (id, name, n) VALUES ({i}, 'row number {i}', {i % 7});\n" for i in range(count))
                (folder / "x.sql").write_text(
                    "CREATE TABLE t (id bigint PRIMARY KEY, name text, n integer);\n" + "".join(rows)
                )
                began = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-m", "sluicegate", "lint", "x.sql"],
                    cwd=folder,
                    env=compiled(Path(scratch)),
                    capture_output=True,
                    text=True,
                    check=False,
                )
                took = time.perf_counter() - began
                if f"{count + 1} statements judged" not in done.stdout.replace(",", ""):
                    raise SystemExit(f"The file was not judged to its end:\n{done.stdout[-300:]}{done.stderr[-300:]}")
                if took > _START + LONGEST * count / 90_000:
                    result.notes.append(f"{count:,} statements took {took:.0f} s: too long.")
                result.rates.setdefault(case, []).append(count / took)
    return result


BENCH = Bench("lint-large", 90_000, run)
