"""What building an index over pgvector's types refuses, and what only rows decide.

Source: pgvector 0.8.5, ``InitBuildState`` in hnswbuild.c and ivfbuild.c; PostgreSQL's nbtutils.c for b-tree rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import RelationKind
from sluicegate.catalog.types import base_type, key_of
from sluicegate.effects.context import Refused
from sluicegate.effects.relation_options import HNSW_EF_CONSTRUCTION, HNSW_M

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sluicegate.catalog.model import Relation, SqlType
    from sluicegate.effects.context import Context
    from sluicegate.effects.index_definition import Key

MAX_DIMENSIONS = {"@vector": 2000, "@halfvec": 4000, "bit": 64_000, "@sparsevec": 1_000_000_000}
"""Most dimensions that an HNSW or IVFFlat index takes, by the input type of its operator class."""

_BYTES = {"@vector": 4, "@halfvec": 2}  # per dimension, after a header of 8
_BTREE_LIMIT = 2704  # BTMaxItemSize for pages of 8 KiB
_TUPLE_LIMIT = 8191  # INDEX_SIZE_MASK


def check_build(
    context: Context, relation: Relation, method: str, keys: tuple[Key, ...], options: Mapping[str, str]
) -> None:
    """Refuse what the build of an index on a table refuses.

    Raises:
        Refused: the definition cannot be built, or the rows that the table holds cannot be indexed.
    """
    if relation.kind is RelationKind.PARTITIONED:
        return
    if method in {"hnsw", "ivfflat"} and keys:
        _check_dimensions(context, method, keys[0])
    if method == "hnsw":
        m = int(float(options.get("m", HNSW_M)))
        if int(float(options.get("ef_construction", HNSW_EF_CONSTRUCTION))) < 2 * m:
            raise Refused("22023", "ef_construction must be greater than or equal to 2 * m")


def _check_dimensions(context: Context, method: str, key: Key) -> None:
    if key.type is None or key.input is None:
        return
    sql_type = base_type(key.type, context.catalog)
    if key.input not in MAX_DIMENSIONS:
        return
    if key_of(sql_type, context.catalog) == "varbit":
        raise Refused("0A000", f"type not supported for {method} index")
    # A domain keeps the dimensions to itself: its columns have no modifier that the index could ask for.
    if not key.type.modifiers:
        raise Refused("22023", "column does not have dimensions")
    most = MAX_DIMENSIONS[key.input]
    if sql_type.modifiers[0] > most:
        raise Refused("54000", f"column cannot have more than {most} dimensions for {method} index")


def check_row_size(context: Context, relation: Relation, name: str, types: Iterable[SqlType | None]) -> None:
    """Refuse a b-tree index whose rows are too long as soon as one vector is there.

    Vectors are stored as they are (EXTERNAL, not compressed), so their size is known from their dimensions.
    """
    size = 8
    for sql_type in types:
        if sql_type is None:
            continue
        inner = base_type(sql_type, context.catalog)
        width = _BYTES.get(key_of(inner, context.catalog) or "")
        if width is not None and inner.modifiers:
            size += 8 + width * inner.modifiers[0]
    size = (size + 7) // 8 * 8
    if size <= _BTREE_LIMIT:
        return
    context.builder.depends(f"fails if {relation.name} holds a row whose indexed vectors are not NULL")
    if relation.rows == 0:
        return
    if size > _TUPLE_LIMIT:
        raise Refused("54000", f"index row requires {size} bytes, maximum size is {_TUPLE_LIMIT}")
    raise Refused("54000", f'index row size {size} exceeds btree version 4 maximum {_BTREE_LIMIT} for index "{name}"')
