"""An index as ``Inspector.get_indexes`` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.capture.definitions import key_expression

if TYPE_CHECKING:
    from sluicegate.catalog.model import Index


def reflected_index(index: Index) -> dict[str, Any]:
    """Return the description of an index."""
    texts = [key.column or key_expression(key) for key in index.keys]
    described: dict[str, Any] = {
        "name": index.name.name,
        "unique": index.unique,
        "column_names": [key.column for key in index.keys],
    }
    if any(key.column is None for key in index.keys):
        described["expressions"] = texts
    sorting: dict[str, tuple[str, ...]] = {}
    for key, text in zip(index.keys, texts, strict=True):
        order: tuple[str, ...] = ("desc",) if key.descending else ()
        if key.descending != key.nulls_first:
            order += ("nulls_first",) if key.nulls_first else ("nulls_last",)
        if order:
            sorting[text] = order
    if sorting:
        described["column_sorting"] = sorting
    if index.constraint:
        described["duplicates_constraint"] = index.constraint
    options: dict[str, Any] = {}
    classes = {text: k.operator_class for k, text in zip(index.keys, texts, strict=True) if k.operator_class}
    if classes:
        options["postgresql_ops"] = classes
    if index.options:
        options["postgresql_with"] = dict(index.options)
    if index.method != "btree":
        options["postgresql_using"] = index.method
    if index.predicate is not None:
        options["postgresql_where"] = index.predicate.sql
    options["postgresql_include"] = list(index.included)
    if index.nulls_not_distinct:
        options["postgresql_nulls_not_distinct"] = True
    if not index.valid:
        options["postgresql_invalid"] = True
    described["dialect_options"] = options
    return described
