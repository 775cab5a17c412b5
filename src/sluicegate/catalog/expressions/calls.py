"""Calls of functions and operators inside an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.casts import CastContext, CastMethod, find_cast, worst
from sluicegate.catalog.expressions.inlining import inlined
from sluicegate.catalog.expressions.meaning import Invalid, Meaning
from sluicegate.catalog.extensions import only_known
from sluicegate.catalog.model import Name, SqlType, Volatility
from sluicegate.catalog.overloads import Ambiguous, choose_function, choose_operator, find_functions, find_operators
from sluicegate.catalog.polymorphism import POLYMORPHIC, SIMPLE, UNKNOWN, common_type, elements, result_type
from sluicegate.catalog.type_facts import element_type, type_facts
from sluicegate.catalog.types import builtin_type, display, find_type, from_key, key_of
from sluicegate.statements.nodes import strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.expressions.reader import Reader
    from sluicegate.catalog.overloads import Routine

_BOOL, _TEXT = builtin_type("bool"), builtin_type("text")


def function(reader: Reader, node: Any) -> Meaning:
    """Return what a function call means."""
    schema, name = reader.qualified(node.funcname)
    arguments = [reader.read(item) for item in node.args]
    for extra in (*node.agg_order, node.agg_filter):
        inner = unwrap(extra)
        if inner is not None and inner.ListFields():
            reader.read(inner.node if isinstance(inner, pg.SortBy) else inner)
    if node.agg_within_group:
        arguments += [reader.read(item.sort_by.node) for item in node.agg_order]
    candidates = find_functions(schema, name, reader.catalog, reader.search_path, reader.version)
    volatility = worst(*(argument.volatility for argument in arguments))
    shown = _signature(f"{schema}.{name}" if schema else name, arguments)
    if any(argument.type is None for argument in arguments):
        return _not_typed(reader, candidates, arguments, shown)
    types = [argument.type for argument in arguments if argument.type is not None]
    if node.func_variadic and types and types[-1].array:
        types = [*types[:-1], types[-1]]
    named = any(isinstance(unwrap(item), pg.NamedArgExpr) for item in node.args)
    if not named and not _exact(candidates, types, reader):
        cast = _function_style_cast(reader, node, arguments)
        if cast is not None:
            return cast
    try:
        chosen = _chosen(candidates, types, reader, node, named=named)
    except Ambiguous:
        raise Invalid("42725", f"function {shown} is not unique") from None
    if chosen is None:
        if not only_known(reader.catalog):
            reader.notes.unknown(f"the function {shown} is not in the schema that was given")
            return Meaning(None, None)
        raise Invalid("42883", f"function {shown} does not exist")
    _check_place(reader, node, chosen)
    coerced = arguments if named else _coerced(reader, arguments, chosen)
    volatility = worst(volatility, *(part.volatility for part in coerced))
    found = _result(reader, chosen, types)
    if name == "nextval" and chosen.user is None:
        return Meaning(found, Volatility.VOLATILE)
    constant = all(part.constant for part in coerced) and chosen.volatility is Volatility.IMMUTABLE
    if chosen.strict and chosen.kind == "f" and any(part.null for part in coerced) and not chosen.returns_set:
        return Meaning(found, Volatility.IMMUTABLE, constant=True, null=True)
    if chosen.body is not None:
        body = inlined(reader, chosen, coerced, found)
        if body is not None:
            return Meaning(found, body.volatility, body.constant)
    return Meaning(found, worst(volatility, chosen.volatility), constant)


def _exact(candidates: list[Routine], types: list[SqlType], reader: Reader) -> bool:
    keys = tuple(key_of(SqlType(found.name, array=found.array), reader.catalog) for found in types)
    return any(candidate.arguments == keys for candidate in candidates)


def _chosen(
    candidates: list[Routine], types: list[SqlType], reader: Reader, node: Any, *, named: bool
) -> Routine | None:
    if node.agg_star:
        return next((candidate for candidate in candidates if candidate.kind in "aw"), None)
    if node.func_variadic:
        # The array is passed as it is, so the signature is not spread.
        from dataclasses import replace

        candidates = [replace(candidate, spread=False) for candidate in candidates if candidate.spread]
    return choose_function(candidates, types, reader.catalog, reader.version, named=named)


def _signature(name: str, arguments: list[Meaning]) -> str:
    shown = (display(SqlType(a.type.name, array=a.type.array)) if a.type is not None else "?" for a in arguments)
    return f"{name}({', '.join(shown)})"


def _not_typed(reader: Reader, candidates: list[Routine], arguments: list[Meaning], shown: str) -> Meaning:
    """Read a call with an argument whose type is not known: certain only as far as every candidate agrees."""
    volatility = worst(*(argument.volatility for argument in arguments))
    count = len(arguments)
    fitting = [
        candidate
        for candidate in candidates
        if candidate.spread or candidate.required <= count <= len(candidate.arguments)
    ]
    if not fitting:
        if only_known(reader.catalog):
            raise Invalid("42883", f"function {shown} does not exist")
        reader.notes.unknown(f"the function {shown} is not in the schema that was given")
        return Meaning(None, None)
    volatilities = {candidate.volatility for candidate in fitting}
    returns = {candidate.returns for candidate in fitting}
    found = None
    if len(returns) == 1 and (word := returns.pop()) is not None and word not in POLYMORPHIC:
        found = from_key(word, reader.catalog)
    own = volatilities.pop() if len(volatilities) == 1 else None
    if own is None:
        reader.notes.unknown(f"which function {shown} means is not known")
    return Meaning(found, worst(volatility, own))


def _check_place(reader: Reader, node: Any, chosen: Routine) -> None:
    if reader.place.allows_queries:
        return
    where = reader.place.value[1]
    if chosen.kind == "p":
        raise Invalid("42809", f"{chosen.name.name} is a procedure")
    if node.HasField("over"):
        raise Invalid("42P20", f"window functions are not allowed in {where}")
    if chosen.kind == "a":
        raise Invalid("42803", f"aggregate functions are not allowed in {where}")
    if chosen.kind == "w":
        raise Invalid("42P20", f"window functions are not allowed in {where}")
    if chosen.returns_set:
        raise Invalid("0A000", f"set-returning functions are not allowed in {where}")


def _coerced(reader: Reader, arguments: list[Meaning], chosen: Routine) -> list[Meaning]:
    types = [argument.type for argument in arguments if argument.type is not None]
    coerced = []
    for argument, word in zip(arguments, chosen.arguments, strict=False):
        if word in {"any", *POLYMORPHIC}:
            target = _polymorphic_target(reader, word, chosen, types)
            if argument.type == UNKNOWN and target is not None:
                coerced.append(reader.coerce(argument, target, CastContext.IMPLICIT))
            else:
                coerced.append(argument)
        else:
            coerced.append(reader.coerce(argument, from_key(word, reader.catalog), CastContext.IMPLICIT))
    return coerced


def _polymorphic_target(reader: Reader, word: str, chosen: Routine, types: list[SqlType]) -> SqlType | None:
    if word == "any":
        return None
    return result_type(word, chosen.arguments, types, reader.catalog, reader.version)


def _result(reader: Reader, chosen: Routine, types: list[SqlType]) -> SqlType | None:
    if chosen.returns is None:
        return builtin_type("void")
    polymorphic = bool(SIMPLE & set(chosen.arguments))
    if polymorphic and UNKNOWN in types and not elements(chosen.arguments, types, SIMPLE, reader.catalog):
        raise Invalid("42804", "could not determine polymorphic type because input has type unknown")
    found = result_type(chosen.returns, chosen.arguments, types, reader.catalog, reader.version)
    if found is None and chosen.returns in POLYMORPHIC and UNKNOWN in types:
        raise Invalid("42804", "could not determine polymorphic type because input has type unknown")
    return found


def _function_style_cast(reader: Reader, node: Any, arguments: list[Meaning]) -> Meaning | None:
    """Read ``typename(x)``, which is a cast where no function of the name takes x (``func_get_detail``)."""
    if len(arguments) != 1:
        return None
    target = find_type(pg.TypeName(names=node.funcname, typemod=-1), reader.catalog, reader.search_path)
    source = arguments[0].type
    if target is None or source is None:
        return None
    if source != UNKNOWN:
        path = find_cast(source, target, reader.catalog, reader.version)
        if path is None or path.method not in {CastMethod.SAME, CastMethod.BINARY, CastMethod.TEXT}:
            return None
    return reader.coerce(arguments[0], target, CastContext.EXPLICIT)


# -- operators -----------------------------------------------------------------------------------------------------


def expression(reader: Reader, node: Any) -> Meaning:
    """Return what an ``A_Expr`` means: an operator or one of the constructs made of operators."""
    names = strings(node.name)
    match node.kind:
        case pg.AEXPR_OP_ANY | pg.AEXPR_OP_ALL:
            return _against_array(reader, names[-1], node)
        case pg.AEXPR_IN:
            return _in_list(reader, names[-1], node)
        case pg.AEXPR_BETWEEN | pg.AEXPR_NOT_BETWEEN | pg.AEXPR_BETWEEN_SYM | pg.AEXPR_NOT_BETWEEN_SYM:
            subject = reader.read(node.lexpr)
            bounds = [reader.read(item) for item in unwrap(node.rexpr).items]
            parts = [operator(reader, ">=", [subject, bounds[0]]), operator(reader, "<=", [subject, bounds[1]])]
            return Meaning(_BOOL, worst(*(part.volatility for part in parts)))
        case pg.AEXPR_DISTINCT | pg.AEXPR_NOT_DISTINCT:
            found = _pair(reader, "=", node)
            return Meaning(_BOOL, found.volatility, found.constant)
        case pg.AEXPR_NULLIF:
            left = reader.read(node.lexpr)
            found = operator(reader, "=", [left, reader.read(node.rexpr)])
            return Meaning(_TEXT if left.type == UNKNOWN else left.type, found.volatility)
    if not node.HasField("lexpr"):
        return operator(reader, names[-1], [reader.read(node.rexpr)])
    return _pair(reader, names[-1], node)


def _pair(reader: Reader, name: str, node: Any) -> Meaning:
    left, right = unwrap(node.lexpr), unwrap(node.rexpr)
    if isinstance(left, pg.RowExpr) and isinstance(right, pg.RowExpr):
        if len(left.args) != len(right.args):
            raise Invalid("42601", "unequal number of entries in row expressions")
        parts = [
            operator(reader, name, [reader.read(one), reader.read(other)])
            for one, other in zip(left.args, right.args, strict=True)
        ]
        return Meaning(_BOOL, worst(*(part.volatility for part in parts)))
    return operator(reader, name, [reader.read(node.lexpr), reader.read(node.rexpr)])


def _against_array(reader: Reader, name: str, node: Any) -> Meaning:
    left = reader.read(node.lexpr)
    right = reader.read(node.rexpr)
    element: SqlType | None
    if right.type == UNKNOWN:
        element = left.type
    elif right.type is None:
        return Meaning(_BOOL, worst(left.volatility, right.volatility, None))
    else:
        element = element_type(right.type, reader.catalog)
        if element is None:
            raise Invalid("42809", "op ANY/ALL (array) requires array on right side")
    found = operator(reader, name, [left, Meaning(element, right.volatility)])
    return Meaning(_BOOL, found.volatility, left.constant and right.constant)


def _in_list(reader: Reader, name: str, node: Any) -> Meaning:
    right = unwrap(node.rexpr)
    if not isinstance(right, pg.List):
        return operator(reader, name, [reader.read(node.lexpr), reader.read(node.rexpr)])
    left_node = unwrap(node.lexpr)
    if isinstance(left_node, pg.RowExpr):
        parts = [reader.read(item) for item in (node.lexpr, *right.items)]
        return Meaning(_BOOL, worst(*(part.volatility for part in parts)))
    left = reader.read(node.lexpr)
    items = [reader.read(item) for item in right.items]
    known = [item.type for item in (left, *items) if item.type is not None]
    # Constants are compared as one array of the common type (transformAExprIn).
    shared = common_type(known, reader.catalog, reader.version) if len(known) == len(items) + 1 else None
    parts = []
    for item in items:
        if shared is not None and item.type == UNKNOWN:
            item = reader.coerce(item, shared, CastContext.IMPLICIT)
        parts.append(operator(reader, name, [left, item]))
    constant = left.constant and all(item.constant for item in items)
    return Meaning(_BOOL, worst(*(part.volatility for part in parts)), constant)


def operator(reader: Reader, name: str, operands: list[Meaning]) -> Meaning:
    """Return what an operator over operands means."""
    volatility = worst(*(operand.volatility for operand in operands))
    candidates = find_operators(name, reader.catalog, reader.version)
    if any(operand.type is None for operand in operands):
        return _untyped_operator(reader, name, operands, candidates)
    types = [operand.type for operand in operands if operand.type is not None]
    try:
        chosen = choose_operator(candidates, types, reader.catalog, reader.version)
    except Ambiguous:
        raise Invalid("42725", f"operator is not unique: {_shown(name, types)}") from None
    if chosen is None:
        known = all(type_facts(found, reader.catalog).known or found == UNKNOWN for found in types)
        if not (known and only_known(reader.catalog)):
            reader.notes.unknown(f"the operator {_shown(name, types)} is not in the schema that was given")
            return Meaning(None, None)
        raise Invalid("42883", f"operator does not exist: {_shown(name, types)}")
    coerced = _coerced(reader, operands, chosen)
    found = _result(reader, chosen, types)
    if chosen.body is not None:
        body = inlined(reader, chosen, coerced, found)
        if body is not None:
            return Meaning(found, body.volatility, body.constant)
    volatility = worst(volatility, chosen.volatility, *(part.volatility for part in coerced))
    constant = all(part.constant for part in coerced) and chosen.volatility is Volatility.IMMUTABLE
    null = chosen.strict and any(part.null for part in coerced)
    if null:
        return Meaning(found, Volatility.IMMUTABLE, constant=True, null=True)
    return Meaning(found, volatility, constant)


def _shown(name: str, types: list[SqlType]) -> str:
    words = [display(SqlType(found.name, array=found.array)) for found in types]
    return f"{name} {words[0]}" if len(words) == 1 else f"{words[0]} {name} {words[1]}"


def _untyped_operator(reader: Reader, name: str, operands: list[Meaning], candidates: list[Routine]) -> Meaning:
    volatility = worst(*(operand.volatility for operand in operands))
    fitting = [candidate for candidate in candidates if len(candidate.arguments) == len(operands)]
    known = [
        (number, Name(operand.type.name.schema, operand.type.name.name))
        for number, operand in enumerate(operands)
        if operand.type is not None and operand.type != UNKNOWN
    ]
    if known:
        # An operator that takes the known operand as it is, is the likeliest; all of them must agree anyway.
        same = [
            candidate
            for candidate in fitting
            if all(from_key(candidate.arguments[number], reader.catalog).name == name for number, name in known)
        ]
        fitting = same or fitting
    volatilities = {candidate.volatility for candidate in fitting}
    returns = {candidate.returns for candidate in fitting}
    own = volatilities.pop() if len(volatilities) == 1 else None
    if own is None:
        reader.notes.unknown(f"which operator {name} means is not known")
    word = returns.pop() if len(returns) == 1 else None
    found = from_key(word, reader.catalog) if word is not None and word not in POLYMORPHIC else None
    return Meaning(found, worst(volatility, own))
