"""The torture of scripts/torture in a few seconds: kills, a crash, cut networks, an application that writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "torturing"


def test_nothing_is_missing_or_applied_twice_after_kills_crashes_and_cuts() -> None:
    disasters = ("--kills", "4", "--restarts", "1", "--cuts", "2", "--rows", "2000", "--longest", "0.5", "--seed", "7")
    ended = subprocess.run(
        [sys.executable, SCRIPT, *disasters], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Passed in" in ended.stdout
