"""The demonstration runs the whole job, and says so in a table."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "scripts" / "demonstration"), "--rows", "3000"]
ENVIRONMENT = {**os.environ, "COLUMNS": "120"}


def test_the_demonstration_does_the_whole_job_from_any_directory(tmp_path: Path) -> None:
    result = subprocess.run(
        [*COMMAND, "--directory", str(tmp_path.parents[-2])],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    table = result.stdout[result.stdout.rindex("events on PostgreSQL 18") :]
    table = re.sub(r"[\d.]+(?= ms| times)|(?<=\s)\d+\.\d(?= )|\d+ [kM]B", "N", table)
    table = re.sub(r"[━─│┃┏┓┗┛┡┩└┘├┤┬┴┼┳┻╇╈]+", " ", table)
    rows = [" ".join(line.split()) for line in table.splitlines()[1:]]
    assert [row for row in rows if row] == [
        "Step Result Seconds",
        "Lint refuses five bad changes 5 of 5 refused N",
        "Lint passes the good change clean N",
        "Dry run on a clone: prediction against server every prediction confirmed N",
        "Upgrade to expand sidecar created N",
        "Load events and embeddings 3,000 events, N N",
        "Find pending events by anti-join 65 pending in N ms N",
        "Upgrade to contract: the gate refuses refused, nothing changed N",
        "Backfill in chunks of 10,000 finished N",
        "Verify: owed against written 2,994/2,994 rows N",
        "Upgrade to contract: the gate opens index and foreign key valid N",
        "Find pending events by sidecar 65 pending in N ms, N times faster N",
    ]


def test_ctrl_c_stops_the_demonstration_and_removes_its_server(tmp_path_factory) -> None:
    folder = Path("/var/tmp") / f"sluicegate-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        process = subprocess.Popen(
            [*COMMAND, "--directory", str(folder)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while not list(folder.glob("*/data/postmaster.pid")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130, output
        assert "Stopped; the server and its data are gone." in output
        assert "Traceback" not in output
        assert list(folder.iterdir()) == []
    finally:
        folder.rmdir()
