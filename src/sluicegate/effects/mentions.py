"""Which functions, types, tables and sequences a parse tree mentions, as ``recordDependencyOnExpr`` would note them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import VECTOR, builtins
from sluicegate.catalog.model import Name, RelationKind
from sluicegate.catalog.types import find_type
from sluicegate.statements.nodes import qualified, string, strings, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Function

_VECTOR_OPERATORS = frozenset({"<->", "<#>", "<=>", "<+>", "<~>", "<%>"})


@dataclass(frozen=True, slots=True)
class Mentioned:
    """What a tree mentions of the user's and pgvector's objects.

    ``names`` are all names without schema that were looked up, also those that meant none of the user's objects.
    """

    functions: tuple[Function, ...] = ()
    types: tuple[Name, ...] = ()
    relations: tuple[Name, ...] = ()
    sequences: tuple[Name, ...] = ()
    vector: bool = False
    names: frozenset[str] = frozenset()


class Mentions:
    """Reads trees against a catalog."""

    def __init__(self, catalog: Catalog, search_path: tuple[str, ...]) -> None:
        self._catalog = catalog
        self._path = search_path
        self._vector = VECTOR in catalog.extensions

    def of(self, node: Any) -> Mentioned:
        """Return what a tree mentions."""
        functions: list[Function] = []
        types: list[Name] = []
        sequences: list[Name] = []
        vector = False
        names: set[str] = set()
        for call in walk_kinds(node, pg.FuncCall):
            found = self._functions(call)
            names.add(strings(call.funcname)[-1])
            functions += found
            if not found:
                vector = vector or self._from_vector(call)
            sequences += self._sequence(call, names)
        for cast in walk_kinds(node, pg.TypeCast):
            names |= _looked_up(cast.type_name)
            sql_type = find_type(cast.type_name, self._catalog, self._path)
            if sql_type is not None and sql_type.name in self._catalog.types:
                types.append(sql_type.name)
        for expression in walk_kinds(node, pg.A_Expr):
            name = strings(expression.name)[-1] if expression.name else ""
            vector = vector or (self._vector and name in _VECTOR_OPERATORS)
        relations = []
        for variable in walk_kinds(node, pg.RangeVar):
            names.add(variable.relname)
            if (relation := self._catalog.find_relation(*qualified(variable), self._path)) is not None:
                relations.append(relation.name)
        return Mentioned(
            tuple(functions), tuple(types), tuple(relations), tuple(sequences), vector, names=frozenset(names)
        )

    def _functions(self, call: Any) -> list[Function]:
        """Return the user's functions that a call may mean, by name and number of arguments."""
        schema, base = qualified(call.funcname)
        for candidate in (schema,) if schema else self._path:
            named = self._catalog.functions.get(Name(candidate, base), ())
            fitting = [
                function
                for function in named
                if function.variadic
                or len(function.argument_types) - function.defaults <= len(call.args) <= len(function.argument_types)
            ]
            if fitting:
                return fitting
        return []

    def _from_vector(self, call: Any) -> bool:
        if not self._vector:
            return False
        _, base = qualified(call.funcname)
        candidates = builtins(self._catalog.version).functions(base)
        return bool(candidates) and all(candidate.from_vector for candidate in candidates)

    def _sequence(self, call: Any, names: set[str]) -> list[Name]:
        if strings(call.funcname)[-1] not in {"nextval", "currval", "setval"} or not call.args:
            return []
        for constant in walk_kinds(call.args[0], pg.A_Const):
            parts = [part.strip('"') for part in string(constant).split(".")]
            names.add(parts[-1])
            found = self._catalog.find_relation(parts[-2] if len(parts) > 1 else None, parts[-1], self._path)
            if found is not None and found.kind is RelationKind.SEQUENCE:
                return [found.name]
        return []


def _looked_up(type_name: Any) -> set[str]:
    """Return the names under which ``find_type`` looks for a type: its own, an array's element, a column's table."""
    parts = strings(type_name.names)
    return {*parts, parts[-1].removeprefix("_")} if parts else set()
