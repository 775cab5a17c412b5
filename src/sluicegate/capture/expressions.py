"""Evaluate SQL expressions over rows of system tables; whatever is not understood is said to be unanswerable."""

from __future__ import annotations

import decimal
import re
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.capture.functions import CASTS, FUNCTIONS, Facts, UnanswerableError
from sluicegate.capture.oids import Int2Vector
from sluicegate.statements import nodes

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Sequence

Scope = dict[str, dict[str, Any]]
"""Alias → the row that it stands for now; outer queries' aliases are in it too."""


class Evaluator:
    """Evaluate expressions in a scope; ``subquery`` answers a query within an expression."""

    def __init__(self, facts: Facts, subquery: Callable[[pg.SelectStmt, Scope], list[tuple[Any, ...]]]) -> None:
        """Evaluate with these facts about the database."""
        self._facts = facts
        self._subquery = subquery

    def value(self, node: Any, scope: Scope) -> Any:
        """Return an expression's value; NULL is None.

        Raises:
            UnanswerableError: the expression is of a kind that is not understood.
        """
        inner = nodes.unwrap(node)
        handler = _HANDLERS.get(type(inner))
        if handler is None:
            raise UnanswerableError(type(inner).__name__)
        return handler(self, inner, scope)

    def is_true(self, node: Any, scope: Scope) -> bool:
        """Tell whether a condition holds; NULL does not."""
        return self.value(node, scope) is True

    # -- kinds of expression ---------------------------------------------------------------------------------------

    def _constant(self, node: pg.A_Const, _: Scope) -> Any:
        value = nodes.value_of(node)
        return decimal.Decimal(value) if node.WhichOneof("val") == "fval" else value

    def _column(self, node: pg.ColumnRef, scope: Scope) -> Any:
        names = [nodes.string(field) for field in node.fields]
        if not all(names):
            raise UnanswerableError("*")
        column = names[-1]
        if len(names) > 1:
            row = scope.get(names[-2])
            if row is None or column not in row:
                raise UnanswerableError(".".join(names))
            return row[column]
        found = [row for row in reversed(scope.values()) if column in row]
        # A row without known columns, from the empty side of an outer join, claims every name.
        for row in [row for row in found if len(row)] or found:
            return row[column]
        raise UnanswerableError(column)

    def _cast(self, node: pg.TypeCast, scope: Scope) -> Any:
        value = self.value(node.arg, scope)
        _, name = nodes.qualified(node.type_name)
        if node.type_name.array_bounds or name not in CASTS:
            if isinstance(value, list | None) or name == "name":
                return value
            if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
                return [part.strip().strip('"') for part in value[1:-1].split(",") if part.strip()]
            raise UnanswerableError(f"cast to {name}")
        return CASTS[name](value, self._facts)

    def _call(self, node: pg.FuncCall, scope: Scope) -> Any:
        schema, name = nodes.qualified(node.funcname)
        function = FUNCTIONS.get(name) if schema in (None, "pg_catalog") else None
        if function is None or node.agg_distinct or node.agg_star or node.HasField("over"):
            raise UnanswerableError(f"{name}()")
        return function(self._facts, *(self.value(argument, scope) for argument in node.args))

    def _boolean(self, node: pg.BoolExpr, scope: Scope) -> Any:
        if node.boolop == pg.NOT_EXPR:
            value = self.value(node.args[0], scope)
            return None if value is None else not value
        decisive = node.boolop == pg.OR_EXPR
        unknown: UnanswerableError | None = None
        result: Any = not decisive
        for argument in node.args:
            try:
                value = self.value(argument, scope)
            except UnanswerableError as error:
                unknown = error
                continue
            if value is decisive:
                return decisive  # whatever the others are
            result = None if value is None else result
        if unknown is not None:
            raise unknown
        return result

    def _null_test(self, node: pg.NullTest, scope: Scope) -> bool:
        return bool((self.value(node.arg, scope) is None) == (node.nulltesttype == pg.IS_NULL))

    def _boolean_test(self, node: pg.BooleanTest, scope: Scope) -> bool:
        value = self.value(node.arg, scope)
        wanted = {pg.IS_TRUE: True, pg.IS_NOT_TRUE: True, pg.IS_FALSE: False, pg.IS_NOT_FALSE: False}.get(
            node.booltesttype
        )
        negated = node.booltesttype in (pg.IS_NOT_TRUE, pg.IS_NOT_FALSE, pg.IS_NOT_UNKNOWN)
        return bool((value is wanted) != negated)

    def _operator(self, node: pg.A_Expr, scope: Scope) -> Any:
        name = nodes.string(node.name[-1])
        kind = node.kind
        if kind == pg.AEXPR_NULLIF:
            left, right = self.value(node.lexpr, scope), self.value(node.rexpr, scope)
            return None if left == right else left
        left = self.value(node.lexpr, scope) if node.HasField("lexpr") else None
        if kind == pg.AEXPR_IN:
            items = [self.value(item, scope) for item in nodes.unwrap(node.rexpr).items]
            return _among(left, items, negated=name == "<>")
        if kind in (pg.AEXPR_BETWEEN, pg.AEXPR_NOT_BETWEEN):
            low, high = (self.value(item, scope) for item in nodes.unwrap(node.rexpr).items)
            inside = _compared("<=", low, left), _compared("<=", left, high)
            result = None if None in inside else all(inside)
            return result if result is None or kind == pg.AEXPR_BETWEEN else not result
        right = self.value(node.rexpr, scope)
        if kind in (pg.AEXPR_LIKE, pg.AEXPR_ILIKE):
            return _like(left, right, insensitive=kind == pg.AEXPR_ILIKE, negated=name.startswith("!"))
        if kind in (pg.AEXPR_OP_ANY, pg.AEXPR_OP_ALL):
            if not isinstance(right, list):
                raise UnanswerableError("ANY")
            outcomes = [_compared(name, left, item) for item in right]
            return any(outcomes) if kind == pg.AEXPR_OP_ANY else all(outcomes)
        if kind in (pg.AEXPR_DISTINCT, pg.AEXPR_NOT_DISTINCT):
            return _plain_equal(left, right) == (kind == pg.AEXPR_NOT_DISTINCT)
        if kind != pg.AEXPR_OP:
            raise UnanswerableError("operator")
        return _apply(name, left, right, unary=not node.HasField("lexpr"))

    def _case(self, node: pg.CaseExpr, scope: Scope) -> Any:
        if node.HasField("arg"):
            subject = self.value(node.arg, scope)
        for entry in node.args:
            when = nodes.unwrap(entry)
            value = self.value(when.expr, scope)
            if (_compared("=", subject, value) if node.HasField("arg") else value) is True:
                return self.value(when.result, scope)
        return self.value(node.defresult, scope) if node.HasField("defresult") else None

    def _coalesce(self, node: pg.CoalesceExpr, scope: Scope) -> Any:
        for argument in node.args:
            value = self.value(argument, scope)
            if value is not None:
                return value
        return None

    def _array(self, node: pg.A_ArrayExpr, scope: Scope) -> list[Any]:
        return [self.value(element, scope) for element in node.elements]

    def _value_function(self, node: pg.SQLValueFunction, _: Scope) -> Any:
        op = node.op
        if op == pg.SVFOP_CURRENT_SCHEMA:
            return self._facts.session.search_path[0] if self._facts.session.search_path else None
        if op == pg.SVFOP_CURRENT_CATALOG:
            return FUNCTIONS["current_database"](self._facts)
        if op in (pg.SVFOP_CURRENT_USER, pg.SVFOP_CURRENT_ROLE, pg.SVFOP_USER, pg.SVFOP_SESSION_USER):
            return "postgres"
        now: datetime.datetime = FUNCTIONS["now"](self._facts)
        if op == pg.SVFOP_CURRENT_DATE:
            return now.date()
        if op in (pg.SVFOP_LOCALTIMESTAMP, pg.SVFOP_LOCALTIMESTAMP_N):
            return now.replace(tzinfo=None)
        return now if op in (pg.SVFOP_CURRENT_TIMESTAMP, pg.SVFOP_CURRENT_TIMESTAMP_N) else now.timetz()

    def _sublink(self, node: pg.SubLink, scope: Scope) -> Any:
        rows = self._subquery(nodes.unwrap(node.subselect), scope)
        if node.sub_link_type == pg.EXISTS_SUBLINK:
            return bool(rows)
        first = [row[0] for row in rows]
        if node.sub_link_type == pg.EXPR_SUBLINK:
            return first[0] if first else None
        if node.sub_link_type == pg.ARRAY_SUBLINK:
            return first
        if node.sub_link_type == pg.ANY_SUBLINK:
            operator = nodes.string(node.oper_name[-1]) if node.oper_name else "="
            left = self.value(node.testexpr, scope)
            return any(_compared(operator, left, item) for item in first)
        raise UnanswerableError("subquery")

    def _subscript(self, node: pg.A_Indirection, scope: Scope) -> Any:
        value = self.value(node.arg, scope)
        index = nodes.unwrap(node.indirection[0])
        if len(node.indirection) != 1 or not isinstance(index, pg.A_Indices) or index.is_slice:
            raise UnanswerableError("indirection")
        if value is not None and not isinstance(value, list):
            raise UnanswerableError("subscript")
        place = self.value(index.uidx, scope)
        if value is None or place is None:
            return None
        place -= 0 if isinstance(value, Int2Vector) else 1
        return value[place] if 0 <= place < len(value) else None

    def _collate(self, node: pg.CollateClause, scope: Scope) -> Any:
        return self.value(node.arg, scope)


_HANDLERS: dict[type, Callable[[Evaluator, Any, Scope], Any]] = {
    pg.A_Const: Evaluator._constant,  # noqa: SLF001 - the class's own table of its methods, here and below
    pg.ColumnRef: Evaluator._column,  # noqa: SLF001
    pg.TypeCast: Evaluator._cast,  # noqa: SLF001
    pg.FuncCall: Evaluator._call,  # noqa: SLF001
    pg.BoolExpr: Evaluator._boolean,  # noqa: SLF001
    pg.NullTest: Evaluator._null_test,  # noqa: SLF001
    pg.BooleanTest: Evaluator._boolean_test,  # noqa: SLF001
    pg.A_Expr: Evaluator._operator,  # noqa: SLF001
    pg.CaseExpr: Evaluator._case,  # noqa: SLF001
    pg.CoalesceExpr: Evaluator._coalesce,  # noqa: SLF001
    pg.A_ArrayExpr: Evaluator._array,  # noqa: SLF001
    pg.SQLValueFunction: Evaluator._value_function,  # noqa: SLF001
    pg.SubLink: Evaluator._sublink,  # noqa: SLF001
    pg.A_Indirection: Evaluator._subscript,  # noqa: SLF001
    pg.CollateClause: Evaluator._collate,  # noqa: SLF001
}


def _among(left: Any, items: Sequence[Any], *, negated: bool) -> bool | None:
    outcomes = [_compared("=", left, item) for item in items]
    if any(outcomes):
        return not negated
    return None if None in outcomes else negated


def _plain_equal(left: Any, right: Any) -> bool:
    return (left is None and right is None) or _compared("=", left, right) is True


def _compared(operator: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, str) != isinstance(right, str):
        # An untyped constant takes the other side's type: 5 = '5', true = 'true', 'b' = 'b'::"char".
        left, right = str(left), str(right)
    try:
        match operator:
            case "=":
                return bool(left == right)
            case "<>" | "!=":
                return bool(left != right)
            case "<":
                return bool(left < right)
            case "<=":
                return bool(left <= right)
            case ">":
                return bool(left > right)
            case ">=":
                return bool(left >= right)
            case "~" | "~*" | "!~" | "!~*":
                found = re.search(right, left, re.IGNORECASE if operator.endswith("*") else 0)
                return (found is not None) != operator.startswith("!")
    except (TypeError, re.error) as error:
        raise UnanswerableError(operator) from error
    raise UnanswerableError(operator)


def _like(left: Any, pattern: Any, *, insensitive: bool, negated: bool) -> bool | None:
    if left is None or pattern is None:
        return None
    expression = ""
    letters = iter(str(pattern))
    for letter in letters:
        if letter == "\\":
            expression += re.escape(next(letters, ""))
        else:
            expression += {"%": ".*", "_": "."}.get(letter, re.escape(letter))
    flags = re.DOTALL | (re.IGNORECASE if insensitive else 0)
    return (re.fullmatch(expression, str(left), flags) is not None) != negated


def _apply(name: str, left: Any, right: Any, *, unary: bool) -> Any:
    if name in ("=", "<>", "!=", "<", "<=", ">", ">=", "~", "~*", "!~", "!~*"):
        return _compared(name, left, right)
    if right is None or (left is None and not unary):
        return None
    if name == "||":
        return left + right if isinstance(left, list) and isinstance(right, list) else f"{left}{right}"
    if name == "@>" and isinstance(left, list) and isinstance(right, list):
        return all(item in left for item in right)
    if name == "&&" and isinstance(left, list) and isinstance(right, list):
        return any(item in left for item in right)
    numbers = int | float | decimal.Decimal
    if isinstance(right, numbers) and (unary or isinstance(left, numbers)):
        try:
            return _ARITHMETIC[name](0 if unary else left, right)
        except (KeyError, TypeError, ArithmeticError) as error:
            raise UnanswerableError(name) from error
    raise UnanswerableError(name)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: int(left / right) if isinstance(left, int) and isinstance(right, int) else left / right,
    "%": lambda left, right: left - right * int(left / right),
}
