"""Which version of pgvector a statement needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import strings, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

# pgvector's CHANGELOG: HNSW in 0.5.0; halfvec, sparsevec, their operator classes and those for bit in 0.7.0.
_TYPES = {"halfvec": (0, 7, 0), "sparsevec": (0, 7, 0)}
_METHODS = {"hnsw": (0, 5, 0)}
_CLASSES = {"bit_hamming_ops": (0, 7, 0), "bit_jaccard_ops": (0, 7, 0), "vector_l1_ops": (0, 7, 0)}


def needs(context: Context) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield what a statement uses of pgvector with the version that brought it."""
    for type_name in walk_kinds(context.node, pg.TypeName):
        name = strings(type_name.names)[-1:]
        if name and name[0] in _TYPES:
            yield f"The type {name[0]}", _TYPES[name[0]]
    for index in walk_kinds(context.node, pg.IndexStmt):
        if index.access_method in _METHODS:
            yield f"The index method {index.access_method}", _METHODS[index.access_method]
        for element in walk_kinds(index, pg.IndexElem):
            operator_class = strings(element.opclass)[-1:]
            if operator_class and operator_class[0] in _CLASSES:
                yield f"The operator class {operator_class[0]}", _CLASSES[operator_class[0]]
