"""Lint many SQL files: sluicegate against squawk, which is written in Rust and parses without knowing a schema."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Bar, Bench, Result, compiled, timed

STATEMENTS = 8
FORMS = (
    "ALTER TABLE {t} ADD COLUMN {c} integer;",
    "ALTER TABLE {t} ADD COLUMN {c} text NOT NULL DEFAULT 'x';",
    "CREATE INDEX CONCURRENTLY {t}_{c}_idx ON {t} ({c});",
    "ALTER TABLE {t} ALTER COLUMN {c} TYPE bigint;",
    "ALTER TABLE {t} DROP COLUMN {c};",
    "ALTER TABLE {t} ADD CONSTRAINT {t}_{c}_check CHECK ({c} > 0) NOT VALID;",
    "CREATE TABLE {n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());",
    "CREATE INDEX {t}_{c}_2_idx ON {t} ({c});",
    "UPDATE {t} SET {c} = 1 WHERE {c} IS NULL;",
    "ALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL;",
    "DROP TABLE {n};",
    "ALTER TABLE {t} ADD CONSTRAINT {t}_{c}_fkey FOREIGN KEY ({c}) REFERENCES accounts (id) NOT VALID;",
)


def write(folder: Path, files: int) -> list[str]:
    """Write files of eight statements; the same ones in every run."""
    chance = random.Random(7)
    names = []
    for number in range(files):
        lines = [
            chance.choice(FORMS).format(t=f"t_{number % 50}", c=f"c{chance.randint(1, 99)}", n=f"n_{number}_{place}")
            for place in range(STATEMENTS)
        ]
        path = folder / f"{number:05}.sql"
        path.write_text("\n".join(lines) + "\n")
        names.append(path.name)
    return names


def install_squawk(folder: Path) -> Path:
    """Install squawk from the package index into a folder; return its program."""
    target = folder / "squawk"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*install, "--target", str(target), "squawk-cli"], capture_output=True, text=True, check=False
    )
    program = target / "bin" / "squawk"
    if done.returncode or not program.is_file():
        raise SystemExit(f"squawk-cli cannot be installed from the package index: {done.stderr.strip()[-300:]}")
    return program


def run(files: int, rounds: int) -> Result:
    """Measure whole programs, start-up included."""
    result = Result("lint-files", files, unit="files/s", bars=(Bar("sluicegate lint", "squawk", round(1 / 3, 3)),))
    with tempfile.TemporaryDirectory() as scratch:
        squawk = install_squawk(Path(scratch))
        folder = Path(scratch) / "files"
        folder.mkdir()
        (folder / ".git").mkdir()
        names = write(folder, files)
        programs = {
            "squawk": [str(squawk), *names],
            "sluicegate lint": [sys.executable, "-m", "sluicegate", "lint", *names],
        }
        for _round in range(rounds):
            for case, program in programs.items():
                timed(
                    result,
                    case,
                    files,
                    lambda program=program: subprocess.run(
                        program, cwd=folder, env=compiled(Path(scratch)), capture_output=True, check=False
                    ),
                )
    return result


BENCH = Bench("lint-files", 1_000, run)
