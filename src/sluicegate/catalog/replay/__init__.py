"""The schema after a statement: every DDL statement whose trace later predictions need, replayed on values."""

from sluicegate.catalog.replay.apply import apply, apply_all

__all__ = ["apply", "apply_all"]
