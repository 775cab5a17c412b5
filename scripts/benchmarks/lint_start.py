"""Start-up: `sluicegate lint x.sql` for one statement against the bare imports that it cannot do without."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Bar, Bench, Result, compiled, timed

FLOOR = 'python -c "import click, postgast"'


def run(starts: int, rounds: int) -> Result:
    """Measure whole programs, so many starts in a round."""
    result = Result("lint-start", starts, unit="starts/s", bars=(Bar("sluicegate lint x.sql", FLOOR, 0.4),))
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / ".git").mkdir()
        (Path(scratch) / "x.sql").write_text("ALTER TABLE events ADD COLUMN seen boolean;\n")
        programs = {
            FLOOR: [sys.executable, "-c", "import click, postgast"],
            "sluicegate lint x.sql": [sys.executable, "-m", "sluicegate", "lint", "x.sql"],
        }

        def repeat(program: list[str]) -> None:
            for _start in range(starts):
                subprocess.run(program, cwd=scratch, env=compiled(Path(scratch)), capture_output=True, check=False)

        for program in programs.values():
            repeat(program)  # the first start compiles
        for _round in range(rounds):
            for case, program in programs.items():
                timed(result, case, starts, lambda program=program: repeat(program))
    return result


BENCH = Bench("lint-start", 10, run)
