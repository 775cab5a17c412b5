"""Expressions computed for every row that not every row survives: casts, divisions, vectors of other dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.casts import CastMethod, find_cast, length_coercion
from sluicegate.catalog.model import SqlType
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, display, key_of, same_type
from sluicegate.effects.context import Refused
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.effects.type_change import modifier_keeps_values
from sluicegate.statements.nodes import deparse, string, strings, unwrap, value_of, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context

_VECTORS = frozenset({"@vector", "@halfvec", "@sparsevec"})
_OPERATORS = frozenset({"<->", "<#>", "<=>", "<+>", "+", "-", "*"})
_DISTANCES = frozenset({"cosine_distance", "l1_distance", "l2_distance", "inner_product"})
_NARROWER = frozenset(
    {
        ("int4", "int2"),
        ("int8", "int2"),
        ("int8", "int4"),
        ("numeric", "int2"),
        ("numeric", "int4"),
        ("numeric", "int8"),
    }
    | {(real, whole) for real in ("float4", "float8") for whole in ("int2", "int4", "int8")}
    | {("float8", "float4"), ("numeric", "float4"), ("varbit", "bit"), ("jsonb", "int4"), ("jsonb", "int8")}
    | {("jsonb", "numeric"), ("jsonb", "bool"), ("int8", "oid"), ("@vector", "@halfvec"), ("timestamptz", "date")}
)
"""Built-in casts between numbers and their like that refuse some values; by far not all there are."""


def note_computed(context: Context, relation: Relation, node: Any, target: SqlType | None = None) -> None:
    """Note how an expression that is computed for each row of a table may fail.

    Args:
        context: the statement's context, over the schema in which the expression is read.
        relation: the table.
        node: the expression.
        target: the type it is stored as, where there is one.

    Raises:
        Refused: a vector's dimensions are known, and are others than the cast wants (22000).
    """
    for cast in walk_kinds(node, pg.TypeCast):
        wanted = context.type(cast.type_name)
        if wanted is not None:
            _note_cast(context, relation, cast.arg, wanted, explicit=True)
    for operation in walk_kinds(node, pg.A_Expr):
        if strings(operation.name)[-1] in _OPERATORS and operation.HasField("lexpr"):
            _check_pair(context, relation, operation.lexpr, operation.rexpr)
        elif strings(operation.name)[-1] in {"/", "%"}:
            _check_divisor(context, relation, operation.rexpr, node)
    for call in walk_kinds(node, pg.FuncCall):
        if strings(call.funcname)[-1] in _DISTANCES and len(call.args) == 2:
            _check_pair(context, relation, call.args[0], call.args[1])
    if target is not None:
        _note_cast(context, relation, node, target, explicit=False)


def _note_cast(context: Context, relation: Relation, node: Any, target: SqlType, *, explicit: bool) -> None:
    catalog = context.catalog
    found = read_expression(context, node, Place.TRANSFORM, relation=relation)
    if found.type is None or not found.columns or found.refusal is not None:
        return
    wanted = base_type(target, catalog)
    if key_of(SqlType(wanted.name), catalog) in _VECTORS and not wanted.array and wanted.modifiers:
        have = dimensions(context, relation, node)
        if have is not None and have != wanted.modifiers[0]:
            _refuse_rows(context, relation, node, "22000", f"expected {wanted.modifiers[0]} dimensions, not {have}")
    if _may_fail(context, found.type, wanted, explicit=explicit):
        shown = deparse(node) if explicit else "the expression"
        context.builder.depends(f"fails if {shown} of a row of {relation.name} does not fit {display(target)}")


def _check_divisor(context: Context, relation: Relation, divisor: Any, node: Any) -> None:
    constant = unwrap(divisor)
    if isinstance(constant, pg.A_Const):
        if value_of(constant) in {0, "0"} and any(walk_kinds(node, pg.ColumnRef)):
            _refuse_rows(context, relation, node, "22012", "division by zero")
        return
    context.builder.depends(f"fails if {deparse(divisor)} is zero in a row of {relation.name}")


def _check_pair(context: Context, relation: Relation, one: Any, other: Any) -> None:
    """Refuse a distance or a sum of vectors of different dimensions, one of which may be a literal."""
    left, right = (dimensions(context, relation, side) for side in (one, other))
    if left is None and right is not None:
        left = literal_dimensions(one)
    elif right is None and left is not None:
        right = literal_dimensions(other)
    if left is not None and right is not None and left != right:
        side = other if any(walk_kinds(other, pg.ColumnRef)) else one
        _refuse_rows(context, relation, side, "22000", f"different vector dimensions {left} and {right}")


def literal_dimensions(node: Any) -> int | None:
    """Return how many dimensions a vector written as a text, an array or ``array_fill`` has; None for all others."""
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    if isinstance(inner, pg.A_ArrayExpr):
        return len(inner.elements)
    if isinstance(inner, pg.FuncCall) and strings(inner.funcname)[-1] == "array_fill" and len(inner.args) == 2:
        counts = unwrap(inner.args[1])
        single = counts.elements if isinstance(counts, pg.A_ArrayExpr) and len(counts.elements) == 1 else ()
        return next((value for one in single if isinstance(value := value_of(one), int)), None)
    text = value_of(inner) if isinstance(inner, pg.A_Const) else None
    return text.count(",") + 1 if isinstance(text, str) and text.strip().startswith("[") else None


def _refuse_rows(context: Context, relation: Relation, node: Any, sqlstate: str, message: str) -> None:
    """Refuse what fails at any row but one with NULL.

    Raises:
        Refused: unless the table is known to be empty.
    """
    context.builder.depends(f"fails if {relation.name} holds a row whose {deparse(node)} is not NULL")
    if relation.rows != 0:
        raise Refused(sqlstate, message)


def _may_fail(context: Context, source: SqlType, target: SqlType, *, explicit: bool) -> bool:
    catalog = context.catalog
    source = base_type(source, catalog)
    if same_type(source, target):
        return False
    if source.name != target.name or source.array != target.array:
        path = find_cast(source, target, catalog, context.version)
        if path is None:
            return False
        if path.method is CastMethod.TEXT and type_facts(source, catalog).category == "S":
            return True
        if (key_of(source, catalog), key_of(target, catalog)) in _NARROWER:
            return True
    if not target.modifiers or length_coercion(target, catalog, context.version) is None:
        return False
    cuts = explicit and target.name.name in {"varchar", "bpchar", "bit", "varbit"}
    rounds = target.name.name in {"timestamp", "timestamptz", "time", "timetz", "interval"}
    if cuts or rounds:
        return False
    return source.name != target.name or not modifier_keeps_values(source, target)


def dimensions(context: Context, relation: Relation, node: Any) -> int | None:
    """Return how many dimensions a vector expression has wherever it is not NULL, or None if rows decide."""
    inner = unwrap(node)
    match inner:
        case pg.ColumnRef():
            column = relation.columns.get(string(inner.fields[-1])) if inner.fields else None
            return _of_type(context, column.type) if column is not None else None
        case pg.TypeCast():
            target = context.type(inner.type_name)
            own = _of_type(context, target) if target is not None else None
            return own if own is not None else dimensions(context, relation, inner.arg)
        case pg.FuncCall():
            name = strings(inner.funcname)[-1]
            if name == "l2_normalize" and len(inner.args) == 1:
                return dimensions(context, relation, inner.args[0])
            if name == "subvector" and len(inner.args) == 3:
                return _part(dimensions(context, relation, inner.args[0]), inner.args[1], inner.args[2])
    return None


def _of_type(context: Context, sql_type: SqlType) -> int | None:
    inner = base_type(sql_type, context.catalog)
    if inner.array or not inner.modifiers or key_of(SqlType(inner.name), context.catalog) not in _VECTORS:
        return None
    return inner.modifiers[0]


def _part(whole: int | None, start: Any, count: Any) -> int | None:
    """Return the dimensions of ``subvector(v, start, count)``, which ends where the vector ends."""
    first, many = value_of(unwrap(start)), value_of(unwrap(count))
    if whole is None or not isinstance(first, int) or not isinstance(many, int) or first < 1 or many < 1:
        return None
    last = min(first + many - 1, whole)
    return last - first + 1 if last >= first else None
