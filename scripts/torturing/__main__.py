"""Run workers on two hosts, let disasters befall them in random order, and judge what is left."""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg
from judgement import judge
from proxy import Proxy
from rich.console import Console
from rich.table import Table
from stage import NAME, Application, add, prepare

from sluicegate.pg.embedded import EmbeddedServer, start, temporary_server
from sluicegate.settings.throttle import SIGNALS

WORKERS = 3
SETTINGS = {"deadlock_timeout": "100ms", "max_wal_size": "2GB"}
LEASE = "2"


class Ordeal:
    """Workers, their networks, the server and the application."""

    def __init__(self, server: EmbeddedServer, folder: Path, options: argparse.Namespace) -> None:
        """Prepare the tables and begin to write."""
        self._server, self._folder, self._options = server, folder, options
        self._chance = random.Random(options.seed)
        self.happened: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.url = server.url()
        prepare(self.url, folder / "backfills", options.rows, function=options.function)
        upstream = server.socket / f".s.PGSQL.{server.port}"
        self._hosts = [Proxy(upstream), Proxy(upstream)]
        self._workers: list[subprocess.Popen[str]] = []
        self.application = Application(self.url, options.seed)
        self.application.start()

    def run(self) -> None:
        """Let every disaster happen, in random order."""
        options = self._options
        disasters = ["kill"] * options.kills + ["restart"] * options.restarts + ["cut"] * options.cuts
        self._chance.shuffle(disasters)
        began = time.monotonic()
        for number, disaster in enumerate(disasters, 1):
            self._keep_busy()
            time.sleep(self._chance.random() * options.longest)
            getattr(self, f"_{disaster}")()
            self.happened[disaster] += 1
            if number % 10 == 0 or number == len(disasters):
                seconds = time.monotonic() - began
                print(
                    f"{number}/{len(disasters)} disasters in {seconds:.0f} s; {self.written():,} rows written, "
                    f"{self.happened['workers started']} workers started",
                    file=sys.stderr,
                    flush=True,
                )

    def finish(self) -> None:
        """Let the application come to rest, the workers finish, and the proof be made."""
        self.application.stop()
        for worker in self._workers:
            self._reap(worker, worker.communicate(timeout=120)[1])
        for verb in ("run", "verify"):
            ended = subprocess.run(
                self._command(verb), env=self._environment(self.url), cwd=self._folder, capture_output=True, text=True
            )
            if ended.returncode != 0:
                self.complaints.append(f"the last {verb} left with {ended.returncode}: {ended.stdout} {ended.stderr}")
        for host in self._hosts:
            host.close()
        time.sleep(float(LEASE))  # by then the leases of killed workers have ended

    def _keep_busy(self) -> None:
        """Have all workers at work, and rows to work on."""
        for worker in [one for one in self._workers if one.poll() is not None]:
            self._workers.remove(worker)
            self._reap(worker, worker.communicate()[1])
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT (SELECT max(id) FROM events) - coalesce((SELECT mark[1]::bigint FROM sluicegate.backfill), 0)"
            ).fetchone()
            if row and row[0] < self._options.rows // 2:
                add(connection, self._options.rows)
        while len(self._workers) < WORKERS:
            host = self._hosts[self.happened["workers started"] % len(self._hosts)]
            url = f"postgresql://postgres@127.0.0.1:{host.port}/postgres"
            self._workers.append(
                subprocess.Popen(
                    self._command("run"),
                    env=self._environment(url),
                    cwd=self._folder,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            self.happened["workers started"] += 1

    def _command(self, verb: str) -> list[str]:
        pace = ["--lease", LEASE, "--batch-size", str(self._options.batch_size), "--sleep", "0.01"]
        if verb == "run":
            # The throttle would hold the workers while vacuum catches up, and there would be nothing to kill.
            pace += [option for signal in SIGNALS for option in ("--throttle-off", signal)]
        return [sys.executable, "-m", "sluicegate", "backfill", verb, "0003", *pace]

    @staticmethod
    def _environment(url: str) -> dict[str, str]:
        return {**os.environ, "DATABASE_URL": url}

    def _reap(self, worker: subprocess.Popen[str], said: str) -> None:
        """Count how a worker ended; a traceback or a code that is not in the documentation is a failure of ours."""
        code = worker.returncode
        self.happened[f"workers left with {code}"] += 1
        if "Traceback" in said or code not in (0, 4, -9):
            self.complaints.append(f"a worker left with {code}: {said[-1500:]}")
        for line in said.splitlines():
            for sign in ("deadlock detected", "lock timeout", "trying again"):
                if sign in line:
                    self.happened[f"lines of workers with '{sign}'"] += 1
            if line.startswith("Error:"):
                self.happened[f"workers that said '{re.sub('[0-9]+', 'N', line)[:80]}…'"] += 1

    def written(self) -> int:
        """How many rows there are now."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT count(*) FROM status").fetchone()
        return row[0] if row else 0

    def _kill(self) -> None:
        """Kill -9 a worker that is at work; one that finished meanwhile does not count."""
        while not (alive := [worker for worker in self._workers if worker.poll() is None]):
            self._keep_busy()
        self._chance.choice(alive).kill()

    def _cut(self) -> None:
        """Cut every connection of one host."""
        self.happened["connections cut"] += self._chance.choice(self._hosts).cut()

    def _restart(self) -> None:
        """Crash the server, and start it again."""
        self._server.stop("immediate")
        time.sleep(self._chance.random() * 0.3)
        start(self._server.data, self._server.version, settings=SETTINGS)


def main() -> int:
    """Torture, judge, and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="workers killed with kill -9 (default 200)")
    parser.add_argument("--restarts", type=int, default=50, help="immediate restarts of the server (default 50)")
    parser.add_argument("--cuts", type=int, default=50, help="times that a host's connections are cut (default 50)")
    parser.add_argument("--rows", type=int, default=20_000, help="rows added whenever few are left (default 20,000)")
    parser.add_argument("--batch-size", type=int, default=40, help="keys in a chunk (default 40)")
    parser.add_argument("--longest", type=float, default=2.0, help="seconds between disasters, at most (default 2)")
    parser.add_argument(
        "--function", action="store_true", help="let a Python function do the work, between transactions"
    )
    parser.add_argument("--seed", type=int, default=None, help="the order of disasters; the clock decides unless given")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int(time.time())
    print(f"seed {options.seed}", file=sys.stderr)
    began = time.monotonic()
    with temporary_server(18, settings=SETTINGS) as server, tempfile.TemporaryDirectory() as folder:
        ordeal = Ordeal(server, Path(folder), options)
        try:
            ordeal.run()
        finally:
            ordeal.finish()
        findings = list(judge(ordeal.url))
        happened = {**ordeal.happened, **ordeal.application.done, "rows written": ordeal.written()}
    console = Console(soft_wrap=True)
    table = Table("What happened", "Count", box=None, title=f"{NAME}, seed {options.seed}", title_justify="left")
    for what, count in sorted(happened.items()):
        table.add_row(what, f"{count:,}")
    console.print(table)
    table = Table("What must be zero", "Count", box=None)
    for question, count in findings:
        table.add_row(question, f"{count:,}", style="red" if count else "")
    console.print(table)
    for complaint in ordeal.complaints:
        console.print(complaint, markup=False, highlight=False)
    wrong = [question for question, count in findings if count] + ordeal.complaints
    console.print(f"{'FAILED' if wrong else 'Passed'} in {time.monotonic() - began:.0f} s.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
