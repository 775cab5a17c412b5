"""Run the command line with ``python -m sluicegate``."""

from __future__ import annotations

from sluicegate.cli import main

main()
