"""Reads an expression tree as the server's analyser and planner would: types, overloads, volatility, errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.casts import CastContext, CastMethod, CastPath, find_cast, length_coercion, worst
from sluicegate.catalog.expressions.constructs import READERS, other
from sluicegate.catalog.expressions.literals import check_literal, check_modifiers
from sluicegate.catalog.expressions.meaning import Invalid, Meaning, Notes, Place
from sluicegate.catalog.extensions import only_known
from sluicegate.catalog.model import SqlType, Volatility
from sluicegate.catalog.polymorphism import UNKNOWN, common_type
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, builtin_type, display, find_type, written
from sluicegate.statements.nodes import string, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sluicegate.catalog.model import Catalog, Relation

_BOOL = builtin_type("bool")
_REGCLASS, _BIT, _VARBIT = builtin_type("regclass"), builtin_type("bit"), builtin_type("varbit")
_TEXT, _VARCHAR = builtin_type("text"), builtin_type("varchar")
_IDENTIFIER = re.compile(r'"([^"]+)"|([^".\s]+)')


class Reader:
    """Reads expressions over one schema.

    Attributes:
        notes: columns used and things not known, gathered over all expressions read.
    """

    def __init__(
        self,
        catalog: Catalog,
        search_path: Iterable[str],
        version: int,
        *,
        columns: Callable[[tuple[str, ...], Notes], SqlType | None],
        place: Place = Place.QUERY,
        parameters: tuple[Meaning, ...] = (),
        subquery: Callable[[Any], SqlType | None] | None = None,
        depth: int = 0,
        evaluated: bool = True,
    ) -> None:
        """Build a reader.

        Args:
            catalog: the schema.
            search_path: schemas of unqualified names.
            version: the server's major version.
            columns: the type behind a column reference, given its parts; it raises ``Invalid`` for one that the
                place does not have, and gives None for one that is not known.
            place: where the expressions stand.
            parameters: what ``$1``, ``$2`` … stand for, in an SQL function's body.
            subquery: reads a query inside an expression and gives the type of its first column.
            depth: how many SQL functions are being inlined around this expression.
            evaluated: False for an expression that the statement only stores; a constant that does not fit its
                type's modifiers is then noted in ``notes.failures`` instead of refused.
        """
        self.catalog = catalog
        self.search_path = tuple(search_path)
        self.version = version
        self.place = place
        self.parameters = parameters
        self.depth = depth
        self.evaluated = evaluated
        self.notes = Notes()
        self.column = columns
        self.subquery = subquery

    # -- the door ------------------------------------------------------------------------------------------------

    def read(self, node: Any) -> Meaning:
        """Return what an expression means.

        Raises:
            Invalid: the server rejects it.
        """
        inner = unwrap(node)
        read: Callable[[Reader, Any], Meaning] = READERS.get(inner.__class__, other)
        return read(self, inner)

    def assigned(self, node: Any, target: SqlType) -> Meaning:
        """Return what an expression means once it is stored in a column of this type, as a default is.

        Raises:
            Invalid: the server rejects it; 42804 when its type cannot be assigned.
        """
        return self.coerce(self.read(node), target, CastContext.ASSIGNMENT)

    def condition(self, node: Any, what: str = "WHERE") -> Meaning:
        """Return what an expression means where a truth value is wanted.

        Raises:
            Invalid: the server rejects it; 42804 when it is no truth value.
        """
        found = self.read(node)
        if found.type is not None and found.type != UNKNOWN and base_type(found.type, self.catalog) != _BOOL:
            raise Invalid("42804", f"argument of {what} must be type boolean, not type {display(found.type)}")
        return self.coerce(found, _BOOL, CastContext.IMPLICIT)

    # -- coercion ------------------------------------------------------------------------------------------------

    def coerce(self, found: Meaning, target: SqlType, context: CastContext) -> Meaning:
        """Return an expression's meaning as another type, within what a context allows.

        Raises:
            Invalid: there is no such cast (42804 in an assignment, 42846 where it is written out), or a literal is
                no value of the type.
        """
        if found.null and found.type == UNKNOWN:
            return Meaning(target, found.volatility, constant=True, null=True)
        if found.type == UNKNOWN and found.literal is not None:
            check_literal(found.literal, target, self.catalog)
            if base_type(target, self.catalog) == _REGCLASS:
                self._check_relation(found.literal)
            self._check_modifiers(found.literal, target, context)
            facts = type_facts(target, self.catalog)
            if not facts.known:
                self.notes.unknown(f"what the input function of type {display(target)} does is not known")
            return Meaning(target, Volatility.IMMUTABLE, constant=True, literal=found.literal)
        if found.type is None or found.type == UNKNOWN:
            return Meaning(target, worst(found.volatility, self._cast_of_unknown(found)), found.constant)
        if found.fields is not None and (row := self.catalog.relations.get(base_type(target, self.catalog).name)):
            self._check_row(found.fields, row, target, context)
        path = find_cast(found.type, target, self.catalog, self.version)
        if path is None or path.context > context:
            self._refuse_cast(found.type, target, context, path)
            return Meaning(target, None)
        if found.literal is not None and found.type in (_BIT, _VARBIT):
            self._check_modifiers(found.literal, target, context)
        if found.literal is not None and path.method is CastMethod.TEXT and found.type in (_TEXT, _VARCHAR):
            self._check_text(found.literal, target, context)
        volatility = worst(found.volatility, path.volatility, self._length(found.type, target, path))
        folded = found.constant and volatility is Volatility.IMMUTABLE
        # A function makes another text of the value: 1.5 is 2 as an integer.
        same = folded and path.method is not CastMethod.FUNCTION
        return Meaning(target, volatility, folded, found.literal if same else None, found.null and folded)

    def _check_modifiers(self, literal: str, target: SqlType, context: CastContext) -> None:
        try:
            check_modifiers(literal, target, self.catalog, explicit=context is CastContext.EXPLICIT)
        except Invalid as invalid:
            if self.evaluated:
                raise
            self.notes.failures.append(invalid)

    def _check_text(self, literal: str, target: SqlType, context: CastContext) -> None:
        """Refuse a text constant that is no value of the type it is cast to, once it is evaluated."""
        try:
            check_literal(literal, target, self.catalog)
            check_modifiers(literal, target, self.catalog, explicit=context is CastContext.EXPLICIT)
        except Invalid as invalid:
            if self.evaluated:
                raise
            self.notes.failures.append(invalid)

    def _check_row(self, fields: tuple[Meaning, ...], row: Relation, target: SqlType, context: CastContext) -> None:
        """Refuse a ROW(…) whose fields do not become a row type's one by one (``coerce_record_to_complex``)."""
        refused = Invalid("42846", f"cannot cast type record to {display(target)}")
        if target.array or len(fields) != len(row.columns):
            raise refused
        for field, column in zip(fields, row.columns.values(), strict=True):
            try:
                self.coerce(field, column.type, context)
            except Invalid as invalid:
                raise (refused if invalid.sqlstate in {"42804", "42846"} else invalid) from None

    def _check_relation(self, literal: str) -> None:
        """Refuse the name of a relation that is not there (``regclassin``)."""
        parts = [quoted or plain.lower() for quoted, plain in _IDENTIFIER.findall(literal)]
        if not self.catalog.complete or literal.strip().isdigit() or literal.strip() == "-" or len(parts) > 2:
            return
        schema, name = (parts[-2] if len(parts) > 1 else None), parts[-1] if parts else ""
        if schema in {None, "pg_catalog"} and name in builtins(self.version).relations:
            return
        if schema in {"information_schema", "pg_toast", "pg_catalog"}:
            return
        path = self.search_path
        if (
            self.catalog.find_relation(schema, name, path) is None
            and self.catalog.find_index(schema, name, path) is None
        ):
            raise Invalid("42P01", f'relation "{literal}" does not exist')

    def _cast_of_unknown(self, found: Meaning) -> Volatility | None:
        return None if found.type is None else Volatility.IMMUTABLE

    def _length(self, source: SqlType, target: SqlType, path: CastPath) -> Volatility | None:
        if not base_type(target, self.catalog).modifiers or source.modifiers == target.modifiers:
            return Volatility.IMMUTABLE
        return length_coercion(target, self.catalog, self.version) or path.volatility

    def _refuse_cast(self, source: SqlType, target: SqlType, context: CastContext, path: CastPath | None) -> None:
        both_known = type_facts(source, self.catalog).known and type_facts(target, self.catalog).known
        if path is None and not (both_known and only_known(self.catalog)):
            self.notes.unknown(f"whether {display(source)} can be cast to {display(target)} is not known")
            return
        if context is CastContext.EXPLICIT:
            raise Invalid("42846", f"cannot cast type {display(_plain(source))} to {display(_plain(target))}")
        raise Invalid("42804", f"type {display(_plain(target))} is wanted, but the expression is {display(source)}")

    def common(self, parts: list[Meaning], what: str) -> tuple[SqlType | None, Volatility | None]:
        """Return the type that several expressions share, and the volatility of all of them as that type.

        Raises:
            Invalid: they have none (42804).
        """
        volatility = worst(*(part.volatility for part in parts))
        if any(part.type is None for part in parts):
            return None, volatility
        types = [part.type for part in parts if part.type is not None]
        found = common_type(types, self.catalog, self.version)
        if found is None:
            names = [display(_plain(one)) for one in dict.fromkeys(types) if one != UNKNOWN]
            raise Invalid("42804", f"{what} types {names[0]} and {names[-1]} cannot be matched")
        coerced = [self.coerce(part, found, CastContext.IMPLICIT) for part in parts]
        return found, worst(volatility, *(part.volatility for part in coerced))

    def type(self, type_name: Any) -> SqlType | None:
        """Return the type that a ``TypeName`` means; None, and a note, when it is not known.

        Raises:
            Invalid: it does not exist (42704).
        """
        target = find_type(type_name, self.catalog, self.search_path)
        if target is None:
            if only_known(self.catalog):
                raise Invalid("42704", f'type "{written(type_name)}" does not exist')
            self.notes.unknown(f"the type {written(type_name)} is not in the schema that was given")
        return target

    def qualified(self, names: Any) -> tuple[str | None, str]:
        """Return schema and name of a function's or operator's name list."""
        parts = [string(item) for item in names]
        return (parts[-2] if len(parts) > 1 else None), parts[-1]


def _plain(found: SqlType) -> SqlType:
    return SqlType(found.name, array=found.array)
