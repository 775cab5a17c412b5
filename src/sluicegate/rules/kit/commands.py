"""The parts of an ALTER TABLE, each with the effects that it has by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.effects.predict import predict
from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Name
    from sluicegate.effects.model import Effects
    from sluicegate.rules.kit.step import Step


@dataclass(frozen=True, slots=True)
class Command:
    """One action of an ALTER TABLE.

    Attributes:
        kind: PostgreSQL's name for it, such as ``AT_AddColumn``.
        table: the table, with its schema.
        name: the column or constraint it names, empty where it names none.
        node: its parse tree.
        effects: what it would do as a statement of its own.
    """

    kind: str
    table: Name
    name: str
    node: Any
    effects: Effects

    @property
    def definition(self) -> Any:
        """Return what the action defines: a ``ColumnDef``, a ``Constraint``, or None."""
        node = getattr(self.node, "def")
        kind = node.WhichOneof("node")
        return getattr(node, kind) if kind else None


@dataclass(frozen=True, slots=True)
class AddedColumn:
    """A column that an ALTER TABLE adds."""

    command: Command
    name: str
    definition: Any

    @property
    def table(self) -> Name:
        """Return the table it is added to."""
        return self.command.table

    @property
    def effects(self) -> Effects:
        """Return what adding it would do as a statement of its own."""
        return self.command.effects

    @property
    def type_name(self) -> Any:
        """Return its type as a parse tree."""
        return self.definition.type_name

    @property
    def default(self) -> Any:
        """Return its DEFAULT expression, or None."""
        return self._expression("CONSTR_DEFAULT")

    @property
    def generated(self) -> Any:
        """Return the expression it is generated from, or None."""
        return self._expression("CONSTR_GENERATED")

    @property
    def generated_kind(self) -> str:
        """Return ``stored``, ``virtual`` or, when neither is written, an empty string."""
        for constraint in self._constraints("CONSTR_GENERATED"):
            return {"s": "stored", "v": "virtual"}.get(constraint.generated_kind, "")
        return ""

    @property
    def identity(self) -> bool:
        """Tell whether it is GENERATED … AS IDENTITY."""
        return self.has("CONSTR_IDENTITY")

    @property
    def serial(self) -> bool:
        """Tell whether it is a ``serial``: an integer with a sequence of its own."""
        names = strings(self.type_name.names)
        return (
            len(names) == 1 and "serial" in names[0] and names[0].strip("248") in {"serial", "bigserial", "smallserial"}
        )

    @property
    def not_null(self) -> bool:
        """Tell whether it may not hold NULL."""
        return self.has("CONSTR_NOTNULL") or self.has("CONSTR_PRIMARY") or self.identity or self.serial

    def has(self, constraint: str) -> bool:
        """Tell whether it carries a constraint of this ``ConstrType``."""
        return any(True for _ in self._constraints(constraint))

    def constraint(self, kind: str) -> Any:
        """Return its constraint of this ``ConstrType``, or None."""
        return next(self._constraints(kind), None)

    def _constraints(self, kind: str) -> Iterator[Any]:
        number = pg.ConstrType.Value(kind)
        for node in self.definition.constraints:
            if node.constraint.contype == number:
                yield node.constraint

    def _expression(self, kind: str) -> Any:
        for constraint in self._constraints(kind):
            return constraint.raw_expr if constraint.HasField("raw_expr") else None
        return None


def constraints_in(command: Command, kind: str) -> Iterator[Any]:
    """Yield the constraints of a ``ConstrType`` that a command adds, alone or with its column."""
    number = pg.ConstrType.Value(kind)
    definition = command.definition
    if isinstance(definition, pg.Constraint):
        if definition.contype == number:
            yield definition
    elif isinstance(definition, pg.ColumnDef):
        yield from (node.constraint for node in definition.constraints if node.constraint.contype == number)


def commands_of(step: Step, version: int, table: Name) -> tuple[Command, ...]:
    """Split a step's ALTER TABLE into its actions."""
    statement = step.statement
    if statement is None or statement.kind != "alter_table_stmt":
        return ()
    nodes = [node.alter_table_cmd for node in statement.node.cmds]
    found = []
    for node in nodes:
        effects = step.effects if len(nodes) == 1 else _alone(step, node, version)
        name = node.name
        definition = getattr(node, "def")
        if not name and definition.WhichOneof("node") == "column_def":
            name = definition.column_def.colname
        elif not name and definition.WhichOneof("node") == "constraint":
            name = definition.constraint.conname
        found.append(Command(pg.AlterTableType.Name(node.subtype), table, name, node, effects))
    return tuple(found)


def _alone(step: Step, command: Any, version: int) -> Effects:
    assert step.statement is not None  # noqa: S101 - the only caller has looked
    node = pg.AlterTableStmt()
    node.CopyFrom(step.statement.node)
    del node.cmds[:]
    node.cmds.add().alter_table_cmd.CopyFrom(command)
    return predict(replace(step.statement, node=node), step.before, step.session, version)
