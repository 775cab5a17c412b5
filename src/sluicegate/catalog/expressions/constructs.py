"""The sorts of nodes an expression is made of, one function for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.casts import CastContext, worst
from sluicegate.catalog.expressions import calls
from sluicegate.catalog.expressions.meaning import Invalid, Meaning
from sluicegate.catalog.model import SqlType, Volatility
from sluicegate.catalog.polymorphism import UNKNOWN
from sluicegate.catalog.type_facts import element_type, type_facts
from sluicegate.catalog.types import base_type, builtin_type, display
from sluicegate.statements.nodes import strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.expressions.reader import Reader

_BOOL, _TEXT, _INT4, _INT8 = builtin_type("bool"), builtin_type("text"), builtin_type("int4"), builtin_type("int8")

_VALUE_FUNCTIONS = {
    pg.SVFOP_CURRENT_DATE: "date",
    pg.SVFOP_CURRENT_TIME: "timetz",
    pg.SVFOP_CURRENT_TIME_N: "timetz",
    pg.SVFOP_CURRENT_TIMESTAMP: "timestamptz",
    pg.SVFOP_CURRENT_TIMESTAMP_N: "timestamptz",
    pg.SVFOP_LOCALTIME: "time",
    pg.SVFOP_LOCALTIME_N: "time",
    pg.SVFOP_LOCALTIMESTAMP: "timestamp",
    pg.SVFOP_LOCALTIMESTAMP_N: "timestamp",
}


def _plain(found: SqlType) -> SqlType:
    return SqlType(found.name, array=found.array)


def _constant(_reader: Reader, node: Any) -> Meaning:
    if node.isnull:
        return Meaning(UNKNOWN, constant=True, null=True)
    match node.WhichOneof("val"):
        case "ival":
            return Meaning(_INT4, constant=True, literal=str(node.ival.ival))
        case "fval":
            text = node.fval.fval
            whole = text.lstrip("+-").isdigit() and abs(int(text)) < 1 << 63
            return Meaning(_INT8 if whole else builtin_type("numeric"), constant=True, literal=text)
        case "boolval":
            return Meaning(_BOOL, constant=True, literal="t" if node.boolval.boolval else "f")
        case "bsval":
            return Meaning(builtin_type("bit"), constant=True, literal=node.bsval.bsval)
        case "sval":
            return Meaning(UNKNOWN, constant=True, literal=node.sval.sval)
        case _:
            return Meaning(_INT4, constant=True, literal="0")


def _column(reader: Reader, node: Any) -> Meaning:
    if isinstance(unwrap(node.fields[-1]), pg.A_Star):
        return Meaning(builtin_type("record"))
    return Meaning(reader.column(strings(node.fields), reader.notes))


def _parameter(reader: Reader, node: Any) -> Meaning:
    if 0 < node.number <= len(reader.parameters):
        return reader.parameters[int(node.number) - 1]
    return Meaning(None)


def _cast(reader: Reader, node: Any) -> Meaning:
    target = reader.type(node.type_name)
    inner = unwrap(node.arg)
    if target is not None and target.array and isinstance(inner, pg.A_ArrayExpr):
        return _array_of(reader, inner, target)
    found = reader.read(node.arg)
    if target is None:
        return Meaning(None, None)
    return reader.coerce(found, target, CastContext.EXPLICIT)


def _array_of(reader: Reader, node: Any, target: SqlType) -> Meaning:
    element = SqlType(target.name, target.modifiers)
    parts = []
    for item in node.elements:
        inner = unwrap(item)
        if isinstance(inner, pg.A_ArrayExpr):
            parts.append(_array_of(reader, inner, target))
        else:
            parts.append(reader.coerce(reader.read(item), element, CastContext.EXPLICIT))
    return Meaning(target, worst(*(part.volatility for part in parts)), all(part.constant for part in parts))


def _array(reader: Reader, node: Any) -> Meaning:
    parts = [reader.read(item) for item in node.elements]
    if not parts:
        raise Invalid("42P18", "cannot determine type of empty array")
    found, volatility = reader.common(parts, "ARRAY")
    constant = all(part.constant for part in parts)
    if found is None:
        return Meaning(None, volatility, constant)
    return Meaning(found if found.array else SqlType(found.name, array=True), volatility, constant)


def _boolean(reader: Reader, node: Any) -> Meaning:
    word = {pg.AND_EXPR: "AND", pg.OR_EXPR: "OR", pg.NOT_EXPR: "NOT"}.get(node.boolop, "AND")
    parts = [reader.condition(item, word) for item in node.args]
    # A constant that decides the result lets the planner drop the rest.
    decisive = {"AND": "f", "OR": "t"}.get(word)
    if any(part.constant and part.literal == decisive for part in parts):
        return Meaning(_BOOL, constant=True, literal=decisive)
    return Meaning(_BOOL, worst(*(part.volatility for part in parts)), all(part.constant for part in parts))


def _truth_test(reader: Reader, node: Any) -> Meaning:
    found = reader.read(node.arg)
    if isinstance(node, pg.BooleanTest):
        found = reader.condition(node.arg, "IS TRUE")
    return Meaning(_BOOL, found.volatility, found.constant)


def _case(reader: Reader, node: Any) -> Meaning:
    tests: list[Volatility | None] = []
    results = []
    decided = False
    if node.HasField("arg"):
        subject = reader.read(node.arg)
        subject_type = _TEXT if subject.type == UNKNOWN else subject.type
        tests.append(subject.volatility)
    for item in node.args:
        when = item.case_when
        if node.HasField("arg"):
            tests.append(
                calls.operator(
                    reader, "=", [Meaning(subject_type, subject.volatility), reader.read(when.expr)]
                ).volatility
            )
            results.append(reader.read(when.result))
            continue
        test = reader.condition(when.expr, "CASE/WHEN")
        result = reader.read(when.result)
        never = decided or (test.constant and (test.null or test.literal == "f"))
        results.append(replace(result, volatility=Volatility.IMMUTABLE) if never else result)
        if not never:
            tests.append(test.volatility)
        # What stands after a condition that is always true is never evaluated (eval_const_expressions_mutator).
        decided = decided or (test.constant and test.literal == "t")
    otherwise = reader.read(node.defresult) if node.HasField("defresult") else None
    if otherwise is not None and decided:
        otherwise = replace(otherwise, volatility=Volatility.IMMUTABLE)
    found, volatility = reader.common([*([otherwise] if otherwise is not None else []), *results], "CASE")
    return Meaning(found, worst(volatility, *tests))


def _coalesce(reader: Reader, node: Any) -> Meaning:
    parts = [reader.read(item) for item in node.args]
    what = "COALESCE"
    if isinstance(node, pg.MinMaxExpr):
        what = "GREATEST" if node.op == pg.IS_GREATEST else "LEAST"
    found, volatility = reader.common(parts, what)
    if what == "COALESCE" and parts[0].constant and not parts[0].null:
        return Meaning(found, Volatility.IMMUTABLE, constant=True, literal=parts[0].literal)
    return Meaning(found, volatility, all(part.constant for part in parts))


def _value_function(_reader: Reader, node: Any) -> Meaning:
    return Meaning(builtin_type(_VALUE_FUNCTIONS.get(node.op, "name")), Volatility.STABLE)


def _row(reader: Reader, node: Any) -> Meaning:
    parts = [reader.read(item) for item in node.args]
    constant = all(part.constant for part in parts)
    volatility = worst(*(part.volatility for part in parts))
    return Meaning(builtin_type("record"), volatility, constant, fields=tuple(parts))


def _collate(reader: Reader, node: Any) -> Meaning:
    found = reader.read(node.arg)
    if found.type is not None and found.type != UNKNOWN:
        facts = type_facts(found.type, reader.catalog)
        if facts.known and not facts.collatable:
            raise Invalid("42804", f"collations are not supported by type {display(_plain(found.type))}")
    return Meaning(_TEXT if found.type == UNKNOWN else found.type, found.volatility, found.constant)


def _indirection(reader: Reader, node: Any) -> Meaning:
    found = reader.read(node.arg)
    current, volatility = found.type, found.volatility
    for item in node.indirection:
        step = unwrap(item)
        if isinstance(step, pg.A_Indices):
            for bound in ("lidx", "uidx"):
                if step.HasField(bound):
                    volatility = worst(volatility, reader.read(getattr(step, bound)).volatility)
            current = _subscript(reader, current, is_slice=step.is_slice)
        elif isinstance(step, pg.String):
            current = _field(reader, current, step.sval)
        else:
            current = None
    return Meaning(current, volatility)


def _subscript(reader: Reader, container: SqlType | None, *, is_slice: bool) -> SqlType | None:
    if container is None:
        return None
    if _plain(base_type(container, reader.catalog)) == builtin_type("jsonb"):
        return builtin_type("jsonb")
    element = element_type(container, reader.catalog)
    if element is None:
        if type_facts(container, reader.catalog).known:
            raise Invalid(
                "42804", f"cannot subscript type {display(container)} because it does not support subscripting"
            )
        return None
    return container if is_slice else element


def _field(reader: Reader, row: SqlType | None, name: str) -> SqlType | None:
    if row is None:
        return None
    relation = reader.catalog.relations.get(row.name)
    if relation is None:
        return None
    column = relation.columns.get(name)
    if column is None:
        raise Invalid("42703", f'column "{name}" not found in data type {display(row)}')
    reader.notes.fields.append((relation.name, name))
    return column.type


def _sublink(reader: Reader, node: Any) -> Meaning:
    if not reader.place.allows_queries:
        raise Invalid("0A000", f"cannot use subquery in {reader.place.value[0]}")
    found = reader.subquery(node.subselect) if reader.subquery is not None else None
    if node.HasField("testexpr"):
        reader.read(node.testexpr)
    if node.sub_link_type in {pg.EXPR_SUBLINK}:
        return Meaning(_TEXT if found == UNKNOWN else found, None)
    if node.sub_link_type == pg.ARRAY_SUBLINK:
        element = _TEXT if found == UNKNOWN else found
        return Meaning(SqlType(element.name, array=True) if element is not None else None, None)
    return Meaning(_BOOL, None)


def _json_constructor(reader: Reader, node: Any) -> Meaning:
    for descriptor, value in node.ListFields():
        if descriptor.message_type is not None and descriptor.name in {"exprs", "expr", "arg"}:
            for item in [value] if hasattr(value, "DESCRIPTOR") else value:
                other(reader, unwrap(item))
    name = "json"
    output = node.output if "output" in node.DESCRIPTOR.fields_by_name and node.HasField("output") else None
    if output is not None:
        found = reader.type(output.type_name)
        return Meaning(found, Volatility.STABLE)
    if isinstance(node, pg.JsonSerializeExpr):
        name = "text"
    elif isinstance(node, pg.JsonIsPredicate):
        return Meaning(_BOOL)
    elif isinstance(node, pg.JsonFuncExpr):
        name = {pg.JSON_EXISTS_OP: "bool", pg.JSON_VALUE_OP: "text"}.get(node.op, "jsonb")
    return Meaning(builtin_type(name), Volatility.STABLE)


def _default(_reader: Reader, _node: Any) -> Meaning:
    return Meaning(None)


def other(reader: Reader, node: Any) -> Meaning:
    """Read what is inside a node of no interest of its own."""
    if node is None:
        return Meaning(None)
    parts: list[Meaning] = []
    for descriptor, value in node.ListFields():
        if descriptor.message_type is None:
            continue
        for item in [value] if hasattr(value, "DESCRIPTOR") else value:
            inner = unwrap(item)
            if inner is not None and not isinstance(inner, pg.String | pg.TypeName):
                parts.append(reader.read(inner))
    return Meaning(None, worst(*(part.volatility for part in parts)))


def _function(reader: Reader, node: Any) -> Meaning:
    return calls.function(reader, node)


def _operator(reader: Reader, node: Any) -> Meaning:
    return calls.expression(reader, node)


def _named_argument(reader: Reader, node: Any) -> Meaning:
    return reader.read(node.arg)


def _xml(reader: Reader, node: Any) -> Meaning:
    for item in (*node.args, *node.named_args):
        other(reader, unwrap(item))
    return Meaning(builtin_type("bool" if node.op == pg.IS_DOCUMENT else "xml"), Volatility.STABLE)


READERS: dict[type, Callable[[Reader, Any], Meaning]] = {
    pg.A_Const: _constant,
    pg.ColumnRef: _column,
    pg.ParamRef: _parameter,
    pg.TypeCast: _cast,
    pg.A_ArrayExpr: _array,
    pg.BoolExpr: _boolean,
    pg.NullTest: _truth_test,
    pg.BooleanTest: _truth_test,
    pg.CaseExpr: _case,
    pg.CoalesceExpr: _coalesce,
    pg.MinMaxExpr: _coalesce,
    pg.SQLValueFunction: _value_function,
    pg.RowExpr: _row,
    pg.CollateClause: _collate,
    pg.A_Indirection: _indirection,
    pg.SubLink: _sublink,
    pg.FuncCall: _function,
    pg.A_Expr: _operator,
    pg.NamedArgExpr: _named_argument,
    pg.XmlExpr: _xml,
    pg.SetToDefault: _default,
    pg.JsonObjectConstructor: _json_constructor,
    pg.JsonArrayConstructor: _json_constructor,
    pg.JsonArrayQueryConstructor: _json_constructor,
    pg.JsonParseExpr: _json_constructor,
    pg.JsonScalarExpr: _json_constructor,
    pg.JsonSerializeExpr: _json_constructor,
    pg.JsonFuncExpr: _json_constructor,
    pg.JsonIsPredicate: _json_constructor,
}
"""Sort of node → the function that reads it."""
