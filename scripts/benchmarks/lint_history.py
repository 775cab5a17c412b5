"""Lint a public history against `alembic upgrade base:head --sql`, as far as Alembic can render it offline."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from measuring import Bar, Bench, Result, compiled, timed

PROJECT, FOLDER = "apache-superset", "superset/migrations/versions"
ENV = """\
from alembic import context

context.configure(dialect_name="postgresql", literal_binds=True)
with context.begin_transaction():
    context.run_migrations()
"""
# Says which revisions Alembic's offline mode renders: each alone, in a process of its own folder.
RENDER = """\
import importlib.util, io, sys
from alembic.migration import MigrationContext
from alembic.operations import Operations
for path in sys.argv[1:]:
    try:
        spec = importlib.util.spec_from_file_location("revision", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        context = MigrationContext.configure(
            dialect_name="postgresql", opts={"as_sql": True, "output_buffer": io.StringIO()}
        )
        with Operations.context(context):
            module.upgrade()
    except BaseException:
        continue
    print(path)
"""
_DOWN = re.compile(r"^down_revision\b[^=\n]*=\s*(\([^)]*\)|[^\n]*)", re.MULTILINE)
_OWN = re.compile(r"^revision\b[^=\n]*=\s*[\"']([^\"']+)", re.MULTILINE)


def renderable(folder: Path, scratch: Path) -> int:
    """Write a chain of the revisions that Alembic renders offline; return how many they are."""
    paths = [str(path) for path in sorted(folder.glob("*.py")) if _OWN.search(path.read_text())]
    done = subprocess.run(
        [sys.executable, "-c", RENDER, *paths], capture_output=True, text=True, check=True, cwd=scratch
    )
    versions = scratch / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text(ENV)
    (scratch / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    before = None
    kept = done.stdout.split()
    for path in kept:
        text = Path(path).read_text()
        down = f"down_revision = {before!r}"
        (versions / Path(path).name).write_text(_DOWN.sub(lambda _, down=down: down, text, count=1))
        before = _OWN.search(text)[1]
    return len(kept)


def run(_rows: int, rounds: int) -> Result:
    """Measure whole programs, start-up included, over the same revisions."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*download, "--only-binary=:all:", "--dest", name, PROJECT], check=True)
        with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
            wheel.extractall(scratch / "wheel", [n for n in wheel.namelist() if n.startswith(FOLDER)])
        count = renderable(scratch / "wheel" / FOLDER, scratch)
        result = Result(
            "lint-history",
            count,
            unit="revisions/s",
            bars=(Bar("sluicegate lint", "alembic upgrade --sql", round(1 / 1.5, 3)),),
            notes=[f"{PROJECT}: Alembic renders {count} revisions offline; both programs get exactly these."],
        )
        programs = {
            "alembic upgrade --sql": ["-m", "alembic", "upgrade", "base:head", "--sql"],
            "sluicegate lint": ["-m", "sluicegate", "lint", "--no-live"],
        }
        for _round in range(rounds):
            for case, arguments in programs.items():
                done: list[subprocess.CompletedProcess[bytes]] = []
                timed(
                    result,
                    case,
                    count,
                    lambda arguments=arguments, done=done: done.append(
                        subprocess.run(
                            [sys.executable, *arguments],
                            cwd=scratch,
                            env=compiled(scratch),
                            capture_output=True,
                            check=False,
                        )
                    ),
                )
                if done[0].returncode not in (0, 1, 3) or not done[0].stdout:
                    raise SystemExit(f"{case} failed:\n{done[0].stderr.decode()[-500:]}")
    return result


BENCH = Bench("lint-history", 340, run)
