"""The formats of a report by name, each loaded when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.lint.report import Report

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "markdown")
"""Every format; the module of one has its name, and its function is ``render_<name>``."""


def renderer(name: str) -> Callable[[Report], str]:
    """Return the function that turns a report into one of ``FORMATS``."""
    module = importlib.import_module(f"sluicegate.render.{name}")
    render: Callable[[Report], str] = getattr(module, f"render_{name}")
    return render
