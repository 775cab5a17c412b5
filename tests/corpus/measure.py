"""Ask the linter about every case, fast: one process that forks for each revision in place of starting Python anew.

    python -m corpus.measure out.json [words]      (with tests/ on the path)

It calls what `sluicegate lint` calls; only the reading process is forked, and schemas are replayed once.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import pgvector.sqlalchemy  # noqa: F401 - as the next one
import sqlalchemy.orm  # noqa: F401 - imported before the first fork

from sluicegate.capture import child, revisions
from sluicegate.capture.isolation import clean_environment
from sluicegate.capture.location import find_script_location
from sluicegate.capture.process import ReadingProcess
from sluicegate.catalog import dump
from sluicegate.errors import SluicegateError
from sluicegate.lint.engine import Judge
from sluicegate.lint.project import ProjectFiles
from sluicegate.lint.report import Report
from sluicegate.lint.run import OPERATIONS
from sluicegate.rules.kit.catalogue import check_policy
from sluicegate.settings.policy import load_policy

from .case import SCHEMA, Case, load, policy_toml

BASE = 'revision = "0000"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n'
load_script = functools.cache(dump.load_script)


class ForkedProcess(ReadingProcess):
    """The reading process without a start of Python: everything is imported already."""

    def __init__(self, job: dict[str, Any], scratch: Path, *, cwd: Path) -> None:
        """Fork, and do the job in the child."""
        self._noise = scratch / "output.txt"
        self._noise.touch()
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os._exit(_in_child(job, scratch, cwd, self._noise, write_end))
        os.close(write_end)
        self._process = _Forked(pid)
        self._pipe, self._buffer, self._lines, self._started = read_end, bytearray(), [], False


def _in_child(job: dict[str, Any], scratch: Path, cwd: Path, noise: Path, pipe: int) -> int:
    try:
        os.setsid()
        handle = os.open(noise, os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.chdir(cwd)
        environment = clean_environment(os.environ, scratch)
        os.environ.clear()
        os.environ.update(environment)
        sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))  # read at Python's start otherwise
        given = scratch / "job.json"
        given.write_text(json.dumps(job) + "\n")
        os.dup2(os.open(given, os.O_RDONLY), 0)
        sys.argv = ["child", str(pipe)]
        child.main()
    except SystemExit as error:
        return int(error.code or 0)
    except BaseException:  # noqa: BLE001 - the parent reads it where Python would have printed it
        traceback.print_exc()
        return 1
    return 0


class _Forked:
    """What ReadingProcess wants of subprocess.Popen."""

    stdin = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def wait(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code


def judge(case: Case) -> dict[str, Any]:
    """Return what the linter says of one case, as JSON."""
    with tempfile.TemporaryDirectory(prefix="corpus-") as temporary:
        folder = Path(temporary)
        try:
            report, files = (_sql_report if case.is_sql else _report)(case, folder)
        except SluicegateError as error:
            return {"error": f"{type(error).__name__}: {error.message}", "findings": [], "modes": []}
        return {
            "modes": [revision.capture.value for revision in report.revisions],
            "reasons": [revision.reason for revision in report.revisions if revision.reason],
            "unparsed": sum(revision.unparsed for revision in report.revisions),
            "exit": int(report.exit_code),
            "findings": [
                {
                    "rule": finding.rule,
                    "level": finding.level.value,
                    "at": [
                        files.index(Path(finding.location.file).name),
                        finding.location.line,
                        max(finding.location.line, finding.location.end_line),
                    ],
                    "message": finding.message,
                }
                for finding in report.findings
            ],
        }


def _policy(case: Case, folder: Path) -> Any:
    path = folder / "safety" / "policy.toml"
    path.parent.mkdir()
    path.write_text(policy_toml(case.policy))
    policy = load_policy(path)
    check_policy(policy)
    return policy


def _schema(case: Case) -> str:
    return SCHEMA.read_text() + case.setup


def _report(case: Case, folder: Path) -> tuple[Report, list[str]]:
    versions = folder / "versions"
    versions.mkdir()
    (versions / "0000_base.py").write_text(BASE)
    for number, source in enumerate([*case.earlier, *case.sources], 1):
        (versions / f"{number:04}_case.py").write_text(source)
    policy = _policy(case, folder)
    location = find_script_location(migrations=folder)
    catalog = load_script(_schema(case), version=policy.postgresql)
    history = revisions.capture_history(
        location,
        version=policy.postgresql,
        deployed=["0000"],
        schema=_schema(case),
        naming_convention=policy.naming_convention,
        transaction_per_migration=policy.transaction_per_migration,
        settings=policy.session_settings,
        operation_modules=OPERATIONS,
        driver="psycopg",
    )
    names = [f"{len(case.earlier) + number:04}_case.py" for number in range(1, len(case.sources) + 1)]
    report = Judge(policy, policy.postgresql, project=ProjectFiles(policy.root, (folder, versions))).report(
        history, catalog, selected=lambda revision: Path(revision.file).name in names
    )
    return report, names


def _sql_report(case: Case, folder: Path) -> tuple[Report, list[str]]:
    from sluicegate.capture.sqlfiles import capture_sql

    policy = _policy(case, folder)
    catalog = load_script(_schema(case), version=policy.postgresql)
    captured = capture_sql(case.source, "case.sql")
    report = Judge(policy, policy.postgresql, project=ProjectFiles(policy.root, (folder,))).report([captured], catalog)
    return report, ["case.sql"]


def measure(cases: list[Case]) -> dict[str, dict[str, Any]]:
    """Judge cases, two at a time."""
    revisions.ReadingProcess = ForkedProcess  # type: ignore[misc]
    child.load_script = load_script  # type: ignore[assignment]
    for version in (16, 18):
        load_script(SCHEMA.read_text(), version=version)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return dict(zip((case.id for case in cases), pool.map(_judged, cases, chunksize=8), strict=True))


def _judged(case: Case) -> dict[str, Any]:
    try:
        return judge(case)
    except Exception:  # noqa: BLE001 - a crash of the linter is a verdict too
        return {"crash": traceback.format_exc()[-1500:], "findings": [], "modes": []}


def main() -> None:
    """Measure and write."""
    words = sys.argv[2:]
    cases = [case for case in load() if not words or any(word in case.id for word in words)]
    Path(sys.argv[1]).write_text(json.dumps(measure(cases), indent=1))


if __name__ == "__main__":
    main()
