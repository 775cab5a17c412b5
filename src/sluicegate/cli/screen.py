"""How text looks on this standard output: colours, links and width on a terminal, none of it anywhere else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sluicegate.render.text import Look

_STYLES = {
    "error": {"fg": "red", "bold": True},
    "warn": {"fg": "yellow", "bold": True},
    "info": {"fg": "cyan"},
    "frame": {"fg": "bright_black"},
    "code": {"fg": "green"},
    "strong": {"bold": True},
}


def look(*, no_color: bool) -> Look:
    """Return the look of text; plain unless a person is watching and wants colour (https://no-color.org)."""
    from sluicegate.render.text import WIDTH, Look

    if not sys.stdout.isatty():
        return Look()
    import shutil  # nobody else needs it when lint starts

    columns = shutil.get_terminal_size((WIDTH, 24)).columns
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return Look(width=min(columns, WIDTH), screen=columns)
    return Look(_painted, _linked, min(columns, WIDTH), columns)


def _painted(style: str, text: str) -> str:
    return click.style(text, **_STYLES[style])  # type: ignore[arg-type]


def _linked(file: str, text: str) -> str:
    """Return a text that terminals open the file for (OSC 8); others show the text alone."""
    path = Path(file)
    if not path.is_file():
        return text
    return f"\x1b]8;;{path.resolve().as_uri()}\x1b\\{text}\x1b]8;;\x1b\\"
