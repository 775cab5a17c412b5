"""When CHECK constraints already prove that a column holds no NULL, so that the server need not read the table.

Source: ``NotNullImpliedByRelConstraints`` in PostgreSQL's tablecmds.c. It asks predtest.c for weak implication, in
which a strict operator proves nothing: ``c > 0`` is not false for a NULL. Only ``c IS NOT NULL`` itself counts, below
AND, in every arm of an OR, and in what constant folding turns into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind
from sluicegate.catalog.types import find_type
from sluicegate.statements.nodes import string, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Relation


def proves_not_null(relation: Relation, column: str, catalog: Catalog, search_path: tuple[str, ...]) -> bool:
    """Tell whether the table's validated and enforced checks prove that a column holds no NULL."""
    proof = _Proof(relation, column, catalog, search_path)
    return any(
        constraint.kind is ConstraintKind.CHECK
        and constraint.validated
        and constraint.enforced
        and constraint.expression is not None
        and proof.implied_by(constraint.expression.node)
        for constraint in relation.constraints.values()
    )


class _Proof:
    def __init__(self, relation: Relation, column: str, catalog: Catalog, search_path: tuple[str, ...]) -> None:
        self.relation, self.column, self.catalog, self.search_path = relation, column, catalog, search_path
        # IS NOT NULL of a row type looks at its fields, which is another question than whether the row is NULL.
        own = relation.columns[column].type
        self.is_row = own.name in catalog.relations and not own.array

    def implied_by(self, node: Any, *, negated: bool = False) -> bool:
        inner = unwrap(node)
        truth = _constant(inner)
        if truth is not None:
            # An arm that can never be true drops out of an OR; as a whole check it proves everything.
            return truth is negated
        match inner:
            case pg.BoolExpr():
                if inner.boolop == pg.NOT_EXPR:
                    return self.implied_by(inner.args[0], negated=not negated)
                found = (self.implied_by(argument, negated=negated) for argument in inner.args)
                return any(found) if (inner.boolop == pg.AND_EXPR) is not negated else all(found)
            case pg.NullTest():
                wanted = pg.IS_NULL if negated else pg.IS_NOT_NULL
                return not self.is_row and inner.nulltesttype == wanted and self._is_column(inner.arg)
            case pg.A_Expr():
                return self._comparison(inner, negated=negated)
            case pg.CaseExpr():
                return self._case(inner, negated=negated)
            case _:
                return False

    def _comparison(self, node: Any, *, negated: bool) -> bool:
        if node.kind in {pg.AEXPR_DISTINCT, pg.AEXPR_NOT_DISTINCT}:
            # The parser itself makes a NULL test of a comparison with the constant NULL.
            distinct = (node.kind == pg.AEXPR_DISTINCT) is not negated
            sides = (unwrap(node.lexpr), unwrap(node.rexpr))
            null = [isinstance(side, pg.A_Const) and side.isnull for side in sides]
            return distinct and any(null) and not self.is_row and self._is_column(sides[null.index(True) ^ 1])
        if node.kind != pg.AEXPR_OP or strings(node.name)[-1] not in {"=", "<>"}:
            return False
        flips = strings(node.name)[-1] == "<>"
        for side, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
            truth = _constant(unwrap(other))
            if truth is not None and _is_boolean(unwrap(side)):
                return self.implied_by(side, negated=negated ^ flips ^ (not truth))
        return False

    def _case(self, node: Any, *, negated: bool) -> bool:
        if node.HasField("arg"):
            return False
        for item in node.args:
            when = unwrap(item)
            truth = _constant(unwrap(when.expr))
            if truth is None:
                return False
            if truth:
                return self.implied_by(when.result, negated=negated)
        return node.HasField("defresult") and self.implied_by(node.defresult, negated=negated)

    def _is_column(self, node: Any) -> bool:
        inner = unwrap(node)
        if isinstance(inner, pg.TypeCast):
            # A cast to the column's own type leaves nothing behind.
            target = find_type(inner.type_name, self.catalog, self.search_path)
            return target == self.relation.columns[self.column].type and self._is_column(inner.arg)
        return isinstance(inner, pg.ColumnRef) and bool(inner.fields) and string(inner.fields[-1]) == self.column


def _constant(node: Any) -> bool | None:
    """Return a boolean constant's value, or None for anything else."""
    if isinstance(node, pg.TypeCast) and strings(node.type_name.names)[-1] == "bool":
        inner = unwrap(node.arg)
        if isinstance(inner, pg.A_Const) and not inner.isnull:
            return string(inner) in {"t", "true"} if inner.HasField("sval") else bool(inner.boolval.boolval)
    if isinstance(node, pg.A_Const) and node.HasField("boolval"):
        return bool(node.boolval.boolval)
    return None


def _is_boolean(node: Any) -> bool:
    return isinstance(node, pg.NullTest | pg.BoolExpr | pg.BooleanTest)
