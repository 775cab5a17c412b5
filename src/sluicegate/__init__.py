"""Judge, try and roll out PostgreSQL and pgvector schema migrations, and move the data behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluicegate.backfill.definition import Apply, Backfill, HighWatermark, Sidecar

__version__ = "0.1.0"

__all__ = ["Apply", "Backfill", "HighWatermark", "Sidecar", "__version__"]

_LAZY = {
    "Apply": "sluicegate.backfill.definition",
    "Backfill": "sluicegate.backfill.definition",
    "HighWatermark": "sluicegate.backfill.definition",
    "Sidecar": "sluicegate.backfill.definition",
}
"""Public name → its module, imported at first use: `sluicegate --help` needs none of them."""


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted({*globals(), *__all__})
