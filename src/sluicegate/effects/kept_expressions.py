"""Expressions as the catalogs keep them: with the types that analysis gave to literals and operands written out.

When a type change makes the server build a check or an index again, it reads the definition it kept, not the text that
was once typed: ``v <> ''`` over a varchar has become ``(v)::text <> ''::text``, which also holds for an integer.
Source: ``get_oper_expr`` and ``get_func_expr`` in PostgreSQL's ruleutils.c, which show implicit casts of operands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.overloads import Ambiguous, choose_function, choose_operator, find_functions, find_operators
from sluicegate.catalog.polymorphism import POLYMORPHIC, UNKNOWN
from sluicegate.catalog.types import from_key
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.statements.nodes import qualified, strings, unwrap, wrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation, SqlType
    from sluicegate.effects.context import Context

_OPERATORS = frozenset(
    {pg.AEXPR_OP, pg.AEXPR_LIKE, pg.AEXPR_ILIKE, pg.AEXPR_DISTINCT, pg.AEXPR_NOT_DISTINCT, pg.AEXPR_NULLIF}
)
_BETWEEN = frozenset({pg.AEXPR_BETWEEN, pg.AEXPR_NOT_BETWEEN})


def kept(context: Context, relation: Relation, node: Any) -> Any:
    """Return an expression over a table as it is kept.

    Args:
        context: the schema in which it was written, before the change.
        relation: the table in that schema.
        node: the expression as written.
    """
    copy = pg.Node()
    copy.CopyFrom(wrap(unwrap(node)))
    _Writer(context, relation).write(copy)
    return copy


class _Writer:
    def __init__(self, context: Context, relation: Relation) -> None:
        self.context, self.relation = context, relation

    def write(self, node: Any) -> None:
        """Write casts into a tree, operands before operators; types are taken from the tree as it was."""
        inner = unwrap(node)
        match inner:
            case pg.BoolExpr():
                for argument in inner.args:
                    self.write(argument)
            case pg.NullTest() | pg.BooleanTest() | pg.TypeCast() | pg.CollateClause():
                self.write(inner.arg)
            case pg.FuncCall():
                self._function(inner)
            case pg.A_Expr() if inner.kind in _OPERATORS:
                self._operator(inner)
            case pg.A_Expr() if inner.kind in _BETWEEN or inner.kind == pg.AEXPR_IN:
                self._list(inner)
            case _:
                return

    def _type(self, node: Any) -> SqlType | None:
        return read_expression(self.context, node, Place.CHECK, relation=self.relation).type

    def _operator(self, node: Any) -> None:
        sides = [getattr(node, side) for side in ("lexpr", "rexpr") if node.HasField(side)]
        types = [self._type(side) for side in sides]
        for side in sides:
            self.write(side)
        self._cast_all(
            self._chosen("=" if node.kind == pg.AEXPR_NULLIF else strings(node.name)[-1], types), sides, types
        )

    def _list(self, node: Any) -> None:
        """Write casts into ``x IN (…)`` and ``x BETWEEN … AND …``, which compare one operand with each of several."""
        items = unwrap(node.rexpr)
        if not isinstance(items, pg.List):
            return
        name = strings(node.name)[-1] if node.kind == pg.AEXPR_IN else "<="
        left = self._type(node.lexpr)
        self.write(node.lexpr)
        for number, item in enumerate(items.items):
            types = [left, self._type(item)]
            self.write(item)
            chosen = self._chosen(name, types)
            if chosen is not None:
                _cast(item, types[1], chosen[1], self.context)
                if number == len(items.items) - 1:
                    _cast(node.lexpr, left, chosen[0], self.context)

    def _function(self, node: Any) -> None:
        types = [self._type(argument) for argument in node.args]
        for argument in node.args:
            self.write(argument)
        if any(found is None for found in types):
            return
        schema, name = qualified(node.funcname)
        catalog, version = self.context.catalog, self.context.version
        candidates = find_functions(schema, name, catalog, self.context.search_path, version)
        try:
            chosen = choose_function(candidates, [found for found in types if found is not None], catalog, version)
        except Ambiguous:
            return
        self._cast_all(chosen.arguments if chosen is not None else None, list(node.args), types)

    def _chosen(self, name: str, types: list[SqlType | None]) -> tuple[str, ...] | None:
        known = [found for found in types if found is not None]
        if len(known) != len(types):
            return None
        candidates = find_operators(name, self.context.catalog, self.context.version)
        try:
            chosen = choose_operator(candidates, known, self.context.catalog, self.context.version)
        except Ambiguous:
            return None
        return chosen.arguments if chosen is not None else None

    def _cast_all(self, words: tuple[str, ...] | None, nodes: list[Any], types: list[SqlType | None]) -> None:
        if words is None or len(words) != len(nodes):
            return
        other = next((found for found in types if found not in {None, UNKNOWN}), None)
        for node, found, word in zip(nodes, types, words, strict=True):
            if word in POLYMORPHIC or word in {"any", "anyelement"}:
                if found == UNKNOWN and other is not None:
                    _write_cast(node, other)
            else:
                _cast(node, found, word, self.context)


def _cast(node: Any, found: SqlType | None, word: str, context: Context) -> None:
    """Write a cast to an operand's declared type, unless it is of that type already."""
    if found is None or word in POLYMORPHIC or word == "any":
        return
    target = from_key(word, context.catalog)
    if found.name != target.name or found.array != target.array:
        _write_cast(node, target)


def _write_cast(node: Any, target: SqlType) -> None:
    inner = pg.Node()
    inner.CopyFrom(node)
    node.Clear()
    node.type_cast.arg.CopyFrom(inner)
    for part in target.name:
        node.type_cast.type_name.names.add().string.sval = part
    node.type_cast.type_name.typemod = -1
    if target.array:
        node.type_cast.type_name.array_bounds.add().integer.ival = -1
