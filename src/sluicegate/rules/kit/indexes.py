"""What one index has in common with another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluicegate.catalog.model import Index, IndexKey


def covers(old: Index, new: Index) -> bool:
    """Tell whether every query that a new b-tree could serve is served by an old one, whose first keys are the same."""
    if old.method != "btree" or new.method != "btree" or old.predicate is not None or not old.valid:
        return False
    # A partial index is smaller and often the point: finding the few rows of its predicate without reading the rest.
    if len(new.keys) > len(old.keys) or new.included or new.predicate is not None:
        return False
    return [_described(key) for key in old.keys[: len(new.keys)]] == [_described(key) for key in new.keys]


def _described(key: IndexKey) -> tuple[object, ...]:
    expression = key.expression.sql if key.expression else None
    return (key.column, expression, key.operator_class, key.collation, key.descending, key.nulls_first)
