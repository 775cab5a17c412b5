"""Colours, links and width belong to terminals: `sluicegate lint` on a real one, on a dumb one, and into a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

SQL = "ALTER TABLE events DROP COLUMN kind, DROP COLUMN payload, DROP COLUMN created_at;\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "change.sql").write_text(SQL)
    return tmp_path


def on_terminal(folder: Path, columns: int, *arguments: str, **environment: str) -> str:
    """Run lint with a pseudo-terminal of a width for its output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "LINES", "TERM"}}
    program = subprocess.Popen(
        [sys.executable, "-m", "sluicegate", "lint", "change.sql", *arguments],
        cwd=folder,
        env={**inherited, "TERM": "xterm-256color", **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # Linux says EIO when the last writer has gone
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    program.wait()
    return said.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_links(folder):
    said = on_terminal(folder, 100)
    assert "\x1b[31m\x1b[1merror\x1b[0m[\x1b[1mdrop-column\x1b[0m]" in said
    link = f"\x1b]8;;{(folder / 'change.sql').as_uri()}\x1b\\change.sql:1:1\x1b]8;;\x1b\\"
    assert link in said


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})]
)
def test_a_terminal_that_wants_none_gets_none(folder, arguments, environment):
    said = on_terminal(folder, 100, *arguments, **environment)
    assert "\x1b" not in said
    assert said.startswith("error[drop-column] change.sql:1:1\n")


def test_a_narrow_terminal_is_not_written_over(folder):
    said = on_terminal(folder, 50, NO_COLOR="1")
    code = [line for line in said.splitlines() if not line.lstrip().startswith(("op.", "--", "ALTER", "-- "))]
    assert max(map(len, code[:6])) <= 50
    assert "  1 │ ALTER TABLE events DROP COLUMN kind, DROP C…\n" in said


def test_a_pipe_gets_plain_text_of_one_width(folder):
    done = subprocess.run(
        [sys.executable, "-m", "sluicegate", "lint", "change.sql"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "\x1b" not in done.stdout
    assert f"  1 │ {SQL}" in done.stdout
