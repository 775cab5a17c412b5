"""The reading process from our side: start it without secrets, listen with a time limit, end it for good."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from sluicegate.capture.isolation import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 16
_STARTING = 60.0  # seconds until the first event on a busy machine: Python, SQLAlchemy and Alembic are imported


class TookTooLongError(Exception):
    """The process said nothing for too long."""


class ReadingProcess:
    """A child that does one job and reports events."""

    def __init__(self, job: dict[str, Any], scratch: Path, *, cwd: Path) -> None:
        """Start the process in the project's folder and hand it the job."""
        self._noise = scratch / "output.txt"
        read_end, write_end = os.pipe()
        with self._noise.open("wb") as noise:
            self._process = subprocess.Popen(
                # -P: a project's own folder alembic/ must not stand in for the library.
                [sys.executable, "-P", "-m", "sluicegate.capture.child", str(write_end)],
                stdin=subprocess.PIPE,
                stdout=noise,
                stderr=noise,
                cwd=cwd,
                env=clean_environment(os.environ, scratch),
                pass_fds=[write_end],
                start_new_session=True,
            )
        os.close(write_end)
        self._pipe = read_end
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._started = False
        self.reply(job)

    def reply(self, message: dict[str, Any]) -> None:
        """Send the job, or the answer to an ``ask`` event."""
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def next_event(self, timeout: float) -> dict[str, Any] | None:
        """Return the next event, or None when the process has ended.

        Raises:
            TookTooLongError: a revision, or the import of a file, did not end within ``timeout`` seconds.
        """
        while not self._lines:
            wait = timeout if self._started else max(timeout, _STARTING)
            if not self._deadline:
                self._deadline = time.monotonic() + wait
            ready, _, _ = select.select([self._pipe], [], [], max(0.0, self._deadline - time.monotonic()))
            if not ready:
                raise TookTooLongError
            data = os.read(self._pipe, _CHUNK)
            if not data:
                return None
            self._buffer += data
            *self._lines, rest = bytes(self._buffer).split(b"\n")
            self._buffer = bytearray(rest)
        event: dict[str, Any] = json.loads(self._lines.pop(0))
        self._started = True
        if event["event"] not in ("statement", "ask"):  # a loop that never ends may issue statements for ever
            self._deadline = 0.0
        return event

    _deadline = 0.0

    def why_it_ended(self) -> str:
        """Return in words how the process ended although its job was not done."""
        code = self._process.wait()
        if code < 0:
            return f"ends the process with {signal.Signals(-code).name}"
        lines = self._noise.read_text(errors="replace").strip().splitlines()
        return f"ends the process with exit code {code}" + (f" ({lines[-1].strip()[:300]})" if lines else "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process and everything it may have started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._pipe)
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
