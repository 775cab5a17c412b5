"""Backfills in the text format of Prometheus, for node_exporter's textfile collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

METRICS: Mapping[str, tuple[str, str]] = {
    "sluicegate_backfill_state": ("gauge", "1 for the state that the backfill is in, 0 for the others."),
    "sluicegate_backfill_rows_written_total": ("counter", "Rows that workers wrote."),
    "sluicegate_backfill_rows_parked": ("gauge", "Rows that cannot be written."),
    "sluicegate_backfill_rows_owed": ("gauge", "Rows that are owed work, at the last count."),
    "sluicegate_backfill_rows_done": ("gauge", "Rows of the last count that have what they are owed."),
    "sluicegate_backfill_workers": ("gauge", "Workers that are alive."),
    "sluicegate_backfill_workers_held": ("gauge", "Workers that are alive and wait."),
    "sluicegate_backfill_verified_timestamp_seconds": ("gauge", "When the backfill was proved; absent without proof."),
    "sluicegate_backfill_read_timestamp_seconds": ("gauge", "When these figures were read."),
}
"""Metric → its type and its help (prometheus.io, "Exposition formats" and "Metric and label naming")."""

Sample = tuple[str, "Mapping[str, str]", float]
"""Metric, labels and value."""


def exposition(samples: Iterable[Sample]) -> str:
    """Return samples as text, each metric with its help and type, in the order of ``METRICS``."""
    grouped: dict[str, list[str]] = {name: [] for name in METRICS}
    for name, labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        grouped[name].append(f"{name}{{{inside}}} {value!r}")
    lines = []
    for name, found in grouped.items():
        if found:
            kind, doc = METRICS[name]
            lines += [f"# HELP {name} {doc}", f"# TYPE {name} {kind}", *found]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
